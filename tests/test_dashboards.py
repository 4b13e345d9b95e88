"""Dashboards: their questions, their pages, and their charts as a browser draws them."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import uvicorn
from datasette.app import Datasette

from crawler.site import described
from crawler.site.dashboards import UnknownError, answer, check, given, question, show
from crawler.site.server import opened
from tests.published import chromium, get

ABOUT = described()
DASHBOARDS: dict[str, dict[str, Any]] = ABOUT["plugins"]["datasette-dashboards"]
CHARTS = [(name, chart) for name, about in DASHBOARDS.items() for chart in about["charts"]]
#: Everything there is; without it the newest two years are shown.
EVER = {"from": "2000-01"}
MARKUP = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def archive(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships; the names of an incident, a region and a service are such as somebody would write who means harm."""
    path = Path(shutil.copyfile(shipped, tmp_path_factory.mktemp("archive") / "outages.db"))
    conn = sqlite3.connect(path)
    with conn:
        conn.execute("update incidents set title = title || ? where id = 'alibaba:16'", (MARKUP,))
        conn.execute("update regions set name = name || ? where (vendor, id) = ('alibaba', 'cn-qingdao')", (MARKUP,))
        conn.execute("update services set name = name || ? where (vendor, id) = ('alibaba', 'mq')", (MARKUP,))
    conn.close()
    return path


@pytest.fixture(scope="module")
def conn(archive: Path) -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(f"file:{archive}?mode=ro", uri=True)
    yield conn
    conn.close()


@pytest.fixture(scope="module")
def site(archive: Path) -> Datasette:
    return opened(archive)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_dashboard_is_described(name: str) -> None:
    about = DASHBOARDS[name]
    assert about["title"]
    assert about["description"]
    assert {chart for row in about["layout"] for chart in row} == set(about["charts"])
    for chart in about["charts"].values():
        assert chart["title"]
        assert chart["db"] == "outages"
        assert chart["library"] in ("vega-lite", "table")
        assert set(re.findall(r"(?<![\w:]):([a-z_]+)", chart["query"])) <= set(about["filters"])


@pytest.mark.parametrize(("name", "chart"), CHARTS)
def test_question_is_answered_without_reading_a_large_table(conn: sqlite3.Connection, name: str, chart: str) -> None:
    about = DASHBOARDS[name]
    asked = about["charts"][chart]
    filters = given(conn, about, EVER if "from" in about["filters"] else {})
    assert show(conn, about, {chart: asked}, filters, 2000).answers[chart].rows
    for values in (filters, {**filters, "vendor": "alibaba"}):
        plan = [row[3] for row in conn.execute(f"explain query plan {question(about, asked)}", values)]
        large = r"SCAN (incidents|outages|claims|updates|revisions|polls|availability|vendor_months|region_months)\b"
        assert [step for step in plan if re.match(large, step)] == []
        quick = r"COVERING INDEX (vendor|region)_months_counted|PRIMARY KEY \(vendor=\?"
        assert [
            step for step in plan if re.search(r"\b(vendor|region)_months\b", step) and not re.search(quick, step)
        ] == []


@pytest.mark.parametrize("name", [name for name, about in DASHBOARDS.items() if about.get("shared")])
def test_what_charts_share_is_asked_once_and_is_in_the_sql_of_each(conn: sqlite3.Connection, name: str) -> None:
    """By itself a chart says the same, by one statement; nothing that was made for a page is left behind."""
    about = DASHBOARDS[name]
    asked: list[str] = []
    conn.set_trace_callback(asked.append)
    shown = show(conn, about, about["charts"], EVER, 2000)
    conn.set_trace_callback(None)
    for sql in about["shared"].values():
        assert sum(sql[:60] in statement for statement in asked) == 1
    assert conn.execute("select count(*) from sqlite_temp_master").fetchone() == (0,)
    assert not conn.in_transaction
    for key, chart in about["charts"].items():
        alone = list(rows_of(conn, question(about, chart), shown.filters))
        assert alone == shown.answers[key].rows, key


