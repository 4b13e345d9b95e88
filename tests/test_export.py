"""Releases: CSV files that any reader takes, with the counts and digests they have."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.archive import Archive
from crawler.catalog import Catalog, Vendor
from crawler.export import TABLES, export
from crawler.schema import VIEWS


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    empty = tmp_path / "incidents"
    empty.mkdir()
    opened = Archive(tmp_path / "outages.db", Catalog([Vendor(id="acme", name="Acme", homepage="")]), empty)
    yield opened
    opened.close()


def put(conn: sqlite3.Connection, *titles: str) -> None:
    conn.execute("insert or ignore into vendors (id, name) values ('acme', 'Acme')")
    for number, title in enumerate(titles):
        conn.execute(
            "insert into incidents (id, vendor, key, title, kind, minutes) values (?, 'acme', ?, ?, 'outage', ?)",
            (f"acme:{number}", str(number), title, -1.5),
        )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_one_file_for_each_table_and_view(archive: Archive, tmp_path: Path) -> None:
    put(archive.conn, "One", "Two")
    counts = export(archive.conn, tmp_path / "a" / "b")
    assert set(counts) == {*TABLES, *VIEWS}
    assert counts["incidents"] == 2
    manifest = json.loads((tmp_path / "a" / "b" / "manifest.json").read_text())
    assert set(manifest) == set(counts)
    for name, entry in manifest.items():
        path = tmp_path / "a" / "b" / f"{name}.csv"
        assert entry == {"rows": counts[name], "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        assert len(rows(path)) == counts[name]


def test_the_order_does_not_depend_on_when_rows_were_written(archive: Archive, tmp_path: Path) -> None:
    put(archive.conn, "One", "Two", "Three")
    export(archive.conn, tmp_path / "a")
    archive.conn.execute("update incidents set rowid = 1000 - rowid")
    export(archive.conn, tmp_path / "b")
    assert (tmp_path / "a" / "incidents.csv").read_bytes() == (tmp_path / "b" / "incidents.csv").read_bytes()


def test_text_is_kept_but_for_formulas(archive: Archive, tmp_path: Path) -> None:
    plain = [
        'He said "no", twice',
        "two\nlines",
        "1=1",
        "控制台访问异常",
        "a,b;c",
        " =spaced",
        "50% - 60%",
        "-1",
        "+1.5",
        "",
    ]
    formulas = ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1"]
    put(archive.conn, *plain, *formulas)
    export(archive.conn, tmp_path)
    found = {row["key"]: row["title"] for row in rows(tmp_path / "incidents.csv")}
    titles = [found[str(number)] for number in range(len(found))]
    assert titles == [*plain, *(f"'{text}" for text in formulas)]
    assert {row["minutes"] for row in rows(tmp_path / "incidents.csv")} == {"-1.5"}, "numbers stay numbers"
