"""The archive depends on its captures alone: not on how often, in what pieces or how rudely they came."""

from __future__ import annotations

import json
import lzma
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any

import msgspec
import pytest

from crawler.archive import Archive, MissingCapturesError
from crawler.captures import Captures
from crawler.captures.imports import from_lines
from crawler.catalog import Catalog, Source, Vendor, load
from crawler.database import connect
from crawler.records import Capture
from crawler.schema import VIEWS, make_views, migrations

ROOT = Path(__file__).parent.parent


def dump(data: Path) -> dict[str, list[Any]]:
    """Every table of the archive, without the numbers that captures.db gave the captures."""
    with sqlite3.connect(data / "outages.db") as conn:
        names = [
            n
            for (n,) in conn.execute(
                "select name from sqlite_master where type = 'table' and name not like '%sqlite%' and name not like '%fts_%'"
            )
        ]
        found = {name: sorted(conn.execute(f"select * from [{name}]").fetchall(), key=repr) for name in names}
    assert found["incidents"]
    return found


def incident(key: str, hour: int, *texts: str, resolved: bool = False) -> dict[str, Any]:
    """A Statuspage incident of 2026-02-01 with an update every ten minutes from that hour on."""
    times = [f"2026-02-01T{hour:02}:{10 * n:02}:00.000Z" for n in range(len(texts))]
    updates = [
        {"id": f"{key[:8]}u{n:03}", "status": "resolved" if resolved and n == len(texts) - 1 else "investigating",
         "body": text, "incident_id": key, "created_at": at, "updated_at": at, "display_at": at,
         "deliver_notifications": True, "affected_components": None}
        for n, (text, at) in enumerate(zip(texts, times, strict=True))
    ]  # fmt: skip
    return {
        "id": key, "name": f"Trouble {key}", "status": updates[-1]["status"], "impact": "minor", "created_at": times[0],
        "updated_at": times[-1], "started_at": times[0], "monitoring_at": None,
        "resolved_at": times[-1] if resolved else None, "shortlink": "https://stspg.io/y", "page_id": "ppppqqqqrrrr",
        "incident_updates": updates[::-1], "components": [], "reminder_intervals": None,
    }  # fmt: skip


def lines() -> list[str]:
    """A day of a page: incidents begin, go on, are edited, vanish and come back; a body is broken now and then."""
    rng = random.Random(7)
    keys = [f"{letter * 11}{number}" for letter in "bcdfgh" for number in range(4)]
    made = []
    for step in range(240):
        hour = step // 10
        shown = []
        for number, key in enumerate(keys):
            if number > hour:
                continue
            said = [
                f"Message {n} of {key}" + (" (corrected)" if step > 200 and n == 0 else "")
                for n in range(min(5, step % 10 + 1))
            ]
            if not (key.startswith("c") and 120 < step < 140):
                shown.append(incident(key, number, *said, resolved=hour > number))
        page = {"page": {"id": "ppppqqqqrrrr", "name": "GitHub", "url": "https://www.githubstatus.com",
                         "time_zone": "Etc/UTC", "updated_at": "2026-02-01T00:00:00Z"}, "incidents": shown}  # fmt: skip
        body = "<html>" if rng.random() < 0.05 else json.dumps(page)
        at = f"2026-02-{1 + step // 144:02}T{step % 144 // 6:02}:{step % 6 * 10:02}:30Z"
        made.append(json.dumps({"source": "github-incidents", "url": "https://www.githubstatus.com/api/v2/incidents.json",
                                "fetched_at": at, "status": 200, "body": body}))  # fmt: skip
    return made


def write(path: Path, some: list[str]) -> Path:
    path.write_text("".join(line + "\n" for line in some))
    return path


@cache
def vendors() -> list[Vendor]:
    """Those that ship with a list of their services: a few of many."""
    return [vendor for vendor in load().vendors.values() if vendor.services]


def listed() -> Catalog:
    """A catalog of these, made anew: an archive adds to its own."""
    return Catalog(vendors())


def take(data: Path, *files: Path, by_hand: bool = False) -> None:
    """Import files as one command does; without most of what ships, which takes longer than the files."""
    catalog = load() if by_hand else listed()
    captures = Captures(data / "captures.db")
    archive = Archive(data / "outages.db", catalog, **({} if by_hand else {"incidents": data}))
    for file in files:
        items = list(from_lines(file, catalog, None))
        captures.add(item for item in items if isinstance(item, Capture))
    archive.catch_up(captures)
    captures.close()
    archive.close()


@pytest.fixture(scope="module")
def day() -> list[str]:
    return lines()


