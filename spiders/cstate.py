"""cState: a status page made by Hugo from Markdown files, which are often public too.

| address | has |
| --- | --- |
| `/index.json` | systems as they are now, with the open issues of each; pinned notices |
| `/issues/index.json` | every issue, without text |
| `/affected/<system>/index.json` | one system and its issues |
| `/issues/<name>/index.json` | one issue with its text as HTML (since version 4) |
| `/index.xml` | RSS of every issue with its text, but without severity, and notices are not marked as such |
| `content/issues/<name>.md` in the repository | the source of an issue: front matter and Markdown |

The key is the file's name without `.md`, which is also the last part of the address. An issue's `date` is when it began
and `resolvedWhen` when it was over, both entered by a person; `lastMod` is when the file was changed. Severities are
`notice`, `disrupted` and `down`; an `informational` issue has none and is a notice. There is no maintenance. A system
has no identifier but its name.

A text may hold messages, newest first, by convention: `*Resolved* - words {{< track "2018-05-25 05:54:00" >}}`. In HTML
the last part is `<p class="faded">25 May 2018 05:54</p>`.

Times are Go's (`2018-05-25 15:30:00 +0000 UTC`), in sources without a zone: then they are in the source's `timezone`. The
JSON is printed by a template that escapes nothing, so a quotation mark in a title breaks it, and what is not set is
`<no value>`.

Seen real: two sources of the demonstration site, and (in tests of other projects) the index of status.torproject.org, of
version 6; the rest is from the templates of version 6 and the documentation of version 4.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec
import yaml

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform, below_root
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.markup import plain, sections
from crawler.reading.payload import BROKEN, Ignored, Payload, all_read, body_of, decode, json_of, readable
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
)

SEVERITIES: Mapping[str, Severity] = {
    "ok": Severity.OPERATIONAL,
    "notice": Severity.NOTICE,
    "disrupted": Severity.PARTIAL_OUTAGE,
    "down": Severity.MAJOR_OUTAGE,
}
#: Words before the dash of a message.
STATES: Mapping[str, State | None] = {
    **{str(state): state for state in State},
    "in progress": State.IN_PROGRESS,
    "post-mortem": State.POSTMORTEM,
    "update": None,  # one more message, the state stays
}
#: How the mark before a resolved issue's title in the feed reads in the languages of cState.
RESOLVED = frozenset(
    {"resolved", "behoben", "gelöst", "résolu", "resuelto", "resolvido", "risolto", "opgelost", "rozwiązane", "已解决"}
)

#: `/issues/index.json` lists every issue there is.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
#: Issues of which a round asks for the text.
NEWEST = 5

#: What a template prints for what is not set, and Go for no time.
_NOTHING = frozenset({"", "<no value>", "null"})
_NO_TIME = "0001-01-01"

# --- JSON


class _Issue(Payload, rename="camel"):
    """An issue in any list. Version 4 wrote truth values as text."""

    title: str
    created_at: str
    filename: str
    permalink: str = ""
    severity: str = ""
    resolved: bool | str = False
    informational: bool | str = False
    resolved_at: str = ""
    affected: list[str] = msgspec.field(default_factory=list)
    body: str | None = None  # HTML, of an issue by itself
    is_: Ignored = msgspec.field(name="is", default=None)
    last_mod: Ignored = None


class _System(Payload, rename="camel"):
    name: str
    status: str | None = None  # since version 5
    category: str | None = None
    unresolved_issues: list[msgspec.Raw] | None = None  # since version 5
    description: Ignored = None


class _Index(Payload, rename="camel"):
    """`/index.json`."""

    systems: list[_System]
    c_state_version: str
    summary_status: str | None = None
    pinned_issues: list[msgspec.Raw] = msgspec.field(default_factory=list)
    is_: Ignored = msgspec.field(name="is", default=None)
    always_keep_brand_color: Ignored = None
    api_version: Ignored = None
    base_url: Ignored = msgspec.field(name="baseURL", default=None)
    build_date: Ignored = None
    build_time: Ignored = None
    build_timezone: Ignored = None
    categories: Ignored = None
    color_brand: Ignored = None
    color_disrupted: Ignored = None
    color_down: Ignored = None
    color_notice: Ignored = None
    color_ok: Ignored = None
    description: Ignored = None
    google_analytics: Ignored = None
    language_code: Ignored = None
    language_code_html: Ignored = msgspec.field(name="languageCodeHTML", default=None)
    logo: Ignored = None
    tabs: Ignored = None
    title: Ignored = None


class _List(Payload, rename="camel"):
    """`/issues/index.json`, and a system by itself."""

    pages: list[msgspec.Raw]
    title: str
    status: str | None = None
    is_: Ignored = msgspec.field(name="is", default=None)
    base_url: Ignored = msgspec.field(name="baseURL", default=None)
    description: Ignored = None
    permalink: Ignored = None


class _Kind(msgspec.Struct):
    """What a document calls itself."""

    is_: str = msgspec.field(name="is", default="")


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    body = body_of(capture)
    reading = _Reading(source, capture, [])
    if body[:1] == b"{":
        page = _read_json(body, reading)
    elif body[:3] in (b"---", b"+++"):
        page = Page(incidents=(_from_source(body, reading),))
    elif feeds.looks_like_one(body):
        page = _read_feed(reading)
    else:
        raise Unreadable(f"neither JSON, a feed nor an issue's source: begins with {body[:40]!r}")
    return msgspec.structs.replace(page, signals=tuple(dict.fromkeys((*page.signals, *reading.signals))))


class _Reading(NamedTuple):
    """What every step needs."""

    source: Source
    capture: Capture
    signals: list[Signal]

    def time(self, text: str | None, where: str) -> datetime | None:
        """A time as written, None where there is none."""
        if text is None or text.strip() in _NOTHING or text.startswith(_NO_TIME):
            return None
        return moment(text, self.source, self.capture.fetched_at, self.signals, where, formats=TRACKED)


#: How the template prints the time of a message.
TRACKED = ("%d %b %Y %H:%M",)


def _read_json(body: bytes, reading: _Reading) -> Page:
    try:
        kind = msgspec.json.decode(body, type=_Kind).is_
    except BROKEN as error:
        raise Unreadable(f"broken JSON, perhaps by a quotation mark in a title: {error}") from error
    if kind == "index":
        return _read_index(json_of(body, _Index, reading.signals), reading)
    if kind in ("issues", "system"):
        told = json_of(body, _List, reading.signals)
        incidents = tuple(_issues(told.pages, reading, "pages[]"))
        whole = kind == "issues" and len(incidents) == len(told.pages) > 0
        return Page(
            incidents=incidents,
            components=_systems([_System(name=told.title, status=told.status)], reading) if kind == "system" else (),
            reach=_BEGINNING if whole else None,
        )
    if kind == "issue":
        issue = json_of(body, _Issue, reading.signals)
        try:
            return Page(incidents=(_incident(_told(issue, reading), reading),))
        except ValueError as error:
            raise Unreadable(f"not an issue of cState: {error}") from error
    raise Unreadable(f"not a document of cState: it calls itself {kind[:40]!r}")


def _read_index(index: _Index, reading: _Reading) -> Page:
    """The open issues stand below each system that they affect."""
    look_up(SEVERITIES, index.summary_status, reading.signals, "$.summaryStatus")
    open_now = [raw for system in index.systems for raw in system.unresolved_issues or ()]
    incidents = {
        incident.key: incident
        for incident in (
            *_issues(index.pinned_issues, reading, "pinnedIssues[]", informational=True),
            *_issues(open_now, reading, "systems[].unresolvedIssues[]"),
        )
    }
    listed = index.systems and all(system.unresolved_issues is not None for system in index.systems)
    return Page(
        incidents=tuple(incidents.values()),
        components=_systems(index.systems, reading),
        open_only=bool(listed) and all_read(reading.signals),
    )


def _systems(systems: Iterable[_System], reading: _Reading) -> tuple[ComponentState, ...]:
    return tuple(
        ComponentState(
            component=Component(key=None, name=system.name, group=system.category),
            severity=look_up(SEVERITIES, system.status, reading.signals, "systems[].status"),
            severity_text=system.status,
        )
        for system in systems
        if system.status is not None
    )


def _issues(
    raws: Iterable[msgspec.Raw], reading: _Reading, where: str, informational: bool = False
) -> Iterator[Incident]:
    """Each issue of a list that can be read; other kinds of pages are passed over."""

    def incident(raw: msgspec.Raw) -> Incident | None:
        if msgspec.json.decode(raw, type=_Kind).is_ not in ("issue", ""):
            return None
        told = _told(decode(raw, _Issue, reading.signals, where), reading)
        return _incident(told._replace(informational=told.informational or informational), reading)

    return filter(None, readable(raws, incident, reading.signals, where, ("filename",)))


# --- one issue, however it came


class _Told(NamedTuple):
    """An issue. `text` is HTML or Markdown, "" when it is not told."""

    key: str
    title: str
    url: str | None
    severity: str
    resolved: bool
    informational: bool
    began: datetime | None
    over: datetime | None
    affected: Sequence[str]
    text: str


def _true(value: bool | str) -> bool:
    """Truth as JSON or as a template's text. ValueError for any other word."""
    word = str(value).lower()
    if word in ("true", "false") or word in _NOTHING:
        return word == "true"
    raise ValueError(f"neither true nor false: {value!r}")


