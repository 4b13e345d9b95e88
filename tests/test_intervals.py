"""Spells out of changes of state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.intervals import Spell, spells
from crawler.records import Severity

OK, DEGRADED, PARTIAL, MAJOR = (
    Severity.OPERATIONAL,
    Severity.DEGRADED,
    Severity.PARTIAL_OUTAGE,
    Severity.MAJOR_OUTAGE,
)


def at(minute: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)


Changes = list[tuple[int, Severity | None]]


@pytest.mark.parametrize(
    ("changes", "end", "expected"),
    [
        ([], 9, []),
        ([(1, OK), (2, OK)], 9, []),
        ([(1, MAJOR), (3, OK)], 9, [(MAJOR, 1, 3)]),
        ([(3, OK), (1, MAJOR)], 9, [(MAJOR, 1, 3)]),  # any order
        ([(1, MAJOR), (2, MAJOR), (3, None)], 9, [(MAJOR, 1, 3)]),  # the same again is no change
        ([(1, DEGRADED), (2, PARTIAL)], 9, [(DEGRADED, 1, 2), (PARTIAL, 2, 9)]),
        ([(1, DEGRADED)], None, [(DEGRADED, 1, None)]),
        ([(1, PARTIAL), (1, OK)], 9, []),  # no length
        ([(1, PARTIAL), (1, DEGRADED), (2, OK)], 9, [(DEGRADED, 1, 2)]),  # the later of two at once
        ([(9, PARTIAL)], 9, []),  # begins when all is over
        ([(10, PARTIAL), (11, OK)], 9, []),
        ([(1, PARTIAL), (2, OK), (4, PARTIAL)], 9, [(PARTIAL, 1, 2), (PARTIAL, 4, 9)]),
    ],
)
def test_spells(changes: Changes, end: int | None, expected: list[tuple[Severity, int, int | None]]) -> None:
    found = spells([(at(minute), severity) for minute, severity in changes], None if end is None else at(end))
    assert found == [(s, at(a), None if b is None else at(b)) for s, a, b in expected]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([None, *Severity]))),
    st.none() | st.integers(0, 30),
)
def test_spells_are_apart_and_have_a_length(changes: Changes, end: int | None) -> None:
    until = None if end is None else at(end)
    found: list[Spell] = spells([(at(minute), severity) for minute, severity in changes], until)
    for severity, start, stop in found:
        assert severity is not Severity.OPERATIONAL
        assert stop is None or start < stop
        assert until is None or (stop is not None and stop <= until)
    for (before, _, stop), (after, start, _) in pairwise(found):
        assert stop is not None
        assert stop <= start
        assert stop < start or before != after
