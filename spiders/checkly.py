"""Checkly status pages: what the page's own script asks for, and what the vendor publishes for others.

What is read is told by the shape of the body:

| body | has |
| --- | --- |
| `/api/status-page/<slug>/unresolved-incidents` | `incidents` that are open, with their messages |
| `/api/status-page/<slug>/uptime` | `uptime`: services in groups, and by day the incidents of each, by name |
| `/api/status-page/<slug>/maintenance-windows` | `active` and `upcoming` |
| a summary for others | `page`, `activeIncidents`, `activeMaintenances`: an imitation of Instatus's, in words of its own |
| a list of services for others | services with their state and group |
| the HTML page | the first three, in `__NUXT_DATA__` |

`<slug>` is the name of the page below checkly-status-page.com.

Seen real: one list of open incidents, of 2026-07. The days, the summary, the services and the HTML are known from other
people's tests, cut from live ones of 2026-09; of maintenance there are only guesses at its fields in their programs, so
each is read by any of the names they try. None of it is documented, but for words and fields of incidents in the
vendor's management API.

What one must know of the platform:

- `publicIncidentUpdateDate` is the operator's time of a message, `created_at` the system's; `created_at` of an incident
  is the operator's time of its first message. Where that lies clearly before the system's, it says when it *was*.
- An incident has one severity for all its services; a service is as bad as the worst incident that names it.
- `duration` is in no unit that fits; it is left alone. An incident that is over is known by name and start alone.

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
from crawler.platform import About, Platform, root_of
from crawler.reading.dates import utc
from crawler.reading.embedded import data_of, having, html_text, nuxt
from crawler.reading.incidents import CARRIED_OVER, MOMENT, closing, first_told, set_back
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

SEVERITIES: Mapping[str, Severity] = {
    "minor": Severity.DEGRADED,
    "medium": Severity.DEGRADED,
    "major": Severity.PARTIAL_OUTAGE,
    "critical": Severity.MAJOR_OUTAGE,
}
SERVICE_STATES: Mapping[str, Severity] = {
    **SEVERITIES,
    "operational": Severity.OPERATIONAL,
    "maintenance": Severity.MAINTENANCE,
    "under_maintenance": Severity.MAINTENANCE,
}
STATES: Mapping[str, State] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
}
#: The words of `page.status`, by which the summary is told from that of Instatus.
PAGE_STATES = frozenset({"OPERATIONAL", "HAS_ISSUES", "UNDER_MAINTENANCE"})
_DOCUMENT = "a document of Checkly"


class _Service(Payload, rename="camel"):
    """A service as an incident names it: `group` in the summary alone."""

    id: str
    name: str | None = None
    group: str | None = None
    account_id: Ignored = None
    created_at: Ignored = msgspec.field(default=None, name="created_at")
    updated_at: Ignored = msgspec.field(default=None, name="updated_at")


class _Update(Payload, rename="camel"):
    id: str
    status: str
    description: str | None
    created_at: Time = msgspec.field(name="created_at")
    public_incident_update_date: Time | None = None
    notify_subscribers: Ignored = None


class _Incident(Payload, rename="camel"):
    id: str
    name: str
    severity: str | None
    last_update_status: str
    created_at: Time = msgspec.field(name="created_at")
    services: list[_Service] | None = None
    incident_updates: list[_Update] | None = None
    duration: Ignored = None
    updated_at: Ignored = msgspec.field(default=None, name="updated_at")


class _Unresolved(Payload, rename="camel"):
    incidents: list[Any]


class _Day(Payload, rename="camel"):
    events: list[Any]
    date: Ignored = None


class _UptimeService(Payload, rename="camel"):
    id: str
    name: str
    days: list[_Day] | None = None
    uptime: Ignored = None


class _Card(Payload, rename="camel"):
    name: str | None
    services: list[_UptimeService]
    id: Ignored = None
    uptime: Ignored = None


class _Uptime(Payload, rename="camel"):
    """`partialError`: some of the days could not be had."""

    uptime: list[_Card]
    metadata: list[_Card] | None = None
    partial_error: bool = False


class _Window(Payload, rename="camel"):
    """A maintenance, by all names anybody gives its fields."""

    id: str
    name: str | None = None
    title: str | None = None
    description: str | None = None
    start: Time | None = None
    start_at: Time | None = None
    starts_at: Time | None = None
    started_at: Time | None = None
    end: Time | None = None
    end_at: Time | None = None
    ends_at: Time | None = None
    services: list[_Service] | None = None
    affected_services: list[_Service] | None = None
    status: Ignored = None
    url: str | None = None
    created_at: Ignored = msgspec.field(default=None, name="created_at")
    updated_at: Ignored = None


class _Windows(Payload, rename="camel"):
    active: list[Any]
    upcoming: list[Any] | None = None


class _PageInfo(Payload, rename="camel"):
    status: str
    name: Ignored = None
    url: str | None = None


class _Active(Payload, rename="camel"):
    id: str
    name: str
    status: str
    severity: str | None
    started_at: Time
    affected_services: list[_Service] | None = None
    url: str | None = None
    updated_at: Ignored = None


class _Summary(Payload, rename="camel"):
    page: _PageInfo
    active_incidents: list[Any] | None = None
    active_maintenances: list[Any] | None = None


class _ServiceState(Payload, rename="camel"):
    id: str
    name: str
    status: str
    group: str | None = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    reading = _Reading(capture)
    html = html_text(capture.body)
    if html is not None:
        return reading.html(html)
    document = json_of(capture)
    if isinstance(document, list):
        return reading.states(document)
    if isinstance(document, dict):
        has = document.keys()
        if has == {"incidents"}:
            return reading.unresolved(document)
        if "uptime" in has and isinstance(document["uptime"], list):
            return reading.uptime(document)
        if "active" in has:
            return reading.windows(document)
        if "activeIncidents" in has and "page" in has:
            return reading.summary(document)
    names = ", ".join(sorted(document)) if isinstance(document, dict) else type(document).__name__
    raise Unreadable(f"not a document of Checkly; it has {names or 'nothing'}")


class _Reading:
    """One capture being read."""

    def __init__(self, capture: Capture) -> None:
        self.root = root_of(capture.url)
        self.signals: list[Signal] = []

    def unresolved(self, document: Any) -> Page:
        """What is open, and nothing else."""
        told = required(document, _Unresolved, self.signals, _DOCUMENT).incidents
        page = self.page(self.each(told, self.incident), count=len(told))
        if told and not page.incidents:
            raise Unreadable(f"none of {len(told)} incidents is one of Checkly: {page.signals[0].detail}")
        return page

    def uptime(self, document: Any) -> Page:
        """The services, and the incidents of the days that are shown."""
        told = required(document, _Uptime, self.signals, _DOCUMENT)
        if told.partial_error:
            self.signals.append(Signal("bad-value", "partialError", "some days could not be had"))
        services: dict[str, Component] = {}
        events: dict[str, Any] = {}
        hit: dict[str, list[str]] = {}
        for card in (*told.uptime, *(told.metadata or ())):
            for service in card.services:
                services.setdefault(service.id, Component(key=service.id, name=service.name, group=card.name))
                for event in (event for day in service.days or () for event in day.events):
                    key = _key(event)
                    events[key] = event
                    if service.id not in hit.setdefault(key, []):
                        hit[key].append(service.id)
        incidents = self.each(events.values(), lambda raw: self.incident(raw, [services[s] for s in hit[_key(raw)]]))
        return self.page(incidents)

    def windows(self, document: Any) -> Page:
        """Maintenance, now and ahead."""
        told = required(document, _Windows, self.signals, _DOCUMENT)
        active = self.each(told.active, lambda raw: self.window(raw, State.IN_PROGRESS, "active"))
        ahead = self.each(told.upcoming, lambda raw: self.window(raw, State.SCHEDULED, "upcoming"))
        return self.page([*active, *ahead], count=len(told.active) + len(told.upcoming or ()))

    def summary(self, document: Any) -> Page:
        """What is open, without messages."""
        told = required(document, _Summary, self.signals, _DOCUMENT)
        if told.page.status not in PAGE_STATES:
            if not any(isinstance(raw, dict) and "startedAt" in raw for raw in told.active_incidents or ()):
                raise Unreadable(f"looks like Instatus, not Checkly: {told.page.status!r}")
            self.signals.append(Signal("unknown-word", "page.status", told.page.status))
        incidents = list(self.each(told.active_incidents, self.active))
        incidents += self.each(told.active_maintenances, lambda raw: self.window(raw, None, None))
        return self.page(incidents, count=len(told.active_incidents or ()) + len(told.active_maintenances or ()))

    def states(self, document: list[Any]) -> Page:
        """Services as they are now."""
        components = []
        for raw in document:
            try:
                told = convert(raw, _ServiceState, self.signals, "[]")
            except BROKEN as error:
                self.signals.append(Signal("bad-component", "[]", str(error)))
                continue
            components.append(
                ComponentState(
                    component=Component(key=told.id, name=told.name, group=told.group),
                    severity=look_up(SERVICE_STATES, told.status, self.signals, "[].status"),
                    severity_text=told.status,
                )
            )
        if not components:
            raise Unreadable("not a list of Checkly's services: it has none")
        return Page(components=tuple(components), signals=tuple(sorted(set(self.signals))))

    def html(self, html: str) -> Page:
        """The bodies that the page's script would have asked for, one after the other."""
        document = nuxt(html)
        data = document.get("data") if isinstance(document, dict) else None
        found: dict[str, Any] = {}
        for name, value in data.items() if isinstance(data, dict) else ():
            for kind in ("unresolved-incidents-", "uptime-", "maintenance-windows-"):
                if name.startswith(kind) and isinstance(value, dict):
                    found[kind] = value
        if "unresolved-incidents-" not in found:
            raise Unreadable("an HTML page without the data of Checkly in it")
        pages = [self.unresolved(found["unresolved-incidents-"])]
        if "uptime-" in found:
            pages.append(self.uptime(found["uptime-"]))
        if "maintenance-windows-" in found:
            pages.append(self.windows(found["maintenance-windows-"]))
        return msgspec.structs.replace(self.page(i for page in pages for i in page.incidents), open_only=False)

    def page(self, incidents: Iterable[Incident], count: int | None = None) -> Page:
        """All of it, each signal once. `count`: so many are open, and no others are listed."""
        told = first_told(incidents)
        return Page(
            incidents=told,
            signals=tuple(sorted(set(self.signals))),
            open_only=count is not None and len(told) == count,
        )

    def each(self, raws: Iterable[Any] | None, parse: Callable[[Any], Incident]) -> Iterator[Incident]:
        """Each incident that can be read; one that cannot becomes a signal."""
        return readable(raws or (), parse, self.signals, "incidents[]")

    def incident(self, raw: Any, hit: Iterable[Component] = ()) -> Incident:
        """One incident; `hit` are its services where it does not name them itself."""
        told = convert(raw, _Incident, self.signals, "incidents[]")
        state = look_up(STATES, told.last_update_status, self.signals, "incidents[].lastUpdateStatus")
        severity = look_up(SEVERITIES, told.severity, self.signals, "incidents[].severity")
        written = sorted(told.incident_updates or (), key=_shown)
        shown = min([utc(told.created_at), *(_shown(update) for update in written)])
        posted = min((utc(update.created_at) for update in written), default=shown)
        last = closing(written, lambda update: STATES.get(update.status.lower())) if state in OVER else None
        ended = _shown(last) if last else None
        return Incident(
            key=told.id,
            title=verbatim(told.name),
            url=f"{self.root}/incident/{told.id}",
            severity=severity,
            severity_text=told.severity,
            state=state,
            state_text=told.last_update_status,
            started_at=shown if set_back(shown, posted) and ended != shown else None,
            ended_at=ended if last and ended and shown < ended < utc(last.created_at) - MOMENT else None,
            first_posted_at=posted if posted - shown <= CARRIED_OVER else shown,
            resolved_posted_at=utc(last.created_at) if last else None,
            updates=tuple(
                Update(
                    key=update.id,
                    posted_at=_shown(update),
                    state=look_up(STATES, update.status, self.signals, "incidents[].incidentUpdates[].status"),
                    state_text=update.status,
                    text=verbatim(update.description),
                )
                for update in written
            ),
            impacts=self.impacts([*hit, *map(_component, told.services or ())], severity, told.severity),
        )

    def active(self, raw: Any) -> Incident:
        """One incident of the summary."""
        told = convert(raw, _Active, self.signals, "activeIncidents[]")
        severity = look_up(SEVERITIES, told.severity, self.signals, "activeIncidents[].severity")
        return Incident(
            key=told.id,
            title=verbatim(told.name),
            url=told.url or f"{self.root}/incident/{told.id}",
            severity=severity,
            severity_text=told.severity,
            state=look_up(STATES, told.status, self.signals, "activeIncidents[].status"),
            state_text=told.status,
            first_posted_at=utc(told.started_at),
            impacts=self.impacts(map(_component, told.affected_services or ()), severity, told.severity),
        )

    def window(self, raw: Any, state: State | None, word: str | None) -> Incident:
        """One maintenance, on the list of that name."""
        told = convert(raw, _Window, self.signals, "maintenanceWindows[]")
        start = told.start or told.start_at or told.starts_at or told.started_at
        end = told.end or told.end_at or told.ends_at
        if start is None:
            raise ValueError("no start")
        text = verbatim(told.description)
        return Incident(
            key=told.id,
            title=verbatim(told.name or told.title),
            url=told.url,
            kind=Kind.MAINTENANCE,
            severity=Severity.MAINTENANCE,
            state=state,
            state_text=word,
            started_at=utc(start),
            ended_at=end and utc(end),
            updates=(Update(posted_at=None, text=text),) if text else (),
            impacts=self.impacts(
                map(_component, (*(told.services or ()), *(told.affected_services or ()))), Severity.MAINTENANCE, None
            ),
        )

    def impacts(
        self, components: Iterable[Component], severity: Severity | None, word: str | None
    ) -> tuple[Impact, ...]:
        """The services of an incident, each once."""
        single = {component.key: component for component in components}
        return tuple(Impact(component=c, severity=severity, severity_text=word) for c in single.values())


