"""From what was said about one incident to when each service in each region was out.

Pure: one merged record and the vendor's names in, claims and outages out. A *claim* is one statement
with the words it rests on (`claims`); an *outage* is the interval held true, each bound chosen
separately from the claims (`choice`). The order of trust for a bound is the order of `Basis`, except
that a line which says that named places are back closes them at its own time, unless a later message
states a better one; that what was posted as going on began no later than that; and that nothing was
over after the message which says so. Among equals a more specific statement wins, then the vendor's
own over others', then the newest.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from crawler.places import linked_to
from crawler.reading.dates import EARLIEST, FAR, later
from crawler.records import OVER, Basis, Incident, Kind, Signal
from crawler.timeline.choice import Outage, entered, entered_bounds, equals, outages
from crawler.timeline.claims import LANDMARKS, ROUNDING, Cell, Claim, Names, Statements, ongoing_at

__all__ = ["LANDMARKS", "Cell", "Claim", "Names", "Outage", "Span", "Timeline", "build", "entered", "minutes", "span"]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """All that follows from one incident. `found` are components the catalog does not list: id to name.

    `service_text` and `region_text` are what the report speaks of in its own words, the vendor's fields first.
    """

    claims: tuple[Claim, ...]
    outages: tuple[Outage, ...]
    found: dict[str, str]
    signals: tuple[Signal, ...]
    #: The incident that this one only points to.
    linked_to: str | None = None
    service_text: str | None = None
    region_text: str | None = None


def build(record: Incident, names: Names, read_by: datetime | None = None) -> Timeline:
    """Claims and outages of one incident. It was read by then as it stands, and tells of no outage after that."""
    said = Statements(record, names)
    # An incident written by hand has accounts; its updates are our own words.
    published = () if names.source.platform == LANDMARKS else (*said.structured(), *said.stated(), *said.recoveries())
    if read_by:
        latest = read_by if record.kind is Kind.OUTAGE else later(read_by, FAR)
        published = tuple(_doubted(claim, latest) for claim in published)
    claims = [*published, *said.accounts(), *said.posted(), *said.observed()]
    held = tuple(outages(record, said.cells, claims)) if record.kind is Kind.OUTAGE else ()
    return Timeline(
        claims=tuple(claims),
        outages=held,
        found=said.found,
        signals=tuple(said.signals),
        linked_to=record.linked_to or linked_to([update.text for update in record.updates]),
        service_text=said.service_text,
        region_text=said.region_text,
    )


def _doubted(claim: Claim, latest: datetime) -> Claim:
    """The claim, suspect where it is of a time after that, or before there was any page."""
    times = [at for at in (claim.started_at, claim.ended_at) if at]
    if claim.suspect or not times or (min(times) >= EARLIEST and max(times) <= latest):
        return claim
    after = max(times) - latest
    return msgspec.structs.replace(
        claim,
        suspect=f"{after.days + 1} days after it was read" if after > timedelta() else "before there was any page",
    )


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
    """The incident as a whole: from the first start to the last end of its outages, and no less than bounds that somebody
    entered for it; without outages (maintenance, notices) those bounds, else of its claims. Unless an end was entered
    there is none while one of its outages has none.
    """
    told = _span(record, result)
    start, start_basis, end, end_basis = told.started_at, told.start_basis, told.ended_at, told.end_basis
    posted = None if record.accounts else ongoing_at(record)  # who wrote those down knew the posts
    if start and posted and posted < start - (ROUNDING if start_basis is Basis.STATED else timedelta()):
        start, start_basis = posted, Basis.POSTED  # with whatever part, it had begun
    first = min((o.started_at for o in result.outages), default=None)
    last = max((o.ended_at for o in result.outages if o.ended_at), default=None)
    began, over = entered_bounds(record)
    if began and not (first and first < began):
        start, start_basis = began, Basis.STRUCTURED
    if over and not (last and last > over):
        end, end_basis = over, Basis.STRUCTURED
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
    starts = equals(usable, "started_at")
    if not starts:
        return Span(None, None, None, None)
    start, start_basis = min((c.started_at, c.basis) for c in starts if c.started_at)
    ends = equals([c for c in usable if c.ended_at and c.ended_at > start], "ended_at")
    over = record.state in OVER or record.kind is Kind.MAINTENANCE
    if not ends or not (over or ends[0].basis is not Basis.POSTED):
        return Span(start, None, start_basis, None)
    end, end_basis = max((c.ended_at, c.basis) for c in ends if c.ended_at)
    return Span(start, end, start_basis, end_basis)
