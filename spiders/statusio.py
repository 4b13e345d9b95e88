"""Status.io: the public status API, `/1.0/status/<page>`, on `api.status.io` or on the page's own host.

`<page>` is 24 hexadecimal digits. The answer is `{"result": {"status_overall", "status", "incidents",
"maintenance": {"active", "upcoming"}}}`: what stands at this moment, and everything that is open or planned.
What is over is gone from it, so a page has no reach; an incident that is missing is no longer open. The past
is published as HTML only (`/pages/history/<page>`), which is not read here.

Components stand in containers (data centres, regions, or whoever hosts them), and each pair of the two has a
state of its own: a pair is one component here, the container its heading. An incident names its components and
its containers in two lists; of the pairs these make, those that exist on the page are meant.

Each message gives the state of the incident (`state`) and of all that it affects (`status`), as numbers:

| status | | state of an incident | | of a maintenance | |
| --- | --- | --- | --- | --- | --- |
| 100 | operational | 100 | investigating | 100 | planned |
| 200 | planned maintenance | 200 | identified | 200 | begun |
| 300 | degraded performance | 300 | monitoring | | |
| 400 | partial disruption | 400 | resolved | | |
| 500 | disruption | | | | |
| 600 | security event | | | | |

A security event is the top of the vendor's ladder and says nothing of availability: a notice on ours.

`datetime_open` is when an incident was opened, or, where an operator sets it back, when it began. All times are
ISO 8601 in UTC. Documented at kb.status.io/developers/public-status-api. Real payloads of 2020 and 2026 were
seen with all codes but status 300 and 500 and states 300 and 400, which are the documentation's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading.dates import utc
from crawler.reading.incidents import MOMENT, impacts_of
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, Time, convert, json_of, readable
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
    Update,
    worst,
)

STATUSES: Mapping[str, Severity] = {
    "100": Severity.OPERATIONAL,
    "200": Severity.MAINTENANCE,
    "300": Severity.DEGRADED,
    "400": Severity.PARTIAL_OUTAGE,
    "500": Severity.MAJOR_OUTAGE,
    "600": Severity.NOTICE,
}
_CODE_OF = {severity: code for code, severity in STATUSES.items()}
STATES: Mapping[Kind, Mapping[str, State]] = {
    Kind.OUTAGE: {
        "100": State.INVESTIGATING,
        "200": State.IDENTIFIED,
        "300": State.MONITORING,
        "400": State.RESOLVED,
    },
    Kind.MAINTENANCE: {"100": State.SCHEDULED, "200": State.IN_PROGRESS},
}

_API_HOSTS = (".status.io", ".hostedstatus.com")
_ADDRESS = re.compile(r"/1\.0/status/([0-9a-f]{24})$")
_PAGE = re.compile(r"(?:/pages/(?:[a-z]+/)?|/1\.0/status/|(?i:statuspage_?id)['\"]?\s*[:=]\s*['\"])([0-9a-f]{24})\b")


class _Overall(Payload):
    status_code: int
    status: Ignored = None
    updated: Ignored = None


class _Container(Payload):
    """A component in one of its containers."""

    id: str
    name: str
    status: str
    status_code: int
    updated: Ignored = None


class _Component(Payload):
    """A component; its own state is the worst of its containers'."""

    id: str
    name: str
    status: str
    status_code: int
    containers: list[_Container] = msgspec.field(default_factory=list)
    updated: Ignored = None


class _Named(Payload):
    id: str = msgspec.field(name="_id")
    name: str


class _Message(Payload):
    details: str
    datetime: Time
    state: int | None = None
    status: int | None = None


class _Event(Payload):
    """An incident, or with a plan a maintenance. Messages are oldest first."""

    id: str = msgspec.field(name="_id")
    name: str
    datetime_open: Time
    messages: list[_Message] | None = None
    components_affected: list[_Named] | None = None
    containers_affected: list[_Named] | None = None
    datetime_planned_start: Time | None = None
    datetime_planned_end: Time | None = None


class _Maintenance(Payload):
    active: list[Any] | None = None
    upcoming: list[Any] | None = None


class _Result(Payload):
    status_overall: _Overall
    status: list[_Component]
    incidents: list[Any] | None
    maintenance: _Maintenance


class _Document(Payload):
    result: _Result


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """What stands, and what is open or planned. Raises Unreadable when the body is no such answer."""
    signals: list[Signal] = []
    result = json_of(capture, _Document, signals).result
    look_up(STATUSES, str(result.status_overall.status_code), signals, "result.status_overall.status_code")
    grid = {(part.id, place.id) for part in result.status for place in part.containers}
    events = (
        (Kind.OUTAGE, result.incidents, "incidents[]"),
        (Kind.MAINTENANCE, result.maintenance.active, "maintenance.active[]"),
        (Kind.MAINTENANCE, result.maintenance.upcoming, "maintenance.upcoming[]"),
    )

    def incident(item: Any, kind: Kind, where: str) -> Incident:
        event = convert(item, _Event, signals, where)
        return _incident(event, kind, _site(capture.url, kind), grid, signals, where)

    incidents: list[Incident] = []
    for kind, items, where in events:
        incidents += readable(items or (), partial(incident, kind=kind, where=where), signals, where, ("_id",))
    return Page(
        incidents=tuple(incidents),
        components=tuple(_states(result.status, signals)),
        signals=tuple(dict.fromkeys(signals)),
        open_only=len(incidents) == sum(len(items or ()) for _, items, _ in events),
    )


