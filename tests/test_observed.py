"""Spells that only looks tell of: claims about the incidents that name the component, else incidents of their own."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.archive import Archive
from crawler.captures import Captures
from crawler.captures.imports import from_lines
from crawler.catalog import load
from crawler.records import Capture
from tests.test_archive import take, write

URL = "https://www.githubstatus.com/api/v2/summary.json"
NAMES = {"br0l2tvcx85d": "Actions", "vg70hn9s2tyj": "Pages", "brv1bkgrwx7q": "API Requests"}
ACTIONS, PAGES, API = NAMES
START = datetime(2026, 2, 1, 10, 0, tzinfo=UTC)


def at(minute: int) -> str:
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def component(key: str, state: str) -> dict[str, Any]:
    return {"id": key, "name": NAMES[key], "status": state, "created_at": at(-900), "updated_at": at(-900), "position": 1,
            "description": None, "showcase": False, "start_date": None, "group_id": None, "page_id": "kctbh9vrtdwd",
            "group": False, "only_show_if_degraded": False}  # fmt: skip


def posted(key: str, minute: int, *components: str) -> dict[str, Any]:
    """An open incident that names components in its list, and says nothing about what happened to them."""
    update = {"id": f"{key[:8]}u001", "status": "investigating", "body": "We are looking into this.", "incident_id": key,
              "created_at": at(minute), "updated_at": at(minute), "display_at": at(minute), "deliver_notifications": True,
              "affected_components": [{"code": c, "name": NAMES[c], "old_status": "major_outage", "new_status": "major_outage"}
                                      for c in components] or None}  # fmt: skip
    return {"id": key, "name": "Something is slow", "status": "investigating", "impact": "major", "created_at": at(minute),
            "updated_at": at(minute), "started_at": at(minute), "monitoring_at": None, "resolved_at": None,
            "shortlink": "https://stspg.io/x", "page_id": "kctbh9vrtdwd", "incident_updates": [update],
            "components": [component(c, "major_outage") for c in components], "reminder_intervals": None}  # fmt: skip


def look(minute: int, states: dict[str, str], *incidents: dict[str, Any], status: int = 200) -> str:
    """A capture line of `summary.json`."""
    page = {
        "page": {"id": "kctbh9vrtdwd", "name": "GitHub", "url": "https://www.githubstatus.com", "time_zone": "Etc/UTC",
                 "updated_at": at(minute)},
        "status": {"indicator": "none", "description": "All Systems Operational"},
        "components": [component(key, state) for key, state in states.items()],
        "incidents": list(incidents), "scheduled_maintenances": [],
    }  # fmt: skip
    body = json.dumps(page) if status == 200 else "gone"
    return json.dumps(
        {"source": "github-summary", "url": URL, "fetched_at": at(minute), "status": status, "body": body}
    )


def rows(data: Path, sql: str) -> list[Any]:
    with sqlite3.connect(data / "outages.db") as conn:
        return conn.execute(sql).fetchall()


def outages(data: Path) -> list[Any]:
    """Those that were polled: service, from, until, what each rests on."""
    return rows(
        data,
        """select service, substr(o.started_at, 12, 5), substr(o.ended_at, 12, 5), o.start_basis, o.end_basis,
        substr(o.started_after, 12, 5), substr(o.ended_after, 12, 5)
        from outages o join incidents i on i.id = o.incident where i.first_seen_at is not null order by 1, 2""",
    )


WELL = dict.fromkeys(NAMES, "operational")
DOWN = {**WELL, ACTIONS: "major_outage"}


def test_what_nobody_posted_is_an_incident_of_its_own(tmp_path: Path) -> None:
    day = [look(0, WELL), look(5, DOWN), look(10, {**DOWN, PAGES: "partial_outage"}), look(15, WELL)]
    take(tmp_path, write(tmp_path / "day.jsonl", day))
    assert outages(tmp_path) == [
        ("actions", "10:05", "10:15", "observed", "observed", "10:00", "10:10"),
        ("pages", "10:10", "10:15", "observed", "observed", "10:05", "10:10"),
    ]
    assert rows(
        tmp_path, "select title, first_posted_at, state from incidents where key like 'observed-%' order by 1"
    ) == [
        ("Actions: major outage", None, None),
        ("Pages: partial outage", None, None),
    ]
    # Never announced: no lag, rather than none.
    assert rows(tmp_path, "select lag_minutes from disclosure where incident like 'github:observed-%'") == [(None,)] * 2


def test_what_began_together_is_one_incident(tmp_path: Path) -> None:
    both = {**DOWN, PAGES: "degraded_performance"}
    take(tmp_path, write(tmp_path / "day.jsonl", [look(0, WELL), look(5, both), look(10, DOWN), look(15, DOWN)]))
    assert rows(tmp_path, "select title, severity, ended_at from incidents where key like 'observed-%'") == [
        ("Actions, Pages: major outage", "major_outage", None)
    ]
    assert [row[:3] for row in outages(tmp_path)] == [("actions", "10:05", None), ("pages", "10:05", "10:10")]


def test_an_incident_that_names_the_component_takes_the_spell(tmp_path: Path) -> None:
    incident = posted("bcdfghjklmnp", 7, ACTIONS)
    day = [look(0, WELL), look(5, DOWN), look(10, DOWN, incident), look(15, WELL, incident), look(20, WELL)]
    take(tmp_path, write(tmp_path / "day.jsonl", day))
    assert rows(tmp_path, "select count(*) from incidents where key like 'observed-%'") == [(0,)]
    # The list of what is open lost it between 15 and 20, and the component was well again by 15.
    assert outages(tmp_path) == [("actions", "10:07", "10:15", "structured", "observed", None, "10:10")]
    assert rows(tmp_path, "select count(*) from revisions") == [(0,)]  # to be over is no edit


def test_leaving_the_list_of_what_is_open_ends_an_incident_without_components(tmp_path: Path) -> None:
    incident = posted("bcdfghjklmnp", 7)
    day = [look(0, WELL), look(10, WELL, incident), look(15, WELL, status=502), look(20, WELL)]
    take(tmp_path, write(tmp_path / "day.jsonl", day))
    assert outages(tmp_path) == [(None, "10:07", "10:20", "posted", "observed", None, "10:10")]
    assert rows(
        tmp_path, "select vanished_at from incidents where vendor = 'github' and first_seen_at is not null"
    ) == [(None,)]


def test_on_the_list_again_it_is_open_again(tmp_path: Path) -> None:
    incident = posted("bcdfghjklmnp", 7)
    take(tmp_path, write(tmp_path / "day.jsonl", [look(10, WELL, incident), look(15, WELL), look(20, WELL, incident)]))
    assert [row[:3] for row in outages(tmp_path)] == [(None, "10:07", None)]


def test_a_component_that_went_down_again_is_down(tmp_path: Path) -> None:
    incident = posted("bcdfghjklmnp", 3, ACTIONS)
    day = [look(0, WELL), look(5, DOWN, incident), look(10, WELL, incident), look(15, DOWN, incident)]
    take(tmp_path, write(tmp_path / "day.jsonl", day))
    assert [row[:3] for row in outages(tmp_path)] == [("actions", "10:03", None)]


def test_what_is_no_longer_shown_was_out_until_it_was_last_seen(tmp_path: Path) -> None:
    without = {key: state for key, state in WELL.items() if key != ACTIONS}
    take(tmp_path, write(tmp_path / "day.jsonl", [look(0, WELL), look(5, DOWN), look(10, DOWN), look(15, without)]))
    assert outages(tmp_path) == [("actions", "10:05", "10:10", "observed", "observed", "10:00", "10:10")]
    assert rows(tmp_path, "select note from claims where basis = 'observed'") == [("no longer shown after that",)]


def test_a_broken_look_ends_nothing(tmp_path: Path) -> None:
    day = [look(0, WELL), look(5, DOWN), look(10, WELL, status=500), look(15, DOWN)]
    take(tmp_path, write(tmp_path / "day.jsonl", day))
    assert [row[:3] for row in outages(tmp_path)] == [("actions", "10:05", None)]


def test_a_spell_that_outlasts_its_incident_gets_its_end(tmp_path: Path) -> None:
    incident = posted("bcdfghjklmnp", 5, ACTIONS)
    day = [look(0, WELL), look(5, DOWN, incident), look(10, DOWN), look(15, DOWN), look(20, DOWN), look(25, WELL)]
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    for data, parts in ((whole, [day]), (pieces, [[line] for line in day])):
        data.mkdir()
        for n, part in enumerate(parts):
            take(data, write(data / f"{n}.jsonl", part))
        assert outages(data) == [("actions", "10:05", "10:25", "structured", "observed", None, "10:20")]


WORDS = ("operational", "degraded_performance", "major_outage", "under_maintenance", "nobody knows")
DAYS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(list(NAMES)), st.sampled_from(WORDS)),
        st.sets(st.sampled_from(("bcdfghjklmnp", "cdfghjklmnpq"))),
        st.sampled_from((200, 200, 200, 500)),
    ),
    min_size=2, max_size=9,
)  # fmt: skip
ABOUT = {"bcdfghjklmnp": (ACTIONS,), "cdfghjklmnpq": (PAGES, API)}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DAYS)
def test_in_pieces_and_backwards_it_is_the_same(tmp_path_factory: pytest.TempPathFactory, days: Any) -> None:
    lines = [
        look(5 * n, states, *(posted(key, 1, *ABOUT[key]) for key in sorted(open_)), status=status)
        for n, (states, open_, status) in enumerate(days)
    ]
    half = len(lines) // 2
    ways = {"whole": [lines], "pieces": [[line] for line in lines], "backwards": [lines[half:], lines[:half]]}
    found = {}
    for way, parts in ways.items():
        data = tmp_path_factory.mktemp(way)
        captures = Captures(data / "captures.db")
        archive = Archive(data / "outages.db", CATALOG, incidents=data)  # none written by hand
        for n, part in enumerate(parts):
            items = from_lines(write(data / f"{n}.jsonl", part), CATALOG, None)
            captures.add(item for item in items if isinstance(item, Capture))
            archive.catch_up(captures)
        found[way] = {
            name: sorted(archive.conn.execute(f"select * from {name}").fetchall(), key=repr) for name in TABLES
        }
        assert all(row[2] is None or row[1] <= row[2] for row in outages(data))
        captures.close()
        archive.close()
    assert found["pieces"] == found["whole"]
    assert found["backwards"] == found["whole"]


CATALOG = load()
TABLES = ("incidents", "updates", "claims", "outages", "revisions", "versions", "sightings", "component_states", "concerns",
          "links", "availability")  # fmt: skip
