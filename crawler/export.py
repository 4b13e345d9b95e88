"""A release of the archive: CSV files that are the same, to the byte, for the same captures."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawler.database import BusyError
from crawler.schema import VIEWS

TABLES = ("vendors", "regions", "services", "sources", "incidents", "updates", "revisions", "claims", "outages", "polls",
          "signals", "component_states", "watched", "vendor_months", "category_months", "region_months")  # fmt: skip

#: Rows and digest of each file.
MANIFEST = "manifest.json"

#: What a spreadsheet would take for a formula; vendors' text is not to be trusted. Numbers are none.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?\Z)")


def export(conn: sqlite3.Connection, directory: Path) -> dict[str, int]:
    """Write one file for each table and view, and `manifest.json`. Returns rows by name.

    All are written aside and put in place at the end, the manifest last: where there is one, it is of the files beside
    it. An export that ends before leaves what was there, or, while files are put in place, no manifest. BusyError while
    somebody else exports here; OSError when it cannot be written.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, as OWASP advises.
    """
    with _held(directory), _begun(directory) as begun:
        counts: dict[str, int] = {}
        manifest = {}
        conn.execute("begin")  # one moment for all files, whatever a poll writes meanwhile
        try:
            for name in (*TABLES, *VIEWS):
                path = begun / f"{name}.csv"
                counts[name] = _write(conn, name, path)
                manifest[name] = {"rows": counts[name], "sha256": _settled(path)}
        finally:
            conn.execute("rollback")
        (begun / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        _sync(begun / MANIFEST)
        _put(begun, directory, [f"{name}.csv" for name in counts])
    return counts


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Hold the directory itself, for a file to hold would be one more in a release. It ends with the process."""
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another process exports into {directory}") from None
        yield
    finally:
        os.close(handle)


@contextmanager
def _begun(directory: Path) -> Iterator[Path]:
    """A directory for what is not finished; also one that a killed export left is removed. The lock is held."""
    begun = directory / ".begun"
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    try:
        yield begun
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _put(begun: Path, directory: Path, names: list[str]) -> None:
    """Replace the files of the last export. Each step is on the disk before the next: a power loss is an end like others."""
    (directory / MANIFEST).unlink(missing_ok=True)
    _sync(directory)
    for name in names:
        (begun / name).replace(directory / name)
    _sync(directory)
    (begun / MANIFEST).replace(directory / MANIFEST)
    _sync(directory)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a directory, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _settled(path: Path) -> str:
    """The digest of a file, which is on the disk afterwards."""
    _sync(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
