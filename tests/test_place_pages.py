"""Pages of vendors, regions and services: days by severity, what is out now, intervals, availability, how it was told."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from datasette.app import Datasette
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler import schema
from crawler.coverage import unite
from crawler.database import connect
from crawler.site import place
from crawler.site.calendar import SCALE, Spell, months, shifted
from crawler.site.links import cell, place_page
from crawler.site.place import Page, tell
from crawler.site.plugins.places import percent
from crawler.site.server import opened
from tests.published import ask

MARKUP = "<script>alert(1)</script>"
#: The last look at the vendor, and a moment soon after it.
LOOKED, SOON = "2026-03-20T12:00:00Z", datetime(2026, 3, 20, 12, 30, tzinfo=UTC)


def incident(key: str, start: str | None, end: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": f"acme:{key}", "vendor": "acme", "key": key, "title": f"Trouble {key}", "kind": "outage",
        "severity": "partial_outage", "state": "resolved", "started_at": start, "ended_at": end, "start_basis": "stated",
        "end_basis": "stated" if end else None, "first_posted_at": start, "resolved_posted_at": end,
        "first_seen_at": start, "last_seen_at": LOOKED,
    } | more  # fmt: skip


#: What was out, with region and service of each interval; the interval is the incident's unless it has its own.
HAPPENED: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    # Before the last twelve months, reaching into them.
    (incident("old", "2025-03-20T10:00:00Z", "2025-04-02T09:00:00Z"), [{"region": "east", "service": "disk"}]),
    # Two services, one of them back sooner; the first word came 30 minutes late, and was changed after the end.
    (
        incident("both", "2026-01-10T10:00:00Z", "2026-01-11T02:00:00Z", severity="major_outage",
                 first_posted_at="2026-01-10T10:30:00Z", resolved_posted_at="2026-01-11T02:30:00Z"),
        [
            {"region": "east", "service": "disk", "severity": "partial_outage", "ended_at": "2026-01-10T11:00:00Z"},
            {"region": "east", "service": "net/dns", "severity": "major_outage"},
            {"region": "we/st", "service": "net/dns"},
        ],
    ),
    # The first word is all that is known of its start; nobody looked again after its end.
    (
        incident("posted", "2026-01-10T20:00:00Z", "2026-01-10T21:00:00Z", severity="degraded", start_basis="posted",
                 last_seen_at="2026-01-10T20:00:00Z", title=f"Slow {MARKUP}"),
        [{"region": "east", "service": "disk"}],
    ),
    # Over, and nobody said since when; the page filled its start in with the first message.
    (incident("endless", "2026-01-20T10:00:00Z", None, start_basis="structured"), [{"region": "east", "service": "disk"}]),
    # No word on whether it is over, and still listed.
    (incident("vague", "2026-01-25T10:00:00Z", None, state=None), [{"region": "we/st", "service": "disk"}]),
    # Open, as the vendor says; no region is said of another.
    (incident("open", "2026-03-18T10:00:00Z", None, state="identified", severity=None),
     [{"region": "east", "service": "disk"}]),
    (incident("nowhere", "2026-03-20T10:00:00Z", None, state="investigating"), [{"region": None, "service": "disk"}]),
    # Published again under another key: counted there.
    (incident("twin", "2026-02-05T10:00:00Z", "2026-02-05T11:00:00Z", linked_to="acme:both"), []),
]  # fmt: skip


def built(directory: Path) -> Path:
    """A file with one vendor watched from 2026-01-05 on, and another nobody looks at."""
    path = directory / "outages.db"
    db = connect(path, schema.migrations)
    schema.make_views(db)

    def insert(table: str, *rows: Mapping[str, Any]) -> None:
        for row in rows:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            db.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))

    insert(
        "vendors",
        {"id": "acme", "name": "Acme", "local_name": "極東", "homepage": "javascript:alert(2)"},
        {"id": "dark", "name": "Dark", "homepage": "https://dark.example"},
    )
    region = {"vendor": "acme", "separate": 0, "listed": 1}
    insert(
        "regions",
        {**region, "id": "east", "name": "The East", "city": "Springfield", "country": "US", "opened": "2015-01-01"},
        {**region, "id": "we/st", "name": f"West {MARKUP}"},
        {**region, "id": "calm", "name": "Calm"},
    )
    listed = {"vendor": "acme", "listed": 1}
    insert(
        "services",
        {**listed, "id": "disk", "name": "Disks", "category": "storage"},
        {**listed, "id": "net/dns", "name": "Names", "category": "dns"},
        {**listed, "id": "all", "name": "All services", "category": "all"},
    )
    source = {"vendor": "acme", "platform": "statuspage", "authority": "vendor", "timezone": "UTC", "robots": "obey",
              "interval_seconds": 300, "polled": 1, "verified": 1}  # fmt: skip
    insert(
        "sources",
        {**source, "id": "acme-page", "url": "https://a.example", "last_polled_at": LOOKED, "last_outcome": "same"},
        {**source, "id": "acme-feed", "url": "https://b.example", "last_polled_at": "2026-03-20T12:10:00Z",
         "last_outcome": "error"},
        {**source, "id": "acme-never", "url": "https://c.example"},
        {**source, "id": "acme-landmarks", "platform": "landmarks", "url": "x", "polled": 0},
    )  # fmt: skip
    look = {"source": "acme-feed", "url": "https://b.example"}
    insert(
        "polls",
        {**look, "id": "p1", "polled_at": "2026-03-20T11:00:00Z", "outcome": "same"},
        {**look, "id": "p2", "polled_at": "2026-03-20T12:10:00Z", "outcome": "error"},
    )
    watched = {"vendor": "acme", "source": "acme-page"}
    insert(
        "watched",
        {**watched, "started_at": "2026-01-05T00:00:00Z", "ended_at": "2026-02-01T00:00:00Z"},
        {**watched, "started_at": "2026-02-01T00:00:00Z", "ended_at": "2026-02-01T06:00:00Z"},
        {**watched, "started_at": "2026-03-01T00:00:00Z", "ended_at": LOOKED},
    )
    for row, intervals in HAPPENED:
        insert("incidents", row)
        for number, interval in enumerate(intervals):
            same = {name: row[name] for name in ("started_at", "ended_at", "severity", "start_basis", "end_basis")}
            insert(
                "outages", {"id": f"{row['id']}/o{number}", "incident": row["id"], "vendor": "acme", **same} | interval
            )
    january = {"vendor": "acme", "region": "east", "month": "2026-01", "watched_minutes": 38880.0}
    insert(
        "availability",
        {**january, "service": "disk", "down_minutes": 60.0},
        {**january, "service": "net/dns", "down_minutes": 960.0},
        {**january, "region": "we/st", "service": "net/dns", "down_minutes": 0.0},
        {**january, "service": "disk", "month": "2026-02", "down_minutes": 0.0, "watched_minutes": 360.0},
    )
    insert(
        "revisions",
        {
            "id": "r1",
            "incident": "acme:both",
            "source": "acme-page",
            "seen_at": "2026-01-12T00:00:00Z",
            "field": "title",
        },
    )
    insert(
        "versions",
        {
            "incident": "acme:old",
            "source": "acme-landmarks",
            "url": "x",
            "number": 0,
            "seen_at": LOOKED,
            "record": "{}",
        },
    )
    db.conn.close()
    path.chmod(0o444)
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("places"))


@pytest.fixture(scope="module")
def conn(archive: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{archive}?immutable=1", uri=True)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def site(archive: Path) -> Datasette:
    return opened(archive)


def page(conn: sqlite3.Connection, kind: place.Kind, id: str | None = None, **more: Any) -> Page:
    found = tell(conn, "acme", kind, id, **{"now": SOON} | more)
    assert found is not None
    return found


def day(shown: Page, date: str) -> Any:
    """A day, as what it is shown, and with how many incidents."""
    found = next(d for month in shown.months for d in month.days if d.date == date)
    return found.kind, found.incidents


# Days

START = datetime(2024, 2, 1, tzinfo=UTC)
MINUTES = 60 * 24 * 60  # into the third of the two months

moments = st.integers(-3 * 1440, MINUTES).map(lambda n: START + timedelta(minutes=n))
lengths = st.one_of(st.integers(0, 90), st.integers(0, 3 * 1440), st.just(1440)).map(lambda n: timedelta(minutes=n))


@st.composite
def spells(draw: st.DrawFn) -> Spell:
    start = draw(moments)
    end = draw(st.one_of(st.none(), lengths.map(lambda length: start + length)))
    severity = draw(st.one_of(st.none(), st.sampled_from([s for s in SCALE if s != "unknown"])))
    return Spell(draw(st.sampled_from("abc")), severity, start, end, draw(st.booleans()), draw(st.booleans()))


@settings(max_examples=50, deadline=None)
@given(st.lists(spells(), max_size=6), st.lists(st.tuples(moments, lengths), max_size=4))
@example(
    [Spell("a", "degraded", START, START + timedelta(days=1)), Spell("a", None, START, START)], [(START, timedelta(1))]
)
@example(
    [
        Spell("a", "major_outage", START, START + timedelta(days=4), whole=True),
        Spell("a", "degraded", START + timedelta(days=1), START + timedelta(days=2)),
        Spell("a", None, START, START + timedelta(days=3)),
        Spell("b", "notice", START, START + timedelta(days=4)),
    ],
    [],
)
def test_days(happened: list[Spell], looks: list[tuple[datetime, timedelta]]) -> None:
    """A day has the worst severity of any of its minutes, what may have been over counting only where nothing else was,
    and what is said of an incident as such only where nothing else of it has a severity that day.
    """
    watched = unite((start, start + length) for start, length in looks)
    rated: dict[str, set[str]] = defaultdict(set)
    for spell in (s for s in happened if s.severity and not s.whole):
        last = max((spell.end or spell.start) - timedelta(microseconds=1), spell.start)
        rated[spell.incident] |= {
            f"{spell.start + timedelta(days=n):%Y-%m-%d}" for n in range((last.date() - spell.start.date()).days + 1)
        }
    firm: dict[str, set[str]] = defaultdict(set)
    vague: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for spell in happened:
        minute = spell.start
        while minute < max(spell.end or spell.start, spell.start + timedelta(minutes=1)):
            date = f"{minute:%Y-%m-%d}"
            sure = not spell.vague or date == f"{spell.start:%Y-%m-%d}"
            if not (spell.whole and date in rated[spell.incident]):
                (firm if sure else vague)[date].add(spell.severity or "unknown")
            names[date].add(spell.incident)
            minute += timedelta(minutes=1)
    minutes: dict[str, int] = defaultdict(int)
    for start, end in watched:
        for n in range(int((end - start) / timedelta(minutes=1))):
            minutes[f"{start + timedelta(minutes=n):%Y-%m-%d}"] += 1
    found = [d for month in months(happened, watched, "2024-02", 2, START + timedelta(days=40)) for d in month.days]
    assert [d.date for d in found] == [f"{START + timedelta(days=n):%Y-%m-%d}" for n in range(29 + 31)]
    for d in found:
        out = firm[d.date] or vague[d.date]
        assert d.severity == max(out, key=SCALE.index, default=None)
        assert d.vague == (bool(out) and not firm[d.date])
        assert d.incidents == len(names[d.date])
        assert d.only == (min(names[d.date]) if len(names[d.date]) == 1 else None)
        if d.date <= "2024-03-12":
            assert d.watched == pytest.approx(minutes[d.date] / 1440)
        else:
            assert d.watched is None


def test_months() -> None:
    assert [shifted("2024-01", n) for n in (-1, 0, 12, -13)] == ["2023-12", "2024-01", "2025-01", "2022-12"]
    (february,) = months([], [], "2024-02", 1, START)
    assert february.name == "February 2024"
    assert [d and d.date[8:] for d in february.weeks[0]] == [None, None, None, "01", "02", "03", "04"]
    assert all(len(week) == 7 for week in february.weeks)
    assert february.counts == {"unwatched": 1, "later": 28}


def test_calendar_of_a_region(conn: sqlite3.Connection) -> None:
    east = page(conn, "region", "east")
    assert (east.period.first, east.period.last) == ("2025-04", "2026-03")
    assert day(east, "2025-04-01") == ("partial_outage", 1)  # began before
    assert day(east, "2025-04-02") == ("partial_outage", 1)
    assert day(east, "2025-04-03") == ("unwatched", 0)
    assert day(east, "2026-01-10") == ("major_outage", 2)
    assert day(east, "2026-01-11") == ("major_outage", 1)
    assert day(east, "2026-01-12") == ("watched", 0)
    assert day(east, "2026-01-20") == ("partial_outage", 1)
    assert day(east, "2026-01-21") == ("watched", 0)  # over, and nobody said since when
    assert day(east, "2026-02-01") == ("part", 0)
    assert day(east, "2026-02-02") == ("unwatched", 0)
    assert day(east, "2026-03-19") == ("unknown", 1)  # open, as the vendor says
    assert day(east, "2026-03-20") == ("unknown", 1)
    assert day(east, "2026-03-21") == ("later", 0)
    assert east.incidents == 4
    west = page(conn, "region", "we/st")
    assert day(west, "2026-01-25") == ("partial_outage", 1)
    assert day(west, "2026-01-26") == ("vague", 1)
    assert sum(west.days.values()) == 365


def test_calendar_of_a_vendor(conn: sqlite3.Connection) -> None:
    acme = page(conn, "vendor")
    assert day(acme, "2026-01-10") == ("major_outage", 2)
    assert day(acme, "2026-02-05") == ("vague", 1)  # the twin is not counted
    assert day(acme, "2026-02-24") == ("vague", 1)
    assert day(acme, "2026-02-25")[1] == 0  # not for ever, because a page still lists it
    assert day(acme, "2026-03-19") == ("unknown", 1)
    assert acme.incidents == 6
    assert [(part.id, part.incidents) for part in acme.regions] == [("east", 4), ("we/st", 2), (None, 1), ("calm", 0)]
    assert [(part.id, part.incidents) for part in acme.services] == [("disk", 6), ("net/dns", 1), ("all", 0)]
    assert [row["id"] for row in acme.by_hand] == ["acme:old"]
    assert [(s.id, s.last_outcome) for s in acme.sources] == [
        ("acme-feed", "error"), ("acme-page", "same"), ("acme-never", None),
    ]  # fmt: skip


def test_a_day_of_a_vendor_is_as_bad_as_its_regions_and_services_were(conn: sqlite3.Connection) -> None:
    """Called a major outage at last, and never more than degraded where it says how bad: those were back sooner."""
    with closing(sqlite3.connect(":memory:")) as copy:
        conn.backup(copy)
        for key, severity in (("worse", "degraded"), ("unsaid", None)):
            row = incident(key, "2025-06-01T10:00:00Z", "2025-06-04T10:00:00Z", severity="major_outage")
            if key == "unsaid":
                row |= {"started_at": "2025-07-01T10:00:00Z", "ended_at": "2025-07-02T10:00:00Z"}
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            copy.execute(f"insert into incidents ({names}) values ({marks})", [*row.values()])
            copy.execute(
                """insert into outages (id, incident, vendor, region, service, severity, started_at, ended_at, start_basis)
                values (?1, ?1, 'acme', 'calm', 'disk', ?2, ?3, ?4, 'stated')""",
                (row["id"], severity, row["started_at"], f"{row['started_at'][:8]}02T10:00:00Z"),
            )
        acme, calm = (page(copy, *of, day="2025-06-02") for of in (("vendor",), ("region", "calm")))
    shown = [f"2025-06-{n:02}" for n in range(1, 6)]
    assert [day(calm, date)[0] for date in shown] == ["degraded", "degraded", *["unwatched"] * 3]
    assert [day(acme, date)[0] for date in shown[:3]] == ["degraded", "degraded", "major_outage"]
    assert [day(acme, date)[0] for date in shown[3:]] == ["major_outage", "unwatched"]
    assert day(acme, "2025-07-01") == ("major_outage", 1)  # of no part it says how bad
    assert acme.day
    assert [[row["severity"] for row in of.day.incidents] for of in (acme, calm) if of.day] == [["degraded"]] * 2
    assert acme.day.incidents[0]["ended_at"] == "2025-06-04T10:00:00Z"


def test_what_is_wider_than_a_region_is_counted_apart(conn: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(":memory:")) as copy:
        conn.backup(copy)
        row = incident("wide", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z")
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        copy.execute(f"insert into incidents ({names}) values ({marks})", [*row.values()])
        for number in range(place.SPELLED + 2):
            id = f"r{number}"
            copy.execute(
                """insert into regions (vendor, id, name, city, separate, listed) values ('acme', ?1, ?1, ?2, ?3, 1)""",
                (id, "Springfield" if number == 1 else None, number < 3),
            )
            copy.execute(
                """insert into outages (id, incident, vendor, region, service, started_at, ended_at, start_basis)
                values ('acme:wide/' || ?1, 'acme:wide', 'acme', ?1, 'disk', ?2, ?3, 'stated')""",
                (id, row["started_at"], row["ended_at"]),
            )
        acme, disk = page(copy, "vendor").intervals, page(copy, "service", "disk").intervals
    told = [c.what for shown in (acme, disk) for it in shown if it.incident == "acme:wide" for c in it.courses]
    assert told == [f"Disks in {place.SPELLED} regions and 2 wider areas", f"{place.SPELLED} regions and 2 wider areas"]


def test_calendar_of_a_service(conn: sqlite3.Connection) -> None:
    disk = page(conn, "service", "disk")
    assert day(disk, "2026-01-10") == ("partial_outage", 2)
    assert [(part.id, part.incidents) for part in disk.regions] == [("east", 4), ("we/st", 1), (None, 1)]
    assert disk.services == []


def test_periods(conn: sqlite3.Connection) -> None:
    def period(**asked: str) -> tuple[Any, ...]:
        p = page(conn, "region", "east", **asked).period
        return p.first, p.last, p.earlier, p.later

    assert period() == ("2025-04", "2026-03", "2025-03", None)
    assert period(last="2025-12") == ("2025-01", "2025-12", None, "2026-03")
    assert period(day="2026-01-10") == ("2025-04", "2026-03", "2025-03", None)
    assert period(day="2025-03-21")[:2] == ("2025-01", "2025-12")
    assert page(conn, "region", "east").period.years == ["2026", "2025"]
    assert page(conn, "region", "calm").incidents == 0
    assert page(conn, "region", "calm").period.last == "2026-03"
    found = page(conn, "region", "east", day="2026-01-10").day
    assert found
    assert [row["id"] for row in found.incidents] == ["acme:both", "acme:posted"]
    assert found.more == 0
    # As it was here: of both services in the east the later, of one service only its own.
    assert [(row["severity"], row["started_at"], row["ended_at"]) for row in found.incidents] == [
        ("major_outage", "2026-01-10T10:00:00Z", "2026-01-11T02:00:00Z"),
        ("degraded", "2026-01-10T20:00:00Z", "2026-01-10T21:00:00Z"),
    ]
    disk = page(conn, "service", "disk", day="2026-01-10").day
    assert disk
    assert [(row["severity"], row["ended_at"]) for row in disk.incidents] == [
        ("partial_outage", "2026-01-10T11:00:00Z"), ("degraded", "2026-01-10T21:00:00Z"),
    ]  # fmt: skip
    quiet = page(conn, "region", "east", day="2026-01-12").day
    assert quiet
    assert quiet.incidents == []


# Now


def test_out_now(conn: sqlite3.Connection) -> None:
    now = page(conn, "vendor").now
    assert (now.looked_at, now.minutes, now.stale, now.polled, now.silent, now.unasked) == (LOOKED, 30, False, 3, 1, 1)
    assert [row.id for row in now.out] == ["acme:nowhere", "acme:open"]
    assert [row.id for row in now.unended] == ["acme:vague"]
    east = page(conn, "region", "east").now
    assert [row.id for row in east.out] == ["acme:open"]
    assert east.unplaced == 1
    assert page(conn, "region", "calm").now.out == []
    later = page(conn, "vendor", now=SOON + timedelta(hours=1)).now
    assert later.stale


def test_nobody_looks(conn: sqlite3.Connection, site: Datasette) -> None:
    dark = tell(conn, "dark", "vendor", None, SOON)
    assert dark
    assert dark.now.looked_at is None
    assert dark.now.stale
    assert set(dark.days) <= {"unwatched", "later"}
    assert dark.period.last == "2026-03"
    assert "nobody looks at Dark" in ask(site, "/-/vendor/dark")
    acme = ask(site, "/-/vendor/acme")
    assert "1 of its 3 sources was never asked." in acme
    assert (
        "of 4 incidents whose start somebody states, or a field holds apart from that word; of 1 more the page" in acme
    )


# Figures


def test_intervals(conn: sqlite3.Connection) -> None:
    east = {it.incident: it for it in page(conn, "region", "east").intervals}
    assert list(east) == ["acme:open", "acme:endless", "acme:posted", "acme:both", "acme:old"]
    assert [(c.what, c.severity, c.minutes) for c in east["acme:both"].courses] == [
        ("Disks", "partial_outage", 60), ("Names", "major_outage", 960),
    ]  # fmt: skip
    assert [c.open for it in east.values() for c in it.courses] == [True, False, False, False, False, False]
    assert east["acme:endless"].courses[0].minutes is None
    acme = page(conn, "vendor").intervals
    assert [(it.incident, it.courses[0].what) for it in acme][4:6] == [
        ("acme:posted", "Disks in The East"), ("acme:both", "2 services in 2 regions"),
    ]  # fmt: skip
    older = page(conn, "region", "east", last="2025-12").intervals
    assert [it.incident for it in older] == ["acme:old"]


def test_availability(conn: sqlite3.Connection) -> None:
    east = page(conn, "region", "east").availability
    assert east
    january, february = (next(n for n, it in enumerate(east.months) if it.month == m) for m in ("2026-01", "2026-02"))
    assert east.months[january].watched == pytest.approx(27 / 31)
    assert 0 < east.months[february].watched < place.LITTLE
    assert [(row.id, row.months[january], row.months[february]) for row in east.rows] == [
        ("net/dns", 1 - 960 / 38880, None), ("disk", 1 - 60 / 38880, None),
    ]  # fmt: skip
    assert east.unrated == 1
    acme = page(conn, "vendor").availability
    assert acme
    assert (acme.of, acme.worst_of) == ("regions", "services")
    assert [(row.id, row.worst) for row in acme.rows] == [("east", 1 - 960 / 38880), ("we/st", 1), (None, 1)]
    dns = page(conn, "service", "net/dns").availability
    assert dns
    assert [(row.id, row.worst) for row in dns.rows] == [("east", 1 - 960 / 38880), ("we/st", 1)]
    assert dns.unrated == 0
    assert page(conn, "region", "east", last="2025-12").availability is None


def test_told(conn: sqlite3.Connection) -> None:
    east = page(conn, "region", "east").disclosure
    # Two starts are stated: one word came 30 minutes late. Another start is that of the first message.
    assert (east.known, east.median, east.worst, east.worst_incident) == (2, 15, 30, "acme:both")
    assert east.filled == 1
    acme = page(conn, "vendor").disclosure
    assert (acme.known, acme.median, acme.filled) == (4, 0, 1)
    assert (east.followed, east.edited) == (1, 1)
    dark = tell(conn, "dark", "vendor", None, SOON)
    assert dark
    assert (dark.disclosure.known, dark.disclosure.median, dark.disclosure.followed) == (0, None, 0)


def test_the_newest_month_of_availability_is_the_first(site: Datasette) -> None:
    """It is beside the names, on a screen on which not all months fit; each figure stands below its month."""
    (table,) = re.findall(r'<table class="shares".*?</table>', ask(site, "/-/region/acme/east"), re.DOTALL)
    rows = [
        [re.sub(r"<[^>]+>|≤ ", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)
    ]
    months, watched, dns, _ = rows
    assert months[1:] == sorted(months[1:], reverse=True)
    assert (months[1], len(months)) == ("2026-03", 13)
    assert [(month, share) for month, share in zip(months, watched, strict=True) if month == "2026-01"] == [
        ("2026-01", "87 %")
    ]
    told = {month: share for month, share in zip(months[1:], dns[1:], strict=True) if share != "–"}
    assert told == {"2026-03": "100 %", "2026-01": "97.53 %"}


def test_percent() -> None:
    assert [percent(share) for share in (1, 0.9999999, 0.57, 1e-7, 0)] == [
        "100 %", "99.999 %", "57 %", "under 0.001 %", "0 %",
    ]  # fmt: skip
    assert percent(0.973, 1) == "97.3 %"


def test_queries_use_indexes(conn: sqlite3.Connection) -> None:
    """No table that grows is read whole."""
    named = {
        "vendor": "acme", "id": "east", "since": "2025", "until": "2026", "first": "2025-04", "last": "2026-03",
        "ids": "[]", "parts": "[]", "number": 5, "recent": "2026", "source": "acme-page", "incident": "x", "tried": 5,
        "said": "{}",
    }  # fmt: skip
    asked = {
        f"{name} {key}": sql
        for name, value in vars(place).items()
        if name.isupper()
        for key, sql in (value.items() if isinstance(value, dict) else [("", value)])
        if isinstance(sql, str) and "select" in sql and not name.startswith("_")
    }
    assert len(asked) > 30
    for name, sql in asked.items():
        plan = [row[3] for row in conn.execute(f"explain query plan {sql}", named)]
        scanned = [
            step for step in plan if step.startswith("SCAN") and not re.search("VIRTUAL TABLE|CONSTANT|SUBQUERY", step)
        ]
        assert not scanned, f"{name}: {plan}"
    for sql in (place.SPELLS["region"], place.SPELLS["service"]):
        steps = " ".join(row[3] for row in conn.execute(f"explain query plan {sql}", named))
        assert "COVERING INDEX outages_of_" in steps
    steps = " ".join(row[3] for row in conn.execute(f"explain query plan {place.DIFFERENT}", named))
    assert steps.count("COVERING INDEX outages_incident") == 2


def test_page_of_a_year_without_anything(site: Datasette) -> None:
    """What was known last stands on top; days of which nothing is known are folded."""
    text = ask(site, "/-/vendor/acme?year=2024")
    assert "Latest known here" not in text
    later = ask(site, "/-/vendor/acme?until=2027-06")
    assert re.search(r'Latest known here:.*?2026-03-20.*?<a href="/-/incident/acme:nowhere"', later, re.DOTALL)
    assert '<details class="blank">' in later
    assert '<details class="blank">' not in ask(site, "/-/vendor/acme")


def test_page_folds_what_is_older(site: Datasette, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ask(site, "/-/region/acme/east")
    assert text.count('<table class="spans outages" aria-labelledby="intervals">') == 1
    assert "older ones" not in text
    happenings = place.Teller._intervals
    monkeypatch.setattr(place.Teller, "_intervals", lambda self: happenings(self) * 3)
    text = ask(site, "/-/region/acme/east")
    assert re.search(r"<summary id=\"older\">\d+ older ones</summary>", text)
    assert text.count('<table class="spans outages"') == 2


def test_calendar_can_be_skipped_and_says_nothing_of_days_to_come(site: Datasette) -> None:
    text = ask(site, "/-/region/acme/east")
    assert text.index('href="#intervals">Past the calendar') < text.index('<div class="months">')
    assert "newest thing known" not in re.sub(r'title="[^"]*"', "", text)


def test_what_both_ends_rest_on_is_said_once(site: Datasette) -> None:
    words = [
        re.sub("<[^>]+>", "", cell).strip()
        for cell in re.findall(r'<td>(<span class="rests".*?)</td>', ask(site, "/-/region/acme/east"))
    ]
    assert "stated" in words
    assert "posted, stated" in words
    assert "stated, stated" not in words


# Pages


class Outline(HTMLParser):
    """What a page is made of: headings with their levels, links, ids, tables with captions or headings of columns."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.days: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag in ("a", "link") and of.get("href"):
            self.links.append(str(of["href"]))
        if of.get("id"):
            self.ids.append(str(of["id"]))
        if tag == "td" and (of.get("class") or "").startswith("d "):
            self.days.append((str(of["class"]), of.get("title") or ""))


