"""Publishing: a checked copy of one moment, put in place at once, and served while newer ones come."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from datasette.inspect import inspect_hash

from crawler.commands import BUSY, SOME_FAILED, main
from crawler.database import BusyError, alone
from crawler.site import described, server
from crawler.site import publish as publishing
from crawler.site.publish import DoubtError, Published, PublishError, current, publish

TABLES: dict[str, dict[str, Any]] = described()["databases"]["outages"]["tables"]


@pytest.fixture
def archive(shipped: Path, tmp_path: Path) -> Path:
    """One that a test may change."""
    return Path(shutil.copyfile(shipped, tmp_path / "outages.db"))


def change(archive: Path, *statements: str) -> None:
    with closing(sqlite3.connect(archive)) as conn, conn:
        for statement in statements:
            conn.execute(statement)


def one(path: Path, sql: str) -> Any:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)) as conn:
        return conn.execute(sql).fetchone()[0]


def publish_again(archive: Path, directory: Path, **options: Any) -> Published:
    """After a change, so that there is something to publish."""
    change(archive, "update meta set value = value || '.' where key = (select key from meta limit 1)")
    return publish(archive, directory, TABLES, **options)


# The copy


def test_copy_is_the_archive_with_what_readers_need(archive: Path, tmp_path: Path) -> None:
    made = publish(archive, tmp_path / "site", TABLES)
    copy = made.release / "outages.db"
    assert made.new
    assert current(tmp_path / "site") == made.release
    assert one(copy, "select count(*) from versions") == one(archive, "select count(*) from versions")
    assert one(copy, "select count(*) from claims") == one(archive, "select count(*) from claims") > 100
    assert one(copy, "select count(*) from sqlite_stat1") > 10
    assert one(copy, "pragma journal_mode") == "delete"
    assert copy.read_bytes()[18:20] == b"\1\1", "a reader would want a write-ahead log"
    assert sorted(path.name for path in made.release.iterdir()) == ["inspect-data.json", "outages.db"]
    assert copy.stat().st_mode & 0o777 == 0o444
    assert made.release.stat().st_mode & 0o777 == 0o755
    for table, about in TABLES.items():
        for facet in about.get("facets", ()):
            if one(copy, f"select type from sqlite_master where name = '{table}'") == "table":
                with closing(sqlite3.connect(copy)) as conn:
                    plan = conn.execute(f"explain query plan select count(*) from {table} where {facet} = 'x'")
                    assert "USING" in plan.fetchone()[3], f"{table}.{facet}"


def test_inspect_file_belongs_to_the_copy(archive: Path, tmp_path: Path) -> None:
    made = publish(archive, tmp_path / "site", TABLES)
    said = json.loads((made.release / "inspect-data.json").read_bytes())["outages"]
    copy = made.release / "outages.db"
    assert said["hash"] == inspect_hash(copy)
    assert said["size"] == copy.stat().st_size == made.size
    assert said["tables"]["claims"] == {"count": one(copy, "select count(*) from claims")}
    assert dict(said["tallies"]["incidents"]["values"]["vendor"])["alibaba"] == one(
        copy, "select count(*) from incidents where vendor = 'alibaba'"
    )
    assert said["views"]["recovery_order"] == one(copy, "select count(*) from recovery_order") > 100
    assert set(said["tallies"]) == {name for name, about in TABLES.items() if about.get("facets")}


def test_polls_go_on_meanwhile(archive: Path, tmp_path: Path) -> None:
    """A writer with a log, in the midst of a transaction: the copy is of the moment before, whole."""
    with closing(sqlite3.connect(archive, isolation_level=None)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("insert into meta values ('before', '1')")
        writer.execute("begin immediate")
        writer.execute("insert into meta values ('during', '1')")
        made = publish(archive, tmp_path / "site", TABLES)
        writer.execute("commit")
    assert one(made.release / "outages.db", "select group_concat(key) from meta where key in ('before', 'during')") == (
        "before"
    )


def test_nothing_new_is_not_published_again(archive: Path, tmp_path: Path) -> None:
    first, second = (publish(archive, tmp_path / "site", TABLES) for _ in range(2))
    assert (first.new, second.new) == (True, False)
    assert second.release == first.release
    assert len(list((tmp_path / "site/releases").iterdir())) == 1


def test_old_releases_go(archive: Path, tmp_path: Path) -> None:
    made = [publish_again(archive, tmp_path / "site", keep=2).release for _ in range(4)]
    assert sorted((tmp_path / "site/releases").iterdir()) == sorted(made[-2:])
    publish_again(archive, tmp_path / "site", keep=1)
    assert made[-1].exists(), "who still reads the one before would lose it"


# What is not published


@pytest.mark.parametrize(
    ("statement", "doubt"),
    [
        ("delete from incidents where vendor = 'alibaba'", "incidents would be gone"),
        ("update incidents set id = 'x' || id where vendor = 'alibaba'", "incidents would be gone"),
        ("delete from claims where rowid % 10 = 0", "claims would be gone"),
        ("delete from outages", "there are no outages"),
        ("update polls set polled_at = '2025-01-01T00:00:00Z'", "older than that of what is published"),
    ],
)
def test_loss_is_not_published(archive: Path, tmp_path: Path, statement: str, doubt: str) -> None:
    change(archive, """insert into polls (id, source, url, polled_at, outcome)
        values ('p', 'alibaba-landmarks', 'u', '2026-01-01T00:00:00Z', 'same')""")  # fmt: skip
    first = publish(archive, tmp_path / "site", TABLES)
    change(archive, "pragma foreign_keys = off", statement)
    with pytest.raises(DoubtError, match=doubt):
        publish(archive, tmp_path / "site", TABLES)
    assert current(tmp_path / "site") == first.release
    forced = publish(archive, tmp_path / "site", TABLES, force=True)
    assert doubt in " ".join(forced.doubts)
    assert current(tmp_path / "site") == forced.release != first.release


def test_a_little_may_go(archive: Path, tmp_path: Path) -> None:
    publish(archive, tmp_path / "site", TABLES)
    change(archive, "delete from claims where rowid % 200 = 0")
    assert publish(archive, tmp_path / "site", TABLES).doubts == []
    change(archive, "delete from claims where rowid % 201 = 0")
    with pytest.raises(DoubtError, match=r"claims would be gone \(0\.\d %\)"):
        publish(archive, tmp_path / "site", TABLES, most_lost=0)


def test_damage_is_not_published_even_by_force(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(archive, tmp_path / "site", TABLES)
    counted = publishing._views

    def damaging(conn: sqlite3.Connection, told: Any) -> Any:
        conn.execute("pragma writable_schema = on")
        conn.execute("update sqlite_master set rootpage = (select rootpage from sqlite_master where name = 'meta') "
                     "where name = 'claims_started'")  # fmt: skip
        return counted(conn, told)

    monkeypatch.setattr(publishing, "_views", damaging)
    with pytest.raises((PublishError, sqlite3.DatabaseError)):
        publish_again(archive, tmp_path / "site", force=True)
    assert current(tmp_path / "site") == first.release


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    change(tmp_path / "outages.db", "create table incidents (id)")
    with pytest.raises(PublishError, match="the archive has no"):
        publish(tmp_path / "outages.db", tmp_path / "site", {}, force=True)
    assert current(tmp_path / "site") is None


@pytest.mark.parametrize(
    "step", ["_copy", "_prepare", "_tallies", "_views", "_check", "inspect_hash", "_sync", "_point", "_prune"]
)
def test_a_run_that_ends_anywhere_leaves_what_is_published(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = publish(archive, tmp_path / "site", TABLES)
    change(archive, "update meta set value = value || '.'")

    def ends(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(publishing, step, ends)
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)  # killed: nobody sweeps up
        with pytest.raises(KeyboardInterrupt):
            publish(archive, tmp_path / "site", TABLES)
    there = current(tmp_path / "site")
    assert there is not None
    assert (there == first.release) is (step != "_prune")
    said = json.loads((there / "inspect-data.json").read_bytes())["outages"]
    assert said["hash"] == inspect_hash(there / "outages.db")
    after = publish_again(archive, tmp_path / "site")
    assert current(tmp_path / "site") == after.release
    assert not [path for path in (tmp_path / "site/releases").iterdir() if path.name.startswith(".")]


def test_one_at_a_time(archive: Path, tmp_path: Path) -> None:
    with alone(tmp_path / "site/publish.lock"), pytest.raises(BusyError):
        publish(archive, tmp_path / "site", TABLES)


def test_a_directory_of_somebody_else_is_left_alone(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "site/current").mkdir(parents=True)
    with pytest.raises(PublishError, match="not a link"):
        publish(archive, tmp_path / "site", TABLES)
    assert current(tmp_path / "site") is None


# The command


def test_command(archive: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    arguments = ["publish", str(tmp_path / "site"), "--data", str(archive.parent)]
    done = run(main, arguments)
    assert done.exit_code == 0, done.output
    assert "published 2" in done.output
    assert "incidents" in done.output
    change(archive, "delete from outages")
    refused = run(main, arguments)
    assert refused.exit_code == SOME_FAILED
    assert "not published: there are no outages" in refused.output
    forced = run(main, [*arguments, "--force"])
    assert forced.exit_code == 0
    assert "in spite of this" in forced.output


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BusyError("publish.lock is held by process 7"), BUSY, "process 7"),
        (PublishError("the copy is damaged"), 1, "what is published stays"),
        (OSError(28, "No space left on device"), 1, "No space left on device; what is published stays"),
        (sqlite3.OperationalError("disk I/O error"), 1, "disk I/O error; what is published stays"),
    ],
)
def test_command_says_what_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, said: str
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(publishing, "publish", fails)
    monkeypatch.setattr("crawler.commands.opened", lambda *_: nullcontext((None, None, None)))
    monkeypatch.setattr("crawler.commands.catch_up", lambda *_: None)
    done = CliRunner().invoke(main, ["publish", str(tmp_path), "--data", str(tmp_path)])
    assert (done.exit_code, said in done.output) == (code, True), done.output


def test_nothing_to_serve(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["serve", "--published", str(tmp_path)])
    assert refused.exit_code == 1
    assert "nothing is published" in refused.output


def test_who_reads_the_log_may_go(capsys: pytest.CaptureFixture[str]) -> None:
    def gone(_line: str) -> None:
        raise BrokenPipeError

    server._say(gone, "serving the next copy")
    server._say(print, "serving the next copy")
    assert capsys.readouterr().out == "serving the next copy\n"


# Served


@pytest.fixture(scope="module")
def served(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Path]]:
    """Address, directory and archive of a site that serves what is published; nothing there may be written."""
    directory: Path = tmp_path_factory.mktemp("served")
    archive = Path(shutil.copyfile(shipped, directory / "outages.db"))
    publish(archive, directory / "site", TABLES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from crawler.commands import main; main()", "serve", "--port", str(port)]
    with (directory / "log").open("w") as log:
        server = subprocess.Popen([*command, "--published", str(directory / "site")], stdout=log, stderr=log)
        try:
            for _ in range(300):
                if "serving" in (directory / "log").read_text():
                    break
                assert server.poll() is None, (directory / "log").read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", directory / "site", archive
        finally:
            server.terminate()
            assert server.wait(30) == 0


def get(address: str, method: str = "GET") -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_newer_copies_are_taken_up_and_no_request_fails(served: tuple[str, Path, Path]) -> None:
    site, directory, archive = served
    path = "/outages.json?sql=select+count(*)+as+n+from+vendors&_shape=array"
    seen: list[int] = []
    failed: list[object] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.01):
            try:
                status, body = get(site + path)
                seen.append(json.loads(body)[0]["n"] if status == 200 else -status)
            except Exception as error:
                failed.append(error)

    askers = [threading.Thread(target=ask) for _ in range(6)]
    for asker in askers:
        asker.start()
    change(archive, "insert into vendors (id, name) values ('new', 'New')")
    broken = publish(archive, directory, TABLES).release / "outages.db"
    broken.chmod(0o644)
    broken.write_bytes(b"not a database, though it is where one should be")
    for _ in range(150):
        if "cannot be served" in (directory.parent / "log").read_text():
            break
        time.sleep(0.1)
    change(archive, "insert into vendors (id, name) values ('newer', 'Newer')")
    with pytest.raises(DoubtError, match="cannot be compared"):
        publish(archive, directory, TABLES)
    before = seen[-1]
    publish(archive, directory, TABLES, force=True)
    for _ in range(150):
        if seen[-1] != before:
            break
        time.sleep(0.1)
    time.sleep(2.5)  # the one before ends meanwhile
    done.set()
    for asker in askers:
        asker.join()
    assert failed == []
    assert f"{broken.parent.name} cannot be served" in (directory.parent / "log").read_text()
    assert sorted(set(seen)) == [before, before + 2]
    assert len(seen) > 20


def test_nothing_is_written_and_nothing_can_be(served: tuple[str, Path, Path]) -> None:
    site, directory, _ = served
    there = current(directory)
    assert there is not None
    files = {path: path.stat().st_mtime_ns for path in there.iterdir()}
    for path in ("/", "/outages/incidents", "/outages/incidents.csv?_stream=1", "/-/incident/alibaba:16"):
        assert get(site + path)[0] == 200, path
    for path in ("/", "/outages", "/outages/incidents", "/outages/recovery", "/-/incident/alibaba:16", "/robots.txt"):
        assert get(site + path, "POST")[0] == 405, path
    assert get(site + "/outages?sql=delete+from+incidents")[0] == 400
    assert get(site + "/outages?sql=pragma+journal_mode%3Dwal")[0] == 400
    assert get(site + "/outages.db")[0] == 403
    assert {path: path.stat().st_mtime_ns for path in there.iterdir()} == files
