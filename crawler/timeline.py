"""From what was said about one incident to when each service in each region was out.

Pure: one merged record and the vendor's names in, claims and outages out. A *claim* is one statement
with the words it rests on; an *outage* is the interval held true, each bound chosen separately from
the claims. The order of trust for a bound is the order of `Basis`, except that a line which says that
named places are back closes them at its own time; among equals a more specific statement wins, then
the vendor's own over others', then the newest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

import msgspec

from crawler.catalog import ALL, GLOBAL, Source, Vendor
from crawler.clock import Window, Zones
from crawler.clock import read as read_times
from crawler.places import Gazetteer, Recovery, Scope
from crawler.records import OVER, Account, Basis, Impact, Incident, Kind, Severity, Signal, State, Update, worst
from crawler.subject import Named, Subject, subject

#: The later in this list, the less an account weighs; unlisted ones weigh least.
AUTHORITIES = ("vendor", "vendor-quoted", "third-party", "leak")
_BASES = {basis: rank for rank, basis in enumerate(Basis)}

#: A report that names more regions and services than this gets one claim for all of them.
MOST_CELLS = 64

#: Platform of incidents written by hand.
LANDMARKS = "landmarks"

Spell = tuple[Severity | None, datetime, datetime | None]
Cell = tuple[str | None, str | None]  # region, service; None: the vendor did not say


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody says: this region and service was out from then until then. `ended_at` is exclusive."""

    source: str
    authority: str
    said_at: datetime | None = None
    region: str | None = None
    service: str | None = None
    region_text: str | None = None
    service_text: str | None = None
    severity: Severity | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    basis: Basis
    timezone_text: str | None = None
    quote: str | None = None
    suspect: str | None = None
    url: str | None = None
    note: str | None = None
    #: How closely it names its region: 0 not at all, 1 by "all", 2 by name.
    specific: int = 0
    #: A line that says that these are back; outweighs every general statement about the end.
    recovery: bool = False


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """The interval held true for one region and service. No end: open, or nobody said."""

    region: str | None
    service: str | None
    severity: Severity | None
    started_at: datetime
    ended_at: datetime | None
    start_basis: Basis
    end_basis: Basis | None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """All that follows from one incident. `found` are components the catalog does not list: id to name.

    `service_text` and `region_text` are what the report speaks of in its own words, the vendor's fields first.
    """

    claims: tuple[Claim, ...]
    outages: tuple[Outage, ...]
    found: dict[str, str]
    signals: tuple[Signal, ...]
    linked_to: str | None = None
    service_text: str | None = None
    region_text: str | None = None


class Names(NamedTuple):
    """How one vendor's words are understood: its catalog entry, its places, and a source's zones."""

    vendor: Vendor
    places: Gazetteer
    source: Source
    zones: Zones


def build(record: Incident, names: Names) -> Timeline:
    """Claims and outages of one incident."""
    work = _Work(record, names)
    # An incident written by hand has accounts; its updates are our own words.
    published = () if names.source.platform == LANDMARKS else (*work.structured(), *work.stated(), *work.recoveries())
    claims = [*published, *work.accounts(), *work.posted()]
    outages = tuple(_outages(record, work.cells, claims)) if record.kind is Kind.OUTAGE else ()
    return Timeline(
        claims=tuple(claims),
        outages=outages,
        found=work.found,
        signals=tuple(work.signals),
        service_text=work.service_text,
        region_text=work.region_text,
    )


