"""What people maintain, put into tables: the catalog, and the incidents written by hand."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from crawler import landmarks
from crawler.archive.versions import Versions, View
from crawler.catalog import Catalog, Source
from crawler.places.atlas import PLACES
from crawler.records import Incident, stamp
from crawler.timeline import LANDMARKS

#: Columns of `sources` that the catalog fills.
_SOURCE = (
    "id", "vendor", "platform", "url", "authority", "timezone", "interval_seconds", "polled",
    "robots", "why", "verified", "since", "until",
)  # fmt: skip


class Shipped:
    """Tables `vendors`, `regions`, `services` and `sources`, and the versions of landmark incidents."""

    def __init__(self, conn: sqlite3.Connection, catalog: Catalog, incidents: Path, versions: Versions) -> None:
        self.conn = conn
        self.catalog = catalog
        self.incidents = incidents
        self.versions = versions
        self._landmarks: tuple[str, list[landmarks.Landmark]] = "", []

    def digest(self) -> str:
        """Of all that the catalog says, and the common list of places."""
        said = msgspec.json.encode(list(self.catalog.vendors.values()), order="sorted")
        return hashlib.sha256(said + PLACES.read_bytes()).hexdigest()

    def write_catalog(self) -> None:
        """Vendors, regions, services and sources as the catalog has them now."""
        self.conn.execute("delete from regions")
        self.conn.execute("delete from services")
        vendors = self.catalog.vendors.values()
        self.conn.executemany(
            "insert or replace into vendors values (?, ?, ?, ?)",
            [(vendor.id, vendor.name, vendor.local_name, vendor.homepage) for vendor in vendors],
        )
        self.conn.executemany(
            "insert into regions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            [
                (vendor.id, r.id, r.key or r.id, r.name, r.local_name, r.city, r.country, *(r.at or (None, None)),
                 _day(r.opened), _day(r.closed), r.separate)
                for vendor in vendors for r in vendor.regions
            ],
        )  # fmt: skip
        self.conn.executemany(
            "insert into services values (?, ?, ?, ?, ?, ?, 1)",
            [
                (vendor.id, s.id, s.key or s.id, s.name, s.local_name, s.category)
                for vendor in vendors
                for s in vendor.services
            ],
        )
        self._write_sources([s for vendor in vendors for s in vendor.sources])
        self._strike()
        # Names may now mean other places: every incident is derived again from its versions.
        self.versions.all_changed()

    def _strike(self) -> None:
        """Take away vendors and sources that the catalog has no longer."""
        for source, vendor, platform in self.conn.execute("select id, vendor, platform from sources").fetchall():
            if source not in self.catalog.sources and not (platform == LANDMARKS and vendor in self.catalog.vendors):
                self.conn.execute("delete from sources where id = ?", (source,))
        for (vendor,) in self.conn.execute("select id from vendors").fetchall():
            if vendor not in self.catalog.vendors:
                self.conn.execute("delete from vendors where id = ?", (vendor,))

    def _write_sources(self, sources: Sequence[Source]) -> None:
        """Add sources, or bring what is said of them up to date. What refers to them stays."""
        changes = ", ".join(f"{column} = excluded.{column}" for column in _SOURCE if column != "id")
        self.conn.executemany(
            f"""insert into sources ({", ".join(_SOURCE)}) values ({", ".join("?" * len(_SOURCE))})
            on conflict (id) do update set {changes}""",
            [
                (s.id, s.vendor, s.platform, s.url, s.authority, s.timezone, int(s.interval.total_seconds()), s.polled,
                 s.robots, s.why or None, s.verified, _day(s.since), _day(s.until))
                for s in sources
            ],
        )  # fmt: skip

    def landmarks_digest(self) -> str:
        """Of the files of landmark incidents, names and bytes."""
        found = hashlib.sha256()
        for path in sorted(self.incidents.glob("*.yml")):
            found.update(path.name.encode() + b"\0" + path.read_bytes())
        return found.hexdigest()

    def write_landmarks(self) -> None:
        """Incidents written by hand: one version each, replaced when the file changes."""
        digest = self.landmarks_digest()
        if self._landmarks[0] != digest:
            self._landmarks = digest, landmarks.load(self.incidents)
        wanted: set[tuple[str, View]] = set()
        for landmark in (mark for mark in self._landmarks[1] if mark.vendor in self.catalog.vendors):
            incident, view = f"{landmark.vendor}:{landmark.incident.key}", View(f"{landmark.vendor}-{LANDMARKS}", "")
            wanted.add((incident, view))
            self._write_sources([
                Source(id=view.source, vendor=landmark.vendor, platform=LANDMARKS, url="data/incidents", authority="third-party",
                       polled=False, robots="not fetched: written by hand", why="landmark outages, each account with its source")
            ])  # fmt: skip
            known = self.versions.newest(incident, view)
            if known is None or known.record != landmark.incident:
                self.versions.write(incident, view, 0, stamp(_last_said(landmark.incident)), landmark.incident)
        stored = self.conn.execute(
            "select incident, source, url from versions where source in (select id from sources where platform = ?)",
            (LANDMARKS,),
        ).fetchall()
        for incident, source, url in stored:
            if (incident, View(source, url)) not in wanted:
                self.versions.forget_view(incident, View(source, url))


def _last_said(record: Incident) -> datetime:
    """When the newest account of a hand-written incident was given."""
    said = [a.said_at for a in record.accounts if a.said_at] + [a.ended_at for a in record.accounts if a.ended_at]
    return max(said, default=datetime(1970, 1, 1, tzinfo=UTC))


def _day(day: object) -> str | None:
    return None if day is None else str(day)
