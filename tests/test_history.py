"""What a vendor changed: names that stay, removals, and which differences are revisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.history import Revision, Version, name_updates, revisions, updates
from crawler.records import Component, Impact, Incident, Kind, Severity, State, Update


def at(minute: int) -> datetime:
    return datetime(2026, 1, 1, 10, tzinfo=UTC) + timedelta(minutes=minute)


def said(minute: int | None, text: str = "Text", key: str | None = None, state: State | None = None) -> Update:
    return Update(key=key, posted_at=None if minute is None else at(minute), text=text, state=state)


def record(*some: Update, **fields: Any) -> Incident:
    return Incident(key="k", title=fields.pop("title", "Title"), updates=some, **fields)


def seen(*records: Incident | None) -> list[Version]:
    """Versions a quarter of an hour apart."""
    return [Version(at(15 * n), shown) for n, shown in enumerate(records)]


def changes(*records: Incident | None) -> list[tuple[str | None, str, str | None, str | None]]:
    return [(r.update, r.field, r.before, r.after) for r in revisions(seen(*records))]


# Names


def test_updates_are_named_by_key_then_time_then_position() -> None:
    named = name_updates(record(said(None, "a"), said(1, "b"), said(2, "c", key="u7")))
    assert list(named) == ["#0", "2026-01-01T10:01:00Z", "u7"]


def test_names_are_unique() -> None:
    twice = record(said(1, "a"), said(1, "b"), said(1, "c"), said(2, "d", key="u"), said(2, "e", key="u"))
    named = name_updates(twice)
    assert [u.text for u in named.values()] == ["a", "b", "c", "d", "e"]
    assert len(set(named)) == 5


@given(st.lists(st.builds(said, st.none() | st.integers(0, 3), key=st.sampled_from([None, "u", "u-2", "u-2-2"]))))
def test_no_update_is_lost_for_want_of_a_name(some: list[Update]) -> None:
    assert list(name_updates(record(*some)).values()) == some


@given(
    st.lists(st.tuples(st.integers(0, 99), st.text(max_size=3)), unique_by=lambda t: t[0], min_size=1),
    st.tuples(st.integers(100, 120), st.text(max_size=3)),
)
def test_names_stay_when_another_message_comes(before: list[tuple[int, str]], more: tuple[int, str]) -> None:
    some = [said(minute, text) for minute, text in sorted(before)]
    old, new = name_updates(record(*some)), name_updates(record(*some, said(*more)))
    assert {name: new[name] for name in old} == old


# Updates


def test_updates_remember_when_they_were_first_seen_and_removed() -> None:
    one, two = said(1, "one"), said(2, "two")
    versions = seen(record(one), record(one, two), record(two), record(two))
    assert [(k.update.text, k.first_seen_at, k.removed_at) for k in updates(versions)] == [
        ("one", at(0), at(30)),
        ("two", at(15), None),
    ]


def test_an_update_that_comes_back_is_not_removed() -> None:
    one, two = said(1, "one"), said(2, "two")
    kept = updates(seen(record(one, two), record(two), record(one, two)))
    assert [(k.update.text, k.first_seen_at, k.removed_at) for k in kept] == [
        ("one", at(0), None),
        ("two", at(0), None),
    ]


def test_the_newest_text_is_kept_under_the_first_sight() -> None:
    (kept,) = updates(seen(record(said(1, "first", key="u")), record(said(1, "corrected", key="u"))))
    assert (kept.update.text, kept.first_seen_at) == ("corrected", at(0))


def test_updates_come_in_the_order_of_posting() -> None:
    late, early = said(9, "late", key="a"), said(1, "early", key="b")
    assert [k.update.text for k in updates(seen(record(late), record(early, late)))] == ["early", "late"]


def test_updates_of_an_incident_that_vanished_are_kept_and_were_not_taken_away_one_by_one() -> None:
    (kept,) = updates(seen(record(said(1)), None))
    assert kept.removed_at is None


# Revisions

BEFORE = record(
    said(1, "Text", key="u", state=State.INVESTIGATING),
    kind=Kind.OUTAGE,
    severity=Severity.DEGRADED,
    severity_text="minor",
    state=State.RESOLVED,
    service_text="API",
    region_text="Frankfurt",
    started_at=at(0),
    ended_at=at(30),
    linked_to="other",
)


def test_the_same_again_is_no_revision() -> None:
    assert changes(BEFORE) == []
    assert changes(BEFORE, BEFORE) == []
    assert list(revisions([])) == []


@pytest.mark.parametrize(
    ("field", "value", "before", "after"),
    [
        ("title", "Other", "Title", "Other"),
        ("kind", Kind.NOTICE, "outage", "notice"),
        ("severity", Severity.MAJOR_OUTAGE, "degraded", "major_outage"),
        ("severity_text", "critical", "minor", "critical"),
        ("service_text", "Database", "API", "Database"),
        ("region_text", None, "Frankfurt", None),
        ("started_at", at(5), "2026-01-01T10:00:00Z", "2026-01-01T10:05:00Z"),
        ("ended_at", at(40), "2026-01-01T10:30:00Z", "2026-01-01T10:40:00Z"),
        ("ended_at", None, "2026-01-01T10:30:00Z", None),
        ("linked_to", None, "other", None),
    ],
)
def test_every_field(field: str, value: Any, before: str | None, after: str | None) -> None:
    changed = msgspec.structs.replace(BEFORE, **{field: value})
    assert changes(BEFORE, changed) == [(None, field, before, after)]


def test_an_end_that_is_given_is_how_an_incident_goes_on() -> None:
    assert changes(record(), record(ended_at=at(3))) == []


@pytest.mark.parametrize(
    ("before", "after", "revised"),
    [
        (None, State.RESOLVED, False),
        (State.INVESTIGATING, State.IDENTIFIED, False),
        (State.INVESTIGATING, State.RESOLVED, False),
        (State.RESOLVED, State.POSTMORTEM, False),
        (State.SCHEDULED, State.IN_PROGRESS, False),
        (State.VERIFYING, State.COMPLETED, False),
        (State.RESOLVED, State.INVESTIGATING, True),  # reopened
        (State.RESOLVED, State.MONITORING, True),
        (State.COMPLETED, State.IN_PROGRESS, True),
        (State.RESOLVED, None, True),  # the word is one we do not know
    ],
)
def test_going_on_is_no_revision_and_to_reopen_is(before: State | None, after: State | None, revised: bool) -> None:
    found = changes(record(state=before), record(state=after))
    assert found == ([(None, "state", before and str(before), after and str(after))] if revised else [])


def test_components_added_or_taken_away() -> None:
    def hit(*names: str) -> Incident:
        return record(impacts=tuple(Impact(component=Component(key=None, name=name)) for name in names))

    assert changes(hit("API", "Web"), hit("Web", "API")) == []
    assert changes(hit("API"), hit("Web", "API")) == [(None, "services", "API", "API, Web")]
    assert changes(hit("API"), hit()) == [(None, "services", "API", None)]
    assert changes(record(impacts=(Impact(region_text="Oregon"),)), record(impacts=(Impact(region_key="fra"),))) == [
        (None, "regions", "Oregon", "fra")
    ]


@pytest.mark.parametrize(
    ("field", "value", "before", "after"),
    [
        ("text", "Corrected", "Text", "Corrected"),
        ("state", State.RESOLVED, "investigating", "resolved"),
        ("posted_at", at(7), "2026-01-01T10:01:00Z", "2026-01-01T10:07:00Z"),
    ],
)
def test_an_edited_update(field: str, value: Any, before: str, after: str) -> None:
    edited = msgspec.structs.replace(BEFORE.updates[0], **{field: value})
    changed = msgspec.structs.replace(BEFORE, updates=(edited,))
    assert changes(BEFORE, changed) == [("u", f"update {field}", before, after)]


def test_an_update_taken_away() -> None:
    assert changes(record(said(1, "a", key="x"), said(2, "b", key="y")), record(said(2, "b", key="y"))) == [
        ("x", "update removed", "a", None)
    ]


def test_a_new_last_message_is_no_revision_and_one_put_in_before_others_is() -> None:
    one, two, three = said(1, "one", key="x"), said(2, "two", key="y"), said(3, "three", key="z")
    assert changes(record(one), record(one, two)) == []
    assert changes(record(), record(one)) == []
    assert changes(record(one, three), record(one, two, three)) == [("y", "update added", None, "two")]
    assert changes(record(three), record(one, two, three)) == [
        ("x", "update added", None, "one"),
        ("y", "update added", None, "two"),
    ]


def test_vanished_and_returned() -> None:
    back = msgspec.structs.replace(BEFORE, title="New title")
    assert changes(BEFORE, None, BEFORE) == [
        (None, "vanished", "Title", None),
        (None, "returned", None, "Title"),
    ]
    assert changes(BEFORE, None, back, None) == [
        (None, "vanished", "Title", None),
        (None, "returned", None, "New title"),
        (None, "title", "Title", "New title"),
        (None, "vanished", "New title", None),
    ]


def test_to_be_gone_is_told_once() -> None:
    assert changes(BEFORE, None, None, BEFORE) == changes(BEFORE, None, BEFORE)
    assert changes(None, BEFORE) == []


def test_a_revision_has_the_time_it_was_seen() -> None:
    changed = msgspec.structs.replace(BEFORE, title="Other")
    assert list(revisions(seen(BEFORE, BEFORE, changed))) == [Revision(None, at(30), "title", "Title", "Other")]


def test_back_and_forth_is_two_revisions() -> None:
    changed = msgspec.structs.replace(BEFORE, title="Other")
    assert [(c[2], c[3]) for c in changes(BEFORE, changed, BEFORE)] == [("Title", "Other"), ("Other", "Title")]


def test_a_new_layout_is_no_revision() -> None:
    first = Incident(
        key="k", title="Slow", updates=(Update(key="u", posted_at=None, text="**Summary:** all is\nslow."),)
    )
    again = Incident(key="k", title="Slow", updates=(Update(key="u", posted_at=None, text="Summary:  all is slow."),))
    other = Incident(key="k", title="Slow", updates=(Update(key="u", posted_at=None, text="Summary: all is fast."),))
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    found = list(revisions([Version(at, shown) for at, shown in zip(days, (first, again, other), strict=True)]))
    assert [(r.seen_at.day, r.field) for r in found] == [(3, "update text")]


def test_a_severity_that_is_not_said_has_not_changed() -> None:
    def shown(word: str | None, severity: Severity | None) -> Incident:
        return Incident(key="k", title="Slow", severity=severity, severity_text=word)

    story = [
        shown("1", Severity.NOTICE),
        shown(None, None),
        shown("1", Severity.NOTICE),
        shown("3", Severity.MAJOR_OUTAGE),
    ]
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    found = list(revisions([Version(at, record) for at, record in zip(days, story, strict=True)]))
    assert [(r.seen_at.day, r.field) for r in found] == [(4, "severity"), (4, "severity_text")]


def test_a_severity_that_is_said_only_now_is_no_revision() -> None:
    one, two = record(severity_text="0"), record(severity_text="1", severity=Severity.NOTICE)
    worse = record(severity_text="3", severity=Severity.MAJOR_OUTAGE)
    assert changes(one, two) == []
    assert [field for _, field, _, _ in changes(one, two, worse)] == ["severity", "severity_text"]


def test_the_same_names_in_another_order_are_no_revision() -> None:
    assert changes(record(region_text="Iowa, Global"), record(region_text="Global, Iowa")) == []
    assert changes(record(service_text="A, B"), record(service_text="B, C")) == [(None, "service_text", "A, B", "B, C")]


def test_names_that_stand_in_a_text_and_in_impacts_are_one_change() -> None:
    def hit(text: str | None, *names: str) -> Incident:
        impacts = tuple(Impact(service_text=name, region_text=f"In {name}") for name in names)
        return record(impacts=impacts, service_text=text, region_text=None)

    assert changes(hit("B, A", "A", "B"), hit("C, A", "A", "C")) == [
        (None, "service_text", "B, A", "C, A"),
        (None, "regions", "In A, In B", "In A, In C"),
    ]
    assert [field for _, field, _, _ in changes(hit("Many", "A"), hit("Most", "B"))] == [
        "service_text",
        "services",
        "regions",
    ]


def test_a_word_that_is_changed_although_it_means_the_same_to_us() -> None:
    def worded(word: str | None) -> Incident:
        return record(Update(key="u", posted_at=at(1), text="Text", state_text=word))

    assert changes(worded("SERVICE_DISRUPTION"), worded("SERVICE_OUTAGE")) == [
        ("u", "update state_text", "SERVICE_DISRUPTION", "SERVICE_OUTAGE")
    ]
    assert changes(worded("Investigating"), worded("investigating")) == []


def test_the_announced_times_of_a_maintenance_are_shown_until_it_begins() -> None:
    planned = record(kind=Kind.MAINTENANCE, state=State.SCHEDULED, started_at=at(60), ended_at=at(90))
    begun = record(kind=Kind.MAINTENANCE, state=State.IN_PROGRESS)
    moved = msgspec.structs.replace(planned, ended_at=at(120))
    assert changes(planned, begun) == []
    assert [field for _, field, _, _ in changes(planned, moved, begun)] == ["ended_at"]


def test_to_leave_a_list_of_what_is_open_is_not_to_vanish() -> None:
    first, left = Version(at(0), BEFORE), Version(at(15), None, left=True)
    again = Version(at(30), msgspec.structs.replace(BEFORE, title="Other"))
    assert list(revisions([first, left])) == []
    assert [r.field for r in revisions([first, left, again])] == ["title"]


# What shows only the newest messages


def newest(*some: Update, **fields: Any) -> Incident:
    return record(*some, newest_only=True, **fields)


ONE, TWO, THREE = said(1, "one", key="x"), said(2, "two", key="y"), said(3, "three", key="z")


def test_an_older_message_that_is_not_shown_any_more_was_not_removed() -> None:
    assert changes(newest(ONE), newest(TWO), newest(THREE)) == []
    assert changes(record(ONE, TWO), newest(TWO, THREE), record(ONE, TWO, THREE)) == []
    kept = updates(seen(newest(ONE), newest(TWO), newest(THREE)))
    assert [(k.update.text, k.first_seen_at, k.removed_at) for k in kept] == [
        ("one", at(0), None),
        ("two", at(15), None),
        ("three", at(30), None),
    ]


def test_a_newer_message_that_is_not_shown_any_more_was_removed() -> None:
    assert changes(newest(ONE, TWO, THREE), newest(TWO)) == [("z", "update removed", "three", None)]
    kept = updates(seen(newest(ONE, TWO, THREE), newest(TWO)))
    assert [(k.update.text, k.removed_at) for k in kept] == [("one", None), ("two", None), ("three", at(15))]


def test_an_older_message_that_is_shown_later_was_there_all_the_time() -> None:
    assert changes(newest(THREE), record(ONE, TWO, THREE)) == []
    assert changes(newest(THREE), newest(TWO, THREE)) == []


def test_an_edit_is_one_also_after_a_look_that_did_not_show_it() -> None:
    edited = msgspec.structs.replace(ONE, text="won")
    assert changes(newest(ONE), newest(TWO), newest(edited, TWO)) == [("x", "update text", "one", "won")]


def test_messages_without_a_time_are_known_by_their_words() -> None:
    first, second = said(None, "Slow."), said(None, "Well again.")
    assert changes(newest(first), newest(second)) == []
    assert [k.update.text for k in updates(seen(newest(first), newest(second)))] == ["Slow.", "Well again."]


def test_no_message_at_all_says_nothing_of_messages() -> None:
    assert changes(record(ONE, TWO), record(), record(ONE, TWO)) == []
    assert changes(record(ONE, TWO), record(), record(TWO)) == [("x", "update removed", "one", None)]
    assert changes(record(ONE, THREE), record(), record(ONE, TWO, THREE)) == [("y", "update added", None, "two")]
    assert [k.removed_at for k in updates(seen(record(ONE, TWO), record()))] == [None, None]


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=4).map(sorted), min_size=1, max_size=6))
def test_a_window_that_moves_on_removes_nothing(windows: list[list[int]]) -> None:
    """A feed whose oldest messages drop off, and to which new ones are added."""
    story, newest_yet = [], 0
    for window in windows:
        shown = [number for number in range(newest_yet + 1) if number >= (window[0] if window else 0)]
        newest_yet += len(window)
        story.append(newest(*(said(number, f"message {number}") for number in shown)))
    assert [change for change in changes(*story) if change[1] == "update removed"] == []
    assert [k for k in updates(seen(*story)) if k.removed_at] == []
