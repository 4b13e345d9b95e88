"""Times that cannot be: whatever stands in a time of a page, the archive takes it, goes on taking, and can be read."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.archive import Archive
from crawler.archive.intake import Report
from crawler.archive.plausible import happened, plausible
from crawler.captures import Captures
from crawler.catalog import Catalog, Source, Vendor
from crawler.reading.dates import EARLIEST, FAR, SLACK
from crawler.records import Capture, Impact, Incident, Kind, Page, Signal, Update, stamp
from crawler.site import dashboards, described, feeds, front, incident, place
from crawler.site.ical import calendar
from crawler.site.server import opened as opened_site

OVER_TIME = described()["plugins"]["datasette-dashboards"]["over_time"]
URL = "https://www.acme.example/api/v2/incidents.json"
READ = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR_1, YEAR_9999 = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC, microsecond=0)


def opened(directory: Path, platform: str = "statuspage") -> Archive:
    """An archive of one vendor on this platform, with nothing in it."""
    source = Source(id="acme-incidents", vendor="acme", platform=platform, url=URL, every="5m")
    (directory / "incidents").mkdir()
    vendor = Vendor(id="acme", name="Acme", homepage="https://www.acme.example/", sources=(source,))
    return Archive(directory / "outages.db", Catalog([vendor]), directory / "incidents")


def told(key: str, times: dict[str, str], words: str = "It fails.") -> dict[str, Any]:
    """An incident as Statuspage publishes it, over after an hour unless `times` says other."""
    usual = dict.fromkeys(
        ("created_at", "updated_at", "started_at", "first", "first_shown"), "2026-03-01T10:00:00.000Z"
    )
    usual |= dict.fromkeys(("resolved_at", "last", "last_shown"), "2026-03-01T11:00:00.000Z")
    at = usual | times
    changed = {"code": "acmepart0001", "name": "Part", "old_status": "operational", "new_status": "major_outage"}
    back = changed | {"old_status": "major_outage", "new_status": "operational"}
    updates = [
        {"id": f"{key}{n}", "status": status, "body": f"{words} {n}", "created_at": at[name], "updated_at": at[name],
         "display_at": at[f"{name}_shown"], "affected_components": [change]}
        for n, (status, name, change) in enumerate((("investigating", "first", changed), ("resolved", "last", back)))
    ]  # fmt: skip
    return {
        "id": key, "name": f"Incident {key}", "status": "resolved", "impact": "major", "incident_updates": updates,
        **{name: at[name] for name in ("created_at", "updated_at", "started_at", "resolved_at")},
        **{name: times[name] for name in ("scheduled_for", "scheduled_until", "postmortem_published_at") if name in times},
    }  # fmt: skip


def look(fetched_at: datetime, *incidents: dict[str, Any]) -> Capture:
    page = {"page": {"id": "ppppqqqqrrrr", "name": "Acme", "url": "https://www.acme.example"}, "incidents": incidents}
    return Capture(
        source="acme-incidents", url=URL, fetched_at=fetched_at, status=200, headers={}, body=json.dumps(page).encode()
    )


def take(archive: Archive, captures: Captures, *looks: Capture) -> Report:
    """Import some looks; each must have been read."""
    captures.add(looks)
    report = archive.catch_up(captures)
    assert set(report.outcomes) <= {"new"}, report.signals
    return report


def rows(archive: Archive) -> dict[str, list[Any]]:
    """All that an archive holds but for the looks at its own files."""
    names = sorted(
        name for name in archive.db.table_names() if "_fts" not in name and name not in ("meta", "_sqlite_migrations")
    )
    return {name: sorted(archive.conn.execute(f"select * from [{name}]"), key=repr) for name in names}


def read_all(conn: sqlite3.Connection) -> None:
    """Make every page that shows times; none tells of an outage of another age."""
    for (name,) in conn.execute("select id from incidents").fetchall():
        found = incident.tell(conn, name)
        assert found
        story, page = found
        story.chart(page, story.best_rows(), {})
        if happening := incident.event(page, "https://archive.example"):
            calendar(happening)
    newest = place.tell(conn, "acme", "vendor", None, READ)
    assert newest
    assert newest.period.last in ("2026-02", "2026-03")
    shown = front.front(conn, READ)
    last = stamp(READ + SLACK + timedelta(days=30))
    assert all(stamp(EARLIEST) <= row["started_at"] <= last for row in shown.newest)
    charts = {name: chart for name, chart in OVER_TIME["charts"].items() if chart.get("query")}
    filters = dashboards.show(conn, OVER_TIME, charts, {}, 2000).filters
    assert filters["until"] in ("2026-03", "")
    subject = feeds.Subject("all")
    items = feeds.items(conn, subject, 50)
    where = feeds.Addresses("https://archive.example/f", "https://archive.example/", str)
    feeds.atom(subject, items, where)
    calendar(*feeds.events(items, where))


#: A time as a page writes it: of any year, in any zone, and those that stand for none.
ODD = ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-12:00",
       "1900-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2262-04-11T23:47:16Z")  # fmt: skip
TIMES = st.one_of(
    st.sampled_from(ODD),
    st.datetimes().map(lambda when: f"{when.isoformat()}Z"),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda when: f"{when.isoformat()}Z"),  # noqa: DTZ001
)
FIELDS = ("created_at", "updated_at", "started_at", "resolved_at", "first", "first_shown", "last", "last_shown",
          "scheduled_for", "scheduled_until", "postmortem_published_at")  # fmt: skip
WORDS = TIMES.map(
    lambda when: f"Between {when[:10]} 10:00 UTC and {when[:10]} 11:00 UTC requests failed. Since {when}:"
)
INCIDENTS = st.tuples(st.dictionaries(st.sampled_from(FIELDS), TIMES, max_size=5), WORDS)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(INCIDENTS, min_size=6, max_size=12))
def test_whatever_times_a_page_holds(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[dict[str, str], str]]
) -> None:
    shown = [told(f"abcdefghij{n:02}", times, words) for n, (times, words) in enumerate(made)]
    directory: Path = tmp_path_factory.mktemp("times")
    with closing(Captures(directory / "captures.db")) as captures, closing(opened(directory)) as archive:
        take(archive, captures, look(READ, *shown))
        read_all(archive.conn)
        take(archive, captures, look(READ + timedelta(minutes=5), *shown[1:]))
        take(archive, captures, look(READ + timedelta(minutes=10), *shown, told("abcdefghij99", {})))
        read_all(archive.conn)
        ids = {id for (id,) in archive.conn.execute("select key from incidents")}
        unread = {
            detail[:12] for (detail,) in archive.conn.execute("select detail from signals where kind = 'bad-incident'")
        }
        assert {*(incident["id"] for incident in shown), "abcdefghij99"} == ids | unread
        before = rows(archive)
        archive.rebuild(captures)
        assert rows(archive) == before


# What cannot be


def record(**more: Any) -> Incident:
    return Incident(**{"key": "one", "title": "It fails", **more})


def at(when: datetime, **more: Any) -> Page:
    """A page on which every time is this one."""
    return Page(
        incidents=(
            record(
                started_at=when, ended_at=when, day=when.date(), first_posted_at=when, resolved_posted_at=when, postmortem_at=when,
                updates=(Update(posted_at=when, text="It fails."), Update(posted_at=READ, text="It still fails.")),
                impacts=(Impact(service_text="Part", started_at=when, ended_at=when),), **more,
            ),
        )
    )  # fmt: skip


@pytest.mark.parametrize("when", [YEAR_1, EARLIEST - timedelta(seconds=1), YEAR_9999, READ + FAR + timedelta(days=1)])
@pytest.mark.parametrize("kind", list(Kind))
def test_each_time_that_cannot_be_is_none_and_named(when: datetime, kind: Kind) -> None:
    page = plausible(at(when, kind=kind), READ)
    (told,) = page.incidents
    assert told == record(
        kind=kind, updates=(Update(posted_at=None, text="It fails."), Update(posted_at=READ, text="It still fails.")),
        impacts=(Impact(service_text="Part"),),
    )  # fmt: skip
    fields = {"started_at", "ended_at", "day", "first_posted_at", "resolved_posted_at", "postmortem_at",
              "updates[].posted_at", "impacts[].started_at", "impacts[].ended_at"}  # fmt: skip
    assert {signal.where for signal in page.signals} == {f"incidents[].{field}" for field in fields}
    assert {signal.kind for signal in page.signals} == {"bad-time"}
    assert {signal.detail for signal in page.signals} == {f"one: {stamp(when)}", f"one: {when.date()}"}


def test_what_can_be_is_the_same_object() -> None:
    for when in (EARLIEST, READ, READ + SLACK):
        page = at(when)
        assert plausible(page, READ) is page


def test_one_odd_time_costs_nothing_else() -> None:
    fine = record(key="two", started_at=READ)
    odd = record(started_at=READ, ended_at=YEAR_9999, first_posted_at=READ + SLACK + timedelta(seconds=1))
    page = plausible(Page(incidents=(fine, odd), signals=(Signal("unknown-word", "x", "y"),)), READ)
    assert page.incidents[0] is fine
    assert page.incidents[1] == record(started_at=READ)
    assert len(page.signals) == 3


def test_plans_lie_ahead_and_posts_do_not() -> None:
    soon = READ + timedelta(days=90)
    for kind in Kind:
        page = plausible(at(soon, kind=kind), READ)
        (told,) = page.incidents
        assert bool(page.signals) is (kind is Kind.OUTAGE), "what is planned is often dated by its beginning"
        assert (told.started_at, told.ended_at, told.impacts[0].ended_at) == (soon, soon, soon)
        assert (told.first_posted_at, told.resolved_posted_at, told.updates[0].posted_at) == (None, None, None)


@pytest.mark.parametrize(("reach", "kept"), [(datetime(1970, 1, 1, tzinfo=UTC), True), (READ - timedelta(days=9), True),
                                             (READ + timedelta(days=3), True),
                                             (YEAR_1 + timedelta(days=3), False), (YEAR_9999, False)])  # fmt: skip
def test_a_reach_that_was_made_of_such_a_time_promises_nothing(reach: datetime, kept: bool) -> None:
    page = plausible(Page(reach=reach), READ)
    assert (page.reach == reach) is kept
    assert (page.signals == ()) is kept


def test_at_the_ends_of_the_calendar_nothing_overflows() -> None:
    for read in (YEAR_1, YEAR_9999):
        for when in (YEAR_1, READ, YEAR_9999):
            plausible(at(when), read)


def test_nothing_happened_after_it_was_read() -> None:
    ahead = READ + timedelta(days=90)
    odd = record(
        started_at=ahead, ended_at=ahead, impacts=(Impact(service_text="Part", started_at=READ, ended_at=ahead),)
    )
    told, signals = happened(odd, READ)
    assert told == record(impacts=(Impact(service_text="Part", started_at=READ),))
    assert {signal.where for signal in signals} == {"started_at", "ended_at", "impacts[].ended_at"}
    for fine in (
        record(started_at=READ),
        record(kind=Kind.MAINTENANCE, started_at=ahead),
        record(kind=Kind.NOTICE, started_at=ahead),
    ):
        assert happened(fine, READ) == (fine, ())


def page_of(fetched_at: datetime, started_at: str) -> Capture:
    """Google's list with one outage, whose start is a field of its own."""
    body = [{"id": "SlipOfThePen00000001", "number": "1", "begin": started_at, "created": "2026-03-01T09:10:00+00:00",
             "end": None, "modified": "2026-03-01T09:10:00+00:00", "external_desc": "Virtual machines do not start.",
             "updates": [{"created": "2026-03-01T09:10:00+00:00", "modified": "2026-03-01T09:10:00+00:00",
                          "when": "2026-03-01T09:10:00+00:00", "text": "Virtual machines do not start.",
                          "status": "SERVICE_DISRUPTION"}],
             "most_recent_update": None, "status_impact": "SERVICE_DISRUPTION", "severity": "medium",
             "service_key": "vm", "service_name": "Machines", "affected_products": [{"title": "Machines", "id": "vm"}],
             "uri": "incidents/SlipOfThePen00000001"}]  # fmt: skip
    return Capture(
        source="acme-incidents", url=URL, fetched_at=fetched_at, status=200, headers={}, body=json.dumps(body).encode()
    )


