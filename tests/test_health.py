"""What is broken or stale, from polls of known outcome at known times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler.archive import Archive
from crawler.captures import Captures
from crawler.catalog import Catalog, Source, Vendor
from crawler.coverage import SLACK
from crawler.health import RECENT, findings
from crawler.records import Capture
from tests.test_polling import FIRST, payload

URL = "https://status.acme.example/api/v2/incidents.json"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY = timedelta(minutes=5)


class Ward:
    """An archive of two sources, one of them not polled."""

    def __init__(self, directory: Path) -> None:
        (directory / "incidents").mkdir()
        sources = (
            Source(id="acme", vendor="acme", platform="statuspage", url=URL, every="5m"),
            Source(id="acme-old", vendor="acme", platform="statuspage", url=URL + "?old", polled=False),
        )
        vendor = Vendor(id="acme", name="Acme", homepage="", sources=sources)
        self.captures = Captures(directory / "captures.db")
        self.archive = Archive(directory / "outages.db", Catalog([vendor]), directory / "incidents")

    def look(self, before: timedelta, body: object = None, status: int | None = 200, error: str | None = None) -> None:
        """A look so long before now."""
        data = body if isinstance(body, bytes) else json.dumps(body or payload()).encode()
        self.captures.add(
            [
                Capture(source="acme", url=URL, fetched_at=NOW - before, status=status, headers={},
                        body=data if status == 200 else None, error=error)
            ]
        )  # fmt: skip

    def findings(self) -> list[tuple[str, str, bool]]:
        self.archive.catch_up(self.captures)
        return [tuple(found) for found in findings(self.archive.conn, NOW)]  # type: ignore[misc]


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    opened = Ward(tmp_path)
    yield opened
    opened.captures.close()
    opened.archive.close()


def test_never_asked_is_no_failure(ward: Ward) -> None:
    assert ward.findings() == [("acme", "never asked", False)]


def test_all_is_well(ward: Ward) -> None:
    ward.look(EVERY)
    assert ward.findings() == []
    ward.look(timedelta(0), status=304)
    assert ward.findings() == []


def test_silence(ward: Ward) -> None:
    ward.look(SLACK * EVERY)
    assert ward.findings() == []
    later = NOW + timedelta(seconds=1)
    assert [f.problem for f in findings(ward.archive.conn, later)] == ["not asked since 2026-03-01T11:45:00Z"]


def test_failure_names_its_reason_and_the_last_good_look(ward: Ward) -> None:
    ward.look(2 * EVERY)
    ward.look(EVERY, status=None, error="timeout: 30 s")
    ((source, problem, serious),) = ward.findings()
    assert (source, serious) == ("acme", True)
    assert problem == "error at 2026-03-01T11:55:00Z (timeout: 30 s); last read 2026-03-01T11:50:00Z"


@pytest.mark.parametrize("body", [b"<html>All systems operational</html>", b"", b"{"])
def test_a_page_that_cannot_be_read_is_serious(ward: Ward, body: bytes) -> None:
    ward.look(EVERY, body)
    ((_, problem, serious),) = ward.findings()
    assert serious
    assert problem.startswith("unreadable at 2026-03-01T11:55:00Z (")
    assert problem.endswith("last read never")


def test_a_304_of_a_page_that_could_not_be_read_is_no_health(ward: Ward) -> None:
    ward.look(2 * EVERY, b"<html>")
    ward.look(EVERY, status=304)
    assert [serious for _, _, serious in ward.findings()] == [True]


def test_failures_that_are_over_are_over(ward: Ward) -> None:
    ward.look(2 * EVERY, status=500)
    ward.look(EVERY)
    assert ward.findings() == []


def test_what_was_not_understood_is_news_for_a_while(ward: Ward) -> None:
    strange = {**payload(FIRST), "colour": "blue"}
    ward.look(EVERY, strange)
    found = ward.findings()
    assert [(source, serious) for source, _, serious in found] == [("acme", False)] * len(found)
    assert any("unknown-field" in problem and "colour" in problem for _, problem, _ in found)
    later = findings(ward.archive.conn, NOW + RECENT + EVERY)
    assert [f.problem.split()[0] for f in later] == ["not"], "only the silence"


def test_failing_sources_come_first(ward: Ward) -> None:
    ward.look(4 * EVERY, {**payload(), "colour": "blue"})
    ward.look(3.5 * EVERY, status=500)
    kinds = [serious for _, _, serious in ward.findings()]
    assert kinds == sorted(kinds, reverse=True)
    assert len(kinds) == 3
