"""Instatus: what is open (`/summary.json`), and the page itself, which holds everything.

What is read is told by the shape of the body:

| body | has |
| --- | --- |
| `/summary.json`, `/v3/summary.json` | page and what is open, without messages; lists are left out when empty |
| `/v3/components.json` | components, as they are now |
| the HTML page, `/history/<n>` | in its flight stream (older pages: `__NEXT_DATA__`): components, what is open with its messages, the incidents of 90 days by name, and the spells of each component in them |

Seen real: a summary of 2026-07 with one open incident and an HTML page of 2026-03. Maintenance, `components.json` and
the JavaScript dates are known from the vendor's documents; no page of the history has been seen.

What one must know of the platform:

- Identifiers are CUIDs: `c` and eight digits to the base of 36, the millisecond in which they were made. `started` is
  the operator's: where it lies before that moment it was set back, and the identifier tells when it was written.
- `impact` of an incident is what holds now: it becomes `OPERATIONAL` while the incident is watched. What happened stands
  in `componentsUptime.<component>.outages`, spells with the incident they belong to (`noticeId`); spells of
  `OPERATIONAL` among them say that it was well.
- A spell without an end may belong to an incident that is over: its operator resolved it and left the components as they
  were, and the page still shows them down. The spell ends with its incident here; the state of the component is
  reported as the page has it.
- `components[].status` within an incident is what they are now, whatever incident did it.
- The page's own word (`page.status`) has many forms: `UP`, `HASISSUES`, `ONEMAJOROUTAGE`, `SOMEDEGRADEDPERFORMANCE` ...
- Texts on the page stand by language, `default` among them.
- Nobody says how long a maintenance takes but in minutes.

Times are RFC 3339, or as JavaScript prints them (`Sat Jun 11 2022 18:55:50 GMT+0000 (...)`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform, below_root, root_of
from crawler.reading import dates
from crawler.reading.embedded import data_of, flight, having, html_text, script
from crawler.reading.incidents import first_told, oldest_first, posted
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, all_read, convert, json_of, readable, required
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

COMPONENT_STATES: Mapping[str, Severity] = {
    "operational": Severity.OPERATIONAL,
    "undermaintenance": Severity.MAINTENANCE,
    "degradedperformance": Severity.DEGRADED,
    "partialoutage": Severity.PARTIAL_OUTAGE,
    "minoroutage": Severity.PARTIAL_OUTAGE,
    "majoroutage": Severity.MAJOR_OUTAGE,
}
#: Of an incident: one that takes nothing down is a notice.
IMPACTS: Mapping[str, Severity] = {**COMPONENT_STATES, "operational": Severity.NOTICE}
STATES: Mapping[str, State] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "notstartedyet": State.SCHEDULED,
    "inprogress": State.IN_PROGRESS,
    "verifying": State.VERIFYING,
    "completed": State.COMPLETED,
}

_PAGE_STATE = re.compile(
    r"UP|HASISSUES|(?:ALL|SOME|ONE)?(?:UNDERMAINTENANCE|DEGRADEDPERFORMANCE|(?:PARTIAL|MINOR|MAJOR)OUTAGE)"
)
#: How Checkly, which imitates the summary, calls its pages.
_CHECKLY = re.compile(r"OPERATIONAL|[A-Z]+_[A-Z_]+")
_CUID = re.compile(r"c[0-9a-z]{24,}")

#: A text, or the same text by language.
Text = str | dict[str, str | None] | None


class _Component(Payload, rename="camel"):
    """A component within an incident: as it is now."""

    id: str
    name: Text = None
    order: Ignored = None
    show_uptime: Ignored = None
    site: Ignored = None
    status: Ignored = None


class _Update(Payload, rename="camel"):
    id: str
    started: str
    status: str
    message: Text = None
    message_html: Text = None
    attachments: Ignored = None
    created_at: Ignored = None
    duration: Ignored = None
    ended: Ignored = None
    notify: Ignored = None


class _Notice(Payload, rename="camel"):
    """An incident (`started`) or a maintenance (`start`, `duration` in minutes)."""

    name: Text
    status: str
    id: str | None = None
    url: str | None = None
    started: str | None = None
    start: str | None = None
    duration: str | int | float | None = None
    resolved: str | None = None
    impact: str | None = None
    components: list[_Component] | None = None
    updates: list[_Update] | None = None
    auto_end: Ignored = None
    auto_start: Ignored = None
    notify_early: Ignored = None
    notify_end: Ignored = None
    notify_minutes: Ignored = None
    notify_start: Ignored = None
    updated_at: Ignored = None


class _PageInfo(Payload, rename="camel"):
    status: str
    name: Ignored = None
    url: Ignored = None


class _Summary(Payload, rename="camel"):
    page: _PageInfo
    active_incidents: list[Any] | None = None
    active_maintenances: list[Any] | None = None


class _Group(Payload, rename="camel"):
    name: Text = None
    id: Ignored = None
    description: Ignored = None


class _Listed(Payload, rename="camel"):
    """A component of the page. `isParent`: a heading, with those below it in `children`."""

    id: str
    name: Text
    status: str
    group: _Group | None = None
    is_parent: bool = False
    children: list[Any] | None = None
    archived_at: Ignored = None
    description: Ignored = None
    description_html: Ignored = None
    is_collapsed: Ignored = None
    is_third_party: Ignored = None
    metrics: Ignored = None
    name_html: Ignored = None
    order: Ignored = None
    show_uptime: Ignored = None
    start_date: Ignored = None
    third_party_component_service: Ignored = None
    unique_email: Ignored = None


class _Spell(Payload, rename="camel"):
    """`from`, `to`: one state of a component in the course of an incident."""

    status: str
    since: str = msgspec.field(name="from")
    notice_id: str | None = None
    to: str | None = None
    custom_impact_percentage: Ignored = None
    id: Ignored = None
    incident_update_id: Ignored = None
    is_custom_percentage: Ignored = None


class _Reading:
    """One capture being read: where times are understood and what is odd is noted."""

    def __init__(self, capture: Capture, source: Source) -> None:
        self.capture = capture
        self.source = source
        self.signals: list[Signal] = []
        self.root = root_of(capture.url)
        self.names: dict[str, Component] = {}
        self.spells: dict[str, list[tuple[str, _Spell]]] = {}

    def time(self, text: str | None, where: str, planned: bool = False) -> datetime | None:
        """None, and a signal, when it is no time."""
        return dates.moment(text or None, self.source, self.capture.fetched_at, self.signals, where, planned=planned)

    def page(
        self, incidents: Iterable[Incident], components: Iterable[ComponentState] = (), open_only: bool = False
    ) -> Page:
        """All of it, each signal once. `open_only`: it lists what is open, as far as that could be read."""
        told = first_told(incidents)
        return Page(
            incidents=told,
            components=tuple(components),
            signals=tuple(sorted(set(self.signals))),
            open_only=open_only and all_read(self.signals),
        )


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    reading = _Reading(capture, source)
    html = html_text(capture.body)
    if html is not None:
        return _read_html(html, reading)
    document = json_of(capture, dict[str, Any])
    page = document.get("page")
    if isinstance(page, dict) and isinstance(page.get("status"), str):  # Statuspage keeps it beside the page
        return _read_summary(document, reading)
    if document.keys() == {"components"} and isinstance(document["components"], list):
        return reading.page((), list(_components(document["components"], reading)))
    raise Unreadable(f"not a document of Instatus; it has {', '.join(sorted(document)) or 'nothing'}")


def _read_summary(document: Any, reading: _Reading) -> Page:
    summary = required(document, _Summary, reading.signals, "a summary of Instatus")
    raws = [*(summary.active_incidents or ()), *(summary.active_maintenances or ())]
    if _CHECKLY.fullmatch(summary.page.status) or any(isinstance(raw, dict) and "startedAt" in raw for raw in raws):
        raise Unreadable(f"looks like Checkly, not Instatus: {summary.page.status!r}")
    _check_page_state(summary.page.status, "page.status", reading)
    return reading.page(_each(raws, reading), open_only=True)


def _check_page_state(word: str, where: str, reading: _Reading) -> None:
    if not _PAGE_STATE.fullmatch(word):
        reading.signals.append(Signal("unknown-word", where, word))


def _read_html(html: str, reading: _Reading) -> Page:
    rows = flight(html) or script(html, "__NEXT_DATA__")
    shown = next(having(rows, "site", "activeIncidents"), None) or next(having(rows, "site", "children"), None)
    site = shown["site"] if shown else None
    if not isinstance(site, dict) or not isinstance(site.get("components"), list):
        raise Unreadable("an HTML page without the data of Instatus in it")
    # Of the page's settings, which are many, no more than its state and components are looked at.
    for field in ("status", "mainStatus"):
        if isinstance(site.get(field), str):
            _check_page_state(site[field], f"site.{field}", reading)
    components = list(_components(site["components"], reading))
    for key, uptime in (shown or {}).get("componentsUptime", {}).items():
        for raw in uptime.get("outages") or ():
            _keep_spell(key, raw, reading)
    notices = (shown or {}).get("notices")
    told = [
        *having(rows, "updates", "name", "status", "components"),
        *(notices.values() if isinstance(notices, dict) else notices or ()),
    ]
    return reading.page(_each(told, reading), components)


def _keep_spell(component: str, raw: Any, reading: _Reading) -> None:
    try:
        spell = convert(raw, _Spell, reading.signals, "componentsUptime.*.outages[]")
    except BROKEN as error:
        reading.signals.append(Signal("bad-value", "componentsUptime.*.outages[]", f"{component}: {error}"))
        return
    if spell.notice_id is None:
        reading.signals.append(Signal("bad-value", "componentsUptime.*.outages[].noticeId", f"{component}: none"))
    else:
        reading.spells.setdefault(spell.notice_id, []).append((component, spell))


def _components(raws: Iterable[Any], reading: _Reading, heading: str | None = None) -> Iterator[ComponentState]:
    """The components themselves; headings lend them their name."""
    for raw in raws:
        try:
            told = convert(raw, _Listed, reading.signals, "components[]")
        except BROKEN as error:
            reading.signals.append(Signal("bad-component", "components[]", str(error)))
            continue
        name = _text(told.name) or told.id
        if told.children:
            yield from _components(told.children, reading, name)
        if told.is_parent or told.children or told.id in reading.names:
            continue
        component = Component(key=told.id, name=name, group=heading or (told.group and _text(told.group.name)) or None)
        reading.names[told.id] = component
        severity = look_up(COMPONENT_STATES, told.status, reading.signals, "components[].status")
        yield ComponentState(component=component, severity=severity, severity_text=told.status)


def _each(raws: Iterable[Any], reading: _Reading) -> Iterator[Incident]:
    """Each incident that can be read; one that cannot becomes a signal."""

    def incident(raw: Any) -> Incident:
        return _incident(convert(raw, _Notice, reading.signals, "notices[]"), reading)

    return readable(raws, incident, reading.signals, "notices[]", ("id", "url"))


def _text(text: Text) -> str:
    """The text in the language of the page."""
    if isinstance(text, dict):
        text = text.get("default") or next((value for value in text.values() if value), None)
    return plain(text or "")


def _made(key: str) -> datetime | None:
    """When an identifier was made; None when it is no CUID."""
    if not _CUID.fullmatch(key):
        return None
    made = datetime.fromtimestamp(int(key[1:9], 36) / 1000, UTC)
    return made.replace(microsecond=0) if 2015 < made.year < 2059 else None


def _posted(key: str, shown: datetime | None) -> datetime | None:
    """When something was written: as its identifier says where the time it bears was set back."""
    made = _made(key)
    return made if shown is None else posted(shown, made)


def _incident(told: _Notice, reading: _Reading) -> Incident:
    key = told.id or (told.url or "").rstrip("/").rsplit("/", 1)[-1]
    if not key:
        raise ValueError("neither id nor url")
    signals = reading.signals
    state = look_up(STATES, told.status, signals, "notices[].status")
    planned = state in PLANNED or told.start is not None
    impact = look_up(IMPACTS, told.impact, signals, "notices[].impact")
    shown = reading.time(told.started, "notices[].started")
    resolved = reading.time(told.resolved, "notices[].resolved")
    first = _posted(key, shown)
    updates = oldest_first(_updates(told, reading))
    over = next((_posted(u.key or "", u.posted_at) for u in updates if u.state in OVER), None)
    if planned:
        started = reading.time(told.start or told.started, "notices[].start", planned=True)
        ended = _end(started, told.duration, signals)
    else:
        started, ended = (shown if shown and first and first > shown else None), None
    impacts = _impacts(told, key, started or first, resolved, reading)
    severity = worst([impact, *(each.severity for each in impacts)])
    return Incident(
        key=key,
        title=_text(told.name),
        url=told.url or f"{reading.root}/{key}",
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity or (Severity.MAINTENANCE if planned else None),
        severity_text=told.impact,
        state=state,
        state_text=told.status,
        started_at=started,
        ended_at=ended,
        first_posted_at=_made(key) if planned else first,
        resolved_posted_at=(over or resolved) if state in OVER else None,
        updates=tuple(updates),
        impacts=impacts,
    )


def _end(start: datetime | None, minutes: str | float | None, signals: list[Signal]) -> datetime | None:
    """The planned end of a maintenance."""
    if start is None or minutes in (None, ""):
        return None
    try:
        return start + timedelta(minutes=float(minutes or 0))
    except (ValueError, OverflowError):
        signals.append(Signal("bad-value", "notices[].duration", str(minutes)[:40]))
        return None


def _updates(told: _Notice, reading: _Reading) -> Iterator[Update]:
    for update in told.updates or ():
        yield Update(
            key=update.id,
            posted_at=reading.time(update.started, "notices[].updates[].started"),
            state=look_up(STATES, update.status, reading.signals, "notices[].updates[].status"),
            state_text=update.status,
            text=_text(update.message_html) or _text(update.message),
        )


def _impacts(
    told: _Notice, key: str, start: datetime | None, resolved: datetime | None, reading: _Reading
) -> tuple[Impact, ...]:
    """The spells of each component, closed with the incident; those without any are merely named."""
    impacts = []
    hit: set[str] = set()
    for component, spell in reading.spells.get(key, ()):
        hit.add(component)
        severity = look_up(COMPONENT_STATES, spell.status, reading.signals, "componentsUptime.*.outages[].status")
        if severity is Severity.OPERATIONAL:
            continue
        since = reading.time(spell.since, "componentsUptime.*.outages[].from")
        impacts.append(
            Impact(
                component=reading.names.get(component) or Component(key=component, name=component),
                severity=severity,
                severity_text=spell.status,
                started_at=since or start,
                ended_at=reading.time(spell.to, "componentsUptime.*.outages[].to") or resolved,
            )
        )
    impacts.sort(key=lambda impact: impact.started_at or datetime.max.replace(tzinfo=UTC))
    for each in told.components or ():
        if each.id not in hit:
            known = reading.names.get(each.id) or Component(key=each.id, name=_text(each.name) or each.id)
            impacts.append(Impact(component=known))
    return tuple(impacts)


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The first page of the past."""
    return (Ask(f"{root_of(source.url)}/history/1"),)


def _older(capture: Capture, source: Source) -> Iterable[Ask]:
    """The next page, for as long as there are incidents."""
    number = re.search(r"/history/(\d+)$", capture.url)
    try:
        more = number is not None and read(capture, source).incidents
    except Unreadable:
        return ()
    return (Ask(f"{capture.url[: number.start()]}/history/{int(number[1]) + 1}"),) if number and more else ()


def _about(capture: Capture) -> About:
    """The name stands in the summary, and among the settings of the page."""
    told = data_of(capture, flight)
    for page in (*having(told, "name", "url", "status"), *having(told, "name", "subdomain")):
        return About(name=_text(page["name"]) or None)
    return About()


PLATFORM = Platform(
    read=read,
    history=_history,
    older=_older,
    hosts=("instatus.com",),
    html=(r"instatus\.com/(?:user-content|api/og)", r"lang\.instatus\.com"),
    find=below_root(summary="/summary.json", page="/"),
    about=_about,
)
