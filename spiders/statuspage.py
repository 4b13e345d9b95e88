"""Atlassian Statuspage: JSON API (`/api/v2/*.json`, `/incidents/<code>.json`), history feeds and the list of the past.

What is read is told by the shape of the body, never by who published it:

| body | has |
| --- | --- |
| `summary.json` | page, status, components, open incidents, maintenances |
| `incidents.json`, `incidents/unresolved.json`, `scheduled-maintenances*.json` | page and one list |
| `components.json`, `status.json` | page and what stands at this moment |
| `/incidents/<code>.json` | page and one full record; also kept without its envelope |
| `history.atom`, `history.rss` | the 25 newest, each with all its updates as one piece of HTML |
| `/history?page=<n>`, also `/history.json` | three months, newest first: code, title, impact and span of each incident |

Documented at confluence.status.atlassian.com/api; the rest was learnt from payloads of 2016 to 2026.

The list of the past stands in the attribute `data-react-props` of a page's HTML, and goes back as far as there are
incidents, also to before the page itself was made. It has no messages and tells minutes: no more than what there is to
ask for. Real lists of 2026 have been read.

Times: the JSON carries offsets (those of the page's zone in old payloads, Z today). The feeds write
`Jun 8, 19:23 UTC` without a year, with the page's abbreviation of its zone. All become UTC, cut to
whole seconds.

What one must know of the platform:

- `components[]` of an incident shows what they are *now*. What happened to them stands in
  `incident_updates[].affected_components[]`; entries whose state stays as it was are common.
- `display_at` is the operator's time of an update, `created_at` the system's. Where the first lies
  clearly before the second, the operator says when it *was*, not when he wrote.
- `created_at` of an incident is the time of its first update, operator's time included. `started_at`
  is the same a few milliseconds earlier, but takes on other updates' times when those are edited.
- Other platforms imitate this API; their identifiers are not twelve letters and digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from html import unescape
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform, below_root, root_of
from crawler.reading import feeds
from crawler.reading.dates import month_number, utc
from crawler.reading.incidents import CARRIED_OVER, MOMENT, impacts_of
from crawler.reading.markup import plain, sections
from crawler.reading.payload import BROKEN, Ignored, Payload, Time, body_of, decode, readable
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
    instant,
)

IMPACTS: Mapping[str, Severity] = {
    "none": Severity.NOTICE,
    "maintenance": Severity.MAINTENANCE,
    "minor": Severity.DEGRADED,
    "major": Severity.PARTIAL_OUTAGE,
    "critical": Severity.MAJOR_OUTAGE,
}
COMPONENT_STATES: Mapping[str, Severity | None] = {
    "": None,  # a component nobody has set yet
    "operational": Severity.OPERATIONAL,
    "under_maintenance": Severity.MAINTENANCE,
    "degraded_performance": Severity.DEGRADED,
    "partial_outage": Severity.PARTIAL_OUTAGE,
    "major_outage": Severity.MAJOR_OUTAGE,
}
STATES: Mapping[str, State | None] = {
    **{str(state): state for state in State},
    "update": None,  # one more message, the state stays
}

#: `incidents.json` holds no more than this; when it holds fewer, it holds all there are.
LISTED = 50
#: How far back operators date an incident they write up afterwards: hours as a rule, two days at times.
BACKDATED = timedelta(days=3)

#: What a document has beside `page`, at least one of them.
_PARTS = frozenset({"status", "components", "incident", "incidents", "scheduled_maintenances"})
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_CODE = re.compile(r"[a-z0-9]{12}")
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")

T = TypeVar("T")
#: What abbreviations of zones mean.
Zones = tuple[tuple[str, str], ...]


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    body = body_of(capture)
    if body[:1] in (b"{", b"["):
        return _read_json(body, capture.url, _zones(source))
    if re.match(rb"(?i)<(\?xml|feed|rss)\b", body):
        return _read_feed(capture, source)
    if listed := _PROPS.search(body):
        return _read_past(_props(listed), capture.url, _zones(source))
    what = "HTML" if re.match(rb"(?i)<(!doctype )?html\b", body) else "neither JSON nor a feed"
    raise Unreadable(f"{what}, begins with {body[:40]!r}")


# --- JSON: the shapes -------------------------------------------------------------------------------


class _PageInfo(Payload):
    id: str
    url: str = ""
    name: Ignored = None
    time_zone: Ignored = None
    updated_at: Ignored = None


class _PageStatus(Payload):
    indicator: str
    description: Ignored = None


class _Component(Payload):
    """A component as it is now; `group: true` is a heading, as bad as the worst below it."""

    id: str
    name: str
    status: str
    group: bool = False
    group_id: str | None = None
    components: Ignored = None  # of a heading: ids of those below
    created_at: Ignored = None
    updated_at: Ignored = None
    description: Ignored = None
    only_show_if_degraded: Ignored = None
    page_id: Ignored = None
    position: Ignored = None
    showcase: Ignored = None
    start_date: Ignored = None


class _Affected(Payload):
    """What an update did to a component. Until about 2017 a mere sentence in `name`, without a code."""

    name: str
    code: str | None = None
    new_status: str | None = None
    old_status: Ignored = None


class _IncidentUpdate(Payload):
    id: str
    status: str
    body: str | None
    created_at: Time
    display_at: Time | None = None
    affected_components: list[_Affected] | None = None
    custom_tweet: Ignored = None
    deliver_notifications: Ignored = None
    incident_id: Ignored = None
    tweet_id: Ignored = None
    twitter_updated_at: Ignored = None
    updated_at: Ignored = None
    wants_twitter_update: Ignored = None


class _Incident(Payload):
    id: str
    name: str
    status: str
    created_at: Time
    incident_updates: list[_IncidentUpdate]
    impact: str | None = None
    started_at: Time | None = None
    resolved_at: Time | None = None
    scheduled_for: Time | None = None
    scheduled_until: Time | None = None
    components: list[_Component] = msgspec.field(default_factory=list)
    postmortem_published_at: Time | None = None
    postmortem_body: str | None = None
    backfilled: Ignored = None
    impact_override: Ignored = None
    monitoring_at: Ignored = None
    page_id: Ignored = None
    postmortem_body_last_updated_at: Ignored = None
    postmortem_ignored: Ignored = None
    postmortem_notified_subscribers: Ignored = None
    postmortem_notified_twitter: Ignored = None
    reminder_intervals: Ignored = None
    scheduled_auto_completed: Ignored = None
    scheduled_auto_in_progress: Ignored = None
    scheduled_remind_prior: Ignored = None
    scheduled_reminded_at: Ignored = None
    shortlink: Ignored = None
    updated_at: Ignored = None


# --- JSON: the page ---------------------------------------------------------------------------------


def _read_json(body: bytes, url: str, zones: Zones) -> Page:
    try:
        parts = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a Statuspage document: {error}") from error
    except BROKEN as error:
        raise Unreadable(f"broken JSON: {error}") from error
    if "months" in parts:
        return _read_past(body, url, zones)
    signals: list[Signal] = []
    components: tuple[ComponentState, ...] = ()
    raws: list[bytes | msgspec.Raw] = []
    site = _site(url)
    if "page" not in parts and parts.keys() >= {"id", "incident_updates"}:
        raws.append(body)
    elif "page" not in parts or not parts.keys() & _PARTS:
        raise Unreadable(f"not a Statuspage document; it has {', '.join(sorted(parts)) or 'nothing'}")
    else:
        page = _part(parts.pop("page"), _PageInfo, signals, "page")
        try:
            _must_be_statuspage(page.id)
        except ValueError as error:
            raise Unreadable(str(error)) from error
        site = _site(page.url) or site
        if "status" in parts:
            status = _part(parts.pop("status"), _PageStatus, signals, "status")
            look_up(IMPACTS, status.indicator, signals, "status.indicator")
        if "components" in parts:
            components, odd = _components(bytes(parts.pop("components")))
            signals += odd
        if "incident" in parts:
            raws.append(parts.pop("incident"))
        for name in ("incidents", "scheduled_maintenances"):
            if name in parts:
                raws += _items(parts.pop(name), signals, name)
        for name, raw in parts.items():
            signals.append(Signal("unknown-field", name, bytes(raw)[:80].decode(errors="replace")))
    records = list(readable(raws, lambda raw: _record(bytes(raw), site), signals, "incidents[]"))
    signals += [signal for record in records for signal in record.signals]
    return Page(
        incidents=tuple(record.incident for record in records),
        components=components,
        signals=_distinct(signals),
        reach=_reach(url, records) if len(records) == len(raws) else None,
        open_only=_OPEN_ONLY.search(urlsplit(url).path) is not None and len(records) == len(raws),
    )


#: Addresses that list incidents for as long as they are open.
_OPEN_ONLY = re.compile(r"/(summary|incidents/unresolved|scheduled-maintenances/active)\.json$")


def _part(raw: msgspec.Raw, kind: type[T], signals: list[Signal], where: str) -> T:
    """A part without which the page means nothing."""
    try:
        return decode(raw, kind, signals, where)
    except BROKEN as error:
        raise Unreadable(f"{where}: {error}") from error


def _zones(source: Source) -> Zones:
    return tuple(sorted({"UTC": "UTC", "GMT": "UTC", **source.zones}.items()))


def _site(address: str) -> str:
    """The host of an address, "" when it is none."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _must_be_statuspage(code: str) -> None:
    """ValueError when an identifier is not one of Statuspage."""
    if not _CODE.fullmatch(code):
        who = "incident.io" if _ULID.fullmatch(code) else "another platform"
        raise ValueError(f"looks like {who}, not Statuspage: identifier {code[:40]!r}")


