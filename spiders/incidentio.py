"""incident.io status pages: what the page's own script reads, and what is published for others.

What is read is told by the shape of the body:

| body | has |
| --- | --- |
| `/proxy/<page>` | `summary`: components in groups, those not well, open incidents, maintenance ahead |
| `/proxy/<page>/incidents` (`?start_at=&end_at=`, three months at most) | `incidents`, full records |
| `/proxy/<page>/component_impacts?start_at=&end_at=` | spells of every component, and links to their incidents |
| the HTML page | the same, in its flight stream: the summary, 90 days of spells, sometimes full incidents |
| `/api/v1/summary` | what a widget needs: what is open, with its last message |
| `/api/v2/*.json` | an imitation of Statuspage's, poorer: no groups, nothing of what an incident hit |
| `/history.atom`, `/feed.rss` ... | one entry an incident: its newest message, and what it hits |

`<page>` is the host of the page or its name with incident.io (`summary.subpath`).

Seen real: HTML of 2026-03 (with `component_impacts`, an open incident, full incidents of the past) and the imitation's
`summary.json` of 2026-04 and 2026-07. The bodies of `/proxy` are those of the HTML, by the agreement of several public
programs that read them; maintenance, the widget and the feeds are known from such programs and from documents only.

What one must know of the platform:

- Identifiers are ULIDs, which begin with the millisecond in which they were made. `published_at` is that same moment,
  unless an operator set it back (minutes or hours, without a fraction of a second then): so an earlier `published_at`
  is the operator's word for when it *was*, and the identifier tells when he wrote.
- `component_impacts` are outage intervals as data: component, status, `start_at`, `end_at` (not there while it lasts).
  They end when the component is well, also while the incident is still watched, and begin before the incident was
  published where the operator said so. They name components by id alone: names and groups stand in the summary.
- `incident_links` name incidents of the past without their messages.
- A summary lists the components that are not well, in `affected_components`; the others are well.
- The imitation leaves `incidents` out when there are none, and `updated_at` of its components means nothing.
- The widget and the feeds show the newest message of an incident alone.
- Feeds are written in the language of the page (`Resolvido`), JSON is not.

Times are UTC with `Z`. All are cut to whole seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform
from crawler.reading import dates, feeds
from crawler.reading.dates import utc
from crawler.reading.embedded import data_of, flight, having, html_text
from crawler.reading.incidents import closing, first_told, posted, set_back
from crawler.reading.markup import plain, verbatim
from crawler.reading.payload import BROKEN, Ignored, Payload, Time, convert, json_of, readable, required
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
    epoch,
    worst,
)

COMPONENT_STATES: Mapping[str, Severity] = {
    "operational": Severity.OPERATIONAL,
    "under_maintenance": Severity.MAINTENANCE,
    "degraded_performance": Severity.DEGRADED,
    "partial_outage": Severity.PARTIAL_OUTAGE,
    "full_outage": Severity.MAJOR_OUTAGE,
    "major_outage": Severity.MAJOR_OUTAGE,  # the imitation's word for it
}
#: The imitation's words, which are Statuspage's.
IMPACTS: Mapping[str, Severity] = {
    "none": Severity.NOTICE,
    "maintenance": Severity.MAINTENANCE,
    "minor": Severity.DEGRADED,
    "major": Severity.PARTIAL_OUTAGE,
    "critical": Severity.MAJOR_OUTAGE,
}
STATES: Mapping[str, State] = {
    **{str(state): state for state in State},
    "maintenance_scheduled": State.SCHEDULED,
    "maintenance_in_progress": State.IN_PROGRESS,
    "maintenance_complete": State.COMPLETED,
}

#: How much of the past one request may ask for.
WINDOW = timedelta(days=90)

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

T = TypeVar("T")


# --- the shapes of the page itself ---------------------------------------------------------------------


class _ComponentStatus(Payload):
    """A component, what an incident makes of it (`status`), and what it is now."""

    component_id: str
    status: str | None = None
    current_status: str | None = None
    component_status: str | None = None  # in the place of `status`, as some programs have it


class _Impact(Payload):
    component_id: str
    start_at: Time
    status: str
    end_at: Time | None = None
    status_page_incident_id: str | None = None
    id: Ignored = None


class _StatusSummary(Payload):
    """Between two messages, the worst of the components; used where a maintenance has no impact yet."""

    start_at: Time
    worst_component_status: str
    end_at: Time | None = None


class _Update(Payload):
    id: str
    published_at: Time
    to_status: str
    message_string: str = ""
    component_statuses: Ignored = None
    message: Ignored = None  # the same as rich text
    automated_update: Ignored = None


class _Incident(Payload):
    """An incident or a maintenance."""

    id: str
    name: str
    published_at: Time
    status: str
    type: str | None = None
    affected_components: list[_ComponentStatus] | None = None
    component_impacts: list[_Impact] | None = None
    status_summaries: list[_StatusSummary] | None = None
    updates: list[_Update] | None = None
    write_up_url: str | None = None
    write_up_contents: Ignored = None
    status_page_id: Ignored = None


class _Link(Payload):
    id: str
    name: str
    status: str
    published_at: Time
    permalink: Ignored = None  # by a short name of its own; the identifier leads there too


class _Listed(Payload):
    """A component where the page shows it."""

    component_id: str
    name: str
    data_available_since: Ignored = None
    description: Ignored = None
    display_uptime: Ignored = None
    hidden: Ignored = None


class _Group(Payload):
    name: str
    components: list[_Listed]
    id: Ignored = None
    description: Ignored = None
    display_aggregated_uptime: Ignored = None
    hidden: Ignored = None


class _Item(Payload):
    """One of the three; a sub-page is a status page of its own."""

    component: _Listed | None = None
    group: _Group | None = None
    sub_page: Ignored = None


class _Structure(Payload):
    items: list[_Item]
    id: Ignored = None
    status_page_id: Ignored = None


class _Named(Payload):
    id: str
    name: str
    description: Ignored = None
    status_page_id: Ignored = None


class _Summary(Payload):
    components: list[_Named]
    ongoing_incidents: list[Any] | None
    affected_components: list[_ComponentStatus] | None = None
    scheduled_maintenances: list[Any] | None = None
    structure: _Structure | None = None
    public_url: str | None = None
    name: Ignored = None
    subpath: Ignored = None
    data_available_since: Ignored = None
    allow_search_engine_indexing: Ignored = None
    date_view: Ignored = None
    display_uptime_mode: Ignored = None
    expose_status_summary_api: Ignored = None
    favicon_url: Ignored = None
    footer_text: Ignored = None
    google_analytics_tag: Ignored = None
    id: Ignored = None
    intro_text: Ignored = None
    locale: Ignored = None
    localize_config: Ignored = None
    logo_url: Ignored = None
    page_level_subscriptions_disabled: Ignored = None
    page_type: Ignored = None
    page_view_tracking_disabled: Ignored = None
    parent: Ignored = None
    privacy_policy_url: Ignored = None
    show_parent_page_banner: Ignored = None
    sms_subscriptions_enabled: Ignored = None
    subscribe_button_highlighted: Ignored = None
    subscriptions_disabled: Ignored = None
    support_label: Ignored = None
    support_url: Ignored = None
    terms_of_service_url: Ignored = None
    theme: Ignored = None
    unbabel_config: Ignored = None


class _Proxy(Payload):
    summary: _Summary


class _Incidents(Payload):
    incidents: list[Any]


class _Spells(Payload):
    component_impacts: list[Any]  # _Impact
    incident_links: list[Any]  # _Link
    component_uptimes: Ignored = None


# --- the shapes of the widget --------------------------------------------------------------------------


class _WidgetComponent(Payload):
    id: str
    name: str
    group_name: str | None = None
    current_status: str | None = None


class _WidgetEvent(Payload):
    """An incident has `current_worst_impact`; a maintenance has bounds, named after its state."""

    id: str
    name: str
    status: str
    url: str | None = None
    last_update_at: Time | None = None
    last_update_message: str | None = None
    affected_components: list[_WidgetComponent] | None = None
    current_worst_impact: str | None = None
    started_at: Time | None = None
    scheduled_end_at: Time | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None


class _Widget(Payload):
    page_url: str
    ongoing_incidents: list[Any] | None
    in_progress_maintenances: list[Any] | None
    scheduled_maintenances: list[Any] | None
    page_title: Ignored = None


# --- the shapes of the imitation -----------------------------------------------------------------------


class _LikePage(Payload):
    id: str
    url: str
    name: Ignored = None
    updated_at: Ignored = None
    time_zone: Ignored = None


class _LikeStatus(Payload):
    indicator: str
    description: Ignored = None


class _LikeComponent(Payload):
    id: str
    name: str
    status: str
    created_at: Ignored = None
    description: Ignored = None
    page_id: Ignored = None
    position: Ignored = None
    updated_at: Ignored = None


class _LikeUpdate(Payload):
    id: str
    status: str
    created_at: Time
    body: str | None = None
    display_at: Time | None = None
    incident_id: Ignored = None
    updated_at: Ignored = None


class _LikeIncident(Payload):
    id: str
    name: str
    status: str
    created_at: Time
    incident_updates: list[_LikeUpdate]
    impact: str | None = None
    components: list[_LikeComponent] | None = None
    scheduled_for: Time | None = None
    scheduled_until: Time | None = None
    monitoring_at: Ignored = None
    page_id: Ignored = None
    resolved_at: Ignored = None  # as the message that says so
    started_at: Ignored = None  # as created_at
    shortlink: Ignored = None
    updated_at: Ignored = None


class _Like(Payload):
    page: _LikePage
    status: _LikeStatus | None = None
    components: list[_LikeComponent] | None = None
    incidents: list[Any] | None = None
    scheduled_maintenances: list[Any] | None = None


# --- which body it is ----------------------------------------------------------------------------------


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    if feeds.looks_like_one(capture.body or b""):
        return _read_feed(capture, source)
    html = html_text(capture.body)
    if html is not None:
        return _read_html(html, _site(capture.url))
    document = json_of(capture, dict[str, Any])
    has = document.keys()
    signals: list[Signal] = []
    site = _site(capture.url)
    if "summary" in has:
        return _read_summary(_whole(document, _Proxy, signals).summary, site, signals)
    if has >= {"component_impacts", "incident_links"}:
        spells = _whole(document, _Spells, signals)
        return _page(_linked(spells, {}, site, signals), signals)
    if "page" in has:
        return _read_imitation(document)
    if "page_url" in has:
        return _read_widget(document)
    if "incidents" in has:
        told = _whole(document, _Incidents, signals).incidents
        incidents = list(_each(told, lambda raw: _incident(raw, {}, site, signals), signals))
        if told and not incidents:
            raise Unreadable(f"none of {len(told)} incidents is one of incident.io: {signals[-1].detail}")
        return _page(incidents, signals)
    raise Unreadable(f"not a document of incident.io; it has {', '.join(sorted(has)) or 'nothing'}")


def _whole(document: Any, kind: type[T], signals: list[Signal]) -> T:
    return required(document, kind, signals, "a document of incident.io")


def _page(
    incidents: Iterable[Incident],
    signals: list[Signal],
    components: Iterable[ComponentState] = (),
    open_only: bool = False,
) -> Page:
    return Page(
        incidents=first_told(incidents),
        components=tuple(components),
        signals=tuple(sorted(set(signals))),
        open_only=open_only,
    )


def _each(raws: Iterable[Any] | None, parse: Callable[[Any], Incident], signals: list[Signal]) -> Iterator[Incident]:
    """Each incident that can be read; one that cannot becomes a signal."""
    return readable(raws or (), parse, signals, "incidents[]")


def _site(address: str) -> str:
    """Scheme and host of an address, with the path of a page that is not at the root of its host."""
    parts = urlsplit(address)
    path = re.split(r"/(?:proxy|api|incidents|history|feed)\b", parts.path)[0].rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _made(key: str) -> datetime | None:
    """When an identifier was made; None when it is no ULID."""
    if not _ULID.fullmatch(key):
        return None
    milliseconds = 0
    for digit in key[:10]:
        milliseconds = milliseconds * 32 + _DIGITS.index(digit)
    try:
        return utc(epoch(milliseconds))
    except ValueError:
        return None


def _posted(key: str, published: datetime) -> datetime:
    """When something was written: as its identifier says where the time it bears was set back."""
    return posted(utc(published), _made(key))


class _Message(NamedTuple):
    """A message of either kind: its identifier, the time the page shows, the vendor's word for the state, and its text."""

    key: str
    shown: datetime
    word: str
    text: str | None


