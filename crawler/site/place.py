"""A vendor, a region or a service as a reader meets it: out now, day by day, how long each time, how soon it was said."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Sized
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Literal

import msgspec

from crawler import coverage
from crawler.archive.months import FOLLOWED
from crawler.catalog import ALL
from crawler.database import dicts
from crawler.records import OVER, instant, month_of, stamp
from crawler.schema import LAG
from crawler.site.calendar import SCALE, Day, Month, Spell, count, month_start, months, shifted
from crawler.site.front import RECENT, STALE, UNENDED
from crawler.site.incident import count_regions

Kind = Literal["vendor", "region", "service"]
#: The two that are places of a vendor, and what each consists of.
_OTHER: Mapping[Kind, str] = {"region": "service", "service": "region"}

#: A period is so many months; on the page are so many incidents, rows of availability, and courses of one incident.
MONTHS, NEWEST, WORST, COURSES, SPELLED = 12, 50, 12, 3, 4
#: Of a month of which less was watched, no percentage is told.
LITTLE = 0.1
#: Of how many of the last looks one that could be read is searched.
TRIED = 100
#: What began so long before the last look, without a word since on whether it is over, is told apart.
LONG = timedelta(days=30)
#: Rows of an index that are read to find the newest incidents of a place; one incident may have hundreds there.
READ = 1000

VENDOR = "select id, name, local_name, homepage from vendors where id = :vendor"
REGION = """
    select id, key, name, local_name, city, country, opened, closed, separate, listed from regions
    where vendor = :vendor and id = :id
"""
SERVICE = "select id, key, name, local_name, category, listed from services where vendor = :vendor and id = :id"
SOURCES = """
    select id, platform, url, interval_seconds, polled, until, last_polled_at, last_outcome from sources
    where vendor = :vendor and platform <> 'landmarks' order by polled desc, last_polled_at is null, id
"""
READABLE = """
    select max(polled_at) as at from (
      select polled_at, outcome from polls where source = :source order by polled_at desc limit :tried)
    where outcome in ('new', 'same', 'not-modified')
"""
#: Cut where a month ends, hence those of the period begin in one of its months.
WATCHED = """
    select started_at, ended_at from watched where vendor = :vendor and source = :source
    and started_at >= :since and started_at < :until
"""
WATCHED_UNTIL = """
    select ended_at as at from watched where vendor = :vendor and source = :source order by started_at desc limit 1
"""

#: What only points to another incident counts under that one.
_INCIDENT = """vendor = :vendor and kind = 'outage'
      and (linked_to is null or exists (select 1 from outages where incident = incidents.id))"""
_PLACE: Mapping[Kind, str] = {
    "vendor": _INCIDENT,
    "region": "vendor = :vendor and region = :id",
    "service": "vendor = :vendor and service = :id",
}
_TABLE: Mapping[Kind, str] = {"vendor": "incidents", "region": "outages", "service": "outages"}
_COLUMNS = "id, null, severity, started_at, ended_at, state, last_seen_at"
#: How an incident was told: minutes to the first word (`LAG`); whether the start is known only from a field that says
#: nothing of that; whether looks went on after it was called over, and whether they showed a change then.
_TOLD = f"""{LAG} as lag,
      start_basis = 'structured' and first_posted_at is not null and {LAG} is null as filled, {FOLLOWED} as followed, case when {FOLLOWED} then exists (
        select 1 from revisions where incident = incidents.id and seen_at > resolved_posted_at) end as edited"""
#: When each incident was out, and what of a place. A vendor's are counted as incidents, and how those of the period were
#: told stands behind, which reads them once. What began before the period is found by its end, or has none.
SPELLS: Mapping[Kind, str] = {
    "vendor": f"""
    select {_COLUMNS}, {_TOLD} from incidents where {_INCIDENT} and started_at >= :since and started_at < :until
    union all select {_COLUMNS}, null, null, null, null from incidents indexed by incidents_ended
      where {_INCIDENT} and ended_at > :since and started_at < :since
    union all select {_COLUMNS}, null, null, null, null from incidents indexed by incidents_ended
      where {_INCIDENT} and ended_at is null and started_at < :since
    """,
    **{
        kind: f"""
    select incident, {other}, severity, started_at, ended_at, case when ended_at is null
      then (select state from incidents where id = incident) end, case when ended_at is null
      then (select last_seen_at from incidents where id = incident) end
    from outages where {_PLACE[kind]} and started_at < :until and (ended_at > :since or ended_at is null)
    """
        for kind, other in _OTHER.items()
    },
}
#: Of incidents (`:said`, the severity of each as such): all intervals that have a severity, where one of them has another. A
#: vendor's last word on an incident is often worse than what it said of its services, and than what it said on most days.
DIFFERENT = """
    select distinct incident, severity, started_at, ended_at from outages where severity is not null and incident in (
      select incident from json_each(:said) join outages on incident = key
      where severity is not null and severity is not value)
