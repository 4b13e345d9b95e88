"""How pages ask a large archive: plans that SQLite makes by its statistics, without its rows; and what makes them quick."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from datasette.app import Datasette
from datasette.plugins import pm
from datasette.utils import escape_fts

from bench.site import scans
from crawler.schema import COUNTED, SETTLED, settle
from crawler.site import PLUGINS, described, front
from crawler.site.publish import current, publish
from crawler.site.server import datasette

ABOUT: dict[str, Any] = described()["databases"]["outages"]
TABLES = {name: about for name, about in ABOUT["tables"].items() if not about.get("hidden")}
#: Rows of the tables and indexes of a published archive of a million outages, as `analyze` has them.
STATISTICS = Path(__file__).parent / "data" / "large_statistics.json"
VALUES = {
    "incident": "gcp:x", "vendor": "gcp", "region": "us-east1", "service": "compute", "source": "gcp-incidents",
    "month": "2024-05", "since": "2024-05-01", "before": "2025-05-01", "at": "2024-05-01T00:00:00Z", "words": "disk",
}  # fmt: skip
#: What reads a large table all the same, and why it may.
ALLOWED = {"claims of source, counted": "no link leads there; the rows themselves stop"}


@pytest.fixture(scope="module")
def release(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships, published."""
    directory = tmp_path_factory.mktemp("published")
    publish(shipped, directory, TABLES)
    made = current(directory)
    assert made
    return made


