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
other readers of it name the same classes in 2026, and a hidden field with the number of incidents in
all, ten of which are on a page: the walk into the past goes by that.

Status page (`.../en-us/status`, layout of before 2024): one table per geography, services down,
regions across. Cells where a service is not offered are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from parsel import Selector

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.payload import text_of
from crawler.reading.words import look_up
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

#: Incidents on a page of the history's API.
PAGE = 10

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


def read(capture: Capture, source: Source) -> Page:
    """What a feed, a history or a status page says. Unreadable when it is none of them, or cut off."""
    text = text_of(capture)
    if text.startswith(("<?xml", "<rss")):
        return _feed(capture, source)
    if not text.startswith("<"):
        raise Unreadable(f"neither RSS nor HTML: {text[:60]!r}")
    if not text.endswith(">") or ("<html" in text.lower() and "</html>" not in text.lower()):
        raise Unreadable("HTML that is cut off")
    page = Selector(text)
    if blocks := page.xpath(f"//div[{_HAS_ITEM} or {_HAS_COLUMN} and h3]"):
        return _history(blocks)
    number = _number(capture.url)
    if number and 0 < _count(page) <= (number - 1) * PAGE:
        return Page()  # behind the last page
    if tables := page.css("table.region-status-table"):
        return _matrix(page, tables)
    raise Unreadable("HTML with neither history blocks nor region tables")


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


def _feed(capture: Capture, source: Source) -> Page:
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    if "azure" not in feed.title.lower():
        raise Unreadable("not the status feed of Azure")

    def item(entry: feeds.Entry) -> Incident:
        posted_at = moment(entry.published, source, capture.fetched_at, signals, "entry.pubDate")
        return _item(entry, posted_at)

    page = _each(feed.entries, item, lambda entry: entry.id or entry.title or "?", "entry")
    return msgspec.structs.replace(
        page, signals=(*signals, *page.signals), open_only=len(page.incidents) == len(feed.entries)
    )


def _item(entry: feeds.Entry, posted_at: datetime | None) -> Incident:
    """One item. Its categories mix services and regions; which is which is for the catalog to say."""
    slug = _fold(entry.id)
    if not slug or not entry.title or posted_at is None:
        raise ValueError("no guid, no title or no pubDate")
    text = plain(entry.content)
    categories = dict.fromkeys(map(_fold, entry.categories))
    return Incident(
        key=f"{slug}-{posted_at:%Y%m%d}",
        title=entry.title,
        url=STATUS,
        first_posted_at=posted_at,
        updates=(Update(posted_at=posted_at, text=text),) if text else (),
        impacts=tuple(Impact(component=Component(key=None, name=name)) for name in categories if name),
    )


# --- the history


def _history_api(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (_history_page(source.url, 1),) if "/statushistoryapi/" in source.url else ()


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """The page after this one, while the incidents of all pages are not through."""
    number = _number(capture.url)
    page = Selector((capture.body or b"").decode(errors="replace") or "<html/>")
    return (_history_page(capture.url, number + 1),) if number and number * PAGE < _count(page) else ()


def _number(url: str) -> int:
    """Which page of the history's API an address is; 0 when it is none."""
    number = re.search(r"/statushistoryapi/.*[?&]page=(\d+)", url)
    return int(number[1]) if number else 0


def _history_page(url: str, number: int) -> Ask:
    query = {"serviceSlug": "all", "regionSlug": "all", "startDate": "all", "page": number, "shdrefreshflag": "true"}
    return Ask(urlunsplit(urlsplit(url)._replace(query=urlencode(query))))


def _count(page: Selector) -> int:
    """How many incidents the history has in all; 0 where it does not say."""
    count = page.css(".wa-historyResult-count::attr(value)").get("").strip()
    return int(count) if count.isdecimal() else 0


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


PLATFORM = Platform(read=read, history=_history_api, older=_older)
