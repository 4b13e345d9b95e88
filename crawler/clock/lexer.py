"""Finds the pieces of times in prose: clocks, dates, days, zones.

One pass of two compiled patterns over the neighbourhood of each clock. Every pattern is bounded, so the
work is linear in the length of the text, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from crawler.clock.zones import Zone, Zones


class Clock(NamedTuple):
    """A time of day as written. `half` is "am" or "pm"; hours are 0 to 24, 1 to 12 where `half` is to be guessed."""

    hour: int
    minute: int
    second: int
    half: str | None

    @property
    def twelve(self) -> bool:
        """Whether it may be of either half of the day."""
        return self.half is None and 1 <= self.hour <= 12

    def seconds(self) -> int:
        """Seconds after midnight."""
        hour = self.hour
        if self.half == "am" and hour == 12:
            hour = 0
        elif self.half == "pm" and hour < 12:
            hour += 12
        return hour * 3600 + self.minute * 60 + self.second


class Day(NamedTuple):
    """A date as written. `swapped` is the other reading of 3/4, if there is one."""

    year: int | None
    month: int | None
    day: int
    swapped: tuple[int, int] | None = None  # month, day

    def exists(self) -> bool:
        """Whether some calendar has it."""
        try:
            date(self.year or 2024, self.month or 1, self.day)
        except ValueError:
            return False
        return True


class Kind(StrEnum):
    """What a token is."""

    CLOCK = "clock"
    DAY = "day"
    ZONE = "zone"
    WEEKDAY = "weekday"
    RELATIVE = "relative"


class Token(NamedTuple):
    """A piece of a time and where it stands. `value` is a Clock, Day, Zone, or an int for the other kinds."""

    kind: Kind
    start: int
    end: int
    value: Clock | Day | Zone | int


_FULL = "０１２３４５６７８９：，（）－／～．；＋　\u00a0\u202f\u2009–—−〜‐‑、"
_HALF = "0123456789:,()-/~.;+    -----,"
_FOLDS = {ord(a): ord(b) for a, b in zip(_FULL[: len(_HALF)], _HALF, strict=True)}
_FOLDS |= {0x2010: 0x2D, 0x2011: 0x2D, 0x2012: 0x2D, 0x2013: 0x2D, 0x2014: 0x2D, 0x2212: 0x2D, 0x301C: 0x7E}
_FOLDS |= {0x3001: 0x2C, 0x2019: 0x27, 0x0009: 0x20}
_FOLDS |= {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def fold(text: str) -> str:
    """The text in lower case (ASCII letters) and half width, every character where it was."""
    return text.translate(_FOLDS)


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_YEAR = r"(?:19|20)\d\d(?![\d:])"
_PARTS = {
    "am": ["am", "凌晨", "清晨", "早上", "早晨", "上午", "午前", "오전", "새벽"],
    "pm": ["pm", "中午", "下午", "午后", "傍晚", "晚上", "晚间", "夜里", "午後", "夜", "오후", "저녁"],
}
_HALF_OF = {word: half for half, words in _PARTS.items() for word in words}
_PART = rf"(?:{'|'.join(_HALF_OF)})"

#: Something in the text that may be a clock: the cheap test which most messages fail.
MAYBE = re.compile(r"\d(?:[:：]\d\d|\s?[AaPp]\.?[Mm]|\s?[时時点點시]|\d{3}\s?(?:UTC|GMT)\b)")

#: How a piece with a number in it begins; the lookahead keeps other characters cheap.
_FIRST = "".join(sorted({word[0] for word in _HALF_OF if not word.isascii()}))

_NUMBERS = re.compile(
    rf"""
    (?=[\d+\-{_FIRST}]|[ap]m\s?\d)(?:
    (?<![\d.:/a-z-])(?P<iso>(?P<iso_day>(?:19|20)\d\d-\d\d-\d\d)t(?P<iso_clock>\d\d:\d\d(?::\d\d)?)(?:\.\d{{1,9}})?
        (?P<iso_zone>z|[+-]\d\d:?\d\d)?)(?![\d:])
  | (?<![\d.:/])(?P<ymd>(?:19|20)\d\d[-/.]\d{{1,2}}[-/.]\d{{1,2}})(?![\d])
  | (?P<cjk>(?:(?P<cjk_year>(?:19|20)\d\d|\d\d)\s?[年년]\s?)?(?P<cjk_month>\d{{1,2}})\s?[月월]\s?(?P<cjk_day>\d{{1,2}})\s?[日号號일])
  | (?:(?<![\d.:/a-z])|(?<=[tc]/))(?P<clock>(?P<part>{_PART}\s?)?(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d{{1,9}})?)?
        (?:\s?(?P<half>[ap])\.?m\b\.?)?(?P<zulu>z\b)?\s?시?)(?![\d:])
  | (?<![\d.:/a-z])(?P<hour_only>(?P<only>\d{{1,2}})\s?(?P<only_half>[ap])\.?m\b\.?)
  | (?<![\d.:/])(?P<cjk_clock>(?P<cjk_part>{_PART}\s?)?(?P<cjk_hour>\d{{1,2}})\s?(?P<mark>[时時点點시])(?![間间间간])
        (?:\s?(?P<cjk_minute>\d{{1,2}})\s?[分분]|(?P<cjk_half>半)|(?P<whole>整|钟|鐘))?(?:\s?\d{{1,2}}\s?[秒초])?)
  | (?<![\d.:/])(?P<slash>\d{{1,2}}/\d{{1,2}}(?:/(?:19|20)\d\d|/\d\d)?)(?![\d/:%])
  | (?<![\d.:/])(?P<dmy>(?P<dmy_day>\d{{1,2}})(?:st|nd|rd|th)?(?:\sof)?[\s-](?P<dmy_month>{_MONTH})\b\.?(?:,?[\s-](?P<dmy_year>{_YEAR}))?)
  | (?<![\d.:/])(?P<day_only>\d{{1,2}}\s?[日号號일])(?![間间内간本常志曜])
  | (?<![\d.:/a-z-])(?P<military>[012]\d[0-5]\d)(?=\s?(?:utc|gmt)\b)
  | (?<=\d\s)(?P<offset>\+\d\d:?\d\d|-\d{{4}})(?!\d)
    )""",
    re.VERBOSE,
)
_WITH_YEAR = re.compile(_YEAR)
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_RELATIVE = {
    -1: ("yesterday", "the previous day", "昨日", "昨天", "昨晚", "前日", "어제"),
    0: ("today", "the same day", "same day", "当日", "当天", "當日", "今日", "今天", "同日", "오늘", "당일"),
    1: ("the next day", "the following day", "next day", "次日", "翌日", "第二天", "다음 날", "다음날", "익일"),
}
_OFFSETS = {word: offset for offset, words in _RELATIVE.items() for word in words}
_WORDS = re.compile(
    rf"""
    (?=[a-z昨今前当當同次翌第오어당다익星周月火水木金土日월화수목금토일])(?:
    \b(?P<mdy>(?P<mdy_month>{_MONTH})\b\.?\s{{0,2}}(?P<mdy_day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:|/|\s?[ap]\.?m\b)
        (?:,?\s{{1,2}}(?P<mdy_year>{_YEAR}))?)
  | \b(?P<weekday>(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|tue|wed|thu|fri|sat|sun)(?=[,.]?\s\d))\b
  | (?P<zone>(?<![a-z/_])(?:utc|gmt)(?:\+\d{{1,2}}(?::?\d\d)?|-\d{{1,2}}(?![\d:])|(?<=\((?:utc|gmt))-\d{{1,2}}:?\d\d)?(?![a-z0-9_]|/(?!\d))
        |(?<![a-z0-9/_.-])(?:us|america|europe|asia|australia|africa|pacific|atlantic|etc)/[a-z_]{{2,30}}(?:/[a-z_]{{2,30}})?)
  | (?P<relative>{"|".join(sorted(_OFFSETS, key=len, reverse=True))})
  | (?P<noise>星期[一二三四五六日天]|周[一二三四五六日]|[月火水木金土日]曜日?|[월화수목금토일]요일|(?<=\()[月火水木金土日월화수목금토일](?=\)))
    )""",
    re.VERBOSE,
)
#: Where a clock may be; the other pieces of its time are near it.
_CLOCKS = re.compile(r"\d(?::\d\d|\s?[ap]\.?m|\s?[时時点點시]|\d{3}\s?(?:utc|gmt))")
_BEFORE, _AFTER = 70, 50
#: The longest incident reports have some three hundred; what comes after this many is not read.
_MOST = 1500


def tokens(folded: str, text: str, zones: Zones) -> list[Token]:
    """The pieces of times in a text, in its order, none overlapping."""
    found: list[Token] = []
    for start, end in _neighbourhoods(folded):
        part = [
            *_numbers(folded, start, end),
            *_words(folded, text, start, end),
            *_zones(folded, text, zones, start, end),
        ]
        part.sort(key=lambda token: (token.start, -token.end))
        last = -1
        for token in part:
            if token.start >= last:
                found.append(token)
                last = token.end
        if len(found) > _MOST:
            break
    return _with_unknown_zones(found, text)


#: What zones are called for short: three to five capitals that end in T, and a few more.
_UNKNOWN = re.compile(r"\s?\(?([A-Z]{2,4}T|MSK|WIB|WITA)(?![A-Za-z0-9/_-])")
#: Words that look like that, and stand after clocks in capitals.
_NOT_ZONES = re.compile(
    "ALERT|BUT|EAST|EVENT|GET|GIT|IOT|LET|MQTT|NAT|NEXT|NOT|OUT|POST|PUT|RESET|REST|START|TEST|THAT|WEST|YET"
)


def _with_unknown_zones(found: list[Token], text: str) -> list[Token]:
    """A capital word right after a clock is a zone nobody knows: kept as one, so that it is never overlooked."""
    result: list[Token] = []
    for i, token in enumerate(found):
        result.append(token)
        if token.kind is not Kind.CLOCK or not (match := _UNKNOWN.match(text, token.end)):
            continue
        taken = i + 1 < len(found) and found[i + 1].start < match.end(1)
        if not taken and not _NOT_ZONES.fullmatch(match[1]):
            result.append(Token(Kind.ZONE, match.start(1), match.end(1), Zone(match[1], None)))
    return result


def last_date(folded: str, start: int, end: int) -> Day | None:
    """The last date with a year between two places of a text, wherever it stands."""
    last: Token | None = None
    if _WITH_YEAR.search(folded, start, end):
        found = (*_numbers(folded, start, end), *_words(folded, folded, start, end))
        days = (token for token in found if isinstance(token.value, Day) and token.value.year and token.value.month)
        last = max(days, key=lambda token: token.end, default=None)
    return last.value if last and isinstance(last.value, Day) else None


def _neighbourhoods(folded: str) -> Iterator[tuple[int, int]]:
    start = end = -1
    for match in _CLOCKS.finditer(folded):
        if match.start() - _BEFORE > end:
            if end >= 0:
                yield _whole(folded, start), end
            start = max(0, match.start() - _BEFORE)
        end = min(len(folded), match.end() + _AFTER)
    if end >= 0:
        yield _whole(folded, start), end


def _whole(folded: str, start: int) -> int:
    """A start that does not cut a word or a number in two."""
    while 0 < start < len(folded) and folded[start - 1].isascii() and folded[start - 1].isalnum():
        start += 1
    return start


def _numbers(folded: str, start: int, end: int) -> Iterator[Token]:
    for match in _NUMBERS.finditer(folded, start, end):
        begin, stop = match.span()
        if match["iso"]:
            yield from _iso(match)
        elif match["clock"]:
            half = match["half"] and match["half"] + "m"
            clock = _clock(match["part"], match["hour"], match["minute"], match["second"], half)
            if clock:
                yield Token(Kind.CLOCK, begin, _trimmed(folded, begin, stop) - bool(match["zulu"]), clock)
                if match["zulu"]:
                    yield Token(Kind.ZONE, match.start("zulu"), match.end("zulu"), _ANYWHERE.look_up("Z"))
        elif match["hour_only"]:
            clock = _clock(None, match["only"], "0", None, match["only_half"] + "m")
            if clock:
                yield Token(Kind.CLOCK, begin, stop, clock)
        elif match["cjk_clock"]:
            minute = "30" if match["cjk_half"] else match["cjk_minute"]
            # a bare 3点 is as often "point 3" as three o'clock
            if match["mark"] in "点點" and not (minute or match["cjk_part"] or match["whole"]):
                continue
            clock = _clock(match["cjk_part"], match["cjk_hour"], minute or "0", None, None)
            if clock:
                yield Token(Kind.CLOCK, begin, stop, clock)
        elif match["military"]:
            clock = _clock(None, match["military"][:2], match["military"][2:], None, None)
            if clock:
                yield Token(Kind.CLOCK, begin, stop, clock)
        elif match["offset"]:
            yield Token(Kind.ZONE, begin, stop, _fixed(match["offset"]))
        else:
            day = _day(match)
            if day:
                yield Token(Kind.DAY, begin, stop, day)


def _iso(match: re.Match[str]) -> Iterator[Token]:
    year, month, day = (int(n) for n in match["iso_day"].split("-"))
    yield Token(Kind.DAY, match.start("iso_day"), match.end("iso_day") + 1, Day(year, month, day))
    parts = match["iso_clock"].split(":")
    clock = _clock(None, parts[0], parts[1], parts[2] if len(parts) > 2 else None, None)
    if clock:
        yield Token(Kind.CLOCK, match.start("iso_clock"), match.end("iso_clock"), clock)
    if zone := match["iso_zone"]:
        yield Token(Kind.ZONE, match.start("iso_zone"), match.end("iso_zone"), _fixed(zone))


_ANYWHERE = Zones("UTC", {})


def _fixed(written: str) -> Zone:
    return _ANYWHERE.look_up(written.upper())


def _trimmed(folded: str, start: int, end: int) -> int:
    while end > start and folded[end - 1].isspace():
        end -= 1
    return end


def _clock(part: str | None, hour: str, minute: str, second: str | None, half: str | None) -> Clock | None:
    h, m, s = int(hour), int(minute), int(second or 0)
    word = part.strip() if part else None
    if word:
        half = half or _HALF_OF[word]
        if word == "中午" and h in (11, 12):
            half = "am" if h == 11 else "pm"
        elif word in ("晚上", "夜里", "夜") and h == 12:
            h, half = 24, None
    if m > 59 or s > 60 or h > 24 or (h == 24 and (m or s)):
        return None
    if half and (h > 12 or h == 0):
        half = None  # 13:40 PM, 00:55 AM: of 24 hours
    return Clock(h, m, min(s, 59), half)


def _day(match: re.Match[str]) -> Day | None:
    day: Day | None = None
    if match["ymd"]:
        y, m, d = (int(n) for n in re.split(r"[-/.]", match["ymd"]))
        day = Day(y, m, d)
    elif match["cjk"]:
        day = Day(_year(match["cjk_year"]), int(match["cjk_month"]), int(match["cjk_day"]))
    elif match["dmy"]:
        day = Day(_year(match["dmy_year"]), _month(match["dmy_month"]), int(match["dmy_day"]))
    elif match["day_only"]:
        day = Day(None, None, int(re.sub(r"\D", "", match["day_only"])))
    elif match["slash"]:
        day = _slash(match["slash"])
    return day


def _slash(written: str) -> Day | None:
    """3/4 may be March or April: both readings where both exist."""
    a, b, *rest = (int(n) for n in written.split("/"))
    year = None if not rest else rest[0] if rest[0] > 99 else 2000 + rest[0]
    if a <= 12 and b <= 12 and a != b:
        return Day(year, a, b, (b, a))
    if a <= 12:
        return Day(year, a, b)
    return Day(year, b, a) if b <= 12 else None


def _year(written: str | None) -> int | None:
    if not written:
        return None
    return int(written) if len(written) == 4 else 2000 + int(written)


def _month(word: str) -> int:
    return _MONTHS.index(word[:3]) + 1


def _words(folded: str, text: str, start: int, end: int) -> Iterator[Token]:
    for match in _WORDS.finditer(folded, start, end):
        begin, stop = match.span()
        if match["mdy"]:
            day = Day(_year(match["mdy_year"]), _month(match["mdy_month"]), int(match["mdy_day"]))
            yield Token(Kind.DAY, begin, stop, day)
        elif match["weekday"]:
            yield Token(Kind.WEEKDAY, begin, stop, _WEEKDAYS.index(match["weekday"][:3]))
        elif match["zone"]:
            zone = _place(text[begin:stop])
            yield Token(Kind.ZONE, begin, begin + len(zone.written), zone)
        elif match["relative"]:
            yield Token(Kind.RELATIVE, begin, stop, _OFFSETS[match["relative"]])
        else:
            yield Token(Kind.WEEKDAY, begin, stop, -1)


_NEXT_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _place(written: str) -> Zone:
    """The zone of an IANA name or an offset; the blank after it may be missing: "US/PacificWe are"."""
    ends = (len(written), *(match.start() for match in _NEXT_WORD.finditer(written)))
    options = (_ANYWHERE.look_up(written[:end]) for end in ends)
    return next((zone for zone in options if zone.rule), _ANYWHERE.look_up(written))


def _zones(folded: str, text: str, zones: Zones, start: int, end: int) -> Iterator[Token]:
    for match in zones.words.finditer(folded, start, end):
        yield Token(Kind.ZONE, match.start(), match.end(), zones.look_up(text[match.start() : match.end()]))
