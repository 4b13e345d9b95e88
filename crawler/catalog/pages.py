"""The compact list of pages: vendors of which little more is known than where their status page is.

`pages.csv` beside the vendors' files holds one page a line, `id,name,platform,url,sources,also,since,until,why`:

- `sources` are the addresses to ask, `name=address` with blanks between; where there are none, those that the
  platform knows from the page's address alone (`Platform.find`);
- `also` are other hosts that show the same page; `since` and `until` are days;
- `why` is the reason why the page is not polled.

Several lines with one id are one vendor: the first is its page, the others are where it was before, or may be too;
the names of their sources hold the platform. Nobody has read these pages here, so their sources are unverified;
what has no reader, or no known address, is listed but not polled. A vendor's own file goes first: the lines with its
id, and those of a page that its sources ask, are passed over (see `crawler.catalog.load`).
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from crawler.catalog.entries import CatalogError, Source, Vendor
from crawler.platform import root_of
from spiders import PLATFORMS, platform

FILE = "pages.csv"
UNKNOWN = "unknown"

#: Poll intervals by what a source is called; the first of a page tells its state, the others change less.
_FIRST, _OTHERS = "5m", "15m"
_SLOWER: Mapping[str, str] = {"maintenances": "1h", "uptime": "1h", "history": "1h", "components": "30m"}
#: What `Platform.find` says of a page without its HTML, for the platforms of most pages: that the catalog can be read
#: without importing every reader. `{host}` is the page's. A test compares them.
BELOW_ROOT: Mapping[str, Mapping[str, str]] = {
    "betterstack": {"index": "/index.json"},
    "cstate": {"index": "/index.json", "issues": "/issues/index.json"},
    "firehydrant": {"payload": "/data/payload.json"},
    "incidentio": {"summary": "/proxy/{host}", "incidents": "/proxy/{host}/incidents"},
    "instatus": {"summary": "/summary.json", "page": "/"},
    "statuscast": {"incidents": "/incidents", "components": "/components.json", "summary": "/summary.json"},
    "statusio": {},
    "statusiq": {"rss": "/rss"},
    "statuspal": {},
    "statuspage": {
        "summary": "/api/v2/summary.json",
        "incidents": "/api/v2/incidents.json",
        "maintenances": "/api/v2/scheduled-maintenances.json",
        "history": "/history.atom",
    },
}
#: Says once more what another source of the page says: known for imports, not asked.
_SECOND_WITNESS = frozenset({("statuspage", "history")})


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line."""

    id: str
    name: str
    platform: str
    url: str
    sources: str = ""
    also: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    why: str = ""

    @property
    def root(self) -> str:
        """`https://host` of the page."""
        return root_of(self.url)


def interval(position: int, name: str) -> str:
    """How often to ask for a page's source of that name, the first of them being number 0."""
    return _SLOWER.get(name, _FIRST if position == 0 else _OTHERS)


def vendors(path: Path, known: Iterable[Vendor]) -> Iterator[Vendor]:
    """The vendors of a file of pages, except those that are known. CatalogError names file and line of a mistake."""
    known = list(known)
    ids = {vendor.id for vendor in known}
    hosts = {urlsplit(address).netloc for v in known for s in v.sources for address in (s.url, *s.also)}
    pages: dict[str, list[Page]] = {}
    for page in read(path):
        if page.id not in ids and urlsplit(page.url).netloc not in hosts:
            pages.setdefault(page.id, []).append(page)
    for lines in pages.values():
        yield _vendor(lines)


def read(path: Path) -> Iterator[Page]:
    """Every line of a file. CatalogError names file and line of a mistake."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, restkey="more", strict=True)
        try:
            for row in rows:
                given = {name: value for name, value in row.items() if value}
                yield msgspec.convert(given, type=Page, strict=False)
        except (csv.Error, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise CatalogError(f"{path}:{rows.reader.line_num or 1}: {error}") from error


def _vendor(pages: list[Page]) -> Vendor:
    first = pages[0]
    sources = [source for number, page in enumerate(pages) for source in _sources(page, number > 0)]
    return Vendor(id=first.id, name=first.name, homepage=first.url, sources=tuple(sources), listed=True)


def _sources(page: Page, earlier: bool) -> Iterator[Source]:
    """The sources of one line: asked, or one that says why it cannot be."""
    prefix = f"{page.id}-{page.platform}" if earlier else page.id
    addresses = addresses_of(page)
    if not addresses:
        yield Source(
            id=f"{prefix}-page", platform=page.platform, url=page.url, polled=False, verified=False,
            robots=f"not fetched: {_reason(page)}", why=_reason(page), since=page.since, until=page.until,
        )  # fmt: skip
    for position, (name, address) in enumerate(addresses.items()):
        witness = (page.platform, name) in _SECOND_WITNESS
        yield Source(
            id=f"{prefix}-{name}",
            platform=page.platform,
            url=address,
            also=tuple(urlunsplit(urlsplit(address)._replace(netloc=host)) for host in page.also.split()),
            every=interval(position, name),
            polled=not (page.why or witness),
            verified=False,
            why=page.why or ("says what the JSON says" if witness else "named by public lists, not read here yet"),
            since=page.since,
            until=page.until,
        )


def addresses_of(page: Page) -> Mapping[str, str]:
    """Addresses by the name of their source; none when the platform has no reader, or its addresses need the HTML."""
    if page.platform not in PLATFORMS:
        return {}
    if page.sources:
        return dict(told.split("=", 1) for told in page.sources.split())
    if urlsplit(page.url).path.strip("/"):
        return {}  # one of several pages on a host, or a part of a site
    if (paths := BELOW_ROOT.get(page.platform)) is not None:
        host = urlsplit(page.url).netloc
        return {name: page.root + path.format(host=host) for name, path in paths.items()}
    find = platform(page.platform).find
    return find(page.root, "") if find else {}


def _reason(page: Page) -> str:
    if page.why:
        return page.why
    if page.platform == UNKNOWN:
        return "its platform is not known: `outages add` finds out"
    if page.platform not in PLATFORMS:
        return f"there is no reader for {page.platform}"
    return f"the addresses of a {page.platform} page stand in its HTML: `outages add` finds them"
