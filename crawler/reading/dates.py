"""A time as a page writes it beside a message, made an instant in UTC. (Times inside a message are for `crawler.clock`.)

Tried in this order, so that nothing is guessed that somebody can know:

1. `date_formats` of the source (as for `strptime`; `%Z` is one word that the source's `zones` explains), then those
   that the platform always uses;
2. what can mean one thing only: ISO 8601 and what is written like it (Go's `2026-03-01 09:00:00 +0000 UTC`),
   RFC 2822 of feeds and mail, JavaScript's `Sun Mar 01 2026 09:00:00 GMT+0000`, and 年月日;
3. dateparser, which knows many languages and guesses; each of its answers is a signal `guessed-date`, and stands for
   a format that is missing in the catalog.

A time without a zone is in the source's `timezone`. An abbreviation means what the source's `zones` say, and nothing
where they say nothing (RFC 2822 defines its own). A missing year is the one that fits `near`. The machine's clock, its
zone and its locale are never asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple

from crawler.catalog import Source
from crawler.clock import Zones
from crawler.clock.zones import universal
from crawler.records import Signal

#: A message is no later than the moment it is read, give or take a clock that is wrong or a zone that is not told.
SLACK = timedelta(days=1)
#: Before this there was no page on the web, and nothing on one is dated back that far.
EARLIEST = datetime(1991, 1, 1, tzinfo=UTC)
#: Further ahead of the moment it is read nobody plans: such a time stands for "until further notice".
FAR = timedelta(days=3653)
#: Languages that dateparser may try, in this order. Fewer languages, fewer wrong readings.
LANGUAGES = ("en", "zh", "ja", "ko", "de", "fr", "es", "it", "pt", "nl")

_END = datetime.max.replace(tzinfo=UTC)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: The zones that RFC 2822 itself defines, in hours from UTC.
_RFC_2822 = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "UT": 0}

_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?"
_ISO = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}})(?:[Tt]|,? ){_CLOCK} ?(.*)")
_ISO_BASIC = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})?(.*)")
_RFC = re.compile(rf"(?:[A-Za-z]{{3,9}},? )?(\d{{1,2}})[ -]([A-Za-z]{{3,9}})[ -](\d{{4}}|\d{{2}}) {_CLOCK} ?(.*)")
_JAVASCRIPT = re.compile(
    rf"[A-Z][a-z]{{2}} ([A-Z][a-z]{{2}}) (\d{{1,2}}) (\d{{4}}) {_CLOCK} (GMT[+-]\d{{4}})(?: \(.*\))?"
)
_EAST_ASIAN = re.compile(
    r"(?:(\d{4})年 ?)?(\d{1,2})月 ?(\d{1,2})日 ?(?:[(（].{1,3}[)）])? ?(上午|午前|下午|午後)? ?"
    r"(\d{1,2})[:：时時点](?: ?(\d{2})分?)?(?:[:：]?(\d{2})秒?)? ?(.*)"
)
_AFTERNOON = frozenset({"下午", "午後"})
#: An offset, perhaps with a name behind it that says the same again.
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})(?: \(?[A-Za-z+-]\S*)?")
_YEAR = re.compile(r"%[YyGcxs]")
#: In a text that only dateparser can read: a zone, and a date in mere numbers.
_ZONE_WORD = re.compile(
    r"\(?\b(?:(?:UTC|GMT)?[+-]\d{1,2}:?(?:\d{2})?|(?!AM\b|PM\b)[A-Z]{2,5}|[A-Za-z]+/[A-Z]\w+)\)?(?=$|,)"
)
_NUMERIC = re.compile(r"(?<!\d)(\d{1,4})[-/.](\d{1,2})(?:[-/.](\d{1,4}))?(?!\d)")


class _Told(NamedTuple):
    """What a text says: wall clocks, one for each year that it may mean, and the zone they are in."""

    walls: tuple[datetime, ...]
    zone: tzinfo | str | None  # a word, when nobody has looked it up yet
    guessed: bool = False


class _Unclear(Exception):  # noqa: N818 - an answer, caught here
    """Why a text gives no instant: kind and detail of the signal."""


def moment(
    text: str | None,
    source: Source,
    near: datetime,
    signals: list[Signal],
    where: str,
    *,
    planned: bool = False,
    formats: tuple[str, ...] = (),
) -> datetime | None:
    """The instant that a date text of a page means, in UTC and whole seconds; None and a signal when it means none.

    `near` (aware) is when the text was read, or the time of the message it belongs to: relative words count from it, and
    a date without a year is its last occurrence that is not after it. With `planned` the date may lie ahead, and the
    year is the one that brings it closest. `formats` are the platform's own, and `where` is the path that signals name.
    A text that is None, as of a field that is not there, is no time and no signal.
    """
    if text is None:
        return None
    written = " ".join(text.split())
    zones = _zones(source.timezone, tuple(sorted(source.zones.items())))
    years = range(near.year + 1, near.year - 9, -1)  # two leap years among them, also around 2100
    try:
        told = _by_formats(written, (*source.date_formats, *formats), years) or _by_standard(written, zones, years)
        told = told or _guess(written, zones, near)
        when, doubt = _choose(told, zones, near, planned)
    except _Unclear as unclear:
        kind, detail = unclear.args
        signals.append(Signal(kind, where, detail[:80]))
        return None
    if told.guessed:
        signals.append(Signal("guessed-date", where, re.sub(r"\d", "9", written)[:80]))
    if doubt:
        signals.append(Signal("bad-value", where, f"{written[:80]}: {doubt}"))
    return when


def later(when: datetime, by: timedelta) -> datetime:
    """So much later, or at the end of the calendar (UTC)."""
    return when + by if when < _END - by else _END


@lru_cache(maxsize=256)
def _zones(default: str, aliases: tuple[tuple[str, str], ...]) -> Zones:
    return Zones(default, dict(aliases))


def _choose(told: _Told, zones: Zones, near: datetime, planned: bool) -> tuple[datetime, str | None]:
    """The instant, of those that may be meant, that fits `near`; and what is doubtful about it."""
    zone, label = _rule(told.zone, zones)
    try:
        found = [universal(wall, zone, label) for wall in told.walls]
    except OverflowError as error:  # at either end of the calendar
        raise _Unclear("bad-value", f"{told.walls[0]}: {error}") from error
    if planned:
        return min(found, key=lambda each: abs(each[0] - near))
    past = [each for each in found if each[0] <= near + SLACK]
    return max(past) if past else min(found)


def _rule(zone: tzinfo | str | None, zones: Zones) -> tuple[tzinfo, str | None]:
    """The zone, and the word for it that tells a repeated hour apart."""
    if zone is None:
        return zones.default, None
    if isinstance(zone, tzinfo):
        return zone, None
    rule = zones.look_up(zone).rule
    if rule is None:
        raise _Unclear("unknown-word", zone)
    return rule, zone


# --- 1. the formats of the source


def _by_formats(text: str, formats: Iterable[str], years: Iterable[int]) -> _Told | None:
    for form in formats:
        for rest, form_rest, word in _without_zone(text, form):
            walls = list(_strptime(rest, form_rest, years))
            if walls:
                zone = walls[0].tzinfo or word
                return _Told(tuple(wall.replace(tzinfo=None) for wall in walls), zone)
    return None


def _without_zone(text: str, form: str) -> Iterator[tuple[str, str, str | None]]:
    """Text and format without the zone's word, which `strptime` would look up in the machine's own zone."""
    if "%Z" not in form:
        yield text, form, None
        return
    for match in re.finditer(r"[A-Za-z][\w/+:-]*", text):
        yield f"{text[: match.start()]}\0{text[match.end() :]}", form.replace("%Z", "\0"), match[0]


def _strptime(text: str, form: str, years: Iterable[int]) -> Iterator[datetime]:
    """What the format reads; for each year there may be, when it has none."""
    texts = [(text, form)] if _YEAR.search(form) else [(f"{year} {text}", f"%Y {form}") for year in years]
    for each, its_form in texts:
        try:
            yield datetime.strptime(each, its_form)  # noqa: DTZ007 - the zone is put on by `_choose`
        except ValueError:
            continue


# --- 2. standards


def _by_standard(text: str, zones: Zones, years: Iterable[int]) -> _Told | None:
    if match := _ISO.fullmatch(text):
        year, _, month, day, *clock, zone = match.groups()
        return _told(text, [int(year)], int(month), int(day), clock, _zone(zone))
    if match := _ISO_BASIC.fullmatch(text):
        year, month, day, *clock, zone = match.groups()
        return _told(text, [int(year)], int(month), int(day), clock, _zone(zone))
    if match := _RFC.fullmatch(text):
        day, name, year, *clock, zone = match.groups()
        century = 0 if len(year) == 4 else 2000 if int(year) < 50 else 1900
        return _told(text, [century + int(year)], month_number(name), int(day), clock, _rfc_zone(zone, zones))
    if match := _JAVASCRIPT.fullmatch(text):
        name, day, year, *clock, zone = match.groups()
        return _told(text, [int(year)], month_number(name), int(day), clock, _zone(zone))
    if match := _EAST_ASIAN.fullmatch(text):
        written, month, day, half, hour, *rest, zone = match.groups()
        if half and int(hour) < 13:
            hour = str(int(hour) % 12 + (12 if half in _AFTERNOON else 0))
        return _told(text, [int(written)] if written else years, int(month), int(day), [hour, *rest], _zone(zone))
    return None


def _told(
    text: str,
    years: Iterable[int],
    month: int | None,
    day: int,
    clock: Iterable[str | None],
    zone: tzinfo | str | None,
) -> _Told | None:
    """None when the month is no word for one."""
    if month is None:
        return None
    hour, minute, second = (int(part or 0) for part in clock)
    walls: list[datetime] = []
    problem: ValueError | None = None
    for year in years:
        try:
            wall = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - 60 is a leap second
        except ValueError as error:
            problem = error
        else:
            walls.append(wall)
    if not walls:
        raise _Unclear("bad-value", f"{text}: {problem}") from problem
    return _Told(tuple(walls), zone)


def month_number(name: str) -> int | None:
    """The number of a month in English, whole or cut to three letters."""
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else None


def _zone(text: str) -> tzinfo | str | None:
    """The zone behind a clock, None when there is none."""
    text = text.strip()
    if match := _OFFSET.fullmatch(text):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        try:
            return timezone(offset if match[1] == "+" else -offset)
        except ValueError as error:
            raise _Unclear("bad-value", text) from error
    return text.strip("()") or None


def _rfc_zone(text: str, zones: Zones) -> tzinfo | str | None:
    """Like `_zone`. What the source says of an abbreviation goes before what the standard says."""
    zone = _zone(text)
    if isinstance(zone, str) and zones.look_up(zone).rule is None and zone.upper() in _RFC_2822:
        return timezone(timedelta(hours=_RFC_2822[zone.upper()]))
    return zone


# --- 3. dateparser


def _guess(text: str, zones: Zones, near: datetime) -> _Told:
    """Never without a day, a month and a time of day; never of numbers in an order that nobody told."""
    rest, zone = _split_zone(text, zones)
    for first, second, third in _NUMERIC.findall(rest):
        if len(first) > 2 or not third or (int(first) <= 12 and int(second) <= 12 and first != second):
            raise _Unclear("bad-value", text)
    rule, _ = _rule(zone, zones)
    base = near.astimezone(rule).replace(tzinfo=None)
    walls = [wall for wall in (_dateparser(rest, base, prefer) for prefer in ("past", "future")) if wall]
    if not walls:
        raise _Unclear("bad-value", text)
    if any(wall.tzinfo for wall in walls):  # a zone it believes to know
        raise _Unclear("unknown-word", text)
    return _Told(tuple(dict.fromkeys(walls)), zone, guessed=True)


def _split_zone(text: str, zones: Zones) -> tuple[str, str | None]:
    """The text without the zone in it, and the zone."""
    match = zones.words.search(text.lower()) or _ZONE_WORD.search(text)
    if match is None:
        return text, None
    return f"{text[: match.start()]}{text[match.end() :]}".strip(" ()"), text[match.start() : match.end()].strip("()")


def _dateparser(text: str, base: datetime, prefer: str) -> datetime | None:
    """What dateparser makes of a text, relative to `base` (a wall clock); None unless it has a time of day."""
    from dateparser.date import DateDataParser  # here, because it takes long and is hardly ever needed

    settings: dict[str, Any] = {
        "RELATIVE_BASE": base,
        "PREFER_DATES_FROM": prefer,
        "REQUIRE_PARTS": ["day", "month"],
        "PARSERS": ["relative-time", "absolute-time"],
        "RETURN_TIME_AS_PERIOD": True,
    }
    found = DateDataParser(languages=list(LANGUAGES), settings=settings).get_date_data(text)
    when: datetime | None = found.date_obj
    return when.replace(microsecond=0) if when and found.period == "time" else None


def utc(when: datetime) -> datetime:
    """An aware time in UTC and whole seconds. ValueError when UTC has no such day, at either end of the calendar."""
    try:
        return when.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError(f"{when}: {error}") from error
