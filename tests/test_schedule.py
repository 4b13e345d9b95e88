"""The schedule as properties, and a week of rounds under a fake clock."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler import coverage
from crawler.polling import schedule
from crawler.polling.schedule import (
    BACK_OFF_MOST,
    GRACE,
    QUIET_FACTOR,
    RECORD_AGES,
    ROUND,
    Known,
    due_at,
    held_until,
    share,
)

T0 = datetime(2026, 3, 1, tzinfo=UTC)
SHARE = 0.475521  # of github-summary
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

names = st.text("abcdefgh-0123", min_size=1, max_size=20)
intervals = st.sampled_from([30, 60, 90, 120, 300, 600, 900, 1800, 3600, 21600, 86400]).map(
    lambda seconds: timedelta(seconds=seconds)
)
moments = st.integers(0, 400 * 86400).map(lambda seconds: T0 + timedelta(seconds=seconds))
states = st.builds(
    Known,
    asked=moments,
    changed=st.none() | moments,
    open=st.booleans(),
    failures=st.integers(0, 10**6),
)


@given(names, intervals, moments)
def test_what_was_never_asked_is_due_at_once(name: str, every: timedelta, now: datetime) -> None:
    assert due_at(name, every, Known(), now) is None


@given(names, intervals, states, moments)
def test_waits_are_within_bounds(name: str, every: timedelta, known: Known, now: datetime) -> None:
    assert known.asked
    due = due_at(name, every, known, now)
    assert due
    pace = schedule.interval(every, known, now)
    assert pace / 4 <= due - known.asked <= pace + GRACE
    assert min(every, MINUTE) <= pace <= max(every * QUIET_FACTOR, BACK_OFF_MOST)


@given(intervals, states, moments)
def test_each_further_failure_waits_longer_and_success_ends_it(every: timedelta, known: Known, now: datetime) -> None:
    waits = [schedule.interval(every, Known(asked=known.asked, failures=n), now) for n in range(40)]
    assert waits == sorted(waits)
    assert waits[0] == waits[1] == every
    assert waits[2] == max(every, min(2 * every, BACK_OFF_MOST))
    assert waits[-1] == max(every, BACK_OFF_MOST)


@given(intervals)
def test_open_quiet_and_forgotten(every: timedelta) -> None:
    def pace(**known: object) -> timedelta:
        return schedule.interval(every, Known(asked=T0, **known), T0)  # type: ignore[arg-type]

    assert pace(open=True, changed=T0 - HOUR) == min(every, max(every / 5, MINUTE))
    assert pace(open=True, changed=T0 - 3 * DAY) == every, "left open, and nobody touches it"
    assert pace(open=True, changed=T0 - 30 * DAY) == every, "and never called quiet"
    assert pace(changed=T0 - DAY) == pace() == every
    assert pace(changed=T0 - 8 * DAY) == every * QUIET_FACTOR


def test_a_quiet_page_is_still_watched_without_a_gap() -> None:
    assert QUIET_FACTOR < coverage.SLACK


@settings(max_examples=10, deadline=None)
@given(st.sets(names, min_size=200, max_size=300))
def test_moments_are_spread(some: set[str]) -> None:
    tenths = Counter(int(share(name) * 10) for name in some)
    assert max(tenths.values()) < len(some) / 3
    assert all(0 <= share(name) < 1 for name in some)
    assert share("github-summary") == share("github-summary") == pytest.approx(SHARE, abs=1e-6), (
        "the same in every process"
    )


@given(st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")), st.sampled_from([200, 304, 429, 503, None]))
def test_no_header_breaks_the_round(text: str, status: int | None) -> None:
    headers = {"retry-after": text, "cache-control": f"public, max-age={text}", "age": text}
    held = held_until(5 * MINUTE, status, headers, T0)
    assert held is None or T0 <= held <= T0 + schedule.RETRY_MOST


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (503, {"retry-after": "120"}, 120),
        (429, {"retry-after": "Sun, 01 Mar 2026 00:10:00 GMT"}, 600),
        (429, {"retry-after": "Sat, 28 Feb 2026 00:10:00 GMT"}, None),
        (429, {"retry-after": "99999999999999999999"}, 86400),
        (429, {"retry-after": "soon"}, None),
        (200, {"retry-after": "120"}, None),
        (200, {"cache-control": "public, max-age=90"}, 90),
        (304, {"cache-control": "max-age=90", "age": "60"}, 30),
        (200, {"cache-control": "max-age=31536000, immutable"}, 600),
        (200, {"cache-control": "max-age=60, no-cache"}, None),
        (200, {"cache-control": "s-maxage=60"}, None),
        (200, {"cache-control": "max-age=0"}, None),
        (200, {}, None),
    ],
)
def test_what_servers_ask_for(status: int, headers: dict[str, str], seconds: int | None) -> None:
    assert held_until(5 * MINUTE, status, headers, T0) == (seconds and T0 + timedelta(seconds=seconds))


def test_who_asks_for_peace_gets_it() -> None:
    held = T0 + HOUR
    assert due_at("a", 5 * MINUTE, Known(asked=T0, held=held), T0 + 30 * MINUTE) == held


def test_a_record_is_asked_for_at_growing_ages() -> None:
    asked: list[timedelta] = []
    last: datetime | None = None
    for minute in range(0, 55 * 24 * 60, 7):
        now = T0 + minute * MINUTE
        if schedule.record_due(T0, last, now):
            last = now
            asked.append(now - T0)
    assert len(asked) == len(RECORD_AGES)
    assert all(age <= when < age + 7 * MINUTE for age, when in zip(RECORD_AGES, asked, strict=True))
    assert not schedule.record_due(T0, None, T0 + 60 * DAY), "found too late"
    assert schedule.record_due(T0, None, T0 + 20 * DAY), "once for all that was missed"


class Page(NamedTuple):
    """A page of the simulation: its interval, when it has something open, and when it is dead."""

    name: str
    every: timedelta
    open: tuple[datetime, datetime] | None
    dead: tuple[datetime, datetime] | None


def world(rng: random.Random, size: int) -> list[Page]:
    pages = []
    for number in range(size):
        begin = T0 + rng.uniform(0.5, 5) * DAY
        spell = begin, begin + rng.uniform(0.5, 12) * HOUR
        fate = rng.random()
        every = rng.choice([2, 5, 5, 5, 10, 15, 30, 60, 360]) * MINUTE
        pages.append(Page(f"v{number}-status", every, spell if fate < 0.3 else None, spell if fate > 0.8 else None))
    return pages


def within(spell: tuple[datetime, datetime] | None, now: datetime) -> bool:
    return spell is not None and spell[0] <= now < spell[1]


def test_a_week_under_a_fake_clock() -> None:
    """10,080 rounds: every page is asked as often as its rule says, whatever the timer and the network do."""
    rng = random.Random(1)
    pages = world(rng, 150)
    asked: dict[str, list[tuple[datetime, Known]]] = {page.name: [] for page in pages}
    known = {page.name: Known() for page in pages}
    due: dict[str, datetime] = {}
    a_round: list[int] = []
    minute = -1
    while (minute := minute + 1) < 7 * 24 * 60:
        if minute == 4000:
            minute += 90  # the machine was off
        now = T0 + minute * MINUTE + timedelta(seconds=rng.uniform(0, 2))  # timers are late
        a_round.append(0)
        for page in pages:
            before = known[page.name]
            is_open = within(page.open, now)
            if is_open != before.open:  # another look of the same vendor shows it
                before = Known(asked=before.asked, changed=now, open=is_open, failures=before.failures)
                known[page.name] = before
            elif now < due.get(page.name, now):
                continue
            at = due_at(page.name, page.every, before, now)
            if at is not None and at > now:
                due[page.name] = at
                continue
            asked[page.name].append((now, before))
            failures = before.failures + 1 if within(page.dead, now) else 0
            begun = now + timedelta(seconds=rng.uniform(0, 5))  # the queue of its host
            known[page.name] = Known(asked=begun, changed=before.changed or now, open=is_open, failures=failures)
            due.pop(page.name, None)
            a_round[-1] += 1
    for page in pages:
        check_looks(page, asked[page.name])
    steady = a_round[360:3900]
    mean = sum(steady) / len(steady)
    assert max(steady) < 2 * mean, "no herd of requests in one minute"


def check_looks(page: Page, looks: list[tuple[datetime, Known]]) -> None:
    """Between two looks lies what the rule says, the distance of rounds apart; none is left out."""
    assert looks[0][0] - T0 < ROUND, "at once"
    off = T0 + 4000 * MINUTE, T0 + 4091 * MINUTE
    short, paces = 0, set()
    for (one, _), (two, known) in pairwise(looks):
        pace = schedule.interval(page.every, known, two)
        gap = two - one
        if not (one < off[1] and two > off[0]):
            assert gap <= max(pace, page.every) + ROUND + GRACE, (page, one, gap, pace)
        assert gap >= min(pace / 2, pace - GRACE) - GRACE, (page, one, gap, pace)
        short += gap < pace - ROUND - GRACE
        paces.add(pace)
    assert short <= 2 * (2 + len(paces)), "brought back to its moment after a change, and then left there"
    if page.open is None and page.dead is None:
        days = 7 - 90 / 1440
        assert len(looks) == pytest.approx(days * DAY / page.every, rel=0.03, abs=3)