class _Course(NamedTuple):
    """When an incident began and ended where the operator gave those times apart from the posting, and the latter."""

    started: datetime | None
    ended: datetime | None
    first_posted: datetime
    over_posted: datetime | None


def _course(key: str, published: datetime, messages: Sequence[_Message], over: bool) -> _Course:
    """`messages` oldest first. One and the same time for start and end is neither: it was written up afterwards."""
    first = _posted(key, published)
    start = min([utc(published), *(message.shown for message in messages)])
    started = start if set_back(start, first) else None
    last = closing(messages, lambda message: STATES.get(message.word)) if over else None
    if last is None:
        return _Course(started, None, first, None)
    over_posted = _posted(last.key, last.shown)
    if last.shown <= start:
        return _Course(None, None, first, over_posted)
    return _Course(started, last.shown if last.shown < over_posted else None, first, over_posted)


def _updates(messages: Iterable[_Message], signals: list[Signal], where: str) -> tuple[Update, ...]:
    return tuple(
        Update(
            key=message.key,
            posted_at=message.shown,
            state=look_up(STATES, message.word, signals, where),
            state_text=message.word,
            text=verbatim(message.text),
        )
        for message in messages
    )


# --- the page itself -----------------------------------------------------------------------------------


def _read_html(html: str, site: str) -> Page:
    rows = flight(html)
    told = next(having(rows, "ongoing_incidents", "components", "structure"), None)
    if told is None:
        raise Unreadable("an HTML page without the summary of incident.io in it")
    if not html.rstrip().endswith("</html>"):
        raise Unreadable("the page is cut off")
    signals: list[Signal] = []
    summary = _whole(told, _Summary, signals)
    site = (summary.public_url or site).rstrip("/")
    names = _names(summary)

    def incidents() -> Iterator[Incident]:
        yield from _each(having(rows, "updates", "status", "published_at", "status_page_id"), full, signals)
        for spells in having(rows, "component_impacts", "incident_links"):
            yield from _linked(_whole(spells, _Spells, signals), names, site, signals)

    def full(raw: Any) -> Incident:
        return _incident(raw, names, site, signals)

    return _page(incidents(), signals, _components(summary, names, signals))


