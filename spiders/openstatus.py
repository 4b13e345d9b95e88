"""openstatus: the JSON feed of a page, its feeds in XML, and its imitation of Statuspage's summary.

What is read is told by the shape of the body:

| body | has |
| --- | --- |
| `/feed/json` | components and their groups, `statusReports` and `maintenances`, those that are over too |
| `/summary.json`, `/incidents.json`, `/current.json` | Statuspage's names for what is open; no identifier of the page, none of the components |
| `/feed/atom`, `/feed/rss` | an entry a report or maintenance, all its messages in one text |

Read from the program's own source (its releases of 2025 and 2026); no published page has been seen.

What one must know of the platform:

- Reports and maintenances are counted apart: number 5 of the one is not number 5 of the other.
- `date` of a message is the operator's; when it was written is told nowhere (`updatedAt` is its last edit).
- A report has no severity. What is down is told by monitors: `success`, `degraded`, `error`, and `info` for maintenance.
- A component of the page may have a monitor, whose state is its own. Feeds of 2025 list monitors alone.
- A maintenance has no state but its bounds.
- The feeds in XML have no times for the messages of a report; those of a maintenance stand before each.

Times are UTC with `Z`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Platform, below_root
from crawler.reading import dates, feeds
from crawler.reading.dates import utc
from crawler.reading.embedded import html_text
from crawler.reading.incidents import over_posted
from crawler.reading.markup import plain, sections, verbatim
from crawler.reading.payload import BROKEN, Ignored, Payload, Time, convert, json_of, readable, required
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    Capture,
    Component,
    ComponentState,
    Impact,
    Incident,
    Kind,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)

MONITOR_STATES: Mapping[str, Severity] = {
    "success": Severity.OPERATIONAL,
    "degraded": Severity.DEGRADED,
    "error": Severity.MAJOR_OUTAGE,
    "info": Severity.MAINTENANCE,
}
#: The imitation's words, which are Statuspage's.
COMPONENT_STATES: Mapping[str, Severity] = {
    "operational": Severity.OPERATIONAL,
    "degraded_performance": Severity.DEGRADED,
    "partial_outage": Severity.PARTIAL_OUTAGE,
    "major_outage": Severity.MAJOR_OUTAGE,
    "under_maintenance": Severity.MAINTENANCE,
}
INDICATORS: Mapping[str, Severity] = {
    "none": Severity.OPERATIONAL,
    "minor": Severity.DEGRADED,
    "major": Severity.MAJOR_OUTAGE,
    "maintenance": Severity.MAINTENANCE,
}
STATES: Mapping[str, State] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "scheduled": State.SCHEDULED,
    "in_progress": State.IN_PROGRESS,
}


Key = int | str


class _Monitor(Payload, rename="camel"):
    id: Key
    name: str
    status: str
    description: Ignored = None


class _PageComponent(Payload, rename="camel"):
    id: Key
    name: str
    monitor_id: Key | None = None
    group_id: Key | None = None
    description: Ignored = None
    group_order: Ignored = None
    order: Ignored = None


class _Group(Payload, rename="camel"):
    id: Key
    name: str


class _ReportUpdate(Payload, rename="camel"):
    id: Key
    status: str
    message: str | None
    date: Time
    updated_at: Ignored = None


class _Report(Payload, rename="camel"):
    """`monitors` and `pageComponents` are their numbers."""

    id: Key
    title: str
    status: str
    status_report_updates: list[_ReportUpdate]
    monitors: list[Key] | None = None
    page_components: list[Key] | None = None
    updated_at: Time | None = None


class _MaintenanceUpdate(Payload, rename="camel"):
    id: Key
    message: str | None
    date: Time
    updated_at: Ignored = None


class _Maintenance(Payload, rename="camel"):
    id: Key
    name: str
    since: Time = msgspec.field(name="from")
    to: Time | None
    message: str | None = None
    maintenance_updates: list[_MaintenanceUpdate] | None = None
    monitors: list[Key] | None = None
    page_components: list[Key] | None = None
    updated_at: Ignored = None


class _Feed(Payload, rename="camel"):
    title: str
    status: str
    status_reports: list[Any]
    maintenances: list[Any]
    monitors: list[_Monitor]
    page_components: list[_PageComponent] | None = None
    page_component_groups: list[_Group] | None = None
    description: Ignored = None
    updated_at: Ignored = None


class _LikePage(Payload):
    name: str
    url: str
    updated_at: Ignored = None


class _LikeStatus(Payload):
    indicator: str
    description: Ignored = None


class _LikeComponent(Payload):
    name: str
    status: str


class _LikeUpdate(Payload):
    status: str
    body: str | None
    created_at: Time


class _LikeIncident(Payload):
    id: str
    name: str
    status: str
    incident_updates: list[_LikeUpdate]
    updated_at: Ignored = None


class _LikeMaintenance(Payload):
    id: str
    name: str
    status: str
    scheduled_for: Time
    scheduled_until: Time | None = None


class _Like(Payload):
    page: _LikePage
    status: _LikeStatus | None = None
    components: list[_LikeComponent] | None = None
    incidents: list[Any] | None = None
    scheduled_maintenances: list[Any] | None = None


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    if feeds.looks_like_one(capture.body or b""):
        return _read_feed(capture, source)
    if html_text(capture.body) is not None:
        raise Unreadable("an HTML page: the data of openstatus is at /feed/json")
    document = json_of(capture, dict[str, Any])
    reading = _Reading(capture)
    if "statusReports" in document:
        return reading.feed(document)
    page = document.get("page")
    if isinstance(page, dict) and document.keys() & {"status", "incidents"}:
        if "id" in page:
            raise Unreadable("looks like Statuspage or another imitation of it, not openstatus: the page has an id")
        return reading.imitation(document)
    raise Unreadable(f"not a document of openstatus; it has {', '.join(sorted(document)) or 'nothing'}")


class _Reading:
    """One capture being read."""

    def __init__(self, capture: Capture) -> None:
        parts = urlsplit(capture.url)
        path = re.split(r"/(?:feed/|summary\.json|incidents\.json|current\.json)", parts.path)[0].rstrip("/")
        self.root = f"{parts.scheme}://{parts.netloc}{path}"
        self.fetched_at = capture.fetched_at
        self.signals: list[Signal] = []
        self.monitors: dict[str, Component] = {}
        self.components: dict[str, Component] = {}

    def feed(self, document: Any) -> Page:
        """The JSON feed."""
        told = required(document, _Feed, self.signals, "a document of openstatus")
        look_up(MONITOR_STATES, told.status, self.signals, "status")
        words = {str(monitor.id): monitor.status for monitor in told.monitors}
        groups = {str(group.id): group.name for group in told.page_component_groups or ()}
        self.monitors = {str(m.id): Component(key=f"monitor-{m.id}", name=verbatim(m.name)) for m in told.monitors}
        states = []
        for component in told.page_components or ():
            if component.group_id is not None and str(component.group_id) not in groups:
                self.signals.append(Signal("unknown-component", "pageComponents[].groupId", str(component.group_id)))
            known = Component(
                key=str(component.id), name=verbatim(component.name), group=groups.get(str(component.group_id))
            )
            self.components[str(component.id)] = known
            word = words.pop(str(component.monitor_id), None)
            if word is not None:
                states.append(self.state(known, word))
        states += [self.state(self.monitors[key], word) for key, word in words.items() if not told.page_components]
        incidents = [
            *self.each(told.status_reports, "statusReports[]", self.report),
            *self.each(told.maintenances, "maintenances[]", self.maintenance),
        ]
        return self.page(incidents, states)

    def state(self, component: Component, word: str) -> ComponentState:
        """What the monitor of a component says."""
        severity = look_up(MONITOR_STATES, word, self.signals, "monitors[].status")
        return ComponentState(component=component, severity=severity, severity_text=word)

    def imitation(self, document: Any) -> Page:
        """What is open, in Statuspage's words."""
        told = required(document, _Like, self.signals, "a document of openstatus")
        if told.status:
            look_up(INDICATORS, told.status.indicator, self.signals, "status.indicator")
        self.root = told.page.url.rstrip("/")
        components = [
            ComponentState(
                component=Component(key=None, name=verbatim(each.name)),
                severity=look_up(COMPONENT_STATES, each.status, self.signals, "components[].status"),
                severity_text=each.status,
            )
            for each in told.components or ()
        ]
        incidents = [
            *self.each(told.incidents, "incidents[]", self.like_incident),
            *self.each(told.scheduled_maintenances, "scheduled_maintenances[]", self.like_maintenance),
        ]
        listed = told.incidents is not None
        whole = len(incidents) == len(told.incidents or ()) + len(told.scheduled_maintenances or ())
        return self.page(incidents, components, open_only=listed and whole)

    def page(
        self, incidents: Iterable[Incident], components: Iterable[ComponentState] = (), open_only: bool = False
    ) -> Page:
        """All of it, each signal once."""
        return Page(
            incidents=tuple(incidents),
            components=tuple(components),
            signals=tuple(sorted(set(self.signals))),
            open_only=open_only,
        )

    def each(self, raws: Iterable[Any] | None, where: str, parse: Callable[[Any, str], Incident]) -> Iterator[Incident]:
        """Each incident that can be read; one that cannot becomes a signal."""
        return readable(raws or (), lambda raw: parse(raw, where), self.signals, where)

    def report(self, raw: Any, where: str) -> Incident:
        """One incident."""
        told = convert(raw, _Report, self.signals, where)
        updates = [
            Update(
                key=str(update.id),
                posted_at=utc(update.date),
                state=look_up(STATES, update.status, self.signals, f"{where}.statusReportUpdates[].status"),
                state_text=update.status,
                text=verbatim(update.message),
            )
            for update in sorted(told.status_report_updates, key=lambda update: update.date)
        ]
        return self.outage(f"report-{told.id}", told.title, told.status, updates, where, self.hit(told))

    def outage(
        self, key: str, title: str, word: str, updates: list[Update], where: str, hit: tuple[Impact, ...] = ()
    ) -> Incident:
        """A report in either shape."""
        state = look_up(STATES, word, self.signals, f"{where}.status")
        return Incident(
            key=key,
            title=verbatim(title),
            url=f"{self.root}/events/{key.replace('-', '/', 1)}",
            state=state,
            state_text=word,
            first_posted_at=updates[0].posted_at if updates else None,
            resolved_posted_at=over_posted(updates, state),
            updates=tuple(updates),
            impacts=hit,
        )

    def maintenance(self, raw: Any, where: str) -> Incident:
        """One maintenance; its message, where it has had no others, is there since it was planned."""
        told = convert(raw, _Maintenance, self.signals, where)
        updates = [
            Update(key=str(update.id), posted_at=utc(update.date), text=verbatim(update.message))
            for update in sorted(told.maintenance_updates or (), key=lambda update: update.date)
        ]
        if not updates and told.message:
            updates = [Update(posted_at=None, text=verbatim(told.message))]
        start, end = utc(told.since), told.to and utc(told.to)
        over = end is not None and end <= self.fetched_at
        state = State.COMPLETED if over else State.SCHEDULED if start > self.fetched_at else State.IN_PROGRESS
        return self.work(f"maintenance-{told.id}", told.name, state, None, (start, end), updates, self.hit(told))

    def work(
        self,
        key: str,
        title: str,
        state: State | None,
        word: str | None,
        bounds: tuple[datetime, datetime | None],
        updates: list[Update],
        hit: tuple[Impact, ...] = (),
    ) -> Incident:
        """A maintenance in either shape."""
        start, end = bounds
        return Incident(
            key=key,
            title=verbatim(title),
            url=f"{self.root}/events/{key.replace('-', '/', 1)}",
            kind=Kind.MAINTENANCE,
            severity=Severity.MAINTENANCE,
            state=state,
            state_text=word,
            started_at=start,
            ended_at=end,
            first_posted_at=next((u.posted_at for u in updates if u.posted_at and u.posted_at < start), None),
            updates=tuple(updates),
            impacts=tuple(
                msgspec.structs.replace(impact, severity=Severity.MAINTENANCE, started_at=start, ended_at=end)
                for impact in hit
            ),
        )

    def hit(self, told: _Report | _Maintenance) -> tuple[Impact, ...]:
        """The components that are named, or the monitors, where there are no components."""
        keys = [str(key) for key in told.page_components or ()]
        found = [self.components.get(key) or Component(key=key, name=key) for key in keys]
        if told.page_components is None:
            monitors = [str(key) for key in told.monitors or ()]
            found = [self.monitors.get(key) or Component(key=f"monitor-{key}", name=key) for key in monitors]
        return tuple(Impact(component=component) for component in found)

    def like_incident(self, raw: Any, where: str) -> Incident:
        """One report of the imitation; its messages have no identifiers."""
        told = convert(raw, _LikeIncident, self.signals, where)
        updates = [
            Update(
                posted_at=utc(update.created_at),
                state=look_up(STATES, update.status, self.signals, f"{where}.incident_updates[].status"),
                state_text=update.status,
                text=verbatim(update.body),
            )
            for update in sorted(told.incident_updates, key=lambda update: update.created_at)
        ]
        return self.outage(f"report-{told.id}", told.name, told.status, updates, where)

    def like_maintenance(self, raw: Any, where: str) -> Incident:
        """One maintenance of the imitation."""
        told = convert(raw, _LikeMaintenance, self.signals, where)
        state = look_up(STATES, told.status, self.signals, f"{where}.status")
        bounds = (utc(told.scheduled_for), told.scheduled_until and utc(told.scheduled_until))
        return self.work(f"maintenance-{told.id}", told.name, state, told.status, bounds, [])


