"""Tencent Cloud: the status page's JSON and the OpenAPI `tchd` 2023-03-06.

Every answer is `{"Response": {"RequestId", "Data" | "Error"}}`; the OpenAPI's client prints it without
the outer layer. What `Data` holds decides how it is read, not the address:

- `DescribeRegions`: the regions and whether each has events; read only to know what to ask next.
- `DescribeProductEventForRegionInPeriod?RegionId=&EndDate=&NumOfDay=`: what each product of one region
  is now. Only the address names the region. An unknown region gets an empty list of categories with
  HTTP 200, which looks healthy and is refused. The real answer at hand has no event in it: filled
  `EventListGroupByZoneAndDate` and `CurrentEvent` are read by the field names that the OpenAPI and the
  banner use, and whatever does not fit is reported.
- `DescribeHappening`: the banner of the page; known from two public readers only.
- OpenAPI `DescribeEvents`: one row for each product and region. `DescribeEventStatistics`: counts.

Feeds (`/rss/<language>/<region>/<product>`, which the page links for each product) have the addresses of Volcengine's
and are read like those (`spiders/volcengine.py`); no body of one has been seen. Announcements
(cloud.tencent.com/announce/detail/<number>) are mostly news of products; their HTML has not been seen and is not read.

Times are naive texts, read in the zone of the source (Beijing time, which the documentation implies
without saying so).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading import feeds
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, convert, json_of, required, unread
from crawler.reading.words import look_up
from crawler.records import (
    Capture,
    Component,
    ComponentState,
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
)
from spiders import volcengine

#: The region of products without a region, on the page itself.
NON_REGIONAL = "non-regional"

#: The page has three words. "Abnormal" is the only one for any failure, slow or complete; it counts
#: as an outage because a total one would get no other word, and as a partial one because the extent is not said.
SEVERITIES: dict[str, Severity] = {
    "normal": Severity.OPERATIONAL,
    "正常": Severity.OPERATIONAL,
    "notify": Severity.NOTICE,
    "提示": Severity.NOTICE,
    "abnormal": Severity.PARTIAL_OUTAGE,
    "异常": Severity.PARTIAL_OUTAGE,
}

#: Fields of an event on the page: ours, and the names it may have there. Never seen in a real answer.
_EVENT_FIELDS = {
    "key": ("Id", "EventId"),
    "title": ("Title", "EventTitle"),
    "text": ("Desc", "Description", "Content"),
    "status": ("CurrentStatus", "Status"),
    "start": ("StartTime",),
    "end": ("EndTime",),
}
#: Fields of an event, or of the group around it, that repeat what is known from where they stand.
_REPEATED = frozenset({"ProductId", "ProductName", "RegionId", "RegionName"})
_KNOWN = _REPEATED | {name for names in _EVENT_FIELDS.values() for name in names}


class _Region(Payload, rename="pascal"):
    region_id: str
    region_name: str
    events_in: bool


class _Area(Payload, rename="pascal"):
    region_list: list[_Region]


class _Regions(Payload, rename="pascal"):
    """`DescribeRegions`."""

    area_detail_list: list[_Area]


class _Summary(Payload, rename="pascal"):
    """How many products are in which state. `DescribeEventStatistics` answers with nothing else."""

    normal_count: int
    notify_count: int
    abnormal_count: int


class _Product(Payload, rename="pascal"):
    """A product in one region."""

    product_id: str
    product_name: str
    current_status: str
    product_event_title: str | None = None
    event_list_group_by_zone_and_date: list[Any] | None = None
    current_event: Any = None
    rss: Ignored = None
    #: Was empty wherever it was seen; what it would say is not known.
    time_region: str | None = None


class _Category(Payload, rename="pascal"):
    product_list: list[Any]
    category_name: Ignored = None


class _Period(Payload, rename="pascal"):
    """`DescribeProductEventForRegionInPeriod`."""

    category_list: list[_Category] | None
    summary: _Summary | None = None


class _Happening(Payload, rename="pascal"):
    """`DescribeHappening`: a banner, shown or not."""

    is_show: bool
    id: int | str | None = None
    title: str | None = None
    desc: str | None = None
    status: str | None = None
    related_id: int | str | None = None


class _Event(Payload, rename="pascal"):
    """A row of `DescribeEvents`. `end_time` is empty while it lasts."""

    product_id: str
    region_id: str
    start_time: str
    end_time: str | None = None
    product_name: str | None = None
    region_name: str | None = None
    current_status: str | None = None


class _Events(Payload, rename="pascal"):
    """`DescribeEvents`."""

    event_list: list[Any] | None


def follow(capture: Capture, source: Source) -> Iterable[Ask]:
    """After `DescribeRegions`: one address for each region with events, and `non-regional`.

    The addresses end in `DescribeProductEventForRegionInPeriod?BelongSite=..&RegionId=..&NumOfDay=1
    &EndDate=..`, without BelongSite where the first has none; the day is that of the source's zone. The answers are kept
    without the day, so that a region's looks of two days are looks at one thing.
    """
    parts = urlsplit(capture.url)
    head, _, call = parts.path.rpartition("/")
    if call != "DescribeRegions":
        return ()
    try:
        regions = regions_with_events(capture.body)
    except Unreadable:
        return ()
    site = [("BelongSite", value) for value in parse_qs(parts.query).get("BelongSite", [])]
    day = capture.fetched_at.astimezone(ZoneInfo(source.timezone)).date()

    def address(region: str, *more: tuple[str, str]) -> str:
        query = urlencode([*site, ("RegionId", region), ("NumOfDay", "1"), *more])
        return urlunsplit(parts._replace(path=f"{head}/DescribeProductEventForRegionInPeriod", query=query))

    return tuple(
        Ask(address(region, ("EndDate", day.isoformat())), name=address(region))
        for region in dict.fromkeys((*regions, NON_REGIONAL))
    )


def regions_with_events(body: bytes | None) -> list[str]:
    """Ids of the regions that `DescribeRegions` marks as having events. Unreadable when it is not that."""
    regions = required(_data(body), _Regions, [], "a list of regions")
    return [region.region_id for area in regions.area_detail_list for region in area.region_list if region.events_in]


def read(capture: Capture, source: Source) -> Page:
    """What an answer of the page or of the OpenAPI, or a feed says. Unreadable when it is none, or reports an error."""
    if feeds.looks_like_one(capture.body or b""):
        return volcengine.read(capture, source)
    data, signals = _data(capture.body), list[Signal]()
    zone = ZoneInfo(source.timezone)
    try:
        if "CategoryList" in data:
            return _period(convert(data, _Period, signals), _region(capture.url), zone, signals)
        if "EventList" in data:
            return _events(convert(data, _Events, signals), zone, signals)
        if "IsShow" in data:
            return _banner(convert(data, _Happening, signals), signals)
        if "AreaDetailList" in data:
            if not any(area.region_list for area in convert(data, _Regions, signals).area_detail_list):
                raise Unreadable("no regions at all")
            return Page(signals=tuple(signals))
        if "AbnormalCount" in data:
            convert(data, _Summary, signals)
            return Page(signals=tuple(signals))
    except msgspec.ValidationError as error:
        raise Unreadable(f"not the expected shape: {error}") from error
    raise Unreadable(f"Data of an unknown kind: {', '.join(sorted(data))[:80]}")


def _data(body: bytes | None) -> dict[str, Any]:
    """The `Data` of an answer."""
    answer = json_of(body or b"")
    if isinstance(answer, dict):
        answer = answer.get("Response", answer)
    if not isinstance(answer, dict):
        raise Unreadable("JSON without a Response")
    if failure := answer.get("Error"):
        said = (failure.get("Code"), failure.get("Message")) if isinstance(failure, dict) else (failure,)
        raise Unreadable(f"the answer is an error: {': '.join(map(str, said))}")
    data = answer.get("Data")
    if not isinstance(data, dict):
        raise Unreadable("an answer without Data")
    return data


def _region(url: str) -> str:
    region = parse_qs(urlsplit(url).query).get("RegionId", [""])[0]
    if not region:
        raise Unreadable("products of a region that the address does not name (RegionId)")
    return region


# --- the page


def _period(period: _Period, region: str, zone: ZoneInfo, signals: list[Signal]) -> Page:
    if not period.category_list:
        raise Unreadable(f"empty CategoryList: unknown region {region}")
    components: list[ComponentState] = []
    incidents: dict[str, Incident] = {}
    for entry in (entry for category in period.category_list for entry in category.product_list):
        try:
            product = convert(entry, _Product, signals, "ProductList[]")
        except msgspec.ValidationError as error:
            signals.append(unread(entry, error, "ProductList[]", ("ProductId",), kind="bad-value"))
            continue
        components.append(
            ComponentState(
                component=Component(key=product.product_id, name=product.product_name, group=region),
                severity=look_up(SEVERITIES, product.current_status, signals, "ProductList[].CurrentStatus"),
                severity_text=product.current_status,
            )
        )
        if product.time_region:
            signals.append(Signal("bad-value", "ProductList[].TimeRegion", product.time_region[:80]))
        for incident in _page_events(product, region, zone, signals):
            incidents[incident.key] = _joined(incidents.get(incident.key), incident)
    if not components:
        raise Unreadable("no product can be read")
    _check(period.summary, components, signals)
    return Page(components=tuple(components), incidents=tuple(incidents.values()), signals=tuple(signals))


def _check(summary: _Summary | None, components: list[ComponentState], signals: list[Signal]) -> None:
    """Report a summary that counts more trouble than the products show."""
    if summary is None:
        return
    words = [state.severity_text.strip().lower() for state in components]
    for word, count in (("notify", summary.notify_count), ("abnormal", summary.abnormal_count)):
        if count > words.count(word):
            signals.append(Signal("bad-value", "Summary", f"{word} {count}, in the list {words.count(word)}"))


def _page_events(product: _Product, region: str, zone: ZoneInfo, signals: list[Signal]) -> Iterator[Incident]:
    """The events of a product: the current one first, because it is the same as one in the list."""
    for found in _objects([product.current_event, product.event_list_group_by_zone_and_date], signals):
        where = "ProductList[].event"
        for field in sorted(found.keys() - _KNOWN):
            if not isinstance(found[field], list | dict):
                signals.append(Signal("unknown-field", f"{where}.{field}", str(found[field])[:80]))
        values = {
            ours: next((found[name] for name in names if found.get(name) not in (None, "")), None)
            for ours, names in _EVENT_FIELDS.items()
        }
        said = {ours for ours, value in values.items() if value is not None}
        if not said or (said == {"status"} and SEVERITIES.get(str(values["status"]).lower()) is Severity.OPERATIONAL):
            continue  # a group, whose events come by themselves, or a quiet day
        try:
            yield _page_event(values, product, region, zone, signals)
        except ValueError as error:
            signals.append(Signal("bad-incident", where, f"{product.product_id} in {region}: {error}"))


def _joined(known: Incident | None, other: Incident) -> Incident:
    """One incident for an event that stands under several products; an impact that is known stays."""
    if known is None:
        return other
    pairs = {(impact.service_key, impact.region_key) for impact in known.impacts}
    new = (impact for impact in other.impacts if (impact.service_key, impact.region_key) not in pairs)
    return msgspec.structs.replace(known, impacts=(*known.impacts, *new))


def _objects(value: Any, signals: list[Signal]) -> Iterator[dict[str, Any]]:
    """Every object in `value`, however it is grouped; what is neither object nor list is reported."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            if isinstance(inner, list | dict):
                yield from _objects(inner, signals)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner, signals)
    elif value is not None:
        signals.append(Signal("bad-value", "ProductList[].event", str(value)[:80]))


