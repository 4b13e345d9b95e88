"""The compact list of pages: it loads, resolves, and every source in the catalog can be asked and read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from crawler.archive import Archive
from crawler.captures import Captures
from crawler.catalog import NOT_FETCHED, SHIPPED, Catalog, CatalogError, Source, Vendor, load, pages
from spiders import PLATFORMS, platform, reader

ROOT = Path(__file__).parent.parent
LIST = SHIPPED / pages.FILE
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
#: Addresses of products that many pages share.
SHARED_HOSTS = {"api.status.io", "statuspal.io", "statuspal.eu", "api.github.com", "raw.githubusercontent.com"}
HEAD = "id,name,platform,url,sources,also,since,until,why\n"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def lines() -> list[pages.Page]:
    return list(pages.read(LIST))


# -- the whole catalog ----------------------------------------------------------------------------


def test_every_source_can_be_asked_and_read(catalog: Catalog) -> None:
    wrong = []
    for source in catalog.sources.values():
        if not source.polled:
            continue
        if source.platform not in PLATFORMS:
            wrong.append(f"{source.id}: no platform {source.platform}")
            continue
        asks = list(platform(source.platform).addresses(source, NOW))
        if (not asks and not source.needs) or not all(ask.url.startswith("https://") for ask in asks):
            wrong.append(f"{source.id}: asks for {[ask.url for ask in asks]}")
        if not callable(reader(source.platform)):
            wrong.append(f"{source.id}: no reader")
    assert not wrong


def test_every_source_that_is_not_polled_says_why(catalog: Catalog) -> None:
    assert not [s.id for s in catalog.sources.values() if not s.polled and not s.why]


def test_at_least_a_thousand_pages(catalog: Catalog, lines: list[pages.Page]) -> None:
    assert len(catalog.vendors) >= 1000
    readable = {s.vendor for s in catalog.sources.values() if s.polled and catalog.vendors[s.vendor].listed}
    assert len(readable) >= 450


def test_ids_and_names_of_the_list(lines: list[pages.Page]) -> None:
    for page in lines:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", page.id), page
        assert page.name == page.name.strip(), page
        assert page.url.startswith("https://"), page
        assert not page.since or not page.until or page.since < page.until, page
    assert [page.id for page in lines] == sorted(page.id for page in lines), "in order, so that a change is one line"


def test_no_page_stands_twice(lines: list[pages.Page]) -> None:
    now = [page for page in lines if not page.until]
    places = Counter(
        place for page in now for place in (page.url.rstrip("/"), *(f"https://{h}" for h in page.also.split()))
    )
    assert not {place: count for place, count in places.items() if count > 1}


def test_no_host_is_polled_for_two_vendors(catalog: Catalog) -> None:
    by_host: dict[str, set[str]] = defaultdict(set)
    for source in catalog.sources.values():
        if source.polled and not source.until and source.host not in SHARED_HOSTS:
            by_host[source.host].add(source.vendor)
    shared = {host: vendors for host, vendors in by_host.items() if len(vendors) > 1}
    assert not {host for host, vendors in shared.items() if any(catalog.vendors[v].listed for v in vendors)}


def test_no_address_is_polled_twice(catalog: Catalog) -> None:
    polled = Counter(s.url for s in catalog.sources.values() if s.polled and not s.until)
    assert not {url for url, count in polled.items() if count > 1}


def test_listed_addresses_find_their_source(catalog: Catalog) -> None:
    for source in catalog.sources.values():
        if not catalog.vendors[source.vendor].listed or source.robots.startswith(NOT_FETCHED):
            continue
        found = catalog.source_of(None, source.url)
        assert found is not None, source.id
        assert found.vendor == source.vendor, source.id
        assert found.id == source.id or source.until or found.until, source.id


def test_what_is_unknown_is_said_and_not_polled(catalog: Catalog) -> None:
    unread = [source for source in catalog.sources.values() if source.robots.startswith(NOT_FETCHED)]
    assert unread
    assert not [source.id for source in unread if source.polled or source.verified]


def test_vendors_that_moved_are_dated(catalog: Catalog) -> None:
    openai = catalog.vendor("openai").sources
    assert {s.platform for s in openai if not s.until} == {"incidentio"}
    assert {s.until for s in openai if s.platform == "statuspage"} == {date(2025, 3, 30)}


def test_intervals_are_gentle(catalog: Catalog) -> None:
    """What all listed pages of a host are asked for is a request every three minutes at most."""
    per_hour: Counter[str] = Counter()
    for source in catalog.sources.values():
        listed = catalog.vendors[source.vendor].listed
        if source.polled and not source.until and listed and source.host not in SHARED_HOSTS:
            assert source.interval.total_seconds() >= 300, source.id
            per_hour[source.host] += round(3600 / source.interval.total_seconds())
    assert max(per_hour.values()) <= 20, per_hour.most_common(3)


def test_the_short_cut_says_what_the_platforms_say() -> None:
    root = "https://status.acme.example"
    for name, paths in pages.BELOW_ROOT.items():
        find = platform(name).find
        assert find is not None, name
        short = {key: root + path.format(host=urlsplit(root).netloc) for key, path in paths.items()}
        assert short == dict(find(root, "")), name


def test_the_catalog_is_quick_to_load() -> None:
    """CPU time of a process that does nothing else, less that of the imports: 0.13 s on a quiet machine."""
    script = (
        "import time, sys\nimport crawler.catalog\nt = time.process_time()\ncrawler.catalog.load()\n"
        "print(time.process_time() - t, *(m for m in sys.modules if m.startswith('spiders.')))"
    )
    took, *imported = min(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
        for _ in range(3)
    )  # fmt: skip
    assert float(took) < 0.5, "with much to spare for a busy machine"
    assert not imported, "no reader is imported to read the list"


def test_a_source_is_found_quickly(catalog: Catalog) -> None:
    addresses = [s.url for s in catalog.sources.values()] * 3
    for url in addresses:
        catalog.source_of(None, url)

    def each() -> float:
        began = time.process_time()
        for url in addresses:
            catalog.source_of(None, url)
        return (time.process_time() - began) / len(addresses)

    assert any(each() < 200e-6 for _ in range(3))  # the machine stumbles, but not thrice


def test_the_archive_takes_the_whole_catalog_quickly(tmp_path: Path, catalog: Catalog) -> None:
    store = Captures(tmp_path / "captures.db")
    archive = Archive(tmp_path / "outages.db", catalog)
    archive.catch_up(store)
    assert archive.conn.execute("select count(*) from vendors").fetchone()[0] == len(catalog.vendors)

    def again() -> float:
        began = time.process_time()
        archive.catch_up(store)
        return time.process_time() - began

    assert any(again() < 0.5 for _ in range(3)), "nothing new: no table is written again"
    worked_out = [vendor for vendor in archive.rows._places if catalog.vendors[vendor].listed]
    assert not worked_out, "places are worked out for vendors that need them only"
    archive.close()
    store.close()


# -- one line -------------------------------------------------------------------------------------


def write(directory: Path, *rows: str) -> Path:
    path = directory / pages.FILE
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_a_line_of_four_cells_is_a_vendor(tmp_path: Path) -> None:
    write(tmp_path, "acme,Acme,statuspage,https://status.acme.example")
    vendor = load(tmp_path).vendor("acme")
    assert (vendor.name, vendor.homepage, vendor.listed) == ("Acme", "https://status.acme.example", True)
    assert {s.id: (s.url, s.every, s.polled, s.verified) for s in vendor.sources} == {
        "acme-summary": ("https://status.acme.example/api/v2/summary.json", "5m", True, False),
        "acme-incidents": ("https://status.acme.example/api/v2/incidents.json", "15m", True, False),
        "acme-maintenances": ("https://status.acme.example/api/v2/scheduled-maintenances.json", "1h", True, False),
        "acme-history": ("https://status.acme.example/history.atom", "1h", False, False),
    }


def test_other_hosts_of_the_same_page(tmp_path: Path) -> None:
    write(tmp_path, "acme,Acme,instatus,https://status.acme.example,,acme.instatus.com www.acme.example")
    catalog = load(tmp_path)
    for host in ("status.acme.example", "acme.instatus.com", "www.acme.example"):
        found = catalog.source_of(None, f"https://{host}/summary.json")
        assert found is not None
        assert found.id == "acme-summary"


@pytest.mark.parametrize(
    ("platform_", "why", "reason"),
    [
        ("unknown", "", "its platform is not known"),
        ("hund", "", "there is no reader for hund"),
        ("statusio", "", "stand in its HTML"),
        ("unknown", "closed since", "closed since"),
    ],
)
def test_a_page_that_cannot_be_read_is_listed_and_not_asked(
    tmp_path: Path, platform_: str, why: str, reason: str
) -> None:
    write(tmp_path, f"acme,Acme,{platform_},https://status.acme.example,,,,,{why}")
    catalog = load(tmp_path)
    (source,) = catalog.vendor("acme").sources
    assert (source.id, source.polled, source.verified) == ("acme-page", False, False)
    assert reason in source.why
    assert source.robots.startswith(NOT_FETCHED)
    assert catalog.source_of(None, "https://status.acme.example") is None, "what --vendor and --platform name may be it"


def test_a_page_of_before(tmp_path: Path) -> None:
    write(
        tmp_path,
        "acme,Acme,incidentio,https://status.acme.example,,,2025-03-30",
        "acme,Acme,statuspage,https://status.acme.example,,,,2025-03-30",
    )
    sources = load(tmp_path).vendor("acme").sources
    assert {s.id: (s.since, s.until) for s in sources if s.id.endswith("summary")} == {
        "acme-summary": (date(2025, 3, 30), None),
        "acme-statuspage-summary": (None, date(2025, 3, 30)),
    }


VENDOR = (
    "id: {0}\nname: Theirs\nhomepage: https://{0}.example\nsources:\n  - {{id: {0}-feed, platform: feed, url: '{1}'}}\n"
)


@pytest.mark.parametrize(
    ("vendor", "url"),
    [("acme", "https://elsewhere.example/feed"), ("other", "https://status.acme.example/feed")],
    ids=["the same id", "the same page"],
)
def test_a_vendors_own_file_goes_first(tmp_path: Path, vendor: str, url: str) -> None:
    write(tmp_path, "acme,Acme,statuspage,https://status.acme.example", "b,B,unknown,https://b.example")
    (tmp_path / f"{vendor}.yml").write_text(VENDOR.format(vendor, url))
    assert set(load(tmp_path).vendors) == {vendor, "b"}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("acme,Acme,statuspage", "missing required field `url`"),
        ("acme,Acme,unknown,https://a.example,,,soon", "since"),
        ("acme,Acme,unknown,https://a.example,,,,,,more", "more"),
        ('acme,"Acme,unknown', "unexpected end of data"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path: Path, row: str, complaint: str) -> None:
    path = write(tmp_path, "b,B,unknown,https://b.example", row)
    with pytest.raises(CatalogError, match=re.escape(complaint)) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{path}:3:")


def test_a_line_that_stands_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, *["acme,Acme,unknown,https://a.example", "acme,Acme,unknown,https://b.example"] * 2)
    with pytest.raises(CatalogError, match="source id stands twice"):
        load(tmp_path)


# -- sources with addresses in common -------------------------------------------------------------


def test_hosts_with_open_places_and_sources_added_later() -> None:
    wide = Source(id="wide", vendor="a", platform="feed", url="https://{region}.acme.example/feed")
    near = Source(id="near", vendor="a", platform="feed", url="https://status.acme.example/feed?lang={lang}")
    catalog = Catalog([Vendor(id="a", name="A", homepage="", sources=(wide, near))])

    def found(url: str) -> str | None:
        source = catalog.source_of(None, url)
        return source.id if source else None

    assert found("https://eu.acme.example/feed") == "wide"
    assert found("https://status.acme.example/feed?lang=de") == "near"
    assert found("https://late.example/feed") is None
    catalog.add(Source(id="late", vendor="b", platform="feed", url="https://late.example/feed"))
    assert found("https://late.example/feed") == "late"
    assert catalog.source_of("near", "https://late.example/feed") == near, "a name goes before an address"


# -- outages sources ------------------------------------------------------------------------------


def sources(directory: Path, *arguments: str) -> str:
    from click.testing import CliRunner

    from crawler.commands import main

    done = CliRunner().invoke(
        main, ["sources", *arguments, "--data", str(directory / "data"), "--catalog", str(directory)]
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_what_is_watched_and_what_is_not(tmp_path: Path) -> None:
    write(
        tmp_path, "acme,Acme,betterstack,https://status.acme.example", "dark,Dark,unknown,https://status.dark.example"
    )
    (tmp_path / "other.yml").write_text(VENDOR.format("other", "https://other.example/feed"))
    shown = sources(tmp_path)
    assert re.search(r"^acme-index +betterstack +0:05:00 +never asked .*unverified: named by public lists", shown, re.M)
    assert re.search(r"^other-feed +feed ", shown, re.M)
    assert "dark" not in shown
    assert "2 of 2 sources; 2 are polled, 0 have been asked; 1 pages more cannot be read yet" in shown
    assert re.search(r"^dark-page +unknown +– .*its platform is not known", sources(tmp_path, "--unknown"), re.M)
    assert "acme-index" not in sources(tmp_path, "--unknown")
    assert "other-feed" not in sources(tmp_path, "--unverified")
    assert "acme-index" not in sources(tmp_path, "--platform", "feed")
    assert "dark-page" in sources(tmp_path, "--vendor", "dark")


def test_sources_as_json(tmp_path: Path) -> None:
    write(tmp_path, "acme,Acme,betterstack,https://status.acme.example")
    assert json.loads(sources(tmp_path, "--json")) == [
        {
            "id": "acme-index", "vendor": "acme", "platform": "betterstack", "polled": True, "every": "0:05:00",
            "url": "https://status.acme.example/index.json", "verified": False, "unknown": False,
            "remarks": "unverified: named by public lists, not read here yet",
            "last_outcome": None, "last_polled_at": None,
        }
    ]  # fmt: skip


# -- docs/adding.md -------------------------------------------------------------------------------


def test_the_file_in_the_documentation_is_all_a_vendor_takes(tmp_path: Path) -> None:
    """Adding a Statuspage vendor takes one YAML file and no code."""
    from tests.test_readers import FIXTURES

    text = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
    (yaml,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "northwind.yml").write_text(yaml, encoding="utf-8")
    (row,) = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    (tmp_path / pages.FILE).write_text(row, encoding="utf-8")
    catalog = load(tmp_path)
    assert len(catalog.vendors) == 2
    body = (FIXTURES / "statuspage" / "summary-open-with-groups" / "body.json").read_bytes()
    from crawler.records import Capture

    summary = catalog.sources["northwind-summary"]
    store = Captures(tmp_path / "captures.db")
    store.add([Capture(source=summary.id, url=summary.url, fetched_at=NOW, status=200, headers={}, body=body)])
    archive = Archive(tmp_path / "outages.db", catalog)
    report = archive.catch_up(store)
    archive.close()
    store.close()
    assert report.outcomes == {"new": 1}
    assert report.incidents
