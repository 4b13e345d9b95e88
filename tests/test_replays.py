"""Revisions, vanishings and first sights against what the raw bodies of long series say, counted without our readers.

Truth here is plain `json` and comparison of one body with the next. An edit is (incident, field, seen_at) or, where
the platform names its messages, (incident, field, message, seen_at).
"""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from crawler.archive import Archive, chunks
from crawler.captures import Captures
from crawler.captures.lines import read
from crawler.records import Capture, stamp
from tests.test_archive import listed

Raw = dict[str, Any]
Poll = tuple[str, bytes]
Edit = tuple[str | None, ...]


class Replay(NamedTuple):
    """A series, or the part of it from one day until another, and the archive made of it."""

    captures: Callable[[], Iterator[Capture]]
    conn: sqlite3.Connection

    def polls(self) -> Iterator[Poll]:
        """When each look was, and what it found."""
        return ((stamp(capture.fetched_at), capture.body or b"") for capture in self.captures())

    def revisions(self, *fields: str) -> set[Edit]:
        """Those of these fields: (incident, field, message, seen_at)."""
        marks = ", ".join("?" * len(fields))
        return {
            (key, field, update and update.partition("/")[2], seen_at)
            for key, update, field, seen_at in self.conn.execute(
                f"""select incidents.key, update_id, field, seen_at from revisions
                join incidents on incidents.id = incident where field in ({marks})""",
                fields,
            )
        }

    def fields(self) -> set[str]:
        """The fields that were revised at all."""
        return {field for (field,) in self.conn.execute("select distinct field from revisions")}

    def vanished(self) -> set[Edit]:
        """Incidents that are gone now, and since when."""
        return set(self.conn.execute("select key, vanished_at from incidents where vanished_at is not null"))

    def first_seen(self) -> dict[str, str]:
        """When each incident was first seen, of those the vendor published."""
        return {
            key: at
            for key, at in self.conn.execute("select key, first_seen_at from incidents where first_seen_at is not null")
            if not key.startswith("observed-")  # nobody said anything; the state of components did
        }


@pytest.fixture
def replay(shared: Path, tmp_path: Path) -> Callable[..., Replay]:
    """Takes the name of a series."""

    def take(name: str, since: str = "", until: str = "9") -> Replay:
        def captures() -> Iterator[Capture]:
            for item in read(shared / "replay" / f"{name}.jsonl.xz"):
                assert isinstance(item, Capture)
                if stamp(item.fetched_at) >= until:
                    break
                if stamp(item.fetched_at) >= since:
                    yield item

        catalog = listed()
        store = Captures(tmp_path / "captures.db")
        for chunk in chunks(captures()):
            store.add(chunk)
        Archive(tmp_path / "outages.db", catalog, tmp_path).catch_up(store)
        return Replay(captures, sqlite3.connect(tmp_path / "outages.db"))

    return take


