"""Times that cannot be: those that no vendor can have meant, whatever platform they were read from.

Programs write a time that was never set as the beginning of their calendar (`0001-01-01` in Go and .NET, 1900 or 1970
elsewhere), and one that never comes as its end (`9999-12-31`). Held true, the first would make an outage of two
thousand years, and the second the newest thing known. Such a time says nothing: it is None from the start (`plausible`).

An outage that begins months after somebody read of it is a slip of the pen. It was published, and is kept, for its
correction is a revision; but nothing rests on it (`happened`).

Each is reported as a signal that names the field, the incident and the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from crawler.reading.dates import EARLIEST, FAR, SLACK, later
from crawler.records import Impact, Incident, Kind, Page, Signal, Update, stamp

#: The reach of a page that holds all there is (see `records.Page`).
_EVER = datetime(1970, 1, 1, tzinfo=UTC)

#: Fields, each with the latest time that it may hold.
_Latest = Sequence[tuple[str, datetime]]
_Told = TypeVar("_Told", Incident, Impact, Update)


def plausible(page: Page, fetched_at: datetime) -> Page:
    """The page with None for every time that cannot be, and a signal for each; the same objects where there is none.

    Nothing was posted after it was read (`SLACK`), and no reach is later: one that cannot be was made of such a time.
    """
    check = _Check("incidents[].")
    read, planned = later(fetched_at, SLACK), later(fetched_at, FAR)
    bounds = (("started_at", planned), ("ended_at", planned))
    posted = tuple((name, read) for name in ("first_posted_at", "resolved_posted_at", "postmortem_at"))
    incidents = tuple(
        check.incident(told, (*bounds, *posted), bounds, (("posted_at", read),), planned) for told in page.incidents
    )
    reach = page.reach
    if reach is not None and reach != _EVER and not EARLIEST <= reach <= read:
        check.signals.append(Signal("bad-time", "reach", stamp(reach)))
        reach = None
    if not check.signals:
        return page
    signals = (*page.signals, *dict.fromkeys(check.signals))
    return msgspec.structs.replace(page, incidents=incidents, reach=reach, signals=signals)


def happened(record: Incident, by: datetime) -> tuple[Incident, tuple[Signal, ...]]:
    """An outage without the bounds that lay ahead of when it was read. What is planned, or is news, may lie ahead."""
    if record.kind is not Kind.OUTAGE:
        return record, ()
    check, bounds = _Check(""), (("started_at", by), ("ended_at", by))
    return check.incident(record, bounds, bounds, (), by), tuple(dict.fromkeys(check.signals))


class _Check:
    """What was wrong with the times of incidents. `where` is the path of an incident."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.signals: list[Signal] = []

    def incident(self, told: Incident, own: _Latest, impacts: _Latest, updates: _Latest, day: datetime) -> Incident:
        """The incident with None where its own fields, or those of its impacts or updates, hold what cannot be."""
        key, before = told.key, len(self.signals)
        mended = self._timed(told, own, key, "")
        those = tuple([self._timed(each, impacts, key, "impacts[].") for each in told.impacts])
        posts = tuple([self._timed(each, updates, key, "updates[].") for each in told.updates])
        if told.day is not None and not EARLIEST.date() <= told.day <= day.date():
            self._note("day", key, str(told.day))
            mended = msgspec.structs.replace(mended, day=None)
        if len(self.signals) == before:
            return told
        return msgspec.structs.replace(mended, impacts=those, updates=posts)

    def _timed(self, told: _Told, latest: _Latest, key: str, part: str) -> _Told:
        for field, last in latest:
            when = getattr(told, field)
            if when is not None and not EARLIEST <= when <= last:
                self._note(f"{part}{field}", key, stamp(when))
                told = msgspec.structs.replace(told, **{field: None})
        return told

    def _note(self, field: str, key: str, what: str) -> None:
        self.signals.append(Signal("bad-time", f"{self.where}{field}", f"{key}: {what}"))
