"""Gathering: what fields, prose, hand-written accounts and posting times say of one incident, as claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cached_property, partial
from itertools import pairwise
from typing import NamedTuple

import msgspec

from crawler.catalog import ALL, GLOBAL, Source, Vendor
from crawler.clock import Context, Window, Zones, goes_on
from crawler.clock import read as read_times
from crawler.places import Gazetteer, Named, Recovery, Scope, Subject, subject
from crawler.records import OVER, Account, Basis, Impact, Incident, Kind, Severity, Signal, State, Update

#: A report that names more regions and services than this gets one claim for all of them.
MOST_CELLS = 64

#: Platform of incidents written by hand.
LANDMARKS = "landmarks"

#: What may lie between a stated time and a post though both tell of the same moment: clocks and stamps round.
ROUNDING = timedelta(minutes=5)
#: An end further ahead of the message that tells it is none yet.
AHEAD = timedelta(minutes=15)
#: In these states a message may say when it was over.
ENDING = OVER | {State.MONITORING}

#: Sentences that systems write about one service: "Webhooks is experiencing degraded performance."
_HIT = re.compile(
    r"(?m)^(?P<before>[A-Z][\w ,/&-]{1,60}?) is (?:now |again |still )?experiencing degraded\b"
    r"|\bdegraded (?:performance|availability) (?:for|of) (?P<after>[A-Z][\w ,/&-]{1,60}?)[.]?$"
)
_AND = re.compile(r",? and |, ")

#: Region and service; None: the vendor did not say.
Cell = tuple[str | None, str | None]


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
    #: Of what was only seen: the last looks before it was so, and before it was so no longer.
    started_after: datetime | None = None
    ended_after: datetime | None = None
    #: How closely it names its region: 0 not at all, 1 by "all", 2 by name.
    specific: int = 0
    #: A line that says that these are back; outweighs every general statement about the end.
    recovery: bool = False
    #: Begins when the outage had long been posted: a further spell of it, and no start of the whole.
    further: bool = False
    #: A further spell told while the rest went on: its end is none of the whole either.
    detail: bool = False


class Names(NamedTuple):
    """How one vendor's words are understood: its catalog entry, its places, and a source's zones."""

    vendor: Vendor
    places: Gazetteer
    source: Source
    zones: Zones


class Statements:
    """What was said of one incident: the cells it concerns, the claims, and what was not understood on the way."""

    def __init__(self, record: Incident, names: Names) -> None:
        self.record = record
        self.names = names
        self.found: dict[str, str] = {}
        self.signals: list[Signal] = []
        self.zone_text: str | None = None  # the zone another message of the incident names
        told = [a.started_at for a in record.accounts if a.started_at and not impossible(a.started_at, a.ended_at)]
        start = record.started_at or min(told, default=None) or record.first_posted_at
        self.day = start.date() if start else record.day
        self.updates = _oldest_first(record.updates)
        self.ongoing_at = ongoing_at(record)
        self._contexts: dict[int, Context] = {}
        self.impacts = [(impact, self._cell(impact)) for impact in record.impacts]
        self.seen = [(o, self._cell(Impact(component=o.component))) for o in record.observed]
        self.by_field = any(cell != (None, None) for _, cell in (*self.impacts, *self.seen))
        self.subject = self._subject()
        if self.by_field:
            self.impacts = list(self._completed())
        self.service_text = record.service_text or self.subject.service_text
        self.region_text = record.region_text or self.subject.region_text
        self.cells = self._named_cells()

    # Where

    def _subject(self) -> Subject:
        """What the title and the report name; beside fields, only what the title names of the kind they leave open."""
        if self.by_field:
            return self._titled()
        last = self.updates[-1] if self.updates else None
        report = last.text if last and (len(self.updates) == 1 or last.state is State.POSTMORTEM) else ""
        return subject(self.names.places, self.record.title, report, self.day)

    def _titled(self) -> Subject:
        """The regions of the title where fields name services alone, its services where they name regions alone.

        "All regions" and "Lima and others" do not say which, and name none.
        """
        record = self.record
        placed = record.region_text or any(cell[0] or i.region_key or i.region_text for i, cell in self.impacts)
        served = record.service_text or any(cell[1] or i.service_key or i.service_text for i, cell in self.impacts)
        if self._by_hand or (placed and served):
            return Subject()
        titled = subject(self.names.places, record.title, on=self.day)
        if placed:
            return Subject(services=tuple(named for named in titled.services if named.id not in (None, ALL)))
        if titled.every_region or self.names.places.scope(record.title, self.day).open_list:
            return Subject()
        return Subject(regions=tuple(named for named in titled.regions if named.id))

    def _completed(self) -> Iterator[tuple[Impact, Cell]]:
        """The impacts with what the title adds: one for each region, or each service, that it names."""
        for impact, (region, service) in self.impacts:
            if service and self.subject.regions:
                for named in self.subject.regions:
                    yield msgspec.structs.replace(impact, region_text=named.words), (named.id, service)
            elif region and self.subject.services:
                for named in self.subject.services:
                    yield msgspec.structs.replace(impact, service_text=named.words), (region, named.id)
            else:
                yield impact, (region, service)

    @property
    def _by_hand(self) -> bool:
        """Whether there is an account that counts."""
        return any(not impossible(account.started_at, account.ended_at) for account in self.record.accounts)

    def _cell(self, impact: Impact) -> Cell:
        """The region and service an impact speaks of."""
        places = self.names.places
        if impact.component is not None:
            region, service = places.component(impact.component)
            if service is None and (region is None or not places.only_a_place(impact.component)):
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
        cells = list(dict.fromkeys(cell for _, cell in (*self.impacts, *self.seen) if cell != (None, None)))
        if cells or self._by_hand:
            return cells  # accounts name their own
        return list(
            dict.fromkeys((region.id, service.id) for region, service in self._named() if region.id or service.id)
        )

    def _named(self) -> list[tuple[Named, Named]]:
        """Every pair of a region and a service that the fields of the incident name in words, else its report.

        What is said beside fields that name the cells is said of them all.
        """
        if self.by_field:
            return [(Named(None, self.region_text or ""), Named(None, self.service_text or ""))]
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
                specific=2,
                started=started,
                ended=ended,
                basis=Basis.STRUCTURED,
            )
        timed = any((i.started_at or i.ended_at) and not impossible(i.started_at, i.ended_at) for i in record.impacts)
        if (timed or not self.impacts) and (record.started_at or record.ended_at):
            for region, service in (self.cells if not timed else ()) or [(None, None)]:
                yield self._claim(
                    region=region,
                    service=service,
                    region_text=record.region_text,
                    service_text=record.service_text,
                    severity=None,  # the incident's own severity is no statement about one place
                    specific=0,
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
        specific: int,
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
            suspect=impossible(started, ended),
            specific=specific,
        )

    def observed(self) -> Iterator[Claim]:
        """What looks show: no earlier than the first that showed it, until the first that did not."""
        for seen, (region, service) in self.seen:
            component = seen.component
            yield Claim(
                source=seen.source,
                authority=self.names.source.authority,
                region=region,
                service=service,
                region_text=component.group if component else None,
                service_text=component.name if component else None,
                severity=seen.severity,
                started_at=seen.started_by,
                ended_at=seen.ended_by or seen.ended_after,
                basis=Basis.OBSERVED,
                url=seen.url,
                note="no longer shown after that" if seen.ended_after and not seen.ended_by else None,
                specific=2 if component else 0,
                started_after=seen.started_after,
                ended_after=seen.ended_after,
            )

    def stated(self) -> Iterator[Claim]:
        """Windows in the prose, newest message first; half windows only where no message has a whole one.

        Where the newest windows are further spells of what had long been posted, older messages tell of the rest.
        """
        read = [(update, self._windows(update)) for update in reversed(self.updates)]
        self.zone_text = next((w.timezone_text for _, ws in read for w in ws if w.timezone_text), None)
        whole = _unique((u, w) for u, ws in read for w in ws if w.started_at and w.ended_at and not w.suspect)
        doubtful = _unique((u, w) for u, ws in read for w in ws if w.suspect)
        starts = [(u, w) for u, ws in read for w in ws if w.started_at and not w.suspect]
        first = [(u, w) for u, w in starts if not self._further(w)][:1]
        if whole:
            newest = whole[0][0]
            windows = [(newest, window) for window in _separate(newest.text, [w for u, w in whole if u is newest])]
            cut = [(u, w) for u, w in starts if u is newest and _is_cut(w, doubtful)]
            if all(self._further(w) for _, w in windows):
                windows = [*_before(windows, whole[1:]), *windows]
                if first and first[0][1].ended_at is None:
                    windows = [*first, *windows]
            yield from (claim for u, w in (*windows, *cut) for claim in self._stated(u, w))
        else:
            ends = [(u, w) for u, ws in read for w in ws if w.ended_at and not w.suspect and not self._of_a_part(u, w)]
            yield from self._joined(first, ends[:1])
            yield from (claim for u, w in ([] if first else starts[:1]) for claim in self._stated(u, w))
        yield from (claim for u, w in doubtful for claim in self._stated(u, w))

    def _further(self, window: Window, service: str | None = None) -> bool:
        """Whether a window begins when the outage, or that of the service, had already been posted."""
        since = self._hits[service][0] if service in self._hits else self.ongoing_at
        return bool(since and window.started_at and window.started_at > since + ROUNDING)

    @cached_property
    def _hits(self) -> dict[str, list[datetime]]:
        """When messages that a system writes said of a service, by itself, that it is not well; oldest first.

        An incident can begin with something else, and grow; a service that was called back can fail again.
        """
        found: dict[str, list[datetime]] = {}
        for update in self.updates:
            for match in _HIT.finditer(update.text) if update.posted_at else ():
                for name in _AND.split(match["after"] or match["before"]):
                    if update.posted_at and (service := self.names.places.service(None, name)):
                        found.setdefault(service, []).append(update.posted_at)
        return found

    def _of_a_part(self, update: Update, window: Window) -> bool:
        """Whether an end stands in a line that closes only some cells while the rest goes on: not the end of it all."""
        if self.record.state in OVER and (update is self.updates[-1] or update.state in OVER):
            return False
        return any(
            u is update and closed and window.quote in recovery.quote and not self._vague(recovery.scope)
            for u, recovery, closed in self.recovered
        )

    def _windows(self, update: Update) -> list[Window]:
        """The windows of one message; of one that ends ahead of its message, the start counts by itself."""
        began, over = self.extent
        reading = read_times(update.text, self._posted(update), self.names.zones, began=began, over=over)
        for zone in reading.unknown_zones:
            self._signal("unknown-zone", "updates[].text", zone)
        found: list[Window] = []
        for window in reading.windows:
            problem = None if window.suspect else self._ahead(window, update)
            found.append(msgspec.structs.replace(window, suspect=problem) if problem else window)
            if problem and window.ended_at and not self._later(window.started_at, update):
                found.append(msgspec.structs.replace(window, ended_at=None))
        return found

    @property
    def extent(self) -> tuple[datetime | None, datetime | None]:
        """When the incident began and was over, by its fields, else by its posts."""
        record = self.record
        began = record.started_at or record.first_posted_at
        over = record.ended_at
        if began and over and over <= began:
            over = None  # a slip, or set and taken back at once
        return began, over or record.resolved_posted_at

    def _posted(self, update: Update) -> datetime | None:
        """When a message was posted; the last second of the day where only that is known, as the clock wants it."""
        day = self.record.day
        return update.posted_at or (datetime.combine(day, time(23, 59, 59), UTC) if day else None)

    def _ahead(self, window: Window, update: Update) -> str | None:
        """Why a window cannot be that lies ahead of its message: a forecast, or an error.

        Of what was only told when it was over the post can be dated back, and says nothing.
        """
        moment = next((m for m in (window.ended_at, window.started_at) if self._later(m, update)), None)
        if moment is None or update.posted_at is None:
            return None
        what = "ends" if moment is window.ended_at else "starts"
        return f"{what} {round((moment - update.posted_at) / timedelta(minutes=1))} minutes after its post"

    def _later(self, moment: datetime | None, update: Update) -> bool:
        return bool(moment and self.ongoing_at and update.posted_at and moment > update.posted_at + AHEAD)

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
            further = self._further(window, service.id)
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
                suspect=window.suspect or impossible(window.started_at, window.ended_at),
                specific=2 if region.id else 0,
                further=further,
                detail=further and update is not self.updates[-1] and update.state not in ENDING,
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
            said = self._ending(recovery, update)
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
                closed = self._recovered(recovery.scope, last_word=update.state in OVER)
                if not self.cells or not set(closed) >= set(self.cells):
                    found.append((update, recovery, closed))
        return found

    def _ending(self, recovery: Recovery, update: Update) -> Window | None:
        """When something was back, as the line says it; dates stand in the message before it."""
        began, over = self.extent
        found = read_times(
            recovery.quote,
            update.posted_at,
            self.names.zones,
            began=began,
            over=over,
            before=partial(self._context(update).before, recovery.span[0]),
        ).windows
        return next((w for w in found if w.ended_at and not w.suspect and not self._later(w.ended_at, update)), None)

    def _context(self, update: Update) -> Context:
        """What stands around the lines of one message; kept, since it may have hundreds."""
        if (known := self._contexts.get(id(update))) is None:
            began, over = self.extent
            known = Context(update.text, update.posted_at, self.names.zones, began=began, over=over)
            self._contexts[id(update)] = known
        return known

    def _closing(
        self, update: Update, recovery: Recovery, closed: Sequence[Cell], said: Window | None
    ) -> Iterator[Claim]:
        scope = recovery.scope
        vague = self._vague(scope)
        for region, service in dict.fromkeys((region, None) for region, _ in closed) if vague else closed:
            if service and update.posted_at and any(hit > update.posted_at for hit in self._hits.get(service, ())):
                continue  # too early
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

    def _recovered(self, scope: Scope, last_word: bool) -> list[Cell]:
        """The cells a recovery closes: those it names, among the incident's own where these are known.

        A cell without a region, or without a service, holds all that the line names; unless it is the last word,
        which only says once more where it all was.
        """
        if last_word and not scope.open_list and (not self.cells or any(None in cell for cell in self.cells)):
            return self.cells
        services = [s for s in scope.services if s != ALL]
        if not self.cells:
            return _product(scope.regions, services)
        closed: list[Cell] = []
        for region, service in self.cells:
            regions = [region] if region or not scope.regions else scope.regions
            if scope.regions and region and region not in scope.regions:
                continue
            if service and ((services and service not in services) or service in scope.except_services):
                continue
            closed += _product([r for r in regions if r], [service] if service else services) or [(region, service)]
        return list(dict.fromkeys(closed))

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
                        suspect=impossible(account.started_at, account.ended_at),
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
                suspect=impossible(record.first_posted_at, record.resolved_posted_at),
            )


def ongoing_at(record: Incident) -> datetime | None:
    """When the vendor first said that something is wrong now; None where it was only told of when it was over.

    Such a post bounds what later messages may say: it began before, and what they tell was over by their own time.
    """
    first = next((update for update in _oldest_first(record.updates) if update.posted_at), None)
    if first is None or record.kind is not Kind.OUTAGE or first.state in OVER:
        return None
    if len(record.updates) == 1 and record.state in OVER:
        return None
    return record.first_posted_at or first.posted_at


def _oldest_first(updates: Sequence[Update]) -> list[Update]:
    """By the time of posting; in the order given where one of them has no time."""
    dated = [(update.posted_at, update) for update in updates if update.posted_at]
    if len(dated) < len(updates):
        return list(updates)
    return [update for _, update in sorted(dated, key=lambda pair: pair[0])]


def _separate(text: str, windows: Sequence[Window]) -> list[Window]:
    """The windows of one message without the details of others: of two that overlap, the longer is the outage.

    Two that a third one overlaps are not two outages: it was one, from the first start to the last end. Unless they
    stand in one sentence, which tells them apart.
    """
    longest_first = sorted(windows, key=_length, reverse=True)
    kept: list[Window] = []
    for window in longest_first:
        if not any(_overlapping(window, other) for other in kept):
            kept.append(window)
    for window in longest_first:
        joined = [other for other in kept if _overlapping(window, other)]
        if len(joined) > 1 and not _in_one_sentence(text, joined):
            kept = [*(other for other in kept if other not in joined), _united([window, *joined])]
    return sorted(kept, key=lambda window: window.span)


def _in_one_sentence(text: str, windows: Iterable[Window]) -> bool:
    """Whether no sentence ends between some two of the windows of a text."""
    spans = sorted(window.span for window in windows)
    return any(goes_on(text[a[1] : b[0]]) for a, b in pairwise(spans))


def _united(windows: Sequence[Window]) -> Window:
    """One window of whole ones, in the words of its start and of its end."""
    latest = datetime.max.replace(tzinfo=UTC)
    first = min(windows, key=lambda w: w.started_at or latest)
    last = max(windows, key=lambda w: w.ended_at or latest)
    quote = first.quote if first is last else f"{first.quote} … {last.quote}"
    return msgspec.structs.replace(first, ended_at=last.ended_at, quote=quote)


def _before(
    windows: Sequence[tuple[Update, Window]], older: Iterable[tuple[Update, Window]]
) -> list[tuple[Update, Window]]:
    """The windows of older messages that were over when those of the newest began; by time."""
    kept: list[tuple[Update, Window]] = []
    for update, window in older:
        others = [*windows, *kept]
        if all(w.started_at and window.ended_at and window.ended_at < w.started_at for _, w in windows) and not any(
            _overlapping(window, w) for _, w in others
        ):
            kept.append((update, window))
    return sorted(kept, key=lambda each: each[1].started_at or each[1].ended_at or datetime.max.replace(tzinfo=UTC))


def _is_cut(window: Window, doubtful: Iterable[tuple[Update, Window]]) -> bool:
    """Whether a start is what is left of a window whose end cannot be."""
    return window.ended_at is None and any(w.quote == window.quote and w.ended_at for _, w in doubtful)


def _overlapping(a: Window, b: Window) -> bool:
    assert a.started_at
    assert a.ended_at
    assert b.started_at
    assert b.ended_at
    return a.started_at < b.ended_at and b.started_at < a.ended_at


def _length(window: Window) -> timedelta:
    return window.ended_at - window.started_at if window.started_at and window.ended_at else timedelta()


def _unique(said: Iterable[tuple[Update, Window]]) -> list[tuple[Update, Window]]:
    """Each window once, with the first message that has it."""
    seen: dict[tuple[datetime | None, datetime | None], tuple[Update, Window]] = {}
    for update, window in said:
        seen.setdefault((window.started_at, window.ended_at), (update, window))
    return list(seen.values())


def impossible(started: datetime | None, ended: datetime | None) -> str | None:
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
