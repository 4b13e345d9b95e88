"""Google: what fixtures cannot say, and the reader over real responses kept beside the project."""

from __future__ import annotations

import csv
import json
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crawler.catalog import Source
from crawler.places import linked_to
from crawler.records import Capture, Incident, Page, Severity, Signal, State, Unreadable, instant
from spiders.gcp import PLATFORM, read

URL = "https://status.cloud.google.com/incidents.json"
SOURCE = Source(id="gcp-test", platform="gcp", url=URL)
NOW = datetime(2026, 10, 1, tzinfo=UTC)


def page(body: bytes, fetched_at: datetime = NOW) -> Page:
    return read(Capture(source=SOURCE.id, url=URL, fetched_at=fetched_at, status=200, headers={}, body=body), SOURCE)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open() as file:
        yield from (json.loads(line) for line in file)


def check(incident: Incident) -> None:
    """What holds of every incident, in either schema."""
    assert incident.started_at
    assert incident.first_posted_at
    assert incident.severity in (Severity.NOTICE, Severity.PARTIAL_OUTAGE, Severity.MAJOR_OUTAGE)
    assert (incident.state is State.RESOLVED) == bool(incident.ended_at) == bool(incident.resolved_posted_at)
    times = [u.posted_at for u in incident.updates if u.posted_at]
    assert len(times) == len(incident.updates)
    assert all(earlier <= later for earlier, later in pairwise(times)), incident.key
    assert incident.impacts
    for impact in incident.impacts:
        assert impact.started_at == incident.started_at
        assert impact.service_key or impact.service_text
        if incident.ended_at:
            assert impact.ended_at
            assert impact.ended_at <= incident.ended_at


@pytest.mark.parametrize(
    ("name", "incidents"), [("incidents_2026-07-31.json", 4), ("incidents_2026-08-18_two.json", 2)]
)
def test_captures(shared: Path, name: str, incidents: int) -> None:
    got = page((shared / "captures/gcp" / name).read_bytes())
    assert got.signals == ()
    assert len(got.incidents) == incidents
    for incident in got.incidents:
        check(incident)


def test_old_schema(shared: Path) -> None:
    union = [line["incident"] for line in lines(shared / "captures/gcp/incidents_union_legacyschema.jsonl")]
    got = page(json.dumps(union).encode())
    assert got.signals == ()
    assert len(got.incidents) == len(union) == 33
    for incident in got.incidents:
        check(incident)
        assert incident.url == f"https://status.cloud.google.com/incident/{incident.key}"


def test_products_are_refused(shared: Path) -> None:
    with pytest.raises(Unreadable):
        page((shared / "captures/gcp/products_from_incidents.json").read_bytes())


def test_labels(shared: Path) -> None:
    got = [i for line in lines(shared / "labels/gcp.captures.jsonl") for i in page(line["body"].encode()).incidents]
    with (shared / "labels/gcp.labels.csv").open() as file:
        labels = {row["key"]: row for row in csv.DictReader(file)}
    assert {i.key for i in got} == labels.keys()
    # Those that only point to another incident: none of them has a start in the labels.
    linked = {i.key for i in got if linked_to([update.text for update in i.updates])}
    assert len(linked) == 5
    assert {labels[key]["start_time"] for key in linked} == {"UNKNOWN"}


def old_event(end: str, *messages: tuple[str, str]) -> bytes:
    """An incident of before 2021-04: messages, oldest first, as when they were posted and what they say."""
    updates = [{"created": created, "when": created, "text": text} for created, text in messages]
    event = {
        "begin": "2020-06-02T08:00:00Z",
        "end": end,
        "created": messages[0][0],
        "external_desc": "Queues are slow.",
        "number": 20001,
        "service_key": "queues",
        "service_name": "Queues",
        "severity": "medium",
        "uri": "/incident/queues/20001",
        "most-recent-update": updates[-1],
        "updates": updates[::-1],
    }
    return json.dumps([event]).encode()


