"""What the archive knew of an incident at an instant, beside what it knows today.

Everything is made from the versions that each address showed; nothing is known at an instant that a later
look brought. What was written by hand is left out: no look showed it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from crawler import history
from crawler.archive.rows import merge
from crawler.archive.versions import Versions, View, Views
from crawler.records import Incident, Update, instant, stamp
from crawler.site.wording import ITEMS, WHOLE, WORDS, Piece, compare

Standing = Literal["not seen yet", "shown", "vanished"]
Remark = Literal["as it was", "changed since", "added since", "taken away since"]

_LATEST = datetime.max.replace(tzinfo=UTC)
#: Fields of which a part may change.
_UNITS = {"title": WORDS, "services": ITEMS, "regions": ITEMS, "service_text": ITEMS, "region_text": ITEMS}
#: What a change is called in the list of instants.
_CALLED = {
    "update added": "message added",
    "update removed": "message taken away",
    "update text": "message changed",
    "update state": "message changed",
    "update posted_at": "message changed",
}


class Field(msgspec.Struct, frozen=True):
    """A field of the incident as it read then (None: nothing) and as it reads today; in pieces if that differs."""

    name: str
    then: str | None
    today: str | None
    changed: bool
    pieces: list[Piece]


class Message(msgspec.Struct, frozen=True):
    """An update as it read then and as it reads today; None where there was or is none."""

    name: str
    posted_at: str | None
    state: str | None
    state_today: str | None
    remark: Remark
    then: str | None
    today: str | None
    pieces: list[Piece]


class Look(msgspec.Struct, frozen=True):
    """An address that had shown the incident: since which look so, and the last look at it up to the instant."""

    source: str
    url: str
    standing: Literal["shown", "no longer listed", "taken away"]
    since: str
    looked_at: str | None
    outcome: str | None
    poll: str | None


class Instant(msgspec.Struct, frozen=True):
    """A look that showed something else than what was known before."""

    at: str
    what: str


class Story(msgspec.Struct, frozen=True):
    """An incident at an instant and today. Times are UTC text. Fields and messages are empty before the first look."""

    incident: str
    at: str
    standing: Standing
    standing_today: Standing
    title: str
    state: str | None
    fields: list[Field]
    messages: list[Message]
    looks: list[Look]
    instants: list[Instant]
    previous: Instant | None
    next: Instant | None

    @property
    def changed(self) -> int:
        """How many fields and messages are different today."""
        return sum(f.changed for f in self.fields) + sum(m.remark != "as it was" for m in self.messages)


def tell(conn: sqlite3.Connection, incident: str, at: datetime | None = None) -> Story | None:
    """The incident at that instant, the first look at it by default. None when no look ever showed it."""
    versions = {view: seen for view, seen in Versions(conn).of(incident).items() if not view.by_hand}
    if not any(version.record for seen in versions.values() for version in seen):
        return None
    last_seen = {
        View(source, url): instant(seen)
        for source, url, seen in conn.execute(
            "select source, url, last_seen_at from sightings where incident = ?", (incident,)
        )
    }
    instants = list(_instants(versions, last_seen))
    at = at or instant(instants[0].at)
    standing, then = _known(versions, last_seen, at)
    standing_today, today = _known(versions, last_seen, _LATEST)
    assert today is not None
    return Story(
        incident=incident,
        at=stamp(at),
        standing=standing,
        standing_today=standing_today,
        title=(then or today).title,
        state=then.state if then else None,
        fields=_fields(then, today) if then else [],
        messages=_messages(then, today) if then else [],
        looks=list(_looks(conn, versions, last_seen, at)),
        instants=instants,
        previous=next((i for i in reversed(instants) if i.at < stamp(at)), None),
        next=next((i for i in instants if i.at > stamp(at)), None),
    )


def _known(versions: Views, last_seen: Mapping[View, datetime], at: datetime) -> tuple[Standing, Incident | None]:
    """What was known at an instant: where it stood, and the record made of what all addresses had shown."""
    known = {view: [v for v in seen if v.seen_at <= at] for view, seen in versions.items()}
    known = {view: seen for view, seen in known.items() if any(v.record for v in seen)}
    if not known:
        return "not seen yet", None
    gone = [seen[-1].seen_at for seen in known.values() if seen[-1].record is None and not seen[-1].left]
    seen_at = [min(last_seen.get(view, at), at) for view, seen in known.items() if seen[-1].record is not None]
    vanished = bool(gone) and max(seen_at, default=datetime.min.replace(tzinfo=UTC)) < max(gone)
    return "vanished" if vanished else "shown", merge(known)[0]


def _instants(versions: Views, last_seen: Mapping[View, datetime]) -> Iterator[Instant]:
    """Each look that changed what was known, oldest first."""
    stood: Standing = "not seen yet"
    before: Incident | None = None
    for at in sorted({version.seen_at for seen in versions.values() for version in seen}):
        standing, record = _known(versions, last_seen, at)
        if record is None:
            continue
        if before is None:
            what = ["first seen"]
        else:
            told = Counter(
                _CALLED.get(r.field, r.field.replace("_", " "))
                for r in history.differences(*_alike(before, record), at)
            )
            what = [name if number == 1 else f"{number} × {name}" for name, number in told.items()]
            if standing != stood:
                what.insert(0, "vanished" if standing == "vanished" else "returned")
        if what:
            yield Instant(stamp(at), ", ".join(what))
        stood, before = standing, record


def _alike(one: Incident, other: Incident) -> tuple[Incident, Incident]:
    """Both with the same kind of names for their messages: by time where the platforms' ids have nothing in common,
    as when another address leads now.
    """
    if {u.key for u in one.updates} & {u.key for u in other.updates} - {None}:
        return one, other
    return _without_keys(one), _without_keys(other)


def _without_keys(record: Incident) -> Incident:
    return msgspec.structs.replace(
        record, updates=tuple(msgspec.structs.replace(update, key=None) for update in record.updates)
    )


def _fields(then: Incident, today: Incident) -> list[Field]:
    changed = {r.field for r in history.differences(then, today, _LATEST) if r.update is None}
    was, now = history.fields(then), history.fields(today)
    return [
        Field(
            name=name,
            then=value,
            today=now[name] if name in changed else value,
            changed=name in changed,
            pieces=compare(value or "", now[name] or "", _UNITS.get(name, WHOLE)) if name in changed else [],
        )
        for name, value in was.items()
        if value is not None or name in changed
    ]


def _messages(then: Incident, today: Incident) -> list[Message]:
    """The messages of then and of today in the order of posting."""
    then, today = _alike(then, today)
    changed = {r.update for r in history.differences(then, today, _LATEST)}
    was, now = history.name_updates(then), history.name_updates(today)
    told = [_message(name, was.get(name), now.get(name), name in changed) for name in {**was, **now}]
    return sorted(told, key=lambda message: message.posted_at or "")


def _message(name: str, was: Update | None, now: Update | None, changed: bool) -> Message:
    remark: Remark = "changed since" if changed else "as it was"
    if was is None or now is None:
        remark = "added since" if was is None else "taken away since"
    update = was or now
    assert update is not None
    then, today = was.text if was else None, now.text if now else None
    return Message(
        name=name,
        posted_at=stamp(update.posted_at) if update.posted_at else None,
        state=update.state_text or update.state,
        state_today=(now.state_text or now.state) if now else None,
        remark=remark,
        then=then,
        today=today,
        # Where only blanks and emphasis differ, nothing is marked.
        pieces=[Piece("same", update.text)] if remark == "as it was" else compare(then or "", today or ""),
    )


def _looks(
    conn: sqlite3.Connection, versions: Views, last_seen: Mapping[View, datetime], at: datetime
) -> Iterator[Look]:
    for view, seen in versions.items():
        known = [version for version in seen if version.seen_at <= at]
        if not known:
            continue
        row = conn.execute(
            """select id, polled_at, outcome from polls where source = ? and url = ? and polled_at <= ?
            order by polled_at desc limit 1""",
            (*view, stamp(at)),
        ).fetchone()
        poll, looked_at, outcome = row or (None, None, None)
        standing: Literal["shown", "no longer listed", "taken away"] = "shown"
        if known[-1].record is None:
            standing = "no longer listed" if known[-1].left else "taken away"
        elif view in last_seen and looked_at and stamp(last_seen[view]) < _last_good(conn, view, at):
            standing = "no longer listed"
        yield Look(view.source, view.url, standing, stamp(known[-1].seen_at), looked_at, outcome, poll)


def _last_good(conn: sqlite3.Connection, view: View, at: datetime) -> str:
    """The last look at an address up to an instant that could be read; empty when there was none."""
    row = conn.execute(
        """select polled_at from polls where source = ? and url = ? and polled_at <= ?
        and outcome in ('new', 'same', 'not-modified') order by polled_at desc limit 1""",
        (*view, stamp(at)),
    ).fetchone()
    return row[0] if row else ""
