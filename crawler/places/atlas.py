"""Places that everybody knows: regions in the names of components, for vendors whose own file lists none.

`data/places.yml` has areas, countries and cities; the codes of regions of the big clouds come from their files in the
catalog. A place counts where it stands as a unit: the whole name or heading, in a bracket, between dashes, slashes or
commas, beside nothing but words such as "region" or "API", or as a code such as eu-west-1. What is said twice must
agree: of "Amsterdam, Netherlands" the narrower holds, "US / EU" and "London, Canada" name nothing.

A code or a name with a number, EU1 or Frankfurt 2, is a place of its own. All ids can be explained again
(`Atlas.region`) without remembering where they were met.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from crawler.catalog import GLOBAL, ROOT, SHIPPED, Region, load_vendor
from crawler.places.names import fold
from crawler.strictyaml import read

PLACES = ROOT / "data" / "places.yml"
#: Clouds whose codes of regions others use, the first one first: us-east-1 is Amazon's.
CLOUDS = ("aws", "gcp", "azure")


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `data/places.yml`, which says what the fields mean."""

    id: str
    name: str
    local_name: str | None = None
    country: str | None = None
    city: str | None = None
    at: tuple[float, float] | None = None
    within: tuple[str, ...] = ()
    rough: bool = False
    codes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


