"""Watched time: looks make spans, spans are united, intersected and cut into months without losing a minute."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.archive import Archive
from crawler.archive.availability import Availability
from crawler.catalog import Catalog, Source
from crawler.coverage import (
    GOOD,
    SLACK,
    Look,
    Span,
    by_months,
    common,
    gaps,
    longest_by_month,
    minutes_by_month,
    unite,
    watched,
)
from crawler.database import transaction
from crawler.records import stamp
from crawler.schema import migrations

ONE = timedelta(minutes=1)
EVERY = timedelta(minutes=5)


def at(minute: float) -> datetime:
    """Minutes since 2026-01-01."""
    return datetime(2026, 1, 1, tzinfo=UTC) + minute * ONE


def looks(*told: tuple[float, str] | tuple[float, str, float]) -> list[Look]:
    return [Look(at(t[0]), t[1], at(t[2]) if len(t) == 3 else None) for t in told]


def seen(*told: tuple[float, str] | tuple[float, str, float]) -> list[tuple[float, float]]:
    return [((a - at(0)) / ONE, (b - at(0)) / ONE) for a, b in watched(looks(*told), EVERY)]


@pytest.mark.parametrize("outcome", sorted(GOOD))
def test_two_good_looks_close_together_are_watching(outcome: str) -> None:
    assert seen((0, "new"), (5, outcome)) == [(0, 5)]


def test_one_look_watches_nothing() -> None:
    assert seen() == []
    assert seen((0, "new")) == []


def test_a_gap_longer_than_the_slack_is_not_watched() -> None:
    edge = SLACK * 5
    assert seen((0, "new"), (edge, "new")) == [(0, edge)]
    assert seen((0, "new"), (edge + 1, "new")) == []


@pytest.mark.parametrize("outcome", ["error", "unreadable", "anything else"])
def test_errors_are_blindness(outcome: str) -> None:
    assert seen((0, "new"), (5, outcome), (10, "new"), (15, "same")) == [(10, 15)]
    assert seen((0, outcome), (5, outcome)) == []


def test_a_page_that_reaches_back_bridges_a_gap() -> None:
    assert seen((0, "new"), (500, "new", -100)) == [(0, 500)]
    assert seen((0, "new"), (500, "new", 0)) == [(0, 500)]
    assert seen((0, "new"), (500, "new", 1)) == [], "what began within the first minute may have left the page"
    assert seen((0, "new", -100), (500, "new")) == [], "the later page has to reach, not the earlier"


# Spans


@st.composite
def spans(draw: st.DrawFn, month_long: bool = False) -> list[Span]:
    size = 60 * 24 * 40 if month_long else 30
    starts = draw(st.lists(st.integers(0, size * 3), max_size=6))
    return [(at(start), at(start + draw(st.integers(0, size)))) for start in starts]


def covered(some: list[Span]) -> set[int]:
    """The minutes in these spans, one by one."""
    return {minute for a, b in some for minute in range(int((a - at(0)) / ONE), int((b - at(0)) / ONE))}


@given(spans())
def test_united_spans_are_the_same_time_apart_and_in_order(some: list[Span]) -> None:
    united = unite(some)
    assert covered(united) == covered(some)
    assert all(a < b for a, b in united)
    assert all(one[1] < other[0] for one, other in pairwise(united))
    assert unite(united) == united
    assert unite(reversed(some)) == united


@given(spans(), spans())
def test_common_time(one: list[Span], other: list[Span]) -> None:
    a, b = unite(one), unite(other)
    both = list(common(a, b))
    assert covered(both) == covered(a) & covered(b)
    assert all(start < end for start, end in both)
    assert all(left[1] <= right[0] for left, right in pairwise(both))
    assert list(common(b, a)) == both


@given(spans(), st.integers(0, 60), st.integers(0, 60))
def test_gaps_are_the_rest(some: list[Span], start: int, length: int) -> None:
    united = unite(some)
    left = list(gaps(united, at(start), at(start + length)))
    assert covered(left) == set(range(start, start + length)) - covered(united)
    assert all(a < b for a, b in left)
    assert all(one[1] < other[0] for one, other in pairwise(left))


@given(spans(month_long=True))
def test_the_longest_of_a_month_is_not_longer_than_all(some: list[Span]) -> None:
    united = unite(some)
    longest, whole = longest_by_month(united), minutes_by_month(united)
    assert longest.keys() == whole.keys()
    assert all(0 < longest[month] <= whole[month] + 1e-6 for month in whole)


@given(spans(month_long=True))
def test_months_lose_nothing(some: list[Span]) -> None:
    united = unite(some)
    pieces = list(by_months(united))
    assert unite(pieces) == united
    for start, end in pieces:
        assert (start.year, start.month) == ((end - ONE).year, (end - ONE).month)
    whole = sum((b - a) / ONE for a, b in united)
    assert sum(minutes_by_month(united).values()) == pytest.approx(whole)
    assert all(minutes > 0 for minutes in minutes_by_month(united).values())


def test_a_month_ends_at_midnight_utc() -> None:
    turn = datetime(2026, 1, 1, tzinfo=UTC)
    span = (turn - 90 * ONE, turn + 30 * ONE)
    assert list(by_months([span])) == [(span[0], turn), (turn, span[1])]
    assert minutes_by_month([span]) == {"2025-12": 90.0, "2026-01": 30.0}
    assert minutes_by_month([(turn - 90 * ONE, turn)]) == {"2025-12": 90.0}
    assert minutes_by_month([(turn, turn + ONE)]) == {"2026-01": 1.0}


def test_february_of_a_leap_year() -> None:
    span = (datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
    assert minutes_by_month([span]) == {"2024-01": 1440.0, "2024-02": 29 * 1440.0, "2024-03": 31 * 1440.0}


# What a failed look costs

OUTCOMES = st.sampled_from([*sorted(GOOD), "error", "unreadable"])
POLLS = st.lists(
    st.tuples(st.integers(0, 240), OUTCOMES, st.none() | st.integers(-60, 240)), max_size=25, unique_by=lambda t: t[0]
).map(lambda told: [Look(at(m), outcome, at(r) if r is not None else None) for m, outcome, r in sorted(told)])


@given(POLLS, st.integers(0, 240))
def test_one_more_failed_look_never_watches_more(some: list[Look], minute: int) -> None:
    more = sorted([look for look in some if look.at != at(minute)] + [Look(at(minute), "error", None)])
    assert covered(list(watched(more, EVERY))) <= covered(list(watched(some, EVERY)))


@given(POLLS, st.data())
def test_a_look_that_fails_instead_never_watches_more(some: list[Look], data: st.DataObject) -> None:
    failed = data.draw(st.sets(st.sampled_from(some))) if some else set()
    worse = [look._replace(outcome="error", reach=None) if look in failed else look for look in some]
    assert covered(list(watched(worse, EVERY))) <= covered(list(watched(some, EVERY)))


# In the archive: two sources of one vendor, asked every five minutes

VENDOR = "acme"
SOURCES = ("acme-a", "acme-b")
DAY = 60 * 24


class Told(NamedTuple):
    """A look at a source, in minutes since 2026-01-01."""

    minute: int
    source: str
    outcome: str = "new"
    url: str = "https://acme.example/"
    error: str | None = None


class Down(NamedTuple):
    """An outage, in minutes since 2026-01-01."""

    start: int
    end: int | None
    severity: str = "major_outage"
    region: str = "x"


def catalog() -> Catalog:
    known = Catalog([])
    for name in SOURCES:
        source = Source(id=name, vendor=VENDOR, platform="statuspage", url="https://acme.example/", every="5m")
        known.add(source)
    return known


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    made = Archive(tmp_path_factory.mktemp("coverage") / "outages.db", catalog())
    with transaction(made.conn):
        made.shipped.write_catalog()
    yield made
    made.close()


def clear(conn: sqlite3.Connection) -> None:
    for table in ("polls", "outages", "incidents", "watched", "coverage", "availability", "to_measure"):
        conn.execute(f"delete from {table}")


def look(archive: Archive, *some: Told) -> None:
    """Log looks as the intake does: what is known of the look before may change too."""
    for told in some:
        (before,) = archive.conn.execute(
            "select max(polled_at) from polls where source = ? and url = ?", (told.source, told.url)
        ).fetchone()
        archive.conn.execute(
            "insert into polls (id, source, url, polled_at, outcome, error) values (?, ?, ?, ?, ?, ?)",
            (f"{told.source} {told.url} {told.minute}", told.source, told.url, stamp(at(told.minute)), told.outcome, told.error),
        )  # fmt: skip
        archive.availability.touch(VENDOR, at(told.minute), before and datetime.fromisoformat(before))


def fail(archive: Archive, *some: Down) -> None:
    archive.conn.execute(
        """insert into incidents (id, vendor, key, title, kind, state)
        values ('acme:1', 'acme', '1', 't', 'outage', 'investigating')"""
    )
    for number, down in enumerate(some):
        archive.conn.execute(
            """insert into outages (id, incident, vendor, region, service, severity, started_at, ended_at, start_basis)
            values (?, 'acme:1', 'acme', ?, 'api', ?, ?, ?, 'stated')""",
            (str(number), down.region, down.severity, stamp(at(down.start)),
             None if down.end is None else stamp(at(down.end))),
        )  # fmt: skip
        archive.availability.touch(VENDOR, at(down.start))


def measured(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    archive.availability.measure()
    return {
        name: archive.conn.execute(f"select * from {name} order by 1, 2, 3, 4").fetchall()
        for name in ("watched", "coverage", "availability", "blind_spots", "coverage_by_month", "availability_by_month")
    }


# The month turns in the middle, so that spans and gaps are cut.
TOLD = st.lists(
    st.builds(
        Told,
        st.integers(31 * DAY - 120, 31 * DAY + 120),
        st.sampled_from(SOURCES),
        OUTCOMES,
        st.sampled_from(["https://acme.example/", "https://acme.example/other"]),
    ),
    max_size=30,
    unique_by=lambda told: (told.minute, told.source, told.url),
).map(lambda told: sorted(told, key=_order))
DOWNS = st.lists(
    st.builds(
        Down,
        st.integers(31 * DAY - 200, 31 * DAY + 100),
        st.none() | st.integers(31 * DAY - 100, 31 * DAY + 200),
        st.sampled_from(["degraded", "partial_outage", "major_outage"]),
        st.sampled_from("xy"),
    ).filter(lambda down: down.end is None or down.start < down.end),
    max_size=5,
)
often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@often
@given(TOLD, st.integers(0, 30))
def test_measured_in_parts_is_measured_at_once(archive: Archive, told: list[Told], cut: int) -> None:
    clear(archive.conn)
    look(archive, *told[:cut])
    measured(archive)
    look(archive, *told[cut:])
    parts = measured(archive)
    clear(archive.conn)
    look(archive, *told)
    assert parts == measured(archive)


@often
@given(TOLD, DOWNS)
def test_no_more_is_down_than_was_watched(archive: Archive, told: list[Told], downs: list[Down]) -> None:
    clear(archive.conn)
    look(archive, *told)
    fail(archive, *downs)
    found = measured(archive)
    for _, _, _, month, down, seen, available in found["availability_by_month"]:
        assert 0 <= down <= seen, month  # type: ignore[operator]
        assert available is None or 0 <= available <= 1  # type: ignore[operator]
    for *_, minutes, seen, _, gap in found["coverage_by_month"]:
        assert seen + gap <= minutes + 0.2  # type: ignore[operator]


@often
@given(TOLD, DOWNS, st.integers(31 * DAY - 120, 31 * DAY + 120), st.sampled_from(SOURCES))
def test_a_failed_look_adds_no_certainty(
    archive: Archive, told: list[Told], downs: list[Down], minute: int, source: str
) -> None:
    """Neither more minutes watched nor more minutes down are known for it."""
    known = []
    failure = Told(minute, source, "error")
    for some in (told, sorted([t for t in told if _order(t) != _order(failure)] + [failure], key=_order)):
        clear(archive.conn)
        look(archive, *some)
        fail(archive, *downs)
        known.append({row[:4]: row[4:6] for row in measured(archive)["availability"]})
    without, with_failure = known
    for place, (down, seen) in with_failure.items():
        assert down <= without[place][0]  # type: ignore[operator]
        assert seen <= without[place][1]  # type: ignore[operator]


@often
@given(TOLD)
def test_blind_is_what_is_not_watched(archive: Archive, told: list[Told]) -> None:
    """From a source's first look on, every minute is watched or in one blind spot, and in none of both."""
    clear(archive.conn)
    look(archive, *told)
    found = measured(archive)
    newest = max((t.minute for t in told), default=0)
    for source in SOURCES:
        minutes = [t.minute for t in told if t.source == source]
        seen = covered([_span(a, b) for _, name, a, b in found["watched"] if name == source])
        spots = [row for row in found["blind_spots"] if row[1] == source]
        blind = [_span(row[2], row[3] or stamp(at(newest))) for row in spots]
        assert len(covered(blind)) == sum((b - a) / ONE for a, b in blind), "blind spots overlap"
        assert not covered(blind) & seen
        known = covered(blind) | seen
        assert known <= set(range(min(minutes, default=0), newest))
        last = [t.outcome for t in told if t.source == source and t.minute == max(minutes)]
        failing = not GOOD & set(last)
        if minutes and not failing:
            assert known >= set(range(min(minutes), max(minutes)))
        for row in spots:
            inside = [t for t in told if t.source == source and _span(row[2], row[3] or stamp(at(newest)))[0] <= at(t.minute)
                      and (row[3] is None or stamp(at(t.minute)) <= str(row[3])) and t.outcome not in GOOD]  # fmt: skip
            assert row[5] == len(inside)


