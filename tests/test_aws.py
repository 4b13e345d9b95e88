"""AWS: what fixtures cannot say, and the reader over real responses kept beside the project."""

from __future__ import annotations

import base64
import csv
import json
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crawler.catalog import Source
from crawler.records import Capture, Incident, Kind, Page, Severity, Signal, State, Unreadable, instant
from spiders.aws import PREFIXES, read

PACIFIC = dict.fromkeys(("PST", "PDT"), "America/Los_Angeles")
SOURCE = Source(
    id="aws-test",
    platform="aws",
    url="https://health.aws.amazon.com/public/currentevents",
    timezone="America/Los_Angeles",
    # One message of 2014 is in Mountain time.
    zones={**PACIFIC, "MST": "America/Denver"},
)
NOW = datetime(2026, 10, 1, tzinfo=UTC)


def page(body: bytes, fetched_at: datetime = NOW) -> Page:
    return read(
        Capture(source=SOURCE.id, url=SOURCE.url, fetched_at=fetched_at, status=200, headers={}, body=body), SOURCE
    )


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open() as file:
        yield from (json.loads(line) for line in file)


def body_of(line: dict[str, Any]) -> bytes:
    return base64.b64decode(line["body_base64"]) if "body_base64" in line else line["body"].encode()


def check(incident: Incident) -> None:
    """What holds of every incident, wherever it comes from."""
    times = [update.posted_at for update in incident.updates if update.posted_at]
    assert all(earlier <= later for earlier, later in pairwise(times)), incident.key
    assert incident.first_posted_at is not None
    # Stamps are cut to the minute, so the first may be up to a minute before the event's own date.
    assert all(incident.first_posted_at - when < timedelta(minutes=1) for when in times), incident.key
    assert incident.started_at is None, "AWS has no field for the start"
    assert (incident.resolved_posted_at is None) or incident.state is State.RESOLVED
    assert incident.impacts, incident.key
    for impact in incident.impacts:
        assert impact.service_key
        assert impact.severity is not Severity.OPERATIONAL
        assert not (impact.started_at and impact.ended_at and impact.ended_at <= impact.started_at)
    assert "RESOLVED" not in incident.title


@pytest.mark.parametrize(
    ("name", "incidents", "resolved"),
    [
        ("currentevents_2026-08-01.utf16be.json", 2, 0),
        ("currentevents_trimmed_ayoahha_2026-09.json", 2, 1),
        ("all_2026-08-18.rss", 3, 1),
        ("ec2-us-east-1_before-2024-01.rss", 2, 2),
        ("legacy_data_2012-02-16.json", 44, 44),
        ("legacy_data_2013-10-11.json", 35, 34),
        ("legacy_data_2015-07-01.json", 221, 219),
        ("legacy_data_2017-11-14.json", 178, 178),
        ("legacy_data_bamcis_2021-02.json", 368, 359),
    ],
)
def test_captures(shared: Path, name: str, incidents: int, resolved: int) -> None:
    got = page((shared / "captures/aws" / name).read_bytes())
    assert got.signals == ()
    assert got.reach is None
    assert len(got.incidents) == incidents
    assert sum(i.state is State.RESOLVED for i in got.incidents) == resolved
    for incident in got.incidents:
        check(incident)
        assert all(update.posted_at for update in incident.updates)


@pytest.mark.parametrize("name", ["legacy_services_2021.json", "service_codes_from_feed.json"])
def test_lists_of_services_are_refused(shared: Path, name: str) -> None:
    with pytest.raises(Unreadable):
        page((shared / "captures/aws" / name).read_bytes())


def test_windows(shared: Path) -> None:
    (line,) = lines(shared / "captures/aws/window_cases.capture.json")
    expected = json.loads((shared / "captures/aws/window_cases.expected.json").read_text())
    got = page(body_of(line))
    assert {i.key for i in got.incidents} == {case["key"] for case in expected}
    assert got.signals == ()


def test_labels(shared: Path) -> None:
    got = [i for line in lines(shared / "labels/aws.captures.jsonl") for i in page(body_of(line)).incidents]
    with (shared / "labels/aws.labels.csv").open() as file:
        labels = {row["key"]: row for row in csv.DictReader(file)}
    assert {i.key for i in got} == labels.keys()
    for incident in got:
        check(incident)
        assert incident.service_text == labels[incident.key]["service_name"]


def test_two_feeds_of_one_day_agree_on_the_severity_of_a_message(shared: Path) -> None:
    """Among others: "Service impact" is what the RSS feed calls a message with status 1."""
    feed = page((shared / "captures/aws/all_2026-08-18.rss").read_bytes())
    said = {(u.posted_at, u.text): u.state_text or "" for i in feed.incidents for u in i.updates}
    events = page((shared / "captures/aws/currentevents_2026-08-01.utf16be.json").read_bytes())
    both = [(u.state_text, said[u.posted_at, u.text]) for i in events.incidents for u in i.updates
            if (u.posted_at, u.text) in said]  # fmt: skip
    assert {words for _, words in both} == {"Service impact", "Service disruption"}
    assert all(PREFIXES[words.lower()] == code for code, words in both)