def _read_summary(summary: _Summary, site: str, signals: list[Signal]) -> Page:
    site = (summary.public_url or site).rstrip("/")
    names = _names(summary)
    raws = [*(summary.ongoing_incidents or ()), *(summary.scheduled_maintenances or ())]
    incidents = list(_each(raws, lambda raw: _incident(raw, names, site, signals), signals))
    whole = len(incidents) == len(raws)
    return _page(incidents, signals, _components(summary, names, signals), open_only=whole)


Names = Mapping[str, Component]


def _names(summary: _Summary) -> dict[str, Component]:
    """Components by id, in the order of the page, and under the heading it gives them."""
    names: dict[str, Component] = {}
    for item in summary.structure.items if summary.structure else ():
        if item.component:
            names[item.component.component_id] = Component(key=item.component.component_id, name=item.component.name)
        if item.group:
            for listed in item.group.components:
                names[listed.component_id] = Component(key=listed.component_id, name=listed.name, group=item.group.name)
    for each in summary.components:
        names.setdefault(each.id, Component(key=each.id, name=each.name))
    return names


def _components(summary: _Summary, names: Names, signals: list[Signal]) -> Iterator[ComponentState]:
    """Every component: those that are not well as the summary says, the others well."""
    unwell = {
        each.component_id: each.current_status or each.status or each.component_status
        for each in summary.affected_components or ()
    }
    for key in unwell.keys() - names.keys():
        signals.append(Signal("unknown-component", "summary.affected_components[].component_id", key))
    for key, component in names.items():
        word = unwell.get(key, "operational")
        if word is None:
            signals.append(Signal("bad-value", "summary.affected_components[].status", f"{key}: none"))
        severity = look_up(COMPONENT_STATES, word, signals, "summary.affected_components[].status")
        yield ComponentState(component=component, severity=severity, severity_text=word or "")


