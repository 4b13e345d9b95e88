"""What one round asks for, by what the archive knows, and what came of it.

Nothing about the schedule is kept anywhere: when a source was asked stands in captures.db, what it showed in
outages.db, and `crawler.polling.schedule` has the rules.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from crawler.captures import Captures
from crawler.catalog import Source
from crawler.coverage import GOOD
from crawler.database import MISTAKES
from crawler.platform import Ask
from crawler.polling import schedule
from crawler.polling.schedule import Known
from crawler.records import DOWN, OVER, Capture, Severity, State, instant, stamp
from spiders import PLATFORMS, platform

#: Failures that are counted; with more, the back-off has long reached its end.
COUNTED = 12
#: A look fails together with so many other sources, and none answers: it is our own network that is down.
OTHERS = 3

#: What an answer is called that is kept, and that the archive has not read yet.
UNREAD = "not read yet"

#: What a page without a record for this incident answers: it is not asked for again.
GONE = frozenset({404, 410})

_DAMAGED = (*sorted(DOWN), Severity.DEGRADED.value)
_CALM = (*sorted(OVER), State.SCHEDULED.value)


class Round(NamedTuple):
    """What to ask for: sources, and records of incidents that are over."""

    sources: list[Source]
    records: list[tuple[Source, Ask]]


class _Look(NamedTuple):
    """The newest look at an address. `began`: when it was asked for."""

    began: datetime
    status: int | None
    headers: dict[str, str]


def plan(
    captures: Captures,
    conn: sqlite3.Connection,
    sources: Iterable[Source],
    now: datetime,
    *,
    spread: float = 0,
    everything: bool = False,
) -> Round:
    """What is due of these sources, longest overdue first, and no more for a host than fits into a round.

    `conn` is open on outages.db; `spread` is the seconds over which the round will spread its requests;
    `everything`: all of the sources, due or not, and no records.
    """
    current = [source for source in sources if is_current(source, now)]
    if everything:
        return Round(current, [])
    opened, changed, failed = _open(conn, now), _changed(conn), _failing(conn)
    cut_off = _CutOff(conn)
    overdue: list[tuple[datetime, Source]] = []
    held: set[str] = set()
    never = datetime.min.replace(tzinfo=UTC)
    for source in current:
        at = now + timedelta(seconds=spread * schedule.share(source.id))
        looks = [look for ask in _asks(source, now) if (look := _newest(captures.conn, source.id, ask.address, now))]
        last = max(looks, key=lambda look: look.began, default=None)
        known = Known(
            asked=last.began if last else None,
            changed=changed.get(source.id),
            open=source.id in opened,
            failures=_failures(conn, source, now, cut_off) if source.id in failed else 0,
            held=_held(source, last),
        )
        due = schedule.due_at(source.id, source.interval, known, at)
        if known.failures or (known.held and known.held > at):
            held.add(source.host)
        if due is None or due <= at:
            overdue.append((due or never, source))
    overdue.sort(key=lambda pair: (pair[0], pair[1].id))
    records = _records(captures, conn, {s.id: s for s in current if s.host not in held}, now)
    return Round(_that_fit([source for _, source in overdue], now), list(records))


def is_current(source: Source, now: datetime) -> bool:
    """Whether the source is published at that time, on a platform that is known, and has the keys it needs."""
    day = now.date()
    return (
        source.platform in PLATFORMS
        and not (source.since and day < source.since)
        and not (source.until and day >= source.until)
        and not source.lacks
    )


def _asks(source: Source, now: datetime) -> list[Ask]:
    return list(platform(source.platform).addresses(source, now))


def _that_fit(sources: Iterable[Source], now: datetime) -> list[Source]:
    """As many of each host, in this order, as its pauses leave room for; one at least."""
    chosen: list[Source] = []
    taken: dict[str, timedelta] = defaultdict(timedelta)
    for source in sources:
        cost = timedelta(seconds=source.delay) * len(_asks(source, now))
        if source.host not in taken or taken[source.host] + cost <= schedule.HOST_SHARE:
            taken[source.host] += cost
            chosen.append(source)
    return chosen


def _newest(conn: sqlite3.Connection, source: str, url: str, now: datetime) -> _Look | None:
    """None that lies ahead: a clock that was wrong once must not end the watching until then."""
    row = conn.execute(
        """select fetched_at, milliseconds, status, captures.headers, headers.headers from captures
        left join headers on headers.id = shared
        where address = (select id from addresses where source = ? and url = ?) and fetched_at <= ?
        order by fetched_at desc limit 1""",
        (source, url, (now + schedule.GRACE).timestamp()),
    ).fetchone()
    if row is None:
        return None
    headers: dict[str, str] = {}
    for text in row[3:]:
        headers |= msgspec.json.decode(text) if text else {}
    began = datetime.fromtimestamp(row[0], UTC) - timedelta(milliseconds=row[1] or 0)
    return _Look(began, row[2], headers)


def _held(source: Source, last: _Look | None) -> datetime | None:
    return schedule.held_until(source.interval, last.status, last.headers, last.began) if last else None


def _open(conn: sqlite3.Connection, now: datetime) -> set[str]:
    """Sources that show an incident that goes on, or a component that is not well."""
    since = stamp(now - schedule.OPEN_FRESH)
    calm, bad = (", ".join("?" * len(words)) for words in (_CALM, _DAMAGED))
    rows = conn.execute(
        f"""select s.source from incidents i join sightings s on s.incident = i.id
        where i.ended_at is null and i.vanished_at is null and i.state not in ({calm}) and s.last_seen_at >= ?
        union select source from (select source, severity, max(seen_at) from component_states
          group by source, url, component) where severity in ({bad})""",
        (*_CALM, since, *_DAMAGED),
    )
    return {source for (source,) in rows}


def _changed(conn: sqlite3.Connection) -> dict[str, datetime]:
    rows = conn.execute("select id, last_changed_at from sources where last_changed_at is not null")
    return {source: instant(at) for source, at in rows}


def _failing(conn: sqlite3.Connection) -> set[str]:
    return {source for (source,) in conn.execute("select id from sources where last_outcome = 'error'")}


def _failures(conn: sqlite3.Connection, source: Source, now: datetime, cut_off: _CutOff) -> int:
    """Looks in a row, up to now, at the address that fails longest. Those when nobody answered are not the source's."""
    longest = 0
    for ask in _asks(source, now):
        failed = 0
        for at, outcome in conn.execute(
            "select polled_at, outcome from polls where source = ? and url = ? order by polled_at desc limit ?",
            (source.id, ask.address, COUNTED),
        ):
            if outcome != "error":
                break
            failed += not cut_off.at(instant(at))
        longest = max(longest, failed)
    return longest


