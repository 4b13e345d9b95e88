"""A week of rounds under a fake clock against a local server, then an hour of them with Scrapy itself.

    .venv/bin/python bench/week.py [--days 7] [--minutes 60]

In the week every part but Scrapy is real: the plan of each minute, the requests, captures.db, the archive that the
next plan is made from. A start of Scrapy takes a second, so it does an hour of it: `outages poll --at`, once a minute. One
vendor has an outage of six hours, one is dead for twelve, one is never seen changing; a record is asked for when it
is due. Printed are the looks at each page and the longest waits, beside what the rules say; the end is 1 when a page
was asked too often, too seldom, or a host without its pause.
"""

from __future__ import annotations

import argparse
import http.client
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from crawler.archive import Archive  # noqa: E402
from crawler.captures import Captures  # noqa: E402
from crawler.catalog import Catalog, Source, load  # noqa: E402
from crawler.platform import Ask  # noqa: E402
from crawler.polling import rounds, schedule  # noqa: E402
from crawler.records import Capture  # noqa: E402
from spiders import platform  # noqa: E402
from tests.stage import Stage, stage  # noqa: E402

T0 = datetime(2026, 3, 2, tzinfo=UTC)
OUTAGE = T0 + timedelta(days=1), T0 + timedelta(days=1, hours=6)
DEATH = T0 + timedelta(days=3), T0 + timedelta(days=3, hours=12)
EVERY = {"v0-incidents": "5m", "v0-summary": "2m", "v1-incidents": "5m", "v1-other": "5m", "v2-incidents": "15m",
         "v3-incidents": "1h", "v4-incidents": "10m", "v4-other": "1m"}  # fmt: skip
OUT, DEAD = ("v0-incidents", "v0-summary"), ("v1-incidents", "v1-other")
DELAY = 1.0
#: What a connection and a busy machine may take between sending and arriving.
NOISE = 0.3


def catalog(directory: Path, port: int) -> Catalog:
    """A file a vendor; each vendor is a host, and its pages share the host's pauses."""
    directory.mkdir()
    for vendor in sorted({name.split("-")[0] for name in EVERY}):
        lines = [f"id: {vendor}", f"name: {vendor}", "homepage: https://v.example", "sources:"]
        lines += [
            f"  - {{id: {name}, platform: statuspage, every: {every}, delay: {DELAY}, url: 'http://127.0.0.{1 + int(vendor[1:])}:{port}/{name}.json'}}"
            for name, every in EVERY.items()
            if name.startswith(vendor)
        ]
        (directory / f"{vendor}.yml").write_text("\n".join(lines) + "\n")
    return load(directory)


def page(open_at: datetime | None, over_at: datetime | None) -> dict[str, Any]:
    """What a page shows: nothing, or one incident."""
    from tests.test_polling import payload, update

    if open_at is None:
        return payload()
    posts = [update("u1", "00:00", "investigating", "Requests fail.")]
    if over_at:
        posts.append(update("u2", "06:00", "resolved", "This is over."))
    shown = payload(*posts)
    for post, at in zip(reversed(posts), (over_at, open_at) if over_at else (open_at,), strict=True):
        post["created_at"] = post["updated_at"] = post["display_at"] = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    (incident,) = shown["incidents"]
    incident["created_at"] = incident["started_at"] = f"{open_at:%Y-%m-%dT%H:%M:%S}.000Z"
    incident["updated_at"] = posts[-1]["updated_at"]
    incident["resolved_at"] = over_at and f"{over_at:%Y-%m-%dT%H:%M:%S}.000Z"
    return shown


def set_the_stage(server: Stage, now: datetime) -> None:
    """What is to be seen at that time."""
    for name in EVERY:
        if name in OUT and now >= OUTAGE[0]:
            shown = page(OUTAGE[0], OUTAGE[1] if now >= OUTAGE[1] else None)
            server.show(f"/{name}.json", shown)
            server.show("/incidents/bcdfghjklmnp.json", {"page": shown["page"], **shown["incidents"][0]})
        elif name in DEAD and DEATH[0] <= now < DEATH[1]:
            server.show(f"/{name}.json", "", status=500)
        else:
            server.show(f"/{name}.json", page(None, None))