def test_a_slip_of_the_pen_is_kept_as_a_revision_and_nothing_rests_on_it(tmp_path: Path) -> None:
    with closing(Captures(tmp_path / "captures.db")) as captures, closing(opened(tmp_path, "gcp")) as archive:
        take(archive, captures, page_of(READ, "2026-12-01T09:00:00+00:00"))
        slip = archive.conn.execute("select started_at, start_basis, first_posted_at from incidents").fetchone()
        assert slip == ("2026-03-01T09:10:00Z", "posted", "2026-03-01T09:10:00Z")
        assert archive.conn.execute(
            "select kind, place, detail from unresolved where kind = 'bad-time' order by 2"
        ).fetchall() == [
            ("bad-time", "impacts[].started_at", "SlipOfThePen00000001: 2026-12-01T09:00:00Z"),
            ("bad-time", "started_at", "SlipOfThePen00000001: 2026-12-01T09:00:00Z"),
        ]
        take(archive, captures, page_of(READ + timedelta(hours=3), "2026-03-01T09:00:00+00:00"))
        assert archive.conn.execute("select started_at, start_basis from incidents").fetchone() == (
            "2026-03-01T09:00:00Z", "structured",
        )  # fmt: skip
        assert archive.conn.execute("select field, before, after from revisions").fetchall() == [
            ("started_at", "2026-12-01T09:00:00Z", "2026-03-01T09:00:00Z")
        ]