def _page_event(
    values: dict[str, Any], product: _Product, region: str, zone: ZoneInfo, signals: list[Signal]
) -> Incident:
    """An event of a product, from the values of `_EVENT_FIELDS`. ValueError without an id and a start."""
    started_at, ended_at = _time(values["start"], zone), _time(values["end"], zone)
    if values["key"] is None and started_at is None:
        raise ValueError(f"an event without id and start: {values['title'] or values['status']}")
    word = None if values["status"] is None else str(values["status"])
    severity = look_up(SEVERITIES, word, signals, "ProductList[].event.Status")
    text = plain(str(values["text"] or ""))
    return Incident(
        key=str(values["key"]) if values["key"] is not None else _key(product.product_id, region, started_at),
        title=_fold(str(values["title"] or product.product_event_title or product.product_name)),
        severity=_trouble(severity),
        severity_text=word,
        state=State.RESOLVED if ended_at or severity is Severity.OPERATIONAL else None,
        service_text=product.product_name,
        started_at=started_at,
        ended_at=ended_at,
        updates=(Update(posted_at=None, text=text),) if text else (),
        impacts=(
            Impact(
                service_key=product.product_id,
                service_text=product.product_name,
                region_key=region,
                severity=_trouble(severity),
                severity_text=word,
                started_at=started_at,
                ended_at=ended_at,
            ),
        ),
    )


