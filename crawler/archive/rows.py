"""The rows of one incident: a function of its versions and the catalog."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from crawler import history, timeline
from crawler.archive.links import Link, Links
from crawler.archive.observed import Life, Observations
from crawler.archive.plausible import happened
from crawler.archive.search import Search
from crawler.archive.states import component_id
from crawler.archive.versions import Versions, View, Views
from crawler.catalog import Catalog, Source
from crawler.clock import Zones
from crawler.database import MISTAKES, part
from crawler.places import Gazetteer, atlas
from crawler.reading.dates import SLACK, later
from crawler.records import OVER, Impact, Incident, Kind, Observed, Signal, instant, stamp
from crawler.timeline import LANDMARKS

#: Told of a vendor and the moments whose availability may differ now.
Touch = Callable[..., None]


class Rows:
    """Tables `incidents`, `updates`, `revisions`, `claims`, `outages` and `unresolved`."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        catalog: Catalog,
        versions: Versions,
        observations: Observations,
        links: Links,
        search: Search,
        touch: Touch,
    ) -> None:
        self.conn = conn
        self.catalog = catalog
        self.versions = versions
        self.observations = observations
        self.links = links
        self.search = search
        self.touch = touch
        self._names: dict[str, timeline.Names] = {}
        self._places: dict[str, Gazetteer] = {}

    def derive(self) -> Counter[tuple[str, str, str, str]]:
        """Write the rows of every incident that has changed. Returns what was not understood, by source."""
        signals: Counter[tuple[str, str, str, str]] = Counter()
        for incident in sorted(self.versions.changed):
            try:
                with part(self.conn):
                    met = self._derive_one(incident)
            except MISTAKES as error:
                # One odd incident costs its own rows; its versions stay, and a mended rule derives it.
                met = [
                    (incident.partition(":")[0], Signal("not-derived", incident, f"{type(error).__name__}: {error}"))
                ]
            for source, signal in met:
                signals[source, signal.kind, signal.where, signal.detail] += 1
        self.versions.changed.clear()
        self.search.flush()
        return signals

    def _derive_one(self, incident: str) -> list[tuple[str, Signal]]:
        """Write the rows of one incident. Returns what was not understood, with the source that said it."""
        vendor = incident.partition(":")[0]
        self._touch(incident, vendor)
        self.search.forget(incident)
        for table in ("updates", "revisions", "claims", "outages", "unresolved", "concerns"):
            self.conn.execute(f"delete from {table} where incident = ?", (incident,))
        self.conn.execute("delete from incidents where id = ?", (incident,))
        versions = self.versions.of(incident)
        if not versions:
            return []
        merged, chosen = merge(versions)
        read_by = _read_by(versions)
        merged, doubts = happened(merged, read_by) if read_by else (merged, ())
        merged = self._with_observed(incident, vendor, merged, versions)
        names = self._names_of(chosen.source, vendor)
        result = timeline.build(merged, names, read_by)
        result = msgspec.structs.replace(result, signals=(*doubts, *result.signals)) if doubts else result
        link = self.links.of(incident)
        if link:  # whatever was out stands under the other key
            result = msgspec.structs.replace(result, outages=(), linked_to=link.twin)
        self._write_revisions(incident, versions)
        self._write_updates(incident, versions[chosen])
        self._write_claims(incident, result)
        self._write_outages(incident, vendor, result)
        self._write_incident(incident, vendor, merged, versions, result, link)
        self._write_unresolved(incident, chosen.source, result)
        self._touch(incident, vendor)
        return [(chosen.source, signal) for signal in result.signals]

    def _touch(self, incident: str, vendor: str) -> None:
        """The months that the incident's rows tell of, as they stand, are to be measured."""
        for (began,) in self.conn.execute(
            """select min(started_at) from outages where incident = :id
            union all select coalesce(started_at, first_posted_at) from incidents where id = :id and kind = 'outage'""",
            {"id": incident},
        ).fetchall():
            self.touch(vendor, instant(began) if began else None)

    def _with_observed(self, incident: str, vendor: str, record: Incident, versions: Views) -> Incident:
        """The record with what looks alone tell of it. Incidents that nobody posted have it already."""
        if record.observed or record.kind is Kind.NOTICE:
            return record
        life = _life(record, versions)
        if life is None:
            return record
        named = {
            component_id(impact.component)
            for seen in versions.values()
            for version in seen
            if version.record
            for impact in version.record.impacts
            if impact.component
        }
        self.observations.concern(vendor, incident, named, life)
        seen = self.observations.of(vendor, named, life)
        if not (record.ended_at or record.resolved_posted_at):
            seen += tuple(_last_shown(record, versions))
        return msgspec.structs.replace(record, observed=seen)

    def _write_unresolved(self, incident: str, source: str, result: timeline.Timeline) -> None:
        rows: list[tuple[str | None, ...]] = [
            (incident, source, s.kind, s.where, s.detail, None)
            for s in result.signals
            if s.detail not in result.found.values()
        ]
        rows += [(incident, source, "unlisted-component", "component", name, key) for key, name in result.found.items()]
        self.conn.executemany("insert into unresolved values (?, ?, ?, ?, ?, ?)", rows)

    def list_found(self) -> None:
        """What the catalog does not list: components are services all the same, known by the platform's own id, and
        the common list of places tells of the regions that their names hold.
        """
        self.conn.execute("delete from regions where not listed")
        found = self.conn.execute(
            """select vendor, region from outages where region is not null
            union select vendor, region from component_states where region is not null
            except select vendor, id from regions"""
        ).fetchall()
        for vendor, id_ in found:
            if region := atlas().region(id_):
                self.conn.execute(
                    "insert into regions values (?, ?, null, ?, ?, ?, ?, ?, ?, null, null, 1, 0)",
                    (vendor, id_, region.name, region.local_name, region.city, region.country,
                     *(region.at or (None, None))),
                )  # fmt: skip
        self.conn.execute("delete from services where not listed")
        self.conn.execute(
            """insert or ignore into services select vendor, component, component, max(detail), null, null, 0
            from unresolved join incidents on incidents.id = incident where component is not null group by vendor, component"""
        )

    def _names_of(self, source: str, vendor: str) -> timeline.Names:
        if source not in self._names:
            entry = self.catalog.vendor(vendor)
            where = self.catalog.sources.get(source) or Source(
                id=source, platform=LANDMARKS, url="", vendor=vendor, authority="third-party"
            )
            zones = Zones(where.timezone, where.zones)
            self._names[source] = timeline.Names(entry, self.places_of(vendor), where, zones)
        return self._names[source]

    def places_of(self, vendor: str) -> Gazetteer:
        """The places of a vendor, made once."""
        if vendor not in self._places:
            self._places[vendor] = Gazetteer(self.catalog.vendor(vendor))
        return self._places[vendor]

    def _write_revisions(self, incident: str, versions: Views) -> None:
        """What changed, each change once: at the address that showed it first."""
        told: dict[history.Revision, dict[View, list[history.Revision]]] = {}
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
            "insert into claims values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (f"{incident}/c{number}", incident, c.source, c.authority, _maybe(c.said_at), c.region, c.service,
                 c.region_text, c.service_text, c.severity, _maybe(c.started_at), _maybe(c.ended_at), c.basis,
                 c.timezone_text, c.quote, c.suspect, c.url, c.note, _maybe(c.started_after), _maybe(c.ended_after))
                for number, c in enumerate(result.claims)
            ],
        )  # fmt: skip

    def _write_outages(self, incident: str, vendor: str, result: timeline.Timeline) -> None:
        self.conn.executemany(
            "insert into outages values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(f"{incident}/o{number}", incident, vendor, o.region, o.service, o.severity, stamp(o.started_at),
                 _maybe(o.ended_at), timeline.minutes(o.started_at, o.ended_at), o.start_basis, o.end_basis,
                 _maybe(o.started_after), _maybe(o.ended_after)) for number, o in enumerate(result.outages)],
            )  # fmt: skip

    def _write_incident(
        self,
        incident: str,
        vendor: str,
        record: Incident,
        versions: Views,
        result: timeline.Timeline,
        link: Link | None,
    ) -> None:
        crawled = {view: seen for view, seen in versions.items() if not view.by_hand}
        first_seen, last_seen = self.conn.execute(
            "select min(first_seen_at), max(last_seen_at) from sightings where incident = ?", (incident,)
        ).fetchone()
        gone = max(
            (stamp(seen[-1].seen_at) for seen in crawled.values() if seen[-1].record is None and not seen[-1].left),
            default=None,
        )
        span = timeline.span(record, result)
        first = min(crawled or versions, key=lambda view: (versions[view][0].seen_at, view))
        row = {
            "id": incident, "vendor": vendor, "key": record.key, "source": first.source, "title": record.title, "url": record.url,
            "kind": record.kind, "severity": record.severity, "severity_text": record.severity_text,
            "state": record.state, "state_text": record.state_text, "service_text": result.service_text,
            "region_text": result.region_text, "started_at": _maybe(span.started_at), "ended_at": _maybe(span.ended_at),
            "minutes": timeline.minutes(span.started_at, span.ended_at) if span.started_at else None,
            "start_basis": span.start_basis, "end_basis": span.end_basis,
            "first_posted_at": _maybe(record.first_posted_at), "resolved_posted_at": _maybe(record.resolved_posted_at),
            "first_seen_at": first_seen, "last_seen_at": last_seen,
            "vanished_at": gone if gone and last_seen and last_seen < gone else None,
            "linked_to": result.linked_to, "linked_why": link.why if link else None, "cause": record.cause,
            "cause_category": record.cause_category, "plane": record.plane,
            "postmortem_at": _maybe(record.postmortem_at), "postmortem_url": record.postmortem_url, "no_postmortem_by": record.no_postmortem_by,
            "changed_at": self._changed(incident, record, crawled, gone) or _maybe(span.started_at) or first_seen,
            "regions_out": sum(self._is_region(vendor, id_) for id_ in {outage.region for outage in result.outages}),
        }  # fmt: skip
        self.conn.execute(
            f"insert into incidents ({', '.join(row)}) values ({', '.join(':' + column for column in row)})", row
        )

    def _is_region(self, vendor: str, region: str | None) -> bool:
        """Whether people would count it: what is apart from "all regions" only where it is in one city, so that neither
        `global` nor a multi-region is.
        """
        if region is None:
            return False
        found = self.catalog.vendor(vendor).region_ids.get(region) or atlas().region(region)
        return found is not None and (not found.separate or found.city is not None)

    def _changed(self, incident: str, record: Incident, crawled: Views, gone: str | None) -> str | None:
        """When the vendor last published something about it, or changed what it had: its messages by their own times,
        changes by the look that showed them, which no message can be younger than. None where nothing says so.
        """
        (told,) = self.conn.execute(
            """select max(at) from (
              select max(coalesce(posted_at, first_seen_at)) as at from updates where incident = :incident
              union all select max(seen_at) from revisions where incident = :incident)""",
            {"incident": incident},
        ).fetchone()
        times = [told, gone, _maybe(record.resolved_posted_at), _maybe(record.first_posted_at)]
        if not record.updates:  # nothing is posted: each look that showed something else
            times += [stamp(version.seen_at) for seen in crawled.values() for version in seen[1:]]
        latest = max((at for at in times if at), default=None)
        seen = max((stamp(seen[-1].seen_at) for seen in crawled.values()), default=None)
        return min(latest, seen) if latest and seen else latest