def _order(told: Told) -> tuple[int, str, str]:
    return told.minute, told.source, told.url


def _span(start: object, end: object) -> Span:
    return datetime.fromisoformat(str(start)), datetime.fromisoformat(str(end))


def spots(archive: Archive, *some: Told) -> list[tuple[object, ...]]:
    clear(archive.conn)
    look(archive, *some)
    return [row[1:] for row in measured(archive)["blind_spots"]]


def good(source: str, *minutes: int) -> list[Told]:
    return [Told(minute, source) for minute in minutes]


def minute(number: int) -> str:
    return stamp(at(number))


def test_nobody_is_blind_before_the_first_look(archive: Archive) -> None:
    assert spots(archive, *good("acme-a", 0, 5, 10), *good("acme-b", 10)) == []


def test_errors_and_unreadable_pages_are_one_blind_spot(archive: Archive) -> None:
    failed = [Told(10, "acme-a", "error", error="timeout"), Told(15, "acme-a", "unreadable", error="no JSON")]
    found = spots(archive, *good("acme-a", 0, 5), *failed, *good("acme-a", 20, 25))
    assert found == [("acme-a", minute(5), minute(20), 15.0, 2, "no JSON")]


def test_no_look_is_blindness_too(archive: Archive) -> None:
    found = spots(archive, *good("acme-a", 0, 5, 1000, 1005))
    assert found == [("acme-a", minute(5), minute(1000), 995.0, 0, None)]


