"""What a dashboard shows: its filters as they hold, and the rows of its charts.

Dashboards stand in `metadata.yml`, in the words of datasette-dashboards (0.8), which serves their pages; see docs/site.md.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import indent
from typing import Any

import msgspec
from datasette_dashboards import replace_opts_in_query

#: Filters that name something, and whether there is such a thing.
NAMES = {
    "incident": "select 1 from incidents where id = ?",
    "vendor": "select 1 from vendors where id = ?",
}
#: Filters that are months; as an end of a period a month is meant as a whole.
MONTHS = frozenset({"from", "until"})
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")

#: A dashboard or a chart as `metadata.yml` has it.
About = Mapping[str, Any]


class UnknownError(Exception):
    """A filter names what is not in the archive; says what."""


class Answer(msgspec.Struct, frozen=True):
    """The rows of one chart; `cut` when there are more than may be shown."""

    title: str
    note: str
    columns: list[str]
    rows: list[dict[str, Any]]
    cut: bool


class Shown(msgspec.Struct, frozen=True):
    """A dashboard or one chart of it: each filter as it holds, the rows by the names of the charts, and what a filter
    offers: values, and what they mean.
    """

    filters: dict[str, str]
    answers: dict[str, Answer]
    offers: dict[str, list[tuple[str, str]]]


def show(
    conn: sqlite3.Connection, dashboard: About, charts: Mapping[str, About], arguments: Mapping[str, str], most: int
) -> Shown:
    """These charts of a dashboard, `most` rows of each.

    Raises UnknownError for an incident or vendor there is not, ValueError for what is no month.
    """
    filters = given(conn, dashboard, arguments)
    check(conn, filters)
    wanted = {name: sql for chart in charts.values() for name, sql in shared(dashboard, chart).items()}
    with _made(conn, wanted, filters):
        answers = {name: answer(conn, chart, filters, most) for name, chart in charts.items()}
    every: Mapping[str, About] = dashboard.get("filters") or {}
    offers = {key: conn.execute(about["offered"]).fetchall() for key, about in every.items() if "offered" in about}
    return Shown(filters, answers, offers)


def shared(dashboard: About, chart: About) -> dict[str, str]:
    """What a chart reads of the queries that charts of its dashboard share (`shared`): SQL by name."""
    every: Mapping[str, str] = dashboard.get("shared") or {}
    return {name: sql for name, sql in every.items() if re.search(rf"\b{name}\b", chart.get("query") or "")}


def question(dashboard: About, chart: About) -> str:
    """The SQL of a chart as somebody may ask it who has nothing else: what it shares with others stands in it."""
    query: str = chart["query"]
    parts = [f"{name} as (\n{indent(sql, '  ')})" for name, sql in shared(dashboard, chart).items()]
    if not parts:
        return query
    rest = f",\n{query.removeprefix('with ')}" if query.startswith("with ") else f"\n{query}"
    return f"with {','.join(parts)}{rest}"


@contextmanager
def _made(conn: sqlite3.Connection, queries: Mapping[str, str], parameters: Mapping[str, str]) -> Iterator[None]:
    """Rows of these as tables, for as long as it takes: in SQLite's memory for this connection, also of a file that is
    only read. Whatever happens, they are gone afterwards: the connection will answer others.
    """
    conn.execute("savepoint shared")
    try:
        for name, sql in queries.items():
            conn.execute(f"create temp table {name} as {sql}", dict(parameters))
        yield
    finally:
        conn.execute("rollback to shared")
        conn.execute("release shared")


def given(conn: sqlite3.Connection, dashboard: About, arguments: Mapping[str, str]) -> dict[str, str]:
    """Each filter as it holds: as it was given, also when empty, else its default, else empty.

    `default_sql` of a filter asks the archive for it, and may name the filters before it.
    """
    values: dict[str, str] = {}
    filters: Mapping[str, About] = dashboard.get("filters") or {}
    for key, about in filters.items():
        default = about.get("default", "")
        if key not in arguments and "default_sql" in about:
            (default,) = conn.execute(about["default_sql"], values).fetchone()
        values[key] = str(arguments.get(key, default or "")).strip()
    return values


def check(conn: sqlite3.Connection, parameters: Mapping[str, str]) -> None:
    """Raises UnknownError for an incident or vendor there is not, ValueError for what is no month."""
    for key, value in parameters.items():
        if value and key in MONTHS and not _MONTH.fullmatch(value):
            raise ValueError(f"{key}: not a month such as 2026-01: {value}")
        if value and key in NAMES and not conn.execute(NAMES[key], (value,)).fetchone():
            raise UnknownError(f"There is no {key} {value}")


def answer(conn: sqlite3.Connection, chart: About, parameters: Mapping[str, str], most: int) -> Answer:
    """What the archive answers, `most` rows of it; nothing for a chart without a question."""
    title, note = str(chart.get("title") or ""), str(chart.get("note") or "")
    if not chart.get("query"):
        return Answer(title, note, [], [], cut=False)
    cursor = conn.execute(replace_opts_in_query(chart["query"], dict(parameters)), dict(parameters))
    columns = [column[0] for column in cursor.description]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchmany(most + 1)]
    return Answer(title, note, columns, rows[:most], cut=len(rows) > most)
