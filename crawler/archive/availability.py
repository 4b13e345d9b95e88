"""Watched and down minutes by month, kept up to date for the months that may have changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from crawler import coverage, timeline
from crawler.archive.months import Held, Months
from crawler.catalog import Catalog, Source
from crawler.records import DOWN, OVER, Basis, Severity, instant, month_of, stamp


class Availability:
    """Tables `watched`, `coverage` and `availability`, and with the last those of `Months`."""

    def __init__(self, conn: sqlite3.Connection, catalog: Catalog) -> None:
        self.conn = conn
        self.catalog = catalog
        self.months = Months(conn)

    def touch(self, vendor: str, *moments: datetime | None) -> None:
        """What is known of these moments may have changed. Written down, so that a crash forgets nothing."""
        for moment in moments:
            if moment is not None:
                self.conn.execute(
                    """insert into to_measure values (?, ?) on conflict (vendor)
                    do update set since = min(since, excluded.since)""",
                    (vendor, stamp(moment)),
                )

    def measure(self) -> None:
        """Measure every month that may have changed anew."""
        for vendor, since in self.conn.execute("select vendor, since from to_measure order by vendor").fetchall():
            self._measure_vendor(vendor, instant(since))
        self.conn.execute("delete from to_measure")

    def _measure_vendor(self, vendor: str, changed: datetime) -> None:
        since = changed.replace(day=1, hour=0, minute=0, second=0)
        spans = list(coverage.by_months(self._measure_sources(vendor, since, changed)))
        outages = list(self._outages(vendor, since, spans[-1][1] if spans else None))
        self.months.measure(vendor, since, outages, spans)
        self.conn.execute("delete from availability where vendor = ? and month >= ?", (vendor, month_of(since)))
        months = coverage.minutes_by_month(spans)
        if not months:
            return
        # A place has availability from its first outage on.
        since_month: dict[timeline.Cell, str] = {
            (region, service): first[:7]
            for region, service, first in self.conn.execute(
                "select region, service, min(started_at) from outages where vendor = ? group by region, service",
                (vendor,),
            )
        }
        down: dict[timeline.Cell, list[coverage.Span]] = {cell: [] for cell in since_month}
        for outage in outages:
            if outage.severity in DOWN and outage.until:
                down[outage.region, outage.service].append((outage.started_at, outage.until))
        for (region, service), spells in down.items():
            lost = coverage.minutes_by_month(coverage.common(coverage.unite(s for s in spells if s[0] < s[1]), spans))
            self.conn.executemany(
                "insert into availability values (?, ?, ?, ?, ?, ?)",
                [
                    (vendor, region, service, month, round(lost.get(month, 0.0), 1), round(watched, 1))
                    for month, watched in months.items()
                    if month >= since_month[region, service]
                ],
            )

    def _outages(self, vendor: str, since: datetime, last: datetime | None) -> Iterator[Held]:
        """What had no known end at `since` or ended later, and all outages of incidents that began later.

        `last`: the vendor was watched until then.
        """
        for incident, region, service, severity, started, ended, basis, state in self.conn.execute(
            """select incident, region, service, o.severity, o.started_at, o.ended_at, o.start_basis, i.state
            from outages o join incidents i on i.id = o.incident where o.vendor = :vendor and o.ended_at > :since
            union all select incident, region, service, o.severity, o.started_at, o.ended_at, o.start_basis, i.state
            from outages o join incidents i on i.id = o.incident where o.vendor = :vendor and o.ended_at is null
            union all select incident, region, service, o.severity, o.started_at, o.ended_at, o.start_basis, i.state
            from incidents i join outages o on o.incident = i.id
            where i.vendor = :vendor and i.started_at >= :since and o.ended_at <= :since""",
            {"vendor": vendor, "since": stamp(since)},
        ):
            # What is over, or is not said to be open, is not open for ever: how long it was is not known.
            goes_on = state not in OVER if state else basis == Basis.OBSERVED
            until = instant(ended) if ended else last if goes_on else None
            yield Held(
                incident, region, service, Severity(severity) if severity else None, instant(started),
                instant(ended) if ended else None, until,
            )  # fmt: skip

    def _measure_sources(self, vendor: str, since: datetime, changed: datetime) -> list[coverage.Span]:
        """Measure each source of the vendor. Returns disjoint spans since then in which one of them was watched."""
        entry = self.catalog.vendors.get(vendor)
        spans = (
            [span for source in entry.sources for span in self._measure_source(source, since, changed)] if entry else []
        )
        return coverage.unite((max(start, since), end) for start, end in spans if end > since)

    def _measure_source(self, source: Source, since: datetime, changed: datetime) -> list[coverage.Span]:
        """Write down when the source was watched at some address since then or earlier, and how well each month was.

        What was watched before `changed` is known; only looks from then on are read, lest a round at the end of a
        month reads all of it.
        """
        first, last = self.conn.execute(
            """select (select min(polled_at) from polls where source = :source),
            (select max(polled_at) from polls where source = :source)""",
            {"source": source.id},
        ).fetchone()
        life = (instant(first), instant(last)) if first else (since, since)
        if life[1] >= since and (opened := self._last_open_month(source, life[0], since)) < since:
            since = changed = opened
        named = (source.vendor, source.id)
        known = [
            (instant(start), min(instant(end), changed))
            for start, end in self.conn.execute(
                """select started_at, ended_at from watched where vendor = ? and source = ? and started_at >= ?
                and started_at < ?""",
                (*named, stamp(since), stamp(changed)),
            )
        ]
        self.conn.execute(
            "delete from watched where vendor = ? and source = ? and started_at >= ?", (*named, stamp(since))
        )
        self.conn.execute(
            "delete from coverage where vendor = ? and source = ? and month >= ?", (*named, month_of(since))
        )
        if first is None or life[1] < since:
            return []
        looks = self._looks(source, changed)
        seen = (span for some in looks.values() for span in coverage.watched(some, source.interval))
        spans = coverage.unite([*known, *((max(start, changed), end) for start, end in seen if end > changed)])
        self.conn.executemany(
            "insert into watched values (?, ?, ?, ?)",
            [(*named, stamp(start), stamp(end)) for start, end in coverage.by_months(spans)],
        )
        life = max(life[0], since), life[1]
        minutes, watched = coverage.minutes_by_month([life]), coverage.minutes_by_month(spans)
        longest = coverage.longest_by_month(coverage.gaps(spans, *life))
        polls = {
            month: (count, failed)
            for month, count, failed in self.conn.execute(
                """select substr(polled_at, 1, 7), count(*), sum(outcome in ('error', 'unreadable')) from polls
                where source = ? and polled_at >= ? group by 1""",
                (source.id, stamp(since)),
            )
        }
        self.conn.executemany(
            "insert into coverage values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (*named, month, *polls.get(month, (0, 0)), round(minutes.get(month, 0.0), 1),
                 round(watched.get(month, 0.0), 1), round(longest.get(month, 0.0), 1))
                for month in sorted(minutes.keys() | polls.keys())
            ],
        )  # fmt: skip
        return spans

    def _last_open_month(self, source: Source, first: datetime, since: datetime) -> datetime:
        """The month of the source's last look before `since` if it was taken for its last, else `since`.

        That month went until its last look; a look at any address shows that it went on.
        """
        row = self.conn.execute(
            """select month, minutes from coverage where vendor = ? and source = ? and month < ?
            order by month desc limit 1""",
            (source.vendor, source.id, month_of(since)),
        ).fetchone()
        if row is None:
            return since
        began = instant(f"{row[0]}-01T00:00:00Z")
        whole = coverage.minutes_by_month([(max(first, began), since)])
        closed = len(whole) == 1 and row[1] == round(whole[row[0]], 1)
        return since if closed else began

    def _looks(self, source: Source, since: datetime) -> dict[str, list[coverage.Look]]:
        """Looks at each address of a source since then, in order, after the last one before."""
        looks: dict[str, list[coverage.Look]] = {}
        for url, at, outcome, reach in self.conn.execute(
            # Addresses are found one after the other in the index, so that years of looks at them are not read.
            """with recursive addresses (url) as (
              select min(url) from polls where source = :source
              union all select (select min(url) from polls where source = :source and url > addresses.url)
              from addresses where url is not null),
            before as (
              select (select rowid from polls where source = :source and url = addresses.url and polled_at < :since
                order by polled_at desc limit 1) as number from addresses)
            select url, polled_at, outcome, reach from before cross join polls on polls.rowid = before.number
            union all select url, polled_at, outcome, reach from polls
              where source = :source and polled_at >= :since
            order by polled_at, url""",
            {"source": source.id, "since": stamp(since)},
        ):
            looks.setdefault(url, []).append(coverage.Look(instant(at), outcome, instant(reach) if reach else None))
        return looks
