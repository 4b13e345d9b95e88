"""Releases: CSV files that any reader takes, with the counts and digests they have."""

from __future__ import annotations

import csv
import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.archive import Archive
from crawler.catalog import Catalog, Vendor
from crawler.database import BusyError
from crawler.export import TABLES, _held, export
from crawler.schema import VIEWS

ROOT = Path(__file__).parent.parent


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


def manifest_fits(directory: Path) -> bool:
    """Whether every file is the one of the manifest."""
    manifest = json.loads((directory / "manifest.json").read_text())
    return all(
        hashlib.sha256((directory / f"{name}.csv").read_bytes()).hexdigest() == entry["sha256"]
        for name, entry in manifest.items()
    )


def test_an_export_that_fails_leaves_the_last_one(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    put(archive.conn, "One")
    export(archive.conn, out)
    before = {path.name: path.read_bytes() for path in out.glob("*.*")}
    archive.conn.execute("update incidents set title = 'Another'")
    monkeypatch.setattr("crawler.export.VIEWS", [*VIEWS, "missing"])  # all tables are written by then
    with pytest.raises(sqlite3.OperationalError, match="missing"):
        export(archive.conn, out)
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == before
    assert manifest_fits(out)


#: An export that is ended before the given rename.
KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from crawler.export import export
database, directory, left = sys.argv[1], Path(sys.argv[2]), iter(range(int(sys.argv[3])))
replace = Path.replace
def some(path, target):
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGTERM)
    return replace(path, target)
Path.replace = some
export(sqlite3.connect(database, isolation_level=None), directory)
"""


@pytest.mark.parametrize("renamed", [0, 5, len(TABLES) + len(VIEWS)])
def test_an_export_killed_while_files_are_put_in_place_leaves_no_manifest(
    renamed: int, archive: Archive, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    put(archive.conn, "One")
    export(archive.conn, out)
    archive.conn.execute("update incidents set title = 'Another'")
    words = [sys.executable, "-c", KILLED, str(archive.path), str(out), str(renamed)]
    assert subprocess.run(words, cwd=ROOT, timeout=60, check=False).returncode == -signal.SIGTERM
    assert not (out / "manifest.json").exists()
    assert list((out / ".begun").iterdir())
    export(archive.conn, out)
    assert manifest_fits(out)
    assert not (out / ".begun").exists()
    assert [row["title"] for row in rows(out / "incidents.csv")] == ["Another"]


def test_an_export_killed_while_it_writes_leaves_the_last_one(archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(archive.conn, "One")
    export(archive.conn, out)
    (out / ".begun").mkdir()
    (out / ".begun" / "incidents.csv").write_text("half a")
    (out / ".begun" / "gone.csv").touch()
    assert manifest_fits(out)
    export(archive.conn, out)
    assert manifest_fits(out)
    assert not (out / ".begun").exists()
    assert not (out / "gone.csv").exists()


def test_two_exports_into_one_directory_do_not_mix(archive: Archive, tmp_path: Path) -> None:
    export(archive.conn, tmp_path / "out")
    before = (tmp_path / "out" / "manifest.json").stat().st_ino
    with (
        _held(tmp_path / "out"),
        pytest.raises(BusyError, match="another process exports into"),
    ):
        export(archive.conn, tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").stat().st_ino == before
