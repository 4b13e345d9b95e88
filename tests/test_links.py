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
