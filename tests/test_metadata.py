"""metadata.yml against the schema, and its questions against the archive that ships."""

from __future__ import annotations

import asyncio
import html
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote_plus

import pytest

from crawler.archive.search import expression
from crawler.catalog import ROOT, load
from crawler.schema import VIEWS
from crawler.site import described
from crawler.site.place import LITTLE
from crawler.site.questions import THINGS, asked_on, grouped, questions, related
from crawler.site.server import opened

ABOUT = described()
TABLES: dict[str, dict[str, Any]] = ABOUT["databases"]["outages"]["tables"]
QUERIES: dict[str, dict[str, Any]] = ABOUT["databases"]["outages"]["queries"]

#: For each question, parameters as somebody would fill them in.
GIVEN = {
    "recovery": {"incident": "tencent:2024-04-08-api"},
    "find": {"words": "shanghai"},
    "recovery_waves": {"incident": "tencent:2024-04-08-api"},
    "timeline": {"incident": "tencent:2024-04-08-api"},
    "current": {"vendor": "aws"},
    "region": {"vendor": "tencent", "region": "ap-shanghai"},
    "conflicts": {"incident": "alibaba:16"},
    "disclosure_lag": {"vendor": "gcp", "since": "2025", "before": "2026"},
    "changed_afterwards": {"incident": "alibaba:16"},
    "as_of": {"incident": "github:bcdfghjklmnp", "moment": "2026-01-01T00:00:00Z"},
    "monthly_availability": {
        "vendor": "github",
        "month": "2026-01",
        "first_threshold": "99.9",
        "second_threshold": "99.5",
    },
    "how_well_watched": {"vendor": "github", "source": "github-incidents"},
    "when_blind": {"vendor": "github", "source": "github-incidents"},
    "source_health": {"vendor": "github"},
    "month": {"month": "2023-11", "vendor": "alibaba"},
    "at_moment": {"at": "2024-04-08 08:00"},
    "service": {"vendor": "tencent", "service": "api"},
    "longest": {"vendor": "tencent", "region": "ap-shanghai", "service": "api", "since": "2024", "before": "2025"},
    "all_regions": {"vendor": "tencent"},
    "same_time": {"incident": "cloudflare:2025-06-12-workers-kv", "minutes": "30"},
    "together": {"since": "2025-06", "before": "2025-07"},
    "how_long": {"vendor": "alibaba", "since": "2020", "before": "2024"},
    "when_they_begin": {"vendor": "alibaba", "by": "day", "since": "2020", "before": "2024"},
    "first_word": {"vendor": "alibaba", "since": "2023", "before": "2024"},
    "postmortems": {"vendor": "cloudflare"},
    "start_basis": {"vendor": "alibaba", "since": "2023", "before": "2024"},
    "cannot_be": {"vendor": "github"},
    "who_edits": {"vendor": "github", "since": "2020", "before": "2030"},
    "vanished": {"vendor": "github"},
    "published_again": {"vendor": "gcp"},
    "sla_tier": {
        "vendor": "github",
        "region": "global",
        "service": "actions",
        "first_threshold": "99.9",
        "second_threshold": "99.5",
        "third_threshold": "99.0",
    },
    "how_polled": {"source": "github-incidents"},
    "not_understood": {"source": "github-incidents", "incident": "github:bcdfghjklmnp"},
    "never_announced": {"vendor": "github"},
}
#: Questions with nothing to answer them until pages have been looked at.
UNANSWERED = {
    "as_of",
    "cannot_be",
    "changed_afterwards",
    "how_polled",
    "how_well_watched",
    "monthly_availability",
    "never_announced",
    "not_understood",
    "published_again",
    "sla_tier",
    "vanished",
    "when_blind",
    "who_edits",
}
#: Questions about the last twelve months, in which no incident that ships answers them.
QUIET = {"together"}
#: What grows with the years. No question may read one of these from end to end.
LARGE = {
    "availability",
    "claims",
    "component_states",
    "incidents",
    "outages",
    "polls",
    "revisions",
    "sightings",
    "updates",
    "versions",
}
#: Indexes that a question may walk along: of the few rows with some property, or in the order in which a limit ends it.
SHORT = {
    "claims_others",
    "claims_suspect",
    "incidents_explained",
    "incidents_gone",
    "incidents_linked",
    "incidents_search",
    "incidents_unexplained",
    "incidents_unposted",
    "polls_polled",
    "revisions_counted",
    "revisions_seen",
    "updates_removed",
}