def _component(key: str, names: Names) -> Component:
    return names.get(key) or Component(key=key, name=key)


def _linked(spells: _Spells, names: Names, site: str, signals: list[Signal]) -> Iterator[Incident]:
    """Incidents of which no more than their spells is told."""
    hit: dict[str | None, list[_Impact]] = {}

    def impact(raw: Any) -> _Impact:
        return convert(raw, _Impact, signals, "component_impacts[]")

    for each in readable(spells.component_impacts, impact, signals, "component_impacts[]", kind="bad-value"):
        hit.setdefault(each.status_page_incident_id, []).append(each)

    def incident(raw: Any) -> Incident:
        link = convert(raw, _Link, signals, "incident_links[]")
        told = _Incident(
            id=link.id,
            name=link.name,
            published_at=link.published_at,
            status=link.status,
            component_impacts=hit.pop(link.id, []),
        )
        return _record(told, names, site, signals)

    yield from _each(spells.incident_links, incident, signals)
    for key in hit:
        signals.append(Signal("bad-value", "component_impacts[].status_page_incident_id", f"{key}: no such incident"))


def _incident(raw: Any, names: Names, site: str, signals: list[Signal]) -> Incident:
    return _record(convert(raw, _Incident, signals, "incidents[]"), names, site, signals)


