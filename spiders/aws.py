"""Amazon Web Services: everything its public health dashboards have published, told apart by shape.

- `currentevents` (health.aws.amazon.com/public/currentevents, since 2023; `data.json` of today is the
  same): an array of events in UTF-16 with a byte order mark, `[]` when all is well. Epochs are text or
  numbers, seconds or milliseconds, in one document. The key is the ARN. `date` is when the first message
  was posted, not when the outage began. Resolved events stay for a while and then go: no reach.
- `historyevents.json` (public buckets, about 12 months): a dict of `service-region` to lists of the same
  events, each under many keys. `verified` is False here: no real sample has been seen, the shape is what
  other readers of it agree on: always gzipped, no `service`, `status` the worst code, and no more than
  the last message to tell the end by. An event is there once it is over, with a mark or without, unless its
  last message has a code other than 0 and no mark. Old events may leave at any time: no reach.
- `data.json` until 2023-04: `{archive, current}`. The key is `<service>_<date>`. `date` is a posting time
  too, a few minutes off before 2017 and, in some events that were being written, hours in the future
  until somebody corrected it; then the event has another key. Messages are HTML stamped with a clock
  time and a zone, with the day only where it is another than that of `date`, never with a year. Events
  move to `archive` at midnight Pacific, so the list says nothing; only `[RESOLVED]` in the summary does.
  The archive was cut to a year in 2022, while backends took turns between 102 and 483 events for a week:
  absence is not removal, no reach.
- RSS (`/rss/all.rss`, `/rss/<service>-<region>.rss`): an item for each message, not for each event. They
  are gathered by service and title (see `_gathered`); the key is `<service>_<epoch>` of the oldest, made
  like that of data.json but not always equal (`date` may be some seconds later). all.rss holds 50 items,
  so the oldest of a long event fall off it and its key changes: read it as a second witness, not as a
  source of its own. No reach.

Status codes: 0 well, 1 informational (called "Service impact" in the feeds since about 2025), 2
degradation, 3 disruption. At the end of an event its status falls to 0, which says nothing of how bad it
was: the severity is the worst code the capture shows, and None when it shows only 0.

There is no word for the state of an open event: it is None until the event is resolved.
"""

from __future__ import annotations

import gzip
import re
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from crawler.catalog import GLOBAL, Source
from crawler.intervals import spells
from crawler.platform import Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, json_of, read_one
from crawler.reading.words import look_up
from crawler.records import Capture, Impact, Incident, Kind, Page, Severity, Signal, State, Unreadable, Update, epoch

#: A disruption is AWS's worst word: it stands over regions that were gone for weeks, and there is none
#: above it, so it is a major outage and not a partial one.
SEVERITIES = {
    "0": Severity.OPERATIONAL,
    "1": Severity.NOTICE,
    "2": Severity.DEGRADED,
    "3": Severity.MAJOR_OUTAGE,
}
#: Words before the colon in RSS titles, and their status code. "Service impact" is what messages with
#: code 1 are called in the feed of the same day.
PREFIXES = {
    "service is operating normally": "0",
    "informational message": "1",
    "service impact": "1",
    "service degradation": "2",
    "service disruption": "3",
}
#: How a summary says that it is over, in brackets, in any of the languages of the message.
RESOLVED = frozenset({"resolved", "已解決", "已解决", "解決済", "解決済み"})

#: Two RSS items of one service and title are of one event when no more than this lies between them and
#: the event was not over. Two events of 2026 were silent for 58 days and then went on.
SILENCE = timedelta(days=90)
#: A clock that goes back by more than this has passed midnight; by less, messages are out of order.
DISORDER = timedelta(hours=6)
#: How far a clock of theirs may be ahead of ours.
SKEW = timedelta(minutes=5)

DEEP_LINK = "https://health.aws.amazon.com/health/status?eventID="