@pytest.fixture(scope="module")
def conn(shipped: Path) -> Iterator[sqlite3.Connection]:
    """The same, as SQLite opens it for a visitor."""
    conn = sqlite3.connect(f"file:{shipped}?immutable=1", uri=True)
    conn.row_factory = sqlite3.Row
    conn.create_function("escape_fts", 1, expression)  # as our plugin does
    yield conn
    conn.close()


def asked(conn: sqlite3.Connection, name: str, **values: str) -> list[sqlite3.Row]:
    """The answer to a question; parameters that are not given are empty, as Datasette has them."""
    query = QUERIES[name]
    return conn.execute(query["sql"], {p: values.get(p, "") for p in query["params"]}).fetchall()


def test_every_table_view_and_column_is_described_and_nothing_else(conn: sqlite3.Connection) -> None:
    schema = {
        name: [column["name"] for column in conn.execute(f"pragma table_info([{name}])")]
        for (name,) in conn.execute(
            "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' "
            "and name not like '%fts%'"  # indexes of words, which Datasette hides
        )
    }
    assert {name: list(about["columns"]) for name, about in TABLES.items()} == schema


def test_descriptions_are_words() -> None:
    for name, about in TABLES.items():
        said = {"": about["description"], **about["columns"]}
        for column, text in said.items():
            assert isinstance(text, str), f"{name}.{column}"
            assert text == text.strip(), f"{name}.{column}"
            assert len(text) > 2, f"{name}.{column}"
            assert not re.search(r"[<>`]", text), f"{name}.{column} reads like markup"


def test_facets_and_sorting_name_columns_that_are_there() -> None:
    for name, about in TABLES.items():
        named = [
            *about.get("facets", ()),
            *(about[key] for key in ("sort", "sort_desc", "label_column") if key in about),
        ]
        assert set(named) <= set(about["columns"]), name


def test_tables_that_grow_are_sorted_by_an_index(conn: sqlite3.Connection) -> None:
    for name in ("incidents", "outages", "claims", "updates", "revisions", "polls"):
        plan = conn.execute(
            f"explain query plan select * from [{name}] order by [{TABLES[name]['sort_desc']}] desc, id limit 51"
        ).fetchall()
        assert "TEMP B-TREE" not in " ".join(row["detail"] for row in plan), name


def test_what_is_not_for_readers_is_hidden() -> None:
    hidden = {name for name, about in TABLES.items() if about.get("hidden")}
    assert hidden == {
        "availability",
        "coverage",
        "watched",
        "to_measure",
        "versions",
        "pages",
        "shown",
        "sightings",
        "concerns",
        "links",
        "meta",
        "_sqlite_migrations",
    }


