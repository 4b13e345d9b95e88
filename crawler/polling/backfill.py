"""A walk into the past of one source: what to ask for next, and what is in captures.db already.

No network here; `crawler.polling.walker` asks. A walk begins anew each time and takes from captures.db whatever it has already
been answered, so that after an interruption, however rude, it goes on where it stopped.

What it finds is kept under a source of its own, `<source>-past`, beside the one that is polled: when that was looked at,
how it fares and what it covers is told by rounds alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

import msgspec

from crawler.captures import Captures
from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.records import Capture, Incident, Page, Unreadable

#: What a walk keeps is of the source whose id has this behind it.
PAST = "-past"
#: Lists move on as time does: one that was answered longer ago is asked for again. What stands in them does not.
FRESH = timedelta(days=7)
#: There is no such thing, and there will not be.
GONE = frozenset({404, 410})
#: The host wants to be left alone.
ENOUGH = frozenset({429, 503})
#: So many failures one after the other end a walk.
PATIENCE = 5


class NoPastError(Exception):
    """The platform of a source keeps no past, as far as is known."""


def past(source: Source) -> Source:
    """The source under which a walk keeps what it finds.

    It has no interval, so that two looks at one address, which show nothing of what was new in between, never count
    as watching.
    """
    return msgspec.structs.replace(source, id=f"{source.id}{PAST}", polled=False, every="0s", since=None, until=None)


class Told(msgspec.Struct):
    """What a walk did."""

    asked: int = 0
    kept: int = 0  # answers that were in captures.db already
    incidents: set[str] = msgspec.field(default_factory=set)  # keys of those met
    oldest: datetime | None = None
    gone: int = 0
    failed: dict[str, str] = msgspec.field(default_factory=dict)  # why, by address
    left: int = 0  # addresses that are known and were not asked
    stopped: str | None = None  # why the walk ended before there was nothing left


class Walk:
    """What to ask for next. Lists come first, then the incidents they name, then what failed, once more."""

    def __init__(
        self,
        source: Source,
        platform: Platform,
        captures: Captures,
        now: datetime,
        *,
        since: datetime | None = None,
        most: int | None = None,
        again: bool = False,
    ) -> None:
        """`since`: nothing that began before. `most`: requests. `again`: also what is in captures.db.

        NoPastError when there is nothing to ask for.
        """
        first = tuple(platform.history(source, now)) if platform.history else ()
        if not first:
            raise NoPastError(f"{source.id}: {source.platform} publishes no past that could be walked")
        self.source = source
        self.own = past(source)
        self.told = Told()
        self._platform = platform
        self._captures = captures
        self._now = now
        self._since = since
        self._most = most
        self._again = again
        self._lists: deque[Ask] = deque()
        self._records: deque[Ask] = deque()
        self._once_more: deque[Ask] = deque()
        self._met: set[str] = set()
        self._named: set[str] = set()  # addresses of single incidents
        self._failures = 0  # one after the other
        self._push(self._lists, first)
        captures.name_source(self.own.id, source.vendor, source.platform, source.url)

    def next(self) -> Ask | None:
        """The next request; None when there is none, or no more may be made."""
        while not self.told.stopped and (queue := self._queue()):
            ask = queue[0]
            page_and_capture = None if self._again or queue is self._once_more else self._answered(ask)
            if page_and_capture is None and self.told.asked == self._most:
                self.told.stopped = f"{self._most} requests were made"
                break
            queue.popleft()
            if page_and_capture is None:
                self.told.asked += 1
                return ask
            self.told.kept += 1
            self._learn(ask, *page_and_capture)
        self.told.left = len(self._lists) + len(self._records) + len(self._once_more)
        return None

    def heard(self, ask: Ask, capture: Capture) -> None:
        """Keep an answer, and learn from it what else there is."""
        self._captures.add([capture])
        if capture.status == 304:
            capture = self._last(ask.address) or capture
        if capture.status == 200 and (page := self._read(capture)):
            self._failures = 0
            self.told.failed.pop(ask.address, None)
            self._learn(ask, page, capture)
        elif capture.status in GONE:
            self._failures = 0
            self.told.gone += 1
        else:
            self._fail(ask, capture)

    @property
    def ahead(self) -> tuple[int, int]:
        """How many addresses were dealt with, and how many are known."""
        done = self.told.asked + self.told.kept
        return done, done + len(self._lists) + len(self._records)

    def _queue(self) -> deque[Ask] | None:
        return next((queue for queue in (self._lists, self._records, self._once_more) if queue), None)

    def _push(self, queue: deque[Ask], asks: Iterable[Ask]) -> None:
        for ask in asks:
            if ask.address not in self._met:
                self._met.add(ask.address)
                queue.append(ask)

    def _fail(self, ask: Ask, capture: Capture) -> None:
        why = capture.error or (f"HTTP {capture.status}" if capture.status != 200 else "its body could not be read")
        if ask.address not in self.told.failed:
            self._once_more.append(ask)
        self.told.failed[ask.address] = why
        self._failures += 1
        if capture.status in ENOUGH and self._failures > 1:
            self.told.stopped = f"the host asked for a pause ({why})"
        elif self._failures >= PATIENCE:
            self.told.stopped = f"{self._failures} failures one after the other, the last: {why}"

    def _learn(self, ask: Ask, page: Page, capture: Capture) -> None:
        for incident in page.incidents:
            self.told.incidents.add(incident.key)
            began = _began(incident)
            if began and (self.told.oldest is None or began < self.told.oldest):
                self.told.oldest = began
        if ask.address in self._named or capture.status != 200:
            return
        wanted = [incident for incident in page.incidents if not self._too_old(incident)]
        if wanted or not page.incidents:
            self._push(self._lists, self._platform.older(capture, self.source))
        if self._platform.record:
            records = [
                self._platform.record(self.source, incident.key)
                for incident in wanted
                if incident.newest_only or not incident.updates
            ]
            self._named.update(record.address for record in records if record.address not in self._met)
            self._push(self._records, records)

    def _too_old(self, incident: Incident) -> bool:
        began = _began(incident)
        return self._since is not None and began is not None and began < self._since

    def _answered(self, ask: Ask) -> tuple[Page, Capture] | None:
        """What captures.db has of an address, and what it says. None when it is to be asked for."""
        capture = self._last(ask.address)
        if capture is None or (ask.address not in self._named and self._now - capture.fetched_at > FRESH):
            return None
        if capture.status in GONE:
            return Page(), capture
        page = self._read(capture)
        return (page, capture) if page else None

    def _read(self, capture: Capture) -> Page | None:
        try:
            return self._platform.read(capture, self.source)
        except Unreadable:
            return None
        except Exception:  # a reader's mistake costs one page, as in the archive, which reports it
            return None

    def _last(self, address: str) -> Capture | None:
        """The last answer that said something, whether a walk or a round got it."""
        row = self._captures.conn.execute(
            f"""select seq from captures join addresses on addresses.id = address
            where source in (?, ?) and url = ? and status in (200, {", ".join(map(str, GONE))})
            order by fetched_at desc limit 1""",
            (self.own.id, self.source.id, address),
        ).fetchone()
        return next(self._captures.read([row[0]]))[1] if row else None


def _began(incident: Incident) -> datetime | None:
    day = datetime.combine(incident.day, time(23, 59), UTC) if incident.day else None
    return incident.first_posted_at or incident.started_at or day