def merge(versions: Views) -> tuple[Incident, View]:
    """One record from what the views last showed, and the view whose messages it carries.

    The view with the newest message leads, the more detailed one where they are level; what it does not tell is
    taken from the others. What was written by hand completes, and never overrides, the vendor.
    """

    def lead(view: View) -> tuple[bool, datetime, bool, int, View]:
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
    if "updates" in found:
        found["newest_only"] = other.newest_only
    first, earlier = record.first_posted_at, other.first_posted_at
    if first and earlier and _minute(earlier) < _minute(first):
        found["first_posted_at"] = earlier
    if record.impacts and other.impacts:
        spoken = {_place(impact) for impact in record.impacts}
        found["impacts"] = record.impacts + tuple(i for i in other.impacts if _place(i) not in spoken)
    return msgspec.structs.replace(record, **found)


def _minute(when: datetime) -> datetime:
    """Feeds and lists of the past tell a minute where the record itself tells the second."""
    return when.replace(second=0)


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


def _read_by(versions: Views) -> datetime | None:
    """When pages had first shown the incident as it stands now, give or take their clocks; None where somebody wrote it
    down by hand, and so knew of what came later.
    """
    if any(view.by_hand for view in versions):
        return None
    seen = [version.seen_at for some in versions.values() for version in some if version.record]
    return later(max(seen), SLACK) if seen else None


