"""What the fixtures cannot say of Statuspage, and its reader over real responses."""

from __future__ import annotations

import csv
import json
import lzma
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crawler.catalog import Source
from crawler.records import DOWN, Capture, Incident, Kind, Page, Severity, Unreadable, instant
from spiders.statuspage import read

HOST = "https://status.northwind.example"
SOURCE = Source(id="northwind", platform="statuspage", url=f"{HOST}/api/v2/incidents.json")
PAGE = {"id": "n0rthw1nd000", "name": "Northwind", "url": HOST}


def capture(body: bytes, url: str = SOURCE.url, fetched_at: str = "2026-03-03T09:00:00Z") -> Capture:
    return Capture(source="any", url=url, fetched_at=instant(fetched_at), status=200, headers={}, body=body)


def read_json(document: Any, url: str = SOURCE.url) -> Page:
    return read(capture(json.dumps(document).encode(), url), SOURCE)


def incident(number: int, created: datetime, resolved: datetime | None, **fields: Any) -> dict[str, Any]:
    """An incident in the vendor's shape, with a first update and, when it is over, a last one."""
    times = [("investigating", created), *([("resolved", resolved)] if resolved else [])]
    return {
        "id": f"incident{number:04d}",
        "name": f"Number {number}",
        "status": times[-1][0],
        "impact": "minor",
        "created_at": created.isoformat(),
        "resolved_at": resolved and resolved.isoformat(),
        "incident_updates": [
            {"id": f"{status}{number}", "status": status, "body": "…", "created_at": at.isoformat()}
            for status, at in reversed(times)
        ],
        **fields,
    }


