"""Alibaba Cloud: the status pages' JSON, the OpenAPI of the same name, and the announcements.

The shape of the body decides how it is read, not the address.

Status pages (status.aliyun.com and status.alibabacloud.com, `/api/status/...`) share one numbering of
events, so the key is the event id alone. An envelope `{data, success, code, ...}` holds a list:

- `listHistoryEvent`, `listEventInProgress`, `listEventInProgressInternational`: events with epochs in
  milliseconds (an older endpoint used seconds). `eventUpdates`, `products` and `regions` were null in
  every real answer; the places are in the title. `[]` means quiet. The history drops events for
  reasons unknown, so nothing follows from one that is missing.
- `listCurrentProductStatus?regionId=`: which products of that region have which events. No real answer
  has been seen; the shape is what public readers of it agree on. Only the address names the region. It is
  asked for the regions in the source's `values`, while the list shows that something is open.

OpenAPI `Status` 2020-01-17, `ListEventInProgress`: open events with an interval for each product and
region (`Impacts`) of those in the source's `values`. The request is signed with a key of the operator's: its id and
its secret are the environment variables that the source `needs`. They are read from there when it is asked, so that
no secret is ever part of a source, and the answer is kept under the address without the signature. The shape is that
of the vendor's own example, the signature is checked against the vendor's documented one.

Announcements (help.aliyun.com/noticelist/...): a list of titles and days, and articles, whose text is
read from the page or from plain text; times are Beijing time. The list changed its HTML once without
a word, so a list without items is refused. A round asks for the articles of the last days about what failed,
which are written on; the walk into the past asks for all about failures.

Notices of upgrades (www.alibabacloud.com/notice/<slug>): windows of maintenance with the regions in brackets behind
each, in two layouts. Their text has been seen, their HTML has not: of a page, all its text is taken.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urljoin, urlsplit
from zoneinfo import ZoneInfo

import msgspec
from parsel import Selector

from crawler.catalog import Source
from crawler.platform import Ask, Platform, own_address
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, all_read, convert, json_of, required, text_of, unread
from crawler.reading.words import look_up
from crawler.records import (
    Capture,
    Impact,
    Incident,
    Kind,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
    epoch,
    stamp,
)

KINDS = {"alarm": Kind.OUTAGE, "notification": Kind.NOTICE}
#: The severities among event types; an alarm may be anything from a slow console to a lost region.
SEVERITIES = {"alarm": None, "notification": Severity.NOTICE}
#: Tags before the title of an event.
TAGS: Mapping[str, State | None] = {"incident": None}

_RECOVERED = re.compile(r"(?i)[\[【(（]\s*((?:Incident\s*)?[(（]?\s*(?:Recovered|已恢复)\s*[)）]?)\s*[\]】)）]")
_TAG = re.compile(r"[\[【]\s*([^\]】]+?)\s*[\]】]")
_OUTAGE_TITLE = re.compile("异常|故障")
_ARTICLE = re.compile(r"/articleid/(\d+)")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:\s+(\d{1,2}):(\d{2}))?")
#: A line that opens a part of an announcement: only a label such as 【异常更新】.
_SECTION = re.compile(r"(?:【[^】]*】)*【([^】]*(?:通告|更新|恢复))】\s*$")
#: A post's own time at the start of a line; not one that goes on as "since" or "until".
_STAMP = re.compile(
    r"(?:北京时间)?[:：]?\s*(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日\s*(\d{1,2})\s*[:：时]\s*(\d{2})\s*分?"
    r"(?:\s*[:：]\s*|\s*$|\s+(?![起至到左前后\-–—~]))"
)

#: A window of maintenance: from, until, perhaps the zone of both, and the regions.
_WINDOW = re.compile(
    r"(?m)^\s*(?:(?P<city>Beijing) Time )?(?P<start>\S.*?) [-–] (?:Beijing Time )?(?P<end>\S.*?)"
    r"(?: \((?P<zone>[^()]+)\))? ?\[(?P<places>[^\[\]]+)\]\s*$"
)
_WINDOW_FORMATS = ("%H:%M on %B %d, %Y",)
_SLUG = re.compile(r"/notice/([\w.-]+?)/?$")
_HOME = "https://www.alibabacloud.com/"
#: How long an article about a failure is written on.
FRESH = timedelta(days=14)

_Time = int | float | str | None


class _Envelope(Payload):
    """What every answer of the status pages comes in. `info` is Chinese on both hosts."""

    data: Any
    success: bool
    code: int | None = None
    total: int | None = None
    info: Ignored = None
    httpCode: Ignored = None  # noqa: N815 - the payload's own names
    requestId: Ignored = None  # noqa: N815


class _EventUpdate(Payload):
    """A message of an event; HTML."""

    content: str
    publishTime: _Time = None  # noqa: N815


class _Event(Payload):
    """An event of the status pages."""

    id: int | str
    title: str
    eventType: str | None = None  # noqa: N815
    startTime: _Time = None  # noqa: N815
    endTime: _Time = None  # noqa: N815 - null while open
    #: Moves with every edit of whatever part of the event.
    lastUpdateTime: Ignored = None  # noqa: N815
    eventUpdates: list[Any] | None = None  # noqa: N815
    products: list[Any] | None = None
    regions: list[Any] | None = None


class _ProductEvent(Payload):
    """A product's pointer to one of its events."""

    eventId: int | str  # noqa: N815