@pytest.fixture(scope="module")
def whole(day: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    data = tmp_path_factory.mktemp("whole")
    take(data, write(data / "day.jsonl", day))
    return dump(data)


@pytest.fixture(scope="module")
def shipped(day: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The same beside what ships, as commands make it."""
    data = tmp_path_factory.mktemp("shipped")
    take(data, write(data / "day.jsonl", day), by_hand=True)
    return dump(data)


def test_what_the_day_holds(whole: dict[str, list[Any]]) -> None:
    fields = {row[5] for row in whole["revisions"]}
    assert {"vanished", "returned", "update text"} <= fields
    assert {row[4] for row in whole["polls"]} == {"new", "same", "unreadable"} or {"new", "unreadable"} <= {
        row[4] for row in whole["polls"]
    }


def test_twice(day: list[str], whole: dict[str, list[Any]], tmp_path: Path) -> None:
    file = write(tmp_path / "day.jsonl", day)
    take(tmp_path, file)
    take(tmp_path, file)
    assert dump(tmp_path) == whole


@pytest.mark.parametrize("cut", [1, 77, 239])
def test_in_two_parts(day: list[str], whole: dict[str, list[Any]], tmp_path: Path, cut: int) -> None:
    take(tmp_path, write(tmp_path / "a.jsonl", day[:cut]))
    take(tmp_path, write(tmp_path / "b.jsonl", day[cut:]))
    assert dump(tmp_path) == whole


def without_numbers(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Captures that came in another order have other numbers; nothing else may differ."""
    found = {**found, "polls": sorted(row[:6] + row[7:] for row in found["polls"])}
    return {**found, "pages": [row[:3] + row[4:] for row in found["pages"]]}


def test_the_later_half_first(day: list[str], whole: dict[str, list[Any]], tmp_path: Path) -> None:
    take(tmp_path, write(tmp_path / "b.jsonl", day[120:]))
    take(tmp_path, write(tmp_path / "a.jsonl", day[:120]))
    assert without_numbers(dump(tmp_path)) == without_numbers(whole)


def test_rebuilt(day: list[str], whole: dict[str, list[Any]], tmp_path: Path) -> None:
    take(tmp_path, write(tmp_path / "day.jsonl", day))
    captures = Captures(tmp_path / "captures.db")
    archive = Archive(tmp_path / "outages.db", listed(), tmp_path)
    archive.rebuild(captures)
    assert dump(tmp_path) == whole


def test_killed_and_started_again(day: list[str], shipped: dict[str, list[Any]], tmp_path: Path) -> None:
    file = write(tmp_path / "day.jsonl", day)
    command = [sys.executable, "-m", "crawler", "import", str(file), "--data", str(tmp_path)]
    rng = random.Random(11)
    began = time.monotonic()
    subprocess.run([*command[:-1], str(tmp_path / "timing")], cwd=ROOT, check=True, capture_output=True)
    length = time.monotonic() - began
    for _ in range(3):
        victim = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3 * length, length))
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert dump(tmp_path) == shipped


def test_a_replay_in_pieces_is_the_replay(shared: Path, tmp_path: Path) -> None:
    with lzma.open(shared / "replay" / "github-history-atom.jsonl.xz", "rt") as stream:
        some = [line.rstrip("\n") for number, line in enumerate(stream) if number % 12 == 0]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    take(tmp_path / "one", write(tmp_path / "all.jsonl", some))
    for number, part in enumerate((some[:50], some[50:51], some[51:])):
        take(tmp_path / "two", write(tmp_path / f"{number}.jsonl", part))
    assert dump(tmp_path / "one") == dump(tmp_path / "two")
    captures = Captures(tmp_path / "two" / "captures.db")
    Archive(tmp_path / "two" / "outages.db", listed(), tmp_path).rebuild(captures)
    assert dump(tmp_path / "one") == dump(tmp_path / "two")


def looked(at: str, *keys: str, broken: str | None = None, source: str = "github-incidents") -> str:
    """A look at a page that shows these incidents; `broken` is shown in a way that cannot be read."""
    shown: list[dict[str, Any]] = [incident(key, 1, "It fails.") for key in keys]
    if broken:
        shown.append({"id": broken, "name": 5})
    page = {"page": {"id": "ppppqqqqrrrr", "name": "GitHub", "url": "https://www.githubstatus.com",
                     "time_zone": "Etc/UTC", "updated_at": "2026-02-01T00:00:00Z"}, "incidents": shown}  # fmt: skip
    url = "https://www.githubstatus.com/api/v2/incidents.json"
    return json.dumps({"source": source, "url": url, "fetched_at": at, "status": 200, "body": json.dumps(page)})


ONE, TWO = "bbbbbbbbbbb1", "bbbbbbbbbbb2"


def vanished(data: Path) -> list[str]:
    with sqlite3.connect(data / "outages.db") as conn:
        return [key for (key,) in conn.execute("select key from incidents where vanished_at is not null order by key")]


