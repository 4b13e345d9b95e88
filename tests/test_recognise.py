"""Adding a page by its address: the right reader is found, the file loads, and nothing else is touched."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.catalog import Catalog, Source, Vendor, load_vendor
from crawler.recognise import NotRecognisedError, recognise, vendor_id
from tests.stage import Stage, stage
from tests.test_polling import FIRST, payload

ROOT = Path(__file__).parent.parent
API = "/api/v2"


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
            capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
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
    done = desk.add(page.url, "--id", "acme")
    assert done.returncode == 0, done.stderr
    assert "statuspage, 2 sources, 1 components" in done.stdout
    vendor = load_vendor(desk.catalog / "acme.yml")
    assert (vendor.id, vendor.homepage) == ("acme", page.url)
    assert {s.id: s.url for s in vendor.sources} == {
        "acme-summary": f"{page.url}{API}/summary.json",
        "acme-incidents": f"{page.url}{API}/incidents.json",
    }, "only what could be read"
    assert desk.count("select count(*) from polls where outcome = 'new'") == 2
    assert desk.count("select id from incidents") == "acme:bcdfghjklmnp"
    paths = [path for path, _ in page.asked]
    assert paths.count(f"{API}/summary.json") == 1
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


def test_a_look_alike_is_refused(desk: Desk, page: Stage) -> None:
    """Another platform answers at the same addresses, but its identifiers are of its own kind."""
    told = json.dumps(payload(FIRST)).replace("bcdfghjklmnp", "01J0ABCDEFGHJKMNPQRSTVWXYZ")
    page.show(f"{API}/incidents.json", told.replace("ppppqqqqrrrr", "01J0ABCDEFGHJKMNPQRSTVWXY0"))
    page.show(f"{API}/summary.json", summary(code="01J0ABCDEFGHJKMNPQRSTVWXY0"))
    done = desk.add(page.url, "--id", "acme")
    assert done.returncode == 1
    assert f"{page.url}{API}/summary.json: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (desk.catalog / "acme.yml").exists()
    assert not (desk.data / "captures.db").exists()


def test_a_host_without_a_status_page_is_refused_with_what_was_tried(desk: Desk, page: Stage) -> None:
    done = desk.add(page.url + "/some/page", "--id", "acme")
    assert done.returncode == 1
    for path in ("summary.json", "incidents.json", "scheduled-maintenances.json"):
        assert f"{page.url}{API}/{path}: HTTP 404" in done.stderr
    assert f"{page.url}/history.atom: HTTP 404" in done.stderr
    assert not desk.catalog.exists()


def test_a_host_that_does_not_answer(desk: Desk) -> None:
    with stage() as gone:
        url = gone.url
    done = desk.add(url, "--id", "acme")
    assert done.returncode == 1
    assert "refused" in done.stderr
    assert "Traceback" not in done.stderr


KNOWN = Catalog(
    [
        Vendor(
            id="other",
            name="Other",
            homepage="",
            sources=(Source(id="acme-history", vendor="other", platform="statuspage", url="https://x.example"),),
        )
    ]
)


@pytest.mark.parametrize(
    ("url", "vendor", "message"),
    [
        ("ftp://acme.example", "new", "not an http"),
        ("https://", "new", "not an http"),
        ("acme.example", "other", "in the catalog already"),
        ("acme.example", "acme", "other has a source acme-history"),
        ("acme.example", "../../etc/x", "is no id"),
        ("acme.example", "Acme Cloud", "is no id"),
        ("http://[::1", "new", "IPv6"),
        ("https://status.other.com", None, "in the catalog already"),
    ],
)
def test_refused_before_anybody_is_asked(tmp_path: Path, url: str, vendor: str | None, message: str) -> None:
    with pytest.raises(NotRecognisedError, match=message):
        recognise(url, vendor, tmp_path, KNOWN)


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
