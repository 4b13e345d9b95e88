"""Puts tokens together: moments ("10:26 AM PST on 27 November"), and which two of them are a range."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from crawler.clock.lexer import Clock, Day, Kind, Token
from crawler.clock.zones import Zone, universal

_FILLER = r"(?:at|on|of|in|the|both|about|around|approximately|approx\.?|roughly|circa|only|evening|morning|afternoon|night|early|late|shortly|time|times|local|hours|hrs)"
# possessive throughout: a text cannot make these search again
_FILLERS = rf"(?:{_FILLER}\b|[~@:,*_()\[\]\s]|左右|前后|许|頃|ごろ|쯤|경|的|の|于|在|시|에(?!서))*+"
_APPROX = r"(?:左右|前后|许|頃|ごろ|쯤|경)?+"
_STRONG = (
    r"(?:to|until|till|through|thru|up\sto|and\s(?:(?:was\s|were\s)?(?:ending|ended|lasting|lasted|continuing|continued|persisted|persisting))"
    r"(?:\s(?:until|through|to))?|ending|lasting\suntil|and\s(?:until|through)|-{1,3}|~|->|=>|\"|"
    r"起?(?:持续)?(?:至|到)|から|부터|에서|より)"
)
_WEAK = r"(?:and(?:\salso|\sagain|\sthen)?|&|,|;|和|与|及|以及|および|と|、|그리고|및)"
_OPENER = r"(?:between|from|during|starting|beginning|commencing|started|began)"

_GLUE = re.compile(_FILLERS)
_RANGE = re.compile(rf"[\s,()]*+{_APPROX}[\s,()]*+(?P<strong>{_STRONG}){_FILLERS}")
_LIST = re.compile(rf"[\s(),]*+{_WEAK}?+{_FILLERS}")
_OPENS = re.compile(rf"{_LIST.pattern}\b(?P<opener>{_OPENER})\b{_FILLERS}(?:between\b{_FILLERS}|from\b{_FILLERS})?")
_LEADS = re.compile(rf"\b(?P<opener>between|from|during|occurred|entre)\b{_FILLERS}$")
#: A clock time this much after its post is still of that day: posts are stamped to the minute, or late.
AHEAD = timedelta(minutes=15)
#: Longest text between two tokens that may still join them.
_REACH = 48
#: Longest stretch looked at before a moment for a word that opens it.
_LEAD = 60


@dataclass(slots=True)
class Moment:
    """Pieces of one time that stand together. Positions are offsets in the text."""

    start: int
    end: int
    clock: Clock | None = None
    day: Day | None = None
    day_at: int = 0  # where the date stands: before the clock or after it
    zone: Zone | None = None
    weekday: int | None = None
    relative: int | None = None
    clock_at: int = 0

    def takes(self, token: Token) -> bool:
        """Adds a token, unless its place is taken."""
        value = token.value
        if token.kind is Kind.CLOCK and self.clock is None and isinstance(value, Clock):
            self.clock, self.clock_at = value, token.start
        elif token.kind is Kind.DAY and self.day is None and isinstance(value, Day):
            self.day, self.day_at = value, token.start
        elif token.kind is Kind.ZONE and isinstance(value, Zone):
            self.zone = self.zone or value
        elif token.kind is Kind.WEEKDAY and isinstance(value, int):
            self.weekday = value if value >= 0 else self.weekday
        elif token.kind is Kind.RELATIVE and isinstance(value, int) and self.relative is None:
            self.relative = value
        else:
            return False
        self.end = token.end
        return True

    @property
    def dated(self) -> bool:
        """Whether it says its day in any way."""
        return self.day is not None or self.relative is not None or self.weekday is not None


class Link(Enum):
    """What joins two moments of a chain."""

    RANGE = "range"
    LIST = "list"


@dataclass(slots=True)
class Chain:
    """Moments joined by nothing but connectors. `openers[i]` opens moment i; `links[i]` joins i and i+1."""

    moments: list[Moment] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    openers: list[str | None] = field(default_factory=list)
    opened_at: int = 0  # where its first opener, or its first moment, begins

    def pairs(self) -> list[tuple[int, int]]:
        """Which moments are the two ends of a range."""
        found: list[tuple[int, int]] = []
        opened = False
        i = 0
        while i < len(self.moments) - 1:
            opened = opened or self.openers[i] in ("between", "from", "during", "occurred", "entre")
            both = self.moments[i].clock is not None and self.moments[i + 1].clock is not None
            strong = self.links[i] is Link.RANGE
            # "A and B to C": B to C is the range, unless "between" or "from" opened at A
            ahead = not opened and i + 1 < len(self.links) and self.links[i + 1] is Link.RANGE
            if both and self.openers[i + 1] not in ("between", "from") and (strong or (opened and not ahead)):
                found.append((i, i + 1))
                i += 2
            else:
                i += 1
        return found


def chains(folded: str, found: Sequence[Token], posted_at: datetime | None = None) -> list[Chain]:
    """The moments of a text, those joined by connectors together. `posted_at` tells which of two zones is wrong."""
    result: list[Chain] = []
    chain: Chain | None = None
    folded, kept = _without_restatements(folded, _without_twins(folded, found, posted_at))
    for token in kept:
        if chain is None or not _joins(chain, token, folded):
            chain = Chain()
            result.append(chain)
            _open(chain, token, folded)
    return [chain for chain in result if any(m.clock for m in chain.moments)]


def _open(chain: Chain, token: Token, folded: str) -> None:
    moment = Moment(token.start, token.end)
    moment.takes(token)
    lead = folded[max(0, token.start - _LEAD) : token.start]
    match = _LEADS.search(lead)
    chain.moments.append(moment)
    chain.openers.append(match["opener"] if match else None)
    chain.opened_at = token.start - (len(lead) - match.start()) if match else token.start


def _joins(chain: Chain, token: Token, folded: str) -> bool:
    """Adds a token to the chain, if the text in between lets it."""
    last = chain.moments[-1]
    if token.start - last.end > _REACH:
        return False
    gap = folded[last.end : token.start]
    if "\n" in gap or (last.clock and ")" in gap and "(" not in folded[last.start : token.start]):
        return False  # another line, or the moment stands in brackets of its own
    if _GLUE.fullmatch(gap) and last.takes(token):
        return True
    if (match := _RANGE.fullmatch(gap)) is not None:
        if last.clock is None and match["strong"] in ("-", "--", "~") and last.takes(token):
            return True
        return _add(chain, token, Link.RANGE, None)
    if (match := _OPENS.fullmatch(gap)) is not None:
        if last.clock is None and last.takes(token):
            chain.openers[-1] = chain.openers[-1] or match["opener"]
            return True
        return _add(chain, token, Link.LIST, match["opener"], date_of=None if last.clock else last)
    if _LIST.fullmatch(gap):
        return _add(chain, token, Link.LIST, None)
    return False


def _add(chain: Chain, token: Token, link: Link, opener: str | None, date_of: Moment | None = None) -> bool:
    moment = Moment(token.start, token.end)
    moment.takes(token)
    if date_of and moment.day is None:
        moment.day, moment.day_at = date_of.day, date_of.day_at
    chain.moments.append(moment)
    chain.links.append(link)
    chain.openers.append(opener)
    return True


def _without_twins(folded: str, found: Sequence[Token], posted_at: datetime | None) -> list[Token]:
    """Makes one time of one that is told in two zones: 16:25 PT / 23:25 UTC.

    Of 3:06 PT (22:06 UTC) the first gets what the brackets know better; they stay. Who has miscounted one of them, so that
    it would lie ahead of the post, has miscounted all.
    """
    kept, miscounted = _joined_twins(folded, found, posted_at, miscounted=False)
    return _joined_twins(folded, found, posted_at, miscounted=True)[0] if miscounted else kept


def _joined_twins(
    folded: str, found: Sequence[Token], posted_at: datetime | None, *, miscounted: bool
) -> tuple[list[Token], bool]:
    """The tokens with one time for two, and whether the second of some two is the one that is wrong."""
    kept: list[Token] = []
    wrong = False
    i = 0
    while i < len(found):
        twin = _twins(folded, found, i, kept, posted_at, miscounted)
        if twin is None:
            kept.append(found[i])
            i += 1
        else:
            clock, zone, i, ahead = twin
            wrong |= ahead
            kept += [clock, zone]
    return kept, wrong


def _twins(
    folded: str, found: Sequence[Token], i: int, kept: Sequence[Token], posted_at: datetime | None, miscounted: bool
) -> tuple[Token, Token, int, bool] | None:
    """The clock and the zone that stand for the two times at i, where to go on, and whether the second time would lie
    ahead of the post; None when there are no two. `miscounted`: where they differ, the first is right.
    """
    if i + 2 >= len(found):
        return None
    clock, zone = found[i], found[i + 1]
    mark = folded[zone.end : found[i + 2].start].strip()
    redated = found[i + 2].kind is Kind.DAY
    at = i + 3 if redated else i + 2
    if mark not in ("/", "(") or at >= len(found):
        return None
    other = found[at].value
    if not isinstance(clock.value, Clock) or not isinstance(zone.value, Zone) or not isinstance(other, Clock):
        return None
    last = found[at + 1] if at + 1 < len(found) and not folded[found[at].end : found[at + 1].start].strip() else None
    written = last.value if last and isinstance(last.value, Zone) else None
    if written is None and (mark == "(" or redated or other.minute != clock.value.minute):
        return None
    dated = redated or _dated_before(folded, kept, clock)
    day = kept[-1].value if dated and kept and isinstance(kept[-1].value, Day) else None
    value, rule = _twin(clock.value, zone.value, other, written, day, prefer_first=dated or mark == "(")
    ahead = False
    if not dated and posted_at and rule is written and rule is not zone.value:
        if miscounted and not _agree_at(clock.value, zone.value, value, posted_at):
            value, rule = clock.value, zone.value
        value, rule = _not_ahead(clock.value, zone.value, value, rule, posted_at)
        ahead = rule is zone.value
    if redated and rule is not zone.value:  # the date before is that of the first
        value, rule = clock.value, zone.value
    if mark == "(":
        return clock._replace(value=value), zone._replace(value=rule), i + 2, ahead
    end = last.end if written and last else found[at].end
    return clock._replace(value=value), zone._replace(value=rule, end=end), at + (2 if written else 1), ahead


def _dated_before(folded: str, kept: Sequence[Token], clock: Token) -> bool:
    """Whether a date stands right before a clock, so that it is the date in the zone of that clock."""
    if not kept or kept[-1].kind not in (Kind.DAY, Kind.RELATIVE, Kind.WEEKDAY):
        return False
    gap = folded[kept[-1].end : clock.start]
    return len(gap) <= _REACH and bool(_GLUE.fullmatch(gap) or _OPENS.fullmatch(gap))


def _twin(
    clock: Clock, zone: Zone, other: Clock, written: Zone | None, day: Day | None, *, prefer_first: bool
) -> tuple[Clock, Zone]:
    """One clock and zone for both: UTC, which needs no AM or PM; but a date before the first is of its zone."""
    if written is None or written.rule is not UTC or zone.rule is UTC:
        return clock, zone
    if zone.rule is None or not prefer_first:
        return other, written
    for half in (clock.half, "am", "pm"):
        option = clock._replace(half=half)
        if (half == clock.half or clock.hour <= 12) and _agree(option, zone, other, day):
            return option, zone
    return other, written


def _not_ahead(clock: Clock, zone: Zone, other: Clock, utc: Zone, posted_at: datetime) -> tuple[Clock, Zone]:
    """Of two times without a date that are not the same, the one that is not ahead of its post; else the second."""
    if zone.rule is None or not _is_ahead(other, utc, posted_at):
        return other, utc
    return (other, utc) if _is_ahead(clock, zone, posted_at) else (clock, zone)


def _is_ahead(clock: Clock, zone: Zone, posted_at: datetime) -> bool:
    """Whether the last time clocks showed this before a post was so long ago that the next is meant."""
    shown = posted_at.astimezone(zone.rule)
    since = (shown.hour * 60 + shown.minute) * 60 + int(AHEAD.total_seconds()) - clock.seconds()
    return since % 86400 > 43200


def _agree(clock: Clock, zone: Zone, other: Clock, day: Day | None) -> bool:
    """Whether a clock in a zone shows the same as another in UTC, on a day or, without one, in winter or summer."""
    assert zone.rule is not None
    dates = [(2024, 1, 1), (2024, 7, 1)]
    if day and day.year and day.month and day.exists() and not day.swapped:
        dates = [(day.year, day.month, day.day)]
    for year, month, number in dates:
        wall = datetime(year, month, number) + timedelta(seconds=clock.seconds())  # noqa: DTZ001 - a wall clock
        at = universal(wall, zone.rule, zone.written)[0]
        if (at.hour, at.minute) == (other.seconds() // 3600 % 24, other.minute):
            return True
    return False


def _agree_at(clock: Clock, zone: Zone, other: Clock, posted_at: datetime) -> bool:
    """Whether a clock shows the same as another in UTC, by what its zone was ahead of UTC at a post."""
    ahead = posted_at.astimezone(zone.rule).utcoffset() if zone.rule else None
    return ahead is None or (clock.seconds() - other.seconds() - ahead.total_seconds()) % 86400 == 0


def _without_restatements(folded: str, found: Sequence[Token]) -> tuple[str, list[Token]]:
    """Blanks the same time told in another zone: 10:30 AM PDT (17:30 UTC). Offsets stay."""
    kept: list[Token] = []
    pieces: list[str] = []
    closed = 0
    for i, token in enumerate(found):
        if token.start < closed:
            continue
        if kept and kept[-1].kind in (Kind.CLOCK, Kind.ZONE) and folded[kept[-1].end : token.start].strip() == "(":
            close = folded.find(")", token.start, token.start + _LEAD)
            inside = [t.kind for t in found[i : i + 6] if t.end <= close]
            told = any(t.kind is Kind.CLOCK for t in kept[-3:])
            if told and Kind.CLOCK in inside and Kind.ZONE in inside:
                pieces += [folded[closed : kept[-1].end], " " * (close + 1 - kept[-1].end)]
                closed = close + 1
                continue
        kept.append(token)
    return "".join([*pieces, folded[closed:]]) if pieces else folded, kept
