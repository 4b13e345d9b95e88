"""An incident's page: the chart, what came back when, what was said and changed, and what each figure rests on."""

from __future__ import annotations

import json
import lzma
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import yaml
from datasette.app import Datasette

from crawler.records import Severity, instant
from crawler.site import METADATA, front, incident
from crawler.site.chart import MOST_ROWS, THICK, Chart, Mark, Row, Spell, draw
from crawler.site.ical import Event, calendar, escape, fold
from crawler.site.incident import Page, Story, event, excerpt, tell
from crawler.site.server import opened
from crawler.site.summary import LONGEST, in_short
from crawler.site.wording import compare
from crawler.site.words import length, page_name, there
from tests.published import ask as asked
from tests.published import copied
from tests.test_archive import take, write

TENCENT = "tencent:2024-04-08-api"
AWS = next(
    f"aws:{yaml.safe_load(path.read_text())['key']}"
    for path in (METADATA.parent / "data/incidents").glob("aws-2025-10-20*")
)
GOOGLE = "gcp:ow5i3PPK96RduMcb1SsW"
EDITED = "github:3d1t3dpag301"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def update(key: str, at: str, status: str, body: str) -> dict[str, Any]:
    """A message as Statuspage publishes it."""
    body = body.replace("<", "&lt;").replace(">", "&gt;")
    return {
        "id": key, "incident_id": EDITED.partition(":")[2], "status": status, "body": body, "created_at": at,
        "updated_at": at, "display_at": at, "affected_components": None, "deliver_notifications": True,
        "custom_tweet": None, "tweet_id": None,
    }  # fmt: skip


FIRST = update("upd000000001", "2026-03-01T10:05:00.000Z", "investigating", f"Pushes fail since 09:50 UTC. {MARKUP}")
SECOND = update("upd000000002", "2026-03-01T10:20:00.000Z", "identified", "A certificate ran out in one zone.")
SOFTER = FIRST | {"body": FIRST["body"].replace("Pushes fail", "Some pushes may be slow")}
LAST = update("upd000000003", "2026-03-01T11:00:00.000Z", "resolved", "All is well again.")


def captures() -> Iterator[dict[str, Any]]:
    """Four looks: the incident open, a message softened, the other taken away when it is over, the title changed."""
    looks: list[tuple[str, str, list[dict[str, Any]], str]] = [
        ("2026-03-01T10:30:00Z", "identified", [SECOND, FIRST], f"Pushes {MARKUP}"),
        ("2026-03-01T10:45:00Z", "identified", [SECOND, SOFTER], f"Pushes {MARKUP}"),
        ("2026-03-01T11:05:00Z", "resolved", [LAST, SOFTER], f"Pushes {MARKUP}"),
        ("2026-03-09T09:00:00Z", "resolved", [LAST, SOFTER], f"Slow pushes {MARKUP}"),
    ]
    for at, status, updates, title in looks:
        over = "2026-03-01T11:00:00.000Z" if status == "resolved" else None
        page = {
            "page": {"id": "kctbh9vrtdwd", "name": "GitHub", "url": "https://www.githubstatus.com", "time_zone": "Etc/UTC",
                     "updated_at": at},
            "incidents": [{
                "id": EDITED.partition(":")[2], "name": title.replace("<", "&lt;").replace(">", "&gt;"), "status": status,
                "impact": "major", "shortlink": "javascript:alert(3)", "page_id": "kctbh9vrtdwd",
                "created_at": "2026-03-01T10:05:00.000Z", "updated_at": at, "monitoring_at": None, "resolved_at": over,
                "started_at": "2026-03-01T10:05:00.000Z", "components": [], "incident_updates": updates}],
        }  # fmt: skip
        yield {
            "source": "github-incidents", "url": "https://www.githubstatus.com/api/v2/incidents.json", "fetched_at": at,
            "status": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(page),
        }  # fmt: skip


def made(directory: Path, shipped: Path, lines: Iterable[str]) -> Path:
    """An archive of what ships and these captures."""
    data = copied(shipped, directory / "data")
    take(data, write(directory / "lines.jsonl", list(lines)), by_hand=True)
    return data / "outages.db"