def listed(count: int) -> list[dict[str, Any]]:
    """Newest first, one a day, each an hour long; the newest is still open."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        incident(n, start - timedelta(days=n), start - timedelta(days=n, hours=-1) if n else None) for n in range(count)
    ]


# --- reach ---


def test_a_list_that_is_not_full_holds_everything() -> None:
    reach = read_json({"page": PAGE, "incidents": listed(49)}).reach
    assert reach
    assert reach < instant("1980-01-01T00:00:00Z")


def test_a_full_list_reaches_to_its_lowest_time_and_some_days() -> None:
    page = read_json({"page": PAGE, "incidents": listed(50)})
    lowest = instant("2026-03-01T01:00:00Z") - timedelta(days=49)
    assert page.reach
    assert lowest <= page.reach <= lowest + timedelta(days=7)


def test_an_incident_open_for_long_may_be_the_lowest() -> None:
    incidents = listed(50)
    incidents[-1] = incident(49, instant("2025-01-01T00:00:00Z"), None)
    page = read_json({"page": PAGE, "incidents": incidents})
    assert page.reach
    assert page.reach < instant("2025-02-01T00:00:00Z")


@pytest.mark.parametrize(
    "url",
    [
        f"{HOST}/api/v2/incidents/unresolved.json",
        f"{HOST}/api/v2/incidents.json?page=2",
        f"{HOST}/api/v2/summary.json",
        f"{HOST}/api/v2/scheduled-maintenances.json",
    ],
)
def test_other_lists_promise_nothing(url: str) -> None:
    assert read_json({"page": PAGE, "incidents": listed(3)}, url).reach is None


def test_an_empty_or_damaged_list_promises_nothing() -> None:
    assert read_json({"page": PAGE, "incidents": []}).reach is None
    assert read_json({"page": PAGE, "incidents": [*listed(3), {"id": "n0tanincid3n"}]}).reach is None


# --- what must not make a difference ---


def test_the_present_state_of_components_is_no_part_of_the_record() -> None:
    def told(status: str, changed: str) -> Incident:
        part = {"id": "c0mpute00001", "name": "Compute", "status": status, "updated_at": changed}
        document = incident(1, instant("2026-02-01T00:00:00Z"), instant("2026-02-01T01:00:00Z"), components=[part])
        return read_json({"page": PAGE, "incident": document}).incidents[0]

    assert told("operational", "2026-02-01T01:00:00Z") == told("major_outage", "2026-02-20T05:00:00Z")


def test_bad_incidents_cost_nothing_else() -> None:
    damaged: list[Any] = [
        None,
        17,
        [],
        {},
        {**listed(1)[0], "created_at": "2026-03-01T00:00:00"},  # no zone
        {**listed(1)[0], "incident_updates": None},
        {**listed(1)[0], "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ"},
    ]
    good = listed(3)
    page = read_json({"page": PAGE, "incidents": [*damaged[:4], *good, *damaged[4:]]})
    assert [i.key for i in page.incidents] == [i["id"] for i in good]
    assert {s.kind for s in page.signals} == {"bad-incident"}
    assert len(page.signals) == len(damaged)
    assert any("01JZZZZZZZZZZZZZZZZZZZZZZZ" in s.detail for s in page.signals)


def test_invalid_text_in_one_incident_costs_that_incident() -> None:
    body = json.dumps({"page": PAGE, "incidents": listed(2)}).encode().replace(b"Number 1", b"Number \xff")
    page = read(capture(body), SOURCE)
    assert [i.key for i in page.incidents] == ["incident0000"]
    assert [s.kind for s in page.signals] == ["bad-incident"]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"null",
        b'"page"',
        b'{"page": {"id": "n0rthw1nd000"}}',
        b'{"page": {"id": "n0rthw1nd000"}, "weather": "fine"}',
        b'{"page": 1, "incidents": []}',
        b'{"page": {"name": "no id"}, "status": {"indicator": "none"}}',
        b'{"page": {"id": "n0rthw1nd000"}, "incidents": {}}',
        b'{"page": {"id": "n0rthw1nd000"}, "components": 3}',
        b"<?xml version='1.0'?><html/>",
        b"<rss><channel><item><title>no link</title></item></channel></rss>",
        b"\xff\xfe{}",
        b'{"page": {"id": "\xff"}, "incidents": []}',
        b"<?xml version='1.0' encoding='klingon'?><feed/>",
        b'{"page":' * 100_000,
    ],
)
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(capture(body), SOURCE)


# --- years in a feed ---


def feed(published: str, *times: str) -> Page:
    updates = "".join(
        f"&lt;p&gt;&lt;small&gt;{time}&lt;/small&gt;&lt;br&gt;&lt;strong&gt;Update&lt;/strong&gt; - …&lt;/p&gt;"
        for time in times
    )
    body = f"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>x</title><published>{published}</published>
        <link href="{HOST}/incidents/incident0001"/><content type="html">{updates}</content></entry></feed>"""
    return read(capture(body.encode(), f"{HOST}/history.atom"), SOURCE)


@pytest.mark.parametrize(
    ("published", "times", "days"),
    [
        # newest first, as the feed has them; expected oldest first
        ("2024-01-02T08:00:00Z", ["Jan 2, 08:00 UTC", "Dec 31, 08:00 UTC"], ["2023-12-31", "2024-01-02"]),
        ("2023-12-31T23:59:30Z", ["Jan 1, 00:10 UTC", "Dec 31, 23:59 UTC"], ["2023-12-31", "2024-01-01"]),
        ("2024-03-01T08:00:00Z", ["Mar 1, 08:00 UTC", "Feb 29, 08:00 UTC"], ["2024-02-29", "2024-03-01"]),
        # more than half a year between two updates
        ("2024-10-01T08:00:00Z", ["Oct 1, 08:00 UTC", "Jan 5, 08:00 UTC"], ["2024-01-05", "2024-10-01"]),
        # dated back below an older one
        ("2024-10-01T08:00:00Z", ["Oct 1, 08:00 UTC", "Oct 3, 08:00 UTC"], ["2024-10-01", "2024-10-03"]),
    ],
)
def test_the_year_of_an_update(published: str, times: list[str], days: list[str]) -> None:
    (told,) = feed(published, *times).incidents
    assert [str(u.posted_at.date()) for u in told.updates if u.posted_at] == days


