"""Hetzner's own status page: `https://status.hetzner.com/en.atom` (`de.atom`), and the page of one incident.

The feed is Atom. Its content is XHTML, in which a word in `<strong>` stands over each section: type, category, start,
end, description, what is affected, advice; a message that follows is an entry of its own with one section, "Update",
that begins with a time. English and German are read. An incident is known by the last part of its address: an
identifier, with a number of the message behind it on the old page. Entries without sections are one message each.

"Start" and "End" are the vendor's own interval, as `June 6, 2015 09:22:00 CEST` or `6. Juni 2015 ...`; an end that is
only expected says so in brackets, and is no end. `updated` is when an entry was posted, or last changed, in UTC.

The page of an incident (`/incident/<uuid>`) carries it as JSON in `<script id="__NEXT_DATA__">`: titles in two
languages, `startTime`, `endTime`, and the system that is hit. Locations stand in the prose alone.

Seen: a feed of the old page, of 2015, in German, kept by others. That of today is known from readers of its titles,
links and times; whether its content still has those sections is not. The incident's JSON is from a test of another
reader, with the fields that it uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading import embedded, feeds
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, convert
from crawler.reading.words import look_up
from crawler.records import OVER, Capture, Impact, Incident, Kind, Page, Severity, Signal, State, Unreadable, Update

SITE = "https://status.hetzner.com"

TYPES: Mapping[str, Kind] = {
    "fault report": Kind.OUTAGE,
    "incident": Kind.OUTAGE,
    "outage": Kind.OUTAGE,
    "störungsmeldung": Kind.OUTAGE,
    "maintenance": Kind.MAINTENANCE,
    "maintenance work": Kind.MAINTENANCE,
    "scheduled maintenance": Kind.MAINTENANCE,
    "wartungsarbeiten": Kind.MAINTENANCE,
    "information": Kind.NOTICE,
    "warning": Kind.NOTICE,
    "warnmeldung": Kind.NOTICE,
}
#: The words over sections; "" for those that are part of the message.
SECTIONS: Mapping[str, str] = {
    "type": "type",
    "typ": "type",
    "category": "category",
    "kategorie": "category",
    "start": "start",
    "end": "end",
    "ende": "end",
    "description": "",
    "beschreibung": "",
    "affected": "",
    "betroffen": "",
    "notes": "",
    "hinweise": "",
    "update": "",
}
FORMATS = (
    "%d. %B %Y %H:%M:%S %Z",
    "%d. %B %Y %H:%M %Z",
    "%d %B %Y %H:%M:%S %Z",
    "%d %B %Y %H:%M %Z",
    "%B %d, %Y %H:%M:%S %Z",
    "%B %d, %Y %H:%M %Z",
    "%B %d, %Y %I:%M:%S %p %Z",
    "%B %d, %Y %I:%M %p %Z",
)
#: What German months are where `strptime` reads them.
MONTHS: Mapping[str, str] = {
    "Januar": "January",
    "Februar": "February",
    "März": "March",
    "Mai": "May",
    "Juni": "June",
    "Juli": "July",
    "Oktober": "October",
    "Dezember": "December",
}

_GERMAN = re.compile(rf"\b(?:{'|'.join(MONTHS)})\b")
_BRACKET = re.compile(r"\s*\([^)]*\)\s*$")
_ADDRESS = re.compile(r"(?:/incident/(?P<uuid>[0-9a-f-]{36})|#(?P<old>\d+)(?:-\d+)?)$")
_FOLLOWS = re.compile(r"\s*\(\d+\. Update\)$")


class _Entry(NamedTuple):
    """One entry: an incident, or a message that follows."""

    title: str
    link: str
    update: Update
    told: Mapping[str, str]  # type, category, start, end


class _System(Payload, kw_only=True, rename="camel"):
    """A product, or a part of the network."""

    identifier: str = msgspec.field(name="@id")
    title_en: str
    kind: Ignored = msgspec.field(name="@type", default=None)
    title_de: Ignored = None


class _Incident(Payload, kw_only=True, rename="camel"):
    """An incident in the JSON of its page."""

    uuid: str
    title_en: str
    start_time: str
    end_time: str | None = None
    updated_at: str | None = None
    incident_type: str | None = None
    system: str | None = None
    description_en: str | None = None
    title_de: Ignored = None
    description_de: Ignored = None
    created_at: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """The incidents of a feed, or that of a page. Raises Unreadable when the body is neither."""
    html = embedded.html_text(capture.body)
    return _feed(capture, source) if html is None else _page(html, capture, source)


# --- the feed


def _feed(capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if not feed.entries and "hetzner" not in f"{feed.title} {feed.link}".lower():
        raise Unreadable("an empty feed that does not say that it is Hetzner's")
    found: dict[str, list[_Entry]] = {}
    for entry in feed.entries:
        address = _ADDRESS.search(entry.link or entry.id)
        if not address or not entry.title:
            name = entry.link or entry.id or entry.title
            signals.append(Signal("bad-incident", "entry", f"{name[:80]}: no address of an incident or no title"))
            continue
        key = address["uuid"] or address["old"]
        found.setdefault(key, []).append(_entry(entry, source, capture.fetched_at, signals))
    if feed.entries and not found:
        raise Unreadable(f"no entry is an incident of Hetzner: {signals[-1].detail}")
    return Page(
        incidents=tuple(_incident(key, entries, source, signals) for key, entries in found.items()),
        signals=tuple(dict.fromkeys(signals)),
    )


def _entry(entry: feeds.Entry, source: Source, fetched_at: datetime, signals: list[Signal]) -> _Entry:
    written = entry.updated or entry.published
    posted = moment(written, source, fetched_at, signals, "entry.updated") if written else None
    told: dict[str, str] = {}
    text: list[str] = []
    section = ""
    for line in plain(entry.content).split("\n"):
        name = SECTIONS.get(line.strip().rstrip(":").lower())
        if name is not None:
            section = name
        elif section:
            told[section] = f"{told[section]}, {line}" if section in told else line
        else:
            text.append(line)
    update = Update(posted_at=posted, text="\n".join(text).strip())
    return _Entry(_FOLLOWS.sub("", entry.title), entry.link, update, told)


def _incident(key: str, entries: Iterable[_Entry], source: Source, signals: list[Signal]) -> Incident:
    """One incident; of what its entries tell, the one posted last counts."""
    ordered = sorted(entries, key=lambda entry: entry.update.posted_at.timestamp() if entry.update.posted_at else 0)
    told = {name: text for entry in ordered for name, text in entry.told.items()}
    posted = [entry.update.posted_at for entry in ordered if entry.update.posted_at]
    kind = look_up(TYPES, told.get("type"), signals, "entry.content type")
    expected = kind is Kind.OUTAGE and _BRACKET.search(told.get("end", "")) is not None
    near = posted[0] if posted else None
    started = _time(told.get("start"), near, source, signals)
    ended = None if expected else _time(told.get("end"), near, source, signals)
    return _made(
        key=key,
        title=ordered[0].title,
        url=ordered[0].link or f"{SITE}/incident/{key}",
        kind=kind,
        word=told.get("type"),
        services=told.get("category"),
        started=started,
        ended=ended,
        posted=posted,
        updates=tuple(entry.update for entry in ordered if entry.update.text),
        newest_only=True,
    )


def _time(text: str | None, near: datetime | None, source: Source, signals: list[Signal]) -> datetime | None:
    """A labelled time; `near` is when it was posted."""
    if not text or near is None:
        return None
    english = _GERMAN.sub(lambda match: MONTHS[match[0]], _BRACKET.sub("", text))
    return moment(english, source, near, signals, "entry.content", planned=True, formats=FORMATS)


def _made(
    *,
    key: str,
    title: str,
    url: str,
    kind: Kind | None,
    word: str | None,
    services: str | None,
    started: datetime | None,
    ended: datetime | None,
    posted: list[datetime],
    updates: tuple[Update, ...],
    newest_only: bool,
) -> Incident:
    """An incident from either body. One that has an end is over; when a maintenance ends is what was planned."""
    state = State.RESOLVED if ended and kind is Kind.OUTAGE else None
    return Incident(
        key=key,
        title=title,
        url=url,
        kind=kind or Kind.OUTAGE,
        severity={Kind.MAINTENANCE: Severity.MAINTENANCE, Kind.NOTICE: Severity.NOTICE}.get(kind) if kind else None,
        severity_text=word,
        state=state,
        service_text=services,
        started_at=started,
        ended_at=ended,
        first_posted_at=min(posted, default=None),
        resolved_posted_at=max(posted, default=None) if state in OVER else None,
        updates=updates,
        newest_only=newest_only,
        impacts=tuple(
            Impact(service_text=name.strip(), started_at=started, ended_at=ended)
            for name in (services or "").split(", ")
            if name.strip()
        ),
    )


# --- the page of one incident


def _page(html: str, capture: Capture, source: Source) -> Page:
    document = embedded.script(html, "__NEXT_DATA__")
    signals: list[Signal] = []
    try:
        props = document["props"]["pageProps"]
        told = convert(props["incident"], _Incident, signals, "incident")
        systems = convert(props.get("systems") or [], list[_System], signals, "systems")
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"HTML without an incident of Hetzner: {error}") from error
    if told.uuid not in urlsplit(capture.url).path:
        signals.append(Signal("bad-value", "incident.uuid", told.uuid[:80]))
    near = capture.fetched_at
    changed = moment(told.updated_at, source, near, signals, "incident.updatedAt") if told.updated_at else None
    text = plain(told.description_en or "")
    incident = _made(
        key=told.uuid,
        title=plain(told.title_en),
        url=f"{SITE}/incident/{told.uuid}",
        kind=look_up(TYPES, told.incident_type, signals, "incident.incidentType"),
        word=told.incident_type,
        services=next((plain(system.title_en) for system in systems if system.identifier == told.system), None),
        started=moment(told.start_time, source, near, signals, "incident.startTime", planned=True),
        ended=moment(told.end_time, source, near, signals, "incident.endTime", planned=True) if told.end_time else None,
        posted=[changed] if changed else [],
        updates=(Update(posted_at=changed, text=text),) if text else (),
        newest_only=True,
    )
    return Page(incidents=(incident,), signals=tuple(dict.fromkeys(signals)))


def _record(source: Source, key: str) -> Ask:  # noqa: ARG001 - the signature of all of them
    return Ask(f"{SITE}/incident/{key}")


PLATFORM = Platform(read=read, record=_record, hosts=("status.hetzner.com", "hetzner-status.de"))
