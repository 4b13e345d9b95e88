"""Incidents that were taken away and published again under another key.

Told by their messages: one that is no longer on a page, and one on it that carries a message with the same words
of the same second, are one incident. So are two of the same title, service and region with the same long message
within the hour, since vendors put the times of messages right. The earlier points to the later, which has the
outages of both.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from crawler.archive.versions import Versions, View
from crawler.records import Incident, stamp

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
    """What one incident says: its words, without blanks, and when each was posted."""

    record: Incident
    said: dict[str, datetime]


class Links:
    """Table `links`."""

    def __init__(self, conn: sqlite3.Connection, versions: Versions) -> None:
        self.conn = conn
        self.versions = versions
        #: What an incident's messages were, for the record they were taken from.
        self._messages: dict[tuple[str, View], _Messages] = {}

    def of(self, incident: str) -> Link | None:
        """Under which other key the incident was published again."""
        row = self.conn.execute("select twin, why from links where incident = ?", (incident,)).fetchone()
        return Link(*row) if row else None

    def note(self, view: View, shown: Iterable[str], absent: Iterable[str], fresh: bool, at: datetime) -> None:
        """What a page shows, and what it showed before; `fresh`: something is on it for the first time."""
        shown, absent = set(shown), set(absent)
        self._unlink(view, shown)
        if fresh:
            absent |= self._gone_lately(view, at) - shown
        if not absent or not shown:
            return
        by_words: dict[str, list[str]] = defaultdict(list)
        for incident in sorted(shown):
            for words in self._said(incident, view):
                by_words[words].append(incident)
        for gone in sorted(absent):
            for words in self._said(gone, view):
                twin = next((i for i in by_words.get(words, ()) if self._same(gone, i, words, view)), None)
                if twin:
                    self._link(gone, twin, words, view, at)
                    break

    def _same(self, gone: str, later: str, words: str, view: View) -> bool:
        """Whether two that have a message in common are one."""
        if self._first(gone, view) >= self._first(later, view):
            return False
        one, other = self._messages[gone, view], self._messages[later, view]
        apart = abs(one.said[words] - other.said[words])
        if apart < timedelta(seconds=1):
            return True
        alike = all(
            getattr(one.record, field) == getattr(other.record, field)
            for field in ("title", "service_text", "region_text")
        )
        return alike and apart <= _NEARLY and len(words) >= _LONG

    def forget_source(self, source: str) -> None:
        """Take away what was learnt at a source."""
        self.versions.changed.update(
            i for (i,) in self.conn.execute("select incident from links where source = ?", (source,))
        )
        self.conn.execute("delete from links where source = ?", (source,))
        self._messages.clear()

    def _gone_lately(self, view: View, at: datetime) -> set[str]:
        return {
            incident
            for (incident,) in self.conn.execute(
                """select incident from versions where source = ? and url = ? and record is null
                and seen_at >= ? and not left_list""",
                (*view, stamp(at - _LATELY)),
            )
        }

    def _link(self, incident: str, twin: str, words: str, view: View, at: datetime) -> None:
        if self.of(incident) is None:
            said = stamp(self._messages[incident, view].said[words])
            why = f"the message of {said} stands under {twin} too"
            self.conn.execute("insert into links values (?, ?, ?, ?, ?)", (incident, twin, why, view.source, stamp(at)))
            self.versions.changed.add(incident)

    def _unlink(self, view: View, shown: set[str]) -> None:
        """Two that stand on one page are two."""
        for incident, twin in self.conn.execute(
            "select incident, twin from links where source = ?", (view.source,)
        ).fetchall():
            if incident in shown and twin in shown:
                self.conn.execute("delete from links where incident = ?", (incident,))
                self.versions.changed.add(incident)

    def _first(self, incident: str, view: View) -> str:
        row = self.conn.execute(
            "select first_seen_at from sightings where incident = ? and source = ? and url = ?", (incident, *view)
        ).fetchone()
        return row[0] if row else ""

    def _said(self, incident: str, view: View) -> dict[str, datetime]:
        record = self.versions.last_shown(incident, view)
        if record is None:
            return {}
        cached = self._messages.get((incident, view))
        if cached is None or cached.record is not record:
            said = {
                words: update.posted_at
                for update in record.updates
                if update.posted_at and len(words := "".join(update.text.split())) >= _TELLING
            }
            cached = self._messages[incident, view] = _Messages(record, said)
        return cached.said