def _record(told: _Incident, names: Names, site: str, signals: list[Signal]) -> Incident:
    if not _ULID.fullmatch(told.id):
        raise ValueError("not an identifier of incident.io")
    state = look_up(STATES, told.status, signals, "incidents[].status")
    kind = look_up(KINDS, told.type, signals, "incidents[].type")
    planned = kind is Kind.MAINTENANCE or state in PLANNED
    written = sorted(told.updates or (), key=lambda update: update.published_at)
    messages = [_Message(u.id, utc(u.published_at), u.to_status, u.message_string) for u in written]
    impacts = _impacts(told, names, signals)
    severity = worst([impact.severity for impact in impacts])
    course = _course(told.id, told.published_at, messages, state in OVER)
    started, ended = _window(told) if planned else (course.started, course.ended)
    return Incident(
        key=told.id,
        title=verbatim(told.name),
        url=f"{site}/incidents/{told.id}",
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity,
        severity_text=next((i.severity_text for i in impacts if severity and i.severity == severity), None),
        state=state,
        state_text=told.status,
        started_at=started,
        ended_at=ended,
        first_posted_at=course.first_posted,
        resolved_posted_at=course.over_posted,
        updates=_updates(messages, signals, "incidents[].updates[].to_status"),
        impacts=impacts,
        postmortem_url=told.write_up_url,
    )


