"""OneUptime: the JSON from which a status page draws itself, `/status-page-api/...` on its own host.

What is read is told by the shape of the body:

| body | has |
| --- | --- |
| `/overview/<id or host>` | what is open, maintenance ahead, announcements, resources with their groups and states |
| `/incidents/<id or host>` | incidents that are open or of the last days (14, if not set otherwise) |
| `/scheduled-maintenance-events/<id or host>` | maintenance that is ahead, under way, or of the last days |
| `/announcements/<id or host>` | announcements of the last days |

Read from the vendor's documents and the program's own source (releases of 2025 and 2026); no published page has been
seen. Older releases answer these to POST only, and only by the page's id.

What one must know of the platform:

- What is not text, number or truth comes as `{"_type": "DateTime", "value": ...}`.
- A record stands alone: its notes, and its changes of state, are lists of their own that name it.
- States, severities and the states of monitors are rows that each customer names as he likes. Flags tell what they
  mean where there are any (`isResolvedState`, `isOperationalState`); severities have none, so only the names they come
  with are known.
- An incident names monitors; a resource of the page shows a monitor, or a group of them.
- `createdAt` is the system's; `startsAt` of a change of state, and `declaredAt`, are the operator's.
- `monitorStatusTimelines`, the spells of monitors, belong to no incident and are left alone; so are episodes, which
  bundle incidents, but not silently.

Times are UTC with `Z`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Platform, root_of
from crawler.reading.dates import utc
from crawler.reading.embedded import html_text
from crawler.reading.incidents import MOMENT, closing, oldest_first, set_back
from crawler.reading.markup import verbatim
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

#: The severities that a project comes with.
SEVERITIES: Mapping[str, Severity] = {
    "critical incident": Severity.MAJOR_OUTAGE,
    "critical": Severity.MAJOR_OUTAGE,
    "major incident": Severity.PARTIAL_OUTAGE,
    "major": Severity.PARTIAL_OUTAGE,
    "minor incident": Severity.DEGRADED,
    "minor": Severity.DEGRADED,
}
#: The states that a project comes with, and words that others use.
STATES: Mapping[str, State] = {
    "investigating": State.INVESTIGATING,
    "created": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "acknowledged": State.IDENTIFIED,  # what comes after "Identified" where nobody changed the names
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
}
MONITOR_STATES: Mapping[str, Severity] = {
    "operational": Severity.OPERATIONAL,
    "degraded": Severity.DEGRADED,
    "offline": Severity.MAJOR_OUTAGE,
    "maintenance": Severity.MAINTENANCE,
}


#: What a document has one of: its own list.
_LISTS = ("activeIncidents", "incidents", "scheduledMaintenanceEvents", "announcements")


class _Reference(Payload, rename="camel"):
    id: str = msgspec.field(name="_id")
    name: Ignored = None


class _Severity(Payload, rename="camel"):
    name: str
    color: Ignored = None
    id: Ignored = msgspec.field(default=None, name="_id")


class _State(Payload, rename="camel"):
    """A state of incidents or of maintenance; which flags are there depends on the list."""

    name: str | None = None
    id: str | None = msgspec.field(default=None, name="_id")
    is_resolved_state: bool | None = None
    is_ended_state: bool | None = None
    is_ongoing_state: bool | None = None
    is_scheduled_state: bool | None = None
    is_created_state: Ignored = None
    is_acknowledged_state: Ignored = None
    color: Ignored = None
    order: Ignored = None


class _Note(Payload, rename="camel"):
    note: str | None
    posted_at: Time | None = None
    incident_id: str | None = None
    scheduled_maintenance_id: str | None = None
    id: str | None = msgspec.field(default=None, name="_id")
    attachments: Ignored = None
    created_at: Ignored = None


class _Change(Payload, rename="camel"):
    """A record went into a state, at `startsAt`; written at `createdAt`."""

    id: str = msgspec.field(name="_id")
    starts_at: Time | None = None
    created_at: Time | None = None
    incident_id: str | None = None
    scheduled_maintenance_id: str | None = None
    incident_state: _State | None = None
    scheduled_maintenance_state: _State | None = None


class _Incident(Payload, rename="camel"):
    id: str = msgspec.field(name="_id")
    title: str = ""
    created_at: Time | None = None
    declared_at: Time | None = None
    description: str | None = None
    incident_severity: _Severity | None = None
    current_incident_state: _State | None = None
    monitors: list[_Reference] | None = None
    labels: Ignored = None


class _Maintenance(Payload, rename="camel"):
    id: str = msgspec.field(name="_id")
    starts_at: Time = msgspec.field(name="startsAt")
    ends_at: Time | None = None
    title: str = ""
    created_at: Time | None = None
    description: str | None = None
    current_scheduled_maintenance_state: _State | None = None
    monitors: list[_Reference] | None = None
    labels: Ignored = None


class _Announcement(Payload, rename="camel"):
    id: str = msgspec.field(name="_id")
    show_announcement_at: Time = msgspec.field(name="showAnnouncementAt")
    end_announcement_at: Time | None = None
    title: str = ""
    created_at: Ignored = None
    description: str | None = None
    monitors: list[_Reference] | None = None
    attachments: Ignored = None


class _Setting(msgspec.Struct, rename="camel", kw_only=True):
    """A row of the customer's settings: of its many fields no more are looked at than those named."""

    id: str = msgspec.field(name="_id")


