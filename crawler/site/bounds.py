"""What a question that somebody types may cost where the time limit does not reach: within one function of SQL, in memory.

SQLite looks at the clock between the steps of a statement. A single call can make a value of a gigabyte.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from datasette.database import Database
from datasette.views.base import DatasetteError

#: Bytes of one value; the longest that an archive holds is what a page showed of one incident. Bytes of all the rows of
#: an answer, as many as Datasette gives (`max_returned_rows`).
LONGEST, MOST = 16_000_000, 64_000_000
#: Signs of a pattern of LIKE or GLOB.
PATTERN = 1000
#: What a number counts for.
_NUMBER = 8


def bounded(conn: sqlite3.Connection) -> None:
    """Bound what one call of a function may make, and how long a pattern it may search with."""
    conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    conn.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN)


class _Bounded:
    """What Datasette's way to answer a question uses of a database, on connections that count what they give."""

    def __init__(self, database: Database) -> None:
        self.ds = database.ds
        self.name = database.name
        self._database = database

    async def execute_fn(self, fn: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run it, the rows counted."""
        return await self._database.execute_fn(partial(_counted, fn))


def bound_answers(database: Database) -> None:
    """From now on questions to the database are refused whose rows are larger than `MOST`: DatasetteError, status 400."""

    async def execute(*arguments: Any, **named: Any) -> Any:
        return await Database.execute(_Bounded(database), *arguments, **named)

    database.execute = execute


def _counted(fn: Callable[[sqlite3.Connection], Any], conn: sqlite3.Connection) -> Any:
    made, left = conn.row_factory, MOST

    def row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Any:
        nonlocal left
        left -= sum([len(v) if isinstance(v, str | bytes) else _NUMBER for v in values])
        if left < 0:
            raise DatasetteError(
                f"The answer has more than {MOST // 1_000_000} MB. Ask for fewer rows or columns.",
                title="Too large",
                status=400,
            )
        return sqlite3.Row(cursor, values)

    conn.row_factory = row
    try:
        return fn(conn)
    finally:
        conn.row_factory = made
