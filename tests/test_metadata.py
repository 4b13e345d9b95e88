"""metadata.yml against the schema, and its questions against the archive that ships."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from crawler.archive import Archive
from crawler.captures import Captures
from crawler.catalog import ROOT, load
from crawler.site import METADATA

ABOUT: dict[str, Any] = yaml.safe_load(METADATA.read_text(encoding="utf-8"))
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
    "disclosure_lag": {"vendor": "gcp"},
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
}
#: What is looked up for one incident or place, and so must not read a whole table.
LOOKUPS = ("recovery", "recovery_waves", "timeline", "region", "changed_afterwards")
#: Questions with nothing to answer them until pages have been looked at.
UNANSWERED = {"as_of", "changed_afterwards", "monthly_availability", "how_well_watched", "when_blind"}


@pytest.fixture(scope="module")
def conn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The archive of the incidents that ship, as SQLite opens it for a visitor."""
    directory: Path = tmp_path_factory.mktemp("archive")
    captures, archive = Captures(directory / "captures.db"), Archive(directory / "outages.db", load())
    archive.catch_up(captures)
    captures.close()
    archive.close()
    conn = sqlite3.connect(f"file:{directory / 'outages.db'}?mode=ro", uri=True)
    conn.row_factory = sqlite3.Row
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
            "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
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
    assert bool(asked(conn, name)) == (name not in UNANSWERED)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_question_with_parameters(conn: sqlite3.Connection, name: str) -> None:
    assert bool(asked(conn, name, **GIVEN[name])) == (name not in UNANSWERED)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_question_about_what_there_is_not(conn: sqlite3.Connection, name: str) -> None:
    assert not asked(conn, name, **dict.fromkeys(QUERIES[name]["params"], "nothing' or 1=1 --"))


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookup_reads_no_table_from_end_to_end(conn: sqlite3.Connection, name: str) -> None:
    query = QUERIES[name]
    plan = conn.execute(f"explain query plan {query['sql']}", dict.fromkeys(query["params"], "")).fetchall()
    scans = {
        row["detail"] for row in plan if re.match(r"SCAN (claims|outages|updates|incidents|regions|g)\b", row["detail"])
    }
    assert not scans


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


def measured(down: float, watched: float) -> sqlite3.Row:
    """The answer for one service that was down and watched for so many minutes of a month of thirty days."""
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    conn.executescript(
        """create table availability (vendor, region, service, month, down_minutes, watched_minutes);
        create view availability_by_month as select *, round(1 - down_minutes / watched_minutes, 6) as availability
        from availability"""
    )
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
    ],
)
def test_availability_is_held_against_both_thresholds(down: float, watched: float, hint: str) -> None:
    row = measured(down, watched)
    assert row["hint"] == hint
    assert row["watched_percent"] == round(100 * watched / 43200, 1)


def test_availability_when_never_watched() -> None:
    conn = sqlite3.connect(":memory:")
    conn.executescript(
        """create table availability (vendor, region, service, month, down_minutes, watched_minutes);
        create view availability_by_month as select *, null as availability from availability"""
    )
    assert asked(conn, "monthly_availability") == []