class _Work:
    """One incident on its way: the cells it concerns, and what was met on the way."""

    def __init__(self, record: Incident, names: Names) -> None:
        self.record = record
        self.names = names
        self.found: dict[str, str] = {}
        self.signals: list[Signal] = []
        self.zone_text: str | None = None  # the zone another message of the incident names
        told = [a.started_at for a in record.accounts if a.started_at and not _impossible(a.started_at, a.ended_at)]
        start = record.started_at or min(told, default=None) or record.first_posted_at
        self.day = start.date() if start else None
        self.updates = _oldest_first(record.updates)
        self.impacts = [(impact, self._cell(impact)) for impact in record.impacts]
        self.subject = self._subject()
        self.service_text = record.service_text or self.subject.service_text
        self.region_text = record.region_text or self.subject.region_text
        self.cells = self._named_cells()

    # Where

    def _subject(self) -> Subject:
        """What the title and the report name, where no field names a region or a service."""
        if any(cell != (None, None) for _, cell in self.impacts):
            return Subject()
        last = self.updates[-1] if self.updates else None
        report = last.text if last and (len(self.updates) == 1 or last.state is State.POSTMORTEM) else ""
        return subject(self.names.places, self.record.title, report, self.day)

    @property
    def _by_hand(self) -> bool:
        """Whether there is an account that counts."""
        return any(not _impossible(account.started_at, account.ended_at) for account in self.record.accounts)

    def _cell(self, impact: Impact) -> Cell:
        """The region and service an impact speaks of."""
        places = self.names.places
        if impact.component is not None:
            region, service = places.component(impact.component)
            if region is None and service is None:
                service = self._unlisted(impact.component.key or impact.component.name, impact.component.name)
            return region, service
        region = service = None
        if impact.region_key or impact.region_text:
            region = places.region(impact.region_key, impact.region_text)
            if region is None:
                self._signal("unknown-region", "region", impact.region_key or impact.region_text or "")
        if impact.service_key or impact.service_text:
            service = places.service(impact.service_key, impact.service_text)
            if service is None and impact.service_key:
                service = self._unlisted(impact.service_key, impact.service_text or impact.service_key)
            elif service is None:
                self._signal("unknown-service", "service", impact.service_text or "")
        return region, service

    def _unlisted(self, key: str, name: str) -> str:
        """A component the catalog does not list still is one: it is known by the platform's own id."""
        self.found[key] = name
        self._signal("unlisted-component", "component", name)
        return key

    def _signal(self, kind: str, where: str, detail: str) -> None:
        signal = Signal(kind, where, detail[:200])
        if signal not in self.signals:
            self.signals.append(signal)

    def _named_cells(self) -> list[Cell]:
        """Every pair the incident concerns as a whole: from fields, else from its own names, else from its report."""
        cells = list(dict.fromkeys(cell for _, cell in self.impacts if cell != (None, None)))
        if cells or self._by_hand:
            return cells  # accounts name their own
        return list(
            dict.fromkeys((region.id, service.id) for region, service in self._named() if region.id or service.id)
        )

    def _named(self) -> list[tuple[Named, Named]]:
        """Every pair of a region and a service that the fields of the incident name in words, else its report."""
        record = self.record
        service = self.names.places.service(None, record.service_text) if record.service_text else None
        services = [Named(service, record.service_text or "")] if service else self.subject.services
        regions = [Named(region, record.region_text or "") for region in self._regions(record.region_text)]
        nothing = [Named(None, "")]
        return [(r, s) for r in regions or self.subject.regions or nothing for s in services or nothing]

    def _regions(self, text: str | None) -> list[str]:
        if not text:
            return []
        region = self.names.places.region(None, text)
        return [region] if region else list(self.names.places.scope(text, self.day).regions)

    # What is claimed

    def structured(self) -> Iterator[Claim]:
        """Fields that give times: of each impact, else of the incident itself."""
        record = self.record
        for impact, (region, service) in self.impacts:
            started, ended = impact.started_at, impact.ended_at
            if started is None and ended is None:
                started, ended = record.started_at, record.ended_at
            if started is None and ended is None:
                continue
            yield self._claim(
                region=region,
                service=service,
                region_text=impact.region_text or (impact.component.group if impact.component else None),
                service_text=impact.service_text or (impact.component.name if impact.component else None),
                severity=impact.severity,
                severity_specific=2,
                started=started,
                ended=ended,
                basis=Basis.STRUCTURED,
            )
        timed = any((i.started_at or i.ended_at) and not _impossible(i.started_at, i.ended_at) for i in record.impacts)
        if (timed or not self.impacts) and (record.started_at or record.ended_at):
            for region, service in (self.cells if not timed else ()) or [(None, None)]:
                yield self._claim(
                    region=region,
                    service=service,
                    region_text=record.region_text,
                    service_text=record.service_text,
                    severity=None,  # the incident's own severity is no statement about one place
                    severity_specific=0,
                    started=record.started_at,
                    ended=record.ended_at,
                    basis=Basis.STRUCTURED,
                )

    def _claim(
        self,
        *,
        region: str | None,
        service: str | None,
        region_text: str | None,
        service_text: str | None,
        severity: Severity | None,
        severity_specific: int,
        started: datetime | None,
        ended: datetime | None,
        basis: Basis,
    ) -> Claim:
        source = self.names.source
        return Claim(
            source=source.id,
            authority=source.authority,
            region=region,
            service=service,
            region_text=region_text,
            service_text=service_text,
            severity=severity,
            started_at=started,
            ended_at=ended,
            basis=basis,
            suspect=_impossible(started, ended),
            specific=severity_specific,
        )

    def stated(self) -> Iterator[Claim]:
        """Windows in the prose, newest message first; half windows only where no message has a whole one."""
        read = [(update, self._windows(update)) for update in reversed(self.updates)]
        self.zone_text = next((w.timezone_text for _, ws in read for w in ws if w.timezone_text), None)
        whole = _unique((u, w) for u, ws in read for w in ws if w.started_at and w.ended_at and not w.suspect)
        doubtful = _unique((u, w) for u, ws in read for w in ws if w.suspect)
        if whole:
            newest = whole[0][0]
            windows = _separate([w for u, w in whole if u is newest])
            yield from (claim for window in windows for claim in self._stated(newest, window))
        else:
            starts = [(u, w) for u, ws in read for w in ws if w.started_at and not w.suspect]
            ends = [(u, w) for u, ws in read for w in ws if w.ended_at and not w.suspect and not self._of_a_part(u, w)]
            yield from self._joined(starts[:1], ends[:1])
        yield from (claim for u, w in doubtful for claim in self._stated(u, w))

    def _of_a_part(self, update: Update, window: Window) -> bool:
        """Whether an end stands in a line that closes only some cells of an open incident: not the end of it all."""
        return self.record.state not in OVER and any(
            u is update and closed and window.quote in recovery.quote and not self._vague(recovery.scope)
            for u, recovery, closed in self.recovered
        )

    def _windows(self, update: Update) -> list[Window]:
        began = self.record.started_at or self.record.first_posted_at
        reading = read_times(update.text, update.posted_at, self.names.zones, began=began)
        for zone in reading.unknown_zones:
            self._signal("unknown-zone", "updates[].text", zone)
        return list(reading.windows)

    def _joined(
        self, starts: Sequence[tuple[Update, Window]], ends: Sequence[tuple[Update, Window]]
    ) -> Iterator[Claim]:
        """A start from one message and an end from another are one window, if they fit each other."""
        for update, start in starts:
            for _, end in ends:
                if start.started_at and end.ended_at and start.started_at < end.ended_at:
                    joined = f"{start.quote} … {end.quote}"
                    yield from self._stated(
                        update,
                        Window(
                            started_at=start.started_at,
                            ended_at=end.ended_at,
                            timezone_text=start.timezone_text or end.timezone_text,
                            quote=joined,
                            span=start.span,
                            suspect=None,
                        ),
                    )
                    return
        yield from (claim for update, window in (*starts, *ends) for claim in self._stated(update, window))

    def _stated(self, update: Update, window: Window) -> Iterator[Claim]:
        """One claim for each region and service that the report names; one for the incident where fields name them."""
        source = self.names.source
        for region, service in self._places_stated():
            yield Claim(
                source=source.id,
                authority=source.authority,
                said_at=update.posted_at,
                region=region.id,
                service=service.id,
                region_text=region.words or None,
                service_text=service.words or None,
                severity=self.record.severity,
                started_at=window.started_at,
                ended_at=window.ended_at,
                basis=Basis.STATED,
                timezone_text=window.timezone_text or self.zone_text,
                quote=window.quote,
                suspect=window.suspect or _impossible(window.started_at, window.ended_at),
                specific=2 if region.id else 0,
            )

    def _places_stated(self) -> list[tuple[Named, Named]]:
        if self._by_hand:  # they name their own, and the incident's fields may be in the words of who wrote them
            return [(Named(None, self.subject.region_text or ""), Named(None, self.subject.service_text or ""))]
        if self.subject != Subject() and not self.subject.every_region and len(named := self._named()) <= MOST_CELLS:
            return named
        return [(Named(None, self.region_text or ""), Named(None, self.service_text or ""))]

    def recoveries(self) -> Iterator[Claim]:
        """Lines that say that named regions or services are back."""
        over = self.record.ended_at or self.record.resolved_posted_at
        for update, recovery, closed in self.recovered:
            said = self._ending(recovery.quote, update)
            # A line without a time is a report of that moment; in a later account of it all it dates nothing.
            if said is None and (update.posted_at is None or (over and update.posted_at > over)):
                continue
            yield from self._closing(update, recovery, closed, said)

    @cached_property
    def recovered(self) -> list[tuple[Update, Recovery, list[Cell]]]:
        """The lines that say that something is back, and the cells each closes.

        One that singles out nothing is the end of the incident, told by its windows, and not among them.
        """
        found = []
        for update in self.updates:
            for recovery in self.names.places.recoveries(update.text, self.day):
                closed = self._recovered(recovery.scope)
                if not self.cells or not set(closed) >= set(self.cells):
                    found.append((update, recovery, closed))
        return found

    def _ending(self, quote: str, update: Update) -> Window | None:
        found = read_times(quote, update.posted_at, self.names.zones).windows
        return next((w for w in found if w.ended_at and not w.suspect), None)

    def _closing(
        self, update: Update, recovery: Recovery, closed: Sequence[Cell], said: Window | None
    ) -> Iterator[Claim]:
        scope = recovery.scope
        vague = self._vague(scope)
        for region, service in dict.fromkeys((region, None) for region, _ in closed) if vague else closed:
            yield Claim(
                source=self.names.source.id,
                authority=self.names.source.authority,
                said_at=update.posted_at,
                region=region,
                service=service,
                region_text=scope.region_text,
                service_text=scope.service_text,
                ended_at=said.ended_at if said else update.posted_at,
                basis=Basis.STATED if said and not vague else Basis.POSTED,
                timezone_text=said.timezone_text if said else None,
                quote=recovery.quote,
                specific=1 if scope.every_region or not scope.regions else 2,
                recovery=not vague,
            )

    def _vague(self, scope: Scope) -> bool:
        """ "All regions but one" of an incident of many services, and no word of which: true of the region on the
        whole, and too little to overrule what fields say of each service.
        """
        return not scope.services and len({service for _, service in self.cells}) > 1

    def _recovered(self, scope: Scope) -> list[Cell]:
        """The cells a recovery closes: those it names, among the incident's own where these are known."""
        services = [s for s in scope.services if s != ALL]
        if self.cells:
            return [
                (region, service)
                for region, service in self.cells
                if (not scope.regions or region in scope.regions)
                and (not services or service in services)
                and service not in scope.except_services
            ]
        return _product(scope.regions, services)

    def accounts(self) -> Iterator[Claim]:
        """Accounts written by hand, fanned out to regions and services."""
        crawled = self.names.source.platform != LANDMARKS
        for account in self.record.accounts:
            if crawled and account.basis is Basis.STRUCTURED:
                continue  # a copy of fields that we now have ourselves
            regions = self._fanned(account)
            for region in regions:
                for service in account.services or (None,):
                    yield Claim(
                        source=account.said_by,
                        authority=account.authority,
                        said_at=account.said_at,
                        region=region,
                        service=service,
                        region_text=account.region_text,
                        service_text=account.service_text,
                        severity=account.severity or self.record.severity,
                        started_at=account.started_at,
                        ended_at=account.ended_at,
                        basis=account.basis,
                        timezone_text=account.timezone_text,
                        quote=account.quote,
                        url=account.url,
                        note=account.note,
                        suspect=_impossible(account.started_at, account.ended_at),
                        specific=0 if not account.regions else 1 if ALL in account.regions else 2,
                    )

    def _fanned(self, account: Account) -> list[str | None]:
        if not account.regions:
            return [None]
        named = [r for r in account.regions if r != ALL]
        if ALL in account.regions:
            moment = account.started_at or account.ended_at or account.said_at
            named = self.names.vendor.all_regions(moment.date() if moment else self.day) or [GLOBAL]
        return [region for region in named if region not in account.except_regions]

    def posted(self) -> Iterator[Claim]:
        """The vendor's first and last word: the least that is known."""
        record = self.record
        if record.first_posted_at or record.resolved_posted_at:
            yield Claim(
                source=self.names.source.id,
                authority=self.names.source.authority,
                region_text=record.region_text,
                service_text=record.service_text,
                severity=record.severity,
                started_at=record.first_posted_at,
                ended_at=record.resolved_posted_at,
                basis=Basis.POSTED,
                suspect=_impossible(record.first_posted_at, record.resolved_posted_at),
            )


