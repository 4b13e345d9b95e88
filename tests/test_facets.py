"""Facets from published counts are what Datasette would count, and pages of tables are found by indexes."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from datasette.app import Datasette

from crawler.site import described
from crawler.site.publish import publish
from crawler.site.server import datasette
from tests.published import ask

TABLES: dict[str, dict[str, Any]] = described()["databases"]["outages"]["tables"]
#: Tables that grow with the archive: their pages must not.
GROWING = ("incidents", "outages", "claims", "updates", "revisions", "polls", "component_states", "signals")


@pytest.fixture(scope="module")
def archive(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships, and some polls."""
    path = Path(shutil.copyfile(shipped, tmp_path_factory.mktemp("facets") / "outages.db"))
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.executemany(
            "insert into polls (id, source, url, polled_at, outcome, http_status) values (?, 'alibaba-landmarks', 'u', ?, ?, ?)",
            [(f"p{n}", f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z", "error" if n % 7 else "same", 500 + n % 3)
             for n in range(200)],
        )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def release(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(archive, tmp_path_factory.mktemp("published"), TABLES).release


@pytest.fixture(scope="module")
def site(release: Path) -> Datasette:
    site = datasette(release)
    site._settings["facet_time_limit_ms"] = 5000  # the test's machine may be busy
    return site


@pytest.fixture(scope="module")
def counting(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Datasette:
    """The same without published counts: Datasette counts."""
    other = tmp_path_factory.mktemp("counting")
    for path in release.iterdir():
        shutil.copy(path, other / path.name)
    said = json.loads((other / "inspect-data.json").read_bytes())
    said["outages"]["tallies"] = {}
    (other / "inspect-data.json").chmod(0o644)
    (other / "inspect-data.json").write_text(json.dumps(said))
    site = datasette(other)
    site._settings["facet_time_limit_ms"] = 5000
    return site


def asked(site: Datasette, path: str) -> Any:
    text = ask(site, path)
    return json.loads(text) if ".json" in path else text


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that Datasette has counted the values of a column in."""
    from datasette.facets import ColumnFacet

    found: list[str] = []
    original = ColumnFacet.facet_results

    async def told(self: Any) -> Any:
        if self.get_configs():
            found.append(self.table)
        return await original(self)

    monkeypatch.setattr(ColumnFacet, "facet_results", told)
    return found


FACETED = sorted(name for name, about in TABLES.items() if about.get("facets"))
ARGUMENTS = ["_facet_size=max", "_sort=id", "_facet=kind", "_labels=on&_shape=objects", "_size=3", "_col=title"]


@pytest.mark.parametrize(
    ("table", "arguments"),
    [(table, size) for table in FACETED for size in ("", "_facet_size=1")] + [("incidents", one) for one in ARGUMENTS],
)
def test_facets_are_those_of_datasette(
    site: Datasette, counting: Datasette, counted: list[str], table: str, arguments: str
) -> None:
    path = f"/outages/{table}.json?{arguments}"
    ours = asked(site, path)
    assert counted == []
    theirs = asked(counting, path)
    assert counted == [table]
    assert ours["facet_results"] == theirs["facet_results"]
    assert list(ours["facet_results"]) == list(theirs["facet_results"])
    assert set(ours["facet_results"]) >= set(TABLES[table]["facets"])


def test_other_columns_are_counted_when_somebody_asks(site: Datasette, counting: Datasette, counted: list[str]) -> None:
    path = "/outages/incidents.json?_facet=plane&_facet_date=started_at"
    ours = asked(site, path)
    assert counted == ["incidents"]
    assert ours["facet_results"] == asked(counting, path)["facet_results"]
    assert {"plane", "started_at"} <= set(ours["facet_results"])


FILTERED = [
    ("incidents", "vendor=alibaba", True),
    ("incidents", "vendor=alibaba&severity=major_outage", True),
    ("incidents", "vendor=alibaba&_facet_size=1&_sort=id", True),
    ("polls", "http_status=501", True),
    ("polls", "outcome=error", True),
    ("sources", "platform=statuspage", True),
    ("polls", "http_status=0501", False),
    ("incidents", "vendor=nobody", False),
    ("incidents", "vendor=alibaba&vendor=aws", False),
    ("incidents", "vendor__not=alibaba", False),
    ("incidents", "severity__notnull=1", False),
    ("incidents", "_where=minutes+>+60", False),
    ("incidents", "vendor=alibaba&_where=minutes+>+60", False),
    ("incidents", "vendor=alibaba&title__contains=a", False),
]


@pytest.mark.parametrize(("table", "filters", "known"), FILTERED)
def test_filtered_pages_count_what_they_show(
    site: Datasette, counting: Datasette, counted: list[str], table: str, filters: str, known: bool
) -> None:
    """What was published is used where only facets are chosen."""
    path = f"/outages/{table}.json?{filters}"
    ours = asked(site, path)
    assert counted == ([] if known else [table])
    theirs = asked(counting, path)
    assert ours["facet_results"] == theirs["facet_results"]
    assert bool(ours["rows"]) == (filters != "vendor=nobody" and "&vendor=" not in filters)


def test_a_chosen_value_can_be_taken_back(site: Datasette) -> None:
    chosen = asked(site, "/outages/incidents.json?vendor=alibaba")["facet_results"]["vendor"]["results"]
    assert [value["selected"] for value in chosen] == [True]


def test_second_page_has_the_counts_of_the_whole_table(site: Datasette, counted: list[str]) -> None:
    first = asked(site, "/outages/incidents.json?_size=3")
    second = asked(site, "/outages/incidents.json?_size=3&_next=" + first["next"])
    assert second["rows"]
    assert second["rows"] != first["rows"]
    counts = [[(v["value"], v["count"]) for v in page["facet_results"]["kind"]["results"]] for page in (first, second)]
    assert counts[0] == counts[1]
    assert counted == []


def test_page_shows_them_in_the_order_of_the_metadata(site: Datasette) -> None:
    page = asyncio.run(site.client.get("/outages/incidents")).text
    names = re.findall(r'<div class="facet-info[^"]*" id="facet-[^"]+" data-column="([^"]+)"', page)
    assert names == TABLES["incidents"]["facets"]
    page = asyncio.run(site.client.get("/outages/incidents?_facet=state")).text
    names = re.findall(r'<div class="facet-info[^"]*" id="facet-[^"]+" data-column="([^"]+)"', page)
    assert names == [*TABLES["incidents"]["facets"], "state"]


def test_page_shows_them(site: Datasette) -> None:
    page = asked(site, "/outages/incidents")
    assert re.search(r'href="[^"]*[?&]vendor=alibaba"[^>]*>Alibaba Cloud</a> *\d+', page)


def test_live_archive_has_no_counts_and_counts(archive: Path, counted: list[str]) -> None:
    site = Datasette([str(archive)], metadata={"databases": {"outages": {"tables": TABLES}}})
    assert "vendor" in asked(site, "/outages/incidents.json")["facet_results"]
    assert counted == ["incidents"]


def test_tables_are_not_counted(site: Datasette) -> None:
    """Rows of whole tables are known; only what is filtered is counted."""
    said = site.inspect_data["outages"]
    for table in ("claims", "polls", "incidents", "recovery_order", "sources"):
        known = said["tables"][table]["count"]
        assert asked(site, f"/outages/{table}.json")["filtered_table_rows_count"] == known > 0
        assert asked(site, f"/outages.json?sql=select+count(*)+from+{table}&_shape=arrays")["rows"] == [[known]]
    assert "recovery_order" not in {table["name"] for table in asked(site, "/outages.json")["tables"]}
    said["tables"]["claims"]["count"] += 7
    assert asked(site, "/outages/claims.json")["filtered_table_rows_count"] == said["tables"]["claims"]["count"]
    said["tables"]["claims"]["count"] -= 7


# Plans


@pytest.fixture(scope="module", params=["live", "published"])
def conn(request: pytest.FixtureRequest, archive: Path, release: Path) -> Iterator[sqlite3.Connection]:
    path = archive if request.param == "live" else release / "outages.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        yield conn


def pages(table: str, keys: list[str], about: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The SQL of the first and the second page, as Datasette 0.65 makes it (views/table.py)."""
    sort, descending = about.get("sort") or about.get("sort_desc"), "sort_desc" in about
    order = ", ".join(keys)
    if not sort:
        yield "first", f"select * from {table} order by {order} limit 51"
        yield "second", f"select * from {table} where {after(keys)} order by {order} limit 51"
        return
    yield "first", f"select * from {table} order by {sort}{' desc' if descending else ''} limit 51"
    compared = (
        f"({sort} < :p or {sort} is null or ({sort} = :p and {after(keys)}))"
        if descending
        else f"({sort} > :p or ({sort} = :p and {after(keys)}))"
    )
    order = f"{sort}{' desc' if descending else ''}, {order}"
    yield "second", f"select * from {table} where {compared} order by {order} limit 51"
    if descending:
        null = f"select * from {table} where ({sort} is null and {after(keys)}) order by {order} limit 51"
        yield "what has no time", null


def after(keys: list[str]) -> str:
    """Rows after that of these keys, as `compound_keys_after_sql` of Datasette has it."""
    either = []
    for n, key in enumerate(keys):
        either.append(" and ".join([*(f"{k} = :k{m}" for m, k in enumerate(keys[:n])), f"{key} > :k{n}"]))
    return "(" + "\n or ".join(f"({one})" for one in reversed(either)) + ")"


@pytest.mark.parametrize("table", GROWING)
def test_pages_are_found_by_an_index(conn: sqlite3.Connection, table: str) -> None:
    keys = [name for _, name, _, _, _, key in conn.execute(f"pragma table_info({table})") if key]
    (definition,) = conn.execute("select sql from sqlite_master where name = ?", (table,)).fetchone()
    for page, sql in pages(table, keys, TABLES[table]):
        values = dict.fromkeys(re.findall(r":(\w+)", sql), "2026-01-01T00:00:00Z")
        plan = [row[3] for row in conn.execute(f"explain query plan {sql}", values)]
        assert not [step for step in plan if "TEMP B-TREE" in step], (page, sql, plan)
        # A table without rowid lies in the order of its key; there is no index beside it.
        if "without rowid" not in definition:
            assert not [step for step in plan if step.startswith("SCAN") and "USING" not in step], (page, sql, plan)
