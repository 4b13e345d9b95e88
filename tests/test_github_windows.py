"""The clock against GitHub's own words: 154 messages, their windows written down by hand from reading each.

The messages are those of `history.atom` that a crude filter lets through (see `FILTERS`), in the last version seen
of each incident. `data/github_windows.json` holds times only, in the order in which they were drawn: two halves of 60,
and the 34 that were left. All have been tuned on by now: a regression test, no measure of unseen text. A window is

- a range of clock times in which something, or some of it, is said to have failed or to be closed for maintenance;
- the start of an outage with the end of all of it, where the two stand apart;
- a half of that where the text states no more (null).

A time at which something was noticed, a step of the repair, a part that was back sooner, a backlog and the next
update are none. Seconds are cut off.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from crawler import catalog
from crawler.captures import lines
from crawler.clock import Zones, windows
from crawler.records import Capture, Update
from spiders.statuspage import read

DATA = Path(__file__).parent / "data" / "github_windows.json"
SEED = 20231112
FILTERS = (
    re.compile(r"\b\d{1,2}:\d{2}\b|\b\d{1,2}\s?[ap]\.?m\b|\b\d{4}\s?UTC\b", re.IGNORECASE),
    re.compile(r"\b(?:between|from|until|to|at)\b", re.IGNORECASE),
)

Half = tuple[datetime | None, datetime | None]
Drawn = list[tuple[str, int, Update]]


@pytest.fixture(scope="module")
def zones() -> Zones:
    return Zones("UTC", catalog.load().vendor("github").zones)


@pytest.fixture(scope="module")
def drawn(shared: Path) -> Drawn:
    """The messages in the order of the labels."""
    source = catalog.load().sources["github-history"]
    last = {}
    for capture in lines.read(shared / "replay" / "github-history-atom.jsonl.xz"):
        assert isinstance(capture, Capture)
        last.update({incident.key: incident.updates for incident in read(capture, source).incidents})
    candidates = [
        (key, position, update)
        for key in sorted(last)
        for position, update in enumerate(last[key])
        if all(each.search(update.text) for each in FILTERS)
    ]
    chosen = random.Random(SEED).sample(candidates, 120)
    return chosen + [each for each in candidates if each not in chosen]


@pytest.mark.parametrize(
    ("part", "right", "wrong"),
    [(slice(0, 60), 0.97, 0.01), (slice(60, 120), 0.97, 0.01), (slice(120, 154), 0.97, 0.01)],
    ids=["first half", "second half", "left over"],
)
def test_windows_of_github(drawn: Drawn, zones: Zones, part: slice, right: float, wrong: float) -> None:
    labels = json.loads(DATA.read_text())
    assert [(each["incident"], each["position"]) for each in labels] == [(key, at) for key, at, _ in drawn]
    verdicts: Counter[str] = Counter()
    for label, (_, _, update) in zip(labels[part], drawn[part], strict=True):
        assert label["posted_at"] == update.posted_at.strftime("%Y-%m-%dT%H:%MZ") if update.posted_at else None
        stated = [(_instant(start), _instant(end)) for start, end in label["windows"]]
        said = [
            (_minute(w.started_at), _minute(w.ended_at))
            for w in windows(update.text, update.posted_at, zones)
            if not w.suspect
        ]
        verdicts[verdict(said, stated)] += 1
    count = verdicts.total()
    assert verdicts["right"] / count >= right, verdicts
    assert verdicts["wrong"] / count <= wrong, verdicts


def verdict(said: Sequence[Half], stated: Sequence[Half]) -> str:
    """`wrong` when something is said that is not stated, or no half of it; `missing` when something is left out."""
    for window in said:
        if not any(all(mine in (None, theirs) for mine, theirs in zip(window, each, strict=True)) for each in stated):
            return "wrong"
    return "right" if set(stated) <= set(said) else "missing"


def test_the_verdict_itself() -> None:
    nine, ten, eleven = (datetime.fromisoformat(f"2024-01-01T{hour:02}:00Z") for hour in (9, 10, 11))
    assert verdict([(nine, ten)], [(nine, ten)]) == "right"
    assert verdict([], []) == "right"
    assert verdict([(nine, None)], [(nine, ten)]) == "missing"
    assert verdict([(nine, eleven)], [(nine, ten)]) == "wrong"
    assert verdict([(nine, ten)], [(nine, None)]) == "wrong"
    assert verdict([(nine, None)], []) == "wrong"


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _minute(at: datetime | None) -> datetime | None:
    return at and at.replace(second=0, microsecond=0)