@pytest.mark.parametrize("time", ["Foo 3, 08:00 UTC", "Oct 1, 08:00", "yesterday", "Feb 30, 08:00 UTC"])
def test_a_time_that_is_none_is_a_signal(time: str) -> None:
    page = feed("2024-10-01T08:00:00Z", time)
    assert [u.posted_at for u in page.incidents[0].updates] == [None]
    assert [s.kind for s in page.signals] == ["bad-value"]


# --- real responses ---


def lines(path: Path, every: int = 1) -> Iterator[Capture]:
    with lzma.open(path, "rb") as file:
        for number, line in enumerate(file):
            if number % every == 0:
                told = json.loads(line)
                yield capture(told["body"].encode(), told["url"], told["fetched_at"])


def must_be_sane(page: Page) -> None:
    # All words, fields and times of these bodies are known: nothing may be left over.
    assert page.signals == ()
    for told in page.incidents:
        times = [u.posted_at for u in told.updates if u.posted_at]
        assert len(times) == len(told.updates) > 0
        assert times == sorted(times)
        assert told.first_posted_at
        assert told.state
        assert told.resolved_posted_at is None or told.resolved_posted_at >= told.first_posted_at
        assert not (told.started_at and told.ended_at) or told.started_at < told.ended_at
        for impact in told.impacts:
            assert impact.component
            assert (impact.severity is None) == (impact.started_at is None)
            assert not impact.ended_at or (impact.started_at and impact.started_at < impact.ended_at)


def test_real_bodies(shared: Path) -> None:
    folder = shared / "captures" / "statuspage"
    bodies = [*folder.glob("*.json"), *folder.glob("*.atom"), *(shared / "captures" / "oci").glob("*.json")]
    refused = []
    for path in sorted(bodies):
        try:
            page = read(capture(path.read_bytes(), f"{HOST}/{path.name}"), SOURCE)
        except Unreadable:
            refused.append(path.name)
        else:
            must_be_sane(page)
    assert refused == ["manage-api-openapi3.json"]  # describes another interface


@pytest.mark.parametrize("name", ["html-cloudflare.html", "html-trello.html"])
def test_real_pages_for_people_are_refused(shared: Path, name: str) -> None:
    with pytest.raises(Unreadable, match="HTML"):
        read(capture((shared / "captures" / "statuspage" / name).read_bytes()), SOURCE)


def test_real_look_alikes_are_refused(shared: Path) -> None:
    for path in (shared / "captures" / "incidentio").glob("*.json"):
        with pytest.raises(Unreadable, match=r"incident\.io"):
            read(capture(path.read_bytes()), SOURCE)


def test_real_records_with_and_without_envelope(shared: Path) -> None:
    for line in (shared / "captures" / "statuspage" / "github-incidents-2010-2023.jsonl").read_bytes().splitlines():
        page = read(capture(line), SOURCE)
        must_be_sane(page)
        assert len(page.incidents) == 1
        bare = json.dumps(json.loads(line)["incident"]).encode()
        address = f"https://www.githubstatus.com/incidents/{page.incidents[0].key}.json"
        assert read(capture(bare, address), SOURCE).incidents == page.incidents


@pytest.mark.parametrize(
    ("name", "every", "unreadable"),
    [
        ("claude-incidents", 8, set()),
        ("digitalocean-summary", 6, {"empty body"}),  # the server sent nothing at times
        ("oci-summary", 6, set()),
        ("github-history-atom", 6, set()),
    ],
)
def test_real_polls(shared: Path, name: str, every: int, unreadable: set[str]) -> None:
    refusals = set()
    read_any = 0
    for one in lines(shared / "replay" / f"{name}.jsonl.xz", every):
        try:
            page = read(one, SOURCE)
        except Unreadable as refusal:
            refusals.add(str(refusal))
        else:
            must_be_sane(page)
            read_any += 1
    assert refusals <= unreadable
    assert read_any > 10


