"""Uptime Kuma: a self-hosted monitor with status pages.

| address | has |
| --- | --- |
| `/api/status-page/<slug>` | what the page shows but for states: pinned incidents, groups of monitors, maintenance that is under way |
| `/api/status-page/heartbeat/<slug>` | the last 100 beats of each monitor, by its number |

The first is cached for five minutes, the second for one. A beat is `0` down, `1` up, `2` pending (it failed, and is being
tried again) or `3` in maintenance; only the newest is read, as the state of its monitor. The older ones are no intervals:
pages may be set to show days, and a beat then stands for all of a bucket in which there was one that failed. A monitor is
called by its number, since its name is in the other document; the catalog can name it.

An incident is what the operator pinned: version 1 has one (`incident`), version 2.1 has several (`incidents`). Its `style`
is the colour of a box: `warning` and `danger` are about trouble, the others are notices; none says how bad it is. When it
is over it is unpinned and gone. So is a maintenance: `maintenanceList` has those under way.

Times are UTC without a zone (`2026-06-28 15:59:49.191`), in newer versions also with `Z`; those of a maintenance that
happens once are in its own `timezone`.

Not seen real: shapes are from the source of versions 1.23 to 2.1 and from other people's tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Ask, Platform
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, all_read, body_of, decode, json_of, readable
from crawler.reading.words import look_up
from crawler.records import (
    Capture,
    Component,
    ComponentState,
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

#: A beat's number, and what the page calls it.
BEATS: Mapping[int, tuple[Severity | None, str]] = {
    0: (Severity.MAJOR_OUTAGE, "down"),
    1: (Severity.OPERATIONAL, "up"),
    2: (None, "pending"),
    3: (Severity.MAINTENANCE, "maintenance"),
}
STYLES: Mapping[str, Kind] = {
    "danger": Kind.OUTAGE,
    "warning": Kind.OUTAGE,
    "info": Kind.NOTICE,
    "primary": Kind.NOTICE,
    "light": Kind.NOTICE,
    "dark": Kind.NOTICE,
}
MAINTENANCES: Mapping[str, State | None] = {
    "scheduled": State.SCHEDULED,
    "under-maintenance": State.IN_PROGRESS,
    "ended": State.COMPLETED,
    "inactive": None,
    "unknown": None,
}

#: A time without a zone.
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?")


class _Incident(Payload, rename="camel"):
    id: int
    title: str
    content: str | None
    created_date: str
    style: str | None = None
    active: bool = True
    last_updated_date: str | None = None
    pin: Ignored = None
    status_page_id: Ignored = msgspec.field(name="status_page_id", default=None)


class _Slot(Payload, rename="camel"):
    """One time that a maintenance happens. Early versions also had the bounds in the server's zone."""

    start_date: str | None = None
    end_date: str | None = None
    start_date_server_timezone: Ignored = None
    end_date_server_timezone: Ignored = None
    server_timezone_offset: Ignored = None


class _Maintenance(Payload, rename="camel"):
    id: int
    title: str
    status: str
    description: str | None = None
    strategy: str = ""
    timeslot_list: list[_Slot] = msgspec.field(default_factory=list)
    timezone: str | None = None
    active: Ignored = None
    cron: Ignored = None
    date_range: Ignored = None
    days_of_month: Ignored = None
    duration: Ignored = None
    duration_minutes: Ignored = None
    interval_day: Ignored = None
    time_range: Ignored = None
    timezone_offset: Ignored = None
    timezone_option: Ignored = None
    weekdays: Ignored = None


_NULL = msgspec.Raw(b"null")


class _StatusPage(Payload, rename="camel"):
    """`/api/status-page/<slug>`."""

    config: Ignored
    public_group_list: Ignored
    incident: msgspec.Raw = _NULL
    incidents: list[msgspec.Raw] | None = None
    maintenance_list: list[msgspec.Raw] = msgspec.field(default_factory=list)
    ok: Ignored = None


class _Beat(Payload):
    status: int
    time: Ignored = None
    msg: Ignored = None
    ping: Ignored = None
    retries: Ignored = None


class _Beats(Payload, rename="camel"):
    """`/api/status-page/heartbeat/<slug>`. `0` stands for a time without a beat."""

    heartbeat_list: dict[str, list[_Beat | int]]
    uptime_list: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """What one response says. Raises Unreadable when it is neither of the documents named above."""
    body = body_of(capture)
    parts = json_of(body, dict[str, msgspec.Raw])
    signals: list[Signal] = []
    try:
        if "heartbeatList" in parts:
            beats = decode(body, _Beats, signals)
            if not beats.heartbeat_list:
                raise Unreadable("no monitors, as Uptime Kuma also answers for a page that does not exist")
            page = Page(components=tuple(_states(beats, signals)))
        elif "publicGroupList" in parts:
            page = _page(decode(body, _StatusPage, signals), capture, source, signals)
        else:
            raise Unreadable(f"not a document of Uptime Kuma; it has {', '.join(sorted(parts)) or 'nothing'}")
    except BROKEN as error:
        raise Unreadable(f"not a document of Uptime Kuma: {error}") from error
    return msgspec.structs.replace(page, signals=tuple(dict.fromkeys(signals)))


