"""A release of the archive: CSV files that are the same, to the byte, for the same captures."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
from pathlib import Path

from crawler.schema import VIEWS

TABLES = ("vendors", "regions", "services", "sources", "incidents", "updates", "revisions", "claims", "outages", "polls",
          "signals", "component_states", "watched", "vendor_months", "category_months", "region_months")  # fmt: skip

#: What a spreadsheet would take for a formula; vendors' text is not to be trusted. Numbers are none.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?\Z)")


def export(conn: sqlite3.Connection, directory: Path) -> dict[str, int]:
    """Write one file for each table and view, and `manifest.json`. Returns rows by name.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, as OWASP advises.
    """
    directory.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    manifest = {}
    conn.execute("begin")  # one moment for all files, whatever a poll writes meanwhile
    try:
        for name in (*TABLES, *VIEWS):
            path = directory / f"{name}.csv"
            counts[name] = _write(conn, name, path)
            manifest[name] = {"rows": counts[name], "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    finally:
        conn.execute("rollback")
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return counts


def _write(conn: sqlite3.Connection, name: str, path: Path) -> int:
    cursor = conn.execute(f"select * from [{name}]")
    columns = [column[0] for column in cursor.description]
    order = ", ".join(f"[{column}]" for column in columns)
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for row in conn.execute(f"select * from [{name}] order by {order}"):
            writer.writerow(inert(value) for value in row)
            rows += 1
    return rows


def inert(value: object) -> object:
    """The value of a cell of CSV; text that a spreadsheet would run has an apostrophe before it, as OWASP advises."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
