"""Words and signs of incidents are found: in the index, on the page, by Datasette's own search and the question `find`."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from datasette.app import Datasette
from hypothesis import given
from hypothesis import strategies as st

from crawler.archive import Archive
from crawler.archive.search import LONGEST, MARK, asked, day_in_words, expression, plain, search_key, spaced
from crawler.captures import Captures
from crawler.catalog import load
from crawler.records import Capture, instant
from crawler.site import described
from crawler.site import search as page
from crawler.site.search import PAGE, NoVendorError, search
from crawler.site.server import opened
from tests.published import get

#: Two vendors: one with regions and a Chinese name, one called by a word that is in a message of the other.
CATALOG = {
    "fern": """
id: fern
name: Fern Cloud
local_name: 蕨云
homepage: https://fern.example
sources: [{id: fern-incidents, platform: statuspage, url: "https://status.fern.example/api/v2/incidents.json", every: 5m}]
regions:
  - {id: cn-hangzhou, name: China (Hangzhou), local_name: 华东1（杭州）, city: Hangzhou, country: CN, aliases: [Hangzhou, 杭州]}
  - {id: sa-1, name: São Paulo, city: São Paulo, country: BR}
services: [{id: queue, name: Fern Queue, category: messaging}]
""",
    "moss": """
id: moss
name: Moss
homepage: https://moss.example
sources: [{id: moss-incidents, platform: statuspage, url: "https://status.moss.example/api/v2/incidents.json", every: 5m}]
""",
}
HOSTILE = "Hostile <b>bold</b> <script>alert(1)</script> \x02pylon\x03"
MANY = PAGE + 5


def incident(key: str, at: str, title: str, *messages: str) -> dict[str, Any]:
    """As Statuspage publishes it: messages a minute apart, the last of them says it is over."""
    times = [f"{at[:14]}{int(at[14:16]) + n:02}:00.000Z" for n in range(len(messages))]
    said = [
        {"id": f"{key}u{n}", "incident_id": key, "status": "resolved" if n == len(messages) - 1 else "investigating",
         "body": html.escape(text), "created_at": when, "updated_at": when, "display_at": when, "affected_components": None,
         "deliver_notifications": True, "custom_tweet": None, "tweet_id": None}
        for n, (text, when) in enumerate(zip(messages, times, strict=True))
    ]  # fmt: skip
    return {
        "id": key, "name": html.escape(title), "status": "resolved", "impact": "major", "shortlink": "https://stspg.io/x",
        "page_id": "page00000001", "created_at": times[0], "updated_at": times[-1], "monitoring_at": None,
        "resolved_at": times[-1], "started_at": times[0], "components": [], "incident_updates": said[::-1],
    }  # fmt: skip


def look(vendor: str, at: str, *incidents: dict[str, Any]) -> Capture:
    """A look at the page of a vendor."""
    body = {"page": {"id": "page00000001", "name": vendor, "url": f"https://status.{vendor}.example", "time_zone": "Etc/UTC",
                     "updated_at": at}, "incidents": list(incidents)}  # fmt: skip
    return Capture(
        source=f"{vendor}-incidents",
        url=f"https://status.{vendor}.example/api/v2/incidents.json",
        fetched_at=instant(at),
        status=200,
        headers={"content-type": "application/json"},
        body=json.dumps(body).encode(),
    )


HANGZHOU = incident(
    "hangzhou0001", "2026-02-01T10:00:00Z", "杭州地域控制台访问异常", "工程师正在处理ECS控制台。", "已恢复。"
)
PAULO = incident("saopaulo0001", "2026-02-03T10:00:00Z", "Queues in São Paulo", "Timeouts of moss gateways.", "Over.")
POWER = incident(
    "power0000001", "2026-02-02T10:00:00Z", "Loss of power", "Power outage in one hall.", "Gone.", "All well."
)
SHORTER = POWER | {"incident_updates": [u for u in POWER["incident_updates"] if u["body"] != "Gone."]}
ODD = incident("hostile00001", "2026-01-05T10:00:00Z", HOSTILE, f"{HOSTILE} is {'far ' * 200} away.")
ORDINARY = [
    incident(
        f"ordinary{n:04}", f"2026-01-{1 + n % 28:02}T{n % 24:02}:00:00Z", f"Errors {n}", "Errors of the API.", "Mended."
    )
    for n in range(MANY)
]
LOOKS = [
    look("fern", "2026-02-04T00:00:00Z", PAULO, POWER, HANGZHOU),
    look("moss", "2026-02-04T00:01:00Z", *ORDINARY),
    look("fern", "2026-02-05T00:00:00Z", PAULO, SHORTER, HANGZHOU, ODD),
]


def made(directory: Path, *rounds: list[Capture]) -> Path:
    """An archive of these two vendors, which took in one list of captures after the other."""
    (directory / "catalog").mkdir(parents=True)
    for name, text in CATALOG.items():
        (directory / "catalog" / f"{name}.yml").write_text(text)
    captures = Captures(directory / "captures.db")
    archive = Archive(directory / "outages.db", load(directory / "catalog"), directory)
    for some in rounds:
        captures.add(some)
        archive.catch_up(captures)
    archive.close()
    captures.close()
    return directory / "outages.db"


def index(path: Path) -> dict[str, list[Any]]:
    """All that can be found, with the keys."""
    with sqlite3.connect(path) as conn:
        return {
            "incidents": conn.execute("select rowid, * from incidents_fts order by rowid").fetchall(),
            "names": conn.execute("select * from names_fts order by 1, 2, 3, 4, 5").fetchall(),
            "keys": conn.execute("select search_key, id from incidents order by 1").fetchall(),
        }


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("search"), LOOKS)


@pytest.fixture(scope="module")
def conn(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.create_function("escape_fts", 1, expression)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def site(path: Path) -> Datasette:
    return opened(path)


def found(conn: sqlite3.Connection, text: str, vendor: str | None = None) -> list[str]:
    """Keys of the incidents that are found, in order."""
    return [hit.id.partition(":")[2] for hit in search(conn, text, vendor).hits]


# What is indexed, and what is asked


def test_signs_are_words_of_their_own_and_the_text_stays_readable() -> None:
    assert spaced("杭州ECS 2区 ok") == f"杭{MARK}州{MARK}ECS 2{MARK}区 ok"
    assert spaced("データ、서울") == f"デ{MARK}ー{MARK}タ、서{MARK}울"
    assert spaced("Zürich down") == "Zürich down"
    assert plain(spaced("杭州ECS 2区 ok") or "") == "杭州ECS 2区 ok"


def test_keys_are_chronological_and_exact_in_json() -> None:
    keys = [
        search_key("a:1", at) for at in (None, "2015-01-01T00:00:00Z", "2015-01-01T00:00:01Z", "2037-12-31T00:00:00Z")
    ]
    assert keys == sorted(keys)
    assert keys[-1] < 2**53
    assert search_key("a:1", "2015-01-01T00:00:00Z") != search_key("a:2", "2015-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("aws  lambda", ("aws", "lambda")),
        ('"power outage" dns', ("power outage", "dns")),
        ('"never closed', ("never closed",)),
        ("AND OR NOT NEAR( ^ * : -", ("AND", "OR", "NOT", "NEAR(")),
        ('😀 " "" \0 ', ()),
        (f"a{MARK}b", ("ab",)),
    ],
)
def test_what_was_typed_in_words(typed: str, words: tuple[str, ...]) -> None:
    assert asked(typed).words == words


@pytest.mark.parametrize(
    "typed",
    ["2025-11-18", "2025/11/18", "18 November 2025", "November 18, 2025", "Nov. 18 2025", "18th of november 2025",
     "2025 nov 18", "2025年11月18日", "2025 年 11 月 18 號", "2025-11-18T11:20", "2025-11-18T11:20:00Z", "18.11.2025"],
)  # fmt: skip
def test_a_day_is_one_word_however_it_is_written(typed: str) -> None:
    assert asked(f"{typed} dns {typed}").words == (typed, "dns", typed)
    assert expression(typed) == '("2025-11-18" OR "18 November 2025" OR "November 18 2025")'
    assert asked(typed).begun() == expression(typed)


@pytest.mark.parametrize("typed", ["2025-11", "November 2025", "sept 2025", "2025年11月", "May 2025"])
def test_a_month_is_one_word(typed: str) -> None:
    assert re.fullmatch(r'\("2025-\d\d" OR "[A-Z][a-z]+ 2025"\)', expression(typed))


@pytest.mark.parametrize(
    "typed", ["2025-13-01", "2025-02-30", "us-east-2025-1", "2025-11-18T10", "112025年13月", "may"]
)
def test_what_only_looks_like_a_day_is_none(typed: str) -> None:
    assert expression(typed) == f'"{spaced(typed)}"'


def test_a_day_is_indexed_in_figures_and_words() -> None:
    assert day_in_words("2026-02-03T10:00:00Z") == "2026-02-03, 3 February 2026"
    assert day_in_words("0001-01-01T00:00:00Z") == "0001-01-01, 1 January 0001"
    assert day_in_words(None) == ""


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("claude down today", ("claude",)),
        ("Is AWS down?", ("AWS",)),
        ("cloudflare outage november 2025", ("cloudflare", "november 2025")),
        ("阿里云 故障", ("阿里云",)),
        ("阿里云宕机", ("阿里云",)),
        ("outage today", ()),
        ('"power outage"', ("power outage",)),
        ("downtown statuses", ("downtown", "statuses")),
        ("how long was cloudflare down", ("cloudflare",)),
        ("What happened to Cloudflare?", ("Cloudflare",)),
        ("how often does it happen, and since when", ()),
        ("which is still down: claude or github", ("claude", "or", "github")),
        ("cloudflare not loading 503", ("cloudflare", "not", "loading", "503")),
        ("cloudflare can", ("cloudflare", "can")),  # a region
    ],
)
def test_what_people_say_of_any_outage(typed: str, words: tuple[str, ...]) -> None:
    assert asked(typed).essence.words == words


def test_a_long_question_is_cut_and_says_so() -> None:
    assert asked("x" * 10_000) == (("x" * LONGEST,), True)
    assert asked("a b") == (("a", "b"), False)


ODDITIES = ['"', '"" ""', "AND", "*", "a*", "NEAR(", "NEAR(a b, 2", "title:x", "{a b}:c", "^a", "-", "😀", "\0", "a\0b", "字" * 10_000,
            "ſept 2025", "aprıl 2025", "２０２５年11月", "a " * 5_000, "'; drop table incidents; --", "%", "\u0301", "ﷺ", "٣", "२"]  # fmt: skip


@pytest.mark.parametrize("text", ODDITIES)
def test_no_question_is_an_error(conn: sqlite3.Connection, site: Datasette, text: str) -> None:
    search(conn, text)
    if len(quote(text)) < 60_000:  # longer addresses are never sent
        for address in (f"/-/search?q={quote(text)}", f"/outages/incidents.json?_search={quote(text)}&_nofacet=1"):
            assert get(site, address).status_code == 200, address


@given(st.text())
def test_no_text_at_all_is_an_error(text: str) -> None:
    conn = sqlite3.connect(":memory:")
    conn.execute("create virtual table t using fts5(a, tokenize = 'porter unicode61 remove_diacritics 2')")
    question = asked(text)
    for match in (question.match, question.begun(), question.begun(" OR ")):
        conn.execute("select * from t where t match ?", (match,)).fetchall()
    conn.close()


# What is found


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("杭州", ["hangzhou0001"]),  # two signs in the middle of a run
        ("州地", ["hangzhou0001"]),
        ("州杭", []),  # in this order only
        ("杭州 控制台", ["hangzhou0001"]),
        ("处理ECS", ["hangzhou0001"]),
        ("ecs", ["hangzhou0001"]),
        ("hangzhou", ["hangzhou0001"]),  # in no message: the region that was out is called so
        ("蕨云", ["saopaulo0001", "power0000001", "hangzhou0001", "hostile00001"]),  # the vendor, the newest first
        ("sao paulo", ["saopaulo0001"]),  # without the accent
        ("queue timeout", ["saopaulo0001"]),  # by their stems
        ('"power outage"', ["power0000001"]),
        ('"outage power"', []),
        ("2026-02-03", ["saopaulo0001"]),  # the day it began
        ("February 3, 2026", ["saopaulo0001"]),
        ("2026年2月2日", ["power0000001"]),
        ("february 2026 fern", ["saopaulo0001", "power0000001", "hangzhou0001"]),
        ("1 february 2025", []),
        ("fern cloud queues outage today", ["saopaulo0001"]),  # no message says so of it
        ("蕨云 杭州 故障", ["hangzhou0001"]),
        ("power outage", ["power0000001"]),
        ("power0000001", ["power0000001"]),  # its id
        ("moss timeouts", ["saopaulo0001"]),
    ],
)
def test_what_is_found(conn: sqlite3.Connection, text: str, keys: list[str]) -> None:
    assert found(conn, text) == keys


def test_a_message_that_was_taken_away_is_found_and_told_so(conn: sqlite3.Connection) -> None:
    (hit,) = search(conn, "gone").hits
    assert (hit.id, hit.removed, [b.text for b in hit.message if b.found]) == ("fern:power0000001", True, ["Gone"])
    assert not search(conn, "hall").hits[0].removed


def test_what_was_worded_otherwise_is_found_and_told_so(tmp_path: Path) -> None:
    """The wordings of titles and messages before each edit; words that still stand are not told to be gone."""
    first = incident("worded000001", "2026-02-01T10:00:00Z", "Data loss in storage", "Volumes are lost. We look.")
    second = incident("worded000001", "2026-02-01T10:00:00Z", "Slow storage", "Volumes are slow. We look.")
    third = incident("worded000001", "2026-02-01T10:00:00Z", "Slow storage", "Volumes were impacted. We look.")
    shown = [look("fern", f"2026-02-0{day}T00:00:00Z", one) for day, one in enumerate((first, second, third), 2)]
    at_once, step_by_step = made(tmp_path / "at once", shown), made(tmp_path / "steps", *([one] for one in shown))
    assert index(at_once) == index(step_by_step)
    with closing(sqlite3.connect(at_once)) as conn:
        for words, marked, removed in (
            ("data loss", {"Data", "loss"}, True),
            ("lost", {"lost"}, True),
            ("volumes slow", {"Volumes"}, False),
            ("impacted", {"impacted"}, False),
            ("storage", set(), False),
        ):
            (hit,) = search(conn, words).hits
            assert ({b.text for b in hit.message if b.found}, hit.removed) == (marked, removed), words


def test_of_one_vendor_only(conn: sqlite3.Connection) -> None:
    assert found(conn, "moss", "fern") == ["saopaulo0001"]
    assert {hit.vendor for hit in search(conn, "moss").hits} == {"fern", "moss"}
    with pytest.raises(NoVendorError):
        search(conn, "moss", "mosss")


def test_page_after_page_holds_each_once_the_newest_first(conn: sqlite3.Connection) -> None:
    first = search(conn, "errors")
    assert (len(first.hits), first.count) == (PAGE, MANY)
    rest = search(conn, "errors", before=first.next)
    assert rest.next is None
    hits = first.hits + rest.hits
    assert len({hit.id for hit in hits}) == MANY
    assert [hit.at for hit in hits] == sorted((hit.at for hit in hits), reverse=True, key=str)


def test_a_word_that_is_nowhere_may_be_a_beginning(conn: sqlite3.Connection) -> None:
    answer = search(conn, "timeo queues")
    assert (answer.begun, [hit.id for hit in answer.hits]) == (True, ["fern:saopaulo0001"])
    assert not search(conn, "timeouts queues").begun
    assert search(conn, "ti queues").hits == []
    assert search(conn, "zzz queues").nowhere == ["zzz"]


def test_what_is_left_out_is_told(conn: sqlite3.Connection, site: Datasette) -> None:
    """Only where nothing holds all words; on each of its pages."""
    answer = search(conn, "is moss down")
    assert (answer.sought, answer.words, answer.begun) == (("moss",), ("is", "moss", "down"), False)
    older = search(conn, "is moss down", before=answer.next)
    assert (older.sought, len(answer.hits + older.hits)) == (("moss",), MANY + 1)
    assert search(conn, "power outage").sought == ("power", "outage")
    assert search(conn, "outage down").hits == []
    assert (search(conn, "down timeo").sought, search(conn, "down timeo").begun) == (("timeo",), True)
    assert [(it.kind, it.id) for it in search(conn, "fern outage february 2026").named][:1] == [("vendor", "fern")]
    shown = re.sub(r"<[^>]+>", "", get(site, "/-/search?q=is+moss+down").text)
    assert "What people say of any outage was left out: these hold moss." in shown
    assert "left out" not in get(site, "/-/search?q=moss").text


def test_beginnings_go_on_on_the_next_page(conn: sqlite3.Connection) -> None:
    first = search(conn, "erro")
    rest = search(conn, "erro", before=first.next)
    assert (first.begun, rest.begun, len(first.hits + rest.hits), rest.next) == (True, True, MANY, None)


def test_what_is_called_so_stands_on_top(conn: sqlite3.Connection) -> None:
    def named(text: str) -> list[tuple[str, str]]:
        return [(it.kind, it.id) for it in search(conn, text).named]

    assert named("杭州") == [("region", "cn-hangzhou")]
    assert named("Hangz") == [("region", "cn-hangzhou")]
    assert named("fern sao") == [("region", "sa-1")]  # the vendor's name and its own
    assert named("fern")[0] == ("vendor", "fern")
    assert ("region", "sa-1") not in named("fern")  # only the vendor is called so
    assert ("service", "queue") in named("queue")
    assert named("q") == []


def test_where_nothing_is_found_what_has_one_of_the_words_in_its_name_is_listed(
    conn: sqlite3.Connection, site: Datasette
) -> None:
    def named(text: str) -> tuple[bool, list[tuple[str, str]]]:
        answer = search(conn, text)
        assert not answer.hits
        return answer.named_by_any, [(it.kind, it.id) for it in answer.named]

    assert named("fern xyzzy") == (True, [("vendor", "fern"), ("service", "queue")])
    assert named("when was moss down 杭州 xyzzy") == (True, [("vendor", "moss"), ("region", "cn-hangzhou")])
    assert named("fer xyzzy") == (False, [])  # no beginnings: "not" is no beginning of what is called "Notes"
    assert named("1 xyzzy") == (False, [])
    assert named("is xyzzy down today") == (False, [])
    assert search(conn, "fern power").named_by_any is False
    assert not search(conn, "fern xyzzy", "moss").named
    shown = get(site, "/-/search?q=fern+xyzzy").text
    assert "With one of these words in the name" in shown
    assert 'href="/-/vendor/fern"' in shown


def test_found_words_are_marked_and_vendors_text_stays_text(conn: sqlite3.Connection) -> None:
    (hit,) = search(conn, "bold").hits
    assert [bit.text for bit in hit.title if bit.found] == ["bold"]
    assert "".join(bit.text for bit in hit.title) == "Hostile <b>bold</b> <script>alert(1)</script> pylon"


def test_questions_are_answered_by_the_index(conn: sqlite3.Connection) -> None:
    find = described()["databases"]["outages"]["queries"]["find"]["sql"]
    for sql in (page.HITS, page.COUNT, page.VENDORS, page.NAMES, find):
        names = dict.fromkeys(re.findall(r":([a-z]+)", sql), '"a"')
        plan = [row[3] for row in conn.execute(f"explain query plan {sql}", names)]
        assert not [
            step for step in plan if re.match(r"SCAN (?!.*VIRTUAL TABLE)(i|v|incidents|vendors)\b(?!.*INDEX)", step)
        ]
    plan = [
        row[3]
        for row in conn.execute(
            f"explain query plan {page.HITS}", dict.fromkeys(("open", "close", "match", "before", "vendor"), '"a"')
        )
    ]
    assert not [step for step in plan if "TEMP B-TREE" in step]  # the order is that of the index


# The same in pieces, and again


def test_in_pieces_or_at_once_or_again_the_same_is_found(path: Path, tmp_path: Path) -> None:
    pieces = made(tmp_path / "pieces", *([capture] for capture in LOOKS))
    assert index(pieces) == index(path)
    captures = Captures(pieces.parent / "captures.db")
    archive = Archive(pieces, load(pieces.parent / "catalog"), tmp_path)
    archive.rebuild(captures)
    assert index(pieces) == index(path)
    archive.conn.execute("insert into incidents_fts (incidents_fts) values ('integrity-check')")
    archive.conn.execute("insert into names_fts (names_fts) values ('integrity-check')")
    archive.close()
    captures.close()


def test_what_has_no_key_yet_is_indexed_by_the_next_run(tmp_path: Path) -> None:
    path = made(tmp_path / "old", LOOKS)
    expected = index(path)
    captures = Captures(path.parent / "captures.db")
    archive = Archive(path, load(path.parent / "catalog"), tmp_path)
    archive.search.clear()  # as an archive comes from an earlier version
    archive.conn.execute("update incidents set search_key = null")
    archive.search.list_names()
    archive.catch_up(captures)
    assert index(path) == expected
    archive.close()
    captures.close()


# On the site


def test_page_marks_escapes_and_links(site: Datasette) -> None:
    shown = get(site, "/-/search?q=pylon").text
    assert "<mark>pylon</mark>" in shown
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert 'href="/-/incident/fern:hostile00001"' in shown
    chinese = get(site, f"/-/search?q={quote('杭州')}").text
    assert "<mark>杭州</mark>地域控制台访问异常" in chinese
    assert 'href="/-/region/fern/cn-hangzhou"' in chinese
    assert MARK not in chinese


def test_page_without_an_answer_helps(site: Datasette) -> None:
    shown = get(site, "/-/search?q=queues+zzz").text
    assert "No incident at all holds" in shown
    assert 'href="/-/search?q=queues"' in shown
    assert "no letter and no digit" in get(site, f"/-/search?q={quote('😀')}").text
    assert "What can be found" in get(site, "/-/search").text
    assert "Of every vendor" in get(site, "/-/search?q=zzz&vendor=moss").text


def test_page_leads_on(site: Datasette) -> None:
    shown = get(site, "/-/search?q=errors").text
    (older,) = re.findall(r'<a rel="next" href="([^"]+)"', shown)
    assert "Errors" in get(site, html.unescape(older)).text


def test_json_says_the_same(site: Datasette) -> None:
    answer = get(site, "/-/search.json?q=gone&vendor=fern").json()
    assert answer["hits"][0]["id"] == "fern:power0000001"
    assert answer["hits"][0]["message"][0] == ["Gone", True]
    assert answer["next"] is None


@pytest.mark.parametrize(
    ("address", "status"), [("q=a&vendor=nobody", 404), ("q=a&before=x", 400), ("q=a&before=9" + "9" * 40, 400)]
)
def test_what_there_is_not_and_what_is_no_key(site: Datasette, address: str, status: int) -> None:
    assert get(site, f"/-/search?{address}").status_code == status


def test_datasettes_own_search_knows_signs_too(site: Datasette) -> None:
    rows = get(site, f"/outages/incidents.json?_search={quote('州地')}&_shape=objects&_nofacet=1").json()["rows"]
    assert [row["id"] for row in rows] == ["fern:hangzhou0001"]
    assert 'name="_search"' in get(site, "/outages/incidents?_nofacet=1").text


def test_find_answers_by_the_index(site: Datasette) -> None:
    rows = get(site, f"/outages/find.json?words={quote('控制台')}&_shape=objects").json()["rows"]
    assert [row["incident"] for row in rows] == ["fern:hangzhou0001"]
    assert len(get(site, "/outages/find.json?_shape=objects").json()["rows"]) == MANY + 4


def test_the_tables_of_the_index_are_hidden(site: Datasette) -> None:
    tables = get(site, "/outages.json").json()["tables"]
    assert {table["hidden"] for table in tables if "_fts" in table["name"]} == {True}
