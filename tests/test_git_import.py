"""The history of a git-scraped file: every version at its commit's time, and nothing lost to what is broken."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from crawler.captures import Captures
from crawler.captures.imports import GitHistory, ImportProblem
from crawler.catalog import load
from crawler.commands import SOME_FAILED, main
from crawler.records import Capture

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "github-incidents"
FILE = "pages/incidents.json"
BEGIN = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp())
SYMLINK, SUBMODULE, PLAIN = "120000", "160000", "100644"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(repository: Path, *arguments: str, text: bytes | None = None) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", "-C", str(repository), *identity, *arguments], input=text, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


class Commit(NamedTuple):
    """A commit of a repository made by `repository`. `body` None deletes the file."""

    seconds: int
    body: bytes | None
    path: str = FILE
    mode: str = PLAIN
    parents: tuple[int, ...] | None = None  # positions in the list; None: the one before
    renamed_from: str | None = None


def repository(directory: Path, commits: Iterable[Commit]) -> Path:
    """A bare repository with these commits, written in one go."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(directory)], check=True)
    lines = []
    for number, commit in enumerate(commits, 1):
        parents = (number - 2,) if commit.parents is None and number > 1 else commit.parents or ()
        lines += [b"commit refs/heads/main", b"mark :%d" % number]
        lines += [b"committer t <t@example.org> %d +0100" % commit.seconds, b"data 4", b"poll"]
        lines += [b"%s :%d" % (word, p + 1) for word, p in zip((b"from", b"merge"), parents, strict=False)]
        if number > 1 and not parents:
            raise ValueError("one root only")
        if commit.renamed_from:
            lines.append(f"R {commit.renamed_from} {commit.path}".encode())
        if commit.body is None:
            lines.append(f"D {commit.path}".encode())
        elif commit.mode == SUBMODULE:
            lines.append(f"M {commit.mode} {'1' * 40} {commit.path}".encode())
        else:
            lines += [f"M {commit.mode} inline {commit.path}".encode(), b"data %d" % len(commit.body), commit.body]
    git(directory, "fast-import", "--quiet", "--done", text=b"\n".join([*lines, b"done", b""]))
    return directory


