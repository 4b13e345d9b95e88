"""The command line: what it refuses, what it says, how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crawler.commands import BUSY, SOME_FAILED, main
from crawler.database import alone
from crawler.export import _held
from crawler.health import FAILURES
from crawler.records import stamp
from tests.test_polling import BOTH, FIRST, SECOND, THIRD, dump, payload, update

ROOT = Path(__file__).parent.parent
URL = "https://status.acme.example/api/v2/incidents.json"
CATALOG = f"""id: acme
name: Acme Cloud
homepage: https://acme.example
sources:
  - id: acme-incidents
    platform: statuspage
    url: {URL}
    every: 1m
regions:
  - {{id: fra, name: Frankfurt, country: DE}}
  - {{id: pdx, name: Oregon, country: US}}
services:
  - {{id: api, name: API, category: compute}}
"""
#: Every sub-command, with arguments that would work.
EVERY = [
    ("poll",),
    ("watch", "--rounds", "1", "--spread", "0"),
    ("backfill", "--source", "acme-incidents"),
    ("import", "LINES"),
    ("rebuild",),
    ("serve", "--port", "1"),
    ("sources",),
    ("health",),
    ("add", "http://127.0.0.1:9"),
    ("export", "RELEASE"),
    ("publish", "PUBLISHED"),
    ("captures", "verify"),
]


def line(at: str, body: Any, **more: Any) -> dict[str, Any]:
    """A capture line of 2026-03-01."""
    body = body if isinstance(body, str) else json.dumps(body)
    return {"source": "acme-incidents", "url": URL, "fetched_at": at, "status": 200, "body": body, **more}


DAY = [
    line("2026-03-01T10:02:00Z", payload(FIRST)),
    line("2026-03-01T10:22:00Z", payload(FIRST, SECOND)),
    line("2026-03-01T11:02:00Z", payload(FIRST, SECOND, THIRD, resolved="11:00")),
]


class Desk:
    """An archive in a scratch directory, and somebody who types commands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.catalog = directory / "catalog"
        self.catalog.mkdir()
        self.file = self.catalog / "acme.yml"
        self.file.write_text(CATALOG)

    def run(self, *arguments: str, data: Path | None = None) -> Result:
        given = [
            {"LINES": str(self.lines(*DAY, name="whole.jsonl")), "RELEASE": str(self.directory / "release")}.get(a, a)
            for a in arguments
        ]
        return CliRunner().invoke(main, [*given, "--data", str(data or self.data), "--catalog", str(self.catalog)])

    def good(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output
        return done.output

    def lines(self, *some: dict[str, Any] | str, name: str = "day.jsonl") -> Path:
        path = self.directory / name
        path.write_text("".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in some))
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def refused(done: Result, *words: str, code: int = 1) -> None:
    """It ended with a message that has these words, not with a traceback."""
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    for word in words:
        assert word in done.output


# Usage


