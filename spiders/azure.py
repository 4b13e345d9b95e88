"""Azure's own status pages: the RSS feed, the incident history, the region table.

All are read from the shape of the body, not from the address, because Azure has moved them often.

RSS feed (`.../en-us/status/feed/`): shows only what is open now; an empty channel means nothing is.
`guid` is a slug of the title and can recur, so the key is the slug and the day of `pubDate`; it is
not the tracking id under which the same incident later stands in the history. `pubDate` is the time
of the first post and stays while the description grows. No severity, no state, no end.

History (`.../en-us/status/history/` until it became client-rendered, since then the fragments of
`.../en-us/statushistoryapi/`): one block per incident, keyed by its tracking id. Two generations of
blocks are known, `incident-history-item` and `column small-11`. The only date is that of the
incident, a day without a time of day and without a zone; outage times are in the prose, and so are
services and regions: titles mostly read "service - place", "service - symptom" or "symptom - place",
and which is which is not for a reader to say. No fragment of the API from after 2024 has been seen;
other readers name the same classes for it.

Status page (`.../en-us/status`, layout of before 2024): one table per geography, services down,
regions across. Cells where a service is not offered are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from xml.etree import ElementTree

from parsel import Selector

from crawler.catalog import Source
from crawler.markup import plain
from crawler.platform import Platform
from crawler.records import (
    Capture,
    Component,
    ComponentState,
    Impact,
    Incident,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)
from crawler.words import look_up

T = TypeVar("T")

STATUS = "https://azure.status.microsoft/en-us/status/"

#: Words of the region table, and the symbols that stand for them where the word is left out.
#: "Not available" means that the region does not offer the service.
SEVERITIES = {
    "good": Severity.OPERATIONAL,
    "svg-check": Severity.OPERATIONAL,
    "information": Severity.NOTICE,
    "svg-health-information": Severity.NOTICE,
    "warning": Severity.DEGRADED,
    "svg-health-warning": Severity.DEGRADED,
    "critical": Severity.MAJOR_OUTAGE,
    "error": Severity.MAJOR_OUTAGE,
    "svg-health-error": Severity.MAJOR_OUTAGE,
}
NOT_OFFERED = frozenset({"not available", "n/a", "svg-health-unknown"})

_CHANNEL_FIELDS = frozenset({"title", "link", "description", "language", "lastBuildDate", "item"})
_ITEM_FIELDS = frozenset({"guid", "link", "category", "title", "description", "pubDate"})

_TRACKING_ID = re.compile(r"Tracking ID:?\s*(\w{4}-\w{3})\b")
_TRACKING_SUFFIX = re.compile(r"\s*\(\s*Tracking ID:?\s*\w{4}-\w{3}\s*\)\s*$")
#: What a title says about itself before it names anything: "RCA - ", "Preliminary PIR – ", "Mitigated - ".
_LABEL = re.compile(
    r"(?i)^(?P<label>(?:(?:preliminary|final)\s+)?(?:RCA|PIR|post[ -]incident review(?:\s*\(PIR\))?)"
    r"|mitigated|resolved)\s*[-–—:]\s*"
)
_CLOSED = re.compile(r"(?i)^(?:mitigated|resolved)$")
_CLOSED_LAST = re.compile(r"(?i)\s[-–—]\s+(mitigated|resolved)$")
#: How the two generations of history blocks are told apart, in XPath.
_HAS_ITEM = "contains(concat(' ', normalize-space(@class), ' '), ' incident-history-item ')"
_HAS_COLUMN = "normalize-space(@class) = 'column small-11'"


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the signature of all readers
    """What a feed, a history or a status page says. Unreadable when it is none of them, or cut off."""
    text = _text(capture)
    if text.startswith(("<?xml", "<rss")):
        return _feed(text)
    if not text.startswith("<"):
        raise Unreadable(f"neither RSS nor HTML: {text[:60]!r}")
    if not text.endswith(">") or ("<html" in text.lower() and "</html>" not in text.lower()):
        raise Unreadable("HTML that is cut off")
    page = Selector(text)
    if blocks := page.xpath(f"//div[{_HAS_ITEM} or {_HAS_COLUMN} and h3]"):
        return _history(blocks)
    if tables := page.css("table.region-status-table"):
        return _matrix(page, tables)
    raise Unreadable("HTML with neither history blocks nor region tables")


def _text(capture: Capture) -> str:
    if not capture.body or not capture.body.strip():
        raise Unreadable("empty body")
    try:
        return capture.body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: {error}") from error


def _each(items: Iterable[T], make: Callable[[T], Incident], name: Callable[[T], str], where: str) -> Page:
    """A page of what can be read; what cannot, or stands twice, is named in a signal."""
    incidents: dict[str, Incident] = {}
    signals: list[Signal] = []
    for item in items:
        try:
            incident = make(item)
            if incident.key in incidents:
                raise ValueError(f"key {incident.key} stands twice")
            incidents[incident.key] = incident
        except ValueError as error:
            signals.append(Signal("bad-incident", where, f"{name(item)}: {error}"))
    return Page(incidents=tuple(incidents.values()), signals=tuple(signals))


# --- the feed


def _feed(text: str) -> Page:
    try:
        channel = ElementTree.fromstring(text).find("channel")
    except ElementTree.ParseError as error:
        raise Unreadable(f"RSS that is broken or cut off: {error}") from error
    if channel is None or "azure" not in channel.findtext("title", "").lower():
        raise Unreadable("XML, but not the status feed of Azure")
    items = channel.findall("item")
    page = _each(items, _item, lambda item: item.findtext("guid") or item.findtext("title") or "?", "item")
    unknown = {f"channel.{child.tag}": child for child in channel if child.tag not in _CHANNEL_FIELDS}
    unknown |= {f"channel.item.{field.tag}": field for item in items for field in item if field.tag not in _ITEM_FIELDS}
    signals = (Signal("unknown-field", where, (field.text or "").strip()[:80]) for where, field in unknown.items())
    return Page(incidents=page.incidents, signals=(*signals, *page.signals))


def _item(item: ElementTree.Element) -> Incident:
    """One item. Its categories mix services and regions; which is which is for the catalog to say."""
    slug, title = _fold(item.findtext("guid", "")), _fold(item.findtext("title", ""))
    if not slug or not title:
        raise ValueError("no guid or no title")
    published = item.findtext("pubDate", "")
    posted_at = parsedate_to_datetime(published)
    if posted_at.tzinfo is None:
        raise ValueError(f"pubDate without a zone: {published!r}")
    posted_at = posted_at.astimezone(UTC)
    text = plain(item.findtext("description", ""))
    categories = dict.fromkeys(_fold(category.text or "") for category in item.findall("category"))
    return Incident(
        key=f"{slug}-{posted_at:%Y%m%d}",
        title=title,
        url=STATUS,
        first_posted_at=posted_at,
        updates=(Update(posted_at=posted_at, text=text),) if text else (),
        impacts=tuple(Impact(component=Component(key=None, name=name)) for name in categories if name),
    )


# --- the history


def _history(blocks: Iterable[Selector]) -> Page:
    signals: list[Signal] = []
    page = _each(blocks, lambda block: _block(block, signals), lambda block: _words(block)[:80], "history")
    return Page(incidents=page.incidents, signals=(*signals, *page.signals))


def _block(block: Selector, signals: list[Signal]) -> Incident:
    """A block of either generation: `column small-11` has no date, and the tracking id inside its title."""
    if block.xpath("boolean(self::*[" + _HAS_COLUMN + "])").get() == "1":
        title = _words(_one(block, "h3"))
        body = "".join(block.xpath("./node()[not(self::h3)]").getall())
        return _reviewed(_tracking_id(title), _TRACKING_SUFFIX.sub("", title), None, body)
    key = _tracking_id(_words(_one(block, ".incident-history-tracking-id")))
    title = _words(_one(block, ".incident-history-title"))
    day = _words(block.css(".incident-history-header .hide-text"))
    on = None
    try:
        on = datetime.strptime(day, "%m/%d/%Y").replace(tzinfo=UTC).date()
    except ValueError:
        signals.append(Signal("bad-value", "history.date", f"{key}: {day!r}"))
    return _reviewed(key, title, on, _one(block, ".card-body").get())


def _reviewed(key: str, title: str, day: date | None, body: str) -> Incident:
    """An incident of the history, over by being there. When it was posted nobody says: of `day` that is the day."""
    text = plain(_fold(body))
    if not title or not text:
        raise ValueError("no title or no text")
    label = _label(title)
    return Incident(
        key=key,
        title=title,
        url=f"{STATUS}history/?trackingId={key}",
        state=State.POSTMORTEM if label and not _CLOSED.match(label) else State.RESOLVED,
        state_text=label,
        day=day,
        updates=(Update(posted_at=None, text=text),),
    )


def _label(title: str) -> str | None:
    """A title's word about itself, before or after the rest."""
    label = _LABEL.match(title)
    if label:
        return label["label"]
    return closed[1] if (closed := _CLOSED_LAST.search(title)) else None