def rows_of(conn: sqlite3.Connection, sql: str, values: dict[str, str]) -> Iterator[dict[str, Any]]:
    cursor = conn.execute(sql, values)
    for row in cursor:
        yield dict(zip((column[0] for column in cursor.description), row, strict=True))


def test_nothing_shared_is_left_by_what_goes_wrong(conn: sqlite3.Connection) -> None:
    """The same connection can be asked again."""
    about = {"filters": {}, "shared": {"some": "select 1 as one"}}
    with pytest.raises(sqlite3.OperationalError, match="no such table: elsewhere"):
        show(conn, about, {"chart": {"query": "select one from some, elsewhere"}}, {}, 10)
    assert conn.execute("select count(*) from sqlite_temp_master").fetchone() == (0,)
    shown = show(conn, about, {"chart": {"query": "select one from some"}}, {}, 10)
    assert shown.answers["chart"].rows == [{"one": 1}]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_nothing_is_no_error(conn: sqlite3.Connection, name: str) -> None:
    about = DASHBOARDS[name]
    empty = {
        "incident": "alibaba:16",
        "service": "nothing' or 1=1 --",
        "vendor": "",
        "from": "1999-01",
        "until": "1999-02",
    }
    answers = show(conn, about, about["charts"], empty, 2000).answers
    assert {key: len(told.rows) for key, told in answers.items() if told.rows and key != "about"} == {}


def test_filters_hold_by_default(conn: sqlite3.Connection) -> None:
    assert given(conn, DASHBOARDS["recovery"], {}) == {"incident": "alibaba:16", "service": ""}
    (newest,) = conn.execute("select max(month) from vendor_months").fetchone()
    of_all = given(conn, DASHBOARDS["over_time"], {})
    assert of_all["until"] == newest
    assert int(newest[:4]) * 12 + int(newest[5:]) - int(of_all["from"][:4]) * 12 - int(of_all["from"][5:]) == 23
    assert given(conn, DASHBOARDS["over_time"], {"vendor": "alibaba"})["from"] == "2018-06"
    assert given(conn, DASHBOARDS["over_time"], {"from": "", "until": " 2024-01 "}) == {
        "vendor": "",
        "from": "",
        "until": "2024-01",
    }


def test_filters_are_checked(conn: sqlite3.Connection) -> None:
    for wrong in ({"from": "2024"}, {"until": "2024-13"}, {"from": "2024-01' or 1"}):
        with pytest.raises(ValueError, match="not a month such as"):
            check(conn, wrong)
    with pytest.raises(UnknownError, match="There is no vendor nobody"):
        check(conn, {"vendor": "nobody"})
    check(conn, {"vendor": "", "from": "", "until": "2024-12", "service": "nothing"})


def test_months_count_what_the_charts_show(conn: sqlite3.Connection) -> None:
    """Severities and vendors are two divisions of the same; the map and what is not on it are all."""
    answers = show(conn, DASHBOARDS["over_time"], DASHBOARDS["over_time"]["charts"], EVER, 2000).answers
    (numbers,) = answers["numbers"].rows
    assert numbers["outages"] > 30
    for chart in ("severity", "vendors"):
        assert sum(row["outages"] for row in answers[chart].rows) == numbers["outages"]
    answers = show(conn, DASHBOARDS["where"], DASHBOARDS["where"]["charts"], EVER, 2000).answers
    (numbers,) = answers["numbers"].rows
    parts = ("on_the_map", "regions_without_a_place", "region_not_said")
    assert sum(numbers[part] or 0 for part in parts) == numbers["outages_of_a_region"]
    assert sum(row["outages"] for row in answers["map"].rows) == numbers["on_the_map"]
    assert sum(row["regions"] for row in answers["map"].rows) == numbers["regions_on_the_map"]


