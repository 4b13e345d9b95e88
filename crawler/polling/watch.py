"""`outages watch`: rounds one after the other, each in a process of its own, and what they changed.

A process a round is simple and robust: Scrapy's reactor starts once in a process, memory is clean, and a round that
dies is only a round.
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from crawler.records import OVER

#: A round that takes longer hangs.
PATIENCE = 1800.0


class Shown(NamedTuple):
    """What the archive says of an incident, as far as a change of it is news."""

    vendor: str
    title: str
    kind: str
    severity: str | None
    state: str | None
    ended_at: str | None
    vanished_at: str | None
    updates: int


def shown(path: Path) -> dict[str, Shown]:
    """All incidents of `outages.db`, by id."""
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as conn:
        rows = conn.execute(
            """select i.id, vendor, title, kind, severity, state, ended_at, vanished_at,
            (select count(*) from updates u where u.incident = i.id and u.removed_at is null) from incidents i"""
        )
        return {row[0]: Shown(*row[1:]) for row in rows}


def news(before: dict[str, Shown], after: dict[str, Shown]) -> list[str]:
    """What changed, a line each: new incidents first, then ended, vanished and otherwise changed ones."""
    told: list[tuple[int, str]] = []
    for key, now in after.items():
        was = before.get(key)
        if was == now:
            continue
        over = now.state in OVER or now.ended_at is not None
        if was is None:
            order, what = 0, "new"
        elif over and was.state not in OVER and was.ended_at is None:
            order, what = 1, "ended"
        elif now.vanished_at and not was.vanished_at:
            order, what = 2, "vanished"
        else:
            order, what = 3, "changed"
        words = " ".join(word for word in (now.state, now.severity) if word)
        told.append((order, f"{what:8} {now.vendor}: {now.title} ({words or now.kind}) {key}"))
    told += [(4, f"{'gone':8} {was.vendor}: {was.title} {key}") for key, was in before.items() if key not in after]
    return [line for _, line in sorted(told)]


def run(options: Sequence[str], path: Path, every: float, most: int | None, tell: Callable[[str], None]) -> None:
    """Rounds until Ctrl-C (or SIGTERM, or SIGHUP: no round is left behind), or so many. `options` are those of `outages poll`; `path` is that of outages.db."""
    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, signal.default_int_handler)
    before = shown(path)
    done = 0
    with contextlib.suppress(KeyboardInterrupt):
        while most is None or done < most:
            began = time.monotonic()
            problem = _round(options)
            after = shown(path)
            clock = f"{datetime.now().astimezone():%H:%M:%S}"
            for line in news(before, after):
                tell(f"{clock} {line}")
            if problem:
                tell(f"{clock} {problem}")
            before, done = after, done + 1
            if most is None or done < most:
                # The clock stands still while the machine is suspended: what is left of the minute is waited after.
                time.sleep(max(0.0, began + every - time.monotonic()))


def _round(options: Sequence[str]) -> str | None:
    """One round. Returns what is to be said of it, if anything. Ctrl-C lets it keep what has come, and ends it."""
    command = [sys.executable, "-m", "crawler", "poll", "--json", *options]
    # In a session of its own, or Ctrl-C on the terminal would reach it as well.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            _, errors = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            return f"a round took more than {PATIENCE:.0f} s and was ended"
        except KeyboardInterrupt:
            child.send_signal(signal.SIGTERM)  # Scrapy ends with the answers it has
            with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                child.wait(10)
            child.kill()
            raise
    said = [line for line in errors.strip().splitlines() if line.strip()]
    return f"the round ended with {child.returncode}: {said[-1]}" if child.returncode not in (0, 3) and said else None
