"""Reads the windows that a message states: tokens, then moments, then what the words around them say."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from crawler.clock import cues
from crawler.clock.cues import Beginning, End, Ending
from crawler.clock.days import LONG, Bound, Frame, Unplaced, pair, single
from crawler.clock.lexer import MAYBE, Kind, Token, fold, tokens
from crawler.clock.phrases import Chain, Moment, chains
from crawler.clock.zones import Zone, Zones


class Window(msgspec.Struct, frozen=True):
    """A time span that a text states. Aware, in UTC."""

    #: None: the text gives only the other bound.
    started_at: datetime | None
    ended_at: datetime | None
    #: The zone as written ("PST", "北京时间"); for one written out (US/Pacific, PT) the abbreviation
    #: then in force (PDT); None where the source's own zone had to do.
    timezone_text: str | None
    #: The words it rests on, and where they stand in the text.
    quote: str
    span: tuple[int, int]
    #: Why it cannot be, else None. Both bounds are None when it could not be placed at all.
    suspect: str | None


class Reading(NamedTuple):
    """All that a message says about times. `unknown_zones`: abbreviations that the source does not explain."""

    windows: list[Window]
    unknown_zones: list[str]


def windows(text: str, posted_at: datetime | None, zones: Zones, *, began: datetime | None = None) -> list[Window]:
    """The windows that a text states, in its order; see `read`."""
    return read(text, posted_at, zones, began=began).windows


def read(text: str, posted_at: datetime | None, zones: Zones, *, began: datetime | None = None) -> Reading:
    """The windows that a text states, in its order, and the zones it names that nobody knows.

    `posted_at` (aware) gives a date or a year that the text leaves out; when only its day is known, pass
    the last second of that day. `began` (aware), an earlier bound of the incident, stands in where there
    is no post. A start and an end in different sentences make one window. Any text is read, none raises.
    """
    if not MAYBE.search(text):
        return Reading([], [])
    folded = fold(text)
    found = tokens(folded, text, zones)
    if not any(token.kind is Kind.CLOCK for token in found):
        return Reading([], [])
    return _Reader(text, folded, found, Frame(posted_at, began, None), zones).read()


class _Event(NamedTuple):
    """A start, an end or a whole window, found at one place of the text."""

    start: Bound | None
    end: Bound | None
    sureness: End
    labelled: bool
    zone: Zone | None
    span: tuple[int, int]
    suspect: str | None = None
    #: It begins something that still goes on.
    ongoing: bool = False
    #: Its end, from how long it is said to have lasted.
    lasted: Bound | None = None

    @property
    def range(self) -> tuple[datetime, datetime] | None:
        """Both instants, if it has both."""
        return (self.start.at, self.end.at) if self.start and self.end else None


class _Reader:
    """The state of reading one text."""

    def __init__(self, text: str, folded: str, found: list[Token], frame: Frame, zones: Zones) -> None:
        self.text, self.folded, self.frame = text, folded, frame
        self.zones = zones
        self.default = Zone("", zones.default)
        self.boundaries = [0, *(m.end() for m in cues.BOUNDARY.finditer(folded)), len(folded)]
        self.parts = [0, *(m.end() for m in cues.PARTS.finditer(folded))]
        self.chains = chains(folded, found)
        self.unknown: list[str] = []

    def read(self) -> Reading:
        self._share_zones()
        narrative = self._narrative()
        read: list[Window] = []
        parts: dict[int, list[_Event]] = {}
        for i, chain in enumerate(self.chains):
            events = parts.setdefault(bisect_right(self.parts, chain.opened_at), [])
            told = narrative and any(a <= chain.opened_at < b for a, b in narrative)
            events += self._events(i, chain, narrative=bool(told))
        for events in parts.values():
            read += self._joined(events)
        return Reading(_distinct(read, self.zones), self.unknown)

    # --- what is shared -----------------------------------------------------------------------

    def _share_zones(self) -> None:
        """A zone written once holds for its chain, then for the text around it; last comes the source's own."""
        carried: Zone | None = None
        carried_part = -1
        first = next((m.zone for c in self.chains for m in c.moments if m.zone and m.zone.rule), None)
        for chain in self.chains:
            part = bisect_right(self.parts, chain.opened_at)
            if part != carried_part or (carried and not carried.written.isascii()):
                carried, carried_part = None, part
            later = None
            for moment in reversed(chain.moments):
                later = moment.zone = moment.zone or later
            for moment in chain.moments:
                if moment.zone is None:
                    moment.zone = carried
                if moment.zone and moment.zone.rule:
                    carried = moment.zone
        for chain in self.chains:
            for moment in chain.moments:
                if moment.zone is None:
                    usable = first is not None and first.written.isascii() and len(self.parts) == 1
                    moment.zone = first if usable else self.default
                if moment.zone and moment.zone.rule is None and moment.zone.written not in self.unknown:
                    self.unknown.append(moment.zone.written)

    def _narrative(self) -> list[tuple[int, int]]:
        """Stretches under headings that tell of causes and repairs."""
        found: list[tuple[int, int]] = []
        begun: int | None = None
        at = 0
        for line in self.folded.splitlines(keepends=True):
            if begun is None and cues.NARRATIVE.match(line):
                begun = at
            elif begun is not None and cues.SUMMARY.match(line):
                found.append((begun, at))
                begun = None
            at += len(line)
        if begun is not None:
            found.append((begun, at))
        return found

    # --- one chain ----------------------------------------------------------------------------

    def _events(self, index: int, chain: Chain, *, narrative: bool) -> Iterator[_Event]:
        pairs = chain.pairs()
        paired = {i for both in pairs for i in both}
        opened = chain.opened_at
        sentence = self.boundaries[bisect_right(self.boundaries, opened) - 1]
        floor = max(sentence, self.chains[index - 1].moments[-1].end if index else 0)
        head, before = self._head(sentence, opened), self._head(floor, opened)
        told = not narrative and cues.ranges(before, head, self._after(index, chain.moments[-1].end))
        for i, j in pairs:
            if told:
                yield self._range(chain, i, j)
            self._note(chain.moments[j], chain.moments[i])
        for i, moment in enumerate(chain.moments):
            if i in paired or moment.clock is None:
                continue
            if not narrative:
                event = self._lone(index, chain, i, sentence)
                if event:
                    yield event
            self._note(moment, moment)

    def _after(self, index: int, end: int) -> str:
        """The sentence behind a moment, up to the next time in it."""
        stop = self.boundaries[min(bisect_right(self.boundaries, end), len(self.boundaries) - 1)]
        if index + 1 < len(self.chains):
            stop = min(stop, max(end, self.chains[index + 1].opened_at))
        return self.folded[end : min(stop, end + _REACH)]

    def _head(self, start: int, end: int) -> str:
        return self.folded[max(start, end - _REACH) : end]

    def _note(self, moment: Moment, first: Moment) -> None:
        """Keeps a dated moment: undated clocks after it are near it."""
        if moment.day is None and first.day is None:
            return
        try:
            bound = single(moment, self.frame) if moment.day else single(first, self.frame)
        except Unplaced:
            return
        self.frame = self.frame._replace(near=bound.at)

    def _range(self, chain: Chain, i: int, j: int) -> _Event:
        first, second = chain.moments[i], chain.moments[j]
        _borrow_date(chain, i, j)
        span = (chain.opened_at if i == 0 else first.start, second.end)
        try:
            start, end = pair(first, second, self.frame)
        except Unplaced as problem:
            return _Event(None, None, End.WHOLE, False, second.zone or first.zone, span, str(problem))
        return _Event(start, end, End.WHOLE, False, end.zone, span, _impossible(start, end))

    def _lone(self, index: int, chain: Chain, i: int, sentence: int) -> _Event | None:
        """A moment that is the start, or the end, of something; None when the words do not say so."""
        moment = chain.moments[i]
        sentence = max(sentence, self.boundaries[bisect_right(self.boundaries, moment.start) - 1])
        sentence = max(sentence, moment.start - _REACH)
        head, after = self.folded[sentence : moment.start], self._after(index, moment.end)
        if i + 1 < len(chain.moments):
            after = self.folded[moment.end : chain.moments[i + 1].start]
        if index and i == 0:
            head = self.folded[max(sentence, self.chains[index - 1].moments[-1].end) : moment.start]
            if cues.PLAN.search(self.folded[sentence : moment.start]):
                return None
        label = cues.labelled(head[-60:])
        first = index == 0 and i == 0
        stop = self.boundaries[min(bisect_right(self.boundaries, moment.end), len(self.boundaries) - 1)]
        rest = self.folded[moment.end : min(stop, moment.end + _REACH)]
        begin = Beginning() if label == "start" else cues.starts(head, rest, first=first) if label is None else None
        ending = (
            Ending(End.NONE, *begin) if begin is not None else Ending(End.WHOLE) if label else cues.ends(head, after)
        )
        begins, sureness = begin is not None, ending.sureness
        if not begins and sureness is End.NONE:
            return None
        span = (
            min(chain.opened_at if i == 0 else moment.start, moment.start - ending.before),
            moment.end + ending.after,
        )
        try:
            bound = single(moment, self.frame)
        except Unplaced as problem:
            return _Event(None, None, sureness, False, moment.zone, span, str(problem))
        if not begins:
            return _Event(None, bound, sureness, label is not None, bound.zone, span, bound.suspect)
        length = cues.lasted(head, after)
        lasted = bound._replace(at=bound.at + length) if length else None
        ongoing = cues.ONGOING.search(self.folded[sentence : moment.start]) is not None
        return _Event(bound, None, End.NONE, label is not None, bound.zone, span, bound.suspect, ongoing, lasted)

    # --- one text -----------------------------------------------------------------------------

    def _joined(self, events: Sequence[_Event]) -> Iterator[Window]:
        """Whole windows; or a start and the end that goes with it; or what there is of them."""
        yield from (self._window(e, e) for e in events if e.start is None and e.end is None)
        whole = self._without_parts([e for e in events if e.range])
        begun = [e for e in events if e.start and not e.end]
        over = [e for e in events if e.end and not e.start]
        # "Starting at 7:30 … Between 8 and 18 the rate was 3 %": the range is a part of what began before
        opening = next((e for e in begun if whole and e.span < whole[0].span and _just_before(e, whole[0])), None)
        if whole and opening is None:
            yield from (self._window(e, e) for e in whole)
        elif any(e.labelled for e in begun) and any(e.labelled for e in over):
            yield from self._labelled(e for e in events if e.labelled)
        elif begun and not over and any(e.lasted for e in begun):
            yield from (self._window(e, e._replace(end=e.lasted)) for e in begun if e.lasted)
        elif begun:
            yield from self._from_start(opening or begun[0], over)
        else:
            yield from (self._window(e, e) for e in over if e.sureness > End.BACKLOG)

    def _from_start(self, start: _Event, over: Sequence[_Event]) -> Iterator[Window]:
        """A start with the surest end after it, the last of several; then the ends of parts of it."""
        after = [e for e in over if e.end and start.start and e.end.at > start.start.at]
        if start.ongoing or not after:
            yield self._window(start, start._replace(end=start.lasted))
            return
        best = max(e.sureness for e in after)
        end = max((e for e in after if e.sureness is best), key=_end_at)
        going_on = best <= End.PARTLY or (
            best < End.WHOLE and any(e.sureness is End.PARTLY and _end_at(e) > _end_at(end) for e in after)
        )
        yield self._window(start, start if going_on else end)
        yield from (self._window(e, e) for e in after if e is not end and End.BACKLOG < e.sureness < best)

    def _without_parts(self, whole: list[_Event]) -> list[_Event]:
        """Leaves out what a later sentence says of some of those that an earlier window is about."""
        kept: list[_Event] = []
        for event in whole:
            sentence = self.boundaries[bisect_right(self.boundaries, event.span[0]) - 1]
            some = cues.SOME.match(self.folded[sentence : event.span[0]])
            if not (some and any(_overlap(event, other) and other.span[1] <= sentence for other in kept)):
                kept.append(event)
        return kept

    def _labelled(self, events: Iterable[_Event]) -> Iterator[Window]:
        """Start, end, start, end."""
        open_: _Event | None = None
        for event in events:
            if event.start:
                if open_:
                    yield self._window(open_, open_)
                open_ = event
            else:
                yield self._window(open_ or event, event)
                open_ = None
        if open_:
            yield self._window(open_, open_)

    def _window(self, first: _Event, last: _Event) -> Window:
        start, end = first.start, last.end
        span = (min(first.span[0], last.span[0]), max(first.span[1], last.span[1]))
        if "(" in self.text[span[0] : span[1]] and self.text[span[1] : span[1] + 1] in (")", "）"):
            span = (span[0], span[1] + 1)
        suspect = first.suspect or last.suspect
        if start and end and not suspect:
            suspect = _impossible(start, end)
        if end and not suspect:
            suspect = self._long_before(end)
        zone = first.zone if first.zone and first.zone.written else last.zone
        told = zone.told((start or end or _EPOCH).at) if zone and zone.written else None
        return Window(
            started_at=start.at if start else None,
            ended_at=end.at if end else None,
            timezone_text=told,
            quote=self.text[span[0] : span[1]],
            span=span,
            suspect=suspect,
        )

    def _long_before(self, end: Bound) -> str | None:
        """A window that was over long before its incident began has a slip in its date."""
        if self.frame.began is None or self.frame.began - end.at <= _EARLY:
            return None
        return f"{(self.frame.began - end.at).days} days before its incident"


