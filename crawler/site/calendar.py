"""Days by the worst that was out on them, and by how much of them was watched. Pure: no clock, no database."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from crawler.coverage import Span
from crawler.records import month_of

#: From mild to bad. An outage whose severity nobody said may have been anything: more than a notice, less than one of
#: which somebody says how bad it was.
SCALE = ("operational", "notice", "maintenance", "unknown", "degraded", "partial_outage", "major_outage")
_RANK = {severity: rank for rank, severity in enumerate(SCALE)}
#: So much of a day, and all of it was watched: looks lie some minutes apart.
WHOLE = 0.99

_DAY, _MINUTE, _TICK = timedelta(days=1), timedelta(minutes=1), timedelta(microseconds=1)


class Spell(NamedTuple):
    """An incident was so bad (None: not said) from then until then, the end exclusive. No end: only the start is known.
    `vague`: nobody says whether it was over on the days after its first. `whole`: said of the incident as such; that counts
    on days on which nothing else of it has a severity.
    """

    incident: str
    severity: str | None
    start: datetime
    end: datetime | None
    vague: bool = False
    whole: bool = False


class Day(msgspec.Struct, frozen=True):
    """A day (UTC). `severity` is the worst known of it, "unknown" where it was not said, None where nothing is known to
    have been out; `vague` when that is only of what may have been over. `only` is the incident where there was one;
    `watched` the share of the day, None after the newest thing known.
    """

    date: str
    severity: str | None
    vague: bool
    incidents: int
    only: str | None
    watched: float | None

    @property
    def kind(self) -> str:
        """What a day is shown as: the severity, `vague`, else `watched`, `part`, `unwatched`, or `later`."""
        if self.severity:
            return "vague" if self.vague else self.severity
        if self.watched is None:
            return "later"
        return "watched" if self.watched >= WHOLE else "part" if self.watched else "unwatched"


class Month(msgspec.Struct, frozen=True):
    """A calendar month (`YYYY-MM`) and its days."""

    month: str
    days: list[Day]

    @property
    def weeks(self) -> list[list[Day | None]]:
        """Days in rows from Monday to Sunday."""
        first = date.fromisoformat(self.days[0].date)
        padded = [None] * first.weekday() + self.days
        padded += [None] * (-len(padded) % 7)
        return [padded[n : n + 7] for n in range(0, len(padded), 7)]

    @property
    def name(self) -> str:
        """Such as "March 2024"."""
        return f"{calendar.month_name[int(self.month[5:])]} {self.month[:4]}"

    @property
    def counts(self) -> dict[str, int]:
        """How many days were what (`Day.kind`), the worst first."""
        return count(self.days)


def count(days: Iterable[Day]) -> dict[str, int]:
    """How many days were what (`Day.kind`), the worst first."""
    counts: dict[str, int] = defaultdict(int)
    for day in days:
        counts[day.kind] += 1
    kinds = [*reversed(SCALE), "vague", "watched", "part", "unwatched", "later"]
    return {kind: counts[kind] for kind in kinds if counts[kind]}


def months(
    spells: Iterable[Spell], watched: Sequence[Span], first: str, number: int, known_until: datetime
) -> list[Month]:
    """So many months from `first` (`YYYY-MM`) on. `watched` are disjoint spans in order; nothing is known of days after
    that of `known_until`, unless something is said to be out.
    """
    begins = [month_start(shifted(first, n)) for n in range(number + 1)]
    start, length = begins[0], (begins[-1] - begins[0]).days
    known = [(spell, *_days(spell, start, length)) for spell in spells]
    worst = _worst(_parted(known), start, length)
    incidents = _incidents(known, length)
    shares = _shares(watched, start, length)
    found = [
        Day(
            date=(start + n * _DAY).date().isoformat(),
            severity=worst[n][0],
            vague=worst[n][1],
            incidents=incidents[n][0],
            only=incidents[n][1],
            watched=shares[n] if start + n * _DAY <= known_until else None,
        )
        for n in range(length)
    ]
    return [Month(month_of(begin), found[(begin - start).days : (end - start).days]) for begin, end in pairwise(begins)]


def month_start(month: str) -> datetime:
    """The first instant of a month."""
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)


def shifted(month: str, by: int) -> str:
    """The month so many months later."""
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{number // 12:04}-{number % 12 + 1:02}"


# What goes on for years costs as much as what is over in a minute: only where something begins and ends is written down.

#: A spell, and the days that it touches, the end exclusive.
_Known = tuple[Spell, int, int]


def _parted(spells: Sequence[_Known]) -> Iterator[_Known]:
    """The same, but what is said of an incident as such only on the days on which nothing else of it has a severity."""
    rated: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for spell, begin, end in spells:
        if begin < end and spell.severity and not spell.whole:
            rated[spell.incident].append((begin, end))
    for spell, begin, end in spells:
        if spell.whole and spell.incident in rated:
            for a, b in _united(rated[spell.incident]):
                if begin < min(a, end):
                    yield spell, begin, min(a, end)
                begin = max(begin, b)
        if begin < end:
            yield spell, begin, end


def _worst(spells: Iterable[_Known], start: datetime, length: int) -> list[tuple[str | None, bool]]:
    """Of each day the worst severity, and whether it is vague: what may have been over hides nothing that was not."""
    firm, vague = ([[0] * (length + 1) for _ in SCALE] for _ in range(2))
    for spell, begin, end in spells:
        rank = _RANK[spell.severity or "unknown"]
        turn = min(max((spell.start - start).days + 1, begin), end) if spell.vague else end
        for level, a, b in ((firm[rank], begin, turn), (vague[rank], turn, end)):
            if a < b:
                level[a] += 1
                level[b] -= 1
    worst: list[tuple[str | None, bool]] = [(None, False)] * length
    for levels, is_vague in ((vague, True), (firm, False)):
        for severity, level in zip(SCALE, levels, strict=True):
            for n, out in enumerate(accumulate(level[:length])):
                if out:
                    worst[n] = severity, is_vague
    return worst


def _incidents(spells: Iterable[_Known], length: int) -> list[tuple[int, str | None]]:
    """Of each day how many incidents, and which where there is one.

    Besides their number the sum of their ordinals is kept; where there is one, that is its ordinal.
    """
    ranges: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for spell, begin, end in spells:
        if begin < end:
            ranges[spell.incident].append((begin, end))
    numbers, sums = [0] * (length + 1), [0] * (length + 1)
    names = list(ranges)
    for ordinal, name in enumerate(names):
        for begin, end in _united(ranges[name]):
            numbers[begin] += 1
            numbers[end] -= 1
            sums[begin] += ordinal
            sums[end] -= ordinal
    added = zip(accumulate(numbers[:length]), accumulate(sums[:length]), strict=True)
    return [(number, names[total] if number == 1 else None) for number, total in added]


def _days(spell: Spell, start: datetime, length: int) -> tuple[int, int]:
    """The days that a spell touches, the end exclusive; its first one always, also when it took no time."""
    first, begin = start.toordinal(), spell.start.toordinal()
    last = (spell.end - _TICK).toordinal() if spell.end and spell.end > spell.start else begin
    return max(begin - first, 0), min(last - first + 1, length)


def _united(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same days without overlap."""
    ranges.sort()
    begin, end = ranges[0]
    for a, b in ranges[1:]:
        if a > end:
            yield begin, end
            begin = a
        end = max(end, b)
    yield begin, end


def _shares(watched: Sequence[Span], start: datetime, length: int) -> list[float]:
    """How much of each day was watched, between 0 and 1."""
    minutes = [0.0] * length
    stop = start + length * _DAY
    for begin, end in watched:
        begin, end = max(begin, start), min(end, stop)
        while begin < end:
            day = (begin - start).days
            turn = min(start + (day + 1) * _DAY, end)
            minutes[day] += (turn - begin) / _MINUTE
            begin = turn
    return [min(1.0, m / 1440) for m in minutes]
