"""Watched time: looks make spans, spans are united, intersected and cut into months without losing a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.coverage import GOOD, SLACK, Look, Span, by_months, common, minutes_by_month, unite, watched

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