#: Longest stretch of a sentence looked at on either side of a time.
_REACH = 500
#: An incident may be announced this long after it was over.
_EARLY = timedelta(days=14)
_EPOCH = Bound(datetime(2000, 1, 1, tzinfo=UTC), Zone("UTC", UTC), None)


def _end_at(event: _Event) -> datetime:
    return event.end.at if event.end else datetime.min.replace(tzinfo=UTC)


def _overlap(one: _Event, other: _Event) -> bool:
    a, b = one.range, other.range
    return a is not None and b is not None and a[0] < b[1] and b[0] < a[1]


def _just_before(start: _Event, window: _Event) -> bool:
    """Whether a start comes before a window, on the same day."""
    if start.start is None or window.start is None:
        return False
    return timedelta(0) < window.start.at - start.start.at < timedelta(hours=24)


def _impossible(start: Bound, end: Bound) -> str | None:
    """Why two instants are no window, or why one of them cannot be believed."""
    if problem := start.suspect or end.suspect:
        return problem
    if end.at < start.at:
        return "ends before it starts"
    if end.at == start.at:
        return "has no length"
    if end.at - start.at > LONG:
        return f"lasts {(end.at - start.at).days} days"
    return None


def _borrow_date(chain: Chain, i: int, j: int) -> None:
    """Dates are written once for several ranges: "9 to 10 and 11 to 12 UTC on 14 Aug"."""
    first, second = chain.moments[i], chain.moments[j]
    if first.dated or second.dated:
        return
    others = [m for m in chain.moments if m.day is not None]
    if others:
        near = min(others, key=lambda m: min(abs(m.start - second.end), abs(m.end - first.start)))
        second.day, second.day_at = near.day, second.end


def _distinct(read: Sequence[Window], zones: Zones) -> list[Window]:
    """Each window once, of two languages the one in the source's own zone; halves of a whole are left out."""
    kept: dict[tuple[datetime | None, datetime | None, str | None], Window] = {}
    for window in read:
        key = (window.started_at, window.ended_at, window.suspect)
        if window.started_at is None and window.ended_at is None:
            key = (None, None, f"{window.suspect} {window.span}")
        old = kept.get(key)
        if old is None or _nativeness(window, zones) > _nativeness(old, zones):
            kept[key] = window
    whole = [w for w in kept.values() if w.started_at and w.ended_at]
    starts, ends = {w.started_at for w in whole}, {w.ended_at for w in whole}
    found = [
        w
        for w in kept.values()
        if (w.started_at and w.ended_at)
        or (w.started_at is None and w.ended_at is None)
        or (w.started_at and w.started_at not in starts)
        or (w.ended_at and w.ended_at not in ends)
    ]
    return sorted(found, key=lambda w: w.span)


def _nativeness(window: Window, zones: Zones) -> tuple[bool, bool]:
    written = window.timezone_text
    return (written is not None and zones.look_up(written).rule == zones.default, bool(written and written.isascii()))
