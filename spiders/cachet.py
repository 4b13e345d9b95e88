"""Cachet, versions 2 and 3: the API of a page that its vendor runs himself.

| version 2 | version 3 | says |
| --- | --- | --- |
| `/api/v1/incidents` | `/api/incidents?include=components,updates` | incidents, newest first when asked for so |
| `/api/v1/schedules` | `/api/schedules?include=components,updates` | maintenance (since 2.4) |
| `/api/v1/components` | `/api/components?include=group` | the present state of the components |
| `/api/v1/components/groups` | | their headings, which components name by id |

Version 2 answers `{"meta": {"pagination": ...}, "data": [...]}` with flat items. Version 3 answers JSON:API: items have
`attributes` and `relationships`, and what they relate to stands once in `included`. So what an incident did to a
component is known of components that are in one incident of an answer only. Headings of version 2 travel to the
request for components in the fragment of its address, `/api/v1/components#<id>=<heading>&...`.

An incident's own message is its first, and says in the end what the incident was edited to; its first state is only
known while there are no updates. States are numbers beside words in the page's language. Before version 2.4 maintenance
was an incident of state 0 with a `scheduled_at`, which is worth nothing in any other state. Nothing in version 2 tells
how bad an incident is, nor, where there are no updates, when it was over: `updated_at` is any edit.

Times are `YYYY-MM-DD HH:MM:SS` in the zone of the installation, which no answer names: the zone of the source.
`occurred` is the operator's and may be set back, `created` is when the incident was entered. Incidents and schedules
count their ids apart; those of schedules are `schedule-<id>` here.

Known from the source code of both versions, their documentation, and samples in tests of other people's clients; of
real answers one incident of version 2.4 was seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading.dates import moment
from crawler.reading.incidents import over_posted
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, convert, json_of, unread
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

SEVERITIES: Mapping[str, Severity | None] = {
    "0": None,  # unknown, in version 2
    "1": Severity.OPERATIONAL,
    "2": Severity.DEGRADED,  # "performance issues"
    "3": Severity.PARTIAL_OUTAGE,
    "4": Severity.MAJOR_OUTAGE,
    "5": None,  # unknown, in version 3
    "6": Severity.MAINTENANCE,
}
STATES: Mapping[str, State | None] = {
    "0": State.SCHEDULED,  # before version 2.4
    "1": State.INVESTIGATING,
    "2": State.IDENTIFIED,
    "3": State.MONITORING,  # "watching"
    "4": State.RESOLVED,  # "fixed"
}
STATES_3: Mapping[str, State | None] = {**STATES, "0": None}  # unknown
PLANS: Mapping[str, State] = {"0": State.SCHEDULED, "1": State.IN_PROGRESS, "2": State.COMPLETED}

#: How many items are asked for at once.
MANY = 100
#: The reach of a list that is all there is.
EVER = datetime(1970, 1, 1, tzinfo=UTC)


# --- version 2 --------------------------------------------------------------------------------------


class _Pagination(Payload):
    current_page: int
    total_pages: int
    count: Ignored = None
    links: Ignored = None
    per_page: Ignored = None
    total: Ignored = None


class _Meta(Payload):
    pagination: _Pagination


class _Document2(Payload):
    meta: _Meta
    data: list[Any]


class _Component2(Payload):
    id: int
    name: str
    status: int
    status_name: str | None = None
    group_id: int | None = None
    enabled: bool | int = True
    created_at: Ignored = None
    deleted_at: Ignored = None
    description: Ignored = None
    link: Ignored = None
    meta: Ignored = None
    order: Ignored = None
    tags: Ignored = None
    updated_at: Ignored = None


class _Group2(Payload):
    id: int
    name: str
    collapsed: Ignored
    created_at: Ignored = None
    enabled_components: Ignored = None
    enabled_components_lowest: Ignored = None
    lowest_human_status: Ignored = None
    order: Ignored = None
    updated_at: Ignored = None
    visible: Ignored = None


class _Update2(Payload):
    id: int
    status: int
    message: str
    created_at: str
    human_status: str | None = None
    incident_id: Ignored = None
    permalink: Ignored = None
    updated_at: Ignored = None
    user_id: Ignored = None


class _Incident2(Payload):
    id: int
    name: str
    status: int
    message: str
    created_at: str
    component_id: int | None = None
    human_status: str | None = None
    latest_human_status: str | None = None
    latest_status: int | None = None
    occurred_at: str | None = None
    permalink: str | None = None
    scheduled_at: str | None = None
    updated_at: str | None = None
    updates: list[_Update2] = msgspec.field(default_factory=list)
    deleted_at: Ignored = None
    duration: Ignored = None
    is_resolved: Ignored = None
    latest_icon: Ignored = None
    latest_update_id: Ignored = None
    meta: Ignored = None
    notifications: Ignored = None
    stickied: Ignored = None
    user_id: Ignored = None
    visible: Ignored = None


class _Touched2(Payload):
    component_id: int
    component_status: int | None = None
    created_at: Ignored = None
    id: Ignored = None
    schedule_id: Ignored = None
    updated_at: Ignored = None


class _Schedule2(Payload):
    id: int
    name: str
    status: int
    scheduled_at: str
    message: str | None = None
    completed_at: str | None = None
    created_at: str | None = None
    human_status: str | None = None
    components: list[_Touched2] = msgspec.field(default_factory=list)
    deleted_at: Ignored = None
    meta: Ignored = None
    updated_at: Ignored = None


# --- version 3 --------------------------------------------------------------------------------------


class _Document3(Payload):
    data: list[Any]
    links: dict[str, str | None]
    meta: dict[str, Any]
    included: list[Any] = msgspec.field(default_factory=list)
    jsonapi: Ignored = None


class _Item3(Payload):
    id: str
    type: str
    attributes: dict[str, Any]
    relationships: Any = None
    links: Ignored = None
    meta: Ignored = None


class _Word(Payload):
    """A number, and the word for it."""

    value: int | None = None
    human: str | None = None


class _Time(Payload):
    string: str | None = None
    human: Ignored = None


class _Pivot(Payload):
    component_status: _Word | None = None


class _Component3(Payload):
    name: str
    status: _Word | int | None
    enabled: bool | int = True
    pivot: _Pivot | None = None
    created: Ignored = None
    description: Ignored = None
    id: Ignored = None
    link: Ignored = None
    meta: Ignored = None
    order: Ignored = None
    updated: Ignored = None


class _Group3(Payload):
    name: str
    collapsed: Ignored = None
    created: Ignored = None
    id: Ignored = None
    order: Ignored = None
    updated: Ignored = None
    visible: Ignored = None


class _Update3(Payload):
    created: _Time
    message: str
    status: _Word | None = None
    id: Ignored = None
    updateable_id: Ignored = None
    updateable_type: Ignored = None
    updated: Ignored = None


class _Incident3(Payload):
    name: str
    status: _Word
    created: _Time
    message: str | None = None
    guid: str | None = None
    occurred: _Time | None = None
    updated: _Time | None = None
    component_id: Ignored = None
    id: Ignored = None
    meta: Ignored = None
    notifications: Ignored = None
    stickied: Ignored = None
    visible: Ignored = None


class _Schedule3(Payload):
    name: str
    status: _Word
    scheduled: _Time
    message: str | None = None
    completed: _Time | None = None
    created: _Time | None = None
    published: _Time | None = None
    id: Ignored = None
    meta: Ignored = None
    updated: Ignored = None


# --- both made one ----------------------------------------------------------------------------------


class _Said(NamedTuple):
    """A message: key, time as written, number and word of the state, text."""

    key: str | None
    at: str | None
    number: int | None
    word: str | None
    text: str


class _Touch(NamedTuple):
    """A component of an incident: number and word of its state."""

    component: Component
    number: int | None = None
    word: str | None = None


class _Told(NamedTuple):
    """An incident or a schedule, whose times are as written; `said` is in the order of time."""

    key: str
    title: str
    states: Mapping[str, Any]
    number: int | None
    word: str | None
    start: str | None
    end: str | None
    said: list[_Said]
    touched: list[_Touch]
    url: str | None = None
    edited: str | None = None


class _Group(NamedTuple):
    key: str
    name: str


#: What an item of an answer is.
_Thing = _Told | ComponentState | _Group | None


class _Answer(NamedTuple):
    """An answer of either version: what its items are, the items, and on which page of how many they stand."""

    version: int
    name: str
    items: list[Any]
    page: int
    more: bool
    included: Mapping[tuple[str, str], _Item3]


def read(capture: Capture, source: Source) -> Page:
    """What one answer of the API says. Raises Unreadable when the body is none."""
    signals: list[Signal] = []
    answer = _answer(capture, signals)
    parse = _Version2(capture.url, signals) if answer.version == 2 else _Version3(capture.url, answer, signals)
    listed: list[_Told] = []
    incidents: list[Incident] = []
    components: list[ComponentState] = []
    for item in answer.items:
        try:
            thing = parse.thing(answer.name, item)
            if isinstance(thing, _Told):
                incidents.append(_incident(thing, capture, source, signals))
                listed.append(thing)
            elif isinstance(thing, ComponentState):
                components.append(thing)
        except BROKEN as error:
            kind = "bad-component" if answer.name in ("components", "groups") else "bad-incident"
            signals.append(unread(item, error, f"{answer.name}[]", kind=kind))
    whole = len(listed) == len(answer.items)
    return Page(
        incidents=tuple(incidents),
        components=tuple(components),
        signals=tuple(dict.fromkeys(signals)),
        reach=_reach(answer, listed, capture, source) if whole and answer.name == "incidents" else None,
    )


def _answer(capture: Capture, signals: list[Signal]) -> _Answer:
    body = capture.body or b""
    document = json_of(body, dict[str, Any])
    path = urlsplit(capture.url).path.rstrip("/").rpartition("/")[2]
    try:
        if "links" in document:
            told = convert(document, _Document3, signals)
            included = [convert(item, _Item3, signals, "included[]") for item in told.included]
            page = told.meta.get("current_page")
            if not isinstance(page, int):
                raise ValueError("no `meta.current_page`")
            kinds = {_kind3(item) for item in told.data}
            more = told.links.get("next") is not None
            answer = _Answer(3, path, told.data, page, more, {(each.type, each.id): each for each in included})
        else:
            flat = convert(document, _Document2, signals)
            kinds = {_kind2(item) for item in flat.data}
            pages = flat.meta.pagination
            answer = _Answer(2, path, flat.data, pages.current_page, pages.current_page < pages.total_pages, {})
    except BROKEN as error:
        raise Unreadable(f"not an answer of Cachet: {error}") from error
    known = kinds - {None} if answer.items else {path}
    if len(known) != 1 or not known <= {"incidents", "schedules", "components", "groups"}:
        raise Unreadable(f"not an answer of Cachet: a list of {sorted(map(str, kinds)) or path}")
    return answer._replace(name=str(known.pop()))


def _kind2(item: Any) -> str | None:
    """What an item of version 2 is."""
    fields: frozenset[str] = frozenset(item) if isinstance(item, dict) else frozenset()
    if "collapsed" in fields:
        return "groups"
    if fields & {"group_id", "status_name"}:
        return "components"
    if fields & {"visible", "component_id"}:
        return "incidents"
    return "schedules" if "scheduled_at" in fields else None


def _kind3(item: Any) -> str | None:
    """What an item of version 3 says it is."""
    kind = item.get("type") if isinstance(item, dict) else None
    return kind if isinstance(kind, str) else None


def _reach(answer: _Answer, told: list[_Told], capture: Capture, source: Source) -> datetime | None:
    """From when on all incidents are listed: they are entered in the order of their ids, and listed backwards.

    What is not listed was entered before all that is, and that was before each of the latter was last edited; the times
    of the incidents themselves may have been set back.
    """
    if answer.page != 1:
        return None
    if not answer.more:
        return EVER
    ids = [int(each.key) for each in told if each.key.isdecimal()]
    edits = [moment(each.edited or "", source, capture.fetched_at, [], "updated") for each in told]
    backwards = len(ids) == len(told) > 1 and all(newer > older for newer, older in pairwise(ids))
    return min((edit for edit in edits if edit), default=None) if backwards else None


class _Version2:
    def __init__(self, address: str, signals: list[Signal]) -> None:
        self.signals = signals
        self.headings = dict(parse_qsl(urlsplit(address).fragment))

    def thing(self, name: str, item: Any) -> _Thing:
        """What an item of the list called `name` is."""
        if name == "incidents":
            return self.incident(convert(item, _Incident2, self.signals, "incidents[]"))
        if name == "schedules":
            return self.schedule(convert(item, _Schedule2, self.signals, "schedules[]"))
        if name == "groups":
            group = convert(item, _Group2, self.signals, "groups[]")
            return _Group(str(group.id), group.name)
        told = convert(item, _Component2, self.signals, "components[]")
        component = Component(key=str(told.id), name=told.name, group=self.headings.get(str(told.group_id)))
        return _state(component, told.status, told.status_name, self.signals) if told.enabled else None

    def incident(self, told: _Incident2) -> _Told:
        if told.updates:
            number, word = told.latest_status, told.latest_human_status
            if number is None:
                number, word = told.status, told.human_status
            first = _Said(None, told.created_at, None, None, told.message)
        else:
            number, word = told.status, told.human_status
            first = _Said(None, told.created_at, number, word, told.message)
        later = [_Said(str(u.id), u.created_at, u.status, u.human_status, u.message) for u in told.updates]
        touched = [_Touch(Component(key=str(told.component_id), name=str(told.component_id)))]
        return _Told(
            key=str(told.id),
            title=told.name,
            states=STATES,
            number=number,
            word=word,
            start=told.scheduled_at if number == 0 else told.occurred_at,
            end=None,
            said=[first, *sorted(later, key=lambda each: each.at or "")],
            touched=touched if told.component_id else [],
            url=told.permalink,
            edited=told.updated_at,
        )

    def schedule(self, told: _Schedule2) -> _Told:
        return _Told(
            key=f"schedule-{told.id}",
            title=told.name,
            states=PLANS,
            number=told.status,
            word=told.human_status,
            start=told.scheduled_at,
            end=told.completed_at,
            said=[_Said(None, told.created_at, None, None, told.message or "")],
            touched=[
                _Touch(Component(key=str(each.component_id), name=str(each.component_id)), each.component_status)
                for each in told.components
            ],
        )


class _Version3:
    def __init__(self, address: str, answer: _Answer, signals: list[Signal]) -> None:
        self.root = address.partition("/api/")[0]
        self.signals = signals
        self.included = answer.included
        related = Counter(key for item in answer.items for key in _related(item, "components"))
        self.once = {key for key, count in related.items() if count == 1}

    def thing(self, name: str, item: Any) -> _Thing:
        """What an item of the list called `name` is."""
        told = convert(item, _Item3, self.signals, f"{name}[]")
        if name == "incidents":
            return self.incident(told)
        if name == "schedules":
            return self.schedule(told)
        shown = convert(told.attributes, _Component3, self.signals, "components[].attributes")
        groups = [self.included[key] for key in _related(item, "group") if key in self.included]
        heading = convert(groups[0].attributes, _Group3, self.signals, "included[].attributes").name if groups else None
        status = shown.status if isinstance(shown.status, _Word) else _Word(value=shown.status)
        component = Component(key=told.id, name=shown.name, group=heading)
        return _state(component, status.value, status.human, self.signals) if shown.enabled else None

    def incident(self, item: _Item3) -> _Told:
        told = convert(item.attributes, _Incident3, self.signals, "incidents[].attributes")
        later = self.updates(item)
        status = _Word() if later else told.status
        return _Told(
            key=item.id,
            title=told.name,
            states=STATES_3,
            number=told.status.value,
            word=told.status.human,
            start=told.occurred.string if told.occurred else None,
            end=None,
            said=[_Said(None, told.created.string, status.value, status.human, told.message or ""), *later],
            touched=list(self.touched(item)),
            url=f"{self.root}/incidents/{told.guid}" if told.guid else None,
            edited=told.updated.string if told.updated else None,
        )

    def schedule(self, item: _Item3) -> _Told:
        told = convert(item.attributes, _Schedule3, self.signals, "schedules[].attributes")
        published = (told.published.string if told.published else None) or (
            told.created.string if told.created else None
        )
        return _Told(
            key=f"schedule-{item.id}",
            title=told.name,
            states=PLANS,
            number=told.status.value,
            word=told.status.human,
            start=told.scheduled.string,
            end=told.completed.string if told.completed else None,
            said=[_Said(None, published, None, None, told.message or ""), *self.updates(item)],
            touched=list(self.touched(item)),
        )

    def updates(self, item: _Item3) -> list[_Said]:
        said: list[_Said] = []
        for key in _related(item, "updates"):
            if key not in self.included:
                self.signals.append(Signal("bad-value", "relationships.updates", f"{key[1]} is not included"))
                continue
            told = convert(self.included[key].attributes, _Update3, self.signals, "included[].attributes")
            status = told.status or _Word()
            said.append(_Said(key[1], told.created.string, status.value, status.human, told.message))
        return sorted(said, key=lambda each: each.at or "")

    def touched(self, item: _Item3) -> Iterator[_Touch]:
        for key in _related(item, "components"):
            if key not in self.included:
                self.signals.append(Signal("unknown-component", "relationships.components", key[1]))
                continue
            told = convert(self.included[key].attributes, _Component3, self.signals, "included[].attributes")
            word = told.pivot.component_status if told.pivot and key in self.once else None
            yield _Touch(Component(key=key[1], name=told.name), *((word.value, word.human) if word else ()))


def _related(item: Any, name: str) -> list[tuple[str, str]]:
    """Type and id of what an item is related to."""
    relationships = (
        item.relationships
        if isinstance(item, _Item3)
        else item.get("relationships")
        if isinstance(item, dict)
        else None
    )
    told = relationships.get(name) if isinstance(relationships, dict) else None
    data = told.get("data") if isinstance(told, dict) else None
    each = data if isinstance(data, list) else [data] if data else []
    return [
        (str(one["type"]), str(one["id"])) for one in each if isinstance(one, dict) and {"type", "id"} <= one.keys()
    ]


def _state(component: Component, number: int | None, word: str | None, signals: list[Signal]) -> ComponentState:
    return ComponentState(
        component=component,
        severity=look_up(SEVERITIES, _digits(number), signals, "components[].status"),
        severity_text=word or str(number),
    )


def _digits(number: int | None) -> str | None:
    return None if number is None else str(number)


def _incident(told: _Told, capture: Capture, source: Source, signals: list[Signal]) -> Incident:
    plan = told.states is PLANS or (told.states is STATES and told.number == 0)
    where = "schedules[]" if told.states is PLANS else "incidents[]"

    def time(text: str | None, field: str, *, planned: bool = False) -> datetime | None:
        return moment(text, source, capture.fetched_at, signals, f"{where}.{field}", planned=planned) if text else None

    updates = tuple(
        Update(
            key=each.key,
            posted_at=time(each.at, "created"),
            state=look_up(told.states, _digits(each.number), signals, f"{where}.updates[].status"),
            state_text=each.word or _digits(each.number),
            text=plain(each.text),
        )
        for each in told.said
    )
    state = look_up(told.states, _digits(told.number), signals, f"{where}.status")
    impacts = tuple(_impact(touch, plan, signals, where) for touch in told.touched)
    severity = Severity.MAINTENANCE if plan else worst([impact.severity for impact in impacts])
    return Incident(
        key=told.key,
        title=told.title.strip(),
        url=told.url,
        kind=Kind.MAINTENANCE if plan else Kind.OUTAGE,
        severity=Severity.NOTICE if severity is Severity.OPERATIONAL else severity,  # an incident, and all is well
        severity_text=next((impact.severity_text for impact in impacts if impact.severity is severity), None),
        state=state,
        state_text=told.word or _digits(told.number),
        started_at=time(told.start, "start", planned=plan),
        ended_at=time(told.end, "end", planned=plan),
        first_posted_at=updates[0].posted_at,
        resolved_posted_at=over_posted(updates[1:], state),
        updates=updates,
        impacts=impacts,
    )


def _impact(touch: _Touch, plan: bool, signals: list[Signal], where: str) -> Impact:
    severity = look_up(SEVERITIES, _digits(touch.number), signals, f"{where}.components[].status")
    return Impact(
        component=touch.component,
        severity=severity or (Severity.MAINTENANCE if plan else None),
        severity_text=touch.word or _digits(touch.number),
    )


# --- what to ask for --------------------------------------------------------------------------------


def _base(address: str) -> str:
    """The API that an address belongs to: `https://host/api/v1`, or `https://host/api`."""
    found = re.match(r"(.*/api/v1|.*/api)/", address)
    return found[1] if found else address.rstrip("/")


def _addresses(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The source's own address, which is that of the incidents; schedules; components or, first, their headings."""
    base = _base(source.url)
    yield Ask(source.url)
    if base.endswith("/v1"):
        yield Ask(f"{base}/schedules?per_page={MANY}")
        yield Ask(f"{base}/components/groups?per_page={MANY}")
    else:
        yield Ask(f"{base}/schedules?include=components,updates&sort=-id&per_page={MANY}")
        yield Ask(f"{base}/components?include=group&per_page={MANY}")