def test_every_sub_command_is_tried_below() -> None:
    assert {arguments[0] for arguments in EVERY} == set(main.commands)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_sub_command_takes_a_data_directory(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    assert "--data" in done.output
    assert "./data" in done.output
    assert "--catalog" in done.output


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_nobody_listens(tmp_path: Path, closed: str) -> None:
    command = f"{sys.executable} -m crawler sources --vendor alibaba --data {tmp_path} {closed}"
    assert subprocess.run(["sh", "-c", command], cwd=ROOT, timeout=60, check=False).returncode == 0


def test_a_terminal_that_has_not_all_letters(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crawler", "sources", "--vendor", "alibaba", "--data", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, timeout=60, check=False, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_as_a_program(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crawler", "sources", "--data", str(desk.data), "--catalog", str(desk.catalog)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert "acme-incidents" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("import",),
        ("import", "LINES", "--vendor", "acme"),
        ("import", "LINES", "--platform", "statuspage"),
        ("import", "LINES", "--vendor", "acme", "--platform", "telex"),
        ("import", "LINES", "--source", "acme-incidents"),
        ("import", "LINES", "--path", "incidents.json"),
        ("import", "--git", "."),
        ("import", "--git", ".", "--path", "incidents.json"),
        ("import", "--path", "incidents.json", "--source", "acme-incidents"),
        ("import", "no-such-file.jsonl"),
        ("poll", "--at", "yesterday"),
        ("poll", "--at", "2026-03-01T10:00:00"),
        ("add",),
        ("export",),
        ("fly",),
    ],
)
def test_bad_usage(desk: Desk, arguments: tuple[str, ...]) -> None:
    refused(desk.run(*arguments), code=2)
    assert not desk.data.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("poll", "--vendor", "emca"), ("emca", "there are: acme")),
        (("sources", "--vendor", "emca"), ("emca", "there are: acme")),
        (("poll", "--source", "emca-incidents"), ("emca-incidents", "outages sources")),
        (("poll", "--platform", "telex"), ("telex", "statuspage")),
    ],
)
def test_unknown_names(desk: Desk, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(desk.run(*arguments), *words)


@pytest.mark.parametrize("arguments", EVERY, ids=lambda a: str(a[0]))
def test_a_broken_catalog_is_named_with_its_line(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.file.write_text(CATALOG.replace("    every: 1m", "    evry: 1m"))
    refused(desk.run(*arguments), f"{desk.file}:8:", "evry")


@pytest.mark.parametrize(
    ("wrong", "number"),
    [("since: 2026-02-30", 8), ("every: [", 10), ("every: 1m\n    every: 2m", 9), ("every: \x07", 8)],
)
def test_mistakes_in_yaml_are_named_with_their_line(desk: Desk, wrong: str, number: int) -> None:
    desk.file.write_text(CATALOG.replace("every: 1m", wrong))
    refused(desk.run("sources"), f"{desk.file}:{number}:")


@pytest.mark.parametrize("arguments", [e for e in EVERY if e[0] != "add"], ids=lambda a: str(a[0]))
def test_a_data_directory_that_cannot_be_made(desk: Desk, arguments: tuple[str, ...]) -> None:
    below = desk.lines() / "data"
    refused(desk.run(*arguments, data=below), str(below))


@pytest.mark.parametrize("name", ["captures.db", "outages.db"])
def test_files_that_are_no_databases(desk: Desk, name: str) -> None:
    desk.data.mkdir()
    (desk.data / name).write_text("something else altogether " * 100)
    refused(desk.run("sources"), str(desk.data), "not a database")
    (desk.data / name).unlink()
    (desk.data / name).mkdir()
    refused(desk.run("sources"), str(desk.data))


# Import and rebuild


def test_what_was_imported_is_there_once(desk: Desk) -> None:
    assert "3 captures, 3 of them new" in desk.good("import", "LINES")
    before = dump(desk.data)
    assert len(before["outages"]) == 2
    assert "3 captures, 0 of them new" in desk.good("import", "LINES")
    assert dump(desk.data) == before


def test_bad_lines_are_named_and_cost_only_themselves(desk: Desk) -> None:
    path = desk.lines(DAY[0], "{", DAY[1], line("2026-03-01T10:00:00", "{}"), DAY[2])
    done = desk.run("import", str(path))
    refused(done, f"{path}:2", f"{path}:4", "without a zone", "3 captures, 3 of them new", code=SOME_FAILED)
    assert len(dump(desk.data)["outages"]) == 2


def test_only_the_first_of_many_bad_lines_are_told(desk: Desk) -> None:
    done = desk.run("import", str(desk.lines(*["{"] * 50, DAY[0])))
    assert done.exit_code == SOME_FAILED
    assert done.output.count("not imported") == 20
    assert "30 more" in done.output


def test_a_directory_is_no_file_of_lines(desk: Desk) -> None:
    refused(desk.run("import", str(desk.directory), "LINES"), str(desk.directory), code=SOME_FAILED)
    assert len(dump(desk.data)["outages"]) == 2, "the others are imported"


def elsewhere() -> list[dict[str, Any]]:
    return [{**told, "source": "zenith-page", "url": "https://status.zenith.example/incidents.json"} for told in DAY]


def test_an_unknown_source_has_to_be_named_and_is_remembered(desk: Desk) -> None:
    path = str(desk.lines(*elsewhere()))
    refused(desk.run("import", path), "zenith-page", "--vendor", "--platform", code=SOME_FAILED)
    assert dump_of(desk) == []
    desk.good("import", path, "--vendor", "zenith", "--platform", "statuspage")
    assert dump_of(desk) == ["zenith:bcdfghjklmnp"]
    before = dump(desk.data)
    desk.good("rebuild")
    assert dump(desk.data) == before
    (desk.data / "outages.db").unlink()
    desk.good("rebuild")
    assert dump_of(desk) == ["zenith:bcdfghjklmnp"]
    assert "zenith-page" in desk.good("sources", "--vendor", "zenith")


def dump_of(desk: Desk) -> list[str]:
    """Ids of the incidents there are."""
    return sorted(row[0] for row in dump(desk.data)["incidents"])


def test_lines_without_a_source_are_known_by_their_address(desk: Desk) -> None:
    desk.good("import", str(desk.lines(*({**told, "source": None} for told in DAY))))
    assert dump_of(desk) == ["acme:bcdfghjklmnp"]


def test_a_history_in_git_that_is_not_there(desk: Desk) -> None:
    arguments = ("import", "--git", str(desk.directory), "--path", "x.json", "--source")
    refused(desk.run(*arguments, "acme-incidents"), "not a git repository", code=SOME_FAILED)
    refused(desk.run(*arguments, "nobody"), "nobody", "--vendor")


def test_damaged_captures_are_told_and_the_rest_is_read(desk: Desk) -> None:
    desk.good("import", "LINES")
    from crawler.captures import Captures

    store = Captures(desk.data / "captures.db")
    store.conn.execute("update bodies set digest = x'00' where id = (select max(id) from bodies)")
    store.close()
    assert "corrupt-body" in desk.good("rebuild")
    assert dump_of(desk) == ["acme:bcdfghjklmnp"]


# Poll


def test_nothing_due(desk: Desk) -> None:
    desk.good("import", "LINES")
    assert "0 sources asked, 1 in the catalog" in desk.good("poll", "--at", "2026-03-01T11:02:30Z")
    assert "0 sources asked" in desk.good("poll", "--platform", "aws")


def test_another_round_is_under_way(desk: Desk) -> None:
    with alone(desk.data / "poll.lock"):
        refused(desk.run("poll", "--platform", "aws"), "another round", code=BUSY)


# Sources and health


def test_sources(desk: Desk) -> None:
    assert "never asked" in desk.good("sources")
    desk.good("import", "LINES")
    (row,) = (text for text in desk.good("sources").splitlines() if text.strip().startswith("acme-incidents"))
    for word in ("statuspage", "0:01:00", "new", "2026-03-01T11:02:00Z", URL):
        assert word in row


def test_health_exits_with_what_is_wrong(desk: Desk) -> None:
    assert "acme-incidents: never asked" in desk.good("health"), "to begin with is no failure"
    now = stamp(datetime.now(UTC))
    desk.good("import", str(desk.lines(line(now, payload()))))
    assert "all polled sources answer" in desk.good("health")
    for number in range(FAILURES):
        later = stamp(datetime.now(UTC) + timedelta(seconds=5 + number))
        desk.good("import", str(desk.lines(line(later, "oops", status=503))))
        done = desk.run("health")
        assert (done.exit_code != 0) == (number == FAILURES - 1), "most failures pass"
    refused(done, "acme-incidents: error", "HTTP 503", f"last read {now}", code=SOME_FAILED)


# Export


def release(desk: Desk, name: str) -> dict[str, bytes]:
    desk.good("export", str(desk.directory / name))
    return {path.name: path.read_bytes() for path in (desk.directory / name).iterdir()}


def test_a_release_is_the_same_to_the_byte(desk: Desk) -> None:
    desk.good("import", "LINES")
    one, two = release(desk, "one"), release(desk, "two")
    assert one == two
    assert {"incidents.csv", "outages.csv", "recovery_order.csv", "manifest.json"} <= set(one)
    desk.good("rebuild")
    assert release(desk, "three") == one
    with _held(desk.directory / "three"):
        assert desk.run("export", str(desk.directory / "three")).exit_code == BUSY
    assert release(desk, "one") == one, "written over"


def test_vendors_text_is_no_formula(desk: Desk) -> None:
    attack = update("u1", "10:00", "investigating", '=HYPERLINK("http://evil.example","See")', *BOTH)
    shown = payload(attack)
    shown["incidents"][0]["name"] = "+1+cmd|' /C calc'!A0"
    desk.good("import", str(desk.lines(line("2026-03-01T10:02:00Z", shown))))
    files = release(desk, "release")
    assert b"\"'=HYPERLINK" in files["updates.csv"]
    assert b"'+1+cmd" in files["incidents.csv"]
    for name, text in files.items():
        assert b",=" not in text, name
        assert b",+" not in text, name


def test_a_release_that_cannot_be_written(desk: Desk) -> None:
    below = desk.lines() / "release"
    refused(desk.run("export", str(below)), "cannot be written", str(below))
