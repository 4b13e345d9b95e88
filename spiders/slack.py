"""Slack's own status API: `https://slack-status.com/api/v2.0.0/current` and `.../history`.

Documented at api.slack.com/docs/slack-status. Both bodies hold the same incidents; what is read is told by the shape:

- `current`: an object with the page's own `status` (`ok`, `active`), its dates, and `active_incidents`;
- `history`: an array of the latest incidents, the one last updated first, open ones or not.

Fields of an incident: `id` (a number; the documentation shows a string), `type`, `status`, `services` (the features of
the product that are hit), and `notes`, the messages, as HTML or plain text. `date_created` is when the first note was
posted and `date_updated` when the last one was: no field says when it was out. All times carry an offset, that of the
US West coast. Notes stood newest first until 2024 and stand oldest first today, so they are sorted. Some weeks or
days after the end a note follows that begins with "Issue summary".

Seen in real payloads of 2020 and 2026: both bodies, type `incident`, states `active` and `resolved`. From the
documentation: `notice`, `outage`, `scheduled`, `completed`, `cancelled`; from other readers of the API: `maintenance`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading.dates import utc
from crawler.reading.incidents import first_told, kind_of
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, Time, convert, json_of, readable, required
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    PLANNED,
    Capture,
    Component,
    Impact,
    Incident,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)

TYPES: Mapping[str, Severity] = {
    "notice": Severity.NOTICE,
    "maintenance": Severity.MAINTENANCE,
    "incident": Severity.DEGRADED,
    "outage": Severity.MAJOR_OUTAGE,
}
STATES: Mapping[str, State | None] = {
    "active": None,  # open; how far the repair has come stands in the notes
    "resolved": State.RESOLVED,
    "scheduled": State.SCHEDULED,
    "completed": State.COMPLETED,
    "cancelled": State.COMPLETED,  # planned and called off: nothing is out, nor will be
}
PAGE_STATES: Mapping[str, None] = {"ok": None, "active": None}

_SUMMARY = re.compile(r"(?i)issue summary\b")


class _Note(Payload):
    """A message."""

    date_created: Time
    body: str


class _Incident(Payload):
    """One incident, in either body."""

    id: int | str
    title: str
    type: str
    status: str
    date_created: Time
    url: str | None = None
    date_updated: Time | None = None
    services: tuple[str, ...] = ()
    notes: tuple[_Note, ...] = ()


class _Current(Payload):
    """The body of `current`."""

    status: str
    active_incidents: list[Ignored]
    date_created: Ignored = None
    date_updated: Ignored = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the signature of all readers
    """What `current` or `history` says. Raises Unreadable when the body is neither."""
    document = json_of(capture)
    signals: list[Signal] = []
    current = isinstance(document, dict)
    if isinstance(document, dict):
        page = required(document, _Current, signals, "Slack's current status")
        look_up(PAGE_STATES, page.status, signals, "status")
        items = page.active_incidents
    elif isinstance(document, list):
        items = document
    else:
        raise Unreadable("neither Slack's current status nor its history")

    def told(item: object) -> Incident:
        return _incident(convert(item, _Incident, signals, "incidents[]"), signals)

    incidents = first_told(readable(items, told, signals, "incidents[]"))
    if items and not incidents:
        raise Unreadable(f"no item is an incident of Slack: {signals[-1].detail}")
    return Page(
        incidents=incidents,
        signals=tuple(dict.fromkeys(signals)),
        open_only=current and len(incidents) == len(items),
    )


def _incident(told: _Incident, signals: list[Signal]) -> Incident:
    severity = look_up(TYPES, told.type, signals, "incidents[].type")
    state = look_up(STATES, told.status, signals, "incidents[].status")
    planned = severity is Severity.MAINTENANCE or state in PLANNED
    if planned and told.status.strip().lower() == "active":
        state = State.IN_PROGRESS
    updates = tuple(_update(note) for note in sorted(told.notes, key=lambda note: note.date_created))
    posted = [update.posted_at for update in updates if update.posted_at]
    return Incident(
        key=str(told.id),
        title=plain(told.title),
        url=told.url,
        kind=kind_of(planned, severity),
        severity=severity,
        severity_text=told.type,
        state=state,
        state_text=told.status,
        service_text=", ".join(told.services) or None,
        first_posted_at=min([utc(told.date_created), *posted]),
        resolved_posted_at=_resolved_posted_at(told, updates) if state in OVER else None,
        updates=updates,
        impacts=tuple(
            Impact(component=Component(key=None, name=name), severity=severity, severity_text=told.type)
            for name in dict.fromkeys(told.services)
        ),
        postmortem_at=next((u.posted_at for u in updates if u.state is State.POSTMORTEM), None),
    )


def _update(note: _Note) -> Update:
    text = plain(note.body)
    return Update(posted_at=utc(note.date_created), state=State.POSTMORTEM if _SUMMARY.match(text) else None, text=text)


def _resolved_posted_at(told: _Incident, updates: Sequence[Update]) -> datetime | None:
    """When the last message but a summary was posted; without messages, the last change."""
    said = [update.posted_at for update in updates if update.state is not State.POSTMORTEM]
    return said[-1] if said else told.date_updated and utc(told.date_updated)


PLATFORM = Platform(read=read, hosts=("slack-status.com", "status.slack.com"))