KINDS: Mapping[str, Kind] = {"incident": Kind.OUTAGE, "maintenance": Kind.MAINTENANCE}


def _impacts(told: _Incident, names: Names, signals: list[Signal]) -> tuple[Impact, ...]:
    """The spells of each component; those without any are named with what the incident makes of them."""
    where = "incidents[].component_impacts[].status"
    impacts = [
        Impact(
            component=_component(spell.component_id, names),
            severity=look_up(COMPONENT_STATES, spell.status, signals, where),
            severity_text=spell.status,
            started_at=utc(spell.start_at),
            ended_at=spell.end_at and utc(spell.end_at),
        )
        for spell in sorted(told.component_impacts or (), key=lambda spell: (spell.start_at, spell.component_id))
    ]
    named = {impact.component.key for impact in impacts if impact.component}
    for each in told.affected_components or ():
        if each.component_id not in named:
            severity = look_up(COMPONENT_STATES, each.status, signals, "incidents[].affected_components[].status")
            impacts.append(
                Impact(component=_component(each.component_id, names), severity=severity, severity_text=each.status)
            )
    return tuple(impacts)


def _window(told: _Incident) -> tuple[datetime | None, datetime | None]:
    """The planned bounds of a maintenance."""
    spans = [(spell.start_at, spell.end_at) for spell in told.component_impacts or ()] or [
        (each.start_at, each.end_at)
        for each in told.status_summaries or ()
        if COMPONENT_STATES.get(each.worst_component_status) is Severity.MAINTENANCE
    ]
    start = min((start for start, _ in spans), default=None)
    end = None if any(end is None for _, end in spans) else max((end for _, end in spans if end), default=None)
    return start and utc(start), end and utc(end)


# --- the widget ----------------------------------------------------------------------------------------


def _read_widget(document: Any) -> Page:
    signals: list[Signal] = []
    widget = _whole(document, _Widget, signals)
    raws = [
        *(widget.ongoing_incidents or ()),
        *(widget.in_progress_maintenances or ()),
        *(widget.scheduled_maintenances or ()),
    ]
    incidents = list(_each(raws, lambda raw: _event(raw, widget.page_url.rstrip("/"), signals), signals))
    return _page(incidents, signals, open_only=len(incidents) == len(raws))


def _event(raw: Any, site: str, signals: list[Signal]) -> Incident:
    told = convert(raw, _WidgetEvent, signals, "incidents[]")
    state = look_up(STATES, told.status, signals, "incidents[].status")
    planned = state in PLANNED
    severity = look_up(COMPONENT_STATES, told.current_worst_impact, signals, "incidents[].current_worst_impact")
    start, end = told.started_at or told.starts_at, told.scheduled_end_at or told.ends_at
    message = Update(
        posted_at=told.last_update_at and utc(told.last_update_at),
        state=state,
        state_text=told.status,
        text=verbatim(told.last_update_message),
    )
    return Incident(
        key=told.id,
        title=verbatim(told.name),
        url=told.url or f"{site}/incidents/{told.id}",
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity or (Severity.MAINTENANCE if planned else None),
        severity_text=told.current_worst_impact,
        state=state,
        state_text=told.status,
        started_at=start and utc(start),
        ended_at=end and utc(end),
        first_posted_at=_made(told.id),
        updates=(message,) if message.text else (),
        newest_only=True,
        impacts=tuple(
            Impact(
                component=Component(key=each.id, name=each.name, group=each.group_name),
                severity=look_up(
                    COMPONENT_STATES, each.current_status, signals, "affected_components[].current_status"
                ),
                severity_text=each.current_status,
            )
            for each in told.affected_components or ()
        ),
    )


# --- the imitation of Statuspage -----------------------------------------------------------------------