def test_every_question_has_a_title_a_description_and_parameters_with_defaults() -> None:
    assert set(GIVEN) == set(QUERIES)
    assert not set(QUERIES) & set(TABLES), "a question would hide the table of the same name"
    for name, query in QUERIES.items():
        assert query["title"].endswith("?"), name
        assert query["description"], name
        assert set(re.findall(r"(?<!\w):([a-z_]+)", query["sql"])) == set(query["params"]) == set(query["defaults"]), (
            name
        )
        for value in query["defaults"].values():
            if " " not in value:  # words such as "every vendor" say what an empty field means
                assert f"'{value}'" in query["sql"], f"{name}: the page promises {value}, the SQL does not have it"


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_question_without_parameters(conn: sqlite3.Connection, name: str) -> None:
    assert bool(asked(conn, name)) == (name not in UNANSWERED | QUIET)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_question_with_parameters(conn: sqlite3.Connection, name: str) -> None:
    assert bool(asked(conn, name, **GIVEN[name])) == (name not in UNANSWERED)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_question_about_what_there_is_not(conn: sqlite3.Connection, name: str) -> None:
    assert not asked(conn, name, **dict.fromkeys(QUERIES[name]["params"], "nothing' or 1=1 --"))


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_question_reads_no_large_table_from_end_to_end(conn: sqlite3.Connection, name: str) -> None:
    query = QUERIES[name]
    sql = " ".join([query["sql"], *(text for view, text in VIEWS.items() if re.search(rf"\b{view}\b", query["sql"]))])
    called = {
        alias if alias and alias not in ("where", "on", "cross", "join", "indexed", "order", "group") else table
        for table, alias in re.findall(r"(?:from|join|,)\s+(\w+)(?:\s+as)?(?:\s+([a-z]\w*))?", sql)
        if table in LARGE
    }
    for given in ({}, GIVEN[name]):
        plan = conn.execute(
            f"explain query plan {query['sql']}", {p: given.get(p, "") for p in query["params"]}
        ).fetchall()
        for (detail,) in ((row["detail"],) for row in plan):
            scan = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?$", detail)
            assert not (scan and scan[1] in called and scan[2] not in SHORT), detail


def test_every_question_stands_in_a_group_and_on_a_page() -> None:
    every = questions(ABOUT["databases"]["outages"])
    assert len(every) >= 24
    assert all(1 < len(group) < 10 for group in grouped(every).values())
    assert "More" not in grouped(every)
    for question in every:
        assert question.asked_on, f"nothing links to {question.name}"
        assert set(question.asked_on) <= {*THINGS, *TABLES}, question.name
        for page in set(question.asked_on) & {"region", "service", "source"}:
            assert page in question.params, f"{question.name} is asked on the page of a {page} and cannot be about it"


def test_what_is_known_is_filled_in() -> None:
    every = questions(ABOUT["databases"]["outages"])
    (found,) = (a for a in asked_on(every, "region", {"vendor": "aws", "region": "us-east-1"}) if a.name == "region")
    assert found.parameters == {"vendor": "aws", "region": "us-east-1"}
    without, with_look = (
        {a.name for a in asked_on(every, "incident", {"incident": "a:1", "look": look})} for look in (None, "2026")
    )
    assert with_look - without == {"as_of", "changed_afterwards"}
    near = {a.name: a.parameters for a in related(every, "region", {"vendor": "aws", "region": "us-east-1"})}
    assert "region" not in near
    assert near["longest"] == {"vendor": "aws", "region": "us-east-1"}
    assert near["current"] == {"vendor": "aws"}


def test_a_query_with_nothing_but_sql_does_no_harm() -> None:
    plain, bare = questions({"queries": {"mine": {"sql": "select 1"}, "short": "select 2"}})
    assert (plain.title, bare.title) == ("mine", "short")
    assert asked_on((plain, bare), "incident", {}) == []
    assert questions({}) == ()


#: A page of each kind, and what it knows.
PAGES = {
    "incident": ("/-/incident/alibaba:16", {"incident": "alibaba:16"}),
    "vendor": ("/-/vendor/alibaba", {"vendor": "alibaba"}),
    "region": ("/-/region/alibaba/cn-hangzhou", {"vendor": "alibaba", "region": "cn-hangzhou"}),
    "service": ("/-/service/alibaba/console", {"vendor": "alibaba", "service": "console"}),
    "source": ("/outages/sources/github-incidents", {"source": "github-incidents"}),
    "claims": ("/outages/claims", {}),
    "recovery_order": ("/outages/recovery_order", {}),
}


