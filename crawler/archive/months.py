"""What comparisons ask of a month: of each vendor, of its categories of service, and of its regions.

An incident counts in the month in which it began, once; minutes count in the month in which they passed.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from crawler import coverage
from crawler.catalog import ALL
from crawler.records import DOWN, Severity, month_of, stamp, worst
from crawler.schema import LAG

#: Whether an incident was seen twice or more, and at last after the vendor had called it over: only then could a later
#: change of it be noticed. NULL where it was never seen, or never called over.
FOLLOWED = "last_seen_at > max(first_seen_at, resolved_posted_at)"

#: Outages that began since `:since`, of `:vendor`. What only points to another incident counts under that one.
# `+`: by no index of kinds, which would read the incidents of all years each time.
_INCIDENTS = f"""
    select id, substr(coalesce(started_at, first_posted_at), 1, 7), severity, ended_at is null,
      {LAG},
      coalesce({FOLLOWED}, 0),
      case when {FOLLOWED} then (select count(*) from revisions r where r.incident = i.id and r.seen_at > i.resolved_posted_at)
        else 0 end
    from incidents i where +kind = 'outage' and id in (
        select id from incidents where vendor = :vendor and started_at >= :since
        union all select id from incidents where vendor = :vendor and started_at is null and first_posted_at >= :since)
      and (linked_to is null or exists (select 1 from outages where incident = i.id))
