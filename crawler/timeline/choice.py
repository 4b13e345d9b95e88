"""Choosing: from the claims about one incident, the intervals held true of each region and service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from crawler.catalog import ALL
from crawler.records import OVER, Basis, Incident, Severity, worst
from crawler.timeline.claims import ROUNDING, Cell, Claim

#: The later in this list, the less an account weighs; unlisted ones weigh least.
AUTHORITIES = ("vendor", "vendor-quoted", "third-party", "leak")
_BASES = {basis: rank for rank, basis in enumerate(Basis)}

#: One severity from then until then; no end: it still holds.
Spell = tuple[Severity | None, datetime, datetime | None]


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """The interval held true for one region and service. No end: open, or nobody said."""

    region: str | None
    service: str | None
    severity: Severity | None
    started_at: datetime
    ended_at: datetime | None
    start_basis: Basis
    end_basis: Basis | None
    #: Of a bound that was only seen: the last look that still showed otherwise.
    started_after: datetime | None = None
    ended_after: datetime | None = None


def outages(record: Incident, named: Sequence[Cell], claims: Sequence[Claim]) -> Iterator[Outage]:
    """One or more intervals for each cell; a general cell only where no specific one is known."""
    # States that were set after the incident's own end tell when somebody filled in the form, not when it was.
    late = record.ended_at
    if late and record.started_at and late <= record.started_at:
        late = None
    usable = [c for c in claims if not (c.suspect or c.detail or (late and _set_after(c, late)))]
    spoken = dict.fromkeys((c.region, c.service) for c in usable if (c.region or c.service) and not c.recovery)
    cells = list(dict.fromkeys((*named, *spoken)))
    by_cell: dict[Cell, list[Claim]] = defaultdict(list)
    for claim in usable:
        by_cell[claim.region, claim.service].append(claim)
    # A statement about a service anywhere, or a region's everything, adds no cell beside those that spell it out;
    # fields that give it times of its own do: a component whose place the catalog does not know.
    cells = [
        c
        for c in cells
        if None not in c or _spells(by_cell.get(c, ())) or not any(c != o and _covers(c, o) for o in cells)
    ]
    # A place that is named when it is back was out, also where the vendor had not said which were; the rest stays.
    back = dict.fromkeys((c.region, c.service) for c in usable if c.recovery)
    cells = cells or [(None, None)]
    cells += [b for b in back if b not in cells and any(_covers(c, b) for c in cells)]
    spells = {cell: _spells(by_cell.get(cell, ())) for cell in cells}
    edges = _edges(spells.values())
    last = _last_back(cells, by_cell)
    told = _told_bounds(record, usable)
    for cell in sorted(cells, key=lambda c: (c[0] or "", c[1] or "")):
        region, service = cell
        about = [
            claim
            for key in dict.fromkeys([cell, (region, None), (None, service), (None, None), (region, ALL), (None, ALL)])
            for claim in by_cell.get(key, ())
        ]
        fitting = _fitting(record, cell, about, spells[cell], edges)
        fitting = [c for c in fitting if not _outdone(cell, c, fitting, last)]
        own = [c for c in by_cell.get(cell, ()) if c.basis is Basis.STRUCTURED]
        yield from (_corrected(told, own, outage) for outage in _intervals(record, cell, fitting, spells[cell]))


def _told_bounds(record: Incident, claims: Sequence[Claim]) -> tuple[datetime | None, datetime | None]:
    """`entered_bounds` that are claims: of what was written by hand, those are the accounts and not the fields."""
    began, over = entered_bounds(record)
    fields = [c for c in claims if c.basis is Basis.STRUCTURED]
    return (
        began if any(c.started_at == began for c in fields) else None,
        over if any(c.ended_at == over for c in fields) else None,
    )


def _corrected(told: tuple[datetime | None, datetime | None], own: Sequence[Claim], outage: Outage) -> Outage:
    """The outage within bounds (`told`) that a person entered for the incident, where it exceeds them by no more than clocks and
    memories differ: those are the same bounds, and what is in the fields is the vendor's last word on them. Not a bound
    that the cell has in fields of its own (`own`): that is as much the vendor's word, and of this very part.
    """
    began, over = told
    if any(c.started_at == outage.started_at for c in own):
        began = None
    if any(c.ended_at == outage.ended_at for c in own):
        over = None
    if began and began - ROUNDING <= outage.started_at < began and (outage.ended_at is None or began < outage.ended_at):
        outage = msgspec.structs.replace(outage, started_at=began, start_basis=Basis.STRUCTURED, started_after=None)
    if over and outage.ended_at and outage.started_at < over < outage.ended_at <= over + ROUNDING:
        outage = msgspec.structs.replace(outage, ended_at=over, end_basis=Basis.STRUCTURED, ended_after=None)
    return outage


def _set_after(claim: Claim, end: datetime) -> bool:
    """Whether a field says that one place or service failed when the incident was over."""
    placed = claim.basis is Basis.STRUCTURED and (claim.region or claim.service)
    return bool(placed and claim.started_at and claim.started_at >= end)


def _last_back(cells: Iterable[Cell], by_cell: Mapping[Cell, Sequence[Claim]]) -> datetime | None:
    """When messages called the last cell back, each by itself; None while one was not."""
    backs = []
    for cell in cells:
        told = [c.ended_at for c in by_cell.get(cell, ()) if c.recovery and c.ended_at]
        if not told:
            return None
        backs.append(min(told))
    return max(backs, default=None)


def _outdone(cell: Cell, line: Claim, about: Sequence[Claim], last: datetime | None) -> bool:
    """Whether an end that was stated later is better than the time at which a message called this back.

    It is where it lies before that time; and after it, where this was not back earlier than the rest.
    """
    if not _called_back(line) or line.ended_at is None or line.said_at is None:
        return False
    end = best(cell, [c for c in about if not _called_back(c)], "ended_at")
    if end is None or end.recovery or end.basis is not Basis.STATED or not (end.ended_at and end.said_at):
        return False
    with_the_rest = last is not None and last - line.ended_at <= ROUNDING
    return end.said_at >= line.said_at and (end.ended_at <= line.ended_at or with_the_rest)


def _called_back(claim: Claim) -> bool:
    """Whether a message said that something was back by the time of the message."""
    return claim.recovery and claim.basis is Basis.POSTED


def _edges(all_spells: Iterable[Sequence[Spell]]) -> tuple[datetime | None, datetime | None]:
    """The first start and the last end in the fields of all cells; no end while one is open."""
    spells = [spell for some in all_spells for spell in some]
    ends = [spell[2] for spell in spells]
    last = None if None in ends else max((e for e in ends if e), default=None)
    return min((spell[1] for spell in spells), default=None), last


def entered(when: datetime | None) -> bool:
    """Whether a field of an incident holds a time that a person entered.

    Such times are whole minutes; those that the vendor's system filled in are not. Where both can be compared
    with the prose (Google, 2019 to 2025), of the former three in four agree with it, of the latter one in six.
    """
    return when is not None and when.second == 0


def entered_bounds(record: Incident) -> tuple[datetime | None, datetime | None]:
    """The start and the end of an incident that a person entered for it; None for what a page filled in by itself.

    That is also a whole minute where it happens to be one, or where a page has no seconds: then it is the first, or the
    last, message.
    """
    began = record.started_at if entered(record.started_at) and record.started_at != record.first_posted_at else None
    over = record.ended_at if entered(record.ended_at) and record.ended_at != record.resolved_posted_at else None
    return began, over


def _fitting(
    record: Incident,
    cell: Cell,
    about: Sequence[Claim],
    spells: Sequence[Spell],
    edges: tuple[datetime | None, datetime | None],
) -> list[Claim]:
    """The claims without the bounds that are not about this cell.

    A window told of the incident as a whole begins when its first part failed and ends when its last part was
    back; a part that fields say began later, or was back earlier, keeps its own bound. Nor is prose needed for a
    bound that somebody entered in a field. Fields that follow one another, degraded and then out, are one spell.
    """
    lasting = {c.basis for c in about if c.started_at and (c.ended_at is None or c.started_at < c.ended_at)}
    # What was set and taken back at once says nothing beside what lasted.
    about = [c for c in about if not (c.started_at and c.started_at == c.ended_at and c.basis in lasting)]
    if not spells:
        return about
    began, over = entered_bounds(record)
    late = spells[0][1] != edges[0] or began is not None
    early = spells[-1][2] != edges[1] or over is not None
    fitting = []
    for claim in about:
        if claim.basis is Basis.STRUCTURED and claim.started_at and (claim.region, claim.service) == cell:
            _, began, ended = next(s for s in reversed(spells) if s[1] <= claim.started_at)
            claim = msgspec.structs.replace(claim, started_at=began, ended_at=ended)
        elif claim.basis is Basis.STATED and claim.region is None and claim.service is None and (late or early):
            claim = msgspec.structs.replace(
                claim, started_at=None if late else claim.started_at, ended_at=None if early else claim.ended_at
            )
        fitting.append(claim)
    return fitting


def _covers(general: Cell, cell: Cell) -> bool:
    return general[0] in (None, cell[0]) and general[1] in (None, cell[1])


def _intervals(record: Incident, cell: Cell, about: Sequence[Claim], spells: Sequence[Spell]) -> Iterator[Outage]:
    """What is held true of one cell."""
    about = _still_seen(about)
    over = record.state in OVER or any(c.ended_at and (c.recovery or c.basis is not Basis.POSTED) for c in about)
    severity = worst([c.severity for c in about if (c.region, c.service) == cell and c.basis is Basis.STRUCTURED])
    severity = severity or worst([c.severity for c in about if (c.region, c.service) == cell]) or record.severity
    told = _told(cell, about)
    start = best(cell, [c for c in about if not c.further] or about, "started_at")
    if start is None or start.started_at is None:
        return
    spoken = _windows(cell, about, start, told, over)
    if len(spoken) > 1:
        for opened, closed in spoken:
            ended, basis = (closed.ended_at, closed.basis) if closed else (None, None)
            yield _outage(cell, severity, opened.started_at, ended, opened.basis, basis)
        return
    if len(spells) <= 1:
        end = (
            best(cell, [c for c in about if c.ended_at and c.ended_at > start.started_at], "ended_at") if over else None
        )
        outage = _outage(
            cell, severity, start.started_at, end.ended_at if end else None, start.basis, end.basis if end else None
        )
        yield msgspec.structs.replace(
            outage,
            started_after=start.started_after if start.basis is Basis.OBSERVED else None,
            ended_after=end.ended_after if end and end.basis is Basis.OBSERVED else None,
        )
        return
    first, last = spells[0], spells[-1]
    end = best(cell, [c for c in about if c.ended_at and c.ended_at > last[1]], "ended_at") if over else None
    for spell in spells:
        began, ended, bases = spell[1], spell[2], [Basis.STRUCTURED, Basis.STRUCTURED if spell[2] else None]
        if spell is first and (ended is None or start.started_at < ended):
            began, bases[0] = start.started_at, start.basis
        if spell is last and end is not None:
            ended, bases[1] = end.ended_at, end.basis
        yield _outage(cell, spell[0], began, ended, bases[0] or Basis.STRUCTURED, bases[1])


def _still_seen(about: Sequence[Claim]) -> list[Claim]:
    """The claims, without the ends that looks showed while one of them shows that it is not over."""
    lasts = any(c.basis is Basis.OBSERVED and c.ended_at is None for c in about)
    return [
        msgspec.structs.replace(c, ended_at=None, ended_after=None) if lasts and c.basis is Basis.OBSERVED else c
        for c in about
    ]


def _windows(
    cell: Cell, about: Sequence[Claim], start: Claim, told: Sequence[Claim], over: bool
) -> list[tuple[Claim, Claim | None]]:
    """Who gives the start and who the end of each window: those told, what began before them, what began again.

    What began before a further window ended when somebody says so, else with that window: one thing, as far as is known.
    """
    if not told:
        return []
    found: list[tuple[Claim, Claim | None]] = [(window, window) for window in told]
    since, until = start.started_at, told[0].started_at
    if told[0].further and since and until and since < until:
        earlier = best(cell, [c for c in about if c.ended_at and since < c.ended_at < until], "ended_at")
        found[:1] = [(start, earlier), found[0]] if earlier else [(start, told[0])]
    if (again := _again(told[-1], about)) and again.started_at:
        ends = [c for c in about if c.ended_at and c.ended_at > again.started_at]
        found.append((again, best(cell, ends, "ended_at") if over else None))
    return found


def _again(window: Claim, about: Iterable[Claim]) -> Claim | None:
    """The start, without an end that can be, of a further spell after the last window of the same message."""
    halves = (c for c in about if c.further and c.started_at and not c.ended_at and c.said_at == window.said_at)
    return next((c for c in halves if c.started_at and window.ended_at and c.started_at >= window.ended_at), None)


def _outage(
    cell: Cell,
    severity: Severity | None,
    started: datetime | None,
    ended: datetime | None,
    start_basis: Basis,
    end_basis: Basis | None,
) -> Outage:
    assert started is not None
    return Outage(
        region=cell[0],
        service=cell[1],
        severity=severity,
        started_at=started,
        ended_at=ended,
        start_basis=start_basis,
        end_basis=end_basis,
    )


def _trust(cell: Cell, claim: Claim) -> tuple[int, int, int, int, float]:
    """Sort key: the smallest is believed."""
    authority = AUTHORITIES.index(claim.authority) if claim.authority in AUTHORITIES else len(AUTHORITIES)
    named = (claim.specific if claim.region == cell[0] and cell[0] else 0) + (
        claim.service == cell[1] and cell[1] is not None
    )
    return (
        -1 if claim.recovery else _BASES[claim.basis],
        max(authority - 1, 0),  # the vendor's own words weigh the same where somebody else kept them
        -named,
        authority,
        _newest_first(claim),
    )


def _newest_first(claim: Claim) -> float:
    """Newest text wins; of lines that all say that something is back by now, the first."""
    if claim.recovery and claim.ended_at:
        return claim.ended_at.timestamp()
    return -claim.said_at.timestamp() if claim.said_at else 0.0


def best(cell: Cell, about: Iterable[Claim], bound: str) -> Claim | None:
    """The claim whose start, or end, is believed."""
    candidates = [c for c in about if getattr(c, bound) is not None]
    return min(candidates, key=lambda c: (_trust(cell, c), _outer(c, bound)), default=None)


def _outer(claim: Claim, bound: str) -> float:
    """Sort key among equals: of fields, or looks, of several parts, the first start and the last end."""
    moment: datetime | None = getattr(claim, bound)
    if claim.basis not in (Basis.STRUCTURED, Basis.OBSERVED) or moment is None:
        return 0.0
    return moment.timestamp() if bound == "started_at" else -moment.timestamp()


def _told(cell: Cell, about: Iterable[Claim]) -> list[Claim]:
    """Whole stated windows that do not overlap, the most trusted first among those that do; by time."""
    whole = sorted(
        (c for c in about if c.basis is Basis.STATED and c.started_at and c.ended_at and c.started_at < c.ended_at),
        key=lambda c: _trust(cell, c),
    )
    kept: list[Claim] = []
    for claim in whole:
        if _trust(cell, claim)[:3] == _trust(cell, whole[0])[:3] and not any(_overlap(claim, other) for other in kept):
            kept.append(claim)
    return sorted(kept, key=_began)


def _began(claim: Claim) -> datetime:
    assert claim.started_at
    return claim.started_at


def _overlap(a: Claim, b: Claim) -> bool:
    assert a.started_at
    assert a.ended_at
    assert b.started_at
    assert b.ended_at
    return a.started_at < b.ended_at and b.started_at < a.ended_at


def _spells(claims: Iterable[Claim]) -> list[Spell]:
    """Structured intervals united where they touch or overlap, with the worst severity of their parts."""
    united: list[Spell] = []
    for claim in sorted((c for c in claims if c.basis is Basis.STRUCTURED and c.started_at), key=_began):
        began, ended = claim.started_at, claim.ended_at
        assert began
        if ended is not None and ended <= began:
            continue  # set and taken back at once
        if united and (united[-1][2] is None or began <= united[-1][2]):
            severity, since, until = united[-1]
            until = None if until is None or ended is None else max(until, ended)
            united[-1] = (worst([severity, claim.severity]), since, until)
        else:
            united.append((claim.severity, began, ended))
    return united


def equals(claims: Sequence[Claim], bound: str) -> list[Claim]:
    """The claims whose start, or end, of the whole is believed: fields give one for each part."""
    anywhere: Cell = (None, None)
    first = best(anywhere, claims, bound)
    return [c for c in claims if first and getattr(c, bound) and _trust(anywhere, c) == _trust(anywhere, first)]