class _Named(_Setting, rename="camel", kw_only=True):
    name: str | None = None


class _Status(_Named, rename="camel", kw_only=True):
    """A state of monitors."""

    is_operational_state: bool | None = None
    is_offline_state: bool | None = None


class _Monitor(_Named, rename="camel", kw_only=True):
    current_monitor_status_id: str | None = None


class _Resource(_Setting, rename="camel", kw_only=True):
    """What a page shows: a monitor, or a group of them."""

    display_name: str | None = None
    status_page_group_id: str | None = None
    monitor_id: str | None = None
    monitor_group_id: str | None = None
    monitor: _Monitor | None = None


R = TypeVar("R", bound=_Setting)


class _Document(Payload, rename="camel"):
    """Any of the four; what they share is their resources."""

    active_incidents: list[Any] | None = None
    incidents: list[Any] | None = None
    scheduled_maintenance_events: list[Any] | None = None
    active_announcements: list[Any] | None = None
    announcements: list[Any] | None = None
    active_episodes: list[Any] | None = None
    incident_public_notes: list[Any] | None = None
    incident_state_timelines: list[Any] | None = None
    scheduled_maintenance_events_public_notes: list[Any] | None = None
    scheduled_maintenance_state_timelines: list[Any] | None = None
    incident_states: list[Any] | None = None
    scheduled_maintenance_states: list[Any] | None = None
    status_page_resources: list[Any] | None = None
    resource_groups: list[Any] | None = None
    monitor_statuses: list[Any] | None = None
    monitors_in_group: dict[str, list[str]] | None = None
    monitor_group_current_statuses: dict[str, str] | None = None
    episode_public_notes: Ignored = None
    episode_state_timelines: Ignored = None
    monitor_group_merged_downtime: Ignored = None
    monitor_status_timelines: Ignored = None
    overall_status: Ignored = None
    status_page: Ignored = None
    status_page_history_chart_bar_color_rules: Ignored = None
    timeline_incidents: Ignored = None
    uptime_daily_aggregate: Ignored = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    if html_text(capture.body) is not None:
        raise Unreadable("an HTML page: the data of OneUptime is at /status-page-api/overview/")
    document = json_of(capture, dict[str, Any])
    if document.keys() <= {"error", "message", "data", "code"} and document:
        raise Unreadable(f"OneUptime refuses: {document.get('error') or document.get('message')}"[:200])
    if "statusPageResources" not in document or not document.keys() & set(_LISTS):
        raise Unreadable(f"not a document of OneUptime; it has {', '.join(sorted(document)) or 'nothing'}")
    signals: list[Signal] = []
    told = required(_unwrap(document), _Document, signals, "a document of OneUptime")
    return _Reading(capture, told, signals).page()


def _unwrap(piece: Any) -> Any:
    """The values themselves, in place of `{"_type": ..., "value": ...}`."""
    if isinstance(piece, dict):
        if piece.keys() == {"_type", "value"}:
            return _unwrap(piece["value"])
        return {name: _unwrap(value) for name, value in piece.items()}
    return [_unwrap(value) for value in piece] if isinstance(piece, list) else piece