def test_what_an_undated_message_tells_of_another_age_is_not_believed(tmp_path: Path) -> None:
    words = "Between 2027-01-01 10:00 UTC and 2027-01-01 11:00 UTC requests failed."
    old = "Between 1975-01-01 10:00 UTC and 1975-01-01 11:00 UTC requests failed."
    with closing(Captures(tmp_path / "captures.db")) as captures, closing(opened(tmp_path)) as archive:
        undated = dict.fromkeys(FIELDS[:8], "9999-12-31T00:00:00Z")
        take(archive, captures, look(READ, told("abcdefghij00", undated, words), told("abcdefghij01", undated, old)))
        doubts = archive.conn.execute(
            "select distinct incident, suspect from claims where basis = 'stated' order by 1"
        ).fetchall()
        assert doubts == [
            ("acme:abcdefghij00", "305 days after it was read"),
            ("acme:abcdefghij01", "before there was any page"),
        ]
        assert archive.conn.execute("select count(*), count(started_at) from incidents").fetchone() == (2, 0)
        assert archive.conn.execute("select count(*) from outages").fetchone() == (0,)


def test_half_an_emoji_loses_half_an_emoji(tmp_path: Path) -> None:
    page = look(READ, told("abcdefghij00", {}))
    assert page.body
    halved = msgspec.structs.replace(page, body=page.body.replace(b"Incident abc", b"Broken \\ud83d abc"))
    with closing(Captures(tmp_path / "captures.db")) as captures, closing(opened(tmp_path)) as archive:
        report = take(archive, captures, halved)
        assert archive.conn.execute("select title from incidents").fetchone() == ("Broken \ufffd abcdefghij00",)
        assert report.signals["acme-incidents", "bad-value", "body", "half of a surrogate pair"] == 1


