"""What is wrong with the watching: sources that fail, are silent, or show what nobody has seen there before.

The view `health` has a row for each polled source; here its rows become findings, of which the serious need a person.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from crawler.catalog import Source
from crawler.coverage import SLACK
from crawler.database import dicts
from crawler.records import Capture, Unreadable, instant, stamp

#: What was seen for the first time within this time is news; older things have been looked at.
RECENT = timedelta(days=7)
#: Looks that fail one after the other before somebody has to see to it: most failures pass. A page that cannot be read
#: does not pass.
FAILURES = 3
#: Silence is odd when it is so many times the longest between two changes ...
ODDLY = 2
#: ... of the last ones, where there are so many.
CHANGES = 8
#: Readers that take whatever has the shape of a feed are asked last.
_LENIENT = "feed"


class Finding(NamedTuple):
    """One thing to look at. Serious: it needs a person, as a rule because the source is not being read."""

    source: str
    problem: str
    serious: bool
    kind: str


def findings(conn: sqlite3.Connection, now: datetime, catalog: Mapping[str, Source] | None = None) -> list[Finding]:
    """All findings, the serious first. `catalog`, sources by id, tells which of them lack a key."""
    found: list[Finding] = []
    newest: str | None = None
    for row in dicts(conn).execute("select * from health order by source"):
        newest = max(newest or "", row["last_look_at"] or "") or None
        found += _of(row, now, (catalog or {}).get(row["source"]))
    found += _signals(conn, now)
    stale = [finding for finding in found if finding.kind == "not-asked"]
    if newest and len(stale) > 1 and len(stale) == sum(f.kind in ("not-asked", "failing") for f in found):
        asked = conn.execute("select count(*) from sources where polled and last_polled_at is not null").fetchone()[0]
        if len(stale) == asked:
            found.append(Finding("all sources", f"nobody has asked any since {newest}", True, "stopped"))
    return sorted(found, key=lambda finding: not finding.serious)


def _of(row: Mapping[str, Any], now: datetime, known: Source | None) -> Iterator[Finding]:
    """What is wrong with one source. What fails is not said to be silent, too."""
    source, at = row["source"], row["last_look_at"]
    if known and known.lacks:
        yield Finding(source, f"not asked: {', '.join(known.lacks)} not set", False, "lacks-key")
        return
    if not row["verified"]:
        yield Finding(source, "its reader has not been tried on a real answer of it", False, "unverified")
    if at is None:
        yield Finding(source, "never asked", False, "never-asked")
        return
    failing = row["failures"] > 0
    if failing:
        problem = f"{row['last_outcome']} at {at} ({row['last_error']}); {row['failures']} times since "
        problem += f"{row['failing_since']}; last read {row['last_read_at'] or 'never'}"
        if row["looks_like"]:
            problem += f"; it looks like {row['looks_like']} now"
        serious = row["last_outcome"] == "unreadable" or row["failures"] >= FAILURES or bool(row["looks_like"])
        yield Finding(source, problem, serious, "failing")
    elif row["failing_addresses"]:
        yield Finding(
            source, f"{row['failing_addresses']} of its addresses: {row['last_error']}", False, "partly-failing"
        )
    if row["no_items_at"]:
        yield Finding(
            source, f"shows nothing since {row['no_items_at']}, where there was always something", True, "no-items"
        )
    if now - instant(at) > SLACK * timedelta(seconds=row["interval_seconds"]) and not failing:
        yield Finding(source, f"not asked since {at}", False, "not-asked")
    elif not failing and row["changes"] >= CHANGES:
        silent = now - instant(row["last_change_at"])
        usual = timedelta(minutes=row["longest_minutes"])
        if silent > ODDLY * usual:
            problem = f"unchanged since {row['last_change_at']}; the last {row['changes']} changes came within "
            yield Finding(source, f"{problem}{_length(usual)} of each other", False, "silent")


def _length(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return (
        f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
    )


def _signals(conn: sqlite3.Connection, now: datetime) -> Iterator[Finding]:
    """What was not understood and is new; what the rows of `health` tell is left out."""
    for source, kind, place, detail, count, first, last in conn.execute(
        """select source, kind, place, detail, count, first_seen_at, last_seen_at from signals
        where first_seen_at > ? and kind not in ('no-items', 'looks-like') order by source, kind, place, detail""",
        (stamp(now - RECENT),),
    ):
        times = f"{count} times since {first}" if count > 1 else f"at {last}"
        yield Finding(source, f"{kind} {place}: {detail} ({times})", False, "not-understood")


def looks_like(capture: Capture, source: Source) -> list[str]:
    """Platforms whose marks are in a body that the source's own reader refuses, or whose readers find something in it."""
    from spiders import PLATFORMS, platform

    body = capture.body or b""
    html = body[:200_000].decode(errors="replace") if b"<html" in body[:2000].lower() else ""
    others = sorted((name for name in PLATFORMS if name != source.platform), key=lambda name: (name == _LENIENT, name))
    marked = [name for name in others if html and any(re.search(mark, html) for mark in platform(name).html)]
    read = []
    for name in others:
        try:
            page = platform(name).read(capture, source)
        except Unreadable:
            continue
        except Exception:  # what a reader makes of another platform's body is no mistake of it
            continue
        if page.incidents or page.components:
            read.append(name)
    if len(read) > 1 and _LENIENT in read:
        read.remove(_LENIENT)
    return [name for name in marked if name in read] or read or marked
