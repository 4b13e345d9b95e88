"""What a vendor published about one incident, and what it changed, added later or took away.

Pure: the distinct versions of an incident as one source showed them, oldest first, in; updates with when
they were first seen and removed, and revisions, out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from crawler.records import Incident, State, Update, stamp


class Version(NamedTuple):
    """What the source showed from `seen_at` on; no record: the incident had vanished or, `left`, the page lists only
    what is open and listed it no more. `before_at` is the look before, None when there was none.
    """

    seen_at: datetime
    record: Incident | None
    left: bool = False
    before_at: datetime | None = None


class Kept(NamedTuple):
    """An update with its life in the archive. `name` is unique in its incident."""

    name: str
    update: Update
    first_seen_at: datetime
    removed_at: datetime | None


class Revision(NamedTuple):
    """One thing that was already published and is different now."""

    update: str | None
    seen_at: datetime
    field: str
    before: str | None
    after: str | None


def name_updates(record: Incident) -> dict[str, Update]:
    """Updates by a name that stays theirs: the platform's id, else the time of posting, else the position, or the
    words where older messages may be missing.
    """
    named: dict[str, Update] = {}
    for position, update in enumerate(record.updates):
        base = update.key or (stamp(update.posted_at) if update.posted_at else f"#{position}")
        if base == f"#{position}" and record.newest_only:
            base = f"#{hashlib.sha256(update.text.encode()).hexdigest()[:8]}"
        name, number = base, 1
        while name in named:
            number += 1
            name = f"{base}-{number}"
        named[name] = update
    return named


def updates(versions: Sequence[Version]) -> list[Kept]:
    """Every update ever seen, in the order of posting; the removed ones are marked."""
    kept: dict[str, Kept] = {}
    for version in versions:
        if version.record is None:
            continue
        shown = name_updates(version.record)
        for name, update in shown.items():
            first = kept[name].first_seen_at if name in kept else version.seen_at
            kept[name] = Kept(name, update, first, None)
        for name, old in kept.items():
            if name not in shown and old.removed_at is None and not _may_be_missing(old.update, version.record):
                kept[name] = old._replace(removed_at=version.seen_at)
    return sorted(kept.values(), key=lambda k: (stamp(k.update.posted_at) if k.update.posted_at else "",))


def revisions(versions: Sequence[Version]) -> Iterator[Revision]:
    """What changed from each version to the next."""
    before: Incident | None = None
    gone = False
    for version in versions:
        after = version.record and _completed(version.record, before)
        if after is None:
            if version.left:  # it was over; that is no edit
                continue
            if before is not None and not gone:
                yield Revision(None, version.seen_at, "vanished", before.title, None)
            gone = True
            continue
        if before is not None:
            if gone:
                yield Revision(None, version.seen_at, "returned", None, after.title)
            yield from (r for r in differences(before, after, version.seen_at) if _is_revision(before, r, after))
        before, gone = after, False


def _completed(record: Incident, before: Incident | None) -> Incident:
    """The record with what it leaves unsaid, and what was known before."""
    return _with_severity(_with_updates(record, before), before)


def _may_be_missing(update: Update, record: Incident) -> bool:
    """Whether a record that does not show an update says nothing about it: it shows none at all, or only the newest,
    and this is none of those.
    """
    if not record.updates:
        return True
    oldest = min((u.posted_at for u in record.updates if u.posted_at), default=None)
    return record.newest_only and (oldest is None or update.posted_at is None or update.posted_at <= oldest)


def _with_updates(record: Incident, before: Incident | None) -> Incident:
    """The record with the updates of before that it may merely not show."""
    if before is None or (record.updates and not record.newest_only):
        return record
    shown = name_updates(record)
    missing = [u for name, u in name_updates(before).items() if name not in shown and _may_be_missing(u, record)]
    return msgspec.structs.replace(
        record, updates=(*missing, *record.updates), newest_only=record.newest_only or before.newest_only
    )


def _with_severity(record: Incident, before: Incident | None) -> Incident:
    """A page that says no severity, as some do of what is over (AWS: status 0), has not changed it; neither has one
    that says it only now (AWS: at midnight).
    """
    if before is None or record.severity is not None:
        return record
    return msgspec.structs.replace(record, severity=before.severity, severity_text=before.severity_text)


_FIELDS = ("title", "kind", "severity", "severity_text", "state", "service_text", "region_text", "started_at", "ended_at",
           "linked_to")  # fmt: skip


#: Texts that name several things in the order of the moment, and the field that names the same one by one.
_LISTS = {"service_text": "services", "region_text": "regions", "services": None, "regions": None}


def fields(record: Incident) -> dict[str, str | None]:
    """What is compared of the incident itself, as text; services and regions are those of its impacts."""
    said = {field: _text(getattr(record, field)) for field in _FIELDS}
    return said | {
        "services": ", ".join(sorted(_services(record))) or None,
        "regions": ", ".join(sorted(_regions(record))) or None,
    }


def differences(before: Incident, after: Incident, seen_at: datetime) -> Iterator[Revision]:
    """All that is different now, also what is only how an incident goes on: a next state, an end, a new message."""
    after = _completed(after, before)
    was, now = fields(before), fields(after)
    told = set()
    for field in was:
        change = (_listed(was[field]), _listed(now[field])) if field in _LISTS else (was[field], now[field])
        # The products that are named as text are those of the impacts again, as a rule: one change, not two.
        if change[0] != change[1] and (field, change) not in told:
            yield Revision(None, seen_at, field, was[field], now[field])
            told.add((_LISTS.get(field), change))
    yield from _changed_updates(before, after, seen_at)


def _is_revision(before: Incident, found: Revision, after: Incident) -> bool:
    """Whether what had been published was changed by this, instead of merely going on."""
    if found.field in ("started_at", "ended_at") and found.after is None and before.state is State.SCHEDULED:
        return False  # a feed announces when a maintenance is planned until it begins
    if found.field == "ended_at":
        return found.before is not None
    if found.field in ("severity", "severity_text"):
        return before.severity is not None
    if found.field == "state":
        return not _goes_on(before.state, after.state)
    if found.field == "update added":
        # A new last message is how an incident goes on; one that is put in before others is a revision, unless it may
        # have been there all the time.
        if before.newest_only:
            return False
        newest = max((u.posted_at for u in before.updates if u.posted_at), default=None)
        posted = name_updates(after)[found.update or ""].posted_at
        return newest is not None and posted is not None and posted < newest
    return True


def _goes_on(before: State | None, after: State | None) -> bool:
    """Whether the new state is a later one of the same life; to reopen what was over is a revision."""
    life = list(State)
    return before is None or (after is not None and life.index(before) < life.index(after))


def _changed_updates(before: Incident, after: Incident, seen_at: datetime) -> Iterator[Revision]:
    old, new = name_updates(before), name_updates(after)
    for name, update in old.items():
        if name not in new:
            yield Revision(name, seen_at, "update removed", update.text, None)
            continue
        for field in ("text", "state", "posted_at"):
            was, now = _text(getattr(update, field)), _text(getattr(new[name], field))
            if was != now and _words(was) != _words(now):
                yield Revision(name, seen_at, f"update {field}", was, now)
        word, words = update.state_text, new[name].state_text
        if update.state == new[name].state and _folded(word) != _folded(words):
            yield Revision(name, seen_at, "update state_text", word, words)
    for name, update in new.items():
        if name not in old:
            yield Revision(name, seen_at, "update added", None, update.text)


def _words(text: str | None) -> str | None:
    """Text without blanks and emphasis: vendors' systems reformat old messages by the thousand."""
    return None if text is None else "".join(text.replace("*", "").split())


def _folded(word: str | None) -> str:
    return (word or "").casefold()


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(sorted((text or "").split(", ")))


def _text(value: object) -> str | None:
    if value is None:
        return None
    return stamp(value) if isinstance(value, datetime) else str(value)


def _services(record: Incident) -> set[str]:
    return {i.component.name if i.component else i.service_text or i.service_key or "" for i in record.impacts} - {""}


def _regions(record: Incident) -> set[str]:
    return {i.region_text or i.region_key or "" for i in record.impacts} - {""}
