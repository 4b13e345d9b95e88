"""Which starts, ends and ranges of one text make windows together.

Events come in the order of the text. A window is told as the event that gives its start and the event that gives
its end, which is one event for a range or for a half of a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from crawler.clock.cues import End
from crawler.clock.days import Bound
from crawler.clock.zones import Zone


class Event(NamedTuple):
    """A start, an end or a whole window, found at one place of the text."""

    start: Bound | None
    end: Bound | None
    #: How surely it is an end of everything.
    sureness: End
    #: It stands behind a label: "Incident Start:".
    labelled: bool
    zone: Zone | None
    span: tuple[int, int]
    suspect: str | None = None
    #: It begins something that still goes on.
    ongoing: bool = False
    #: Its end, from how long it is said to have lasted.
    lasted: Bound | None = None
    #: Where its sentence begins, when that sentence is about some of those affected.
    some: int | None = None
    #: It is the end of another incident than the one that the text is about.
    another: bool = False

    @property
    def range(self) -> tuple[datetime, datetime] | None:
        """Both instants, if it has both."""
        return (self.start.at, self.end.at) if self.start and self.end else None


Pair = tuple[Event, Event]


def joined(events: Sequence[Event]) -> Iterator[Pair]:
    """Whole windows; or a start and the end that goes with it; or what there is of them."""
    yield from ((e, e) for e in events if e.start is None and e.end is None)
    whole = _without_parts([e for e in events if e.range])
    begun = [e for e in events if e.start and not e.end]
    over = [e for e in events if e.end and not e.start and not e.another]
    yield from ((e, e) for e in events if e.another and e.sureness > End.BACKLOG)
    # "Starting at 7:30 … Between 8 and 18 the rate was 3 %": the range is a part of what began before
    opening = next((e for e in begun if whole and e.span < whole[0].span and _opens(e, whole, over)), None)
    if whole and opening is None:
        yield from ((e, e) for e in whole)
        yield from ((e, e) for e in begun if not any(_after_start(e, w) for w in whole))
        return
    found = list(_without_ranges(events, begun, over, opening))
    yield from found
    yield from ((e, e) for e in whole if any(_within(e, first, last) for first, last in found))


def _without_ranges(
    events: Sequence[Event], begun: Sequence[Event], over: Sequence[Event], opening: Event | None
) -> Iterator[Pair]:
    """What the starts and the ends that stand alone make. `opening`: the start that comes before all ranges."""
    if any(e.labelled for e in begun) and any(e.labelled for e in over):
        yield from _labelled([e for e in events if e.labelled])
    elif begun and not over and any(e.lasted for e in begun):
        yield from ((e, e._replace(end=e.lasted)) for e in begun if e.lasted)
    elif begun:
        yield from _from_start(opening or begun[0], over)
    else:
        yield from ((e, e) for e in over if e.sureness > End.BACKLOG)


def _from_start(start: Event, over: Sequence[Event]) -> Iterator[Pair]:
    """A start with the surest end after it, the last of several; then the ends of parts of it."""
    after = [e for e in over if e.end and start.start and e.end.at > start.start.at]
    if start.ongoing or not after:
        yield start, start._replace(end=start.lasted)
        return
    yield from ((e, e) for e in over if e.sureness > End.BACKLOG and e.span < start.span)  # of what was before
    best = max(e.sureness for e in after)
    end = max((e for e in after if e.sureness is best), key=_end_at)
    going_on = best <= End.PARTLY or (
        best < End.WHOLE and any(e.sureness is End.PARTLY and _end_at(e) > _end_at(end) for e in after)
    )
    yield start, start if going_on else end
    yield from ((e, e) for e in after if e is not end and End.BACKLOG < e.sureness < best)


def _without_parts(whole: Sequence[Event]) -> list[Event]:
    """Leaves out what a later sentence says of some of those that an earlier window is about."""
    kept: list[Event] = []
    for event in whole:
        sentence = event.some
        if sentence is None or not any(_overlap(event, other) and other.span[1] <= sentence for other in kept):
            kept.append(event)
    return kept


def _labelled(events: Sequence[Event]) -> Iterator[Pair]:
    """Start, end, start, end."""
    open_: Event | None = None
    for event in events:
        if event.start:
            if open_:
                yield open_, open_
            open_ = event
        else:
            yield open_ or event, event
            open_ = None
    if open_:
        yield open_, open_


def _end_at(event: Event) -> datetime:
    return event.end.at if event.end else datetime.min.replace(tzinfo=UTC)


def _overlap(one: Event, other: Event) -> bool:
    a, b = one.range, other.range
    return a is not None and b is not None and a[0] < b[1] and b[0] < a[1]


def _after_start(start: Event, window: Event) -> bool:
    """Whether a start is not before a window: then it tells of some of it."""
    return start.start is None or window.start is None or window.start.at <= start.start.at


def _within(part: Event, first: Event, last: Event) -> bool:
    """Whether a range lies within the window from a start to an end."""
    if part.range is None or first.start is None or last.end is None:
        return False
    return first.start.at <= part.range[0] and part.range[1] <= last.end.at


def _opens(start: Event, whole: Sequence[Event], over: Sequence[Event]) -> bool:
    """Whether a start comes before the first window, on the same day; or with it, to an end that covers all."""
    window = whole[0]
    if start.start is None or window.start is None:
        return False
    ahead = window.start.at - start.start.at
    if ahead:
        return timedelta(0) < ahead < timedelta(hours=24)
    _, last = next(_from_start(start, over))
    return _end_at(last) >= max(_end_at(e) for e in whole)
