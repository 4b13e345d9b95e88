"""What a vendor published about one incident, and what it changed, added later or took away.

Pure: the distinct versions of an incident as one source showed them, oldest first, in; updates with when
they were first seen and removed, and revisions, out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from crawler.records import Incident, State, Update, stamp


class Version(NamedTuple):
    """What the source showed from `seen_at` on; no record: the incident had vanished."""

    seen_at: datetime
    record: Incident | None


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
    """Updates by a name that stays theirs: the platform's id, else the time of posting, else the position."""
    named: dict[str, Update] = {}
    for position, update in enumerate(record.updates):
        base = update.key or (stamp(update.posted_at) if update.posted_at else f"#{position}")
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
            if name not in shown and old.removed_at is None:
                kept[name] = old._replace(removed_at=version.seen_at)
    return sorted(kept.values(), key=lambda k: (stamp(k.update.posted_at) if k.update.posted_at else "",))


def revisions(versions: Sequence[Version]) -> Iterator[Revision]:
    """What changed from each version to the next."""
    before: Incident | None = None
    gone = False
    for version in versions:
        after = version.record and _with_severity(version.record, before)
        if after is None:
            if before is not None and not gone:
                yield Revision(None, version.seen_at, "vanished", before.title, None)
            gone = True
            continue
        if before is not None:
            if gone:
                yield Revision(None, version.seen_at, "returned", None, after.title)
            yield from _changed(before, after, version.seen_at)
        before, gone = after, False


def _with_severity(record: Incident, before: Incident | None) -> Incident:
    """A page that says no severity, as some do of what is over (AWS: status 0), has not changed it."""
    if before is None or record.severity is not None:
        return record
    return msgspec.structs.replace(record, severity=before.severity, severity_text=before.severity_text)


_FIELDS = ("title", "kind", "severity", "severity_text", "state", "service_text", "region_text", "started_at", "ended_at",
           "linked_to")  # fmt: skip


def _changed(before: Incident, after: Incident, seen_at: datetime) -> Iterator[Revision]:
    for field in _FIELDS:
        old, new = _text(getattr(before, field)), _text(getattr(after, field))
        if (
            old != new
            and not (field == "ended_at" and old is None)
            and not (field == "state" and _goes_on(before, after))
        ):
            yield Revision(None, seen_at, field, old, new)
    for field, names in (("services", _services), ("regions", _regions)):
        was, now = names(before), names(after)
        if was != now:
            yield Revision(None, seen_at, field, ", ".join(sorted(was)) or None, ", ".join(sorted(now)) or None)
    yield from _changed_updates(before, after, seen_at)


def _goes_on(before: Incident, after: Incident) -> bool:
    """Whether the new state is a later one of the same life; to reopen what was over is a revision."""
    life = list(State)
    return before.state is None or (after.state is not None and life.index(before.state) < life.index(after.state))


def _changed_updates(before: Incident, after: Incident, seen_at: datetime) -> Iterator[Revision]:
    old, new = name_updates(before), name_updates(after)
    newest = max((u.posted_at for u in old.values() if u.posted_at), default=None)
    for name, update in old.items():
        if name not in new:
            yield Revision(name, seen_at, "update removed", update.text, None)
            continue
        for field in ("text", "state", "posted_at"):
            was, now = _text(getattr(update, field)), _text(getattr(new[name], field))
            if was != now and _words(was) != _words(now):
                yield Revision(name, seen_at, f"update {field}", was, now)
    for name, update in new.items():
        # A new last message is how an incident goes on; one that is put in before others is a revision.
        if name not in old and newest and update.posted_at and update.posted_at < newest:
            yield Revision(name, seen_at, "update added", None, update.text)


def _words(text: str | None) -> str | None:
    """Text without blanks and emphasis: vendors' systems reformat old messages by the thousand."""
    return None if text is None else "".join(text.replace("*", "").split())


def _text(value: object) -> str | None:
    if value is None:
        return None
    return stamp(value) if isinstance(value, datetime) else str(value)


def _services(record: Incident) -> set[str]:
    return {i.component.name if i.component else i.service_text or i.service_key or "" for i in record.impacts} - {""}


def _regions(record: Incident) -> set[str]:
    return {i.region_text or i.region_key or "" for i in record.impacts} - {""}
