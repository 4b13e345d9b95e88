"""Alibaba's reader over real responses kept beside the project; its shapes are in tests/fixtures/alibaba."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.catalog import Source
from crawler.records import Capture, Kind, Page, State, Unreadable
from spiders.alibaba import read

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