"""


class Held(NamedTuple):
    """An interval held true. `until` is when it ended as far as is known: its end, else while it is open the last moment
    at which the vendor was watched; None where it is not known to go on, nor since when it does not.
    """

    incident: str
    region: str | None
    service: str | None
    severity: Severity | None
    started_at: datetime
    ended_at: datetime | None
    until: datetime | None


class _Incident(NamedTuple):
    id: str
    month: str
    severity: str | None
    unended: bool
    lag: float | None
    followed: bool
    edits: int


class _Down:
    """Intervals of partial and major outages of one vendor, region or category."""

    def __init__(self) -> None:
        self.known: list[coverage.Span] = []
        self.all: list[coverage.Span] = []

    def add(self, outage: Held) -> None:
        if outage.until and outage.started_at < outage.until:
            self.all.append((outage.started_at, outage.until))
            if outage.ended_at:
                self.known.append((outage.started_at, outage.ended_at))

    def minutes(self, since: datetime) -> dict[str, float]:
        """Minutes by month in which something was down, of intervals whose end is known."""
        spans = coverage.unite(self.known)
        return coverage.minutes_by_month((max(start, since), end) for start, end in spans if end > since)

    def watched(self, spans: Sequence[coverage.Span]) -> dict[str, float]:
        """Minutes by month in which something was down, of those that were watched."""
        return coverage.minutes_by_month(coverage.common(coverage.unite(self.all), spans))


class _Place:
    """What began in a region in one month."""

    def __init__(self) -> None:
        self.severities: dict[str, list[Severity | None]] = defaultdict(list)  # by incident
        self.unended: set[str] = set()
        self.longest: tuple[float, str] | None = None
        self.last: tuple[datetime, str] | None = None

    def add(self, outage: Held) -> None:
        self.severities[outage.incident].append(outage.severity)
        if outage.ended_at is None:
            self.unended.add(outage.incident)
        begun = (outage.started_at, outage.incident)
        self.last = max(self.last or begun, begun)
        if outage.severity in DOWN and outage.ended_at:
            lasted = (round((outage.ended_at - outage.started_at).total_seconds() / 60, 1), outage.incident)
            self.longest = max(self.longest or lasted, lasted)

    def row(self) -> tuple[object, ...]:
        """From `incidents` to `last_incident`, but for the minutes."""
        rated = [worst(severities) for severities in self.severities.values()]
        last_at, last = self.last or (None, None)
        return (
            len(rated), rated.count(None), len(self.unended), worst(rated), *(self.longest or (None, None)),
            last_at and stamp(last_at), last,
        )  # fmt: skip


class Months:
    """Tables `vendor_months`, `category_months` and `region_months`."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def measure(self, vendor: str, since: datetime, outages: Iterable[Held], spans: Sequence[coverage.Span]) -> None:
        """Write the months of a vendor from the one that begins at `since` on.

        `outages`: all that had no known end then or ended later, and all of incidents that began later. `spans`: when
        the vendor was watched since then, disjoint, in order.
        """
        month = month_of(since)
        for table in ("vendor_months", "category_months", "region_months"):
            self.conn.execute(f"delete from {table} where vendor = ? and month >= ?", (vendor, month))
        incidents = self._incidents(vendor, since)
        categories = self._categories(vendor)
        whole = _Down()
        by_category: dict[str, _Down] = defaultdict(_Down)
        by_region: dict[str | None, _Down] = defaultdict(_Down)
        begun_in: dict[tuple[str, str], dict[str, _Incident]] = defaultdict(dict)  # category and month
        begun_at: dict[tuple[str | None, str], _Place] = defaultdict(_Place)  # region and month
        for outage in outages:
            about = categories.get(outage.service or "", ())
            if outage.severity in DOWN:
                for down in (whole, by_region[outage.region], *(by_category[category] for category in about)):
                    down.add(outage)
            if incident := incidents.get(outage.incident):
                begun_at[outage.region, incident.month].add(outage)
                for category in about:
                    begun_in[category, incident.month][incident.id] = incident
        self._write_vendor(vendor, incidents.values(), whole.minutes(since), coverage.minutes_by_month(spans))
        self._write_categories(vendor, begun_in, {name: down.minutes(since) for name, down in by_category.items()})
        self._write_regions(
            vendor,
            begun_at,
            {region: (down.minutes(since), down.watched(spans)) for region, down in by_region.items()},
        )

    def _incidents(self, vendor: str, since: datetime) -> dict[str, _Incident]:
        rows = self.conn.execute(_INCIDENTS, {"vendor": vendor, "since": stamp(since)})
        return {row[0]: _Incident(*row) for row in rows}

    def _categories(self, vendor: str) -> Mapping[str, Sequence[str]]:
        """Of each service its category; of everything, all of them."""
        found = {
            service: (category,)
            for service, category in self.conn.execute(
                "select id, category from services where vendor = ? and category is not null and id <> ?", (vendor, ALL)
            )
        }
        return {**found, ALL: sorted({category for (category,) in found.values()})}

    def _write_vendor(
        self, vendor: str, incidents: Iterable[_Incident], down: Mapping[str, float], watched: Mapping[str, float]
    ) -> None:
        begun: dict[str, list[_Incident]] = defaultdict(list)
        for incident in incidents:
            begun[incident.month].append(incident)
        self.conn.executemany(
            f"insert into vendor_months values ({', '.join('?' * 16)})",
            [
                (vendor, month, *_counted(begun.get(month, ())), round(down.get(month, 0.0), 1),
                 round(watched.get(month, 0.0), 1))
                for month in sorted(begun.keys() | down.keys() | watched.keys())
            ],
        )  # fmt: skip

    def _write_categories(
        self,
        vendor: str,
        begun: Mapping[tuple[str, str], Mapping[str, _Incident]],
        down: Mapping[str, Mapping[str, float]],
    ) -> None:
        keys = begun.keys() | {(category, month) for category, minutes in down.items() for month in minutes}
        self.conn.executemany(
            f"insert into category_months values ({', '.join('?' * 16)})",
            [
                (vendor, category, month, *_counted(begun.get((category, month), {}).values()),
                 round(down.get(category, {}).get(month, 0.0), 1))
                for category, month in sorted(keys)
            ],
        )  # fmt: skip

    def _write_regions(
        self,
        vendor: str,
        begun: Mapping[tuple[str | None, str], _Place],
        down: Mapping[str | None, tuple[Mapping[str, float], Mapping[str, float]]],
    ) -> None:
        keys = begun.keys() | {(region, month) for region, both in down.items() for some in both for month in some}
        rows = []
        for region, month in sorted(keys, key=lambda key: (key[0] or "", key[1])):
            known, watched = down.get(region, ({}, {}))
            place = begun.get((region, month)) or _Place()
            minutes = (round(known.get(month, 0.0), 1), round(watched.get(month, 0.0), 1))
            rows.append((vendor, region, month, *place.row(), *minutes))
        self.conn.executemany(f"insert into region_months values ({', '.join('?' * 13)})", rows)


def _counted(incidents: Iterable[_Incident]) -> tuple[object, ...]:
    """From `incidents` to `edits`, as the tables of vendors and of categories have them."""
    some = list(incidents)
    severities = [incident.severity for incident in some]
    lags = sorted(incident.lag for incident in some if incident.lag is not None)
    followed = [incident for incident in some if incident.followed]
    return (
        len(some),
        severities.count(Severity.MAJOR_OUTAGE),
        severities.count(Severity.PARTIAL_OUTAGE),
        severities.count(Severity.DEGRADED),
        severities.count(None),
        sum(incident.unended for incident in some),
        len(lags),
        round(median(lags), 1) if lags else None,
        json.dumps(lags, separators=(",", ":")),
        len(followed),
        sum(incident.edits > 0 for incident in followed),
        sum(incident.edits for incident in followed),
    )
