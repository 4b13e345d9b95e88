"""Places in the names of components, for vendors whose own file lists no regions."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.catalog import GLOBAL, SHIPPED, Region, Vendor, load, load_vendor
from crawler.places import Gazetteer, atlas
from crawler.places.atlas import PLACES, Book
from crawler.records import Component
from crawler.strictyaml import read

ACME = Vendor(
    id="acme", name="Acme", homepage="https://acme.example/", regions=(Region(id=GLOBAL, name="Global", separate=True),)
)
acme = Gazetteer(ACME)
BOOK = read(PLACES, Book)


def region(name: str, group: str | None = None) -> str | None:
    return acme.component(Component(key="k1", name=name, group=group))[0]


@pytest.mark.parametrize(
    ("name", "group", "expected"),
    [
        ("API (Frankfurt)", None, "frankfurt"),
        ("EU / Web app", None, "eu"),
        ("EU Region – Application", None, "eu"),
        ("US API", None, "us"),
        ("Frankfurt Data Centre", None, "frankfurt"),
        ("Private cloud (Region Austria)", None, "austria"),
        ("Services (EU)", None, "eu"),
        ("API", "Services (EU)", "eu"),
        ("API", "Global", GLOBAL),
        ("Tokyo", None, "tokyo"),
        ("東京", None, "tokyo"),
        ("东京", None, "tokyo"),
        ("APAC", None, "apac"),
        ("Middle East", None, "middle-east"),
        ("Amsterdam, Netherlands - (AMS)", "Europe", "amsterdam"),
        ("Dallas, TX, United States - (DFW)", "North America", "dallas"),
        ("IAD - Ashburn, Virginia (US)", None, "ashburn"),
        ("Washington, D.C.", None, "washington"),
        ("China (Hong Kong)", None, "hong-kong"),
        # codes of clouds
        ("US-East-1", None, "us-east-1"),
        ("AWS us-east-1", None, "us-east-1"),
        ("prod-us-east-1", None, "us-east-1"),
        ("eu-west-1 (Ireland)", None, "eu-west-1"),
        ("us-east-1a", None, "us-east-1"),
        ("europe-west4-b", None, "europe-west4"),
        ("westeurope", None, "westeurope"),
        ("Azure-East US 2", None, "eastus2"),
        ("East US 2", "Azure", "eastus2"),
        ("East US 2", None, "eastus2"),
        ("US East 2", None, "us-east-2"),
        ("Southeast Asia", "Azure", "southeastasia"),
        ("Southeast Asia", None, "southeast-asia"),
        ("East US", None, "us-east"),
        # codes of zones, and numbers
        ("Compute", "CH-GVA-2", "ch-gva-2"),
        ("Compute", "CH-DK-2", "ch-dk-2"),
        ("fr-par-1", None, "fr-par-1"),
        ("de-par-1", None, None),
        ("NYC3", "Machines", "nyc3"),
        ("iad1", None, "iad1"),
        ("EU1", None, "eu1"),
        ("Frankfurt 2", None, "frankfurt-2"),
    ],
)
def test_a_place_that_stands_as_a_unit(name: str, group: str | None, expected: str | None) -> None:
    assert region(name, group) == expected


@pytest.mark.parametrize(
    "name",
    ["Support portal", "Emails", "Mobile", "Reading", "Orange", "Java", "US dollar payments", "Contact us", "SMS to India",
     "Georgia", "Phoenix", "Nice", "Amazon Aurora", "Washington", "API (CA)", "IT", "EDI", "TLS", "MAN", "ARN", "iad", "US30",
     "N/A", "Apps/Integrations/APIs", "Global Network", "Zone Hosting", "Regions", "London Stock Exchange", "eu.acme.example",
     "", "()", "- / -"],
)  # fmt: skip
def test_what_is_no_place(name: str) -> None:
    assert region(name) is None


@pytest.mark.parametrize("name", ["US/EU", "US & EU", "APAC, EMEA", "London, Canada", "Tokyo / Osaka"])
def test_places_that_do_not_agree(name: str) -> None:
    assert region(name) is None


@pytest.mark.parametrize(
    ("name", "group", "expected"),
    [
        ("Phoenix, US", None, "phoenix"),
        ("Phoenix (PHX)", None, "phoenix"),
        ("Phoenix data center", None, "phoenix"),
        ("Phoenix", "North America", "phoenix"),
        ("Phoenix", "Europe", "eu"),
        ("Tbilisi, Georgia", None, "tbilisi"),
        ("Atlanta, Georgia", None, "atlanta"),
    ],
)
def test_words_with_other_meanings_need_another_beside_them(name: str, group: str | None, expected: str) -> None:
    assert region(name, group) == expected


@pytest.mark.parametrize(
    ("name", "group", "alone"),
    [
        ("Tokyo", None, True),
        ("Tokyo", "Asia", True),
        ("Frankfurt Data Center", "Regions", True),
        ("AWS us-east-1", None, True),
        ("Tokyo", "Voice", False),
        ("API (Tokyo)", None, False),
        ("API", "Tokyo", False),
        ("US API", None, False),
    ],
)
def test_a_component_that_is_its_place_is_no_service(name: str, group: str | None, alone: bool) -> None:
    assert acme.only_a_place(Component(key="k1", name=name, group=group)) is alone


def test_a_field_names_a_place_and_nothing_else() -> None:
    assert acme.region(None, "Frankfurt") == "frankfurt"
    assert acme.region(None, "EU region") == "eu"
    assert acme.region("eu-central-1", None) == "eu-central-1"
    assert acme.region(None, "API (Frankfurt)") is None
    assert acme.region(None, "NA, EMEA") is None


def test_a_list_with_a_place_that_the_vendor_lacks_is_no_region() -> None:
    heroku = Gazetteer(load_vendor(SHIPPED / "heroku.yml"))
    assert heroku.region(None, "EMEA") == "emea"
    assert heroku.region(None, "NA, EMEA") is None


def test_the_vendors_own_places_come_first() -> None:
    own = Region(id="fra", name="Frankfurt am Main", aliases=("Frankfurt",))
    vendor = Gazetteer(Vendor(id="own", name="Own", homepage="https://own.example/", regions=(own,)))
    assert vendor.component(Component(key=None, name="API (Frankfurt)")) == ("fra", None)
    assert vendor.component(Component(key=None, name="API (Tokyo)")) == (None, None)


# The list


@pytest.mark.parametrize("kind", ["areas", "countries", "parts", "cities"])
def test_every_entry_is_found_by_its_name(kind: str) -> None:
    for place in getattr(BOOK, kind):
        if place.name in place.weak:
            assert atlas().component(place.name, None).id is None
        else:
            assert atlas().component(place.name, None).id == place.id, place.name


def test_ids_are_single_and_larger_places_exist() -> None:
    places = [*BOOK.areas, *BOOK.countries, *BOOK.parts, *BOOK.cities]
    ids = [place.id for place in places]
    assert len(ids) == len(set(ids))
    countries = {place.country for place in BOOK.countries}
    for place in places:
        assert set(place.within) <= set(ids), place.id
        assert place.country in countries or place in BOOK.areas, place.id
        assert place.at is None or (abs(place.at[0]) <= 90 and abs(place.at[1]) <= 180)


@pytest.mark.parametrize(
    ("id_", "name", "city", "country"),
    [
        ("frankfurt", "Frankfurt", "Frankfurt", "DE"),
        ("frankfurt-2", "Frankfurt 2", "Frankfurt", "DE"),
        ("ch-gva-2", "CH-GVA-2", "Geneva", "CH"),
        ("ch-dk-2", "CH-DK-2", "Zurich", "CH"),
        ("eu1", "EU1", None, None),
        ("us", "United States", None, "US"),
        ("us-east-1", "US East (N. Virginia)", "Ashburn", "US"),
    ],
)
def test_an_id_can_be_explained(id_: str, name: str, city: str | None, country: str | None) -> None:
    found = atlas().region(id_)
    assert found
    assert (found.id, found.name, found.city, found.country, found.separate) == (id_, name, city, country, True)


def test_unknown_ids_are_not_explained() -> None:
    assert atlas().region("k8w3r06qmzrp") is None
    assert atlas().region("") is None


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([*"- /(),1", "eu", "US", "Phoenix", "Tokyo", "us-east-1"])).map("".join)
    )
)
def test_whatever_is_found_can_be_explained(text: str) -> None:
    found = atlas().component(text, text)
    assert found.id is None or atlas().region(found.id)
    assert not (found.alone and found.id is None)


def test_long_names_take_no_longer_than_their_length() -> None:
    for text in ("(" * 30_000, "a-" * 30_000, " " * 30_000 + "x", "us-" * 20_000, "1" * 30_000, "A, " * 20_000):
        began = time.process_time()
        region(text)
        assert time.process_time() - began < 5, "what grows with the square of the length takes minutes"


# Against the catalog, and real pages


def test_no_service_of_the_catalog_is_a_place() -> None:
    for vendor in load().vendors.values():
        for service in vendor.services:
            for name in (service.name, service.local_name, *service.aliases):
                assert not name or atlas().component(name, None).id in (None, GLOBAL), name


def test_regions_of_the_catalog_lie_in_their_country() -> None:
    named = [r for v in load().vendors.values() for r in v.regions if r.country and v.id not in ("aws", "gcp", "azure")]
    found = [
        (r, place) for r in named if (id_ := atlas().component(r.name, None).id) and (place := atlas().region(id_))
    ]
    assert len(found) > 0.85 * len(named)
    for own, place in found:
        assert place.country in (own.country, None), own.name


def test_every_component_of_cloudflare_is_known(shared: Path) -> None:
    page = json.loads((shared / "captures" / "statuspage" / "minor-cloudflare-with-maintenances.json").read_text())
    groups = {c["id"]: c["name"] for c in page["components"] if c["group"]}
    places = Gazetteer(load_vendor(SHIPPED / "cloudflare.yml"))
    counted = {"region": 0, "service": 0}
    for c in page["components"]:
        if c["group"]:
            continue
        for key in (c["id"], None):  # places come and go: the name must do
            found, service = places.component(Component(key=key, name=c["name"], group=groups.get(c["group_id"])))
            assert (found is None) != (service is None), c["name"]
        counted["region" if found else "service"] += 1
    assert counted["region"] >= 350
    assert counted["service"] >= 115


def test_every_zone_of_exoscale_is_known(shared: Path) -> None:
    for path in (shared / "captures" / "statuspal").glob("exoscale-*.json"):
        page = json.loads(path.read_text())
        for zone in page["services"]:
            expected = GLOBAL if zone["name"] == "Global" else zone["name"].lower()
            assert region("Compute", zone["name"]) == expected
