"""Date texts of pages: what is known is read, what is guessed is counted, and what is unclear is not told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crawler.catalog import Source
from crawler.reading.dates import moment
from crawler.records import Signal, stamp

NEAR = datetime(2026, 1, 3, 9, 0, 30, tzinfo=UTC)
AMERICAN = {"PT": "America/Los_Angeles", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles"}


def source(timezone: str = "UTC", formats: tuple[str, ...] = (), zones: dict[str, str] | None = None) -> Source:
    return Source(
        id="x",
        platform="feed",
        url="https://x.example/feed",
        timezone=timezone,
        date_formats=formats,
        zones=zones or {},
    )


def read(
    text: str, where: Source | None = None, near: datetime = NEAR, planned: bool = False
) -> tuple[str | None, list[Signal]]:
    signals: list[Signal] = []
    when = moment(text, where or source(), near, signals, "here", planned=planned)
    assert when is None or when.tzinfo is UTC
    return stamp(when) if when else None, signals


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def _machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zone of the machine, which must not matter."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.678901234+01:00", "2026-01-02T02:04:05Z"),
        ("2026-01-02 03:04", "2026-01-02T03:04:00Z"),
        ("20260102T030405Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02 03:04:05 +0200 CEST", "2026-01-02T01:04:05Z"),
        ("2026/1/2 3:04", "2026-01-02T03:04:00Z"),
        ("Fri, 02 Jan 2026 03:04:05 +0800", "2026-01-01T19:04:05Z"),
        ("Fri, 2 January 2026 03:04 GMT", "2026-01-02T03:04:00Z"),
        ("02 Jan 26 03:04:60 Z", "2026-01-02T03:04:59Z"),
        ("Fri, 02 Jan 2026 03:04:05 -0000", "2026-01-02T03:04:05Z"),
        ("Thu, 18 Jul 2025 22:20:00 EST", "2025-07-19T03:20:00Z"),  # RFC 2822 fixes it, whatever the season
        ("Fri Jan 02 2026 03:04:05 GMT+0100 (Central European Standard Time)", "2026-01-02T02:04:05Z"),
        ("2025年10月20日 下午3:04", "2025-10-20T15:04:00Z"),
        ("10月20日 15時04分", "2025-10-20T15:04:00Z"),
        ("1月3日(土) 午前0:30", "2026-01-03T00:30:00Z"),
    ],
)
def test_what_can_mean_one_thing_only(text: str, expected: str) -> None:
    assert read(text) == (expected, [])
    assert read(f"  {text.replace(' ', '  ')}\n") == (expected, [])


def test_dateparser_is_not_even_imported_for_that() -> None:
    code = """
import sys
from datetime import datetime, UTC
from crawler.catalog import Source
from crawler.reading.dates import moment
source = Source(id="x", platform="feed", url="u", date_formats=("%d.%m.%Y %H:%M",))
for text in ("2026-01-02T03:04:05Z", "Fri, 02 Jan 2026 03:04:05 +0800", "10月20日 15:04", "02.01.2026 03:04"):
    assert moment(text, source, datetime(2026, 1, 3, tzinfo=UTC), [], "x")
assert not any(name.startswith("dateparser") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env={**os.environ, "PYTHONPATH": "."})


def test_a_time_without_a_zone_is_in_that_of_the_source() -> None:
    shanghai = source("Asia/Shanghai")
    assert read("2026-01-02 03:04", shanghai) == ("2026-01-01T19:04:00Z", [])
    assert read("10月20日 15:04", shanghai) == ("2025-10-20T07:04:00Z", [])
    assert read("2026-01-02 03:04 UTC", shanghai) == ("2026-01-02T03:04:00Z", [])


def test_an_abbreviation_means_what_the_source_says() -> None:
    assert read("2025-07-18 22:20 PST", source(zones=AMERICAN)) == ("2025-07-19T05:20:00Z", [])  # a wall clock in July
    assert read("18 Jul 2025 22:20 PST", source(zones=AMERICAN)) == ("2025-07-19T05:20:00Z", [])
    assert read("2026-01-02 03:04 CST", source(zones={"CST": "Asia/Shanghai"})) == ("2026-01-01T19:04:00Z", [])
    assert read("Oct 20, 14:00 PT", source(zones=AMERICAN))[0] == "2025-10-20T21:00:00Z"
    assert read("Oct 20, 14:00 Pacific Time")[0] == "2025-10-20T21:00:00Z"
    assert read("Oct 20 2025 14:00 US/Pacific")[0] == "2025-10-20T21:00:00Z"


@pytest.mark.parametrize("text", ["2026-01-02 03:04 IST", "Fri, 02 Jan 2026 03:04 BST", "Oct 20, 14:00 CST"])
def test_an_abbreviation_that_nobody_explains_is_not_guessed(text: str) -> None:
    assert read(text) == (None, [Signal("unknown-word", "here", text.split()[-1])])


def test_formats_of_the_source_go_first() -> None:
    assert read("03/04/2025 10:00", source(formats=("%d/%m/%Y %H:%M",))) == ("2025-04-03T10:00:00Z", [])
    assert read("2026-01-02 03:04", source(formats=("%Y-%d-%m %H:%M",))) == ("2026-02-01T03:04:00Z", [])
    assert read("Posted on 2 Jan 2026 at 03:04", source(formats=("Posted on %d %b %Y at %H:%M",)))[1] == []
    assert read("2026-01-02", source("Asia/Tokyo", ("%Y-%m-%d",))) == ("2026-01-01T15:00:00Z", [])
    assert read("02.01.2026 03:04 +0100", source(formats=("%d.%m.%Y %H:%M %z",))) == ("2026-01-02T02:04:00Z", [])


