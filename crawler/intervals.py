"""Changes of state over time, made into spells of one severity each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from crawler.records import Severity

#: One state held from an instant (inclusive) until another (exclusive); None while it still holds.
Spell = tuple[Severity, datetime, datetime | None]


def spells(changes: Iterable[tuple[datetime, Severity | None]], end: datetime | None) -> list[Spell]:
    """The spells during which something was not well, oldest first.

    `changes` say what holds from an instant on, in any order; of two at the same instant the one that
    comes later in `changes` counts. OPERATIONAL or None closes what was open; the same severity again
    changes nothing. A spell still open is closed at `end`, or stays open when `end` is None. Spells
    without length, or that begin at `end` or after it, are dropped.
    """
    found: list[Spell] = []
    severity: Severity | None = None
    since: datetime | None = None

    def close(at: datetime | None) -> None:
        if severity and since and (at is None or since < at):
            found.append((severity, since, at))

    for at, now in dict(sorted(changes, key=lambda change: change[0])).items():
        if end is not None and at >= end:
            break
        if now == Severity.OPERATIONAL:
            now = None
        if now != severity:
            close(at)
            severity, since = now, at
    close(end)
    return found