"""
#: The first and the last that is known of.
ENDS: Mapping[Kind, str] = {
    kind: f"""
    select (select started_at from {_TABLE[kind]} where {_PLACE[kind]} and started_at is not null
        order by started_at limit 1) as first,
      (select started_at from {_TABLE[kind]} where {_PLACE[kind]} and started_at is not null
        order by started_at desc limit 1) as last
    """
    for kind in _TABLE
}
_OPEN = f"""
    select id, title, severity, state, coalesce(started_at, first_posted_at) as since, last_seen_at from incidents
    where vendor = :vendor and {UNENDED} and last_seen_at >= :recent
"""
_HERE = "and exists (select 1 from outages where incident = incidents.id and {} and ended_at is null)"
#: Open, and shown by a look since `:recent`; and those that do not say where, or what.
OPEN: Mapping[Kind, str] = {
    "vendor": f"{_OPEN} order by 5 desc, id limit 30",
    "region": f"{_OPEN} {_HERE.format('region = :id')} order by 5 desc, id limit 30",
    "service": f"{_OPEN} {_HERE.format('service = :id')} order by 5 desc, id limit 30",
}
UNPLACED: Mapping[Kind, str] = {
    "region": f"select count(*) as number from ({_OPEN} {_HERE.format('region is null')})",
    "service": f"select count(*) as number from ({_OPEN} {_HERE.format('service is null')})",
}
#: The newest of the period, and before it.
NEWEST_OF: Mapping[Kind, str] = {
    "vendor": f"""
    select id as incident, title, state, severity, started_at, ended_at, start_basis, end_basis
    from incidents where {_INCIDENT} and started_at < :until order by started_at desc, id limit :number
    """,
    **{
        kind: f"""
    select incident, started_at from outages where {_PLACE[kind]} and started_at < :until
    order by started_at desc limit :number
    """
        for kind in _OTHER
    },
}
COURSES_OF: Mapping[Kind, str] = {
    kind: f"""
    select incident, {other} as other, severity, started_at, ended_at, start_basis, end_basis from outages
    where incident in (select value from json_each(:ids)) and {kind} = :id order by incident, started_at, other
    """
    for kind, other in _OTHER.items()
}
TITLES = """
    select id, title, state, last_seen_at, severity, started_at, ended_at from incidents
    where id in (select value from json_each(:ids))
"""
#: What is wider than a region, such as `global`.
WIDER = "select id from regions where vendor = :vendor and separate and city is null"
#: Of what an incident consists.
EXTENT = f"""
    select count(distinct region) as regions, count(distinct service) as services, min(region) as region,
      min(service) as service, count(distinct case when region in ({WIDER}) then region end) as wider
    from outages where incident = :incident