def _banner(banner: _Happening, signals: list[Signal]) -> Page:
    """The banner as a notice, while it is shown. It may say only that an older event (RelatedId) is over."""
    if not banner.is_show:
        return Page(signals=tuple(signals))
    title, text = _fold(plain(banner.title or "")), plain(banner.desc or "")
    if banner.id is None or not (title or text):
        signals.append(Signal("bad-incident", "Data", f"{banner.id}: a banner without id or words"))
        return Page(signals=tuple(signals))
    severity = look_up(SEVERITIES, banner.status or None, signals, "Data.Status")
    incident = Incident(
        key=f"happening-{banner.id}",
        title=title or text.splitlines()[0],
        kind=Kind.NOTICE,
        severity=_trouble(severity),
        severity_text=banner.status or None,
        state=State.RESOLVED if severity is Severity.OPERATIONAL else None,
        updates=(Update(posted_at=None, text=text),) if text else (),
        linked_to=str(banner.related_id) if banner.related_id else None,
    )
    return Page(incidents=(incident,), signals=tuple(signals))


# --- the OpenAPI


def _events(events: _Events, zone: ZoneInfo, signals: list[Signal]) -> Page:
    incidents: dict[str, Incident] = {}
    for entry in events.event_list or []:
        try:
            incident = _event(convert(entry, _Event, signals, "EventList[]"), zone, signals)
            if incident.key in incidents:
                raise ValueError("stands twice")
            incidents[incident.key] = incident
        except BROKEN as error:
            signals.append(unread(entry, error, "EventList[]", ("ProductId", "RegionId", "StartTime")))
    return Page(incidents=tuple(incidents.values()), signals=tuple(signals))


