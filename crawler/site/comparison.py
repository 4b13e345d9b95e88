"""Regions of one vendor beside each other, and vendors of one category of service, over some months.

All of it is asked of the tables by month (`crawler/archive/months.py`); no incident is read.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Literal

import msgspec

from crawler.catalog import ALL, CATEGORIES
from crawler.coverage import minutes_by_month
from crawler.database import dicts
from crawler.records import Severity, instant, worst
from crawler.site.calendar import month_start, shifted
from crawler.site.place import LITTLE
from crawler.site.words import length

#: The newest look at anything.
NEWEST_LOOK = "select polled_at from polls order by polled_at desc limit 1"
#: The newest month of which anything is known, of all that a look can have told and not announced for later.
NEWEST_MONTH = "select max(month) from vendor_months where month <= :newest"
NEWEST_OF_VENDOR = "select max(month) from vendor_months where vendor = :vendor and month <= :newest"

VENDOR = "select id, name from vendors where id = :vendor"
WATCHED = """
    select month, watched_minutes from vendor_months where vendor = :vendor and month between :since and :until
"""
#: Places that anything is known to have been out in.
PLACES = "select distinct region from region_months where vendor = :vendor and region is not null"
REGIONS = """
    select id, name, city, country, substr(opened, 1, 7) as opened, substr(closed, 1, 7) as closed,
      separate and city is null as wider
    from regions where vendor = :vendor
"""
REGION_MONTHS = "select * from region_months where vendor = :vendor and month between :since and :until"

SERVICES = """
    select s.vendor, v.name, s.id, s.name as service from services s join vendors v on v.id = s.vendor
    where s.category = :category order by s.vendor, s.name, s.id
"""
VENDORS = "select count(*) from vendors"
CATEGORY_MONTHS = "select * from category_months where category = :category and month between :since and :until"
VENDOR_MONTHS = """
    select vendor, month, incidents, watched_minutes from vendor_months
    where vendor in (select vendor from services where category = :category) and month between :since and :until
"""

#: Vendors with two regions or more that something is known of.
COMPARABLE = """
    select regions.vendor as id, vendors.name, count(*) as count from regions join vendors on vendors.id = regions.vendor
    where exists (select 1 from region_months m where m.vendor = regions.vendor and m.region = regions.id)
    group by regions.vendor having count(*) > 1 order by count(*) desc, regions.vendor
"""
CATEGORIES_NAMED = """
    select category as id, count(distinct vendor) as count from services
    where category is not null group by category order by category