class _ProductStatus(Payload):
    """The events of one region, by product."""

    productStatus: dict[str, list[_ProductEvent] | None]  # noqa: N815
    eventDetails: dict[str, Any]  # noqa: N815


class _ApiUpdate(Payload, rename="pascal"):
    content: str
    publish_time: _Time = None


class _ApiProduct(Payload, rename="pascal"):
    product_id: str | None = None
    product_name: str | None = None


class _ApiRegion(Payload, rename="pascal"):
    region_id: str | None = None
    region_name: str | None = None


class _ApiImpact(Payload, rename="pascal"):
    product: _ApiProduct | None = None
    region: _ApiRegion | None = None
    start_time: _Time = None
    recovery_time: _Time = None


class _ApiEvent(Payload, rename="pascal"):
    """An open event in the OpenAPI."""

    id: int | str
    title: str
    start_time: _Time = None
    event_updates: list[_ApiUpdate] | None = None
    impacts: list[_ApiImpact] | None = None


def addresses(source: Source, now: datetime) -> Iterable[Ask]:
    """The source's own address. One of the OpenAPI is signed; without a key nothing is asked."""
    if not (urlsplit(source.url).hostname or "").endswith(".aliyuncs.com"):
        return own_address(source, now)
    if source.lacks or len(source.needs) != 2:
        return ()
    key, secret = (os.environ[name] for name in source.needs)
    parameters = {
        **dict(parse_qsl(urlsplit(source.url).query)),
        "RegionIds": msgspec.json.encode(source.values.get("region", ())).decode(),
        "Format": "JSON",
        "AccessKeyId": key,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": hashlib.sha256(f"{source.id}\n{now.isoformat()}".encode()).hexdigest()[:32],
        "Timestamp": stamp(now),
    }
    body = urlencode({**parameters, "Signature": signature("POST", parameters, secret)})
    return (
        Ask(
            urljoin(source.url, "/"),
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=body.encode(),
            name=source.url,
        ),
    )


def signature(method: str, parameters: Mapping[str, str], secret: str) -> str:
    """The vendor's signature, version 1.0, of all parameters of a request to the root of an API."""

    def escape(text: str) -> str:
        return quote(text, safe="-_.~")

    query = "&".join(f"{escape(name)}={escape(value)}" for name, value in sorted(parameters.items()))
    signed = f"{method}&{escape('/')}&{escape(query)}"
    return base64.b64encode(hmac.new(f"{secret}&".encode(), signed.encode(), hashlib.sha1).digest()).decode()


def follow(capture: Capture, source: Source) -> Iterable[Ask]:
    """While something is open, the products of each region; and new announcements of what failed."""
    parts = urlsplit(capture.url)
    head, _, call = parts.path.rpartition("/")
    if "/noticelist/" in parts.path:
        return _articles(capture, source, since=capture.fetched_at - FRESH)
    if not call.startswith("listEventInProgress") or not _incidents(capture, source):
        return ()
    return tuple(
        Ask(f"{parts.scheme}://{parts.netloc}{head}/listCurrentProductStatus?regionId={quote(region)}")
        for region in source.values.get("region", ())
    )


def older(capture: Capture, source: Source) -> Iterable[Ask]:
    """Every announcement in a list that tells of a failure."""
    return _articles(capture, source, since=None)


def _articles(capture: Capture, source: Source, since: datetime | None) -> tuple[Ask, ...]:
    """The articles about failures in a list of announcements; none of an article, which has its text."""
    return tuple(
        Ask(incident.url)
        for incident in _incidents(capture, source)
        if incident.kind is Kind.OUTAGE and incident.url and not incident.updates
        if since is None or (incident.first_posted_at and incident.first_posted_at >= since)
    )


