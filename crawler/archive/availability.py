"""Watched and down minutes by month, kept up to date for the months that may have changed."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from crawler import coverage, timeline
from crawler.catalog import Catalog
from crawler.records import DOWN, instant, stamp


class Availability:
    """Tables `watched` and `availability`."""

    def __init__(self, conn: sqlite3.Connection, catalog: Catalog) -> None:
        self.conn = conn
        self.catalog = catalog

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
            self._measure_vendor(vendor, instant(since).replace(day=1, hour=0, minute=0, second=0))
        self.conn.execute("delete from to_measure")

    def _measure_vendor(self, vendor: str, since: datetime) -> None:
        spans = list(coverage.by_months((max(a, since), b) for a, b in self._watched(vendor, since) if b > since))
        self.conn.execute("delete from watched where vendor = ? and started_at >= ?", (vendor, stamp(since)))
        self.conn.executemany(
            "insert or replace into watched values (?, ?, ?)", [(vendor, stamp(a), stamp(b)) for a, b in spans]
        )
        self.conn.execute("delete from availability where vendor = ? and month >= ?", (vendor, f"{since:%Y-%m}"))
        months = coverage.minutes_by_month(spans)
        if not months:
            return
        last = spans[-1][1]
        down: dict[timeline.Cell, list[coverage.Span]] = {}
        since_month: dict[timeline.Cell, str] = {}  # a place has availability from its first outage on
        for region, service, severity, started, ended in self.conn.execute(
            "select region, service, severity, started_at, ended_at from outages where vendor = ? order by started_at",
            (vendor,),
        ):
            spells = down.setdefault((region, service), [])
            since_month.setdefault((region, service), started[:7])
            if severity in DOWN:
                spells.append((instant(started), instant(ended) if ended else last))
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

    def _watched(self, vendor: str, since: datetime) -> list[coverage.Span]:
        """Disjoint spans since then in which the vendor was watched at some address."""
        spans: list[coverage.Span] = []
        for source in self.catalog.vendor(vendor).sources:
            looks: dict[str, list[coverage.Look]] = {}
            for url, at, outcome, reach in self.conn.execute(
                """select url, max(polled_at) as polled_at, outcome, reach from polls where source = :source
                and polled_at < :since group by url
                union all select url, polled_at, outcome, reach from polls where source = :source
                and polled_at >= :since order by polled_at, url""",
                {"source": source.id, "since": stamp(since)},
            ):
                looks.setdefault(url, []).append(coverage.Look(instant(at), outcome, instant(reach) if reach else None))
            for seen in looks.values():
                spans.extend(coverage.watched(seen, source.interval))
        return coverage.unite(spans)