def ask(source: Source, wanted: Ask, headers: dict[str, str], now: datetime) -> Capture:
    """One request, without Scrapy."""
    parts = urlsplit(wanted.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    connection.request("GET", parts.path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    named = {name.lower(): value for name, value in answer.getheaders()}
    return Capture(
        source=source.id, url=wanted.address, fetched_at=now, status=answer.status, headers=named,
        body=None if answer.status == 304 else body, milliseconds=1,
    )  # fmt: skip


def week(scratch: Path, days: float) -> list[str]:
    """All of it but Scrapy. Returns what was not as it should be."""
    with stage(host="0.0.0.0") as server:
        known = catalog(scratch / "catalog", int(server.url.rpartition(":")[2]))
        (scratch / "incidents").mkdir()
        captures = Captures(scratch / "captures.db")
        archive = Archive(scratch / "outages.db", known, scratch / "incidents")
        captures.conn.execute("pragma synchronous = off")  # the disk is not what is simulated
        archive.availability.measure = lambda: None  # type: ignore[method-assign]  # nor how well each month was watched
        looks: dict[str, list[datetime]] = defaultdict(list)
        records: list[datetime] = []
        planned = read = 0.0
        for minute in range(int(days * 24 * 60)):
            now = T0 + timedelta(minutes=minute)
            if now in (T0, *OUTAGE, *DEATH):
                set_the_stage(server, now)
            began = time.process_time()
            due = rounds.plan(captures, archive.conn, known.sources.values(), now)
            planned += time.process_time() - began
            for source in due.sources:
                looks[source.id].append(now)
            records += [now for _ in due.records]
            asks = [(s, a) for s in due.sources for a in platform(s.platform).addresses(s, now)] + due.records
            captures.add(ask(s, a, captures.validators(s.id, a.address), now) for s, a in asks)
            began = time.process_time()
            if asks:
                archive.catch_up(captures)
            read += time.process_time() - began
        print(f"{minute + 1:,} rounds, {sum(map(len, looks.values())):,} looks, {len(records)} of records; "
              f"planned in {planned:.1f} s, read in {read:.1f} s of CPU")  # fmt: skip
        captures.close()
        archive.close()
    wrong = [problem for name, source in known.sources.items() for problem in judge(source, looks[name])]
    ages = [age for age in schedule.RECORD_AGES if OUTAGE[1] + age < T0 + timedelta(days=days)]
    late = [(at - OUTAGE[1] - age).total_seconds() for at, age in zip(records, ages, strict=False)]
    print(
        "records at", ", ".join(f"{(at - OUTAGE[1]).total_seconds() / 3600:.2f} h" for at in records), "after the end"
    )
    if len(records) != len(ages) or not all(0 <= seconds < 900 for seconds in late):
        wrong.append(f"records: {len(records)} looks, {len(ages)} due")
    return wrong


def judge(source: Source, looks: list[datetime]) -> list[str]:
    """Compare the looks at a page with its rule."""
    every, minute = source.interval, timedelta(minutes=1)
    spells = {"as ever": (every, every + 2 * minute)}
    if source.id in OUT:
        spells["open"] = (
            schedule.interval(every, schedule.Known(asked=T0, changed=T0, open=True), T0),
            every + 2 * minute,
        )
    if source.id in DEAD:
        spells["dead"] = (every, schedule.BACK_OFF_MOST + minute)
    found: dict[str, list[timedelta]] = defaultdict(list)
    for one, two in pairwise(looks):
        if source.id in OUT and OUTAGE[0] + every + minute <= one and two <= OUTAGE[1]:
            found["open"].append(two - one)
        elif source.id in OUT and OUTAGE[0] <= two and one <= OUTAGE[1]:
            pass  # nobody knows yet that it began, or that it is over
        elif source.id in DEAD and DEATH[0] <= two and one < DEATH[1]:
            found["dead"].append(two - one)
        else:
            found["as ever"].append(two - one)
    wrong = [] if looks and looks[0] == T0 else [f"{source.id}: not asked at once"]
    for state, gaps in found.items():
        pace, most = spells[state]
        mean = sum(gaps, timedelta()) / len(gaps)
        print(f"{source.id:14} every {source.every:>3} {state:8} {len(gaps):6} waits, shortest {min(gaps)}, mean "
              f"{str(mean)[:7]}, longest {max(gaps)}")  # fmt: skip
        if min(gaps) < pace / 2 - schedule.GRACE:
            wrong.append(f"{source.id} {state}: asked after {min(gaps)}")
        if max(gaps) > (min(most, pace + 2 * minute) if state == "open" else most):
            wrong.append(f"{source.id} {state}: not asked for {max(gaps)}")
        if state == "as ever" and not 0.95 < mean / every < 1.1:
            wrong.append(f"{source.id}: asked every {mean} on average")
    return wrong


def hour(scratch: Path, minutes: int) -> list[str]:
    """`outages poll`, once a minute of the fake clock."""
    times: dict[str, list[float]] = defaultdict(list)
    with stage(host="0.0.0.0") as server:
        server.heard = lambda host: times[host].append(time.monotonic())
        known = catalog(scratch / "catalog", int(server.url.rpartition(":")[2]))
        set_the_stage(server, T0)
        began = time.monotonic()
        for minute in range(minutes):
            now = T0 + timedelta(minutes=minute)
            command = [sys.executable, "-m", "crawler", "poll", "--json", "--at", f"{now:%Y-%m-%dT%H:%M:%SZ}", "--contact",
                       "b@example.org", "--data", str(scratch / "data"), "--catalog", str(scratch / "catalog")]  # fmt: skip
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - began
    captures = Captures(scratch / "data" / "captures.db")
    looks: dict[str, list[datetime]] = defaultdict(list)
    for _, name, at in captures.pending(0):
        looks[name].append(datetime.fromtimestamp(at, UTC))
    captures.close()
    pauses = [two - one for some in times.values() for one, two in pairwise(some)]
    print(
        f"{minutes} rounds of Scrapy in {took:.0f} s, {sum(map(len, looks.values()))} looks; shortest pause at a host {min(pauses):.2f} s"
    )
    wrong = [problem for name, source in known.sources.items() for problem in hourly(source, looks[name], minutes)]
    return wrong + ([f"a pause of {min(pauses):.2f} s"] if min(pauses) < DELAY - NOISE else [])


def hourly(source: Source, looks: list[datetime], minutes: int) -> list[str]:
    """Too few or too many looks in the sample."""
    most = timedelta(minutes=minutes) / source.interval
    return [] if most - 1 <= len(looks) <= most + 3 else [f"{source.id}: {len(looks)} looks in {minutes} minutes"]


def main() -> None:
    """Simulate, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--minutes", type=int, default=60)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        wrong = week(Path(one), chosen.days) + hour(Path(other), chosen.minutes)
    print("\n".join(wrong) or "every page was asked as its rule says")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
