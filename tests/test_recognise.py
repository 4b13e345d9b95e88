"""Adding a page by its address: the right reader is found, the file loads, and nothing else is touched.

Most tests hold the conversation with a page that answers from the fixtures of its platform (`Web`), without a
network; a few go through the command, against a local server.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.catalog import Catalog, Source, Vendor, load, load_vendor
from crawler.recognise import (
    Found,
    NotRecognisedError,
    inspect,
    keep,
    recognise,
    refuse_watched,
    services_of,
    vendor_id,
    write,
)
from crawler.records import Capture, Component
from spiders import PLATFORMS, platform
from tests.stage import Stage, stage
from tests.test_polling import FIRST, payload
from tests.test_readers import CASES, FIXTURES

ROOT = Path(__file__).parent.parent
API = "/api/v2"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PAGE = "https://status.acme.example"


class Web:
    """Addresses and what they answer: a fixture by its name, or text; everything else is not there."""

    def __init__(
        self, answers: Mapping[str, str], moved: Mapping[str, str] | None = None, otherwise: str | None = None
    ) -> None:
        self.answers = dict(answers)
        self.moved = moved or {}
        self.otherwise = otherwise
        self.forbidden = "$^"  # addresses that robots.txt forbids
        self.asked: list[str] = []

    def answer(self, url: str) -> Capture:
        if re.match(self.forbidden, url):
            why = "robots: Forbidden by robots.txt"
            return Capture(source="", url=url, fetched_at=NOW, status=None, headers={}, body=None, error=why)
        self.asked.append(url)
        shown = self.moved.get(url, url)
        body = self.answers.get(shown, self.otherwise)
        if body is not None and re.fullmatch(r"[a-z0-9]+/[\w-]+", body):
            (file,) = (FIXTURES / body).glob("body.*")
            content = file.read_bytes()
        else:
            content = (body or "not here").encode()
        return Capture(
            source="", url=url, fetched_at=NOW, status=404 if body is None else 200,
            headers={} if shown == url else {"location": shown}, body=content,
        )  # fmt: skip

    def inspect(self, url: str, vendor: str = "acme", name: str | None = None) -> Found:
        conversation = inspect(url, vendor, name)
        question = next(conversation)
        while True:
            try:
                question = conversation.send(self.answer(question.ask.url))
            except StopIteration as end:
                found: Found = end.value
                return found


#: For each product: a mark in its HTML, and what its addresses answer. The first is that by which it is known.
PRODUCTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "betterstack": ('<script src="https://uptime.betterstack.com/packs/x.js">', {"/index.json": "betterstack/quiet"}),
    "cachet": (
        '<link href="/vendor/cachethq/cachet/x.css">',
        {"/api/incidents?include=components,updates&sort=-id&per_page=100": "cachet/v3-incidents"},
    ),
    "checkly": (
        '<link href="https://tailspin.checkly-status-page.com/favicon.ico">',
        {
            "/api/status-page/tailspin/unresolved-incidents": "checkly/unresolved-every-severity",
            "/api/status-page/tailspin/uptime": "checkly/uptime",
            "/api/status-page/tailspin/maintenance-windows": "checkly/maintenance-windows",
        },
    ),
    "cstate": (
        '<meta name="generator" content="github.com/cstate">',
        {"/index.json": "cstate/index-issues", "/issues/index.json": "cstate/issues"},
    ),
    "firehydrant": ("<meta content='FireHydrant'>", {"/data/payload.json": "firehydrant/open"}),
    "flashduty": (
        '<a href="https://flashcat.cloud/statuspage"> page_id=6400000000001',
        {"/api/status-page/6400000000001/summary/active": "flashduty/open"},
    ),
    "gatus": ("<title>Health | Gatus</title>", {"/api/v1/endpoints/statuses": "gatus/endpoints"}),
    "incidentio": (
        '<a href="https://incident.io/status-pages">',
        {
            "/proxy/status.acme.example": "incidentio/proxy-open-and-maintenance",
            "/proxy/status.acme.example/incidents": "incidentio/proxy-incidents-of-the-past",
            "/api/v2/summary.json": "incidentio/like-statuspage-summary",
            "/api/v2/incidents.json": "incidentio/like-statuspage-incidents",
            "/history.atom": "incidentio/feed-atom",
        },
    ),
    "instatus": ('<img src="https://instatus.com/user-content/x">', {"/summary.json": "instatus/summary-open"}),
    "oneuptime": (
        '<script src="/status-page-api/x.js">',
        {"/status-page-api/overview/status.acme.example": "oneuptime/overview-open-and-maintenance"},
    ),
    "openstatus": (
        '<a href="https://www.openstatus.dev">',
        {
            "/feed/json": "openstatus/feed-reports-and-maintenance",
            "/summary.json": "openstatus/like-statuspage-summary",
            "/api/v2/summary.json": "openstatus/like-statuspage-summary",
        },
    ),
    "pagerduty": ("pagerduty/page-open", {}),
    "statuscast": (
        "<p>Powered by StatusCast</p>",
        {"/incidents": "statuscast/page", "/components.json": "statuscast/components"},
    ),
    "statusio": (
        '<a href="https://status.io">x</a> <a href="/pages/6a00aa00aa00aa00aa000001">',
        {"https://api.status.io/1.0/status/6a00aa00aa00aa00aa000001": "statusio/incidents"},
    ),
    "statusiq": (
        'var enc_statuspage_id = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6"',
        {
            "/sp/api/public/summary_details/statuspages/Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6": "statusiq/summary",
            "/rss": "statusiq/feed-every-state",
        },
    ),
    "statuspage": (
        '<script src="https://dka575ofm4ao0.cloudfront.net/assets/x.js">',
        {
            "/api/v2/summary.json": "statuspage/summary-open-with-groups",
            "/api/v2/incidents.json": "statuspage/incidents-every-word",
            "/api/v2/scheduled-maintenances.json": "statuspage/maintenances",
            "/history.atom": "statuspage/history-atom-new-year",
        },
    ),
    "statuspal": (
        '<a href="https://acmecloud.statuspal.eu">',
        {"https://statuspal.eu/api/v2/status_pages/acmecloud/summary": "statuspal/incidents"},
    ),
    "upptime": (
        '<a href="https://github.com/acme/status">, made with <a href="https://github.com/upptime/upptime">',
        {
            "https://api.github.com/repos/acme/status/issues?state=all&per_page=100&labels=status": "upptime/issues",
            "https://raw.githubusercontent.com/acme/status/HEAD/history/summary.json": "upptime/summary",
        },
    ),
    "uptimekuma": (
        "<script>window.preloadData = {'config':{'slug':'default'}}</script>",
        {"/api/status-page/default": "uptimekuma/page-version-2"},
    ),
}


def by_probe() -> list[str]:
    """Those whose first address needs nothing but that of the page."""
    found = []
    for product, (_, answers) in PRODUCTS.items():
        find = platform(product).find
        assert find is not None
        if answers and next(iter(find(PAGE, "").values()), None) == PAGE + next(iter(answers)):
            found.append(product)
    return found


BY_PROBE = by_probe()


def web(product: str, html: str | None) -> Web:
    answers = {
        (path if "://" in path else PAGE + path): body for path, body in PRODUCTS[product][1].items()
    }  # fmt: skip
    return Web(answers if html is None else {f"{PAGE}/": html, **answers})


def test_every_product_that_can_be_found_is_tested() -> None:
    assert {product for product in PLATFORMS if platform(product).find} == {*PRODUCTS, "feed", "gcp"}


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_by_a_mark_in_its_html(product: str) -> None:
    there = web(product, PRODUCTS[product][0])
    found = there.inspect(f"{PAGE}/")
    assert found.platform == product
    assert found.because.startswith("mark ")
    assert {s.platform for s in found.vendor.sources} == {product}
    assert len(there.asked) == len(set(there.asked)), "nothing is asked twice"
    assert len(there.asked) <= 6


@pytest.mark.parametrize("product", BY_PROBE)
def test_a_product_by_its_addresses_alone(product: str) -> None:
    found = web(product, "<html>nothing of interest</html>").inspect(f"{PAGE}/")
    assert (found.platform, found.because) == (product, "the answer to its well-known address")
    assert web(product, None).inspect(f"{PAGE}/").platform == product, "even when the page itself is not there"


def test_most_products_are_found_by_their_addresses() -> None:
    assert {"statuspage", "incidentio", "instatus", "betterstack", "openstatus", "cstate", "gatus"} <= set(BY_PROBE)


@pytest.mark.parametrize("product", ["incidentio", "openstatus", "checkly"])
def test_a_look_alike_with_the_marks_of_another_is_not_taken_for_it(product: str) -> None:
    """Pages that were moved keep the old product's scripts, and imitate its addresses."""
    html = PRODUCTS["statuspage"][0] + PRODUCTS["instatus"][0] + PRODUCTS[product][0]
    assert web(product, html).inspect(f"{PAGE}/").platform == product


