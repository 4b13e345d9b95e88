"""What is broken or stale, from polls of known outcome at known times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crawler.archive import Archive
from crawler.captures import Captures
from crawler.catalog import Catalog, Source, Vendor
from crawler.coverage import SLACK
from crawler.health import CHANGES, FAILURES, ODDLY, RECENT, Finding, findings, looks_like
from crawler.records import Capture, stamp
from tests.stage import stage
from tests.test_polling import FIRST, INCIDENTS, payload
from tests.test_polling import Archive as Polled

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
        return [(found.source, found.problem, found.serious) for found in self.found()]

    def found(self, now: datetime = NOW) -> list[Finding]:
        self.archive.catch_up(self.captures)
        return findings(self.archive.conn, now)


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    opened = Ward(tmp_path)
    yield opened
    opened.captures.close()
    opened.archive.close()


def test_never_asked_is_no_failure(ward: Ward) -> None:
    assert ward.findings() == [("acme", "never asked", False)]


def test_a_source_without_its_key_is_named_with_it(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(id="acme", platform="statuspage", url=URL, needs=("ACME_KEY", "ACME_SECRET"))
    monkeypatch.setenv("ACME_SECRET", "hidden")
    monkeypatch.delenv("ACME_KEY", raising=False)
    ward.findings()
    lacking = Finding("acme", "not asked: ACME_KEY not set", False, "lacks-key")
    assert findings(ward.archive.conn, NOW, {"acme": source}) == [lacking]
    monkeypatch.setenv("ACME_KEY", "id")
    assert [found.problem for found in findings(ward.archive.conn, NOW, {"acme": source})] == ["never asked"]


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
    assert (source, serious) == ("acme", False), "most failures pass"
    assert problem == (
        "error at 2026-03-01T11:55:00Z (timeout: 30 s); 1 times since 2026-03-01T11:55:00Z; last read 2026-03-01T11:50:00Z"
    )


def test_failures_that_do_not_pass_need_a_person(ward: Ward) -> None:
    ward.look((FAILURES + 1) * EVERY)
    for number in range(FAILURES):
        ward.look((FAILURES - number) * EVERY, status=503)
    ((_, problem, serious),) = ward.findings()
    assert serious
    assert f"{FAILURES} times since 2026-03-01T11:45:00Z" in problem


@pytest.mark.parametrize("body", [b"<html>All systems operational</html>", b"", b"{"])
def test_a_page_that_cannot_be_read_is_serious(ward: Ward, body: bytes) -> None:
    ward.look(EVERY, body)
    ((_, problem, serious),) = ward.findings()
    assert serious
    assert problem.startswith("unreadable at 2026-03-01T11:55:00Z (")
    assert "; 1 times since 2026-03-01T11:55:00Z; last read never" in problem


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


def test_serious_findings_come_first(ward: Ward) -> None:
    ward.look(4 * EVERY, {**payload(), "colour": "blue"})
    ward.look(2 * EVERY, b"<html>")
    kinds = [finding.kind for finding in ward.found()]
    assert kinds == ["failing", "not-understood"]


@pytest.mark.parametrize("each", [timedelta(days=1), timedelta(hours=1)])
def test_silence_is_measured_by_the_past_of_the_source(ward: Ward, each: timedelta) -> None:
    """Not by a constant: a page that changes each day is odd after two days, one that changes each hour earlier."""
    page = json.loads(json.dumps(payload(FIRST)).replace("2026-03-01", "2026-01-01"))  # before the first look
    for number in range(CHANGES + 1):
        page["incidents"][0]["name"] = f"Requests fail {number} {each}"
        ward.look(timedelta(days=30) - number * each, page)
    ward.look(timedelta(0), status=304)
    last = NOW - timedelta(days=30) + CHANGES * each
    ward.archive.catch_up(ward.captures)
    conn = ward.archive.conn
    conn.execute("update sources set last_polled_at = '2099-01-01T00:00:00Z'")
    early, late = (findings(conn, last + factor * each) for factor in (ODDLY, ODDLY + 0.01))
    assert [finding.kind for finding in early] == []
    assert [finding.kind for finding in late] == ["silent"]
    assert not late[0].serious


def test_nothing_where_there_was_always_something(ward: Ward) -> None:
    """A feed without a reach, which was never empty before."""
    feed = Source(id="acme-feed", vendor="acme", platform="feed", url="https://acme.example/feed", every="5m")
    ward.archive.catalog.add(feed)
    item = "<item><title>Trouble {0}</title><link>https://acme.example/{0}</link><guid>{0}</guid></item>"

    def look(before: timedelta, items: str) -> None:
        body = f"<rss version='2.0'><channel><title>Acme</title>{items}</channel></rss>".encode()
        ward.captures.add([Capture(source="acme-feed", url=feed.url, fetched_at=NOW - before, status=200, headers={}, body=body)])  # fmt: skip

    ward.look(timedelta(0))
    for number in range(6):
        look((9 - number) * EVERY, item.format(number))
    assert [finding for finding in ward.found() if finding.serious] == []
    look(2 * EVERY, "")
    look(EVERY, "<description>still nothing</description>")
    found = [finding for finding in ward.found() if finding.serious]
    assert [(finding.source, finding.kind) for finding in found] == [("acme-feed", "no-items")]
    look(timedelta(0), item.format(9))
    assert [finding for finding in ward.found() if finding.serious] == []


def test_another_platform_stands_at_the_address_now(ward: Ward) -> None:
    """The reader refuses it, and whose it is is said; nothing of it becomes a state."""
    ward.look(2 * EVERY, summary := {
        **payload(), "status": {"indicator": "none", "description": "fine"},
        "components": [{"id": "aaaabbbbcccc", "name": "API", "status": "operational"}],
    })  # fmt: skip
    ward.archive.catch_up(ward.captures)
    states = ward.archive.conn.execute("select * from component_states").fetchall()
    moved = {
        "page": {"id": "01JMXBNW8A9YKCZ8JYPE1GD4GB", "name": "Acme", "url": "https://acme.example", "updated_at": None},
        "status": {"indicator": "none", "description": "All Systems Operational"},
        "components": [{"id": "01JMXBNW8A9YKCZ8JYPE1GD4GC", "name": "API", "status": "operational",
                        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
                        "description": None, "position": 0}],
    }  # fmt: skip
    ward.look(EVERY, moved)
    ward.look(timedelta(0), moved)
    ((_, problem, serious),) = ward.findings()
    assert serious
    assert "unreadable" in problem
    assert problem.endswith("it looks like incidentio now"), problem
    assert ward.archive.conn.execute("select * from component_states").fetchall() == states
    assert ward.archive.conn.execute("select * from watched").fetchall() == []
    assert summary


def test_marks_in_a_page_tell_its_platform() -> None:
    source = Source(id="acme", vendor="acme", platform="statuspage", url=URL)
    body = b'<!DOCTYPE html><html><head><script src="https://cdn.statuspal.io/x.js"></script></head></html>'
    capture = Capture(source="acme", url=URL, fetched_at=NOW, status=200, headers={}, body=body)
    assert looks_like(capture, source) == ["statuspal"]
    assert looks_like(msgspec.structs.replace(capture, body=b"<html>Sorry</html>"), source) == []


def test_one_address_of_several(ward: Ward) -> None:
    ward.look(2 * EVERY)
    ward.look(EVERY)
    ward.captures.add([Capture(source="acme", url=URL + "?2", fetched_at=NOW - EVERY - timedelta(seconds=2), status=500,
                               headers={}, body=None)])  # fmt: skip
    (finding,) = ward.found()
    assert (finding.kind, finding.serious) == ("partly-failing", False)
    assert finding.problem == "1 of its addresses: HTTP 500"


def test_nobody_asks_any_more(ward: Ward) -> None:
    other = Source(id="acme-2", vendor="acme", platform="statuspage", url=URL + "?2", every="5m")
    ward.archive.catalog.add(other)
    ward.look(EVERY)
    ward.captures.add([Capture(source="acme-2", url=URL + "?2", fetched_at=NOW, status=200, headers={},
                               body=json.dumps(payload()).encode())])  # fmt: skip
    assert ward.found() == []
    later = ward.found(NOW + timedelta(days=1))
    assert [(finding.source, finding.kind, finding.serious) for finding in later] == [
        ("all sources", "stopped", True), ("acme", "not-asked", False), ("acme-2", "not-asked", False),
    ]  # fmt: skip


def test_a_reader_that_was_never_tried(ward: Ward) -> None:
    ward.archive.catalog.add(Source(id="acme-3", vendor="acme", platform="statuspage", url=URL + "?3", verified=False))
    ward.look(EVERY)
    assert [finding.kind for finding in ward.found()] == ["unverified", "never-asked"]


def test_many_sources_and_looks_are_no_burden(ward: Ward) -> None:
    """Every look-up goes by an index: nothing reads all looks of a source, or of all."""
    ward.archive.catch_up(ward.captures)
    plan = [row[3] for row in ward.archive.conn.execute("explain query plan select * from health")]
    steps = [step for step in plan if "polls" in step or "signals" in step]
    assert steps
    assert [step for step in steps if not step.startswith("SEARCH") or step.endswith("polls_address (source=?)")] == []


def test_a_source_that_breaks_in_every_way(tmp_path: Path) -> None:
    """On a real server: the command tells what happened, by its words, its exit code and as JSON."""
    with stage() as page:
        page.show(INCIDENTS, payload(FIRST))
        watched = Polled(tmp_path, page.url + INCIDENTS)
        began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)

        def check(at: int, *kinds: str) -> list[dict[str, Any]]:
            watched.poll(stamp(began + timedelta(minutes=at)), "--all")
            done = watched.run("health", "--json")
            told = [found for found in json.loads(done.stdout) if found["kind"] not in ("not-asked", "stopped")]
            assert [found["kind"] for found in told] == list(kinds), done.stdout
            assert done.returncode == (3 if any(found["serious"] for found in told) else 0)
            return told

        check(0)
        check(1)
        page.show(INCIDENTS, "down", status=503)
        check(2, "failing")
        page.show(INCIDENTS, "<!DOCTYPE html><html>All Systems Operational</html>")
        assert check(3, "failing")[0]["serious"]
        page.show(INCIDENTS, json.dumps(payload(FIRST))[:100])
        check(4, "failing")
        page.show(INCIDENTS, payload(FIRST) | {"colour": "blue"})
        assert "unknown-field colour" in check(5, "not-understood")[0]["problem"]
        page.show(INCIDENTS, payload())
        assert [found["serious"] for found in check(6, "no-items", "not-understood")] == [True, False]
        said = watched.run("health").stdout
        assert f"! acme-incidents: shows nothing since {stamp(began + timedelta(minutes=6))}" in said
        assert "2 findings" in said or "3 findings" in said
        assert watched.rows("select count(*) from component_states") == [(0,)]
        assert watched.rows("select last_outcome, failures, no_items_at from health") == [
            ("new", 0, stamp(began + timedelta(minutes=6)))
        ]
