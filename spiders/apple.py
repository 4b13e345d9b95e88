"""Apple's own status files: `https://www.apple.com/support/systemstatus/data/system_status_en_US.js` and, for
developers, `.../data/developer/system_status_en_US.js`.

One JSON object of `services`, each with its `events`; the developers' file wraps it in `jsonCallback(...);`. A service
without events under way is what the page calls Available. Events stay for a day or two after they were resolved, and
planned ones stand there before they begin.

Fields of an event: `statusType` (`Performance`, `Issue`, `Outage`, `Maintenance`), `eventStatus` (`ongoing`,
`resolved`, `upcoming`, `completed`), and `epochStartDate` and `epochEndDate` in milliseconds, which are the vendor's
own interval; `startDate` and `endDate` say the same in Pacific time. `datePosted` (`07/27/2022 10:48 PDT`) is when the
one message was posted, or last changed. `messageId` is the key: an event that hits several services stands in each of
them, and names the others in `affectedServices`.

No whole payload has been seen. The shapes are from events that others quoted, of 2017, 2022 and 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, body_of, convert, readable, required
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
    epoch,
)

SITE = "https://www.apple.com/support/systemstatus/"

SEVERITIES: Mapping[str, Severity] = {
    "available": Severity.OPERATIONAL,
    "maintenance": Severity.MAINTENANCE,
    "performance": Severity.DEGRADED,
    "issue": Severity.PARTIAL_OUTAGE,
    "outage": Severity.MAJOR_OUTAGE,
}
STATES: Mapping[str, State | None] = {
    "ongoing": None,
    "resolved": State.RESOLVED,
    "upcoming": State.SCHEDULED,
    "completed": State.COMPLETED,
}
#: What the page shows beside a service that has no event under way.
AVAILABLE = "Available"

_WRAPPED = re.compile(rb"\s*[\w.$]+\((.*)\)\s*;?\s*", re.DOTALL)
_WHEN = "%m/%d/%Y %H:%M %Z"


class _Event(Payload, kw_only=True, rename="camel"):
    """Something that happens, or will happen, to a service."""

    message_id: str
    status_type: str
    event_status: str
    message: str
    epoch_start_date: int | None = None
    epoch_end_date: int | None = None
    date_posted: str | None = None
    users_affected: str | None = None
    affected_services: Ignored = None
    start_date: Ignored = None
    end_date: Ignored = None


class _Service(Payload, kw_only=True, rename="camel"):
    """A service and its events."""

    service_name: str
    events: list[Ignored]
    redirect_url: Ignored = None


class _Status(Payload, kw_only=True, rename="camel"):
    """The whole file."""

    services: tuple[_Service, ...]
    dr_message: Ignored = None
    drpost: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """The services and their events. Raises Unreadable when the body is no such file."""
    signals: list[Signal] = []
    services = required(_document(capture), _Status, signals, "a status file of Apple").services
    if not services:
        raise Unreadable("a status file without a single service")
    incidents: dict[str, Incident] = {}
    states = []
    for service in services:
        component = Component(key=None, name=service.service_name.strip())
        events = list(_events(service, signals))
        states.append(_state(component, events, signals))
        for event in events:
            try:
                told = incidents.get(event.message_id) or _incident(event, source, capture.fetched_at, signals)
            except BROKEN as error:
                signals.append(Signal("bad-incident", "services[].events[]", f"{event.message_id[:80]}: {error}"))
                continue
            impact = Impact(
                component=component,
                severity=told.severity,
                severity_text=told.severity_text,
                started_at=told.started_at,
                ended_at=told.ended_at,
            )
            incidents[event.message_id] = msgspec.structs.replace(told, impacts=(*told.impacts, impact))
    return Page(
        incidents=tuple(msgspec.structs.replace(each, title=_title(each)) for each in incidents.values()),
        components=tuple(states),
        signals=tuple(dict.fromkeys(signals)),
    )


def _document(capture: Capture) -> object:
    body = body_of(capture)
    wrapped = _WRAPPED.fullmatch(body)
    try:
        return msgspec.json.decode(wrapped[1] if wrapped else body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Unreadable(f"neither JSON nor a call with JSON: {error}") from error


def _events(service: _Service, signals: list[Signal]) -> Iterable[_Event]:
    """The events of a service that can be read."""

    def event(item: object) -> _Event:
        return convert(item, _Event, signals, "services[].events[]")

    return readable(service.events, event, signals, "services[].events[]", ("messageId",))


def _state(component: Component, events: Iterable[_Event], signals: list[Signal]) -> ComponentState:
    """The worst of the events under way; a word that nobody knows goes before all."""
    words = [event.status_type for event in events if STATES.get(event.event_status.lower(), State.SCHEDULED) is None]
    severities = {word: look_up(SEVERITIES, word, signals, "services[].events[].statusType") for word in words}
    word = max(words, key=lambda each: severity.rank if (severity := severities[each]) else 99, default=AVAILABLE)
    return ComponentState(
        component=component, severity=severities.get(word) if words else Severity.OPERATIONAL, severity_text=word
    )


def _incident(event: _Event, source: Source, fetched_at: datetime, signals: list[Signal]) -> Incident:
    severity = look_up(SEVERITIES, event.status_type, signals, "services[].events[].statusType")
    state = look_up(STATES, event.event_status, signals, "services[].events[].eventStatus")
    planned = severity is Severity.MAINTENANCE or state in (State.SCHEDULED, State.COMPLETED)
    if planned and state is State.RESOLVED:
        state = State.COMPLETED
    elif planned and event.event_status.strip().lower() == "ongoing":
        state = State.IN_PROGRESS
    where = "services[].events[].datePosted"
    posted = moment(event.date_posted or None, source, fetched_at, signals, where, formats=(_WHEN,))
    text = "\n".join(plain(part) for part in (event.message, event.users_affected) if part)
    return Incident(
        key=event.message_id,
        title=event.status_type,
        url=SITE,
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity,
        severity_text=event.status_type,
        state=state,
        state_text=event.event_status,
        started_at=_time(event.epoch_start_date),
        ended_at=_time(event.epoch_end_date),
        first_posted_at=posted,
        resolved_posted_at=posted if state in OVER else None,
        updates=(Update(posted_at=posted, state=state, state_text=event.event_status, text=text),),
        newest_only=True,
    )


def _title(incident: Incident) -> str:
    """The services and the vendor's word; the message is one of a few sentences that suit any of them."""
    names = [impact.component.name for impact in incident.impacts if impact.component]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}: {incident.severity_text}"


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else epoch(milliseconds).replace(microsecond=0)


PLATFORM = Platform(read=read)
