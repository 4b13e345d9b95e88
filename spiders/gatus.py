"""Gatus: a self-hosted monitor with a status page.

| address | has |
| --- | --- |
| `/api/v1/endpoints/statuses` | every endpoint with its last results |
| `/api/v1/endpoints/<key>/statuses` | one endpoint, and its last events |
| `/api/v1/config` | announcements |

An endpoint is well when its newest result is a `success`. Its events are its changes of state, 50 at the most: from
`UNHEALTHY` to `HEALTHY` it was down, which makes an incident of its own, named by the endpoint's key and the time it began.
Events are only in the document of one endpoint, so those that failed in the results shown are asked for in the same round.

An announcement is a sentence of the operator with a type (`outage`, `warning`, `information`, `operational`, `none`) and a
time. Nothing says which belong together or when one is over, but that it is `archived` or gone.

Times are RFC 3339, with fractions of a second down to nanoseconds. Where the page asks for a login, so do these addresses.

Not seen real: shapes are from the source of version 5 and its tests, and from clients of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urljoin

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform, below_root
from crawler.reading.dates import utc
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, all_read, body_of, decode, json_of, unread
from crawler.reading.words import look_up
from crawler.records import (
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
    instant,
    stamp,
)

#: What an event says of its endpoint from then on; START only begins the watch.
EVENTS: Mapping[str, Severity | None] = {
    "start": None,
    "healthy": Severity.OPERATIONAL,
    "unhealthy": Severity.MAJOR_OUTAGE,
}
ANNOUNCEMENTS: Mapping[str, Kind] = {
    "outage": Kind.OUTAGE,
    "warning": Kind.OUTAGE,
    "information": Kind.NOTICE,
    "operational": Kind.NOTICE,
    "none": Kind.NOTICE,
}

_STATUSES = "/api/v1/endpoints/statuses"


class _Result(Payload, rename="camel"):
    """One look at an endpoint. `duration` is in nanoseconds."""

    success: bool
    timestamp: str
    certificate_chain: Ignored = msgspec.field(name="certificate_chain", default=None)
    certificate_expiration: Ignored = None
    condition_results: Ignored = None
    connected: Ignored = None
    dns_rcode: Ignored = None
    domain_expiration: Ignored = None
    duration: Ignored = None
    errors: Ignored = None
    hostname: Ignored = None
    ip: Ignored = None
    name: Ignored = None
    severity: Ignored = None
    status: Ignored = None


class _Event(Payload, rename="camel"):
    type: str
    timestamp: str
    errors: list[str] | None = None
    failed_conditions: list[str] | None = None
    error_reasons: Ignored = None
    failed_condition_reasons: Ignored = None


class _Endpoint(Payload):
    key: str
    results: list[_Result] | None
    name: str = ""
    group: str | None = None
    groups: list[str] | None = None
    events: list[_Event] | None = None


Dated = TypeVar("Dated", _Result, _Event)


class _Announcement(Payload):
    message: str
    timestamp: str
    type: str = "none"
    archived: bool = False


class _Config(Payload):
    """`/api/v1/config`."""

    announcements: list[msgspec.Raw] | None
    oidc: Ignored
    authenticated: Ignored = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """What one response says. Raises Unreadable when it is none of the documents named above."""
    body = body_of(capture)
    signals: list[Signal] = []
    if body[:1] == b"[":
        page = _read_endpoints(json_of(body, list[msgspec.Raw], signals), signals)
    elif body[:1] == b"{":
        parts = json_of(body, dict[str, msgspec.Raw], signals)
        if "oidc" in parts and "announcements" in parts:
            page = _read_announcements(json_of(body, _Config, signals), signals)
        elif "results" in parts and "key" in parts:
            page = _read_endpoint(json_of(body, _Endpoint, signals), signals)
        else:
            raise Unreadable(f"not a document of Gatus; it has {', '.join(sorted(parts)) or 'nothing'}")
    else:
        raise Unreadable(f"not JSON, begins with {body[:40]!r}")
    return msgspec.structs.replace(page, signals=tuple(dict.fromkeys(signals)))


# --- endpoints


def _read_endpoints(raws: Iterable[msgspec.Raw], signals: list[Signal]) -> Page:
    endpoints = list(_endpoints(raws, signals))
    if not endpoints:  # it does not start without any
        problem = next((signal.detail for signal in signals if signal.kind == "bad-component"), "there is none")
        raise Unreadable(f"no item is an endpoint of Gatus: {problem}")
    pages = [_read_endpoint(endpoint, signals) for endpoint in endpoints]
    return Page(
        incidents=tuple(incident for page in pages for incident in page.incidents),
        components=tuple(state for page in pages for state in page.components),
    )


def _endpoints(raws: Iterable[msgspec.Raw], signals: list[Signal]) -> Iterator[_Endpoint]:
    for raw in raws:
        try:
            yield decode(raw, _Endpoint, signals, "[]")
        except BROKEN as error:
            signals.append(Signal("bad-component", "[]", f"{bytes(raw)[:40]!r}: {error}"))


def _read_endpoint(endpoint: _Endpoint, signals: list[Signal]) -> Page:
    """The state of an endpoint, and the spells in which it was not well."""
    group = endpoint.group or ", ".join(endpoint.groups or ()) or None
    component = Component(key=endpoint.key, name=endpoint.name or endpoint.key, group=group)
    results = _dated(endpoint.results or (), endpoint.key, signals)
    states = [
        ComponentState(
            component=component,
            severity=Severity.OPERATIONAL if newest.success else Severity.MAJOR_OUTAGE,
            severity_text="healthy" if newest.success else "unhealthy",
        )
        for _, newest in results[-1:]
    ]
    return Page(incidents=tuple(_spells(endpoint, component, signals)), components=tuple(states))


def _dated(items: Iterable[Dated], key: str, signals: list[Signal]) -> list[tuple[datetime, Dated]]:
    """Results or events with their times, oldest first. A server in another zone writes its offset."""
    found: list[tuple[datetime, Dated]] = []
    for item in items:
        try:
            found.append((instant(item.timestamp), item))
        except (ValueError, OverflowError) as error:
            signals.append(Signal("bad-value", "timestamp", f"{key}: {error}"))
    return sorted(found, key=lambda each: each[0])


def _spells(endpoint: _Endpoint, component: Component, signals: list[Signal]) -> Iterator[Incident]:
    """One incident from each event that is `UNHEALTHY` until the next that is `HEALTHY`."""
    events = [(utc(at), event) for at, event in _dated(endpoint.events or (), endpoint.key, signals)]
    for position, (began, event) in enumerate(events):
        if look_up(EVENTS, event.type, signals, "events[].type") is not Severity.MAJOR_OUTAGE:
            continue
        if position and events[position - 1][1].type.lower() == "unhealthy":
            continue
        ended = next((at for at, later in events[position + 1 :] if later.type.lower() == "healthy"), None)
        text = "\n".join((*(event.errors or ()), *(event.failed_conditions or ())))
        yield Incident(
            key=f"{endpoint.key}/{stamp(began)}",
            title=f"{component.name} is unhealthy",
            severity=Severity.MAJOR_OUTAGE,
            severity_text=event.type,
            state=State.RESOLVED if ended else None,
            started_at=began,
            ended_at=ended,
            updates=(Update(posted_at=began, text=text),) if text else (),
            impacts=(
                Impact(
                    component=component,
                    severity=Severity.MAJOR_OUTAGE,
                    severity_text=event.type,
                    started_at=began,
                    ended_at=ended,
                ),
            ),
        )


# --- announcements


def _read_announcements(config: _Config, signals: list[Signal]) -> Page:
    incidents: list[Incident] = []
    for raw in config.announcements or ():
        try:
            told = decode(raw, _Announcement, signals, "announcements[]")
            incidents.append(_announcement(told, [incident.key for incident in incidents], signals))
        except BROKEN as error:
            signals.append(unread(raw, error, "announcements[]", ("timestamp",)))
    over = any(incident.state is State.RESOLVED for incident in incidents)
    return Page(incidents=tuple(incidents), open_only=not over and all_read(signals))


def _announcement(told: _Announcement, taken: Sequence[str], signals: list[Signal]) -> Incident:
    """One announcement, known by its time, which the operator chose."""
    posted = utc(instant(told.timestamp))
    text = plain(told.message)
    key = f"announcement-{stamp(posted)}"
    return Incident(
        key=f"{key}-{sum(each.startswith(key) for each in taken) + 1}" if key in taken else key,
        title=re.split(r"(?<=[.!?。！？])\s|\n", text, maxsplit=1)[0][:200],
        kind=look_up(ANNOUNCEMENTS, told.type, signals, "announcements[].type") or Kind.NOTICE,
        severity_text=told.type,
        state=State.RESOLVED if told.archived else None,
        first_posted_at=posted,
        updates=(Update(posted_at=posted, text=text),),
    )


# --- what to ask for


def _failed(capture: Capture) -> Iterator[str]:
    """Keys of the endpoints in a list of all that failed in one of the results shown."""
    for endpoint in _listed(capture):
        if any(not result.success for result in endpoint.results or ()):
            yield endpoint.key


def _listed(capture: Capture) -> list[_Endpoint]:
    if not capture.url.split("?", 1)[0].endswith(_STATUSES):
        return []
    try:
        return list(_endpoints(msgspec.json.decode(capture.body or b"", type=list[msgspec.Raw]), []))
    except BROKEN:
        return []


def _ask(capture: Capture, keys: Iterable[str]) -> Iterator[Ask]:
    for key in keys:
        yield Ask(urljoin(capture.url, f"{quote(key, safe='')}/statuses"))


def _follow(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return _ask(capture, _failed(capture))


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return _ask(capture, (endpoint.key for endpoint in _listed(capture)))


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(urljoin(source.url, _STATUSES)),)


PLATFORM = Platform(
    read=read,
    follow=_follow,
    history=_history,
    older=_older,
    html=(r"<title>[^<]*Gatus[^<]*</title>|window\.config\s*=\s*\{logo:",),
    find=below_root(endpoints=_STATUSES, announcements="/api/v1/config"),
)