def _oldest_first(updates: Sequence[Update]) -> list[Update]:
    """By the time of posting; in the order given where one of them has no time."""
    dated = [(update.posted_at, update) for update in updates if update.posted_at]
    if len(dated) < len(updates):
        return list(updates)
    return [update for _, update in sorted(dated, key=lambda pair: pair[0])]


def _separate(windows: Sequence[Window]) -> list[Window]:
    """The windows of one message without the details of others: of two that overlap, the longer is the outage."""
    kept: list[tuple[datetime, datetime, Window]] = []
    for window in sorted(windows, key=_length, reverse=True):
        start, end = window.started_at, window.ended_at
        if start and end and not any(start < until and since < end for since, until, _ in kept):
            kept.append((start, end, window))
    return [window for _, _, window in sorted(kept, key=lambda each: each[2].span)]


def _length(window: Window) -> timedelta:
    return window.ended_at - window.started_at if window.started_at and window.ended_at else timedelta()


def _unique(said: Iterable[tuple[Update, Window]]) -> list[tuple[Update, Window]]:
    """Each window once, with the first message that has it."""
    seen: dict[tuple[datetime | None, datetime | None], tuple[Update, Window]] = {}
    for update, window in said:
        seen.setdefault((window.started_at, window.ended_at), (update, window))
    return list(seen.values())


