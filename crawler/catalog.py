"""Who publishes where: vendors, their sources, regions and services, from `data/catalog/*.yml`.

One file a vendor, and one line a page for those of which no more is known than where it is (`crawler.pages`). Unknown
keys are refused with file and line. Every vendor also has the region
`global` (things without a place) and the service `all` (everything the vendor runs).
"""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from crawler.strictyaml import YamlError, read

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "data" / "catalog"

GLOBAL = "global"
ALL = "all"

#: The one vocabulary of service categories, for all vendors. Those in CONTROL_PLANE are how a
#: customer manages things, told apart from the things themselves.
CATEGORIES: Mapping[str, str] = {
    "ai": "models, inference, machine learning",
    "analytics": "warehouses, streams, search, data processing",
    "api": "management API of the cloud itself",
    "billing": "accounts, billing, subscriptions",
    "cdn": "content delivery and edge",
    "communication": "mail, messages, voice, video",
    "compute": "machines and their disks",
    "console": "web console, portal, dashboard",
    "containers": "clusters, registries",
    "database": "relational and other databases, caches",
    "developer": "repositories, builds, deployment, tools",
    "dns": "names",
    "identity": "logins, keys, permissions",
    "integration": "workflows, gateways, events",
    "iot": "devices",
    "media": "video and image processing, games",
    "messaging": "queues and topics",
    "migration": "moving and transferring data",
    "monitoring": "metrics, logs, alarms, audit",
    "network": "networks, load balancing, connectivity",
    "security": "firewalls, DDoS protection, certificates, secrets",
    "serverless": "functions and managed applications",
    "storage": "objects, files, backup",
    "support": "support desk, documentation, status page",
    "website": "the vendor's product as a web site or app",
    "other": "anything else",
    "all": "everything the vendor runs",
}
CONTROL_PLANE = frozenset({"api", "billing", "console", "identity", "support"})