@pytest.fixture(scope="module")
def archive(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file nobody can write to."""
    directory = tmp_path_factory.mktemp("incidents")
    copy = directory / "outages.db"
    shutil.copy(made(directory, shipped, map(json.dumps, captures())), copy)
    copy.chmod(0o444)
    return copy


@pytest.fixture(scope="module")
def conn(archive: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{archive}?immutable=1", uri=True)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def site(archive: Path) -> Datasette:
    return opened(archive)


def ask(site: Datasette, path: str, status: int = 200) -> str:
    return asked(site, path, status, follow_redirects=True)


class Elements(HTMLParser):
    """The elements of a page with their attributes and the text up to the next element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_data(self, data: str) -> None:
        if self.found:
            self.found[-1][2].append(data)

    def of(self, tag: str, class_: str = "") -> list[dict[str, str]]:
        """Elements of a kind, and of a class."""
        return [a for t, a, _ in self.found if t == tag and (not class_ or class_ in a.get("class", "").split())]

    def lanes(self) -> list[tuple[str, list[dict[str, str]]]]:
        """The rows of the chart with their bars."""
        lanes: list[tuple[str, list[dict[str, str]]]] = []
        for tag, attrs, _ in self.found:
            if tag == "g":
                lanes.append((attrs.get("aria-label", ""), []))
            elif tag == "rect" and "bar" in attrs.get("class", "").split() and "x" in attrs:
                lanes[-1][1].append(attrs)
        return [lane for lane in lanes if lane[1]]


# The showcases


def test_hangzhou_and_beijing_are_on_top_and_the_others_took_more_than_half_as_long_again(site: Datasette) -> None:
    page = Elements(ask(site, "/-/incident/alibaba:16"))
    lanes = page.lanes()
    assert len(lanes) == 36
    assert [label.partition(":")[0] for label, _ in lanes[:2]] == ["China (Beijing)", "China (Hangzhou)"]
    assert lanes[-1][0].startswith("no region said: out from 2023-11-12 09:39 until 2023-11-12 13:11 UTC")
    widths = [
        max(float(bar["width"].rstrip("%")) for bar in bars if "major_outage" in bar["class"]) for _, bars in lanes[:-1]
    ]
    assert widths[0] == widths[1]
    assert set(widths[2:]) == {widths[2]}
    assert widths[2] / widths[0] == pytest.approx(124 / 75, abs=0.01)
    assert all("partial_outage" in bars[-1]["class"] for _, bars in lanes)


def test_what_is_alike_is_read_as_one(archive: Path, tmp_path: Path) -> None:
    """One interval of 60 regions and 50 services is one row of what is asked, and so is what is said of it."""
    copy = tmp_path / "outages.db"
    shutil.copyfile(archive, copy)
    with closing(sqlite3.connect(copy)) as conn, conn:
        conn.execute(
            """insert into incidents (id, vendor, key, title, kind, started_at, ended_at, start_basis, end_basis)
            values ('alibaba:big', 'alibaba', 'big', 'Big', 'outage', '2020-01-01T00:00:00Z', '2020-01-01T01:00:00Z',
              'stated', 'stated')"""
        )
        cells = [(f"r{n % 60}", f"s{n // 60}") for n in range(3000)]
        conn.executemany(
            """insert into outages (id, incident, vendor, region, service, started_at, ended_at, start_basis, end_basis)
            values ('alibaba:big/' || ?1 || ?2, 'alibaba:big', 'alibaba', ?1, ?2, '2020-01-01T00:00:00Z',
              '2020-01-01T01:00:00Z', 'stated', 'stated')""",
            cells,
        )
        conn.executemany(
            """insert into claims (id, incident, source, authority, region, service, started_at, ended_at, basis, quote)
            values ('alibaba:big/' || ?3 || ?1 || ?2, 'alibaba:big', ?3, 'vendor', ?1, ?2, '2020-01-01T00:00:00Z', ?4,
              'stated', 'It failed.')""",
            [
                (*cell, *said)
                for cell in cells
                for said in (("a", "2020-01-01T01:00:00Z"), ("b", "2020-01-01T02:00:00Z"))
            ],
        )
        story, page = told(conn, "alibaba:big")
    assert (len(story.held), len(story.held[0].cells), len(page.accounts)) == (1, 3000, 2)
    ((course,),) = [wave.courses for wave in page.waves]
    assert (len(course.regions.ids), len(course.services.ids), course.minutes) == (60, 50, 60)
    (conflict,) = page.conflicts
    assert (conflict.bound, conflict.minutes, [v.chosen for v in conflict.voices]) == ("end", 60, [True, False])
    assert len(conflict.regions.ids) == 60


def test_waves_of_alibaba(conn: sqlite3.Connection) -> None:
    page = told(conn, "alibaba:16")[1]
    assert [(w.at, w.minutes) for w in page.waves] == [
        ("2023-11-12T10:54:00Z", 75),
        ("2023-11-12T11:43:00Z", 124),
        ("2023-11-12T12:12:00Z", 153),
        ("2023-11-12T13:11:00Z", 212),
    ]
    first, second = page.waves[0].courses[0], page.waves[1].courses[0]
    assert first.regions.text == "China (Beijing), China (Hangzhou)"
    assert second.regions.text == "all but China (Beijing), China (Hangzhou)"
    assert (len(second.regions.ids), second.regions.folded, first.regions.folded) == (33, True, False)
    assert page.waves[0].back == 4 / 109
    assert page.waves[-1].back == 1
    assert page.zone == "Asia/Shanghai"
    held = {voice.at: voice.chosen for c in page.conflicts if c.whole and c.bound == "start" for voice in c.voices}
    assert held == {"2023-11-12T09:39:00Z": True, "2023-11-12T09:44:00Z": False}


def told(conn: sqlite3.Connection, name: str) -> tuple[Story, Page]:
    """An incident that must be there."""
    found = tell(conn, name)
    assert found
    return found


def drawn(conn: sqlite3.Connection, name: str, rows: incident.Rows | None = None) -> Chart:
    """The chart of an incident that has one."""
    story, page = told(conn, name)
    chart = story.chart(page, rows or story.best_rows(), {})
    assert chart
    return chart


def test_shanghai_came_back_last(conn: sqlite3.Connection) -> None:
    chart = drawn(conn, TENCENT)
    assert len(chart.lanes) == 21
    assert chart.lanes[-1].label == "East China (Shanghai)"
    assert {len(lane.bars) for lane in chart.lanes} == {2}
    full = [lane.bars[0] for lane in chart.lanes]
    assert full[-1].width == pytest.approx(full[0].width * 82 / 42, rel=0.001)
    assert {bar.height for bar in full} == {THICK}
    page = told(conn, TENCENT)[1]
    assert [(w.at, w.courses[0].regions.text) for w in page.waves] == [
        ("2024-04-08T08:05:00Z", "all but East China (Shanghai)"),
        ("2024-04-08T08:45:00Z", "East China (Shanghai)"),
        ("2024-04-08T08:50:00Z", "all 21 regions"),
    ]


def test_one_region_is_drawn_by_its_services(site: Datasette, conn: sqlite3.Connection) -> None:
    chart = drawn(conn, AWS)
    assert [lane.label for lane in chart.lanes][:2] == ["Amazon DynamoDB", "Amazon Elastic Load Balancing"]
    assert chart.lanes[-1].label == "Amazon Redshift"
    assert chart.lanes[0].bars[0].severity == "major_outage"
    assert len(drawn(conn, AWS, "regions").lanes) == 1
    page = ask(site, f"/-/incident/{page_name(AWS)}")
    assert "All of it in US East (N. Virginia)." in page
    assert "(10-19 23:45 PDT)" in page
    assert "By regions instead" not in page


@pytest.fixture(scope="module")
def google(shared: Path, shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    """The looks around 2025-06-12, and the last."""
    with lzma.open(shared / "replay" / "gcp-incidents-2025h1.jsonl.xz", "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    near = [line for line in lines if re.search(r'"fetched_at": *"2025-06-1[234]T', line)]
    assert near
    return sqlite3.connect(made(tmp_path_factory.mktemp("google"), shipped, [*near, lines[-1]]))


def test_google(google: sqlite3.Connection) -> None:
    chart = drawn(google, GOOGLE)
    labels = [lane.label for lane in chart.lanes]
    assert labels[:3] == ["39 regions", "2 regions", "Iowa (us-central1)"]
    assert "Zurich (europe-west6)" in chart.lanes[0].told
    assert chart.kinds == {"message", "edit"}
    page = told(google, GOOGLE)[1]
    assert page.waves[0].at == "2025-06-12T19:48:00Z"
    assert page.waves[1].at == "2025-06-12T20:49:00Z"
    assert page.waves[1].courses[0].regions.text == "Iowa (us-central1)"
    vertex = "select ended_at, count(*) from outages where incident = ? and service like 'vertex-ai-o%' group by 1"
    assert google.execute(vertex, (GOOGLE,)).fetchall() == [
        (
            "2025-06-13T00:59:00Z",
            40,
        ),  # all regions but Belgium and Singapore, as was said under the name of the service
        ("2025-06-13T01:18:00Z", 21),
    ]
    bounds = [b for w in page.waves for c in w.courses for b in (c.start, c.end) if b]
    assert bounds
    assert all(bound.account for bound in bounds)
    assert all(a.look and a.look.poll for a in page.accounts if a.source == "gcp-incidents")
    by_field = [e for entry in page.timeline for e in entry.edits if e.field == "started_at"]
    assert [(e.before, e.after) for e in by_field] == [("2025-06-12T19:00:00Z", "2025-06-12T17:51:00Z")]
    starts = {voice.at[11:16] for c in page.conflicts if c.whole and c.bound == "start" for voice in c.voices}
    assert starts == {"17:45", "17:49", "17:51"}


def test_the_largest_page_is_made_in_time(google: sqlite3.Connection) -> None:
    rows = google.execute("select count(*) from outages where incident = ?", (GOOGLE,)).fetchone()[0]
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    google.set_progress_handler(count, 1000)
    told(google, GOOGLE)
    google.set_progress_handler(None, 1)
    assert rows > 3000
    assert steps * 1000 / rows < 400  # instructions of SQLite a row: no join of all with all


# What was changed


@pytest.mark.parametrize(
    "name",
    [
        "alibaba:16",
        "azure:VVTQ-J98",
        "cloudflare:2025-11-18-bot-management",
        "gcp:cFXPsFUnUELR8U2bQeGz",
        "github:6swlsy1h3wy9",
    ],
)
def test_the_first_word_is_the_first_message(site: Datasette, conn: sqlite3.Connection, name: str) -> None:
    """What happened before it was told later, and is shown as no message of its minute; nor is it on the chart."""
    page = told(conn, name)[1]
    messages = [entry for entry in page.timeline if entry.number and not entry.told]
    events = [entry for entry in page.timeline if entry.told]
    assert messages[0].at == page.incident["first_posted_at"]
    assert (events[0].told, bool(events[0].told_by)) == ("later", True)
    chart = drawn(conn, name)
    marks = Counter([point.kind for point in chart.points] + [mark.kind for mark in chart.beyond])
    assert marks == {"message": len(messages), "event": len(events)}
    text = ask(site, f"/-/incident/{name}")
    assert f"event, told later by {events[0].told_by}</strong>" in text
    assert "event, no message of that minute</span>" in text


def test_who_spoke_at_the_time_goes_on_with_messages(conn: sqlite3.Connection) -> None:
    """Notices do, steps of a report that came days later do not; of what merely has no date nobody knows."""
    entries = {entry.at[11:16]: entry for entry in told(conn, "alibaba:16")[1].timeline if entry.at}
    assert (entries["09:44"].told_by, entries["09:44"].told) == ("notices", "later")
    assert (entries["10:01"].told_by, entries["10:01"].told) == ("process", "then or later")
    assert [entries[at].told for at in ("09:50", "10:54", "11:20", "13:11")] == [None] * 4
    assert not any(entry.told for entry in told(conn, EDITED)[1].timeline)


def test_what_is_back_is_said_where_something_else_has_no_end(site: Datasette) -> None:
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", ask(site, "/-/incident/azure:YKYN-BWZ")))
    assert "No end of all None is known of Azure Portal in Global" in text
    assert "Back last, of what has an end: Azure CDN, Azure Front Door in Global, after 8 h 24 min, 2025-10-30" in text
    assert "nobody states when it ended" not in text


def test_whose_word_the_badge_is(archive: Path, tmp_path: Path) -> None:
    """Where the chart shows nothing as bad."""
    assert "The vendor calls the whole" not in ask(opened(archive), f"/-/incident/{EDITED}")
    copy = tmp_path / "outages.db"
    shutil.copyfile(archive, copy)
    with closing(sqlite3.connect(copy)) as conn, conn:
        assert conn.execute("select count(*) from outages where incident = ?", (EDITED,)).fetchone() != (0,)
        conn.execute("update outages set severity = 'degraded' where incident = ?", (EDITED,))
        conn.execute("update incidents set severity = 'major_outage' where id = ?", (EDITED,))
        page = told(conn, EDITED)[1]
        conn.execute("update outages set severity = null where incident = ?", (EDITED,))
        assert told(conn, EDITED)[1].worst_part is None  # of nothing it says how bad
        conn.execute("update outages set severity = 'degraded' where incident = ?", (EDITED,))
    assert page.worst_part == "degraded"
    text = ask(opened(copy), f"/-/incident/{EDITED}")
    assert "The vendor calls the whole “major outage”" in text
    assert "is no worse than “degraded”, which the chart shows" in text


def test_regions_are_counted_as_people_do(conn: sqlite3.Connection) -> None:
    """Neither what is global nor a multi-region is one; a government's cloud in a city is."""
    story = told(conn, GOOGLE)[0]
    assert story.wider >= {"global", "eu", "nam3"}
    assert "us-east1" not in story.wider
    assert story._regions(["us-east1", "us-east4", "global", "eu"]) == "2 regions and 2 wider areas"
    assert (story._regions(["us-east1"]), story._regions(["global"])) == ("1 region", "1 wider area")
    assert "us-gov-west-1" not in told(conn, AWS)[0].wider


def test_edits_and_what_was_taken_away(site: Datasette, conn: sqlite3.Connection) -> None:
    entries = told(conn, EDITED)[1].timeline
    messages = {entry.text.split()[0]: entry for entry in entries if entry.number}
    softened = messages["Some"].edits
    assert [(e.field, e.seen_at) for e in softened] == [("text", "2026-03-01T10:45:00Z")]
    assert {p.text.strip() for p in softened[0].pieces if p.kind == "removed"} >= {"Pushes fail"}
    assert messages["A"].removed_at == "2026-03-01T11:05:00Z"
    assert messages["All"].removed_at is None
    changes = [(e.seen_at, e.field) for entry in entries if not entry.number for e in entry.edits]
    assert changes == [("2026-03-09T09:00:00Z", "title")]
    page = ask(site, f"/-/incident/{EDITED}")
    assert "<del>Pushes fail" in page
    assert "<s>A certificate ran out in one zone.</s>" in page
    assert "taken away, seen" in page
    assert "2 things</small>" not in page
    assert "/-/as-of?incident=github%3A3d1t3dpag301&amp;at=2026-03-09T09%3A00%3A00Z" in page


def test_what_names_no_place_is_drawn_as_a_whole(conn: sqlite3.Connection) -> None:
    assert [lane.label for lane in drawn(conn, EDITED).lanes] == ["the whole"]


def test_marks_of_the_chart(conn: sqlite3.Connection) -> None:
    chart = drawn(conn, EDITED)
    assert Counter(point.kind for point in chart.points) == {"message": 2, "edit": 1, "removed": 1}
    assert [mark.kind for mark in chart.beyond] == ["edit"]  # a week later: not on the axis, but counted


def test_figures_lead_to_quotes_and_looks(site: Datasette, conn: sqlite3.Connection) -> None:
    page = told(conn, EDITED)[1]
    assert page.start
    account = page.accounts[(page.start.account or 0) - 1]
    assert (page.start.at, account.basis, account.chosen) == ("2026-03-01T09:50:00Z", "stated", True)
    assert "09:50 UTC" in (account.quote or "")
    assert account.look
    assert account.look.at == "2026-03-01T10:30:00Z"
    body = ask(site, f"/-/incident/{EDITED}")
    assert f'<a href="#a{account.number}">stated in words by github-incidents</a>' in body
    assert f'/outages/polls/{account.look.poll}"' in body
    ask(site, f"/outages/polls/{account.look.poll}")


def test_lag_is_said(site: Datasette) -> None:
    assert "<strong>15 min</strong> after it began" in ask(site, f"/-/incident/{EDITED}")
    assert "<strong>11 min</strong> after it began" in ask(site, "/-/incident/alibaba:16")


def test_what_a_page_fills_in_is_no_lag_and_what_it_lists_no_more_is_not_going_on(
    archive: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "outages.db"
    copy.write_bytes(archive.read_bytes())
    with sqlite3.connect(copy) as conn:
        conn.execute(
            """update incidents set start_basis = 'structured', started_at = first_posted_at, state = 'monitoring',
            end_basis = 'observed' where id = ?""",
            (EDITED,),
        )
    conn.close()
    page = ask(opened(copy), f"/-/incident/{EDITED}")
    assert "the page fills the start in with it" in page
    assert "</strong> after it began" not in page
    badge = re.search(r"last said: monitoring; .*", page)
    assert badge
    assert "not listed since" in badge[0]
    assert "2026-03-01 11:00" in badge[0]


def test_differences_are_cut_where_nothing_changed() -> None:
    left, right = " ".join(f"a{n}" for n in range(200)), " ".join(f"b{n}" for n in range(200))
    before, after = f"{left} old {right}", f"{left} new {right}"
    short = excerpt(compare(before, after))
    assert [piece.kind for piece in short] == ["same", "removed", "added", "same"]
    assert sum(len(piece.text) for piece in short) < 500
    assert short[0].text.startswith("[…]")


# Addresses and links


@pytest.mark.parametrize(
    "path", ["alibaba:16", "alibaba%3A16", "alibaba~3A16", "alibaba:16?rows=services", "alibaba:16?rows=regions"]
)
def test_permalinks(site: Datasette, path: str) -> None:
    assert '<h1 dir="auto">Consoles and management API out in all regions</h1>' in ask(site, f"/-/incident/{path}")


@pytest.mark.parametrize("name", ["aws:arn:a/b,c", "x:a.json", "x:é ü", "x:100%", "x:~3A", "feed:https://a/b?c#d"])
def test_name_of_a_page_is_reversible(name: str) -> None:
    from datasette.utils import tilde_decode

    assert tilde_decode(page_name(name)) == name
    assert re.fullmatch(r"[\w:~+-]*", page_name(name), re.ASCII)


def test_what_there_is_not(site: Datasette) -> None:
    ask(site, "/-/incident/alibaba:nothing", 404)
    ask(site, "/-/incident/alibaba:nothing.json", 404)
    ask(site, "/-/incident/alibaba:nothing.ics", 404)
    ask(site, "/-/incident/alibaba:16?rows=moons", 400)


def test_a_refusal_is_cheap(site: Datasette, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody can fill the log, or keep the machine busy, with addresses that there are not."""
    ask(site, "/-/incident/alibaba:nothing", 404)
    assert len("".join(capsys.readouterr())) < 1000


@pytest.mark.parametrize("name", ["alibaba:16", TENCENT, AWS, EDITED])
def test_links_and_ids(site: Datasette, name: str) -> None:
    page = Elements(ask(site, f"/-/incident/{page_name(name)}"))
    ids = Counter(attrs["id"] for _, attrs, _ in page.found if "id" in attrs)
    assert max(ids.values()) == 1
    for attrs in page.of("a"):
        href = attrs["href"]
        if href.startswith("#"):
            assert href[1:] in ids
        assert urlsplit(href).scheme in ("", "http", "https")
    inside = {a["href"].partition("#")[0] for a in page.of("a") if a["href"].startswith("/")}
    for href in sorted(inside)[:60]:
        ask(site, href)
    assert f"/-/incident/{page_name(name)}.json" in inside


def test_every_incident_that_ships_has_a_page(site: Datasette, conn: sqlite3.Connection) -> None:
    for name, title in conn.execute("select id, title from incidents").fetchall():
        page = ask(site, f"/-/incident/{page_name(name)}")
        assert page.count("<h1") == 1
        assert title[:5] in page


def test_rows_and_tables_lead_to_the_page(site: Datasette) -> None:
    assert "/-/incident/alibaba:16" in ask(site, "/outages/incidents/alibaba~3A16")
    assert "/-/incident/alibaba:16" in ask(site, "/outages/incidents?vendor=alibaba")
    assert "/-/incident/alibaba:16" in ask(site, "/outages/recovery")


def test_markup_stays_text(site: Datasette) -> None:
    for path in ("", ".json", ".ics"):
        page = ask(site, f"/-/incident/{EDITED}{path}")
        assert "alert(1)" in page
        if not path:
            assert "<script>alert" not in page
            assert "<img src" not in page
            assert "javascript:" not in page
            assert not [a for _, a, _ in Elements(page).found if any(name.startswith("on") for name in a)]


def test_a_screen_reader_finds_its_way(site: Datasette) -> None:
    page = Elements(ask(site, f"/-/incident/{EDITED}"))
    (svg,) = [attrs for attrs in page.of("svg") if "aria-labelledby" in attrs]
    ids = {attrs.get("id") for _, attrs, _ in page.found}
    assert set(svg["aria-labelledby"].split()) <= ids
    assert all(a.get("aria-label") for a in page.of("a", "point"))
    assert all(attrs.get("scope") for attrs in page.of("th"))
    levels = [int(tag[1]) for tag, _, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


# The same for machines


def test_json(site: Datasette) -> None:
    page = json.loads(ask(site, "/-/incident/alibaba:16.json"))
    assert page["incident"]["minutes"] == 212
    assert page["waves"][0]["courses"][0]["regions"]["ids"] == ["cn-beijing", "cn-hangzhou"]
    assert page["start"] == {
        "at": "2023-11-12T09:39:00Z", "basis": "stated", "words": "stated in words by report",
        "account": page["start"]["account"],
    }  # fmt: skip
    assert page["accounts"][page["start"]["account"] - 1]["url"].startswith("https://")


def unfolded(text: str) -> dict[str, str]:
    """The properties of a calendar with one event."""
    assert text.endswith("\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    lines = text.replace("\r\n ", "").split("\r\n")[:-1]
    assert [line for line in lines if line.startswith(("BEGIN", "END"))] == [
        "BEGIN:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip
    return dict(line.partition(":")[::2] for line in lines)


def test_calendar(site: Datasette) -> None:
    said = unfolded(ask(site, "/-/incident/alibaba:16.ics"))
    assert (said["DTSTART"], said["DTEND"]) == ("20231112T093900Z", "20231112T131100Z")
    assert said["SUMMARY"] == "Alibaba Cloud: Consoles and management API out in all regions"
    assert said["URL"].endswith("/-/incident/alibaba:16")
    assert "China (Hangzhou)" in said["LOCATION"]


def test_calendar_of_hostile_words() -> None:
    begun = datetime(2026, 3, 1, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    text = calendar(Event("a:1", "x\r\nEND:VEVENT;\\,\x00" + "云" * 40, begun, None, begun, url="https://a/ b"))
    said = unfolded(text)
    assert said["SUMMARY"] == "x\\nEND:VEVENT\\;\\\\\\," + "云" * 40
    assert said["DTSTART"] == "20260301T020000Z"
    assert "DTEND" not in said
    assert "URL" not in said


def test_folding() -> None:
    assert list(fold("a" * 75)) == ["a" * 75]
    assert list(fold("a" * 76)) == ["a" * 75, " a"]
    assert "".join(line.removeprefix(" ") for line in fold("é" * 100)) == "é" * 100
    assert escape("a\rb") == "a\\nb"


def test_what_is_called_over_is_not_drawn_beyond_that_word(archive: Path, tmp_path: Path) -> None:
    """Nobody says when it ended, and the page lists it for months."""
    copy = shutil.copyfile(archive, tmp_path / "outages.db")
    with closing(sqlite3.connect(copy)) as conn:
        conn.execute(
            "update incidents set ended_at = null, last_seen_at = '2026-09-01T00:00:00Z' where id = ?", (EDITED,)
        )
        conn.execute("update outages set ended_at = null where incident = ?", (EDITED,))
        assert drawn(conn, EDITED).end < instant("2026-03-01T12:00:00Z")
        conn.execute("update incidents set state = 'identified' where id = ?", (EDITED,))
        assert drawn(conn, EDITED).end > instant("2026-08-31T00:00:00Z")


def test_no_event_without_a_time(conn: sqlite3.Connection) -> None:
    page = told(conn, "alibaba:16")[1]
    page.incident.update(started_at=None, first_posted_at=None)
    assert event(page, "https://x/") is None


# The chart by itself


def at(clock: str, day: int = 1) -> datetime:
    return instant(f"2026-03-{day:02}T{clock}:00Z")


def test_thickness_is_a_share_and_the_worst_is_at_the_bottom() -> None:
    spells = [
        Spell("a", Severity.MAJOR_OUTAGE, at("10:00"), at("11:00")),
        Spell("b", Severity.DEGRADED, at("10:00"), at("12:00")),
        Spell("c", None, at("11:30"), None),
    ]
    chart = draw([Row("r", None, spells)], [], UTC, at("13:00"))
    assert chart
    bars = chart.lanes[0].bars
    assert [(b.severity, b.open) for b in bars] == [
        ("major_outage", False), ("degraded", False), ("degraded", False), ("degraded", False), ("unknown", False), ("unknown", True),
    ]  # fmt: skip
    assert bars[0].y > bars[1].y
    assert bars[0].height == bars[1].height == pytest.approx(THICK / 3, abs=0.01)
    assert bars[0].x + bars[0].width == pytest.approx(bars[2].x, abs=0.01)
    assert chart.severities == ["major_outage", "degraded", "unknown"]
    assert "no end known" in chart.lanes[0].told
    assert chart.open


def test_many_things_never_thin_out_to_nothing() -> None:
    spells = [Spell(n, Severity.MAJOR_OUTAGE, at("10:00"), at("11:00") if n else at("15:00")) for n in range(500)]
    chart = draw([Row("r", None, spells)], [], UTC)
    assert chart
    assert [bar.height for bar in chart.lanes[0].bars] == [THICK, 3]


def test_whisker_where_nobody_looked() -> None:
    spell = Spell("a", Severity.DEGRADED, at("10:00"), at("11:00"), since=at("09:30"), until=at("10:45"))
    chart = draw([Row("r", None, [spell])], [], UTC)
    assert chart
    lane = chart.lanes[0]
    assert [whisker.inside for whisker in lane.whiskers] == [False, True]
    assert chart.unseen
    assert lane.whiskers[0].x + lane.whiskers[0].width == pytest.approx(lane.bars[0].x, abs=0.01)


def test_rows_of_the_same_course_are_joined_when_there_are_too_many() -> None:
    rows = [
        Row(f"r{n}", "/", [Spell("a", None, at("10:00"), at("11:00" if n else "12:00"))]) for n in range(MOST_ROWS + 1)
    ]
    chart = draw(rows, [], UTC, many="regions")
    assert chart
    assert chart.joined
    assert [lane.names for lane in chart.lanes] == [[("r0", "/")], [(f"{MOST_ROWS} regions", None)]]
    assert chart.lanes[1].told.endswith(": " + ", ".join(row.label for row in rows[1:]))
    alone = draw(rows[:MOST_ROWS], [], UTC)
    assert alone
    assert (len(alone.lanes), alone.joined) == (MOST_ROWS, False)


def test_joined_rows_are_named_where_there_is_room() -> None:
    late = [Row(f"late {n}", None, [Spell("a", None, at("10:00"), at(f"12:{n:02}"))]) for n in range(MOST_ROWS)]
    pair = [Row(name, f"/{name}", [Spell("a", None, at("10:00"), at("11:00"))]) for name in ("one", "two")]
    chart = draw([*pair, *late], [], UTC)
    assert chart
    assert chart.lanes[0].names == [("one", "/one"), ("two", "/two")]
    assert chart.lanes[0].label == "one, two"
    assert len(chart.lanes) == MOST_ROWS + 1


def test_rows_that_are_no_region_are_counted_apart() -> None:
    spells = [Spell("a", None, at("10:00"), at("11:00"))]
    rows = [Row(f"region {n} with a long name", None, spells, wider=n > 40) for n in range(MOST_ROWS + 3)]
    chart = draw(rows, [], UTC, many="regions")
    assert chart
    assert chart.lanes[0].label == "41 regions, 2 wider areas"


@pytest.mark.parametrize("hours", [0.1, 1, 3.5, 9, 30, 100, 1000, 20000, 200000])
def test_axis_of_any_length(hours: float) -> None:
    end = at("10:10") + timedelta(hours=hours)
    chart = draw([Row("r", None, [Spell("a", None, at("10:10"), end)])], [], ZoneInfo("Asia/Kolkata"))
    assert chart
    assert 2 <= len(chart.ticks) <= 10
    assert sum(not tick.minor for tick in chart.ticks) <= 6
    assert all(0 <= tick.x <= 100 for tick in chart.ticks)
    assert all(tick.local for tick in chart.ticks) is not chart.by_day
    assert {tick.zone for tick in chart.ticks} == {"IST"}


def test_marks_far_away_do_not_stretch_the_axis() -> None:
    marks = [Mark("message", at("10:30"), "m", "#1"), Mark("edit", at("10:30", day=20), "e", "#2")]
    chart = draw([Row("r", None, [Spell("a", None, at("10:00"), at("11:00"))])], marks, UTC)
    assert chart
    assert [point.href for point in chart.points] == ["#1"]
    assert chart.beyond == marks[1:]
    assert chart.end - chart.start < timedelta(hours=2)


def test_no_chart_of_nothing() -> None:
    assert draw([], [], UTC) is None
    assert draw([Row("r", None, [])], [], UTC) is None


def test_lengths_and_clocks() -> None:
    assert [length(m) for m in (None, 0, 0.2, 59.6, 75, 1500, 4320, -11)] == [
        "", "0 min", "under 1 min", "1 h", "1 h 15 min", "1 d 1 h", "3 d", "−11 min",
    ]  # fmt: skip
    assert there(ZoneInfo("Asia/Shanghai"))("2023-11-12T09:39:00Z") == "17:39 CST"
    assert there(ZoneInfo("America/Los_Angeles"))("2025-06-13T01:18:00Z") == "06-12 18:18 PDT"
    assert there(ZoneInfo("America/Sao_Paulo"))("2025-06-13T12:00:00Z") == "09:00 UTC-3"


def test_what_was_only_seen_is_said_so(conn: sqlite3.Connection) -> None:
    copy = sqlite3.connect(":memory:")
    conn.backup(copy)
    asked = {"id": EDITED, "after": "2026-03-01T10:45:00Z", "at": "2026-03-01T11:05:00Z"}
    for table in ("incidents", "outages", "claims"):
        basis, key = ("basis" if table == "claims" else "end_basis"), ("id" if table == "incidents" else "incident")
        after = "" if table == "incidents" else ", ended_after = :after"
        copy.execute(f"update {table} set ended_at = :at, {basis} = 'observed'{after} where {key} = :id", asked)
    story, page = told(copy, EDITED)
    words = "nobody said: seen between the looks of 2026-03-01 10:45:00 UTC and 2026-03-01 11:05:00 UTC"
    assert page.end
    assert page.waves[0].courses[0].end
    assert page.end.words == page.waves[0].courses[0].end.words == words
    account = page.accounts[(page.end.account or 0) - 1]
    assert account.look
    assert (account.look.at, bool(account.look.poll)) == ("2026-03-01T11:05:00Z", True)
    chart = story.chart(page, "services", {})
    assert chart
    assert [whisker.inside for whisker in chart.lanes[0].whiskers] == [True]


# In one sentence


def test_an_incident_in_one_sentence(site: Datasette, conn: sqlite3.Connection) -> None:
    assert in_short(told(conn, "alibaba:16")[1]) == (
        "Major outage of Alibaba Cloud, 2023-11-12 09:39–13:11 UTC (3 h 32 min), 35 regions, 7 services. "
        "First back: China (Beijing), China (Hangzhou), after 1 h 15 min."
    )
    for (name,) in conn.execute("select id from incidents"):
        said = in_short(told(conn, name)[1])
        assert len(said) <= LONGEST
        assert "None" not in said
    about = {
        attrs.get("name"): attrs.get("content", "")
        for attrs in Elements(ask(site, "/-/incident/alibaba:16")).of("meta")
    }
    assert about["description"].startswith("Major outage of Alibaba Cloud")


# What is not there


@pytest.mark.parametrize(
    ("path", "status", "heading", "words"),
    [
        ("/-/incident/nobody:1", 404, "Not here", "There is no incident nobody:1 in the archive"),
        ("/-/incident/alibaba:16?rows=%3Cb%3E", 400, "That cannot be asked", "rows: regions or services: &lt;b&gt;"),
        ("/nowhere", 404, "Not here", ""),
    ],
)
def test_errors_look_like_the_site_and_lead_back_into_it(
    site: Datasette, path: str, status: int, heading: str, words: str
) -> None:
    text = ask(site, path, status)
    page = Elements(text)
    assert f"<h1>{heading}</h1>" in text
    assert words in text
    assert "/site/site.css" in {attrs["href"] for attrs in page.of("link")}
    assert {"/-/search", "/-/compare", "/-/dictionary"} <= {attrs.get("href") for attrs in page.of("a")}
    assert [attrs["action"] for attrs in page.of("form")] == ["/-/search"]


# The front page


def test_front_page_says_that_nobody_has_looked(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from crawler.commands import main; main()", "rebuild", "--data", str(tmp_path)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    page = ask(opened(tmp_path / "outages.db"), "/")
    assert "Not known: nobody has looked yet." in page
    assert "had their consoles back after <strong>1 h 15 min</strong>" in page
    assert "the other 33 regions" in page


def test_front_page_says_how_fresh_it_is(archive: Path, site: Datasette) -> None:
    page = ask(site, "/")
    assert "Out when last looked" in page
    assert '<time datetime="2026-03-09T09:00:00Z">' in page
    assert "None of what was looked at showed an open outage." in page
    links = {attrs["href"] for attrs in Elements(page).of("a")}
    assert {"/-/incident/alibaba:16", f"/-/incident/{TENCENT}", "/outages/find"} & links >= {"/-/incident/alibaba:16"}


def test_what_is_out_now(conn: sqlite3.Connection) -> None:
    copy = sqlite3.connect(":memory:")
    conn.backup(copy)
    copy.execute(
        "update incidents set ended_at = null, state = 'identified', last_seen_at = ? where id = ?",
        ("2026-03-09T08:55:00Z", EDITED),
    )
    shown = front.front(copy, instant("2026-03-09T09:10:00Z"))
    assert not shown.stale
    assert [row["id"] for row in shown.out] == [EDITED]
    assert shown.counts["polls"] == 4
    assert shown.greatest[0]["regions"] >= shown.greatest[-1]["regions"] >= 1
    later = front.front(copy, instant("2026-03-10T09:10:00Z"))
    assert later.stale
    copy.execute("update incidents set last_seen_at = '2026-03-01T10:30:00Z' where id = ?", (EDITED,))
    assert front.front(copy, instant("2026-03-09T09:10:00Z")).out == []


def test_looks_without_an_answer_tell_nothing_of_now(archive: Path, tmp_path: Path) -> None:
    """As where there is no network: all was looked at a moment ago, and nobody answered."""
    copy = Path(shutil.copy(archive, tmp_path / "outages.db"))
    copy.chmod(0o644)
    with closing(sqlite3.connect(copy)) as conn, conn:
        conn.execute("update sources set last_outcome = 'error' where last_outcome is not null")
        assert front.front(conn, instant("2026-03-09T09:10:00Z")).stale
    page = ask(opened(copy), "/")
    assert "What is out now is not known." in page
    assert "None of what was looked at" not in page


@pytest.mark.parametrize("words", ["hangzhou", "杭州", "DynamoDB", "2023-11-12", "alibaba:16", "nothing at all", ""])
def test_finding(site: Datasette, words: str) -> None:
    rows = json.loads(ask(site, f"/outages/find.json?_shape=array&words={words}"))
    found = {row["incident"] for row in rows}
    if words in ("hangzhou", "杭州", "2023-11-12", "alibaba:16"):
        assert "alibaba:16" in found
    assert (AWS in found) is (words in ("DynamoDB", ""))
    assert bool(found) is (words != "nothing at all")


# Speed


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}-{name}")
        for module in (incident, front)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and "select" in value
    ],
)
def test_questions_of_the_pages_use_indexes(conn: sqlite3.Connection, sql: str) -> None:
    """Only the list of sources, which is short, is read whole; rows are counted in an index."""
    asked = {"id": "x", "since": "x", "source": "x", "url": "x", "at": "x"}
    plan = [row[3] for row in conn.execute(f"explain query plan {sql}", asked)]
    scans = [step for step in plan if re.match(r"SCAN (?!sources\b|CONSTANT)", step) and "INDEX" not in step]
    assert plan
    assert scans == []