def _impossible(started: datetime | None, ended: datetime | None) -> str | None:
    """Why two bounds cannot belong together."""
    if started and ended and ended < started:
        return "ends before it starts"
    return None


def _product(regions: Sequence[str], services: Sequence[str]) -> list[Cell]:
    if not regions and not services:
        return []
    some_regions: Sequence[str | None] = regions or [None]
    some_services: Sequence[str | None] = services or [None]
    return [(region, service) for region in some_regions for service in some_services]


# Choosing


def _outages(record: Incident, named: Sequence[Cell], claims: Sequence[Claim]) -> Iterator[Outage]:
    """One or more intervals for each cell; a general cell only where no specific one is known."""
    # States that were set after the incident's own end tell when somebody filled in the form, not when it was.
    late = record.ended_at
    if late and record.started_at and late <= record.started_at:
        late = None
    usable = [c for c in claims if not c.suspect and not (late and _set_after(c, late))]
    spoken = dict.fromkeys((c.region, c.service) for c in usable if (c.region or c.service) and not c.recovery)
    cells = list(dict.fromkeys((*named, *spoken)))
    # A statement about a service anywhere, or a region's everything, adds no cell beside those that spell it out.
    cells = [c for c in cells if None not in c or not any(c != o and _covers(c, o) for o in cells)]
    if not cells:
        cells = list(dict.fromkeys((c.region, c.service) for c in usable if c.recovery)) or [(None, None)]
    by_cell: dict[Cell, list[Claim]] = defaultdict(list)
    for claim in usable:
        by_cell[claim.region, claim.service].append(claim)
    spells = {cell: _spells(by_cell.get(cell, ())) for cell in cells}
    edges = _edges(spells.values())
    for cell in sorted(cells, key=lambda c: (c[0] or "", c[1] or "")):
        region, service = cell
        about = [
            claim
            for key in dict.fromkeys([cell, (region, None), (None, service), (None, None), (region, ALL), (None, ALL)])
            for claim in by_cell.get(key, ())
        ]
        fitting = _fitting(record, cell, about, spells[cell], edges)
        yield from _intervals(record, cell, fitting, spells[cell])