def test_pages_link_to_the_questions_that_arise_there(shipped: Path) -> None:
    site = opened(shipped)

    async def text(address: str) -> str:
        answer = await site.client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.text[-500:]}"
        return html.unescape(answer.text)

    async def all_pages() -> None:
        every = questions(ABOUT["databases"]["outages"])
        for kind, (address, known) in PAGES.items():
            page = await text(address)
            expected = asked_on(every, kind, known)
            assert expected, kind
            for question in expected:
                assert f"/outages/{question.name}" in page, f"{address} does not link to {question.name}"
                for name, value in question.parameters.items():
                    assert re.search(rf"/outages/{question.name}\?[^\"]*{name}={re.escape(quote_plus(value))}", page)
        front, asked = await text("/"), await text("/outages/recovery?incident=tencent:2024-04-08-api")
        assert all(f'href="/outages/{name}"' in front for name in QUERIES)
        assert "/outages/recovery_waves?incident=tencent%3A2024-04-08-api" in asked
        assert 'href="/-/dictionary#claims"' in await text("/outages/claims")

    asyncio.run(all_pages())


def test_hangzhou_and_beijing_recovered_first(conn: sqlite3.Connection) -> None:
    rows = asked(conn, "recovery", incident="alibaba:16")
    for service, when in (
        ("console", "2023-11-12T10:54:00Z"),
        ("api", "2023-11-12T10:54:00Z"),
        ("mq", "2023-11-12T12:12:00Z"),
    ):
        first = {(row["region"], row["recovered_at"]) for row in rows if row["service"] == service and row["rank"] == 1}
        assert first == {("cn-beijing", when), ("cn-hangzhou", when)}
        others = [row for row in rows if row["service"] == service and row["rank"] > 1]
        assert len(others) > 20
        assert all(row["recovered_at"] > when for row in others)


def test_waves_say_the_same_in_short(conn: sqlite3.Connection) -> None:
    first, second, *_ = asked(conn, "recovery_waves")
    assert (first["services"], first["names"], first["minutes"]) == (
        "api, console",
        "China (Beijing), China (Hangzhou)",
        75,
    )
    assert second["recovered_at"] == "2023-11-12T11:43:00Z"
    assert second["minutes"] > 1.6 * first["minutes"]


def test_timeline_has_both_words_and_times_in_order(conn: sqlite3.Connection) -> None:
    rows = asked(conn, "timeline")
    assert {row["what"] for row in rows} == {"out", "back", "message"}
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert any(
        row["regions"] == "cn-beijing, cn-hangzhou" or row["regions"] == "cn-hangzhou, cn-beijing" for row in rows
    )


def test_incidents_by_hand_claim_nothing_about_edits(conn: sqlite3.Connection) -> None:
    assert {row["edits_after_resolved"] for row in asked(conn, "disclosure_lag")} == {None}


def test_catalog_file_of_the_readme_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "northwind.yml").write_text(example)
    catalog = load(tmp_path)
    assert set(catalog.sources) == {"northwind-summary", "northwind-incidents"}


def unmeasured() -> sqlite3.Connection:
    """An archive of nothing but availability, and nothing in it."""
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    conn.executescript(
        """create table availability (vendor, region, service, month, down_minutes, watched_minutes);
        create view availability_by_month as select *, round(1 - down_minutes / watched_minutes, 6) as availability
        from availability"""
    )
    return conn


def measured(down: float, watched: float) -> sqlite3.Row:
    """The answer for one service that was down and watched for so many minutes of a month of thirty days."""
    conn = unmeasured()
    conn.execute("insert into availability values ('alibaba', 'cn-hangzhou', 'api', '2026-06', ?, ?)", (down, watched))
    (row,) = asked(conn, "monthly_availability")
    return row


@pytest.mark.parametrize(
    ("down", "watched", "hint"),
    [
        (0.0, 43200.0, "not below"),
        (21.0, 43200.0, "not below"),
        (22.0, 43200.0, "below 99.95 %"),
        (433.0, 43200.0, "below 99.0 %"),
        (433.0, 30000.0, "watched for less than nine tenths of the month: says little"),
        (1.0, 4320.0, "watched for less than nine tenths of the month: says little"),
        (1.0, 4319.0, "watched for less than a tenth of the month: says nothing"),
    ],
)
def test_availability_is_held_against_both_thresholds(down: float, watched: float, hint: str) -> None:
    row = measured(down, watched)
    assert row["hint"] == hint
    assert row["watched_percent"] == round(100 * watched / 43200, 1)
    assert (row["available_percent"] is not None) is (watched / 43200 >= LITTLE)