def _key(event: Any) -> str:
    return str(event.get("id")) if isinstance(event, dict) else ""


def _component(service: _Service) -> Component:
    return Component(key=service.id, name=verbatim(service.name) or service.id, group=service.group)


def _shown(update: _Update) -> datetime:
    """The time the page shows beside a message."""
    return utc(update.public_incident_update_date or update.created_at)


def _find(root: str, html: str) -> Mapping[str, str]:
    """By the page's name: in its own HTML, else the first part of its host."""
    told = re.search(r"/api/status-page/([\w-]+)/|//([\w-]+)\.checkly-status-page\.com", html)
    host = urlsplit(root).netloc
    name = (told[1] or told[2]) if told else host.split(".")[0]
    base = f"{root}/api/status-page/{name}"
    return {
        "incidents": f"{base}/unresolved-incidents",
        "uptime": f"{base}/uptime",
        "maintenances": f"{base}/maintenance-windows",
    }


def _about(capture: Capture) -> About:
    """The name stands in the summary and in the data of the HTML page."""
    told = data_of(capture, nuxt)
    for found in having(told, "statusPage"):
        if isinstance(found["statusPage"], dict):
            return About(name=found["statusPage"].get("name"))
    for page in having(told, "name", "url", "status"):
        return About(name=str(page["name"]))
    return About()


PLATFORM = Platform(
    read=read,
    hosts=("checkly-status-page.com",),
    html=(r"checkly-status-page\.com", r"status-page-resolver-"),
    find=_find,
    about=_about,
)
