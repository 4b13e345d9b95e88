"""The archive's memory: every distinct thing that an address showed of an incident, and since when."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from crawler.history import Version
from crawler.records import Incident, instant, stamp
from crawler.timeline import LANDMARKS


class View(NamedTuple):
    """One address of a source. What it shows of an incident is a history of its own, since another address may
    show less of the same: a list, and the record itself; one region, and the next.
    """

    source: str
    url: str

    @property
    def by_hand(self) -> bool:
        """Whether this is a file of ours."""
        return self.source.endswith(f"-{LANDMARKS}")


Views = dict[View, list[Version]]


class Known(NamedTuple):
    """The newest version of an incident in a view. No record: it is gone from there."""

    number: int
    record: Incident | None


class Versions:
    """Tables `versions` and `sightings`. `changed` collects the incidents that got a new version."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.changed: set[str] = set()
        self._known: dict[tuple[str, View], Known] = {}
        self._seen: dict[tuple[str, View], str] = {}  # last seen, not written yet

    def newest(self, incident: str, view: View) -> Known | None:
        """What the view showed last; None when it never did."""
        known = self._known.get((incident, view))
        if known is None:
            row = self.conn.execute(
                """select number, record from versions where incident = ? and source = ? and url = ?
                order by number desc limit 1""",
                (incident, *view),
            ).fetchone()
            if row is None:
                return None
            known = self._known[incident, view] = Known(row[0], _decode(row[1]))
        return known

    def last_shown(self, incident: str, view: View) -> Incident | None:
        """What the view showed last, also when it shows the incident no longer."""
        known = self.newest(incident, view)
        if known is None or known.record is not None:
            return known and known.record
        row = self.conn.execute(
            """select record from versions where incident = ? and source = ? and url = ? and record is not null
            order by number desc limit 1""",
            (incident, *view),
        ).fetchone()
        return _decode(row[0]) if row else None

    def of(self, incident: str) -> Views:
        """Every version of an incident, by view, oldest first."""
        found: Views = {}
        for source, url, seen_at, record, left, before_at in self.conn.execute(
            """select source, url, seen_at, record, left_list, before_at from versions where incident = ?
            order by source, url, number""",
            (incident,),
        ):
            found.setdefault(View(source, url), []).append(
                Version(instant(seen_at), _decode(record), bool(left), instant(before_at) if before_at else None)
            )
        return found

    def show(
        self, incident: str, view: View, record: Incident, began: datetime | None, at: str, before: str | None = None
    ) -> bool:
        """The view shows the incident so; a version is written if it is not what it showed before. Whether it is the
        first.
        """
        self.see(incident, view, at)
        known = self.newest(incident, view)
        if known and (known.record is record or known.record == record):  # the same one where a reader remembers it
            return False
        if known is None:
            self.conn.execute(
                "insert or replace into sightings values (?, ?, ?, ?, ?, ?)",
                (incident, *view, stamp(began) if began else None, at, at),
            )
        self.write(incident, view, known.number + 1 if known else 0, at, record, before)
        return known is None

    def vanish(self, incident: str, view: View, at: str, before: str | None, left: bool = False) -> bool:
        """The view no longer shows the incident although it would; `left`: it shows only what is open. Whether that
        is news.
        """
        known = self.newest(incident, view)
        if known is None or known.record is None:
            return False
        self.write(incident, view, known.number + 1, at, None, before, left)
        return True

    def write(
        self,
        incident: str,
        view: View,
        number: int,
        at: str,
        record: Incident | None,
        before: str | None = None,
        left: bool = False,
    ) -> None:
        """Put down a version; `before` is the look before."""
        text = None if record is None else msgspec.json.encode(record).decode()
        digest = None if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]
        self.conn.execute(
            "insert or replace into versions values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (incident, *view, number, at, digest, text, left, before),
        )
        self._known[incident, view] = Known(number, record)
        self.changed.add(incident)

    def see(self, incident: str, view: View, at: str) -> None:
        """The view still shows the incident."""
        self._seen[incident, view] = at

    def last_seen(self, incident: str, view: View) -> str | None:
        """When the view showed the incident last; None when it never did."""
        if (incident, view) in self._seen:
            return self._seen[incident, view]
        row = self.conn.execute(
            "select last_seen_at from sightings where incident = ? and source = ? and url = ?", (incident, *view)
        ).fetchone()
        return row[0] if row else None

    def began(self, incident: str, view: View) -> str | None:
        """When the incident began, as the view had it first."""
        row = self.conn.execute(
            "select began from sightings where incident = ? and source = ? and url = ?", (incident, *view)
        ).fetchone()
        return row[0] if row else None

    def flush(self) -> list[tuple[str, str]]:
        """Write when incidents were last seen. Returns vendor and start of those that are followed now (see
        `months.FOLLOWED`) and were not before.
        """
        rows = [(at, incident, *view) for (incident, view), at in self._seen.items()]
        # Who is seen again at any address has not vanished.
        gone = dict(self.conn.execute("select id, vanished_at from incidents where vanished_at is not null"))
        self.changed.update(incident for at, incident, *_ in rows if incident in gone and gone[incident] <= at)
        self.conn.executemany(
            "update sightings set last_seen_at = ? where incident = ? and source = ? and url = ?", rows
        )
        followed = self._followed_now({incident: at for at, incident, *_ in sorted(rows)})
        self.conn.executemany(
            "update incidents set last_seen_at = max(coalesce(last_seen_at, ''), ?) where id = ?",
            [row[:2] for row in rows],
        )
        self._seen.clear()
        return followed

    def _followed_now(self, seen: Mapping[str, str]) -> list[tuple[str, str]]:
        return [
            (vendor, began)
            for incident, at in seen.items()
            for vendor, began in self.conn.execute(
                """select vendor, coalesce(started_at, first_posted_at) from incidents
                where id = :id and kind = 'outage' and coalesce(started_at, first_posted_at) is not null
                and last_seen_at <= max(first_seen_at, resolved_posted_at) and max(first_seen_at, resolved_posted_at) < :at""",
                {"id": incident, "at": at},
            )
        ]

    def forget_source(self, source: str) -> None:
        """Take away all that a source showed."""
        self.changed.update(
            i for (i,) in self.conn.execute("select distinct incident from versions where source = ?", (source,))
        )
        for table in ("versions", "sightings"):
            self.conn.execute(f"delete from {table} where source = ?", (source,))
        self._known.clear()

    def forget_view(self, incident: str, view: View) -> None:
        """Take away what a view showed of one incident."""
        for table in ("versions", "sightings"):
            self.conn.execute(f"delete from {table} where incident = ? and source = ? and url = ?", (incident, *view))
        self._known.pop((incident, view), None)
        self.changed.add(incident)

    def all_changed(self) -> None:
        """Every incident is to be derived again."""
        self.changed.update(i for (i,) in self.conn.execute("select distinct incident from versions"))

    def clear_known(self) -> None:
        """Forget what was read, after something was taken back."""
        self._known.clear()

    def clear(self) -> None:
        """Forget what is held in memory."""
        self._known.clear()
        self._seen.clear()
        self.changed.clear()


def _decode(text: str | None) -> Incident | None:
    return None if text is None else msgspec.json.decode(text, type=Incident)