def _items(raw: msgspec.Raw, signals: list[Signal], where: str) -> list[msgspec.Raw]:
    if bytes(raw) == b"null":
        signals.append(Signal("bad-value", where, "null"))
        return []
    return _part(raw, list[msgspec.Raw], signals, where)


@lru_cache(maxsize=64)
def _components(raw: bytes) -> tuple[tuple[ComponentState, ...], tuple[Signal, ...]]:
    """The components themselves, and what was odd; headings only lend them their name.

    Cached, because most polls of a page change nothing here.
    """
    signals: list[Signal] = []
    known: list[_Component] = []
    for item in _items(msgspec.Raw(raw), signals, "components"):
        try:
            known.append(decode(item, _Component, signals, "components[]"))
        except BROKEN as error:
            signals.append(Signal("bad-component", "components[]", str(error)))
    groups = {component.id: component.name for component in known if component.group}
    states = []
    for component in known:
        if component.group:
            continue
        if component.group_id and component.group_id not in groups:
            signals.append(Signal("unknown-component", "components[].group_id", component.group_id))
        states.append(
            ComponentState(
                component=Component(key=component.id, name=component.name, group=groups.get(component.group_id or "")),
                severity=look_up(COMPONENT_STATES, component.status, signals, "components[].status"),
                severity_text=component.status,
            )
        )
    return tuple(states), tuple(signals)