_REGION = re.compile(
    r"-((?:[a-z]{2}|eusc-[a-z]{2})(?:-(?:gov|iso[a-z]?))?"
    r"-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-\d+)$"
)
_PLACE = re.compile(r"(.*\S)\s*\(([^()]+)\)\s*$", re.DOTALL)
_MARK = re.compile(r"\[\s*(" + "|".join(sorted(RESOLVED, reverse=True)) + r")\s*\]", re.IGNORECASE)
#: All that a message says which points to an account of something that is over, told elsewhere.
_POINTER = re.compile(
    r"(?i)\b(?:share|provide|read|find) (?:more|additional|further) (?:information|details)\b"
    r"|\b(?:more|additional|further) (?:information|details) (?:is|are|can be) (?:available|found)\b"
)
_BRACKET = re.compile(r"(?:^|[|｜])\s*\[([^\]]*)\]")
_SPAN = re.compile(r'<span class="yellowfg">(.*?)</span>', re.DOTALL)
_STAMP = re.compile(
    r"(?:(?P<month>[A-Z][a-z]{2})[a-z]*\.?\s+(?P<day>\d{1,2}),\s+)?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})\s*(?P<half>[AP]M)(?:\s+(?P<zone>[A-Z]{2,5}))?"
)
_MONTHS = {name: number for number, name in enumerate(re.findall("...", "JanFebMarAprMayJunJulAugSepOctNovDec"), 1)}
_GUID = re.compile(r"#(.+)_(\d+)$")


class _Message(Payload):
    """A message of an event; `timestamp` in seconds. `summary` is the event's title at that time."""

    summary: str
    message: str
    status: int | str
    timestamp: int | str


class _Impacted(Payload):
    """How a service fares now and how it fared at its worst: status codes."""

    service_name: str
    current: int | str
    max: int | str


class _Change(Payload):
    """A service went from one status code to another; `timestamp` in milliseconds."""

    service: str
    service_name: str
    current_status: int | str
    timestamp: int | str
    previous_status: Ignored = None


class _Event(Payload):
    """An event of `currentevents` or `historyevents.json`; `event_log` is oldest first."""

    arn: str
    date: int | str
    summary: str
    status: int | str
    event_log: tuple[_Message, ...]
    service: str | None = None
    service_name: str | None = None
    region_name: str | None = None
    end_time: int | str | None = None
    impacted_services: dict[str, _Impacted] = msgspec.field(default_factory=dict)
    impacted_service_status_changes: tuple[_Change, ...] = ()


class _LegacyEvent(Payload):
    """An event of the old `data.json`; `details` was empty in every one of them."""

    service: str
    service_name: str
    summary: str
    date: int | str
    status: int | str
    description: str | None
    details: str | None = None


class _Item(msgspec.Struct, frozen=True):
    """A message in RSS."""

    service: str
    posted_at: datetime
    prefix: str | None
    mark: str | None
    title: str
    text: str

    @property
    def code(self) -> str | None:
        """The status code its title stands for."""
        return PREFIXES.get((self.prefix or "").lower())


#: What the reading of one item gives: the incident unless it is broken, and what was not understood.
_Read = tuple[Incident | None, tuple[Signal, ...]]
#: A zone for each abbreviation, and the one of times without an abbreviation (under "").
_Zones = tuple[tuple[str, str], ...]


def read(capture: Capture, source: Source) -> Page:
    """The events of one capture, whichever of the shapes above it has. Raises Unreadable for any other."""
    body = _utf8(capture.body or b"")
    match body[:1]:
        case b"[":
            return _page(_read_event(raw, None) for raw in _array(body))
        case b"{":
            signals: list[Signal] = []
            lists = _lists(body, signals)
            if lists.keys() & {"archive", "current"}:
                page = _legacy_page(lists, capture, source)
            else:
                page = _page(_read_event(raw, service) for service, events in lists.items() for raw in events)
            return msgspec.structs.replace(page, signals=(*signals, *page.signals))
        case b"<":
            return _rss_page(body, capture, source)
        case b"":
            raise Unreadable("empty body")
        case _:
            raise Unreadable(f"neither JSON nor RSS: {body[:40]!r}")


