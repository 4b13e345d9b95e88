"""What is kept of each month, by vendor, category and region: the right figures, and the same however they came."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.archive import Archive
from crawler.archive.months import _INCIDENTS
from crawler.captures import Captures
from crawler.captures.imports import from_lines
from crawler.catalog import ALL, Catalog, Region, Service, Source, Vendor, load
from crawler.database import transaction
from crawler.records import Capture, stamp
from tests.test_archive import looked, write

TABLES = ("vendor_months", "category_months", "region_months")
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 60 * 24
#: Where the month turns.
FEBRUARY = 31 * DAY


def vendor(name: str, **more: Any) -> Vendor:
    """A vendor with two databases, two kinds of machines and two regions, asked every five minutes."""
    services = [("sql", "database"), ("cache", "database"), ("vm", "compute"), (ALL, "all")]
    return Vendor(
        id=name,
        name=name.title(),
        homepage="https://acme.example/",
        sources=(Source(id=f"{name}-a", vendor=name, platform="statuspage", url="https://acme.example/", every="5m"),),
        services=tuple(Service(id=id_, name=id_, category=category) for id_, category in services),
        regions=tuple(Region(id=name.lower(), name=name) for name in ("Global", "North", "South", "West")),
        **more,
    )


def opened(directory: Path, *vendors: Vendor) -> Archive:
    """An archive of a catalog, with nothing in it."""
    none = directory / "incidents"
    none.mkdir(exist_ok=True)
    archive = Archive(directory / "outages.db", Catalog(vendors), none)
    with transaction(archive.conn):
        archive.shipped.write_catalog()
    return archive


def at(minute: int | None) -> str | None:
    """Minutes since the beginning of January 2026, as the tables have a time."""
    return None if minute is None else stamp(JANUARY + timedelta(minutes=minute))


class Out(NamedTuple):
    """An outage of an incident, in minutes since January began."""

    start: int
    end: int | None
    region: str | None = "north"
    service: str | None = "sql"
    severity: str | None = "major_outage"


def put(archive: Archive, key: str, *outages: Out, who: str = "acme", **more: Any) -> None:
    """An incident, as its rows are written and what they touch."""
    row = {
        "id": f"{who}:{key}", "vendor": who, "key": key, "title": key, "kind": "outage", "severity": "major_outage",
        "state": "investigating", "started_at": at(min((o.start for o in outages), default=0)), "start_basis": "posted",
        "ended_at": at(max(o.end or 0 for o in outages)) if outages and all(o.end for o in outages) else None, **more,
    }  # fmt: skip
    names = ", ".join(row)
    archive.conn.execute(f"insert into incidents ({names}) values ({', '.join(':' + name for name in row)})", row)
    archive.conn.executemany(
        """insert into outages (id, incident, vendor, region, service, severity, started_at, ended_at, start_basis)
        values (?, ?, ?, ?, ?, ?, ?, ?, 'stated')""",
        [
            (f"{row['id']}/o{n}", row["id"], who, o.region, o.service, o.severity, at(o.start), at(o.end))
            for n, o in enumerate(outages)
        ],
    )
    archive.rows._touch(row["id"], who)


def watch(archive: Archive, *minutes: int, who: str = "acme") -> None:
    """Looks that found the page."""
    for minute in minutes:
        (before,) = archive.conn.execute(
            "select max(polled_at) from polls where source = ?", (f"{who}-a",)
        ).fetchone()  # fmt: skip
        archive.conn.execute(
            "insert into polls (id, source, url, polled_at, outcome) values (?, ?, 'https://acme.example/', ?, 'new')",
            (f"{who} {minute}", f"{who}-a", at(minute)),
        )
        archive.availability.touch(
            who, JANUARY + timedelta(minutes=minute), before and datetime.fromisoformat(before)
        )  # fmt: skip


def measured(archive: Archive, table: str) -> list[dict[str, Any]]:
    """The rows of a table, in order."""
    archive.availability.measure()
    cursor = archive.conn.execute(f"select * from {table} order by 1, 2, 3")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = opened(tmp_path_factory.mktemp("months"), vendor("acme"))
    yield archive
    archive.close()


@pytest.fixture
def archive(made: Archive) -> Archive:
    clear(made.conn)
    return made


def clear(conn: sqlite3.Connection) -> None:
    """As it was in the beginning."""
    for table in (
        "polls",
        "outages",
        "incidents",
        "revisions",
        "watched",
        "coverage",
        "availability",
        "to_measure",
        *TABLES,
    ):
        conn.execute(f"delete from {table}")


def test_minutes_are_those_in_which_anything_was_out_each_in_its_month(archive: Archive) -> None:
    put(
        archive,
        "1",
        Out(FEBRUARY - 60, FEBRUARY + 30),
        Out(FEBRUARY - 30, FEBRUARY + 10, "south", "vm", "partial_outage"),
    )
    put(archive, "2", Out(FEBRUARY + 20, FEBRUARY + 50), Out(FEBRUARY, FEBRUARY + 900, severity="degraded"))
    put(archive, "3", Out(FEBRUARY + 100, None))
    assert [(row["month"], row["down_minutes"], row["incidents"]) for row in measured(archive, "vendor_months")] == [
        ("2026-01", 60, 1),
        ("2026-02", 50, 2),
    ]
    by_region = [(r["region"], r["month"], r["down_minutes"]) for r in measured(archive, "region_months")]
    assert by_region == [
        ("north", "2026-01", 60),
        ("north", "2026-02", 50),
        ("south", "2026-01", 30),
        ("south", "2026-02", 10),
    ]


def test_incidents_by_severity_what_only_points_elsewhere_left_out(archive: Archive) -> None:
    for number, severity in enumerate(("major_outage", "partial_outage", "degraded", "degraded", None, "notice")):
        put(archive, str(number), Out(10, 20, severity=severity), severity=severity)
    put(archive, "pointing", linked_to="acme:1")
    put(archive, "pointing but out", Out(10, None), linked_to="the incident at another vendor")
    put(archive, "planned", Out(10, 20), kind="maintenance")
    (row,) = measured(archive, "vendor_months")
    counted = {
        name: row[name] for name in ("incidents", "major_outage", "partial_outage", "degraded", "unrated", "unended")
    }
    assert counted == {
        "incidents": 7,
        "major_outage": 2,
        "partial_outage": 1,
        "degraded": 2,
        "unrated": 1,
        "unended": 1,
    }


def test_lags_are_those_of_starts_that_do_not_rest_on_the_first_word(archive: Archive) -> None:
    for number, (basis, lag) in enumerate(
        [("stated", 30), ("structured", 10), ("stated", -5), ("stated", 2), ("posted", 0)]
    ):
        put(archive, str(number), Out(100, 200), start_basis=basis, first_posted_at=at(100 + lag))
    put(archive, "silent", Out(100, 200), start_basis="stated")
    (row,) = measured(archive, "vendor_months")
    assert (row["lags_known"], row["median_lag_minutes"], json.loads(row["lags"])) == (4, 6.0, [-5, 2, 10, 30])


@pytest.mark.parametrize(
    ("basis", "started", "posted", "lag"),
    [
        ("structured", "10:00:12", "10:00:12", None),  # filled in by the page
        ("structured", "10:00:12", "10:01:12", None),
        ("structured", "10:00:00", "10:00:00", None),  # by a page that has no seconds
        ("structured", "10:00:00", "10:01:00", None),
        ("structured", "10:00:12", "10:12:12", 12.0),
        ("structured", "10:12:12", "10:00:12", -12.0),
        ("structured", "10:00:00", "10:00:33", 0.6),  # entered
        ("stated", "10:00:00", "10:00:00", 0.0),
        ("posted", "10:00:12", "10:00:12", None),
        ("observed", "10:00:12", "10:30:12", None),
        ("structured", "10:00:12", None, None),
    ],
)
def test_a_start_that_the_page_fills_in_tells_no_lag(
    archive: Archive, basis: str, started: str, posted: str | None, lag: float | None
) -> None:
    times: dict[str, Any] = {"started_at": f"2026-01-05T{started}Z"}
    times["first_posted_at"] = posted and f"2026-01-05T{posted}Z"
    put(archive, "k", Out(100, 200), start_basis=basis, **times)
    (row,) = measured(archive, "vendor_months")
    assert json.loads(row["lags"]) == ([] if lag is None else [lag])
    assert archive.conn.execute("select lag_minutes from disclosure").fetchone() == (lag,)


def test_edits_are_those_of_incidents_that_were_seen_again_after_their_end(archive: Archive) -> None:
    seen: dict[str, Any] = {"resolved_posted_at": at(200), "first_seen_at": at(150)}
    put(archive, "edited", Out(100, 200), **seen, last_seen_at=at(300))
    put(archive, "as it was", Out(100, 200), **seen, last_seen_at=at(201))
    put(archive, "not seen since", Out(100, 200), **seen, last_seen_at=at(190))
    put(archive, "seen once", Out(100, 200), resolved_posted_at=at(200), first_seen_at=at(250), last_seen_at=at(250))
    put(archive, "open", Out(100, None), first_seen_at=at(150), last_seen_at=at(300))
    for number, (key, minute) in enumerate([("edited", 160), ("edited", 210), ("edited", 220), ("seen once", 250)]):
        archive.conn.execute(
            "insert into revisions (id, incident, seen_at, field) values (?, ?, ?, 'title')",
            (str(number), f"acme:{key}", at(minute)),
        )
    (row,) = measured(archive, "vendor_months")
    assert (row["incidents"], row["followed"], row["edited"], row["edits"]) == (5, 2, 1, 2)


def test_all_services_are_in_each_category_and_what_nobody_named_in_none(archive: Archive) -> None:
    put(archive, "1", Out(0, 10), Out(5, 20, service="cache"))
    put(archive, "2", Out(15, 40, service=ALL))
    put(archive, "3", Out(50, 60, service=None))
    put(archive, "4", Out(50, 60, service="not in the catalog"))
    rows = [(row["category"], row["incidents"], row["down_minutes"]) for row in measured(archive, "category_months")]
    assert rows == [("compute", 1, 25), ("database", 2, 40)]


def test_the_longest_and_the_last_of_a_region(archive: Archive) -> None:
    put(archive, "1", Out(0, 100), Out(0, 5000, severity="degraded"))
    put(archive, "2", Out(200, 260), Out(200, 230, "south", severity=None))
    put(archive, "3", Out(300, None, None), Out(300, None, severity=None))
    rows = {row["region"]: row for row in measured(archive, "region_months")}
    north = rows["north"]
    assert (north["longest_minutes"], north["longest_incident"]) == (100, "acme:1")
    assert (north["last_started_at"], north["last_incident"]) == (at(300), "acme:3")
    assert (north["incidents"], north["severity"], north["unrated"], north["unended"]) == (3, "major_outage", 1, 1)
    assert (rows["south"]["severity"], rows["south"]["unrated"], rows["south"]["longest_incident"]) == (None, 1, None)
    assert rows[None]["incidents"] == 1


@pytest.mark.parametrize(("state", "lost"), [("investigating", 30), ("resolved", 0), (None, 0)])
def test_of_watched_minutes_what_is_called_open_counts_up_to_the_last_look(
    archive: Archive, state: str | None, lost: float
) -> None:
    watch(archive, *range(0, 65, 5))
    put(archive, "1", Out(30, None), state=state)
    (row,) = measured(archive, "region_months")
    assert (row["down_minutes"], row["watched_down_minutes"]) == (0, lost)
    assert measured(archive, "vendor_months")[0]["watched_minutes"] == 60


def test_of_a_month_in_which_nobody_looked_and_nothing_was_there_is_no_row(archive: Archive) -> None:
    watch(archive, 0, 5)
    put(archive, "1", Out(FEBRUARY + 31 * DAY, FEBRUARY + 31 * DAY + 5))
    assert [row["month"] for row in measured(archive, "vendor_months")] == ["2026-01", "2026-03"]


def test_an_incident_that_began_after_its_outages_is_not_lost_when_only_its_own_month_is_measured(
    archive: Archive,
) -> None:
    put(archive, "1", Out(FEBRUARY - 100, FEBRUARY - 50), started_at=at(FEBRUARY + 10))
    before = [row for row in measured(archive, "region_months") if row["incidents"]]
    watch(archive, FEBRUARY + 20)
    assert [row for row in measured(archive, "region_months") if row["incidents"]] == before != []


def test_of_a_vendor_only_the_incidents_since_then_are_read(archive: Archive) -> None:
    """A round measures the month that goes on; whatever indices there are, it must not read those of all years."""
    asked = {"vendor": "acme", "since": at(0)}
    plan = [row[3] for row in archive.conn.execute(f"explain query plan {_INCIDENTS}", asked)]
    assert any("incidents_vendor (vendor=? AND started_at>?)" in step for step in plan)
    assert {step for step in plan if step.startswith(("SEARCH i ", "SCAN"))} == {
        "SEARCH i USING INDEX sqlite_autoindex_incidents_1 (id=?)"
    }


OUTS = st.lists(
    st.builds(
        Out,
        st.integers(FEBRUARY - 3000, FEBRUARY + 3000),
        st.none() | st.integers(FEBRUARY - 2000, FEBRUARY + 60 * DAY),
        st.sampled_from(["north", "south", None]),
        st.sampled_from(["sql", "vm", ALL, None]),
        st.sampled_from(["major_outage", "partial_outage", "degraded", None]),
    ).filter(lambda out: out.end is None or out.start < out.end),
    max_size=3,
)
STEPS = st.lists(
    st.tuples(OUTS, st.integers(FEBRUARY - 3000, FEBRUARY + 3000), st.booleans()), min_size=1, max_size=6
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_measured_step_by_step_is_measured_at_once(
    archive: Archive, steps: list[tuple[list[Out], int, bool]]
) -> None:  # fmt: skip
    def story(between: bool) -> dict[str, list[dict[str, Any]]]:
        clear(archive.conn)
        looks = sorted({minute for _, minute, _ in steps})
        for number, (outs, started, again) in enumerate(steps):
            put(archive, str(number), *outs, started_at=at(started))  # somebody may have entered a start of the whole
            if number < len(looks):
                watch(archive, looks[number], looks[number] + 5)
            if again and number:  # what was there is taken away, as before it is derived anew
                archive.rows._touch(f"acme:{number - 1}", "acme")
                archive.conn.execute("delete from outages where incident = ?", (f"acme:{number - 1}",))
                archive.conn.execute("delete from incidents where id = ?", (f"acme:{number - 1}",))
            if between:
                archive.availability.measure()
        return {table: measured(archive, table) for table in TABLES}

    with transaction(archive.conn):
        assert story(between=True) == story(between=False)


# From captures


def months(data: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(data / "outages.db") as conn:
        return {table: conn.execute(f"select * from {table} order by 1, 2, 3").fetchall() for table in TABLES}


@cache
def github() -> Vendor:
    return load().vendor("github")


def run(data: Path, *some: str, rebuild: bool = False) -> dict[str, list[Any]]:
    """Import lines as one command does, or rebuild; the incidents written by hand left out."""
    catalog, captures = Catalog([github()]), Captures(data / "captures.db")
    (data / "none").mkdir(exist_ok=True)
    archive = Archive(data / "outages.db", catalog, data / "none")
    if some:
        captures.add(
            i for i in from_lines(write(data / "l.jsonl", list(some)), catalog, None) if isinstance(i, Capture)
        )
    (archive.rebuild if rebuild else archive.catch_up)(captures)
    captures.close()
    archive.close()
    return months(data)


def over(at: str, text: str) -> str:
    """A look at an incident of 2026-02-01 that is over."""
    line = json.loads(looked(at, "bbbbbbbbbbb1"))
    page = json.loads(line["body"])
    page["incidents"][0] |= {"status": "resolved", "resolved_at": "2026-02-01T01:30:00.000Z"}
    page["incidents"][0]["incident_updates"][0] |= {"status": "resolved", "body": text}
    return json.dumps(line | {"body": json.dumps(page)})


def test_who_is_seen_again_is_followed_from_then_on_and_a_rebuild_says_the_same(tmp_path: Path) -> None:
    def told(found: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
        return [(row[1], row[2], *row[11:14]) for row in found["vendor_months"] if row[1] == "2026-02"]

    assert told(run(tmp_path, over("2026-03-02T00:00:00Z", "It was so."))) == [("2026-02", 1, 0, 0, 0)]
    again = run(
        tmp_path, over("2026-04-05T00:00:00Z", "It was so.")
    )  # nothing new in it: no row is derived, and no look was in February
    assert told(again) == [("2026-02", 1, 1, 0, 0)]
    assert run(tmp_path, rebuild=True) == again
    edited = run(tmp_path, over("2026-05-05T00:00:00Z", "It was otherwise."))
    assert told(edited) == [("2026-02", 1, 1, 1, 1)]
    assert run(tmp_path, rebuild=True) == edited
    gone = run(tmp_path, looked("2026-05-06T00:00:00Z", "bbbbbbbbbbb2"))
    assert run(tmp_path, rebuild=True) == gone


def test_an_archive_of_before_is_measured_by_the_next_run(tmp_path: Path) -> None:
    expected = run(tmp_path, over("2026-02-02T00:00:00Z", "It was so."), over("2026-02-03T00:00:00Z", "It was so."))
    assert all(len(rows) for name, rows in expected.items() if name != "category_months")
    with sqlite3.connect(tmp_path / "outages.db") as conn:
        conn.execute("drop index services_category")
        for table in TABLES:
            conn.execute(f"drop table {table}")
        assert conn.execute("delete from _sqlite_migrations where name = 'months'").rowcount == 1
    assert run(tmp_path) == expected
