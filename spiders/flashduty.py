"""Flashduty (Flashcat) status pages: the JSON that a page's own script reads, and its feed.

| address | says |
| --- | --- |
| `/api/status-page/<page>/summary/active` | the components, and all changes that are open |
| `/api/status-page/<page>/change/list?start_at_seconds=...&end_at_seconds=...` | the changes that began between |
| `/api/status-page/<page>/change/info?change_id=...` | one change |
| `/feed.rss`, `/feed.atom` | the changes with their latest message |

All stand below the page's own host, and below that of the product, `statuspage.flashcat.cloud` or
`statuspage.flashduty.com`. A change is an incident or a maintenance. Its updates tell from when on each component was in
which state, which gives the spells of each. `close_at_seconds` of a maintenance is its planned end. No field tells the
present state of a component: it is what the open changes say of it, and well without any.

Times are seconds since 1970, 0 for none; those of the feed carry an offset. An item of the feed has one time and no
time of its message: it is taken for the first word about the change. Updates may be older than the start of their
change, and those that were brought over from another product may last a second; both stay as they are published.

A real `summary/active` (status.deepseek.com, 2026, all well) was seen. Changes are known from other people's readers
and from the vendor's clients; what the feed holds from tests of its readers. `summary/structure` tells the same spells
without words, and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.incidents import impacts_of, over_posted
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, convert, readable
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

SEVERITIES: Mapping[str, Severity] = {
    "operational": Severity.OPERATIONAL,
    "degraded": Severity.DEGRADED,
    "partial_outage": Severity.PARTIAL_OUTAGE,
    "full_outage": Severity.MAJOR_OUTAGE,
    "under_maintenance": Severity.MAINTENANCE,
}
STATES: Mapping[str, State] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "scheduled": State.SCHEDULED,
    "ongoing": State.IN_PROGRESS,
    "completed": State.COMPLETED,
}
KINDS: Mapping[str, Kind] = {"incident": Kind.OUTAGE, "maintenance": Kind.MAINTENANCE}
HOSTS = ("statuspage.flashcat.cloud", "statuspage.flashduty.com")
#: The word for a component that no open change is about.
WELL = "operational"
#: How far back a round looks for changes that are over.
RECENT = 31 * 86400

_API = re.compile(r"^(.*/api/status-page/\d+)/")
_PAGE = re.compile(
    r"""api/status-page/(\d+)|statuspage/image/\d+/(\d+)/|\bpage_?id\\?["']?\s*[:=]\s*\\?["']?(\d{8,})""", re.I
)
_URN = "urn:flashduty:change:"
#: The two paragraphs of an item that are not its message.
_STATUS = re.compile(r"^Status:\s*(.+)$", re.M)
_AFFECTED = re.compile(r"^Affected components:\s*(.+)$", re.M)


class _Component(Payload):
    component_id: str
    name: str
    section_id: str | None = None
    available_since_seconds: int | None = None
    description: Ignored = None
    order_id: Ignored = None


class _Section(Payload):
    section_id: str
    name: str
    description: Ignored = None
    hide_all: Ignored = None
    hide_uptime: Ignored = None
    order_id: Ignored = None


class _Page(Payload):
    name: str
    components: list[_Component]
    sections: list[_Section] = msgspec.field(default_factory=list)
    custom_domain: Ignored = None
    dark_logo: Ignored = None
    date_view: Ignored = None
    display_uptime_mode: Ignored = None
    favicon: Ignored = None
    logo: Ignored = None
    logo_url: Ignored = None
    page_id: Ignored = None
    subscription: Ignored = None
    template_preference: Ignored = None
    type: Ignored = None
    url_name: Ignored = None


class _Touched(Payload):
    """A component in a change (`name`) or in one of its updates (`component_name`), and its state from then on."""

    component_id: str
    status: str | None = None
    name: str | None = None
    component_name: str | None = None
    available_since_seconds: Ignored = None
    description: Ignored = None
    order_id: Ignored = None
    section_id: Ignored = None


class _Update(Payload):
    at_seconds: int
    status: str
    update_id: str | None = None
    description: str | None = None
    component_changes: list[_Touched] | None = None


class _Change(Payload):
    change_id: int
    title: str
    type: str
    status: str
    start_at_seconds: int
    close_at_seconds: int | None = None
    end_at_seconds: int | None = None
    affected_components: list[_Touched] | None = None
    updates: list[_Update] | None = None
    description: Ignored = None  # the first update says it
    is_retrospective: Ignored = None
    notify_subscribers: Ignored = None
    page_id: Ignored = None


class _Active(Payload):
    page: _Page
    active_changes: list[Any]


class _List(Payload):
    items: list[Any]
    total: Ignored = None


