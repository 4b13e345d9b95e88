"""Fastly's status page, https://www.fastlystatus.com: a page of StatusCast without its component lists.

- `/summary.json`: one word for everything, and the incidents that are not resolved; a name and a type, no text;
- `/rss/`: the messages of all incidents, newest first, one item each. `guid` is `/<incident>/<message>`; the text is
  HTML, and no item says how far the repair is. "Retrospective" in a title marks an incident that was written up when
  it was over.

Times of the summary have no zone, and are in that of the source; those of the feed carry an offset. Points of presence
stand in titles, `Ashburn (IAD)`, and products likewise; nothing names them apart.

No whole payload has been seen. The summary is from a reader of it and its test, of 2026; the feed from another's. Words
for states and types are those two, with what StatusCast itself uses. Other clients are answered 403 by the old host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.incidents import kind_of
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, body_of, convert, json_of, readable
from crawler.reading.words import look_up
from crawler.records import (
    Capture,
    Component,
    ComponentState,
    Incident,
    Kind,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)

SITE = "https://www.fastlystatus.com"

#: Words of the page as a whole and of incidents, without blanks.
SEVERITIES: Mapping[str, Severity] = {
    "available": Severity.OPERATIONAL,
    "normal": Severity.OPERATIONAL,
    "operational": Severity.OPERATIONAL,
    "informational": Severity.NOTICE,
    "maintenance": Severity.MAINTENANCE,
    "scheduledmaintenance": Severity.MAINTENANCE,
    "degraded": Severity.DEGRADED,
    "degradedperformance": Severity.DEGRADED,
    "performancedegradation": Severity.DEGRADED,
    "partialoutage": Severity.PARTIAL_OUTAGE,
    "servicedisruption": Severity.PARTIAL_OUTAGE,
    "outage": Severity.MAJOR_OUTAGE,
    "majoroutage": Severity.MAJOR_OUTAGE,
    "unavailable": Severity.MAJOR_OUTAGE,
    "serviceunavailable": Severity.MAJOR_OUTAGE,
}
STATES: Mapping[str, State | None] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "inprogress": None,  # of a maintenance, that it has begun; of an incident, that it is open
    "future": State.SCHEDULED,
}

_GUID = re.compile(r"/(?P<incident>\d+)/(?P<message>\d+)")
_RETROSPECTIVE = re.compile(r"(?i)^retrospective\b")
_MAINTENANCE = re.compile(r"(?i)\bmaintenance\b")


class _Incident(Payload, kw_only=True, rename="pascal"):
    """An incident that is not resolved."""

    id: int
    title: str
    status: str
    incident_type: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    date_created: str | None = None
    short_url: str | None = None


class _Summary(Payload, kw_only=True, rename="pascal"):
    """The body of `summary.json`."""

    page_name: str
    status: str
    unresolved_incidents: list[Ignored]
    domain: Ignored = None
    status_in_effect_since: Ignored = None
    status_text: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """What the summary or the feed says. Raises Unreadable when the body is neither."""
    body = body_of(capture)
    if feeds.looks_like_one(body):
        return _feed(capture, source)
    signals: list[Signal] = []
    summary = json_of(body, _Summary, signals)

    def incident(item: object) -> Incident:
        told = convert(item, _Incident, signals, "UnresolvedIncidents[]")
        return _incident(told, source, capture.fetched_at, signals)

    read = readable(summary.unresolved_incidents, incident, signals, "UnresolvedIncidents[]", ("Id",))
    incidents = {incident.key: incident for incident in read}
    overall = ComponentState(
        component=Component(key=None, name="Fastly"),
        severity=_word(SEVERITIES, summary.status, signals, "Status"),
        severity_text=summary.status,
    )
    return Page(
        incidents=tuple(incidents.values()),
        components=(overall,),
        signals=tuple(dict.fromkeys(signals)),
        open_only=len(incidents) == len(summary.unresolved_incidents),
    )


def _word(table: Mapping[str, Severity], word: str | None, signals: list[Signal], where: str) -> Severity | None:
    """A severity, however the word is spelt."""
    return look_up(table, "".join(word.split()) if word else None, signals, where)


def _incident(told: _Incident, source: Source, fetched_at: datetime, signals: list[Signal]) -> Incident:
    severity = _word(SEVERITIES, told.incident_type, signals, "UnresolvedIncidents[].IncidentType")
    state = look_up(STATES, "".join(told.status.split()), signals, "UnresolvedIncidents[].Status")
    planned = severity is Severity.MAINTENANCE or state is State.SCHEDULED
    if planned and state is None and told.status.lower() == "inprogress":
        state = State.IN_PROGRESS

    def time(text: str | None, where: str, ahead: bool = False) -> datetime | None:
        return moment(text or None, source, fetched_at, signals, f"UnresolvedIncidents[].{where}", planned=ahead)

    return Incident(
        key=str(told.id),
        title=plain(told.title),
        url=told.short_url or f"{SITE}/incident/{told.id}",
        kind=kind_of(planned, severity),
        severity=severity,
        severity_text=told.incident_type,
        state=state,
        state_text=told.status,
        started_at=time(told.start_date, "StartDate", planned),
        ended_at=time(told.end_date, "EndDate", planned),
        first_posted_at=time(told.date_created, "DateCreated"),
    )


# --- the feed


def _feed(capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if not feed.entries and "fastly" not in f"{feed.title} {feed.link} {feed.description}".lower():
        raise Unreadable("an empty feed that does not say that it is Fastly's")
    found: dict[str, list[tuple[feeds.Entry, Update]]] = {}
    for entry in feed.entries:
        guid = _GUID.fullmatch(entry.id)
        if not guid or not entry.title:
            signals.append(
                Signal("bad-incident", "item", f"{(entry.id or entry.title)[:80]}: no identifier or no title")
            )
            continue
        posted = moment(entry.published, source, capture.fetched_at, signals, "item.pubDate")
        update = Update(key=guid["message"], posted_at=posted, text=plain(entry.content))
        found.setdefault(guid["incident"], []).append((entry, update))
    if feed.entries and not found:
        raise Unreadable(f"no item is a message of Fastly: {signals[-1].detail}")
    return Page(
        incidents=tuple(_told(key, messages) for key, messages in found.items()),
        signals=tuple(dict.fromkeys(signals)),
    )


def _told(key: str, messages: Iterable[tuple[feeds.Entry, Update]]) -> Incident:
    """One incident, from its messages newest first."""
    newest_first = list(messages)
    newest = newest_first[0][0]
    updates = tuple(update for _, update in reversed(newest_first))
    posted = [update.posted_at for update in updates if update.posted_at]
    over = _RETROSPECTIVE.match(newest.title)
    return Incident(
        key=key,
        title=newest.title,
        url=newest.link or f"{SITE}/incident/{key}",
        kind=Kind.MAINTENANCE if _MAINTENANCE.search(newest.title) else Kind.OUTAGE,
        state=State.RESOLVED if over else None,
        state_text=over[0] if over else None,
        first_posted_at=min(posted, default=None),
        updates=updates,
        newest_only=True,
    )


PLATFORM = Platform(read=read, hosts=("fastlystatus.com", "status.fastly.com"))
