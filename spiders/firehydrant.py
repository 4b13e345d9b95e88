"""FireHydrant status pages: `/data/payload.json`, what the page's own script reads.

One document holds the page's settings, its components, and every incident there ever was, so that an incident which
is missing was taken away. (`/data/rss.xml` tells less.)

What one must know of it:

- `timestamps` of an incident are its milestones by name, of which `started` and `resolved` bound it; an incident
  without `resolved` is open. Milestones have default names and may be a vendor's own.
- `timeline` is newest first. `occurredAt` is the time shown, `time` when the entry was written: these are weeks apart
  where a vendor carried over the history of another platform. Messages carried over begin with their state,
  `➡️ **Identified** — `.
- An entry's `details` are a `Note`, or a `BulkImpactUpdate` with a note, a change of milestone, or both.
- `severitySlug` is the vendor's scale: `SEV1` (worst) to `SEV5` by default, `MAINTENANCE`, `UNSET`, and others.
- Components of an incident have a condition, a word that the vendor chose; `conditions` says which of OPERATIONAL,
  DEGRADED and OFFLINE it stands for. A component is in the worst condition that an open incident gives it.

All times are UTC. A real payload of July 2026 was seen (four incidents of it, all over), and a reader that was checked
against two pages by its author; open incidents are known from that reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from crawler.catalog import Source
from crawler.platform import About, Platform, below_root
from crawler.reading.dates import utc
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, Time, convert, json_of, readable
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    Capture,
    Component,
    ComponentState,
    Impact,
    Incident,
    Kind,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)

SEVERITIES: Mapping[str, Severity | None] = {
    "sev1": Severity.MAJOR_OUTAGE,
    "sev2": Severity.PARTIAL_OUTAGE,
    "sev3": Severity.DEGRADED,
    "sev4": Severity.DEGRADED,
    "sev5": Severity.DEGRADED,
    "maintenance": Severity.MAINTENANCE,
    "unset": None,
}
CONDITIONS: Mapping[str, Severity] = {
    "operational": Severity.OPERATIONAL,
    "degraded": Severity.DEGRADED,
    "offline": Severity.MAJOR_OUTAGE,
}
#: Milestones, and the words that messages carried over begin with.
MILESTONES: Mapping[str, State | None] = {
    "started": None,
    "detected": None,
    "acknowledged": State.INVESTIGATING,
    "investigating": State.INVESTIGATING,
    "identified": State.IDENTIFIED,
    "mitigated": State.MONITORING,
    "monitoring": State.MONITORING,
    "pending-customer-response": None,
    "monitoring-maintenance": None,
    "resolved": State.RESOLVED,
    "postmortem_started": State.RESOLVED,  # within the vendor: nothing of it is published here
    "postmortem_completed": State.RESOLVED,
    "closed": State.RESOLVED,
}
_KINDS = frozenset({"Note", "BulkImpactUpdate"})
#: Written so much later than it occurred, a message was posted elsewhere at the time.
CARRIED_OVER = timedelta(days=3)
_CARRIED = re.compile(r"\W*\*\*([\w ]+)\*\*\s*[—–-]")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class _Config(Payload):
    title: str = ""
    companyName: str = ""  # noqa: N815 - the payload's name
    operationalMessage: Ignored = None  # noqa: N815
    uiVersion: Ignored = None  # noqa: N815


class _Component(Payload):
    name: str
    id: str | None = None
    condition: str | None = None


class _Milestone(Payload):
    current: str | None = msgspec.field(name="currentMilestone", default=None)
    original: Ignored = msgspec.field(name="originalMilestone", default=None)


class _Inner(Payload):
    note: str | None = None


class _Details(Payload):
    type: str = msgspec.field(name="@type", default="")
    note: str | _Inner | None = None
    milestone: _Milestone | None = msgspec.field(name="milestoneUpdate", default=None)


class _Entry(Payload):
    details: _Details
    occurred: Time = msgspec.field(name="occurredAt")
    written: Time | None = msgspec.field(name="time", default=None)


class _Incident(Payload):
    id: str
    title: str
    timestamps: dict[str, Time]
    timeline: list[_Entry] = msgspec.field(default_factory=list)
    severity: str | None = msgspec.field(name="severitySlug", default=None)
    components: list[_Component] = msgspec.field(default_factory=list)
    conditions: dict[str, str] = msgspec.field(name="componentConditions", default_factory=dict)
    lifecyclePhases: Ignored = None  # noqa: N815 - the milestones once more, with their headings
    statusPageId: Ignored = None  # noqa: N815


class _Document(Payload):
    config: _Config
    conditions: dict[str, str]
    components: list[_Component]
    incidents: list[Any]


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """All incidents, and what the open ones make of the components. Raises Unreadable when the body is another."""
    signals: list[Signal] = []
    document = json_of(capture, _Document, signals)
    conditions = {
        word: look_up(CONDITIONS, meaning, signals, "conditions.*") for word, meaning in document.conditions.items()
    }

    def incident(item: Any) -> Incident:
        told = convert(item, _Incident, signals, "incidents[]")
        return _incident(told, document, conditions, capture.fetched_at, signals)

    incidents = list(readable(document.incidents, incident, signals, "incidents[]"))
    return Page(
        incidents=tuple(incidents),
        components=tuple(_states(document, incidents)),
        signals=tuple(dict.fromkeys(signals)),
        reach=_BEGINNING if incidents and len(incidents) == len(document.incidents) else None,
    )


class _Told(NamedTuple):
    """What a timeline says: its messages, each with when it was posted; the last milestone; when it was first over."""

    messages: list[tuple[Update, datetime]]
    milestone: str | None
    over: datetime | None


def _incident(
    told: _Incident,
    document: _Document,
    conditions: Mapping[str, Severity | None],
    now: datetime,
    signals: list[Signal],
) -> Incident:
    severity = look_up(SEVERITIES, told.severity, signals, "incidents[].severitySlug")
    kind = Kind.MAINTENANCE if severity is Severity.MAINTENANCE else Kind.OUTAGE
    timeline = _timeline(told, signals)
    updates = tuple(update for update, _ in timeline.messages)
    posted = [when for _, when in timeline.messages]
    started, ended = (
        utc(told.timestamps[name]) if name in told.timestamps else None for name in ("started", "resolved")
    )
    over = ended is not None
    if started and ended and ended <= started:  # written up afterwards, by a single message
        started = ended = None
    milestone = timeline.milestone or max(told.timestamps, key=lambda name: told.timestamps[name], default=None)
    said = next((update for update in reversed(updates) if update.state), None)
    state = (
        State.RESOLVED
        if over
        else look_up(MILESTONES, milestone, signals, _MILESTONE) or (said.state if said else None)
    )
    if kind is Kind.MAINTENANCE:
        ahead = started is not None and started > now
        state = State.COMPLETED if over else State.SCHEDULED if ahead else State.IN_PROGRESS
    return Incident(
        key=told.id,
        title=told.title.strip(),
        kind=kind,
        severity=severity,
        severity_text=told.severity,
        state=state,
        state_text="resolved" if over else milestone,
        started_at=started,
        ended_at=ended,
        first_posted_at=posted[0] if posted else None,
        resolved_posted_at=(timeline.over or (posted[-1] if posted else None)) if over else None,
        updates=updates,
        impacts=tuple(_impacts(told, document, conditions, (started, ended), signals)),
    )


_MILESTONE = "incidents[].timeline[].details.milestoneUpdate"


def _timeline(told: _Incident, signals: list[Signal]) -> _Told:
    """A message is in the state it names, else in that of the milestone reached by then."""
    messages: list[tuple[Update, datetime]] = []
    milestone: str | None = None
    over: datetime | None = None
    for entry in sorted(told.timeline, key=lambda entry: entry.occurred):
        name = entry.details.type.rpartition(".")[2]
        if name not in _KINDS:
            signals.append(Signal("unknown-word", "incidents[].timeline[].details.@type", name))
        if entry.details.milestone and entry.details.milestone.current:
            milestone = entry.details.milestone.current
        note = entry.details.note
        text = ((note.note if isinstance(note, _Inner) else note) or "").strip()
        carried = _CARRIED.match(text)
        word = carried[1] if carried else milestone
        state = look_up(MILESTONES, word, signals, _MILESTONE)
        occurred, written = utc(entry.occurred), utc(entry.written or entry.occurred)
        posted = occurred if written - occurred > CARRIED_OVER else written
        if state in OVER and over is None:
            over = posted
        if text:
            update = Update(posted_at=occurred, state=state, state_text=word, text=plain(text))
            messages.append((update, posted))
    return _Told(messages, milestone, over)


def _impacts(
    told: _Incident,
    document: _Document,
    conditions: Mapping[str, Severity | None],
    bounds: tuple[datetime | None, datetime | None],
    signals: list[Signal],
) -> Iterator[Impact]:
    """What each component was, for as long as the incident lasted."""
    keys = {component.name: component.id for component in document.components}
    affected = told.components or [
        _Component(name=name, id=keys.get(name), condition=word) for name, word in told.conditions.items()
    ]
    for component in affected:
        word = component.condition
        if word is not None and word not in conditions:
            signals.append(Signal("unknown-word", "incidents[].components[].condition", word))
        planned = word is not None and word.strip().lower() == "maintenance"  # stands for DEGRADED
        yield Impact(
            component=Component(key=component.id, name=component.name),
            severity=Severity.MAINTENANCE if planned else conditions.get(word or ""),
            severity_text=word,
            started_at=bounds[0],
            ended_at=bounds[1],
        )


def _states(document: _Document, incidents: list[Incident]) -> Iterator[ComponentState]:
    """The worst that open incidents make of each component; what lies ahead does not count."""
    well = next((word for word, meaning in document.conditions.items() if meaning == "OPERATIONAL"), "OPERATIONAL")
    worst: dict[str | None, Impact] = {}
    for incident in incidents:
        if incident.state in OVER or incident.state is State.SCHEDULED:
            continue
        for impact in incident.impacts:
            key = impact.component.key if impact.component else None
            if key not in worst or _rank(impact) > _rank(worst[key]):
                worst[key] = impact
    for component in document.components:
        bad = worst.get(component.id)
        yield ComponentState(
            component=Component(key=component.id, name=component.name),
            severity=bad.severity if bad else Severity.OPERATIONAL,
            severity_text=(bad.severity_text or "") if bad else well,
        )


def _rank(impact: Impact) -> int:
    return impact.severity.rank if impact.severity else -1


def _about(capture: Capture) -> About:
    try:
        config = json_of(capture, _Document).config
    except Unreadable:
        return About()
    return About(name=config.companyName or config.title or None)


PLATFORM = Platform(
    read=read,
    html=(r"(?i)\bfirehydrant\b",),
    find=below_root(payload="/data/payload.json"),
    about=_about,
)