def _read_imitation(document: Any) -> Page:
    signals: list[Signal] = []
    told = _whole(document, _Like, signals)
    if not _ULID.fullmatch(told.page.id):
        raise Unreadable(f"looks like Statuspage itself, not incident.io: identifier {told.page.id[:40]!r}")
    if told.status:
        look_up(IMPACTS, told.status.indicator, signals, "status.indicator")
    site = told.page.url.rstrip("/")
    raws = [*(told.incidents or ()), *(told.scheduled_maintenances or ())]
    incidents = list(_each(raws, lambda raw: _like_incident(raw, site, signals), signals))
    components = [
        ComponentState(
            component=Component(key=each.id, name=each.name),
            severity=look_up(COMPONENT_STATES, each.status, signals, "components[].status"),
            severity_text=each.status,
        )
        for each in told.components or ()
    ]
    # With the state of the page comes what is open, alone: the list of incidents holds those of the past too.
    summary = told.status is not None and told.components is not None
    return _page(incidents, signals, components, open_only=summary and len(incidents) == len(raws))


def _like_incident(raw: Any, site: str, signals: list[Signal]) -> Incident:
    told = convert(raw, _LikeIncident, signals, "incidents[]")
    if not _ULID.fullmatch(told.id):
        raise ValueError("not an identifier of incident.io")
    state = look_up(STATES, told.status, signals, "incidents[].status")
    severity = look_up(IMPACTS, told.impact, signals, "incidents[].impact")
    planned = state in PLANNED or told.scheduled_for is not None or severity is Severity.MAINTENANCE
    written = sorted(told.incident_updates, key=lambda update: update.display_at or update.created_at)
    messages = [_Message(u.id, utc(u.display_at or u.created_at), u.status, u.body) for u in written]
    course = _course(told.id, told.created_at, messages, state in OVER)
    if planned:
        started = told.scheduled_for and utc(told.scheduled_for)
        ended = told.scheduled_until and utc(told.scheduled_until)
    else:
        started, ended = course.started, course.ended
    return Incident(
        key=told.id,
        title=verbatim(told.name),
        url=f"{site}/incidents/{told.id}",
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity,
        severity_text=told.impact,
        state=state,
        state_text=told.status,
        started_at=started,
        ended_at=ended,
        first_posted_at=course.first_posted,
        resolved_posted_at=course.over_posted,
        updates=_updates(messages, signals, "incidents[].incident_updates[].status"),
        impacts=tuple(Impact(component=Component(key=each.id, name=each.name)) for each in told.components or ()),
    )


# --- the feeds -----------------------------------------------------------------------------------------

#: What the feeds write, which is what the page shows. Pages in other languages write their own.
FEED_STATES: Mapping[str, State] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "scheduled": State.SCHEDULED,
    "in progress": State.IN_PROGRESS,
    "complete": State.COMPLETED,
    "completed": State.COMPLETED,
    "resolvido": State.RESOLVED,
    "concluído": State.COMPLETED,
}
_STATUS = re.compile(r"\s*<b>\s*Status:\s*([^<]+)</b>")
_AFFECTED = re.compile(r"<b>\s*Affected components\s*</b>")
_LISTED = re.compile(r"<li>(.*?)(?:\s\(([^()]*)\))?\s*</li>", re.DOTALL)


