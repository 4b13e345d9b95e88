"""Regions or services against time, as numbers that a template draws as SVG.

Across, everything is in percent of the chart's width, so that it fits any screen with letters of one size; down, it is
in pixels. The thickness of a bar is the share of what its row stands for that was out at that moment: of a region,
the share of its services. Pure: no clock, no database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

from crawler.records import RANK, Severity, stamp
from crawler.site.words import zone_name

#: Pixels: from one row to the next, the thickest bar, the thinnest, and from a row's top to the bar's.
PITCH, THICK, THIN, DROP = 26, 13, 3, 12
#: So many marks of one chart do not get in each other's way on a wide screen; every second is hidden on a narrow one.
TICKS = 9
#: More rows than this are drawn once for all that had the same course; so many letters of their names are spelled out.
MOST_ROWS, LETTERS = 40, 46
#: Percent: the narrowest bar.
NARROWEST = 0.35

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_STEPS = (
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 12)),
    *(n * _DAY for n in (1, 2, 5, 10, 30, 90, 365, 1000)),
)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Spell(NamedTuple):
    """One thing was out, so badly, from then until then. No end: open, or nobody said. `since` and `until` are the
    last looks before a start and an end that were only seen.
    """

    thing: Hashable
    severity: Severity | None
    start: datetime
    end: datetime | None
    since: datetime | None = None
    until: datetime | None = None


class Row(NamedTuple):
    """What stands beside a bar, where it leads (None: nowhere), and when it was out. `wider`: it is no region but more than
    one, which is counted apart.
    """

    label: str
    href: str | None
    spells: Sequence[Spell]
    wider: bool = False


class Mark(NamedTuple):
    """Something that was published: a `message`, an `edit` of one, one `removed`, or an `event` told of by somebody who may have
    done so later; `href` leads to it.
    """

    kind: str
    at: datetime
    label: str
    href: str


class Bar(NamedTuple):
    """A rectangle: percent across, pixels down. `severity` names its colour, "unknown" for None."""

    x: float
    width: float
    y: float
    height: float
    severity: str
    open: bool


class Whisker(NamedTuple):
    """It may have been out already (before its bar), or no longer (on it): nobody looked in between."""

    x: float
    width: float
    y: float
    inside: bool


class Lane(NamedTuple):
    """A row as it is drawn, `y` being its top. `names` are those that it stands for, each with where it leads; when they
    are too many to be spelled out, one that counts them.
    """

    names: list[tuple[str, str | None]]
    y: int
    bars: list[Bar]
    whiskers: list[Whisker]
    told: str

    @property
    def label(self) -> str:
        """What stands beside it."""
        return ", ".join(name for name, _ in self.names)


class Tick(NamedTuple):
    """A mark of the axis: its place, the time in UTC and in the vendor's zone, which is called `zone` then; `minor` ones go
    on narrow screens.
    """

    x: float
    anchor: str
    utc: str
    local: str
    zone: str
    minor: bool
    at: datetime


class Point(NamedTuple):
    """A mark on the line of what was published."""

    x: float
    kind: str
    label: str
    href: str


class Chart(NamedTuple):
    """All that is drawn. `beyond` are the marks before or after the time shown; `height` is in pixels."""

    start: datetime
    end: datetime
    height: int
    head: int
    ticks: list[Tick]
    points: list[Point]
    beyond: list[Mark]
    lanes: list[Lane]
    severities: list[str]
    by_day: bool
    joined: bool

    @property
    def open(self) -> bool:
        """Whether anything has no end."""
        return any(bar.open for lane in self.lanes for bar in lane.bars)

    @property
    def unseen(self) -> bool:
        """Whether anything began or ended between two looks."""
        return any(lane.whiskers for lane in self.lanes)

    @property
    def kinds(self) -> set[str]:
        """Of the marks that are shown."""
        return {point.kind for point in self.points}


def draw(
    rows: Sequence[Row], marks: Sequence[Mark], zone: tzinfo, until: datetime | None = None, many: str = "rows"
) -> Chart | None:
    """The chart; None when nothing was out. What is open goes on to `until`, or the last thing known. `many` is what
    several rows are called that are drawn as one.
    """
    if not any(row.spells for row in rows):
        return None
    first, last = _span([spell for row in rows for spell in row.spells], marks, until)
    scale = _Scale(first, last)
    step = next((s for s in _STEPS if (last - first) / s <= TICKS), _STEPS[-1])
    shown = [mark for mark in marks if first <= mark.at <= last]
    head = 20 if zone is UTC or step >= _DAY else 36
    top = head + (PITCH if shown else 0)
    drawn = _joined(rows) if len(rows) > MOST_ROWS else [[row] for row in rows]
    lanes = [_lane(alike, top + n * PITCH, scale, many) for n, alike in enumerate(drawn)]
    return Chart(
        start=first,
        end=last,
        height=top + len(lanes) * PITCH + 6,
        head=head,
        ticks=list(_ticks(scale, step, zone)),
        points=[Point(scale.x(m.at), m.kind, m.label, m.href) for m in shown],
        beyond=[mark for mark in marks if mark not in shown],
        lanes=lanes,
        severities=sorted({bar.severity for lane in lanes for bar in lane.bars}, key=_badness, reverse=True),
        by_day=step >= _DAY,
        joined=len(lanes) < len(rows),
    )


class _Scale(NamedTuple):
    first: datetime
    last: datetime

    def x(self, when: datetime) -> float:
        """Percent of the width."""
        return round(100 * ((when - self.first) / (self.last - self.first)), 3)


def _span(spells: Sequence[Spell], marks: Iterable[Mark], until: datetime | None) -> tuple[datetime, datetime]:
    """From the first to the last thing shown, with some air: the outage, and what was said not too far from it."""
    first = min(spell.since or spell.start for spell in spells)
    ends = [spell.end for spell in spells if spell.end]
    open_ = any(spell.end is None for spell in spells)
    last = max([*ends, *(s.start for s in spells), *([until] if open_ and until else [])])
    near = max((last - first) / 2, 30 * _MINUTE)
    told = [mark.at for mark in marks if first - near <= mark.at <= last + near]
    if open_:
        last = max([last, *told])
    last = max(last, first + 5 * _MINUTE)
    air = (last - first) / 40
    return min([first, *told]) - air, max([last, *told]) + air


def _lane(alike: Sequence[Row], y: int, scale: _Scale, many: str) -> Lane:
    """Rows that had the same course."""
    row, spelled = alike[0], ", ".join(row.label for row in alike)
    folded = len(alike) > 1 and len(spelled) > LETTERS
    names: list[tuple[str, str | None]] = [(row.label, row.href) for row in alike]
    if folded:
        wider = sum(row.wider for row in alike)
        counts = [(len(alike) - wider, many), (wider, "wider areas" if wider > 1 else "wider area")]
        names = [(", ".join(f"{number} {what}" for number, what in counts if number), None)]
    told = _told(row.spells) + (f": {spelled}" if folded else "")
    bars = list(_bars(row.spells, y, scale))
    before = ((s.since, s.start, False) for s in row.spells)
    within = ((s.until, s.end, True) for s in row.spells)
    middle = y + DROP + THICK / 2 - 1
    whiskers = [
        Whisker(scale.x(since), round(scale.x(until) - scale.x(since), 3), middle, inside)
        for since, until, inside in dict.fromkeys((*before, *within))
        if since and until
    ]
    return Lane(names, y, bars, whiskers, told)


def _bars(spells: Sequence[Spell], y: int, scale: _Scale) -> Iterator[Bar]:
    """A step at each moment at which something changed, the worst at the bottom."""
    number = len({spell.thing for spell in spells})
    edges = sorted({moment for s in spells for moment in (s.start, s.end or scale.last)})
    steps: list[tuple[datetime, datetime, dict[str, int], bool]] = []
    for begin, end in pairwise(edges):
        now = [s for s in spells if s.start <= begin and (s.end is None or s.end >= end)]
        # Whatever is left is open when nothing of it has an end.
        counts, going_on = _counts(now), bool(now) and all(s.end is None for s in now)
        if steps and steps[-1][1] == begin and steps[-1][2:] == (counts, going_on):
            begin = steps.pop()[0]
        if counts:
            steps.append((begin, end, counts, going_on))
    for begin, end, counts, going_on in steps:
        x = scale.x(begin)
        width = max(round(scale.x(end) - x, 3), NARROWEST)
        heights = {severity: max(THICK * count / number, THIN) for severity, count in counts.items()}
        squeeze = min(1.0, THICK / sum(heights.values()))
        base = float(y + DROP + THICK)
        for severity in sorted(heights, key=_badness, reverse=True):
            height = heights[severity] * squeeze
            base -= height
            yield Bar(x, width, round(base, 2), round(height, 2), severity, going_on)


def _counts(spells: Sequence[Spell]) -> dict[str, int]:
    """How many things were out how badly."""
    worst: dict[Hashable, str] = {}
    for spell in spells:
        severity = spell.severity or "unknown"
        worst[spell.thing] = max(worst.get(spell.thing, severity), severity, key=_badness)
    counts: dict[str, int] = defaultdict(int)
    for severity in worst.values():
        counts[severity] += 1
    return dict(counts)


def _badness(severity: str) -> int:
    return RANK[Severity(severity)] if severity != "unknown" else -1


def _told(spells: Sequence[Spell]) -> str:
    """A row in words."""
    starts, ends = [s.start for s in spells], [s.end for s in spells]
    said = f"out from {_minute(min(starts))}"
    first, last = min((e for e in ends if e), default=None), max((e for e in ends if e), default=None)
    if None in ends:
        return f"{said} UTC, no end known"
    if first and last and first != last:
        return f"{said}; the first part back at {first:%H:%M}, the last at {_minute(last)} UTC"
    return f"{said} until {_minute(last)} UTC"


def _minute(at: datetime | None) -> str:
    return stamp(at)[:16].replace("T", " ") if at else ""


def _ticks(scale: _Scale, step: timedelta, zone: tzinfo) -> Iterator[Tick]:
    """Round times of UTC. Those hidden on narrow screens are never the ones at which a day begins."""
    first = _EPOCH - (_EPOCH - scale.first) // step * step
    times = []
    while first <= scale.last:
        if first >= scale.first:
            times.append(first)
        first += step
    keep = next((n % 2 for n, t in enumerate(times) if t.time() == _EPOCH.time()), 0) if step < _DAY else 0
    for number, at in enumerate(times):
        x = scale.x(at)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        there = at.astimezone(zone)
        local = "" if step >= _DAY else _clock(there)
        called = zone_name(there.tzname(), there.utcoffset())
        minor = number % 2 != keep and len(times) > 4
        yield Tick(x, anchor, _minute(at)[:10] if step >= _DAY else _clock(at), local, called, minor, at)


def _clock(at: datetime) -> str:
    """The time of day, and the day where it begins."""
    return f"{at:%b} {at.day}" if (at.hour, at.minute) == (0, 0) else f"{at:%H:%M}"


def _joined(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows together that had the same course, where the first of them stood."""
    alike: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        alike[tuple(sorted((str(s.thing), s.severity or "", s.start, str(s.end)) for s in row.spells))].append(row)
    return list(alike.values())
