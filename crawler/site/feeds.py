"""What changed last, to subscribe to: as Atom (RFC 4287) for feed readers, as iCalendar for calendars.

Plain functions and not the plugins datasette-atom and datasette-ics: those turn the rows of an SQL query into a feed and know
no conditional requests, no 404 for a vendor that there is not, and no links between pages and feeds.
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree

from crawler.database import dicts
from crawler.records import instant
from crawler.site.ical import Event
from crawler.site.words import SEVERITIES, length

#: Entries of a feed, events of a calendar.
ENTRIES, EVENTS = 50, 200
#: Of a region's outages, so many rows at most are read to find its newest incidents: each may have hundreds.
READ = 20_000
#: Messages of an entry, and signs of each.
MESSAGES, LONGEST = 8, 2000
#: Regions that an event names.
PLACES = 12

_COLUMNS = """
    select i.id, i.vendor, v.name as vendor_name, i.title, i.url, i.severity, i.severity_text, i.state, i.started_at,
      i.ended_at, i.minutes, i.first_posted_at, i.first_seen_at, i.vanished_at, i.changed_at, i.cause
    from incidents i{index} join vendors v on v.id = i.vendor
"""
#: Outages only; what merely points to another incident is told there.
_CHANGED = "order by i.changed_at desc, i.id limit :limit"
_ALL = f"{_COLUMNS} where i.kind = 'outage' and i.linked_to is null and i.changed_at is not null {_CHANGED}"
ALL = _ALL.format(index=" indexed by incidents_changed")
OF_VENDOR = _ALL.replace("where", "where i.vendor = :vendor and", 1).format(
    index=" indexed by incidents_vendor_changed"
)
OF_REGION = f"{_COLUMNS} where i.id in (select value from json_each(:ids)) and i.kind = 'outage' {_CHANGED}".format(
    index=""
)
IN_REGION = f"""
    select incident from outages where vendor = :vendor and region = :region order by started_at desc limit {READ}
"""
MESSAGES_OF = "select posted_at, state, state_text, text, removed_at from updates where incident = ? order by position desc limit ?"
REGIONS_OF = f"""
    select coalesce(r.name, o.region) from (select distinct region from outages where incident = ? and region is not null
      order by region limit {PLACES + 1}) o left join regions r on r.vendor = ? and r.id = o.region
"""

#: Ids of feeds and entries are made in here: they stay the same wherever the archive is published.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://outages.invalid/")
_ATOM = "http://www.w3.org/2005/Atom"
#: What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ADDRESS = re.compile(r"https?://[^\s<>\"{}|\\^`\x00-\x20]+")


class Subject(NamedTuple):
    """What a feed is about: everything (no vendor), a vendor, or one of its regions. `name` is for people."""

    name: str
    vendor: str | None = None
    region: str | None = None


class Message(NamedTuple):
    """A message of the vendor. `removed`: it was taken away since."""

    at: str | None
    state: str | None
    text: str
    removed: bool


class Item(NamedTuple):
    """An incident: its row with the vendor's name, its last messages, newest first, and regions by name."""

    row: dict[str, Any]
    messages: list[Message]
    regions: list[str]

    @property
    def title(self) -> str:
        """With the vendor, as feeds of several are read together."""
        return f"{self.row['vendor_name']}: {self.row['title']}"


class Addresses(NamedTuple):
    """Where pages are, absolute: the feed itself, the page it belongs to, and an incident's by its id."""

    feed: str
    page: str
    incident: Callable[[str], str]


def subject(conn: sqlite3.Connection, vendor: str | None, region: str | None) -> Subject | None:
    """What is meant; None when there is no such vendor or region."""
    if vendor is None:
        return Subject("all vendors")
    found = conn.execute("select name from vendors where id = ?", (vendor,)).fetchone()
    if found is None or region is None:
        return found and Subject(found[0], vendor)
    place = conn.execute("select name from regions where vendor = ? and id = ?", (vendor, region)).fetchone()
    return place and Subject(f"{found[0]}, {place[0]}", vendor, region)


def items(conn: sqlite3.Connection, about: Subject, limit: int, messages: int = MESSAGES) -> list[Item]:
    """The outages that changed last; of a region, those of the ones that began last. Of each so many messages."""
    cursor = dicts(conn)
    values: dict[str, Any] = {"vendor": about.vendor, "limit": limit}
    sql = ALL if about.vendor is None else OF_VENDOR
    if about.region is not None:
        sql, values["ids"] = OF_REGION, json.dumps(list(_newest(conn, about, limit)))
    return [
        Item(row, list(_messages(conn, row["id"], messages)), _regions(conn, row["id"], row["vendor"]))
        for row in cursor.execute(sql, values).fetchall()
    ]