def _set_after(claim: Claim, end: datetime) -> bool:
    """Whether a field says that one place or service failed when the incident was over."""
    placed = claim.basis is Basis.STRUCTURED and (claim.region or claim.service)
    return bool(placed and claim.started_at and claim.started_at >= end)


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
    late = spells[0][1] != edges[0] or entered(record.started_at)
    early = spells[-1][2] != edges[1] or entered(record.ended_at)
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
    over = record.state in OVER or any(c.ended_at and (c.recovery or c.basis is not Basis.POSTED) for c in about)
    severity = worst([c.severity for c in about if (c.region, c.service) == cell and c.basis is Basis.STRUCTURED])
    severity = severity or worst([c.severity for c in about if (c.region, c.service) == cell]) or record.severity
    told = _told(cell, about)
    if len(told) > 1:
        for window in told:
            yield _outage(cell, severity, window.started_at, window.ended_at, Basis.STATED, Basis.STATED)
        return
    start = _best(cell, about, "started_at")
    if start is None or start.started_at is None:
        return
    if len(spells) <= 1:
        end = (
            _best(cell, [c for c in about if c.ended_at and c.ended_at > start.started_at], "ended_at")
            if over
            else None
        )
        yield _outage(
            cell, severity, start.started_at, end.ended_at if end else None, start.basis, end.basis if end else None
        )
        return
    first, last = spells[0], spells[-1]
    end = _best(cell, [c for c in about if c.ended_at and c.ended_at > last[1]], "ended_at") if over else None
    for spell in spells:
        began, ended, bases = spell[1], spell[2], [Basis.STRUCTURED, Basis.STRUCTURED if spell[2] else None]
        if spell is first and (ended is None or start.started_at < ended):
            began, bases[0] = start.started_at, start.basis
        if spell is last and end is not None:
            ended, bases[1] = end.ended_at, end.basis
        yield _outage(cell, spell[0], began, ended, bases[0] or Basis.STRUCTURED, bases[1])


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


