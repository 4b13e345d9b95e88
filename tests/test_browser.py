"""The published archive as people meet it: each page in Chromium on a wide screen and on a phone.

Pictures of all of them land in `build/screens/`; three of them stand in README.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest

from tests.published import FIRST_LOOK, HOSTILE, chromium, published, row_path

SCREENS = Path(__file__).resolve().parent.parent / "build" / "screens"
#: Name of the screen: its width and height.
SIZES = {"wide": (1280, 900), "phone": (390, 844)}

#: What each page must say somewhere, by the name of its picture.
PAGES = {
    "front": ("/", "Which regions recovered first?"),
    "alibaba-2023-11-12": ("/-/incident/alibaba:16", "China (Hangzhou)"),
    "tencent-2024-04-08": ("/-/incident/tencent:2024-04-08-api", "all but East China (Shanghai)"),
    "hostile": (f"/-/incident/{HOSTILE}", "<script>alert(1)</script>"),
    "then": (f"/-/as-of?incident={quote(HOSTILE, safe='')}", "<script>alert(1)</script>"),
    "vendor": ("/-/vendor/github", "Hostile <script>"),
    "region": ("/-/region/alibaba/cn-hangzhou", "Consoles and management API out in all regions"),
    "service": ("/-/service/alibaba/console", "Consoles and management API out in all regions"),
    "regions-compared": ("/-/compare/regions/alibaba?from=2023-01&until=2023-12", "Hangzhou"),
    "dashboard": ("/-/dashboards/recovery", "China (Hangzhou)"),
    "search": ("/-/search?q=hangzhou", "Consoles and management API out in all regions"),
    "dictionary": ("/-/dictionary", "recovery_order"),
    "question": ("/outages/recovery_waves", "China (Beijing), China (Hangzhou)"),
    "database": ("/outages", "The archive"),
    "table": ("/outages/outages", "cn-hangzhou"),
    "row": (row_path("incidents", HOSTILE), "<script>alert(1)</script>"),
}
#: Also on a phone, where tables become lists. The dictionary is too long to be read by axe in reasonable time.
READ = ("alibaba-2023-11-12", "region")
CHARTS = ("front", "alibaba-2023-11-12", "tencent-2024-04-08", "hostile")
#: Also in the dark: each of them has colours that the others have not.
DARK = ("alibaba-2023-11-12", "then", "region", "regions-compared", "dashboard", "table")
#: Datasette's own, and what is long: on a phone only our other pages are looked at.
WIDE_ONLY = ("database", "table", "question", "dictionary")


@pytest.fixture(scope="module")
def site(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with published(tmp_path_factory.mktemp("site"), shipped) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def violations(page: Any, *rules: str) -> list[dict[str, Any]]:
    """The rules of axe-core (all by default) that the page breaks, each with the elements that do."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found: list[dict[str, Any]] = axe.run(page, options=options).response["violations"]
    return found


