"""Every real payload kept beside the project is read by the platform it belongs to, without a word that is not known.

`../shared/captures/<folder>/` holds what vendors really published. Each file there is read here, or stands in
`NOT_READ` with the reason; one that is neither fails, so that a new payload cannot lie there unread. What readers report
of a payload stands in `SIGNALS`.
"""

from __future__ import annotations

import base64
import json
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.catalog import Source
from crawler.records import Capture, Page, Unreadable, instant
from spiders import PLATFORMS, reader
from tests.conftest import SHARED

CAPTURES = SHARED / "captures"
FILES = sorted(path for path in CAPTURES.rglob("*") if path.is_file()) if CAPTURES.is_dir() else []

NOT_A_PAYLOAD = "no payload of a status page"
QUOTE = "prose that somebody quoted, without the page around it: told in data/incidents"
MADE_UP = "rebuilt or invented by others: no evidence of a format"

#: What is not read, a file or a whole folder, and why.
NOT_READ = {
    "INDEX.md": NOT_A_PAYLOAD,
    "lists": NOT_A_PAYLOAD,
    "regions": NOT_A_PAYLOAD,
    "made-up": MADE_UP,
    "huawei": NOT_A_PAYLOAD,
    "alibaba/aliyun_20221218_hk_statement_part.en.txt": QUOTE,
    "alibaba/aliyun_20221218_hk_statement_part.zh.txt": QUOTE,
    "alibaba/aliyun_20231112_final_report.zh.txt": QUOTE,
    "alibaba/aliyun_20231112_status_updates.zh.txt": QUOTE,
    "alibaba/aliyun_20231127_statement.en.txt": QUOTE,
    "alibaba/aliyun_20231127_statement.zh-hant-mirror.txt": QUOTE,
    "alibaba/aliyun_intl_notice_excerpts.txt": "three notices in one file: test_alibaba.py reads each",
    "alibaba/aliyun_products_from_openapi_meta.csv": NOT_A_PAYLOAD,
    "alibaba/aliyun_regions_from_openapi_meta.csv": NOT_A_PAYLOAD,
    "alibaba/aliyun_status_history_events.csv": "a table that somebody made of the page",
    "aws/legacy_services_2021.json": "the list of services of the old dashboard: it tells no events",
    "aws/service_codes_from_feed.json": NOT_A_PAYLOAD,
    "aws/window_cases.expected.json": NOT_A_PAYLOAD,
    "cstate/index.json.template": "the template of a payload",
    "cstate/index.xml.template": "the template of a payload",
    "gcp/products_from_incidents.json": NOT_A_PAYLOAD,
    "other/miro-issue.html": "a page of Miro's own, which no reader is for",
    "statusio/incident-doc-derived.json": MADE_UP,
    "statuspage/claude-official-seconds.csv": NOT_A_PAYLOAD,
    "statuspage/html-cloudflare.html": "a page for people: the API beside it tells the same and more",
    "statuspage/html-trello.html": "a page for people: the API beside it tells the same and more",
    "statuspage/manage-api-openapi3.json": "the description of the API for the page's owner",
    "tencent/tencent_20240408_postmortem.zh.txt": QUOTE,
    "tencent/tencent_20240408_unofficial_timeline.zh.txt": QUOTE,
    "tencent/tencent_regions_from_tccli.csv": NOT_A_PAYLOAD,
    "upptime/manticore-commit-log.tsv": "a log of commits: the files they changed are what is published",
    "upptime/manticore.upptimerc.yml": "the configuration of the monitor",
}  # fmt: skip

