"""Salesforce's Trust status API, `https://api.status.salesforce.com/v1` (its own description is at `/v1/docs`).

An instance (`NA137`, `USA123S`, `POD114`, `Heroku Europe`) is where customers live; services (`coreService`) run on
it. What is read is told by the shape, item by item:

| item | from | becomes |
| --- | --- | --- |
| instance | `instances/status/preview`, `instances/<key>/status`, `products/<key>` (inside) | a state, and the incidents and maintenances listed in it |
| incident | `incidents`, `incidents/active`, `incidents/<id>` | an incident |
| maintenance | `maintenances`, `maintenances/<id>` | a maintenance |
| message to all customers | `generalMessages` | a notice |

`IncidentImpacts` are the vendor's own intervals: begin, end (null while open), `type` (what was felt) and `severity`;
both times are entered by people and corrected later. Every impact is taken to hold for each service on each instance
that the incident names: the API does not say which was where, so an incident that names hundreds of instances has as
many impacts. An incident has no title; it is called after its first impact and its services. `IncidentEvents` are the
messages, newest first, with a `type` from a long list of words, of which those that say how far the repair is are
known here. `message` holds the texts of the analysis (`rootCause` ...). All times are UTC.

The same incident stands in every instance it hits; its fields are the same there.

Seen in a real payload of 2020: instances with one open incident. From others' tests and types for the API (2023 to
2026): events, maintenances, messages, services, products. Salesforce announced that a private API replaces this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading.dates import utc
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, Time, all_read, body_of, convert, json_of, unread
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
    worst,
)

API = "https://api.status.salesforce.com/v1"
SITE = "https://status.salesforce.com"

#: The state of an instance. "Core" is what the instance is there for; a service beside it is a part of the whole.
INSTANCE_STATES: Mapping[str, Severity] = {
    "ok": Severity.OPERATIONAL,
    "informational_core": Severity.NOTICE,
    "informational_noncore": Severity.NOTICE,
    "maintenance_core": Severity.MAINTENANCE,
    "maintenance_noncore": Severity.MAINTENANCE,
    "minor_incident_core": Severity.DEGRADED,
    "minor_incident_noncore": Severity.DEGRADED,
    "major_incident_core": Severity.MAJOR_OUTAGE,
    "major_incident_noncore": Severity.PARTIAL_OUTAGE,
}
#: The page calls a minor impact a performance degradation and a major one a service disruption.
SEVERITIES: Mapping[str, Severity] = {
    "informational": Severity.NOTICE,
    "maintenance": Severity.MAINTENANCE,
    "minor": Severity.DEGRADED,
    "major": Severity.MAJOR_OUTAGE,
    "critical": Severity.MAJOR_OUTAGE,
}
#: Words of events, maintenances and messages, without blanks and in small letters.
STATES: Mapping[str, State | None] = {
    "update": None,
    "herokuincident": None,
    "confirmed": State.SCHEDULED,
    "scheduled": State.SCHEDULED,
    "investigatingcauseofissue": State.INVESTIGATING,
    "herokuincidentinvestigating": State.INVESTIGATING,
    "issueisolateddatabasetier": State.IDENTIFIED,
    "herokuincidentmonitoring": State.MONITORING,
    "inprogress": State.IN_PROGRESS,
    "completed": State.COMPLETED,
    "resolved": State.RESOLVED,
}

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class _Impact(Payload, kw_only=True, rename="camel"):
    """An interval: what was felt, how bad, from when until when."""

    type: str | None = None
    severity: str | None = None
    start_time: Time | None = None
    end_time: Time | None = None
    id: Ignored = None
    created_at: Ignored = None
    updated_at: Ignored = None
    start_time_created_at: Ignored = None
    start_time_modified_at: Ignored = None
    end_time_created_at: Ignored = None
    end_time_modified_at: Ignored = None
    service_issue: Ignored = None
    end_user_impact: Ignored = None
    system_availability: Ignored = None


class _Event(Payload, kw_only=True, rename="camel"):
    """A message."""

    created_at: Time
    type: str | None = None
    message: str | None = None
    id: int | None = None
    updated_at: Ignored = None
    localized_type: Ignored = None


class _Entry(Payload, kw_only=True, rename="camel"):
    """What incidents and maintenances have in common. `affectsAll`: everybody on those instances."""

    id: int
    created_at: Time
    instance_keys: tuple[str, ...] = ()
    service_keys: tuple[str, ...] = ()
    message: dict[str, str | None] | None = None
    additional_information: str | None = None
    affects_all: Ignored = None
    external_id: Ignored = None
    is_core: Ignored = None
    updated_at: Ignored = None


class _Incident(_Entry, kw_only=True, rename="camel"):
    """An incident."""

    incident_impacts: tuple[_Impact, ...] = msgspec.field(name="IncidentImpacts")
    incident_events: tuple[_Event, ...] = msgspec.field(name="IncidentEvents", default=())
    status: str | None = None


class _Maintenance(_Entry, kw_only=True, rename="camel"):
    """A maintenance; `message` says its type, what stays available, and how far it is (`eventStatus`)."""

    maintenance_impacts: tuple[_Impact, ...] = msgspec.field(name="MaintenanceImpacts")
    maintenance_events: tuple[_Event, ...] = msgspec.field(name="MaintenanceEvents", default=())
    name: str | None = None
    planned_start_time: Time | None = None
    planned_end_time: Time | None = None
    external_maintenance_type: Ignored = None
    release_type: Ignored = None
    substrate: Ignored = None


class _Message(Payload, kw_only=True, rename="camel"):
    """A message to all customers."""

    id: int
    subject: str
    start_date: Time
    body: str | None = None
    end_date: Time | None = None
    status: str | None = None
    informational_message_updates: tuple[_Event, ...] = msgspec.field(name="InformationalMessageUpdates", default=())
    created_at: Ignored = None
    updated_at: Ignored = None
    external_id: Ignored = None
    is_visible: Ignored = None
    is_visible_when_closed: Ignored = None


class _Instance(Payload, kw_only=True, rename="camel"):
    """An instance and what goes on there."""

    key: str
    status: str
    location: str | None = None
    is_active: bool = True
    incidents: tuple[Ignored, ...] = msgspec.field(name="Incidents", default=())
    maintenances: tuple[Ignored, ...] = msgspec.field(name="Maintenances", default=())
    general_messages: tuple[Ignored, ...] = msgspec.field(name="GeneralMessages", default=())
    products: Ignored = msgspec.field(name="Products", default=None)
    services: Ignored = msgspec.field(name="Services", default=None)
    tags: Ignored = None
    old_tags: Ignored = msgspec.field(name="Tags", default=None)
    city: Ignored = None
    country_code: Ignored = None
    country_name: Ignored = None
    environment: Ignored = None
    maintenance_window: Ignored = None
    release_number: Ignored = None
    release_version: Ignored = None
    state_code: Ignored = None
    state_name: Ignored = None


class _Reading:
    """What has been read of one body so far."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}
        self.components: list[ComponentState] = []
        self.signals: list[Signal] = []

    def items(self, items: Iterable[object], where: str = "[]", instance: str | None = None) -> None:
        """Each item by its own shape; one that cannot be read becomes a signal."""
        for item in items:
            try:
                self.item(item, where, instance)
            except BROKEN as error:
                self.signals.append(unread(item, error, where, ("id", "key")))

    def item(self, item: object, where: str, instance: str | None) -> None:
        """One item. ValueError when it is of no known shape."""
        if not isinstance(item, dict):
            raise ValueError(f"neither instance nor incident: {str(item)[:80]}")
        if "IncidentImpacts" in item:
            self.keep(_incident(convert(item, _Incident, self.signals, where), instance, self.signals))
        elif "MaintenanceImpacts" in item:
            self.keep(_maintenance(convert(item, _Maintenance, self.signals, where), instance, self.signals))
        elif "subject" in item:
            self.keep(_message(convert(item, _Message, self.signals, where), self.signals))
        elif "key" in item and "status" in item:
            self.instance(convert(item, _Instance, self.signals, where))
        else:
            raise ValueError(f"neither instance nor incident; it has {', '.join(sorted(item)) or 'nothing'}")

    def keep(self, incident: Incident) -> None:
        """An incident, once, however many instances list it."""
        self.incidents.setdefault(incident.key, incident)

    def instance(self, told: _Instance) -> None:
        """The state of an instance that is in use, and all that is listed in it."""
        if told.is_active:
            self.components.append(
                ComponentState(
                    component=Component(key=told.key, name=told.key, group=told.location),
                    severity=look_up(INSTANCE_STATES, told.status, self.signals, "[].status"),
                    severity_text=told.status,
                )
            )
        self.items(told.incidents, "[].Incidents[]", told.key)
        self.items(told.maintenances, "[].Maintenances[]", told.key)
        self.items(told.general_messages, "[].GeneralMessages[]", told.key)


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the signature of all readers
    """What one answer of the API says. Raises Unreadable when it is no such answer."""
    document = _document(capture)
    items = document if isinstance(document, list) else [document]
    if isinstance(document, dict) and isinstance(document.get("Instances"), list):
        items = document["Instances"]
    reading = _Reading()
    reading.items(items)
    if items and not reading.incidents and not reading.components and reading.signals:
        raise Unreadable(f"not an answer of Salesforce's status API: {reading.signals[-1].detail}")
    path = urlsplit(capture.url).path.rstrip("/")
    whole = all_read(reading.signals)
    return Page(
        incidents=tuple(reading.incidents.values()),
        components=tuple(reading.components),
        signals=tuple(dict.fromkeys(reading.signals)),
        open_only=whole and path.endswith(("/incidents/active", "/instances/status/preview")),
    )