@dataclass
class Heard:
    """What a page complains of, and the addresses it asks."""

    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def tab(browser: Any) -> Iterator[Any]:
    """One tab for many pages: a new one takes as long as some of them."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def heard(tab: Any) -> Iterator[Heard]:
    """Of the pages that the tab goes to from now on."""
    found = Heard()

    def dismiss(dialog: Any) -> None:
        found.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    listeners = {
        "console": lambda message: found.complaints.append(message.text),
        "pageerror": lambda error: found.complaints.append(str(error)),
        "dialog": dismiss,
        "request": lambda request: found.asked.append(request.url),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    yield found
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)


def show(tab: Any, address: str, size: str, colours: Literal["light", "dark"] = "light") -> None:
    """Go to a page, and wait until its charts are drawn."""
    width, height = SIZES[size]
    tab.emulate_media(color_scheme=colours)
    tab.set_viewport_size({"width": width, "height": height})
    tab.goto(address, wait_until="load")
    tab.wait_for_selector("body:not(:has(figure.vega:not([data-drawn])))")


def picture(tab: Any, name: str, whole: bool) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=str(SCREENS / f"{name}.png"), full_page=whole)


@pytest.mark.parametrize(("name", "size"), [(n, s) for n in PAGES for s in SIZES if s == "wide" or n not in WIDE_ONLY])
def test_page(site: str, tab: Any, heard: Heard, name: str, size: str) -> None:
    """It says what it should, complains about nothing, asks nobody else, fits, and can be read by everybody (axe-core)."""
    path, words = PAGES[name]
    width, _ = SIZES[size]
    show(tab, f"{site}{path}", size)
    picture(tab, f"{name}-{width}", whole=name not in WIDE_ONLY)
    assert words in tab.inner_text("body")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    found = violations(tab) if name in READ or (size == "wide" and name != "dictionary") else []
    assert heard.complaints == []
    assert heard.asked
    assert [url for url in heard.asked if not url.startswith((site, "data:"))] == []
    assert [(rule["id"], node["html"][:120]) for rule in found for node in rule["nodes"][:3]] == []


@pytest.mark.parametrize("name", DARK)
def test_dark(site: str, tab: Any, name: str) -> None:
    """Who asks for dark pages gets them, and can read them."""
    show(tab, f"{site}{PAGES[name][0]}", "wide", "dark")
    picture(tab, f"{name}-dark", whole=False)
    found = violations(tab, "color-contrast")
    light = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(light) < 64
    assert [node["html"][:120] for rule in found for node in rule["nodes"]] == []


def test_error(site: str, browser: Any) -> None:
    """What is not there is told on a page like the others."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{site}/-/incident/nobody:1", wait_until="load")
    assert page.inner_text("h1") == "Not here"
    assert page.evaluate("document.querySelector('a.skip').getBoundingClientRect().right") < 0
    assert [rule["id"] for rule in violations(page)] == []
    page.get_by_label("Find an outage").fill("hangzhou")
    page.keyboard.press("Enter")
    page.wait_for_url("**/-/search?q=hangzhou")
    page.close()


def test_on_paper(site: str, browser: Any) -> None:
    """Nothing that is pressed; colours that mean something; messages in full."""
    page = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="dark")
    page.goto(f"{site}/-/incident/{HOSTILE}", wait_until="load")
    assert page.locator("header").is_visible()
    page.emulate_media(media="print")
    ink = "(([r, g, b]) => r + g + b)(getComputedStyle(document.body).color.match(/\\d+/g).map(Number))"
    assert page.evaluate(ink) < 200  # dark letters, on white
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    for selector in ("header", "footer", "#my-zone", ".doors"):
        assert not page.locator(selector).first.is_visible(), selector
    assert page.evaluate("getComputedStyle(document.querySelector('.badge')).printColorAdjust") == "exact"
    for place, unfolded in (("ol.timeline li", True), ("table.accounts td", False)):
        seen = page.evaluate(
            """place => { const inside = document.querySelector(place);
            inside.insertAdjacentHTML("beforeend", "<details><summary>More</summary><p>of it</p></details>");
            return inside.querySelector("details:last-of-type p").checkVisibility({ contentVisibilityAuto: true }); }""",
            place,
        )
        assert seen is unfolded, place
    page.close()


def test_then_and_today_differ_by_more_than_colour(site: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{site}/-/as-of?incident={quote(HOSTILE, safe='')}", wait_until="load")
    line = "e => getComputedStyle(document.querySelector('article ' + e)).textDecorationLine"
    assert (page.evaluate(line, "del"), page.evaluate(line, "ins")) == ("line-through", "underline")
    assert page.inner_text("article ins").strip() == "Broken"
    page.get_by_role("link", name="after →").click()
    assert "It reads the same today." in page.inner_text("body")
    page.get_by_role("link", name="← before").click()
    assert page.input_value("#at") == FIRST_LOOK
    page.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CHARTS)