"""
#: How these incidents were told.
TOLD = f"select id, {_TOLD} from incidents where id in (select value from json_each(:ids))"
_WITHIN = "started_at >= :since and started_at < :until"
#: A vendor's parts, with the number of incidents of the period; id None: nobody said.
PARTS: Mapping[str, str] = {
    "regions": f"""
    select id, name, (select count(distinct incident) from outages o where o.vendor = regions.vendor
      and o.region = regions.id and {_WITHIN}) as incidents from regions where vendor = :vendor
    union all select null, null, count(distinct incident) from outages
      where vendor = :vendor and region is null and {_WITHIN}
    """,
    "services": f"""
    select id, name, (select count(distinct incident) from outages o where o.vendor = services.vendor
      and o.service = services.id and {_WITHIN}) as incidents from services where vendor = :vendor
    union all select null, null, count(distinct incident) from outages
      where vendor = :vendor and service is null and {_WITHIN}
    """,
}
_LOST = """
    select {part} as id, month, max(down_minutes) as down from availability
    where vendor = :vendor and month between :first and :last and down_minutes > 0 {here} group by month, {part}
"""
#: Minutes lost in each month, of the worst where several are one row.
LOST: Mapping[str, str] = {
    "vendor regions": _LOST.format(part="region", here=""),
    "vendor services": _LOST.format(part="service", here=""),
    "region services": _LOST.format(part="service", here="and region = :id"),
    "service regions": _LOST.format(part="region", here="and service = :id"),
}
_BEGAN = "select started_at from outages where vendor = :vendor and {} order by started_at limit 1"
_MEASURED = "select value as id, substr(({}), 1, 7) as since from json_each(:parts)"
#: The month from which on availability is measured: that of the first outage there.
MEASURED: Mapping[str, str] = {
    "vendor regions": _MEASURED.format(_BEGAN.format("region is value")),
    "vendor services": _MEASURED.format(_BEGAN.format("service is value")),
    "region services": _MEASURED.format(_BEGAN.format("region = :id and service is value")),
    "service regions": _MEASURED.format(_BEGAN.format("region is value and service = :id")),
}
NAMES: Mapping[str, str] = {
    "regions": "select id, name from regions where vendor = :vendor",
    "services": "select id, name from services where vendor = :vendor",
}
BY_HAND = """
    select distinct i.id, title, severity, started_at from versions v join incidents i on i.id = v.incident
    where v.source = :source order by started_at desc, i.id limit 50
