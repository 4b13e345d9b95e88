"""Who publishes where: vendors, their sources, regions and services, from `data/catalog/*.yml`.

One file a vendor, and one line a page for those of which no more is known than where it is (`crawler.catalog.pages`). Unknown
keys are refused with file and line. Every vendor also has the region
`global` (things without a place) and the service `all` (everything the vendor runs).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from crawler.catalog import pages
from crawler.catalog.entries import (
    ALL,
    AUTHORITIES,
    CATEGORIES,
    DURATION,
    GLOBAL,
    NOT_FETCHED,
    SHIPPED,
    CatalogError,
    Region,
    Service,
    Source,
    Vendor,
)
from crawler.strictyaml import YamlError, read


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
        if not DURATION.fullmatch(source.every):
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
