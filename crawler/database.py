"""How both databases are opened: one place for pragmas, migrations and transactions."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations


def connect(path: Path, migrations: Migrations, synchronous: str = "normal", page_size: int = 4096) -> Database:
    """Open, creating the file and applying what migrations are missing.

    `synchronous`: "full" where a commit must outlive a power loss, "normal" for what can be made again.
    `page_size`: bytes, of a file that does not exist yet.

    Write-ahead logging lets Datasette read while a poll writes. Transactions are opened by hand
    (`transaction`), never by the driver.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    conn = sqlite3.connect(path, timeout=60, isolation_level=None)
    conn.execute(f"pragma page_size = {page_size}")
    conn.execute("pragma journal_mode = wal")
    conn.execute(f"pragma synchronous = {synchronous}")
    db = Database(conn)
    if migrations.pending(db):
        with transaction(conn):  # one process does it, the others wait and find it done
            migrations.apply(db)
    return db


#: What a mistake of ours, or data nobody thought of, raises; unlike a full disk or a lock, retrying does not help.
MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@contextmanager
def part(conn: sqlite3.Connection) -> Iterator[None]:
    """A part of a transaction that can be taken back on its own."""
    conn.execute("savepoint part")
    try:
        yield
    except BaseException:
        _take_back(conn, "rollback to part", "release part")
        raise
    conn.execute("release part")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of a file, waiting for whoever has it."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """All of the block's writes, or none; inside another transaction, part of that one."""
    if conn.in_transaction:
        yield
        return
    conn.execute("begin immediate")
    try:
        yield
        conn.execute("commit")
    except BaseException:
        _take_back(conn, "rollback")
        raise


def _take_back(conn: sqlite3.Connection, *statements: str) -> None:
    """Undo; a full disk may have made SQLite undo everything already."""
    if conn.in_transaction:
        for statement in statements:
            conn.execute(statement)