AUTHORITIES = ("vendor", "third-party")
#: How `Source.robots` begins where nobody can ask: what was written by hand, a page of which no address is known.
NOT_FETCHED = "not fetched"
_DURATION = re.compile(r"(\d+)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class CatalogError(Exception):
    """Something in the catalog, or a name looked up in it, is wrong."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all entries: immutable, unknown keys refused."""


class Source(_Entry, frozen=True, kw_only=True, dict=True):
    """One address of one vendor on one platform."""

    id: str
    platform: str
    url: str
    #: Other addresses whose responses belong to this source; `{name}` stands for one part of a path or query.
    also: tuple[str, ...] = ()
    #: What the platform asks for one after the other, by the name of the parameter: the regions of an API.
    values: dict[str, tuple[str, ...]] = {}
    #: Environment variables without which it cannot be asked: the keys of an API.
    needs: tuple[str, ...] = ()
    #: Zone of times that are published without one.
    timezone: str = "UTC"
    #: What the vendor's abbreviations mean here, e.g. PST: America/Los_Angeles.
    zones: dict[str, str] = {}
    date_formats: tuple[str, ...] = ()
    authority: str = "vendor"
    #: Whether a round asks this address. Off for what is only imported or walked into the past.
    polled: bool = True
    every: str = "5m"  # poll interval
    delay: float = 1.0  # seconds between two requests to the host
    robots: str = "obey"  # or the reason why robots.txt is not obeyed
    why: str = ""  # why this interval, this delay, this address
    verified: bool = True  # False: no real payload has been seen
    since: dt.date | None = None
    until: dt.date | None = None
    vendor: str = ""  # filled by the loader

    @property
    def interval(self) -> dt.timedelta:
        """The poll interval."""
        match = _DURATION.fullmatch(self.every)
        assert match, f"checked when the file was loaded: {self.every}"
        return dt.timedelta(seconds=int(match[1]) * _SECONDS[match[2]])

    @property
    def lacks(self) -> tuple[str, ...]:
        """Those of `needs` that are not set, so that it is not asked."""
        return tuple(name for name in self.needs if not os.environ.get(name))

    @property
    def host(self) -> str:
        """Host of the address."""
        return urlsplit(self.url).hostname or ""

    def publishes(self, url: str) -> bool:
        """Whether a response from `url` belongs to this source."""
        return any(pattern.fullmatch(url) for pattern in self._patterns)

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        parts = (re.split(r"(\{\w+\})", address) for address in (self.url, *self.also))
        return tuple(
            re.compile("".join(r"[^/?&#]+" if p.startswith("{") else re.escape(p) for p in address))
            for address in parts
        )


class Region(_Entry, frozen=True, kw_only=True):
    """A place of a vendor. `at` is latitude and longitude in degrees."""

    id: str
    name: str
    local_name: str | None = None
    key: str | None = None  # the platform's own id, when it is not `id`
    city: str | None = None
    country: str | None = None  # ISO 3166 alpha-2
    at: tuple[float, float] | None = None
    aliases: tuple[str, ...] = ()
    opened: dt.date | None = None
    closed: dt.date | None = None
    #: Not meant by "all regions": a multi-region, an edge location, a partition run apart.
    separate: bool = False


class Service(_Entry, frozen=True, kw_only=True):
    """A product, or a part of the control plane."""

    id: str
    name: str
    category: str
    local_name: str | None = None
    key: str | None = None  # the platform's own id, when it is not `id`
    aliases: tuple[str, ...] = ()


class Vendor(_Entry, frozen=True, kw_only=True, dict=True):
    """One file of the catalog."""

    id: str
    name: str
    homepage: str
    local_name: str | None = None
    #: Defaults for the sources below.
    timezone: str | None = None
    zones: dict[str, str] = {}
    sources: tuple[Source, ...] = ()
    regions: tuple[Region, ...] = ()
    services: tuple[Service, ...] = ()
    #: Known from the list of pages alone; filled by the loader.
    listed: bool = False

    @cached_property
    def region_ids(self) -> dict[str, Region]:
        """Regions by id."""
        return {region.id: region for region in self.regions}

    @cached_property
    def service_ids(self) -> dict[str, Service]:
        """Services by id."""
        return {service.id: service for service in self.services}

    def all_regions(self, when: dt.date | None) -> list[str]:
        """Ids of every region the vendor had on that day (in UTC); of every one ever when None.

        A vendor that has none, or nothing but edge locations, is one network: `global`.
        """
        own = [region for region in self.regions if not region.separate and region.id != GLOBAL]
        if not own:
            return [GLOBAL]
        return [
            region.id
            for region in own
            if not (when and region.opened and region.opened > when)
            and not (when and region.closed and region.closed <= when)
        ]


def _host(address: str) -> str:
    """What stands between `//` and the path."""
    return address.partition("://")[2].partition("/")[0].partition("?")[0]


class Catalog:
    """All vendors, found by id, and their sources, found by id or by address."""

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        self.vendors: dict[str, Vendor] = {}
        self.sources: dict[str, Source] = {}
        self._by_host: dict[str, list[Source]] | None = None
        for vendor in vendors:
            self.vendors[vendor.id] = vendor
            for source in vendor.sources:
                if source.id in self.sources:
                    raise CatalogError(
                        f"source id {source.id!r} stands twice: {vendor.id}, {self.sources[source.id].vendor}"
                    )
                self.sources[source.id] = source

    def add(self, source: Source) -> None:
        """Know one more source, and its vendor if need be: what a capture names and no file does."""
        known = self.vendors.get(source.vendor)
        if known is None:
            known = _complete(Vendor(id=source.vendor, name=source.vendor, homepage=source.url))
        self.vendors[source.vendor] = msgspec.structs.replace(known, sources=(*known.sources, source))
        self.sources[source.id] = source
        self._by_host = None

    def source_of(self, source: str | None, url: str) -> Source | None:
        """The source a capture belongs to: by id, else by address; None when the catalog knows neither.

        A page that nobody could fetch, since its platform or its addresses are not known, has no captures.
        """
        if source and source in self.sources:
            return self.sources[source]
        return next((s for s in self._at(url) if s.publishes(url)), None)

    def _at(self, url: str) -> Iterable[Source]:
        """Sources with an address on the host of `url`: patterns are compared with few of them."""
        if self._by_host is None:
            self._by_host = {}
            for source in self.sources.values():
                if not source.robots.startswith(NOT_FETCHED):
                    for host in {_host(address) for address in (source.url, *source.also)}:
                        self._by_host.setdefault("" if "{" in host else host, []).append(source)
        return (*self._by_host.get(_host(url), ()), *self._by_host.get("", ()))

    def vendor(self, name: str) -> Vendor:
        """A vendor by id. CatalogError, naming those there are, when there is none."""
        try:
            return self.vendors[name]
        except KeyError:
            files = sorted(vendor.id for vendor in self.vendors.values() if not vendor.listed)
            like = difflib.get_close_matches(name, self.vendors, 4, cutoff=0.7)
            listed = len(self.vendors) - len(files)
            meant = f"did you mean {', '.join(like)}? " if like else ""
            raise CatalogError(
                f"no vendor {name!r} in the catalog; {meant}"
                f"there are: {', '.join(files)}{f' and {listed} listed pages' if listed else ''}"
            ) from None


def load(directory: Path = SHIPPED) -> Catalog:
    """Read every `*.yml` of a directory, and its list of pages. CatalogError names file and line of the first mistake."""
    from crawler import pages  # which needs the platforms, and they this module

    files = sorted(directory.glob("*.yml"))
    listed = directory / pages.FILE
    if not files and not listed.exists():
        raise CatalogError(f"{directory}: no catalog files (*.yml) here")
    vendors = [load_vendor(path) for path in files]
    if listed.exists():
        vendors += [_checked(str(listed), vendor) for vendor in pages.vendors(listed, vendors)]
    return Catalog(vendors)


def load_vendor(path: Path) -> Vendor:
    """Read and check one file."""
    try:
        vendor = read(path, Vendor)
    except YamlError as error:
        raise CatalogError(str(error)) from error
    if vendor.id != path.stem:
        raise CatalogError(f"{path}: id is {vendor.id!r} but the file is {path.name}")
    return _checked(str(path), vendor)


def _checked(where: str, vendor: Vendor) -> Vendor:
    _check(where, vendor)
    return _complete(vendor)


def _complete(vendor: Vendor) -> Vendor:
    """The vendor with its defaults handed down, and with `global` and `all`."""
    sources = tuple(
        msgspec.structs.replace(
            source,
            vendor=vendor.id,
            timezone=vendor.timezone if vendor.timezone and source.timezone == "UTC" else source.timezone,
            zones={**vendor.zones, **source.zones},
        )
        for source in vendor.sources
    )
    regions, services = vendor.regions, vendor.services
    if GLOBAL not in {r.id for r in regions}:
        regions = (*regions, Region(id=GLOBAL, name="Global", separate=True))
    if ALL not in {s.id for s in services}:
        services = (*services, Service(id=ALL, name="All services", category="all"))
    return msgspec.structs.replace(vendor, sources=sources, regions=regions, services=services)


def _check(where: str, vendor: Vendor) -> None:
    """What types cannot say: ids are single, zones and categories exist."""

    def wrong(what: str) -> CatalogError:
        return CatalogError(f"{where}: {what}")

    for what, ids in (
        ("source", [s.id for s in vendor.sources]),
        ("region", [r.id for r in vendor.regions]),
        ("service", [s.id for s in vendor.services]),
    ):
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise wrong(f"{what} id stands twice: {', '.join(twice)}")
    for service in vendor.services:
        if service.category not in CATEGORIES:
            raise wrong(f"service {service.id}: category {service.category!r} is none of {', '.join(CATEGORIES)}")
    for region in vendor.regions:
        if region.at and not (-90 <= region.at[0] <= 90 and -180 <= region.at[1] <= 180):
            raise wrong(f"region {region.id}: {region.at} is no latitude and longitude")
    for source in vendor.sources:
        if not _DURATION.fullmatch(source.every):
            raise wrong(f"source {source.id}: poll interval {source.every!r} is not like 60s, 5m, 1h or 1d")
        if source.authority not in AUTHORITIES:
            raise wrong(f"source {source.id}: authority {source.authority!r} is none of {', '.join(AUTHORITIES)}")
        if source.robots != "obey" and len(source.robots.split()) < 3:
            raise wrong(f"source {source.id}: robots is 'obey' or the reason why not")
        for zone in (source.timezone, *source.zones.values(), *vendor.zones.values()):
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                raise wrong(f"source {source.id}: there is no time zone {zone!r}") from None