def _utf8(body: bytes) -> bytes:
    """The body in UTF-8, without byte order mark and blanks around it. It may come gzipped, or in UTF-16."""
    try:
        if body.startswith(b"\x1f\x8b"):
            body = gzip.decompress(body)
        if body.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
            body = body.decode("utf-16").encode()
        return body.removeprefix(BOM_UTF8).strip()
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise Unreadable(f"broken encoding: {error}") from error


def _array(body: bytes) -> list[bytes]:
    """The items of an array, each as it stands."""
    return [bytes(raw) for raw in json_of(body, list[msgspec.Raw])]


def _lists(body: bytes, signals: list[Signal]) -> dict[str, list[bytes]]:
    """The lists of events in an object, by name. What else it has is reported."""
    members = json_of(body, dict[str, msgspec.Raw])
    lists = {name: _array(bytes(raw)) for name, raw in members.items() if bytes(raw).startswith(b"[")}
    if not lists:
        raise Unreadable("an object without lists of events")
    signals += [
        Signal("unknown-field", f"$.{name}", bytes(raw)[:80].decode(errors="replace"))
        for name, raw in members.items()
        if name not in lists
    ]
    return lists


def _page(results: Iterable[_Read]) -> Page:
    """The incidents, one for each key, and the signals. Raises Unreadable when no item is an event."""
    incidents: dict[str, Incident] = {}
    signals: list[Signal] = []
    broken = 0
    for incident, found in results:
        signals += found
        if incident is None:
            broken += 1
        elif incident.key not in incidents:
            incidents[incident.key] = incident
        else:
            incidents[incident.key] = _joined(incidents[incident.key], incident)
    if broken and not incidents:
        raise Unreadable(f"none of {broken} items is an event: {signals[0].detail}")
    return Page(incidents=tuple(incidents.values()), signals=tuple(dict.fromkeys(signals)))


def _joined(first: Incident, again: Incident) -> Incident:
    """An event that stands under several services: the places of all of them."""
    more = [impact for impact in again.impacts if impact not in first.impacts] if again != first else []
    return msgspec.structs.replace(first, impacts=(*first.impacts, *more)) if more else first


def _split(service: str) -> tuple[str, str | None]:
    """Service code and region code of `ec2-us-east-1`; a service without a region has none."""
    match = _REGION.search(service)
    return (service[: match.start()], match[1]) if match else (service, None)


def _title(summary: str, signals: list[Signal]) -> tuple[str, str | None]:
    """A summary without its marks, and the first mark when it says that the event is over."""
    for word in _BRACKET.findall(summary):
        if word.strip().lower() not in RESOLVED:
            signals.append(Signal("unknown-word", "summary", word))
    mark = _MARK.search(summary)
    return " ".join(plain(_MARK.sub(" ", summary)).split()), mark[0] if mark else None


def _worst(codes: Iterable[str | None]) -> tuple[Severity | None, str | None]:
    """The worst of the codes, with its severity; None where all that is known is that it is well now."""
    known = [(SEVERITIES[code], code) for code in codes if code in SEVERITIES]
    severity, code = max(known, key=lambda pair: pair[0].rank, default=(None, None))
    return (None, code) if severity is Severity.OPERATIONAL else (severity, code)


# currentevents and historyevents.json


@lru_cache(maxsize=2048)
def _read_event(raw: bytes, service: str | None) -> _Read:
    """One event; `service` is the key it stands under in the history. Cached: pages repeat their bytes."""
    return read_one(raw, _Event, lambda event, signals: _event(event, service, signals), "[]", ("arn",))