@pytest.mark.parametrize(
    "path", ["/-/vendor/acme", "/-/region/acme/east", "/-/region/acme/we~2Fst", "/-/service/acme/disk"]
)
def test_pages(site: Datasette, path: str) -> None:
    text = ask(site, path)
    assert MARKUP not in text
    assert "javascript:" not in text
    outline = Outline(text)
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False))
    assert len(outline.ids) == len(set(outline.ids))
    assert not [link for link in outline.links if link.startswith("#") and link[1:] not in outline.ids]
    assert len(outline.days) == 365
    for kind, title in outline.days:
        assert ("watched" in kind.split()) == title.startswith("watched, nothing"), (kind, title)
    assert f"{path}.json" in outline.links
    parts = path.split("/")[2:]
    feed = "/".join(["/-/feed", *parts[1 : 3 if parts[0] == "region" else 2]])
    assert {f"{feed}.atom", f"{feed}.ics"} <= set(outline.links)
    told = json.loads(ask(site, f"{path}.json"))
    assert told["vendor"] == "acme"
    assert sum(told["days"].values()) == 365


def test_what_a_page_says(site: Datasette) -> None:
    text = ask(site, "/-/region/acme/east")
    assert "<title>Acme east, The East: outages and availability</title>" in text
    assert "Springfield, US" in text
    assert "What is out now is not known" in text  # the last look is long ago
    assert "≤ 97.530 %" in text or "≤ 97.53 %" in text
    assert "no figure is more than an upper bound" in text
    outline = Outline(text)
    assert "/-/incident/acme:old" in outline.links
    assert "/-/region/acme/east?until=2026-03&day=2026-01-10#day" in outline.links
    assert "/outages/region?vendor=acme&region=east" in outline.links
    assert "/-/service/acme/net~2Fdns" in outline.links
    assert "/-/compare/regions/acme" in outline.links
    assert "/-/compare/vendors/storage" in Outline(ask(site, "/-/service/acme/disk")).links
    assert "Out on 2026-01-10" in ask(site, "/-/region/acme/east?day=2026-01-10")
    assert "It was not watched." in ask(site, "/-/region/acme/east?day=2025-11-11")
    assert "nothing of these months was watched" in ask(site, "/-/region/acme/east?year=2025")
    nobody_said = "/outages/outages?vendor=acme&region__isnull=1"
    assert nobody_said in Outline(ask(site, "/-/vendor/acme")).links
    assert json.loads(ask(site, "/outages/outages.json?vendor=acme&region__isnull=1&_shape=array"))[0]["region"] is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/-/vendor/nobody", 404),
        ("/-/region/acme/nowhere", 404),
        ("/-/service/acme/nothing.json", 404),
        ("/-/region/acme/we%2Fst", 200),
        ("/-/vendor/acme?until=2025-13", 400),
        ("/-/vendor/acme?until=x", 400),
        ("/-/vendor/acme?year=0", 400),
        ("/-/vendor/acme?year=9999", 400),
        ("/-/vendor/acme?day=2025-02-30", 400),
        ("/-/vendor/acme?until=2024-02-29", 200),
        ("/-/vendor/acme?year=2100", 200),
    ],
)
def test_refusals(site: Datasette, path: str, status: int) -> None:
    ask(site, path, status)


