"""Upptime: a monitor that runs in a GitHub repository and keeps its results there.

| address | has |
| --- | --- |
| `raw.githubusercontent.com/<owner>/<repo>/HEAD/history/summary.json` | every site as it is now, with shares of uptime |
| `.../history/<slug>.yml` | one site at its last change of state, or last commit |
| `api.github.com/repos/<owner>/<repo>/issues?labels=status&state=all` | incidents |
| the same with `labels=maintenance` | maintenances |

A site that is found down three times gets an issue, labelled `status` and with the site's slug, which is closed when the
site is up again: so an issue of the monitor's own making is an interval, by its `created_at` and `closed_at`. People may
open such issues too; those are messages, and their times are when they were posted. A maintenance has its plan in a
comment within its text: `<!-- start: 2026-03-01T02:00:00Z, end: ..., expectedDown: slug, slug -->`, one to a line.

Words for a site: `up`, `degraded`, `down`. `dailyMinutesDown` in the summary has no times of day and is ignored. Times are
UTC with `Z`. Comments of an issue are an address of their own, and not read.

Seen real: a summary and four site files of 2026-08. Issues are from the source of the monitor and from GitHub's
documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import msgspec
import yaml

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading.dates import moment, utc
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, Time, body_of, convert, decode, readable, unread
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
)

STATUSES: Mapping[str, Severity] = {
    "up": Severity.OPERATIONAL,
    "degraded": Severity.DEGRADED,
    "down": Severity.MAJOR_OUTAGE,
}
#: Labels of issues that are meant for the status page.
STATUS, MAINTENANCE = "status", "maintenance"

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
#: Items of a page of GitHub's API, when nobody asks for another number.
_PER_PAGE = 30

#: Titles of the monitor's own making.
_MONITORED = re.compile(r"^(?:🛑\s*(?P<down>.+) is down|⚠️?\s*(?P<degraded>.+) has degraded performance)$")
_PLAN = re.compile(r"<!--(.*?)-->", re.DOTALL)
_PLAN_FIELDS = frozenset({"start", "end", "expectedDown", "expectedDegraded"})


class _Site(Payload, rename="camel"):
    """A site in the summary."""

    name: str
    slug: str
    status: str
    url: str
    icon: Ignored = None
    uptime: Ignored = None
    uptime_day: Ignored = None
    uptime_week: Ignored = None
    uptime_month: Ignored = None
    uptime_year: Ignored = None
    time: Ignored = None
    time_day: Ignored = None
    time_week: Ignored = None
    time_month: Ignored = None
    time_year: Ignored = None
    daily_minutes_down: Ignored = None


class _State(Payload, rename="camel"):
    """A site's own file. `startTime` is when it was first watched."""

    status: str
    generator: str
    url: Ignored = None
    code: Ignored = None
    response_time: Ignored = None
    last_updated: Ignored = None
    start_time: Ignored = None


class _Label(Payload):
    name: str
    color: Ignored = None
    default: Ignored = None
    description: Ignored = None
    id: Ignored = None
    node_id: Ignored = None
    url: Ignored = None


class _Issue(Payload):
    """An issue as GitHub's API has it."""

    number: int
    title: str
    state: str
    html_url: str
    created_at: Time
    labels: list[_Label]
    body: str | None = None
    closed_at: Time | None = None
    pull_request: Any = None
    active_lock_reason: Ignored = None
    assignee: Ignored = None
    assignees: Ignored = None
    author_association: Ignored = None
    closed_by: Ignored = None
    comments: Ignored = None
    comments_url: Ignored = None
    draft: Ignored = None
    events_url: Ignored = None
    id: Ignored = None
    issue_dependencies_summary: Ignored = None
    issue_field_values: Ignored = None
    labels_url: Ignored = None
    locked: Ignored = None
    milestone: Ignored = None
    node_id: Ignored = None
    parent_issue_url: Ignored = None
    performed_via_github_app: Ignored = None
    pinned_comment: Ignored = None
    reactions: Ignored = None
    repository_url: Ignored = None
    score: Ignored = None
    state_reason: Ignored = None
    sub_issues_summary: Ignored = None
    timeline_url: Ignored = None
    type: Ignored = None
    updated_at: Ignored = None
    url: Ignored = None
    user: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    body = body_of(capture)
    signals: list[Signal] = []
    if body[:1] == b"[":
        page = _read_list(body, capture, source, signals)
    elif body[:1] == b"{":
        incident = _read_issue(body, capture, source, signals)
        if incident is None:
            raise Unreadable(f"not an issue of Upptime: {signals[-1].detail if signals else body[:40]!r}")
        page = Page(incidents=(incident,))
    elif body[:1] == b"<":
        raise Unreadable(f"HTML, begins with {body[:40]!r}")
    else:
        page = Page(components=(_read_site(body, capture, signals),))
    return msgspec.structs.replace(page, signals=tuple(dict.fromkeys(signals)))