class _Answer(Payload):
    """What every answer comes in."""

    data: Any
    request_id: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """What one answer of the API, or the feed, says. Raises Unreadable when the body is neither."""
    body = capture.body or b""
    if feeds.looks_like_one(body):
        return _read_feed(capture, source)
    signals: list[Signal] = []
    page: _Page | None = None
    try:
        data = _data(body, signals)
        if "page" in data:
            active = convert(data, _Active, signals, "data")
            page, items, where = active.page, active.active_changes, "active_changes[]"
        elif "items" in data:
            items, where = convert(data, _List, signals, "data").items, "items[]"
        else:
            convert(data, _Change, [])
            items, where = [data], "data"
    except BROKEN as error:
        raise Unreadable(f"not an answer of a Flashduty status page: {error}") from error
    known = _components(page) if page else {}

    def incident(item: Any) -> Incident:
        return _incident(convert(item, _Change, signals, where), capture.url, known, signals, where)

    incidents = list(readable(items, incident, signals, where, ("change_id",)))
    whole = len(incidents) == len(items)
    return Page(
        incidents=tuple(incidents),
        components=tuple(_states(known, items)) if whole else (),
        signals=tuple(dict.fromkeys(signals)),
        open_only=page is not None and whole,
    )


def _data(body: bytes, signals: list[Signal]) -> dict[str, Any]:
    """What an answer holds. ValueError, or an error of msgspec, when it is none."""
    try:
        document = msgspec.json.decode(body)
    except BROKEN as error:
        raise ValueError(f"{error}; begins with {body[:40]!r}") from error
    data = convert(document, _Answer, signals).data
    if not isinstance(data, dict):
        raise ValueError(f"`data` is {type(data).__name__}")
    return data


def _components(page: _Page) -> dict[str, Component]:
    headings = {section.section_id: section.name for section in page.sections}
    return {
        told.component_id: Component(key=told.component_id, name=told.name, group=headings.get(told.section_id or ""))
        for told in page.components
    }


def _states(known: Mapping[str, Component], items: Iterable[Any]) -> Iterator[ComponentState]:
    """How each component is by the changes that are open, of which all have been read."""
    held: dict[str, list[tuple[str | None, Severity | None]]] = {key: [] for key in known}
    for item in items:
        change = convert(item, _Change, [])
        if STATES.get(change.status) in (*OVER, State.SCHEDULED):
            continue
        for key, word in _now(change).items():
            held.setdefault(key, []).append((word, SEVERITIES.get(word or "")))
    for key, component in known.items():
        severity = worst([severity for _, severity in held[key]]) if held[key] else Severity.OPERATIONAL
        word = next((word for word, each in held[key] if each is severity), None)
        yield ComponentState(component=component, severity=severity, severity_text=word or WELL)


def _now(change: _Change) -> dict[str, str | None]:
    """The latest word on each component of a change."""
    words = {each.component_id: each.status for each in change.affected_components or ()}
    for update in sorted(change.updates or (), key=lambda update: update.at_seconds):
        words.update({each.component_id: each.status for each in update.component_changes or ()})
    return words


def _time(seconds: int | None) -> datetime | None:
    return epoch(seconds) if seconds else None


def _incident(
    told: _Change, address: str, known: Mapping[str, Component], signals: list[Signal], where: str
) -> Incident:
    kind = look_up(KINDS, told.type, signals, f"{where}.type") or Kind.OUTAGE
    state = look_up(STATES, told.status, signals, f"{where}.status")
    said = sorted(told.updates or (), key=lambda update: update.at_seconds)
    updates = tuple(_update(update, signals, f"{where}.updates[].status") for update in said)
    over = over_posted(updates, state)
    ended = _time(told.end_at_seconds) or _time(told.close_at_seconds)
    impacts = tuple(_impacts(told, said, kind, ended or over, known, signals, where))
    severity = worst([impact.severity for impact in impacts])
    if severity is Severity.OPERATIONAL:  # it is about something, and all is well
        severity = Severity.NOTICE
    return Incident(
        key=str(told.change_id),
        title=told.title.strip(),
        url=_url(address, told.change_id),
        kind=kind,
        severity=Severity.MAINTENANCE if kind is Kind.MAINTENANCE else severity,
        severity_text=next((impact.severity_text for impact in impacts if impact.severity is severity), None),
        state=state,
        state_text=told.status,
        started_at=_time(told.start_at_seconds),
        ended_at=ended,
        first_posted_at=updates[0].posted_at if updates else None,
        resolved_posted_at=over,
        updates=updates,
        impacts=impacts,
    )


def _url(address: str, change: int) -> str | None:
    """The page about a change; on the product's own hosts pages stand below a name that is not known here."""
    return None if urlsplit(address).hostname in HOSTS else urljoin(address, f"/incidents/{change}")


def _update(told: _Update, signals: list[Signal], where: str) -> Update:
    return Update(
        key=told.update_id,
        posted_at=epoch(told.at_seconds),
        state=look_up(STATES, told.status, signals, where),
        state_text=told.status,
        text=plain(told.description or ""),
    )


