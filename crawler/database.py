"""How both databases are opened: one place for pragmas, migrations and transactions."""

from __future__ import annotations

import fcntl
import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database, Migrations

#: Seconds to wait for another process that writes.
WAIT = 60


def connect(path: Path, migrations: Migrations, synchronous: str = "normal", page_size: int = 4096) -> Database:
    """Open, creating the file and applying what migrations are missing.

    `synchronous`: "full" where a commit must outlive a power loss, "normal" for what can be made again.
    `page_size`: bytes, of a file that does not exist yet.

    Write-ahead logging lets Datasette read while a poll writes. Transactions are opened by hand
    (`transaction`), never by the driver.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    conn = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
    conn.execute(f"pragma page_size = {page_size}")
    _write_ahead(conn)
    conn.execute(f"pragma synchronous = {synchronous}")
    db = Database(conn)
    if migrations.pending(db):
        with transaction(conn):  # one process does it, the others wait and find it done
            migrations.apply(db)
    return db


def _write_ahead(conn: sqlite3.Connection) -> None:
    """Take up write-ahead logging. SQLite does not wait for others who do so to a new file at the same time: we do."""
    until = time.monotonic() + WAIT
    while True:
        try:
            conn.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def dicts(conn: sqlite3.Connection) -> sqlite3.Cursor:
    """A cursor whose rows are dicts by the names of their columns."""
    cursor = conn.cursor()
    cursor.row_factory = lambda c, row: dict(zip((d[0] for d in c.description), row, strict=True))
    return cursor


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


class BusyError(Exception):
    """Somebody else holds the lock, and waiting was not wanted."""


@contextmanager
def alone(path: Path, *, wait: float = math.inf) -> Iterator[None]:
    """Hold the lock of a file, waiting so many seconds for whoever has it; then BusyError naming them. It ends with the
    process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait
    with path.open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait == math.inf else fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    lock.seek(0)
                    raise BusyError(f"{path} is held by process {lock.read().strip() or 'unknown'}") from None
            time.sleep(0.05)
        with suppress(OSError):  # who holds it is only said to people; a full disk is no reason not to
            lock.truncate(0)
            lock.write(f"{os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
            lock.flush()
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
