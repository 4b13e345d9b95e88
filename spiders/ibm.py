"""IBM Cloud's own notifications feed, `https://cloud.ibm.com/status/api/notifications/feed.rss`.

Named in IBM's documentation (cloud.ibm.com/docs, "viewing cloud status"). One RSS 2.0 item a notification: incidents,
maintenance, announcements, security bulletins and release notes, some fifty a month. The text of an item, HTML, ends
in labelled lines:

| label | is |
| --- | --- |
| `ID` | of the notification, where it is given; else the item's `guid` names it |
| `Type` | `incident`, `maintenance`, `announcement`, `security`, `release` |
| `Regions` | codes (`us-south`, `eu-de`), with commas between |
| `Resources` | codes of services (`is.instance`), likewise |
| `Outage Start`, `Outage End` | `Mon Oct 06 2026 10:00:00 GMT+0000`; of a maintenance, what is planned |
| `Update Time` | of the last change, in the same form |

Release notes are left out: they are no word on the state of anything. A resolved notification says so at the
beginning of its title. Items of one `ID` are one incident, and each is one of its messages.

No real payload has been seen: the labels, the types and the form of times are from two other readers of the feed and
the tests of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import NamedTuple

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.words import look_up
from crawler.records import OVER, Capture, Impact, Incident, Kind, Page, Severity, Signal, State, Unreadable, Update

#: None: not the state of anything, left out.
TYPES: Mapping[str, Kind | None] = {
    "incident": Kind.OUTAGE,
    "maintenance": Kind.MAINTENANCE,
    "announcement": Kind.NOTICE,
    "security": Kind.NOTICE,
    "release": None,
}
SEVERITIES: Mapping[Kind, Severity] = {Kind.MAINTENANCE: Severity.MAINTENANCE, Kind.NOTICE: Severity.NOTICE}
#: What a title begins with.
STATES: Mapping[str, State] = {
    "resolved": State.RESOLVED,
    "recovered": State.RESOLVED,
    "restored": State.RESOLVED,
    "completed": State.COMPLETED,
    "monitoring": State.MONITORING,
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
}

_LABELS = ("ID", "Type", "Regions", "Resources", "Outage Start", "Outage End", "Update Time")
_LABEL = rf"(?:{'|'.join(_LABELS)}):"
_LABELLED = re.compile(
    rf"(?:^|(?<=\s))(?P<label>{'|'.join(_LABELS)}):[ \t]*(?P<value>.*?)[ \t]*(?=(?<=\s){_LABEL}|$)", re.MULTILINE
)
_TITLE = re.compile(rf"(?i)^\s*\[?(?P<word>{'|'.join(STATES)})\]?\s*[:\-–—\]]")


class _Item(NamedTuple):
    """One notification."""

    key: str
    kind: Kind | None  # None: its type is not known
    title: str
    link: str | None
    posted_at: datetime
    text: str
    labels: Mapping[str, str]


def read(capture: Capture, source: Source) -> Page:
    """The notifications of the feed. Raises Unreadable when the body is not that feed."""
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if not feed.entries and "ibm" not in f"{feed.title} {feed.link} {feed.description}".lower():
        raise Unreadable("an empty feed that does not say that it is IBM's")
    found: dict[str, list[_Item]] = {}
    broken: list[Signal] = []
    for entry in feed.entries:
        try:
            item = _item(entry, source, capture.fetched_at, signals)
        except ValueError as error:
            broken.append(Signal("bad-incident", "item", f"{(entry.id or entry.title or '?')[:80]}: {error}"))
        else:
            if item:
                found.setdefault(item.key, []).append(item)
    if feed.entries and len(broken) == len(feed.entries):
        raise Unreadable(f"no item is a notification of IBM Cloud: {broken[-1].detail}")
    return Page(
        incidents=tuple(_incident(key, items, source, signals) for key, items in found.items()),
        signals=tuple(dict.fromkeys((*signals, *broken))),
    )


def _item(entry: feeds.Entry, source: Source, fetched_at: datetime, signals: list[Signal]) -> _Item | None:
    """One notification; None for a release note. ValueError when it is no notification."""
    text = plain(entry.content)
    lines = list(_LABELLED.finditer(text))
    labels = {match["label"]: match["value"].strip() for match in lines}
    if not labels.get("Type"):
        raise ValueError("no type in its text")
    kind = look_up(TYPES, labels["Type"], signals, "item.description Type")
    if kind is None and labels["Type"].lower() in TYPES:
        return None
    key = labels.get("ID") or entry.id
    posted_at = moment(entry.published, source, fetched_at, signals, "item.pubDate")
    if not key or not entry.title or posted_at is None:
        raise ValueError("no identifier, no title or no time")
    return _Item(
        key=key,
        kind=kind,
        title=entry.title,
        link=entry.link or None,
        posted_at=posted_at,
        text=text[: lines[0].start()].strip(),
        labels=labels,
    )


def _incident(key: str, items: Sequence[_Item], source: Source, signals: list[Signal]) -> Incident:
    """One incident; of what its items say the newest counts."""
    ordered = sorted(items, key=lambda item: item.posted_at)
    newest = ordered[-1]
    labels = {label: value for item in ordered for label, value in item.labels.items() if value}
    started, ended = (
        moment(labels[label], source, newest.posted_at, signals, f"item.description {label}")
        if label in labels
        else None
        for label in ("Outage Start", "Outage End")
    )
    updates = tuple(_update(item) for item in ordered)
    state = updates[-1].state
    if state is None and newest.kind is Kind.OUTAGE and ended:
        state = State.RESOLVED
    services, regions = _codes(labels.get("Resources")), _codes(labels.get("Regions"))
    return Incident(
        key=key,
        title=newest.title,
        url=newest.link,
        kind=newest.kind or Kind.NOTICE,
        severity=SEVERITIES.get(newest.kind) if newest.kind else None,
        severity_text=newest.labels["Type"],
        state=state,
        state_text=updates[-1].state_text,
        service_text=", ".join(services) or None,
        region_text=", ".join(regions) or None,
        started_at=started,
        ended_at=ended,
        first_posted_at=updates[0].posted_at,
        resolved_posted_at=updates[-1].posted_at if state in OVER else None,
        updates=updates,
        newest_only=True,
        impacts=tuple(_impacts(services, regions, started, ended)),
    )


def _update(item: _Item) -> Update:
    word = match["word"] if (match := _TITLE.match(item.title)) else None
    state = STATES[word.lower()] if word else None
    if item.kind is Kind.MAINTENANCE and state is State.RESOLVED:
        state = State.COMPLETED
    elif item.kind is Kind.OUTAGE and state is State.COMPLETED:
        state = State.RESOLVED
    return Update(posted_at=item.posted_at, state=state, state_text=word, text=item.text)


def _impacts(
    services: Sequence[str], regions: Sequence[str], started: datetime | None, ended: datetime | None
) -> Iterable[Impact]:
    """Each service is taken to have been hit in each region: the feed does not say which was where."""
    for service, region in product(services or (None,), regions or (None,)):
        if service or region:
            yield Impact(service_key=service, region_key=region, started_at=started, ended_at=ended)


def _codes(text: str | None) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


PLATFORM = Platform(read=read)
