"""What is wrong with the watching: failing or silent sources, and what their readers did not understand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from crawler.coverage import GOOD, SLACK
from crawler.records import instant

#: Signals seen within this time are news; older ones have been looked at, or went away.
RECENT = timedelta(days=7)


class Finding(NamedTuple):
    """One thing to look at. Serious: the source is not being read."""

    source: str
    problem: str
    serious: bool


def findings(conn: sqlite3.Connection, now: datetime) -> list[Finding]:
    """All findings, failing sources first."""
    return [*_failing(conn), *_silent(conn, now), *_signals(conn, now)]


def _failing(conn: sqlite3.Connection) -> Iterator[Finding]:
    for source, outcome, at in conn.execute(
        "select id, last_outcome, last_polled_at from sources where polled and last_outcome is not null order by id"
    ):
        if outcome in GOOD:
            continue
        (error,) = conn.execute(
            "select error from polls where source = ? order by polled_at desc, id limit 1", (source,)
        ).fetchone()
        (good,) = conn.execute(
            "select max(polled_at) from polls where source = ? and outcome in ('new', 'same', 'not-modified')",
            (source,),
        ).fetchone()
        yield Finding(source, f"{outcome} at {at} ({error}); last read {good or 'never'}", serious=True)


def _silent(conn: sqlite3.Connection, now: datetime) -> Iterator[Finding]:
    for source, at, seconds in conn.execute(
        "select id, last_polled_at, interval_seconds from sources where polled order by id"
    ):
        if at is None:
            yield Finding(source, "never asked", serious=False)
        elif now - instant(at) > SLACK * timedelta(seconds=seconds):
            yield Finding(source, f"not asked since {at}", serious=False)


def _signals(conn: sqlite3.Connection, now: datetime) -> Iterator[Finding]:
    since = (now - RECENT).strftime("%Y-%m-%dT%H:%M:%SZ")
    for source, kind, place, detail, count, at in conn.execute(
        "select source, kind, place, detail, count, last_seen_at from signals where last_seen_at > ? order by source, kind, place, detail",
        (since,),
    ):
        yield Finding(source, f"{kind} {place}: {detail} ({count} times, last {at})", serious=False)