def test_a_page_on_the_products_own_host() -> None:
    there = Web({
        "https://acme.statuspage.io/": "<html>",
        "https://acme.statuspage.io/api/v2/summary.json": "statuspage/summary-quiet",
    })  # fmt: skip
    found = there.inspect("https://acme.statuspage.io/")
    assert (found.platform, found.because) == ("statuspage", "host acme.statuspage.io")


def test_a_redirect_to_the_product() -> None:
    there = Web(
        {
            "https://acme.statuspage.io/": "<html>",
            "https://acme.statuspage.io/api/v2/summary.json": "statuspage/summary-quiet",
        },
        moved={f"{PAGE}/": "https://acme.statuspage.io/"},
    )
    found = there.inspect(f"{PAGE}/")
    assert found.because == "host acme.statuspage.io"
    assert found.moved == "https://acme.statuspage.io/"
    assert [s.url for s in found.vendor.sources] == ["https://acme.statuspage.io/api/v2/summary.json"]


def test_the_address_of_a_document_leads_to_the_page() -> None:
    there = web("statuspage", None)
    found = there.inspect(f"{PAGE}/history.atom")
    assert found.platform == "statuspage"
    assert there.asked.count(f"{PAGE}/history.atom") == 1


def test_the_generic_feed_comes_last() -> None:
    html = '<link rel="alternate" type="application/atom+xml" href="/news.atom">'
    there = Web({f"{PAGE}/": html, f"{PAGE}/news.atom": "feed/edited-in-place"})
    found = there.inspect(f"{PAGE}/")
    assert found.platform == "feed"
    assert [s.url for s in found.vendor.sources] == [f"{PAGE}/news.atom"]
    assert there.asked[-1] == f"{PAGE}/news.atom"
    assert len(there.asked) < 22, "one address of each product"


