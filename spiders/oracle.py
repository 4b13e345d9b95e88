"""Oracle Cloud's own status pages, since it left Statuspage in March 2022: ocistatus.oraclecloud.com, gov.ocistatus.com.

Documented at docs.oracle.com/en-us/iaas/Content/General/Concepts/status-service.htm. What is read is told by the shape:

- `/api/v2/components.json` (and `components_v2.json`): what each service in each region is now. The incidents listed
  there have neither title nor time, and are left to the feed;
- `/api/v2/status.json`: one word for everything, checked and otherwise left alone;
- `/api/v2/incident-summary.rss`: one item for each incident, open or not. `guid` is its OCID and stays; `title` is
  "Service | Region | reference", either of which may be "Multiple ..."; `pubDate` is the time of the newest update;
  `description` is HTML with one `<p>` an update, newest first: a time without a year, the state in `<strong>`, text.

Texts end in labelled lines; "Start Time" and "End Time", in UTC with their year, are the vendor's own interval, of
which the newest is right. All times of the page are UTC.

No real payload has been seen. The JSON is that of the documentation and of other readers, the feed that of notes and
tests which others wrote in 2026 after looking at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading import feeds
from crawler.reading.dates import moment, month_number
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, body_of, convert, json_of
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    Capture,
    Component,
    ComponentState,
    Incident,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)

#: Without blanks: the documentation has them, the payloads do not.
SEVERITIES: Mapping[str, Severity] = {
    "normalperformance": Severity.OPERATIONAL,
    "informational": Severity.NOTICE,
    "servicedisruption": Severity.PARTIAL_OUTAGE,  # unavailable some of the time
    "servicedown": Severity.MAJOR_OUTAGE,
}
INDICATORS: Mapping[str, None] = dict.fromkeys(("none", "minor", "major", "critical"))
STATES: Mapping[str, State] = {
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "monitoring": State.MONITORING,
    "resolved": State.RESOLVED,
}

_TAG = re.compile(r"<[^>]*>")
#: How the time of an update reads without its tags; the page is known to write the first.
FORMATS = ("%b %d, %H:%M %Z", "%b %d %H:%M %Z", "%B %d, %H:%M %Z", "%b %d, %Y, %H:%M %Z")
_UPDATE = re.compile(r"(?is)(?P<head>.*?)<strong>(?P<word>[^<]*)</strong>\s*(?:[-–—]\s*)?(?P<text>.*)")
#: `Start Time: January 17, 2021, 17:35 UTC`
_LABELLED = re.compile(
    r"(?i)\b(?P<label>Start|End) Time:\s*(?P<month>[A-Z][a-z]+) (?P<day>\d{1,2}), (?P<year>20\d\d),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}) UTC"
)


class _Service(Payload, kw_only=True, rename="camel"):
    """A service in a region."""

    service_name: str
    service_status: str
    service_canonical_name: str | None = None
    service_id: Ignored = None
    service_category_id: Ignored = None
    service_category_name: Ignored = None
    incidents: Ignored = None


class _Region(Payload, kw_only=True, rename="camel"):
    """A region and its services."""

    region_name: str
    service_health_reports: tuple[_Service, ...]
    region_canonical_name: str | None = None
    region_id: Ignored = None
    geographic_area_name: Ignored = None


class _Components(Payload, kw_only=True, rename="camel"):
    """The body of `components.json`."""

    region_health_reports: tuple[_Region, ...]
    realm: Ignored = None


class _PageInfo(Payload):
    """About the page; `updated_at` has no zone."""

    name: str
    updated_at: Ignored = None


class _Indicator(Payload):
    """One word for everything."""

    indicator: str
    description: Ignored = None


class _Status(Payload):
    """The body of `status.json`."""

    page: _PageInfo
    status: _Indicator


def read(capture: Capture, source: Source) -> Page:
    """What one of the three bodies says. Raises Unreadable when it is none of them."""
    body = body_of(capture)
    if feeds.looks_like_one(body):
        return _feed(capture, source)
    document = json_of(body)
    if not isinstance(document, dict):
        raise Unreadable("JSON, but no object")
    try:
        return _components(document) if "regionHealthReports" in document else _status(document)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a status of Oracle Cloud: {error}") from error


def _status(document: dict[str, object]) -> Page:
    """A look-alike of Statuspage's, but for the identifier of the page, which Statuspage always has."""
    page = document.get("page")
    if isinstance(page, dict) and "id" in page:
        raise Unreadable("looks like Statuspage: its page has an identifier")
    signals: list[Signal] = []
    look_up(INDICATORS, convert(document, _Status, signals).status.indicator, signals, "status.indicator")
    return Page(signals=tuple(signals))