def _document(capture: Capture) -> Any:
    body = body_of(capture)
    document = json_of(body)
    if not isinstance(document, dict | list):
        raise Unreadable("neither an object nor an array")
    return document


# --- incidents and maintenances


def _incident(told: _Incident, instance: str | None, signals: list[Signal]) -> Incident:
    updates = _updates(told.incident_events, signals)
    severity = worst(
        [look_up(SEVERITIES, i.severity, signals, "IncidentImpacts[].severity") for i in told.incident_impacts]
    )
    state = _stage(told, updates, signals)
    begins = [utc(impact.start_time) for impact in told.incident_impacts if impact.start_time]
    ends = [utc(impact.end_time) for impact in told.incident_impacts if impact.end_time]
    return Incident(
        key=str(told.id),
        title=_title(told),
        url=f"{SITE}/incidents/{told.id}",
        severity=severity,
        severity_text=_word(told.incident_impacts, severity),
        state=state,
        state_text=told.status or next((u.state_text for u in reversed(updates) if u.state_text), None),
        service_text=", ".join(told.service_keys) or None,
        region_text=", ".join(told.instance_keys or filter(None, [instance])) or None,
        started_at=min(begins, default=None),
        ended_at=max(ends) if ends and len(ends) == len(told.incident_impacts) else None,
        first_posted_at=min([utc(told.created_at), *(u.posted_at for u in updates if u.posted_at)]),
        resolved_posted_at=next((u.posted_at for u in updates if u.state in OVER), None),
        updates=(*updates, *_analysis(told)),
        impacts=tuple(_impacts(told, told.incident_impacts, instance)),
    )