@pytest.mark.parametrize(("state", "lost"), [("investigating", 50), ("resolved", 0), (None, 0)])
def test_what_is_over_without_an_end_is_not_down_for_ever(archive: Archive, state: str | None, lost: float) -> None:
    clear(archive.conn)
    look(archive, *good("acme-a", *range(0, 61, 5)))
    fail(archive, Down(10, None))
    archive.conn.execute("update incidents set state = ?", (state,))
    assert [row[4] for row in measured(archive)["availability_by_month"]] == [lost]


def test_who_fails_still_is_blind_until_now(archive: Archive) -> None:
    found = spots(archive, *good("acme-a", 0, 5), Told(10, "acme-a", "error"), *good("acme-b", 5, 10, 14))
    assert found == [("acme-a", minute(5), None, 9.0, 1, "error")]


def test_who_is_not_asked_any_more_is_blind_until_now(archive: Archive) -> None:
    found = spots(archive, *good("acme-a", 0, 5), *good("acme-b", 0, 15, 30))
    assert found == [("acme-a", minute(5), None, 25.0, 0, None)]
    archive.conn.execute("update sources set polled = 0 where id = 'acme-a'")
    assert spots(archive, *good("acme-a", 0, 5), *good("acme-b", 0, 15, 30)) == []  # it need not be asked
    archive.conn.execute("update sources set polled = 1 where id = 'acme-a'")


