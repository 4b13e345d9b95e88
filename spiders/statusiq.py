"""StatusIQ, by Site24x7 (Zoho): a feed of component states, and the JSON that a page's own script reads.

| address | says |
| --- | --- |
| `/rss` | what every component is, and since when: an item each; nothing of incidents |
| `/sp/api/public/summary_details/statuspages/<id>` | components, open incidents, and those resolved of late |
| `/sp/api/u/summary_details` | the same, without the id |

**The feed** is told by its description. Items are titled "<component> - <state>"; `pubDate`, with an offset, is
when that state began. Vendors that group their components (by region, say) have the same name several times, and
nothing tells which is which: then the worst of them is shown. An item that is not "Operational" is also made an open
incident of that component, so that its time is kept; when the state changes, the item, and so the incident, is
another one. A feed without any component says nothing, and is refused.

**The JSON** is known from the vendor's own SDKs (github.com/site24x7/StatusIQ-iOS-SDK, -Android-SDK) and from three
readers of it. It is `{"code": 0, "message", "data"}`; states are numbers, the same for components and incidents:
1 operational, 2 informational, 3 degraded performance, 4 under maintenance, 5 partial outage, 6 major outage.
(One of the readers counts them otherwise; the SDKs decide.) Updates count 10 acknowledged, 11 investigating,
12 identified, 13 monitoring, 14 resolved; of a maintenance 21 scheduled, 22 in progress, 23 monitoring, 24 completed.
Times are like `2021-02-11T17:39:34-1200`.

Real feeds of 2025 were seen; of the JSON no real payload was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Platform
from crawler.reading import feeds
from crawler.reading.dates import moment, utc
from crawler.reading.incidents import kind_of, oldest_first
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, all_read, body_of, convert, json_of, readable
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    PLANNED,
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
    instant,
    stamp,
    worst,
)

WORDS: Mapping[str, Severity] = {
    "operational": Severity.OPERATIONAL,
    "informational": Severity.NOTICE,
    "degraded performance": Severity.DEGRADED,
    "under maintenance": Severity.MAINTENANCE,
    "partial outage": Severity.PARTIAL_OUTAGE,
    "major outage": Severity.MAJOR_OUTAGE,
}
CODES: Mapping[str, Severity] = dict(
    zip(
        "123456",
        (
            Severity.OPERATIONAL,
            Severity.NOTICE,
            Severity.DEGRADED,
            Severity.MAINTENANCE,
            Severity.PARTIAL_OUTAGE,
            Severity.MAJOR_OUTAGE,
        ),
        strict=True,
    )
)
STATES: Mapping[str, State] = {
    "10": State.INVESTIGATING,  # acknowledged
    "11": State.INVESTIGATING,
    "12": State.IDENTIFIED,
    "13": State.MONITORING,
    "14": State.RESOLVED,
    "21": State.SCHEDULED,
    "22": State.IN_PROGRESS,
    "23": State.VERIFYING,
    "24": State.COMPLETED,
}

_PAGE_ID = re.compile(r"enc(?:oded)?_?statuspage_?id['\"]?\s*[:=]\s*['\"`]([\w=-]{20,})", re.IGNORECASE)


def read(capture: Capture, source: Source) -> Page:
    """What the feed, or the JSON, says. Raises Unreadable when the body is neither."""
    body = body_of(capture)
    if body[:1] == b"{":
        return _read_json(body, capture.url)
    if not feeds.looks_like_one(body):
        raise Unreadable(f"neither JSON nor a feed, begins with {body[:40]!r}")
    return _read_feed(body, source, capture.fetched_at)


# --- the feed ---------------------------------------------------------------------------------------


def _feed(body: bytes, signals: list[Signal]) -> feeds.Feed:
    feed = feeds.read(body, signals, extensions={"responsetime"})
    if "StatusIQ" not in feed.description:
        raise Unreadable(f"not a feed of StatusIQ: {feed.title[:80]!r}")
    return feed


def _read_feed(body: bytes, source: Source, now: datetime) -> Page:
    signals: list[Signal] = []
    states: dict[str, ComponentState] = {}
    incidents: dict[str, Incident] = {}
    entries = _feed(body, signals).entries
    for entry in entries:
        name, _, word = entry.title.rpartition(" - ")
        if not name:
            signals.append(Signal("bad-incident", "item.title", entry.title[:80]))
            continue
        severity = look_up(WORDS, word, signals, "item.title")
        # Only what is monitored has an address, and not always while it is down: a name is the better identity.
        component = Component(key=None, name=name.strip())
        known = states.get(component.name)
        if known is None or worst([known.severity, severity]) is not known.severity:
            states[component.name] = ComponentState(component=component, severity=severity, severity_text=word)
        since = moment(entry.published, source, now, signals, "item.pubDate") if entry.published else None
        if severity is not Severity.OPERATIONAL and since:
            incident = _lasting(entry, component, severity, word, since)
            incidents.setdefault(incident.key, incident)
    if not states:
        raise Unreadable("a feed of StatusIQ without the state of any component")
    return Page(
        incidents=tuple(incidents.values()),
        components=tuple(states.values()),
        signals=tuple(dict.fromkeys(signals)),
        open_only=all_read(signals),
    )


def _lasting(
    entry: feeds.Entry, component: Component, severity: Severity | None, word: str, since: datetime
) -> Incident:
    """A state that is not well, as the incident it stands for."""
    return Incident(
        key=f"{component.name}@{stamp(since)}",
        title=entry.title,
        url=entry.link or None,
        kind=kind_of(severity is Severity.MAINTENANCE, severity),
        severity=severity,
        severity_text=word,
        started_at=since,
        impacts=(Impact(component=component, severity=severity, severity_text=word, started_at=since),),
    )


# --- JSON -------------------------------------------------------------------------------------------


class _Affected(Payload):
    display_name: str
    componentgroup_display_name: str | None = None
    enc_component_id: str | None = None
    component_status: Ignored = None


class _Status(Payload):
    """One message."""

    incident_status: str
    incident_status_desc: str
    incident_status_id: int
    status_updated_at: str
    enc_inc_state_progress_id: str | None = None
    email_sent_count: Ignored = None
    sms_sent_count: Ignored = None


class _Incident(Payload):
    enc_inc_id: str
    incident_title: str
    incident_severity_id: int
    incident_began_at: str
    incident_severity: str = ""
    incident_desc: str = ""
    incident_ended_at: str | None = None
    incident_status_updates: list[_Status] = msgspec.field(default_factory=list)
    incident_affected_components: list[_Affected] = msgspec.field(default_factory=list)
    incident_type: Ignored = None
    created_by: Ignored = None
    email_sent_count: Ignored = None
    sms_sent_count: Ignored = None


class _Component(Payload):
    """A component, or a group of them."""

    display_name: str | None = None
    enc_component_id: str | None = None
    component_status: int | None = None
    componentgroup_display_name: str | None = None
    componentgroup_components: list[Any] | None = None
    component_status_desc: Ignored = None
    componentgroup_status: Ignored = None
    desc: Ignored = None
    enc_componentgroup_id: Ignored = None
    is_group: Ignored = None
    last_polled_time: Ignored = None
    site24x7_monitor_type: Ignored = None


class _Day(Payload):
    """The incidents resolved on one day."""

    grp_by_incidents_list: list[Any] | None = None
    grp_by_date: Ignored = None
    grp_by_incidents_count: Ignored = None
    grp_by_status_msg: Ignored = None


class _Data(Payload):
    current_status: list[Any]
    active_incident_details: list[Any] | None = None
    resolved_incident_details: list[_Day] | None = None
    statuspage_details: Ignored = None
    status_history_details: Ignored = None
    maintenance_details: Ignored = None


class _Document(Payload):
    code: int
    data: _Data
    message: Ignored = None


def _read_json(body: bytes, url: str) -> Page:
    signals: list[Signal] = []
    data = json_of(body, _Document, signals).data
    components = tuple(_components(data.current_status, None, signals))
    known = {(state.component.group, state.component.name): state.component for state in components}
    days = data.resolved_incident_details or ()
    items = (*(data.active_incident_details or ()), *(i for day in days for i in day.grp_by_incidents_list or ()))

    def incident(item: Any) -> Incident:
        return _incident(convert(item, _Incident, signals, "incidents[]"), url, known, signals)

    return Page(
        incidents=tuple(readable(items, incident, signals, "incidents[]", ("enc_inc_id",))),
        components=components,
        signals=tuple(dict.fromkeys(signals)),
    )


def _components(items: Iterable[Any], group: str | None, signals: list[Signal]) -> Iterator[ComponentState]:

    def component(item: Any) -> _Component:
        return convert(item, _Component, signals, "current_status[]")

    for told in readable(items, component, signals, "current_status[]", ("display_name",), "bad-component"):
        if told.componentgroup_components:
            yield from _components(told.componentgroup_components, told.componentgroup_display_name, signals)
        elif told.display_name and told.component_status is not None:
            code = str(told.component_status)
            yield ComponentState(
                component=Component(key=told.enc_component_id, name=told.display_name, group=group),
                severity=look_up(CODES, code, signals, "current_status[].component_status"),
                severity_text=code,
            )


def _incident(
    told: _Incident, url: str, known: Mapping[tuple[str | None, str], Component], signals: list[Signal]
) -> Incident:
    updates = tuple(oldest_first(_update(update, signals) for update in told.incident_status_updates))
    newest = updates[-1] if updates else None
    code = str(told.incident_severity_id)
    severity = look_up(CODES, code, signals, "incidents[].incident_severity_id")
    planned = severity is Severity.MAINTENANCE or any(update.state in PLANNED for update in updates)
    started = utc(instant(told.incident_began_at))
    ended = utc(instant(told.incident_ended_at)) if told.incident_ended_at else None
    over = next((update.posted_at for update in updates if update.state in OVER), None)
    state = newest.state if newest else None
    if ended and not planned and state not in OVER:
        state = State.RESOLVED
    return Incident(
        key=told.enc_inc_id,
        title=told.incident_title.strip(),
        url=f"https://{urlsplit(url).netloc}/#/incidents/{told.enc_inc_id}",
        kind=kind_of(planned, severity),
        severity=severity,
        severity_text=told.incident_severity or code,
        state=state,
        state_text=newest.state_text if newest else None,
        started_at=started,
        ended_at=ended,
        first_posted_at=updates[0].posted_at if updates else None,
        resolved_posted_at=over if state in OVER else None,
        updates=updates or _described(told),
        impacts=tuple(
            Impact(
                component=_named(part, known),
                severity=severity,
                severity_text=told.incident_severity or code,
                started_at=None if planned else started,
                ended_at=None if planned else ended,
            )
            for part in told.incident_affected_components
        ),
    )


def _named(part: _Affected, known: Mapping[tuple[str | None, str], Component]) -> Component:
    """A component that an incident names, by name and group, with the id that the list of components gives it."""
    group = part.componentgroup_display_name or None
    component = Component(key=part.enc_component_id, name=part.display_name, group=group)
    return component if component.key else known.get((group, part.display_name), component)


def _update(told: _Status, signals: list[Signal]) -> Update:
    code = str(told.incident_status_id)
    return Update(
        key=told.enc_inc_state_progress_id,
        posted_at=utc(instant(told.status_updated_at)),
        state=look_up(STATES, code, signals, "incidents[].incident_status_updates[].incident_status_id"),
        state_text=told.incident_status or code,
        text=plain(told.incident_status_desc),
    )


def _described(told: _Incident) -> tuple[Update, ...]:
    """What is said of an incident without messages."""
    return (Update(posted_at=None, text=plain(told.incident_desc)),) if told.incident_desc else ()


def _find(root: str, html: str) -> Mapping[str, str]:
    """The JSON, where the HTML tells the page's id; the feed, which vendors may have switched off."""
    page = _PAGE_ID.search(html)
    summary = {"summary": f"{root}/sp/api/public/summary_details/statuspages/{page[1]}"} if page else {}
    return {**summary, "rss": f"{root}/rss"}


def _about(capture: Capture) -> About:
    try:
        return About(name=_feed(capture.body or b"", []).title.removesuffix(" - Status") or None)
    except Unreadable:
        return About()


PLATFORM = Platform(
    read=read,
    hosts=("site24x7statusiq.com",),
    html=(r"enc_statuspage_id", r"encodedStatuspageId", r"(?i)site24x7\.com/statusiq"),
    find=_find,
    about=_about,
)
