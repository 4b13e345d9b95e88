"""PagerDuty status pages: the JSON in the page itself, and the API that a page's own script reads.

| body | says |
| --- | --- |
| the page, `/` | `<script id="data">`: services, what is open, and what was resolved within some eighteen months |
| `/api/post_enums` | the page's words for states and severities, by id: they differ from page to page |
| `/api/posts?since=…&until=…` | incidents and maintenances of at most three months (milliseconds since 1970), by pages |

Posts of the API name states, severities and services by id alone. Their words are asked for first, and stand in the
address under which the posts are kept: `/api/posts#<id>=<word>&…`. Services stay ids, which a catalog can name.

An update has the state of the post, its severity, and a severity for each service that is touched; a service keeps
the last one it was given until the post is over. The words are an operator's choice: `minor` and `major` of a post,
`partial outage` and `outage` of a service by default, `outage` for `major` until late in 2023; `all good` (`all_good`)
and `operational` are well. A service is as bad as open posts make it.

`reported_at` is the time an update shows, which the operator may set back, and which moves when an update is edited;
`created_at` is the system's. The earlier of the two is when it was posted. Times are UTC.

The page is verified by a real payload of December 2023 (81 incidents). The API is known from four readers of it of
2026, which agree but for the unit of its times: both are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform, root_of
from crawler.reading.dates import utc
from crawler.reading.embedded import html_text, script
from crawler.reading.incidents import impacts_of, over_posted
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, Time, convert, unread
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
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
    instant,
    worst,
)

STATES: Mapping[str, State] = {
    "detected": State.INVESTIGATING,
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "scheduled": State.SCHEDULED,
    "in progress": State.IN_PROGRESS,
    "completed": State.COMPLETED,
}
SEVERITIES: Mapping[str, Severity] = {
    "all good": Severity.OPERATIONAL,
    "operational": Severity.OPERATIONAL,
    "minor": Severity.DEGRADED,
    "partial outage": Severity.PARTIAL_OUTAGE,
    "major": Severity.MAJOR_OUTAGE,
    "outage": Severity.MAJOR_OUTAGE,
    "maintenance": Severity.MAINTENANCE,
}
#: What one request for posts may span.
WINDOW = timedelta(days=85)
#: How far back a round asks for posts.
RECENT = timedelta(days=30)


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """What the page, or an answer of its API, says. Raises Unreadable when the body is neither."""
    signals: list[Signal] = []
    html = html_text(capture.body)
    try:
        if html is None:
            document = msgspec.json.decode(capture.body or b"", type=dict[str, Any])
            if "post_enums" in document:
                table = _table(document["post_enums"], signals)
                return Page(signals=_known(table, signals))
            told = convert(document, _Posts, signals)
            posts = [(post, _post, dict(parse_qsl(urlsplit(capture.url).fragment))) for post in told.posts]
            return _page(posts, {}, signals)
        data = script(html, "data")
        if data is None:
            raise Unreadable("HTML without the data of a PagerDuty status page")
        summary = convert(data, _Document, signals).summary
    except BROKEN as error:
        raise Unreadable(f"not of a PagerDuty status page: {error}") from error
    table = _table(summary.post_enums, signals)
    _known(table, signals)
    incidents = [(incident, _incident, table) for incident in (*summary.open_incidents, *summary.resolved_incidents)]
    posts = [(post, _post, table) for post in summary.posts]
    return _page([*incidents, *posts], _services(data, summary), signals)


# --- what is published ------------------------------------------------------------------------------


class _Service(Payload):
    id: str
    name: str
    external_business_service_id: str | None = None
    is_active: bool = True
    status_page: Ignored = None
    type: Ignored = None


class _Touched(Payload):
    """A service in an update of the page; `id` is that of `_Service`."""

    id: str
    name: str
    severity: str
    business_service_id: Ignored = None


class _Update(Payload):
    id: str
    message: str
    status: str
    severity: str
    created_at: Time
    reported_at: Time
    impacted_business_services: list[_Touched] | None = None
    created_by: Ignored = None
    next_update_in_ms: Ignored = None
    updated_at: Ignored = None
    updated_by: Ignored = None


class _Postmortem(Payload):
    message: str
    created_at: Time
    id: str | None = None
    created_by: Ignored = None
    reported_at: Ignored = None
    updated_at: Ignored = None
    updated_by: Ignored = None


class _Incident(Payload):
    id: str
    title: str
    updates: list[_Update]
    postmortem: _Postmortem | None = None


class _Enum(Payload):
    """A word of the page. `description` is what is shown."""

    id: str
    name: str
    description: Ignored = None
    is_featured: Ignored = None
    layout_settings: Ignored = None
    post_enum_type: Ignored = None
    post_type: Ignored = None
    rank: Ignored = None
    status_page: Ignored = None
    type: Ignored = None


class _Summary(Payload):
    open_incidents: list[Any]
    resolved_incidents: list[Any]
    post_enums: list[Any] = msgspec.field(default_factory=list)
    post_status_page_services: list[_Service] = msgspec.field(default_factory=list)
    posts: list[Any] = msgspec.field(default_factory=list)


class _Document(Payload):
    summary: _Summary
    layout: Ignored = None
    status_page_type: Ignored = None


class _Impacted(Payload):
    service_id: str
    severity_id: str
    id: Ignored = None
    type: Ignored = None


class _PostUpdate(Payload):
    id: str | None = None
    message: str = ""
    status_id: str | None = None
    severity_id: str | None = None
    reported_at: int | str | None = None
    impacts: list[_Impacted] | None = None
    created_at: Ignored = None
    post: Ignored = None
    reviewed_status: Ignored = None
    type: Ignored = None
    update_frequency_ms: Ignored = None
    updated_at: Ignored = None


class _Post(Payload):
    """A post of the API; a list of posts may give the latest update only."""

    id: str
    title: str
    post_type: str
    starts_at: int | str | None = None
    ends_at: int | str | None = None
    latest_update: _PostUpdate | None = None
    updates: list[_PostUpdate] | None = None
    first_update_at: int | str | None = None
    last_update_at: Ignored = None
    linked_resource: Ignored = None
    postmortem: Ignored = None
    status_page: Ignored = None
    type: Ignored = None


class _Posts(Payload):
    posts: list[Any]
    token: str | None = msgspec.field(name="continuationToken", default=None)


# --- both made one ----------------------------------------------------------------------------------


class _Said(NamedTuple):
    """An update in words: of the state, of the severity, and of each service's (id, name, severity)."""

    key: str | None
    posted: datetime
    state: str | None
    severity: str | None
    text: str
    services: tuple[tuple[str, str | None, str | None], ...]