def test_what_was_hardly_watched_comes_last() -> None:
    conn = unmeasured()
    for region, down, watched in (("hardly", 50.0, 60.0), ("worse", 100.0, 43200.0), ("well", 0.0, 43200.0)):
        conn.execute("insert into availability values ('alibaba', ?, 'api', '2026-06', ?, ?)", (region, down, watched))
    assert [row["region"] for row in asked(conn, "monthly_availability")] == ["worse", "well", "hardly"]


def test_availability_when_never_watched() -> None:
    conn = sqlite3.connect(":memory:")
    conn.executescript(
        """create table availability (vendor, region, service, month, down_minutes, watched_minutes);
        create view availability_by_month as select *, null as availability from availability"""
    )
    assert asked(conn, "monthly_availability") == []


def test_every_region_at_once(conn: sqlite3.Connection) -> None:
    rows = {row["incident"]: row for row in asked(conn, "all_regions")}
    tencent = rows["tencent:2024-04-08-api"]
    assert (tencent["all_out_from"], tencent["first_back_at"]) == ("2024-04-08T07:23:00Z", "2024-04-08T08:50:00Z")
    assert tencent["minutes_together"] == 87
    assert "alibaba:16" in rows
    assert all(row["regions"] > 1 for row in rows.values())
    assert {row["vendor"] for row in asked(conn, "all_regions", vendor="alibaba")} == {"alibaba"}


def test_what_was_out_at_a_moment(conn: sqlite3.Connection) -> None:
    def out(at: str) -> set[str]:
        return {row["incident"] for row in asked(conn, "at_moment", at=at)}

    assert "alibaba:16" in out("2023-11-12T09:39:00Z")
    assert "alibaba:16" not in out("2023-11-12T09:38:59Z")
    assert "alibaba:16" not in out("2023-11-12T13:11:00Z")
    assert "alibaba:16" in out("2023-11-12 13:10")


def test_a_month_has_what_reached_into_it() -> None:
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    conn.execute("""create table incidents (id, vendor, kind default 'outage', title, severity, started_at, ended_at,
      minutes, start_basis, end_basis)""")
    for id, start, end, minutes in (
        ("in", "2024-03-05T00:00:00Z", "2024-03-05T01:00:00Z", 60),
        ("into", "2024-02-29T23:00:00Z", "2024-03-01T01:00:00Z", 120),
        ("long", "2024-01-01T00:00:00Z", "2024-05-01T00:00:00Z", 174240),
        ("before", "2024-02-29T22:00:00Z", "2024-02-29T23:00:00Z", 60),
        ("up to it", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", 41760),
        ("after", "2024-04-01T00:00:00Z", "2024-04-01T01:00:00Z", 60),
        ("open since", "2024-02-29T00:00:00Z", None, None),
    ):
        conn.execute(
            "insert into incidents (id, started_at, ended_at, minutes) values (?, ?, ?, ?)", (id, start, end, minutes)
        )
    assert [row["incident"] for row in asked(conn, "month", month="2024-03")] == ["in", "into", "long"]


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11])
def test_half_and_nine_of_ten(count: int) -> None:
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    conn.execute("create table incidents (vendor, kind, severity, started_at, minutes)")
    lengths = [*range(count, 0, -1), None]
    for minutes in lengths:
        conn.execute("insert into incidents values ('a', 'outage', null, '2024-03-01T00:00:00Z', ?)", (minutes,))
    (row,) = asked(conn, "how_long")
    assert (row["outages"], row["without_end"], row["longest_minutes"]) == (count + 1, 1, count)
    assert row["median_minutes"] == median(range(1, count + 1))
    over = sum(m is not None and m <= row["nine_of_ten_minutes"] for m in lengths)
    assert over >= 0.9 * count > over - 1