def _tracking_id(text: str) -> str:
    found = _TRACKING_ID.search(text)
    if not found:
        raise ValueError("no tracking id")
    return found[1]


def _one(block: Selector, css: str) -> Selector:
    found = block.css(css)
    if len(found) != 1:
        raise ValueError(f"{len(found)} elements {css}, not one")
    return found[0]


# --- the status page


def _matrix(page: Selector, tables: Iterable[Selector]) -> Page:
    signals: list[Signal] = []
    states: dict[Component, ComponentState] = {}
    for table in tables:
        if table.attrib.get("data-zone-name") == "current-impact":
            continue
        regions = [_words(head) for head in table.css("thead th")][1:]
        for row in table.css("tbody tr"):
            for state in _row(row, regions, signals):
                # "Non-Regional" stands in the table of each geography.
                known = states.get(state.component)
                if known is None or _rank(state) > _rank(known):
                    states[state.component] = state
    if not states:
        raise Unreadable("a status page without a single service")
    _announced(page, signals)
    return Page(components=tuple(states.values()), signals=tuple(signals))


def _row(row: Selector, regions: list[str], signals: list[Signal]) -> Iterable[ComponentState]:
    """The states in one row: a service in each region that offers it.

    A row with more or fewer cells than the head has regions is reported, and only its first cell is
    read: that of what has no region stands right after the service, the others could be anybody's.
    """
    service, cells = _words(row.xpath("./*[1]")), list(row.css("td.status-cell"))
    if not service or len(cells) != len(regions):
        detail = f"{service}: {len(cells)} cells under {len(regions)} regions"
        signals.append(Signal("bad-value", "region-status-table.row", detail))
        cells = cells[:1] if service and regions[:1] == ["Non-Regional"] else []
    for region, cell in zip(regions, cells, strict=False):
        word = _words(cell.css(".hide-text")) or cell.css("[data-label]::attr(data-label)").get("")
        word = word or cell.css("use").xpath("@*[local-name() = 'xlink:href' or local-name() = 'href']").get("")[1:]
        if word.lower() not in NOT_OFFERED:
            severity = look_up(SEVERITIES, word, signals, "region-status-table.cell")
            component = Component(key=None, name=service, group=region)
            yield ComponentState(component=component, severity=severity, severity_text=word)


def _announced(page: Selector, signals: list[Signal]) -> None:
    """Report what stands where open incidents are announced: their layout has never been seen filled."""
    for text in map(_words, page.css("tr.current-incident, .incidents-alignment")):
        if text and "no active events" not in text:
            signals.append(Signal("unread-section", "current-impact", text[:80]))


def _rank(state: ComponentState) -> int:
    return state.severity.rank if state.severity else -1


# --- text


def _fold(text: str) -> str:
    return " ".join(text.split())


def _words(element: Selector | Iterable[Selector]) -> str:
    """The text of elements on one line, without pictures, footnote marks and the asterisk of a footnote."""
    elements = [element] if isinstance(element, Selector) else element
    path = ".//text()[not(ancestor::svg or ancestor::*[@class = 'superscript'])]"
    return _fold("".join(text for e in elements for text in e.xpath(path).getall())).lstrip("*‡†§ ")


PLATFORM = Platform(read=read)
