"""Volcengine's feeds: what one shows on the way is one outage under one key."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.catalog import Source
from crawler.records import Capture, Incident, State, Unreadable
from spiders import platform

URL = "https://status.volcengine.com/rss/zh/cn-beijing/ModelArk"
TITLE = "火山引擎示例平台(华北2（北京）)服务状态"


def capture(*items: tuple[str, str, str], title: str = TITLE, url: str = URL) -> Capture:
    entries = "".join(
        f"<item><title>{name}</title><link>https://status.volcengine.com/</link><description>{text}</description>"
        f"<pubDate>{at} +0800</pubDate></item>"
        for name, text, at in items
    )
    body = f'<rss version="2.0"><channel><title>{title}</title><link>https://status.volcengine.com/</link>{entries}</channel></rss>'
    now = datetime(2026, 3, 3, tzinfo=UTC)
    return Capture(source="x", url=url, fetched_at=now, status=200, headers={}, body=body.encode())


def incidents(*items: tuple[str, str, str]) -> tuple[Incident, ...]:
    page = platform("volcengine").read(capture(*items), Source(id="x", platform="volcengine", url=URL))
    assert not page.signals
    return page.incidents


BEGAN = "Mon, 02 Mar 2026 07:00:00"
ENDED = "Mon, 02 Mar 2026 07:40:00"
END = "监测显示「华北2（北京）」、「示例平台」已恢复。"


def test_an_outage_keeps_its_key_when_it_is_over() -> None:
    (open_now,) = incidents(("示例平台异常", "出现异常。", BEGAN))
    (over,) = incidents(("示例平台异常(已恢复)", END, ENDED), ("示例平台异常(已恢复)", "07:00至07:40异常。", BEGAN))
    assert open_now.key == over.key == "cn-beijing/ModelArk/2026-03-01T23:00:00Z"
    assert (open_now.state, over.state) == (None, State.RESOLVED)
    assert (open_now.ended_at, over.ended_at) == (None, datetime(2026, 3, 1, 23, 40, tzinfo=UTC))
    assert open_now.title == over.title == "示例平台异常"
    assert [update.posted_at for update in over.updates] == [None, datetime(2026, 3, 1, 23, 40, tzinfo=UTC)]


def test_what_began_again_after_an_end_is_another_outage() -> None:
    again = "Mon, 02 Mar 2026 08:00:00"
    found = incidents(
        ("示例平台异常", "出现异常。", again), ("示例平台异常", END, ENDED), ("示例平台异常", "异常。", BEGAN)
    )
    assert [(incident.state, len(incident.updates)) for incident in found] == [(None, 1), (State.RESOLVED, 2)]


def test_other_titles_are_other_outages() -> None:
    assert len(incidents(("示例平台异常", "异常。", BEGAN), ("示例平台延迟", "延迟。", BEGAN))) == 2


def test_the_page_is_named_by_product_and_region() -> None:
    assert platform("volcengine").about(capture()).name == TITLE
    with pytest.raises(Unreadable, match="there is no cn-nowhere"):
        platform("volcengine").read(
            capture(title="火山引擎示例平台()服务状态", url=URL.replace("cn-beijing", "cn-nowhere")),
            Source(id="x", platform="volcengine", url=URL),
        )