def test_another_address_that_answers_is_enough(archive: Archive) -> None:
    other = "https://acme.example/other"
    looks = [
        *good("acme-a", 0, 5),
        Told(6, "acme-a", "error", other),
        *good("acme-a", 10),
        Told(11, "acme-a", "error", other),
    ]
    assert spots(archive, *looks) == []


def test_coverage_of_a_month(archive: Archive) -> None:
    clear(archive.conn)
    look(archive, *good("acme-a", 0, 5, 10), Told(15, "acme-a", "error"), *good("acme-a", 20, 25))
    assert measured(archive)["coverage_by_month"] == [
        (VENDOR, "acme-a", "2026-01", 6, 1, 25.0, 15.0, 0.6, 10.0),
    ]


def test_a_month_without_looks_is_there_as_not_watched(archive: Archive) -> None:
    clear(archive.conn)
    look(archive, *good("acme-a", 0, 5, 60 * DAY))
    assert [row[2:] for row in measured(archive)["coverage_by_month"]] == [
        ("2026-01", 2, 0, 31 * 1440.0, 5.0, 0.000112, 31 * 1440.0 - 5),
        ("2026-02", 0, 0, 28 * 1440.0, 0.0, 0.0, 28 * 1440.0),
        ("2026-03", 1, 0, 1440.0, 0.0, 0.0, 1440.0),
    ]


