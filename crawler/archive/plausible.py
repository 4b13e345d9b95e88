"""Times that cannot be: those that no vendor can have meant, whatever platform they were read from.

Programs write a time that was never set as the beginning of their calendar (`0001-01-01` in Go and .NET, 1900 or 1970
elsewhere), and one that never comes as its end (`9999-12-31`). Held true, the first would make an outage of two
thousand years, and the second the newest thing known. Such a time says nothing: it is None from the start (`plausible`).

An outage that begins months after somebody read of it is a slip of the pen. It was published, and is kept, for its
correction is a revision; but nothing rests on it (`happened`).

Each is reported as a signal that names the field, the incident and the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from operator import is_
from typing import TypeVar

import msgspec

from crawler.reading.dates import EARLIEST, FAR, SLACK, later
from crawler.records import Impact, Incident, Kind, Page, Signal, Update, stamp

#: The reach of a page that holds all there is (see `records.Page`).
_EVER = datetime(1970, 1, 1, tzinfo=UTC)

_BOUNDS = ("started_at", "ended_at")
_POSTS = ("first_posted_at", "resolved_posted_at", "postmortem_at")
_Told = TypeVar("_Told", Incident, Impact, Update)


def plausible(page: Page, fetched_at: datetime) -> Page:
    """The page with None for every time that cannot be, and a signal for each; the same objects where there is none.

    Nothing was posted after it was read (`SLACK`). Feeds that date what is planned by its beginning are usual: such a time is
    None too, and no signal. The reach of a page that lists little else lies ahead as well.
    """
    check = _Check("incidents[].")
    read, planned = later(fetched_at, SLACK), later(fetched_at, FAR)
    incidents = tuple(check.incident(told, planned, read) for told in page.incidents)
    reach = page.reach
    if reach is not None and reach != _EVER and not EARLIEST <= reach <= planned:
        check.signals.append(Signal("bad-time", "reach", stamp(reach)))
        reach = None
    if not check.signals and all(map(is_, incidents, page.incidents)):
        return page
    signals = (*page.signals, *dict.fromkeys(check.signals))
    return msgspec.structs.replace(page, incidents=incidents, reach=reach, signals=signals)


def happened(record: Incident, by: datetime) -> tuple[Incident, tuple[Signal, ...]]:
    """An outage without the bounds that lay ahead of when it was read. What is planned, or is news, may lie ahead."""
    if record.kind is not Kind.OUTAGE:
        return record, ()
    check = _Check("")
    return check.incident(record, by), tuple(dict.fromkeys(check.signals))


class _Check:
    """What was wrong with the times of incidents. `where` is the path of an incident."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.signals: list[Signal] = []

    def incident(self, told: Incident, latest: datetime, posted: datetime | None = None) -> Incident:
        """The incident with None where its own fields, or those of its impacts or updates, hold what cannot be: a bound
        after `latest`, or, where that is given, a post after `posted`.
        """
        key = told.key
        mended = self._timed(told, _BOUNDS, latest, key, "")
        impacts = tuple([self._timed(each, _BOUNDS, latest, key, "impacts[].") for each in told.impacts])
        updates = told.updates
        if posted:
            usual = posted if told.kind is Kind.OUTAGE else latest
            mended = self._timed(mended, _POSTS, posted, key, "", usual)
            updates = tuple([self._timed(each, ("posted_at",), posted, key, "updates[].", usual) for each in updates])
        if told.day is not None and not EARLIEST.date() <= told.day <= latest.date():
            self._note("day", key, str(told.day))
            mended = msgspec.structs.replace(mended, day=None)
        same = mended is told and all(map(is_, impacts, told.impacts)) and all(map(is_, updates, told.updates))
        return told if same else msgspec.structs.replace(mended, impacts=impacts, updates=updates)

    def _timed(
        self, told: _Told, fields: Iterable[str], last: datetime, key: str, part: str, usual: datetime | None = None
    ) -> _Told:
        """With None for what lies after `last`; up to `usual` that is nothing to speak of."""
        for field in fields:
            when = getattr(told, field)
            if when is not None and not EARLIEST <= when <= last:
                if not (usual and last < when <= usual):
                    self._note(f"{part}{field}", key, stamp(when))
                told = msgspec.structs.replace(told, **{field: None})
        return told

    def _note(self, field: str, key: str, what: str) -> None:
        self.signals.append(Signal("bad-time", f"{self.where}{field}", f"{key}: {what}"))