def test_the_address_of_a_feed_of_no_product() -> None:
    there = Web({f"{PAGE}/news.atom": "feed/edited-in-place"})
    found = there.inspect(f"{PAGE}/news.atom")
    assert [(s.platform, s.url) for s in found.vendor.sources] == [("feed", f"{PAGE}/news.atom")]


def test_a_page_of_its_own_kind_is_named() -> None:
    with pytest.raises(NotRecognisedError, match="of its own kind, which the platform slack reads"):
        Web({"https://status.slack.com/": "<html>"}).inspect("https://status.slack.com/")


def test_a_mark_without_addresses_is_told() -> None:
    with pytest.raises(NotRecognisedError, match=r"status\.io.* its addresses are not told by the page"):
        Web({f"{PAGE}/": '<a href="https://status.io">'}).inspect(f"{PAGE}/")


def test_a_page_that_no_reader_takes_is_refused_with_what_was_tried() -> None:
    """Another platform answers at the same address, but its identifiers are of its own kind."""
    there = Web(
        {f"{PAGE}/": PRODUCTS["statuspage"][0], f"{PAGE}{API}/summary.json": json.dumps(summary(code="01J0ABC"))}
    )
    with pytest.raises(NotRecognisedError) as caught:
        there.inspect(f"{PAGE}/")
    assert f"{PAGE}{API}/summary.json: statuspage: " in str(caught.value)
    assert f"{PAGE}/index.json: betterstack: HTTP 404" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    ["<!doctype html><html><body>Welcome</body></html>", "{}", "[]", "null", '{"status": "ok"}', '{"data": []}', "OK", " ",
     '{"incidents": []}', "1"],
)  # fmt: skip
def test_a_site_that_answers_everything_alike_is_no_status_page(body: str) -> None:
    """Many sites answer any address with the same page; few products are told by an empty document."""
    with pytest.raises(NotRecognisedError):
        Web({}, otherwise=body).inspect(f"{PAGE}/")


