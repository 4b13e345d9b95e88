"""What `outages sources` and `outages add` print."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from crawler.catalog import NOT_FETCHED, Catalog, Source
from crawler.records import Incident, Signal, stamp

if TYPE_CHECKING:
    from crawler.recognise import Found


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One source: what the catalog says of it, and how its last poll went (None: never asked)."""

    id: str
    vendor: str
    platform: str
    url: str
    polled: bool
    every: str | None  # None: not polled
    verified: bool
    unknown: bool  # nobody can ask: its platform, its reader or its addresses are not known
    remarks: str
    last_outcome: str | None = None
    last_polled_at: str | None = None


def rows(known: Catalog, conn: sqlite3.Connection) -> Iterator[Row]:
    """Every source of the catalog, with those that only imports have named. `conn` is of an archive that has it."""
    outcomes = {
        name: (outcome, at)
        for name, outcome, at in conn.execute("select id, last_outcome, last_polled_at from sources")
    }
    for vendor in sorted(known.vendors.values(), key=lambda v: v.id):
        for source in vendor.sources:
            yield _row(source, *outcomes.get(source.id, (None, None)))


def _row(source: Source, outcome: str | None, at: str | None) -> Row:
    return Row(
        id=source.id,
        vendor=source.vendor,
        platform=source.platform,
        url=source.url,
        polled=source.polled,
        every=str(source.interval) if source.polled else None,
        verified=source.verified,
        unknown=source.robots.startswith(NOT_FETCHED),
        remarks="; ".join(_remarks(source)),
        last_outcome=outcome,
        last_polled_at=at,
    )


def _remarks(source: Source) -> Iterator[str]:
    if source.robots.startswith(NOT_FETCHED):
        yield source.robots.removeprefix(NOT_FETCHED).lstrip(": ")
    elif not source.verified:
        yield f"unverified: {source.why}" if source.why else "unverified"
    elif not source.polled and source.why:
        yield source.why
    if source.lacks:
        yield f"needs {', '.join(source.lacks)}"
    if source.since:
        yield f"since {source.since}"
    if source.until:
        yield f"until {source.until}"


def table(some: Sequence[Row], width: int | None) -> Iterator[str]:
    """The rows in columns, cut at `width` characters. (rich takes a second for a thousand of them.)"""
    lines = [("source", "platform", "every", "last", "at", "address", "")]
    lines += [
        (row.id, row.platform, row.every or "–", row.last_outcome or "never asked", row.last_polled_at or "",
         row.url, row.remarks)
        for row in some
    ]  # fmt: skip
    yield from _columns(lines, width, most=64)


def _columns(lines: Sequence[Sequence[str]], width: int | None = None, most: int = 60) -> Iterator[str]:
    """Cells under each other; one that is longer than `most` pushes the rest of its line to the right."""
    widths = [min(most, max(len(line[number]) for line in lines)) for number in range(len(lines[0]))]
    for line in lines:
        yield "  ".join(cell.ljust(size) for cell, size in zip(line, widths, strict=True)).rstrip()[:width]


def summary(shown: int, every: Sequence[Row]) -> str:
    """One line about the whole catalog."""
    unknown = sum(row.unknown for row in every)
    polled, asked = sum(row.polled for row in every), sum(row.last_outcome is not None for row in every)
    return (
        f"{shown} of {len(every) - unknown} sources; {polled} are polled, {asked} have been asked; "
        f"{unknown} pages more cannot be read yet (--unknown)"
    )


def told(found: Found) -> Iterator[str]:
    """What was understood of a page."""
    vendor = found.vendor
    yield f"{vendor.id}: {vendor.name}, on {found.platform}, known by {found.because}"
    if found.moved:
        yield f"{vendor.homepage} leads to {found.moved}"
    yield f"times without a zone are in {found.timezone}" if found.timezone else "the page does not tell its time zone"
    yield "sources"
    yield from _indented(
        (s.source.id, s.source.every, s.source.url,
         f"{len(s.page.components)} components, {len(s.page.incidents)} incidents")
        for s in found.looks
    )  # fmt: skip
    yield "components, each with its region and service"
    yield from _indented(
        (f"{p.component.group} / " * bool(p.component.group) + p.component.name, p.region or "–", p.service or "–")
        for p in found.places
    )
    yield "open now"
    yield from _indented(map(_of_incident, found.open))
    yield "not understood"
    signals: dict[Signal, None] = dict.fromkeys(signal for look in found.looks for signal in look.page.signals)
    yield from _indented((signal.kind, signal.where, signal.detail) for signal in signals)


def _of_incident(incident: Incident) -> tuple[str, ...]:
    since = incident.started_at or incident.first_posted_at
    return incident.key, incident.severity or "–", incident.state or "–", stamp(since) if since else "–", incident.title


def _indented(lines: Iterable[Sequence[str]]) -> Iterator[str]:
    some = list(lines)
    yield from (f"  {line}" for line in (_columns(some) if some else ("none",)))
