"""What a platform is to the rest of the project: how its pages are found, asked for and read.

Each file in `spiders/` defines one, named `PLATFORM`. Everything in it is pure: no network, no clock, no
database; one Scrapy spider (`crawler/polling/spider.py`) does the asking for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from crawler.catalog.entries import Source
from crawler.records import Capture, Page

#: A pure function of one capture and its source. Raises Unreadable.
Reader = Callable[[Capture, Source], Page]


class Ask(msgspec.Struct, frozen=True):
    """One request. `name` is the address under which its answer is kept, where that is not `url`: without the
    signature or the time of day that the request has to carry.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    name: str | None = None

    @property
    def address(self) -> str:
        """The address under which the answer is kept."""
        return self.name or self.url


class About(msgspec.Struct, frozen=True):
    """What a page says about itself."""

    name: str | None = None
    timezone: str | None = None


def own_address(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """Ask for the source's own address, and no other."""
    return (Ask(source.url),)


def nothing(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    """Ask for nothing more."""
    return ()


def says_nothing(capture: Capture) -> About:  # noqa: ARG001 - the signature of all of them
    """The page does not tell its name."""
    return About()


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """One way of publishing."""

    read: Reader
    #: What a round asks for first, at that time (UTC).
    addresses: Callable[[Source, datetime], Iterable[Ask]] = own_address
    #: What else to ask for in the same round, now that this has come with status 200.
    follow: Callable[[Capture, Source], Iterable[Ask]] = nothing
    #: Extra request headers.
    headers: Mapping[str, str] = {}

    # Deep history, for `outages backfill`.
    #: Where a walk into the past begins, at that time (UTC). None: the platform keeps no past.
    history: Callable[[Source, datetime], Iterable[Ask]] | None = None
    #: What to ask for next on the walk: older pages, and the incidents that a page only names.
    older: Callable[[Capture, Source], Iterable[Ask]] = nothing
    #: The address of one incident's own record, by its key. None: there is none.
    record: Callable[[Source, str], Ask] | None = None

    # Recognition, for `outages add`.
    #: Hosts of the product itself: `example.io` stands for every host that ends in `.example.io`.
    hosts: tuple[str, ...] = ()
    #: Regular expressions, any of which in the HTML of a page gives the product away.
    html: tuple[str, ...] = ()
    #: Addresses by the name of their source, from the page's root (`https://host`) and its HTML ("" when there is
    #: none). The page is on this platform when the reader takes what the first of them answers.
    find: Callable[[str, str], Mapping[str, str]] | None = None
    #: What a capture says about the page.
    about: Callable[[Capture], About] = says_nothing


def root_of(url: str) -> str:
    """`https://host` of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def below_root(**paths: str) -> Callable[[str, str], Mapping[str, str]]:
    """Addresses that are the same on every page of a platform, below its root."""

    def find(root: str, html: str) -> Mapping[str, str]:  # noqa: ARG001 - the signature of all of them
        return {name: root + path for name, path in paths.items()}

    return find