def test_cells_lead_here() -> None:
    def shown(row: dict[str, Any], column: str, table: str | None = None) -> str | None:
        return cell(row, column, row[column], table, lambda name: f"/outages/{name}", "/-/as-of", "/-/incident")

    assert place_page("/-/service", "v", "a/b.c") == "/-/service/v/a~2Fb~2Ec"
    assert shown({"vendor": "v"}, "vendor") == '<a href="/-/vendor/v">v</a>'
    assert (
        shown({"vendor": {"value": "v", "label": "<V>"}}, "vendor", "outages") == '<a href="/-/vendor/v">&lt;V&gt;</a>'
    )
    assert (
        shown({"vendor": "v", "region": "a, b"}, "region")
        == '<a href="/-/region/v/a">a</a>, <a href="/-/region/v/b">b</a>'
    )
    assert shown({"vendor": "v", "service": "a, b"}, "service") == '<a href="/-/service/v/a~2C+b">a, b</a>'
    assert (
        shown({"vendor": "v", "id": "r", "name": "<R>"}, "name", "regions") == '<a href="/-/region/v/r">&lt;R&gt;</a>'
    )
    assert shown({"id": "v", "name": "V"}, "name", "vendors") == '<a href="/-/vendor/v">V</a>'
    assert shown({"id": "v", "name": "V"}, "name", "sources") is None


def test_incident_leads_here(site: Datasette) -> None:
    links = Outline(ask(site, "/-/incident/acme:both")).links
    assert {"/-/vendor/acme", "/-/region/acme/east", "/-/region/acme/we~2Fst"} <= set(links)
