"""Better Stack (formerly Better Uptime): `/index.json` of a status page, a JSON:API document.

`data` is the page; `included` holds, told apart by `type`, its sections, its resources (the components: monitors, groups
of them, or things set by hand), its reports (incidents and maintenance), and the messages of those. A page of some age
shows the reports of about the last ninety days.

The HTML page is read for its components only; it draws the state of each, in words it tells that of whole sections.

Documented by the vendor; seen real: an HTML page of 2023-08 with all well, and one document of 2026-07 with maintenance past and ahead and with incidents that
were over. A report that is open, and one of type `automatic`, are known from the documents.

What one must know of the platform:

- There are no words for how far a repair has come. A message says what each resource is from then on, `resolved` among
  it; a message that names none leaves them as they are. So the spells of the resources follow from the messages.
- `starts_at` and `ends_at` are the operator's. `ends_at` is only there for maintenance, planned; an incident is over
  with the last message that resolves its resources. `affected_resources` of the report itself show what holds now.
- `published_at` is set back at will, and nothing tells when a message was written.
- A resource that a monitor watches goes down without a report: see the state of the resource.
- `status_history`, seconds of downtime by day as the monitor counted them, is left alone.

Times are UTC with `Z`; days of the history are those of the page's zone, which has the name Rails gives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from parsel import Selector

from crawler.catalog import Source
from crawler.platform import About, Platform, below_root, root_of
from crawler.reading.dates import utc
from crawler.reading.embedded import html_text
from crawler.reading.incidents import impacts_of
from crawler.reading.markup import plain, verbatim
from crawler.reading.payload import BROKEN, Ignored, Payload, Time, convert, json_of, unread
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
    worst,
)

#: Of a resource, as it is and as a message puts it. A monitor that is paused says nothing of its resource.
RESOURCE_STATES: Mapping[str, Severity | None] = {
    "operational": Severity.OPERATIONAL,
    "resolved": Severity.OPERATIONAL,
    "maintenance": Severity.MAINTENANCE,
    "degraded": Severity.DEGRADED,
    "downtime": Severity.MAJOR_OUTAGE,
    "not_monitored": None,
}
KINDS: Mapping[str, Kind] = {"manual": Kind.OUTAGE, "automatic": Kind.OUTAGE, "maintenance": Kind.MAINTENANCE}

#: The headline of a page on which all is well.
WELL = "All services are online"

#: Zones by the names Rails gives them, as far as status pages were seen or are likely to have them.
ZONES: Mapping[str, str] = {
    "UTC": "UTC",
    "London": "Europe/London",
    "Dublin": "Europe/Dublin",
    "Amsterdam": "Europe/Amsterdam",
    "Berlin": "Europe/Berlin",
    "Brussels": "Europe/Brussels",
    "Copenhagen": "Europe/Copenhagen",
    "Madrid": "Europe/Madrid",
    "Paris": "Europe/Paris",
    "Prague": "Europe/Prague",
    "Rome": "Europe/Rome",
    "Stockholm": "Europe/Stockholm",
    "Vienna": "Europe/Vienna",
    "Warsaw": "Europe/Warsaw",
    "Helsinki": "Europe/Helsinki",
    "Eastern Time (US & Canada)": "America/New_York",
    "Central Time (US & Canada)": "America/Chicago",
    "Mountain Time (US & Canada)": "America/Denver",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Brasilia": "America/Sao_Paulo",
    "Mumbai": "Asia/Kolkata",
    "New Delhi": "Asia/Kolkata",
    "Beijing": "Asia/Shanghai",
    "Hong Kong": "Asia/Hong_Kong",
    "Singapore": "Asia/Singapore",
    "Tokyo": "Asia/Tokyo",
    "Seoul": "Asia/Seoul",
    "Sydney": "Australia/Sydney",
}


class _PageAttributes(Payload):
    aggregate_state: str
    company_name: Ignored = None
    announcement: Ignored = None
    company_url: Ignored = None
    contact_url: Ignored = None
    created_at: Ignored = None
    custom_domain: Ignored = None
    logo_remote_url: Ignored = None
    logo_url: Ignored = None
    subdomain: Ignored = None
    timezone: Ignored = None
    updated_at: Ignored = None


class _PageData(Payload):
    type: str
    attributes: _PageAttributes
    id: Ignored = None
    relationships: Ignored = None


class _Document(Payload):
    data: _PageData
    included: list[Any]


class _Reference(Payload):
    id: str
    type: Ignored = None


class _References(Payload):
    data: list[_Reference]


class _SectionAttributes(Payload):
    name: str | None
    position: Ignored = None


class _Section(Payload):
    id: str
    type: str
    attributes: _SectionAttributes


class _ResourceAttributes(Payload):
    public_name: str
    status: str | None = None
    status_page_section_id: int | str | None = None
    availability: Ignored = None
    explanation: Ignored = None
    position: Ignored = None
    resource_id: Ignored = None
    resource_type: Ignored = None
    status_history: Ignored = None


class _Resource(Payload):
    id: str
    type: str
    attributes: _ResourceAttributes


class _Affected(Payload):
    status_page_resource_id: str | int
    status: str


class _UpdateAttributes(Payload):
    message: str | None
    published_at: Time
    affected_resources: list[_Affected] | None = None
    notify_subscribers: Ignored = None
    published_at_timezone: Ignored = None


class _Update(Payload):
    id: str
    type: str
    attributes: _UpdateAttributes
    relationships: Ignored = None


class _ReportAttributes(Payload):
    title: str
    report_type: str
    starts_at: Time
    ends_at: Time | None = None
    aggregate_state: str | None = None
    affected_resources: list[_Affected] | None = None
    status_page_id: Ignored = None


class _ReportRelationships(Payload):
    status_updates: _References | None = None


class _Report(Payload):
    id: str
    type: str
    attributes: _ReportAttributes
    relationships: _ReportRelationships | None = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """What one `index.json`, or the page itself, says. Raises Unreadable when the body is neither."""
    body = capture.body or b""
    html = html_text(body)
    if html is not None:
        return _read_html(html)
    signals: list[Signal] = []
    document = json_of(body, _Document, signals)
    if document.data.type != "status_page":
        raise Unreadable(f"not a status page but a {document.data.type}")
    look_up(RESOURCE_STATES, document.data.attributes.aggregate_state, signals, "data.attributes.aggregate_state")
    reading = _Reading(capture, signals)
    for raw in document.included:
        reading.keep(raw)
    components = [reading.component_state(resource) for resource in reading.resources.values()]
    return Page(
        incidents=tuple(reading.incidents()),
        components=tuple(components),
        signals=tuple(sorted(set(signals))),
    )


def _read_html(html: str) -> Page:
    """Components alone: a section that is well says so of all it holds; of one that is not, the page draws which."""
    if "betterstack.com" not in html and "betteruptime.com" not in html:
        raise Unreadable("an HTML page that is not of Better Stack")
    page = Selector(html)
    headline = plain(page.css("h1").get("")) or None
    sections = page.css("[data-target~='status-pages-v2--sections.section']")
    if headline is None or not sections:
        raise Unreadable("an HTML page of Better Stack without its sections")
    signals: list[Signal] = []
    if headline != WELL:  # what is wrong stands at /index.json
        signals.append(Signal("not-read", "h1", headline))
    components = []
    for section in sections:
        word = plain(section.css(".section-status-badge").get(""))
        well = look_up(RESOURCE_STATES, word, signals, ".section-status-badge") is Severity.OPERATIONAL
        group = plain(section.css("button .truncate").get("")) or None
        components += [
            ComponentState(
                component=Component(key=None, name=plain(name), group=group),
                severity=Severity.OPERATIONAL if well else None,
                severity_text=word,
            )
            for name in section.css(".section-content .truncate").getall()
        ]
    return Page(components=tuple(components), signals=tuple(sorted(set(signals))))


class _Reading:
    """What a document includes, by kind and identifier."""

    def __init__(self, capture: Capture, signals: list[Signal]) -> None:
        self.root = root_of(capture.url)
        self.fetched_at = capture.fetched_at
        self.signals = signals
        self.sections: dict[str, str] = {}
        self.resources: dict[str, _Resource] = {}
        self.updates: dict[str, _Update] = {}
        self.reports: list[_Report] = []

    def keep(self, raw: Any) -> None:
        """Sort in one of those included; one that cannot be read becomes a signal."""
        kind = raw.get("type") if isinstance(raw, dict) else None
        try:
            if kind == "status_page_section":
                section = convert(raw, _Section, self.signals, "included[section]")
                self.sections[section.id] = verbatim(section.attributes.name)
            elif kind == "status_page_resource":
                resource = convert(raw, _Resource, self.signals, "included[resource]")
                self.resources[resource.id] = resource
            elif kind == "status_update":
                update = convert(raw, _Update, self.signals, "included[update]")
                self.updates[update.id] = update
            elif kind == "status_report":
                self.reports.append(convert(raw, _Report, self.signals, "included[report]"))
            else:
                self.signals.append(Signal("unknown-word", "included[].type", str(kind)))
        except BROKEN as error:
            what = "bad-incident" if kind in ("status_report", "status_update") else "bad-component"
            self.signals.append(unread(raw, error, f"included[{kind}]", kind=what))

    def component(self, key: str) -> Component:
        """A resource under the heading of its section."""
        resource = self.resources.get(key)
        if resource is None:
            self.signals.append(Signal("unknown-component", "status_page_resource_id", key))
            return Component(key=key, name=key)
        section = self.sections.get(str(resource.attributes.status_page_section_id))
        return Component(key=key, name=verbatim(resource.attributes.public_name), group=section or None)

    def component_state(self, resource: _Resource) -> ComponentState:
        """What a resource is now."""
        word = resource.attributes.status
        return ComponentState(
            component=self.component(resource.id),
            severity=look_up(RESOURCE_STATES, word, self.signals, "included[resource].attributes.status"),
            severity_text=word or "",
        )

    def incidents(self) -> Iterator[Incident]:
        """Every report, with its messages."""
        for report in self.reports:
            messages = []
            for reference in _references(report):
                if reference in self.updates:
                    messages.append(self.updates[reference])
                else:
                    detail = f"{report.id}: update {reference} is not included"
                    self.signals.append(Signal("bad-value", "included[report].relationships.status_updates", detail))
            messages.sort(
                key=lambda update: (update.attributes.published_at, int(update.id) if update.id.isdigit() else 0)
            )
            yield self.incident(report, messages)

    def incident(self, report: _Report, messages: list[_Update]) -> Incident:
        """One report."""
        told = report.attributes
        kind = look_up(KINDS, told.report_type, self.signals, "included[report].attributes.report_type")
        planned = kind is Kind.MAINTENANCE
        now = look_up(
            RESOURCE_STATES, told.aggregate_state, self.signals, "included[report].attributes.aggregate_state"
        )
        over = now is Severity.OPERATIONAL
        closing = _closing(messages) if over else None
        closed = utc(closing.attributes.published_at) if closing else None
        start, end = utc(told.starts_at), told.ends_at and utc(told.ends_at)
        posted = utc(messages[0].attributes.published_at) if messages else start
        impacts = self.window(told, start, end) if planned else self.spells(told, messages, closed)
        severity = worst([impact.severity for impact in impacts])
        state: State | None
        if planned:
            state = State.COMPLETED if over else State.SCHEDULED if start > self.fetched_at else State.IN_PROGRESS
        else:
            state = State.RESOLVED if over else None
        return Incident(
            key=report.id,
            title=verbatim(told.title),
            url=f"{self.root}/incident/{report.id}",
            kind=kind or Kind.OUTAGE,
            severity=severity or (Severity.MAINTENANCE if planned else None),
            severity_text=next((i.severity_text for i in impacts if severity and i.severity is severity), None),
            state=state,
            state_text=told.aggregate_state,
            started_at=start,
            ended_at=end,
            first_posted_at=posted if posted <= self.fetched_at else None,  # a maintenance ahead bears its time
            resolved_posted_at=closed,
            updates=tuple(self.update(update) for update in messages),
            impacts=impacts,
        )

    def update(self, told: _Update) -> Update:
        """One message; its state is what it says of the resources, where that is one thing."""
        words = list(dict.fromkeys(each.status for each in told.attributes.affected_resources or ()))
        return Update(
            key=told.id,
            posted_at=utc(told.attributes.published_at),
            state=State.RESOLVED if _resolves(told) else None,
            state_text=", ".join(words) or None,
            text=verbatim(told.attributes.message),
        )

    def window(self, told: _ReportAttributes, start: datetime, end: datetime | None) -> tuple[Impact, ...]:
        """Under maintenance from then until then."""
        return tuple(
            Impact(
                component=self.component(str(each.status_page_resource_id)),
                severity=Severity.MAINTENANCE,
                severity_text="maintenance",
                started_at=start,
                ended_at=end,
            )
            for each in told.affected_resources or ()
        )

    def spells(self, told: _ReportAttributes, messages: list[_Update], end: datetime | None) -> tuple[Impact, ...]:
        """The spells of each resource, by what the messages say of it; those without any are merely named."""
        where = "included[update].attributes.affected_resources[].status"
        changes: dict[str, list[tuple[datetime, Severity | None]]] = {}
        words: dict[str, dict[Severity | None, str]] = {}
        for update in messages:
            for each in update.attributes.affected_resources or ():
                key = str(each.status_page_resource_id)
                severity = look_up(RESOURCE_STATES, each.status, self.signals, where)
                changes.setdefault(key, []).append((utc(update.attributes.published_at), severity))
                words.setdefault(key, {}).setdefault(severity, each.status)
        impacts = [
            impact
            for key, changed in changes.items()
            for impact in impacts_of(self.component(key), changed, end, words[key].get)
        ]
        hit = {impact.component.key for impact in impacts if impact.component}
        named = [*changes, *(str(each.status_page_resource_id) for each in told.affected_resources or ())]
        return (*impacts, *(Impact(component=self.component(key)) for key in dict.fromkeys(named) if key not in hit))


def _references(report: _Report) -> list[str]:
    updates = report.relationships and report.relationships.status_updates
    return [reference.id for reference in updates.data] if updates else []


def _resolves(update: _Update) -> bool:
    """Whether a message says that everything it names is well."""
    words = {each.status for each in update.attributes.affected_resources or ()}
    return bool(words) and all(RESOURCE_STATES.get(word) is Severity.OPERATIONAL for word in words)


def _closing(messages: list[_Update]) -> _Update | None:
    """The message that said it was over, for good: what was resolved may have come back."""
    found = None
    for update in reversed(messages):
        if _resolves(update):
            found = update
        elif update.attributes.affected_resources:
            break
    return found


def _about(capture: Capture) -> About:
    """Name and zone stand in the attributes of the page."""
    try:
        attributes = msgspec.json.decode(capture.body or b"")["data"]["attributes"]
        zone = str(attributes.get("timezone") or "")
        return About(name=attributes.get("company_name"), timezone=ZONES.get(zone) or (zone if "/" in zone else None))
    except (*BROKEN, LookupError, TypeError, AttributeError):
        return About()


PLATFORM = Platform(
    read=read,
    hosts=("betteruptime.com",),
    html=(r"uptime\.betterstack\.com/(?:packs|assets)", r"betteruptime\.com/(?:packs|assets)"),
    find=below_root(index="/index.json"),
    about=_about,
)
