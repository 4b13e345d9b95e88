"""Alibaba's reader over real responses kept beside the project; its shapes are in tests/fixtures/alibaba."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from crawler.catalog import Source
from crawler.records import Capture, Kind, Page, State, Unreadable
from spiders.alibaba import addresses, follow, older, read, signature

STATUS = "https://status.alibabacloud.com/api/status/listHistoryEvent"
NOTICE = "https://help.aliyun.com/noticelist/articleid/24179443.html"


def page(body: bytes, url: str = STATUS) -> Page:
    source = Source(id="alibaba", platform="alibaba", url=url, timezone="Asia/Shanghai")
    fetched_at = datetime(2026, 8, 1, tzinfo=UTC)
    return read(Capture(source=source.id, url=url, fetched_at=fetched_at, status=200, headers={}, body=body), source)


def captured(shared: Path, name: str, url: str = STATUS) -> Page:
    return page((shared / "captures" / "alibaba" / name).read_bytes(), url)


def test_the_history_of_events(shared: Path) -> None:
    history = captured(shared, "alibaba_intl_listHistoryEvent.json")
    assert not history.signals
    assert history.reach is None
    assert [incident.key for incident in history.incidents] == ["35", "34", "33", "32"]
    for incident in history.incidents:
        assert incident.state is State.RESOLVED
        assert incident.kind is Kind.OUTAGE
        assert incident.severity is None
        assert incident.first_posted_at is None
        assert incident.title.startswith("[Incident")
    last = history.incidents[0]
    assert (last.started_at, last.ended_at) == (
        datetime(2026, 7, 28, 4, 55, tzinfo=UTC),
        datetime(2026, 7, 28, 9, 25, tzinfo=UTC),
    )


def test_the_openapi_example(shared: Path) -> None:
    answer = captured(shared, "alibaba_openapi_Status_ListEventInProgress_example.json")
    assert not answer.signals
    (incident,) = answer.incidents
    (impact,) = incident.impacts
    assert incident.key == "101"
    assert (impact.service_key, impact.region_key) == ("ecs", "cn-shanghai")
    assert impact.started_at == impact.ended_at == incident.started_at  # so in the example itself
    assert [update.posted_at for update in incident.updates] == [incident.started_at]


def test_an_announcement_is_split_into_its_messages(shared: Path) -> None:
    (incident,) = captured(shared, "aliyun_20180627_notice.zh.txt", NOTICE).incidents
    assert incident.key == "notice-24179443"
    assert incident.kind is Kind.OUTAGE
    assert [update.posted_at for update in incident.updates] == [
        None,
        datetime(2018, 6, 27, 8, 50, tzinfo=UTC),
        datetime(2018, 6, 27, 9, 30, tzinfo=UTC),
    ]
    assert all("北京时间2018年6月27日 1" not in update.text for update in incident.updates)


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9, 0.99])
def test_an_answer_that_is_cut_off_is_refused(shared: Path, part: float) -> None:
    for path in sorted((shared / "captures" / "alibaba").glob("*.json")):
        body = path.read_bytes().rstrip()
        with pytest.raises(Unreadable):
            page(body[: int(len(body) * part)])


# --- what is asked

IN_PROGRESS = "https://status.aliyun.com/api/status/listEventInProgress"
LIST = "https://help.aliyun.com/noticelist/9004748.html"
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def source_of(url: str, **more: Any) -> Source:
    return Source(id="alibaba", platform="alibaba", url=url, timezone="Asia/Shanghai", **more)


def answer(url: str, body: str) -> Capture:
    return Capture(source="alibaba", url=url, fetched_at=NOW, status=200, headers={}, body=body.encode())


def test_the_signature_is_the_one_that_the_vendor_documents() -> None:
    parameters = {
        "Timestamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    assert signature("GET", parameters, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_the_openapi_is_asked_where_a_key_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://status.aliyuncs.com/?Action=ListEventInProgress&Version=2020-01-17"
    needs = ("OUTAGES_TEST_KEY", "OUTAGES_TEST_SECRET")
    openapi = source_of(url, needs=needs, values={"region": ("cn-hangzhou", "cn-shanghai")})
    for name in needs:
        monkeypatch.delenv(name, raising=False)
    assert list(addresses(openapi, NOW)) == []
    monkeypatch.setenv("OUTAGES_TEST_KEY", "testid")
    assert list(addresses(openapi, NOW)) == []
    monkeypatch.setenv("OUTAGES_TEST_SECRET", "testsecret")
    (ask,) = addresses(openapi, NOW)
    assert (ask.url, ask.method, ask.address) == ("https://status.aliyuncs.com/", "POST", url)
    sent = dict(parse_qsl((ask.body or b"").decode()))
    signed = sent.pop("Signature")
    assert signature("POST", sent, "testsecret") == signed
    assert sent["RegionIds"] == '["cn-hangzhou","cn-shanghai"]'
    assert (sent["Action"], sent["Version"]) == ("ListEventInProgress", "2020-01-17")
    assert (sent["AccessKeyId"], sent["Timestamp"]) == ("testid", "2026-08-01T12:00:00Z")
    assert "testsecret" not in repr(ask)
    assert [ask] == list(addresses(openapi, NOW))
    (later,) = addresses(openapi, NOW + timedelta(seconds=1))
    assert dict(parse_qsl((later.body or b"").decode()))["SignatureNonce"] != sent["SignatureNonce"]


def test_products_are_asked_for_while_something_is_open() -> None:
    listed = source_of(IN_PROGRESS, values={"region": ("non-regional", "cn-hangzhou")})
    event = '{"id": 99, "title": "Example", "eventType": "ALARM", "startTime": 1785214500000, "endTime": null}'
    open_now = answer(IN_PROGRESS, f'{{"success": true, "code": 200, "data": [{event}]}}')
    assert [ask.url for ask in follow(open_now, listed)] == [
        "https://status.aliyun.com/api/status/listCurrentProductStatus?regionId=non-regional",
        "https://status.aliyun.com/api/status/listCurrentProductStatus?regionId=cn-hangzhou",
    ]
    assert not follow(answer(IN_PROGRESS, '{"success": true, "code": 200, "data": []}'), listed)
    assert not follow(answer(IN_PROGRESS, "<html>"), listed)
    assert not follow(answer(STATUS, f'{{"success": true, "code": 200, "data": [{event}]}}'), listed)


def test_articles_about_failures_are_asked_for() -> None:
    items = "".join(
        f'<li class="notice-li"><a href="/noticelist/articleid/{number}.html">{title}</a>'
        f'<span class="y-right">{day}</span></li>'
        for number, title, day in (
            (3, "【异常通告】示例产品异常", "2026-07-31"),
            (2, "示例升级通知", "2026-07-30"),
            (1, "示例机房故障", "2026-05-01"),
        )
    )
    page = answer(LIST, f"<html><ul>{items}</ul></html>")
    assert [ask.url for ask in follow(page, source_of(LIST))] == ["https://help.aliyun.com/noticelist/articleid/3.html"]
    assert [ask.url for ask in older(page, source_of(LIST))] == [
        "https://help.aliyun.com/noticelist/articleid/3.html",
        "https://help.aliyun.com/noticelist/articleid/1.html",
    ]


def test_windows_of_upgrades_with_their_regions(shared: Path) -> None:
    text = (shared / "captures" / "alibaba" / "aliyun_intl_notice_excerpts.txt").read_text()
    zones = {"UTC+08": "Asia/Shanghai"}
    found = []
    for excerpt in re.split(r"(?m)^=== ", text)[1:]:
        address, _, body = excerpt.partition("\n")
        url = address.split()[0]
        notice = read(answer(url, body.strip()), source_of(url, zones=zones))
        assert not notice.signals
        (incident,) = notice.incidents
        assert incident.kind is Kind.MAINTENANCE
        found.append((len(incident.impacts), incident.impacts[0].region_key, incident.impacts[0].region_text))
    assert found == [(37, "cn-qingdao", None), (2, None, "All Region"), (40, None, "张家口")]
