"""What a changed reader, catalog or rule would change: two archives of the same captures, row against row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crawler.database import dicts
from crawler.export import TABLES


class Change(NamedTuple):
    """One row that differs. `before` None: it is new; `after` None: it is gone. Columns that are equal are left out."""

    table: str
    key: str
    before: dict[str, object] | None
    after: dict[str, object] | None


def changes(old: Path, new: Path) -> Iterator[Change]:
    """Every row of the published tables that is not the same in both, table by table, in order of key."""
    conn = sqlite3.connect(f"file:{new}?mode=ro", uri=True)
    try:
        conn.execute("attach ? as old", (f"file:{old}?mode=ro",))
        there = {name for (name,) in conn.execute("select name from old.sqlite_master")}
        for table in TABLES:
            yield from _changed(conn, table, known=table in there)
    finally:
        conn.close()


def _changed(conn: sqlite3.Connection, table: str, known: bool) -> Iterator[Change]:
    info = conn.execute(f"pragma table_info([{table}])").fetchall()
    key = [row[1] for row in sorted((r for r in info if r[5]), key=lambda r: int(r[5]))]
    new = _rows(
        conn, "main", table, f"select * from main.[{table}] except select * from old.[{table}]" if known else None
    )
    old = _rows(conn, "old", table, f"select * from old.[{table}] except select * from main.[{table}]") if known else []
    before = {tuple(row[k] for k in key): row for row in old}
    after = {tuple(row[k] for k in key): row for row in new}
    for name in sorted(before.keys() | after.keys(), key=repr):
        was, now = before.get(name), after.get(name)
        if was is not None and now is not None:
            differ = [column for column in now if was.get(column) != now[column]]
            was, now = {c: was.get(c) for c in differ}, {c: now[c] for c in differ}
        yield Change(table, " ".join(str(part) for part in name), was, now)


def _rows(conn: sqlite3.Connection, schema: str, table: str, sql: str | None) -> list[dict[str, object]]:
    cursor = dicts(conn)
    try:
        cursor.execute(sql or f"select * from {schema}.[{table}]")
    except sqlite3.OperationalError:  # the columns are not the same ones: every row differs
        cursor.execute(f"select * from {schema}.[{table}]")
    return cursor.fetchall()
