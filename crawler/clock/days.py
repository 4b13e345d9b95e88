"""From clocks and dates as written to instants: the missing date, year, half of the day and zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from crawler.clock.lexer import Clock, Day
from crawler.clock.phrases import AHEAD, Moment
from crawler.clock.zones import Zone, universal

#: A stated date further than this from its post is a slip of the pen.
FAR = timedelta(days=60)
#: Nothing is out for longer; a window that long has a wrong date.
LONG = timedelta(days=30)
_DAY = timedelta(days=1)
#: A clock this much before the one told before it is of the next day.
_BACK = timedelta(hours=6)


class Bound(NamedTuple):
    """An instant, the zone it was told in, and why it cannot be believed, if so."""

    at: datetime
    zone: Zone
    suspect: str | None


class Frame(NamedTuple):
    """What is known around a moment: when it was posted, when the incident began and was over, the last dated moment
    before it.
    """

    posted_at: datetime | None
    began: datetime | None
    near: datetime | None
    over: datetime | None = None
    #: `near` is a day that stands by itself, and so announces what comes after it.
    announced: bool = False


class Unplaced(Exception):  # noqa: N818 - says what is missing
    """The moment cannot be placed in time; the message says why."""


def single(moment: Moment, frame: Frame) -> Bound:
    """The instant of a moment that stands alone. Raises Unplaced."""
    zone = _zone(moment)
    clock = _clock(moment)
    day = _dated(moment, frame, zone)
    if day is None:
        day = _undated(clock, frame, zone)
    return _bound(day, clock, zone, moment, frame)


def pair(first: Moment, second: Moment, frame: Frame) -> tuple[Bound, Bound]:
    """The instants of a range: what one end lacks it has from the other. Raises Unplaced."""
    options = [_pair(first, a, second, b, frame) for a, b in _halves(_clock(first), _clock(second))]
    # 9:37 AM and 3:48: the half of the day that makes the shorter range
    return min(options, key=lambda o: (o[1].at <= o[0].at, abs(o[1].at - o[0].at)))


def moved(first: Moment, second: Moment, frame: Frame) -> datetime | None:
    """The end of a range, or the one moment given twice, if it has its day from the incident and not from its post."""
    if frame.over is None or frame.posted_at is None or frame.posted_at <= frame.over:
        return None
    bounds = []
    try:
        for around in (frame, frame._replace(over=None)):
            bounds.append(single(first, around) if first is second else pair(first, second, around)[1])
    except Unplaced:
        return None
    return bounds[0].at if bounds[0].at != bounds[1].at else None


def opening(day: Day, zone: Zone, posted_at: datetime) -> datetime | None:
    """The midnight with which a day of its own began, if a message posted then may tell of it; else None."""
    if zone.rule is None or not day.exists() or day.swapped or not (day.year and day.month):
        return None
    midnight = universal(datetime(day.year, day.month, day.day), zone.rule)[0]  # noqa: DTZ001 - a wall clock
    return midnight if timedelta(0) <= posted_at - midnight <= LONG else None


def _halves(a: Clock, b: Clock) -> list[tuple[Clock, Clock]]:
    """Both readings of the end that lacks AM or PM, when the other has it."""
    if a.half and b.twelve:
        return [(a, b._replace(half=half)) for half in ("am", "pm")]
    if b.half and a.twelve:
        return [(a._replace(half=half), b) for half in ("am", "pm")]
    return [(a, b)]


def _pair(first: Moment, a: Clock, second: Moment, b: Clock, frame: Frame) -> tuple[Bound, Bound]:
    zone_a, zone_b = _zone(first), _zone(second)
    day_a, day_b = _dated(first, frame, zone_a), _dated(second, frame, zone_b)
    if day_a is not None and day_b is not None:
        day_a, day_b = _years(first, day_a, second, day_b)
    elif day_a is not None:
        day_b = day_a + _DAY * _wraps(a, zone_a, b, zone_b, day_a)
    elif day_b is not None:
        day_a, day_b = _trailing(a, zone_a, second, b, zone_b, day_b, frame)
    elif frame.near is not None:
        day_a = _undated(a, frame, zone_a)
        day_b = day_a + _DAY * _wraps(a, zone_a, b, zone_b, day_a)
    else:
        day_b = _undated(b, frame, zone_b)
        day_a = day_b - _DAY * _wraps(a, zone_a, b, zone_b, day_b)
    return _bound(day_a, a, zone_a, first, frame), _bound(day_b, b, zone_b, second, frame)


def _wraps(a: Clock, zone_a: Zone, b: Clock, zone_b: Zone, day: date) -> int:
    """1 when the second clock of one day is not after the first, so midnight lies between."""
    if zone_a.rule is zone_b.rule:
        return int(b.seconds() <= a.seconds())
    return int(_instant(day, b, zone_b) <= _instant(day, a, zone_a))


def _trailing(
    a: Clock, zone_a: Zone, second: Moment, b: Clock, zone_b: Zone, day: date, frame: Frame
) -> tuple[date, date]:
    """The date stands once, after both clocks: of the start, unless the end would then lie after the post."""
    if not _wraps(a, zone_a, b, zone_b, day):
        return day, day
    later = day + _DAY
    near = second.day is not None and second.day_at < second.clock_at  # "11 PM to 5 October 1 AM"
    if near or (frame.posted_at and _instant(later, b, zone_b) > frame.posted_at + AHEAD):
        return day - _DAY, day
    return day, later


def _years(first: Moment, day_a: date, second: Moment, day_b: date) -> tuple[date, date]:
    """A year written once holds for both, over New Year too."""
    year_a = first.day.year if first.day else None
    year_b = second.day.year if second.day else None
    if first.day and year_a is None and (year_b is not None or day_a > day_b) and first.day.month:
        day_a = _with_year(day_a, day_b.year)
        if day_a > day_b:
            day_a = _with_year(day_a, day_b.year - 1)
    elif second.day and year_b is None and year_a is not None and second.day.month:
        day_b = _with_year(day_b, day_a.year)
        if day_b < day_a:
            day_b = _with_year(day_b, day_a.year + 1)
    return day_a, day_b


def _with_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        raise Unplaced(f"no such date: {day.month}-{day.day} in {year}") from None


def _dated(moment: Moment, frame: Frame, zone: Zone) -> date | None:
    """The day a moment states, None when it states none."""
    anchor = _anchor(frame, zone)
    if moment.day is not None:
        return _calendar(moment.day, anchor)
    if moment.relative is not None:
        if anchor is None:
            raise Unplaced("no date, and no post to take it from")
        if frame.near is not None and moment.relative >= 0:
            return _local(frame.near, zone).date() + _DAY * moment.relative
        if moment.relative > 0:  # the day after something that this text does not date
            return _local(frame.began, zone).date() + _DAY if frame.began else None
        return anchor.date() + _DAY * moment.relative
    if moment.weekday is not None and frame.posted_at is not None and anchor is not None:
        return anchor.date() - _DAY * ((anchor.weekday() - moment.weekday) % 7)
    return None


def _calendar(day: Day, anchor: datetime | None) -> date:
    """A written date as a date: the missing year, or month, is that which comes nearest to the anchor."""
    if not day.exists():
        raise Unplaced(f"no such date: {'-'.join(str(n) for n in day[:3] if n)}")
    if day.year and day.month and not day.swapped:
        return date(day.year, day.month, day.day)
    if anchor is None:
        raise Unplaced("date without a year, and no post to take it from" if not day.swapped else "ambiguous date")
    at = anchor.date()
    months = [(day.month, day.day), *([day.swapped] if day.swapped else [])]
    options: list[date] = []
    for month, number in months:
        for year in [day.year] if day.year else range(at.year - 1, at.year + 2):
            for m in [month] if month else range(1, 13):
                try:
                    options.append(date(year, m, number))
                except ValueError:
                    continue
    if not options:
        raise Unplaced("no such date")
    return min(options, key=lambda option: (abs(option - at), option > at))


def _undated(clock: Clock, frame: Frame, zone: Zone) -> date:
    """A clock without a date: nearest to the dated moment before it, else of the day of the post or the day before."""
    anchor = _anchor(frame, zone)
    if anchor is None:
        raise Unplaced("no date, and no post to take it from")
    today = anchor.date()
    if frame.near is not None:
        day = _after(clock, frame.near, frame.posted_at, zone)
        return day if frame.announced else _of_it(day, clock, frame, zone)
    if frame.posted_at is None:
        return min((today - _DAY, today, today + _DAY), key=lambda day: abs(_instant(day, clock, zone) - anchor))
    return _of_it(
        today if _instant(today, clock, zone) <= frame.posted_at + AHEAD else today - _DAY, clock, frame, zone
    )


def _of_it(day: date, clock: Clock, frame: Frame, zone: Zone) -> date:
    """The day, unless its clock is far from an incident that was over when this was told: then the day that is not.

    A report is written days later, and details in it go back behind dates that stand before them. What was told
    within a day of the end, or is nearer to its post than to the incident, is something new, and stays where it is.
    Raises Unplaced where the incident lasted so long that several days would do; or, more than a day after it was
    over, where no day would do and nothing but the post dates the clock.
    """
    began, over, posted_at = frame.began, frame.over, frame.posted_at
    if began is None or over is None or posted_at is None or not began < over < posted_at:
        return day

    def far(option: date) -> timedelta:
        at = _instant(option, clock, zone)
        return max(began - at, at - over, timedelta(0))

    told = _instant(day, clock, zone)
    if far(day) <= _BACK or told <= posted_at < over + _DAY:
        return day
    options = {_local(at, zone).date() + _DAY * n for at in (began, over) for n in (-1, 0, 1)}
    nearest = min(options, key=far)
    if far(nearest) >= abs(posted_at - told):
        return day
    if far(nearest) > _BACK:
        if frame.near is None and posted_at > over + _DAY:
            raise Unplaced("no date, and near neither the incident nor its post")
        return day
    if sum(far(option) <= far(nearest) + AHEAD for option in options) > 1:
        raise Unplaced("no date, and the incident lasted for days")
    return nearest


def _after(clock: Clock, near: datetime, posted_at: datetime | None, zone: Zone) -> date:
    """A story moves on: of the same day, unless that is long before the moment before, or not yet at the post."""
    day = _local(near, zone).date()
    at = _instant(day, clock, zone)
    if posted_at is not None and at > posted_at + AHEAD and near - (at - _DAY) <= _BACK:
        return day - _DAY  # not when a post that was dated back is the reason
    later = posted_at is None or _instant(day + _DAY, clock, zone) <= posted_at + AHEAD
    return day + _DAY if later and near - at > _BACK else day


def _anchor(frame: Frame, zone: Zone) -> datetime | None:
    at = frame.posted_at or frame.near or frame.began
    return _local(at, zone) if at else None


def _local(at: datetime, zone: Zone) -> datetime:
    return at.astimezone(zone.rule)


def _zone(moment: Moment) -> Zone:
    if moment.zone is None or moment.zone.rule is None:
        raise Unplaced(f"unknown zone {moment.zone.written if moment.zone else ''}".rstrip())
    return moment.zone


def _clock(moment: Moment) -> Clock:
    if moment.clock is None:
        raise Unplaced("no clock time")
    return moment.clock


def _wall(day: date, clock: Clock) -> datetime:
    try:
        return datetime(day.year, day.month, day.day) + timedelta(seconds=clock.seconds())  # noqa: DTZ001 - a wall clock
    except OverflowError:
        raise Unplaced("no such date") from None


def _instant(day: date, clock: Clock, zone: Zone) -> datetime:
    assert zone.rule is not None
    return universal(_wall(day, clock), zone.rule, zone.written)[0]


def _bound(day: date, clock: Clock, zone: Zone, moment: Moment, frame: Frame) -> Bound:
    assert zone.rule is not None
    at, problem = universal(_wall(day, clock), zone.rule, zone.written)
    if frame.posted_at is not None and moment.dated and abs(at - frame.posted_at) > FAR:
        problem = f"{abs(at - frame.posted_at).days} days from its post"
    return Bound(at.astimezone(UTC), zone, problem)
