"""Pages of products that many vendors use: told apart from each other, found by their address, walked into the past."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.catalog import Source
from crawler.records import Capture, Unreadable
from spiders import platform, reader
from tests.test_readers import CASES, load

PRODUCTS = ("betterstack", "checkly", "incidentio", "instatus", "oneuptime", "openstatus")
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOST = "https://status.acme.example"

#: Bodies that say nothing by which two products could be told apart.
ALIKE = {
    ("checkly", "unresolved-none"): "incidentio",
    ("incidentio", "proxy-incidents-none"): "checkly",
}


def capture(url: str, body: Any, fetched_at: datetime = NOW) -> Capture:
    text = body if isinstance(body, str) else json.dumps(body)
    return Capture(source="acme", url=url, fetched_at=fetched_at, status=200, headers={}, body=text.encode())


def source(product: str, url: str) -> Source:
    return Source(id="acme", platform=product, url=url)


@pytest.mark.parametrize("other", [*PRODUCTS, "statuspage"])
@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c.parent.name in (*PRODUCTS, "statuspage") and (c / "expected.json").exists()],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_no_reader_takes_the_page_of_another_product(case: Path, other: str) -> None:
    product = case.parent.name
    if other == product or ALIKE.get((product, case.name)) == other:
        return
    taken, told = load(case)
    with pytest.raises(Unreadable):
        reader(other)(taken, told)


@pytest.mark.parametrize(
    ("product", "html", "found"),
    [
        (
            "incidentio",
            "",
            {
                "summary": f"{HOST}/proxy/status.acme.example",
                "incidents": f"{HOST}/proxy/status.acme.example/incidents",
            },
        ),
        (
            "incidentio",
            r'<script>self.__next_f.push([1,"{\"subpath\":\"acme-1\"}"])</script>',
            {"summary": f"{HOST}/proxy/acme-1", "incidents": f"{HOST}/proxy/acme-1/incidents"},
        ),
        ("instatus", "", {"summary": f"{HOST}/summary.json", "page": f"{HOST}/"}),
        ("betterstack", "", {"index": f"{HOST}/index.json"}),
        ("openstatus", "", {"feed": f"{HOST}/feed/json"}),
        (
            "checkly",
            '<link href="https://acme-ai.checkly-status-page.com/favicon.ico">',
            {
                "incidents": f"{HOST}/api/status-page/acme-ai/unresolved-incidents",
                "uptime": f"{HOST}/api/status-page/acme-ai/uptime",
                "maintenances": f"{HOST}/api/status-page/acme-ai/maintenance-windows",
            },
        ),
        (
            "oneuptime",
            "",
            {
                "overview": f"{HOST}/status-page-api/overview/status.acme.example",
                "incidents": f"{HOST}/status-page-api/incidents/status.acme.example",
                "maintenances": f"{HOST}/status-page-api/scheduled-maintenance-events/status.acme.example",
            },
        ),
    ],
)
def test_addresses_of_a_page(product: str, html: str, found: Mapping[str, str]) -> None:
    find = platform(product).find
    assert find is not None
    assert find(HOST, html) == found


def test_a_checkly_page_on_the_products_host_is_known_by_it() -> None:
    find = platform("checkly").find
    assert find is not None
    root = "https://acme.checkly-status-page.com"
    assert find(root, "")["incidents"] == f"{root}/api/status-page/acme/unresolved-incidents"


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_page_tells_its_name_where_it_does(product: str) -> None:
    about = platform(product).about
    names = {about(load(case)[0]).name for case in CASES if case.parent.name == product}
    expected = {
        "betterstack": "Fabrikam", "checkly": "Tailspin", "incidentio": "Northwind", "instatus": "Contoso",
        "oneuptime": "Wingtip Status", "openstatus": "Acme",
    }  # fmt: skip
    assert expected[product] in names
    assert about(capture(f"{HOST}/", "<html>")).name is None
    assert about(capture(f"{HOST}/", "[]")).name is None


def test_a_zone_by_its_name_in_rails() -> None:
    about = platform("betterstack").about
    for name, zone in (
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("Mars", None),
    ):
        told = about(capture(f"{HOST}/index.json", {"data": {"attributes": {"company_name": "A", "timezone": name}}}))
        assert told.timezone == zone


def test_a_walk_into_the_past_of_incident_io_asks_for_windows_since_there_is_data() -> None:
    product, here = platform("incidentio"), source("incidentio", f"{HOST}/proxy/acme/incidents")
    assert product.history is not None
    (first,) = product.history(here, NOW)
    assert first.url == f"{HOST}/proxy/acme"
    body = {"summary": {"data_available_since": "2025-12-05T00:00:00.5Z"}}
    asked = [ask.url for ask in product.older(capture(first.url, body), here)]
    assert asked == [
        f"{HOST}/proxy/acme/{what}?start_at={start}&end_at={end}"
        for start, end in (
            ("2026-02-03T12%3A00%3A00.000Z", "2026-05-04T12%3A00%3A00.000Z"),
            ("2025-12-05T00%3A00%3A00.500Z", "2026-02-03T12%3A00%3A00.000Z"),
        )
        for what in ("incidents", "component_impacts")
    ]
    assert not list(product.older(capture(asked[0], {"incidents": []}), here))
    assert not list(product.older(capture(asked[0], "<html>"), here))
    (first,) = product.history(source("incidentio", f"{HOST}/"), NOW)
    assert first.url == f"{HOST}/proxy/status.acme.example"


def test_a_walk_into_the_past_of_instatus_ends_where_there_are_no_incidents() -> None:
    product, here = platform("instatus"), source("instatus", f"{HOST}/summary.json")
    assert product.history is not None
    assert [ask.url for ask in product.history(here, NOW)] == [f"{HOST}/history/1"]
    case = next(c for c in CASES if c.parent.name == "instatus" and c.name == "history-page")
    taken, told = load(case)
    assert [ask.url for ask in product.older(taken, told)] == ["https://status.contoso.example/history/2"]
    assert not list(product.older(capture(f"{HOST}/history/2", "<html></html>"), here))


REAL = [
    ("incidentio", "openai-major.html", 69, 191, 31),
    ("incidentio", "linear-good.html", 8, 18, 6),
    ("incidentio", "openai-20260722-114905-minor.json", 1, 0, 25),
    ("incidentio", "minor-hashicorp.json", 2, 0, 25),
    ("instatus", "mastodonsocial-major.html", 2, 5, 4),
    ("instatus", "perplexity-20260723-145302-major.json", 1, 0, 0),
    ("betterstack", "huggingface-20260719-104250-major.json", 5, 11, 8),
    ("betterstack", "buildjet-good.html", 0, 0, 3),
    ("checkly", "mistral-20260727-113302-major.json", 1, 1, 0),
]


@pytest.mark.parametrize(("product", "file", "incidents", "impacts", "components"), REAL)
def test_real_pages_hold_nothing_unknown(
    shared: Path, product: str, file: str, incidents: int, impacts: int, components: int
) -> None:
    body = (shared / "captures" / product / file).read_bytes()
    page = reader(product)(capture(f"{HOST}/", body.decode()), source(product, f"{HOST}/"))
    assert page.signals == ()
    assert len(page.incidents) == incidents
    assert sum(len(incident.impacts) for incident in page.incidents) == impacts
    assert len(page.components) == components


def test_spells_of_a_real_incident_are_those_of_its_data(shared: Path) -> None:
    """An incident of a month before: its operator resolved it and left the components down (see spiders/instatus.py)."""
    body = (shared / "captures/instatus/mastodonsocial-major.html").read_text()
    page = reader("instatus")(capture(f"{HOST}/", body), source("instatus", f"{HOST}/"))
    over = next(incident for incident in page.incidents if incident.key == "cmm2j0zlx0hkf9d6cvtyjzqe6")
    end = datetime(2026, 2, 25, 21, 35, 12, tzinfo=UTC)
    assert {impact.ended_at for impact in over.impacts} == {end}