class _CutOff:
    """When several sources were asked and nobody answered anything."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.minutes: dict[datetime, bool] = {}

    def at(self, moment: datetime) -> bool:
        """Whether it was so about then."""
        minute = moment.replace(second=0)
        if minute not in self.minutes:
            asked, answered = self.conn.execute(
                "select count(distinct source), count(http_status) from polls where polled_at between ? and ?",
                (stamp(minute - schedule.ROUND), stamp(minute + 2 * schedule.ROUND)),
            ).fetchone()
            self.minutes[minute] = asked > OTHERS and not answered
        return self.minutes[minute]


def _records(
    captures: Captures, conn: sqlite3.Connection, sources: dict[str, Source], now: datetime
) -> Iterator[tuple[Source, Ask]]:
    """The records that are due, of incidents that ended lately, those that ended last first."""
    count: Counter[str] = Counter()
    seen: set[str] = set()
    oldest = stamp(now - schedule.RECORD_AGES[-1] - timedelta(days=2))
    able = [name for name, source in sources.items() if platform(source.platform).record]
    over = ", ".join("?" * len(OVER))
    rows = conn.execute(
        f"""select s.source, i.key, coalesce(i.resolved_posted_at, i.ended_at) as over from incidents i
        join sightings s on s.incident = i.id
        where i.state in ({over}) and s.source in (select value from json_each(?))
        and coalesce(i.resolved_posted_at, i.ended_at) between ? and ? order by over desc, i.id, s.source""",
        (*sorted(OVER), msgspec.json.encode(able).decode(), oldest, stamp(now)),
    )
    for name, key, ended in rows.fetchall() if able else ():
        source = sources[name]
        if count[source.host] >= schedule.RECORDS_A_ROUND:
            continue
        ask = _record(source, key, now)
        if ask is None or ask.address in seen:
            continue
        seen.add(ask.address)
        last = _newest(captures.conn, name, ask.address, now)
        if last and last.status in GONE:
            continue
        if schedule.record_due(instant(ended), last.began if last else None, now):
            count[source.host] += 1
            yield source, ask


def _record(source: Source, key: str, now: datetime) -> Ask | None:
    """Where the record of an incident is; None when it has none but what the source shows anyway."""
    find = platform(source.platform).record
    try:
        ask = find(source, key) if find else None
    except MISTAKES:  # a key in another shape than the platform gives out today
        return None
    return None if ask is None or ask.address in {a.address for a in _asks(source, now)} else ask


class Heard(NamedTuple):
    """What is remembered of a capture until the end of the round: not its body."""

    id: str
    source: str
    status: int | None
    error: str | None
    size: int

    @classmethod
    def of(cls, capture: Capture) -> Heard:
        """Of a capture."""
        return cls(capture.id, capture.source, capture.status, capture.error, len(capture.body or b""))


class Summary(msgspec.Struct, kw_only=True):
    """What came of a round."""

    at: str
    #: Sources in the catalog, and sources and records that were asked for.
    catalog: int = 0
    asked: int = 0
    records: int = 0
    #: Answers and failures by what they brought: `new`, `same`, `not-modified`, `unreadable`, or `UNREAD`.
    outcomes: dict[str, int] = {}
    #: Failures by reason: `timeout`, `refused`, `HTTP 503`, ...
    failed: dict[str, int] = {}
    #: Bytes of bodies, as unpacked.
    bytes: int = 0
    #: Asking, also in seconds of the processor, and reading what came.
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    reading_seconds: float = 0.0
    #: Incidents whose rows were written.
    incidents: int = 0

    def line(self) -> str:
        """For people, in one line."""
        parts = [f"{self.asked} sources asked, {self.catalog} in the catalog"]
        if self.records:
            parts.append(f"{self.records} records of ended incidents")
        parts += [f"{count} {outcome}" for outcome, count in self.outcomes.items()]
        if self.failed:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.failed.items())
            parts.append(f"{sum(self.failed.values())} failed ({reasons})")
        parts.append(f"{self.bytes:,} bytes in {self.seconds:.1f} s, read in {self.reading_seconds:.1f} s")
        return "; ".join(parts)


def summarise(conn: sqlite3.Connection, heard: Iterable[Heard], summary: Summary) -> bool:
    """Count what was heard into the summary. Returns whether any of it could be read, or will be read later."""
    outcomes: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for capture in heard:
        row = conn.execute("select outcome, error from polls where id = ?", (capture.id,)).fetchone()
        outcome, error = row or (UNREAD, None)
        summary.bytes += capture.size
        if outcome == "error":
            failed[(error or "failed").partition(":")[0]] += 1
        else:
            outcomes[outcome] += 1
    summary.outcomes, summary.failed = dict(outcomes.most_common()), dict(failed.most_common())
    return any(outcome in GOOD or outcome == UNREAD for outcome in outcomes)