@pytest.mark.parametrize("name", ["claude-incidents", "github-history-atom"])
def test_what_only_leaves_a_real_list_is_not_taken_away(shared: Path, name: str) -> None:
    """Nothing was removed in these polls, so nothing that is missing may have begun within reach."""
    known: dict[str, Incident] = {}
    for one in lines(shared / "replay" / f"{name}.jsonl.xz", 5):
        page = read(one, SOURCE)
        assert page.reach
        here = {told.key: told for told in page.incidents}
        for told in known.values():
            assert told.key in here or (told.first_posted_at and told.first_posted_at <= page.reach)
        known |= here


def test_the_feed_and_the_records_tell_the_same(shared: Path) -> None:
    """An incident has one key, whichever way it came, and the same messages at the same minutes."""
    folder = shared / "captures" / "statuspage"
    by_feed = read(capture((folder / "github-history-2022-06-12.atom").read_bytes()), SOURCE).incidents
    records: dict[str, Incident] = {}
    for line in (folder / "github-incidents-2010-2023.jsonl").read_bytes().splitlines():
        (told,) = read(capture(line), SOURCE).incidents
        records[told.key] = told
    common = [told for told in by_feed if told.key in records]
    assert len(common) >= 15
    for told in common:
        record = records[told.key]
        assert (told.title, told.url, told.state) == (record.title, record.url, record.state)
        minutes = [u.posted_at.replace(second=0) for u in record.updates if u.posted_at]
        assert [u.posted_at for u in told.updates] == minutes
        assert [u.text for u in told.updates] == [u.text for u in record.updates]


def test_spells_meet_the_seconds_the_vendor_publishes(shared: Path) -> None:
    """Within two seconds on 88 of 100 component-days; many of the others were set by hand."""
    folder = shared / "captures" / "statuspage"
    spells: dict[str, list[tuple[datetime, datetime, Severity]]] = defaultdict(list)
    for one in lines(folder / "claude-incidents-full.jsonl.xz"):
        page = read(one, SOURCE)
        must_be_sane(page)
        for told in page.incidents:
            for impact in told.impacts:
                if impact.severity in DOWN and impact.component and impact.started_at and impact.ended_at:
                    spells[impact.component.key or ""].append((impact.started_at, impact.ended_at, impact.severity))
    seconds: dict[tuple[str, str, Severity], float] = defaultdict(float)
    for key, found in spells.items():
        days = {(start + timedelta(days=n)).date() for start, end, _ in found for n in range((end - start).days + 2)}
        midnights = {datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days}
        edges = sorted(midnights | {edge for start, end, _ in found for edge in (start, end)})
        for start, end in pairwise(edges):
            over = [severity for since, until, severity in found if since <= start and end <= until]
            if over:
                seconds[key, str(start.date()), max(over, key=lambda s: s.rank)] += (end - start).total_seconds()
    with (folder / "claude-official-seconds.csv").open() as file:
        rows = list(csv.DictReader(file))
    exact = sum(
        abs(seconds[row["component_key"], row["day"], Severity.PARTIAL_OUTAGE] - int(row["partial_seconds"])) <= 2
        and abs(seconds[row["component_key"], row["day"], Severity.MAJOR_OUTAGE] - int(row["major_seconds"])) <= 2
        for row in rows
    )
    assert exact / len(rows) >= 0.88


def test_a_real_maintenance_is_one(shared: Path) -> None:
    body = (shared / "captures" / "statuspage" / "minor-cloudflare-with-maintenances.json").read_bytes()
    page = read(capture(body), SOURCE)
    planned = [told for told in page.incidents if told.kind == Kind.MAINTENANCE]
    assert len(planned) == 13
    assert all(told.started_at and told.ended_at for told in planned)
