"""Imports killed at random moments, then compared with one that was left alone.

    python bench/kill.py FILE.jsonl[.xz] [--kills 200] [--lines N] [--seed 1] [--polls]

An import is started and ended by SIGKILL after a random time, again and again on the same archive; when one
finishes, the archive is compared and the next begins anew. At the end the last one is finished in peace. Every
archive must hold the same captures and the same rows in every table as an undisturbed import, and
`captures verify` must find nothing. After every kill all that was committed before must still be readable.
`--polls` adds one capture at a time, as polls do, so that packing is under way at many of the moments.
Exits with 1 at the first difference.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from crawler.captures import Captures
from crawler.records import Capture

ROOT = Path(__file__).parent.parent


def work(file: Path, data: Path, polls: bool) -> None:
    """What is killed: `outages import`, or the same with each capture by itself."""
    if not polls:
        os.execv(sys.executable, [sys.executable, "-m", "crawler", "import", str(file), "--data", str(data)])
    from crawler.archive import Archive
    from crawler.captures.imports import from_lines
    from crawler.catalog import load

    catalog = load()
    captures = Captures(data / "captures.db")
    for item in from_lines(file, catalog, None):
        if isinstance(item, Capture):
            captures.add([item])
    Archive(data / "outages.db", catalog).catch_up(captures)


def rows(data: Path) -> dict[str, list[Any]]:
    """Every table of the archive."""
    with sqlite3.connect(data / "outages.db") as conn:
        names = "select name from sqlite_master where type = 'table' and name not like '%sqlite%' and name not like '%fts_%' order by name"
        found = {name: sorted(conn.execute(f"select * from [{name}]").fetchall(), key=repr)
                 for (name,) in conn.execute(names).fetchall()}  # fmt: skip
    conn.close()
    return found


def kept(data: Path) -> list[Capture]:
    """Every capture, read through its chain; an AssertionError when one is damaged."""
    captures = Captures(data / "captures.db")
    found = [capture for _, capture, _ in captures.read(seq for seq, _, _ in captures.pending(0))]
    damaged = captures.verify(lambda *_: None).damaged
    captures.close()
    assert not damaged, damaged
    return found


def differences(data: Path, expected: dict[str, list[Any]], captures: list[Capture]) -> list[str]:
    """What is not as in the undisturbed archive."""
    found = rows(data)
    wrong = [f"{name}: {len(found.get(name, []))} rows for {len(some)}, {len(set(map(repr, some)) ^ set(map(repr, found.get(name, []))))} differ"
             for name, some in expected.items() if found.get(name) != some]  # fmt: skip
    wrong += [f"{name}: not in the undisturbed archive" for name in set(found) - set(expected)]
    return wrong + ([] if kept(data) == captures else ["captures differ"])


def main() -> None:
    """Kill, compare, count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--lines", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--polls", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        work(chosen.file, chosen.child, chosen.polls)
        return
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(ordeal(chosen, Path(scratch)))


def ordeal(chosen: argparse.Namespace, scratch: Path) -> int:
    """0 when every archive was as it should be."""
    file = shortened(chosen.file, chosen.lines, scratch) if chosen.lines else chosen.file.resolve()
    polls = ["--polls"] if chosen.polls else []

    def begin(data: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, __file__, str(file), "--child", str(data), *polls]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)

    began = time.monotonic()
    assert begin(scratch / "whole").wait() == 0
    length = time.monotonic() - began
    expected, captures = rows(scratch / "whole"), kept(scratch / "whole")
    rng, counts, data, before = random.Random(chosen.seed), Counter[str](), scratch / "0", 0
    while counts["kills"] < chosen.kills:
        child = begin(data)
        try:
            child.wait(rng.uniform(0.3, 1.1) * length)  # the first third of a run opens nothing
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
        if child.wait() == -signal.SIGKILL:
            counts["kills"] += 1
            before = survived(data, before, captures, expected, counts)
            continue
        assert child.returncode == 0, f"the import ended with {child.returncode}"
        if wrong := differences(data, expected, captures):
            print("\n".join(wrong))
            return 1
        counts["archives finished"] += 1
        shutil.rmtree(data)
        data, before = scratch / str(counts["kills"]), 0
    assert begin(data).wait() == 0
    wrong = differences(data, expected, captures)
    counts["archives finished"] += 1
    print("\n".join(wrong) or f"{len(captures)} captures, {sum(map(len, expected.values()))} rows in {len(expected)} "
          f"tables, {length:.1f} s undisturbed; " + ", ".join(f"{n} {what}" for what, n in counts.items())
          + "; every archive is the same")  # fmt: skip
    return 1 if wrong else 0


def survived(
    data: Path, before: int, captures: list[Capture], expected: dict[str, list[Any]], counts: Counter[str]
) -> int:
    """How many captures are there after a kill: the first ones, all whole, and no fewer than there were."""
    if not (data / "captures.db").exists():
        counts["before the first file"] += 1
        return 0
    found = kept(data)
    assert found == captures[: len(found)], "captures are not the first ones of the file"
    assert len(found) >= before, f"{before - len(found)} captures are gone"
    polled = 0
    if (data / "outages.db").exists():
        with sqlite3.connect(data / "outages.db") as conn:
            assert conn.execute("pragma quick_check").fetchone() == ("ok",)
            if conn.execute("select 1 from sqlite_master where name = 'polls'").fetchone():
                (polled,) = conn.execute("select count(*) from polls").fetchone()
        conn.close()
    if len(found) < len(captures):
        counts["while captures were added"] += 1
    elif polled < len(expected["polls"]):
        counts["while they were read"] += 1
    else:
        counts["after that"] += 1
    return len(found)


def shortened(file: Path, lines: int, scratch: Path) -> Path:
    """The first lines of a file of captures."""
    from crawler.captures.lines import BadLine, read, write

    short = scratch / "short.jsonl"
    with short.open("wb") as out:
        for item, _ in zip(read(file), range(lines), strict=False):
            assert not isinstance(item, BadLine), item
            out.write(write(item))
    return short


if __name__ == "__main__":
    main()