def _on_host(capture: Capture, permalink: str) -> str:
    """A permalink on the host that was asked: it has the one that the page was made for, `localhost` at times."""
    return urljoin(capture.url, urlsplit(permalink).path)


def _told(issue: _Issue, reading: _Reading) -> _Told:
    return _Told(
        key=issue.filename.removesuffix(".md"),
        title=issue.title,
        url=_on_host(reading.capture, issue.permalink) if issue.permalink else None,
        severity=issue.severity,
        resolved=_true(issue.resolved),
        informational=_true(issue.informational),
        began=reading.time(issue.created_at, "issue.createdAt"),
        over=reading.time(issue.resolved_at, "issue.resolvedAt"),
        affected=issue.affected,
        text=issue.body or "",
    )


def _incident(told: _Told, reading: _Reading) -> Incident:
    severity_text = None if told.severity in _NOTHING else told.severity
    severity = look_up(SEVERITIES, severity_text, reading.signals, "issue.severity")
    updates = tuple(_updates(told, reading))
    posted = [update.posted_at for update in updates if update.posted_at]
    began, over = (None, None) if told.informational else (told.began, told.over if told.resolved else None)
    if began and over and over < began:
        reading.signals.append(Signal("bad-value", "issue.resolvedWhen", f"{told.key}: before it began"))
    state = State.RESOLVED if told.resolved else next((u.state for u in reversed(updates) if u.state), None)
    return Incident(
        key=told.key,
        title=plain(told.title),
        url=told.url,
        kind=Kind.NOTICE if told.informational else Kind.OUTAGE,
        severity=severity,
        severity_text=severity_text,
        state=state,
        state_text="resolved" if told.resolved else None,
        started_at=began,
        ended_at=over,
        first_posted_at=min(posted, default=told.began),
        resolved_posted_at=next((u.posted_at for u in updates if u.state in OVER), None) if told.resolved else None,
        updates=updates,
        impacts=tuple(
            Impact(component=Component(key=None, name=name), severity=severity, severity_text=severity_text)
            for name in told.affected
        ),
        postmortem_at=next((u.posted_at for u in updates if u.state is State.POSTMORTEM), None),
    )


