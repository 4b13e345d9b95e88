"""Events as iCalendar (RFC 5545), for a calendar beside one's own graphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

#: A line holds so many bytes of UTF-8; longer ones are folded (RFC 5545, 3.1).
WIDTH = 75
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Event(NamedTuple):
    """What happened. Times are aware; without an end it only began. `stamped` is when this was last known to be so,
    `changed` when it was last changed: the later of two copies of an event is the one to keep.
    """

    uid: str
    title: str
    start: datetime
    end: datetime | None
    stamped: datetime
    description: str = ""
    url: str | None = None
    location: str = ""
    categories: tuple[str, ...] = ()
    changed: datetime | None = None


def calendar(*events: Event, name: str = "") -> str:
    """The file's text, lines ended by CRLF. With a name it is a calendar to subscribe to, asked for each hour."""
    return "".join(f"{line}\r\n" for content in _lines(events, name) for line in fold(content))


def _lines(events: Iterable[Event], name: str) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//outages//archive of outages//EN")
    if name:  # as RFC 7986 has it, and as calendars had it before
        yield from (f"NAME:{escape(name)}", f"X-WR-CALNAME:{escape(name)}")
        yield from ("REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H")
    for event in events:
        yield from _event(event)
    yield "END:VCALENDAR"


def _event(event: Event) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{escape(event.uid)}"
    yield f"DTSTAMP:{_utc(event.stamped)}"
    if event.changed:
        yield f"LAST-MODIFIED:{_utc(event.changed)}"
    yield f"DTSTART:{_utc(event.start)}"
    if event.end and event.end > event.start:  # the end is not inclusive, as ours
        yield f"DTEND:{_utc(event.end)}"
    yield f"SUMMARY:{escape(event.title)}"
    if event.description:
        yield f"DESCRIPTION:{escape(event.description)}"
    if event.location:
        yield f"LOCATION:{escape(event.location)}"
    if event.categories:
        yield f"CATEGORIES:{','.join(map(escape, event.categories))}"
    if event.url and not re.search(r"\s", event.url):  # a URI, not text: nothing is escaped in it
        yield f"URL:{_CONTROL.sub('', event.url)}"
    yield "TRANSP:TRANSPARENT"  # nobody is busy for it
    yield "END:VEVENT"


def escape(text: str) -> str:
    """A value of type TEXT (RFC 5545, 3.3.11)."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", "\\n")


def fold(line: str) -> Iterator[str]:
    """The line in pieces of at most `WIDTH` bytes, each after the first begun by a blank; no character is cut."""
    piece, room = "", WIDTH
    for sign in line:
        size = len(sign.encode())
        if size > room:
            yield piece
            piece, room = " ", WIDTH - 1
        piece, room = piece + sign, room - size
    yield piece


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