class _Told(NamedTuple):
    key: str
    title: str
    kind: Kind
    bounds: tuple[datetime | None, datetime | None]
    said: list[_Said]
    first: datetime | None = None
    postmortem: Update | None = None


#: An incident or a post as it is published, what reads it, and the page's words by id.
_Item = tuple[Any, Callable[[Any, Mapping[str, str], list[Signal]], _Told], Mapping[str, str]]


def _incident(item: Any, table: Mapping[str, str], signals: list[Signal]) -> _Told:  # noqa: ARG001 - as `_post`
    told = convert(item, _Incident, signals, "incidents[]")
    said = [
        _Said(
            key=update.id,
            posted=utc(min(update.created_at, update.reported_at)),
            state=update.status,
            severity=update.severity,
            text=plain(update.message),
            services=tuple((s.id, s.name, s.severity) for s in update.impacted_business_services or ()),
        )
        for update in told.updates
    ]
    report: Update | None = None
    if told.postmortem:
        posted = utc(told.postmortem.created_at)
        text = plain(told.postmortem.message)
        report = Update(key=told.postmortem.id, posted_at=posted, state=State.POSTMORTEM, text=text)
    return _Told(told.id, told.title, Kind.OUTAGE, (None, None), said, None, report)


def _post(item: Any, table: Mapping[str, str], signals: list[Signal]) -> _Told:
    told = convert(item, _Post, signals, "posts[]")
    first = _time(told.first_update_at)
    updates = {update.id or "": update for update in (*(told.updates or ()), told.latest_update) if update}
    said = [
        _Said(
            key=update.id,
            posted=_time(update.reported_at) or first or _time(told.starts_at) or _no_time(),
            state=_word(update.status_id, table),
            severity=_word(update.severity_id, table),
            text=plain(update.message),
            services=tuple((s.service_id, None, _word(s.severity_id, table)) for s in update.impacts or ()),
        )
        for update in updates.values()
    ]
    kinds = {"incident": Kind.OUTAGE, "maintenance": Kind.MAINTENANCE}
    kind = look_up(kinds, told.post_type, signals, "posts[].post_type") or Kind.OUTAGE
    bounds = (_time(told.starts_at), _time(told.ends_at)) if kind is Kind.MAINTENANCE else (None, None)
    return _Told(told.id, told.title, kind, bounds, said, first)


