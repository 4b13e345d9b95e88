"""Statuspal: its JSON API, version 2, on `statuspal.io` (or `statuspal.eu`, where a page lives in the EU).

| address | says |
| --- | --- |
| `/api/v2/status_pages/<subdomain>/summary` | services, and the incidents, maintenances and notices of now |
| `/api/v2/status_pages/<subdomain>/incidents?limit=100` | all there ever were, newest first, by pages |

Services are a tree (at one vendor region, then service); the leaves are the components here, what stands above
them their heading. Each has the type of the worst incident it is in, null for none. An incident names the
services it is about in `service_ids`, and with a leaf also the headings above it.

The type of an incident is its severity and its kind at once: `major`, `minor`, `performance`, `info`, and of
maintenances `scheduled` and `emergency-maintenance`. Nothing says how bad a minor incident is: vendors use the
word for a slow page and for servers that cannot be reached, so it is no more than degraded here. Whether
something is over stands in `ends_at`; the type of an update (`issue`, `monitoring`, `resolved`, `scheduled` ...)
tells how far along it is.

Times carry no offset and are UTC, whatever zone the page names: the open-source edition of the product puts what
operators enter into UTC. `starts_at` and `ends_at` are the operator's, `posted_at` is the time an update shows,
and `inserted_at` the system's.

Documented at statuspal.io/api-docs/v2. Real summaries of 2022 to 2025 were seen with every type above. The list
of incidents is known from its documentation and from a reader of it alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, convert, json_of, readable
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

TYPES: Mapping[str, Severity] = {
    "major": Severity.MAJOR_OUTAGE,
    "minor": Severity.DEGRADED,
    "performance": Severity.DEGRADED,
    "info": Severity.NOTICE,
    "scheduled": Severity.MAINTENANCE,
    "emergency-maintenance": Severity.MAINTENANCE,
}
STATES: Mapping[str, State | None] = {
    "issue": State.INVESTIGATING,  # the first word of most incidents, also of those that monitoring opens
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "scheduled": State.SCHEDULED,
    "retroactive": None,  # written up afterwards
    "essential": None,  # of an emergency maintenance
    "info": None,
}
#: The word for a service that no incident is about.
WELL = "null"

_SUBDOMAIN = re.compile(r"(?:status_pages/([\w-]+)|\b(?!www\.)([\w-]+)\.statuspal\.(?:io|eu)\b)")


class _Page(Payload):
    name: str
    subdomain: str
    time_zone: str | None = None
    current_incident_type: str | None = None
    url: Ignored = None
    default_lang: Ignored = None


class _Service(Payload):
    id: int | str
    name: str
    children: list[Any] = msgspec.field(default_factory=list)
    current_incident_type: str | None = None
    description: Ignored = None
    translations: Ignored = None


class _Update(Payload):
    id: int | str
    type: str
    description: str
    posted_at: datetime
    description_html: Ignored = None
    inserted_at: Ignored = None
    subscribers_notified_at: Ignored = None
    translations: Ignored = None
    tweet: Ignored = None
    updated_at: Ignored = None


class _Incident(Payload):
    """An incident, a maintenance, or (without `type` and with times of its own) a notice. Updates: newest first."""

    id: int | str
    title: str
    updates: list[_Update]
    url: str | None = None
    type: str | None = None
    service_ids: list[int | str] = msgspec.field(default_factory=list)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    featured_from: datetime | None = None
    featured_until: datetime | None = None
    affects_uptime: Ignored = None
    inserted_at: Ignored = None
    timezone: Ignored = None
    translations: Ignored = None
    updated_at: Ignored = None


class _Summary(Payload):
    status_page: _Page
    services: list[Any]
    incidents: list[Any]
    maintenances: list[Any]
    upcoming_maintenances: list[Any]
    info_notices: list[Any] = msgspec.field(default_factory=list)
    current_status_type: str | None = None


class _Links(Payload):
    next: str | None = None
    prev: Ignored = None


class _List(Payload):
    """A page of all incidents."""

    incidents: list[Any]
    meta: Ignored
    links: _Links | None = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """What a summary, or a page of the list of incidents, says. Raises Unreadable when the body is neither."""
    document = json_of(capture, dict[str, Any])
    signals: list[Signal] = []
    tree: dict[str, _Node] = {}
    lists: tuple[tuple[str, State | None, list[Any]], ...]
    try:
        if "status_page" in document:
            summary = convert(document, _Summary, signals)
            look_up(TYPES, summary.status_page.current_incident_type, signals, "status_page.current_incident_type")
            look_up(TYPES, summary.current_status_type, signals, "current_status_type")
            tree = {node.component.key or "": node for node in _nodes(summary.services, None, signals)}
            lists = (
                ("incidents[]", None, summary.incidents),
                ("maintenances[]", State.IN_PROGRESS, summary.maintenances),
                ("upcoming_maintenances[]", State.SCHEDULED, summary.upcoming_maintenances),
                ("info_notices[]", None, summary.info_notices),
            )
        else:
            lists = (("incidents[]", None, convert(document, _List, signals).incidents),)
    except BROKEN as error:
        raise Unreadable(f"not an answer of the Statuspal API: {error}") from error

    def incident(item: Any, where: str, state: State | None) -> Incident:
        told = convert(item, _Incident, signals, where)
        kind = Kind.NOTICE if where == "info_notices[]" else None
        return _incident(told, kind, state, capture.fetched_at, tree, signals, where)

    incidents: list[Incident] = []
    for where, state, items in lists:
        incidents += readable(items, partial(incident, where=where, state=state), signals, where)
    whole = len(incidents) == sum(len(items) for _, _, items in lists)
    return Page(
        incidents=tuple(incidents),
        components=tuple(_state(node) for node in tree.values() if not node.below),
        signals=tuple(dict.fromkeys(signals)),
        open_only="status_page" in document and whole,
    )


class _Node(NamedTuple):
    """A service, and the ids of those below it."""

    component: Component
    severity: Severity | None
    word: str | None
    below: frozenset[str]


def _nodes(services: Iterable[Any], group: str | None, signals: list[Signal]) -> Iterator[_Node]:
    """The tree of services, from below."""

    def read(item: Any) -> _Service:
        return convert(item, _Service, signals, "services[]")

    for service in readable(services, read, signals, "services[]", kind="bad-component"):
        word = service.current_incident_type
        severity = look_up(TYPES, word, signals, "services[].current_incident_type") if word else Severity.OPERATIONAL
        heading = f"{group} / {service.name}" if group else service.name
        below = tuple(_nodes(service.children, heading, signals))
        yield from below
        yield _Node(
            Component(key=str(service.id), name=service.name, group=group),
            severity,
            word,
            frozenset(node.component.key for node in below if node.component.key),
        )


def _state(node: _Node) -> ComponentState:
    return ComponentState(component=node.component, severity=node.severity, severity_text=node.word or WELL)


def _utc(when: datetime) -> datetime:
    """UTC, also where no offset is given."""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def _incident(
    told: _Incident,
    kind: Kind | None,
    listed: State | None,
    now: datetime,
    tree: Mapping[str, _Node],
    signals: list[Signal],
    where: str,
) -> Incident:
    """`listed`: the state that the list it stands in gives a maintenance; `now`: when the page was seen."""
    updates = tuple(
        sorted(
            (_update(update, signals, f"{where}.updates[].type") for update in reversed(told.updates)),
            key=lambda update: update.posted_at or now,
        )
    )
    severity = look_up(TYPES, told.type, signals, f"{where}.type")
    if kind is None:
        kind = Kind.MAINTENANCE if severity is Severity.MAINTENANCE or listed else Kind.OUTAGE
    start, end = told.starts_at or told.featured_from, told.ends_at or told.featured_until
    started, ended = start and _utc(start), end and _utc(end)
    newest = next((update for update in reversed(updates) if update.state_text), None)
    if kind is Kind.MAINTENANCE:
        state = listed or _state_of_plan(started, ended, now)
    elif ended and ended <= now:
        state = State.RESOLVED
    else:
        state = next((update.state for update in reversed(updates) if update.state), None)
    over = next((update.posted_at for update in reversed(updates) if update.state in OVER), None)
    if state in OVER and over is None and updates and ended and (updates[-1].posted_at or now) >= ended:
        over = updates[-1].posted_at
    return Incident(
        key=str(told.id),
        title=told.title.strip(),
        url=told.url,
        kind=kind,
        severity=severity or (Severity.NOTICE if kind is Kind.NOTICE else None),
        severity_text=told.type,
        state=state,
        state_text=newest.state_text if newest else None,
        started_at=started,
        ended_at=ended,
        first_posted_at=updates[0].posted_at if updates else None,
        resolved_posted_at=over if state in OVER else None,
        updates=updates,
        impacts=tuple(
            Impact(
                component=component,
                severity=severity,
                severity_text=told.type,
                started_at=started if kind is Kind.OUTAGE else None,
                ended_at=ended if kind is Kind.OUTAGE else None,
            )
            for component in _affected(told, tree, signals, where)
        ),
    )


def _update(told: _Update, signals: list[Signal], where: str) -> Update:
    return Update(
        key=str(told.id),
        posted_at=_utc(told.posted_at),
        state=look_up(STATES, told.type, signals, where),
        state_text=told.type,
        text=plain(told.description),
    )


def _state_of_plan(started: datetime | None, ended: datetime | None, now: datetime) -> State | None:
    """Where a maintenance is by its own times, which is all that the list of incidents tells."""
    if started is None:
        return None
    if ended and ended <= now:
        return State.COMPLETED
    return State.IN_PROGRESS if started <= now else State.SCHEDULED


def _affected(told: _Incident, tree: Mapping[str, _Node], signals: list[Signal], where: str) -> Iterator[Component]:
    """The services it is about, a heading only where nothing below it is named; without a tree there are but ids."""
    ids = [str(key) for key in told.service_ids]
    for key in ids:
        if not tree:
            yield Component(key=key, name=key)
        elif key not in tree:
            signals.append(Signal("unknown-component", f"{where}.service_ids[]", key))
        elif not tree[key].below & set(ids):
            yield tree[key].component


def _find(root: str, html: str) -> Mapping[str, str]:
    """The address of the API, when the page's host or its HTML tells the subdomain."""
    host = urlsplit(root).hostname or ""
    found = _SUBDOMAIN.search(host) or _SUBDOMAIN.search(html)
    if found is None:
        return {}
    place = "eu" if re.search(r"\bstatuspal\.eu\b", f"{host} {html}") else "io"
    return {"summary": f"https://statuspal.{place}/api/v2/status_pages/{found[1] or found[2]}/summary"}


def _about(capture: Capture) -> About:
    try:
        page = msgspec.json.decode(capture.body or b"", type=dict[str, Any]).get("status_page")
        told = convert(page, _Page, [])
    except BROKEN:
        return About()
    return About(name=told.name, timezone=told.time_zone)


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(f"{source.url.removesuffix('/summary')}/incidents?limit=100"),)


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    try:
        links = convert(json_of(capture, dict[str, Any]), _List, []).links
    except (Unreadable, *BROKEN):
        return ()
    return (Ask(urljoin(capture.url, links.next)),) if links and links.next else ()


PLATFORM = Platform(
    read=read,
    history=_history,
    older=_older,
    hosts=("statuspal.io", "statuspal.eu"),
    html=(r"\bstatuspal\.(?:io|eu)\b",),
    find=_find,
    about=_about,
)