def _maintenance(told: _Maintenance, instance: str | None, signals: list[Signal]) -> Incident:
    """A maintenance: its impacts once there are any, and until then what is planned."""
    updates = _updates(told.maintenance_events, signals)
    word = (told.message or {}).get("eventStatus")
    said = _state(word, signals, "message.eventStatus") if word else None
    state = said or next((u.state for u in reversed(updates) if u.state), None)
    planned = (_Impact(severity="maintenance", start_time=told.planned_start_time, end_time=told.planned_end_time),)
    return Incident(
        key=f"maintenance/{told.id}",
        title=plain(told.name or "") or f"Maintenance of {_named(told)}",
        url=f"{SITE}/maintenances/{told.id}",
        kind=Kind.MAINTENANCE,
        severity=Severity.MAINTENANCE,
        severity_text=(told.message or {}).get("availability"),
        state=State.COMPLETED if state is State.RESOLVED else state,
        state_text=word or next((u.state_text for u in reversed(updates) if u.state_text), None),
        service_text=", ".join(told.service_keys) or None,
        region_text=", ".join(told.instance_keys or filter(None, [instance])) or None,
        started_at=told.planned_start_time and utc(told.planned_start_time),
        ended_at=told.planned_end_time and utc(told.planned_end_time),
        first_posted_at=utc(told.created_at),
        resolved_posted_at=next((u.posted_at for u in updates if u.state in OVER), None),
        updates=(*_information(told), *updates),
        impacts=tuple(_impacts(told, told.maintenance_impacts or planned, instance)),
    )