def _word(key: str | None, table: Mapping[str, str]) -> str | None:
    return table.get(key, key) if key else None


def _time(value: int | str | None) -> datetime | None:
    """Milliseconds since 1970, or ISO 8601."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and not value.isdecimal():
        return utc(instant(value))
    return utc(epoch(value))


def _no_time() -> datetime:
    raise ValueError("an update without any time")


def _table(items: Any, signals: list[Signal]) -> dict[str, str]:
    """The page's words by id. ValueError when `items` is no list; a word that cannot be read is a signal."""
    if not isinstance(items, list):
        raise ValueError(f"`post_enums` is {type(items).__name__}")
    table: dict[str, str] = {}
    for item in items:
        try:
            enum = convert(item, _Enum, signals, "post_enums[]")
            table[enum.id] = enum.name
        except BROKEN as error:
            signals.append(Signal("bad-value", "post_enums[]", str(error)))
    return table


def _known(table: Mapping[str, str], signals: list[Signal]) -> tuple[Signal, ...]:
    """Signals for words of the page that we do not know."""
    for word in dict.fromkeys(table.values()):
        if _plain(word) not in STATES and _plain(word) not in SEVERITIES:
            signals.append(Signal("unknown-word", "post_enums[].name", word))
    return tuple(dict.fromkeys(signals))


def _plain(word: str | None) -> str | None:
    """`all_good` and `All good` are one word."""
    return None if word is None else word.strip().lower().replace("_", " ")


def _page(items: Sequence[_Item], services: Mapping[str, Component], signals: list[Signal]) -> Page:
    incidents: list[Incident] = []
    for item, parse, table in items:
        try:
            incidents.append(_made(parse(item, table, signals), services, signals))
        except BROKEN as error:
            signals.append(unread(item, error, "incidents[]"))
    return Page(
        incidents=tuple(incidents),
        components=tuple(_states(services, incidents)),
        signals=tuple(dict.fromkeys(signals)),
    )


def _made(told: _Told, services: Mapping[str, Component], signals: list[Signal]) -> Incident:
    said = sorted(told.said, key=lambda each: each.posted)
    states = [look_up(STATES, _plain(each.state), signals, "incidents[].updates[].status") for each in said]
    severities = [
        look_up(SEVERITIES, _plain(each.severity), signals, "incidents[].updates[].severity") for each in said
    ]
    updates = [
        Update(key=each.key, posted_at=each.posted, state=state, state_text=each.state, text=each.text)
        for each, state in zip(said, states, strict=True)
    ]
    state = states[-1] if states else None
    over = over_posted(updates, state)
    impacts = tuple(_impacts(told, said, over, services, signals))
    words = [
        *zip(severities, (each.severity for each in said), strict=True),
        *((i.severity, i.severity_text) for i in impacts),
    ]
    severity = worst([known for known, _ in words])
    started, ended = told.bounds
    return Incident(
        key=told.key,
        title=told.title.strip(),
        kind=told.kind,
        severity=Severity.NOTICE if severity is Severity.OPERATIONAL else severity,  # an incident, and all is well
        severity_text=next((word for known, word in words if known is severity), None),
        state=state,
        state_text=said[-1].state if said else None,
        started_at=started,
        ended_at=ended,
        first_posted_at=told.first or (said[0].posted if said else None),
        resolved_posted_at=over,
        updates=(*updates, told.postmortem) if told.postmortem else tuple(updates),
        impacts=impacts,
        postmortem_at=told.postmortem.posted_at if told.postmortem else None,
    )