def _follow(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The components, now that their headings are known; more of them."""
    try:
        answer = _answer(capture, [])
        if answer.name == "groups":
            parse = _Version2("", [])
            groups = [
                group for group in (parse.thing("groups", item) for item in answer.items) if isinstance(group, _Group)
            ]
            address = f"{_base(capture.url)}/components?per_page={MANY}"
            return (Ask(address, name=f"{address}#{urlencode(groups)}" if groups else None),)
    except (Unreadable, *BROKEN):
        return ()
    return _next(capture.url, answer) if answer.name == "components" else ()


def _next(address: str, answer: _Answer) -> tuple[Ask, ...]:
    """The page after this one. The links of an answer are not used: behind a proxy they lead elsewhere."""
    if not answer.more:
        return ()
    parts = urlsplit(address)
    query = {**dict(parse_qsl(parts.query)), "page": str(answer.page + 1)}
    kept = parts._replace(query=urlencode(query, safe=","))
    return (Ask(urlunsplit(kept._replace(fragment="")), name=urlunsplit(kept) if parts.fragment else None),)


def _history(source: Source, now: datetime) -> Iterable[Ask]:
    return tuple(_addresses(source, now))[:2]


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    try:
        answer = _answer(capture, [])
    except Unreadable:
        return ()
    return _next(capture.url, answer) if answer.name in ("incidents", "schedules") else ()


def _find(root: str, html: str) -> Mapping[str, str]:
    """The list of incidents of the version that the HTML is of."""
    if re.search(r"vendor/cachethq/|\blivewire\b", html):
        return {"incidents": f"{root}/api/incidents?include=components,updates&sort=-id&per_page={MANY}"}
    return {"incidents": f"{root}/api/v1/incidents?sort=id&order=desc&per_page={MANY}"}


PLATFORM = Platform(
    read=read,
    addresses=_addresses,
    follow=_follow,
    history=_history,
    older=_older,
    hosts=("cachethq.io",),
    html=(r"\bcachethq\.io\b", r"\bvendor/cachethq/"),
    find=_find,
)
