"""Any RSS or Atom feed of a status page that has no reader of its own.

A feed fixes what an entry has, not what it means. What is read here is what many products have in common:

- An incident is one entry that is edited in place, or an entry for each message. Entries are of one incident when they
  share the address they link to, or their identifier. A link that is the page's own says nothing; without any other
  identity, the time of the entry and its title are its name.
- Marks in a title: `[Resolved] Logins fail`, `Resolved: ...`, `... (已恢复)`, `[Maintenance] ...`.
- Lines such as `Status: Resolved`, `Severity: major`, `Affected components: A, B`.
- All messages in one entry, each with its time and a bold word, as Statuspage and its imitators write them.
- Categories that are one of these words; the others are kept as the services they mostly name.

States and severities come from words in the tables below, and from nowhere else: an entry without such a word has none.
An unknown word where a status has to stand is a signal.

Times: `pubDate` and `published` are when an entry was posted, by both standards; `updated` is trusted for the end of what
is edited in place and is over. A `pubDate` that lies ahead is the start of a maintenance. A feed holds the newest entries
and does not say how far back: it has no reach.

Real feeds read: Volcengine's (no identifiers, one link for all), Flashduty's as DeepSeek uses it, GitHub's of Statuspage.
Better Stack, Kener and Observer document theirs. One that lists the states of components (StatusIQ) is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from parsel import Selector

from crawler.catalog import Source
from crawler.platform import About, Platform
from crawler.reading import feeds
from crawler.reading.dates import SLACK, moment
from crawler.reading.markup import plain, sections
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    PLANNED,
    Capture,
    Component,
    Impact,
    Incident,
    Kind,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
    stamp,
)

STATES: Mapping[str, State | None] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "watching": State.MONITORING,
    "resolved": State.RESOLVED,
    "fixed": State.RESOLVED,
    "recovered": State.RESOLVED,
    "postmortem": State.POSTMORTEM,
    "post-mortem": State.POSTMORTEM,
    "scheduled": State.SCHEDULED,
    "in progress": State.IN_PROGRESS,
    "in_progress": State.IN_PROGRESS,
    "verifying": State.VERIFYING,
    "completed": State.COMPLETED,
    "update": None,  # one more message, the state stays
    "updated": None,
    "调查中": State.INVESTIGATING,
    "监控中": State.MONITORING,
    "已恢复": State.RESOLVED,
    "已解决": State.RESOLVED,
    "已修复": State.RESOLVED,
    "已完成": State.COMPLETED,
    "behoben": State.RESOLVED,
    "gelöst": State.RESOLVED,
    "résolu": State.RESOLVED,
}
SEVERITIES: Mapping[str, Severity] = {
    "none": Severity.NOTICE,
    "notice": Severity.NOTICE,
    "informational": Severity.NOTICE,
    "minor": Severity.DEGRADED,
    "degraded": Severity.DEGRADED,
    "degraded performance": Severity.DEGRADED,
    "major": Severity.PARTIAL_OUTAGE,
    "partial outage": Severity.PARTIAL_OUTAGE,
    "critical": Severity.MAJOR_OUTAGE,
    "major outage": Severity.MAJOR_OUTAGE,
    "full outage": Severity.MAJOR_OUTAGE,
    "under maintenance": Severity.MAINTENANCE,
}
#: Words of a mark that say what kind of thing it is.
KINDS: Mapping[str, Kind] = {
    "incident": Kind.OUTAGE,
    "outage": Kind.OUTAGE,
    "maintenance": Kind.MAINTENANCE,
    "scheduled maintenance": Kind.MAINTENANCE,
    "planned maintenance": Kind.MAINTENANCE,
    "维护": Kind.MAINTENANCE,
}

_WORD = r"[^\[\]()【】（）:：|]{2,24}?"
#: A mark before or behind a title, in brackets or set off by a colon or a dash.
_BEFORE = re.compile(rf"^(?:[\[(【（]\s*({_WORD})\s*[\])】）]\s*[:：-]?\s*|({_WORD})(?:\s*[:：]\s*|\s+[-–—|]\s+))")
_BEHIND = re.compile(rf"(?:\s*[\[(【（]\s*({_WORD})\s*[\])】）]|\s+[-–—|]\s+({_WORD}))\s*$")
#: A line of a message that is a label and its value.
_STATUS = re.compile(r"(?im)^(?:current )?(?:status|state)\s*[:：]\s*(\S.*?)\s*$")
_SEVERITY = re.compile(r"(?im)^(?:severity|impact)\s*[:：]\s*(\S.*?)\s*$")
_AFFECTED = re.compile(r"(?im)^affected (?:components|services|systems)\s*[:：]\s*(\S.*?)\s*$")
_AFFECTED_LIST = re.compile(
    r"(?is)affected (?:components|services|systems)\s*[:：]?\s*(?:</\w+>\s*|<br\s*/?>\s*)*<ul>(.*?)</ul>"
)
_ITEM = re.compile(r"(?is)<li>(.*?)(?:</li>|$)")
#: One of several messages in an entry: its time, and the word for its state.
_BLOCK = re.compile(
    r"(?is)(?:<p>\s*)?<small>(.*?)</small>\s*(?:<br\s*/?>)?\s*<(?:strong|b)>(.*?)</(?:strong|b)>\s*[-–—:]?"
)
#: How Statuspage and its imitators write that time.
BLOCK_FORMATS = ("%b %d, %H:%M %Z", "%b %d, %Y - %H:%M %Z")
#: A message that begins with the word for its state.
_LEAD = re.compile(r"(?is)<(?:strong|b)>\s*([^<]{2,24}?)\s*:?\s*</(?:strong|b)>\s*[-–—:]")


def read(capture: Capture, source: Source) -> Page:
    """The incidents of one feed. Raises Unreadable when the body is no feed, or one of another kind."""
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if "StatusIQ" in feed.description:
        raise Unreadable("looks like StatusIQ: its entries are components")
    reading = _Reading(source, capture.fetched_at, signals)
    groups = _gathered(feed, capture.url, reading)
    return Page(
        incidents=tuple(_incident(key, group, reading) for key, group in groups.items()),
        signals=tuple(dict.fromkeys(signals)),
    )


class _NamelessError(Exception):
    """An entry that cannot be told from others, or says nothing."""


class _Reading(NamedTuple):
    """What every step needs."""

    source: Source
    fetched_at: datetime
    signals: list[Signal]

    def time(self, text: str, where: str) -> datetime | None:
        """A time as written, None where there is none."""
        return moment(text or None, self.source, self.fetched_at, self.signals, where, planned=True)


class _Message(NamedTuple):
    """One entry, or one of the messages in it."""

    entry: feeds.Entry
    title: str  # without its marks
    posted_at: datetime | None
    updated_at: datetime | None
    state: State | None
    state_text: str | None
    text: str
    kind: Kind | None
    severity: Severity | None
    severity_text: str | None
    starts_at: datetime | None  # of a maintenance ahead


# --- which entries are one incident


def _gathered(feed: feeds.Feed, url: str, reading: _Reading) -> dict[str, list[_Message]]:
    """Messages by the key of their incident, oldest first; an entry that cannot be told apart becomes a signal."""
    own = _own_addresses(feed, url)
    read: list[tuple[_Message, ...]] = []
    for entry in reversed(feed.entries):  # as a rule the newest is first
        try:
            read.append(tuple(_messages(entry, reading)))
        except _NamelessError as error:
            reading.signals.append(_bad(entry, error))
    groups: dict[str, list[_Message]] = {}
    by_id: dict[str, str] = {}
    for messages in sorted(read, key=_age):
        entry = messages[0].entry
        try:
            key = by_id.get(entry.id) or _key(entry, messages[0], own)
        except _NamelessError as error:
            reading.signals.append(_bad(entry, error))
            continue
        if entry.id:
            by_id[entry.id] = key
        groups.setdefault(key, []).extend(messages)
    for group in groups.values():
        if all(message.posted_at for message in group):
            group.sort(key=lambda message: stamp(message.posted_at) if message.posted_at else "")
    return dict(sorted(groups.items(), key=lambda item: _age(item[1]), reverse=True))


def _bad(entry: feeds.Entry, error: Exception) -> Signal:
    return Signal("bad-incident", "entry", f"{entry.id or entry.link or entry.title}: {error}")


def _age(messages: Sequence[_Message]) -> str:
    """By the newest message; first what has no time."""
    return max((stamp(message.posted_at) for message in messages if message.posted_at), default="")


def _own_addresses(feed: feeds.Feed, url: str) -> set[str]:
    """Links that are those of the page itself.

    The feed's own link is one, and one that all entries have under different titles, unless it ends in a number.
    """
    own = {_address(feed.link), _address(url)}
    shared = {_address(entry.link) for entry in feed.entries}
    titles = {_marks(entry.title)[0] for entry in feed.entries}
    if len(shared) == 1 and len(titles) > 1:
        own |= {address for address in shared if not re.search(r"\d", address.rsplit("/", 1)[-1])}
    return own


def _address(link: str) -> str:
    """Host, path and query, without what only tells who followed the link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return link
    query = "&".join(each for each in parts.query.split("&") if each and not each.startswith("utm_"))
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}{'?' if query else ''}{query}"