def _impacts(
    told: _Told, said: list[_Said], end: datetime | None, services: Mapping[str, Component], signals: list[Signal]
) -> Iterator[Impact]:
    """The spells of each service; a maintenance merely names it."""
    named: dict[str, Component] = {}
    words: dict[str, dict[Severity, str]] = {}
    changes: dict[str, list[tuple[datetime, Severity | None]]] = {}
    for each in said:
        for key, name, word in each.services:
            named.setdefault(key, services.get(key) or Component(key=key, name=name or key))
            severity = look_up(SEVERITIES, _plain(word), signals, "incidents[].updates[].impacted_services[].severity")
            if severity:
                words.setdefault(key, {})[severity] = word or ""
            changes.setdefault(key, []).append((each.posted, severity))
    for key, component in named.items():
        if told.kind is Kind.MAINTENANCE:
            yield Impact(component=component, severity=Severity.MAINTENANCE)
        else:
            yield from impacts_of(component, changes[key], end, words.get(key, {}).get) or [Impact(component=component)]


def _services(data: Any, summary: _Summary) -> dict[str, Component]:
    """The services of the page under their headings, by id."""
    try:
        layout = data["layout"]["layout_settings"]["business_services"]
        headings = {child: each["name"] for each in layout for child in each.get("child_business_services") or ()}
    except (KeyError, TypeError, AttributeError):
        headings = {}
    return {
        service.id: Component(
            key=service.id, name=service.name, group=headings.get(service.external_business_service_id)
        )
        for service in summary.post_status_page_services
        if service.is_active
    }


def _states(services: Mapping[str, Component], incidents: list[Incident]) -> Iterator[ComponentState]:
    """What open posts make of each service."""
    now: dict[str | None, list[tuple[Severity, str | None]]] = {}
    for incident in incidents:
        for impact in incident.impacts if incident.state not in OVER else ():
            if impact.component and impact.severity and impact.started_at and not impact.ended_at:
                now.setdefault(impact.component.key, []).append((impact.severity, impact.severity_text))
    for key, component in services.items():
        severity, word = max(now.get(key, ()), default=(Severity.OPERATIONAL, "operational"), key=lambda s: s[0].rank)
        yield ComponentState(component=component, severity=severity, severity_text=word or "")


# --- asking -----------------------------------------------------------------------------------------


def _posts_from(root: str, since: datetime, until: datetime, token: str | None = None) -> str:
    query = {"since": int(since.timestamp() * 1000), "until": int(until.timestamp() * 1000)}
    return f"{root}/api/posts?{urlencode({**query, **({'continuation_token': token} if token else {})})}"


def _words(capture: Capture) -> str | None:
    """The page's words as they stand in an address; None when the capture does not have them."""
    try:
        document = msgspec.json.decode(capture.body or b"", type=dict[str, Any])
        return urlencode(_table(document["post_enums"], []))
    except (*BROKEN, KeyError, TypeError):
        return None


def _follow(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The posts, once their words are known."""
    words = _words(capture)
    if words is None:
        return ()
    root, now = root_of(capture.url), capture.fetched_at
    return (Ask(_posts_from(root, now - RECENT, now), name=f"{root}/api/posts#{words}"),)


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(f"{root_of(source.url)}/api/post_enums"),)


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The next page, else the window before this one; none before a window without posts."""
    root, words = root_of(capture.url), _words(capture)
    until = capture.fetched_at
    if words is None:
        parts = urlsplit(capture.url)
        query = dict(parse_qsl(parts.query))
        try:
            told = convert(msgspec.json.decode(capture.body or b""), _Posts, [])
            since, end = epoch(query["since"]), epoch(query["until"])
        except (*BROKEN, KeyError):
            return ()
        words = parts.fragment
        if told.token:
            address = _posts_from(root, since, end, told.token)
            return (Ask(address, name=f"{address}#{words}"),)
        if not told.posts:
            return ()
        until = since
    address = _posts_from(root, until - WINDOW, until)
    return (Ask(address, name=f"{address}#{words}"),)


def _find(root: str, html: str) -> Mapping[str, str]:
    """The page, where its data stand in it, else the API."""
    return {"page": f"{root}/"} if "open_incidents" in html else {"posts": f"{root}/api/post_enums"}


def _about(capture: Capture) -> About:
    try:
        html = html_text(capture.body)
        name = script(html, "data")["layout"]["layout_settings"]["name"] if html else None
    except (Unreadable, KeyError, TypeError):
        return About()
    return About(name=name if isinstance(name, str) else None)


PLATFORM = Platform(
    read=read,
    follow=_follow,
    history=_history,
    older=_older,
    hosts=("trust.pagerduty.com",),
    html=(r'<script id="data"[^>]*>\{\s*"summary":\s*\{\s*"open_incidents"', r"(?i)pagerduty status page"),
    find=_find,
    about=_about,
)
