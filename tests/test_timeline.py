"""From what was said of one incident to outages: precedence rule by rule, then what holds for every incident."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.catalog import ALL, GLOBAL, Region, Service, Source, Vendor
from crawler.clock import Zones
from crawler.places import Gazetteer
from crawler.records import (
    Account,
    Basis,
    Component,
    Impact,
    Incident,
    Kind,
    Severity,
    State,
    Update,
)
from crawler.timeline import LANDMARKS, Claim, Names, Timeline, build, entered, minutes, span

MAJOR, PARTIAL, DEGRADED = Severity.MAJOR_OUTAGE, Severity.PARTIAL_OUTAGE, Severity.DEGRADED

ACME = Vendor(
    id="acme",
    name="Acme Cloud",
    homepage="https://acme.example",
    regions=(
        Region(id="fra", name="Frankfurt"),
        Region(id="pdx", name="Oregon"),
        Region(id="osa", name="Osaka"),
        Region(id="lim", name="Lima", closed=date(2024, 5, 1)),
        Region(id="cpt", name="Cape Town", opened=date(2026, 3, 2)),
        Region(id="edge", name="Edge", separate=True),
        Region(id=GLOBAL, name="Global", separate=True),
    ),
    services=(
        Service(id="api", name="API", category="compute"),
        Service(id="db", name="Acme Vault", aliases=("Vault",), category="database"),
        Service(id=ALL, name="All services", category="all"),
    ),
)
PAGE = Source(id="acme-page", platform="statuspage", url="https://status.acme.example", vendor="acme")
PLACES = Gazetteer(ACME)
NAMES = Names(ACME, PLACES, PAGE, Zones("UTC", {}))
BY_HAND = NAMES._replace(source=msgspec.structs.replace(PAGE, id="acme-landmarks", platform=LANDMARKS))


def at(clock: str, second: int = 0) -> datetime:
    """A moment of 2026-03-01, or of the next day for hours from 24 on."""
    hour, minute = (int(part) for part in clock.split(":"))
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=minute, seconds=second)


def impact(
    service: str | None, region: str | None, start: str | None, end: str | None = None, severity: Severity = MAJOR
) -> Impact:
    return Impact(
        service_text=service,
        region_text=region,
        severity=severity,
        started_at=at(start) if start else None,
        ended_at=at(end) if end else None,
    )


def said(clock: str, text: str, state: State | None = None) -> Update:
    return Update(posted_at=at(clock), text=text, state=state)


def incident(*updates: Update, title: str = "Requests fail", state: State = State.RESOLVED, **more: object) -> Incident:
    """An incident whose first and last word were posted at 10:05 and 12:00, unless `more` says otherwise."""
    fields: dict[str, object] = {
        "first_posted_at": at("10:05"),
        "resolved_posted_at": at("12:00") if state is State.RESOLVED else None,
        **more,
    }
    return Incident(key="k", title=title, state=state, updates=updates, **fields)  # type: ignore[arg-type]


def account(
    start: str | None,
    end: str | None,
    *regions: str,
    by: str = "vendor",
    services: tuple[str, ...] = (),
    said_at: datetime | None = None,
    **more: object,
) -> Account:
    return Account(
        said_by=f"ref-{by}",
        authority=by,
        url=None,
        said_at=said_at,
        regions=regions,
        services=services,
        started_at=at(start) if start else None,
        ended_at=at(end) if end else None,
        **more,  # type: ignore[arg-type]
    )


def short(moment: datetime | None, basis: Basis | None) -> str:
    return f"{moment:%H:%M} {basis}" if moment else "open"


def told(result: Timeline) -> list[str]:
    """Outages as text, `fra api 10:00 stated > 11:00 posted`; `-` for what the vendor did not say."""
    return [
        f"{o.region or '-'} {o.service or '-'} {short(o.started_at, o.start_basis)} > {short(o.ended_at, o.end_basis)}"
        for o in result.outages
    ]


def outages(record: Incident, names: Names = NAMES) -> list[str]:
    return told(build(record, names))


# Precedence of bases


def test_posted_times_are_the_least() -> None:
    assert outages(incident(said("10:05", "We look into it."))) == ["- - 10:05 posted > 12:00 posted"]


def test_structured_beats_posted() -> None:
    record = incident(said("10:05", "We look into it."), impacts=(impact("API", "Frankfurt", "10:02", "11:40"),))
    assert outages(record) == ["fra api 10:02 structured > 11:40 structured"]


def test_a_title_names_the_region_that_fields_leave_open() -> None:
    def of(title: str, *impacts: Impact, region_text: str | None = None) -> list[str]:
        return [
            line.partition(" 10:02")[0]
            for line in outages(
                incident(said("10:05", "We look into it."), title=title, impacts=impacts, region_text=region_text)
            )
        ]

    api, db = impact("API", None, "10:02", "11:40"), impact("Vault", None, "10:02", "11:40")
    assert of("Slow requests in Osaka", api) == ["osa api"]
    assert of("Slow requests in Osaka", api, db) == ["osa api", "osa db"]
    assert of("Slow requests in Osaka and Oregon", api) == ["osa api", "pdx api"]
    assert of("Slow requests in Osaka and other regions", api) == ["- api"]
    assert of("Slow requests in all regions", api) == ["- api"]
    assert of("Slow requests in Osaka", api, impact("Vault", "Frankfurt", "10:02", "11:40")) == ["- api", "fra db"]
    assert of("Slow requests in Osaka", api, region_text="Middle Earth") == ["- api"]


def test_a_title_names_the_service_that_fields_leave_open() -> None:
    spell = impact(None, "Frankfurt", "10:02", "11:40")
    result = build(incident(title="Acme Vault slow in Osaka", impacts=(spell,)), NAMES)
    assert told(result) == ["fra db 10:02 structured > 11:40 structured"]
    assert (result.region_text, result.service_text) == (None, "Acme Vault")


def test_what_is_stated_holds_for_the_region_of_the_title() -> None:
    record = incident(
        said("12:00", "The API was down from 10:01 to 11:30 UTC. The issue in Osaka is resolved.", State.RESOLVED),
        title="API down in Osaka",
        impacts=(impact("API", None, "10:02", "11:40"),),
    )
    assert outages(record) == ["osa api 10:01 stated > 11:30 stated"]
    assert build(record, NAMES).region_text == "Osaka"


def test_stated_beats_structured_bound_by_bound() -> None:
    spell = impact("API", "Frankfurt", "10:02", "11:40")
    both = incident(said("12:00", "Between 09:50 and 11:30 UTC requests failed."), impacts=(spell,))
    assert outages(both) == ["fra api 09:50 stated > 11:30 stated"]
    start = incident(said("12:00", "Starting at 09:50 UTC requests failed."), impacts=(spell,))
    assert outages(start) == ["fra api 09:50 stated > 11:40 structured"]
    end = incident(said("12:00", "At 11:30 UTC the issue was resolved."), impacts=(spell,))
    assert outages(end) == ["fra api 10:02 structured > 11:30 stated"]


def test_an_incidents_own_fields_stand_in_for_an_impact_without_times() -> None:
    record = incident(
        impacts=(impact("API", "Frankfurt", None), impact("Vault", "Oregon", None)),
        started_at=at("10:00", 7),
        ended_at=at("11:00", 7),
    )
    assert outages(record) == [
        "fra api 10:00 structured > 11:00 structured",
        "pdx db 10:00 structured > 11:00 structured",
    ]


def test_times_that_a_person_entered_beat_prose_for_the_span() -> None:
    prose = said("12:00", "Between 09:50 and 11:30 UTC requests failed.")
    by_hand = incident(prose, started_at=at("09:40"), ended_at=at("11:20"))
    assert span(by_hand, build(by_hand, NAMES)) == (at("09:40"), at("11:20"), Basis.STRUCTURED, Basis.STRUCTURED)
    by_system = incident(prose, started_at=at("09:40", 13), ended_at=at("11:20", 13))
    assert span(by_system, build(by_system, NAMES)) == (at("09:50"), at("11:30"), Basis.STATED, Basis.STATED)
    backwards = incident(prose, started_at=at("11:40"), ended_at=at("11:20"))
    assert span(backwards, build(backwards, NAMES)) == (at("09:50"), at("11:30"), Basis.STATED, Basis.STATED)
    assert not entered(None)


def test_a_span_is_no_shorter_than_its_outages_whatever_was_entered() -> None:
    record = incident(
        said("11:50", "At 11:40 UTC the Frankfurt region recovered."),
        started_at=at("10:00"),
        ended_at=at("11:20"),
        impacts=(impact("API", "Frankfurt", "09:50", "11:20"), impact("API", "Oregon", "10:00", "11:20")),
    )
    result = build(record, NAMES)
    assert max(o.ended_at for o in result.outages if o.ended_at) == at("11:40")
    assert span(record, result) == (at("09:50"), at("11:40"), Basis.STRUCTURED, Basis.STATED)


def test_bounds_of_parts_are_corrected_by_what_was_entered() -> None:
    told = account("09:58", "11:22", "fra", services=("api",)), account("09:40", "11:40", "pdx", services=("api",))
    record = incident(accounts=told, started_at=at("10:00"), ended_at=at("11:20"))
    result = build(record, NAMES)
    assert [(o.region, o.started_at, o.ended_at, o.start_basis, o.end_basis) for o in result.outages] == [
        ("fra", at("10:00"), at("11:20"), Basis.STRUCTURED, Basis.STRUCTURED),
        ("pdx", at("09:40"), at("11:40"), Basis.STATED, Basis.STATED),
    ], "the same bounds within minutes; what is further off is another statement"
    assert span(record, result)[:2] == (at("09:40"), at("11:40"))


def test_bounds_that_parts_have_in_fields_of_their_own_stay() -> None:
    parts = impact("API", "Frankfurt", "10:02", "11:58"), impact("API", "Oregon", "10:02", "11:20")
    record = incident(started_at=at("10:04"), ended_at=at("11:55"), impacts=parts)
    assert outages(record) == [
        "fra api 10:02 structured > 11:58 structured",
        "pdx api 10:02 structured > 11:20 structured",
    ]


def test_a_bound_that_is_that_of_a_message_was_not_entered() -> None:
    prose = said("12:00", "Between 09:50 and 11:30 UTC requests failed.", State.RESOLVED)
    filled = incident(prose, started_at=at("10:05"), ended_at=at("12:00"), impacts=(impact("API", "Frankfurt", None),))
    assert span(filled, build(filled, NAMES)) == (at("09:50"), at("11:30"), Basis.STATED, Basis.STATED)
    assert outages(filled) == ["fra api 09:50 stated > 11:30 stated"]


def test_a_window_of_the_whole_leaves_entered_bounds_of_the_parts_alone() -> None:
    prose = said("13:00", "Between 09:50 and 12:10 UTC requests failed.")
    spells = (impact("API", "Frankfurt", "10:00", "11:00"), impact("API", "Oregon", "10:20", "12:00"))
    record = incident(prose, impacts=spells)
    assert outages(record) == [
        "fra api 09:50 stated > 11:00 structured",  # the first to fail: the window's start, its own end
        "pdx api 10:20 structured > 12:10 stated",  # the last to come back: its own start, the window's end
    ]


# States and ends


def test_an_end_that_nobody_stated_stays_empty() -> None:
    record = incident(said("10:05", "We look into it."), state=State.INVESTIGATING)
    assert outages(record) == ["- - 10:05 posted > open"]
    assert span(record, build(record, NAMES)).ended_at is None
    partly = incident(
        impacts=(impact("API", "Frankfurt", "10:02", "11:40"), impact("API", "Oregon", "10:02")),
        state=State.IDENTIFIED,
    )
    assert outages(partly) == ["fra api 10:02 structured > 11:40 structured", "pdx api 10:02 structured > open"]
    assert span(partly, build(partly, NAMES)).ended_at is None, "no end of the whole while one part has none"


def test_a_last_word_before_the_incident_is_over_ends_nothing() -> None:
    record = incident(state=State.MONITORING, resolved_posted_at=at("12:00"))
    assert outages(record) == ["- - 10:05 posted > open"]


def test_an_incident_that_began_and_ended_in_one_message_has_no_length() -> None:
    record = incident(said("10:05", "This was resolved."), resolved_posted_at=at("10:05"))
    assert outages(record) == ["- - 10:05 posted > open"]


def test_zero_minutes_never_appear() -> None:
    spells = (impact("API", "Frankfurt", "10:00", "10:00"), impact("API", "Frankfurt", "11:00", "11:30"))
    assert outages(incident(impacts=spells)) == ["fra api 11:00 structured > 11:30 structured"]
    moment = (impact("API", "Frankfurt", "10:00", "10:00"), impact("API", "Frankfurt", "11:00"))
    assert outages(incident(impacts=moment, state=State.IDENTIFIED)) == ["fra api 11:00 structured > open"]
    windows = (account("10:00", "10:00", "fra"), account("11:00", "11:30", "fra"))
    assert outages(incident(accounts=windows), BY_HAND) == ["fra - 11:00 stated > 11:30 stated"]


def test_states_set_after_the_incidents_own_end_are_not_spells() -> None:
    spells = (impact("API", "Frankfurt", "10:02", "11:00"), impact("API", "Frankfurt", "11:40", "11:45"))
    assert outages(incident(impacts=spells, ended_at=at("11:00", 3))) == ["fra api 10:02 structured > 11:00 structured"]
    places = (impact(None, "Frankfurt", "10:02", "11:00"), impact(None, "Frankfurt", "11:40", "11:45"))
    assert outages(incident(impacts=places, ended_at=at("11:00", 3))) == ["fra - 10:02 structured > 11:00 structured"]


def test_several_spells_are_several_outages_and_those_that_touch_are_one() -> None:
    spells = (
        impact("API", "Frankfurt", "10:00", "10:30", PARTIAL),
        impact("API", "Frankfurt", "10:30", "10:50", MAJOR),
        impact("API", "Frankfurt", "11:10", "11:40", DEGRADED),
    )
    result = build(incident(impacts=spells), NAMES)
    assert told(result) == [
        "fra api 10:00 structured > 10:50 structured",
        "fra api 11:10 structured > 11:40 structured",
    ]
    assert [o.severity for o in result.outages] == [MAJOR, DEGRADED]


@pytest.mark.parametrize("turn", [1, -1])
def test_degraded_and_then_out_is_one_spell(turn: int) -> None:
    over = (impact("API", "Frankfurt", "10:00", "10:30", DEGRADED), impact("API", "Frankfurt", "10:30", "10:50"))
    assert outages(incident(impacts=over[::turn])) == ["fra api 10:00 structured > 10:50 structured"]
    still = (impact("API", "Frankfurt", "10:00", "10:30", DEGRADED), impact("API", "Frankfurt", "10:30"))
    under_way = incident(impacts=still[::turn], state=State.IDENTIFIED)
    assert outages(under_way) == ["fra api 10:00 structured > open"]


# Prose


def test_the_newest_text_wins() -> None:
    first = said("12:00", "Between 09:50 and 11:30 UTC requests failed.")
    later = said("20:00", "Between 09:40 and 11:50 UTC requests failed.")
    assert outages(incident(first, later)) == ["- - 09:40 stated > 11:50 stated"]
    quiet = said("21:00", "We are sorry.")
    assert outages(incident(first, later, quiet)) == ["- - 09:40 stated > 11:50 stated"]


def test_several_windows_are_several_outages() -> None:
    text = "Between 08:10 and 08:40 UTC, and between 10:15 and 10:20 UTC, requests failed."
    assert outages(incident(said("12:00", text))) == [
        "- - 08:10 stated > 08:40 stated",
        "- - 10:15 stated > 10:20 stated",
    ]


def test_half_windows_of_two_messages_are_one() -> None:
    start = said("10:05", "Starting at 09:50 UTC requests fail.")
    end = said("12:00", "At 11:30 UTC the issue was resolved.")
    result = build(incident(start, end), NAMES)
    assert told(result) == ["- - 09:50 stated > 11:30 stated"]
    (joined,) = (c for c in result.claims if c.basis is Basis.STATED)
    assert joined.quote
    assert "09:50" in joined.quote
    assert "11:30" in joined.quote


def test_half_windows_that_do_not_fit_each_other_stay_apart() -> None:
    start = said("10:05", "Starting at 09:50 UTC requests fail.")
    end = said("12:00", "At 09:30 UTC the issue was resolved.")
    result = build(incident(start, end), NAMES)
    assert told(result) == ["- - 09:50 stated > 12:00 posted"]
    assert len([c for c in result.claims if c.basis is Basis.STATED]) == 2


def test_a_claim_keeps_its_words() -> None:
    text = "Between 09:50 and 11:30 UTC requests failed."
    (claim,) = (c for c in build(incident(said("12:00", text)), NAMES).claims if c.basis is Basis.STATED)
    assert (claim.said_at, claim.timezone_text, claim.source, claim.authority) == (
        at("12:00"),
        "UTC",
        PAGE.id,
        "vendor",
    )
    assert claim.quote is not None
    assert claim.quote in text


def test_suspect_claims_are_kept_and_not_chosen() -> None:
    text = "Between 09:50 and 11:30 UTC on June 3, 2024 requests failed."
    result = build(incident(said("12:00", text), impacts=(impact("API", "Oregon", "10:00", "11:00"),)), NAMES)
    assert [bool(c.suspect) for c in result.claims if c.basis is Basis.STATED] == [True]
    assert told(result) == ["pdx api 10:00 structured > 11:00 structured"]
    backwards = build(incident(impacts=(impact("API", "Oregon", "11:00", "10:00"),)), NAMES)
    assert [c.suspect for c in backwards.claims if c.basis is Basis.STRUCTURED] == ["ends before it starts"]
    assert told(backwards) == ["pdx api 10:05 posted > 12:00 posted"], "the place is known, the times are not"


# Where


def test_without_fields_the_title_names_the_places() -> None:
    record = incident(
        said("12:00", "Between 09:50 and 11:30 UTC it failed."), title="Acme Vault errors in Frankfurt and Oregon"
    )
    assert outages(record) == ["fra db 09:50 stated > 11:30 stated", "pdx db 09:50 stated > 11:30 stated"]


def test_an_incidents_own_names_come_before_its_title() -> None:
    record = incident(title="Trouble in Oregon", region_text="Frankfurt", service_text="Vault")
    assert outages(record) == ["fra db 10:05 posted > 12:00 posted"]


def test_unlisted_components_are_found_by_their_key() -> None:
    component = Component(key="q7", name="Flux Capacitor")
    record = incident(impacts=(Impact(component=component, started_at=at("10:02"), ended_at=at("11:00")),))
    result = build(record, NAMES)
    assert told(result) == ["- q7 10:02 structured > 11:00 structured"]
    assert result.found == {"q7": "Flux Capacitor"}
    assert [(s.kind, s.detail) for s in result.signals] == [("unlisted-component", "Flux Capacitor")]


def test_unknown_places_and_services_are_signals() -> None:
    record = incident(impacts=(impact("Flux Capacitor", "Atlantis", "10:02", "11:00"),) * 2)
    result = build(record, NAMES)
    assert sorted((s.kind, s.detail) for s in result.signals) == [
        ("unknown-region", "Atlantis"),
        ("unknown-service", "Flux Capacitor"),
    ]
    assert told(result) == ["- - 10:02 structured > 11:00 structured"], "what happened is kept, without a place"


def test_a_general_cell_with_times_of_its_own_stands_beside_those_that_spell_it_out() -> None:
    spells = (impact("API", None, "10:00", "11:00"), impact("API", "Frankfurt", "10:10", "10:50"))
    assert outages(incident(impacts=spells)) == [
        "- api 10:00 structured > 11:00 structured",  # fields give it times of its own
        "fra api 10:10 structured > 10:50 structured",
    ]


# Accounts written by hand


def everywhere(when: datetime) -> list[str | None]:
    record = incident(accounts=(Account(said_by="r", authority="vendor", url=None, said_at=None, regions=(ALL,),
                                        started_at=when, ended_at=when + timedelta(hours=1)),),
                      first_posted_at=when, resolved_posted_at=when + timedelta(hours=2))  # fmt: skip
    return [o.region for o in build(record, BY_HAND).outages]


def test_all_regions_are_those_of_the_day() -> None:
    assert everywhere(datetime(2024, 4, 30, tzinfo=UTC)) == ["fra", "lim", "osa", "pdx"]
    assert everywhere(datetime(2024, 5, 1, tzinfo=UTC)) == ["fra", "osa", "pdx"], "closed that day"
    assert everywhere(datetime(2026, 3, 1, 23, 59, tzinfo=UTC)) == ["fra", "osa", "pdx"]
    assert everywhere(datetime(2026, 3, 2, tzinfo=UTC)) == ["cpt", "fra", "osa", "pdx"], "opened that day"


def test_all_but_one() -> None:
    record = incident(accounts=(account("10:00", "11:00", ALL, except_regions=("osa",)),))
    assert outages(record, BY_HAND) == ["fra - 10:00 stated > 11:00 stated", "pdx - 10:00 stated > 11:00 stated"]


def test_a_named_list_beats_all() -> None:
    record = incident(
        accounts=(
            account("10:00", "12:00", ALL, said_at=at("20:00")),
            account("10:00", "10:40", "fra", "pdx", said_at=at("13:00"), open_list=True),
        )
    )
    assert outages(record, BY_HAND) == [
        "fra - 10:00 stated > 10:40 stated",
        "osa - 10:00 stated > 12:00 stated",
        "pdx - 10:00 stated > 10:40 stated",
    ], "an open list names only what it names"


def test_authority() -> None:
    order = ["vendor", "third-party", "leak"]
    for number, best in enumerate(order):
        worse = [account(f"1{n}:30", "18:00", "fra", by=by) for n, by in enumerate(order) if n > number]
        record = incident(accounts=(*worse, account("09:10", "17:00", "fra", by=best, said_at=at("00:00"))))
        assert outages(record, BY_HAND) == ["fra - 09:10 stated > 17:00 stated"], best


def test_the_vendors_words_weigh_the_same_where_others_kept_them() -> None:
    quoted = account("09:10", "11:00", "fra", by="vendor-quoted", said_at=at("20:00"))
    own = account("09:20", "11:10", "fra", by="vendor", said_at=at("13:00"))
    assert outages(incident(accounts=(own, quoted)), BY_HAND) == ["fra - 09:20 stated > 11:10 stated"]
    wider = account("09:20", "11:10", ALL, by="vendor", said_at=at("13:00"))
    assert outages(incident(accounts=(wider, quoted)), BY_HAND)[0] == "fra - 09:10 stated > 11:00 stated", (
        "the closer statement, although it was handed down"
    )


def test_among_equals_the_newest_account_wins() -> None:
    accounts = (
        account("09:10", "11:00", "fra", said_at=at("13:00")),
        account("09:20", "11:10", "fra", said_at=at("20:00")),
    )
    for some in (accounts, accounts[::-1]):
        assert outages(incident(accounts=some), BY_HAND) == ["fra - 09:20 stated > 11:10 stated"]


def test_updates_of_an_incident_written_by_hand_are_our_words() -> None:
    record = incident(
        said("12:00", "Between 03:00 and 04:00 UTC it failed."), accounts=(account("10:00", "11:00", "fra"),)
    )
    assert outages(record, BY_HAND) == ["fra - 10:00 stated > 11:00 stated"]


def test_a_copy_of_fields_is_dropped_where_the_fields_are_there() -> None:
    copied = account("09:00", "11:30", "fra", services=("api",), basis=Basis.STRUCTURED)
    record = incident(impacts=(impact("API", "Frankfurt", "10:00", "11:00"),), accounts=(copied,))
    assert outages(record) == ["fra api 10:00 structured > 11:00 structured"]


def test_a_suspect_account_takes_no_places_away() -> None:
    record = incident(title="Acme Vault errors in Frankfurt")
    assert outages(record) == ["fra db 10:05 posted > 12:00 posted"]
    wrong = account("11:00", "10:00", by="third-party")
    assert outages(msgspec.structs.replace(record, accounts=(wrong,))) == outages(record)


# Recoveries

BOTH = (impact("API", "Frankfurt", "10:00"), impact("API", "Oregon", "10:00"))


def test_a_recovery_closes_its_own_cell() -> None:
    record = incident(
        said("10:05", "Requests fail."),
        said("11:20", "At 11:10 UTC the Frankfurt region recovered."),
        impacts=BOTH,
        state=State.MONITORING,
    )
    assert outages(record) == ["fra api 10:00 structured > 11:10 stated", "pdx api 10:00 structured > open"]


def test_all_but_one_recovered() -> None:
    record = incident(
        said("11:20", "All regions except Frankfurt have recovered."),
        impacts=(*BOTH, impact("API", "Osaka", "10:00")),
        state=State.MONITORING,
    )
    assert outages(record) == [
        "fra api 10:00 structured > open",
        "osa api 10:00 structured > 11:20 posted",
        "pdx api 10:00 structured > 11:20 posted",
    ]


def test_a_recovery_of_a_named_place_beats_the_end_of_all() -> None:
    record = incident(
        said("11:20", "At 11:10 UTC the Frankfurt region recovered."),
        said("12:00", "At 11:50 UTC the issue was resolved for all users."),
        impacts=BOTH,
    )
    assert outages(record) == ["fra api 10:00 structured > 11:10 stated", "pdx api 10:00 structured > 11:50 stated"]


def test_a_recovery_without_a_time_is_as_old_as_its_message() -> None:
    record = incident(
        said("10:05", "Requests fail."),
        said("11:20", "The Frankfurt region has recovered."),
        impacts=BOTH,
        state=State.MONITORING,
    )
    assert outages(record) == ["fra api 10:00 structured > 11:20 posted", "pdx api 10:00 structured > open"]


def test_a_recovery_outweighs_the_window_of_the_whole() -> None:
    record = incident(
        said("11:20", "At 11:10 UTC the Frankfurt region recovered."),
        said("13:00", "Between 10:00 and 11:50 UTC requests failed."),
        impacts=BOTH,
    )
    assert outages(record) == ["fra api 10:00 stated > 11:10 stated", "pdx api 10:00 stated > 11:50 stated"]


def test_a_recovery_told_days_later_is_of_the_days_of_the_incident() -> None:
    report = Update(posted_at=at("70:00"), text="The Frankfurt region recovered by 11:10 UTC.", state=State.POSTMORTEM)
    record = incident(said("10:05", "Requests fail."), report, ended_at=at("12:00"), impacts=BOTH)
    assert [o.ended_at for o in build(record, NAMES).outages if o.region == "fra"] == [at("11:10")]
    dated = msgspec.structs.replace(
        report, text="On 28 February 2026 at 23:30 UTC power failed. The Frankfurt region recovered by 01:10 UTC."
    )
    record = incident(said("10:05", "Requests fail."), dated, impacts=BOTH, resolved_posted_at=None)
    ends = [c.ended_at for c in build(record, NAMES).claims if c.recovery]
    assert ends == [at("01:10")], "dated by what stands before it in the report"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "We will provide an update by Monday, 2026-03-02 09:00 UTC with details.",
        "We will provide an update by Sunday, 2026-03-01 05:00 PST.",
        "The maintenance planned for 2026-03-05 09:00 UTC is moved.",
        "This is like the incident of 2026-02-26 09:00 UTC.",
    ],
)
def test_a_recovery_is_not_dated_by_promises_and_other_incidents(before: str) -> None:
    told = said("12:00", f"{before}\nAPI in Oregon recovered as of 11:30 UTC. Frankfurt still fails.")
    record = incident(said("10:05", "The API fails."), told, said("14:00", "All done."), impacts=BOTH)
    assert "pdx api 10:00 structured > 11:30 stated" in outages(record)


def test_hundreds_of_recoveries_take_no_time() -> None:
    lines = [f"API in Oregon recovered at {n % 24:02}:{n % 60:02} UTC." for n in range(600)]
    record = incident(said("10:05", "The API fails."), said("84:00", "\n".join(lines)), impacts=BOTH)
    started = time.process_time()
    build(record, NAMES)
    assert time.process_time() - started < 2.5, "each line by itself would be read 80 characters at a time"


def test_windows_that_another_joins_are_one_outage() -> None:
    apart = "It failed from 10:00 to 10:30 UTC in one zone. It failed from 10:40 to 11:50 UTC in another."
    assert outages(incident(said("12:00", apart))) == [
        "- - 10:00 stated > 10:30 stated",
        "- - 10:40 stated > 11:50 stated",
    ]
    joined = f"{apart} Calls were slow from 09:50 to 10:50 UTC."
    (claim,) = (c for c in build(incident(said("12:00", joined)), NAMES).claims if c.basis is Basis.STATED)
    assert (claim.started_at, claim.ended_at) == (at("09:50"), at("11:50"))
    assert claim.quote == "from 09:50 to 10:50 UTC … from 10:40 to 11:50 UTC"
    twice = "The API failed twice: from 08:00 to 09:00 UTC and from 10:00 to 11:30 UTC."
    slow = "From 08:50 to 10:10 UTC, dashboards were slow."
    told = incident(said("12:00", f"{twice} {slow}"), first_posted_at=at("08:02"))
    assert outages(told) == ["- - 08:00 stated > 09:00 stated", "- - 10:00 stated > 11:30 stated"], "one sentence, two"


def test_the_first_of_several_recoveries_counts() -> None:
    record = incident(
        said("11:20", "The Frankfurt region has recovered."),
        said("11:40", "The Frankfurt region has recovered."),
        impacts=BOTH,
    )
    assert outages(record)[0] == "fra api 10:00 structured > 11:20 posted"


def test_an_end_stated_later_is_better_than_the_time_of_a_recovery_line() -> None:
    api, vault = impact("API", None, "10:00"), impact("Vault", None, "10:00")

    def ends(*updates: Update) -> list[str]:
        record = incident(said("10:05", "We look into it.", State.INVESTIGATING), *updates, impacts=(api, vault))
        return [line.partition("> ")[2] for line in outages(record)]

    report = said("12:00", "Between 10:00 and 11:30 UTC requests failed.", State.RESOLVED)
    slow = said("11:40", "API is operating normally.")
    assert ends(slow, report) == ["11:30 stated", "11:30 stated"], "back before the line was written"
    early = said("10:50", "API is operating normally.")
    assert ends(early, report) == ["10:50 posted", "11:30 stated"], "back before the rest"
    both = said("11:20", "API is operating normally.\nVault is operating normally.")
    assert ends(both, report) == ["11:30 stated", "11:30 stated"], "the rest was not later"
    assert ends(early, said("11:18", "Vault is operating normally."), report)[0] == "10:50 posted"
    forecast = said("11:00", "Between 10:00 and 10:58 UTC requests failed.", State.MONITORING)
    assert ends(forecast, slow) == ["11:40 posted", "10:58 stated"], "the line knew more"


def test_a_recovery_line_of_what_fails_again_closes_nothing() -> None:
    record = incident(
        said("10:05", "We look into it.", State.INVESTIGATING),
        said("10:10", "API is operating normally."),
        said("10:20", "API is now experiencing degraded availability. We are still investigating."),
        said("11:40", "API is operating normally."),
        title="Incident with API and Vault",
    )
    assert outages(record) == ["- api 10:05 posted > 11:40 posted", "- db 10:05 posted > 12:00 posted"]


def test_a_line_of_one_service_does_not_end_the_others() -> None:
    record = incident(
        said("10:05", "We look into it.", State.INVESTIGATING),
        said(
            "11:20",
            "Acme Vault has fully recovered as of 11:10 UTC. We are still working on the API.",
            State.MONITORING,
        ),
        said("12:00", "This is resolved.", State.RESOLVED),
        impacts=(impact("API", None, "10:00", "12:00"), impact("Vault", None, "10:00", "12:00")),
    )
    assert outages(record) == ["- api 10:00 structured > 12:00 structured", "- db 10:00 structured > 11:10 stated"]


def test_a_later_account_without_a_time_dates_no_recovery() -> None:
    record = incident(said("15:00", "The Frankfurt region has recovered."), impacts=BOTH)
    assert outages(record)[0] == "fra api 10:00 structured > 12:00 posted"


# What messages say of one another

LOOKING = said("10:05", "We look into it.", State.INVESTIGATING)


def over(clock: str, text: str) -> Update:
    return said(clock, text, State.RESOLVED)


def test_a_window_that_begins_when_it_had_long_been_posted_is_no_start_of_it() -> None:
    late = over("12:00", "From 11:00 to 11:40 UTC requests failed.")
    assert outages(incident(LOOKING, late)) == ["- - 10:05 posted > 11:40 stated"]
    spell = impact("API", "Frankfurt", "10:15", "11:50")
    assert outages(incident(LOOKING, late, impacts=(spell,))) == ["fra api 10:15 structured > 11:40 stated"]
    rounded = over("12:00", "From 10:10 to 11:40 UTC requests failed.")
    assert outages(incident(LOOKING, rounded)) == ["- - 10:10 stated > 11:40 stated"], "posts and clocks are rounded"
    told_later = over("10:05", "From 11:00 to 11:40 UTC requests failed.")
    assert outages(incident(told_later)) == ["- - 11:00 stated > 11:40 stated"], "dated back, by the operator"


def test_the_start_of_a_later_flare_up_leaves_the_first_start_alone() -> None:
    again = said("11:25", "Errors are up again, starting at 11:20 UTC.")
    end = over("12:00", "At 11:50 UTC the issue was resolved.")
    first = said("10:05", "Requests fail since 09:50 UTC.", State.INVESTIGATING)
    assert outages(incident(first, again, end)) == ["- - 09:50 stated > 11:50 stated"]
    result = build(incident(LOOKING, again, end), NAMES)
    assert told(result) == ["- - 10:05 posted > 11:50 stated"]
    assert any(c.started_at == at("11:20") for c in result.claims), "kept as a claim"


def test_further_spells_stand_beside_what_older_messages_tell() -> None:
    record = incident(
        said("10:05", "Requests fail since 09:50 UTC.", State.INVESTIGATING),
        said("10:50", "Errors were seen between 10:30 and 10:45 UTC.", State.MONITORING),
        over("12:00", "The last spells were between 11:00 and 11:10 UTC, and between 11:30 and 11:40 UTC."),
    )
    assert outages(record) == [
        "- - 09:50 stated > 10:45 stated",  # nobody said that it was well in between
        "- - 11:00 stated > 11:10 stated",
        "- - 11:30 stated > 11:40 stated",
    ]


def test_what_was_over_before_a_further_spell_is_an_outage_of_its_own() -> None:
    report = said("15:00", "Between 13:00 and 13:30 UTC requests failed once more.", State.POSTMORTEM)
    assert outages(incident(LOOKING, over("12:00", "It is resolved."), report)) == [
        "- - 10:05 posted > 12:00 posted",
        "- - 13:00 stated > 13:30 stated",
    ]


def test_a_detail_told_while_the_rest_goes_on_bounds_nothing() -> None:
    part = said("11:00", "From 10:30 to 10:45 UTC logins failed too. We work on the rest.", State.IDENTIFIED)
    result = build(incident(LOOKING, part, over("12:00", "All is resolved.")), NAMES)
    assert told(result) == ["- - 10:05 posted > 12:00 posted"]
    assert [(c.started_at, c.ended_at) for c in result.claims if c.basis is Basis.STATED] == [
        (at("10:30"), at("10:45"))
    ]


def test_a_service_that_is_hit_later_begins_later() -> None:
    record = incident(
        LOOKING,
        said("11:00", "API is experiencing degraded performance. We are continuing to investigate."),
        over("12:00", "From 10:50 to 11:40 UTC the API failed."),
        title="Incident with API",
    )
    result = build(record, NAMES)
    assert told(result) == ["- api 10:50 stated > 11:40 stated"]
    assert span(record, result) == (at("10:05"), at("11:40"), Basis.POSTED, Basis.STATED), "of whatever it began with"


def test_an_incident_begins_no_later_than_it_is_posted() -> None:
    record = incident(LOOKING, over("12:00", "Resolved."), impacts=(impact("API", "Frankfurt", "10:30", "11:40"),))
    result = build(record, NAMES)
    assert told(result) == ["fra api 10:30 structured > 11:40 structured"], "a field says when this part failed"
    assert span(record, result)[0::2] == (at("10:05"), Basis.POSTED)


def test_an_end_ahead_of_its_message_is_suspect_and_its_start_is_not() -> None:
    result = build(
        incident(LOOKING, over("12:00", "Between 09:50 and 13:30 UTC on 2026-03-01 requests failed.")), NAMES
    )
    assert told(result) == ["- - 09:50 stated > 12:00 posted"]
    assert [(c.ended_at, c.suspect) for c in result.claims if c.basis is Basis.STATED] == [
        (None, None),
        (at("13:30"), "ends 90 minutes after its post"),
    ]
    ahead = build(incident(LOOKING, over("12:00", "Between 13:00 and 13:30 UTC on 2026-03-01 requests failed.")), NAMES)
    assert told(ahead) == ["- - 10:05 posted > 12:00 posted"]
    stamped = incident(LOOKING, over("12:00", "Between 09:50 and 12:10 UTC requests failed."))
    assert outages(stamped) == ["- - 09:50 stated > 12:10 stated"], "clocks and stamps differ"
    (only,) = outages(incident(over("10:05", "Between 10:00 and 13:30 UTC requests failed.")))
    assert only == "- - 10:00 stated > 13:30 stated", "told when it was over, and dated back"


def test_a_further_spell_whose_end_cannot_be_lasts_until_it_was_posted_as_over() -> None:
    text = "On 2026-03-01 between 09:50 and 10:30 UTC, and between 11:00 and 12:40 UTC, requests failed."
    assert outages(incident(LOOKING, over("12:00", text))) == [
        "- - 09:50 stated > 10:30 stated",
        "- - 11:00 stated > 12:00 posted",
    ]


def test_a_day_stands_in_for_the_time_of_a_post() -> None:
    undated = Update(posted_at=None, text="Between 09:50 UTC on 1 March and 11:30 UTC on 2 March requests failed.")
    record = incident(undated, day=date(2026, 3, 4), first_posted_at=None, resolved_posted_at=None)
    (outage,) = build(record, NAMES).outages
    assert (outage.started_at, outage.ended_at) == (at("9:50"), at("35:30"))


# Other kinds


@pytest.mark.parametrize("kind", [Kind.MAINTENANCE, Kind.NOTICE])
def test_maintenance_and_notices_are_no_outages_but_have_a_span(kind: Kind) -> None:
    untimed = (impact("API", "Frankfurt", None), impact("API", "Oregon", None))
    record = incident(kind=kind, started_at=at("10:00", 5), ended_at=at("11:00", 5), impacts=untimed)
    result = build(record, NAMES)
    assert result.outages == ()
    assert result.claims
    assert span(record, result) == (at("10:00", 5), at("11:00", 5), Basis.STRUCTURED, Basis.STRUCTURED)


def test_the_span_of_maintenance_is_from_the_first_start_to_the_last_end_of_its_parts() -> None:
    parts = (impact("API", "Frankfurt", "10:20", "11:00"), impact("API", "Oregon", "10:00", "10:40"))
    for some in (parts, parts[::-1]):
        record = incident(kind=Kind.MAINTENANCE, state=State.COMPLETED, impacts=some)
        assert span(record, build(record, NAMES))[:2] == (at("10:00"), at("11:00"))


def test_planned_maintenance_has_a_span_ahead_of_time() -> None:
    record = incident(
        kind=Kind.MAINTENANCE, state=State.SCHEDULED, started_at=at("26:00"), ended_at=at("28:00"), first_posted_at=None
    )
    assert span(record, build(record, NAMES)) == (at("26:00"), at("28:00"), Basis.STRUCTURED, Basis.STRUCTURED)


def test_nothing_known_gives_nothing() -> None:
    record = incident(first_posted_at=None, resolved_posted_at=None)
    result = build(record, NAMES)
    assert (result.claims, result.outages) == ((), ())
    assert span(record, result) == (None, None, None, None)


def test_minutes() -> None:
    assert minutes(at("10:00"), at("10:01", 30)) == 1.5
    assert minutes(at("10:00"), None) is None


# What holds for every incident

moments = st.integers(8 * 60, 20 * 60).map(lambda m: at(f"{m // 60}:{m % 60:02}"))
bounds = st.none() | moments
impacts = st.builds(
    Impact,
    service_text=st.sampled_from([None, "API", "Vault", "Flux"]),
    region_text=st.sampled_from([None, "Frankfurt", "Oregon", "Atlantis"]),
    severity=st.sampled_from([None, DEGRADED, PARTIAL, MAJOR]),
    started_at=bounds,
    ended_at=bounds,
)
texts = st.sampled_from(
    [
        "We look into it.",
        "Between 09:50 and 11:30 UTC requests failed.",
        "Between 09:10 and 09:40 UTC, and between 11:15 and 11:20 UTC, requests failed.",
        "Starting at 09:50 UTC requests fail.",
        "At 11:30 UTC the issue was resolved.",
        "The Frankfurt region has recovered.",
        "API is operating normally.",
        "API is experiencing degraded performance.",
        "At 10:40 UTC the Oregon region recovered.",
        "All regions except Frankfurt have recovered.",
        "Between 09:50 and 11:30 UTC on June 3, 2024 requests failed.",
    ]
)
states = st.sampled_from([None, State.INVESTIGATING, State.IDENTIFIED, State.MONITORING, State.RESOLVED])
accounts = st.builds(
    Account,
    said_by=st.just("ref"),
    authority=st.sampled_from(["vendor", "vendor-quoted", "third-party", "leak"]),
    url=st.none(),
    said_at=bounds,
    regions=st.sampled_from([(), (ALL,), ("fra",), ("fra", "pdx"), ("osa",)]),
    except_regions=st.sampled_from([(), ("pdx",)]),
    services=st.sampled_from([(), ("api",), ("api", "db"), (ALL,)]),
    started_at=bounds,
    ended_at=bounds,
    basis=st.sampled_from([Basis.STATED, Basis.STRUCTURED]),
)


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    updates = draw(
        st.lists(
            st.builds(Update, posted_at=moments, text=texts, state=states), max_size=4, unique_by=lambda u: u.posted_at
        )
    )
    updates.sort(key=lambda u: u.posted_at or at("0:00"))
    return Incident(
        key="k",
        title=draw(st.sampled_from(["Requests fail", "Acme Vault errors in Frankfurt", "Errors in all regions"])),
        kind=draw(st.sampled_from([Kind.OUTAGE, Kind.OUTAGE, Kind.OUTAGE, Kind.MAINTENANCE])),
        severity=draw(st.sampled_from([None, PARTIAL])),
        state=draw(st.sampled_from([None, State.INVESTIGATING, State.MONITORING, State.RESOLVED])),
        started_at=draw(bounds),
        ended_at=draw(bounds),
        first_posted_at=draw(bounds),
        resolved_posted_at=draw(bounds),
        updates=tuple(updates),
        impacts=tuple(draw(st.lists(impacts, max_size=4))),
        accounts=tuple(draw(st.lists(accounts, max_size=3))),
    )


names = st.sampled_from([NAMES, BY_HAND])


@settings(max_examples=60, deadline=None)
@given(incidents(), names)
def test_outages_have_a_length_and_do_not_overlap(record: Incident, by: Names) -> None:
    result = build(record, by)
    cells = defaultdict(list)
    for outage in result.outages:
        cells[outage.region, outage.service].append(outage)
        assert outage.ended_at is None or outage.started_at < outage.ended_at
        assert (outage.ended_at is None) == (outage.end_basis is None)
    for some in cells.values():
        for before, after in pairwise(sorted(some, key=lambda o: o.started_at)):
            assert before.ended_at is not None
            assert before.ended_at <= after.started_at


def test_fields_of_what_was_written_by_hand_are_no_bounds_beside_its_accounts() -> None:
    """They are not among the claims, so no outage can rest on them."""
    record = incident(started_at=at("08:01"), first_posted_at=None, accounts=(account("08:00", None),))
    result = build(record, BY_HAND)
    assert [(outage.started_at, outage.start_basis) for outage in result.outages] == [(at("08:00"), Basis.STATED)]


@settings(max_examples=60, deadline=None)
@given(incidents(), names)
def test_every_bound_is_a_bound_of_a_claim_of_its_basis(record: Incident, by: Names) -> None:
    result = build(record, by)
    good = [c for c in result.claims if not c.suspect]
    for outage in result.outages:
        assert (outage.started_at, outage.start_basis) in {(c.started_at, c.basis) for c in good}
        if outage.ended_at:
            assert (outage.ended_at, outage.end_basis) in {(c.ended_at, c.basis) for c in good}
    whole = span(record, result)
    assert whole.started_at is None or whole.ended_at is None or whole.started_at < whole.ended_at
    for outage in result.outages:
        assert whole.started_at
        assert whole.started_at <= outage.started_at
        assert whole.ended_at is None or outage.ended_at is None or outage.ended_at <= whole.ended_at
    assert (whole.started_at is None) == (whole.start_basis is None)
    assert (whole.ended_at is None) == (whole.end_basis is None)


@settings(max_examples=60, deadline=None)
@given(incidents(), names, st.randoms(use_true_random=False))
def test_the_order_of_impacts_and_updates_does_not_matter(record: Incident, by: Names, rng: object) -> None:
    assert hasattr(rng, "shuffle")
    shuffled = {}
    for field in ("impacts", "updates"):
        some = list(getattr(record, field))
        rng.shuffle(some)
        shuffled[field] = tuple(some)
    other = msgspec.structs.replace(record, **shuffled)
    one, two = build(record, by), build(other, by)
    assert one.outages == two.outages
    assert sorted(one.claims, key=repr) == sorted(two.claims, key=repr)
    assert span(record, one) == span(other, two)


def suspect(claims: tuple[Claim, ...]) -> list[Claim]:
    return [c for c in claims if c.suspect]


@settings(max_examples=60, deadline=None)
@given(incidents(), names, st.sampled_from(["account", "impact"]))
def test_a_suspect_claim_changes_nothing(record: Incident, by: Names, what: str) -> None:
    """One more claim that ends before it starts, about a place that others name as well."""
    if what == "account":
        wrong = account("18:00", "17:00", "fra", services=("api",))
        more = msgspec.structs.replace(record, accounts=(*record.accounts, wrong))
    else:
        here = impact("API", "Frankfurt", None)
        record = msgspec.structs.replace(record, impacts=(*record.impacts, here))
        wrong_too = impact("API", "Frankfurt", "18:00", "17:00")
        more = msgspec.structs.replace(record, impacts=(*record.impacts, wrong_too))
    one, two = build(record, by), build(more, by)
    assert len(suspect(two.claims)) >= len(suspect(one.claims))
    assert two.outages == one.outages


def test_a_component_in_a_place_nobody_knows_keeps_its_outage() -> None:
    known = Impact(
        component=Component(key="c1", name="API (Frankfurt)"),
        severity=MAJOR,
        started_at=at("10:00"),
        ended_at=at("11:00"),
    )
    unknown = msgspec.structs.replace(known, component=Component(key="c2", name="API (Atlantis)"), ended_at=at("14:00"))
    held = build(incident(impacts=(known, unknown)), NAMES).outages
    assert {(o.region, o.service, o.ended_at) for o in held} == {
        ("fra", "api", at("11:00")),
        (None, "api", at("14:00")),
    }


def test_named_places_that_are_back_come_out_of_an_incident_without_places() -> None:
    early = said("10:40", "Frankfurt and other regions have recovered; the rest is recovering.")
    over = said("12:00", "The issue in Oregon has been resolved.", State.RESOLVED)
    assert outages(incident(said("10:05", "Requests fail."), early, over)) == [
        "- - 10:05 posted > 12:00 posted",
        "fra - 10:05 posted > 10:40 posted",
    ]
