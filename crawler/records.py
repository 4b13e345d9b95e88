"""The shapes that travel from a response to a row.

A reader turns one `Capture` into one `Page`. Everything in a page is what the vendor said, in the
vendor's words, beside our one scale; nothing here is looked up, guessed or taken from a clock.

All datetimes are aware and in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """One scale for all vendors, mildest first (see `RANK`)."""

    OPERATIONAL = "operational"
    NOTICE = "notice"
    MAINTENANCE = "maintenance"
    DEGRADED = "degraded"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"

    @property
    def rank(self) -> int:
        """Position on the scale: the larger, the worse."""
        return RANK[self]


RANK: Mapping[Severity, int] = {severity: rank for rank, severity in enumerate(Severity)}
#: Severities that count as downtime in availability.
DOWN = frozenset({Severity.PARTIAL_OUTAGE, Severity.MAJOR_OUTAGE})


class State(StrEnum):
    """Where an incident, or a maintenance, is in its life."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"


#: States after which nothing is out any more.
OVER = frozenset({State.RESOLVED, State.POSTMORTEM, State.COMPLETED})
#: States that only a maintenance is in.
PLANNED = frozenset({State.SCHEDULED, State.IN_PROGRESS, State.VERIFYING, State.COMPLETED})


class Kind(StrEnum):
    """What an incident is about."""

    OUTAGE = "outage"
    MAINTENANCE = "maintenance"
    NOTICE = "notice"


class Basis(StrEnum):
    """Where a time comes from, best first: the order in which an outage chooses its bounds."""

    STATED = "stated"  # the vendor's prose
    STRUCTURED = "structured"  # a field, or a component's change of state
    POSTED = "posted"  # the time of the message itself
    OBSERVED = "observed"  # between two polls


class Unreadable(Exception):  # noqa: N818 - an outcome of a poll, named as such
    """The body is not what this source publishes: a failed poll, never "all clear"."""


class Signal(msgspec.Struct, frozen=True, order=True):
    """Something in a payload that was not understood: counted and shown, never a silent default."""

    kind: str  # unknown-field, unknown-word, bad-value, bad-incident, unknown-component ...
    where: str  # path of the field, e.g. incidents[].impact
    detail: str  # the vendor's word, or what is wrong with it


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """One response, or one failure to get one. `body` is exactly what the server sent, decompressed."""

    source: str
    url: str
    fetched_at: datetime
    status: int | None  # None: no answer at all (see `error`)
    headers: dict[str, str]  # names in lower case
    body: bytes | None  # None: 304, or no answer
    milliseconds: int | None = None
    error: str | None = None  # refused, timeout, tls, dns, too-large, robots ... with detail

    @property
    def id(self) -> str:
        """The same look at the same address has the same id, however it reaches the archive."""
        name = f"{self.source}\n{self.url}\n{stamp(self.fetched_at)}"
        return hashlib.sha256(name.encode()).hexdigest()[:16]


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """A thing on a status page, as the page names it: a service, a region, or a pair of both."""

    key: str | None  # the platform's own id
    name: str
    group: str | None = None  # name of the heading it stands under


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the payload says: this was so, from then until then.

    A platform that has services and regions apart fills `service_*` and `region_*`; one that only
    has components fills `component`, and the catalog says which service and region it is.
    """

    component: Component | None = None
    service_key: str | None = None
    service_text: str | None = None
    region_key: str | None = None
    region_text: str | None = None
    severity: Severity | None = None
    severity_text: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One message of an incident, as plain text."""

    key: str | None = None  # the platform's own id, else None
    posted_at: datetime | None
    state: State | None = None
    state_text: str | None = None
    text: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account of when something was out, already in terms of the catalog: hand-written incidents.

    `regions` and `services` hold catalog ids; "all" in `regions` stands for every region the vendor
    had then, and `except_regions` takes some away. `open_list` marks "Hangzhou, Beijing and others".
    """

    said_by: str  # id of the reference
    authority: str  # vendor, vendor-quoted, third-party, leak
    url: str | None
    said_at: datetime | None
    regions: tuple[str, ...] = ()
    except_regions: tuple[str, ...] = ()
    open_list: bool = False
    services: tuple[str, ...] = ()
    severity: Severity | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    timezone_text: str | None = None
    region_text: str | None = None
    service_text: str | None = None
    quote: str | None = None
    note: str | None = None
    basis: Basis = Basis.STATED


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """Looks show that something was so, and nobody says since when: it began after one look and by another.

    No `component`: the incident as a whole, which was on a list of what is open. `ended_after` without `ended_by`:
    the last look that could tell; what came then is not known. Neither: it still is so.
    """

    source: str
    url: str
    component: Component | None
    severity: Severity | None
    severity_text: str
    started_after: datetime | None
    started_by: datetime
    ended_after: datetime | None
    ended_by: datetime | None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What the vendor says happened, in one capture. Updates are oldest first."""

    key: str
    title: str
    url: str | None = None
    kind: Kind = Kind.OUTAGE
    severity: Severity | None = None
    severity_text: str | None = None
    state: State | None = None
    state_text: str | None = None
    service_text: str | None = None
    region_text: str | None = None
    #: What a field of the payload calls the start and the end of the incident itself.
    started_at: datetime | None = None
    ended_at: datetime | None = None
    #: The day of it, where the vendor tells a day and no time.
    day: date | None = None
    #: When the vendor's first word, and its word that it is over, were posted.
    first_posted_at: datetime | None = None
    resolved_posted_at: datetime | None = None
    updates: tuple[Update, ...] = ()
    #: Older messages than those in `updates` may be missing: this shows the newest, or whatever has not dropped off yet.
    newest_only: bool = False
    impacts: tuple[Impact, ...] = ()
    #: Known only of incidents written by hand.
    accounts: tuple[Account, ...] = ()
    #: Not published, but seen; no reader fills it.
    observed: tuple[Observed, ...] = ()
    cause: str | None = None
    cause_category: str | None = None
    plane: str | None = None  # control, data, both
    postmortem_at: datetime | None = None
    postmortem_url: str | None = None
    #: The last day on which it is known that there was no post-mortem, `YYYY-MM-DD`.
    no_postmortem_by: str | None = None
    linked_to: str | None = None


