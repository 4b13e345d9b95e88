"""Taken away and published again under another key: one incident, linked, with its outages once."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.test_archive import dump, incident, take, write


def shown(data: Path) -> list[Any]:
    with sqlite3.connect(data / "outages.db") as conn:
        return conn.execute(
            """select key, substr(linked_to, 8), linked_why is not null, vanished_at is not null,
            (select count(*) from outages o where o.incident = i.id) from incidents i
            where vendor = 'github' and first_seen_at is not null order by key"""
        ).fetchall()


def maintenance(key: str, title: str, *texts: str) -> dict[str, Any]:
    """A maintenance of 2026-02-01 at five, with messages that a system posts for all at once."""
    return {**incident(key, 5, *texts), "name": title, "impact": "maintenance", "status": "in_progress",
            "scheduled_for": "2026-02-01T05:00:00.000Z", "scheduled_until": "2026-02-01T06:00:00.000Z"}  # fmt: skip


def about(record: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """The incident, of one component."""
    component = {"id": key, "name": name, "status": "major_outage", "created_at": "2020-01-01T00:00:00Z", "position": 1,
                 "updated_at": "2020-01-01T00:00:00Z", "description": None, "showcase": False, "start_date": None,
                 "group_id": None, "page_id": "ppppqqqqrrrr", "group": False, "only_show_if_degraded": False}  # fmt: skip
    said = [{"code": key, "name": name, "old_status": "operational", "new_status": "major_outage"}]
    updates = [{**update, "affected_components": said} for update in record["incident_updates"]]
    return {**record, "incident_updates": updates, "components": [component]}


def page(minute: int, *incidents: dict[str, Any]) -> str:
    """A capture line of `incidents.json`, newest first."""
    body = {"page": {"id": "ppppqqqqrrrr", "name": "GitHub", "url": "https://www.githubstatus.com",
                     "time_zone": "Etc/UTC", "updated_at": "2026-02-01T00:00:00Z"}, "incidents": list(incidents)}  # fmt: skip
    return json.dumps({"source": "github-incidents", "url": "https://www.githubstatus.com/api/v2/incidents.json",
                       "fetched_at": f"2026-02-01T12:{minute}:00Z", "status": 200, "body": json.dumps(body)})  # fmt: skip


OLD = incident(
    "aaaaaaaaaaaa", 1, "Requests are slow for many of you today.", "It is over, and all is fast.", resolved=True
)
NEW = {**OLD, "id": "bbbbbbbbbbbb", "name": "Requests were slow"}
OTHER = incident("cccccccccccc", 2, "Nothing can be uploaded at this moment.")


def test_published_again_at_the_same_look(tmp_path: Path) -> None:
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, OLD), page(20, NEW, OTHER)]))
    assert shown(tmp_path) == [
        ("aaaaaaaaaaaa", "bbbbbbbbbbbb", 1, 1, 0),
        ("bbbbbbbbbbbb", None, 0, 0, 1),
        ("cccccccccccc", None, 0, 0, 1),
    ]


def test_published_again_later_or_before_the_other_went(tmp_path: Path) -> None:
    later, before = tmp_path / "later", tmp_path / "before"
    for data, day in (
        (later, [page(10, OLD), page(20, OTHER), page(30, OTHER), page(40, NEW, OTHER)]),
        (before, [page(10, OLD), page(20, OLD, NEW), page(30, NEW)]),
    ):
        data.mkdir()
        take(data, write(data / "a.jsonl", day))
        assert shown(data)[:2] == [("aaaaaaaaaaaa", "bbbbbbbbbbbb", 1, 1, 0), ("bbbbbbbbbbbb", None, 0, 0, 1)]


def test_two_on_one_page_are_two_and_so_are_two_with_other_words(tmp_path: Path) -> None:
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, OLD), page(20, NEW), page(30, NEW, OLD)]))
    assert [row[1:3] for row in shown(tmp_path)] == [(None, 0), (None, 0)]
    apart = tmp_path / "apart"
    apart.mkdir()
    take(apart, write(apart / "a.jsonl", [page(10, OLD), page(20, OTHER)]))
    assert [row[1:3] for row in shown(apart)] == [(None, 0), (None, 0)]


def test_in_pieces_it_is_the_same(tmp_path: Path) -> None:
    day = [page(10, OLD), page(20, OTHER), page(30, NEW, OTHER), page(40, OLD, OTHER), page(50, NEW, OTHER)]
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    for data in (whole, pieces):
        data.mkdir()
    take(whole, write(whole / "a.jsonl", day))
    for n, line in enumerate(day):
        take(pieces, write(pieces / f"{n}.jsonl", [line]))
    assert dump(pieces) == dump(whole)
    assert json.dumps(shown(whole))


LONG = "Requests to this service are slower than they should be, and we are looking for what causes it."


def test_a_message_whose_time_was_put_right(tmp_path: Path) -> None:
    was, now = incident("dddddddddddd", 1, LONG), incident("ffffffffffff", 1, "Some requests fail.", LONG)
    apart = {**now, "id": "gggggggggggg", "name": "Something else"}
    now["name"] = was["name"]
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, was), page(20, apart), page(30, now, apart)]))
    assert [row[:3] for row in shown(tmp_path)] == [
        ("dddddddddddd", "ffffffffffff", 1),
        ("ffffffffffff", None, 0),
        ("gggggggggggg", None, 0),
    ]


def test_of_different_components_they_are_two(tmp_path: Path) -> None:
    one, other = about(OLD, "br0l2tvcx85d", "Actions"), about(NEW, "vg70hn9s2tyj", "Pages")
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, one), page(20, other)]))
    assert [row[1] for row in shown(tmp_path)] == [None, None]


def test_what_a_system_says_of_all_makes_nothing_one(tmp_path: Path) -> None:
    begun = "Scheduled maintenance is currently in progress. We will provide updates as necessary."
    one = maintenance("aaaaaaaaaaaa", "Disks are replaced", "We shall replace disks in the first hall.", begun)
    other = maintenance("bbbbbbbbbbbb", "Cables are replaced", "We shall replace cables in the other hall.", begun)
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, one), page(20, one, other), page(30, other)]))
    assert [row[1] for row in shown(tmp_path)] == [None, None]


def test_a_series_with_the_same_words_is_a_series(tmp_path: Path) -> None:
    one = maintenance("aaaaaaaaaaaa", "Disks are replaced", LONG)
    other = {**one, "id": "bbbbbbbbbbbb", "scheduled_for": "2026-02-08T05:00:00.000Z",
             "scheduled_until": "2026-02-08T06:00:00.000Z"}  # fmt: skip
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, one), page(20, one, other), page(30, other)]))
    assert [row[1] for row in shown(tmp_path)] == [None, None]


def test_what_was_resolved_and_comes_again_with_the_same_words_is_another(tmp_path: Path) -> None:
    was, again = (
        incident("dddddddddddd", 1, LONG, "It is over, and all is fast.", resolved=True),
        incident("ffffffffffff", 1, LONG),
    )
    again["name"] = was["name"]
    for when in ("created_at", "updated_at", "display_at"):
        again["incident_updates"][0][when] = "2026-02-01T01:30:00.000Z"
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, was), page(20, again)]))
    assert [(row[1], row[4]) for row in shown(tmp_path)] == [(None, 1), (None, 1)]


def test_what_comes_back_in_the_place_of_the_other_is_the_one(tmp_path: Path) -> None:
    take(tmp_path, write(tmp_path / "a.jsonl", [page(10, OLD), page(20, NEW), page(30, OLD)]))
    assert shown(tmp_path) == [("aaaaaaaaaaaa", None, 0, 0, 1), ("bbbbbbbbbbbb", "aaaaaaaaaaaa", 1, 1, 0)]


def test_each_source_is_remembered_for_itself(tmp_path: Path) -> None:
    day = [page(10, OLD), page(20, NEW)]
    other = [line.replace("github-incidents", "github-summary").replace("incidents.json", "summary.json").replace(":00Z", ":30Z")
             for line in day]  # fmt: skip
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for data in (whole, parts):
        data.mkdir()
    take(whole, write(whole / "a.jsonl", day + other))
    take(parts, write(parts / "a.jsonl", other))
    take(parts, write(parts / "b.jsonl", day))
    assert {t: dump(parts)[t] for t in ("links", "incidents", "outages")} == {
        t: dump(whole)[t] for t in ("links", "incidents", "outages")
    }