def _event(event: _Event, listed_under: str | None, signals: list[Signal]) -> Incident:
    title, mark = _title(event.summary, signals)
    ended_at = epoch(event.end_time) if event.end_time else None
    updates = _log(event, of_the_past=listed_under is not None)
    last = updates[-1] if updates else None
    over = bool(mark or ended_at or (listed_under and last and last.state is State.RESOLVED))
    for where, code in _codes(event):
        look_up(SEVERITIES, code, signals, f"[].{where}")
    severity, severity_text = _worst(code for _, code in _codes(event))
    resolved_posted_at = last.posted_at if last and last.state is State.RESOLVED else ended_at
    return Incident(
        key=event.arn,
        title=title,
        kind=_kind(severity, over, updates),
        url=DEEP_LINK + quote(event.arn, safe=":/"),
        severity=severity,
        severity_text=severity_text or str(event.status),
        state=State.RESOLVED if over else None,
        state_text=mark,
        service_text=event.service_name,
        region_text=event.region_name,
        ended_at=ended_at,
        first_posted_at=min([epoch(event.date), *(u.posted_at for u in updates if u.posted_at)]),
        resolved_posted_at=resolved_posted_at,
        updates=updates,
        impacts=tuple(_impacts(event, listed_under, severity, severity_text, ended_at or resolved_posted_at)),
    )


def _kind(severity: Severity | None, over: bool, updates: Sequence[Update]) -> Kind:
    """A notice where nothing was ever marked as wrong or resolved, and each message only points to an account."""
    pointing = bool(updates) and all(_POINTER.search(update.text) for update in updates)
    return Kind.NOTICE if pointing and severity is None and not over else Kind.OUTAGE


def _codes(event: _Event) -> Iterator[tuple[str, str]]:
    """Every status code of an event, and where it stands."""
    yield "status", str(event.status)
    for message in event.event_log:
        yield "event_log[].status", str(message.status)
    for service in event.impacted_services.values():
        yield "impacted_services.*.current", str(service.current)
        yield "impacted_services.*.max", str(service.max)
    for change in event.impacted_service_status_changes:
        yield "impacted_service_status_changes[].current_status", str(change.current_status)


def _log(event: _Event, of_the_past: bool) -> tuple[Update, ...]:
    """The messages, oldest first.

    The mark is sometimes written onto older messages as well: only a message with status 0, or the last
    one, whose status may be any, is taken by its mark. In the history a last message with status 0 needs none.
    """
    messages = sorted(event.event_log, key=lambda message: epoch(message.timestamp))

    def ends(message: _Message) -> bool:
        last, well = message is messages[-1], str(message.status) == "0"
        return ((last or well) and _MARK.search(message.summary) is not None) or (of_the_past and last and well)

    return tuple(
        Update(
            posted_at=epoch(message.timestamp),
            state=State.RESOLVED if ends(message) else None,
            state_text=str(message.status),
            text=plain(message.message),
        )
        for message in messages
    )


def _impacts(
    event: _Event,
    listed_under: str | None,
    severity: Severity | None,
    severity_text: str | None,
    ended_at: datetime | None,
) -> Iterator[Impact]:
    """What was hit, and when: the spells of each service, else only that it was hit, else the event itself.

    A service without a region of its own (`route53`) is the event's region's: it says that this region's
    customers were hit.
    """
    home = _home(event.arn)

    def impact(service: str, name: str | None, how: Severity | None, word: str | None) -> Impact:
        key, region = _split(service)
        return Impact(
            service_key=key,
            service_text=name,
            region_key=region or home,
            region_text=event.region_name if region in (None, home) else None,
            severity=how,
            severity_text=word,
        )

    changes: dict[str, list[_Change]] = {}
    for change in event.impacted_service_status_changes:
        changes.setdefault(change.service, []).append(change)
    for service, own in changes.items():
        words = {epoch(c.timestamp): str(c.current_status) for c in own}
        for how, since, until in spells(
            [(epoch(c.timestamp), SEVERITIES.get(str(c.current_status))) for c in own], ended_at
        ):
            named = impact(service, own[-1].service_name, how, words[since])
            yield msgspec.structs.replace(named, started_at=since, ended_at=until)
    for service, state in event.impacted_services.items():
        if service not in changes:
            how_bad, word = _worst((str(state.max), str(state.current)))
            yield impact(service, state.service_name, how_bad, word)
    subject = event.service or listed_under
    if subject and not changes and not event.impacted_services:
        yield impact(subject, event.service_name, severity, severity_text)


