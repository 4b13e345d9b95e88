"""StatusCast: its HTML pages, its JSON, and its feed.

| address | says |
| --- | --- |
| `/incidents` | the history, with the latest messages of each incident (and `/`, when it shows a list of them) |
| `/incident/<id>` | one incident, in the same markup |
| `/summary.json` | the state of the page, and the open incidents with their messages |
| `/status.json`, `/components.json`, `/incidents.json` | the state, the components, the incidents without messages |
| `/rss` | one item a message; items of one incident share their link |

In HTML an incident is a `div.incident-body`, whose classes tell its type, where it is, and (since about 2026) the worst
status it had: `incident-type-serviceunavailable incident-status-inprogress incident-mostsevere-status-informational`.
The worst status counts before the type. Its messages follow in `div.incident-update-body`, newest first. Times are
written `19 January 2023, 23:05  UTC`, in the page's zone. "In progress" says no more of an outage than that it is not
over. Components it is about directly (`acdirectly`) and by way of others (`acsecondary`) are both named.

The markup was seen in a real page (www.fastlystatus.com of January 2023, two open incidents), and a reader of
September 2026 still finds it. The JSON and the feed are known from other people's readers alone. A page keeps its open
incidents, but which list it shows is the vendor's choice: nothing is promised but by `/summary.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
from parsel import Selector

from crawler.catalog import Source
from crawler.platform import About, Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.embedded import html_text
from crawler.reading.incidents import kind_of
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, all_read, convert, unread
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
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
)

#: Types of incidents, worst statuses of them, and states of components: one vocabulary.
SEVERITIES: Mapping[str, Severity | None] = {
    "available": Severity.OPERATIONAL,
    "normal": Severity.OPERATIONAL,
    "informational": Severity.NOTICE,
    "information": Severity.NOTICE,
    "performance": Severity.DEGRADED,
    "performanceissue": Severity.DEGRADED,
    "degraded": Severity.DEGRADED,
    "degradedperformance": Severity.DEGRADED,
    "partialoutage": Severity.PARTIAL_OUTAGE,
    "serviceunavailable": Severity.MAJOR_OUTAGE,
    "unavailable": Severity.MAJOR_OUTAGE,
    "maintenance": Severity.MAINTENANCE,
    "scheduledmaintenance": Severity.MAINTENANCE,
    # A page may show how far along it is in place of how bad.
    "investigating": None,
    "identified": None,
    "monitored": None,
    "monitoring": None,
}
STATES: Mapping[str, State | None] = {
    "inprogress": None,
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitored": State.MONITORING,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
    "future": State.SCHEDULED,
    "scheduled": State.SCHEDULED,
}

_ID = re.compile(r"/incident/(\d+)")
_CLASS = re.compile(r"\bincident-(type|status|mostsevere-status)-(\w+)")
_MARK = re.compile(r"(?i)statuscast|\bsc-hero\b")


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is none of the bodies named above."""
    body = capture.body or b""
    reading = _Reading(capture, source)
    html = html_text(body)
    if html is not None:
        return reading.html(html)
    if feeds.looks_like_one(body):
        return reading.feed()
    return reading.json(body)


class _Incident(Payload):
    Id: int
    Title: str
    Status: str
    IncidentType: str
    StartDate: str | None = None
    DateCreated: str | None = None
    ShortUrl: str | None = None
    Posts: list[_Post] = msgspec.field(default_factory=list)
    DateUpdated: Ignored = None
    Description: Ignored = None
    ExternalId: Ignored = None
    Message: Ignored = None


class _Post(Payload):
    Text: str
    Status: str | None = None
    DateCreated: str | None = None
    Id: Ignored = None
    DateUpdated: Ignored = None
    PostType: Ignored = None


class _Component(Payload):
    id: int | str
    text: str
    CurrentStatus: str
    Level: Ignored = None


class _Summary(Payload):
    Status: str
    StatusText: Ignored = None
    PageName: Ignored = None
    UnresolvedIncidents: list[Any] | None = None