def _states(told: _Beats, signals: list[Signal]) -> Iterator[ComponentState]:
    """The newest beat of each monitor that has one."""
    for number, beats in told.heartbeat_list.items():
        newest = next((beat for beat in reversed(beats) if isinstance(beat, _Beat)), None)
        if newest is None:
            continue
        if newest.status not in BEATS:
            signals.append(Signal("unknown-word", "heartbeatList.*[].status", str(newest.status)))
        severity, word = BEATS.get(newest.status, (None, str(newest.status)))
        yield ComponentState(component=Component(key=number, name=number), severity=severity, severity_text=word)


def _page(told: _StatusPage, capture: Capture, source: Source, signals: list[Signal]) -> Page:
    raws = list(told.incidents or ())
    if bytes(told.incident) != b"null":
        raws.append(told.incident)

    def pinned(raw: msgspec.Raw) -> Incident:
        return _pinned(decode(raw, _Incident, signals, "incidents[]"), capture, source, signals)

    def planned(raw: msgspec.Raw) -> Incident:
        return _planned(decode(raw, _Maintenance, signals, "maintenanceList[]"), capture, source, signals)

    found = {
        incident.key: incident
        for incident in (
            *readable(raws, pinned, signals, "incidents[]"),
            *readable(told.maintenance_list, planned, signals, "maintenanceList[]"),
        )
    }
    return Page(incidents=tuple(found.values()), open_only=all_read(signals))


def _time(
    text: str | None, zone: str, capture: Capture, source: Source, signals: list[Signal], where: str
) -> datetime | None:
    """A time of a document; `zone` is that of one without."""
    if not text:
        return None
    here = msgspec.structs.replace(source, timezone=zone, date_formats=())
    return moment(text, here, capture.fetched_at, signals, where, planned=True)


def _pinned(told: _Incident, capture: Capture, source: Source, signals: list[Signal]) -> Incident:
    posted = _time(told.created_date, "UTC", capture, source, signals, "incidents[].createdDate")
    changed = _time(told.last_updated_date, "UTC", capture, source, signals, "incidents[].lastUpdatedDate")
    kind = look_up(STYLES, told.style, signals, "incidents[].style")
    return Incident(
        key=f"incident-{told.id}",
        title=plain(told.title),
        kind=kind or Kind.OUTAGE,
        severity_text=told.style,
        state=None if told.active else State.RESOLVED,
        first_posted_at=posted,
        resolved_posted_at=None if told.active else changed,
        updates=(Update(key=str(told.id), posted_at=posted, text=plain(told.content or "")),),
    )


def _planned(told: _Maintenance, capture: Capture, source: Source, signals: list[Signal]) -> Incident:
    """A maintenance. One that comes again and again is another incident every time."""
    slots = [
        (_slot_time(told, slot.start_date, capture, source, signals), slot.end_date) for slot in told.timeslot_list
    ]
    begun = [slot for slot in slots if slot[0] and slot[0] <= capture.fetched_at] or slots
    start, end_text = begun[-1] if begun else (None, None)
    key = f"maintenance-{told.id}"
    if told.strategy not in ("single", "manual") and start:
        key = f"{key}/{stamp(start)}"
    text = plain(told.description or "")
    return Incident(
        key=key,
        title=plain(told.title),
        kind=Kind.MAINTENANCE,
        state=look_up(MAINTENANCES, told.status, signals, "maintenanceList[].status"),
        state_text=told.status,
        started_at=start,
        ended_at=_slot_time(told, end_text, capture, source, signals),
        updates=(Update(posted_at=None, text=text),) if text else (),
    )


def _slot_time(
    told: _Maintenance, text: str | None, capture: Capture, source: Source, signals: list[Signal]
) -> datetime | None:
    where, zone = "maintenanceList[].timeslotList[]", told.timezone or "UTC"
    if text and _NAIVE.fullmatch(text):
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            signals.append(Signal("unknown-word", "maintenanceList[].timezone", zone))
            return None
    else:
        zone = "UTC"
    return _time(text, zone, capture, source, signals, where)


# --- what to ask for


def _follow(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The states that belong to a page."""
    parts = urlsplit(capture.url).path.rsplit("/api/status-page/", 1)
    if len(parts) < 2 or "/" in parts[1]:
        return ()
    return (Ask(urljoin(capture.url, f"{parts[0]}/api/status-page/heartbeat/{parts[1]}")),)


def _find(root: str, html: str) -> dict[str, str]:
    """The page that an address shows has its slug in what it preloads; `default` is that of most."""
    slug = re.search(r"""["']slug["']\s*:\s*["']([\w-]+)["']""", html) if "preloadData" in html else None
    return {"page": f"{root}/api/status-page/{slug[1] if slug else 'default'}"}


class _Config(msgspec.Struct):
    title: str | None = None


class _Titled(msgspec.Struct):
    """Of a page, what it is called."""

    config: _Config


def _about(capture: Capture) -> About:
    try:
        return About(name=msgspec.json.decode(capture.body or b"", type=_Titled).config.title)
    except BROKEN:
        return About()


PLATFORM = Platform(
    read=read,
    follow=_follow,
    html=(r"window\.preloadData|<title>Uptime Kuma</title>",),
    find=_find,
    about=_about,
)
