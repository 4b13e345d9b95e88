"""What a report is about, read from invented titles and texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.catalog import ALL, GLOBAL, Region, Service, Vendor
from crawler.places import Gazetteer, Named, Subject, subject

VENDOR = Vendor(
    id="nimbus",
    name="Nimbus",
    homepage="https://nimbus.example/",
    regions=(
        Region(id="eastland", name="East Land"),
        Region(id="eastland2", name="East Land 2"),
        Region(id="westland", name="West Land", aliases=("Land West",)),
        Region(id="southland", name="South Land"),
        Region(id="europe", name="Europe", separate=True),
        Region(id="norway", name="Norway", separate=True),
        Region(id=GLOBAL, name="Global", separate=True),
    ),
    services=(
        Service(id="vm", name="Virtual Machines", aliases=("Virtual Machine", "VMs"), category="compute"),
        Service(id="sql", name="Nimbus SQL", category="database"),
        Service(id="door", name="Nimbus Front Door", category="cdn"),
        Service(id="cdn", name="Nimbus CDN", category="cdn"),
        Service(id="storage", name="Storage", category="storage"),
        Service(id="panel", name="Access Panel", aliases=("Nimbus Access Panel",), category="identity"),
        Service(id="network", name="Network", aliases=("Nimbus Connectivity",), category="network"),
        Service(id="office", name="Office Suite", category="website"),
        Service(id=ALL, name="All services", category=ALL),
    ),
)
places = Gazetteer(VENDOR)
EVERY = ["eastland", "eastland2", "westland", "southland"]


def about(title: str, text: str = "") -> tuple[list[tuple[str | None, str]], list[tuple[str | None, str]]]:
    found = subject(places, title, text)
    return [(n.id, n.words) for n in found.services], [(n.id, n.words) for n in found.regions]


@pytest.mark.parametrize(
    ("title", "services", "regions"),
    [
        ("RCA - Nimbus SQL - East Land 2", [("sql", "Nimbus SQL")], [("eastland2", "East Land 2")]),
        ("Storage - Land West - Mitigated", [("storage", "Storage")], [("westland", "Land West")]),
        ("Preliminary PIR – Nimbus SQL – Timeouts", [("sql", "Nimbus SQL")], []),
        ("Post Incident Review (PIR) - Nimbus CDN - Europe", [("cdn", "Nimbus CDN")], [("europe", "Europe")]),
        ("RCA- Errors of Nimbus SQL in East Land", [("sql", "Nimbus SQL")], [("eastland", "East Land")]),
        ("Connectivity Issues - East Land", [], [("eastland", "East Land")]),
        ("Nimbus connectivity issues", [], []),
        ("Nimbus Connectivity - Norway", [("network", "Nimbus Connectivity")], [("norway", "Norway")]),
        ("Service Degradation", [], []),
        ("Multiple Services - East Land", [(None, "Multiple Services")], [("eastland", "East Land")]),
        ("Nimbus SQL - Multiple Regions", [("sql", "Nimbus SQL")], [(None, "Multiple Regions")]),
        ("Nimbus Crystal Ball - East Land", [(None, "Nimbus Crystal Ball")], [("eastland", "East Land")]),
        ("Datacenter power event - East Land", [], [("eastland", "East Land")]),
        ("Nimbus SQL - Failures when calling Virtual Machines", [("sql", "Nimbus SQL")], []),
        (
            "Errors with Nimbus Front Door and Nimbus CDN",
            [("door", "Nimbus Front Door and Nimbus CDN"), ("cdn", "Nimbus Front Door and Nimbus CDN")],
            [],
        ),
        ("Incident with Storage", [("storage", "Storage")], []),
        (
            "Incident with Storage, Network & Nimbus SQL",
            [("storage", "Storage"), ("network", "Network"), ("sql", "Nimbus SQL")],
            [],
        ),
        ("Disruption with some Storage, and Network", [("storage", "Storage"), ("network", "Network")], []),
        (
            "Degraded performance for Storage and Office Suite on Nimbus",
            [("storage", "Storage"), ("office", "Office Suite on Nimbus")],
            [],
        ),
        ("Incident with storage, Weather and people", [], []),
        ("We saw an incident with Storage", [], []),
        ("", [], []),
        (" - - ", [], []),
    ],
)
def test_titles(title: str, services: list[tuple[str | None, str]], regions: list[tuple[str | None, str]]) -> None:
    assert about(title) == (services, regions)


def test_the_first_sentence_about_customers_says_what_the_title_does_not() -> None:
    text = (
        "Watch our video.\nWhat happened?\nBetween 10:00 and 11:00 UTC, customers using Storage services in East Land,"
        " West Land and/or South Land may have seen errors.\nRoot cause: Nimbus SQL in East Land 2 was slow for customers."
    )
    assert about("Power event", text) == (
        [("storage", "Storage")],
        [("eastland", "East Land"), ("westland", "West Land"), ("southland", "South Land")],
    )


def test_a_title_is_believed_before_the_text() -> None:
    text = "Summary of impact: customers using Virtual Machines in West Land saw errors."
    assert about("RCA - Nimbus SQL - East Land", text) == ([("sql", "Nimbus SQL")], [("eastland", "East Land")])


def test_a_description_gets_the_full_name_of_the_text() -> None:
    text = "Customers using Nimbus Access Panel could not sign in."
    assert about("Failures when opening Access Panel", text)[0] == [("panel", "Nimbus Access Panel")]


def test_services_that_were_hit_are_listed() -> None:
    text = (
        "Customers in East Land had errors. Impacted services include Virtual Machines (VMs), Storage, Crystal Ball,"
        " and Nimbus SQL.\nNimbus CDN was not affected."
    )
    assert about("Network failures - East Land", text)[0] == [
        ("vm", "Virtual Machines"),
        ("storage", "Storage"),
        (None, "Crystal Ball"),
        ("sql", "Nimbus SQL"),
    ]


def test_what_stands_in_a_list_with_names_is_a_name() -> None:
    services, regions = about("Slow", "Users in Atlantis, Norway and Lemuria could not access Nimbus and Office Suite.")
    assert services == [(None, "Nimbus"), ("office", "Office Suite")]
    assert regions == [(None, "Atlantis"), ("norway", "Norway"), (None, "Lemuria")]


def test_several_regions_are_looked_up_in_the_summary() -> None:
    text = "Customers in several regions saw errors. The following were hit: East Land, West Land, and South Land."
    assert [name for name, _ in about("Nimbus SQL - Errors", text)[1]] == ["eastland", "westland", "southland"]
    assert about("Nimbus SQL - Errors", "Customers in several regions saw errors.")[1] == [(None, "several regions")]


def test_all_regions() -> None:
    for title, text in (("Errors in all regions", ""), ("Nimbus SQL", "Customers in all regions saw errors.")):
        found = subject(places, title, text)
        assert found.every_region
        assert [name.id for name in found.regions] == EVERY
        assert found.region_text == "all regions"


def test_words_in_one_line() -> None:
    assert subject(places, "Errors with Nimbus Front Door and Nimbus CDN").service_text == (
        "Nimbus Front Door and Nimbus CDN"
    )
    assert Subject().service_text is Subject().region_text is None
    assert Subject(regions=(Named(None, "A"), Named("b", "B"))).region_text == "A, B"


_WORDS = st.sampled_from(
    [*"-–()/&,.:\n ", " - ", "RCA", "PIR", "Mitigated", "customers using", "in", "all regions", "except", "multiple"]
    + ["services including", "regions", "and", "Summary of impact:", "Root cause:", "İ", "ß", "Office Suite", "Norway"]
    + [name for region in VENDOR.regions for name in (region.name, *region.aliases)]
    + [name for service in VENDOR.services for name in (service.name, *service.aliases)]
)
_PROSE = st.lists(_WORDS | st.text(max_size=4), max_size=30).map(" ".join)


@given(_PROSE, _PROSE)
def test_words_are_pieces_of_what_was_read(title: str, text: str) -> None:
    found = subject(places, title, text)
    ids = {region.id for region in VENDOR.regions} | {service.id for service in VENDOR.services} | {None}
    for name in (*found.services, *found.regions):
        assert name.id in ids
        assert name.words
        # The words of "all but some" join what stands apart.
        assert all(piece in title or piece in text for piece in name.words.split(", ")) or name.words in title + text


@pytest.mark.parametrize("piece", ["East Land, ", "Nimbus ", "A, ", "services including ", "using A", " - ", "A" * 7])
def test_work_grows_with_length(piece: str) -> None:
    def spent(times: int) -> float:
        began = time.process_time()  # whatever else the machine does
        subject(places, piece * times, piece * times)
        return time.process_time() - began

    spent(50)
    assert any(spent(4000) < 40 * max(spent(400), 0.004) for _ in range(3))  # the machine stumbles, but not thrice