def test_one_look_is_a_month_without_a_share(archive: Archive) -> None:
    clear(archive.conn)
    look(archive, *good("acme-a", 0))
    assert [row[3:] for row in measured(archive)["coverage_by_month"]] == [(1, 0, 0.0, 0.0, None, 0.0)]


def test_a_vendor_is_watched_where_one_of_its_sources_is(archive: Archive) -> None:
    clear(archive.conn)
    look(archive, *sorted([*good("acme-a", 0, 10, 20), *good("acme-b", 15, 30)]))
    fail(archive, Down(0, 25))
    assert [row[4:6] for row in measured(archive)["availability"]] == [(25.0, 30.0)]


def test_an_archive_of_before_is_measured_again(tmp_path: Path) -> None:
    """Its polls are there, its watched time by vendor goes, and all vendors with polls are to be measured."""
    made = Archive(tmp_path / "outages.db", catalog())
    with transaction(made.conn):
        made.shipped.write_catalog()
        look(made, *good("acme-a", 0, 5))
        measured(made)
        made.conn.execute("drop table watched")
        made.conn.execute("drop table coverage")
        made.conn.execute("drop index polls_failed")
        made.conn.execute("create table watched (vendor text, started_at text, ended_at text)")
        made.conn.execute("delete from _sqlite_migrations where name = 'watch_by_source'")
    migrations.apply(made.db)
    assert made.conn.execute("select * from to_measure").fetchall() == [(VENDOR, minute(0))]
    assert measured(made)["watched"] == [(VENDOR, "acme-a", minute(0), minute(5))]
    assert made.conn.execute("select count(*) from coverage").fetchone() == (1,)
    made.close()


def test_a_vendor_that_left_the_catalog_stops_nothing(archive: Archive) -> None:
    clear(archive.conn)
    Availability(archive.conn, Catalog([])).touch("gone", at(0))
    archive.availability.measure()
    assert archive.conn.execute("select count(*) from to_measure").fetchone() == (0,)


@pytest.mark.parametrize("where", ["vendor = 'acme'", "vendor = 'acme' and source = 'acme-a'"])
def test_looking_one_source_up_reads_no_polls_from_end_to_end(archive: Archive, where: str) -> None:
    for view in ("coverage_by_month", "blind_spots"):
        plan = [row[3] for row in archive.conn.execute(f"explain query plan select * from {view} where {where}")]
        assert not [step for step in plan if step.startswith(("SCAN polls", "SCAN watched", "SCAN coverage"))], plan