def test_lags_are_divided_in_half(conn: sqlite3.Connection) -> None:
    """As everywhere: by the mean of the two in the middle where their number is even."""
    about = DASHBOARDS["disclosure"]
    lags: list[float] = []
    parities = set()
    charts = {name: about["charts"][name] for name in ("numbers", "vendors", "spread")}
    months = conn.execute("select month, lags from vendor_months where vendor = 'aws' order by month").fetchall()
    for month, told in months:
        lags += json.loads(told)
        if len(lags) < 3 or told == "[]":
            continue
        answers = show(conn, about, charts, {**EVER, "vendor": "aws", "until": month}, 2000).answers
        (numbers,), (aws,) = answers["numbers"].rows, answers["vendors"].rows
        assert numbers["half_came_within_minutes"] == aws["half_minutes"] == round(median(lags), 2), month
        assert aws["quarter_minutes"] <= aws["half_minutes"] <= aws["three_quarters_minutes"]
        assert sum(row["outages"] for row in answers["spread"].rows) == numbers["outages"]
        parities.add(len(lags) % 2)
    assert parities == {0, 1}


def test_rows_beyond_the_most_are_told_of(conn: sqlite3.Connection) -> None:
    chart = DASHBOARDS["recovery"]["charts"]["regions"]
    assert (answer(conn, chart, {"incident": "alibaba:16", "service": ""}, 36).cut, len(answer(
        conn, chart, {"incident": "alibaba:16", "service": ""}, 35).rows)) == (False, 35)  # fmt: skip
    assert answer(conn, chart, {"incident": "alibaba:16", "service": ""}, 35).cut


@pytest.mark.parametrize("name", DASHBOARDS)
def test_page_and_json_say_the_same(site: Datasette, name: str) -> None:
    page, data = (
        get(site, f"/-/dashboards/{name}{suffix}?incident=alibaba:16&from=2000-01") for suffix in ("", ".json")
    )
    assert (page.status_code, data.status_code) == (200, 200)
    told = data.json()
    shown = [
        json.loads(rows)
        for rows in re.findall(r'<script type="application/json" class="rows">(.*?)</script>', page.text)
    ]
    drawn = [key for key, chart in DASHBOARDS[name]["charts"].items() if chart["library"] == "vega-lite"]
    assert [[{k: v for k, v in row.items() if k != "href"} for row in rows] for rows in shown] == [
        told["charts"][key]["rows"] for key in drawn
    ]
    assert "'unsafe-eval'" not in page.headers["content-security-policy"]
    assert MARKUP not in page.text
    assert "<img" not in page.text


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("recovery?incident=alibaba:nothing", 404, "There is no incident alibaba:nothing"),
        ("where?vendor=nobody", 404, "There is no vendor nobody"),
        ("where.json?vendor=nobody", 404, "There is no vendor nobody"),
        ("over_time?from=yesterday", 400, "not a month such as"),
        ("over_time.json?until=2024-00", 400, "not a month such as"),
        ("nothing.json", 404, "There is no dashboard nothing"),
    ],
)
def test_what_there_is_not(site: Datasette, path: str, status: int, said: str) -> None:
    response = get(site, f"/-/dashboards/{path}")
    assert response.status_code == status
    assert said in response.text


def test_dashboards_are_found(site: Datasette) -> None:
    assert 'href="/-/dashboards/where"' in get(site, "/").text
    assert 'href="/-/dashboards/recovery?incident=alibaba%3A16"' in get(site, "/-/incident/alibaba:16").text
    listed = get(site, "/-/dashboards").text
    assert all(f'href="/-/dashboards/{name}"' in listed for name in DASHBOARDS)


def test_filters_offer_what_can_be_asked(site: Datasette, conn: sqlite3.Connection) -> None:
    """Ids with names beside them; none leads to a page that is not there."""
    page = get(site, "/-/dashboards/recovery?incident=alibaba:16").text
    offered = re.findall(r'<option value="([^"]+)">([^<]+)</option>', page)
    assert 5 < len(offered) <= 50
    check(conn, {"incident": offered[-1][0]})
    assert "Alibaba Cloud, 2023-11-12)" in dict(offered)["alibaba:16"]
    assert 'href="/-/search"' in page
    vendors = get(site, "/-/dashboards/where").text
    assert '<option value="aws">Amazon Web Services</option>' in vendors


