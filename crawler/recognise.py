"""Which platform a status page is on: `outages add URL`.

The product is looked for where it shows itself: in the page's host, in marks in its HTML, and last by asking the
addresses that are well known of each product. Whatever suggests a product, its reader decides, since many imitate the
addresses of others: the page is on a platform when the reader takes what the first of its addresses answers
(`Platform.find`). The generic `feed` comes last. Few requests are made, one after the other, and none twice.

`inspect` is the whole conversation with the page as a generator, without a network: it yields what to ask and is
sent the answer. `recognise` holds it over the network, `entry` makes a catalog file of what was found.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from scrapy.crawler import AsyncCrawlerProcess

from crawler.captures import Captures
from crawler.catalog import ALL, Catalog, CatalogError, Service, Source, Vendor, load_vendor, pages
from crawler.places import Gazetteer, atlas
from crawler.platform import Ask, root_of
from crawler.polling.poller import settings_of
from crawler.polling.spider import StatusSpider
from crawler.records import OVER, Capture, Component, Incident, Kind, Page, Unreadable
from spiders import PLATFORMS, platform, reader

GENERIC = "feed"
#: Asked for in this order where nothing tells the product: what most pages are on comes first.
_COMMON = ("statuspage", "incidentio", "instatus", "betterstack", "statusio", "statuspal", "cachet")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PROBE = "the answer to its well-known address"
_HTML_LIMIT = 2_000_000  # characters in which marks are looked for


class NotRecognisedError(Exception):
    """No reader understands what is published there, or its name is taken; the message says what was tried."""


class Look(msgspec.Struct, frozen=True):
    """A source of a recognised page, what it answered, and what that says."""

    source: Source
    capture: Capture
    page: Page


class Place(msgspec.Struct, frozen=True):
    """A component, and the region and service it is understood to be."""

    component: Component
    region: str | None
    service: str | None


class Found(msgspec.Struct, frozen=True):
    """A recognised page."""

    vendor: Vendor  # with its sources, and the services that its components tell
    platform: str
    because: str  # what gave the product away
    looks: tuple[Look, ...]
    moved: str | None = None  # where a redirect led, when that is another host
    timezone: str | None = None
    places: tuple[Place, ...] = ()

    @property
    def open(self) -> tuple[Incident, ...]:
        """What is out, or under maintenance, at the moment; each once."""
        found = {i.key: i for look in self.looks for i in look.page.incidents if _is_open(i)}
        return tuple(found.values())


def _is_open(incident: Incident) -> bool:
    over = incident.ended_at or incident.resolved_posted_at or incident.state in OVER
    return not over and not (incident.kind == Kind.MAINTENANCE and incident.state == "scheduled")


class Question(NamedTuple):
    """What to ask next, and as a page of which platform."""

    platform: str
    ask: Ask


Conversation = Generator[Question, Capture, Found]


# --- the conversation ----------------------------------------------------------------------------


def inspect(url: str, vendor: str, name: str | None = None) -> Conversation:
    """Find out what is published at `url`. Returns what was found; NotRecognisedError says what was tried."""
    first = yield Question(GENERIC, Ask(url))
    if first.status is None and not _forbidden(first):
        raise NotRecognisedError(f"{url} does not answer: {first.error}")
    shown = first.headers.get("location", url) if first.status == 200 else url
    html = _text(first)
    answers = {url: first, shown: first}
    if urlsplit(shown).path in ("", "/"):
        answers |= {root_of(shown): first, f"{root_of(shown)}/": first}
    tried: dict[tuple[str, str], str] = {}
    for product, because, base in _candidates(url, shown, html):
        looks: list[Look] = []
        addresses = _addresses(product, base, html, shown, first)
        if not addresses and because != _PROBE:
            tried[base, product] = f"{because}, but its addresses are not told by the page"
        for number, (source_name, address) in enumerate(addresses.items()):
            if (address, product) in tried:
                break
            if address not in answers:
                answers[address] = yield Question(product, Ask(address))
            source = _source(vendor, product, source_name, number, address)
            capture = msgspec.structs.replace(answers[address], source=source.id, url=address)
            problem, page = _read(capture, source)
            if because == _PROBE and capture.body == first.body and address not in (url, shown):
                problem, page = "the same as the page itself", None  # it answers every address so
            if page is not None:
                looks.append(Look(source, capture, page))
                continue
            tried[address, product] = problem
            if capture.status is None and not _forbidden(capture) and root_of(address) == root_of(shown):
                raise NotRecognisedError(f"{address} does not answer: {capture.error}; the page did a moment before")
            if number == 0 and (because == _PROBE or not _forbidden(capture)):
                break  # where robots.txt forbids the JSON of a product's page, a feed may still be read
        if looks:
            return _found(vendor, name, url, shown, product, because, looks, first)
    told = "".join(f"\n  {address}: {product}: {problem}" for (address, product), problem in tried.items())
    raise NotRecognisedError(f"no platform recognised; tried{told}")


def _forbidden(capture: Capture) -> bool:
    """By robots.txt, or for its size: the host does answer."""
    return (capture.error or "").startswith(("robots", "too-large"))


def _text(capture: Capture) -> str:
    if capture.status != 200 or not capture.body:
        return ""
    return capture.body.decode("utf-8", "replace")[:_HTML_LIMIT]


def _candidates(url: str, shown: str, html: str) -> Iterator[tuple[str, str, str]]:
    """Platforms to try, likeliest first, each with why, and the root of the page there."""
    roots = list(dict.fromkeys(_roots(shown)))
    done: set[str] = set()
    for address in dict.fromkeys((url, shown)):
        host = urlsplit(address).hostname or ""
        for product in PLATFORMS:
            if product not in done and any(_is_of(host, own) for own in platform(product).hosts):
                if platform(product).find is None:
                    raise NotRecognisedError(
                        f"{host} is a page of its own kind, which the platform {product} reads; its addresses are named "
                        f"in a vendor's file, not found: see those of {product} in `outages sources --platform {product}`"
                    )
                done.add(product)
                for base in roots:
                    yield product, f"host {host}", base
    for product in _ordered():
        mark = next((found for pattern in platform(product).html if (found := re.search(pattern, html))), None)
        if mark and product not in done and platform(product).find:
            done.add(product)
            for base in roots:
                yield product, f"mark {mark[0][:60]!r} in its HTML", base
    for product in _ordered():
        if product not in done and product != GENERIC and platform(product).find:
            yield product, _PROBE, roots[0]
    yield GENERIC, "a feed that the page names, and nothing better", roots[0]


def _roots(shown: str) -> Iterator[str]:
    """Where a page may have its root: its host, or below, where it is one of several on a host."""
    yield root_of(shown)
    path = urlsplit(shown).path.rstrip("/")
    if path and "." not in path.rpartition("/")[2]:
        yield root_of(shown) + path


def _ordered() -> list[str]:
    return [*_COMMON, *(product for product in PLATFORMS if product not in _COMMON)]


def _is_of(host: str, own: str) -> bool:
    return host == own or host.endswith(f".{own}")


def _addresses(product: str, base: str, html: str, shown: str, first: Capture) -> Mapping[str, str]:
    find = platform(product).find
    found = find(base, html) if find else {}
    if product == GENERIC and not found and first.status == 200:
        return {GENERIC: shown}  # the address may be that of a feed itself
    return found


def _source(vendor: str, product: str, name: str, number: int, address: str) -> Source:
    return Source(
        id=f"{vendor}-{name}", vendor=vendor, platform=product, url=address, every=pages.interval(number, name)
    )


def _read(capture: Capture, source: Source) -> tuple[str, Page | None]:
    if capture.status != 200:
        return capture.error or f"HTTP {capture.status}", None
    try:
        return "", reader(source.platform)(msgspec.structs.replace(capture, source=source.id), source)
    except Unreadable as error:
        return str(error), None


# --- what was understood -------------------------------------------------------------------------


def _found(
    vendor: str,
    name: str | None,
    url: str,
    shown: str,
    product: str,
    because: str,
    looks: list[Look],
    first: Capture,
) -> Found:
    told = [platform(product).about(capture) for capture in (*(look.capture for look in looks), first)]
    named = name or next((about.name for about in told if about.name), None) or vendor
    zone = next((about.timezone for about in told if about.timezone and _is_zone(about.timezone)), None)
    states = [state for look in looks for state in look.page.components]
    components = list({s.component.key or s.component.name: s.component for s in states}.values())
    entry = Vendor(
        id=vendor,
        name=" ".join(named.split()),
        homepage=url,
        timezone=zone,
        sources=tuple(look.source for look in looks),
        services=services_of(components),
    )
    names = Gazetteer(entry)
    return Found(
        vendor=entry,
        platform=product,
        because=because,
        looks=tuple(looks),
        moved=shown if urlsplit(shown).netloc != urlsplit(url).netloc else None,
        timezone=zone,
        places=tuple(Place(component, *names.component(component)) for component in components),
    )


_BREAK = re.compile(r"\s[-–—:]\s|:\s|[|/(),（，）\[\]]")
#: A word of a component's name that tells its category for sure, the first that occurs.
_CATEGORIES = (
    ("api", r"\bapis?\b"),
    ("billing", r"\bbilling\b"),
    ("console", r"\b(?:dashboard|console|portal)\b"),
    ("identity", r"\b(?:log-?in|sign-?in|sso|authentication)\b"),
    ("dns", r"\bdns\b"),
    ("cdn", r"\bcdn\b"),
    ("support", r"\b(?:support|documentation|docs)\b"),
    ("website", r"\b(?:website|web site|web app)\b"),
)


def services_of(components: Iterable[Component]) -> tuple[Service, ...]:
    """What is left of the components' names without places: "API" of "API (Frankfurt)". Each id once.

    A category is `other` unless a word tells it; people may know better.
    """
    found: dict[str, Service] = {}
    for component in components:
        name = _without_places(component.name)
        key = component.key if name == component.name.strip() else None
        name_id = slug(name) or slug(key or "")
        if name_id and name_id != ALL:
            category = next((category for category, word in _CATEGORIES if re.search(word, name.lower())), "other")
            found.setdefault(name_id, Service(id=name_id, name=name, category=category, key=key))
    return tuple(found.values())


def _without_places(name: str) -> str:
    if atlas().field(name):
        return ""
    parts = [part.strip() for part in _BREAK.split(name) if part.strip()]
    left = [part for part in parts if not atlas().field(part)]
    return name.strip() if len(left) == len(parts) else " ".join(left)


def slug(text: str) -> str:
    """Small letters, digits and single hyphens; empty when the text has none of the Latin ones."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


