"""Vultr's own status files: `https://status.vultr.com/status.json` and `.../alerts.json`.

`status.json` holds `regions`, by the code that the API uses too (`ewr`, `atl`), each with its place and its `alerts`,
and `service_alerts`, which may name a `region` or none. `alerts.json` holds `service_alerts` alone.

An alert has an `id`, a `subject`, a `status` (`ongoing`, `resolved`) and `entries`, its messages; fields without a
value are empty strings. Alerts stay for a while after they were resolved. Maintenance is told apart by its subject
alone, is `ongoing` from its announcement on, and its window is in the prose. `start_date` is when the first entry was
posted, in every alert seen; where it is set before that, an outage began then. No field says how bad it is.

The time of a message is in the entry, with an offset. One alert may stand in several regions.

Seen: excerpts of real answers, of 2020 and 2025, quoted by others: alerts of a region that were ongoing. The rest is
from other readers of the file. The host is known to challenge clients that are no browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading.incidents import MOMENT, oldest_first
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, convert, json_of, required, unread
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    Capture,
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
)

SITE = "https://status.vultr.com/"

STATES: Mapping[str, State | None] = {"ongoing": None, "resolved": State.RESOLVED}

_MAINTENANCE = re.compile(r"(?i)\bmaintenance\b")


class _Entry(Payload):
    """A message."""

    message: str
    updated_at: str = ""


class _Alert(Payload):
    """An alert; times are ISO 8601 with an offset, or empty."""

    id: str
    subject: str
    status: str
    start_date: str = ""
    updated_at: str = ""
    region: str | None = None
    entries: tuple[_Entry, ...] = ()


class _Region(Payload):
    """A region and what goes on there."""

    location: str
    alerts: list[Ignored]
    country: Ignored = None
    country_name: Ignored = None


class _Status(Payload):
    """The body of either file."""

    service_alerts: list[Ignored]
    regions: dict[str, _Region] | None = None


class _Place(NamedTuple):
    """Where an alert stands; nothing where it is of the service as such."""

    code: str | None = None
    name: str | None = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the signature of all readers
    """The alerts of one file. Raises Unreadable when it is none of Vultr's."""
    signals: list[Signal] = []
    listed = list(_listed(json_of(capture), signals))
    incidents = _incidents(listed, signals)
    if listed and not incidents:
        raise Unreadable(f"no item is an alert of Vultr: {signals[-1].detail}")
    return Page(incidents=incidents, signals=tuple(dict.fromkeys(signals)))


def _listed(document: object, signals: list[Signal]) -> Iterator[tuple[object, _Place]]:
    """Every alert with where it stands; also of a region's alerts by themselves, as people keep them."""
    if isinstance(document, list) and document:
        document = {"service_alerts": document}
    status = required(document, _Status, signals, "a status of Vultr")
    if status.regions is not None and not status.regions:
        raise Unreadable("a status page without a single region")
    yield from ((item, _Place()) for item in status.service_alerts)
    for code, region in (status.regions or {}).items():
        yield from ((item, _Place(code, region.location)) for item in region.alerts)


def _incidents(listed: Iterable[tuple[object, _Place]], signals: list[Signal]) -> tuple[Incident, ...]:
    """Each alert once, with all the regions it stands in; one that cannot be read becomes a signal."""
    found: dict[str, Incident] = {}
    for item, place in listed:
        try:
            alert = convert(item, _Alert, signals, "alerts[]")
            known = found.get(alert.id) or _incident(alert, signals)
        except BROKEN as error:
            signals.append(unread(item, error, "alerts[]"))
            continue
        where = place if place.code else _Place(alert.region or None)
        impact = Impact(region_key=where.code, region_text=where.name, severity=known.severity)
        if where.code and impact not in known.impacts:
            known = msgspec.structs.replace(known, impacts=(*known.impacts, impact))
        found[alert.id] = known
    return tuple(found.values())


def _incident(alert: _Alert, signals: list[Signal]) -> Incident:
    title = plain(alert.subject)
    planned = _MAINTENANCE.search(title) is not None
    updates = tuple(oldest_first(map(_update, alert.entries)))
    posted = [update.posted_at for update in updates if update.posted_at]
    start, changed = _time(alert.start_date), _time(alert.updated_at)
    first = min(posted, default=start)
    state = look_up(STATES, alert.status, signals, "alerts[].status")
    return Incident(
        key=alert.id,
        title=title,
        url=SITE,
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=Severity.MAINTENANCE if planned else None,
        state=State.COMPLETED if planned and state is State.RESOLVED else state,
        state_text=alert.status,
        started_at=start if not planned and start and first and first - start > MOMENT else None,
        first_posted_at=first,
        resolved_posted_at=(changed or max(posted, default=None)) if state in OVER else None,
        updates=updates,
    )


def _update(entry: _Entry) -> Update:
    return Update(posted_at=_time(entry.updated_at), text=plain(entry.message))


def _time(text: str) -> datetime | None:
    """None for the empty string. ValueError when it is no time with an offset."""
    return instant(text).replace(microsecond=0) if text else None


PLATFORM = Platform(read=read, hosts=("status.vultr.com",))