def test_replay(shared: Path) -> None:
    """Every fifth of 724 polls of data.json, 2020-11 to 2022-05."""
    signals: set[Signal] = set()
    refused: list[bytes] = []
    event: Incident | None = None
    for number, line in enumerate(lines(shared / "replay/aws-data-json.jsonl.xz")):
        if number % 5 and line["body"]:
            continue
        try:
            got = page(body_of(line), instant(line["fetched_at"]))
        except Unreadable:
            refused.append(body_of(line))
            continue
        signals.update(got.signals)
        assert len(got.incidents) > 90
        for incident in got.incidents:
            event = incident if incident.key == "ec2-us-east-1_1640176551" else event
            if number % 100 == 0:
                check(incident)
    # The body was empty five times; three events had a date in the future while they were being written.
    assert refused == [b""] * 5
    assert {(s.kind, s.where) for s in signals} <= {("bad-value", "[].date")}
    assert {s.detail.split()[0] for s in signals} <= {
        "kinesis-us-east-1_1606336447",
        "eks-us-east-1_1606346373",
        "ec2-us-east-1_1608358279",
    }
    # Its clock times without a day, put beside the full times of the feed of the same event.
    feed = page((shared / "captures/aws/ec2-us-east-1_before-2024-01.rss").read_bytes())
    (same,) = (i for i in feed.incidents if i.key == "ec2-us-east-1_1640176500")
    assert event is not None
    assert [u.posted_at for u in event.updates] == [u.posted_at and u.posted_at.replace(second=0) for u in same.updates]
    assert (event.service_text, event.region_text) == (same.service_text, same.region_text)


def legacy(date: datetime, *stamps: str) -> list[str]:
    """The times of an event's messages in data.json, UTC."""
    event = {
        "service": "ec2-us-east-1",
        "service_name": "Amazon EC2 (N. Virginia)",
        "summary": "Errors",
        "date": int(date.timestamp()),
        "status": "1",
        "details": "",
        "description": "".join(
            f'<div><span class="yellowfg">{stamp}</span>&nbsp;{n}</div>' for n, stamp in enumerate(stamps)
        ),
    }
    (incident,) = page(json.dumps({"archive": [event], "current": []}).encode()).incidents
    return [f"{u.posted_at:%m-%d %H:%M}" for u in incident.updates]


@pytest.mark.parametrize(
    ("date", "stamps", "times"),
    [
        # The first stamp is on the day that puts it nearest to the date, on either side of midnight.
        (datetime(2021, 7, 10, 7, 1, tzinfo=UTC), ["11:59 PM PDT"], ["07-10 06:59"]),
        (datetime(2021, 7, 10, 6, 59, tzinfo=UTC), ["12:04 AM PDT"], ["07-10 07:04"]),
        # A gap of many hours within a day is no night.
        (datetime(2021, 7, 10, 8, 0, tzinfo=UTC), ["1:00 AM PDT", "11:30 PM PDT"], ["07-10 08:00", "07-11 06:30"]),
        # A day in words, over the new year and back to the year before.
        (datetime(2021, 1, 1, 6, 0, tzinfo=UTC), ["10:00 PM PST", "Jan 1, 12:10 AM PST"], ["01-01 06:00", "01-01 08:10"]),
        (datetime(2021, 1, 1, 9, 0, tzinfo=UTC), ["Dec 31, 11:00 PM PST", "12:30 AM PST"], ["01-01 07:00", "01-01 08:30"]),
        (datetime(2020, 2, 29, 7, 0, tzinfo=UTC), ["11:00 PM PST", "Feb 29,  9:00 AM PST"], ["02-29 07:00", "02-29 17:00"]),
        # Summer time begins; and the label is the vendor's habit, the clock is on the wall.
        (datetime(2021, 3, 14, 9, 30, tzinfo=UTC), ["1:30 AM PST", "3:10 AM PDT"], ["03-14 09:30", "03-14 10:10"]),
        (datetime(2021, 7, 10, 17, 0, tzinfo=UTC), ["10:00 AM PST"], ["07-10 17:00"]),
    ],
)  # fmt: skip
def test_times_without_a_year(date: datetime, stamps: list[str], times: list[str]) -> None:
    assert legacy(date, *stamps) == times


def test_an_event_resolved_without_a_change_of_status_does_not_stay_open() -> None:
    event = {
        "arn": "arn:aws:health:us-east-2::event/EC2/X/X_1",
        "date": "1767323045",
        "service": "ec2-us-east-2",
        "service_name": "Amazon EC2",
        "summary": "[RESOLVED] Errors",
        "status": "0",
        "event_log": [{"summary": "[RESOLVED] Errors", "message": "Over.", "status": 0, "timestamp": 1767326645}],
        "impacted_service_status_changes": [
            {
                "service": "ec2-us-east-2",
                "service_name": "Amazon EC2",
                "current_status": "2",
                "timestamp": 1767323045000,
            }
        ],
    }
    (incident,) = page(json.dumps([event]).encode()).incidents
    assert incident.ended_at is None
    assert [i.ended_at for i in incident.impacts] == [datetime.fromtimestamp(1767326645, UTC)]


@pytest.mark.parametrize(
    ("status", "summary", "message", "kind"),
    [
        ("0", "More on Tuesday", "We want to share more information on what happened. Details are here.", Kind.NOTICE),
        ("0", "More on Tuesday", "Additional details can be found in our account.", Kind.NOTICE),
        ("1", "Errors", "Requests fail. Additional information is available here.", Kind.OUTAGE),
        ("0", "[RESOLVED] Errors", "Requests failed. Further details are available here.", Kind.OUTAGE),
        ("0", "Errors", "Between 1:00 AM and 2:00 AM PST requests failed.", Kind.OUTAGE),
    ],
)
def test_a_post_that_only_points_to_an_account_is_a_notice(status: str, summary: str, message: str, kind: Kind) -> None:
    event = {"service": "ec2-us-east-1", "service_name": "Amazon EC2 (N. Virginia)", "summary": summary,
             "date": "1606310100", "status": status, "details": "",
             "description": f'<div><span class="yellowfg"> 5:15 AM PST</span>&nbsp;{message}</div>'}  # fmt: skip
    (incident,) = page(json.dumps({"archive": [event], "current": []}).encode()).incidents
    assert incident.kind is kind
