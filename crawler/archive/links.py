"""Incidents that were taken away and published again under another key.

Told by their messages: one that is no longer on a page, and one on it that came later and has the message that the
other began with, in the same words and of the same second, are one incident. So are two of the same title with all
of their long messages moved by less than an hour, since vendors put the times of messages right; but not on a page
of what is open, which an incident leaves when it is over, to come again with the same words. Two that name different
services or regions are two, and so are maintenances planned for different times. The earlier points to the later,
which has the outages of both.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from crawler.archive.versions import Versions, View
from crawler.records import Impact, Incident, Kind, stamp

#: A message shorter than this many letters may stand in two incidents.
_TELLING = 20
#: One that is longer than this hardly does, and may have been given another time.
_LONG = 60
_NEARLY = timedelta(hours=1)
#: How long after it was taken away something may be published again.
_LATELY = timedelta(days=14)


class Link(NamedTuple):
    """Where an incident went, and how we know."""

    twin: str
    why: str


class _Messages(NamedTuple):
    """What one incident says: its words, without blanks, and when each was posted; oldest first."""

    number: int  # of the version they were taken from
    record: Incident
    said: dict[str, datetime]


class Links:
    """Table `links`."""

    def __init__(self, conn: sqlite3.Connection, versions: Versions) -> None:
        self.conn = conn
        self.versions = versions
        self._messages: dict[tuple[str, View], _Messages] = {}

    def of(self, incident: str) -> Link | None:
        """Under which other key the incident was published again, as the source says that saw it first."""
        row = self._first_of(incident)
        if row is None:
            return None
        seen_at, twin, why = row
        back = self._first_of(twin)
        if back and back[1] == incident and (back[0], twin) < (seen_at, incident):
            return None  # what two sources saw in different order is not lost between them
        return Link(twin, why)

    def _first_of(self, incident: str) -> tuple[str, str, str] | None:
        row: tuple[str, str, str] | None = self.conn.execute(
            "select seen_at, twin, why from links where incident = ? order by seen_at, source limit 1", (incident,)
        ).fetchone()
        return row

    def note(
        self, view: View, shown: Iterable[str], absent: Iterable[str], fresh: bool, at: datetime, open_only: bool
    ) -> None:
        """What a page shows, and what it showed before; `fresh`: something is on it for the first time."""
        shown, absent = set(shown), set(absent)
        self._shown_again(view, shown, at)
        lately = stamp(at - _LATELY)
        absent = {incident for incident in absent if (self.versions.last_seen(incident, view) or "") >= lately}
        if fresh:
            absent |= self._gone_since(view, lately) - shown
        if not absent or not shown:
            return
        by_words: dict[str, list[str]] = defaultdict(list)
        for incident in sorted(shown):
            for words in self._said(incident, view):
                by_words[words].append(incident)
        for gone in sorted(absent):
            words = next(iter(self._said(gone, view)), "")
            twin = next((i for i in by_words.get(words, ()) if self._same(gone, i, words, view, open_only)), None)
            if twin:
                self._link(gone, twin, words, view, at)

    def _same(self, gone: str, later: str, words: str, view: View, open_only: bool) -> bool:
        """Whether two, the later of which has the message that the other began with, are one."""
        if self._first(gone, view) >= self._first(later, view):
            return False
        one, other = self._messages[gone, view], self._messages[later, view]
        if _differ(one.record, other.record):
            return False
        if _apart(one, other, words) < timedelta(seconds=1):
            return True
        return (
            not open_only
            and one.record.title == other.record.title
            and all(
                words in other.said and len(words) >= _LONG and _apart(one, other, words) <= _NEARLY
                for words in one.said
            )
        )

    def forget_source(self, source: str) -> None:
        """Take away what was learnt at a source."""
        for pair in self.conn.execute("select incident, twin from links where source = ?", (source,)):
            self.versions.changed.update(pair)
        self.conn.execute("delete from links where source = ?", (source,))
        self.clear()

    def clear(self) -> None:
        """Forget what is held in memory."""
        self._messages.clear()

    def _gone_since(self, view: View, since: str) -> set[str]:
        return {
            incident
            for (incident,) in self.conn.execute(
                """select incident from versions where source = ? and url = ? and record is null
                and seen_at >= ? and not left_list""",
                (*view, since),
            )
        }

    def _link(self, incident: str, twin: str, words: str, view: View, at: datetime) -> None:
        said = stamp(self._messages[incident, view].said[words])
        why = f"the message of {said} stands under {twin} too"
        added = self.conn.execute(
            "insert or ignore into links values (?, ?, ?, ?, ?)", (incident, view.source, twin, why, stamp(at))
        )
        if added.rowcount:
            self.versions.changed.update((incident, twin))

    def _shown_again(self, view: View, shown: set[str], at: datetime) -> None:
        """Two that stand on one page are two; of one that came back in the place of the other, that is the one."""
        for incident, twin in self.conn.execute(
            "select incident, twin from links where source = ?", (view.source,)
        ).fetchall():
            if incident not in shown or self._first(twin, view) == "":
                continue
            self.conn.execute("delete from links where incident = ? and source = ?", (incident, view.source))
            self.versions.changed.update((incident, twin))
            words = next(iter(self._said(twin, view)), None)
            if twin not in shown and words is not None:
                self._link(twin, incident, words, view, at)

    def _first(self, incident: str, view: View) -> str:
        row = self.conn.execute(
            "select first_seen_at from sightings where incident = ? and source = ? and url = ?", (incident, *view)
        ).fetchone()
        return row[0] if row else ""

    def _said(self, incident: str, view: View) -> dict[str, datetime]:
        known = self.versions.newest(incident, view)
        if known is None:
            return {}
        cached = self._messages.get((incident, view))
        if cached is None or cached.number != known.number:
            record = self.versions.last_shown(incident, view)
            assert record is not None  # what is known was shown
            said = {
                words: update.posted_at
                for update in record.updates
                if update.posted_at and len(words := "".join(update.text.split())) >= _TELLING
            }
            cached = self._messages[incident, view] = _Messages(known.number, record, said)
        return cached.said


def _apart(one: _Messages, other: _Messages, words: str) -> timedelta:
    return abs(one.said[words] - other.said[words])


def _differ(one: Incident, other: Incident) -> bool:
    """Whether two say that they are about different things: services, regions, or the time of a maintenance."""
    if Kind.MAINTENANCE in (one.kind, other.kind) and one.started_at != other.started_at:
        return True
    return any(
        mine and others and mine.isdisjoint(others) for mine, others in zip(_about(one), _about(other), strict=True)
    )


def _about(record: Incident) -> tuple[set[str | None], ...]:
    """The names of its components, services and regions, each from fields of one kind."""
    names: tuple[Callable[[Impact], str | None], ...] = (
        lambda i: (i.component.key or i.component.name) if i.component else None,
        lambda i: i.service_key,
        lambda i: i.service_text,
        lambda i: i.region_key,
        lambda i: i.region_text,
    )
    return (
        {record.service_text} - {None},
        {record.region_text} - {None},
        *({name(impact) for impact in record.impacts} - {None} for name in names),
    )
