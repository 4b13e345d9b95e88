"""When each source was watched, when nobody could see it, and how much of each month was so.

Silence counts as health only while somebody was looking. A source was watched between two looks that both
succeeded, one right after the other, if the second could still tell what happened in between: because they
are close, or because its page reaches back to the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from crawler.records import month_of

#: Looks this many poll intervals apart still count as watching without a gap.
SLACK = 3
GOOD = frozenset({"new", "same", "not-modified"})

Span = tuple[datetime, datetime]


class Look(NamedTuple):
    """One poll of one address. `reach`: the page shows all that began after this instant."""

    at: datetime
    outcome: str
    reach: datetime | None


def watched(looks: Sequence[Look], interval: timedelta) -> Iterator[Span]:
    """Spans in which one address was watched; `looks` in order of time."""
    for before, after in pairwise(looks):
        if before.outcome not in GOOD or after.outcome not in GOOD:
            continue
        if after.at - before.at <= SLACK * interval or (after.reach is not None and after.reach <= before.at):
            yield before.at, after.at


def unite(spans: Iterable[Span]) -> list[Span]:
    """The same time as disjoint spans in order; those that touch become one."""
    united: list[Span] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        elif end > start:
            united.append((start, end))
    return united


def common(one: Sequence[Span], other: Sequence[Span]) -> Iterator[Span]:
    """Where two lists of disjoint spans, both in order, overlap."""
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            yield start, end
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1


def gaps(spans: Iterable[Span], start: datetime, end: datetime) -> Iterator[Span]:
    """What disjoint spans, in order, leave open between two instants."""
    for a, b in spans:
        if start < min(a, end):
            yield start, min(a, end)
        start = max(start, b)
    if start < end:
        yield start, end


def by_months(spans: Iterable[Span]) -> Iterator[Span]:
    """The same time, cut where a month (UTC) ends."""
    for start, end in spans:
        while start < end:
            turn = end
            if (start.year, start.month) < (end.year, end.month):
                turn = datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)
            yield start, turn
            start = turn


def minutes_by_month(spans: Iterable[Span]) -> dict[str, float]:
    """Minutes in each month (`YYYY-MM`, UTC) of disjoint spans."""
    minutes: dict[str, float] = {}
    for start, end in by_months(spans):
        month = month_of(start)
        minutes[month] = minutes.get(month, 0.0) + (end - start) / timedelta(minutes=1)
    return minutes


def longest_by_month(spans: Iterable[Span]) -> dict[str, float]:
    """Minutes of the longest of these spans in each month (`YYYY-MM`, UTC), counting what lies in the month."""
    longest: dict[str, float] = {}
    for start, end in by_months(spans):
        month = month_of(start)
        longest[month] = max(longest.get(month, 0.0), (end - start) / timedelta(minutes=1))
    return longest