def test_a_message_that_announces_another_did_not_say_that_it_was_over() -> None:
    messages = [
        ("2020-06-02T09:00:00Z", "We are experiencing an issue with Queues since 01:00 US/Pacific."),
        ("2020-06-02T09:30:00Z", "Mitigation work is still underway. Nobody should be hit any more."),
        ("2020-06-02T09:50:00Z", "Back for most. We will provide an update by Tuesday, 2020-06-02 04:00 US/Pacific."),
        ("2020-06-02T10:10:00Z", "The issue was resolved for all as of 01:40 US/Pacific."),
        ("2020-06-03T10:10:00Z", "What we know of the cause is told elsewhere."),
    ]

    def resolved(end: str, count: int) -> str | None:
        (incident,) = page(old_event(end, *messages[:count])).incidents
        return f"{incident.resolved_posted_at:%d %H:%M}" if incident.resolved_posted_at else None

    assert resolved("2020-06-02T08:40:00Z", 5) == "02 10:10"
    assert resolved("2020-06-02T11:00:00Z", 5) == "03 10:10", "not before it ended"
    assert resolved("2020-06-02T08:40:00Z", 3) == "02 09:50", "the last there is"


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        # One incident was for one poll begun ten months after its end.
        ("gcp-incidents-2020-2021", {("bad-value", "[].end")}),
        ("gcp-incidents-2025h1", set()),
    ],
)
def test_replay(shared: Path, name: str, odd: set[tuple[str, str]]) -> None:
    """All polls; whatever left the page although it was within reach was really taken down."""
    signals: set[Signal] = set()
    before: dict[str, Incident] = {}
    seen: dict[str, int] = {}
    gone: set[str] = set()
    begins: list[datetime] = []
    for line in lines(shared / f"replay/{name}.jsonl.xz"):
        got = page(line["body"].encode(), instant(line["fetched_at"]))
        signals.update(got.signals)
        now = {i.key: i for i in got.incidents}
        assert len(now) > 80
        assert got.reach
        gone |= {key for key in before.keys() - now.keys() if (begin := before[key].started_at) and begin > got.reach}
        for key, incident in now.items():
            if seen.get(key) != id(incident):  # read incidents are cached by their bytes
                seen[key] = id(incident)
                if not got.signals:
                    check(incident)
        before = now
        outage = now.get("ow5i3PPK96RduMcb1SsW")
        if outage and outage.started_at and outage.started_at not in begins[-1:]:
            begins.append(outage.started_at)
    assert {(s.kind, s.where) for s in signals} == odd
    if name.endswith("2020-2021"):
        # Of the first there was a second copy.
        assert gone == {"cloud-sql/21001", "JgHvEDeZw4W2Yo7of8oT"}
        # The old number of an incident is not its key: it stands for several products.
        assert {"compute/20008", "storage/20008", "bigquery/20008"} <= seen.keys()
    else:
        assert gone == set()
        # The outage of 2025-06-12: its beginning was corrected, and its places recovered one by one.
        assert begins[-1] == datetime(2025, 6, 12, 17, 51, tzinfo=UTC)
        assert len(begins) > 1
        outage = before["ow5i3PPK96RduMcb1SsW"]
        ends = {i.region_key: i.ended_at for i in outage.impacts}
        assert len(ends) == 61
        assert ends["us-central1"] == outage.ended_at == datetime(2025, 6, 13, 1, 18, tzinfo=UTC)
        assert ends["nam5"] == datetime(2025, 6, 12, 21, 23, 42, tzinfo=UTC)
        assert ends["us"] == datetime(2025, 6, 12, 23, 13, 50, tzinfo=UTC)


def test_boards_are_looked_for_on_googles_own_hosts_only() -> None:
    find = PLATFORM.find
    assert find is not None
    root = "https://status.firebase.google.com"
    assert find(root, "") == {"incidents": f"{root}/incidents.json"}
    assert not find("https://status.acme.example", "")
    assert not find("https://notgoogle.com", "")