@pytest.mark.parametrize(
    "case", [c for c in CASES if (c / "body.html").exists()], ids=lambda c: f"{c.parent.name}/{c.name}"
)
def test_a_page_that_stands_at_every_address_is_read_as_nothing_else(case: Path) -> None:
    there = Web({}, otherwise=f"{case.parent.name}/{case.name}")
    try:
        found = there.inspect(f"{PAGE}/")
    except NotRecognisedError:
        return
    assert found.platform == case.parent.name


MARKED = {
    "incidentio": ("linear-good.html", "openai-major.html"),
    "instatus": ("mastodonsocial-major.html",),
    "betterstack": ("buildjet-good.html",),
    "pagerduty": ("pagerduty-minor.html",),
    "statuspage": ("html-cloudflare.html", "html-trello.html"),
}


def test_marks_of_real_pages(shared: Path) -> None:
    for product, files in MARKED.items():
        for file in files:
            html = (shared / "captures" / product / file).read_text(encoding="utf-8", errors="replace")
            marked = [name for name in PLATFORMS if any(re.search(mark, html) for mark in platform(name).html)]
            assert marked == [product], file


def test_a_host_that_falls_silent_is_not_asked_on() -> None:
    conversation = inspect(f"{PAGE}/", "acme")
    next(conversation)
    conversation.send(Web({f"{PAGE}/": "<html>"}).answer(f"{PAGE}/"))
    silence = Capture(source="", url="", fetched_at=NOW, status=None, headers={}, body=None, error="timeout: 30 s")
    with pytest.raises(NotRecognisedError, match="does not answer: timeout"):
        conversation.send(silence)


def test_a_page_that_robots_txt_forbids_is_still_found_by_its_documents() -> None:
    there = web("statuspage", "")
    there.forbidden = f"{PAGE}/$"
    assert there.inspect(f"{PAGE}/").platform == "statuspage"


def test_documents_that_robots_txt_forbids_leave_the_feed() -> None:
    there = web("statuspage", PRODUCTS["statuspage"][0])
    there.forbidden = f"{PAGE}/api/"
    found = there.inspect(f"{PAGE}/")
    assert [s.url for s in found.vendor.sources] == [f"{PAGE}/history.atom"]


# -- what is understood ---------------------------------------------------------------------------


def test_name_zone_and_components_of_a_page() -> None:
    found = web("statuspage", "").inspect(f"{PAGE}/")
    assert found.vendor.name == "Northwind"
    assert found.timezone
    assert found.places
    assert {place.component.name for place in found.places} >= {s.name for s in found.vendor.services if s.key}
    assert all(place.service for place in found.places if place.region is None), found.places
    assert found.open


@pytest.mark.parametrize(
    ("name", "service", "category"),
    [
        ("API (Frankfurt)", "API", "api"),
        ("eu-central-1 - Search", "Search", "other"),
        ("us-east-1", None, None),
        ("Search (beta)", "Search (beta)", "other"),
        ("搜索", "搜索", "other"),
        ("Dashboard & login", "Dashboard & login", "console"),
    ],
)
def test_services_in_names(name: str, service: str | None, category: str | None) -> None:
    services = services_of([Component(key="k1", name=name)])
    assert [(s.name, s.category) for s in services] == ([(service, category)] if service else [])
    assert all((s.key == "k1") == (s.name == name) for s in services)


