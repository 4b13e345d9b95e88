"""Tencent's spider, and its reader over real responses kept beside the project."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crawler.catalog import Source
from crawler.records import Capture, Page, Severity, State, Unreadable
from spiders.tencent import follow, read, regions_with_events

API = "https://status.cloud.tencent.com/v1/api/status"
PRODUCTS = f"{API}/DescribeProductEventForRegionInPeriod?RegionId=non-regional&NumOfDay=1&EndDate=2026-08-01"
REGIONS = f"{API}/DescribeRegions?BelongSite=1"


def source(url: str) -> Source:
    return Source(id="tencent", platform="tencent", url=url, timezone="Asia/Shanghai")


def capture(body: Any, url: str, fetched_at: datetime = datetime(2026, 8, 1, tzinfo=UTC)) -> Capture:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Capture(source="tencent", url=url, fetched_at=fetched_at, status=200, headers={}, body=raw)


def captured(shared: Path, name: str, url: str = "https://tchd.tencentcloudapi.com/") -> Page:
    return read(capture((shared / "captures" / "tencent" / name).read_bytes(), url), source(url))


def regions(**events_in: bool) -> Any:
    listed = [{"RegionId": f"ap-{name}", "RegionName": name, "EventsIn": has} for name, has in events_in.items()]
    return {"Response": {"Data": {"AreaDetailList": [{"RegionList": listed}]}}}


def test_a_quiet_region(shared: Path) -> None:
    page = captured(shared, "tencent_DescribeProductEventForRegionInPeriod_non-regional.json", PRODUCTS)
    assert not page.signals
    assert not page.incidents
    assert len(page.components) == 5
    assert {state.severity for state in page.components} == {Severity.OPERATIONAL}
    assert {state.component.group for state in page.components} == {"non-regional"}


def test_the_openapi_examples(shared: Path) -> None:
    assert captured(shared, "tencent_openapi_tchd_DescribeEventStatistics_example.json") == Page()
    page = captured(shared, "tencent_openapi_tchd_DescribeEvents_example.json")
    assert not page.signals
    (incident,) = page.incidents
    assert incident.state is State.RESOLVED
    assert (incident.started_at, incident.ended_at) == (
        datetime(2024, 7, 30, 2, 41, tzinfo=UTC),
        datetime(2024, 7, 30, 3, 23, tzinfo=UTC),
    )
    assert [(impact.service_key, impact.region_key) for impact in incident.impacts] == [("tse", "ap-beijing")]


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9, 0.99])
def test_an_answer_that_is_cut_off_is_refused(shared: Path, part: float) -> None:
    for path in sorted((shared / "captures" / "tencent").glob("*.json")):
        body = path.read_bytes().rstrip()
        with pytest.raises(Unreadable):
            read(capture(body[: int(len(body) * part)], PRODUCTS), source(PRODUCTS))


def test_regions_with_events_are_asked_for_and_what_has_no_region() -> None:
    evening_before = datetime(2026, 7, 31, 17, 5, tzinfo=UTC)  # already the first of August in Beijing
    answer = capture(regions(seoul=True, tokyo=False, guangzhou=True), REGIONS, evening_before)
    asked = [urlsplit(ask.url) for ask in follow(answer, source(REGIONS))]
    assert [parse_qs(url.query)["RegionId"] for url in asked] == [["ap-seoul"], ["ap-guangzhou"], ["non-regional"]]
    for url in asked:
        assert url.path == "/v1/api/status/DescribeProductEventForRegionInPeriod"
        query = parse_qs(url.query)
        assert (query["BelongSite"], query["NumOfDay"], query["EndDate"]) == (["1"], ["1"], ["2026-08-01"])


def test_a_region_is_kept_under_one_address_whatever_the_day() -> None:
    days = (datetime(2026, 7, 31, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC))
    names = {ask.address for day in days for ask in follow(capture(regions(seoul=True), REGIONS, day), source(REGIONS))}
    call = f"{API}/DescribeProductEventForRegionInPeriod?BelongSite=1&RegionId="
    assert names == {f"{call}ap-seoul&NumOfDay=1", f"{call}non-regional&NumOfDay=1"}


def test_without_a_site_none_is_asked_for() -> None:
    url = f"{API}/DescribeRegions"
    (asked,) = follow(capture(regions(seoul=False), url), source(url))
    assert "BelongSite" not in asked.url


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"Response": {"Error": {"Code": "Busy"}}}'])
def test_nothing_follows_from_an_answer_that_cannot_be_read(body: bytes) -> None:
    assert list(follow(capture(body, REGIONS), source(REGIONS))) == []
    with pytest.raises(Unreadable):
        regions_with_events(body)


def test_nothing_follows_from_other_answers(shared: Path) -> None:
    name = "tencent_DescribeProductEventForRegionInPeriod_non-regional.json"
    answer = capture((shared / "captures" / "tencent" / name).read_bytes(), PRODUCTS)
    assert list(follow(answer, source(PRODUCTS))) == []