def _read_feed(capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if "incident.io" not in feed.generator and not any(_ULID.search(entry.link) for entry in feed.entries):
        raise Unreadable("a feed of another platform: neither its generator nor its links are those of incident.io")
    incidents = []
    for entry in feed.entries:
        when = dates.moment(entry.updated or entry.published, source, capture.fetched_at, signals, "entry.updated")
        try:
            incidents.append(_told_by_entry(entry, when, signals))
        except ValueError as error:
            signals.append(Signal("bad-incident", "entry", f"{entry.link[:80]}: {error}"))
    return _page(incidents, signals)


def _told_by_entry(entry: feeds.Entry, when: datetime | None, signals: list[Signal]) -> Incident:
    found = _ULID.search(entry.link) or _ULID.search(entry.id)
    if found is None:
        raise ValueError("no identifier of incident.io in its link")
    html = entry.content or entry.summary
    status = _STATUS.match(html)
    word = plain(status[1]) if status else None
    if word is None:
        signals.append(Signal("bad-value", "entry.content", f"{found[0]}: no status"))
    state = look_up(FEED_STATES, word, signals, "entry.content status")
    # The summary may have the components and the content not.
    whole = next((text for text in (entry.content, entry.summary) if _AFFECTED.search(text)), "")
    message, *listed = _AFFECTED.split(html[status.end() :] if status else html, maxsplit=1)
    listed = listed or _AFFECTED.split(whole, maxsplit=1)[1:]
    planned = state in PLANNED or "/maintenances/" in entry.link
    return Incident(
        key=found[0],
        title=entry.title,
        url=re.sub(r"(?<!:)//+", "/", entry.link),
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        state=state,
        state_text=word,
        first_posted_at=_made(found[0]),
        resolved_posted_at=when if state in OVER else None,
        updates=(Update(posted_at=when and utc(when), state=state, state_text=word, text=plain(message)),),
        newest_only=True,
        impacts=tuple(
            Impact(
                component=Component(key=None, name=plain(name)),
                severity=look_up(COMPONENT_STATES, now and now.replace(" ", "_"), signals, "entry.content li"),
                severity_text=now or None,
            )
            for name, now in _LISTED.findall(listed[0] if listed else "")
        ),
    )


# --- what to ask for -----------------------------------------------------------------------------------


def _find(root: str, html: str) -> Mapping[str, str]:
    """By the name the page has with incident.io, where it tells it; else by its host, which is as good."""
    name = re.search(r'\\?"subpath\\?":\\?"([\w.-]+)', html)
    proxy = f"{root}/proxy/{name[1] if name else urlsplit(root).netloc}"
    return {"summary": proxy, "incidents": f"{proxy}/incidents"}


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The summary tells since when there is a past."""
    return (Ask(_proxy(source)),)


def _proxy(source: Source) -> str:
    """The address of the summary, from any address of the same page."""
    found = re.match(r"(https?://[^/]+)(/proxy/[^/?]+)?", source.url)
    if found is None:
        raise ValueError(f"{source.url}: not an http(s) address")
    return found[0] if found[2] else f"{found[1]}/proxy/{urlsplit(source.url).netloc}"


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """From a summary, every window of its past, newest first; from anything else nothing."""
    try:
        document = msgspec.json.decode(capture.body or b"")
        since = datetime.fromisoformat(document["summary"]["data_available_since"]).astimezone(UTC)
    except (*BROKEN, LookupError, TypeError, AttributeError):
        return ()
    asks = []
    end = capture.fetched_at
    while end > since:
        start = max(end - WINDOW, since)
        bounds = f"start_at={_query(start)}&end_at={_query(end)}"
        asks += [Ask(f"{capture.url}/{what}?{bounds}") for what in ("incidents", "component_impacts")]
        end = start
    return asks


def _query(when: datetime) -> str:
    return quote(f"{when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z", safe="")


def _about(capture: Capture) -> About:
    """The name stands in the summary, wherever that stands."""
    told = data_of(capture, flight)
    for summary in having(told, "ongoing_incidents", "name"):
        return About(name=str(summary["name"]))
    for document in having(told, "page_title"):
        return About(name=str(document["page_title"]))
    for page in having(told, "id", "name", "url", "updated_at"):
        return About(name=str(page["name"]))
    return About()


PLATFORM = Platform(
    read=read,
    history=_history,
    older=_older,
    hosts=("statuspage.incident.io",),
    html=(r"incident-io-status-page", r"https://incident\.io/status-pages"),
    find=_find,
    about=_about,
)