def _best(cell: Cell, about: Iterable[Claim], bound: str) -> Claim | None:
    """The claim whose start, or end, is believed."""
    candidates = [c for c in about if getattr(c, bound) is not None]
    return min(candidates, key=lambda c: (_trust(cell, c), _outer(c, bound)), default=None)


def _outer(claim: Claim, bound: str) -> float:
    """Sort key among equals: of fields of several parts, the first start and the last end."""
    moment: datetime | None = getattr(claim, bound)
    if claim.basis is not Basis.STRUCTURED or moment is None:
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


def minutes(started: datetime, ended: datetime | None) -> float | None:
    """Length in minutes to a tenth; None while there is no end."""
    return None if ended is None else round((ended - started) / timedelta(minutes=1), 1)


class Span(NamedTuple):
    """The incident as a whole."""

    started_at: datetime | None
    ended_at: datetime | None
    start_basis: Basis | None
    end_basis: Basis | None


def span(record: Incident, result: Timeline) -> Span:
    """The incident as a whole: bounds that somebody entered for it, else from the first start to the last end of its
    outages, else of its claims (maintenance, notices). No end while one of its outages has none.
    """
    told = _span(record, result)
    start, start_basis, end, end_basis = told.started_at, told.start_basis, told.ended_at, told.end_basis
    if entered(record.started_at):
        start, start_basis = record.started_at, Basis.STRUCTURED
    if entered(record.ended_at):
        end, end_basis = record.ended_at, Basis.STRUCTURED
    if start and end and end <= start:
        return told
    return Span(start, end, start_basis, end_basis)


def _span(record: Incident, result: Timeline) -> Span:
    if result.outages:
        first = min(result.outages, key=lambda o: o.started_at)
        last = None
        if all(o.ended_at for o in result.outages):
            last = max(result.outages, key=lambda o: o.ended_at or o.started_at)
        return Span(
            first.started_at, last.ended_at if last else None, first.start_basis, last.end_basis if last else None
        )
    usable = [c for c in result.claims if not c.suspect]
    starts = _equals(usable, "started_at")
    if not starts:
        return Span(None, None, None, None)
    start, start_basis = min((c.started_at, c.basis) for c in starts if c.started_at)
    ends = _equals([c for c in usable if c.ended_at and c.ended_at > start], "ended_at")
    over = record.state in OVER or record.kind is Kind.MAINTENANCE
    if not ends or not (over or ends[0].basis is not Basis.POSTED):
        return Span(start, None, start_basis, None)
    end, end_basis = max((c.ended_at, c.basis) for c in ends if c.ended_at)
    return Span(start, end, start_basis, end_basis)


def _equals(claims: Sequence[Claim], bound: str) -> list[Claim]:
    """The claims whose start, or end, of the whole is believed: fields give one for each part."""
    anywhere = (None, None)
    best = _best(anywhere, claims, bound)
    return [c for c in claims if best and getattr(c, bound) and _trust(anywhere, c) == _trust(anywhere, best)]