def _event(event: _Event, zone: ZoneInfo, signals: list[Signal]) -> Incident:
    """One product in one region. The row has no title: the names of both stand for it."""
    started_at, ended_at = _time(event.start_time, zone), _time(event.end_time, zone)
    if not started_at or not event.product_id or not event.region_id:
        raise ValueError("no product, region or start")
    severity = look_up(SEVERITIES, event.current_status, signals, "EventList[].CurrentStatus")
    service, region = event.product_name or event.product_id, event.region_name or event.region_id
    return Incident(
        key=_key(event.product_id, event.region_id, started_at),
        title=_fold(f"{service} {region}"),
        severity=_trouble(severity),
        severity_text=event.current_status,
        state=State.RESOLVED if ended_at or severity is Severity.OPERATIONAL else None,
        service_text=event.product_name,
        region_text=event.region_name,
        started_at=started_at,
        ended_at=ended_at,
        impacts=(
            Impact(
                service_key=event.product_id,
                service_text=event.product_name,
                region_key=event.region_id,
                region_text=event.region_name,
                severity=_trouble(severity),
                severity_text=event.current_status,
                started_at=started_at,
                ended_at=ended_at,
            ),
        ),
    )


def _trouble(severity: Severity | None) -> Severity | None:
    """How bad an event was: a status that is normal again does not say."""
    return None if severity is Severity.OPERATIONAL else severity


def _key(service: str, region: str, started_at: datetime | None) -> str:
    """The key of an event that has no id of its own."""
    return f"{service}_{region}_{started_at:%Y%m%dT%H%M%SZ}"


def _time(value: Any, zone: ZoneInfo) -> datetime | None:
    """A naive text in the source's zone, a text with an offset, or an epoch; None when empty. ValueError."""
    if value in (None, ""):
        return None
    if isinstance(value, int | float):
        return epoch(value)
    if not isinstance(value, str):
        raise ValueError(f"not a time: {value!r}")
    when = datetime.fromisoformat(value.strip())
    return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)


def _fold(text: str) -> str:
    return " ".join(text.split())


PLATFORM = Platform(read=read, follow=follow)
