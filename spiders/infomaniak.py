"""Infomaniak's events: `https://api.infomaniak.com/2/events?page=<n>`, and `/2/events/<id>` for one.

The API wants a token of a customer, so these addresses are for captures that somebody else took; the public page is
infomaniakstatus.com. `result` is `success`, or the document is none.

An event's `type` is `impacting`, `information`, `enhancement`, or `maintenance_...`; its `status` is `planned`, `inprogress`,
`reviewed` (after which nobody says whether it is over) or `terminated`. There is no severity. Texts are in French with
translations; the English one is read where there is one. The title of a comment's translation is left from some other
event. Services are short names such as `email_hosting`; their numbers are ignored.

Times are epochs in seconds: `started_at` and `ended_at` of the event itself, corrected by people; `started_at` of a comment
is when it was posted. Nobody says when the event was.

Seen real: the first page of a list of 2023; `planned`, `reviewed` and `enhancement` are from the documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, all_read, decode, json_of, readable
from crawler.reading.words import look_up
from crawler.records import Capture, Impact, Incident, Kind, Page, Signal, State, Unreadable, Update, epoch

TYPES: Mapping[str, Kind] = {
    "impacting": Kind.OUTAGE,
    "information": Kind.NOTICE,
    "enhancement": Kind.MAINTENANCE,
}
STATES: Mapping[str, State | None] = {
    "planned": State.SCHEDULED,
    "inprogress": None,
    "reviewed": None,
    "terminated": State.RESOLVED,
}
#: The same words of a maintenance.
PLANNED: Mapping[str, State | None] = {**STATES, "inprogress": State.IN_PROGRESS, "terminated": State.COMPLETED}
LANGUAGE = "en"


class _Translation(Payload):
    language: str
    body: str | None = None
    title: str | None = None


class _Description(Payload):
    title: str
    description: str | None = None
    translations: list[_Translation] = msgspec.field(default_factory=list)


class _Comment(Payload):
    body: str
    started_at: int
    translation: list[_Translation] = msgspec.field(default_factory=list)
    translations: list[_Translation] = msgspec.field(default_factory=list)


class _Service(Payload):
    name: str
    id: Ignored = None


class _Event(Payload):
    id: int
    url: str
    type: str
    status: str
    description: _Description
    started_at: int | None
    ended_at: int | None = None
    comments: list[_Comment] | None = None
    services: list[_Service] = msgspec.field(default_factory=list)


class _Document(Payload):
    """`data` is a list of events, or one."""

    result: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    page: int = 1
    pages: int = 1
    error: Ignored = None
    items_per_page: Ignored = None
    total: Ignored = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """The events of one document. Raises Unreadable when it is none, or an error."""
    signals: list[Signal] = []

    def event(raw: msgspec.Raw) -> Incident:
        return _incident(decode(raw, _Event, signals, "data[]"), signals)

    incidents = tuple(readable(_items(_document(capture, signals)), event, signals, "data[]"))
    if not incidents and not all_read(signals):
        raise Unreadable(f"no item is an event of Infomaniak: {signals[-1].detail}")
    return Page(incidents=incidents, signals=tuple(dict.fromkeys(signals)))


def _document(capture: Capture, signals: list[Signal]) -> _Document:
    told = json_of(capture, _Document, signals)
    if told.result != "success":
        raise Unreadable(f"the API answers {told.result[:40]!r}")
    return told


def _items(told: _Document) -> list[msgspec.Raw]:
    if bytes(told.data)[:1] == b"{":
        return [told.data]
    return json_of(bytes(told.data), list[msgspec.Raw])


def _incident(event: _Event, signals: list[Signal]) -> Incident:
    planned = event.type.startswith("maintenance")
    kind = Kind.MAINTENANCE if planned else look_up(TYPES, event.type, signals, "data[].type")
    states = PLANNED if kind is Kind.MAINTENANCE else STATES
    told = event.description
    title, text = _translated(told.title, told.description, told.translations)
    comments = [
        Update(
            posted_at=epoch(each.started_at),
            text=_translated("", each.body, [*each.translation, *each.translations])[1],
        )
        for each in event.comments or ()
    ]
    return Incident(
        key=str(event.id),
        title=title,
        url=event.url if event.url.startswith("http") else None,
        kind=kind or Kind.OUTAGE,
        state=look_up(states, event.status, signals, "data[].status"),
        state_text=event.status,
        service_text=", ".join(service.name for service in event.services) or None,
        started_at=_time(event.started_at),
        ended_at=_time(event.ended_at),
        updates=(*((Update(key="description", posted_at=None, text=text),) if text else ()), *comments),
        impacts=tuple(Impact(service_key=service.name, service_text=service.name) for service in event.services),
    )


def _translated(title: str, body: str | None, translations: Sequence[_Translation]) -> tuple[str, str]:
    """Title and text in our language, as far as there is one."""
    ours = next((each for each in translations if each.language == LANGUAGE), None)
    return (
        plain((title and ours and ours.title) or title),
        plain((ours and ours.body) or body or ""),
    )


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else epoch(seconds)


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The next page of a list."""
    try:
        told = _document(capture, [])
    except Unreadable:
        return ()
    if told.page >= told.pages:
        return ()
    parts = urlsplit(capture.url)
    query = urlencode({**dict(parse_qsl(parts.query)), "page": str(told.page + 1)})
    return (Ask(urlunsplit(parts._replace(query=query))),)


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(source.url),)


PLATFORM = Platform(read=read, history=_history, older=_older)