"""


class Period(msgspec.Struct, frozen=True):
    """Twelve months, `first` and `last` as `YYYY-MM`; from `since` until `until` (exclusive). What may be looked at
    instead: the twelve months before and after (None: nothing is known of them), and years.
    """

    first: str
    last: str
    since: str
    until: str
    earlier: str | None
    later: str | None
    newest: str
    years: list[str]


class Open(msgspec.Struct, frozen=True):
    """An incident that was open when it was last shown."""

    id: str
    title: str
    severity: str | None
    state: str | None
    since: str | None
    last_seen_at: str


class Now(msgspec.Struct, frozen=True):
    """What is out, as far as looks know. `looked_at` is the vendor's last look that could be read (None: none of the last),
    `minutes` how long ago; `polled` how many of its sources are asked, `silent` how many of these had no good answer last,
    `unasked` how many were never asked. `unended`: began long before, and nobody says whether they are over. `unplaced`: open incidents of the vendor that do not say where, or what.
    """

    looked_at: str | None
    minutes: float | None
    stale: bool
    polled: int
    silent: int
    unasked: int
    out: list[Open]
    unended: list[Open]
    unplaced: int


class Course(msgspec.Struct, frozen=True):
    """The same interval of several services, or regions: `what` in short. `minutes` is None without an end, `open`
    whether it may be out still.
    """

    what: str
    severity: str | None
    started_at: str
    ended_at: str | None
    minutes: float | None
    start_basis: str | None
    end_basis: str | None
    open: bool


class Happening(msgspec.Struct, frozen=True):
    """An incident, its intervals here, and how many more of these there are."""

    incident: str
    title: str
    courses: list[Course]
    more: int


class OneDay(msgspec.Struct, frozen=True):
    """What was out on a day, and how many more incidents than are listed."""

    day: Day
    incidents: list[dict[str, Any]]
    more: int


class Share(msgspec.Struct, frozen=True):
    """How much of a month was watched, between 0 and 1."""

    month: str
    watched: float


class Row(msgspec.Struct, frozen=True):
    """Availability of a region or service (None: not said) month by month; None where too little was watched (`LITTLE`),
    or nothing had ever been out there yet.
    """

    id: str | None
    name: str
    months: list[float | None]
    worst: float


class Availability(msgspec.Struct, frozen=True):
    """Rows of `of` (regions or services), the worst on top; `more` were left out, of which `well` lost nothing.
    `worst_of`: a row is the worst of what it stands for. `unrated`: incidents of the period whose severity nobody said;
    they are counted as no loss, hence with any of them no figure is more than an upper bound.
    """

    of: Literal["regions", "services"]
    worst_of: str | None
    months: list[Share]
    rows: list[Row]
    more: int
    well: int
    unrated: int


class Disclosure(msgspec.Struct, frozen=True):
    """How late the first word came, in minutes, for as many incidents as `known`; negative: before the start that was
    stated later. `filled`: as their start the page only has the moment of that word. `followed`: looked at after they
    were called over; `edited`: changed then.
    """

    known: int
    filled: int
    median: float | None
    worst: float | None
    worst_incident: str | None
    followed: int
    edited: int


class Part(msgspec.Struct, frozen=True):
    """A region or service (id None: not said), and how many incidents of the period name it."""

    id: str | None
    name: str
    incidents: int


class Source(msgspec.Struct, frozen=True):
    """A source of the vendor, and how it answers."""

    id: str
    platform: str
    url: str
    polled: bool
    interval_minutes: float
    last_polled_at: str | None
    last_outcome: str | None
    until: str | None


class Page(msgspec.Struct, frozen=True):
    """All of it. `about` holds the row of the vendor, region or service; times are UTC text, as in the tables."""

    kind: Kind
    vendor: str
    vendor_name: str
    id: str | None
    name: str
    local_name: str | None
    about: dict[str, Any]
    now: Now
    period: Period
    incidents: int
    days: dict[str, int]
    months: list[Month]
    day: OneDay | None
    intervals: list[Happening]
    availability: Availability | None
    disclosure: Disclosure
    regions: list[Part]
    services: list[Part]
    sources: list[Source]
    by_hand: list[dict[str, Any]]

    @property
    def title(self) -> str:
        """Its name as people ask for it: with the vendor's, and the id of a region."""
        if self.kind == "vendor":
            return self.name
        named = self.name if self.kind == "service" or str(self.id) in self.name else f"{self.id}, {self.name}"
        return f"{self.vendor_name} {named}"