def _site(address: str, kind: Kind) -> str | None:
    """The address below which the pages of incidents, or of maintenances, are: `status.io` has those of all."""
    page = _ADDRESS.search(urlsplit(address).path)
    host = urlsplit(address).netloc
    if page is None:
        return None
    if host.endswith(_API_HOSTS):
        host = "status.io"
    return f"https://{host}/pages/{'incident' if kind is Kind.OUTAGE else 'maintenance'}/{page[1]}"


def _states(components: Sequence[_Component], signals: list[Signal]) -> Iterator[ComponentState]:
    for part in components:
        look_up(STATUSES, str(part.status_code), signals, "result.status[].status_code")
        if not part.containers:
            yield ComponentState(
                component=Component(key=part.id, name=part.name),
                severity=STATUSES.get(str(part.status_code)),
                severity_text=part.status,
            )
        for place in part.containers:
            code = str(place.status_code)
            yield ComponentState(
                component=_pair(part.id, part.name, place.id, place.name),
                severity=look_up(STATUSES, code, signals, "result.status[].containers[].status_code"),
                severity_text=place.status,
            )


def _pair(key: str, name: str, place_key: str, place: str) -> Component:
    return Component(key=f"{key}/{place_key}", name=name, group=place)


def _incident(
    event: _Event, kind: Kind, site: str | None, grid: set[tuple[str, str]], signals: list[Signal], where: str
) -> Incident:
    messages = sorted(event.messages or (), key=lambda message: message.datetime)
    updates = tuple(_update(message, kind, signals, f"{where}.messages[]") for message in messages)
    severities = [
        look_up(STATUSES, _word(message.status), signals, f"{where}.messages[].status") for message in messages
    ]
    newest = next((update for update in reversed(updates) if update.state_text), None)
    opened = utc(event.datetime_open)
    start, end = event.datetime_planned_start, event.datetime_planned_end
    if kind is Kind.OUTAGE and messages and utc(messages[0].datetime) - opened > MOMENT:
        start = opened
    over = next((update.posted_at for update in updates if update.state in OVER), None)
    severity = worst(severities)
    return Incident(
        key=event.id,
        title=event.name.strip(),
        url=site and f"{site}/{event.id}",
        kind=kind,
        severity=severity,
        severity_text=next((_word(m.status) for m, s in zip(messages, severities, strict=True) if s is severity), None),
        state=newest.state if newest else None,
        state_text=newest.state_text if newest else None,
        started_at=start and utc(start),
        ended_at=end and utc(end),
        first_posted_at=updates[0].posted_at if updates else opened,
        resolved_posted_at=over if newest and newest.state in OVER else None,
        updates=updates,
        impacts=tuple(_impacts(event, kind, zip(messages, severities, strict=True), start and utc(start), over, grid)),
    )


def _word(code: int | None) -> str | None:
    return None if code is None else str(code)


def _update(message: _Message, kind: Kind, signals: list[Signal], where: str) -> Update:
    word = _word(message.state)
    return Update(
        posted_at=utc(message.datetime),
        state=look_up(STATES[kind], word, signals, f"{where}.state"),
        state_text=word,
        text=plain(message.details),
    )


def _impacts(
    event: _Event,
    kind: Kind,
    told: Iterator[tuple[_Message, Severity | None]],
    since: datetime | None,
    end: datetime | None,
    grid: set[tuple[str, str]],
) -> Iterator[Impact]:
    """The spells of all that is affected, by the status of each message; a maintenance merely names it.

    They begin with the first message, or at `since`, where that was earlier.
    """
    pairs = [
        _pair(part.id, part.name, place.id, place.name)
        for part, place in product(event.components_affected or (), event.containers_affected or ())
        if (part.id, place.id) in grid
    ]
    affected = pairs or [Component(key=part.id, name=part.name) for part in event.components_affected or ()]
    changes = [(utc(message.datetime), severity) for message, severity in told if message.status is not None]
    if changes and since and since < changes[0][0]:
        changes[0] = since, changes[0][1]
    for component in affected:
        held = impacts_of(component, changes, end, _CODE_OF.get) if kind is Kind.OUTAGE else []
        if not held:
            yield Impact(component=component, severity=Severity.MAINTENANCE if kind is Kind.MAINTENANCE else None)
        yield from held


def _find(root: str, html: str) -> Mapping[str, str]:  # noqa: ARG001 - the signature of all of them
    """The address of the API, when the page's HTML tells the page's id."""
    page = _PAGE.search(html)
    return {"status": f"https://api.status.io/1.0/status/{page[1]}"} if page else {}


PLATFORM = Platform(
    read=read,
    hosts=("status.io", "hostedstatus.com"),
    html=(r"(?i)\bapi\.status\.io/", r"(?i)href=.https://status\.io/?['\"]", r"/pages/history/[0-9a-f]{24}"),
    find=_find,
)