class Book(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`data/places.yml`."""

    areas: tuple[Place, ...]
    countries: tuple[Place, ...]
    parts: tuple[Place, ...]
    cities: tuple[Place, ...]


class Found(NamedTuple):
    """What a name tells of its place. `id` None: nothing, or several things that do not agree (`torn`)."""

    id: str | None
    torn: bool
    alone: bool  # the name is its place, and of nothing else


class _Unit(NamedTuple):
    """A part of a name that is a place. `weak`: only beside another word for it. `alone`: and nothing else."""

    id: str
    weak: bool
    alone: bool


class _Entry(NamedTuple):
    """One spelling of a place."""

    id: str
    weak: bool
    code: bool


#: Where a name can be cut.
_JOINT = re.compile(r"\s[-–—]+\s|\s?[–—]\s?|[-–—]\s|[|/()\[\]{}（）【】,;•·→>]|:\s|:$")
_WORD = re.compile(r"[^\s_-]+")
_BLANK = re.compile(r"[\s.,_-]+")
#: The state behind a city: "Dallas, TX", "Sydney, NSW, Australia".
_STATE = re.compile(r"(?<=\w), [A-Z]{2,3}(?=,| -| \(|\s*$)")
#: Beside a place these say that it is one.
_LOCATION_WORDS = """
region regions zone zones location locations datacenter datacenters datacentre center centre centers data dc pop pops
colo edge cluster clusters realm availability area site standort rechenzentrum rz 地域 地区 区域
"""
#: Whose data centre it is.
_PROVIDER_WORDS = "aws amazon azure microsoft gcp google oci oracle digitalocean linode ovh hetzner equinix"
#: What runs in a place: "US API", "Servers Frankfurt".
_FACILITY_WORDS = """
api apis app apps application applications web website dashboard console portal login service services system systems
platform cloud production prod sandbox staging server servers instance instances environment env node nodes network
infrastructure hosting hosted backend frontend database databases db storage cdn proxy proxies gateway vpn vps webhooks
compute tenant tenants pod stack customers users traffic only
"""
_LOCATION = frozenset(_LOCATION_WORDS.split())
#: A name with no more than a place and these is of the place alone.
_PLAIN_WORDS = _LOCATION.union(_PROVIDER_WORDS.split())
_FACILITY = _PLAIN_WORDS.union(_FACILITY_WORDS.split())
_NUMBERED = re.compile(r"(?P<base>.*[^\W\d])[\s#-]{0,2}(?P<number>0?[1-9]|1[0-9]|20)", re.S)
#: us-east-1, us-east-1a, us-gov-west-1, europe-west4, europe-west4-b.
_CLOUD_CODE = re.compile(
    r"(?<![a-z0-9])(?P<code>[a-z]{2}(?:-[a-z]{3,4})?-[a-z]{4,9}-[0-9]|[a-z]{2,12}-[a-z]{4,12}[0-9]{1,2})(?:[a-f]|-[a-f])?(?![a-z0-9])"
)
#: ch-gva-2, de-fra-1, us-ord: a country and a city.
_ZONE_CODE = re.compile(r"(?P<country>[a-z]{2})-(?P<city>[a-z]{3})(?:-[0-9]{1,2})?")
_COMPASS = re.compile("north|south|east|west|central")
_LIST = re.compile(r"\s*(?:[,;/、+]|\band\b|&)\s*")


class Atlas:
    """The common list of places. One is enough for a process: `atlas()`."""

    def __init__(self, book: Book, clouds: Iterable[tuple[str, Iterable[Region]]]) -> None:
        self._places: dict[str, Place] = {}
        self._names: dict[str, _Entry] = {}
        self._codes: dict[str, _Entry] = {}
        self._zones: dict[str, str] = {}
        self._country = {place.country: place.id for place in book.countries if place.country}
        for place in (*book.areas, *book.countries, *book.parts, *book.cities):
            self._add(place)
        self._parts = {place.id for place in book.parts}
        self._rough = {place.id for place in book.areas if place.rough}
        self._short = {code for place in (*book.areas, *book.countries) for code in place.codes}
        self._above: dict[str, frozenset[str]] = {}
        self._regions: dict[str, Region] = {}
        self._cloud_names: dict[tuple[str, str], str] = {}
        for cloud, regions in clouds:
            for region in regions:
                self._add_region(cloud, region)

    def _add(self, place: Place) -> None:
        self._places[place.id] = place
        for word in (place.name, place.local_name, *place.aliases):
            if word and word not in place.weak:
                self._names.setdefault(_plain(word), _Entry(place.id, weak=False, code=False))
        for code in place.codes:
            self._codes[code] = _Entry(place.id, weak=False, code=True)
        for word in place.weak:
            known, key = (self._codes, word) if word.isupper() else (self._names, _plain(word))
            known.setdefault(key, _Entry(place.id, weak=True, code=word.isupper()))
        self._zones |= dict.fromkeys(place.zones, place.id)

    def _add_region(self, cloud: str, region: Region) -> None:
        """A region of a cloud, known by its id, and by its name where the cloud is named too."""
        if region.id == GLOBAL or (region.separate and "gov" not in region.id):
            return
        self._cloud_names[cloud, _plain(region.name)] = region.id
        if region.name[-1].isdigit():  # "East US 2" is nobody else's
            self._names.setdefault(_plain(region.name), _Entry(region.id, weak=False, code=False))
        if _CLOUD_CODE.fullmatch(region.id) or (_COMPASS.search(region.id) and len(region.id) > 6):
            self._regions.setdefault(region.id, region)

    # What a name says

    def component(self, name: str, group: str | None) -> Found:
        """The place of a component: what its name tells, else its heading."""
        clouds = _clouds(f"{name} {group or ''}")
        own, above = self._units(name, clouds), self._units(group, clouds) if group else []
        found = self._agreed([unit for _, unit in own if unit], [unit for _, unit in above if unit])
        if found.torn or found.id is None:
            return found._replace(alone=False) if found.torn or not group else self._by_group(above)
        told = all(unit and unit.alone for _, unit in own)
        fitting = not group or any(unit for _, unit in above) or _nothing_but(group, _FACILITY)
        return found._replace(alone=told and fitting)

    def _by_group(self, above: list[tuple[str, _Unit | None]]) -> Found:
        return self._agreed([unit for _, unit in above if unit], [])._replace(alone=False)

    def field(self, text: str) -> str | None:
        """The place that a field names, with nothing else in it."""
        found = self.component(text, None)
        return found.id if found.alone else None

    def apart(self, text: str, country: str | None) -> bool:
        """Whether a list names a place that is not where this country is: "NA, EMEA" beside the region EMEA."""
        units = [self._unit(item, frozenset()) for item in _LIST.split(text)]
        ids = {unit.id for unit in units if unit}
        home = self._country.get(country or "")
        around = self._line(home) if home else frozenset()
        return (
            len(units) > 1 and len(ids) > 1 and any(place not in around and not self._in(place, home) for place in ids)
        )

    def _in(self, place: str, home: str | None) -> bool:
        return home is not None and home in self._line(place)

    def _units(self, text: str, clouds: frozenset[str]) -> list[tuple[str, _Unit | None]]:
        """The parts of a text, and the place that each is; one part where the text is a place as a whole."""
        if (whole := self._unit(text, clouds)) and whole.alone:
            return [(text, whole)]
        parts = [part for piece in _JOINT.split(_STATE.sub(self._unless_known, text)) if (part := piece.strip())]
        return [(part, self._unit(part, clouds)) for part in parts]

    def _unless_known(self, state: re.Match[str]) -> str:
        """Nothing in place of the abbreviation of a state; ", US" stays."""
        return state[0] if state[0][2:] in self._codes else ""

    def _agreed(self, own: list[_Unit], around: list[_Unit]) -> Found:
        """The narrowest of places that lie in each other. Weak ones count where another agrees; `around` only helps."""
        sure = [unit.id for unit in own if not unit.weak]
        for i, unit in enumerate(own):
            others = [*own[:i], *own[i + 1 :], *(other for other in around if not other.weak)]
            if unit.weak and any(self._chain(unit.id, other.id) for other in others):
                sure.append(unit.id)
        ids = dict.fromkeys(sure)
        narrow = [place for place in ids if all(self._holds(other, place) for other in ids)]
        return Found(narrow[0] if len(narrow) == 1 else None, bool(ids) and len(narrow) != 1, alone=False)

    def _chain(self, one: str, other: str) -> bool:
        return self._holds(one, other) or self._holds(other, one)

    def _holds(self, large: str, small: str) -> bool:
        """Whether a place is, or lies in, another; one with unknown bounds holds what lies in the larger one."""
        if large in self._line(small):
            return True
        if small in self._rough or small in self._line(large):
            return False
        rough = large in self._rough or (large in self._parts and small not in self._parts)
        return rough and self._outer(large) <= self._line(small)

    def _line(self, place: str) -> frozenset[str]:
        """The place and all that it lies in."""
        if place not in self._above:
            self._above[place] = frozenset({place, GLOBAL}).union(*map(self._line, self._outer(place) - {place}))
        return self._above[place]

    def _outer(self, place: str) -> frozenset[str]:
        """What a place lies in directly."""
        if entry := self._places.get(place):
            country = self._country.get(entry.country or "")
            return frozenset(entry.within) | (frozenset({country}) if country and country != place else frozenset())
        if region := self._regions.get(place):
            said = [unit.id for _, unit in self._units(region.name, frozenset()) if unit and unit.id in self._places]
            if region.city and (city := self._names.get(_plain(region.city))):
                said.append(city.id)
            country = self._country.get(region.country or "")
            return frozenset(said) | (frozenset({country}) if country else frozenset())
        base = self._base(place)
        return frozenset({base}) if base else frozenset()

    # One part of a name

    def _unit(self, text: str, clouds: frozenset[str]) -> _Unit | None:
        words = _WORD.findall(text)
        if not words or len(words) > 12:
            return None
        first, last = 0, len(words)
        while first < last and fold(words[first]) in _FACILITY:
            first += 1
        while last > first and fold(words[last - 1]) in _FACILITY:
            last -= 1
        beside = {fold(word) for word in (*words[:first], *words[last:])}
        inner = " ".join(words[first:last])
        for cloud in clouds:
            if region := self._cloud_names.get((cloud, _plain(inner))):
                return _Unit(region, weak=False, alone=True)
        if entry := self._spelt(text.strip()):
            return _Unit(entry.id, entry.weak, alone=True)
        code = self._code_in(text)
        if code:
            return _Unit(code, weak=False, alone=_nothing_but(_CLOUD_CODE.sub(" ", fold(text)), _PLAIN_WORDS))
        entry = self._spelt(inner) if beside and inner else None
        if entry is None or (entry.id == GLOBAL and beside - _LOCATION):
            return None
        return _Unit(entry.id, entry.weak and not beside & _LOCATION, alone=beside <= _PLAIN_WORDS)

    def _code_in(self, text: str) -> str | None:
        """The one code of a cloud's region that stands in a text."""
        folded = fold(text)
        codes = {match["code"] for match in _CLOUD_CODE.finditer(folded)} | set(folded.split())
        known = codes & self._regions.keys()
        return known.pop() if len(known) == 1 else None

    def _spelt(self, text: str) -> _Entry | None:
        """The place of which this is a name or a code, with a number or without."""
        if entry := self._coded(text) or self._names.get(_plain(text)):
            return entry
        folded = fold(text)
        if folded in self._regions:
            return _Entry(folded, weak=False, code=True)
        if folded in self._zones or self._zone_city(folded):
            return _Entry(folded, weak=False, code=True)
        if (numbered := _NUMBERED.fullmatch(text)) and numbered["base"] != text:
            base = self._coded(numbered["base"], numbered=True) or self._names.get(_plain(numbered["base"]))
            if base and base.id != GLOBAL:
                stem = fold(numbered["base"]) if base.code else f"{base.id}-"
                id_ = stem + numbered["number"]
                if id_ in self._regions and _plain(text) != _plain(id_):
                    return None  # "EU West 1" spells eu-west-1, "Western Europe 1" does not
                return _Entry(id_, weak=base.weak and not base.code, code=base.code)
        return None

    def _coded(self, text: str, *, numbered: bool = False) -> _Entry | None:
        """A code in capitals; in small letters it is a sure one with a number, or where it is long or of an area."""
        entry = self._codes.get(text.upper()) if text.isascii() and text.isalpha() else None
        if entry is None or text.isupper() or numbered:
            return entry
        if len(text) > 3 or (text.islower() and text in ("eu", "us", "uk", "usa")):
            return entry
        return entry._replace(weak=True) if text.islower() and text.upper() not in self._short else None

    def _zone_city(self, code: str) -> str | None:
        """The city of a code such as ch-gva-2."""
        match = _ZONE_CODE.fullmatch(code)
        entry = self._codes.get(match["city"].upper()) if match else None
        if match is None or entry is None:
            return None
        place = self._places[entry.id]
        country = match["country"].upper()
        return entry.id if place.country == ("GB" if country == "UK" else country) and place.at else None

    def _base(self, place: str) -> str | None:
        """The place that an id with a number, or the code of a zone, belongs to."""
        if city := self._zones.get(place) or self._zone_city(place):
            return city
        numbered = _NUMBERED.fullmatch(place)
        if numbered is None:
            return None
        entry = self._codes.get(numbered["base"].upper())
        return entry.id if entry else numbered["base"] if numbered["base"] in self._places else None

    # What an id means

    def region(self, place: str) -> Region | None:
        """The region of an id that this atlas gave; None for any other. It is never meant by "all regions"."""
        if region := self._regions.get(place):
            return msgspec.structs.replace(region, separate=True, aliases=())
        if entry := self._places.get(place):
            return _region(entry, entry.id, entry.name)
        base = self._base(place)
        if base is None:
            return None
        entry = self._places[base]
        number = place[len(base) :].strip("-") if place.startswith(f"{base}-") else ""
        return _region(entry, place, f"{entry.name} {number}" if number else place.upper())


def _region(place: Place, id: str, name: str) -> Region:
    city = place.city or (place.name if place.at else None)
    local = place.local_name if id == place.id else None
    return Region(id=id, name=name, local_name=local, city=city, country=place.country, at=place.at, separate=True)


def _plain(text: str) -> str:
    """What two spellings of a name have in common: US-East and "us east"."""
    return _BLANK.sub(" ", fold(text)).strip()


def _nothing_but(text: str, words: frozenset[str]) -> bool:
    return all(fold(word) in words for word in _WORD.findall(text))


def _clouds(text: str) -> frozenset[str]:
    """The clouds that are named."""
    words = set(_WORD.findall(fold(text)))
    named = {"aws": "aws", "amazon": "aws", "gcp": "gcp", "google": "gcp", "azure": "azure"}
    return frozenset(cloud for word, cloud in named.items() if word in words)


def load(path: Path = PLACES, catalog: Path = SHIPPED) -> Atlas:
    """Read `data/places.yml` and the clouds' files. YamlError or CatalogError names file and line of a mistake."""
    clouds = ((cloud, load_vendor(catalog / f"{cloud}.yml").regions) for cloud in CLOUDS)
    return Atlas(read(path, Book), clouds)


@cache
def atlas() -> Atlas:
    """The shipped list, read when first asked for."""
    return load()