def _home(arn: str) -> str:
    """The region an ARN names; those without one are of no place. ValueError when it is no ARN."""
    parts = arn.split(":")
    if parts[0] != "arn" or len(parts) < 6:
        raise ValueError("not an ARN")
    return parts[3] or GLOBAL


# data.json until 2023-04


def _legacy_page(lists: Mapping[str, list[bytes]], capture: Capture, source: Source) -> Page:
    zones = (("", source.timezone), *sorted(source.zones.items()))
    page = _page(_read_legacy(raw, zones) for name in ("current", "archive") for raw in lists.get(name, ()))
    signals = [
        *(Signal("unknown-field", f"$.{name}", "") for name in lists if name not in ("current", "archive")),
        *page.signals,
        *(
            Signal("bad-value", "[].date", f"{incident.key} is in the future")
            for incident in page.incidents
            if epoch(incident.key.rpartition("_")[2]) > capture.fetched_at + SKEW
        ),
    ]
    return msgspec.structs.replace(page, signals=tuple(signals))


@lru_cache(maxsize=4096)
def _read_legacy(raw: bytes, zones: _Zones) -> _Read:
    """One event of the old data.json. Cached: the archive repeats its bytes for years."""

    def made(event: _LegacyEvent, signals: list[Signal]) -> Incident:
        return _legacy(event, dict(zones), signals)

    return read_one(raw, _LegacyEvent, made, "[]", ("service", "date"))


def _legacy(event: _LegacyEvent, zones: Mapping[str, str], signals: list[Signal]) -> Incident:
    if event.details:
        signals.append(Signal("unknown-field", "[].details", event.details[:80]))
    title, mark = _title(event.summary, signals)
    code = str(event.status)
    look_up(SEVERITIES, code, signals, "[].status")
    severity, _ = _worst([code])
    posted_at = epoch(event.date)
    updates = _messages(event.description or "", posted_at, zones, signals)
    first = next((u.posted_at for u in updates if u.posted_at), posted_at)
    if mark and updates:
        updates = (*updates[:-1], msgspec.structs.replace(updates[-1], state=State.RESOLVED, state_text=mark))
    return _simple(
        key=f"{event.service}_{event.date}",
        title=title,
        service=event.service,
        name=event.service_name,
        severity=severity,
        severity_text=code,
        mark=mark,
        # Stamps are cut to the minute. One that is earlier than that was there before the date was set.
        posted_at=first if posted_at - first >= timedelta(minutes=1) else posted_at,
        updates=updates,
    )


def _simple(
    *,
    key: str,
    title: str,
    service: str,
    name: str | None,
    severity: Severity | None,
    severity_text: str | None,
    mark: str | None,
    posted_at: datetime,
    updates: tuple[Update, ...],
    newest_only: bool = False,
) -> Incident:
    """An incident of one service, of which no field says when it began or ended."""
    place = _PLACE.match(name) if name else None
    service_text, region_text = (place[1], place[2].strip()) if place else (name and name.strip(), None)
    service_key, region_key = _split(service)
    if region_key is None and region_text is None and service_key != "multipleservices":
        region_key = "global"  # Route 53, IAM, the console: listed without a place because they have none
    return Incident(
        key=key,
        title=title,
        kind=_kind(severity, bool(mark), updates),
        severity=severity,
        severity_text=severity_text,
        state=State.RESOLVED if mark else None,
        state_text=mark,
        service_text=service_text,
        region_text=region_text,
        first_posted_at=posted_at,
        resolved_posted_at=updates[-1].posted_at if mark and updates else None,
        updates=updates,
        newest_only=newest_only,
        impacts=(
            Impact(
                service_key=service_key,
                service_text=service_text,
                region_key=region_key,
                region_text=region_text,
                severity=severity,
                severity_text=severity_text,
            ),
        ),
    )


