"""The archive: every capture read once, in order, into `outages.db`.

Incremental work and a rebuild give the same rows, because each table depends only on the captures:

- what one source showed (`versions`, `sightings`, `polls`, `signals`) on that source's captures in the order
  they were fetched; when an older one turns up, the source is read again from the beginning;
- the rows of one incident on its versions, the catalog, and nothing else;
- availability on polls and outages.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from crawler import coverage, history, landmarks, timeline
from crawler.captures import Captures, CorruptBodyError
from crawler.catalog import Catalog, Source
from crawler.clock import Zones
from crawler.database import connect, transaction
from crawler.places import Gazetteer
from crawler.records import DOWN, Capture, Impact, Incident, Page, Unreadable, instant, stamp
from crawler.schema import make_views, migrations
from crawler.timeline import LANDMARKS
from spiders import PLATFORMS, reader

#: Captures per transaction: a crash costs the reading of so many, never a capture.
CHUNK = 200

Progress = Callable[[int, int], None]


class Report(msgspec.Struct):
    """What a run did, for people: counts by outcome, and everything that was not understood."""

    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    signals: Counter[tuple[str, str, str, str]] = msgspec.field(default_factory=Counter)  # source, kind, place, detail
    incidents: int = 0  # whose rows were written
    vanished: int = 0


class _View(NamedTuple):
    """One address of a source: what it shows of an incident is a history of its own, since another address may
    show less of the same (a list, and the record itself; one region, and the next)."""

    source: str
    url: str

    @property
    def by_hand(self) -> bool:
        """Whether this is a file of ours."""
        return self.source.endswith(f"-{LANDMARKS}")


Views = dict[_View, list[history.Version]]


class _Known(NamedTuple):
    """The newest version of an incident in a view. No record: it has vanished."""

    number: int
    record: Incident | None


class Archive:
    """`outages.db`, written from captures."""

    def __init__(self, path: Path, catalog: Catalog, incidents: Path | None = None) -> None:
        self.path = path
        self.catalog = catalog
        self.incidents = incidents
        self.db = connect(path, migrations)
        self.conn: sqlite3.Connection = self.db.conn
        self._names: dict[str, timeline.Names] = {}
        self._places: dict[str, Gazetteer] = {}
        self._known: dict[tuple[str, _View], _Known] = {}
        self._seen: dict[tuple[str, _View], str] = {}  # incident, view -> last seen
        self._dirty: set[str] = set()
        self._changed_since: dict[str, datetime] = {}  # vendor -> earliest moment whose availability may differ
        make_views(self.db)

    def close(self) -> None:
        """Let go of the file."""
        self.conn.close()

    # Catching up

    def catch_up(self, captures: Captures, progress: Progress | None = None) -> Report:
        """Read every capture that has not been read yet, in chunks that are each whole or absent."""
        report = Report()
        for source, vendor, platform, url in captures.named_sources():
            if source not in self.catalog.sources:
                self.catalog.add(Source(id=source, vendor=vendor, platform=platform, url=url, polled=False))
        with transaction(self.conn):
            self._sync_catalog()
            self._sync_landmarks()
            self._derive(report)
        pending = self._order(captures)
        done = 0
        while chunk := pending[done : done + CHUNK]:
            with transaction(self.conn):
                for seq, capture, body in self._readable(captures, [seq for seq, _, _ in chunk], report):
                    self._take(seq, capture, body, report)
                self._flush_sightings()
                self._derive(report)
            done += len(chunk)
            if progress:
                progress(done, len(pending))
        with transaction(self.conn):
            self._mark(captures)
            self._measure()
        return report

    def rebuild(self, captures: Captures, progress: Progress | None = None) -> Report:
        """Forget everything that was derived, and derive it again."""
        with transaction(self.conn):
            for table in self.db.table_names():
                if not table.startswith(("_", "sqlite_")):
                    self.conn.execute(f"delete from [{table}]")
        self._known.clear()
        return self.catch_up(captures, progress)

    def _order(self, captures: Captures) -> list[tuple[int, str, int]]:
        """What to read, oldest first. A source with a capture older than what was read starts over."""
        mark = int(self._meta("captures_read") or 0)
        fresh = [row for row in captures.pending(mark) if not self._polled(row[0])]
        behind = []
        for source in {source for _, source, _ in fresh}:
            newest = self.conn.execute("select max(polled_at) from polls where source = ?", (source,)).fetchone()[0]
            oldest = min(at for _, name, at in fresh if name == source)
            if newest and oldest < instant(newest).timestamp():
                behind.append(source)
        for source in behind:
            self._forget(source)
            fresh = [row for row in fresh if row[1] != source] + captures.of_source(source)
        return sorted(fresh, key=lambda row: (row[2], row[0]))

    def _polled(self, seq: int) -> bool:
        return self.conn.execute("select 1 from polls where capture = ?", (seq,)).fetchone() is not None

    def _forget(self, source: str) -> None:
        with transaction(self.conn):
            self._dirty.update(
                i for (i,) in self.conn.execute("select distinct incident from versions where source = ?", (source,))
            )
            for table in ("versions", "sightings", "polls", "signals", "pages"):
                self.conn.execute(f"delete from {table} where source = ?", (source,))
            # Those without any source left have no rows; the others are derived again below.
            self._derive(Report())
        self._known.clear()

    def _mark(self, captures: Captures) -> None:
        (last,) = captures.conn.execute("select coalesce(max(seq), 0) from captures").fetchone()
        self._set_meta("captures_read", str(last))

    def _meta(self, key: str) -> str | None:
        row = self.conn.execute("select value from meta where key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _set_meta(self, key: str, value: str) -> None:
        self.conn.execute("insert or replace into meta values (?, ?)", (key, value))

    def _readable(
        self, captures: Captures, seqs: Sequence[int], report: Report
    ) -> Iterator[tuple[int, Capture, int | None]]:
        """The captures; one whose bytes are damaged is reported and does not stop the others."""
        for seq in seqs:
            try:
                yield from captures.read([seq])
            except CorruptBodyError as error:
                report.signals["captures.db", "corrupt-body", str(seq), str(error)] += 1

    # One capture

    def _take(self, seq: int, capture: Capture, body: int | None, report: Report) -> None:
        """Log the look, and store what the page says if it says anything new."""
        source = self.catalog.sources.get(capture.source)
        if source is None or source.platform not in PLATFORMS:
            report.signals[capture.source, "unknown-source", "source", capture.url] += 1
            return
        before = self.conn.execute(
            "select readable, body, reach, keys from pages where source = ? and url = ?", (source.id, capture.url)
        ).fetchone()
        outcome, error, page = self._look(capture, body, source, before)
        at = stamp(capture.fetched_at)
        reach = (
            stamp(page.reach)
            if page and page.reach
            else before[2]
            if before and outcome in ("same", "not-modified")
            else None
        )
        self.conn.execute(
            "insert or replace into polls values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                capture.id, source.id, capture.url, at, outcome, capture.status, seq,
                None if capture.body is None else len(capture.body), capture.milliseconds, error, reach,
            ),
        )  # fmt: skip
        report.outcomes[outcome] += 1
        self._touch(source.vendor, capture.fetched_at, self._previous_look(source.id, capture.url, at))
        self._log_look(source.id, at, outcome)
        if page is not None:
            self._take_page(source, capture, body, page, before, report)
        elif outcome == "unreadable":
            # The incidents of the page before stay those to compare with; a 304 now means: still unreadable.
            self.conn.execute("update pages set readable = 0 where source = ? and url = ?", (source.id, capture.url))
        elif before and outcome in ("same", "not-modified"):
            for key in json.loads(before[3]):
                self._seen[f"{source.vendor}:{key}", _View(source.id, capture.url)] = at

    def _look(
        self, capture: Capture, body: int | None, source: Source, before: tuple[int, int | None, str | None, str] | None
    ) -> tuple[str, str | None, Page | None]:
        """(outcome, error, page if there is a new one)."""
        if capture.status is None:
            return "error", capture.error, None
        if capture.status == 304:
            return (
                ("not-modified", None, None)
                if before and before[0]
                else ("unreadable", "304 but no page to go by", None)
            )
        if capture.status != 200 or capture.body is None:
            return "error", capture.error or f"HTTP {capture.status}", None
        if before and before[0] and before[1] == body:
            return "same", None, None
        try:
            return "new", None, reader(source.platform)(capture, source)
        except Unreadable as error:
            return "unreadable", str(error), None

    def _previous_look(self, source: str, url: str, at: str) -> datetime | None:
        row = self.conn.execute(
            "select polled_at from polls where source = ? and url = ? and polled_at < ? order by polled_at desc limit 1",
            (source, url, at),
        ).fetchone()
        return instant(row[0]) if row else None

    def _log_look(self, source: str, at: str, outcome: str) -> None:
        changed = ", last_changed_at = :at" if outcome == "new" else ""
        self.conn.execute(
            f"update sources set last_polled_at = :at, last_outcome = :outcome{changed} where id = :source",
            {"at": at, "outcome": outcome, "source": source},
        )

    def _take_page(
        self,
        source: Source,
        capture: Capture,
        body: int | None,
        page: Page,
        before: tuple[int, int | None, str | None, str] | None,
        report: Report,
    ) -> None:
        at = stamp(capture.fetched_at)
        for signal in page.signals:
            self._count_signal(source.id, signal.kind, signal.where, signal.detail, at)
            report.signals[source.id, signal.kind, signal.where, signal.detail] += 1
        for record in page.incidents:
            self._show(source, capture.url, record, at)
        keys = [record.key for record in page.incidents]
        for key in set(json.loads(before[3])) - set(keys) if before else ():
            report.vanished += self._miss(source, capture.url, key, page, at)
        self.conn.execute(
            "insert or replace into pages values (?, ?, 1, ?, ?, ?)",
            (source.id, capture.url, body, stamp(page.reach) if page.reach else None, json.dumps(keys)),
        )

    def _show(self, source: Source, url: str, record: Incident, at: str) -> None:
        """The address shows this incident so."""
        incident, view = f"{source.vendor}:{record.key}", _View(source.id, url)
        self._seen[incident, view] = at
        known = self._latest(incident, view)
        if known and known.record == record:
            return
        if known is None:
            began = record.first_posted_at or record.started_at
            self.conn.execute(
                "insert or replace into sightings values (?, ?, ?, ?, ?, ?)",
                (incident, *view, stamp(began) if began else None, at, at),
            )
        self._write_version(incident, view, known.number + 1 if known else 0, at, record)

    def _miss(self, source: Source, url: str, key: str, page: Page, at: str) -> bool:
        """The incident was on the page before. Whether it has vanished, or only left the list."""
        incident, view = f"{source.vendor}:{key}", _View(source.id, url)
        known = self._latest(incident, view)
        began = self.conn.execute(
            "select began from sightings where incident = ? and source = ? and url = ?", (incident, *view)
        ).fetchone()
        if page.reach is None or known is None or known.record is None or not began or not began[0]:
            return False
        if instant(began[0]) <= page.reach:
            return False
        self._write_version(incident, view, known.number + 1, at, None)
        return True

    def _latest(self, incident: str, view: _View) -> _Known | None:
        known = self._known.get((incident, view))
        if known is None:
            row = self.conn.execute(
                """select number, record from versions where incident = ? and source = ? and url = ?
                order by number desc limit 1""",
                (incident, *view),
            ).fetchone()
            if row is None:
                return None
            known = _Known(row[0], _decode(row[1]))
            self._known[incident, view] = known
        return known

    def _write_version(self, incident: str, view: _View, number: int, at: str, record: Incident | None) -> None:
        text = None if record is None else msgspec.json.encode(record).decode()
        digest = None if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]
        self.conn.execute(
            "insert or replace into versions values (?, ?, ?, ?, ?, ?, ?)", (incident, *view, number, at, digest, text)
        )
        self._known[incident, view] = _Known(number, record)
        self._dirty.add(incident)

    def _count_signal(self, source: str, kind: str, place: str, detail: str, at: str) -> None:
        self.conn.execute(
            """insert into signals values (?, ?, ?, ?, 1, ?, ?) on conflict (source, kind, place, detail)
            do update set count = count + 1, last_seen_at = excluded.last_seen_at""",
            (source, kind, place, detail, at, at),
        )

    def _flush_sightings(self) -> None:
        rows = [(at, incident, *view) for (incident, view), at in self._seen.items()]
        self.conn.executemany(
            "update sightings set last_seen_at = ? where incident = ? and source = ? and url = ?", rows
        )
        self.conn.executemany(
            "update incidents set last_seen_at = max(coalesce(last_seen_at, ''), ?) where id = ?",
            [row[:2] for row in rows],
        )
        self._seen.clear()

    # From versions to rows

    def _derive(self, report: Report) -> None:
        """Write the rows of every incident whose versions changed."""
        for incident in sorted(self._dirty):
            self._derive_one(incident)
        report.incidents += len(self._dirty)
        self._dirty.clear()

    def _derive_one(self, incident: str) -> None:
        vendor = incident.partition(":")[0]
        for started, ended in self.conn.execute(
            "select started_at, ended_at from outages where incident = ?", (incident,)
        ):
            self._touch(vendor, instant(started), instant(ended) if ended else None)
        for table in ("updates", "revisions", "claims", "outages"):
            self.conn.execute(f"delete from {table} where incident = ?", (incident,))
        self.conn.execute("delete from incidents where id = ?", (incident,))
        versions = self._versions(incident)
        if not versions:
            return
        merged, chosen = _merge(versions)
        names = self._names_of(chosen.source, vendor)
        result = timeline.build(merged, names)
        self._write_revisions(incident, versions)
        self._write_updates(incident, versions[chosen])
        self._write_claims(incident, result)
        self._write_outages(incident, vendor, result)
        self._write_incident(incident, vendor, merged, versions, result)
        for key, name in result.found.items():
            self.conn.execute(
                "insert into services values (?, ?, ?, ?, null, null, 0) on conflict (vendor, id) do nothing",
                (vendor, key, key, name),
            )

    def _versions(self, incident: str) -> Views:
        found: Views = {}
        for source, url, seen_at, record in self.conn.execute(
            "select source, url, seen_at, record from versions where incident = ? order by source, url, number",
            (incident,),
        ):
            found.setdefault(_View(source, url), []).append(history.Version(instant(seen_at), _decode(record)))
        return found

    def _names_of(self, source: str, vendor: str) -> timeline.Names:
        if source not in self._names:
            entry = self.catalog.vendor(vendor)
            where = self.catalog.sources.get(source) or Source(
                id=source, platform=LANDMARKS, url="", vendor=vendor, authority="third-party"
            )
            if vendor not in self._places:
                self._places[vendor] = Gazetteer(entry)
            self._names[source] = timeline.Names(entry, self._places[vendor], where, Zones(where.timezone, where.zones))
        return self._names[source]

    def _write_revisions(self, incident: str, versions: Views) -> None:
        """What changed, each change once: at the address that showed it first."""
        told: dict[history.Revision, dict[_View, list[history.Revision]]] = {}
        for view, seen in versions.items():
            for revision in () if view.by_hand else history.revisions(seen):
                told.setdefault(revision._replace(seen_at=_NEVER), {}).setdefault(view, []).append(revision)
        # The same edit shows at several addresses; back and forth at one address are several edits.
        best = (
            max(by.items(), key=lambda item: (len(item[1]), -item[1][0].seen_at.timestamp())) for by in told.values()
        )
        changes = sorted(
            ((r, view.source) for view, some in best for r in some), key=lambda c: (c[0].seen_at, c[0].field)
        )
        self.conn.executemany(
            "insert into revisions values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (f"{incident}/r{number}", incident, revision.update and f"{incident}/{revision.update}", source,
                 stamp(revision.seen_at), revision.field, revision.before, revision.after)
                for number, (revision, source) in enumerate(changes)
            ],
        )  # fmt: skip

    def _write_updates(self, incident: str, versions: Sequence[history.Version]) -> None:
        self.conn.executemany(
            "insert into updates values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (f"{incident}/{kept.name}", incident, position, _maybe(kept.update.posted_at), kept.update.state,
                 kept.update.state_text, kept.update.text, stamp(kept.first_seen_at), _maybe(kept.removed_at))
                for position, kept in enumerate(history.updates(versions))
            ],
        )  # fmt: skip

    def _write_claims(self, incident: str, result: timeline.Timeline) -> None:
        self.conn.executemany(
            "insert into claims values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (f"{incident}/c{number}", incident, c.source, c.authority, _maybe(c.said_at), c.region, c.service,
                 c.region_text, c.service_text, c.severity, _maybe(c.started_at), _maybe(c.ended_at), c.basis,
                 c.timezone_text, c.quote, c.suspect, c.url, c.note)
                for number, c in enumerate(result.claims)
            ],
        )  # fmt: skip

    def _write_outages(self, incident: str, vendor: str, result: timeline.Timeline) -> None:
        for number, o in enumerate(result.outages):
            self._touch(vendor, o.started_at, o.ended_at)
            self.conn.execute(
                "insert into outages values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (f"{incident}/o{number}", incident, vendor, o.region, o.service, o.severity, stamp(o.started_at),
                 _maybe(o.ended_at), timeline.minutes(o.started_at, o.ended_at), o.start_basis, o.end_basis),
            )  # fmt: skip

    def _write_incident(
        self,
        incident: str,
        vendor: str,
        record: Incident,
        versions: Views,
        result: timeline.Timeline,
    ) -> None:
        crawled = {view: seen for view, seen in versions.items() if not view.by_hand}
        first_seen, last_seen = self.conn.execute(
            "select min(first_seen_at), max(last_seen_at) from sightings where incident = ?", (incident,)
        ).fetchone()
        gone = max((stamp(seen[-1].seen_at) for seen in crawled.values() if seen[-1].record is None), default=None)
        span = timeline.span(record, result)
        first = min(crawled or versions, key=lambda view: (versions[view][0].seen_at, view))
        row = {
            "id": incident, "vendor": vendor, "key": record.key, "source": first.source, "title": record.title, "url": record.url,
            "kind": record.kind, "severity": record.severity, "severity_text": record.severity_text,
            "state": record.state, "state_text": record.state_text, "service_text": record.service_text,
            "region_text": record.region_text, "started_at": _maybe(span.started_at), "ended_at": _maybe(span.ended_at),
            "minutes": timeline.minutes(span.started_at, span.ended_at) if span.started_at else None,
            "start_basis": span.start_basis, "end_basis": span.end_basis,
            "first_posted_at": _maybe(record.first_posted_at), "resolved_posted_at": _maybe(record.resolved_posted_at),
            "first_seen_at": first_seen, "last_seen_at": last_seen,
            "vanished_at": gone if gone and last_seen and last_seen < gone else None,
            "linked_to": record.linked_to or result.linked_to, "cause": record.cause,
            "cause_category": record.cause_category, "plane": record.plane,
            "postmortem_at": _maybe(record.postmortem_at), "postmortem_url": record.postmortem_url,
        }  # fmt: skip
        self.conn.execute(
            f"insert into incidents ({', '.join(row)}) values ({', '.join(':' + column for column in row)})", row
        )

    # What people maintain

    def _sync_catalog(self) -> None:
        """Vendors, regions, services and sources as the catalog has them now."""
        digest = hashlib.sha256(msgspec.json.encode(list(self.catalog.vendors.values()), order="sorted")).hexdigest()
        if self._meta("catalog") == digest:
            return
        self.conn.execute("delete from regions")
        self.conn.execute("delete from services")
        for vendor in self.catalog.vendors.values():
            self.conn.execute(
                "insert or replace into vendors values (?, ?, ?, ?)",
                (vendor.id, vendor.name, vendor.local_name, vendor.homepage),
            )
            self.conn.executemany(
                "insert into regions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (vendor.id, r.id, r.key or r.id, r.name, r.local_name, r.city, r.country, *(r.at or (None, None)),
                     _day(r.opened), _day(r.closed), r.separate)
                    for r in vendor.regions
                ],
            )  # fmt: skip
            self.conn.executemany(
                "insert into services values (?, ?, ?, ?, ?, ?, 1)",
                [(vendor.id, s.id, s.key or s.id, s.name, s.local_name, s.category) for s in vendor.services],
            )
            for s in vendor.sources:
                self._sync_source(s)
        self._set_meta("catalog", digest)
        # Names may now mean other places: every incident is derived again from its versions.
        self._dirty.update(i for (i,) in self.conn.execute("select distinct incident from versions"))

    def _sync_source(self, s: Source) -> None:
        row = {
            "id": s.id, "vendor": s.vendor, "platform": s.platform, "url": s.url, "authority": s.authority,
            "timezone": s.timezone, "interval_seconds": int(s.interval.total_seconds()), "polled": s.polled,
            "robots": s.robots, "why": s.why or None, "verified": s.verified, "since": _day(s.since), "until": _day(s.until),
        }  # fmt: skip
        changes = ", ".join(f"{column} = excluded.{column}" for column in row if column != "id")
        self.conn.execute(
            f"""insert into sources ({", ".join(row)}) values ({", ".join(":" + column for column in row)})
            on conflict (id) do update set {changes}""",
            row,
        )

    def _sync_landmarks(self) -> None:
        """Incidents written by hand: one version each, replaced when the file changes."""
        shipped = landmarks.load(self.incidents) if self.incidents else landmarks.load()
        wanted: set[tuple[str, _View]] = set()
        for landmark in (mark for mark in shipped if mark.vendor in self.catalog.vendors):
            incident, view = f"{landmark.vendor}:{landmark.incident.key}", _View(f"{landmark.vendor}-{LANDMARKS}", "")
            wanted.add((incident, view))
            self._sync_source(
                Source(id=view.source, vendor=landmark.vendor, platform=LANDMARKS, url="data/incidents", authority="third-party",
                       polled=False, robots="not fetched: written by hand", why="landmark outages, each account with its source")
            )  # fmt: skip
            known = self._latest(incident, view)
            if known is None or known.record != landmark.incident:
                self._write_version(incident, view, 0, stamp(_last_said(landmark.incident)), landmark.incident)
        stored = self.conn.execute(
            f"select incident, source, url from versions where source like '%-{LANDMARKS}'"
        ).fetchall()
        for incident, source, url in stored:
            if (incident, _View(source, url)) not in wanted:
                self.conn.execute("delete from versions where incident = ? and source = ?", (incident, source))
                self._known.pop((incident, _View(source, url)), None)
                self._dirty.add(incident)

    # Availability

    def _touch(self, vendor: str, *moments: datetime | None) -> None:
        for moment in moments:
            if moment is not None:
                self._changed_since[vendor] = min(moment, self._changed_since.get(vendor, moment))

    def _measure(self) -> None:
        """Watched and down minutes of every month that may have changed."""
        for vendor, moment in sorted(self._changed_since.items()):
            month = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            self._measure_vendor(vendor, month)
        self._changed_since.clear()

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


def _merge(versions: Views) -> tuple[Incident, _View]:
    """One record from what the views last showed, and the view whose messages it carries.

    The view with the newest message leads, the more detailed one where they are level; what it does not tell is
    taken from the others. What was written by hand completes, and never overrides, the vendor.
    """

    def lead(view: _View) -> tuple[bool, datetime, bool, int, _View]:
        record = current[view]
        newest = max((u.posted_at for u in record.updates if u.posted_at), default=_NEVER)
        keyed = any(u.key for u in record.updates)
        return not view.by_hand, newest, keyed or bool(record.impacts), len(record.updates), view

    current = {view: _shown(seen) for view, seen in versions.items()}
    order = sorted(current, key=lead, reverse=True)
    merged = current[order[0]]
    for view in order[1:]:
        merged = _complete(merged, current[view])
    return merged, next((view for view in order if current[view].updates), order[0])


def _complete(record: Incident, other: Incident) -> Incident:
    """The record with what only the other tells."""
    found = {
        field: getattr(other, field)
        for field in Incident.__struct_fields__
        if getattr(record, field) in (None, ()) and getattr(other, field) not in (None, ())
    }
    if record.first_posted_at and other.first_posted_at:
        found["first_posted_at"] = min(record.first_posted_at, other.first_posted_at)
    if record.impacts and other.impacts:
        spoken = {_place(impact) for impact in record.impacts}
        found["impacts"] = record.impacts + tuple(i for i in other.impacts if _place(i) not in spoken)
    return msgspec.structs.replace(record, **found)


def _place(impact: Impact) -> tuple[str | None, ...]:
    component = impact.component
    return (
        (component.key or component.name) if component else None,
        impact.service_key,
        impact.service_text,
        impact.region_key,
        impact.region_text,
    )


def _shown(versions: Sequence[history.Version]) -> Incident:
    """The last record a source showed, also when the incident has vanished since."""
    return next(v.record for v in reversed(versions) if v.record is not None)


_NEVER = datetime(1, 1, 1, tzinfo=UTC)


def _last_said(record: Incident) -> datetime:
    """When the newest account of a hand-written incident was given."""
    said = [a.said_at for a in record.accounts if a.said_at] + [a.ended_at for a in record.accounts if a.ended_at]
    return max(said, default=_NEVER)


def _decode(text: str | None) -> Incident | None:
    return None if text is None else msgspec.json.decode(text, type=Incident)


def _maybe(when: datetime | None) -> str | None:
    return None if when is None else stamp(when)


def _day(day: object) -> str | None:
    return None if day is None else str(day)


def chunks(captures: Iterable[Capture], size: int = CHUNK) -> Iterator[list[Capture]]:
    """Captures in lists of at most `size`."""
    iterator = iter(captures)
    while chunk := list(islice(iterator, size)):
        yield chunk