def _newest(conn: sqlite3.Connection, about: Subject, limit: int) -> dict[str, None]:
    """Ids of the incidents that put the region out, the newest first: rows are read until there are enough."""
    found: dict[str, None] = {}
    for (incident,) in conn.execute(IN_REGION, {"vendor": about.vendor, "region": about.region}):
        found[incident] = None
        if len(found) == limit:
            break
    return found


def _messages(conn: sqlite3.Connection, incident: str, limit: int) -> Iterator[Message]:
    for at, state, state_text, text, removed_at in conn.execute(MESSAGES_OF, (incident, limit)):
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        yield Message(at, state_text or state, shown, removed_at is not None)


def _regions(conn: sqlite3.Connection, incident: str, vendor: str) -> list[str]:
    names = [name for (name,) in conn.execute(REGIONS_OF, (incident, vendor))]
    return names if len(names) <= PLACES else [*names[:PLACES], "and more"]


def said(item: Item) -> Iterator[str]:
    """What is known of it, in lines."""
    row = item.row
    severity = SEVERITIES[row["severity"] or "unknown"]
    yield ", ".join((severity[0].upper() + severity[1:], (row["state"] or "state not said").replace("_", " ")))
    started = f"From {_shown(row['started_at'])}" if row["started_at"] else "When it began is not known"
    ended = f" until {_shown(row['ended_at'])} ({length(row['minutes'])})" if row["ended_at"] else "; no end is known"
    yield f"{started}{ended}"
    if item.regions:
        yield f"Regions: {', '.join(item.regions)}"
    if row["cause"]:
        yield f"Cause: {row['cause']}"
    if row["vanished_at"]:
        yield f"Taken away from the vendor's page, seen {_shown(row['vanished_at'])}"


def _shown(at: str) -> str:
    return at.replace("T", " ").replace("Z", " UTC")


def text(item: Item) -> str:
    """An entry's text: what is known, then what the vendor said, the newest first."""
    told = ["\n".join(said(item))]
    for message in item.messages:
        head = " ".join(part for part in (message.at and _shown(message.at), message.state) if part) or "without a time"
        told.append(f"{head}{' (taken away since)' if message.removed else ''}:\n{message.text}")
    return "\n\n".join(told)


def atom(about: Subject, found: list[Item], where: Addresses) -> bytes:
    """The feed as a document of Atom. `updated` of an entry is when the incident changed."""
    feed = ElementTree.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _add(feed, "id", _id("feed", about.vendor or "", about.region or ""))
    _add(feed, "title", f"Outages of {about.name}")
    _add(feed, "updated", found[0].row["changed_at"] if found else "1970-01-01T00:00:00Z")
    _add(feed, "link", rel="self", type="application/atom+xml", href=where.feed)
    _add(feed, "link", rel="alternate", type="text/html", href=where.page)
    for item in found:
        row = item.row
        entry = _add(feed, "entry")
        _add(entry, "id", _id("incident", row["id"]))
        _add(entry, "title", item.title)
        _add(entry, "updated", row["changed_at"])
        _add(
            entry, "published", row["first_posted_at"] or row["started_at"] or row["first_seen_at"] or row["changed_at"]
        )
        _add(_add(entry, "author"), "name", row["vendor_name"])
        _add(entry, "link", rel="alternate", type="text/html", href=where.incident(row["id"]))
        if row["url"] and _ADDRESS.fullmatch(row["url"]):
            _add(entry, "link", rel="via", href=row["url"])
        for name in ("vendor", "severity", "state"):
            if row[name]:
                _add(entry, "category", scheme=f"urn:outages:{name}", term=row[name])
        _add(entry, "content", text(item), type="text")
    document: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _add(parent: ElementTree.Element, tag: str, text: str | None = None, /, **attributes: str) -> ElementTree.Element:
    clean = {name: _NOT_XML.sub("", value) for name, value in attributes.items()}
    element = ElementTree.SubElement(parent, tag, clean)
    element.text = text and _NOT_XML.sub("", text)
    return element


def _id(*parts: str) -> str:
    return uuid.uuid5(_NAMESPACE, "/".join(parts)).urn


def events(found: list[Item], where: Addresses) -> Iterator[Event]:
    """The same as events of a calendar; what nobody knows the time of has none."""
    for item in found:
        row = item.row
        began = row["started_at"] or row["first_posted_at"]
        if began is None:
            continue
        yield Event(
            uid=f"{row['id']}@outages.invalid",  # that of the incident's own calendar file
            title=item.title,
            start=instant(began),
            end=instant(row["ended_at"]) if row["ended_at"] else None,
            stamped=instant(row["changed_at"]),
            changed=instant(row["changed_at"]),
            description=text(item),
            url=where.incident(row["id"]),
            location=", ".join(item.regions),
            categories=(row["severity"] or "severity not said",),
        )