class _Reading:
    """One document being read."""

    def __init__(self, capture: Capture, told: _Document, signals: list[Signal]) -> None:
        self.root = root_of(capture.url)
        self.told = told
        self.signals = signals
        groups = {row.id: row.name for row in self.rows(told.resource_groups, _Named)}
        self.resources = list(self.rows(told.status_page_resources, _Resource))
        self.components: dict[str, Component] = {}
        #: Components by each monitor that they show.
        self.showing: dict[str, list[Component]] = {}
        for row in self.resources:
            name = row.display_name or (row.monitor and row.monitor.name) or row.id
            component = Component(key=row.id, name=verbatim(name), group=groups.get(row.status_page_group_id or ""))
            self.components[row.id] = component
            members = (told.monitors_in_group or {}).get(row.monitor_group_id or "", ())
            for monitor in (row.monitor_id or (row.monitor.id if row.monitor else None), *members):
                if monitor:
                    self.showing.setdefault(monitor, []).append(component)
        self.over = {
            str(row.get("_id"))
            for row in (*(told.incident_states or ()), *(told.scheduled_maintenance_states or ()))
            if isinstance(row, dict) and (row.get("isResolvedState") or row.get("isEndedState"))
        }
        self.notes = self.by_record(
            [*(told.incident_public_notes or ()), *(told.scheduled_maintenance_events_public_notes or ())],
            lambda raw: convert(raw, _Note, self.signals, "publicNotes[]"),
        )
        self.changes = self.by_record(
            [*(told.incident_state_timelines or ()), *(told.scheduled_maintenance_state_timelines or ())],
            lambda raw: convert(raw, _Change, self.signals, "stateTimelines[]"),
        )

    def page(self) -> Page:
        """All of it."""
        told = self.told
        overview = told.active_incidents is not None
        lists = (
            (told.active_incidents, self.incident),
            (told.incidents, self.incident),
            (told.scheduled_maintenance_events, self.maintenance),
            (told.active_announcements, self.announcement),
            (told.announcements, self.announcement),
        )
        if told.active_episodes:
            self.signals.append(Signal("not-read", "activeEpisodes", f"{len(told.active_episodes)} episodes"))
        incidents = [incident for raws, parse in lists for incident in self.each(raws, parse)]
        whole = len(incidents) == sum(len(raws or ()) for raws, _ in lists) and not told.active_episodes
        return Page(
            incidents=tuple(incidents),
            components=tuple(self.component_states()),
            signals=tuple(sorted(set(self.signals))),
            open_only=overview and whole,
        )

    def rows(self, raws: Iterable[Any] | None, kind: type[R]) -> Iterator[R]:
        """Settings that can be read; those that cannot become signals."""
        for raw in raws or ():
            try:
                yield msgspec.convert(raw, kind)
            except BROKEN as error:
                self.signals.append(Signal("bad-component", kind.__name__.lower().strip("_"), str(error)))

    def by_record(self, raws: Iterable[Any], parse: Callable[[Any], Any]) -> dict[str, list[Any]]:
        """Notes, or changes, by the record that they belong to."""
        found: dict[str, list[Any]] = {}
        for told in readable(raws, parse, self.signals, "notes and timelines", ("_id",)):
            found.setdefault(str(told.incident_id or told.scheduled_maintenance_id), []).append(told)
        return found

    def each(self, raws: Iterable[Any] | None, parse: Callable[[Any], Incident]) -> Iterator[Incident]:
        """Each record that can be read; one that cannot becomes a signal."""
        return readable(raws or (), parse, self.signals, "incidents[]", ("_id",))

    def component_states(self) -> Iterator[ComponentState]:
        """What the monitor, or the group of monitors, of each resource is now; lists alone do not tell."""
        statuses = {row.id: row for row in self.rows(self.told.monitor_statuses, _Status)}
        groups = self.told.monitor_group_current_statuses or {}
        for row in self.resources:
            now = row.monitor.current_monitor_status_id if row.monitor else groups.get(row.monitor_group_id or "")
            status = statuses.get(now or "")
            if status is None:
                continue
            word = status.name or ""
            if status.is_operational_state:
                severity: Severity | None = Severity.OPERATIONAL
            elif status.is_offline_state:
                severity = Severity.MAJOR_OUTAGE
            else:
                severity = look_up(MONITOR_STATES, word, self.signals, "monitorStatuses[].name")
            yield ComponentState(component=self.components[row.id], severity=severity, severity_text=word)

    def state(self, told: _State | None, where: str) -> State | None:
        """What a state means: by its flags, else by its name."""
        if told is None:
            return None
        if told.is_scheduled_state:
            return State.SCHEDULED
        if told.is_ongoing_state:
            return State.IN_PROGRESS
        if told.is_resolved_state or told.is_ended_state or told.id in self.over:
            return State.COMPLETED if where == "scheduledMaintenanceState" else State.RESOLVED
        return look_up(STATES, told.name, self.signals, where)

    def updates(self, key: str, description: str | None, created: datetime | None) -> list[Update]:
        """The description, the notes and the changes of state, as the page shows them one below the other."""
        found = [Update(key=key, posted_at=created, text=verbatim(description))] if description else []
        found += [
            Update(key=note.id, posted_at=note.posted_at and utc(note.posted_at), text=verbatim(note.note))
            for note in self.notes.get(key, ())
        ]
        for change in self.changes.get(key, ()):
            where = "incidentState" if change.incident_state else "scheduledMaintenanceState"
            told = change.incident_state or change.scheduled_maintenance_state
            when = change.starts_at or change.created_at
            found.append(
                Update(
                    key=change.id,
                    posted_at=when and utc(when),
                    state=self.state(told, where),
                    state_text=told and told.name,
                    text="",
                )
            )
        return oldest_first(found)

    def closing(self, key: str, updates: list[Update]) -> tuple[datetime | None, datetime | None]:
        """When it was over, for good, and when that was written."""
        written = {change.id: change.created_at for change in self.changes.get(key, ())}
        found = closing(updates, lambda update: update.state)
        if found is None:
            return None, None
        made = written.get(found.key or "")
        return found.posted_at, utc(made) if made else found.posted_at

    def incident(self, raw: Any) -> Incident:
        """One incident."""
        told = convert(raw, _Incident, self.signals, "incidents[]")
        created = told.created_at and utc(told.created_at)
        declared = told.declared_at and utc(told.declared_at)
        updates = self.updates(told.id, told.description, declared or created)
        word = told.incident_severity.name if told.incident_severity else None
        state = self.state(told.current_incident_state, "incidentState")
        over, over_posted = self.closing(told.id, updates) if state in OVER else (None, None)
        return Incident(
            key=told.id,
            title=verbatim(told.title),
            url=f"{self.root}/incidents/{told.id}",
            severity=look_up(SEVERITIES, word, self.signals, "incidents[].incidentSeverity.name"),
            severity_text=word,
            state=state,
            state_text=told.current_incident_state.name if told.current_incident_state else None,
            started_at=declared if created and declared and set_back(declared, created) else None,
            ended_at=over if over and over_posted and over_posted - over > MOMENT else None,
            first_posted_at=created,
            resolved_posted_at=over_posted,
            updates=tuple(updates),
            impacts=self.hit(told.monitors),
        )

    def maintenance(self, raw: Any) -> Incident:
        """One maintenance."""
        told = convert(raw, _Maintenance, self.signals, "scheduledMaintenanceEvents[]")
        created = told.created_at and utc(told.created_at)
        start, end = utc(told.starts_at), told.ends_at and utc(told.ends_at)
        updates = self.updates(told.id, told.description, created)
        current = told.current_scheduled_maintenance_state
        state = self.state(current, "scheduledMaintenanceState")
        return Incident(
            key=told.id,
            title=verbatim(told.title),
            url=f"{self.root}/scheduled-events/{told.id}",
            kind=Kind.MAINTENANCE,
            severity=Severity.MAINTENANCE,
            state=state,
            state_text=current.name if current else None,
            started_at=start,
            ended_at=end,
            first_posted_at=created,
            resolved_posted_at=self.closing(told.id, updates)[1] if state in OVER else None,
            updates=tuple(updates),
            impacts=tuple(
                msgspec.structs.replace(each, severity=Severity.MAINTENANCE, started_at=start, ended_at=end)
                for each in self.hit(told.monitors)
            ),
        )

    def announcement(self, raw: Any) -> Incident:
        """One announcement: a notice, for as long as it is shown."""
        told = convert(raw, _Announcement, self.signals, "announcements[]")
        shown = utc(told.show_announcement_at)
        return Incident(
            key=told.id,
            title=verbatim(told.title),
            url=f"{self.root}/announcements/{told.id}",
            kind=Kind.NOTICE,
            severity=Severity.NOTICE,
            started_at=shown,
            ended_at=told.end_announcement_at and utc(told.end_announcement_at),
            first_posted_at=shown,
            updates=tuple(self.updates(told.id, told.description, shown)),
            impacts=self.hit(told.monitors),
        )

    def hit(self, monitors: list[_Reference] | None) -> tuple[Impact, ...]:
        """The resources that show those monitors; a monitor that none shows is not on this page."""
        shown = {c.key: c for monitor in monitors or () for c in self.showing.get(monitor.id, ())}
        return tuple(Impact(component=component) for component in shown.values())


def _find(root: str, html: str) -> Mapping[str, str]:  # noqa: ARG001 - the signature of all of them
    """By the host of the page, which is as good as its id."""
    base, host = f"{root}/status-page-api", urlsplit(root).netloc
    return {
        "overview": f"{base}/overview/{host}",
        "incidents": f"{base}/incidents/{host}",
        "maintenances": f"{base}/scheduled-maintenance-events/{host}",
    }


def _about(capture: Capture) -> About:
    """The title of the page, or else its name."""
    try:
        page = msgspec.json.decode(capture.body or b"")["statusPage"]
        return About(name=page.get("pageTitle") or page.get("name"))
    except (*BROKEN, LookupError, TypeError, AttributeError):
        return About()


PLATFORM = Platform(
    read=read,
    hosts=("oneuptime.com",),
    html=(r"/status-page-api/", r"(?i)oneuptime"),
    find=_find,
    about=_about,
)