class _Record(NamedTuple):
    """One incident, what was odd about it, and where the vendor sorts it (see `_reach`)."""

    incident: Incident
    signals: tuple[Signal, ...]
    rank: datetime


def _distinct(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Each signal once, an unknown field once wherever it stands."""
    single: dict[tuple[str, ...], Signal] = {}
    for signal in signals:
        unknown_field = signal.kind == "unknown-field"
        single.setdefault((signal.kind, signal.where, "" if unknown_field else signal.detail), signal)
    return tuple(sorted(single.values()))


def _reach(url: str, records: Sequence[_Record]) -> datetime | None:
    """After which instant `incidents.json` holds every incident.

    Its order, and so what drops out, goes by `resolved_at`, or `created_at` of what is open (so open
    ones need not come first). Whatever began after the lowest such time on a full list sorts above
    it, so it is listed. `BACKDATED` is left in between, for one dated back before it was written.
    """
    address = urlsplit(url)
    if not records or address.query or not address.path.endswith("/api/v2/incidents.json"):
        return None
    if len(records) < LISTED:
        return _BEGINNING
    return min(record.rank for record in records) + BACKDATED


# --- JSON: one incident -----------------------------------------------------------------------------


@lru_cache(maxsize=2048)
def _record(document: bytes, site: str) -> _Record:
    """One incident. Cached, because a page that is polled for years repeats the same bytes.

    Raises msgspec.DecodeError when it has another shape, ValueError when it is another platform's.
    """
    signals: list[Signal] = []
    told = decode(document, _Incident, signals, "incidents[]")
    _must_be_statuspage(told.id)
    if any(affected.code for update in told.incident_updates for affected in update.affected_components or ()):
        told.components = []  # what they are at this moment, which changes while nothing is said
    return _built(msgspec.json.encode(told), site, tuple(signals))


@lru_cache(maxsize=2048)
def _built(document: bytes, site: str, noted: tuple[Signal, ...]) -> _Record:
    """An incident from the fields that are used, cached once more: most polls change none of them."""
    signals = list(noted)
    told = msgspec.json.decode(document, type=_Incident)
    written = sorted(told.incident_updates, key=lambda update: (_display(update), update.created_at))
    updates = [_update(update, signals) for update in written]
    if told.postmortem_body:
        updates.append(_postmortem(told))
    state = look_up(STATES, told.status, signals, "incidents[].status")
    severity = look_up(IMPACTS, told.impact, signals, "incidents[].impact")
    planned = state in PLANNED or told.scheduled_for is not None or severity == Severity.MAINTENANCE
    first = min((_posted(update) for update in written), default=utc(told.created_at))
    over = _closing(told, written) if state in OVER else None
    started, ended = _window(told, first) if planned else _backdated(told, first, over)
    incident = Incident(
        key=told.id,
        title=plain(told.name),
        url=f"https://{site}/incidents/{told.id}",
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity,
        severity_text=told.impact,
        state=state,
        state_text=told.status,
        started_at=started,
        ended_at=ended,
        first_posted_at=first,
        resolved_posted_at=over and over.posted,
        updates=tuple(updates),
        impacts=_impacts(told, over and over.posted, signals),
        postmortem_at=next((u.posted_at for u in updates if u.state == State.POSTMORTEM), None),
    )
    return _Record(incident, tuple(signals), utc(told.resolved_at or told.created_at))


def _display(update: _IncidentUpdate) -> datetime:
    """The time the page shows beside an update."""
    return utc(update.display_at or update.created_at)


def _posted(update: _IncidentUpdate) -> datetime:
    """When an update was written, whatever time the operator gave it."""
    shown, written = _display(update), utc(update.created_at)
    return shown if written - shown > CARRIED_OVER else written


def _update(update: _IncidentUpdate, signals: list[Signal]) -> Update:
    return Update(
        key=update.id,
        posted_at=_display(update),
        state=look_up(STATES, update.status, signals, "incidents[].incident_updates[].status"),
        state_text=update.status,
        text=plain(update.body or ""),
    )


def _postmortem(told: _Incident) -> Update:
    """Old records keep it beside the updates; today it is an update of its own."""
    published = told.postmortem_published_at
    return Update(
        posted_at=published and utc(published),
        state=State.POSTMORTEM,
        text=plain(told.postmortem_body or ""),
    )


class _Closing(NamedTuple):
    """The end of an incident: the vendor's time of it, and when that was posted."""

    time: datetime
    posted: datetime


def _closing(told: _Incident, written: Sequence[_IncidentUpdate]) -> _Closing | None:
    """How an incident that is over ended; None when neither a field nor an update says when."""
    closing = [update for update in written if STATES.get(update.status) in OVER - {State.POSTMORTEM}]
    if told.resolved_at is None:
        return _Closing(_display(closing[0]), _posted(closing[0])) if closing else None
    time = utc(told.resolved_at)
    update = next((update for update in closing if _display(update) == time), closing[-1] if closing else None)
    return _Closing(time, _posted(update) if update else time)


def _window(told: _Incident, first: datetime) -> tuple[datetime | None, datetime | None]:
    """The planned bounds of a maintenance; without `scheduled_for`, `started_at` where it is a time of its own."""
    start, end = told.scheduled_for, told.scheduled_until
    if start is None and told.started_at and abs(utc(told.started_at) - first) > MOMENT:
        start = told.started_at
    return start and utc(start), end and utc(end)


def _backdated(told: _Incident, first: datetime, over: _Closing | None) -> tuple[datetime | None, datetime | None]:
    """When an outage began and ended, where the operator gave those times apart from the posting.

    A start counts when it lies before the first word of it, and `created_at` agrees: a later
    `started_at` is the time of some update that was edited. One and the same time for both is
    neither: an incident written up afterwards by a single message.
    """
    start = told.started_at and utc(told.started_at)
    if start and (first - start <= MOMENT or start - utc(told.created_at) > MOMENT):
        start = None
    if over and over.time <= (start or first):
        return None, None
    return start, over.time if over and abs(over.posted - over.time) > MOMENT else None


_NEW_STATUS = "incidents[].incident_updates[].affected_components[].new_status"
_COMPONENT_WORDS = {severity: word for word, severity in COMPONENT_STATES.items() if severity}


def _impacts(told: _Incident, end: datetime | None, signals: list[Signal]) -> tuple[Impact, ...]:
    """The spells of each component, by what the updates did to it; `end` closes what they left open.

    A component's state changes when an update is written, whatever time the operator gives it: so
    counted, the seconds are those the vendor publishes as its uptime. When no component had a spell
    they are merely named: by the updates, else by the list of components.
    """
    named: dict[str, Component] = {}
    changes: dict[str, list[tuple[datetime, Severity | None]]] = {}
    for update in sorted(told.incident_updates, key=lambda update: update.created_at):
        for affected in update.affected_components or ():
            if affected.code is None:
                continue
            named.setdefault(affected.code, Component(key=affected.code, name=affected.name))
            severity = look_up(COMPONENT_STATES, affected.new_status, signals, _NEW_STATUS)
            changes.setdefault(affected.code, []).append((utc(update.created_at), severity))
    word = _COMPONENT_WORDS.get
    impacts = [each for code, changed in changes.items() for each in impacts_of(named[code], changed, end, word)]
    if impacts:
        return tuple(impacts)
    if not named:
        named = {part.id: Component(key=part.id, name=part.name) for part in told.components}
    return tuple(Impact(component=component) for component in named.values())


# --- feeds ------------------------------------------------------------------------------------------

_UPDATE = re.compile(r"<p>\s*<small>(.*?)</small>\s*<br\s*/?>\s*<strong>(.*?)</strong>", re.DOTALL)
#: `Jun 8, 19:23 UTC`; the second time of a span may lack its date, the first its zone.
_WHEN = re.compile(r"(?:([A-Z][a-z]{2})[a-z]* (\d{1,2}), )?(\d{2}):(\d{2})(?: ([A-Z][A-Za-z0-9+-]*))?")
#: Updates are listed newest first, but one that was dated back may stand above an older one.
_DISORDER = timedelta(days=31)


def _read_feed(capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    try:
        feed = feeds.feed_of(capture, signals, extensions={"maintenanceEndDate"})
    except Unreadable as error:
        raise Unreadable(f"no feed, or broken XML: {error}") from error
    if "incident.io" in feed.generator:
        raise Unreadable("looks like incident.io, not Statuspage: its feed names the generator")
    zones = _zones(source)
    records = []
    for entry in feed.entries:
        try:
            record = _told_by_entry(entry.link, entry.title, entry.published, entry.content, zones)
        except BROKEN as error:
            signals.append(Signal("bad-incident", "entry", f"{entry.link}: {error}"))
        else:
            records.append(record)
            signals += record.signals
    if feed.entries and not records:
        raise Unreadable(f"no entry is an incident of Statuspage: {signals[-1].detail}")
    whole = records and len(records) == len(feed.entries)
    return Page(
        incidents=tuple(record.incident for record in records),
        signals=_distinct(signals),
        # What `_reach` says of the list holds here: an entry's time is never before that which sorts it.
        reach=min(record.rank for record in records) + BACKDATED if whole else None,
    )


def _published(text: str) -> datetime:
    """ISO 8601 in Atom, RFC 2822 in RSS. ValueError when it is neither, or has no zone."""
    when = instant(text) if text[:4].isdigit() else parsedate_to_datetime(text)
    if when.tzinfo is None:
        raise ValueError("pubDate has no zone")
    return utc(when)


@lru_cache(maxsize=2048)
def _told_by_entry(link: str, title: str, published: str, content: str, zones: Zones) -> _Record:
    """One incident of a feed. `zones`: what abbreviations mean. ValueError when it is no Statuspage incident.

    `published` is when it was resolved, else the time of its last update, else that of its plan.
    """
    code = link.rsplit("/", 1)[-1]
    _must_be_statuspage(code)
    near = sorted_at = _published(published)
    signals: list[Signal] = []
    messages = list(sections(_UPDATE, content))
    if not messages:
        raise ValueError("no update in it")
    updates: list[Update] = []
    for head, text in messages:
        posted = _moment(plain(head[1]), near, zones, signals, newest=not updates)
        near = posted or near
        word = plain(head[2])
        updates.append(
            Update(
                posted_at=posted,
                state=look_up(STATES, word.replace(" ", "_"), signals, "entry.content strong"),
                state_text=word,
                text=plain(text).removeprefix("-").strip(),
            )
        )
    newest = next((update for update in updates if update.state), updates[0])
    planned = any(update.state in PLANNED for update in updates)
    started, ended = _banner(sorted_at, plain(content[: messages[0][0].start()]), zones, signals)
    updates.reverse()
    updates.sort(key=lambda update: update.posted_at or sorted_at)
    incident = Incident(
        key=code,
        title=title,
        url=link,
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        state=newest.state,
        state_text=newest.state_text,
        started_at=started,
        ended_at=ended,
        first_posted_at=next((update.posted_at for update in updates if update.posted_at), None),
        resolved_posted_at=sorted_at if newest.state in OVER else None,
        updates=tuple(updates),
        postmortem_at=next((u.posted_at for u in updates if u.state == State.POSTMORTEM), None),
    )
    return _Record(incident, tuple(signals), sorted_at)


def _banner(
    published: datetime, text: str, zones: Zones, signals: list[Signal]
) -> tuple[datetime | None, datetime | None]:
    """The planned bounds, which stand above the updates for as long as a maintenance lies ahead.

    `published` then is the planned start, which also gives the end its year, and its date if need be.
    """
    if not text:
        return None, None
    times = list(_WHEN.finditer(text))
    if not times:
        signals.append(Signal("bad-value", "entry.content", text[:80]))
        return None, None
    first, last = times[0], times[-1]
    month, day = (last[1], last[2]) if last[1] else (first[1], first[2])
    end = _moment(f"{month} {day}, {last[3]}:{last[4]} {last[5]}", published, zones, signals)
    return published, end


def _moment(
    text: str,
    near: datetime,
    zones: Zones,
    signals: list[Signal],
    newest: bool = True,
    where: str = "entry.content small",
) -> datetime | None:
    """A time without a year: in the year closest to `near`, or for older updates the last not after it.

    None, and a signal, when it is no such time or its zone is not known.
    """
    match = _WHEN.fullmatch(text)
    month = match[1] and month_number(match[1]) if match else None
    if not match or not month or not match[5]:
        signals.append(Signal("bad-value", where, text[:80]))
        return None
    zone = dict(zones).get(match[5])
    if zone is None:
        signals.append(Signal("unknown-word", where, match[5]))
        return None
    day, hour, minute = int(match[2]), int(match[3]), int(match[4])
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(_local(datetime(year, month, day, hour, minute), match[5], zone))  # noqa: DTZ001 - _local
        except ValueError:
            continue  # Feb 29
    if not found:
        signals.append(Signal("bad-value", where, text[:80]))
        return None
    if newest:
        return min(found, key=lambda when: abs(when - near))
    return max((when for when in found if when <= near + _DISORDER), default=found[0])


def _local(when: datetime, abbreviation: str, zone: str) -> datetime:
    """In UTC. When clocks go back an hour comes twice: the abbreviation says which one is meant."""
    twice = [when.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    return next((each for each in twice if each.tzname() == abbreviation), twice[0]).astimezone(UTC)


# --- the list of the past ---------------------------------------------------------------------------

_PROPS = re.compile(
    rb"""<div\b(?=[^>]*\bdata-react-class=["']HistoryIndex["'])[^>]*?\bdata-react-props=(["'])(.*?)\1""", re.DOTALL
)
#: Before this there was no Statuspage; what lies before it was carried over.
_FOUNDED = datetime(2012, 1, 1, tzinfo=UTC)


def _props(found: re.Match[bytes]) -> bytes:
    return unescape(found[2].decode(errors="replace")).encode()


class _Listed(Payload):
    """One incident by name. `timestamp` is HTML: `Aug 26, 23:37 - Aug 27, 19:44 UTC`, in the zone of the page."""

    code: str
    name: str
    timestamp: str
    impact: str | None = None
    message: Ignored = None  # the newest one; which one it is, and of when, is not said


class _Month(Payload):
    name: str
    year: int
    incidents: list[msgspec.Raw]
    days: Ignored = None
    starts_on: Ignored = None

    @property
    def number(self) -> int:
        """1 for January; 0 when the name is none in English."""
        return month_number(self.name) or 0


class _Past(Payload):
    """The list: its months, and since when there has been a page."""

    months: list[_Month]
    page_status: dict[str, Any] | None = None
    components: Ignored = None
    component_filter: Ignored = None
    show_component_filter: Ignored = None
    show_uptime_calendar: Ignored = None
    start_time: Ignored = None
    end_time: Ignored = None


def _read_past(body: bytes, url: str, zones: Zones) -> Page:
    """Incidents without messages. No reach: each month everything moves on by one."""
    signals: list[Signal] = []
    past = _past(body, signals)
    site = _site(url)
    incidents: list[Incident] = []

    def incident(raw: msgspec.Raw, month: _Month) -> Incident:
        listed = decode(raw, _Listed, signals, "months[].incidents[]")
        _must_be_statuspage(listed.code)
        return _told_by_list(listed, month, site, zones, signals)

    for month in past.months:
        incidents += readable(
            month.incidents, partial(incident, month=month), signals, "months[].incidents[]", ("code",)
        )
    if not incidents and any(month.incidents for month in past.months):
        raise Unreadable(f"no incident in the list is one of Statuspage: {signals[-1].detail}")
    return Page(incidents=tuple(incidents), signals=_distinct(signals))


def _past(body: bytes, signals: list[Signal]) -> _Past:
    try:
        return decode(body, _Past, signals, "history")
    except BROKEN as error:
        raise Unreadable(f"not a list of the past: {error}") from error


def _told_by_list(listed: _Listed, month: _Month, site: str, zones: Zones, signals: list[Signal]) -> Incident:
    """An incident by name. The span is from the first message to the one that it is over; of a maintenance it may be
    what was planned, and a single time may be either, so that tells the day alone.
    """
    severity = look_up(IMPACTS, listed.impact, signals, "months[].incidents[].impact")
    planned = severity is Severity.MAINTENANCE
    first, last = _span(listed.timestamp, month, zones, signals)
    whole = first is not None and last is not None and not planned
    return Incident(
        key=listed.code,
        title=plain(listed.name),
        url=f"https://{site}/incidents/{listed.code}",
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=severity,
        severity_text=listed.impact,
        state=State.RESOLVED if whole else None,
        day=first.date() if first and not whole else None,
        first_posted_at=first if whole else None,
        resolved_posted_at=last if whole else None,
        newest_only=True,
    )


def _span(html: str, month: _Month, zones: Zones, signals: list[Signal]) -> tuple[datetime | None, datetime | None]:
    """The bounds of a span without years; those that run from one year into the next stand in either month."""
    text, where = plain(html), "months[].incidents[].timestamp"
    times = list(_WHEN.finditer(text))
    if not times or not month.number:
        signals.append(Signal("bad-value", where, f"{month.name} {month.year}: {text}"[:80]))
        return None, None
    near = datetime(month.year, month.number, 15, tzinfo=UTC)
    first, last = times[0], times[-1]
    started = _moment(f"{first[1]} {first[2]}, {first[3]}:{first[4]} {last[5]}", near, zones, signals, where=where)
    if started is None or len(times) == 1:
        return started, None
    day = last if last[1] else first
    ended = _moment(f"{day[1]} {day[2]}, {last[3]}:{last[4]} {last[5]}", started, zones, signals, where=where)
    if ended is not None and ended < started:
        signals.append(Signal("bad-value", where, text[:80]))
        ended = None
    return started, ended


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(f"{root_of(source.url)}/history?page=1"),)


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The next three months; none before three without an incident in which there was no page yet."""
    number = re.search(r"/history(?:\.json)?\?page=(\d+)$", capture.url)
    body = capture.body or b""
    listed = _PROPS.search(body)
    try:
        past = _past(_props(listed) if listed else body, [])
    except Unreadable:
        return ()
    if number is None or not past.months:
        return ()
    newest = max(month.year * 12 + month.number for month in past.months)
    began = _page_began(past)
    if not any(month.incidents for month in past.months) and newest < began.year * 12 + began.month:
        return ()
    return (Ask(f"{capture.url[: number.start(1)]}{int(number[1]) + 1}"),)


def _page_began(past: _Past) -> datetime:
    try:
        return instant((past.page_status or {})["page"]["created_at"])
    except (LookupError, TypeError, ValueError, AttributeError):
        return _FOUNDED


def _record_of(source: Source, key: str) -> Ask:
    return Ask(f"{root_of(source.url)}/incidents/{key}.json")


class _Headed(msgspec.Struct):
    """Any JSON document of a page, as far as it says whose it is."""

    page: dict[str, Any]


def _about(capture: Capture) -> About:
    """Name and zone of the page stand in every JSON document."""
    try:
        page = msgspec.json.decode(capture.body or b"", type=_Headed).page
    except (msgspec.DecodeError, UnicodeDecodeError):
        return About()
    return About(name=page.get("name"), timezone=page.get("time_zone"))


PLATFORM = Platform(
    read=read,
    history=_history,
    older=_older,
    record=_record_of,
    hosts=("statuspage.io", "status.atlassian.com"),
    html=(r"statuspage\.io|dka575ofm4ao0\.cloudfront\.net",),
    find=below_root(
        summary="/api/v2/summary.json",
        incidents="/api/v2/incidents.json",
        maintenances="/api/v2/scheduled-maintenances.json",
        history="/history.atom",
    ),
    about=_about,
)