class ComponentState(msgspec.Struct, frozen=True, kw_only=True):
    """What a component is said to be at the moment of the capture."""

    component: Component
    severity: Severity | None
    severity_text: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """All that one capture says.

    `reach`: every incident the vendor began after this instant is on the page, so one that is
    missing has been taken away; None when the page does not promise that.

    `open_only`: the page lists what is open, all of it and nothing else, so an incident that is missing
    is open no longer. Such a page has no reach.
    """

    incidents: tuple[Incident, ...] = ()
    components: tuple[ComponentState, ...] = ()
    signals: tuple[Signal, ...] = ()
    reach: datetime | None = None
    open_only: bool = False


def stamp(when: datetime) -> str:
    """UTC text as the tables hold it, `YYYY-MM-DDTHH:MM:SSZ`; fractions of a second are cut off."""
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"  # strftime pads no years


def month_of(when: datetime) -> str:
    """The month (UTC) as the tables hold it, `YYYY-MM`."""
    return stamp(when)[:7]


def instant(text: str) -> datetime:
    """The reverse of `stamp`; also reads any ISO 8601 text with an offset. ValueError when naive."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"time without a zone: {text!r}")
    return when.astimezone(UTC)


#: No page on the web was fetched before there was one, nor by whom we shall meet; the calendar has room on either side.
_FETCHED = datetime(1991, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def fetched(when: datetime) -> datetime:
    """When somebody says to have fetched a page, to the second. ValueError when nobody can have."""
    if not _FETCHED[0] <= when < _FETCHED[1]:
        raise ValueError(f"fetched at {stamp(when)}, when nobody can have")
    return when.replace(microsecond=0)


def epoch(value: str | float) -> datetime:
    """An epoch in seconds or milliseconds, told apart by magnitude (both occur in one AWS document).

    Milliseconds begin at 1e11, which as seconds would be the year 5138. ValueError when it is neither.
    """
    number = float(value)
    if number > 1e11:
        number /= 1000
    if not 0 < number < 1e11:
        raise ValueError(f"not an epoch: {value!r}")
    return datetime.fromtimestamp(number, UTC)


def worst(severities: list[Severity | None]) -> Severity | None:
    """The worst of those that are known; None when none is."""
    return max((s for s in severities if s), key=lambda s: s.rank, default=None)
