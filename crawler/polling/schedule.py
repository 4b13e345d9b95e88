"""When a source is due: pure rules over what is known of it.

Every source has its own moment within its interval, from a hash of its id, so that a thousand sources with the same
interval are not asked in the same second, now or after a restart. No clock, no database: the caller says what time
it is and what is known. docs/polling.md tells the rules to people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

#: Rounds begin this far apart.
ROUND = timedelta(seconds=60)
#: A timer fires a little early or late, and an answer is stamped a little after its round began: this much is no
#: difference. A quarter of the interval where that is less.
GRACE = timedelta(seconds=15)
#: While something is open its page is edited every few minutes: the interval is divided by this ...
OPEN_DIVISOR = 5
#: ... but is never below this, unless the catalog itself says so: faster is a burden to those who have an outage.
OPEN_LEAST = timedelta(seconds=60)
#: What is open and has not been touched for so long is asked as ever: some pages leave things open for months.
OPEN_FRESH = timedelta(days=2)
#: A page without any change for so long ...
QUIET_AFTER = timedelta(days=7)
#: ... is asked less often. Two looks up to `coverage.SLACK` (3) intervals apart still count as watching without a
#: gap, so a factor of 2 leaves an interval for a round that comes late.
QUIET_FACTOR = 2
#: A source that fails is asked at half the pace with each further failure, down to this. One failure changes nothing:
#: most pass.
BACK_OFF_MOST = timedelta(hours=6)
#: A server may ask for peace (Retry-After) for so long and no longer, or a mistake would end the watching.
RETRY_MOST = timedelta(hours=24)
#: The record of an incident that is over is asked for again at these ages: it is edited most in the first hours, and
#: causes and true times are added for weeks.
RECORD_AGES = (
    timedelta(hours=1),
    timedelta(hours=6),
    *(timedelta(days=days) for days in (1, 2, 4, 8, 16, 32, 50)),
)
#: Records asked for at one host in one round; the others wait for the next.
RECORDS_A_ROUND = 3
#: Requests to one host take at most this much of a round, as far as that is known before: the next one is near.
HOST_SHARE = timedelta(seconds=45)

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_STALE = re.compile(r"(?:^|[\s,])no-(?:cache|store)\b", re.IGNORECASE)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a source at the beginning of a round. Times in UTC."""

    #: When it was asked last; None: never.
    asked: datetime | None = None
    #: When its page changed last; None: not known.
    changed: datetime | None = None
    #: Whether it shows an incident, or a component, that is not over.
    open: bool = False
    #: Looks in a row, up to now, that failed.
    failures: int = 0
    #: Not to be asked before, as the server said (`held_until`).
    held: datetime | None = None


def share(name: str) -> float:
    """A number in [0, 1) that is always the same for a name, and evenly spread over names."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) / 2**64


def interval(every: timedelta, known: Known, now: datetime) -> timedelta:
    """How long to wait between two looks; `every` is the interval of the catalog."""
    still = now - known.changed if known.changed else timedelta()
    pace = every
    if known.open and still <= OPEN_FRESH:
        pace = min(every, max(every / OPEN_DIVISOR, OPEN_LEAST))
    elif not known.open and still > QUIET_AFTER:
        pace = every * QUIET_FACTOR
    if known.failures > 1:
        doubled = pace * 2 ** min(known.failures - 1, 16)
        pace = max(pace, min(doubled, BACK_OFF_MOST))
    return pace


def due_at(name: str, every: timedelta, known: Known, now: datetime) -> datetime | None:
    """From when on a source is to be asked again. None: at once, it never was.

    It is asked at its own moment of each interval. Who is late by more than `GRACE` is brought back to it by one or
    two shorter waits, of half an interval or more; who is early, by a wait that is a little longer.
    """
    if known.asked is None:
        return None
    pace = interval(every, known, now)
    grace = min(GRACE, pace / 4)
    backing_off = known.failures > 1
    due = known.asked + (pace if backing_off else _wait(name, pace, known.asked, grace)) - grace
    return max(due, known.held) if known.held else due


def _wait(name: str, pace: timedelta, asked: datetime, grace: timedelta) -> timedelta:
    late = (timedelta(seconds=asked.timestamp()) - share(name) * pace) % pace
    early = pace - late
    if late <= grace or early <= grace:
        return pace
    if early <= min(2 * grace, pace / 4):  # late timers and queues have added up
        return pace + early
    return max(early, pace / 2)


def held_until(every: timedelta, status: int | None, headers: Mapping[str, str], at: datetime) -> datetime | None:
    """Until when the answer of `at` asks to be left in peace: `Retry-After`, or its age and `max-age`.

    Header names are in lower case. What a cache may keep holds for no longer than a quiet page is left, or a page
    that is never to change would not be watched. None: nothing was asked.
    """
    if status in (429, 503) and (patience := _retry_after(headers.get("retry-after", ""), at)):
        return at + min(patience, RETRY_MOST)
    control = headers.get("cache-control", "")
    fresh = _MAX_AGE.search(control)
    if status not in (200, 304) or fresh is None or _STALE.search(control):
        return None
    age = headers.get("age", "")
    left = int(fresh[1]) - (int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0)
    return at + min(timedelta(seconds=left), every * QUIET_FACTOR) if left > 0 else None


def _retry_after(text: str, at: datetime) -> timedelta | None:
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 10**9))
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when - at if when > at else None


def record_due(over: datetime, asked: datetime | None, now: datetime) -> bool:
    """Whether the record of an incident that was over at that time is to be asked for (again)."""
    passed = [over + age for age in RECORD_AGES if over + age <= now]
    if not passed or now - over > RECORD_AGES[-1] + timedelta(days=2):
        return False
    return asked is None or asked < passed[-1] - ROUND