class Teller:
    """Asks the archive for one page."""

    def __init__(self, conn: sqlite3.Connection, vendor: str, kind: Kind, id: str | None) -> None:
        self._cursor = dicts(conn)
        self.kind: Kind = kind
        self.id = id
        self._named: dict[str, Any] = {"vendor": vendor, "id": id}
        self._named_parts: dict[str, dict[str, str]] = {}
        self.vendor = self._one(VENDOR)
        self.about = self.vendor if kind == "vendor" else self._one(REGION if kind == "region" else SERVICE)

    def _all(self, sql: str, **more: Any) -> list[dict[str, Any]]:
        return self._cursor.execute(sql, {**self._named, **more}).fetchall()

    def _rows(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:
        """As they come: of these there may be many."""
        return self._cursor.connection.execute(sql, {**self._named, **more}).fetchall()

    def _one(self, sql: str, **more: Any) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._cursor.execute(sql, {**self._named, **more}).fetchone()
        return found

    def page(self, now: datetime, last: str | None, day: str | None) -> Page:
        """The page of the twelve months up to `last`, by default of the newest; with what was out on a day of these."""
        assert self.vendor
        assert self.about
        sources = self._all(SOURCES)
        known_until = self._known_until(sources, now)
        self.period = self._period(last, day, known_until)
        self._named |= {"since": self.period.since, "until": self.period.until}
        self._named |= {"first": self.period.first, "last": self.period.last}
        spans = self._watched(sources)
        rows = self._rows(SPELLS[self.kind])
        spells, parts = self._spells(rows)
        within = self._within(rows) if self.kind == "vendor" else []
        calendar = months(
            [*spells, *self._spells(within, whole=False)[0]], spans, self.period.first, MONTHS, known_until
        )
        since = month_start(self.period.first)
        begun = {spell.incident for spell in spells if spell.start >= since}
        unrated = {spell.incident for spell in spells if spell.severity is None}
        regions = self._parts("regions", parts if self.kind == "service" else None)
        services = self._parts("services", parts if self.kind == "region" else None)
        return Page(
            kind=self.kind,
            vendor=self.vendor["id"],
            vendor_name=self.vendor["name"],
            id=self.id,
            name=self.about["name"],
            local_name=self.about["local_name"],
            about=self.about,
            now=self._now(sources, now),
            period=self.period,
            incidents=len(begun),
            days=count(d for month in calendar for d in month.days),
            months=calendar,
            day=self._day(calendar, rows, within, day),
            intervals=self._intervals(),
            availability=self._availability(spans, regions, unrated),
            disclosure=_disclosure(
                [(row[0], *row[7:]) for row in rows if row[3] >= self.period.since]
                if self.kind == "vendor"
                else self._rows(TOLD, ids=_json(sorted(begun)))
            ),
            regions=regions,
            services=services,
            sources=[_source(row) for row in sources] if self.kind == "vendor" else [],
            by_hand=self._all(BY_HAND, source=f"{self.vendor['id']}-landmarks") if self.kind == "vendor" else [],
        )

    # Which time

    def _known_until(self, sources: Iterable[Mapping[str, Any]], now: datetime) -> datetime:
        """The newest thing known: an outage, or a look that could be read. Where nothing is, that is known now."""
        self._ends = self._one(ENDS[self.kind]) or {}
        found = [self._ends["last"], *(row["at"] for s in sources if (row := self._one(WATCHED_UNTIL, source=s["id"])))]
        found += [s["last_polled_at"] for s in sources if s["last_outcome"] in coverage.GOOD]
        known = [instant(at) for at in found if at]
        return max(known, default=now)

    def _period(self, asked: str | None, day: str | None, known_until: datetime) -> Period:
        newest = month_of(known_until)
        last = asked or newest
        if day and not shifted(last, 1 - MONTHS) <= day[:7] <= last:
            last = f"{day[:4]}-12"
        first = shifted(last, 1 - MONTHS)
        oldest = (self._ends["first"] or stamp(known_until))[:7]
        return Period(
            first=first,
            last=last,
            since=stamp(month_start(first)),
            until=stamp(month_start(shifted(last, 1))),
            earlier=shifted(last, -MONTHS) if first > oldest else None,
            later=min(shifted(last, MONTHS), newest) if last < newest else None,
            newest=newest,
            years=[f"{year:04}" for year in range(int(newest[:4]), int(oldest[:4]) - 1, -1)],
        )

    # What was out

    def _watched(self, sources: Iterable[Mapping[str, Any]]) -> list[coverage.Span]:
        """When one source at least was watched."""
        return coverage.unite(
            (instant(row["started_at"]), instant(row["ended_at"]))
            for source in sources
            for row in self._all(WATCHED, source=source["id"])
        )

    def _within(self, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Of a vendor's incidents the intervals of their regions and services, where these are not as bad as the whole."""
        known = {row[0]: row for row in rows}
        said = {incident: row[2] for incident, row in known.items()}
        return [
            (incident, None, severity, started_at, ended_at, *known[incident][5:7])
            for incident, severity, started_at, ended_at in self._rows(
                DIFFERENT, said=msgspec.json.encode(said).decode()
            )
        ]

    def _spells(
        self, rows: Iterable[tuple[Any, ...]], whole: bool | None = None
    ) -> tuple[list[Spell], dict[str | None, set[str]]]:
        """What was out in the period; and of each part of a place, the incidents that began there in the period.

        What is open goes on to the last look that showed it; vaguely where nobody says whether it is over, and then no
        longer than is held likely. Of what is over, and nobody said since when, only the start is known. Rows are of incidents
        as such, by default those of a vendor.
        """
        since, as_such = self.period.since, self.kind == "vendor" if whole is None else whole
        spells = set()
        parts: dict[str | None, set[str]] = defaultdict(set)
        for incident, part, severity, started_at, ended_at, state, last_seen_at, *_ in rows:
            until = _lasted(started_at, ended_at, state, last_seen_at)
            if started_at >= since:
                parts[part].add(incident)
            elif not until or until <= since:
                continue
            spells.add((incident, severity, started_at, until, ended_at is None and state is None))
        at = datetime.fromisoformat  # of thousands: `instant` checks what holds for every time of the archive
        return [
            Spell(incident, severity, at(start), at(until) if until else None, vague, as_such)
            for incident, severity, start, until, vague in spells
        ], parts

    def _day(
        self,
        calendar: Iterable[Month],
        rows: Iterable[tuple[Any, ...]],
        within: Iterable[tuple[Any, ...]],
        asked: str | None,
    ) -> OneDay | None:
        """What was out that day, with the bounds and the severity that it has here; `within` are intervals of incidents whose
        severity that day is not that of the whole.
        """
        day = next((d for month in calendar for d in month.days if d.date == asked), None)
        if day is None:
            return None
        begin = f"{asked}T00:00:00Z"
        end = stamp(instant(begin) + timedelta(days=1))

        def that_day(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
            out = defaultdict(list)
            for incident, _, severity, started_at, ended_at, *known in rows:
                until = _lasted(started_at, ended_at, *known[:2])
                if started_at < end and (started_at >= begin or (until and until > begin)):
                    out[incident].append((severity, started_at, ended_at))
            return out

        out, rated = that_day(rows), that_day(within)
        found = self._all(TITLES, ids=_json(sorted(out)[: 2 * NEWEST]))
        for row in found:
            _, starts, ends = zip(*out[row["id"]], strict=True)
            severities = [severity for severity, *_ in rated.get(row["id"], out[row["id"]])]
            row["severity"] = max(severities, key=lambda severity: SCALE.index(severity or "unknown"))
            row["started_at"], row["ended_at"] = min(starts), None if None in ends else max(ends)
        found.sort(key=lambda row: (-SCALE.index(row["severity"] or "unknown"), row["started_at"] or "", row["id"]))
        return OneDay(day, found, len(out) - len(found))

    def _now(self, sources: Sequence[Mapping[str, Any]], now: datetime) -> Now:
        polled = [s for s in sources if s["polled"]]
        looks = [self._readable(source) for source in sources]
        looked_at = max((at for at in looks if at), default=None)
        age = now - instant(looked_at) if looked_at else None
        recent = stamp(instant(looked_at) - RECENT) if looked_at else "9999"
        long_ago = stamp(instant(looked_at) - LONG) if looked_at else ""
        out = [Open(**row) for row in self._all(OPEN[self.kind], recent=recent)]
        unended = [row for row in out if row.state is None and row.since and row.since < long_ago]
        return Now(
            looked_at=looked_at,
            minutes=age / timedelta(minutes=1) if age is not None else None,
            stale=age is None or age > STALE,
            polled=len(polled),
            silent=sum(s["last_outcome"] not in (None, *coverage.GOOD) for s in polled),
            unasked=sum(s["last_outcome"] is None for s in polled),
            out=[row for row in out if row not in unended],
            unended=unended,
            unplaced=(self._one(UNPLACED[self.kind], recent=recent) or {"number": 0})["number"]
            if self.kind in UNPLACED
            else 0,
        )

    def _readable(self, source: Mapping[str, Any]) -> str | None:
        """The last look at a source that could be read."""
        if source["last_polled_at"] is None or source["last_outcome"] in coverage.GOOD:
            row: Mapping[str, Any] = {"at": source["last_polled_at"]}
        else:
            row = self._one(READABLE, source=source["id"], tried=TRIED) or {"at": None}
        at: str | None = row["at"]
        return at

    # Interval by interval

    def _intervals(self) -> list[Happening]:
        if self.kind == "vendor":
            rows = self._all(NEWEST_OF["vendor"], number=NEWEST)
            return [Happening(row["incident"], row["title"], [self._whole(row)], 0) for row in rows]
        chosen = list({row["incident"]: None for row in self._all(NEWEST_OF[self.kind], number=READ)})[:NEWEST]
        by_incident: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self._all(COURSES_OF[self.kind], ids=_json(chosen)):
            by_incident[row["incident"]].append(row)
        titles = {row["id"]: row for row in self._all(TITLES, ids=_json(chosen))}
        names = self._names("services" if self.kind == "region" else "regions")
        return [self._happening(titles[incident], by_incident[incident], names) for incident in chosen]

    def _whole(self, row: Mapping[str, Any]) -> Course:
        """An incident as one interval."""
        extent = self._one(EXTENT, incident=row["incident"]) or {}
        said = []
        for kind in ("service", "region"):
            number, one = extent[f"{kind}s"], extent[kind]
            if number:
                many = f"{number} services" if kind == "service" else count_regions(number, extent["wider"])
                said.append(self._names(f"{kind}s").get(one, one) if number == 1 else many)
        return _course(row, " in ".join(said) or "not said", row["state"])

    def _happening(
        self, incident: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], names: Mapping[str, str]
    ) -> Happening:
        alike: dict[tuple[Any, ...], set[str | None]] = defaultdict(set)
        columns = ("severity", "started_at", "ended_at", "start_basis", "end_basis")
        for row in rows:
            alike[tuple(row[column] for column in columns)].add(row["other"])
        unsaid = "no service said" if self.kind == "region" else "no region said"
        courses = []
        for key, others in list(alike.items())[:COURSES]:
            said = sorted(unsaid if o is None else names.get(o, o) for o in others)
            what = ", ".join(said) if len(said) <= SPELLED else self._many(others)
            courses.append(_course(dict(zip(columns, key, strict=True)), what, incident["state"]))
        return Happening(incident["id"], incident["title"], courses, len(alike) - len(courses))

    def _many(self, others: set[str | None]) -> str:
        """Services of a region, or regions of a service, by their number."""
        if self.kind == "region":
            return f"{len(others)} services"
        wider = others & {row["id"] for row in self._all(WIDER)}
        unsaid = ", no region said of others" if None in others else ""
        return f"{count_regions(len(others - {None}), len(wider))}{unsaid}"

    # Month by month

    def _availability(
        self, spans: Sequence[coverage.Span], regions: Sequence[Part], unrated: Sized
    ) -> Availability | None:
        placed = sum(part.id is not None for part in regions) > 1
        of: Literal["regions", "services"] = (
            "regions" if self.kind == "service" or (self.kind == "vendor" and placed) else "services"
        )
        every = [shifted(self.period.first, n) for n in range(MONTHS)]
        minutes = coverage.minutes_by_month(spans)
        watched = {month: min(1.0, minutes.get(month, 0.0) / _minutes_of(month)) for month in every}
        names = self._names(of)
        asked = f"{self.kind} {of}"
        lost = {(row["id"], row["month"]): row["down"] for row in self._all(LOST[asked])}
        cells: dict[str | None, dict[str, float]] = {}
        for row in self._all(MEASURED[asked], parts=_json([*names, None])):
            of_part = [month for month in every if watched[month] >= LITTLE and month >= (row["since"] or "9999")]
            if of_part:
                cells[row["id"]] = {m: 1 - lost.get((row["id"], m), 0.0) / round(minutes[m], 1) for m in of_part}
        if not cells:
            return None
        rows = [
            Row(
                id=id,
                name=names.get(id, id) if id else f"no {of[:-1]} said",
                months=[of_month.get(month) for month in every],
                worst=min(of_month.values()),
            )
            for id, of_month in cells.items()
        ]
        rows.sort(key=lambda row: (row.worst, sum(1 if m is None else m for m in row.months), row.name))
        return Availability(
            of=of,
            worst_of=None if self.kind != "vendor" else "services" if of == "regions" else "regions",
            months=[Share(month, share) for month, share in watched.items()],
            rows=rows[:WORST],
            more=len(rows[WORST:]),
            well=sum(row.worst == 1 for row in rows[WORST:]),
            unrated=len(unrated),
        )

    # What it consists of

    def _parts(self, kind: str, seen: Mapping[str | None, set[str]] | None) -> list[Part]:
        """Regions or services: of a vendor all, of a place those where something began in the period."""
        if self.kind == "vendor":
            found = [(row["id"], row["name"], row["incidents"]) for row in self._all(PARTS[kind])]
        else:
            names = self._names(kind) if seen else {}
            found = [(id, names.get(id or ""), len(some)) for id, some in (seen or {}).items()]
        parts = [Part(id, name or id or f"no {kind[:-1]} said", number) for id, name, number in found if id or number]
        return sorted(parts, key=lambda part: (-part.incidents, part.id is None, part.id == ALL, part.name))

    def _names(self, kind: str) -> dict[str, str]:
        if kind not in self._named_parts:
            self._named_parts[kind] = {row["id"]: row["name"] for row in self._all(NAMES[kind])}
        return self._named_parts[kind]


def tell(
    conn: sqlite3.Connection,
    vendor: str,
    kind: Kind,
    id: str | None,
    now: datetime,
    last: str | None = None,
    day: str | None = None,
) -> Page | None:
    """The page of a vendor, or of its region or service `id`, at that moment; None when there is none.

    `last` is the last month (`YYYY-MM`) of the twelve that are shown, `day` one of their days (`YYYY-MM-DD`).
    """
    teller = Teller(conn, vendor, kind, id)
    if teller.vendor is None or teller.about is None:
        return None
    return teller.page(now, last, day)


def _lasted(started_at: str, ended_at: str | None, state: str | None, last_seen_at: str | None) -> str | None:
    """Until when something was out, as far as is known; None where only its start is.

    What nobody calls open, nor over, is not held to have lasted for years because a page still lists it.
    """
    if ended_at or state in OVER or last_seen_at is None:
        return ended_at
    return last_seen_at if state else min(last_seen_at, stamp(instant(started_at) + LONG))


def _disclosure(told: Sequence[tuple[Any, ...]]) -> Disclosure:
    """Of incidents: id, lag, whether its start was filled in, whether it was followed, and edited then."""
    lags = [(lag, id) for id, lag, *_ in told if lag is not None]
    worst, worst_incident = max(lags, default=(None, None))
    return Disclosure(
        known=len(lags),
        filled=sum(bool(filled) for _, _, filled, *_ in told),
        median=median([lag for lag, _ in lags]) if lags else None,
        worst=worst,
        worst_incident=worst_incident,
        followed=sum(bool(followed) for *_, followed, _ in told),
        edited=sum(bool(edited) for *_, edited in told),
    )


def _course(row: Mapping[str, Any], what: str, state: str | None) -> Course:
    end = row["ended_at"]
    return Course(
        what=what,
        severity=row["severity"],
        started_at=row["started_at"],
        ended_at=end,
        minutes=round((instant(end) - instant(row["started_at"])).total_seconds() / 60, 1) if end else None,
        start_basis=row["start_basis"],
        end_basis=row["end_basis"],
        open=end is None and state not in OVER,
    )


def _source(row: Mapping[str, Any]) -> Source:
    return Source(
        id=row["id"],
        platform=row["platform"],
        url=row["url"],
        polled=bool(row["polled"]),
        interval_minutes=row["interval_seconds"] / 60,
        last_polled_at=row["last_polled_at"],
        last_outcome=row["last_outcome"],
        until=row["until"],
    )


def _minutes_of(month: str) -> float:
    return (month_start(shifted(month, 1)) - month_start(month)) / timedelta(minutes=1)


def _json(ids: Sequence[str | None]) -> str:
    return msgspec.json.encode(ids).decode()