def _components(document: dict[str, object]) -> Page:
    signals: list[Signal] = []
    told = convert(document, _Components, signals)
    states = tuple(
        ComponentState(
            component=Component(
                key=f"{region.region_canonical_name}/{service.service_canonical_name}"
                if region.region_canonical_name and service.service_canonical_name
                else None,
                name=service.service_name,
                group=region.region_name,
            ),
            severity=_severity(service.service_status, signals),
            severity_text=service.service_status,
        )
        for region in told.region_health_reports
        for service in region.service_health_reports
    )
    if not states:
        raise Unreadable("a status page without a single service")
    return Page(components=states, signals=tuple(dict.fromkeys(signals)))


def _severity(word: str, signals: list[Signal]) -> Severity | None:
    found = SEVERITIES.get("".join(word.split()).lower())
    if found is None:
        signals.append(Signal("unknown-word", "serviceStatus", word))
    return found


# --- the feed


def _feed(capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if not feed.entries and not re.search(r"(?i)oracle|\boci\b", f"{feed.title} {feed.link} {feed.description}"):
        raise Unreadable("an empty feed that does not say that it is Oracle's")
    incidents: dict[str, Incident] = {}
    for entry in feed.entries:
        try:
            incidents.setdefault(entry.id, _incident(entry, source, capture.fetched_at, signals))
        except ValueError as error:
            name = entry.id or entry.title or "?"
            signals.append(Signal("bad-incident", "item", f"{name[:80]}: {error}"))
    if feed.entries and not incidents:
        raise Unreadable(f"no item is an incident of Oracle Cloud: {signals[-1].detail}")
    return Page(incidents=tuple(incidents.values()), signals=tuple(dict.fromkeys(signals)))


def _incident(entry: feeds.Entry, source: Source, fetched_at: datetime, signals: list[Signal]) -> Incident:
    """One item. ValueError when it is no incident."""
    if not entry.id.startswith("ocid1.oraclecloudincident."):
        raise ValueError(f"no identifier of an incident: {entry.id[:80]!r}")
    published = moment(entry.published, source, fetched_at, signals, "item.pubDate")
    told = list(_updates(entry.content, published or fetched_at, source, signals))
    if not told:
        raise ValueError("no update in it")
    service, region = _named(entry.title)
    started, ended = _interval(told)
    updates = tuple(reversed(told))
    state = updates[-1].state
    over = next((update.posted_at for update in updates if update.state in OVER), None)
    return Incident(
        key=entry.id,
        title=entry.title,
        url=entry.link or None,
        state=state,
        state_text=updates[-1].state_text,
        service_text=service,
        region_text=region,
        started_at=started,
        ended_at=ended,
        first_posted_at=next((update.posted_at for update in updates if update.posted_at), None),
        resolved_posted_at=over if state in OVER else None,
        updates=updates,
    )


def _named(title: str) -> tuple[str | None, str | None]:
    """Service and region of `Service | Region | reference`; None for "Multiple Services" and the like."""
    parts = [part.strip() for part in title.split(" | ")]
    if len(parts) != 3:
        return None, None
    service, region = (None if part.lower().startswith("multiple ") else part for part in parts[:2])
    return service, region


def _updates(html: str, near: datetime, source: Source, signals: list[Signal]) -> Iterator[Update]:
    """The updates, newest first; each is no later than the one before it, which gives it its year."""
    for paragraph in re.split(r"(?i)</p>", html):
        match = _UPDATE.match(paragraph)
        if not match:
            if plain(paragraph):
                signals.append(Signal("bad-value", "item.description", plain(paragraph)[:80]))
            continue
        head = " ".join(_TAG.sub(" ", match["head"]).split()).replace(" ,", ",")
        posted = moment(head, source, near, signals, "item.description", formats=FORMATS)
        near = posted or near
        word = plain(match["word"])
        yield Update(
            posted_at=posted,
            state=look_up(STATES, word, signals, "item.description strong"),
            state_text=word,
            text=plain(match["text"]),
        )


class _Interval(NamedTuple):
    """What the labelled lines say."""

    started: datetime | None
    ended: datetime | None


def _interval(newest_first: Sequence[Update]) -> _Interval:
    """The newest start and end that a text states in a labelled line."""
    found: dict[str, datetime] = {}
    for update in newest_first:
        for match in _LABELLED.finditer(update.text):
            if month := month_number(match["month"]):
                day = datetime(int(match["year"]), month, int(match["day"]), tzinfo=UTC)
                since = timedelta(hours=int(match["hour"]), minutes=int(match["minute"]))
                found.setdefault(match["label"].lower(), day + since)
    return _Interval(found.get("start"), found.get("end"))


PLATFORM = Platform(read=read, hosts=("ocistatus.oraclecloud.com", "gov.ocistatus.com"))