def _messages(html: str, anchor: datetime, zones: Mapping[str, str], signals: list[Signal]) -> tuple[Update, ...]:
    """The messages of a description, oldest first; `anchor` is the event's own date.

    What stands between two stamps belongs to the first of them, and so does a heading before it. Without
    any stamp there is one message, of no known time.
    """
    before, *parts = _SPAN.split(html)
    if not parts:
        return (Update(posted_at=None, text=plain(before)),) if plain(before) else ()
    parts[1] = before + parts[1]
    updates: list[Update] = []
    previous: datetime | None = None
    for stamp, text in zip(parts[::2], parts[1::2], strict=True):
        # A stamp that was opened twice swallows the markup between.
        when = _posted_at(plain(stamp), anchor, previous, zones, signals)
        previous = when or previous
        updates.append(Update(posted_at=when, text=plain(text)))
    return _in_order(updates)


def _in_order(updates: Sequence[Update]) -> tuple[Update, ...]:
    """By time; one without a time stays behind the one it came after."""
    keys: list[datetime] = []
    for update in updates:
        keys.append(update.posted_at or (keys[-1] if keys else datetime.min.replace(tzinfo=UTC)))
    return tuple(update for _, update in sorted(zip(keys, updates, strict=True), key=lambda pair: pair[0]))


def _posted_at(
    stamp: str, anchor: datetime, previous: datetime | None, zones: Mapping[str, str], signals: list[Signal]
) -> datetime | None:
    """The instant of a stamp such as "11:40 PM PDT" or "Jan 1, 12:07 AM PST"; None, with a signal, if none."""
    match = _STAMP.fullmatch(stamp)
    if not match:
        signals.append(Signal("bad-value", "[].description", f"no time: {stamp!r}"))
        return None
    label = match["zone"] or ""
    if label not in zones:
        signals.append(Signal("unknown-word", "[].description zone", label))
        return None
    zone = ZoneInfo(zones[label])
    try:
        hour = int(match["hour"]) % 12 + (12 if match["half"] == "PM" else 0)
        clock = time(hour, int(match["minute"]))
        days = _days(match["month"], match["day"], clock, anchor.astimezone(zone), previous)
        moments = [_local(day, clock, zone, label) for day in days]
    except (ValueError, KeyError) as error:
        signals.append(Signal("bad-value", "[].description", f"{stamp!r}: {error}"))
        return None
    near = previous or anchor
    return min(moments, key=lambda moment: abs(moment - near))


def _days(month: str | None, day: str | None, clock: time, anchor: datetime, previous: datetime | None) -> list[date]:
    """The days a stamp may mean; the one nearest to the stamp before it, or to the anchor, is meant.

    With month and day: that day of the year before, of this year, and of the next (a leap day where there is
    one). Without, the first message is near the anchor. A later one is of the day of the one before it,
    unless its clock went back over midnight.
    """
    base = previous.astimezone(anchor.tzinfo) if previous else anchor
    if month and day:
        years = (base.year - 1, base.year, base.year + 1)
        days = [d for d in (_day(year, _MONTHS[month], int(day)) for year in years) if d]
        if not days:
            raise ValueError("no such day")
        return days
    if previous is None:
        return [base.date() + timedelta(days=n) for n in (-1, 0, 1)]
    back = datetime.combine(base.date(), base.time()) - datetime.combine(base.date(), clock)
    return [base.date() + timedelta(days=1 if back > DISORDER else 0)]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _local(day: date, clock: time, zone: ZoneInfo, label: str) -> datetime:
    """A wall time in UTC. Of the hour that comes twice, the one the label names."""
    first = datetime.combine(day, clock, zone)
    again = first.replace(fold=1)
    return (again if again.tzname() == label != first.tzname() else first).astimezone(UTC)