def _read_list(body: bytes, capture: Capture, source: Source, signals: list[Signal]) -> Page:
    """The summary, or a list of issues: told apart by what the first item has."""
    try:
        items = msgspec.json.decode(body, type=list[msgspec.Raw])
        first = msgspec.json.decode(items[0], type=dict[str, msgspec.Raw]) if items else {}
    except BROKEN as error:
        raise Unreadable(f"neither a summary nor a list of issues: {error}") from error
    if "slug" in first:
        return Page(components=tuple(_sites(items, signals)))
    asked = _Asked.of(capture.url)
    if ("number" not in first and first) or (not items and not asked):
        raise Unreadable(f"neither a summary nor a list of issues: {', '.join(sorted(first)) or 'nothing'}")
    found = [_read_issue(bytes(item), capture, source, signals) for item in items]
    incidents = tuple(incident for incident in found if incident)
    if items and not incidents:
        raise Unreadable(f"{len(items)} issues, and none of them is for a status page")
    complete = asked is not None and len(incidents) == len(items)
    whole = complete and asked is not None and len(items) < asked.per_page and asked.page == 1
    reach = _BEGINNING if whole else min((i.first_posted_at for i in incidents if i.first_posted_at), default=None)
    return Page(
        incidents=incidents,
        reach=reach if complete and asked and asked.state == "all" and asked.page == 1 else None,
        open_only=whole and asked is not None and asked.state == "open",
    )


def _sites(items: Iterable[msgspec.Raw], signals: list[Signal]) -> Iterator[ComponentState]:
    for site in readable(
        items, lambda raw: decode(raw, _Site, signals, "[]"), signals, "[]", ("slug",), "bad-component"
    ):
        yield _component_state(site.slug, site.name, site.status, signals, "[].status")


def _component_state(slug: str, name: str, word: str, signals: list[Signal], where: str) -> ComponentState:
    return ComponentState(
        component=Component(key=slug, name=name),
        severity=look_up(STATUSES, word, signals, where),
        severity_text=word,
    )


def _read_site(body: bytes, capture: Capture, signals: list[Signal]) -> ComponentState:
    """A site's file, which names the site by its own name only. Until 2021 it was a list of its fields."""
    try:
        data = yaml.load(body, Loader=yaml.BaseLoader)
        if isinstance(data, list):
            data = {name: value for item in data for name, value in item.items()}
        state = convert(data, _State, signals)
    except (*BROKEN, yaml.YAMLError, AttributeError) as error:
        raise Unreadable(f"not a site of Upptime: {' '.join(str(error).split())[:120]}") from error
    if "upptime" not in state.generator.lower():
        raise Unreadable(f"not a site of Upptime, but by {state.generator[:40]!r}")
    slug = urlsplit(capture.url).path.rsplit("/", 1)[-1].removesuffix(".yml")
    return _component_state(slug, slug, state.status, signals, "$.status")


# --- issues


def _read_issue(body: bytes, capture: Capture, source: Source, signals: list[Signal]) -> Incident | None:
    """An issue; None when it is not for the status page, or cannot be read, which is a signal."""
    try:
        issue = decode(body, _Issue, signals, "[]")
        labels = {label.name for label in issue.labels}
        if issue.pull_request is not None or not labels & {STATUS, MAINTENANCE}:
            return None
        slugs = sorted(labels - {STATUS, MAINTENANCE})
        if MAINTENANCE in labels:
            return _maintenance(issue, slugs, capture, source, signals)
        return _incident(issue, slugs, signals)
    except BROKEN as error:
        signals.append(unread(body, error, "[]", ("number",)))
        return None


def _incident(issue: _Issue, slugs: Sequence[str], signals: list[Signal]) -> Incident:
    monitored = _MONITORED.fullmatch(issue.title.strip())
    created, closed = utc(issue.created_at), utc(issue.closed_at) if issue.closed_at else None
    word = "down" if monitored and monitored["down"] else "degraded" if monitored else None
    site = (monitored["down"] or monitored["degraded"]) if monitored else None
    severity = look_up(STATUSES, word, signals, "[].title")
    return Incident(
        key=str(issue.number),
        title=issue.title.strip(),
        url=issue.html_url,
        severity=severity,
        severity_text=word,
        state=_state(issue, State.RESOLVED, signals),
        state_text=issue.state,
        first_posted_at=created,
        resolved_posted_at=closed,
        updates=_updates(issue),
        impacts=tuple(
            Impact(
                component=component,
                severity=severity,
                severity_text=word,
                started_at=created if site else None,
                ended_at=closed if site else None,
            )
            for component in _components(slugs, site)
        ),
    )


