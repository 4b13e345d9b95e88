"""Heroku's own status API, version 4: `https://status.heroku.com/api/v4/current-status` and `.../incidents`.

Described at devcenter.heroku.com/articles/heroku-status. What is read is told by the shape:

- `current-status`: the colour of each system (Apps, Data, Tools), the open `incidents` and the `scheduled` maintenance;
- `incidents`: an array of incidents, newest first, with `?limit=N`;
- `incidents/<id>`: one of them.

Colours: `green`, `blue` (maintenance), `yellow` (some are hit), `red`. Every update says what Production and
Development are from then on (`status_prod`, `status_dev`), which gives spells; in the update that announces a
maintenance they are what they will be, so it opens none. Since 2025 an incident also names its `systems`, with their
colour now, and the parts of the world in `tags`.

Times are UTC. `created_at` is when an incident or an update was posted (an update's is sometimes set back by hand);
`resolved_at` is when the end was posted, and `duration` its distance in seconds. Updates stand newest first.

Traps: `resolved` may be false on an incident whose `state` is `resolved`, and the other way round; a maintenance that
is over stays in `scheduled`, at times still called upcoming, months after an update said so in prose.

Seen in real payloads of 2019 and 2020: `current-status` with an open incident, and with a completed maintenance. From
others' notes on live answers of 2026: `state: upcoming`, `systems`, `tags`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading.dates import utc
from crawler.reading.incidents import first_told, impacts_of
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, Time, convert, json_of, readable, required
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    PLANNED,
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

API = "https://status.heroku.com/api/v4"

COLOURS: Mapping[str, Severity] = {
    "green": Severity.OPERATIONAL,
    "blue": Severity.MAINTENANCE,
    "yellow": Severity.DEGRADED,
    "red": Severity.MAJOR_OUTAGE,
}
_COLOUR_OF = {severity: colour for colour, severity in COLOURS.items()}
#: What an update is: None where the state stays as it was.
UPDATES: Mapping[str, State | None] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "issue": None,
    "update": None,
    "scheduled": State.SCHEDULED,
    "maintenance": State.IN_PROGRESS,
}
#: The word of an incident as a whole; `open` says no more than that.
STATES: Mapping[str, State | None] = {
    "open": None,
    "upcoming": State.SCHEDULED,
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
}


class _System(Payload):
    """A system as it is now, in the page's own list (`system`) or an incident's (`name`)."""

    status: str
    system: str | None = None
    name: str | None = None
    services: Ignored = None


class _Update(Payload):
    """A message; the colours hold from then on."""

    created_at: Time
    contents: str
    update_type: str
    id: int | None = None
    status_dev: str | None = None
    status_prod: str | None = None
    incident_id: Ignored = None
    title: Ignored = None
    updated_at: Ignored = None


class _Incident(Payload):
    """An incident or a maintenance."""

    id: int
    title: str
    created_at: Time
    updates: tuple[_Update, ...]
    state: str | None = None
    resolved: bool = False
    resolved_at: Time | None = None
    upcoming: bool = False
    full_url: str | None = None
    systems: tuple[_System, ...] = ()
    tags: tuple[str, ...] = ()
    duration: Ignored = None
    href: Ignored = None
    status_dev: Ignored = None
    status_prod: Ignored = None
    updated_at: Ignored = None


class _Current(Payload):
    """The body of `current-status`."""

    status: tuple[_System, ...]
    incidents: list[Ignored]
    scheduled: list[Ignored]


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the signature of all readers
    """What one of the three bodies says. Raises Unreadable when it is none of them."""
    document = json_of(capture)
    signals: list[Signal] = []
    if isinstance(document, list):
        incidents = _incidents(document, signals)
        if document and not incidents:
            raise Unreadable(f"no item is an incident of Heroku: {signals[-1].detail}")
        return Page(incidents=incidents, signals=tuple(dict.fromkeys(signals)))
    if not isinstance(document, dict):
        raise Unreadable("neither an object nor an array")
    if "updates" in document:
        incidents = _incidents([document], signals)
        if not incidents:
            raise Unreadable(f"not an incident of Heroku: {signals[-1].detail}")
        return Page(incidents=incidents, signals=tuple(dict.fromkeys(signals)))
    current = required(document, _Current, signals, "Heroku's current status")
    if not current.status:
        raise Unreadable("a status page without a single system")
    incidents = (*_incidents(current.incidents, signals), *_incidents(current.scheduled, signals, planned=True))
    return Page(
        incidents=incidents,
        components=tuple(_state(system, signals) for system in current.status),
        signals=tuple(dict.fromkeys(signals)),
        open_only=len(incidents) == len(current.incidents) + len(current.scheduled),
    )


def _state(system: _System, signals: list[Signal]) -> ComponentState:
    return ComponentState(
        component=Component(key=None, name=system.system or system.name or ""),
        severity=look_up(COLOURS, system.status, signals, "status[].status"),
        severity_text=system.status,
    )


def _incidents(items: Iterable[object], signals: list[Signal], planned: bool = False) -> tuple[Incident, ...]:
    """Each incident that can be read, once; one that cannot becomes a signal."""

    def read(item: object) -> Incident:
        return _incident(convert(item, _Incident, signals, "incidents[]"), planned, signals)

    return first_told(readable(items, read, signals, "incidents[]"))


def _incident(told: _Incident, planned: bool, signals: list[Signal]) -> Incident:
    written = sorted(told.updates, key=lambda update: update.created_at)
    updates = tuple(_update(update, signals) for update in written)
    word = look_up(STATES, told.state, signals, "incidents[].state")
    planned = planned or told.upcoming or word is State.SCHEDULED or any(u.state in PLANNED for u in updates)
    state = _stage(told, word, updates, planned)
    over = told.resolved_at or next(
        (u.created_at for u in written if UPDATES.get(u.update_type) is State.RESOLVED), None
    )
    colours = [
        look_up(COLOURS, colour, signals, "incidents[].updates[].status") for u in written for colour in _both(u)
    ]
    severity = worst([colour for colour in colours if colour is not Severity.OPERATIONAL])
    return Incident(
        key=str(told.id),
        title=plain(told.title),
        url=told.full_url,
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity,
        severity_text=next(
            (c for u in reversed(written) for c in _both(u) if severity and COLOURS.get(c) is severity), None
        ),
        state=state,
        state_text=told.state or (told.updates and updates[-1].state_text) or None,
        region_text=", ".join(told.tags) or None,
        first_posted_at=min([utc(told.created_at), *(u.posted_at for u in updates if u.posted_at)]),
        resolved_posted_at=utc(over) if over and state in OVER else None,
        updates=updates,
        impacts=_impacts(told, written, utc(over) if over and state in OVER else None, signals),
    )


def _stage(told: _Incident, word: State | None, updates: Sequence[Update], planned: bool) -> State | None:
    """How far it is; what says that it is over goes before what does not."""
    said = next((update.state for update in reversed(updates) if update.state), None)
    if told.resolved or State.RESOLVED in (word, said):
        return State.COMPLETED if planned else State.RESOLVED
    if told.upcoming:
        return State.SCHEDULED
    return said or word


def _update(update: _Update, signals: list[Signal]) -> Update:
    return Update(
        key=str(update.id) if update.id is not None else None,
        posted_at=utc(update.created_at),
        state=look_up(UPDATES, update.update_type, signals, "incidents[].updates[].update_type"),
        state_text=update.update_type,
        text=plain(update.contents),
    )


def _both(update: _Update) -> tuple[str, ...]:
    """The colours of an update."""
    return tuple(colour for colour in (update.status_prod, update.status_dev) if colour)


def _impacts(
    told: _Incident, written: Sequence[_Update], end: datetime | None, signals: list[Signal]
) -> tuple[Impact, ...]:
    """The spells of Production and Development; systems and parts of the world, which are named without times."""
    impacts = []
    for name, colours in (
        ("Production", [(update.created_at, update.status_prod) for update in written if _holds(update)]),
        ("Development", [(update.created_at, update.status_dev) for update in written if _holds(update)]),
    ):
        changes = [(utc(at), COLOURS.get(colour or "")) for at, colour in colours]
        impacts += impacts_of(Component(key=None, name=name), changes, end, _COLOUR_OF.get)
    impacts += [
        Impact(
            component=msgspec.structs.replace(state.component, group=tag),
            severity=None if state.severity is Severity.OPERATIONAL else state.severity,
            severity_text=state.severity_text,
        )
        for state in (_state(system, signals) for system in told.systems)
        for tag in told.tags or (None,)
    ]
    if not told.systems:
        impacts += [Impact(region_text=tag) for tag in told.tags]
    return tuple(impacts)


def _holds(update: _Update) -> bool:
    """Whether the colours of an update are so from its time on: not those of an announcement."""
    return UPDATES.get(update.update_type) is not State.SCHEDULED


def _record(source: Source, key: str) -> Ask:  # noqa: ARG001 - the signature of all of them
    return Ask(f"{API}/incidents/{key}")


PLATFORM = Platform(read=read, record=_record, hosts=("status.heroku.com",))