def _incidents(capture: Capture, source: Source) -> tuple[Incident, ...]:
    try:
        return read(capture, source).incidents
    except Unreadable:
        return ()


def _history(source: Source, now: datetime) -> Iterable[Ask]:
    return own_address(source, now) if "/noticelist/" in source.url else ()


def read(capture: Capture, source: Source) -> Page:
    """What a status answer, a list of notices or an article says. Unreadable when it is none of them, or cut off."""
    text = text_of(capture)
    if text.startswith(("{", "[")):
        return _answer(text, capture.url)
    zone = ZoneInfo(source.timezone)
    if not text.startswith("<"):
        if _SLUG.search(urlsplit(capture.url).path):
            return _upgrade(*_headed(text), capture, source)
        return _plain_notice(text, capture.url, zone)
    if not text.endswith(">") or ("<html" in text.lower() and "</html>" not in text.lower()):
        raise Unreadable("HTML that is cut off")
    page = Selector(text)
    if items := page.css("ul > li.notice-li"):
        return _notice_list(items, capture.url, zone)
    if article := page.css("#se-knowledge"):
        title = plain(page.css("h1").get("")) or plain(page.css("title").get(""))
        return _article(title, plain("".join(article.getall())), capture.url, zone)
    if _SLUG.search(urlsplit(capture.url).path):
        text = plain("".join(page.css("body").getall()))
        return _upgrade(plain(page.css("h1").get("")) or plain(page.css("title").get("")), text, capture, source)
    raise Unreadable("HTML with neither a list of notices nor an article")


# --- JSON


def _answer(text: str, url: str) -> Page:
    document = json_of(text.encode())
    if not isinstance(document, dict):
        raise Unreadable("JSON, but no object")
    signals: list[Signal] = []
    if "RequestId" in document:
        return _api(document, signals)
    envelope = required(document, _Envelope, signals, "the envelope of a status answer")
    if not envelope.success or envelope.code not in (200, None):
        raise Unreadable(f"the answer reports a failure: success {envelope.success}, code {envelope.code}")
    if not isinstance(envelope.data, list):
        raise Unreadable("data is not a list")
    if any(isinstance(entry, dict) and "productStatus" in entry for entry in envelope.data):
        return _current(envelope.data, url, signals)
    if urlsplit(url).path.endswith("/listCurrentProductStatus"):
        raise Unreadable("no productStatus in the answer")
    if envelope.data and not any(
        isinstance(entry, dict) and {"id", "title"} <= entry.keys() for entry in envelope.data
    ):
        raise Unreadable("data does not hold events")
    whole = envelope.total is None or envelope.total <= len(envelope.data)
    if not whole:
        signals.append(Signal("bad-value", "total", f"{envelope.total} events, {len(envelope.data)} in the answer"))
    page = _page(((entry, ()) for entry in envelope.data), lambda e, i: _event(e, i, url, signals), signals)
    current = urlsplit(url).path.rpartition("/")[2].startswith("listEventInProgress")
    whole = whole and all_read(page.signals)
    return msgspec.structs.replace(page, open_only=current and whole)


def _page(
    entries: Iterable[tuple[Any, tuple[Impact, ...]]],
    make: Callable[[Any, tuple[Impact, ...]], Incident],
    signals: list[Signal],
) -> Page:
    """A page of what can be read; what cannot, or stands twice, is named in a signal."""
    incidents: dict[str, Incident] = {}
    for entry, impacts in entries:
        try:
            incident = make(entry, impacts)
            if incident.key in incidents:
                raise ValueError("id stands twice")
            incidents[incident.key] = incident
        except BROKEN as error:
            signals.append(unread(entry, error, "data[]", ("id", "Id")))
    return Page(incidents=tuple(incidents.values()), signals=tuple(signals))


def _event(entry: Any, impacts: tuple[Impact, ...], url: str, signals: list[Signal]) -> Incident:
    """An event of the status pages. `impacts`, known from elsewhere, get the event's own times."""
    event = convert(entry, _Event, signals, "data[]")
    started_at = _time(event.startTime, signals, "data[].startTime")
    ended_at = _time(event.endTime, signals, "data[].endTime")
    listed = impacts or _listed(event, signals)
    return _incident(
        key=str(event.id),
        title=event.title,
        url=url,
        event_type=event.eventType,
        started_at=started_at,
        ended_at=ended_at,
        updates=_updates(event.eventUpdates or [], signals),
        impacts=tuple(msgspec.structs.replace(i, started_at=started_at, ended_at=ended_at) for i in listed),
        signals=signals,
    )