def _components(slugs: Sequence[str], site: str | None) -> list[Component]:
    """The sites that labels name. Tags are labels too: of several, a site's own is the one that spells its name."""
    if site:
        own = [slug for slug in slugs if _letters(slug) == _letters(site)] or (slugs if len(slugs) == 1 else [])
        return [Component(key=own[0] if own else None, name=site)]
    return [Component(key=slug, name=slug) for slug in slugs]


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _state(issue: _Issue, closed: State, signals: list[Signal]) -> State | None:
    return look_up({"open": None, "closed": closed}, issue.state, signals, "[].state")


def _updates(issue: _Issue) -> tuple[Update, ...]:
    text = plain(_PLAN.sub("", issue.body or ""))
    return (Update(key=str(issue.number), posted_at=utc(issue.created_at), text=text),) if text else ()


def _maintenance(
    issue: _Issue, tags: Sequence[str], capture: Capture, source: Source, signals: list[Signal]
) -> Incident:
    plan = _plan(issue.body or "", signals)

    def time(name: str) -> datetime | None:
        where = f"[].body {name}"
        return moment(plan[name], source, capture.fetched_at, signals, where, planned=True) if name in plan else None

    if not {"start", "end"} <= plan.keys():
        signals.append(Signal("bad-value", "[].body", f"{issue.number}: no start or no end"))
    expected = {
        slug.strip(): word
        for field, word in (("expectedDegraded", "degraded"), ("expectedDown", "down"))
        for slug in plan.get(field, "").split(",")
        if slug.strip()
    }
    return Incident(
        key=str(issue.number),
        title=issue.title.strip(),
        url=issue.html_url,
        kind=Kind.MAINTENANCE,
        state=_state(issue, State.COMPLETED, signals),
        state_text=issue.state,
        started_at=time("start"),
        ended_at=time("end"),
        first_posted_at=utc(issue.created_at),
        resolved_posted_at=utc(issue.closed_at) if issue.closed_at else None,
        updates=_updates(issue),
        impacts=tuple(
            Impact(
                component=Component(key=slug, name=slug),
                severity=Severity.MAINTENANCE,
                severity_text=expected.get(slug),
            )
            for slug in expected or tags
        ),
    )


def _plan(body: str, signals: list[Signal]) -> dict[str, str]:
    """The fields in the comment. Some forms write a line's end as two characters."""
    match = _PLAN.search(body)
    if match is None:
        return {}
    plan = {}
    for line in match[1].replace("\\n", "\n").splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            continue
        if name.strip() in _PLAN_FIELDS:
            plan[name.strip()] = value.strip()
        else:
            signals.append(Signal("unknown-field", f"[].body {name.strip()[:40]}", value.strip()[:80]))
    return plan


# --- what to ask for


class _Asked(NamedTuple):
    """What a list of issues was asked for."""

    state: str
    per_page: int
    page: int

    @classmethod
    def of(cls, url: str) -> _Asked | None:
        """None when the address is not that of a list of issues."""
        parts = urlsplit(url)
        if not parts.path.endswith("/issues"):
            return None
        query = parse_qs(parts.query)

        def number(name: str, default: int) -> int:
            text = query.get(name, [""])[0]
            return int(text) if text.isdecimal() else default

        return cls(query.get("state", ["open"])[0], number("per_page", _PER_PAGE), number("page", 1))


def _next(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The next page of a list of issues that was full."""
    asked = _Asked.of(capture.url)
    if asked is None:
        return ()
    try:
        items = msgspec.json.decode(capture.body or b"", type=list[msgspec.Raw])
    except BROKEN:
        return ()
    if len(items) < asked.per_page:
        return ()
    parts = urlsplit(capture.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | {"page": str(asked.page + 1)}
    return (Ask(urlunsplit(parts._replace(query=urlencode(query)))),)


_REPOSITORY = re.compile(r"(?:raw\.githubusercontent\.com|api\.github\.com/repos|github\.com)/([\w.-]+)/([\w.-]+)")


def _addresses(owner: str, repository: str) -> dict[str, str]:
    issues = f"https://api.github.com/repos/{owner}/{repository}/issues?state=all&per_page=100"
    return {
        "summary": f"https://raw.githubusercontent.com/{owner}/{repository}/HEAD/history/summary.json",
        "issues": f"{issues}&labels={STATUS}",
        "maintenances": f"{issues}&labels={MAINTENANCE}",
    }


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    match = _REPOSITORY.search(source.url)
    if match is None:
        return ()
    found = _addresses(match[1], match[2])
    return (Ask(found["issues"]), Ask(found["maintenances"]))


def _find(root: str, html: str) -> dict[str, str]:  # noqa: ARG001 - the signature of all of them
    """From the repository that a page made by Upptime links to, which is not Upptime's own."""
    for owner, repository in _REPOSITORY.findall(html):
        if owner.lower() != "upptime":
            return _addresses(owner, repository.removesuffix(".git"))
    return {}


PLATFORM = Platform(
    read=read,
    history=_history,
    older=_next,
    headers={"Accept": "application/vnd.github+json, */*;q=0.8"},
    html=(r"upptime\.js\.org|github\.com/upptime/upptime",),
    find=_find,
)
