"""What looks alone tell: spells in which a component was seen not to be well, and which incident each belongs to.

A spell that overlaps an incident which names the component is a claim about that incident. The others become
incidents of their own, one for all components that were first seen so at the same look: nobody posted them.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from crawler.archive.states import NOT_SHOWN
from crawler.archive.versions import Versions, View
from crawler.records import Component, Incident, Observed, Severity, instant, stamp, worst

#: Keys of incidents that nobody posted begin so.
PREFIX = "observed-"
#: A component in one of these is not well.
_BAD = frozenset({Severity.DEGRADED, Severity.PARTIAL_OUTAGE, Severity.MAJOR_OUTAGE})
#: The end of what is not over.
_OPEN = datetime.max.replace(tzinfo=UTC)
#: How many components a title names.
_TITLED = 3


class Life(NamedTuple):
    """While an incident lasted, as far as that is known; no end: it still does."""

    since: datetime
    until: datetime | None


class _Spell(NamedTuple):
    component: str
    observed: Observed


class _Lives:
    """The lives of all incidents that name a component, in order: pages of ten years have thousands of them."""

    def __init__(self) -> None:
        self._since: list[datetime] = []
        self._until: list[datetime] = []  # the latest end so far

    def add(self, life: Life) -> None:
        until = life.until or _OPEN
        self._since.append(life.since)
        self._until.append(max(until, self._until[-1]) if self._until else until)

    def overlap(self, spell: Observed) -> bool:
        """Whether one of them overlaps the spell, as `_overlap` says."""
        begun = bisect_right(self._since, spell.ended_by or spell.ended_after or _OPEN)
        return begun > 0 and self._until[begun - 1] >= spell.started_by


class Observations:
    """Table `concerns`, and incidents whose key begins with `PREFIX`."""

    def __init__(self, conn: sqlite3.Connection, versions: Versions) -> None:
        self.conn = conn
        self.versions = versions

    def concern(self, vendor: str, incident: str, components: Iterable[str], life: Life) -> None:
        """The incident names these components (by `component_id`)."""
        self.conn.executemany(
            "insert into concerns values (?, ?, ?, ?, ?)",
            [
                (vendor, component, incident, stamp(life.since), stamp(life.until) if life.until else None)
                for component in sorted(set(components))
            ],
        )

    def of(self, vendor: str, components: Iterable[str], life: Life) -> tuple[Observed, ...]:
        """The spells of these components that overlap a life."""
        return tuple(
            spell.observed
            for component in sorted(set(components))
            for spell in self._spells("vendor = ? and component = ?", vendor, component)
            if _overlap(spell.observed, life)
        )

    def concerned(self, vendor: str, view: View, components: Iterable[str], before: str | None) -> set[str]:
        """The incidents that a new state of these components may say something about. It was not there yet at
        `before`, and may be the end of a spell that began long ago.
        """
        return {
            incident
            for component in components
            for (incident,) in self.conn.execute(
                """select incident from concerns where vendor = ? and component = ?
                and (until is null or until >= ?)""",
                (vendor, component, min(before or "", self._since(view, component))),
            )
        }

    def _since(self, view: View, component: str) -> str:
        """When the spell began that the last state is of, or is the end of."""
        states = self.conn.execute(
            """select seen_at, severity from component_states where source = ? and url = ? and component = ?
            order by seen_at desc""",
            (*view, component),
        )
        (since, _) = next(states)
        for seen_at, severity in states:
            if severity and severity not in _BAD:
                break
            since = seen_at
        return str(since)

    def forget_source(self, vendor: str, source: str) -> None:
        """Take away what was seen at a source."""
        self.versions.changed.update(
            incident
            for (incident,) in self.conn.execute(
                """select distinct incident from concerns where vendor = ? and component in (
                select component from component_states where source = ?)""",
                (vendor, source),
            )
        )
        self.conn.execute("delete from component_states where source = ?", (source,))

    def settle(self, vendor: str) -> None:
        """Make the incidents of a vendor that nobody posted what they should be now."""
        lives = self._lives(vendor)
        alone: dict[tuple[str, View], list[Observed]] = defaultdict(list)
        for component, spell in self._spells("vendor = ?", vendor):
            if component not in lives or not lives[component].overlap(spell):
                key = f"{PREFIX}{spell.source}-{spell.started_by:%Y%m%dT%H%M%SZ}"
                alone[key, View(spell.source, spell.url)].append(spell)
        known = set(
            self.conn.execute(
                "select incident, source, url from versions where incident >= ? and incident < ?",
                (f"{vendor}:{PREFIX}", f"{vendor}:{PREFIX}~"),
            )
        )
        for (key, view), spells in alone.items():
            incident = f"{vendor}:{key}"
            known.discard((incident, *view))
            self._write(incident, view, _unposted(key, spells))
        for incident, source, url in sorted(known):
            self.versions.forget_view(incident, View(source, url))

    def _lives(self, vendor: str) -> dict[str, _Lives]:
        lives: dict[str, _Lives] = defaultdict(_Lives)
        for component, since, until in self.conn.execute(
            "select component, since, until from concerns where vendor = ? order by component, since", (vendor,)
        ):
            lives[component].add(Life(instant(since), instant(until) if until else None))
        return lives

    def _write(self, incident: str, view: View, record: Incident) -> None:
        known = self.versions.newest(incident, view)
        if known and known.record == record:
            return
        first = min(spell.started_by for spell in record.observed)
        last = max(spell.ended_after or spell.started_by for spell in record.observed)
        self.versions.write(incident, view, 0, stamp(first), record)
        self.conn.execute(
            "insert or replace into sightings values (?, ?, ?, null, ?, ?)",
            (incident, *view, stamp(first), stamp(last)),
        )

    def _spells(self, where: str, *values: str) -> Iterator[_Spell]:
        """Consecutive states that are not well are one spell, with the worst of them."""
        rows = self.conn.execute(
            f"""select source, url, component, key, name, group_name, severity, severity_text, before_at, seen_at
            from component_states where {where} order by source, url, component, seen_at""",
            values,
        )
        for (source, url, component), changes in groupby(rows, key=lambda row: row[:3]):
            for observed in _of_one(source, url, changes):
                yield _Spell(component, observed)


def _of_one(source: str, url: str, changes: Iterable[tuple[str | None, ...]]) -> Iterator[Observed]:
    """The spells of one component at one address. While it is not shown, nothing is known of it."""
    bad: list[tuple[str | None, ...]] = []
    hidden: str | None = None  # the last look that showed it

    def spell(ended_after: str | None, ended_by: str | None) -> Observed:
        _, _, _, key, name, group, _, _, started_after, started_by = bad[0]
        severity = worst([Severity(row[6]) for row in bad if row[6]])
        return Observed(
            source=source,
            url=url,
            component=Component(key=key, name=name or "", group=group),
            severity=severity,
            severity_text=next(row[7] for row in bad if row[6] == severity) or "",
            started_after=_maybe(started_after),
            started_by=instant(started_by or ""),
            ended_after=_maybe(ended_after),
            ended_by=_maybe(ended_by),
        )

    for row in changes:
        *_, severity, word, before_at, seen_at = row
        if severity in _BAD:
            bad.append(row)
            hidden = None
        elif word == NOT_SHOWN:
            hidden = hidden or before_at
        elif bad and severity:  # a word that is not known says nothing
            yield spell(hidden or before_at, seen_at)
            bad, hidden = [], None
    if bad:
        yield spell(hidden, None)


def _unposted(key: str, spells: list[Observed]) -> Incident:
    """The incident that a page showed and nobody posted, in the page's own words."""
    spells = sorted(spells, key=lambda s: (s.component.group or "", s.component.name) if s.component else ("", ""))
    severity = worst([spell.severity for spell in spells])
    names = list(dict.fromkeys(spell.component.name for spell in spells if spell.component))
    more = f" and {len(names) - _TITLED} more" if len(names) > _TITLED else ""
    word = next(spell.severity_text for spell in spells if spell.severity == severity)
    return Incident(
        key=key,
        title=f"{', '.join(names[:_TITLED])}{more}: {word.replace('_', ' ')}",
        url=None,
        severity=severity,
        severity_text=word,
        observed=tuple(spells),
    )


def _overlap(spell: Observed, life: Life) -> bool:
    end = spell.ended_by or spell.ended_after
    return (life.until is None or spell.started_by <= life.until) and (end is None or end >= life.since)


def _maybe(text: str | None) -> datetime | None:
    return instant(text) if text else None
