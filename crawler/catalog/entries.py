"""The entries of the catalog: a vendor, its sources, regions and services, and the words they are written in."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import msgspec


def _root(here: Path) -> Path:
    """The directory of `metadata.yml` and `data/` that belongs to the module `here`: the checkout, or where pip puts them.

    Beside the packages (`pip install --target`), or under the prefix of lib/pythonX/site-packages: that of the packages,
    which need not be the interpreter's (`--user`, `--prefix`, Debian's /usr/local). FileNotFoundError without any.
    """
    beside = here.parents[2]
    looked = [beside, *(above / "share" / "outages" for above in (beside, *here.parents[5:6]))]
    for place in looked:
        if (place / "metadata.yml").is_file() and (place / "data" / "catalog").is_dir():
            return place
    places = ", ".join(map(str, looked))
    raise FileNotFoundError(f"metadata.yml and data/catalog, which belong to outages, are in none of {places}")


ROOT = _root(Path(__file__).resolve())
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
DURATION = re.compile(r"(\d+)(s|m|h|d)")
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
        match = DURATION.fullmatch(self.every)
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