def _incident(
    *,
    key: str,
    title: str,
    url: str,
    event_type: str | None,
    started_at: datetime | None,
    ended_at: datetime | None,
    updates: list[Update],
    impacts: tuple[Impact, ...],
    signals: list[Signal],
) -> Incident:
    """What the events of the pages and of the OpenAPI have in common."""
    title = " ".join(title.split())
    if not title or not key.strip():
        raise ValueError("no id or no title")
    state, state_text = _state(title, signals)
    host = "status.alibabacloud.com" if "alibabacloud" in (urlsplit(url).hostname or "") else "status.aliyun.com"
    return Incident(
        key=key.strip(),
        title=title,
        url=f"https://{host}/#/eventDetail?eventId={key.strip()}",
        kind=look_up(KINDS, event_type, signals, "data[].eventType") or Kind.OUTAGE,
        severity=SEVERITIES.get((event_type or "").lower()),
        severity_text=event_type,
        state=State.RESOLVED if ended_at else state,
        state_text=state_text,
        started_at=started_at,
        ended_at=ended_at,
        first_posted_at=min((u.posted_at for u in updates if u.posted_at), default=None),
        updates=tuple(updates),
        impacts=impacts,
    )


def _state(title: str, signals: list[Signal]) -> tuple[State | None, str | None]:
    """The state that a tag of the title tells, and the tag."""
    if recovered := _RECOVERED.search(title):
        return State.RESOLVED, recovered[1]
    if tag := _TAG.match(title):
        return look_up(TAGS, tag[1], signals, "data[].title"), tag[1]
    return None, None


def _updates(entries: Iterable[Any], signals: list[Signal]) -> list[Update]:
    updates = []
    for entry in entries:
        try:
            update = convert(entry, _EventUpdate, signals, "data[].eventUpdates[]")
        except msgspec.ValidationError as error:
            signals.append(Signal("bad-value", "data[].eventUpdates[]", str(error)))
            continue
        posted_at = _time(update.publishTime, signals, "data[].eventUpdates[].publishTime")
        updates.append(Update(posted_at=posted_at, text=plain(update.content)))
    return _oldest_first(updates)


def _oldest_first(updates: list[Update]) -> list[Update]:
    """In the order of their times; as they came where one has no time."""
    timed = [(update.posted_at, update) for update in updates if update.posted_at]
    if len(timed) < len(updates):
        return updates
    return [update for _, update in sorted(timed, key=lambda pair: pair[0])]


def _listed(event: _Event, signals: list[Signal]) -> list[Impact]:
    """Each product an event lists in each region it lists; the event does not say which go together."""
    products = [_named(entry, "product", signals) for entry in event.products or []]
    regions = [_named(entry, "region", signals) for entry in event.regions or []]
    nothing: list[tuple[str | None, str | None]] = [(None, None)]
    return [
        Impact(service_key=service[0], service_text=service[1], region_key=region[0], region_text=region[1])
        for service, region in product(products or nothing, regions or nothing)
        if any((*service, *region))
    ]


def _named(entry: Any, what: str, signals: list[Signal]) -> tuple[str | None, str | None]:
    """Id and name of a product or region: an object of both, or a text that is one of them."""
    if isinstance(entry, str) and entry.strip():
        text = entry.strip()
        return (text, None) if re.fullmatch(r"[a-z0-9_-]+", text) else (None, text)
    if isinstance(entry, dict):
        key, name = (entry.get(f"{what}{part}") for part in ("Id", "Name"))
        if isinstance(key, str | None) and isinstance(name, str | None) and (key or name):
            for field in sorted(entry.keys() - {f"{what}Id", f"{what}Name"}):
                signals.append(Signal("unknown-field", f"data[].{what}s[].{field}", str(entry[field])[:80]))
            return _strip(key), _strip(name)
    signals.append(Signal("bad-value", f"data[].{what}s[]", str(entry)[:80]))
    return None, None