"""

#: A period without a beginning, or without an end, has so many months; none has more than `MOST_MONTHS`.
MONTHS, MOST_MONTHS = 12, 60
#: So many rows stand on a page; all are in the JSON.
MOST_ROWS = 100
#: A month watched for less than this share, of which nothing is known, is shown as not watched.
HARDLY = 0.5
#: Minutes of a month out, from which on a cell is darker: what 99.9 % and 99 % of thirty days leave.
LONG, VERY_LONG = 43.2, 432.0

#: Columns of `category_months` that add up over months.
_COUNTED = (
    "incidents",
    "major_outage",
    "partial_outage",
    "degraded",
    "unrated",
    "unended",
    "followed",
    "edited",
    "edits",
)
_ACRONYMS = {"ai": "AI", "api": "API", "cdn": "CDN", "dns": "DNS", "iot": "IoT"}
_MONTH = re.compile(r"(?:19|20|21)\d\d-(?:0[1-9]|1[0-2])")


class BadPeriodError(ValueError):
    """What was asked for is no period; says why."""


class Period(msgspec.Struct, frozen=True):
    """Months (`YYYY-MM`, UTC), the first and the last of them included."""

    since: str
    until: str

    @property
    def months(self) -> list[str]:
        """Each of them, in order."""
        months = [self.since]
        while months[-1] < self.until:
            months.append(shifted(months[-1], 1))
        return months


class Named(msgspec.Struct, frozen=True):
    """An id, and what people call it."""

    id: str
    name: str


class Counted(msgspec.Struct, frozen=True):
    """Something to compare, and how many there are."""

    id: str
    name: str
    count: int


class Cell(msgspec.Struct, frozen=True):
    """A month of a row. `down_minutes`: in which something was in a partial or major outage with a known end.
    `watched`: share of the month, None of one that lies after the newest look. `there`: the region was open by then.
    """

    month: str
    incidents: int
    down_minutes: float
    watched: float | None
    there: bool = True

    @property
    def kind(self) -> Literal["long", "very-long", "short", "begun", "quiet", "unwatched", "absent"]:
        """How it is drawn."""
        if self.down_minutes:
            return "very-long" if self.down_minutes > VERY_LONG else "long" if self.down_minutes > LONG else "short"
        if self.incidents:
            return "begun"
        if not self.there:
            return "absent"
        return "quiet" if (self.watched or 0.0) >= HARDLY else "unwatched"


class RegionRow(msgspec.Struct, frozen=True):
    """A region; `wider`: it is wider than one, as `global` is. `incidents` began in the period, `unrated` of them with a severity that is not known, `unended` without a
    known end; `severity` is the worst of the others. `availability` is that of the watched minutes, None where they are too few
    of the period (`LITTLE`).
    """

    id: str
    name: str
    city: str | None
    country: str | None
    wider: bool
    incidents: int
    unrated: int
    unended: int
    severity: Severity | None
    down_minutes: float
    watched_down_minutes: float
    watched_minutes: float
    watched: float
    availability: float | None
    longest_minutes: float | None
    longest_incident: str | None
    last_started_at: str | None
    last_incident: str | None
    months: list[Cell]


class VendorRow(msgspec.Struct, frozen=True):
    """A vendor, and of its services in the category: incidents that began in the period (of `all_incidents` of the
    vendor), minutes, the median lag of the first word in minutes, and of those incidents that were `followed` beyond
    their end how many were `edited`.
    """

    id: str
    name: str
    services: list[Named]
    incidents: int
    all_incidents: int
    major_outage: int
    partial_outage: int
    degraded: int
    unrated: int
    unended: int
    down_minutes: float
    lags_known: int
    median_lag_minutes: float | None
    followed: int
    edited: int
    edited_share: float | None
    edits: int
    watched_minutes: float
    watched: float
    months: list[Cell]

    @property
    def silent(self) -> bool:
        """Nothing is known, and nobody watched."""
        return not (self.incidents or self.down_minutes or self.followed or self.watched)


class Regions(msgspec.Struct, frozen=True):
    """The regions of a vendor of which an outage is known. `unplaced`: incidents of which the vendor did not say where, in
    part at least. `silent`: regions of which no outage is known, ever. `looked_at`: the newest look of the archive.
    """

    vendor: Named
    period: Period
    sort: str
    looked_at: str | None
    watched: float
    unplaced: int
    regions: list[RegionRow]
    silent: list[Named]


class Vendors(msgspec.Struct, frozen=True):
    """The vendors whose catalog names a service of a category; `others` is how many do not."""

    category: Counted
    period: Period
    sort: str
    looked_at: str | None
    others: int
    vendors: list[VendorRow]


class Overview(msgspec.Struct, frozen=True):
    """What there is to compare: vendors with their number of regions, categories with their number of vendors."""

    regions: list[Counted]
    categories: list[Counted]


def _last(value: float | None, *, most: bool) -> tuple[bool, float]:
    """Sorts what is not known behind the rest."""
    return value is None, (-value if most else value) if value is not None else 0.0


#: What a row is sorted by, the worst on top; what is level, by name.
REGION_ORDERS: Mapping[str, Callable[[RegionRow], tuple[float, ...]]] = {
    "down": lambda r: (-r.down_minutes, -r.incidents),
    "outages": lambda r: (-r.incidents, -r.down_minutes),
    "availability": lambda r: (*_last(r.availability, most=False), -r.down_minutes),
    "longest": lambda r: _last(r.longest_minutes, most=True),
    "last": lambda r: _last(instant(r.last_started_at).timestamp() if r.last_started_at else None, most=True),
    "name": lambda _: (),
}
VENDOR_ORDERS: Mapping[str, Callable[[VendorRow], tuple[float, ...]]] = {
    "down": lambda r: (-r.down_minutes, -r.incidents, -r.watched),
    "outages": lambda r: (-r.incidents, -r.down_minutes, -r.watched),
    "lag": lambda r: _last(r.median_lag_minutes, most=True),
    "edited": lambda r: (*_last(r.edited_share, most=True), -r.followed),
    "watched": lambda r: (-r.watched,),
    "name": lambda _: (),
}
SORT = "down"


def period(since: str | None, until: str | None, newest: str | None) -> Period:
    """The period that was asked for, in months; without a beginning or an end it has a year, which without either ends
    with the newest month. BadPeriodError for what is none.
    """
    for name, month in (("from", since), ("until", until)):
        if month and not _MONTH.fullmatch(month):
            raise BadPeriodError(f"{name}: not a month such as 2025-01: {month}")
    if not until:
        last = newest or "1970-01"
        until = last if not since or since <= last else since
    since = since or shifted(until, 1 - MONTHS)
    if since > until:
        raise BadPeriodError(f"from: {since} is after {until}")
    asked = Period(since, until)
    if len(asked.months) > MOST_MONTHS:
        raise BadPeriodError(f"from: {since} to {until} are more than {MOST_MONTHS} months")
    return asked


def regions(
    conn: sqlite3.Connection, vendor: str, since: str | None = None, until: str | None = None, sort: str = SORT
) -> Regions | None:
    """The regions of a vendor; None when there is no such vendor. BadPeriodError for bad months."""
    ask = _asker(conn)
    found = ask(VENDOR, vendor=vendor)
    if not found:
        return None
    looked_at, newest = _newest(ask, NEWEST_OF_VENDOR, vendor=vendor)
    asked = period(since, until, newest)
    named = {"vendor": vendor, "since": asked.since, "until": asked.until}
    watched = {row["month"]: row["watched_minutes"] for row in ask(WATCHED, **named)}
    passed = _passed(asked, looked_at)
    known = {row["region"] for row in ask(PLACES, vendor=vendor)}
    listed = {row["id"]: row for row in ask(REGIONS, vendor=vendor)}
    by_region: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in ask(REGION_MONTHS, **named):
        by_region[row["region"]].append(row)
    rows = [
        _region_row(listed.get(region) or _unlisted(region), by_region.get(region, []), watched, passed)
        for region in known
    ]
    return Regions(
        vendor=Named(**found[0]),
        period=asked,
        sort=sort,
        looked_at=looked_at,
        watched=_share(sum(watched.values()), sum(passed.values())),
        unplaced=sum(row["incidents"] for row in by_region.get(None, ())),
        regions=sorted(rows, key=lambda r: (*REGION_ORDERS[sort](r), r.name, r.id)),
        silent=sorted((Named(id_, row["name"]) for id_, row in listed.items() if id_ not in known), key=_by_name),
    )


def vendors(
    conn: sqlite3.Connection, category: str, since: str | None = None, until: str | None = None, sort: str = SORT
) -> Vendors | None:
    """The vendors of a category of service; None when there is no such category. BadPeriodError for bad months."""
    if category not in CATEGORIES or category == ALL:
        return None
    ask = _asker(conn)
    looked_at, newest = _newest(ask, NEWEST_MONTH)
    asked = period(since, until, newest)
    named = {"since": asked.since, "until": asked.until}
    passed = _passed(asked, looked_at)
    names: dict[str, str] = {}
    services: dict[str, list[Named]] = defaultdict(list)
    for row in ask(SERVICES, category=category):
        names[row["vendor"]] = row["name"]
        services[row["vendor"]].append(Named(row["id"], row["service"]))
    (count,) = ask(VENDORS)[0].values()
    here, whole = (_by_vendor(ask(sql, category=category, **named)) for sql in (CATEGORY_MONTHS, VENDOR_MONTHS))
    rows = [
        _vendor_row(Named(id_, name), services[id_], here.get(id_, []), whole.get(id_, []), passed)
        for id_, name in names.items()
    ]
    return Vendors(
        category=Counted(category, CATEGORIES[category], len(rows)),
        period=asked,
        sort=sort,
        looked_at=looked_at,
        others=count - len(rows),
        vendors=sorted(rows, key=lambda r: (*VENDOR_ORDERS[sort](r), r.name, r.id)),
    )


def overview(conn: sqlite3.Connection) -> Overview:
    """What there is to compare."""
    ask = _asker(conn)
    return Overview(
        regions=[Counted(**row) for row in ask(COMPARABLE)],
        categories=[
            Counted(row["id"], CATEGORIES[row["id"]], row["count"])
            for row in ask(CATEGORIES_NAMED)
            if row["id"] in CATEGORIES and row["id"] != ALL
        ],
    )


def title(category: str) -> str:
    """A category as a heading has it."""
    return _ACRONYMS.get(category, category.capitalize())


def percent(share: float) -> str:
    """An availability, rounded down: only what was never out has 100 %."""
    return "100 %" if share >= 1 else f"{math.floor(share * 1e5 + 1e-6) / 1e3:.3f} %"


def part(share: float) -> str:
    """A share in whole per cent, rounded down."""
    return f"{math.floor(share * 100 + 1e-6)} %" if share >= 0.01 or share <= 0 else "under 1 %"


def proportion(some: int, of: int) -> str:
    """So many of so many, rounded to a tenth of a percent, where only all are 100 % and only none 0 %."""
    tenths = (2000 * some + of) // (2 * of)
    if 0 < some < of and tenths in (0, 1000):
        return "over 99.9 %" if tenths else "under 0.1 %"
    return f"{tenths / 10:g} %"


def told(cell: Cell) -> str:
    """A month in words: "2025-06: 2 outages, 7 h 29 min out; not watched"."""
    if not (cell.there or cell.incidents or cell.down_minutes):
        return f"{cell.month}: there was no such region"
    begun = f"{cell.incidents} {'outage' if cell.incidents == 1 else 'outages'} began" if cell.incidents else ""
    down = f"{length(cell.down_minutes)} out" if cell.down_minutes else ""
    known = ", ".join(filter(None, (begun, down))) or "no outage known"
    if cell.watched is None:
        return f"{cell.month}: {known}; after the newest look"
    return f"{cell.month}: {known}; {f'watched {part(cell.watched)}' if cell.watched else 'not watched'}"


def summary(cells: Sequence[Cell]) -> str:
    """A row of months in words: those in which anything was out, and how many were not watched."""
    out = [cell for cell in cells if cell.incidents or cell.down_minutes]
    unwatched = sum(cell.there and not cell.watched for cell in cells)
    said = "; ".join(told(cell) for cell in out) if out else "no outage known"
    return f"{len(cells)} months. {said}. {unwatched} not watched" if unwatched else f"{len(cells)} months. {said}"


def _region_row(
    region: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    watched: Mapping[str, float],
    passed: Mapping[str, float],
) -> RegionRow:
    by_month = {row["month"]: row for row in rows}
    there = {month for month in passed if (region["opened"] or "") <= month <= (region["closed"] or "9999")}
    watched_here = sum(minutes for month, minutes in watched.items() if month in there)
    down_here = sum(row["watched_down_minutes"] for row in rows if row["month"] in there)
    share = _share(watched_here, sum(minutes for month, minutes in passed.items() if month in there))
    longest = max(((r["longest_minutes"], r["longest_incident"]) for r in rows if r["longest_incident"]), default=None)
    last = max(((r["last_started_at"], r["last_incident"]) for r in rows if r["last_incident"]), default=None)
    return RegionRow(
        id=region["id"],
        name=region["name"],
        city=region["city"],
        country=region["country"],
        wider=bool(region["wider"]),
        incidents=sum(row["incidents"] for row in rows),
        unrated=sum(row["unrated"] for row in rows),
        unended=sum(row["unended"] for row in rows),
        severity=worst([Severity(row["severity"]) for row in rows if row["severity"]]),
        down_minutes=round(sum(row["down_minutes"] for row in rows), 1),
        watched_down_minutes=round(down_here, 1),
        watched_minutes=round(watched_here, 1),
        watched=share,
        availability=math.floor(1e6 * (1 - down_here / watched_here)) / 1e6 if share >= LITTLE else None,
        longest_minutes=longest and longest[0],
        longest_incident=longest and longest[1],
        last_started_at=last and last[0],
        last_incident=last and last[1],
        months=[_cell(month, by_month.get(month), watched, passed, month in there) for month in passed],
    )


def _vendor_row(
    vendor: Named,
    services: list[Named],
    here: Sequence[Mapping[str, Any]],
    whole: Sequence[Mapping[str, Any]],
    passed: Mapping[str, float],
) -> VendorRow:
    by_month = {row["month"]: row for row in here}
    watched = {row["month"]: row["watched_minutes"] for row in whole}
    lags = [lag for row in here for lag in msgspec.json.decode(row["lags"], type=list[float])]
    counts = {name: sum(row[name] for row in here) for name in _COUNTED}
    return VendorRow(
        id=vendor.id,
        name=vendor.name,
        services=services,
        all_incidents=sum(row["incidents"] for row in whole),
        down_minutes=round(sum(row["down_minutes"] for row in here), 1),
        lags_known=len(lags),
        median_lag_minutes=round(median(lags), 2) if lags else None,
        edited_share=round(counts["edited"] / counts["followed"], 4) if counts["followed"] else None,
        watched_minutes=round(sum(watched.values()), 1),
        watched=_share(sum(watched.values()), sum(passed.values())),
        months=[_cell(month, by_month.get(month), watched, passed) for month in passed],
        **counts,
    )


def _cell(
    month: str,
    row: Mapping[str, Any] | None,
    watched: Mapping[str, float],
    passed: Mapping[str, float],
    there: bool = True,
) -> Cell:
    share = _share(watched.get(month, 0.0), passed[month]) if passed[month] else None
    return Cell(month, row["incidents"] if row else 0, row["down_minutes"] if row else 0.0, share, there)


def _unlisted(region: str) -> dict[str, Any]:
    return {"id": region, "name": region, "city": None, "country": None, "opened": None, "closed": None}


def _newest(ask: Ask, question: str, **named: object) -> tuple[str | None, str | None]:
    """The newest look, and the newest month with anything in it."""
    looks = ask(NEWEST_LOOK)
    looked_at: str | None = looks[0]["polled_at"] if looks else None
    (month,) = ask(question, newest=(looked_at or "9999")[:7], **named)[0].values()
    if month is None:  # only looks of long ago at others, or something written by hand since
        (month,) = ask(question, newest="9999", **named)[0].values()
    return looked_at, month


def _passed(asked: Period, looked_at: str | None) -> dict[str, float]:
    """Minutes of each month up to the newest look."""
    start, end = month_start(asked.since), month_start(shifted(asked.until, 1))
    if looked_at:
        end = min(end, instant(looked_at))
    minutes = minutes_by_month([(start, end)])
    return {month: minutes.get(month, 0.0) for month in asked.months}


def _share(some: float, of: float) -> float:
    return min(round(some / of, 6), 1.0) if of else 0.0


def _by_name(named: Named) -> tuple[str, str]:
    return named.name, named.id


def _by_vendor(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["vendor"]].append(row)
    return found


#: Rows of a question as dicts.
Ask = Callable[..., list[dict[str, Any]]]


def _asker(conn: sqlite3.Connection) -> Ask:
    cursor = dicts(conn)
    return lambda sql, **named: cursor.execute(sql, named).fetchall()