# The published archive


def test_an_archive_that_was_told_of_such_times_is_shown(tmp_path: Path) -> None:
    zero, never = "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000Z"
    bad = [dict.fromkeys(FIELDS[:8], zero), dict.fromkeys(FIELDS[:8], never), {"created_at": zero, "started_at": zero},
           {"first": never, "created_at": never, "resolved_at": never}, {"scheduled_for": zero, "scheduled_until": never}]  # fmt: skip
    shown = [told(f"abcdefghij{n:02}", times) for n, times in enumerate(bad)]
    with closing(Captures(tmp_path / "captures.db")) as captures, closing(opened(tmp_path)) as archive:
        take(archive, captures, look(READ, *shown), look(READ + timedelta(minutes=5), *shown[::-1]))
        report = take(archive, captures, look(READ + timedelta(minutes=10), *shown))
        assert any(kind == "bad-time" for _, kind, _, _ in report.signals)
        months = [month for (month,) in archive.conn.execute("select distinct month from vendor_months")]
        assert months == ["2026-03"]
    site = opened_site(tmp_path / "outages.db")

    async def statuses() -> dict[str, int]:
        paths = ["/", "/-/vendor/acme", "/-/vendor/acme.json", "/-/dashboards/over_time", "/-/feed/all.atom",
                 "/-/feed/all.ics", "/-/compare/regions/acme", "/sitemap.xml",
                 *(f"/-/incident/acme:{incident['id']}" for incident in shown)]  # fmt: skip
        return {path: (await site.client.get(path)).status_code for path in paths}

    assert set(asyncio.run(statuses()).values()) == {200}
