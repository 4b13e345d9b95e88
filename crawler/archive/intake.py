"""Captures, read in order: what each look found, and what each page shows."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from math import inf
from pathlib import Path
from typing import NamedTuple

import msgspec

from crawler import landmarks
from crawler.archive.availability import Availability
from crawler.archive.links import Links
from crawler.archive.observed import Observations
from crawler.archive.plausible import plausible
from crawler.archive.rows import Rows
from crawler.archive.search import Search
from crawler.archive.shipped import Shipped
from crawler.archive.states import States
from crawler.archive.versions import Versions, View
from crawler.captures import Captures, CorruptBodyError
from crawler.catalog import Catalog, Source
from crawler.coverage import GOOD
from crawler.database import MISTAKES, alone, connect, part, transaction
from crawler.health import looks_like
from crawler.polling.backfill import PAST, past
from crawler.reading.payload import with_whole_signs
from crawler.records import Capture, Page, Signal, Unreadable, instant, stamp
from crawler.schema import DERIVATION, make_views, migrations
from spiders import PLATFORMS, reader

#: Captures per transaction: a crash costs the reading of so many, never a capture.
CHUNK = 64

#: A page that showed something on so many different pages, and always, is not expected to show nothing.
_ALWAYS = 5

Progress = Callable[[int, int], None]


class Report(msgspec.Struct):
    """What a run did, for people: counts by outcome, and everything that was not understood."""

    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    signals: Counter[tuple[str, str, str, str]] = msgspec.field(default_factory=Counter)  # source, kind, place, detail
    incidents: int = 0  # whose rows were written
    vanished: int = 0


class _Before(NamedTuple):
    """The page that an address showed last. `body` is the number of its bytes in captures.db."""

    readable: bool
    body: int | None
    reach: str | None
    keys: tuple[str, ...]
    #: Shown before that, and not on the page when it could not prove anything by their absence.
    missing: tuple[str, ...]


class _Look(NamedTuple):
    """What came of one look. A page only if there is a new one."""

    outcome: str
    error: str | None = None
    page: Page | None = None


class MissingCapturesError(Exception):
    """The archive rests on looks that captures.db does not hold, so reading a source again would lose what they showed."""

    def __init__(self, archive: Path, source: str, looks: int, captures: Path, held: int) -> None:
        super().__init__(
            f"{archive} was made from {looks:,} looks of {source}, and {captures} holds {held:,}: it cannot be read again "
            f"without loss. Put the right captures.db beside it; or move {archive.name} away, to begin with the captures "
            "that there are"
        )


class Archive:
    """`outages.db`, written from captures."""

    def __init__(self, path: Path, catalog: Catalog, incidents: Path = landmarks.SHIPPED) -> None:
        self.path = path
        self.catalog = catalog
        self.db = connect(path, migrations)
        self.conn: sqlite3.Connection = self.db.conn
        self.versions = Versions(self.conn)
        self.availability = Availability(self.conn, catalog)
        self.states = States(self.conn)
        self.observations = Observations(self.conn, self.versions)
        self.links = Links(self.conn, self.versions)
        self.search = Search(self.conn)
        self.rows = Rows(
            self.conn, catalog, self.versions, self.observations, self.links, self.search, self.availability.touch
        )
        self._seen: set[str] = set()  # vendors whose components changed
        self.shipped = Shipped(self.conn, catalog, incidents, self.versions)
        make_views(self.db)

    def close(self) -> None:
        """Let go of the file."""
        self.conn.close()

    def catch_up(self, captures: Captures, progress: Progress | None = None, wait: float = inf) -> Report:
        """Read every capture that has not been read yet, in chunks that are each whole or absent.

        One process at a time; others wait so many seconds, and then BusyError. What an earlier version of the project
        derived is derived anew. MissingCapturesError when something is to be read again and cannot be, and nothing is
        changed.
        """
        with alone(self.path.with_suffix(".lock"), wait=wait):
            derived_by = self._recall("derivation")
            if derived_by != str(DERIVATION) and self._recall("captures_read"):
                return self._anew(captures, progress)
            return self._catch_up(captures, progress)

    def _catch_up(self, captures: Captures, progress: Progress | None) -> Report:
        self.versions.clear()  # another process may have written since
        self.states.clear()
        self.links.clear()
        report = Report()
        for source, vendor, platform, url in captures.named_sources():
            if source not in self.catalog.sources:
                walked = self.catalog.sources.get(source.removesuffix(PAST)) if source.endswith(PAST) else None
                other = Source(id=source, vendor=vendor, platform=platform, url=url, polled=False)
                self.catalog.add(past(walked) if walked else other)
        with transaction(self.conn):
            self._remember("derivation", str(DERIVATION))
            renamed = self._take_shipped(captures)
            self._derive(report)
            self._note_names(renamed or report.incidents > 0)
        last = captures.last()  # what another process adds from now on is for the next run
        pending = self._order(captures, last)
        done = 0
        while chunk := pending[done : done + CHUNK]:
            with transaction(self.conn):
                for seq, capture, body in _intact(captures, [seq for seq, _, _ in chunk], report):
                    self._try(seq, capture, body, report)
                for vendor, began in self.versions.flush():
                    self.availability.touch(vendor, instant(began))
                self._derive(report)
                self._note_names(self.states.changed or report.incidents > 0)
            done += len(chunk)
            if progress:
                progress(done, len(pending))
        with transaction(self.conn):
            self._remember("captures_read", str(last))
            self.availability.measure()
            if self._recall("names") != "listed":
                self.rows.list_found()
                self.search.list_names()
                self._remember("names", "listed")
                self.states.changed = False
            self.search.catch_up()
        return report

    def _note_names(self, changed: bool) -> None:
        """There may be regions, services or names that are not listed. Written down, so that a crash forgets nothing."""
        if changed:
            self._remember("names", "changed")

    def rebuild(self, captures: Captures, progress: Progress | None = None) -> Report:
        """Forget everything that was derived, and derive it again; readers see the old rows until it is done.

        MissingCapturesError when captures.db has not all that the archive was made from: rows would be lost.
        """
        with alone(self.path.with_suffix(".lock")):
            return self._anew(captures, progress)

    def _anew(self, captures: Captures, progress: Progress | None) -> Report:
        for (source,) in self.conn.execute("select distinct source from polls").fetchall():
            self._check_held(source, captures)
        with transaction(self.conn):
            for table in self.db.table_names():
                if not table.startswith(("_", "sqlite_")) and "_fts" not in table:
                    self.conn.execute(f"delete from [{table}]")
            self.search.clear()
            return self._catch_up(captures, progress)

    def _check_held(self, source: str, captures: Captures) -> None:
        """MissingCapturesError unless a source can be read again without loss."""
        (looks,) = self.conn.execute("select count(*) from polls where source = ?", (source,)).fetchone()
        held = captures.count(source)
        if looks > held:
            raise MissingCapturesError(self.path, source, looks, captures.path, held)

    def unreadable(self) -> set[tuple[str, str]]:
        """Addresses (source, url) whose last page could not be read."""
        return set(self.conn.execute("select source, url from pages where not readable"))

    def was_read(self, poll: str) -> bool:
        """Whether a look (`Capture.id`) found a page that could be read."""
        found = self.conn.execute("select outcome from polls where id = ?", (poll,)).fetchone()
        return found is not None and found[0] in GOOD

    def _take_shipped(self, captures: Captures) -> bool:
        """Take in the catalog and what was written by hand. Whether the catalog is another one than before."""
        digest = self.shipped.digest()
        renamed = self._recall("catalog") != digest
        if renamed:
            self.shipped.write_landmarks()
            self._forget_changed(captures)
            self.shipped.write_catalog()
            self._remember("catalog", digest)
            for vendor in self.states.vendors():
                self.states.place(vendor, self.rows.places_of(vendor))
            self._remember("captures_read", "0")  # captures of a source that is new in the catalog can be read now
        by_hand = self.shipped.landmarks_digest() + digest
        if self._recall("landmarks") != by_hand:
            self.shipped.write_landmarks()
            self._remember("landmarks", by_hand)
        return renamed

    def _forget_changed(self, captures: Captures) -> None:
        """After a change of the catalog: what a source that it no longer names has shown is not shown any more, and
        what is read in another way now is read anew. Captures stay, also those of a source that is not named.
        """
        read_as: dict[str, str] = json.loads(self._recall("read_as") or "{}")
        now = {source.id: _read_as(source) for source in self.catalog.sources.values()}
        for source, vendor in self.conn.execute("select id, vendor from sources").fetchall():
            first = self._first_look(source)
            self.availability.touch(vendor, first)  # its interval may be another
            if first and source in now and read_as.get(source, now[source]) != now[source]:
                self._check_held(source, captures)
                self._forget(source)
            elif first and source not in now:
                self._forget(source)
        self._remember("read_as", json.dumps(now))

    def _first_look(self, source: str) -> datetime | None:
        (first,) = self.conn.execute("select min(polled_at) from polls where source = ?", (source,)).fetchone()
        return instant(first) if first else None

    def _derive(self, report: Report) -> None:
        changed = {incident.partition(":")[0] for incident in self.versions.changed}
        report.incidents += len(self.versions.changed)
        report.signals += self.rows.derive()
        for vendor in sorted(self._seen | (changed & set(self.states.vendors()))):
            self.observations.settle(vendor)
        self._seen.clear()
        report.incidents += len(self.versions.changed)
        report.signals += self.rows.derive()

    def _order(self, captures: Captures, last: int) -> list[tuple[int, str, int]]:
        """(seq, source, time) of what to read, oldest first. A source with a capture older than what was read of it
        starts over.
        """
        mark = int(self._recall("captures_read") or 0)
        if mark > last:  # captures.db was put back to an earlier state, and gives out numbers again
            mark = 0
        fresh = [row for row in captures.pending(mark) if not self._polled(*row)]
        oldest: dict[str, int] = {}
        for _, source, at in fresh:
            oldest[source] = min(at, oldest.get(source, at))
        for source, at in oldest.items():
            (newest,) = self.conn.execute("select max(polled_at) from polls where source = ?", (source,)).fetchone()
            if newest and at < instant(newest).timestamp():
                self._check_held(source, captures)
                self._forget(source)
                fresh = [row for row in fresh if row[1] != source] + captures.of_source(source)
        return sorted(fresh, key=lambda row: (row[2], row[0]))

    def _polled(self, seq: int, source: str, at: int) -> bool:
        when = stamp(datetime.fromtimestamp(at, UTC))
        found = self.conn.execute(
            "select 1 from polls where capture = ? and source = ? and polled_at = ?", (seq, source, when)
        ).fetchone()
        return found is not None

    def _forget(self, source: str) -> None:
        with transaction(self.conn):
            self.versions.forget_source(source)
            self.links.forget_source(source)
            (vendor,) = self.conn.execute("select vendor from sources where id = ?", (source,)).fetchone()
            self.observations.forget_source(vendor, source)
            self.availability.touch(vendor, self._first_look(source))
            for table in ("polls", "signals", "pages", "shown", "watched", "coverage"):
                self.conn.execute(f"delete from {table} where source = ?", (source,))
            self.states.clear()
            self._seen.add(vendor)
            self._remember("captures_read", "0")  # should this run not finish, the next one finds them unread
            self.rows.derive()

    def _recall(self, key: str) -> str | None:
        row = self.conn.execute("select value from meta where key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _remember(self, key: str, value: str) -> None:
        self.conn.execute("insert or replace into meta values (?, ?)", (key, value))

    # One capture

    def _try(self, seq: int, capture: Capture, body: int | None, report: Report) -> None:
        """Take a capture; one that cannot be taken is reported, logged as unreadable, and stops no other."""
        try:
            with part(self.conn):
                self._take(seq, capture, body, report)
        except MISTAKES as error:
            self.versions.clear_known()
            self.states.clear()
            self.links.clear()
            problem = f"could not be stored: {type(error).__name__}: {error}"
            report.signals[capture.source, "not-stored", capture.url, problem] += 1
            source = self.catalog.sources[capture.source]
            self._log(seq, capture, source, _Look("unreadable", problem), None)

    def _take(self, seq: int, capture: Capture, body: int | None, report: Report) -> None:
        """Log the look, and store what the page says if it says anything new."""
        source = self.catalog.sources.get(capture.source)
        if source is None or source.platform not in PLATFORMS:
            why = "the catalog does not name it" if source is None else f"no platform {source.platform!r}"
            problem = f"{capture.url}: {why}; its captures are kept"
            report.signals[capture.source, "unknown-source", "source", problem] += 1
            return
        before = self._page_before(source.id, capture.url)
        look = _look(capture, body, source, before)
        at = stamp(capture.fetched_at)
        self._log(seq, capture, source, look, before)
        report.outcomes[look.outcome] += 1
        if look.page is not None:
            self._take_page(source, capture, body, look.page, before, report)
        elif look.outcome == "unreadable":
            if before is None or before.readable:
                for name in looks_like(capture, source):
                    self._count(source.id, "looks-like", capture.url, name, at)
            # The incidents of the page before stay those to compare with; a 304 now means: still unreadable.
            self.conn.execute(
                """insert into pages values (?, ?, 0, null, null, '[]', '[]')
                on conflict (source, url) do update set readable = 0""",
                (source.id, capture.url),
            )
        elif before and look.outcome != "error":
            for key in before.keys:
                self.versions.see(f"{source.vendor}:{key}", View(source.id, capture.url), at)

    def _page_before(self, source: str, url: str) -> _Before | None:
        row = self.conn.execute(
            "select readable, body, reach, keys, missing from pages where source = ? and url = ?", (source, url)
        ).fetchone()
        if row is None:
            return None
        return _Before(bool(row[0]), row[1], row[2], tuple(json.loads(row[3])), tuple(json.loads(row[4])))

    def _log(self, seq: int, capture: Capture, source: Source, look: _Look, before: _Before | None) -> None:
        at = stamp(capture.fetched_at)
        reach = None
        if look.page and look.page.reach:
            reach = stamp(look.page.reach)
        elif before and look.outcome in ("same", "not-modified"):
            reach = before.reach
        self.availability.touch(source.vendor, capture.fetched_at, self._previous_look(source.id, capture.url, at))
        self.conn.execute(
            "insert or replace into polls values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                capture.id, source.id, capture.url, at, look.outcome, capture.status, seq,
                None if capture.body is None else len(capture.body), capture.milliseconds, look.error, reach,
            ),
        )  # fmt: skip
        changed = ", last_changed_at = :at" if look.outcome == "new" else ""
        self.conn.execute(
            f"update sources set last_polled_at = :at, last_outcome = :outcome{changed} where id = :source",
            {"at": at, "outcome": look.outcome, "source": source.id},
        )

    def _previous_look(self, source: str, url: str, at: str) -> datetime | None:
        (previous,) = self.conn.execute(
            "select max(polled_at) from polls where source = ? and url = ? and polled_at < ?", (source, url, at)
        ).fetchone()
        return instant(previous) if previous else None

    def _last_read(self, source: str, url: str, at: str) -> str | None:
        """When the address was last read before `at`."""
        row = self.conn.execute(
            """select polled_at from polls where source = ? and url = ? and polled_at < ?
            and outcome in ('new', 'same', 'not-modified') order by polled_at desc limit 1""",
            (source, url, at),
        ).fetchone()
        return row[0] if row else None

    def _take_page(
        self, source: Source, capture: Capture, body: int | None, page: Page, before: _Before | None, report: Report
    ) -> None:
        view, at = View(source.id, capture.url), stamp(capture.fetched_at)
        last = self._last_read(source.id, capture.url, at)
        for signal in page.signals:
            self._count(source.id, signal.kind, signal.where, signal.detail, at)
            report.signals[source.id, signal.kind, signal.where, signal.detail] += 1
        fresh = False
        for record in page.incidents:
            began = record.first_posted_at or record.started_at
            fresh |= self.versions.show(f"{source.vendor}:{record.key}", view, record, began, at, last)
        if page.components:
            places = self.rows.places_of(source.vendor)
            changed = self.states.note(source, capture.url, page.components, places, at, last)
            self.versions.changed |= self.observations.concerned(source.vendor, view, changed, last)
            if changed:
                self._seen.add(source.vendor)
        keys = [record.key for record in page.incidents]
        absent = sorted(set(before.keys + before.missing if before else ()) - set(keys))
        self.links.note(
            view,
            [f"{source.vendor}:{key}" for key in keys],
            [f"{source.vendor}:{key}" for key in absent],
            fresh,
            capture.fetched_at,
            page.open_only,
        )
        if page.open_only:
            for key in absent:
                self.versions.vanish(f"{source.vendor}:{key}", view, at, last, left=True)
            absent = []
        elif page.reach is not None:
            for key in absent:
                report.vanished += self._miss(f"{source.vendor}:{key}", view, page.reach, at, last)
            absent = []
        list_lost = before and before.keys and before.reach and not keys and not (page.open_only or page.reach)
        if self._suddenly_empty(source.id, capture.url, bool(keys or page.components), page.open_only) or list_lost:
            self._count(source.id, "no-items", capture.url, "nothing, where there was always something", at)
        self.conn.execute(
            "insert or replace into pages values (?, ?, 1, ?, ?, ?, ?)",
            (source.id, capture.url, body, stamp(page.reach) if page.reach else None, json.dumps(keys),
             json.dumps(absent)),
        )  # fmt: skip

    def _suddenly_empty(self, source: str, url: str, something: bool, open_only: bool) -> bool:
        """Note whether a page shows anything. Whether it shows nothing and never did so before; a list of what is open
        may.
        """
        row = self.conn.execute(
            "select filled, empty from shown where source = ? and url = ?", (source, url)
        ).fetchone()
        filled, empty = row or (0, 0)
        sudden = not something and not open_only and filled >= _ALWAYS and not empty
        if not sudden:  # or the next one would be nothing new
            self.conn.execute(
                "insert or replace into shown values (?, ?, ?, ?)",
                (source, url, filled + something, empty + (not something)),
            )
        return sudden

    def _miss(self, incident: str, view: View, reach: datetime, at: str, last: str | None) -> bool:
        """The incident was on the page before. Whether it has vanished, or only left the list."""
        began = self.versions.began(incident, view)
        if began is None or instant(began) <= reach:
            return False
        return self.versions.vanish(incident, view, at, last)

    def _count(self, source: str, kind: str, place: str, detail: str, at: str) -> None:
        self.conn.execute(
            """insert into signals values (?, ?, ?, ?, 1, ?, ?) on conflict (source, kind, place, detail)
            do update set count = count + 1, last_seen_at = excluded.last_seen_at""",
            (source, kind, place, detail, at, at),
        )


def _read_as(source: Source) -> str:
    """All that decides what is read in the captures of a source."""
    told = (source.vendor, source.platform, source.url, source.timezone, source.zones, source.date_formats)
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:16]


def _look(capture: Capture, body: int | None, source: Source, before: _Before | None) -> _Look:
    """What came of a look; the reader is asked only where the bytes are new."""
    readable = before is not None and before.readable
    if capture.status is None:
        return _Look("error", capture.error)
    if capture.status == 304:
        return _Look("not-modified") if readable else _Look("unreadable", "304, but no page to go by")
    if capture.status != 200 or capture.body is None:
        return _Look("error", capture.error or f"HTTP {capture.status}")
    if before is not None and readable and before.body == body:
        return _Look("same")
    try:
        return _Look("new", page=_read(capture, capture.body, source))
    except Unreadable as error:
        return _Look("unreadable", str(error))
    except Exception as error:  # a reader's mistake costs one page, never the round; `outages rebuild` reads it again
        return _Look("unreadable", f"the reader failed: {type(error).__name__}: {error}")


def _read(capture: Capture, body: bytes, source: Source) -> Page:
    """What the page says, as far as it can be."""
    whole = with_whole_signs(body)
    if whole is body:
        return plausible(reader(source.platform)(capture, source), capture.fetched_at)
    page = reader(source.platform)(msgspec.structs.replace(capture, body=whole), source)
    halved = Signal("bad-value", "body", "half of a surrogate pair")
    return plausible(msgspec.structs.replace(page, signals=(*page.signals, halved)), capture.fetched_at)


def _intact(captures: Captures, seqs: Sequence[int], report: Report) -> Iterator[tuple[int, Capture, int | None]]:
    """The captures; one whose bytes are damaged is reported and does not stop the others."""
    for seq in seqs:
        try:
            yield from captures.read([seq])
        except CorruptBodyError as error:
            report.signals["captures.db", "corrupt-body", str(seq), str(error)] += 1


def chunks(captures: Iterable[Capture], size: int = CHUNK) -> Iterator[list[Capture]]:
    """Captures in lists of at most `size`."""
    iterator = iter(captures)
    while chunk := list(islice(iterator, size)):
        yield chunk