class _Reading:
    """One response on its way to a page."""

    def __init__(self, capture: Capture, source: Source) -> None:
        self.capture = capture
        self.source = source
        self.signals: list[Signal] = []

    def page(self, incidents: Iterable[Incident], states: Iterable[ComponentState] = (), whole: bool = False) -> Page:
        """The page; `whole`: all that is open is on it."""
        found = tuple({incident.key: incident for incident in incidents}.values())
        return Page(
            incidents=found,
            components=tuple(states),
            signals=tuple(dict.fromkeys(self.signals)),
            open_only=whole and all_read(self.signals),
        )

    # HTML

    def html(self, text: str) -> Page:
        """The incidents of an HTML page."""
        if not _MARK.search(text):
            raise Unreadable("HTML, but not of StatusCast")
        selector = Selector(text=text)
        heads = selector.css("div.incident-body")
        if not heads and not selector.css(".incident-list-group-wrapper, .widget-incidentlist, #results, .sc-hero"):
            raise Unreadable("a page of StatusCast that lists no incidents")
        return self.page(self._good(self._head, heads))

    def _good(self, make: Any, items: Iterable[Any]) -> Iterator[Incident]:
        """Those that can be read; one that cannot becomes a signal."""
        for item in items:
            try:
                yield make(item)
            except BROKEN as error:
                named = _title(item) if isinstance(item, Selector) else item
                self.signals.append(unread(named, error, "incidents[]", ("Id",)))

    def _head(self, head: Selector) -> Incident:
        classes = dict(_CLASS.findall(head.attrib.get("class", "")))
        link = head.css("a[href*='/incident/']").attrib.get("href", "")
        key = _ID.search(link) or _ID.search(urlsplit(self.capture.url).path)
        if key is None:
            raise ValueError("no link to the incident")
        updates = [
            Update(
                posted_at=self._time(update.css(".incident-update-when").get(""), "incident-update-when"),
                state=self._state(_status(update)),
                state_text=_status(update),
                text=_message(update),
            )
            for update in head.xpath("following-sibling::div[@role='list'][1]").css(".incident-update-body")
        ]
        names = [plain(name.get()) for name in head.css(".badge-component[role='listitem']")]
        return self._incident(
            key=key[1],
            title=plain(head.css(".incident-title[aria-label], h1, h2").get("")),
            url=urljoin(self.capture.url, link) if link else self.capture.url,
            kind=classes.get("type"),
            worst=classes.get("mostsevere-status"),
            status=classes.get("status"),
            started=self._time(
                head.css(".incident-date, [aria-label='Incident Date']").get(""), "incident-date", ahead=True
            ),
            updates=updates,
            names=names,
        )

    def _time(self, html: str, where: str, ahead: bool = False) -> datetime | None:
        text = plain(html).replace(",", "")  # so that it is like a date of RFC 2822
        return moment(text, self.source, self.capture.fetched_at, self.signals, where, planned=ahead) if text else None

    def _state(self, word: str | None) -> State | None:
        return look_up(STATES, _folded(word), self.signals, "incidents[].status")

    def _severity(self, word: str | None, where: str) -> Severity | None:
        return look_up(SEVERITIES, _folded(word), self.signals, where)

    def _incident(
        self,
        *,
        key: str,
        title: str,
        url: str | None,
        kind: str | None,
        worst: str | None,
        status: str | None,
        started: datetime | None,
        updates: list[Update],
        names: Iterable[str] = (),
        newest_only: bool = False,
    ) -> Incident:
        """`kind`, `worst` and `status` are the vendor's words; updates may come newest first."""
        by_kind = self._severity(kind, "incidents[].type")
        severity = self._severity(worst, "incidents[].mostsevere-status") or by_kind
        planned = by_kind is Severity.MAINTENANCE
        updates.reverse()
        updates.sort(key=lambda update: update.posted_at or datetime.min.replace(tzinfo=UTC))
        state = self._state(status) or next((update.state for update in reversed(updates) if update.state), None)
        if planned:
            folded = {State.RESOLVED: State.COMPLETED, State.SCHEDULED: State.SCHEDULED}
            state = folded.get(state, State.IN_PROGRESS) if state else State.IN_PROGRESS
        closing = [update.posted_at for update in updates if update.state in OVER]
        last = updates[-1].posted_at if updates else None
        return Incident(
            key=key,
            title=title,
            url=url,
            kind=kind_of(planned, severity),
            severity=severity,
            severity_text=worst or kind,
            state=state,
            state_text=status,
            started_at=started,
            first_posted_at=updates[0].posted_at if updates else None,
            resolved_posted_at=(closing[0] if closing else last) if state in OVER else None,
            updates=tuple(updates),
            newest_only=newest_only,
            impacts=tuple(Impact(component=Component(key=None, name=name)) for name in dict.fromkeys(names) if name),
        )

    # JSON

    def json(self, body: bytes) -> Page:
        """The incidents or components of a JSON answer."""
        try:
            document = msgspec.json.decode(body)
            if isinstance(document, dict):
                summary = convert(document, _Summary, self.signals)
                self._severity(summary.Status, "Status")
                listed = summary.UnresolvedIncidents
                return self.page(self._good(self._told, listed or ()), whole=listed is not None)
        except BROKEN as error:
            raise Unreadable(f"not an answer of StatusCast: {error}; begins with {body[:40]!r}") from error
        if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
            raise Unreadable(f"not an answer of StatusCast, begins with {body[:40]!r}")
        components = [item for item in document if "CurrentStatus" in item]
        others = [item for item in document if "CurrentStatus" not in item]
        states = list(self._states(components))
        page = self.page(self._good(self._told, others), states)
        if document and not states and not page.incidents:
            raise Unreadable(f"not an answer of StatusCast: {page.signals[0].detail}")
        return page

    def _told(self, item: Any) -> Incident:
        told = convert(item, _Incident, self.signals, "incidents[]")
        updates = [
            Update(
                posted_at=self._time(post.DateCreated or "", "incidents[].Posts[].DateCreated"),
                state=self._state(post.Status),
                state_text=post.Status,
                text=plain(post.Text),
            )
            for post in told.Posts
        ]
        return self._incident(
            key=str(told.Id),
            title=plain(told.Title),
            url=told.ShortUrl or urljoin(self.capture.url, f"/incident/{told.Id}"),
            kind=told.IncidentType,
            worst=None,
            status=told.Status,
            started=self._time(told.StartDate or told.DateCreated or "", "incidents[].StartDate", ahead=True),
            updates=updates,
        )

    def _states(self, items: Iterable[Any]) -> Iterator[ComponentState]:
        for item in items:
            try:
                told = convert(item, _Component, self.signals, "components[]")
            except BROKEN as error:
                self.signals.append(Signal("bad-component", "components[]", str(error)))
                continue
            yield ComponentState(
                component=Component(key=str(told.id), name=told.text),
                severity=self._severity(told.CurrentStatus, "components[].CurrentStatus"),
                severity_text=told.CurrentStatus,
            )

    # The feed

    def feed(self) -> Page:
        """The incidents of a feed, whose items are messages."""
        feed = feeds.feed_of(self.capture, self.signals)
        entries: dict[str, list[feeds.Entry]] = {}
        for entry in feed.entries:
            key = _ID.search(entry.link)
            if key is None:
                self.signals.append(Signal("bad-incident", "item.link", f"{entry.title[:80]}: {entry.link}"))
                continue
            entries.setdefault(key[1], []).append(entry)
        if feed.entries and not entries:
            raise Unreadable("no item of the feed is of StatusCast")
        return self.page(
            self._incident(
                key=key,
                title=messages[0].title,
                url=messages[0].link,
                kind=None,
                worst=None,
                status=None,
                started=None,
                updates=[
                    Update(
                        key=entry.id or None,
                        posted_at=self._time(entry.published, "item.pubDate"),
                        text=plain(entry.content),
                    )
                    for entry in messages
                ],
                newest_only=True,
            )
            for key, messages in entries.items()
        )