def _key(entry: feeds.Entry, message: _Message, own: set[str]) -> str:
    address, _, fragment = entry.link.partition("#")
    page = _address(address)
    if ("/" in page or "?" in page) and page not in own:  # not a mere host
        return page
    if fragment:
        return f"{page}#{fragment}"
    if entry.id and ("#" in entry.id or _address(entry.id) not in own):
        return entry.id.removeprefix("https://").removeprefix("http://")
    when = message.posted_at or message.starts_at
    if when is None:
        raise _NamelessError("neither link, identifier nor date")
    return f"{stamp(when)}/{hashlib.sha256(message.title.encode()).hexdigest()[:8]}"


# --- what an entry says


def _messages(entry: feeds.Entry, reading: _Reading) -> list[_Message]:
    """The messages of an entry, oldest first. Raises _NamelessError when it says nothing at all."""
    title, marks = _marks(entry.title)
    if not title and not entry.content:
        raise _NamelessError("neither title nor content")
    published, updated = reading.time(entry.published, "entry.published"), reading.time(entry.updated, "entry.updated")
    text = plain(entry.content)
    told = [mark.lower() for mark in (*marks, *entry.categories)]
    kind = next((KINDS[word] for word in told if word in KINDS), None)
    severity, severity_text = _severity(text, (*marks, *entry.categories), reading)
    posted_at, starts_at = published or updated, None
    if posted_at and posted_at > reading.fetched_at + SLACK:
        posted_at, starts_at = None, posted_at
    blocks = list(_blocks(entry.content, posted_at or reading.fetched_at, reading))
    if not blocks:
        blocks = [(posted_at, *_state(entry, text, marks, reading), text)]
    return [
        _Message(entry, title, when, updated, state, word, words, kind, severity, severity_text, starts_at)
        for when, state, word, words in blocks
    ]


