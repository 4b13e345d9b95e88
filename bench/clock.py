"""How fast times are read: every distinct update of AWS's data.json, on one core.

    python bench/clock.py [SHARED]

SHARED holds `replay/aws-data-json.jsonl.xz`; without it, ../shared beside the project. Compared in the same run with
a floor, one search for a clock time in each text, and with `dateparser.search` on a sample of the texts. Prints
texts per second, ratios, and the share of texts for which the clock itself asks dateparser.
"""

from __future__ import annotations

import importlib.util
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from crawler import catalog  # noqa: E402
from crawler.captures import lines  # noqa: E402
from crawler.clock import Zones, read  # noqa: E402
from crawler.records import Capture, Unreadable  # noqa: E402
from spiders import aws  # noqa: E402

Texts = list[tuple[str, datetime | None]]
FLOOR = re.compile(r"\d{1,2}:\d\d\s?(?:[AP]M)?")
ROUNDS = 5
SAMPLE = 50


def texts(replay: Path) -> tuple[Texts, Zones]:
    """The distinct updates of all captures with the time of their post, and the zones of AWS."""
    known = catalog.load()
    found: dict[str, datetime | None] = {}
    vendor = known.vendor("aws")
    default = "UTC"
    for capture in lines.read(replay):
        if not isinstance(capture, Capture):
            continue
        source = known.source_of(capture.source, capture.url)
        if source is None:
            raise SystemExit(f"the catalog does not know {capture.source} {capture.url}")
        default = source.timezone
        try:
            page = aws.read(capture, source)
        except Unreadable:
            continue
        for incident in page.incidents:
            for update in incident.updates:
                found.setdefault(update.text, update.posted_at)
    return list(found.items()), Zones(default, vendor.zones)


def rate(
    work: Callable[[str, datetime | None], object], some: Sequence[tuple[str, datetime | None]], rounds: int
) -> float:
    """Texts per second of processor time, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for text, posted_at in some:
            work(text, posted_at)
        best = min(best, time.process_time() - began)
    return len(some) / best


def uses_dateparser() -> bool:
    """Whether any part of the clock could call dateparser."""
    return any("dateparser" in path.read_text() for path in (ROOT / "crawler" / "clock").glob("*.py"))


def main() -> None:
    """Measure and print."""
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared"
    replay = shared / "replay" / "aws-data-json.jsonl.xz"
    if not replay.exists():
        raise SystemExit(f"{replay} is not there")
    some, zones = texts(replay)
    timed = [each for each in some if FLOOR.search(each[0])]
    clock = rate(lambda text, posted_at: read(text, posted_at, zones), some, ROUNDS)
    busy = rate(lambda text, posted_at: read(text, posted_at, zones), timed, ROUNDS)
    floor = rate(lambda text, _: FLOOR.search(text), some, ROUNDS)
    print(f"{len(some)} texts, {len(timed)} with a clock time; best of {ROUNDS} rounds, one core")
    print(f"clock                {clock:10,.0f} texts/s   {busy:10,.0f} on those with a clock time")
    print(f"floor, one search    {floor:10,.0f} texts/s   the clock takes {floor / clock:.1f} times as long")
    if importlib.util.find_spec("dateparser"):
        from dateparser.search import search_dates

        sample = random.Random(SAMPLE).sample(timed, min(SAMPLE, len(timed)))
        peer = rate(lambda text, _: search_dates(text, languages=["en"]), sample, 1)
        mine = rate(lambda text, posted_at: read(text, posted_at, zones), sample, ROUNDS)
        print(
            f"dateparser.search    {peer:10,.1f} texts/s   on {len(sample)} texts; the clock {mine / peer:,.0f} times as fast"
        )
    needed = "possible: crawler/clock names it" if uses_dateparser() else "0 %: crawler/clock does not name it"
    print(f"texts that needed dateparser: {needed}")


if __name__ == "__main__":
    main()
