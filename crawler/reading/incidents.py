"""What readers conclude from the messages of an incident, whatever platform they were read from.

Vendors differ in their words, not in what happens: an incident is said to be over, perhaps more than once; its
components were in one state until they were in another; an operator dates a message back to when it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from crawler.intervals import spells
from crawler.records import OVER, Component, Impact, Incident, Kind, Severity, State, Update

#: Two times closer than this are the same to an operator: one stamp is taken a moment after the other.
MOMENT = timedelta(minutes=1)
#: Dated back further than this, it was carried over from another page, and its time is when it was posted there.
CARRIED_OVER = timedelta(days=30)

M = TypeVar("M")


def closing(messages: Sequence[M], state: Callable[[M], State | None]) -> M | None:
    """The message that said it was over, for good: what was resolved may have come back. None when it is open.

    `messages` stand oldest first; one whose `state` is None says nothing of it.
    """
    found = None
    for message in reversed(messages):
        told = state(message)
        if told in OVER:
            found = message
        elif told is not None:
            break
    return found


def over_posted(updates: Sequence[Update], state: State | None) -> datetime | None:
    """When it was said to be over, for good; None while it is not: `state` is that of the incident."""
    last = closing(updates, lambda update: update.state) if state in OVER else None
    return last.posted_at if last else None


def oldest_first(updates: Iterable[Update]) -> list[Update]:
    """Messages by the time that they bear; those without one last."""
    return sorted(updates, key=lambda update: update.posted_at or datetime.max.replace(tzinfo=UTC))


def set_back(shown: datetime, written: datetime) -> bool:
    """Whether the time that is shown was set back: the operator then says when it was, not when he wrote."""
    return MOMENT < written - shown <= CARRIED_OVER


def posted(shown: datetime, written: datetime | None) -> datetime:
    """When a message was posted: the time that is shown, but where that was set back, the one at which it was written."""
    return written if written and set_back(shown, written) else shown


def impacts_of(
    component: Component,
    changes: Iterable[tuple[datetime, Severity | None]],
    end: datetime | None,
    word: Callable[[Severity], str | None],
) -> list[Impact]:
    """The spells of a component (see `crawler.intervals`), each with the vendor's `word` for its severity."""
    return [
        Impact(
            component=component,
            severity=severity,
            severity_text=word(severity),
            started_at=started,
            ended_at=ended,
        )
        for severity, started, ended in spells(changes, end)
    ]


def first_told(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Each incident once: where a page has it in several places, as it is told first."""
    told: dict[str, Incident] = {}
    for incident in incidents:
        told.setdefault(incident.key, incident)
    return tuple(told.values())


def kind_of(planned: bool, severity: Severity | None) -> Kind:
    """What an incident is about, where its severity tells notices."""
    if planned:
        return Kind.MAINTENANCE
    return Kind.NOTICE if severity is Severity.NOTICE else Kind.OUTAGE