def _marks(title: str) -> tuple[str, list[str]]:
    """A title without the marks around it, and the marks."""
    marks: list[str] = []
    while True:
        for pattern in (_BEFORE, _BEHIND):
            match = pattern.search(title)
            word = next((group.strip() for group in match.groups() if group), "") if match else ""
            rest = pattern.sub("", title).strip()
            if word and rest and any(word.lower() in words for words in (STATES, SEVERITIES, KINDS)):
                title = rest
                marks.append(word)
                break
        else:
            return title, marks


def _state(entry: feeds.Entry, text: str, marks: Iterable[str], reading: _Reading) -> tuple[State | None, str | None]:
    """The state of an entry as a whole, and the word for it: from a label, a mark, its first word, or a category."""
    if label := _STATUS.search(text):
        return look_up(STATES, label[1], reading.signals, "entry.content Status:"), label[1]
    leads = _LEAD.findall(entry.content)
    for word in (*marks, *(leads if len(leads) == 1 else ()), *entry.categories):
        if word.lower() in STATES:
            return STATES[word.lower()], word
    return None, None


def _severity(text: str, words: Iterable[str], reading: _Reading) -> tuple[Severity | None, str | None]:
    if label := _SEVERITY.search(text):
        return look_up(SEVERITIES, label[1], reading.signals, "entry.content Severity:"), label[1]
    word = next((word for word in words if word.lower() in SEVERITIES), None)
    return (SEVERITIES[word.lower()], word) if word else (None, None)


def _blocks(
    content: str, near: datetime, reading: _Reading
) -> Iterator[tuple[datetime | None, State | None, str | None, str]]:
    """Messages within one content, oldest first: they are written newest first."""
    found: list[tuple[datetime | None, State | None, str | None, str]] = []
    for head, message in sections(_BLOCK, content):
        when = moment(
            plain(head[1]), reading.source, near, reading.signals, "entry.content small",
            planned=not found, formats=BLOCK_FORMATS,
        )  # fmt: skip
        near = when or near
        word = plain(head[2])
        state = look_up(STATES, word, reading.signals, "entry.content strong")
        found.append((when, state, word, plain(message)))
    return reversed(found)


# --- the incident


