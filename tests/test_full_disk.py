"""A disk that is full: one clear line, nothing lost that was there, and the next run makes good."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlite_utils import Database

from crawler import commands
from crawler.archive import intake
from crawler.captures import Captures, store
from crawler.database import connect, part, transaction
from tests.stage import stage
from tests.test_archive import dump, lines, write
from tests.test_polling import FIRST, INCIDENTS, SECOND, Archive, payload

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("day") / "day.jsonl", lines()[:130])


@pytest.fixture(scope="module")
def whole(day: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[Any]], list[Any], Path]:
    """The archive as it should be, what is in its captures, and where it is."""
    data = tmp_path_factory.mktemp("whole")
    assert run(data, "import", str(day)).returncode == 0
    return dump(data), kept(data), data


def run(data: Path, *arguments: str, most: int | None = None) -> subprocess.CompletedProcess[str]:
    """A command in a process that cannot make a file larger than `most` bytes."""

    def limit() -> None:
        if most is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.run(
        [sys.executable, "-m", "crawler", *arguments, "--data", str(data)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, preexec_fn=limit,
    )  # fmt: skip


def kept(data: Path) -> list[Any]:
    """All captures; each must be readable."""
    opened = Captures(data / "captures.db")
    found = [capture for _, capture, _ in opened.read(seq for seq, _, _ in opened.pending(0))]
    assert opened.verify(lambda done, total: None).damaged == []
    opened.close()
    return found


def is_whole(path: Path) -> bool:
    with sqlite3.connect(path) as conn:
        (said,) = conn.execute("pragma integrity_check").fetchone()
    conn.close()
    return bool(said == "ok")


def is_one_clear_line(said: str) -> bool:
    return said.startswith("Error: the archive in ") and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize("percent", [1, 60])
def test_an_import_that_runs_out_of_room(
    day: Path, whole: tuple[dict[str, list[Any]], list[Any], Path], tmp_path: Path, percent: int
) -> None:
    expected, captures, there = whole
    largest = (there / "outages.db").stat().st_size
    failed = run(tmp_path, "import", str(day), most=largest * percent // 100)
    assert failed.returncode == 1, failed.stdout
    assert is_one_clear_line(failed.stderr), failed.stderr
    if (tmp_path / "captures.db").exists():
        assert is_whole(tmp_path / "captures.db")
        got = kept(tmp_path)
        assert got == captures[: len(got)]
    if (tmp_path / "outages.db").exists():
        assert is_whole(tmp_path / "outages.db")
    again = run(tmp_path, "import", str(day))
    assert again.returncode == 0, again.stderr
    assert kept(tmp_path) == captures
    assert dump(tmp_path) == expected


def limited(pages: int) -> Callable[..., Database]:
    """`connect` to a file that cannot have more pages than this."""

    def opened(*arguments: Any, **more: Any) -> Database:
        db = connect(*arguments, **more)
        db.conn.execute(f"pragma max_page_count = {pages}")
        return db

    return opened


@pytest.mark.parametrize(
    ("module", "file", "percent"),
    [
        (module, file, percent)
        for module, file in ((store, "captures.db"), (intake, "outages.db"))
        for percent in (60, 90)
    ],
)
def test_a_database_that_may_not_grow(
    day: Path,
    whole: tuple[dict[str, list[Any]], list[Any], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    file: str,
    percent: int,
) -> None:
    expected, captures, there = whole
    with sqlite3.connect(there / file) as conn:
        (pages,) = conn.execute("pragma page_count").fetchone()
    monkeypatch.setattr(module, "connect", limited(pages * percent // 100))
    command = ["import", str(day), "--data", str(tmp_path)]
    failed = CliRunner().invoke(commands.main, command)
    assert failed.exit_code == 1, failed.output
    assert "is full; what was finished before is kept" in failed.stderr
    assert is_one_clear_line(failed.stderr)
    got = kept(tmp_path)
    assert got == captures[: len(got)]
    assert module is store or got == captures
    monkeypatch.undo()
    assert CliRunner().invoke(commands.main, command).exit_code == 0
    assert kept(tmp_path) == captures
    assert dump(tmp_path) == expected


def test_a_poll_without_room_says_so_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with stage() as page:
        archive = Archive(tmp_path, page.url + INCIDENTS)
        page.show(INCIDENTS, payload(FIRST))
        assert archive.poll("2026-03-01T10:05:00Z").returncode == 0
        before = kept(archive.data)
        page.show(INCIDENTS, payload(FIRST, {**SECOND, "body": bytes(range(256)).hex() * 2000}))
        size = (archive.data / "captures.db").stat().st_size
        command = [
            "poll",
            "--at",
            "2026-03-01T10:25:00Z",
            "--catalog",
            str(archive.catalog),
            "--contact",
            "t@example.org",
        ]
        failed = run(archive.data, *command, most=min(size, 4096))
        assert failed.returncode == 1, (failed.stdout, failed.stderr)
        assert "Traceback" not in failed.stderr
        assert is_one_clear_line(failed.stderr), failed.stderr
        assert kept(archive.data) == before
        assert run(archive.data, *command).returncode == 0
        assert len(kept(archive.data)) == 2
        assert archive.rows("select count(*) from updates") == [(2,)]


def test_a_transaction_that_the_disk_has_ended_is_over(tmp_path: Path) -> None:
    """SQLite takes everything back when the disk is full in the middle of a transaction."""
    opened = Captures(tmp_path / "captures.db")
    opened.conn.execute("create table filler (data blob)")
    (pages,) = opened.conn.execute("pragma page_count").fetchone()
    opened.conn.execute(f"pragma max_page_count = {pages + 10}")
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)"
    with pytest.raises(sqlite3.OperationalError, match="full"), transaction(opened.conn), part(opened.conn):
        opened.conn.execute(f"{numbers} insert into filler select randomblob(5000) from n")
    assert not opened.conn.in_transaction
    assert opened.conn.execute("select count(*) from filler").fetchone() == (0,)
    opened.close()
