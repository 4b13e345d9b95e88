"""The published archive as a visitor meets it: Datasette on a free port, asked over HTTP and by a browser."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import urlopen

import pytest
import yaml
from datasette.utils import tilde_encode
from markupsafe import escape

from crawler.site import METADATA
from crawler.site.links import cell
from crawler.site.policy import policy, scripts

ABOUT: dict[str, Any] = yaml.safe_load(METADATA.read_text(encoding="utf-8"))["databases"]["outages"]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: What a vendor, or somebody who has taken over its page, might publish. Readers take markup off; what is
#: written with entities comes out as text that looks like markup, and must stay text.
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</td></table><h1>owned</h1>{{ 7*7 }}"
ESCAPED = MARKUP.replace("<", "&lt;").replace(">", "&gt;")
HOSTILE = "github:h0st1lepage1"
FIRST_LOOK = "2026-03-01T11:45:00Z"
PAGE = {
    "page": {
        "id": "kctbh9vrtdwd",
        "name": "GitHub",
        "url": "https://www.githubstatus.com",
        "time_zone": "Etc/UTC",
        "updated_at": "2026-03-01T12:00:00.000Z",
    },
    "incidents": [
        {
            "id": HOSTILE.partition(":")[2],
            "name": f"Hostile {ESCAPED}",
            "status": "resolved",
            "impact": "major",
            "shortlink": "javascript:alert(3)",
            "page_id": "kctbh9vrtdwd",
            "created_at": "2026-03-01T10:00:00.000Z",
            "updated_at": "2026-03-01T11:30:00.000Z",
            "monitoring_at": None,
            "resolved_at": "2026-03-01T11:30:00.000Z",
            "started_at": "2026-03-01T10:00:00.000Z",
            "components": [],
            "incident_updates": [
                {
                    "id": "h0st1leupd01",
                    "incident_id": HOSTILE.partition(":")[2],
                    "status": "resolved",
                    "body": f"Broken {ESCAPED} javascript:alert(4)",
                    "created_at": "2026-03-01T11:30:00.000Z",
                    "updated_at": "2026-03-01T11:30:00.000Z",
                    "display_at": "2026-03-01T11:30:00.000Z",
                    "affected_components": [
                        {
                            "code": "h0st1lecomp1",
                            "name": f"Part {ESCAPED}",
                            "old_status": "major_outage",
                            "new_status": "operational",
                        }
                    ],
                    "deliver_notifications": True,
                    "custom_tweet": None,
                    "tweet_id": None,
                }
            ],
        }
    ],
}


def outages(*arguments: str) -> list[str]:
    """The command line of `outages`."""
    return [sys.executable, "-c", "from crawler.commands import main; main()", *arguments]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of Datasette on what ships and a hostile page, changed once, started by `outages serve`."""
    directory: Path = tmp_path_factory.mktemp("site")
    line = {
        "source": "github-incidents",
        "url": "https://www.githubstatus.com/api/v2/incidents.json",
        "fetched_at": "2026-03-01T12:00:00Z",
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(PAGE),
    }
    before = {**line, "fetched_at": FIRST_LOOK, "body": json.dumps(PAGE).replace("Broken", "Shaky " + 30 * "long")}
    (directory / "page.jsonl").write_text(json.dumps(before) + "\n" + json.dumps(line) + "\n")
    data = str(directory / "data")
    subprocess.run(outages("import", str(directory / "page.jsonl"), "--data", data), check=True, timeout=60)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (directory / "log").open("w") as log:
        server = subprocess.Popen(outages("serve", "--data", data, "--port", str(port)), stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(200):
                if server.poll() is not None:
                    pytest.fail(f"the server ended: {(directory / 'log').read_text()}")
                try:
                    urlopen(f"{address}/-/versions.json", timeout=10).close()
                    break
                except (URLError, ConnectionError):
                    time.sleep(0.1)
            else:
                pytest.fail(f"the server does not answer: {(directory / 'log').read_text()}")
            yield address
        finally:
            server.terminate()
            server.wait(10)


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


def row_path(table: str, *keys: str) -> str:
    """Path of the page of one row."""
    return f"/outages/{table}/{','.join(tilde_encode(key) for key in keys)}"


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
    assert {row_path("vendors", "alibaba"), row_path("sources", "alibaba-landmarks")} <= links
    assert {"/outages/outages?incident=alibaba%3A16", "/outages/claims?incident=alibaba%3A16"} <= links
    assert "/outages/recovery?incident=alibaba%3A16" in links


@pytest.mark.parametrize(
    "path", ["/outages/outages?incident=alibaba%3A16", "/outages/recovery", "/outages/recovery_order"]
)
def test_regions_services_and_incidents_are_linked_everywhere(site: str, path: str) -> None:
    links = Elements(get(site, path)).links
    assert any(link.startswith("/outages/regions/alibaba,") for link in links)
    assert any(link.startswith("/outages/services/alibaba,") for link in links)
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
        '<a href="/outages/regions/x,a">a</a>, <a href="/outages/regions/x,b">b</a>'
    )
    assert shown({"incident": {"value": "v:1", "label": "Title"}, "service": "a, b"}, "service", "claims") == (
        '<a href="/outages/services/v,a~2C+b">a, b</a>'
    )
    assert shown({"region": "a"}, "region") is None  # nobody knows whose
    assert shown({"incident": "no-vendor", "region": "a"}, "region") is None
    assert shown({"vendor": "x", "region": None}, "region") is None
    assert shown({"vendor": {"value": "x", "label": "X"}}, "vendor", "outages") is None  # Datasette's own link
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


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "Which regions recovered first?"),
        ("/outages/recovery", "cn-hangzhou"),
        ("/outages/recovery_waves", "China (Beijing), China (Hangzhou)"),
        ("/outages", "The archive"),
        ("/outages/outages", "cn-hangzhou"),
        (row_path("incidents", HOSTILE), "<script>alert(1)</script>"),
        (f"/outages/timeline?incident={quote(HOSTILE, safe='')}", "<script>alert(1)</script>"),
        (f"/-/as-of?incident={quote(HOSTILE, safe='')}", "<script>alert(1)</script>"),
        ("/-/as-of", "These changed last"),
        ("/-/incident/alibaba:16", "China (Hangzhou)"),
        ("/-/incident/tencent:2024-04-08-api", "all but East China (Shanghai)"),
        (f"/-/incident/{HOSTILE}", "<script>alert(1)</script>"),
    ],
)
def test_page_in_a_browser(site: str, browser: Any, tmp_path: Path, path: str, words: str) -> None:
    """It shows what it should, complains about nothing, and asks nobody else for anything."""
    complaints: list[str] = []
    asked: list[str] = []

    def dismiss(dialog: Any) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", dismiss)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}{path}", wait_until="load")
    page.screenshot(path=str(tmp_path / "page.png"))
    assert words in page.inner_text("body")
    page.close()
    assert complaints == []
    assert asked
    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    assert (tmp_path / "page.png").stat().st_size > 10_000