def test_chart(site: str, tab: Any, name: str, size: str) -> None:
    """No letters of it lie on others, every row has its name beside or above its bar, and bars stand out (3 to 1)."""
    show(tab, f"{site}{PAGES[name][0]}", size)
    boxes = tab.evaluate(
        """() => [...document.querySelectorAll(".chart .grid text:not(.local)")].map(t => t.getBoundingClientRect())
        .filter(b => b.width).map(b => [b.left, b.right])"""
    )
    assert len(boxes) >= 2
    assert all(one[1] < next_[0] for one, next_ in pairwise(sorted(boxes)))
    rows = tab.evaluate(
        """() => { const box = e => e.getBoundingClientRect(), chart = document.querySelector(".chart");
        const names = [...chart.querySelectorAll("ol.lanes li")].slice(-chart.querySelectorAll("g.lane").length);
        return [...chart.querySelectorAll("g.lane")].map((lane, n) => {
          const bar = box(lane.querySelector(".bar")), name = box(names[n]);
          return [name.top, name.bottom, bar.top, bar.bottom]; }); }"""
    )
    assert rows
    assert all(top <= bar_top and bar_bottom <= bottom + 1 for top, bottom, bar_top, bar_bottom in rows)
    faint = tab.evaluate(
        """() => { const parts = c => (c.match(/[\\d.]+/g) || []).map(Number);
        const light = c => { const [r, g, b] = parts(c).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
          return .2126 * r + .7152 * g + .0722 * b; };
        const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
          if (parts(c).length == 3 || parts(c)[3] == 1) return c; } return "rgb(255,255,255)"; };
        const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
        return [...document.querySelectorAll(".bar:not(.degraded)")].filter(e => ratio(getComputedStyle(e).fill, ground(e)) < 3)
          .map(e => e.outerHTML.slice(0, 80)); }"""
    )
    assert faint == []


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
    """On request only, axis and all, and on the next page as well; UTC comes back."""
    context = browser.new_context(timezone_id="America/Los_Angeles", locale="en-US")
    page = context.new_page()
    page.goto(f"{site}/-/incident/alibaba:16", wait_until="load")
    first = "document.querySelector('dl.facts .at').innerText"
    assert page.evaluate(first) == "2023-11-12 09:39 UTC"
    page.get_by_role("button", name="Times in my zone").press("Enter")
    assert page.evaluate(first) == "2023-11-12 01:39 PST"
    assert page.get_attribute("#my-zone", "aria-pressed") == "true"
    axis = "[...document.querySelectorAll('.chart .axis span, .chart [data-at]')].slice(0, 4).map(e => e.textContent)"
    assert page.evaluate(axis) == ["PST", "Asia/Shanghai", "02:00", "02:30"]
    page.goto(f"{site}/-/as-of?incident={quote(HOSTILE, safe='')}", wait_until="load")
    assert "2026-03-01 03:45 PST" in page.inner_text("p.lead")
    page.goto(f"{site}/-/incident/alibaba:16", wait_until="load")
    assert page.evaluate(first) == "2023-11-12 01:39 PST"
    page.click("#my-zone")
    assert page.evaluate(first) == "2023-11-12 09:39 UTC"
    assert page.evaluate(axis) == ["UTC", "Asia/Shanghai", "10:00", "10:30"]
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


@pytest.mark.parametrize("name", ["front", "alibaba-2023-11-12"])
def test_keyboard_goes_where_eyes_do(site: str, browser: Any, name: str) -> None:
    """The tab key reaches links of the page one after the other, and each shows that it is reached."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}{PAGES[name][0]}", wait_until="load")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => { const e = document.activeElement, style = getComputedStyle(e);
                return [e.tagName, e.innerText || e.value || e.getAttribute("aria-label") || e.title || e.textContent,
                  style.outlineStyle != "none" || style.boxShadow != "none"]; }"""
            )
        )
    page.close()
    assert {tag for tag, _, _ in reached} <= {"A", "a", "INPUT", "BUTTON", "SUMMARY", "SELECT"}
    assert [tag for tag, _, shown in reached if not shown] == []


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
