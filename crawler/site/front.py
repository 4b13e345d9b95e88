"""What the front page shows: what is out, as far as is known; what was; how much is kept; one question answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from crawler.database import dicts
from crawler.records import Severity, instant, stamp
from crawler.site import chart
from crawler.site.incident import Interval, Story, zone_of

#: The newest look at anything.
NEWEST_LOOK = "select polled_at from polls order by polled_at desc, id limit 1"
#: What nobody says is over, and pages still have.
UNENDED = """ended_at is null and kind = 'outage' and vanished_at is null
    and (state is null or state in ('investigating', 'identified', 'monitoring'))"""
#: Open, and shown by a look since `:since`.
OPEN = f"""
    select i.id, v.name as vendor, title, severity, state, started_at, first_posted_at, last_seen_at
    from incidents i join vendors v on v.id = i.vendor
    where {UNENDED} and last_seen_at >= :since order by coalesce(started_at, first_posted_at) desc, i.id limit 30
"""
NEWEST = """
    select i.id, v.name as vendor, title, severity, started_at, ended_at, minutes
    from incidents i join vendors v on v.id = i.vendor
    where kind = 'outage' and started_at is not null order by started_at desc, i.id limit 10
"""
#: Those in most regions, the longest first; of the worst two severities, since a page may call a nuisance degraded.
GREATEST = """
    select i.id, v.name as vendor, title, severity, started_at, ended_at, minutes, regions_out as regions
    from incidents i join vendors v on v.id = i.vendor
    where kind = 'outage' and severity in ('partial_outage', 'major_outage') and regions_out > 0
    order by regions_out desc, minutes desc, i.id limit 10
"""
COUNTED = ("incidents", "outages", "updates", "revisions", "polls")
COUNTS = "select " + ", ".join(f"(select count(*) from {table}) as {table}" for table in COUNTED)
SPAN = """
    select (select started_at from incidents where started_at is not null order by started_at limit 1) as first,
      (select started_at from incidents where started_at is not null order by started_at desc limit 1) as last
"""
SOURCES = """
    select count(*) as sources, count(distinct vendor) as vendors, coalesce(sum(last_polled_at >= :since), 0) as looked,
      coalesce(sum(last_polled_at >= :since and last_outcome in ('new', 'same', 'not-modified')), 0) as answered
    from sources where polled
"""

#: The question it was built from, and the service by which it is answered.
SHOWCASE, SERVICE = "alibaba:16", "console"
#: What was not shown for so long is not known to be out still.
RECENT = timedelta(days=1)
#: A newest look older than this says nothing about now.
STALE = timedelta(hours=1)


class Answer(NamedTuple):
    """The showcase: which regions had the service back after how many minutes, the first on top."""

    id: str
    waves: list[tuple[str, float]]
    chart: chart.Chart
    zone: str


class Front(NamedTuple):
    """What is listed. `looked_at` is the newest look of the archive (None: none yet), `age` how long ago that was."""

    looked_at: str | None
    age: timedelta | None
    out: list[dict[str, Any]]
    newest: list[dict[str, Any]]
    greatest: list[dict[str, Any]]
    counts: dict[str, int]
    span: dict[str, str | None]
    sources: dict[str, int]
    answer: Answer | None

    @property
    def stale(self) -> bool:
        """Whether the newest look is too old to tell what is out now, or none of the last got an answer."""
        return self.age is None or self.age > STALE or not self.sources["answered"]


def front(conn: sqlite3.Connection, now: datetime, counts: Mapping[str, int] | None = None) -> Front:
    """Everything on the front page at that moment. `counts`: rows by table, where they are known."""
    cursor = dicts(conn)
    newest_look = cursor.execute(NEWEST_LOOK).fetchone()
    looked_at = newest_look and newest_look["polled_at"]
    since = stamp(instant(looked_at) - RECENT) if looked_at else "9999"
    return Front(
        looked_at=looked_at,
        age=now - instant(looked_at) if looked_at else None,
        out=cursor.execute(OPEN, {"since": since}).fetchall(),
        newest=cursor.execute(NEWEST).fetchall(),
        greatest=cursor.execute(GREATEST).fetchall(),
        counts={table: counts[table] for table in COUNTED} if counts else cursor.execute(COUNTS).fetchone(),
        span=cursor.execute(SPAN).fetchone(),
        sources=cursor.execute(SOURCES, {"since": since}).fetchone(),
        answer=_answer(conn),
    )


def _answer(conn: sqlite3.Connection) -> Answer | None:
    story = Story(conn, SHOWCASE)
    if story.incident is None:
        return None
    story.read()
    story.held = [
        Interval(row, [cell for cell in cells if cell[1] == SERVICE]) for row, cells in story.held if row["ended_at"]
    ]
    courses = [course for wave in story.waves() for course in wave.courses]
    waves, rows, told = [], [], 0
    for course in courses:
        regions = course.regions
        label = regions.text if not regions.folded else f"{'the other ' if told else ''}{regions.counted}"
        told += len(regions.ids)
        assert course.end
        assert course.minutes is not None
        waves.append((label, course.minutes))
        spell = chart.Spell(
            SERVICE,
            Severity(course.severity) if course.severity else None,
            instant(course.start.at),
            instant(course.end.at),
        )
        rows.append(chart.Row(label, None, [spell]))
    drawn = chart.draw(rows, [], zone_of(story.zone))
    return drawn and Answer(SHOWCASE, waves, drawn, story.zone)
