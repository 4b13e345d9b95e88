"""Azure DevOps' own status: `https://status.dev.azure.com/_apis/status/health` and the page itself.

The API is documented at learn.microsoft.com/en-us/rest/api/azure/devops/status and cached for a minute: the health of
each service in each geography, `healthy`, `advisory`, `degraded` or `unhealthy`. It tells of no incident.

The page, its history (`/_history`) and the page of one event (`/_event/<id>`) carry the same and the events as JSON in
`<script id="dataProviders">`. There the words are numbers, as in the enumerations of the service's own client library:
health 1 unhealthy to 4 healthy, severity 1 unhealthy to 3 advisory, state 1 active, 2 resolved, and a message (`logs`)
is 1 of the event, 2 a post-mortem, 3 a notification. Times are `/Date(<milliseconds>)/`, or ISO 8601; `startTime` and
`endTime` are the event's own, set by people. The text of a message is `description` or Markdown; on the first page it
may be missing. An event hits each service that it names in the geography beside it.

Seen in a real payload of March 2022: the page, with one active event that had a message without text. The API and what
else an event may have are from the documentation and the client library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading import embedded
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, convert, json_of, required
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    Capture,
    Component,
    ComponentState,
    Impact,
    Incident,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
    epoch,
    instant,
)

SITE = "https://status.dev.azure.com/"

#: Health of a service, and severity of an event.
HEALTH: Mapping[str, Severity] = {
    "healthy": Severity.OPERATIONAL,
    "advisory": Severity.NOTICE,
    "degraded": Severity.DEGRADED,
    "unhealthy": Severity.MAJOR_OUTAGE,
}
STATES: Mapping[str, State | None] = {"active": None, "resolved": State.RESOLVED}
#: What a message is.
LOGS: Mapping[str, State | None] = {"event": None, "postmortem": State.POSTMORTEM, "notification": None}

#: The numbers that stand for these words on the page.
HEALTH_NUMBERS: Mapping[int | str, str] = {1: "unhealthy", 2: "degraded", 3: "advisory", 4: "healthy"}
STATE_NUMBERS: Mapping[int | str, str] = {1: "active", 2: "resolved"}
LOG_NUMBERS: Mapping[int | str, str] = {1: "event", 2: "postmortem", 3: "notification"}

_STATUS = "ms.vss-status-web.public-status-data-provider"
_ACTIVE = "ms.vss-status-web.active-public-live-site-events-data-provider"
_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


Word = str | int


class _Geography(Payload):
    """A part of the world, and how a service is there."""

    id: str
    name: str
    health: Word


class _Service(Payload):
    """A service, known by its name."""

    id: str
    geographies: tuple[_Geography, ...]


class _Overall(Payload):
    """The worst of them, and a sentence."""

    health: Word
    message: Ignored = None


class _Health(Payload, kw_only=True, rename="camel"):
    """The body of the API, and the part of the page that says the same."""

    services: tuple[_Service, ...]
    status: _Overall
    last_updated: Ignored = None


class _Hit(Payload, kw_only=True, rename="camel"):
    """A service that is hit, and where."""

    service_id: str
    scope_name: str | None = None
    scope_type: Ignored = None
    scope_id: Ignored = None


class _Log(Payload, kw_only=True, rename="camel"):
    """A message."""

    creation_date_time: str
    type: Word | None = None
    id: int | None = None
    description: str | None = None
    description_md: str | None = None
    is_deleted: bool = False
    author: Ignored = None
    last_updated_date_time: Ignored = None
    scope_type: Ignored = None


class _Event(Payload, kw_only=True, rename="camel"):
    """An incident."""

    id: int
    title: str
    state: Word
    severity: Word | None = None
    start_time: str | None = None
    end_time: str | None = None
    impact: tuple[_Hit, ...] = ()
    logs: tuple[_Log, ...] = ()
    is_deleted: bool = False
    incident_uri: Ignored = None
    next_update_time: Ignored = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the signature of all readers
    """The health that the API tells, and the events too where it is a page. Raises Unreadable when it is neither."""
    signals: list[Signal] = []
    html = embedded.html_text(capture.body)
    if html is None:
        document = json_of(capture, dict[str, Any])
        return Page(components=_components(document, signals), signals=tuple(dict.fromkeys(signals)))
    providers = (embedded.script(html, "dataProviders") or {}).get("data")
    if not isinstance(providers, dict) or not any(name.startswith("ms.vss-status-web.") for name in providers):
        raise Unreadable("HTML without the data of Azure DevOps' status page")
    health = (providers.get(_STATUS) or {}).get("serviceStatus")
    components = _components(health, signals) if health else ()
    listed = list(embedded.having(providers, "id", "title", "state", "impact"))
    incidents = _incidents(listed, signals)
    return Page(
        incidents=incidents,
        components=components,
        signals=tuple(dict.fromkeys(signals)),
        open_only=_ACTIVE in providers and len(incidents) == len(listed),
    )


def _components(document: dict[str, Any], signals: list[Signal]) -> tuple[ComponentState, ...]:
    told = required(document, _Health, signals, "the health of Azure DevOps")
    states = tuple(
        ComponentState(
            component=Component(key=f"{service.id}/{geography.id}", name=service.id, group=geography.name),
            severity=look_up(HEALTH, word, signals, "services[].geographies[].health"),
            severity_text=word,
        )
        for service in told.services
        for geography in service.geographies
        for word in [_word(geography.health, HEALTH_NUMBERS)]
    )
    if not states:
        raise Unreadable("a status without a single service")
    return states


def _incidents(events: list[dict[str, Any]], signals: list[Signal]) -> tuple[Incident, ...]:
    """Each event once; one that cannot be read becomes a signal."""
    found: dict[str, Incident] = {}
    for item in events:
        try:
            event = convert(item, _Event, signals, "liveSiteEvents[]")
            if not event.is_deleted:
                found.setdefault(str(event.id), _incident(event, signals))
        except BROKEN as error:
            signals.append(Signal("bad-incident", "liveSiteEvents[]", f"{str(item.get('id'))[:80]}: {error}"))
    return tuple(found.values())


def _incident(event: _Event, signals: list[Signal]) -> Incident:
    word = None if event.severity is None else _word(event.severity, HEALTH_NUMBERS)
    severity = look_up(HEALTH, word, signals, "liveSiteEvents[].severity")
    state_text = _word(event.state, STATE_NUMBERS)
    state = look_up(STATES, state_text, signals, "liveSiteEvents[].state")
    started = _time(event.start_time) if event.start_time else None
    ended = _time(event.end_time) if event.end_time else None
    logs = sorted((log for log in event.logs if not log.is_deleted), key=lambda log: _time(log.creation_date_time))
    updates = tuple(_update(log, signals) for log in logs)
    posted = [update.posted_at for update in updates if update.posted_at]
    told = [update.posted_at for update in updates if update.state is not State.POSTMORTEM]
    return Incident(
        key=str(event.id),
        title=plain(event.title),
        url=f"{SITE}_event/{event.id}",
        severity=severity,
        severity_text=word,
        state=state,
        state_text=state_text,
        started_at=started,
        ended_at=ended,
        first_posted_at=min(posted, default=None),
        resolved_posted_at=(told[-1] if told else ended) if state in OVER else None,
        updates=tuple(update for update in updates if update.text),
        impacts=tuple(
            Impact(
                component=Component(key=None, name=hit.service_id, group=hit.scope_name),
                severity=severity,
                severity_text=word,
                started_at=started,
                ended_at=ended,
            )
            for hit in event.impact
        ),
        postmortem_at=next((u.posted_at for u in updates if u.state is State.POSTMORTEM), None),
    )


def _update(log: _Log, signals: list[Signal]) -> Update:
    word = None if log.type is None else _word(log.type, LOG_NUMBERS)
    return Update(
        key=str(log.id) if log.id is not None else None,
        posted_at=_time(log.creation_date_time),
        state=look_up(LOGS, word, signals, "liveSiteEvents[].logs[].type"),
        state_text=word,
        text=plain(log.description or log.description_md or ""),
    )


def _word(value: Word, numbers: Mapping[int | str, str]) -> str:
    """The word, where a number may stand for it; a number that is not known stays one."""
    return numbers.get(value, str(value))


def _time(text: str) -> datetime:
    """`/Date(1647448269933)/` or ISO 8601, which is UTC where it has no offset."""
    if match := _DATE.fullmatch(text):
        return epoch(match[1]).replace(microsecond=0)
    when = datetime.fromisoformat(text)
    return (instant(text) if when.tzinfo else when.replace(tzinfo=UTC)).replace(microsecond=0)


def _record(source: Source, key: str) -> Ask:  # noqa: ARG001 - the signature of all of them
    return Ask(f"{SITE}_event/{key}")


PLATFORM = Platform(
    read=read, record=_record, hosts=("status.dev.azure.com",), html=(r"ms\.vss-status-web\.public-status-page",)
)