def _message(told: _Message, signals: list[Signal]) -> Incident:
    state = _state(told.status, signals, "status") if told.status else None
    first = Update(posted_at=utc(told.start_date), text=plain(told.body or ""))
    return Incident(
        key=f"message/{told.id}",
        title=plain(told.subject),
        url=f"{SITE}/generalmessages/{told.id}",
        kind=Kind.NOTICE,
        severity=Severity.NOTICE,
        state=state,
        state_text=told.status,
        first_posted_at=utc(told.start_date),
        resolved_posted_at=utc(told.end_date) if told.end_date and state in OVER else None,
        updates=tuple(u for u in (first, *_updates(told.informational_message_updates, signals)) if u.text),
    )


def _impacts(told: _Entry, impacts: Sequence[_Impact], instance: str | None) -> Iterable[Impact]:
    """Every impact for each service on each instance; without services, for the instance as such."""
    instances: Sequence[str | None] = told.instance_keys or (instance,)
    services: Sequence[str | None] = told.service_keys or (None,)
    for impact, place, service in product(impacts, instances, services):
        if place or service:
            yield Impact(
                component=Component(key=None, name=service or place or "", group=place if service else None),
                severity=SEVERITIES.get((impact.severity or "").lower()),
                severity_text=impact.severity,
                started_at=impact.start_time and utc(impact.start_time),
                ended_at=impact.end_time and utc(impact.end_time),
            )


def _stage(told: _Incident, updates: Sequence[Update], signals: list[Signal]) -> State | None:
    """Its own word, else that every impact has ended, else the last word of its events."""
    if told.status:
        return _state(told.status, signals, "status")
    if told.incident_impacts and all(impact.end_time for impact in told.incident_impacts):
        return State.RESOLVED
    return next((update.state for update in reversed(updates) if update.state), None)


def _title(told: _Incident) -> str:
    """What was felt, and in what: `Performance Degradation of Core Service`."""
    felt = next((_spaced(impact.type) for impact in told.incident_impacts if impact.type), "Incident")
    return f"{felt} of {_named(told)}"


def _named(told: _Entry) -> str:
    """The services, else the instances, a few of them by name."""
    names = [_spaced(key) for key in told.service_keys] or list(told.instance_keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "Salesforce"


def _spaced(word: str) -> str:
    """`featurePerfDegradation` as words."""
    return " ".join(part[:1].upper() + part[1:] for part in _CAPITAL.sub(" ", word).split())


def _word(impacts: Iterable[_Impact], severity: Severity | None) -> str | None:
    """The vendor's word for the worst of the impacts."""
    words = [impact.severity for impact in impacts if impact.severity]
    return next((word for word in words if SEVERITIES.get(word.lower()) is severity), words[0] if words else None)


def _updates(events: Sequence[_Event], signals: list[Signal]) -> tuple[Update, ...]:
    return tuple(
        Update(
            key=str(event.id) if event.id is not None else None,
            posted_at=utc(event.created_at),
            state=_state(event.type, signals, "events[].type") if event.type else None,
            state_text=event.type,
            text=plain(event.message or ""),
        )
        for _, event in sorted(enumerate(events), key=lambda each: (each[1].created_at, -each[0]))
    )


def _state(word: str, signals: list[Signal], where: str) -> State | None:
    """A state, however the word is spelt: `In Progress`, `inProgress`."""
    known = len(signals)
    state = look_up(STATES, "".join(word.split()), signals, where)
    if len(signals) > known:
        signals[-1] = Signal("unknown-word", where, word)
    return state


def _analysis(told: _Incident) -> tuple[Update, ...]:
    """The texts written afterwards, whose own time is not told."""
    texts = [f"{_spaced(name)}: {plain(text)}" for name, text in (told.message or {}).items() if text]
    parts = [*texts, *(update.text for update in _information(told))]
    return (Update(posted_at=None, state=State.POSTMORTEM if texts else None, text="\n".join(parts)),) if parts else ()


def _information(told: _Entry) -> tuple[Update, ...]:
    text = plain((told.additional_information or "").replace("\\n", "\n").replace("\\", ""))
    return (Update(posted_at=utc(told.created_at), text=text),) if text else ()


#: Where the records of each kind are, by what its keys begin with.
_PATHS = {"": "incidents", "maintenance": "maintenances", "message": "generalMessages"}


def _record(source: Source, key: str) -> Ask:  # noqa: ARG001 - the signature of all of them
    kind, _, number = key.rpartition("/")
    return Ask(f"{API}/{_PATHS[kind]}/{number}")


PLATFORM = Platform(
    read=read, record=_record, hosts=("api.status.salesforce.com", "status.salesforce.com", "trust.salesforce.com")
)