#: `*Resolved* -`, or what Hugo makes of it, at the beginning of a paragraph.
_HEAD = re.compile(r"(?m)^\s*(?:<p>)?(?:\*{1,2}|<(?:em|strong)>)([^*<\n]{2,24})(?:\*{1,2}|</(?:em|strong)>)\s*[-–—:]")
_TRACK = re.compile(r"""\{\{[<%]\s*track\s+["`](.*?)["`]\s*[>%]\}\}|<p class=["']?faded["']?>(.*?)</p>""", re.DOTALL)


def _updates(told: _Told, reading: _Reading) -> Iterator[Update]:
    """The messages of a text, oldest first; the whole text where it is not divided so."""
    if not told.text.strip():
        return
    messages = list(sections(_HEAD, told.text))
    if not messages:
        yield Update(posted_at=_tracked(told.text, reading) or told.began, text=_words(told.text))
    for head, text in reversed(messages):
        yield Update(
            posted_at=_tracked(text, reading),
            state=look_up(STATES, head[1], reading.signals, "issue.body"),
            state_text=head[1].strip(),
            text=_words(text),
        )


def _tracked(text: str, reading: _Reading) -> datetime | None:
    match = _TRACK.search(text)
    return reading.time(plain(match[1] or match[2] or ""), "issue.body track") if match else None


def _words(text: str) -> str:
    return plain(_TRACK.sub("", text))


# --- the source of an issue

_FRONT = {
    b"---": re.compile(r"---\s*\n(.*?)\n---\s*(?:\n|$)", re.DOTALL),  # YAML
    b"+++": re.compile(r"\+\+\+\s*\n(.*?)\n\+\+\+\s*(?:\n|$)", re.DOTALL),  # TOML
}
#: Fields of the front matter that say nothing about the incident: how Hugo shows and sorts it.
_FRONT_IGNORED = frozenset(
    {"aliases", "author", "description", "draft", "expirydate", "lastmod", "layout", "pin", "publishdate", "slug", "summary",
     "tags", "type", "url", "weight"}
)  # fmt: skip