def _current(data: list[Any], url: str, signals: list[Signal]) -> Page:
    """The answer of `listCurrentProductStatus`; the region is the one that was asked for."""
    region = parse_qs(urlsplit(url).query).get("regionId", [""])[0]
    if not region:
        raise Unreadable("product status of a region that the address does not name (regionId)")
    details: dict[str, Any] = {}
    impacts: dict[str, list[Impact]] = {}
    for entry in data:
        status = required(entry, _ProductStatus, signals, "a product status", "data[]")
        details |= status.eventDetails
        for service, events in status.productStatus.items():
            for event in events or []:
                impact = Impact(service_key=service.strip(), region_key=region)
                impacts.setdefault(str(event.eventId), []).append(impact)
    for key in sorted(impacts.keys() - details.keys()):
        signals.append(Signal("bad-incident", "data[].eventDetails", f"{key}: no details of this event"))
    entries = ((detail, tuple(impacts.get(key, ()))) for key, detail in details.items())
    return _page(entries, lambda e, i: _event(e, i, url, signals), signals)


def _api(document: dict[str, Any], signals: list[Signal]) -> Page:
    """The answer of the OpenAPI."""
    if not isinstance(document.get("Data"), list):
        raise Unreadable(f"the OpenAPI sends no Data: {document.get('Code')} {document.get('Message')}")
    for field in sorted(document.keys() - {"Data", "RequestId"}):
        signals.append(Signal("unknown-field", f"$.{field}", str(document[field])[:80]))
    page = _page(((entry, ()) for entry in document["Data"]), lambda e, _: _api_event(e, signals), signals)
    return msgspec.structs.replace(page, open_only=len(page.incidents) == len(document["Data"]))


def _api_event(entry: Any, signals: list[Signal]) -> Incident:
    event = convert(entry, _ApiEvent, signals, "Data[]")
    updates = [
        Update(posted_at=_time(u.publish_time, signals, "Data[].EventUpdates[].PublishTime"), text=plain(u.content))
        for u in event.event_updates or []
    ]
    return _incident(
        key=str(event.id),
        title=event.title,
        url="",
        event_type=None,
        started_at=_time(event.start_time, signals, "Data[].StartTime"),
        ended_at=None,
        updates=_oldest_first(updates),
        impacts=tuple(_api_impact(impact, signals) for impact in event.impacts or []),
        signals=signals,
    )


def _api_impact(impact: _ApiImpact, signals: list[Signal]) -> Impact:
    """An interval of one product in one region. The vendor's own example has ids with a line end."""
    service, region = impact.product or _ApiProduct(), impact.region or _ApiRegion()
    return Impact(
        service_key=_strip(service.product_id),
        service_text=_strip(service.product_name),
        region_key=_strip(region.region_id),
        region_text=_strip(region.region_name),
        started_at=_time(impact.start_time, signals, "Data[].Impacts[].StartTime"),
        ended_at=_time(impact.recovery_time, signals, "Data[].Impacts[].RecoveryTime"),
    )


def _strip(text: str | None) -> str | None:
    return (text or "").strip() or None


def _time(value: _Time, signals: list[Signal], where: str) -> datetime | None:
    if value is None:
        return None
    try:
        return epoch(value)
    except (ValueError, OverflowError):
        signals.append(Signal("bad-value", where, repr(value)))
        return None


# --- announcements


def _notice_list(items: Iterable[Selector], url: str, zone: ZoneInfo) -> Page:
    """A list of announcements: titles, addresses and days."""
    signals: list[Signal] = []
    incidents: dict[str, Incident] = {}
    for item in items:
        title = plain(item.css("a").get(""))
        try:
            address = urljoin(url, item.css("a::attr(href)").get(""))
            notice = _notice(title, address, (), _day(plain(item.css(".y-right").get("")), zone))
            if notice.key in incidents:
                raise ValueError("article stands twice")
            incidents[notice.key] = notice
        except ValueError as error:
            signals.append(Signal("bad-incident", "notice-li", f"{title}: {error}"))
    return Page(incidents=tuple(incidents.values()), signals=tuple(signals))


def _article(title: str, text: str, url: str, zone: ZoneInfo) -> Page:
    """One announcement with its text."""
    if not text:
        raise Unreadable("an article without text")
    try:
        return Page(incidents=(_notice(title, url, tuple(_posts(text, zone)), None),))
    except ValueError as error:
        raise Unreadable(f"an article that cannot be read: {error}") from error