# RSS


def _rss_page(body: bytes, capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    feed = feeds.read(body, signals, base=capture.url)
    if "amazon" not in feed.link:
        raise Unreadable(f"a feed, but not one of AWS: {feed.title[:40]!r} of {feed.link!r}")
    items: list[_Item] = []
    for entry in feed.entries:
        try:
            items.append(_item(entry, capture, source, signals))
        except ValueError as error:
            signals.append(Signal("bad-incident", "entry", f"{entry.id}: {error}"))
    if feed.entries and not items:
        raise Unreadable(f"none of {len(feed.entries)} items is a message: {signals[-1].detail}")
    name: str | None = feed.title.removesuffix(" Service Status")
    if name in ("", "Amazon Web Services"):  # the feed of all services
        name = None
    return Page(
        incidents=tuple(_from_items(group, name) for group in _gathered(items)),
        signals=tuple(dict.fromkeys(signals)),
    )


def _item(entry: feeds.Entry, capture: Capture, source: Source, signals: list[Signal]) -> _Item:
    """A message; of when its pubDate says, in one of the American zones of RFC 822 or one that the source explains."""
    guid = _GUID.search(entry.id)
    if not guid:
        raise ValueError("a guid that is not #<service>_<epoch>")
    head, colon, rest = entry.title.partition(":")
    known = bool(colon) and head.strip().lower() in PREFIXES
    if not known:
        signals.append(Signal("unknown-word", "entry.title", head))
    posted_at = moment(entry.published, source, capture.fetched_at, signals, "entry.pubDate")
    title, mark = _title(rest if known else f"{head}{colon}{rest}", signals)
    return _Item(
        service=guid[1],
        posted_at=posted_at or epoch(guid[2]),
        prefix=head.strip() if known else None,
        mark=mark,
        title=title,
        text=plain(entry.content),
    )


def _gathered(items: Iterable[_Item]) -> list[list[_Item]]:
    """Messages of one event together, oldest first: same service, same title, no `SILENCE` between.

    An event ends with a message that the service is well; another of that kind may still follow it. The
    mark in the title does not end it, because it was once written onto all messages of an event.
    """
    groups: list[list[_Item]] = []
    latest: dict[tuple[str, str], list[_Item]] = {}
    for item in sorted(items, key=lambda item: item.posted_at):
        subject = (item.service, item.title.casefold())
        group = latest.get(subject)
        ended = group and group[-1].code == "0" and item.code != "0"
        if group is None or ended or item.posted_at - group[-1].posted_at > SILENCE:
            group = latest[subject] = []
            groups.append(group)
        group.append(item)
    return groups


def _from_items(group: Sequence[_Item], name: str | None) -> Incident:
    last = group[-1]
    severity, code = _worst(item.code for item in group)
    mark = last.mark or (last.prefix if last.code == "0" else None)
    return _simple(
        key=f"{last.service}_{int(group[0].posted_at.timestamp())}",
        title=last.title,
        service=last.service,
        name=name,
        severity=severity,
        severity_text=next((item.prefix for item in group if code and item.code == code), None),
        mark=mark,
        posted_at=group[0].posted_at,
        updates=tuple(
            Update(
                posted_at=item.posted_at,
                state=State.RESOLVED if item.code == "0" or (mark and item is last) else None,
                state_text=item.prefix,
                text=item.text,
            )
            for item in group
        ),
        newest_only=True,
    )


PLATFORM = Platform(read=read)