def test_an_absence_that_proves_nothing_is_judged_by_the_next_look(tmp_path: Path) -> None:
    days = [f"2026-02-0{day}T10:00:00Z" for day in range(1, 5)]
    story = [looked(days[0], ONE, TWO), looked(days[1], TWO, broken=ONE), looked(days[2]), looked(days[3], TWO)]
    take(tmp_path, write(tmp_path / "a.jsonl", story))
    assert vanished(tmp_path) == [ONE]


def test_who_is_seen_again_elsewhere_has_not_vanished(tmp_path: Path) -> None:
    other = looked("2026-02-01T10:00:00Z", ONE, TWO, source="github-summary").replace("incidents.json", "other.json")
    again = json.dumps({**json.loads(other), "fetched_at": "2026-02-03T10:00:00Z"})
    first = [other, looked("2026-02-01T10:00:00Z", ONE, TWO), looked("2026-02-02T10:00:00Z", TWO)]
    take(tmp_path, write(tmp_path / "a.jsonl", first))
    assert vanished(tmp_path) == [ONE]
    take(tmp_path, write(tmp_path / "b.jsonl", [again]))
    assert vanished(tmp_path) == []


def test_a_date_nobody_thought_of_costs_nothing_else(tmp_path: Path) -> None:
    odd = looked("2026-02-01T10:00:00Z", ONE, TWO).replace("2026-02-01T01:00:00.000Z", "0001-01-01T00:00:00Z", 3)
    take(
        tmp_path,
        write(tmp_path / "a.jsonl", [odd, looked("2026-02-02T10:00:00Z", TWO), looked("0999-03-01T00:00:00Z", TWO)]),
    )
    with sqlite3.connect(tmp_path / "outages.db") as conn:
        assert (TWO,) in conn.execute("select key from incidents").fetchall()


def test_commands_at_the_same_time_do_no_harm(tmp_path: Path, day: list[str], shipped: dict[str, list[Any]]) -> None:
    catalog = load()
    captures = Captures(tmp_path / "captures.db")
    captures.add(i for i in from_lines(write(tmp_path / "day.jsonl", day), catalog, None) if isinstance(i, Capture))
    captures.close()
    command = [sys.executable, "-m", "crawler", "sources", "--data", str(tmp_path)]
    running = []
    for _ in range(3):
        running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        time.sleep(0.4)
    for process in running:
        assert process.wait(60) == 0, process.communicate()
    assert dump(tmp_path) == shipped


def test_opened_for_the_first_time_by_several_at_once(tmp_path: Path) -> None:
    """Whoever comes second waits, and finds all tables and views made."""
    for number in range(5):
        together = Barrier(6)

        def opened(path: Path = tmp_path / f"{number}.db", together: Barrier = together) -> int:
            together.wait(30)
            db = connect(path, migrations)
            make_views(db)
            views = len(db.view_names())
            db.conn.close()
            return views

        with ThreadPoolExecutor(6) as pool:
            assert [done.result() for done in [pool.submit(opened) for _ in range(6)]] == [len(VIEWS)] * 6


def test_captures_put_back_to_an_earlier_state(tmp_path: Path) -> None:
    take(tmp_path, write(tmp_path / "a.jsonl", [looked("2026-02-01T10:00:00Z", ONE)]))
    kept = (tmp_path / "captures.db").read_bytes()
    take(
        tmp_path,
        write(tmp_path / "b.jsonl", [looked("2026-02-02T10:00:00Z", ONE), looked("2026-02-03T10:00:00Z", ONE)]),
    )
    for left in tmp_path.glob("captures.db*"):
        left.unlink()
    (tmp_path / "captures.db").write_bytes(kept)
    take(tmp_path, write(tmp_path / "c.jsonl", [looked("2026-02-04T10:00:00Z", ONE, TWO)]))
    with sqlite3.connect(tmp_path / "outages.db") as conn:
        assert (TWO,) in conn.execute("select key from incidents").fetchall()


def test_what_an_earlier_version_derived_is_derived_anew(
    day: list[str], whole: dict[str, list[Any]], tmp_path: Path
) -> None:
    take(tmp_path, write(tmp_path / "day.jsonl", day))
    with sqlite3.connect(tmp_path / "outages.db") as conn:
        conn.execute("update meta set value = '1' where key = 'derivation'")
        conn.execute("delete from outages")
        conn.execute("update versions set before_at = null")
    take(tmp_path, write(tmp_path / "none.jsonl", []))
    assert dump(tmp_path) == whole


