"""Reads the windows that a message states: tokens, then moments, then what the words around them say."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

import msgspec

from crawler.clock import cues
from crawler.clock.cues import Beginning, End, Ending
from crawler.clock.days import LONG, Bound, Frame, Unplaced, moved, opening, pair, single
from crawler.clock.joining import Event, joined
from crawler.clock.lexer import MAYBE, Kind, Token, fold, last_date, tokens
from crawler.clock.phrases import AHEAD, Chain, Moment, chains
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


class Held(NamedTuple):
    """What holds on after some words: the last dated moment, whether it stands by itself, the zone of the last clock."""

    near: datetime | None = None
    announced: bool = False
    zone: Zone | None = None


class Reading(NamedTuple):
    """All that a message says about times. `unknown_zones`: abbreviations that the source does not explain."""

    windows: list[Window]
    unknown_zones: list[str]


def windows(text: str, posted_at: datetime | None, zones: Zones, *, began: datetime | None = None) -> list[Window]:
    """The windows that a text states, in its order; see `read`."""
    return read(text, posted_at, zones, began=began).windows


def read(
    text: str,
    posted_at: datetime | None,
    zones: Zones,
    *,
    began: datetime | None = None,
    over: datetime | None = None,
    before: Callable[[], Held] | None = None,
) -> Reading:
    """The windows that a text states, in its order, and the zones it names that nobody knows.

    `posted_at` (aware) gives a date or a year that the text leaves out; when only its day is known, pass
    the last second of that day. `began` (aware), an earlier bound of the incident, stands in where there
    is no post. `over` (aware) is when the incident ended as far as is known: what was posted later is told of
    the time from `began` until then. `before` tells what holds on from what the message says before the text,
    and is asked only where a date or a zone is missing. A start and an end in different sentences make one window.
    Any text is read, none raises.
    """
    if not MAYBE.search(text):
        return Reading([], [])
    folded = fold(text)
    found = tokens(folded, text, zones)
    if not any(token.kind is Kind.CLOCK for token in found):
        return Reading([], [])
    frame, zone = Frame(posted_at, began, None, over), Zone("", zones.default)
    if before and not {Kind.DAY, Kind.ZONE} <= {token.kind for token in found}:
        held = before()
        frame = frame._replace(near=held.near, announced=held.announced)
        zone = held.zone or zone
    return _Reader(text, folded, found, frame, zones, zone).read()


def goes_on(text: str) -> bool:
    """Whether no sentence ends in a text between two times."""
    return not cues.BOUNDARY.search(fold(text))


class Context:
    """A message of which single lines are read: what it says of days and zones before each. Read once, when asked.

    The arguments are those of `read`.
    """

    def __init__(
        self, text: str, posted_at: datetime | None, zones: Zones, *, began: datetime | None, over: datetime | None
    ) -> None:
        self.text, self.zones = text, zones
        self.frame = Frame(posted_at, began, None, over)

    def before(self, position: int) -> Held:
        """What holds on at a place of the text."""
        at = bisect_right(self._held, position, key=lambda each: each[0])
        return self._held[at - 1][1] if at else Held()

    @cached_property
    def _held(self) -> list[tuple[int, Held]]:
        """After each moment: where it ends, and what holds on from there."""
        if not MAYBE.search(self.text):
            return []
        folded = fold(self.text)
        found = tokens(folded, self.text, self.zones)
        return list(_Reader(self.text, folded, found, self.frame, self.zones, Zone("", self.zones.default)).follow())


class _Reader:
    """The state of reading one text."""

    def __init__(self, text: str, folded: str, found: list[Token], frame: Frame, zones: Zones, default: Zone) -> None:
        self.text, self.folded, self.frame = text, folded, frame
        self.zones = zones
        self.default = default
        self.boundaries = [0, *(m.end() for m in cues.BOUNDARY.finditer(folded)), len(folded)]
        self.parts = [0, *(m.end() for m in cues.PARTS.finditer(folded))]
        self.chains = chains(folded, found, frame.posted_at)
        self.unknown: list[str] = []

    def read(self) -> Reading:
        self._share_zones()
        narrative = self._narrative()
        read: list[Window] = []
        parts: dict[int, list[Event]] = {}
        for i, chain in enumerate(self.chains):
            events = parts.setdefault(bisect_right(self.parts, chain.opened_at), [])
            told = narrative and any(a <= chain.opened_at < b for a, b in narrative)
            events += self._events(i, chain, narrative=bool(told))
        for events in parts.values():
            read += [self._window(first, last) for first, last in joined(events)]
        return Reading(_distinct(read, self.zones), self.unknown)

    def follow(self) -> Iterator[tuple[int, Held]]:
        """What the text tells for what comes after each of its moments, and no windows.

        Nothing of moments that are not about this incident: promises, plans, and what happened before it.
        """
        self._share_zones()
        zone: Zone | None = None
        for i, chain in enumerate(self.chains):
            before = self.frame
            self._note_date(self.chains[i - 1].moments[-1].end if i else 0, chain)
            if not self._about_it(self.frame.near):
                self.frame = before
            for moment in chain.moments:
                before = self.frame
                self._note(moment, moment)
                if not self._about_it(self._placed(moment)) or not self._about_it(self.frame.near):
                    self.frame = before
                elif moment.clock and moment.zone and moment.zone.rule:
                    zone = moment.zone
                yield moment.end, Held(self.frame.near, self.frame.announced, zone)

    def _about_it(self, at: datetime | None) -> bool:
        """Whether a moment lies neither ahead of the message nor long before the incident began."""
        posted_at, began = self.frame.posted_at, self.frame.began
        return at is None or not ((posted_at and at > posted_at + AHEAD) or (began and at < began - _RECENT))

    def _placed(self, moment: Moment) -> datetime | None:
        try:
            return single(moment, self.frame).at if moment.clock else None
        except Unplaced:
            return None

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

    def _events(self, index: int, chain: Chain, *, narrative: bool) -> Iterator[Event]:
        pairs = chain.pairs()
        paired = {i for both in pairs for i in both}
        opened = chain.opened_at
        sentence = self._sentence(opened)
        self._note_date(self.chains[index - 1].moments[-1].end if index else 0, chain)
        floor = max(sentence, self.chains[index - 1].moments[-1].end if index else 0)
        head, before = self._head(sentence, opened), self._head(floor, opened)
        last = chain.moments[-1].end
        beyond = self.folded[last : last + _REACH]
        told = not narrative and cues.ranges(before, head, self._after(index, last), beyond)
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

    def _sentence(self, at: int) -> int:
        """Where the sentence begins that `at` is in."""
        return self.boundaries[bisect_right(self.boundaries, at) - 1]

    def _stop(self, at: int) -> int:
        """Where that sentence ends."""
        return self.boundaries[min(bisect_right(self.boundaries, at), len(self.boundaries) - 1)]

    def _after(self, index: int, end: int) -> str:
        """The sentence behind a moment, up to the next time in it."""
        stop = self._stop(end)
        if index + 1 < len(self.chains):
            stop = min(stop, max(end, self.chains[index + 1].opened_at))
        return self.folded[end : min(stop, end + _REACH)]

    def _head(self, start: int, end: int) -> str:
        return self.folded[max(start, end - _REACH) : end]

    def _note(self, moment: Moment, first: Moment) -> None:
        """Keeps a dated moment, or one that the incident dates: undated clocks after it are near it."""
        if moment.day is None and first.day is None:
            if near := moved(first, moment, self.frame) if not (moment.dated or first.dated) else None:
                self.frame = self.frame._replace(near=near, announced=False)
            return
        try:
            bound = single(moment, self.frame) if moment.day else single(first, self.frame)
        except Unplaced:
            return
        self.frame = self.frame._replace(near=bound.at, announced=False)

    def _note_date(self, since: int, chain: Chain) -> None:
        """A date that stands by itself is the day of the undated clocks after it: "On 2 May it failed … from 9:00"."""
        zone, posted_at = chain.moments[0].zone, self.frame.posted_at
        if zone is None or posted_at is None or any(moment.dated for moment in chain.moments):
            return
        day = last_date(self.folded, since, chain.opened_at)
        if day and (near := opening(day, zone, posted_at)):
            self.frame = self.frame._replace(near=near, announced=True)

    def _range(self, chain: Chain, i: int, j: int) -> Event:
        first, second = chain.moments[i], chain.moments[j]
        _borrow_date(chain, i, j)
        span = (chain.opened_at if i == 0 else first.start, second.end)
        try:
            start, end = pair(first, second, self.frame)
        except Unplaced as problem:
            return Event(None, None, End.WHOLE, False, second.zone or first.zone, span, str(problem))
        sentence = self._sentence(span[0])
        some = sentence if cues.SOME.match(self.folded[sentence : span[0]]) else None
        return Event(start, end, End.WHOLE, False, end.zone, span, _impossible(start, end), some=some)

    def _lone(self, index: int, chain: Chain, i: int, sentence: int) -> Event | None:
        """A moment that is the start, or the end, of something; None when the words do not say so."""
        moment = chain.moments[i]
        sentence = max(sentence, self._sentence(moment.start), moment.start - _REACH)
        head, after = self.folded[sentence : moment.start], self._after(index, moment.end)
        if i + 1 < len(chain.moments):
            after = self.folded[moment.end : chain.moments[i + 1].start]
        if index and i == 0:
            head = self.folded[max(sentence, self.chains[index - 1].moments[-1].end) : moment.start]
            if cues.PLAN.search(self.folded[sentence : moment.start]):
                return None
        label = cues.labelled(head[-60:])
        if label:
            begin = Beginning() if label == "start" else None
        else:
            begin = self._beginning(chain, i, head, first=index == 0 and i == 0)
        if begin is not None:
            ending = Ending(End.NONE, *begin)
        else:
            ending = Ending(End.WHOLE) if label else cues.ends(head, after)
            if ending.sureness is End.NONE:
                return None
        span = (
            min(chain.opened_at if i == 0 else moment.start, moment.start - ending.before),
            moment.end + ending.after,
        )
        try:
            bound = single(moment, self.frame)
        except Unplaced as problem:
            return Event(None, None, ending.sureness, False, moment.zone, span, str(problem))
        if begin is None:
            sure, other = ending.sureness, ending.another
            return Event(None, bound, sure, label is not None, bound.zone, span, bound.suspect, another=other)
        length = cues.lasted(head, after)
        lasted = bound._replace(at=bound.at + length) if length else None
        ongoing = cues.ONGOING.search(self.folded[sentence : moment.start]) is not None
        return Event(bound, None, End.NONE, label is not None, bound.zone, span, bound.suspect, ongoing, lasted)

    def _beginning(self, chain: Chain, i: int, head: str, *, first: bool) -> Beginning | None:
        """The words that make a moment a start. They may stand within it: "on 5 May starting at 9:00"."""
        moment = chain.moments[i]
        beyond = self.folded[moment.end : moment.end + _REACH]
        after = beyond[: self._stop(moment.end) - moment.end]
        begin = cues.starts(head, after, beyond, first=first)
        if begin is None and chain.openers[i] and moment.clock_at > moment.start:
            begin = cues.starts(head + self.folded[moment.start : moment.clock_at], after, beyond, first=False)
        return begin and begin._replace(before=min(begin.before, len(head)))

    # --- one text -----------------------------------------------------------------------------

    def _window(self, first: Event, last: Event) -> Window:
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
#: What lies further before an incident is another one, or a change that caused it.
_RECENT = timedelta(days=1)
#: An incident may be announced this long after it was over.
_EARLY = timedelta(days=14)
_EPOCH = Bound(datetime(2000, 1, 1, tzinfo=UTC), Zone("UTC", UTC), None)


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
