"""How both databases are opened: one place for pragmas, migrations and transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations


def connect(path: Path, migrations: Migrations) -> Database:
    """Open, creating the file and applying what migrations are missing.

    Write-ahead logging lets Datasette read while a poll writes. Transactions are opened by hand
    (`transaction`), never by the driver.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    conn = sqlite3.connect(path, timeout=60, isolation_level=None)
    conn.execute("pragma journal_mode = wal")
    conn.execute("pragma synchronous = normal")
    db = Database(conn)
    migrations.apply(db)
    return db


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """All of the block's writes, or none; inside another transaction, part of that one."""
    if conn.in_transaction:
        yield
        return
    conn.execute("begin immediate")
    try:
        yield
    except BaseException:
        conn.execute("rollback")
        raise
    conn.execute("commit")