@pytest.mark.usefixtures("_machine_zone")
def test_a_zone_in_a_format_is_that_of_the_source_and_never_of_the_machine() -> None:
    here = source("UTC", ("%b %d, %H:%M %Z", "(%Z) %d %b %Y %H:%M"), {**AMERICAN, "JST": "America/Los_Angeles"})
    assert read("Oct 20, 14:00 PT", here) == ("2025-10-20T21:00:00Z", [])
    assert read("Oct 20, 14:00 JST", here) == ("2025-10-20T21:00:00Z", [])
    assert read("(UTC) 20 Oct 2025 14:00", here) == ("2025-10-20T14:00:00Z", [])
    assert read("Oct 20, 14:00 XYZ", here) == (None, [Signal("unknown-word", "here", "XYZ")])


YEARLESS = source(formats=("%b %d, %H:%M",))


@pytest.mark.parametrize(
    ("text", "near", "planned", "expected"),
    [
        ("Dec 31, 23:10", "2026-01-03T09:00:00+00:00", False, "2025-12-31T23:10:00Z"),
        ("Jan 3, 09:05", "2026-01-03T09:00:00+00:00", False, "2026-01-03T09:05:00Z"),  # a clock that is ahead
        ("Jan 8, 09:00", "2026-01-03T09:00:00+00:00", False, "2025-01-08T09:00:00Z"),
        ("Jan 8, 09:00", "2026-01-03T09:00:00+00:00", True, "2026-01-08T09:00:00Z"),
        ("Jan 1, 00:20", "2025-12-31T22:00:00+00:00", False, "2026-01-01T00:20:00Z"),
        ("Dec 31, 23:10", "2026-01-03T09:00:00+00:00", True, "2025-12-31T23:10:00Z"),
        ("Feb 29, 10:00", "2026-01-03T09:00:00+00:00", False, "2024-02-29T10:00:00Z"),
        ("Mar 5, 10:00", "2020-06-01T00:00:00+00:00", False, "2020-03-05T10:00:00Z"),
    ],
)
@pytest.mark.parametrize("where", [YEARLESS, source()], ids=["format", "dateparser"])
def test_a_missing_year_comes_from_nearby(text: str, near: str, planned: bool, expected: str, where: Source) -> None:
    assert read(text, where, datetime.fromisoformat(near), planned)[0] == expected


@pytest.mark.usefixtures("_machine_zone")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Oct 20, 2025 2:00 PM", "2025-10-20T21:00:00Z"),
        ("31. Dezember 2025 um 14:30 Uhr", "2025-12-31T22:30:00Z"),
        ("le 3 mars 2025 à 14h30", "2025-03-03T22:30:00Z"),
        ("31.12.2025 14:30", "2025-12-31T22:30:00Z"),
        ("3 hours ago", "2026-01-03T06:00:30Z"),
        ("yesterday at 14:00", "2026-01-02T22:00:00Z"),
        ("yesterday at 14:00 UTC", "2026-01-02T14:00:00Z"),
    ],
)
def test_a_guess_is_counted_by_its_form(text: str, expected: str) -> None:
    when, signals = read(text, source("America/Los_Angeles"))
    assert when == expected
    (signal,) = signals
    assert (signal.kind, signal.where) == ("guessed-date", "here")
    assert len(signal.detail) == len(text)
    assert not set(signal.detail) & set("012345678")


@pytest.mark.parametrize(
    "text",
    [
        "", "API 5", "10", "sun", "May", "Oct 20", "October 2025", "11:30 am", "soon", "03/04/2025 10:00",
        "5/6 10:00", "2026-13-01 10:00", "2026-01-02T25:00:00Z", "2026-01-02T00:00:00+99:00",
        "Oct 20, 15:23 - 16:10 UTC", "30 Feb 2026 10:00 GMT", "2月30日 10:00", "x" * 500,
    ],
)  # fmt: skip
def test_what_is_no_moment_is_not_made_one(text: str) -> None:
    when, signals = read(text)
    assert when is None
    assert [signal.kind for signal in signals] == ["bad-value"]
    assert len(signals[0].detail) <= 80


def test_an_hour_that_comes_twice_or_not_at_all_is_told() -> None:
    here = source("America/Los_Angeles", zones=AMERICAN)
    when, signals = read("2025-11-02 01:30", here)
    assert when == "2025-11-02T08:30:00Z"
    assert [signal.kind for signal in signals] == ["bad-value"]
    assert read("2025-11-02 01:30 PST", here) == ("2025-11-02T09:30:00Z", [])
    assert read("2025-11-02 01:30 PDT", here) == ("2025-11-02T08:30:00Z", [])
    assert [signal.kind for signal in read("2025-03-09 02:30", here)[1]] == ["bad-value"]


def test_a_field_that_is_not_there_is_no_time_and_no_signal() -> None:
    signals: list[Signal] = []
    assert moment(None, source(), NEAR, signals, "here") is None
    assert signals == []
