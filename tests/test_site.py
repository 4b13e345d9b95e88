"""The published archive as programs meet it: Datasette on a free port, asked over HTTP. tests/test_browser.py looks at it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from markupsafe import escape

from crawler.site import described
from crawler.site.links import cell
from crawler.site.policy import policy, scripts
from tests.published import HOSTILE, MARKUP, published, row_path

ABOUT: dict[str, Any] = described()["databases"]["outages"]


@pytest.fixture(scope="module")
def site(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with published(tmp_path_factory.mktemp("site"), shipped) as address:
        yield address


def get(site: str, path: str) -> str:
    """A page that must be there."""
    try:
        with urlopen(f"{site}{path}", timeout=20) as response:
            body: bytes = response.read()
            return body.decode()
    except HTTPError as error:
        pytest.fail(f"{path}: HTTP {error.code}")


def rows(site: str, path: str, **parameters: str) -> list[dict[str, Any]]:
    """The rows behind a page."""
    answer = get(site, f"{path}.json?{urlencode({'_shape': 'array', **parameters})}")
    found: list[dict[str, Any]] = json.loads(answer)
    return found


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @property
    def links(self) -> set[str]:
        return {attrs.get("href") or "" for tag, attrs in self.found if tag == "a"}


# Every page is there


@pytest.mark.parametrize("path", ["/outages", "/outages/incidents?kind=outage", "/outages?sql=select+1+as+one"])
def test_fields_have_names_and_headings_are_in_order(site: str, path: str) -> None:
    page = get(site, path)
    found = Elements(page).found
    labelled = {attrs.get("for") for tag, attrs in found if tag == "label"}
    fields = [
        attrs for tag, attrs in found
        if tag in ("select", "textarea") or (tag == "input" and attrs.get("type") in ("text", "search", None))
    ]  # fmt: skip
    assert fields
    assert [attrs for attrs in fields if not (attrs.get("aria-label") or attrs.get("id") in labelled)] == []
    ranks = [int(tag[1]) for tag, _ in found if re.fullmatch("h[1-6]", tag)]
    assert ranks[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(ranks))
    scrolled = [attrs for tag, attrs in found if attrs.get("class") in ("table-wrapper", "wrapped-sql")]
    assert all(attrs.get("tabindex") == "0" and attrs.get("aria-label") for attrs in scrolled)
    assert page.count("<details") == page.count("</details>")


def test_front_page_leads_to_every_question_and_table(site: str) -> None:
    links = Elements(get(site, "/")).links
    for name in ABOUT["queries"]:
        assert f"/outages/{name}" in links
    for name, about in ABOUT["tables"].items():
        assert (f"/outages/{name}" in links) is not bool(about.get("hidden"))
    assert "/outages" in links


def test_database_page(site: str) -> None:
    page = get(site, "/outages")
    assert ABOUT["queries"]["recovery"]["title"] in page
    assert "hidden tables" in page


@pytest.mark.parametrize("name", list(ABOUT["tables"]))
def test_table(site: str, name: str) -> None:
    page = get(site, f"/outages/{name}")
    assert ABOUT["tables"][name]["description"].split("'")[0].split('"')[0] in page
    assert "interrupted" not in page
    assert isinstance(rows(site, f"/outages/{name}"), list)


@pytest.mark.parametrize("name", list(ABOUT["queries"]))
def test_question(site: str, name: str) -> None:
    page = get(site, f"/outages/{name}")
    assert f"<h1>{ABOUT['queries'][name]['title']}</h1>".replace("'", "&#39;") in page
    assert "message-error" not in page
    assert isinstance(rows(site, f"/outages/{name}"), list)
    assert "select" in get(site, f"/outages/{name}?_show_sql=1")


def test_sql_of_ones_own(site: str) -> None:
    assert rows(site, "/outages", sql="select count(*) as n from incidents where vendor = 'alibaba'")[0]["n"] > 5


def test_csv(site: str) -> None:
    read = list(csv.DictReader(io.StringIO(get(site, "/outages/outages.csv?incident=alibaba%3A16&_size=max"))))
    assert {(row["region"], row["started_at"]) for row in read} >= {("cn-hangzhou", "2023-11-12T09:39:00Z")}
    first = next(csv.DictReader(io.StringIO(get(site, "/outages/recovery.csv"))))
    assert (first["rank"], first["recovered_at"]) == ("1", "2023-11-12T10:54:00Z")


# The questions it was built for


def test_hangzhou_and_beijing_came_back_first(site: str) -> None:
    found = rows(site, "/outages/recovery", incident="alibaba:16")
    assert found == rows(site, "/outages/recovery")  # what is shown when nothing is asked for
    for service, when in (("console", "10:54"), ("api", "10:54"), ("mq", "12:12")):
        first = {(r["region"], r["recovered_at"]) for r in found if r["service"] == service and r["rank"] == 1}
        assert first == {(region, f"2023-11-12T{when}:00Z") for region in ("cn-hangzhou", "cn-beijing")}


def test_shanghai_came_back_last(site: str) -> None:
    found = [r for r in rows(site, "/outages/recovery", incident="tencent:2024-04-08-api") if r["service"] == "api"]
    assert (found[-1]["region"], found[-1]["recovered_at"]) == ("ap-shanghai", "2024-04-08T08:45:00Z")
    assert {r["recovered_at"] for r in found[:-1]} == {"2024-04-08T08:05:00Z"}
    assert len(found) > 15


# Links


def test_incident_leads_to_its_vendor_and_to_what_hangs_on_it(site: str) -> None:
    links = Elements(get(site, row_path("incidents", "alibaba:16"))).links
    assert {"/-/vendor/alibaba", row_path("sources", "alibaba-landmarks")} <= links
    assert {"/outages/outages?incident=alibaba%3A16", "/outages/claims?incident=alibaba%3A16"} <= links
    assert "/outages/recovery?incident=alibaba%3A16" in links


@pytest.mark.parametrize(
    "path", ["/outages/outages?incident=alibaba%3A16", "/outages/recovery", "/outages/recovery_order"]
)
def test_regions_services_and_incidents_are_linked_everywhere(site: str, path: str) -> None:
    links = Elements(get(site, path)).links
    assert any(link.startswith("/-/region/alibaba/") for link in links)
    assert any(link.startswith("/-/service/alibaba/") for link in links)
    assert any(link.startswith("/-/incident/alibaba:16") for link in links)


def test_no_region_or_service_of_an_outage_leads_nowhere(site: str) -> None:
    for column, table in (("region", "regions"), ("service", "services")):
        sql = f"""select distinct o.vendor, o.{column} from outages o
            left join {table} t on t.vendor = o.vendor and t.id = o.{column}
            where o.{column} is not null and t.id is null"""
        assert rows(site, "/outages", sql=sql) == []


def test_links_of_an_incident_can_be_followed(site: str) -> None:
    arn = rows(site, "/outages", sql="select id from incidents where key like 'arn:%/%' limit 1")[0]["id"]
    for incident in ("alibaba:16", HOSTILE, arn):
        page = get(site, row_path("incidents", incident))
        assert incident in page
        for link in sorted(link for link in Elements(page).links if link.startswith("/outages/")):
            get(site, link)


def test_cells() -> None:
    def shown(row: dict[str, Any], column: str, table: str | None = None) -> str | None:
        return cell(row, column, row[column], table, lambda name: f"/outages/{name}", "/-/as-of", "/-/incident")

    assert shown({"incident": "aws:a/b,c"}, "incident") == '<a href="/-/incident/aws:a~2Fb~2Cc">aws:a/b,c</a>'
    assert shown({"vendor": "v", "update_id": "v:1/2"}, "update_id") == '<a href="/outages/updates/v~3A1~2F2">v:1/2</a>'
    assert shown({"id": "v:1", "title": "<b>"}, "title", "incidents") == (
        '<a href="/-/incident/v:1" dir="auto">&lt;b&gt;</a>'
    )
    assert shown({"id": "v:1", "title": "<b>"}, "title") is None
    assert shown({"incident": {"value": "v:1", "label": "<b>"}}, "incident", "outages") == (
        '<a href="/-/incident/v:1" dir="auto">&lt;b&gt;</a> <em>v:1</em>'
    )
    long = "aws:" + 30 * "<" + 30 * ">"
    assert f'title="{escape(long)}">aws:{20 * "&lt;"}…{24 * "&gt;"}</a>' in str(shown({"incident": long}, "incident"))
    assert shown({"vendor": "x", "region": "a, b"}, "region") == (
        '<a href="/-/region/x/a">a</a>, <a href="/-/region/x/b">b</a>'
    )
    assert shown({"incident": {"value": "v:1", "label": "Title"}, "service": "a, b"}, "service", "claims") == (
        '<a href="/-/service/v/a~2C+b">a, b</a>'
    )
    assert shown({"region": "a"}, "region") is None  # nobody knows whose
    assert shown({"incident": "no-vendor", "region": "a"}, "region") is None
    assert shown({"vendor": "x", "region": None}, "region") is None
    assert shown({"vendor": {"value": "x", "label": "X"}}, "vendor", "outages") == '<a href="/-/vendor/x">X</a>'
    assert shown({"source": "report"}, "source", "claims") is None
    assert shown({"quote": "<i>10:00</i>"}, "quote") == '<q class="words" dir="auto">&lt;i&gt;10:00&lt;/i&gt;</q>'
    assert shown({"at": "2026-01-01T00:00:00Z"}, "at") == "<time>2026-01-01T00:00:00Z</time>"
    assert shown({"seen_at": "2026-01-01T00:00:00Z"}, "seen_at") == "<time>2026-01-01T00:00:00Z</time>"
    assert shown({"seen_at": "2026-01-01T00:00:00Z", "incident": 'v:"1'}, "seen_at") == (
        '<a href="/-/as-of?incident=v%3A%221&amp;at=2026-01-01T00%3A00%3A00Z"><time>2026-01-01T00:00:00Z</time></a>'
    )


# What vendors' text may try


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/outages/incidents",
        "/outages/updates",
        "/outages/claims",
        "/outages/services?vendor=github",
        "/outages/outages",
        row_path("incidents", HOSTILE),
        f"/-/incident/{HOSTILE}",
        f"/outages/find?words={quote('Hostile')}",
        f"/outages/timeline?incident={quote(HOSTILE, safe='')}",
        f"/outages/recovery?incident={quote(HOSTILE, safe='')}",
        f"/outages/recovery?incident={quote(MARKUP)}",
        f"/outages/changed_afterwards?incident={quote(HOSTILE, safe='')}",
        "/-/as-of",
        f"/-/as-of?incident={quote(HOSTILE, safe='')}",
        "/outages?" + urlencode({"sql": "select title, url, id as incident from incidents where vendor = 'github'"}),
    ],
)
def test_markup_stays_text(site: str, path: str) -> None:
    page = get(site, path)
    assert "alert(" in page or "recovery" in path or path == "/outages/outages"
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<h1>owned" not in page
    assert "</script><img" not in page
    elements = Elements(page)
    assert not [attrs for _, attrs in elements.found if any(name.startswith("on") for name in attrs)]
    assert all(urlsplit(link).scheme in ("", "http", "https") for link in elements.links)


def test_headers(site: str) -> None:
    with urlopen(f"{site}/", timeout=20) as response:
        assert response.headers["Content-Security-Policy"] == policy()
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_policy_knows_the_scripts_of_the_templates_by_hash(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<script>one()</script><script src='x'></script><script>two({{ name }})</script>")
    (tmp_path / "b.html").write_text("<script>FLAG = {{ datasette_allow_facet }};</script>")
    assert list(scripts(tmp_path)) == ["one()", "FLAG = true;", "FLAG = false;"]
    assert policy(tmp_path).count("'sha256-") == 3
    assert "unsafe-inline" not in re.search(r"script-src[^;]*", policy())[0]  # type: ignore[index]