@pytest.fixture(scope="module")
def large(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A published archive that SQLite takes for a large one."""
    path: Path = tmp_path_factory.mktemp("large") / "outages.db"
    path.write_bytes((release / "outages.db").read_bytes())
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("delete from sqlite_stat1")
        conn.executemany("insert into sqlite_stat1 values (?, ?, ?)", json.loads(STATISTICS.read_text()))
        conn.commit()
    with closing(sqlite3.connect(path)) as conn:  # statistics are read once, with the schema
        conn.create_function("escape_fts", 1, escape_fts)
        yield conn


def default_pages(conn: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """SQL of the first page of each table and view, of its next page, and of what a vendor, incident or source has."""
    for table, about in TABLES.items():
        told = conn.execute(f"pragma table_info([{table}])").fetchall()
        columns, keys = {row[1] for row in told}, [row[1] for row in sorted(told, key=lambda row: row[5]) if row[5]]
        sort = f"{about['sort_desc']} desc" if "sort_desc" in about else about.get("sort") or ", ".join(keys) or "rowid"
        order = f"order by {sort}" if keys or "sort_desc" in about else ""
        yield table, f"select * from {table} {order} limit 51"
        for column in sorted(columns & {"vendor", "incident", "source"}):
            yield f"{table} of {column}", f"select * from {table} where {column} = 'x' {order} limit 51"
            yield f"{table} of {column}, counted", f"select count(*) from {table} where {column} = 'x'"
        if "sort_desc" in about and len(keys) == 1:
            column, key = about["sort_desc"], keys[0]
            after = f"({column} < 'x' or {column} is null or ({column} = 'x' and {key} > 'y'))"
            yield f"{table}, next", f"select * from {table} where {after} order by {column} desc, {key} limit 51"


def test_pages_of_tables_read_no_large_table_whole(large: sqlite3.Connection) -> None:
    """Neither to find the rows of a page nor to sort or count them."""
    told = {name: scans(large, sql) for name, sql in default_pages(large)}
    assert len(told) > 50
    assert {name: steps for name, steps in told.items() if steps and name not in ALLOWED} == {}


@pytest.mark.parametrize("name", sorted(ABOUT["queries"]))
def test_questions_read_no_large_table_whole(large: sqlite3.Connection, name: str) -> None:
    """Neither as they are opened nor with any one of their parameters."""
    query = ABOUT["queries"][name]
    empty = dict.fromkeys(query["params"], "")
    for given in ({}, *({param: VALUES.get(param, "")} for param in query["params"])):
        steps = scans(large, query["sql"], empty | given)
        assert not steps or name in ALLOWED, (given, steps)


@pytest.mark.parametrize("name", ["how_long", "start_basis", "first_word", "disclosure_lag", "who_edits"])
def test_questions_of_all_years_are_counted_in_the_order_of_an_index(large: sqlite3.Connection, name: str) -> None:
    """One that is published for it: no million rows are sorted, and of one vendor only its own are read."""
    query = ABOUT["queries"][name]
    made = {index.split()[0] for index in COUNTED}
    for given in ({"since": "2015-01-01"}, {"since": "2015-01-01", "vendor": "gcp"}):
        plan = large.execute(
            f"explain query plan {query['sql']}", dict.fromkeys(query["params"], "") | given
        ).fetchall()
        steps = [step for *_, step in plan]
        counted = [step for step in steps if (used := re.search(r"COVERING INDEX (\w+) \(", step)) and used[1] in made]
        assert counted, steps
        assert all(re.search(r"(vendor|<expr>)[>=]", step) for step in counted)
        assert not [step for step in steps if "GROUP BY" in step]


def test_the_front_page_reads_no_large_table_whole(large: sqlite3.Connection) -> None:
    """Its counts are known where the archive is published."""
    for sql in (front.NEWEST_LOOK, front.OPEN, front.NEWEST, front.GREATEST, front.SPAN, front.SOURCES):
        assert scans(large, sql, {"since": "2026-01-01T00:00:00Z"}) == [], sql


def test_a_scan_is_found(large: sqlite3.Connection) -> None:
    """Of a table, of its other name, of one behind a view, and where it has to be sorted before it can be cut."""
    for sql in (
        "select count(*) from claims where quote = 'x'",
        "select * from claims as c where c.quote = 'x'",
        "select sum(minutes) from recovery_order",
        "select * from claims order by quote limit 51",
    ):
        assert scans(large, sql), sql
    assert scans(large, "select * from claims order by started_at desc limit 51") == []


def test_views_that_are_settled_hold_the_same_rows(shipped: Path, tmp_path: Path) -> None:
    """Also where they are tables, they have their columns and rows."""
    path = tmp_path / "outages.db"
    path.write_bytes(shipped.read_bytes())
    with closing(sqlite3.connect(path)) as conn:
        before = {view: conn.execute(f"select * from {view}") for view in SETTLED}
        seen = {view: ([c[0] for c in rows.description], sorted(rows, key=repr)) for view, rows in before.items()}
        assert seen["conflicting_claims"][1]
        assert seen["health"][1]
        settle(conn)
        for view, (columns, rows) in seen.items():
            after = conn.execute(f"select * from {view}")
            assert [c[0] for c in after.description] == columns
            assert sorted(after, key=repr) == rows
            assert conn.execute("select type from sqlite_master where name = ?", (view,)).fetchone() == ("table",)


def test_ranks_of_recovery_are_those_of_a_window(shipped: Path) -> None:
    """The view counts what was back before, so that it can stop; that is the same."""
    sql = """select incident, service, region, rank() over (partition by incident, service order by recovered_at)
      from recovery_order"""
    with closing(sqlite3.connect(f"file:{shipped}?immutable=1", uri=True)) as conn:
        ranked = sorted(conn.execute(sql), key=repr)
        assert ranked == sorted(conn.execute("select incident, service, region, rank from recovery_order"), key=repr)
        assert max(rank for *_, rank in ranked) > 3


def test_regions_that_were_out_are_counted(shipped: Path) -> None:
    """With each incident, and the greatest are those with most of them. What is wider than a region is none."""
    with closing(sqlite3.connect(f"file:{shipped}?immutable=1", uri=True)) as conn:
        counted = dict(
            conn.execute(
                """select incident, count(distinct region) from outages o join regions r on r.vendor = o.vendor
                and r.id = o.region where not separate or city is not null group by incident"""
            )
        )
        wider = conn.execute("select distinct incident from outages where region = 'global'").fetchall()
        held = dict(conn.execute("select id, regions_out from incidents"))
        assert held == {id: counted.get(id, 0) for id in held}
        assert max(held.values()) > 20
        assert 0 in {held[incident] for (incident,) in wider}
        greatest = conn.execute(front.GREATEST).fetchall()
    assert [row[-1] for row in greatest] == sorted((row[-1] for row in greatest), reverse=True)
    assert {row[3] for row in greatest} <= {"partial_outage", "major_outage"}


def test_pages_of_views_know_how_many_rows_there_are(release: Path) -> None:
    """They were counted when the archive was published; Datasette's list of tables has no views among them."""
    site = datasette(release)
    known = site.inspect_data["outages"]["tables"]
    assert known["recovery_order"]["count"] > 100
    assert not {"recovery_order", "disclosure"} & site.get_database("outages").cached_table_counts.keys()


def test_permissions_are_asked_once_and_hold(release: Path) -> None:
    """What metadata forbids stays forbidden, however often it is asked; no cell is looked at for Markdown."""
    site = Datasette(
        immutables=[str(release / "outages.db")],
        metadata={"databases": {"outages": {"tables": {"polls": {"allow": {"id": "root"}}}}}},
        plugins_dir=str(PLUGINS),
    )

    async def statuses() -> list[int]:
        await site.invoke_startup()
        return [(await site.client.get(f"/outages/{name}.json")).status_code for name in ("polls", "vendors") * 2]

    assert asyncio.run(statuses()) == [403, 200, 403, 200]
    assert site._table_permission_allows.cache_info().hits > 0
    assert "datasette_render_markdown" not in {hook.plugin.__name__ for hook in pm.hook.render_cell.get_hookimpls()}