def test_the_file_of_what_was_found_loads(tmp_path: Path) -> None:
    for product in PRODUCTS:
        found = web(product, PRODUCTS[product][0]).inspect(f"{PAGE}/", vendor=f"acme-{product}")
        path = write(found, tmp_path, NOW)
        vendor = load_vendor(path)
        assert vendor.name == found.vendor.name
        assert [s.url for s in vendor.sources] == [s.url for s in found.vendor.sources]
        assert {s.id for s in found.vendor.services} <= set(vendor.service_ids)
        assert all(s.why for s in vendor.sources)


@pytest.mark.parametrize("name", ["Yes", "127", "Acme: Cloud #1", 'A "B" {C}', "雲", "~", "- x", "2026-01-01", "A\nB"])
def test_any_name_can_stand_in_a_file(tmp_path: Path, name: str) -> None:
    found = web("betterstack", "").inspect(f"{PAGE}/", vendor="127", name=name)
    assert load_vendor(write(found, tmp_path, NOW)).name == " ".join(name.split())


def test_what_was_fetched_is_kept(tmp_path: Path) -> None:
    keep(web("statuspage", "").inspect(f"{PAGE}/"), tmp_path)
    with sqlite3.connect(tmp_path / "captures.db") as conn:
        assert conn.execute("select count(*) from captures").fetchone()[0] == 4


# -- over the network -----------------------------------------------------------------------------


@pytest.fixture
def page() -> Iterator[Stage]:
    with stage() as s:
        yield s


def summary(*, code: str = "ppppqqqqrrrr", name: str = "Acme: Cloud #1") -> dict[str, Any]:
    """`summary.json` of a page with one component."""
    component = {
        "id": "aaaabbbbcccc", "name": "API (Frankfurt)", "status": "operational", "group": False, "group_id": None,
        "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z", "position": 1,
        "description": None, "showcase": True, "start_date": None, "page_id": code, "only_show_if_degraded": False,
    }  # fmt: skip
    return {
        "page": {"id": code, "name": name, "url": "https://acme.example", "time_zone": "Etc/UTC",
                 "updated_at": "2026-03-01T09:00:00.000Z"},
        "status": {"indicator": "none", "description": "All Systems Operational"},
        "components": [component], "incidents": [], "scheduled_maintenances": [],
    }  # fmt: skip


def publish(page: Stage) -> None:
    page.show("/", PRODUCTS["statuspage"][0])
    page.show(f"{API}/summary.json", summary())
    page.show(f"{API}/incidents.json", payload(FIRST))