#: The platform of a folder, or of a file in it, that is not called like it.
PLATFORM_OF = {
    "deepseek": "flashduty",
    "git-authored": "datocms",
    "oci": "statuspage",
    "azure/azure_devops_status_page_before-2024-01.html": "azuredevops",
    "other/infomaniak-impacting-in-progress.json": "infomaniak",
}
#: The address of a file, where its reader goes by that.
ADDRESSES = {
    "alibaba/aliyun_20180627_notice.zh.txt": "https://help.aliyun.com/noticelist/articleid/24179443.html",
    "tencent/tencent_DescribeProductEventForRegionInPeriod_non-regional.json": (
        "https://status.cloud.tencent.com/v1/api/status/DescribeProductEventForRegionInPeriod?RegionId=non-regional"
    ),
    "volcengine/volcengine_rss_zh_cn-beijing_ModelArk.rss": "https://status.volcengine.com/rss/zh/cn-beijing/ModelArk",
    "volcengine/volcengine_rss_zh_cn-shanghai_ModelArk.rss": "https://status.volcengine.com/rss/zh/cn-shanghai/ModelArk",
}
#: Files with a line for each version of an incident, which is published in an array.
ITEMS = {"gcp/incidents_union_legacyschema.jsonl"}
#: What readers report of a payload: kind and place.
SIGNALS = {
    # A row has fifteen cells below fourteen regions, in the page itself.
    "azure/status_page_before-2024-01.html": {("bad-value", "region-status-table.row")},
}
#: What shows that nothing is wrong by showing nothing.
QUIET = {
    "azure/feed_2026-08-01_empty.xml",
    "oci/status_2022-03-15.json",
    "slack/slack-current.json",
    "statuspage/all-operational.json",
    "tencent/tencent_openapi_tchd_DescribeEventStatistics_example.json",
    "volcengine/volcengine_rss_zh_cn-shanghai_ModelArk.rss",
}


def named(path: Path) -> str:
    return path.relative_to(CAPTURES).as_posix()


def why_not(name: str) -> str | None:
    return NOT_READ.get(name) or NOT_READ.get(name.partition("/")[0])


def platform_of(name: str) -> str:
    folder = name.partition("/")[0]
    return PLATFORM_OF.get(name) or PLATFORM_OF.get(folder) or folder


def captures_in(path: Path) -> Iterator[Capture]:
    """The captures of a file: lines of captures, lines of bodies, or one body as it came."""
    name = named(path)
    url = ADDRESSES.get(name, "https://status.example.com/")
    raw = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    if name in ITEMS:
        yield capture({"url": url, "body": json.dumps([json.loads(line)["incident"] for line in raw.splitlines()])})
        return
    if not path.name.removesuffix(".xz").endswith((".jsonl", ".capture.json")):
        yield capture({"url": url, "body_base64": base64.b64encode(raw).decode()})
        return
    for line in raw.splitlines():
        document: dict[str, Any] = json.loads(line)
        yield capture(document if {"url", "fetched_at"} <= document.keys() else {"url": url, "body": line.decode()})


def capture(line: dict[str, Any]) -> Capture:
    """A line of captures; looked at late in 2026, where it does not say when."""
    fetched_at = instant(line["fetched_at"]) if "fetched_at" in line else datetime(2026, 11, 1, tzinfo=UTC)
    body = base64.b64decode(line["body_base64"]) if "body_base64" in line else line["body"].encode()
    return Capture(
        source="captured",
        url=line["url"],
        fetched_at=fetched_at,
        status=200,
        headers=line.get("headers", {}),
        body=body,
    )


def source(platform: str, url: str) -> Source:
    zones = {"PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "MST": "America/Phoenix"}
    timezone = {"aws": "America/Los_Angeles", "alibaba": "Asia/Shanghai", "tencent": "Asia/Shanghai"}
    return Source(
        id="captured",
        platform=platform,
        url=url,
        timezone=timezone.get(platform, "UTC"),
        zones=zones,
        vendor="captured",
    )


@pytest.mark.parametrize("path", [path for path in FILES if why_not(named(path)) is None], ids=named)
def test_a_real_payload_is_read(path: Path) -> None:
    name = named(path)
    platform = platform_of(name)
    listed = "read it by a platform (PLATFORM_OF), or list it in NOT_READ with the reason"
    if platform not in PLATFORMS:
        pytest.fail(f"captures/{name}: there is no platform {platform!r}; {listed}")
    pages: list[Page] = []
    for each in captures_in(path):
        try:
            pages.append(reader(platform)(each, source(platform, each.url)))
        except Unreadable as error:
            pytest.fail(f"captures/{name}: not read by {platform}: {error}; {listed}")
    found = {(signal.kind, signal.where) for page in pages for signal in page.signals}
    assert found == SIGNALS.get(name, set()), f"captures/{name}: {[s for page in pages for s in page.signals][:9]}"
    shows = sum(len(page.incidents) + len(page.components) for page in pages)
    assert (shows == 0) == (name in QUIET), f"captures/{name} shows {shows} incidents and components"


def test_what_is_listed_is_there(shared: Path) -> None:
    names = {named(path) for path in FILES}
    folders = {name.partition("/")[0] for name in names}
    listed = {*NOT_READ, *PLATFORM_OF, *ADDRESSES, *SIGNALS, *QUIET}
    assert listed <= names | folders, f"not in {shared / 'captures'}: {sorted(listed - names - folders)}"