def _impacts(
    told: _Change,
    said: Iterable[_Update],
    kind: Kind,
    end: datetime | None,
    known: Mapping[str, Component],
    signals: list[Signal],
    where: str,
) -> Iterator[Impact]:
    """The spells of each component; of a maintenance, and where no update tells one, just that it is touched."""
    named: dict[str, Component] = {}
    words: dict[str, dict[Severity | None, str | None]] = {}
    last: dict[str, Severity | None] = {}
    changes: dict[str, list[tuple[datetime, Severity | None]]] = {}

    def note(each: _Touched, path: str) -> Severity | None:
        key = each.component_id
        name = each.name or each.component_name or key
        named.setdefault(key, known.get(key) or Component(key=key, name=name))
        severity = look_up(SEVERITIES, each.status, signals, f"{where}.{path}.status")
        words.setdefault(key, {}).setdefault(severity, each.status)
        last[key] = worst([last.get(key), severity])
        return severity

    for update in said:
        for each in update.component_changes or ():
            severity = note(each, "updates[].component_changes[]")
            changes.setdefault(each.component_id, []).append((epoch(update.at_seconds), severity))
    for each in told.affected_components or ():
        note(each, "affected_components[]")
    for key, component in named.items():
        word = words[key].get
        held = impacts_of(component, changes.get(key, ()), end, word) if kind is Kind.OUTAGE else []
        yield from held or [Impact(component=component, severity=last[key], severity_text=word(last[key]))]


def _read_feed(capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if feed.entries and not any(entry.id.startswith(_URN) for entry in feed.entries):
        raise Unreadable(f"not a feed of a Flashduty status page: {feed.title[:80]!r}")
    incidents: list[Incident] = []
    for entry in feed.entries:
        text = plain(entry.content)
        status, affected = _STATUS.search(text), _AFFECTED.search(text)
        if not entry.id.startswith(_URN) or status is None:
            signals.append(Signal("bad-incident", "entry", entry.id or entry.title[:80]))
            continue
        word = status[1].strip()
        state = look_up(STATES, word, signals, "entry.content")
        message = _AFFECTED.sub("", _STATUS.sub("", text, count=1)).strip()
        at = entry.published or entry.updated
        incidents.append(
            Incident(
                key=entry.id.removeprefix(_URN),
                title=entry.title,
                url=entry.link or None,
                kind=Kind.MAINTENANCE if state in PLANNED else Kind.OUTAGE,
                state=state,
                state_text=word,
                service_text=affected[1].strip() if affected else None,
                first_posted_at=moment(at, source, capture.fetched_at, signals, "entry.published") if at else None,
                updates=(Update(posted_at=None, state=state, state_text=word, text=message),),
            )
        )
    return Page(incidents=tuple(incidents), signals=tuple(dict.fromkeys(signals)))


def _follow(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The changes of late, which the list of those that are open forgets."""
    path = urlsplit(capture.url).path
    api = _API.match(capture.url)
    if api is None or not path.endswith("/summary/active"):
        return ()
    now = int(capture.fetched_at.timestamp())
    address = f"{api[1]}/change/list"
    return (Ask(f"{address}?start_at_seconds={now - RECENT}&end_at_seconds={now}", name=address),)


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The changes of each month since the page has had components."""
    api = _API.match(capture.url)
    try:
        page = convert(_data(capture.body or b"", []), _Active, []).page
        since = min(_time(told.available_since_seconds) or capture.fetched_at for told in page.components)
    except BROKEN:
        return ()
    bounds = [int(month.timestamp()) for month in _months(since, capture.fetched_at)]
    return tuple(
        Ask(f"{api[1]}/change/list?start_at_seconds={start}&end_at_seconds={end}")
        for start, end in zip(bounds[1:], bounds, strict=False)
        if api
    )


def _months(since: datetime, until: datetime) -> Iterator[datetime]:
    """The beginnings of months in UTC, from the one after `until` back to that of `since`."""
    count = until.year * 12 + until.month
    while True:
        month = datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)
        yield month
        if month <= since:
            return
        count -= 1


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(source.url),) if _API.match(source.url) else ()


def _record(source: Source, key: str) -> Ask:
    api = _API.match(source.url)
    return Ask(f"{api[1]}/change/info?change_id={key}" if api else source.url)  # a feed has no more than itself


def _find(root: str, html: str) -> Mapping[str, str]:
    """The API, where the HTML tells the number of the page; else the feed."""
    found = _PAGE.search(html)
    if found is None:
        return {"feed": f"{root}/feed.atom"}
    return {"summary": f"{root}/api/status-page/{found[1] or found[2] or found[3]}/summary/active"}


def _about(capture: Capture) -> About:
    body = capture.body or b""
    try:
        if feeds.looks_like_one(body):
            return About(name=feeds.read(body, []).title or None)
        return About(name=convert(_data(body, []), _Active, []).page.name)
    except (Unreadable, *BROKEN):
        return About()


PLATFORM = Platform(
    read=read,
    follow=_follow,
    history=_history,
    older=_older,
    record=_record,
    hosts=HOSTS,
    html=(
        r"\bflashcat\.cloud/(?:statuspage|product/flashduty)\b",
        r"\burn:flashduty\b",
        r"\bstatuspage\.flash(?:cat\.cloud|duty\.com)\b",
    ),
    find=_find,
    about=_about,
)
