"""What the archive knew at an instant: nothing of what came later, and every word that is different today."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from datasette.app import Datasette
from hypothesis import given
from hypothesis import strategies as st

from crawler.archive import Archive
from crawler.captures import Captures
from crawler.captures.imports import from_lines
from crawler.records import Capture, instant
from crawler.site.as_of import Story, tell
from crawler.site.policy import policy
from crawler.site.server import opened
from crawler.site.wording import ITEMS, LONGEST, WHOLE, Piece, compare
from tests.published import get
from tests.test_archive import listed

MARKUP = "<script>alert(1)</script>\"'</p>{{ 7*7 }}"
ESCAPED = MARKUP.replace("<", "&lt;").replace(">", "&gt;")
KEY, OTHER = "bcdfghjklmn1", "bcdfghjklmn2"
INCIDENT = f"github:{KEY}"
SOURCE, URL = "github-incidents", "https://www.githubstatus.com/api/v2/incidents.json"


def day(hour: int, minute: int = 0) -> str:
    return f"2026-02-01T{hour:02}:{minute:02}:00Z"


def shown(key: str, name: str, *said: tuple[int, str, str], impact: str = "minor") -> dict[str, Any]:
    """An incident as Statuspage has it; `said` is hour, status and text of each message, oldest first."""
    updates = [
        {"id": f"{key[-4:]}upd{hour:05}", "status": status, "body": text, "incident_id": key, "created_at": day(hour),
         "updated_at": day(hour), "display_at": day(hour), "deliver_notifications": True, "affected_components": None}
        for hour, status, text in said
    ]  # fmt: skip
    over = said[-1][1] == "resolved"
    return {
        "id": key, "name": name, "status": said[-1][1], "impact": impact, "created_at": day(said[0][0]),
        "updated_at": day(said[-1][0]), "started_at": day(said[0][0]), "monitoring_at": None,
        "resolved_at": day(said[-1][0]) if over else None, "shortlink": "https://stspg.io/y", "page_id": "ppppqqqqrrrr",
        "incident_updates": updates[::-1], "components": [], "reminder_intervals": None,
    }  # fmt: skip


def look(at: str, *incidents: dict[str, Any], status: int = 200) -> str:
    page = {
        "page": {
            "id": "ppppqqqqrrrr",
            "name": "GitHub",
            "url": "https://www.githubstatus.com",
            "time_zone": "Etc/UTC",
            "updated_at": at,
        },
        "incidents": [*incidents, shown(OTHER, "Older", (0, "resolved", "Over."))],
    }
    return json.dumps({"source": SOURCE, "url": URL, "fetched_at": at, "status": status, "body": json.dumps(page)})


FIRST = (1, "investigating", f"We look into errors of pushes {ESCAPED}.")
EDITED = (1, "investigating", f"We looked into errors of all pushes {ESCAPED}.")
SECOND, THIRD = (2, "identified", "A disk is full."), (3, "resolved", "It is over.")
TITLE = f"Pushes fail {ESCAPED}"
LOOKS = [
    look(day(0, 30)),
    look(day(1, 30), shown(KEY, TITLE, FIRST)),
    look(day(2, 30), shown(KEY, TITLE, FIRST, SECOND)),
    look(day(3, 0), status=503),
    look(day(3, 30), shown(KEY, TITLE + " and pulls", EDITED, THIRD, impact="major")),
    look(day(4, 30), shown(KEY, TITLE + " and pulls", EDITED, THIRD, impact="major")),
    look(day(5, 30)),
    look(day(6, 30), shown(KEY, "Pushes failed", EDITED, THIRD, impact="major")),
]


def archive(directory: Path, looks: list[str]) -> Path:
    """An archive of these looks and nothing else."""
    directory.mkdir(exist_ok=True)
    file = directory / "looks.jsonl"
    file.write_text("".join(line + "\n" for line in looks))
    known = listed()
    captures, made = Captures(directory / "captures.db"), Archive(directory / "outages.db", known)
    captures.add(item for item in from_lines(file, known, None) if isinstance(item, Capture))
    made.catch_up(captures)
    captures.close()
    made.close()
    return directory / "outages.db"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("travel"), LOOKS)


def told(data: Path, at: str | None = None, incident: str = INCIDENT) -> Story:
    with sqlite3.connect(f"file:{data}?mode=ro", uri=True) as conn:
        story = tell(conn, incident, instant(at) if at else None)
    assert story is not None
    return story


# What was known


def test_nothing_before_the_first_look_that_showed_it(data: Path) -> None:
    story = told(data, day(1, 0))
    assert (story.standing, story.fields, story.messages, story.looks) == ("not seen yet", [], [], [])
    assert story.previous is None
    assert story.next is not None
    assert story.next.at == day(1, 30)


def test_the_first_look_is_what_is_shown_by_default(data: Path) -> None:
    story = told(data)
    assert story == told(data, day(1, 30))
    assert (story.title, story.state, story.standing) == (f"Pushes fail {MARKUP}", "investigating", "shown")


def test_instants_to_step_through(data: Path) -> None:
    story = told(data, day(2, 45))
    assert [(i.at, i.what) for i in story.instants] == [
        (day(1, 30), "first seen"),
        (day(2, 30), "state, message added"),
        (
            day(3, 30),
            "title, severity, severity text, state, message changed, message taken away, message added",
        ),
        (day(5, 30), "vanished"),
        (day(6, 30), "returned, title"),
    ]
    assert story.previous == story.instants[1]
    assert story.next == story.instants[2]
    assert told(data, day(23)).next is None
    assert told(data, day(2, 30)).previous == story.instants[0]


def test_beside_today(data: Path) -> None:
    story = told(data, day(2, 30))
    fields = {field.name: field for field in story.fields}
    assert (fields["severity"].then, fields["severity"].today) == ("degraded", "partial_outage")
    assert fields["severity"].pieces == [Piece("removed", "degraded"), Piece("added", "partial_outage")]
    assert (fields["state"].then, fields["state"].today) == ("identified", "resolved")
    assert not fields["kind"].changed
    assert [(m.remark, m.then, m.today) for m in story.messages] == [
        ("changed since", f"We look into errors of pushes {MARKUP}.", f"We looked into errors of all pushes {MARKUP}."),
        ("taken away since", "A disk is full.", None),
        ("added since", None, "It is over."),
    ]
    assert story.messages[0].pieces[:6] == [
        Piece("same", "We "),
        Piece("removed", "look "),
        Piece("added", "looked "),
        Piece("same", "into errors of "),
        Piece("added", "all "),
        Piece("same", f"pushes {MARKUP}."),
    ]


def test_today_nothing_is_different(data: Path) -> None:
    story = told(data, day(7))
    assert story.changed == 0
    assert story.title == "Pushes failed"
    assert {m.remark for m in story.messages} == {"as it was"}


def test_vanished_for_a_while(data: Path) -> None:
    story = told(data, day(6, 0))
    assert (story.standing, story.standing_today) == ("vanished", "shown")
    assert story.title == f"Pushes fail {MARKUP} and pulls"
    assert [(found.standing, found.since) for found in story.looks] == [("taken away", day(5, 30))]


def test_vanished_until_today(tmp_path: Path) -> None:
    data = archive(tmp_path, LOOKS[:7])
    assert told(data, day(2, 30)).standing_today == "vanished"
    assert told(data, day(5, 29)).standing == "shown"
    assert told(data, day(5, 30)).standing == "vanished"


def test_the_looks_that_showed_it(data: Path) -> None:
    (found,) = told(data, day(3, 10)).looks
    assert (found.source, found.url, found.standing, found.since) == (SOURCE, URL, "shown", day(2, 30))
    assert (found.looked_at, found.outcome) == (day(3, 0), "error")
    (found,) = told(data, day(5, 0)).looks
    assert (found.since, found.looked_at, found.outcome) == (day(3, 30), day(4, 30), "new")


@pytest.mark.parametrize("number", range(1, len(LOOKS) + 1))
def test_nothing_is_known_that_a_later_look_brought(data: Path, tmp_path: Path, number: int) -> None:
    """The story told later of an instant is what an archive that ended there has for today."""
    at = json.loads(LOOKS[number - 1])["fetched_at"]
    later = told(data, at)
    with sqlite3.connect(archive(tmp_path, LOOKS[:number])) as conn:
        then = tell(conn, INCIDENT, instant(at))
    if then is None:
        assert later.standing == "not seen yet"
        return
    assert then.changed == 0
    assert (later.standing, later.title, later.state) == (then.standing_today, then.title, then.state)
    assert [(f.name, f.then) for f in later.fields if f.then] == [(f.name, f.today) for f in then.fields if f.today]
    assert [(m.posted_at, m.then) for m in later.messages if m.then] == [(m.posted_at, m.today) for m in then.messages]
    assert [i for i in later.instants if i.at <= at] == then.instants
    assert later.looks == then.looks


def test_an_address_that_names_its_messages_otherwise(tmp_path: Path) -> None:
    """Ids of another platform, or none: messages of the same time are the same."""
    other = json.loads(look(day(2, 30), shown(KEY, TITLE, FIRST, SECOND)).replace(f"{KEY[-4:]}upd", "zzzzupd"))
    other = {**other, "source": "github-summary", "url": "https://www.githubstatus.com/api/v2/summary.json"}
    story = told(archive(tmp_path, [LOOKS[1], json.dumps(other)]))
    assert [m.remark for m in story.messages] == ["as it was", "added since"]


def test_what_no_look_showed(data: Path) -> None:
    with sqlite3.connect(data) as conn:
        assert tell(conn, "alibaba:16") is None  # written by hand
        assert tell(conn, "github:nothing") is None
        assert tell(conn, "") is None


# Word by word


@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        ("", "", ""),
        ("one two", "one two", "one two"),
        ("one two", "one  two", "one  two"),  # blanks alone are no change
        ("Sonnet 4.6.", "Sonnet 4.6 and Haiku 4.5.", "Sonnet 4.6 [+and Haiku 4.5+]."),
        ("all regions", "some regions", "[-all -][+some +]regions"),
        ("", "new", "[+new+]"),
        ("杭州地域已恢复", "杭州和北京地域已恢复", "杭州[+和北京+]地域已恢复"),
    ],
)
def test_words(before: str, after: str, marked: str) -> None:
    said = {"same": "{}", "removed": "[-{}-]", "added": "[+{}+]"}
    assert "".join(said[kind].format(text) for kind, text in compare(before, after)) == marked


def test_items_and_wholes() -> None:
    assert compare("a b, c", "a b, d e, c", ITEMS) == [
        Piece("same", "a b, "),
        Piece("added", "d e, "),
        Piece("same", "c"),
    ]
    assert compare("10:05", "10:06", WHOLE) == [Piece("removed", "10:05"), Piece("added", "10:06")]


TEXT = st.text(alphabet="ab .,\n杭州é0", max_size=40)


@given(TEXT, TEXT)
def test_no_word_is_lost(before: str, after: str) -> None:
    pieces = compare(before, after)
    assert "".join(text for kind, text in pieces if kind != "removed") == after
    left = "".join(text for kind, text in pieces if kind != "added")
    assert "".join(left.split()) == "".join(before.split())
    assert all(text for _, text in pieces)


@pytest.mark.parametrize("words", [["a"], ["a", "b"], [str(n) for n in range(97)]])
def test_long_texts_take_no_long_time(words: list[str]) -> None:
    def text(seed: int, size: int) -> str:
        return " ".join(words[(n * n + n * seed) % len(words)] for n in range(size))

    began = time.process_time()
    compare(text(1, LONGEST), text(2, LONGEST - 100))
    assert time.process_time() - began < 5
    assert [kind for kind, _ in compare(text(1, LONGEST + 1), "b")] == ["removed", "added"]


# On the site


@pytest.fixture(scope="module")
def site(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Datasette:
    copy = tmp_path_factory.mktemp("copy") / "outages.db"
    with sqlite3.connect(data) as conn:
        conn.execute("pragma wal_checkpoint(truncate)")
    shutil.copy(data, copy)
    copy.chmod(0o444)
    return opened(copy)


def ask(site: Datasette, path: str, accept: str = "text/html", **parameters: str) -> Any:
    return get(site, f"{path}?{urlencode(parameters)}" if parameters else path, headers={"accept": accept})


def test_page(site: Datasette) -> None:
    answer = ask(site, "/-/as-of", incident=INCIDENT, at=day(2, 30))
    assert answer.status_code == 200
    page = answer.text
    assert "taken away since" in page
    assert "<del>look </del><ins>looked </ins>" in page
    assert "<ins>It is over.</ins>" in page
    assert "<del>A disk is full.</del>" in page
    assert re.search(rf'rel="prev" href="/-/as-of\?incident=github%3A{KEY}&amp;at=2026-02-01T01%3A30%3A00Z"', page)
    assert re.search(rf'rel="next" href="/-/as-of\?incident=github%3A{KEY}&amp;at=2026-02-01T03%3A30%3A00Z"', page)
    assert page.count('aria-current="true"') == 1
    assert answer.headers["content-security-policy"] == policy()


@pytest.mark.parametrize("at", ["", day(1, 0), day(2, 30), day(6, 0), day(7)])
def test_markup_stays_text(site: Datasette, at: str) -> None:
    page = ask(site, "/-/as-of", incident=INCIDENT, at=at).text
    assert "alert(1)" in page or at == day(7) or at == day(1, 0)
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page or at == day(1, 0)
    assert "49" not in re.sub(r"\d{4}-\S*Z|[0-9a-f]{6,}", "", page)


def test_words_for_where_it_stands(site: Datasette) -> None:
    def text(at: str) -> str:
        return " ".join(re.sub(r"<[^>]+>", "", ask(site, "/-/as-of", incident=INCIDENT, at=at).text).split())

    assert "no look had shown this incident yet" in text("2020-01-01")
    assert "when it had vanished from the page: this is what it said before" in text(day(6))
    assert "It reads the same today." in text(day(7))
    assert "Since then 7 things changed" in text(day(2, 30))


def test_json(site: Datasette) -> None:
    answer = ask(site, "/-/as-of.json", incident=INCIDENT, at=day(2, 30))
    assert answer.headers["content-type"].startswith("application/json")
    story = msgspec.json.decode(answer.content, type=Story)
    assert story.messages[1].remark == "taken away since"
    assert answer.content == ask(site, "/-/as-of", "application/json", incident=INCIDENT, at=day(2, 30)).content
    assert ask(site, "/-/as-of", "text/html,application/json", incident=INCIDENT).text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/-/as-of", {}, 200),
        ("/-/as-of", {"incident": ""}, 200),
        ("/-/as-of.json", {}, 400),
        ("/-/as-of", {"incident": "github:nothing"}, 404),
        ("/-/as-of", {"incident": MARKUP}, 404),
        ("/-/as-of.json", {"incident": "github:nothing"}, 404),
        ("/-/as-of", {"incident": INCIDENT, "at": MARKUP}, 400),
        ("/-/as-of", {"incident": INCIDENT, "at": "0001-01-01T00:00:00+14:00"}, 400),
        ("/-/as-of", {"incident": INCIDENT, "at": "9999-12-31T23:59:59-14:00"}, 400),
        ("/-/as-of", {"incident": INCIDENT, "at": "9999-12-31T23:59:59Z"}, 200),
        ("/-/as-of", {"incident": INCIDENT, "at": "0001-01-01"}, 200),
        ("/-/as-of", {"incident": INCIDENT, "at": " 2026-02-01 02:30 "}, 200),
        ("/-/as-of.txt", {"incident": INCIDENT}, 404),
    ],
)
def test_what_may_be_asked(site: Datasette, path: str, parameters: dict[str, str], status: int) -> None:
    answer = ask(site, path, **parameters)
    assert answer.status_code == status
    assert "<script>alert" not in answer.text


def test_zones_of_the_instant(site: Datasette) -> None:
    for at in ("2026-02-01T02:30:00Z", "2026-02-01T02:30", "2026-02-01T10:30:00+08:00"):
        assert ask(site, "/-/as-of.json", incident=INCIDENT, at=at).json()["at"] == day(2, 30)


def test_without_an_incident_those_that_changed_last(site: Datasette) -> None:
    page = ask(site, "/-/as-of").text
    assert f'href="/-/as-of?incident=github%3A{KEY}"' in page


def test_links_to_it(site: Datasette) -> None:
    there = f"/-/as-of?incident=github%3A{KEY}"
    assert f'href="{there}"' in ask(site, f"/outages/incidents/github~3A{KEY}").text
    assert "/-/as-of?" not in ask(site, "/outages/incidents/alibaba~3A16").text  # no look ever showed it
    for path in ("/outages/revisions", f"/outages/changed_afterwards?incident={INCIDENT}"):
        assert f'href="{there}&amp;at=2026-02-01T03%3A30%3A00Z"' in ask(site, path).text
    assert f'href="{there}&amp;at=' in ask(site, "/outages/as_of", incident=INCIDENT, moment=day(2, 30)).text
    page = ask(site, "/-/as-of", incident=INCIDENT, at=day(2, 30)).text
    for link in re.findall(r'href="(/[^"]+)"', page):
        assert ask(site, link.replace("&amp;", "&")).status_code == 200, link


def test_under_another_address(data: Path) -> None:
    site = opened(data, settings={"base_url": "/archive/"})
    page = ask(site, "/-/as-of", incident=INCIDENT).text
    assert 'href="/archive/-/as-of?incident=' in page
    for path in ("/", "/-/as-of", "/outages", "/outages/incidents", "/-/nowhere"):
        page = ask(site, path, incident=INCIDENT).text
        assert 'href="/archive/outages/sources"' in page, "the foot of the page, where its figures come from"
        assert not re.findall(r'(?:href|action)="/(?!archive/)', page), path


def test_who_may_not_see_the_archive_does_not_see_this(data: Path) -> None:
    site = opened(data, metadata={})
    site._metadata_local = {"databases": {"outages": {"allow": False}}}
    assert ask(site, "/-/as-of", incident=INCIDENT).status_code == 403


def test_without_an_archive(tmp_path: Path, data: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as conn:
        conn.execute("create table t (a)")
    assert ask(opened(other, metadata={}), "/-/as-of", incident=INCIDENT).status_code == 404


def test_many_versions_do_not_take_long(tmp_path: Path) -> None:
    """A vendor that edits every few minutes for a day."""
    start = datetime(2026, 2, 2, tzinfo=UTC)
    looks = [
        look(
            (start + timedelta(minutes=5 * n)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            shown(KEY, f"Pushes fail {n}", *((1 + m, "investigating", f"Message {m} {n}") for m in range(20))),
        )
        for n in range(288)
    ]
    data = archive(tmp_path, looks)
    began = time.process_time()
    assert len(told(data).instants) == 288
    assert time.process_time() - began < 2