def _incident(key: str, group: Sequence[_Message], reading: _Reading) -> Incident:
    """What its messages, oldest first, say together."""
    newest = group[-1]
    spoken = [message for message in group if message.state]
    state, state_text = (spoken[-1].state, spoken[-1].state_text) if spoken else (None, newest.state_text)
    starts_at = next((message.starts_at for message in reversed(group) if message.starts_at), None)
    planned = state in PLANNED or starts_at is not None
    kind = next((message.kind for message in reversed(group) if message.kind), None)
    rated = next((message for message in reversed(group) if message.severity_text), newest)
    first, over = _posted(group, state)
    return Incident(
        key=key,
        title=next((message.title for message in reversed(group) if message.title), ""),
        url=newest.entry.link or None,
        kind=kind or (Kind.MAINTENANCE if planned else Kind.OUTAGE),
        severity=rated.severity,
        severity_text=rated.severity_text,
        state=state,
        state_text=state_text,
        service_text=_services(newest.entry),
        started_at=starts_at,
        first_posted_at=first,
        resolved_posted_at=over,
        updates=tuple(
            Update(
                key=_update_key(message, group),
                posted_at=message.posted_at,
                state=message.state,
                state_text=message.state_text,
                text=message.text,
            )
            for message in group
        ),
        newest_only=len(group) == 1 or group[0].entry is not newest.entry,
        impacts=tuple(_impacts(newest.entry, reading)),
        postmortem_at=next((m.posted_at for m in group if m.state is State.POSTMORTEM), None),
    )


def _update_key(message: _Message, group: Sequence[_Message]) -> str | None:
    """An entry's identifier, when it is that of one message."""
    alone = sum(other.entry.id == message.entry.id for other in group) == 1
    return message.entry.id or None if alone else None


def _posted(group: Sequence[_Message], state: State | None) -> tuple[datetime | None, datetime | None]:
    """When the first word was posted, and the word that it is over."""
    first = min((message.posted_at for message in group if message.posted_at), default=None)
    if state not in OVER:
        return first, None
    if len(group) == 1:
        (message,) = group
        if not message.entry.published:  # of an entry that only says when it was changed
            return None, first
        edited = message.updated_at and first and message.updated_at > first
        return first, message.updated_at if edited else None
    last_open = max((i for i, m in enumerate(group) if m.state and m.state not in OVER), default=None)
    closing = group[last_open + 1 :] if last_open is not None else group[-1:]
    return first, next((message.posted_at for message in closing if message.state in OVER), None)


def _services(entry: feeds.Entry) -> str | None:
    """Categories that are none of our words."""
    names = [c for c in entry.categories if not any(c.lower() in words for words in (STATES, SEVERITIES, KINDS))]
    return ", ".join(names) or None


def _impacts(entry: feeds.Entry, reading: _Reading) -> Iterator[Impact]:
    """The components that a message names as affected, with the word behind each if there is one."""
    if listed := _AFFECTED_LIST.search(entry.content):
        names = [plain(item) for item in _ITEM.findall(listed[1])]
    elif label := _AFFECTED.search(plain(entry.content)):
        names = re.split(r", (?![^()]*\))", label[1])
    else:
        return
    for name in names:
        bare, word = _split_severity(name)
        yield Impact(
            component=Component(key=None, name=bare),
            severity=look_up(SEVERITIES, word, reading.signals, "entry.content affected") if word else None,
            severity_text=word,
        )


def _split_severity(name: str) -> tuple[str, str | None]:
    """A component's name, and the severity in brackets behind it."""
    match = re.fullmatch(r"(.+?)\s*[(（]([^()（）]+)[)）]", name)
    if match and match[2].lower() in SEVERITIES:
        return match[1], match[2]
    return name, None


# --- recognition


def _find(root: str, html: str) -> dict[str, str]:
    """The feeds that a page names; Atom first, since it tells more."""
    if not html:
        return {}
    named = [
        (link.attrib.get("type", ""), urljoin(f"{root}/", link.attrib["href"]))
        for link in Selector(html, type="html").css("link[rel~=alternate][href]")
        if link.attrib.get("type", "") in ("application/atom+xml", "application/rss+xml")
    ]
    addresses = dict.fromkeys(address for _, address in sorted(named))
    return {"feed" if number == 1 else f"feed-{number}": address for number, address in enumerate(addresses, 1)}


def _about(capture: Capture) -> About:
    try:
        return About(name=feeds.feed_of(capture, []).title or None)
    except Unreadable:
        return About()


PLATFORM = Platform(read=read, find=_find, about=_about)