def test_without_its_captures_it_is_not_made_again(day: list[str], tmp_path: Path) -> None:
    """A new version of the project, and captures.db was left behind: rows that cannot be derived are kept."""
    take(tmp_path, write(tmp_path / "day.jsonl", day[:20]))
    with sqlite3.connect(tmp_path / "outages.db") as conn:
        conn.execute("update meta set value = '1' where key = 'derivation'")
    before = dump(tmp_path)
    for left in tmp_path.glob("captures.db*"):
        left.unlink()
    for command in ("sources", "rebuild"):
        done = subprocess.run(
            [sys.executable, "-m", "crawler", command, "--data", str(tmp_path)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "was made from 20 looks of github-incidents, and" in done.stderr
        assert "Traceback" not in done.stderr
    assert dump(tmp_path) == before


def test_what_captures_do_not_hold_is_not_read_again(day: list[str], tmp_path: Path) -> None:
    """Nor by an older capture that arrives, nor by a change of the catalog, nor beside captures of another source."""
    take(tmp_path, write(tmp_path / "day.jsonl", day[10:20]))
    before = dump(tmp_path)
    for left in tmp_path.glob("captures.db*"):
        left.unlink()
    with pytest.raises(MissingCapturesError, match=r"10 looks of github-incidents.* holds 5:"):
        take(tmp_path, write(tmp_path / "older.jsonl", day[:5]))
    captures = Captures(tmp_path / "captures.db")
    other = next(from_lines(write(tmp_path / "one.jsonl", day[30:31]), load(), None))
    assert isinstance(other, Capture)
    captures.add(
        msgspec.structs.replace(other, source="github-summary", fetched_at=other.fetched_at + timedelta(hours=n))
        for n in range(20)
    )
    with pytest.raises(MissingCapturesError):
        Archive(tmp_path / "outages.db", listed(), tmp_path).rebuild(captures)
    with pytest.raises(MissingCapturesError):
        Archive(tmp_path / "outages.db", catalogs()["in another zone"], tmp_path).catch_up(captures)
    captures.close()
    assert dump(tmp_path) == before


def catalogs() -> dict[str, Catalog]:
    """The same page, named in several ways."""
    (github,) = (vendor for vendor in vendors() if vendor.id == "github")
    sources = {source.id: source for source in github.sources}
    page = sources["github-incidents"]

    def named(*some: Source) -> Catalog:
        return Catalog([msgspec.structs.replace(github, sources=some)])

    return {
        "whole": named(*github.sources),
        "without the source": named(sources["github-summary"]),
        "without the vendor": Catalog([]),
        "asked less often": named(msgspec.structs.replace(page, every="1h")),
        "in another zone": named(msgspec.structs.replace(page, timezone="Asia/Tokyo")),
        "with a service renamed": Catalog(
            [msgspec.structs.replace(github, services=[msgspec.structs.replace(s, id=f"{s.id}-x") for s in github.services])]
        ),
    }  # fmt: skip


@pytest.mark.parametrize("other", list(catalogs()))
def test_after_a_change_of_the_catalog_it_is_as_if_it_had_always_been_so(
    day: list[str], tmp_path: Path, other: str
) -> None:
    file = write(tmp_path / "day.jsonl", day[:80])
    captures = Captures(tmp_path / "captures.db")
    captures.add(item for item in from_lines(file, load(), None) if isinstance(item, Capture))

    def tables(path: Path, *names: str) -> dict[str, list[Any]]:
        for name in names:
            archive = Archive(path, catalogs()[name], tmp_path)  # none written by hand
            report = archive.catch_up(captures)
            lost = [kind for _, kind, _, _ in report.signals if kind == "unknown-source"]
            assert bool(lost) == (name in ("without the source", "without the vendor"))
            archive.close()
        with sqlite3.connect(path) as conn:
            some = conn.execute(
                """select name from sqlite_master where type = 'table' and name <> '_sqlite_migrations'
                and name not like '%fts_%'"""
            )
            return {name: conn.execute(f"select * from [{name}] order by 1, 2").fetchall() for (name,) in some}

    expected = tables(tmp_path / "always.db", other)
    assert tables(tmp_path / "since.db", "whole", other) == expected
    assert tables(tmp_path / "again.db", other, "whole") == tables(tmp_path / "first.db", "whole")
    captures.close()


def test_what_another_process_adds_meanwhile_is_read_by_the_next_run(day: list[str], tmp_path: Path) -> None:
    items = [i for i in from_lines(write(tmp_path / "day.jsonl", day[:80]), load(), None) if isinstance(i, Capture)]
    captures, other = Captures(tmp_path / "captures.db"), Captures(tmp_path / "captures.db")
    archive = Archive(tmp_path / "outages.db", load(), tmp_path)
    captures.add(items[:70])

    def add(done: int, total: int) -> None:
        other.add(items[70:])

    archive.catch_up(captures, add)
    assert archive.catch_up(captures).outcomes.total() == 10
    archive.close()
    captures.close()
    other.close()
