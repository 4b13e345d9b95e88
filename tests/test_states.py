"""States that were seen on a page, also when no incident was posted: between which two looks they changed."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.test_archive import dump, take, write

URL = "https://www.githubstatus.com/api/v2/summary.json"


def look(
    minute: int, actions: str | None, pages: str = "operational", status: int = 200, body: str | None = None
) -> str:
    """A capture line of `summary.json` with up to two components; None: the component is not on the page."""
    components = [
        {"id": key, "name": name, "status": state, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
         "position": 1, "description": None, "showcase": False, "start_date": None, "group_id": None,
         "page_id": "kctbh9vrtdwd", "group": False, "only_show_if_degraded": False}
        for key, name, state in (("br0l2tvcx85d", "Actions", actions), ("vg70hn9s2tyj", "Pages", pages))
        if state is not None
    ]  # fmt: skip
    page = {
        "page": {"id": "kctbh9vrtdwd", "name": "GitHub", "url": "https://www.githubstatus.com", "time_zone": "Etc/UTC",
                 "updated_at": "2026-01-01T00:00:00Z"},
        "status": {"indicator": "none", "description": "All Systems Operational"},
        "components": components, "incidents": [], "scheduled_maintenances": [],
    }  # fmt: skip
    return json.dumps(
        {"source": "github-summary", "url": URL, "fetched_at": f"2026-02-01T10:{minute:02}:00Z", "status": status,
         "body": body or json.dumps(page)}
    )  # fmt: skip


DAY = [
    look(0, "operational"),
    look(5, "operational"),
    look(10, "major_outage"),
    look(15, "major_outage", status=503, body="gone"),
    look(20, "partial_outage", "degraded_performance"),
    look(25, None, "degraded_performance"),
    look(30, "operational", "degraded_performance"),
]


def seen(data: Path) -> list[Any]:
    with sqlite3.connect(data / "outages.db") as conn:
        return conn.execute(
            """select service, severity, substr(started_after, 15, 2), substr(started_by, 15, 2), substr(ended_after, 15, 2),
            substr(ended_by, 15, 2), minutes_at_least, minutes_at_most from observed_outages order by service, started_by"""
        ).fetchall()


def test_changes_are_dated_by_two_looks(tmp_path: Path) -> None:
    take(tmp_path, write(tmp_path / "day.jsonl", DAY))
    assert seen(tmp_path) == [
        # The look at 15 failed, so the change came between 10 and 20; at 25 it was not on the page, and nothing is known.
        ("actions", "major_outage", "05", "10", "10", "20", 0.0, 15.0),
        ("actions", "partial_outage", "10", "20", "20", "30", 0.0, 20.0),
        ("pages", "degraded", "10", "20", None, None, None, None),
    ]


@pytest.mark.parametrize("cut", [1, len(DAY) // 2, len(DAY) - 1])
def test_in_any_pieces_and_any_order(tmp_path: Path, cut: int) -> None:
    for name in ("whole", "pieces", "turned"):
        (tmp_path / name).mkdir()
    take(tmp_path / "whole", write(tmp_path / "day.jsonl", DAY))
    first, second = write(tmp_path / "a.jsonl", DAY[:cut]), write(tmp_path / "b.jsonl", DAY[cut:])
    take(tmp_path / "pieces", first)
    take(tmp_path / "pieces", second)
    take(tmp_path / "turned", second)
    take(tmp_path / "turned", first)
    states = dump(tmp_path / "whole")["component_states"]
    assert dump(tmp_path / "pieces")["component_states"] == states
    assert dump(tmp_path / "turned")["component_states"] == states