# --- over the network ----------------------------------------------------------------------------


class Outcome:
    """How a conversation ended, brought out of Scrapy, which keeps errors to itself."""

    found: Found | None = None
    refused: NotRecognisedError | None = None


class Prober(StatusSpider):
    """Asks what a conversation wants to know, one thing after the other."""

    name = "prober"

    def __init__(self, conversation: Conversation, outcome: Outcome, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conversation = conversation
        self.outcome = outcome

    async def start(self) -> AsyncIterator[Any]:
        """The first question."""
        for request in self._next(None):
            yield request

    def _hand_on(self, capture: Capture, source: Source, follow: bool) -> Iterator[Any]:  # noqa: ARG002 - that of its base
        yield from self._next(capture)

    def _next(self, answer: Capture | None) -> Iterator[Any]:
        try:
            question = next(self.conversation) if answer is None else self.conversation.send(answer)
        except StopIteration as end:
            self.outcome.found = end.value
        except NotRecognisedError as error:
            self.outcome.refused = error
        else:
            yield self.request(Source(id="", platform=question.platform, url=question.ask.url), question.ask)


def recognise(
    url: str, vendor: str | None, known: Catalog, *, name: str | None = None, contact: str | None = None
) -> Found:
    """Ask the page, politely, unless `known` has it. Can be called once in a process. NotRecognisedError says why not."""
    url = _address(url)
    listed = next((v for v in known.vendors.values() if v.listed and _bare(v.homepage) == _bare(url)), None)
    vendor = vendor or (listed.id if listed else vendor_id(urlsplit(url).hostname or ""))
    refuse_known(url, vendor, known)
    if listed and listed.id == vendor:
        name = name or listed.name
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as scratch:
        # Without the store of a round: what was fetched is kept only when a platform was recognised.
        settings = settings_of(Path(scratch) / "captures.db", contact, {"ITEM_PIPELINES": {}, "ROUND_NOW": None})
        process = AsyncCrawlerProcess(settings)
        process.crawl(Prober, conversation=inspect(url, vendor, name), outcome=outcome)
        process.start()
    if outcome.found is None:
        raise outcome.refused or NotRecognisedError(f"{url} could not be asked; the log says why")
    refuse_watched(outcome.found, known)
    return outcome.found


def _address(url: str) -> str:
    """The address that was meant: https where no scheme was typed."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        _ = parts.port
    except ValueError as error:
        raise NotRecognisedError(f"{url}: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotRecognisedError(f"{url}: not an http(s) address")
    return parts._replace(fragment="").geturl()


def _bare(url: str) -> str:
    """Host and path, without a last stroke."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path.rstrip('/')}".lower()


def refuse_known(url: str, vendor: str, known: Catalog) -> None:
    """Nothing may be asked, or kept, under the name of another; a page of the list may get a file of its own."""
    if not _ID.fullmatch(vendor):
        raise NotRecognisedError(f"{vendor!r} is no id: small letters, digits and single hyphens; name another --id")
    host = urlsplit(url).netloc
    shared = any(host in platform(product).hosts for product in PLATFORMS if platform(product).find)
    for source in () if shared else known.sources.values():
        if urlsplit(source.url).netloc == host and not known.vendors[source.vendor].listed:
            raise NotRecognisedError(f"{host} is in the catalog already: source {source.id} of {source.vendor}")
    if vendor in known.vendors and not known.vendors[vendor].listed:
        raise NotRecognisedError(f"{vendor} is in the catalog already; name another --id")


def refuse_watched(found: Found, known: Catalog) -> None:
    """An address is watched once, and a source's id stands for one source."""
    for look in found.looks:
        other = known.source_of(None, look.source.url) or known.sources.get(look.source.id)
        if other and not known.vendors[other.vendor].listed:
            raise NotRecognisedError(
                f"{look.source.url} is watched already, or its id taken: source {other.id} of {other.vendor}"
            )


def vendor_id(host: str) -> str:
    """A short name from a host: `status.example.com` and `www.examplestatus.com` become `example`."""
    labels = [label for label in host.lower().split(".") if label not in ("www", "status", "statuspage", "io", "com")]
    name = slug(labels[0] if labels else host)
    return re.sub(r"-?status$", "", name) or name


# --- what is kept --------------------------------------------------------------------------------


def keep(found: Found, data: Path) -> None:
    """Keep what was fetched, as the first captures of the new sources."""
    captures = Captures(data / "captures.db")
    captures.add([look.capture for look in found.looks])
    captures.close()


def entry(found: Found, today: datetime) -> str:
    """The catalog file of what was found."""
    vendor = found.vendor
    lines = [
        f"# Recognised on {today:%Y-%m-%d} by {found.because}. Services are named as its components are.",
        f"id: {_quoted(vendor.id)}",
        f"name: {_quoted(vendor.name)}",
        f"homepage: {_quoted(vendor.homepage)}",
    ]
    if found.timezone:
        lines.append(f"timezone: {found.timezone}")
    lines.append("sources:")
    for source in vendor.sources:
        lines += [
            f"  - id: {_quoted(source.id)}",
            f"    platform: {source.platform}",
            f"    url: {_quoted(source.url)}",
            f"    every: {source.every}",
            f"    why: {_quoted(_why(source))}",
        ]
    if vendor.services:
        lines += ["services:", *(f"  - {_flow(service)}" for service in vendor.services)]
    return "\n".join(lines) + "\n"


def _why(source: Source) -> str:
    return f"what `outages add` found; {source.every} is what pages of {source.platform} are asked with by default"


def write(found: Found, directory: Path, today: datetime | None = None) -> Path:
    """Write the catalog file of a page that is not in the catalog yet, and check that it loads."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{found.vendor.id}.yml"
    with path.open("x", encoding="utf-8") as file:
        file.write(entry(found, today or datetime.now(UTC)))
    try:
        load_vendor(path)
    except CatalogError:
        path.unlink()  # one bad file would stop every command
        raise
    return path


def _flow(one: Service) -> str:
    """An entry on one line, without what is as by default."""
    told = {name: value for name in one.__struct_fields__ if (value := getattr(one, name)) not in (None, (), False)}
    return "{" + ", ".join(f"{name}: {_quoted(value)}" for name, value in told.items()) + "}"


#: Text that YAML takes for itself without quotes, inside of braces too.
_PLAIN = re.compile(r"[A-Za-z](?:[\w ./&+-]*[\w/+])?|https?://[\w./?=&%+:-]*[\w/]", re.ASCII)
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null"))


def _quoted(value: object) -> str:
    """A value in YAML, in quotes where they are needed."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return msgspec.json.encode(value).decode()