@pytest.mark.parametrize(
    ("lags", "told"),
    [  # outages counted, percent of all, median, nine of ten, percent within 15 minutes
        ([1.0, 19.4, 21.5, 30.0, None, None, None], (4, 57.1, 20.45, 30.0, 25.0)),
        ([9.0, 5.0, 7.0], (3, 100.0, 7.0, 9.0, 100.0)),
        ([-4.0, None], (1, 50.0, -4.0, -4.0, 100.0)),
        ([3.0] * 20 + [60.0] * 26 + [None] * 123, (46, 27.2, 60.0, 60.0, 43.5)),
    ],
)
def test_how_late_the_first_word_comes(lags: list[float | None], told: tuple[float, ...]) -> None:
    """The median is that of the pages of vendors; nothing is rounded before its end."""
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    conn.execute("create table incidents (kind, started_at)")
    conn.execute("create table disclosure (vendor, started_at, lag_minutes)")
    conn.execute("insert into incidents values ('outage', '2024-03-01T00:00:00Z')")
    conn.executemany("insert into disclosure values ('a', '2024-03-01T00:00:00Z', ?)", [(lag,) for lag in lags])
    (row,) = asked(conn, "first_word")
    assert tuple(row) == ("a", "2024", *told)


@pytest.mark.parametrize(
    ("down", "watched", "tier"),
    [
        (0.0, 44640.0, "not below 99.99 %"),
        (100.0, 44640.0, "below 99.99 %"),
        (1000.0, 44640.0, "below 99.0 %"),
        (5000.0, 44640.0, "below 95.0 %"),
        (0.0, 44000.0, "not sure: too little of it was watched"),
    ],
)
def test_a_tier_is_only_sure_when_enough_was_watched(down: float, watched: float, tier: str) -> None:
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    conn.execute("create table regions (vendor, id)")
    conn.execute("create table availability (vendor, region, service, month, down_minutes, watched_minutes)")
    conn.execute("create index availability_place on availability (vendor, region, service, month)")
    conn.execute("insert into availability values ('aws', 'us-east-1', 'ec2', '2026-05', ?, ?)", (down, watched))
    (row,) = asked(conn, "sla_tier")
    assert row["tier"] == tier
    assert row["at_worst_percent"] <= row["at_best_percent"]


def test_days_of_the_week_have_their_names() -> None:
    conn = sqlite3.connect(":memory:")
    conn.execute("create table incidents (vendor, kind, started_at, minutes, start_basis)")
    for day in range(7):
        conn.execute(
            "insert into incidents values ('a', 'outage', ?, 1, 'stated')", (f"2024-03-{3 + day:02}T00:00:00Z",)
        )
    conn.row_factory = sqlite3.Row
    names = [row["begins"] for row in asked(conn, "when_they_begin", by="day")]
    assert names == ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {("r1", "s2")}),  # out longest in the newest month
        ({"vendor": "a"}, {("r1", "s2")}),
        ({"vendor": "a", "region": "r1"}, {("r1", "s1"), ("r1", "s2")}),
        ({"vendor": "a", "service": "s1"}, {("r1", "s1"), ("r2", "s1"), (None, "s1")}),
        ({"vendor": "a", "region": "r2", "service": "s1"}, {("r2", "s1")}),
        ({"vendor": "b"}, {("r1", "s1")}),
    ],
)
def test_tiers_are_those_of_the_place_that_is_asked_for(
    given: dict[str, str], found: set[tuple[str | None, str]]
) -> None:
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    conn.execute("create table regions (vendor, id)")
    conn.executemany("insert into regions values ('a', ?)", [("r1",), ("r2",)])
    conn.execute("create table availability (vendor, region, service, month, down_minutes, watched_minutes)")
    conn.execute("create index availability_place on availability (vendor, region, service, month)")
    for vendor, region, service, month, down in (
        ("a", "r1", "s1", "2026-05", 1),
        ("a", "r1", "s2", "2026-05", 90),
        ("a", "r2", "s1", "2026-05", 2),
        ("a", None, "s1", "2026-05", 3),
        ("a", "r1", "s3", "2025-05", 900),  # thirteen months ago
        ("b", "r1", "s1", "2026-04", 500),
    ):
        conn.execute("insert into availability values (?, ?, ?, ?, ?, 40000)", (vendor, region, service, month, down))
    assert {(row["region"], row["service"]) for row in asked(conn, "sla_tier", **given)} == found
