"""Volcengine's status feeds: RSS for each product in each region, `/rss/<language>/<region>/<product>`.

The address tells region and product by id, the title of the feed tells both by name: `火山引擎<product>(<region>)服务状态`.
A region that does not exist gets a feed too, with nothing between the brackets, which is refused.

An item is one message, without an identifier; the link is always the root of the page. What is over has （已恢复） behind
the title, on all its items. `pubDate` is the time of what the item tells, not of its posting: an outage has an item at its
beginning, whose text is rewritten later and then tells the end as well, and one at its end, which says that this product
in this region has recovered. Items with one title belong together up to such an end, or to a silence of `SILENCE`. The key
is region, product and the time of the first item. A feed seems to hold the whole past, but does not say so: no reach.

Two real feeds have been read: one of two items, one empty. An outage that is under way has not been seen. Tencent Cloud
links feeds at addresses of the same form, which `spiders/tencent.py` hands on to here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.words import look_up
from crawler.records import Capture, Impact, Incident, Page, Signal, State, Unreadable, Update, stamp

#: Words in the brackets behind a title.
STATES = {"已恢复": State.RESOLVED}
#: Items that are further apart than this are not of one outage, whatever their titles.
SILENCE = timedelta(days=7)

_ADDRESS = re.compile(r"/rss/\w+/([^/]+)/([^/]+)/?")
_CHANNEL = re.compile(r"(?:火山引擎|腾讯云)?(.*[)）])服务状态")
_MARK = re.compile(r"\s*[(（]([^()（）]*)[)）]$")
#: The message that what is named in corner brackets is well again.
_RECOVERED = re.compile(r"」[^「」。]{0,10}已恢复")


class _Item(msgspec.Struct, frozen=True):
    """One message."""

    at: datetime
    title: str
    mark: str | None
    text: str

    @property
    def ends(self) -> bool:
        """Whether it says that it is over, rather than what happened."""
        return _RECOVERED.search(self.text) is not None


class _Subject(msgspec.Struct, frozen=True):
    """The product and the region that a feed is about."""

    region_key: str
    region: str
    product_key: str
    product: str


def read(capture: Capture, source: Source) -> Page:
    """The outages of one product in one region. Raises Unreadable when the body is no feed, or of no region."""
    signals: list[Signal] = []
    feed = feeds.feed_of(capture, signals)
    subject = _subject(capture.url, feed.title)
    items: list[_Item] = []
    for entry in feed.entries:
        at = moment(entry.published, source, capture.fetched_at, signals, "item.pubDate") if entry.published else None
        if at is None or not entry.title:
            signals.append(Signal("bad-incident", "item", f"{entry.title or entry.published}: no title or no time"))
            continue
        title, mark = _marked(entry.title)
        look_up(STATES, mark, signals, "item.title")
        items.append(_Item(at, title, mark, plain(entry.content)))
    return Page(
        incidents=tuple(_incident(group, subject, feed.link) for group in _gathered(items)),
        signals=tuple(dict.fromkeys(signals)),
    )


def _subject(url: str, title: str) -> _Subject:
    address = _ADDRESS.fullmatch(unquote(urlsplit(url).path))
    if address is None:
        raise Unreadable("a feed of a region and product that the address does not name (/rss/<language>/<region>/...)")
    channel = _CHANNEL.fullmatch(title)
    if channel is None:
        raise Unreadable(f"not the feed of a product in a region: {title[:80]!r}")
    product, region = _split(channel[1])
    if not region:
        raise Unreadable(f"a feed of no region: there is no {address[1]}")
    return _Subject(address[1], region, address[2], product)


def _split(text: str) -> tuple[str, str]:
    """What stands before the last brackets of a text that ends in brackets, and what stands between them."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += {")": 1, "）": 1, "(": -1, "（": -1}.get(text[position], 0)
        if depth == 0:
            return text[:position].strip(), text[position + 1 : -1].strip()
    return text.strip(), ""


def _marked(title: str) -> tuple[str, str | None]:
    """A title without the word behind it, and the word."""
    mark = _MARK.search(title)
    return (title[: mark.start()], mark[1].strip()) if mark and mark.start() else (title, None)


def _gathered(items: Iterable[_Item]) -> list[list[_Item]]:
    """The items of each outage, oldest first; the outage with the newest message first."""
    groups: list[list[_Item]] = []
    latest: dict[str, list[_Item]] = {}
    for item in sorted(items, key=lambda item: (item.at, item.ends)):
        group = latest.get(item.title)
        if group is None or (group[-1].ends and not item.ends) or item.at - group[-1].at > SILENCE:
            group = latest[item.title] = []
            groups.append(group)
        group.append(item)
    return sorted(groups, key=lambda group: group[-1].at, reverse=True)


def _incident(group: Sequence[_Item], subject: _Subject, page: str) -> Incident:
    first, last = group[0], group[-1]
    state = STATES.get(last.mark or "") or (State.RESOLVED if last.ends else None)
    ended_at = last.at if last.ends and len(group) > 1 else None
    return Incident(
        key=f"{subject.region_key}/{subject.product_key}/{stamp(first.at)}",
        title=last.title,
        url=page or None,
        state=state,
        state_text=last.mark,
        service_text=subject.product,
        region_text=subject.region,
        started_at=first.at,
        ended_at=ended_at,
        first_posted_at=first.at,
        resolved_posted_at=last.at if last.ends else None,
        updates=tuple(_update(item) for item in group),
        newest_only=True,
        impacts=(
            Impact(
                service_key=subject.product_key,
                service_text=subject.product,
                region_key=subject.region_key,
                region_text=subject.region,
                started_at=first.at,
                ended_at=ended_at,
            ),
        ),
    )


def _update(item: _Item) -> Update:
    """A message. When one that was rewritten since was posted is not known: it tells what came later."""
    rewritten = STATES.get(item.mark or "") is State.RESOLVED and not item.ends
    return Update(
        posted_at=None if rewritten else item.at,
        state=State.RESOLVED if item.ends else None,
        state_text=item.mark,
        text=item.text,
    )


def about(capture: Capture) -> About:
    """The product and its region."""
    try:
        return About(name=feeds.feed_of(capture, []).title or None)
    except Unreadable:
        return About()


PLATFORM = Platform(read=read, hosts=("status.volcengine.com",), about=about)