def _from_source(body: bytes, reading: _Reading) -> Incident:
    try:
        text = body.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: {error}") from error
    match = _FRONT[body[:3]].match(text)
    if match is None:
        raise Unreadable("front matter that does not end")
    front = {name.lower(): value for name, value in _front(match[1], body[:3] == b"+++").items()}
    if front.pop("section", "issue") != "issue" or "title" not in front or "date" not in front:
        raise Unreadable(f"not an issue of cState: front matter with {', '.join(sorted(front)) or 'nothing'}")
    affected = front.pop("affected", None) or []
    told = _Told(
        key=urlsplit(reading.capture.url).path.rsplit("/", 1)[-1].removesuffix(".md"),
        title=_scalar(front.pop("title")),
        url=None,
        severity=_scalar(front.pop("severity", "")),
        resolved=_truth(front.pop("resolved", "")),
        informational=_truth(front.pop("informational", "")),
        began=reading.time(_scalar(front.pop("date")), "issue.date"),
        over=reading.time(_scalar(front.pop("resolvedwhen", "")), "issue.resolvedWhen"),
        affected=[_scalar(name) for name in affected] if isinstance(affected, list) else [_scalar(affected)],
        text=text[match.end() :],
    )
    for name in sorted(front.keys() - _FRONT_IGNORED):
        reading.signals.append(Signal("unknown-field", f"issue.{name}", _scalar(front[name])[:80]))
    return _incident(told, reading)


def _front(text: str, toml: bool) -> dict[str, Any]:
    """Front matter. YAML's values stay text: what looks like a date or a truth value is read here."""
    try:
        data = tomllib.loads(text) if toml else yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unreadable(f"front matter that is broken: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise Unreadable("front matter without fields")
    return {str(name): value for name, value in data.items()}


def _scalar(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _truth(value: Any) -> bool:
    try:
        return _true(_scalar(value))
    except ValueError as error:
        raise Unreadable(f"not an issue of cState: {error}") from error


# --- the feed


def _read_feed(reading: _Reading) -> Page:
    """Every issue. The mark before a title is translated, and the category is the time when it was over."""
    feed = feeds.feed_of(reading.capture, reading.signals)
    if "cstate" not in feed.generator.lower():
        raise Unreadable(f"a feed that cState did not make, but {feed.generator or 'nobody that it names'}")
    incidents = []
    for entry in feed.entries:
        key = urlsplit(entry.link).path.rstrip("/").rsplit("/", 1)[-1]
        if not key or not entry.title:
            reading.signals.append(Signal("bad-incident", "item", f"{entry.link or entry.title}: no link or no title"))
            continue
        mark = re.match(r"\[([^\]]+)\]\s*(?=\S)", entry.title)
        marked = mark is not None and mark[1].lower() in RESOLVED
        over = reading.time(next(iter(entry.categories), None), "item.category")
        told = _Told(
            key=key,
            title=entry.title[mark.end() :] if mark and (marked or over) else entry.title,
            url=entry.link,
            severity="",
            resolved=marked or over is not None,
            informational=False,
            began=reading.time(entry.published, "item.pubDate"),
            over=over,
            affected=(),
            text=entry.content,
        )
        incidents.append(_incident(told, reading))
    return Page(incidents=tuple(incidents))


# --- what to ask for


class _Raws(msgspec.Struct):
    """A list, whatever is in it."""

    pages: list[msgspec.Raw]


def _pages(capture: Capture) -> list[_Issue]:
    """The issues that `/issues/index.json` lists, newest first; none for any other body."""
    try:
        if msgspec.json.decode(capture.body or b"", type=_Kind).is_ != "issues":
            return []
        pages = msgspec.json.decode(capture.body or b"", type=_Raws).pages
    except BROKEN:
        return []
    found: list[_Issue] = []
    for raw in pages:
        try:
            issue = decode(raw, _Issue, [])
        except BROKEN:
            continue
        if issue.is_ == "issue" and issue.permalink:
            found.append(issue)
    return sorted(found, key=lambda issue: issue.created_at, reverse=True)


def _texts(capture: Capture, issues: Iterable[_Issue]) -> Iterator[Ask]:
    for issue in issues:
        yield Ask(f"{_on_host(capture, issue.permalink).rstrip('/')}/index.json")


def _follow(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return _texts(capture, _pages(capture)[:NEWEST])


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return _texts(capture, _pages(capture))


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(urljoin(source.url, "/issues/index.json")),)


def _record(source: Source, key: str) -> Ask:
    return Ask(urljoin(source.url, f"/issues/{key}/index.json"))


def _about(capture: Capture) -> About:
    try:
        told = msgspec.json.decode(capture.body or b"", type=dict[str, Any])
    except BROKEN:
        return About()
    return About(name=str(told["title"]) if told.get("title") else None)


PLATFORM = Platform(
    read=read,
    follow=_follow,
    history=_history,
    older=_older,
    record=_record,
    html=(r"github\.com/cstate\b",),
    find=below_root(index="/index.json", issues="/issues/index.json"),
    about=_about,
)