def page(number: int) -> bytes:
    """A page of a status site, another one for each number."""
    return (
        b'{"page": {"id": "ppppqqqqrrrr", "name": "GitHub", "url": "https://www.githubstatus.com", "time_zone": '
        b'"Etc/UTC", "updated_at": "2026-02-01T00:%02d:%02dZ"}, "incidents": []}' % (number // 60 % 60, number % 60)
    )


def polls(count: int, start: int = 0) -> list[Commit]:
    return [Commit(BEGIN + 60 * n, page(n)) for n in range(start, start + count)]


def history(directory: Path, file: str = FILE) -> tuple[list[Capture], list[ImportProblem]]:
    found = list(GitHistory(directory, file, load().sources[SOURCE]))
    return [i for i in found if isinstance(i, Capture)], [i for i in found if isinstance(i, ImportProblem)]


def minutes(captures: Iterable[Capture]) -> list[float]:
    return [(capture.fetched_at - datetime(2026, 2, 1, tzinfo=UTC)) / timedelta(minutes=1) for capture in captures]


def run(data: Path, directory: Path, file: str = FILE) -> Result:
    command = ["import", "--data", str(data), "--git", str(directory), "--path", file, "--source", SOURCE]
    return CliRunner().invoke(main, command)


# Versions


def test_every_version_at_the_time_of_its_commit(tmp_path: Path) -> None:
    found, problems = history(repository(tmp_path / "r", polls(12)))
    assert [capture.body for capture in found] == [page(n) for n in range(12)]
    assert minutes(found) == list(range(12))
    assert not problems
    assert {(c.source, c.url, c.status) for c in found} == {(SOURCE, load().sources[SOURCE].url, 200)}


def test_commits_that_left_the_file_alone_are_no_versions(tmp_path: Path) -> None:
    story = [*polls(2), Commit(BEGIN + 90, b"Another", "pages/other.json"), Commit(BEGIN + 99, page(1))]
    found, _ = history(repository(tmp_path / "r", story))
    assert minutes(found) == [0, 1]


def test_a_checkout_a_folder_in_it_and_a_path_in_another_spelling(tmp_path: Path) -> None:
    bare = repository(tmp_path / "r", polls(3))
    git(tmp_path, "clone", "-q", str(bare), "checkout")
    assert len(history(tmp_path / "checkout")[0]) == 3
    assert len(history(tmp_path / "checkout" / "pages", f"./pages/../{FILE}")[0]) == 3


def test_a_name_with_odd_letters_is_no_pattern(tmp_path: Path) -> None:
    story = [Commit(BEGIN, b"a", "[a]*é \t.json"), Commit(BEGIN + 60, b"b", "a.json")]
    found, _ = history(repository(tmp_path / "r", story), "[a]*é \t.json")
    assert [capture.body for capture in found] == [b"a"]


def test_settings_of_the_user_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[log]\n showRoot = false\n showSignature = true\n[diff]\n renames = copies\n[color]\n ui = always\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert minutes(history(repository(tmp_path / "r", polls(3)))[0]) == [0, 1, 2]


def test_what_is_not_there_is_told_in_the_words_of_git(tmp_path: Path) -> None:
    directory = repository(tmp_path / "r", polls(1))
    with pytest.raises(RuntimeError, match=r"no commit has a file 'other\.json'"):
        history(directory, "other.json")
    with pytest.raises(RuntimeError, match="no commit has a file 'pages'"):
        history(directory, "pages")
    with pytest.raises(RuntimeError, match="not a git repository"):
        history(tmp_path)
    with pytest.raises(RuntimeError, match="HEAD"):
        history(repository(tmp_path / "empty", []))


# Times


def test_commits_of_the_same_second_are_each_a_look(tmp_path: Path) -> None:
    story = [Commit(BEGIN, page(n)) for n in range(3)]
    assert [round(m * 60) for m in minutes(history(repository(tmp_path / "r", story))[0])] == [0, 1, 2]


@pytest.mark.parametrize(
    ("clocks", "seconds"),
    [
        ([0, 600, 300, 900], [0, 600, 601, 900]),
        ([0, 600, 660, 5, 720, 780], [0, 600, 660, 661, 720, 780]),  # one that went back
        ([0, 600, 10**9, 660, 720], [0, 600, 601, 660, 720]),  # one far ahead costs only itself
        ([10**9, 600, 660, 720], [599, 600, 660, 720]),
        ([600, 660, -100, -100, 720], [600, 660, 661, 662, 720]),
    ],
)
def test_clocks_that_go_wrong(tmp_path: Path, clocks: list[int], seconds: list[int]) -> None:
    story = [Commit(BEGIN + clock, page(n)) for n, clock in enumerate(clocks)]
    found, _ = history(repository(tmp_path / "r", story))
    assert [capture.body for capture in found] == [page(n) for n in range(len(clocks))]
    assert [round(m * 60) for m in minutes(found)] == seconds


def test_a_time_that_is_none(tmp_path: Path) -> None:
    found, problems = history(repository(tmp_path / "r", [Commit(2**40, page(0))]))
    assert not found
    assert "the time of its commit" in problems[0].problem


# Merges and renames


def test_both_sides_of_a_merge_were_looks_and_the_merge_was_none(tmp_path: Path) -> None:
    story = [
        Commit(BEGIN, page(0)),
        Commit(BEGIN + 60, page(1)),
        Commit(BEGIN + 120, page(2), parents=(0,)),  # another machine polls too
        Commit(BEGIN + 180, page(1), parents=(1, 2)),  # the merge takes the older page
        Commit(BEGIN + 240, page(3)),
    ]
    found, problems = history(repository(tmp_path / "r", story))
    assert [(round(m), capture.body) for m, capture in zip(minutes(found), found, strict=True)] == [
        (0, page(0)),
        (1, page(1)),
        (2, page(2)),
        (4, page(3)),
    ]
    assert not problems


def test_a_file_is_followed_to_its_earlier_names(tmp_path: Path) -> None:
    def at(minute: int, path: str, **more: str) -> Commit:
        return Commit(BEGIN + 60 * minute, page(minute), path, **more)  # type: ignore[arg-type]

    story = [
        at(0, "first.json"),
        at(1, "first.json"),
        at(2, "second.json", renamed_from="first.json"),
        at(3, "first.json"),  # the old name is used again, for another page
        at(4, "second.json"),
        at(5, FILE, renamed_from="second.json"),
        at(6, FILE),
    ]
    directory = repository(tmp_path / "r", story)
    assert minutes(history(directory)[0]) == [0, 1, 2, 4, 5, 6]
    found, problems = history(directory, "second.json")
    assert minutes(found) == [0, 1, 2, 4]
    assert [problem.problem for problem in problems] == ["the file was deleted"]


# What is broken costs itself


def test_what_is_no_file_is_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    story = [
        Commit(BEGIN, page(0)),
        Commit(BEGIN + 60, None),
        Commit(BEGIN + 120, page(2)),
        Commit(BEGIN + 180, b"elsewhere.json", mode=SYMLINK),
        Commit(BEGIN + 240, b"", mode=SUBMODULE),
        Commit(BEGIN + 300, b""),
        Commit(BEGIN + 360, page(6)),
    ]
    directory = repository(tmp_path / "r", story)
    found, problems = history(directory)
    assert minutes(found) == [0, 2, 5, 6]
    assert [problem.problem.split(",")[0] for problem in problems] == [
        "the file was deleted",
        "a symbolic link",
        "a submodule",
    ]
    commits = git(directory, "rev-list", "--reverse", "HEAD").splitlines()
    assert [p.where for p in problems] == [f"{directory}@{commits[n][:12]}:{FILE}" for n in (1, 3, 4)]


def loose(directory: Path, number: int) -> Path:
    """The file of the object that holds version `number`, after everything was unpacked."""
    for pack in (directory / "objects" / "pack").glob("*.pack"):
        kept = pack.rename(directory / pack.name)
        for left in (directory / "objects" / "pack").glob(f"{pack.stem}*"):
            left.unlink()
        git(directory, "unpack-objects", "-q", text=kept.read_bytes())
    blob = git(directory, "rev-parse", f"HEAD~{number}:{FILE}")
    return directory / "objects" / blob[:2] / blob[2:]


def test_a_missing_object(tmp_path: Path) -> None:
    directory = repository(tmp_path / "r", polls(9))
    loose(directory, 4).unlink()
    found, problems = history(directory)
    assert minutes(found) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert [problem.problem.endswith("is missing") for problem in problems] == [True]


def test_damaged_objects(tmp_path: Path) -> None:
    directory = repository(tmp_path / "r", polls(9))
    for number, damage in ((0, b"nothing"), (4, b""), (5, b"x\x9c what"), (8, b"")):
        path = loose(directory, number)
        path.chmod(0o644)
        path.write_bytes(damage or path.read_bytes()[:40])
    found, problems = history(directory)
    assert minutes(found) == [1, 2, 5, 6, 7]
    assert len(problems) == 4


def test_a_partial_clone_asks_nobody_for_what_it_lacks(tmp_path: Path) -> None:
    directory = repository(tmp_path / "r", polls(9))
    git(directory, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", directory.as_uri(), "part")
    directory.rename(tmp_path / "gone")
    found, problems = history(tmp_path / "part")
    assert minutes(found) == [8]
    assert len(problems) == 8
    assert all("could not fetch" in p.problem or "missing" in p.problem for p in problems)


def test_a_shallow_clone_is_what_it_has(tmp_path: Path) -> None:
    directory = repository(tmp_path / "r", polls(9))
    git(tmp_path, "clone", "-q", "--depth=3", directory.as_uri(), "part")
    assert minutes(history(tmp_path / "part")[0]) == [6, 7, 8]


def test_the_command_tells_what_was_not_imported_and_reads_the_rest(tmp_path: Path) -> None:
    story = [*polls(3), Commit(BEGIN + 180, b"<html>Bad gateway</html>"), Commit(BEGIN + 240, None), *polls(2, 5)]
    done = run(tmp_path / "data", repository(tmp_path / "r", story))
    assert done.exit_code == SOME_FAILED
    assert "6 captures, 6 of them new" in done.output
    assert "1 unreadable" in done.output
    assert "the file was deleted" in done.output


# Thousands of commits, in pieces


def bodies_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bodies git is asked for, run by run, from now on."""
    asked: list[int] = []
    real = GitHistory._bodies

    def counted(self: GitHistory, versions: list[object]) -> object:
        asked.append(len(versions))
        return real(self, versions)  # type: ignore[arg-type]

    monkeypatch.setattr(GitHistory, "_bodies", counted)
    return asked


def test_what_is_there_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = bodies_read(monkeypatch)
    run(tmp_path / "data", repository(tmp_path / "short", polls(100)))
    longer = repository(tmp_path / "longer", polls(130))
    assert "130 captures, 30 of them new" in run(tmp_path / "data", longer).output
    assert "130 captures, 0 of them new" in run(tmp_path / "data", longer).output
    assert asked == [100, 30]


def rows(data: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(data / "outages.db") as conn:
        return conn.execute("select id, polled_at, outcome, bytes from polls order by id").fetchall()


def test_thousands_of_commits_and_a_kill_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = repository(tmp_path / "r", polls(2000))
    whole, data = tmp_path / "whole", tmp_path / "data"
    began = time.process_time()
    assert "2000 captures, 2000 of them new" in run(whole, directory).output
    assert time.process_time() - began < 60

    command = ["import", "--data", str(data), "--git", str(directory), "--path", FILE, "--source", SOURCE]
    victim = subprocess.Popen([sys.executable, "-m", "crawler", *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    for _ in range(6000):
        if stored(data) or victim.poll() is not None:
            break
        time.sleep(0.005)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    before = stored(data)
    assert 0 < before < 2000
    asked = bodies_read(monkeypatch)
    assert f"2000 captures, {2000 - before} of them new" in run(data, directory).output
    assert asked == [2000 - before]
    assert rows(data) == rows(whole)


def stored(data: Path) -> int:
    """Captures that are kept so far."""
    if not (data / "captures.db").exists():
        return 0
    try:
        with sqlite3.connect(data / "captures.db") as conn:
            return int(conn.execute("select count(*) from captures").fetchone()[0])
    except sqlite3.OperationalError:  # its tables are being made
        return 0


def test_a_look_is_stored_once_whichever_way_it_comes(tmp_path: Path) -> None:
    source = load().sources[SOURCE]
    captures = Captures(tmp_path / "data" / "captures.db")
    captures.add(history(repository(tmp_path / "r", polls(3)))[0][1:2])
    assert captures.looks(SOURCE, source.url) == {BEGIN + 60}
    captures.close()
    assert "3 captures, 2 of them new" in run(tmp_path / "data", tmp_path / "r").output
