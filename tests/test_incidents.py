"""What readers conclude from messages: when it was over, what was set back, the spells of a component."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crawler.reading.incidents import (
    closing,
    first_told,
    impacts_of,
    kind_of,
    oldest_first,
    over_posted,
    posted,
    set_back,
)
from crawler.records import Component, Impact, Incident, Kind, Severity, State, Update

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("states", "position"),
    [
        ("", None),
        ("i", None),
        ("ir", 1),
        ("irp", 1),  # the post-mortem comes after it
        ("iri", None),  # it came back
        ("irir", 3),
        ("ir?", 1),  # a message that says nothing of it
        ("i?r?p", 2),
    ],
)
def test_the_message_that_closed_it_is_the_first_of_the_last_that_say_so(states: str, position: int | None) -> None:
    meanings = {"i": State.INVESTIGATING, "r": State.RESOLVED, "p": State.POSTMORTEM, "?": None}
    found = closing(list(enumerate(states)), lambda message: meanings[message[1]])
    assert (found and found[0]) == position


def test_what_is_open_by_its_own_state_was_not_said_to_be_over() -> None:
    said = [Update(posted_at=NOON, state=State.RESOLVED, text=""), Update(posted_at=NOON + MINUTE, text="")]
    assert over_posted(said, State.RESOLVED) == NOON
    assert over_posted(said, State.MONITORING) is None
    assert over_posted([], State.RESOLVED) is None


def test_a_time_is_set_back_by_more_than_a_moment_and_less_than_a_month() -> None:
    assert not set_back(NOON, NOON + MINUTE)
    assert set_back(NOON, NOON + 2 * MINUTE)
    assert set_back(NOON, NOON + timedelta(days=30))
    assert not set_back(NOON, NOON + timedelta(days=31))  # carried over from another page
    assert not set_back(NOON, NOON - timedelta(hours=1))


def test_a_message_was_posted_when_it_was_written() -> None:
    later = NOON + timedelta(hours=1)
    assert posted(NOON, later) == later
    assert posted(NOON, NOON + MINUTE) == NOON
    assert posted(NOON, None) == NOON


def test_messages_without_a_time_come_last() -> None:
    first, second, undated = (Update(posted_at=at, text="") for at in (NOON, NOON + MINUTE, None))
    assert oldest_first([undated, second, first]) == [first, second, undated]


def test_a_component_has_an_impact_for_each_spell_in_the_words_of_the_vendor() -> None:
    changes = [(NOON, Severity.DEGRADED), (NOON + MINUTE, Severity.MAJOR_OUTAGE), (NOON + 2 * MINUTE, None)]
    words = {Severity.DEGRADED: "slow", Severity.MAJOR_OUTAGE: "dead"}
    api = Component(key="1", name="API")
    assert impacts_of(api, changes, None, words.get) == [
        Impact(
            component=api,
            severity=severity,
            severity_text=word,
            started_at=NOON + minutes * MINUTE,
            ended_at=NOON + (minutes + 1) * MINUTE,
        )
        for minutes, (severity, word) in enumerate(words.items())
    ]


def test_the_first_telling_of_an_incident_counts() -> None:
    told, other, again = (Incident(key=key, title=title) for key, title in (("a", "one"), ("b", "two"), ("a", "three")))
    assert first_told([told, other, again]) == (told, other)


def test_what_is_planned_is_a_maintenance_whatever_its_severity() -> None:
    assert kind_of(True, Severity.NOTICE) is Kind.MAINTENANCE
    assert kind_of(False, Severity.NOTICE) is Kind.NOTICE
    assert kind_of(False, None) is Kind.OUTAGE