def _title(head: Selector) -> str:
    """The title of an incident on a page."""
    return " ".join(" ".join(head.css(".incident-title ::text").getall()).split())


def _folded(word: str | None) -> str | None:
    """`In progress`, `InProgress` and `inprogress` are one word."""
    return re.sub(r"[\W_]+", "", word).lower() if word else None


def _status(update: Selector) -> str | None:
    """`[in progress]` before a message."""
    return plain(update.css(".incident-status").get("")).strip("[] ") or None


def _message(update: Selector) -> str:
    """A message without its status."""
    text = update.css(".incident-update-text").get("")
    status = update.css(".incident-status").get("")
    return plain(text.replace(status, "", 1) if status else text)


def _find(root: str, html: str) -> Mapping[str, str]:  # noqa: ARG001 - the signature of all of them
    return {
        "incidents": f"{root}/incidents",
        "components": f"{root}/components.json",
        "summary": f"{root}/summary.json",
    }


def _about(capture: Capture) -> About:
    try:
        html = html_text(capture.body)
    except Unreadable:
        return About()
    title = re.search(r"<title>\s*Status Page for (.+?) \|", html or "")
    return About(name=title[1] if title else None)


PLATFORM = Platform(
    read=read,
    hosts=("statuscast.com", "status.page"),
    html=(r"(?i)powered by StatusCast", r"statuscastsaprdeast\.blob", r"\bsc-hero__"),
    find=_find,
    about=_about,
)
