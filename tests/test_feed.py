"""The reader of feeds in general: what makes entries one incident, and that its key stays while the feed moves on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.catalog import Source
from crawler.records import OVER, Capture, Incident, Page, Severity, State, stamp
from spiders.feed import PLATFORM, read

SOURCE = Source(id="n", platform="feed", url="https://status.northwind.example/feed.xml")
HEAD = "<title>N</title><link>https://status.northwind.example</link>"


def page(items: str, head: str = HEAD) -> Page:
    body = f'<rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()
    return read(capture(body), SOURCE)


def capture(body: bytes, at: datetime = datetime(2026, 3, 3, 9, tzinfo=UTC)) -> Capture:
    return Capture(source="n", url=SOURCE.url, fetched_at=at, status=200, headers={}, body=body)


def item(title: str, link: str = "", guid: str = "", day: int = 2, text: str = "words") -> str:
    link = f"<link>{link}</link>" if link else ""
    guid = f'<guid isPermaLink="false">{guid}</guid>' if guid else ""
    return (
        f"<item><title>{title}</title>{link}{guid}<description>{text}</description>"
        f"<pubDate>{day:02} Mar 2026 08:00:00 GMT</pubDate></item>"
    )


def keys(found: Page) -> list[tuple[str, int]]:
    return [(incident.key, len(incident.updates)) for incident in found.incidents]


ROOT = "https://status.northwind.example"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        # One link, several identifiers: messages of one incident.
        ([("a", f"{ROOT}/i/7", "x1"), ("a", f"{ROOT}/i/7/", "x2")], [("status.northwind.example/i/7", 2)]),
        ([("a", f"{ROOT}/i/7#one", "x1"), ("a", f"{ROOT}/i/7#two", "x2")], [("status.northwind.example/i/7", 2)]),
        ([("a", f"{ROOT}/?id=7", "x1"), ("b", f"{ROOT}/?id=8", "x2")], [("status.northwind.example?id=8", 1), ("status.northwind.example?id=7", 1)]),
        # One identifier, several links.
        ([("a", f"{ROOT}/i/7", "x"), ("a", f"{ROOT}/i/seven", "x")], [("status.northwind.example/i/7", 2)]),
        # The page's own link says nothing.
        ([("a", ROOT, "x1"), ("b", ROOT, "x2")], [("x2", 1), ("x1", 1)]),
        ([("a", f"{ROOT}/status", "x1"), ("b", f"{ROOT}/status", "x2")], [("x2", 1), ("x1", 1)]),
        # But its parts do.
        ([("a", f"{ROOT}/#i7", "x1"), ("b", f"{ROOT}/#i8", "x2")], [("status.northwind.example#i8", 1), ("status.northwind.example#i7", 1)]),
        # The address of an incident stays one when the title changes.
        ([("Slow", f"{ROOT}/i/7", "x1"), ("Slow no more", f"{ROOT}/i/7", "x2")], [("status.northwind.example/i/7", 2)]),
    ],
)  # fmt: skip
def test_which_entries_are_one_incident(items: list[tuple[str, str, str]], expected: list[tuple[str, int]]) -> None:
    entries = [item(title, link, guid, day) for day, (title, link, guid) in enumerate(items, 1)]
    found = keys(page("".join(reversed(entries))))
    assert found == expected
    assert sorted(keys(page("".join(entries)))) == sorted(found)  # the order of the feed does not matter


def test_a_key_stays_when_older_entries_leave_the_feed() -> None:
    first = item("[Investigating] Slow", f"{ROOT}/i/7", "x1", 1)
    last = item("[Resolved] Slow", f"{ROOT}/i/7", "x2", 2)
    assert {key for key, _ in keys(page(last + first))} == {key for key, _ in keys(page(last))}


def test_without_any_identity_the_marks_of_a_title_do_not_matter() -> None:
    (before,) = page(item("Uploads fail")).incidents
    (after,) = page(item("Uploads fail (Resolved)")).incidents
    assert before.key == after.key
    assert (before.state, after.state) == (None, State.RESOLVED)
    assert page(item("Downloads fail")).incidents[0].key != before.key


@pytest.mark.parametrize(
    ("title", "bare", "state"),
    [
        ("[RESOLVED] [Incident] Uploads", "Uploads", State.RESOLVED),
        ("Resolved: Uploads", "Uploads", State.RESOLVED),
        ("Monitoring - Uploads", "Uploads", State.MONITORING),
        ("Uploads – Identified", "Uploads", State.IDENTIFIED),
        ("【已恢复】上传", "上传", State.RESOLVED),
        ("[EU] Uploads: slow", "[EU] Uploads: slow", None),
        ("Resolved", "Resolved", None),
        ("Uploads (fixed price)", "Uploads (fixed price)", None),
        ("The issue was resolved too late", "The issue was resolved too late", None),
    ],
)
def test_marks_of_a_title(title: str, bare: str, state: State | None) -> None:
    (incident,) = page(item(title, guid="x")).incidents
    assert (incident.title, incident.state) == (bare, state)


def test_no_word_no_severity() -> None:
    (incident,) = page(item("Total outage of everything", guid="x", text="All is down, a major disaster")).incidents
    assert (incident.severity, incident.state) == (None, None)
    (incident,) = page(item("Search", guid="x", text="Impact: Major outage")).incidents
    assert (incident.severity, incident.severity_text) == (Severity.MAJOR_OUTAGE, "Major outage")


def test_feeds_that_a_page_names() -> None:
    assert PLATFORM.find
    html = """<link rel="alternate" type="application/rss+xml" href="/feed.rss"><link rel="stylesheet" href="x.css">
    <link rel="alternate" type="application/atom+xml" href="https://cdn.example/feed.atom"><link rel="alternate" hreflang="de" href="/de">"""
    assert PLATFORM.find(ROOT, html) == {"feed": "https://cdn.example/feed.atom", "feed-2": f"{ROOT}/feed.rss"}
    assert PLATFORM.find(ROOT, "") == {}


def real(shared: Path, name: str, at: datetime) -> tuple[Incident, ...]:
    found = read(capture((shared / "captures" / name).read_bytes(), at), SOURCE)
    assert found.signals == ()
    return found.incidents


def test_a_feed_without_identities(shared: Path) -> None:
    found = real(shared, "volcengine/volcengine_rss_zh_cn-beijing_ModelArk.rss", datetime(2025, 9, 19, tzinfo=UTC))
    assert [incident.state for incident in found] == [State.RESOLVED, State.RESOLVED]
    assert [stamp(i.first_posted_at) for i in found if i.first_posted_at] == [
        "2025-09-18T14:20:00Z", "2025-09-18T14:10:00Z",
    ]  # fmt: skip


@pytest.mark.parametrize("day", ["2022-06-12", "2023-11-20"])
def test_all_messages_in_an_entry(shared: Path, day: str) -> None:
    """Statuspage's feed, of which GitHub publishes the same in JSON: every message has its time and its state."""
    found = real(shared, f"statuspage/github-history-{day}.atom", datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    assert len(found) == 25
    for incident in found:
        assert incident.state in OVER
        assert incident.first_posted_at
        assert incident.resolved_posted_at
        assert incident.first_posted_at <= incident.resolved_posted_at
        assert all(update.posted_at and update.state_text for update in incident.updates)