# --- the feeds in XML ----------------------------------------------------------------------------------

_EVENT = re.compile(r"/events/(report|maintenance)/(\w+)")
_TITLE = re.compile(r"(Investigating|Identified|Monitoring|Resolved|Maintenance) - (.*)", re.DOTALL)
_TOLD = re.compile(r"(?:^|\n\n)(Investigating|Identified|Monitoring|Resolved): ")
_DATED = re.compile(r"(?:^|\n\n)(\d{4}-\d\d-\d\dT[\d:.]+Z): ")


def _read_feed(capture: Capture, source: Source) -> Page:
    reading = _Reading(capture)
    feed = feeds.feed_of(capture, reading.signals)
    if "openstatus" not in feed.generator.lower():
        raise Unreadable(f"a feed of another platform: its generator is {feed.generator[:60]!r}")
    incidents = []
    for entry in feed.entries:
        when = dates.moment(
            entry.updated or entry.published, source, capture.fetched_at, reading.signals, "entry.updated"
        )
        try:
            incidents.append(_told_by_entry(entry, when))
        except ValueError as error:
            reading.signals.append(Signal("bad-incident", "entry", f"{entry.link[:80]}: {error}"))
    return reading.page(incidents)


def _told_by_entry(entry: feeds.Entry, when: datetime | None) -> Incident:
    event, title = _EVENT.search(entry.link), _TITLE.fullmatch(entry.title)
    if event is None or title is None:
        raise ValueError("neither a report nor a maintenance")
    text = entry.content.replace("\r\n", "\n").strip()
    planned = event[1] == "maintenance"
    updates = [
        Update(
            posted_at=utc(datetime.fromisoformat(head[1])) if planned else None,
            state=None if planned else STATES[head[1].lower()],
            state_text=None if planned else head[1],
            text=plain(message),
        )
        for head, message in sections(_DATED if planned else _TOLD, text)
    ]
    updates.reverse()  # they stand newest first
    state = None if planned else STATES[title[1].lower()]
    return Incident(
        key=f"{event[1]}-{event[2]}",
        title=plain(title[2]),
        url=entry.link,
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=Severity.MAINTENANCE if planned else None,
        state=state,
        state_text=None if planned else title[1],
        resolved_posted_at=when if state in OVER else None,
        updates=tuple(updates) or (Update(posted_at=when, text=plain(text)),),
    )


def _about(capture: Capture) -> About:
    """The name is the title of the feed."""
    try:
        told = msgspec.json.decode(capture.body or b"")
        return About(name=told.get("title") or told["page"]["name"])
    except (*BROKEN, LookupError, TypeError, AttributeError):
        return About()


PLATFORM = Platform(
    read=read,
    hosts=("openstatus.dev",),
    html=(r"openstatus\.dev",),
    find=below_root(feed="/feed/json"),
    about=_about,
)