@pytest.mark.parametrize("width", [1280, 390])
def test_then_and_today_on_any_screen(site: str, browser: Any, tmp_path: Path, width: int) -> None:
    """Nothing sticks out, and what is gone and what is new differ by more than their colour."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{site}/-/as-of?incident={quote(HOSTILE, safe='')}", wait_until="load")
    page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    line = "e => getComputedStyle(document.querySelector('article ' + e)).textDecorationLine"
    assert (page.evaluate(line, "del"), page.evaluate(line, "ins")) == ("line-through", "underline")
    assert page.inner_text("article ins").strip() == "Broken"
    page.get_by_role("link", name="after →").click()
    assert "It reads the same today." in page.inner_text("body")
    page.get_by_role("link", name="← before").click()
    assert page.input_value("#at") == FIRST_LOOK
    page.close()


SHOWN = ["/", "/-/incident/alibaba:16", "/-/incident/tencent:2024-04-08-api", f"/-/incident/{HOSTILE}"]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", SHOWN)
def test_page_on_any_screen(site: str, browser: Any, tmp_path: Path, path: str, width: int) -> None:
    """Nothing sticks out, no letters of the chart lie on others, every row has its name beside or above its bar."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{site}{path}", wait_until="load")
    page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".chart .grid text:not(.local)")].map(t => t.getBoundingClientRect())
        .filter(b => b.width).map(b => [b.left, b.right])"""
    )
    assert len(boxes) >= 2
    assert all(one[1] < next_[0] for one, next_ in pairwise(sorted(boxes)))
    rows = page.evaluate(
        """() => { const box = e => e.getBoundingClientRect(), chart = document.querySelector(".chart");
        const names = [...chart.querySelectorAll("ol.lanes li")].slice(-chart.querySelectorAll("g.lane").length);
        return [...chart.querySelectorAll("g.lane")].map((lane, n) => {
          const bar = box(lane.querySelector(".bar")), name = box(names[n]);
          return [name.top, name.bottom, bar.top, bar.bottom]; }); }"""
    )
    assert rows
    assert all(top <= bar_top and bar_bottom <= bottom + 1 for top, bottom, bar_top, bar_bottom in rows)
    page.close()


def test_bars_are_as_long_as_the_outage(site: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}/-/incident/alibaba:16", wait_until="load")
    long = (
        """n => document.querySelectorAll("g.lane")[n].querySelector(".major_outage").getBoundingClientRect().width"""
    )
    beijing, hangzhou, sydney = (page.evaluate(long, n) for n in range(3))
    assert beijing == hangzhou
    assert sydney / beijing == pytest.approx(124 / 75, abs=0.02)
    page.close()


def test_times_in_ones_own_zone(site: str, browser: Any) -> None:
    """On request only; UTC comes back."""
    context = browser.new_context(timezone_id="America/Los_Angeles", locale="en-US")
    page = context.new_page()
    page.goto(f"{site}/-/incident/alibaba:16", wait_until="load")
    first = "document.querySelector('dl.facts .at').innerText"
    assert page.evaluate(first) == "2023-11-12 09:39 UTC"
    page.get_by_role("button", name="Times in my zone").press("Enter")
    assert page.evaluate(first) == "2023-11-12 01:39 PST"
    assert page.get_attribute("#my-zone", "aria-pressed") == "true"
    page.click("#my-zone")
    assert page.evaluate(first) == "2023-11-12 09:39 UTC"
    context.close()


def test_without_scripts_all_is_there(site: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/-/incident/alibaba:16", wait_until="load")
    assert page.locator("g.lane").count() == 36
    assert not page.locator("#my-zone").is_visible()
    context.close()


def test_marks_are_reached_by_keyboard(site: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{site}/-/incident/alibaba:16", wait_until="load")
    page.locator("a.point").first.focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#m1")
    assert page.evaluate("document.querySelector(':target').innerText").startswith("2023-11-12 09:44 UTC")
    page.close()


@pytest.mark.parametrize("path", SHOWN)
def test_letters_stand_out(site: str, browser: Any, path: str) -> None:
    """Contrast of 4.5 to 1 (WCAG 2.1, AA) for every text, and of 3 to 1 for bars."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}{path}", wait_until="load")
    faint = page.evaluate(
        """() => { const parts = c => (c.match(/[\\d.]+/g) || []).map(Number);
        const light = c => { const [r, g, b] = parts(c).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
          return .2126 * r + .7152 * g + .0722 * b; };
        const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
          if (parts(c).length == 3 || parts(c)[3] == 1) return c; } return "rgb(255,255,255)"; };
        const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
        const found = [];
        for (const e of document.querySelectorAll("section *, .content *")) {
          const own = [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim());
          const style = getComputedStyle(e), svg = e instanceof SVGElement;
          if (own && e.getClientRects().length && !e.closest("title, desc") && ratio(svg ? style.fill : style.color, ground(e)) < 4.5)
            found.push(e.outerHTML.slice(0, 80));
          if (e.matches(".bar:not(.degraded)") && ratio(style.fill, ground(e)) < 3) found.push(e.outerHTML.slice(0, 80)); }
        return found; }"""
    )
    assert [text for text in faint if 'type="submit"' not in text] == []
    page.close()


def test_editor_works_under_the_policy(site: str, browser: Any) -> None:
    """Datasette's own scripts in line still run: the editor of SQL replaces the plain field."""
    page = browser.new_page()
    page.goto(f"{site}/outages", wait_until="load")
    assert page.locator(".CodeMirror").count() == 1
    page.close()


def test_injected_script_does_not_run(site: str, browser: Any) -> None:
    """Even if markup got through, the policy would stop it."""
    page = browser.new_page()
    page.goto(f"{site}/", wait_until="load")
    ran = page.evaluate(
        """() => { const s = document.createElement('div'); s.innerHTML = '<img src=x onerror="window.ran = 1">';
        document.body.append(s); const t = document.createElement('script'); t.textContent = 'window.ran = 1';
        document.body.append(t); return window.ran || 0; }"""
    )
    page.wait_for_timeout(200)
    assert (ran, page.evaluate("window.ran || 0")) == (0, 0)
    page.close()


def test_chromium_is_where_it_is_looked_for() -> None:
    """Where Debian's browser is installed, the tests above must not be skipped for a wrong path."""
    found = shutil.which("chromium")
    assert found is None or CHROMIUM.exists()