def _upgrade(title: str, text: str, capture: Capture, source: Source) -> Page:
    """A notice of an upgrade: a window with its regions on a line each. What else it says is its text."""
    slug = _SLUG.search(urlsplit(capture.url).path)
    signals: list[Signal] = []
    impacts = [i for window in _WINDOW.finditer(text) for i in _planned(window, capture, source, signals)]
    if slug is None or not title or not impacts:
        raise Unreadable("a notice without a title, or without a window of maintenance")
    incident = Incident(
        key=f"notice-{slug[1]}",
        title=" ".join(title.split()),
        url=urljoin(_HOME, urlsplit(capture.url).path),
        kind=Kind.MAINTENANCE,
        severity=Severity.MAINTENANCE,
        updates=(Update(posted_at=None, text=text),),
        impacts=tuple(dict.fromkeys(impacts)),
    )
    return Page(incidents=(incident,), signals=tuple(dict.fromkeys(signals)))


def _planned(window: re.Match[str], capture: Capture, source: Source, signals: list[Signal]) -> Iterable[Impact]:
    """What one line plans, for each of its regions: ids, or names."""
    times = [f"{window[bound]} {window['zone'] or ''}" for bound in ("start", "end")]
    start, end = (
        moment(text, source, capture.fetched_at, signals, "notice.window", planned=True, formats=_WINDOW_FORMATS)
        for text in times
    )
    if start is None or end is None or end <= start:
        signals.append(Signal("bad-value", "notice.window", window[0].strip()[:80]))
        return
    for place in filter(None, map(str.strip, re.split("[,、，]", window["places"]))):
        key = place if re.fullmatch(r"[a-z]+(?:-[a-z0-9]+)+", place) else None
        yield Impact(
            region_key=key,
            region_text=None if key else place,
            severity=Severity.MAINTENANCE,
            started_at=start,
            ended_at=end,
        )


def _headed(text: str) -> tuple[str, str]:
    """The first line of a plain text, which is its title, and the rest."""
    title, _, rest = text.partition("\n")
    return title, plain(rest)


def _plain_notice(text: str, url: str, zone: ZoneInfo) -> Page:
    """An announcement kept as plain text: its title, then what it says, in labelled parts."""
    title, rest = _headed(text)
    if not any(map(_SECTION.match, rest.splitlines())):
        raise Unreadable(f"neither JSON nor HTML nor an announcement: {text[:60]!r}")
    return _article(title, rest, url, zone)


def _notice(title: str, url: str, updates: tuple[Update, ...], posted_at: datetime | None) -> Incident:
    """An announcement: an outage when its title says that something failed, else a notice."""
    title = " ".join(title.split())
    number = _ARTICLE.search(url)
    if not number or not title:
        raise ValueError(f"no title, or no article number in {url!r}")
    recovered = _RECOVERED.search(title)
    return Incident(
        key=f"notice-{number[1]}",
        title=title,
        url=url,
        kind=Kind.OUTAGE if _OUTAGE_TITLE.search(title) else Kind.NOTICE,
        state=State.RESOLVED if recovered else None,
        state_text=recovered[1] if recovered else None,
        first_posted_at=posted_at,
        updates=updates,
    )


def _day(text: str, zone: ZoneInfo) -> datetime | None:
    """The day, perhaps with a time of day, of a list's item; ValueError when it is something else."""
    found = _DAY.search(text)
    if not found:
        raise ValueError(f"no date: {text!r}")
    return _local(found.groups(default="0"), zone)


def _local(parts: Iterable[str], zone: ZoneInfo) -> datetime:
    year, month, day, hour, minute = map(int, parts)
    return datetime(year, month, day, hour, minute, tzinfo=zone).astimezone(UTC)


def _posts(text: str, zone: ZoneInfo) -> list[Update]:
    """The messages of an announcement, oldest first.

    It opens with what was said first; below a label such as 【异常更新】 come the later messages,
    newest first, each under a line with the full date and time of its posting.
    """
    posts: list[Update] = []
    lines: list[str] = []
    posted_at: datetime | None = None
    label: str | None = None

    def close() -> None:
        if lines:
            posts.append(Update(posted_at=posted_at, state_text=label, text="\n".join(lines)))
            lines.clear()

    for line in text.splitlines():
        if section := _SECTION.match(line):
            close()
            posted_at, label = None, section[1]
        elif found := _STAMP.match(line):
            close()
            posted_at = _local(found.groups(), zone)
            if rest := line[found.end() :]:
                lines.append(rest)
        else:
            lines.append(line)
    close()
    opening, later = posts[:1], posts[1:]
    if opening and opening[0].posted_at:
        opening, later = [], posts
    return [*opening, *(_oldest_first(later) if all(p.posted_at for p in later) else reversed(later))]


PLATFORM = Platform(read=read, addresses=addresses, follow=follow, history=_history, older=older)