def bare(text: str | None) -> str:
    """What is said, without tags, blanks and emphasis."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", " ", text or "")).replace("*", "").split())


def second(when: str | None) -> str | None:
    """`2026-01-01T10:00:00.123Z`, or the same with an offset, in UTC and without its fraction."""
    return stamp(datetime.fromisoformat(when)) if when else None


# Statuspage

ORDER = ("investigating", "identified", "monitoring", "resolved", "postmortem",
         "scheduled", "in_progress", "verifying", "completed")  # fmt: skip
TOLD = ("title", "severity_text", "state",
        "update text", "update state", "update posted_at", "update removed", "update added")  # fmt: skip


class Truth(NamedTuple):
    """What a series of bodies says."""

    edits: set[Edit]
    first: dict[str, str]
    gone: set[str]  # not on a page that would show it


def statuspage(polls: Iterable[Poll], listed: int | None) -> Truth:
    """`listed`: how many incidents a page holds at the most; None when it only holds what is open."""
    known: dict[str, Raw] = {}
    truth = Truth(set(), {}, set())
    for at, body in polls:
        try:
            page = json.loads(body)
        except ValueError:
            continue
        items: list[Raw] = page["incidents"] + page.get("scheduled_maintenances", [])
        here = {item["id"] for item in items}
        if listed:
            # Sorted by when they were resolved, else begun; the last ones drop out.
            rank = {item["id"]: item["resolved_at"] or item["created_at"] for item in (*known.values(), *items)}
            lowest = min(rank[key] for key in here) if len(here) >= listed else ""
            truth.gone.update(key for key in known.keys() - here if rank[key] > lowest)
        for item in items:
            truth.first.setdefault(item["id"], at)
            if item["id"] in known:
                truth.edits.update((item["id"], *edit, at) for edit in edited(known[item["id"]], item))
            known[item["id"]] = item
    return truth


def edited(old: Raw, new: Raw) -> Iterator[tuple[str, str | None]]:
    """Field and message."""
    if bare(old["name"]) != bare(new["name"]):
        yield "title", None
    if old["impact"] != new["impact"]:
        yield "severity_text", None
    if ORDER.index(new["status"]) < ORDER.index(old["status"]):
        yield "state", None
    before = {update["id"]: update for update in old["incident_updates"]}
    after = {update["id"]: update for update in new["incident_updates"]}
    newest = max((posted(update) for update in before.values()), default="")
    for key, update in before.items():
        if key not in after:
            yield "update removed", key
            continue
        if bare(update["body"]) != bare(after[key]["body"]):
            yield "update text", key
        if update["status"] != after[key]["status"]:
            yield "update state", key
        if posted(update) != posted(after[key]):
            yield "update posted_at", key
    for key in after.keys() - before.keys():
        if posted(after[key]) < newest:
            yield "update added", key


def posted(update: Raw) -> str:
    return second(update["display_at"] or update["created_at"]) or ""


def test_a_list_of_the_newest_fifty(replay: Callable[..., Replay]) -> None:
    series = replay("claude-incidents")
    truth = statuspage(series.polls(), listed=50)
    assert series.revisions(*TOLD) == truth.edits
    assert len(truth.edits) == 7
    assert series.fields() - set(TOLD) <= {"severity", "services"}
    assert truth.gone == set()
    assert len(truth.first) == 168  # so 118 have left the list
    assert series.vanished() == series.revisions("vanished", "returned") == set()
    assert series.first_seen() == truth.first


@pytest.mark.parametrize(("name", "incidents"), [("digitalocean-summary", 120), ("oci-summary", 26)])
def test_a_page_of_what_is_open(replay: Callable[..., Replay], name: str, incidents: int) -> None:
    series = replay(name)
    truth = statuspage(series.polls(), listed=None)
    assert series.revisions(*TOLD) == truth.edits
    assert series.fields() - set(TOLD) <= {"severity", "services", "started_at", "ended_at"}
    assert len(truth.first) == incidents
    assert series.vanished() == series.revisions("vanished", "returned") == set()
    assert series.first_seen() == truth.first


ATOM = "{http://www.w3.org/2005/Atom}"
MESSAGE = re.compile(r"<p>\s*<small>(.*?)</small>\s*<br\s*/?>\s*<strong>(.*?)</strong>", re.DOTALL)


def test_a_feed_of_the_newest_twenty_five(replay: Callable[..., Replay]) -> None:
    series = replay("github-history-atom")
    known: dict[str, tuple[str, str, list[str]]] = {}
    edits: set[Edit] = set()
    first: dict[str, str] = {}
    for at, body in series.polls():
        here = {}
        for entry in ElementTree.fromstring(body).iter(f"{ATOM}entry"):
            link = entry.find(f"{ATOM}link")
            assert link is not None
            # Text before the first message, then time, state and text of each, newest first.
            parts = MESSAGE.split(entry.findtext(f"{ATOM}content", ""))
            texts = [" ".join(map(bare, parts[n : n + 3])) for n in range(1, len(parts), 3)][::-1]
            here[link.get("href", "").rpartition("/")[2]] = (
                bare(entry.findtext(f"{ATOM}title")),
                entry.findtext(f"{ATOM}published", ""),
                texts,
            )
        oldest = min(published for _, published, _ in here.values())
        assert not [key for key in known.keys() - here.keys() if known[key][1] > oldest], "vanished"
        for key, (title, _, texts) in here.items():
            first.setdefault(key, at)
            if key in known:
                if title != known[key][0]:
                    edits.add((key, "title", at))
                # No message of this series changed its time or was taken away: so they stand one under another.
                if any(old != new for old, new in zip(known[key][2], texts, strict=False)):
                    edits.add((key, "update text", at))
        known |= here
    found = {(key, field, at) for key, field, _, at in series.revisions("title", "update text")}
    assert found == edits
    assert series.fields() == {"title", "update text"}
    assert series.vanished() == series.revisions("vanished", "returned") == set()
    assert series.first_seen() == first


# Google Cloud

NAMES = {"begin": "started_at", "end": "ended_at", "external_desc": "title"}


def google(polls: Iterable[Poll]) -> tuple[set[Edit], dict[str, str], set[Edit]]:
    """Edits as (incident, field, seen_at, before, after), first sights, and what went while it was young."""
    known: dict[str, Raw] = {}
    edits: set[Edit] = set()
    first: dict[str, str] = {}
    gone: set[Edit] = set()
    for at, body in polls:
        here = {item.get("id") or f"{item['service_key']}/{item['number']}": item for item in json.loads(body)}
        young = stamp(datetime.fromisoformat(at) - timedelta(days=330))
        if at >= "2021-04-20":  # when all of the year before were published anew, under other ids
            young = max(young, "2021-04-20")
        gone |= {(key, at) for key in known.keys() - here.keys() if known[key]["begin"] > young}
        for key in known.keys() - here.keys():
            del known[key]
        for key, item in here.items():
            first.setdefault(key, at)
            for field, ours in NAMES.items():
                was, now = (known.get(key, item).get(field) or None, item.get(field) or None)
                if field == "external_desc":
                    was, now = was.strip() if was else None, now.strip() if now else None
                else:
                    was, now = second(was), second(now)
                if was != now and not (field == "end" and was is None):
                    edits.add((key, ours, at, was, now))
        known |= here
    return edits, first, gone


@pytest.mark.parametrize(
    ("name", "times", "titles", "vanished"),
    [("gcp-incidents-2025h1", 2, 2, 0), ("gcp-incidents-2020-2021", 31, 30, 2)],
)
def test_corrected_starts_and_ends(
    replay: Callable[..., Replay], name: str, times: int, titles: int, vanished: int
) -> None:
    series = replay(name)
    edits, first, gone = google(series.polls())
    ours = set(
        series.conn.execute(
            """select key, field, seen_at, before, after from revisions join incidents on incidents.id = incident
            where field in ('started_at', 'ended_at', 'title')"""
        )
    )
    assert ours == edits
    assert sum(field != "title" for _, field, *_ in edits) == times
    assert sum(field == "title" for _, field, *_ in edits) == titles
    assert series.vanished() == gone
    assert len(gone) == vanished
    assert series.first_seen() == first


# AWS


def test_backends_that_take_turns(replay: Callable[..., Replay]) -> None:
    """From 2022-04-20 some answers hold 102 events and some 483: absence is not removal, presence no return."""
    series = replay("aws-data-json", "2022-04-10", "2022-05-01")
    known: dict[str, Raw] = {}
    edits: set[Edit] = set()
    grown: set[Edit] = set()
    first: dict[str, str] = {}
    sizes: list[int] = []
    for at, body in series.polls():
        page = json.loads(body)
        events = page["archive"] + page["current"]
        sizes.append(len(events))
        for event in events:
            key = f"{event['service']}_{event['date']}"
            first.setdefault(key, at)
            if key in known and any(known[key][field] != event[field] for field in ("summary", "description")):
                goes_on = event["description"].startswith(known[key]["description"]) and event["summary"] in (
                    known[key]["summary"],
                    f"[RESOLVED] {known[key]['summary']}",
                )
                (grown if goes_on else edits).add((key, at))
            known[key] = event
    turns = sum(abs(one - other) > 300 for one, other in pairwise(sizes))
    assert turns > 20
    assert grown
    found = {
        (key, at)
        for key, field, _, at in series.revisions(*series.fields())
        if field and not field.startswith("severity")
    }
    assert found == edits == set()
    assert series.vanished() == series.revisions("vanished", "returned") == set()
    assert series.first_seen() == first


def test_every_edit_of_a_great_outage(replay: Callable[..., Replay]) -> None:
    """2020-11-25 in us-east-1: nothing is called revised whose bytes stayed, and no text that was rewritten is missed."""
    series = replay("aws-data-json", "2020-11-20", "2020-12-10")
    known: dict[str, Raw] = {}
    changed: set[Edit] = set()
    rewritten: set[Edit] = set()
    for at, body in series.polls():
        page = json.loads(body or b"{}")
        for event in page.get("archive", []) + page.get("current", []):
            key = f"{event['service']}_{event['date']}"
            old, known[key] = known.get(key, event), event
            if old != event:
                changed.add((key, at))
            if not bare(event["description"]).startswith(bare(old["description"])):
                rewritten.add((key, at))
    found = {(key, at) for key, _, _, at in series.revisions(*series.fields())}
    texts = series.revisions("update text", "update removed", "update added", "update posted_at")
    assert found <= changed
    assert {(key, at) for key, _, _, at in texts} == rewritten
    assert len(rewritten) == 10