def test_charts_call_vendors_by_their_names(conn: sqlite3.Connection) -> None:
    for name in ("disclosure", "over_time", "where"):
        answers = show(conn, DASHBOARDS[name], DASHBOARDS[name]["charts"], EVER, 2000).answers
        ids = {vendor for (vendor,) in conn.execute("select id from vendors where id <> name")}
        shown = {str(row["name"]).partition(": ")[0] for it in answers.values() for row in it.rows if "name" in row}
        assert shown
        assert not shown & ids, name


def test_without_scripts_rows_are_open(site: Datasette) -> None:
    page = get(site, "/-/dashboards/over_time").text
    assert page.count('<details class="rows" open>') == page.count('<figure class="vega"') == 4


def test_no_page_carries_a_script_of_leaflet(site: Datasette) -> None:
    assert "datasette.leaflet" not in get(site, "/outages").text


@pytest.fixture(scope="module")
def address(site: Datasette) -> Iterator[str]:
    """The site on a free port."""
    server = uvicorn.Server(uvicorn.Config(site.app(), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


DRAWN = "body:not(:has(figure.vega:not([data-drawn])))"
MARKS = "f => [f.dataset.chart, f.dataset.drawn, f.querySelectorAll('svg .role-mark > path').length]"
#: Names and lengths of the bars, from the top; only the first layer holds bars.
BARS = """f => { const bars = [...f.querySelector('.mark-rect.role-mark').children].map(b => b.getBoundingClientRect());
    return [...f.querySelectorAll('.role-axis-label text')].map(t => t.textContent).filter(t => !/^\\d\\d:\\d\\d$/.test(t))
    .map((name, i) => [name, bars[i].top, bars[i].width]); }"""

#: How wide the page and the first chart on it are. (The policy forbids `wait_for_function`, which evaluates words.)
WIDTHS = "[document.documentElement.scrollWidth, document.querySelector('figure.vega svg').clientWidth]"


def test_charts_are_drawn(address: str) -> None:
    """Under the policy, with nothing from elsewhere, without a complaint; on a wide screen and on a phone."""
    said: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda problem: said.append(str(problem)))
        page.on("request", lambda asked: None if asked.url.startswith(f"{address}/") else said.append(asked.url))
        for name, about in DASHBOARDS.items():
            page.goto(f"{address}/-/dashboards/{name}?incident=alibaba:16&from=2000-01", wait_until="load")
            page.wait_for_selector(DRAWN, timeout=20_000)
            found = page.eval_on_selector_all("figure.vega", f"all => all.map({MARKS})")
            assert [key for key, _, _ in found] == [
                k for k, c in about["charts"].items() if c["library"] == "vega-lite"
            ]
            assert {(key, drawn) for key, drawn, marks in found if drawn != "yes" or not marks} == set()
            assert page.title().startswith(about["title"])
            assert page.locator("details.rows[open]").count() == 0
            unnamed = "all => all.filter(e => e.getAttribute('role') != 'img' || !e.getAttribute('aria-label')).length"
            assert page.eval_on_selector_all(".drawing", unnamed) == 0
            assert page.locator(".drawing svg:not([aria-hidden])").count() == 0
            if name == "recovery":
                bars = page.eval_on_selector("figure[data-chart=regions]", BARS)
                page.set_viewport_size({"width": 390, "height": 844})
                for _ in range(400):  # charts follow the width of the window, when they have the time
                    if max(widest := page.evaluate(WIDTHS)) <= 390:
                        break
                    page.wait_for_timeout(50)
                assert max(widest) <= 390
                assert min(widest) > 200
                page.set_viewport_size({"width": 1280, "height": 900})
            if name == "disclosure":
                page.locator("figure[data-chart=newest] .role-mark > path").first.click()
                page.wait_for_url(f"{address}/-/incident/*")
            if name == "where":
                assert page.locator("figure[data-chart=map] .mark-shape path").get_attribute("d").startswith("M")
    assert said == []
    names, tops, widths = zip(*bars, strict=True)
    assert names[:2] == ("China (Beijing)", "China (Hangzhou)")
    assert len(names) == 36
    assert list(tops) == sorted(tops)
    assert widths[0] == pytest.approx(widths[1])
    assert all(width > 1.3 * widths[0] for width in widths[2:])