def _life(record: Incident, versions: Views) -> Life | None:
    """While the incident lasted: until its last word, or until no page showed it any more."""
    crawled = [seen for view, seen in versions.items() if not view.by_hand]
    if not crawled:
        return None
    starts = [record.first_posted_at, record.started_at, *(seen[0].seen_at for seen in crawled)]
    since = min(start for start in starts if start)
    told = [end for end in (record.ended_at, record.resolved_posted_at) if end]
    if told:
        return Life(since, max(told))
    if record.state in OVER or all(seen[-1].record is None for seen in crawled):
        return Life(since, max(seen[-1].seen_at for seen in crawled))
    return Life(since, None)


def _last_shown(record: Incident, versions: Views) -> Iterator[Observed]:
    """An open incident was on a list, and then was not: over where the list has only what is open, else taken away,
    and nothing is known since. Not while another address has something newer.
    """
    crawled = {view: seen for view, seen in versions.items() if not view.by_hand}
    newest = max((seen[-1].seen_at for seen in crawled.values() if seen[-1].record), default=_NEVER)
    for view, seen in sorted(crawled.items()):
        first, last = seen[0], seen[-1]
        if last.record is None and last.seen_at >= newest:
            yield Observed(
                source=view.source,
                url=view.url,
                component=None,
                severity=record.severity,
                severity_text=record.severity_text or "",
                started_after=first.before_at,
                started_by=first.seen_at,
                ended_after=last.before_at,
                ended_by=last.seen_at if last.left else None,
            )


_NEVER = datetime(1, 1, 1, tzinfo=UTC)


def _maybe(when: datetime | None) -> str | None:
    return None if when is None else stamp(when)