class Desk:
    """Somebody who types commands, with a catalog that has nothing in it to begin with."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.catalog = directory / "catalog"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "crawler", *arguments, "--data", str(self.data), "--catalog", str(self.catalog)],
            capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
        )  # fmt: skip

    def add(self, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("add", url, "--contact", "test@example.org", *arguments)

    def count(self, sql: str) -> Any:
        with sqlite3.connect(self.data / "outages.db") as conn:
            return conn.execute(sql).fetchone()[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_page_is_added_read_and_polled_from_then_on(desk: Desk, page: Stage) -> None:
    publish(page)
    dry = desk.add(page.url, "--id", "acme", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "\nid: acme\n" in dry.stdout
    assert not desk.catalog.exists()
    assert not desk.data.exists()
    page.asked.clear()

    done = desk.add(page.url, "--id", "acme")
    assert done.returncode == 0, done.stderr
    assert 'acme: Acme: Cloud #1, on statuspage, known by mark "dka575ofm4ao0.cloudfront.net"' in done.stdout.replace(
        "'", '"'
    )
    assert re.search(r"API \(Frankfurt\)\s+frankfurt\s+api\n", done.stdout), done.stdout
    vendor = load_vendor(desk.catalog / "acme.yml")
    assert (vendor.id, vendor.homepage, vendor.name) == ("acme", page.url, "Acme: Cloud #1")
    assert {s.id: s.url for s in vendor.sources} == {
        "acme-summary": f"{page.url}{API}/summary.json",
        "acme-incidents": f"{page.url}{API}/incidents.json",
    }, "only what could be read"
    assert desk.count("select count(*) from polls where outcome = 'new'") == 2
    assert desk.count("select id from incidents") == "acme:bcdfghjklmnp"
    paths = [path for path, _ in page.asked]
    assert paths == [
        "/robots.txt", "/", f"{API}/summary.json", f"{API}/incidents.json", f"{API}/scheduled-maintenances.json",
        "/history.atom",
    ]  # fmt: skip
    assert all("test@example.org" in headers["user-agent"] for _, headers in page.asked)

    again = desk.run("poll", "--all")
    assert again.returncode == 0, again.stderr
    assert "2 sources asked" in again.stdout
    assert desk.count("select count(*) from polls where outcome = 'not-modified'") == 2

    before = len(page.asked)
    taken = desk.add(page.url, "--id", "acme")
    assert taken.returncode == 1
    assert "in the catalog already" in taken.stderr
    assert "Traceback" not in taken.stderr
    assert len(page.asked) == before, "a name that is taken is refused before anybody is asked"


def test_a_page_that_imitates_another_product(desk: Desk, page: Stage) -> None:
    """incident.io answers at the addresses of Statuspage, too."""
    host = page.url.removeprefix("http://")
    page.show("/", PRODUCTS["statuspage"][0] + PRODUCTS["incidentio"][0])
    for path, case in PRODUCTS["incidentio"][1].items():
        (body,) = (FIXTURES / case).glob("body.*")
        page.show(path.replace("status.acme.example", host), body.read_bytes())
    done = desk.add(page.url)
    assert done.returncode == 0, done.stderr
    assert "127: Northwind, on incidentio" in done.stdout
    assert {s.url for s in load_vendor(desk.catalog / "127.yml").sources} == {
        f"{page.url}/proxy/{host}",
        f"{page.url}/proxy/{host}/incidents",
    }


def test_a_host_that_does_not_answer(desk: Desk) -> None:
    with stage() as gone:
        url = gone.url
    done = desk.add(url, "--id", "acme")
    assert done.returncode == 1
    assert "does not answer: refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_of_the_list_gets_a_file_of_its_own(desk: Desk, page: Stage) -> None:
    publish(page)
    desk.catalog.mkdir()
    (desk.catalog / "pages.csv").write_text(f"id,name,platform,url\nacme-cloud,The Acme Cloud,unknown,{page.url}\n")
    done = desk.add(page.url)
    assert done.returncode == 0, done.stderr
    assert load_vendor(desk.catalog / "acme-cloud.yml").name == "The Acme Cloud"
    known = load(desk.catalog)
    assert set(known.vendors) == {"acme-cloud"}
    assert not known.vendors["acme-cloud"].listed


KNOWN = Catalog(
    [
        Vendor(
            id="other",
            name="Other",
            homepage="",
            sources=(
                Source(id="acme-history", vendor="other", platform="statuspage", url="https://x.example/history.atom"),
            ),
        )
    ]
)


@pytest.mark.parametrize(
    ("url", "vendor", "message"),
    [
        ("ftp://acme.example", "new", "not an http"),
        ("https://", "new", "not an http"),
        ("acme.example", "other", "in the catalog already"),
        ("x.example", "new", "source acme-history of other"),
        ("acme.example", "../../etc/x", "is no id"),
        ("acme.example", "Acme Cloud", "is no id"),
        ("http://[::1", "new", "IPv6"),
        ("https://acme.example:port", "new", "[Pp]ort"),
        ("https://status.other.com", None, "in the catalog already"),
    ],
)
def test_refused_before_anybody_is_asked(url: str, vendor: str | None, message: str) -> None:
    with pytest.raises(NotRecognisedError, match=message):
        recognise(url, vendor, KNOWN)


def test_a_source_id_that_is_taken() -> None:
    found = web("statuspage", "").inspect(f"{PAGE}/")
    with pytest.raises(NotRecognisedError, match="source acme-history of other"):
        refuse_watched(found, KNOWN)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("status.example.com", "example"),
        ("www.examplestatus.com", "example"),
        ("example-status.com", "example"),
        ("example.statuspage.io", "example"),
        ("status.example.co.uk", "example"),
        ("STATUS.Example.com", "example"),
        ("status.io", "status-io"),
        ("127.0.0.1", "127"),
    ],
)
def test_a_name_from_a_host(host: str, name: str) -> None:
    assert vendor_id(host) == name
