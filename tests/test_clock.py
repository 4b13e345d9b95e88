"""Times in words: cases by form, then windows rendered in every form read back, then hostile text."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from crawler.clock import Context, Window, Zones, read, windows
from crawler.reading.markup import plain

PACIFIC = {"PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PT": "America/Los_Angeles"}
US = Zones("America/Los_Angeles", {**PACIFIC, "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "EDT": "America/New_York"})
WORLD = Zones("UTC", {**PACIFIC, "EDT": "America/New_York", "CST": "America/Chicago"})
CHINA = Zones("Asia/Shanghai", {"CST": "Asia/Shanghai", "Beijing time": "Asia/Shanghai"})

#: When the messages below were posted: 10:00 in Los Angeles, 18:00 in London, 02:00 of the 16th in Shanghai.
POST = datetime(2023, 11, 15, 18, 0, tzinfo=UTC)


def told(text: str, zones: Zones, posted: datetime | None = POST, began: datetime | None = None) -> list[str]:
    """The windows as short text, "11-15 10:00 > 11-15 12:00 PST"."""

    def short(at: datetime | None) -> str:
        return at.strftime("%m-%d %H:%M") if at else "?"

    found = windows(text, posted, zones, began=began)
    for window in found:
        assert text[window.span[0] : window.span[1]] == window.quote
    return [
        f"{short(w.started_at)} > {short(w.ended_at)} {w.timezone_text}" + (f" !{w.suspect}" if w.suspect else "")
        for w in found
    ]


RANGES = [
    # one date, two, none; 12 hours and 24
    ("Between 5:26 AM and 9:40 AM PST we saw errors.", US, ["11-15 13:26 > 11-15 17:40 PST"]),
    ("Between 05:26 and 09:40 PST we saw errors.", US, ["11-15 13:26 > 11-15 17:40 PST"]),
    ("Errors rose from 5:26am PST to 9:40am PST.", US, ["11-15 13:26 > 11-15 17:40 PST"]),
    ("From 5:26 - 9:40 AM PST, calls failed.", US, ["11-15 13:26 > 11-15 17:40 PST"]),
    ("From 08:00 until 09:30 UTC logins failed.", WORLD, ["11-15 08:00 > 11-15 09:30 UTC"]),
    ("From 0800 UTC until 0930 UTC logins failed.", WORLD, ["11-15 08:00 > 11-15 09:30 UTC"]),
    ("On 12 Nov 2023 between 08:00 and 09:30 UTC logins failed.", WORLD, ["11-12 08:00 > 11-12 09:30 UTC"]),
    ("Between 08:00 and 09:30 UTC on 12 Nov 2023, logins failed.", WORLD, ["11-12 08:00 > 11-12 09:30 UTC"]),
    ("Between 08:00 UTC and 09:30 UTC on November 12th, logins failed.", WORLD, ["11-12 08:00 > 11-12 09:30 UTC"]),
    ("Between 21:15 UTC on 11 November and 02:05 UTC on 12 November 2023", WORLD, ["11-11 21:15 > 11-12 02:05 UTC"]),
    ("Between November 11 9:15 PM and November 12 2:05 AM PST", US, ["11-12 05:15 > 11-12 10:05 PST"]),
    ("Between November 11, 2023 at 9:15 PM PST and November 12, 2023 at 2:05 AM PST", US, ["11-12 05:15 > 11-12 10:05 PST"]),
    ("Between 9:15 PM 11/11/2023 PST and 2:05 AM 11/12/2023 PST", US, ["11-12 05:15 > 11-12 10:05 PST"]),
    ("Between 9:15 PM and 2:05 AM PST calls failed.", US, ["11-15 05:15 > 11-15 10:05 PST"]),
    ("On November 11, 2023, between 22:30 UTC and 00:10 UTC, it failed.", WORLD, ["11-11 22:30 > 11-12 00:10 UTC"]),
    ("Between 11:40 PM and 12:05 AM PST calls failed.", US, ["11-15 07:40 > 11-15 08:05 PST"]),
    ("from Tuesday, 2023-11-14 09:34 US/Pacific to Tuesday, 11/14/2023 10:53 US/Pacific", US, ["11-14 17:34 > 11-14 18:53 PST"]),
    ("On Monday, 13 November 2023 from 07:30 to 10:42 US/Pacific, reads failed.", US, ["11-13 15:30 > 11-13 18:42 PST"]),
    ("Between Nov 12th 3:40AM UTC and Nov 13th 5:40PM UTC it was degraded.", WORLD, ["11-12 03:40 > 11-13 17:40 UTC"]),
    ("2023-11-12T10:00:00Z to 2023-11-12T11:30:00Z", WORLD, ["11-12 10:00 > 11-12 11:30 Z"]),
    ("2023-11-12T10:00+02:00 to 2023-11-12T11:30+02:00", WORLD, ["11-12 08:00 > 11-12 09:30 +02:00"]),
    ("Sun, 12 Nov 2023 02:00:00 +0000 - Sun, 12 Nov 2023 03:00:00 +0000", WORLD, ["11-12 02:00 > 11-12 03:00 +0000"]),
    ("2023-11-12 22:30:00 - 2023-11-13 05:00:00 (UTC+08) [north-1]", CHINA, ["11-12 14:30 > 11-12 21:00 UTC+08"]),
    ("12 Nov 2023, 10:00 GMT+08:00 until 12 Nov 2023, 11:00 GMT+08:00", WORLD, ["11-12 02:00 > 11-12 03:00 GMT+08:00"]),
    ("Beijing Time 22:30 on November 12, 2023 - Beijing Time 05:00 on November 13, 2023", CHINA, ["11-12 14:30 > 11-12 21:00 Beijing Time"]),
    ("Starting at 22:45 UTC on 12 November and ending on 13 November 00:48 UTC it failed.", WORLD, ["11-12 22:45 > 11-13 00:48 UTC"]),
    ("Beginning at 17:30 UTC on November 11th and lasting until 20:30 UTC on November 13th", WORLD, ["11-11 17:30 > 11-13 20:30 UTC"]),
    ("On Nov 12 starting at 08:00 UTC through 09:00 UTC it failed.", WORLD, ["11-12 08:00 > 11-12 09:00 UTC"]),
    # several in one text
    ("Between 5:10 AM and 5:40 AM, and between 7:15 AM and 7:20 AM PST, it failed.", US, ["11-15 13:10 > 11-15 13:40 PST", "11-15 15:15 > 11-15 15:20 PST"]),
    ("Between 02:20 UTC to 03:30 UTC and 04:07 UTC to 04:52 UTC on 12 Nov 2023", WORLD, ["11-12 02:20 > 11-12 03:30 UTC", "11-12 04:07 > 11-12 04:52 UTC"]),
    ("Between 5:00 to 5:30 AM PST, 5:55 and 6:10 AM PST and 6:25 to 6:35 AM PST", US, ["11-15 13:00 > 11-15 13:30 PST", "11-15 13:55 > 11-15 14:10 PST", "11-15 14:25 > 11-15 14:35 PST"]),
    # what one end lacks
    ("Between 5:37 AM and 3:48 PST, builds failed.", US, ["11-14 13:37 > 11-14 23:48 PST"]),
    ("Between 12:20 PM PST to 13:40 P.M. PST it failed.", US, ["11-14 20:20 > 11-14 21:40 PST"]),
    ("Between 5:26 AM and 9:40 AM we saw errors.", US, ["11-15 13:26 > 11-15 17:40 None"]),
    # zones
    ("Between 5:26 and 9:40 AM Pacific Time it failed.", US, ["11-15 13:26 > 11-15 17:40 PST"]),
    ("Between 5:26 and 9:40 AM PT it failed.", US, ["11-15 13:26 > 11-15 17:40 PST"]),
    ("Between 5:26 AM PST (13:26 UTC) and 9:40 AM PST (17:40 UTC) it failed.", US, ["11-15 13:26 > 11-15 17:40 PST"]),
    ("From 13:26 UTC to 11:40 EDT it failed.", WORLD, ["11-15 13:26 > 11-15 16:40 EDT"]),
    ("Between 10:00 and 11:00 CST it failed.", WORLD, ["11-15 16:00 > 11-15 17:00 CST"]),
    ("Between 10:00 and 11:00 CST it failed.", CHINA, ["11-15 02:00 > 11-15 03:00 CST"]),
    # other languages
    ("北京时间2023年11月12日 22:10至22:20，接口报错", CHINA, ["11-12 14:10 > 11-12 14:20 北京时间"]),
    ("北京时间2023年11月12日 22:39-23:05", CHINA, ["11-12 14:39 > 11-12 15:05 北京时间"]),
    ("时间：2023 年 11 月 12 日 17：44 － 19：20", CHINA, ["11-12 09:44 > 11-12 11:20 None"]),
    ("11月12日17时44分至次日凌晨0点30分不可用", CHINA, ["11-12 09:44 > 11-12 16:30 None"]),
    ("11月12日下午5点39分到晚上7点半不可用", CHINA, ["11-12 09:39 > 11-12 11:30 None"]),
    ("日本時間 2023年11月12日 12:36 から 22:05 にかけて", US, ["11-12 03:36 > 11-12 13:05 日本時間"]),
    ("日本時間 11/12 午前 4:25 から 6:55 にかけて", US, ["11-11 19:25 > 11-11 21:55 日本時間"]),
    ("11/12 19:03から21:42(JST)にかけて", US, ["11-12 10:03 > 11-12 12:42 JST"]),
    ("2023년 11월 12 일 오전 4:59에서 오전 11:25 (대한민국 시간 기준) 사이에", US, ["11-11 19:59 > 11-12 02:25 대한민국 시간 기준"]),
    ("EC2에 3:46 AM 부터 5:08 AM PST 까지 지연이 있었습니다.", US, ["11-15 11:46 > 11-15 13:08 PST"]),
    ("태평양시간 오전1:30 (한국시간 오후 6:30) 에서 오전7:10 (한국시간 오전 12:10) 사이에", US, ["11-15 09:30 > 11-15 15:10 태평양시간"]),
    ("11月12日(日) 19:03から21:42(JST)にかけて", US, ["11-12 10:03 > 11-12 12:42 JST"]),
    ("12日 10:00至11:30不可用", CHINA, ["11-12 02:00 > 11-12 03:30 None"]),
    ("11月12日中午12点10分到晚上12点整不可用", CHINA, ["11-12 04:10 > 11-12 16:00 None"]),
    ("From 08:00Z to 09:30Z logins failed.", WORLD, ["11-15 08:00 > 11-15 09:30 Z"]),
    ("From 08:00UTC to 09:30UTC logins failed.", WORLD, ["11-15 08:00 > 11-15 09:30 UTC"]),
    # one window told in two languages, one told twice
    ("日本時間 11月15日 18:00 から 19:00 の間 失敗 | Between 1:00 AM and 2:00 AM PST it failed.", US, ["11-15 09:00 > 11-15 10:00 PST"]),
    ("Between 1 AM and 2 AM PST reads failed. Between 1 AM and 2 AM PST writes failed.", US, ["11-15 09:00 > 11-15 10:00 PST"]),
]  # fmt: skip

STARTS_AND_ENDS = [
    ("We have an issue beginning at Tuesday, 2023-11-14 19:56 US/Pacific.", US, ["11-15 03:56 > ? PST"]),
    ("Starting at 3:10 PM PST we saw errors.", US, ["11-14 23:10 > ? PST"]),
    ("Since 05:10 UTC some users are affected.", WORLD, ["11-15 05:10 > ? UTC"]),
    ("There are errors in two regions as of 05:10 UTC, users are affected.", WORLD, []),
    ("We are experiencing errors as of Tuesday, 2023-11-14 16:53 US/Pacific.", US, ["11-15 00:53 > ? PST"]),
    ("At 5:18 AM PST, we began experiencing errors.", US, ["11-15 13:18 > ? PST"]),
    ("17:44起，控制台访问异常", CHINA, ["11-15 09:44 > ? None"]),
    ("17时44分起，控制台访问异常", CHINA, ["11-15 09:44 > ? None"]),
    ("北京时间 2023 年 11 月 12 日 17:39 起，出现异常", CHINA, ["11-12 09:39 > ? 北京时间"]),
    ("11 月 14 日 08:56，机房发生故障", CHINA, ["11-14 00:56 > ? None"]),
    ("9/13 23:39 (JST) から、問題が発生しています。", US, ["09-13 14:39 > ? JST !63 days from its post"]),
    ("resolved for all users as of Tuesday, 2023-11-14 21:27 US/Pacific.", US, ["? > 11-15 05:27 PST"]),
    ("At 5:33 AM PST, the issue was resolved.", US, ["? > 11-15 13:33 PST"]),
    ("Service was restored at 09:58.", WORLD, ["? > 11-15 09:58 None"]),
    ("No further errors were seen since 05:45 UTC.", WORLD, ["? > 11-15 05:45 UTC"]),
    ("We have not seen errors since 05:45 UTC.", WORLD, ["? > 11-15 05:45 UTC"]),
    ("From 9:26 AM PST, launches are no longer seeing errors.", US, ["? > 11-15 17:26 PST"]),
    ("16:21左右，服务恢复正常", CHINA, ["? > 11-15 08:21 None"]),
    ("18:54，杭州、北京控制台已恢复", CHINA, ["? > 11-15 10:54 None"]),
    ("次日凌晨0点30分，全部服务已恢复", CHINA, ["? > 11-15 16:30 None"]),
    ("Starting at 5:14 AM SMS messages were late.", US, ["11-15 13:14 > ? None"]),
    # trouble with something whose name sounds like work, or a promise that is none
    ("We are experiencing an issue with Cloud Deployment Manager, beginning at 07:10 US/Pacific.", US, ["11-15 15:10 > ? PST"]),
    ("We are investigating an issue with the console beginning at 07:10 US/Pacific.", US, ["11-15 15:10 > ? PST"]),
    ("Customers will experience delays beginning at 07:10 US/Pacific.", US, ["11-15 15:10 > ? PST"]),
    ("We have a report of an issue with storage as of 07:10 US/Pacific.", US, ["11-15 15:10 > ? PST"]),
    ("As of 05:10 UTC, users may see errors.", WORLD, ["11-15 05:10 > ? UTC"]),
    ("At 4:33 AM PST one of our sites saw a failure of its power.", US, ["11-15 12:33 > ? PST"]),
    ("At 06:10 UTC a change was put in. This caused errors.", WORLD, ["11-15 06:10 > ? UTC"]),
    # what is well since then, or by a remedy
    ("New launches have been succeeding since 1:30 AM PST.", US, ["? > 11-15 09:30 PST"]),
    ("Update: As of 07:10 US/Pacific all services have been fully restored.", US, ["? > 11-15 15:10 PST"]),
    ("The issue is believed to be resolved for all as of 07:10 US/Pacific.", US, ["? > 11-15 15:10 PST"]),
    ("The issue with functions deployed lately has been resolved as of 07:10 US/Pacific.", US, ["? > 11-15 15:10 PST"]),
    ("More capacity returned everything to normal by 16:07 UTC.", WORLD, ["? > 11-15 16:07 UTC"]),
    ("A change was put in by 14:30 UTC, which mitigated the impact.", WORLD, ["? > 11-15 14:30 UTC"]),
    ("We drained the site at 14:30 UTC, promptly restoring normal traffic.", WORLD, ["? > 11-15 14:30 UTC"]),
    ("At 14:30 UTC we moved on and rerouted traffic to resolve the incident.", WORLD, ["? > 11-15 14:30 UTC"]),
    ("It began at 9:10 UTC. Recovery for reads occurred at 9:30 UTC, and recovery for writes occurred at 11:40 UTC.", WORLD, ["11-15 09:10 > 11-15 11:40 UTC"]),
    ("It was well again until 13:00 UTC when it failed. At 14:00 UTC, the issue was resolved.", WORLD, ["11-15 13:00 > 11-15 14:00 UTC"]),
    # a start and an end in one text are one window
    ("It began at 06:00 UTC and was resolved at 08:40 UTC.", WORLD, ["11-15 06:00 > 11-15 08:40 UTC"]),
    ("Starting at 5:03 AM PST, it failed. By 7:50 AM PST, latency had returned to normal levels.", US, ["11-15 13:03 > 11-15 15:50 PST"]),
    ("Starting at 5:18 AM PST it failed. At 6:26 AM PST, the network was restored. At 6:33 AM PST, errors had also returned to normal levels.", US, ["11-15 13:18 > 11-15 14:33 PST"]),
    ("Starting at 5:18 AM PST it failed. It was fully recovered at 6:48 AM PST. The backlog was processed by 7:14 AM PST.", US, ["11-15 13:18 > 11-15 14:48 PST"]),
    ("Starting at 5:18 AM PST it failed. By 6:48 AM PST, the majority of hosts had recovered.", US, ["11-15 13:18 > ? PST"]),
    ("Starting at 5:18 AM PST it failed. By 6:48 AM PST, power was restored to most hosts.", US, ["11-15 13:18 > ? PST"]),
    ("自 10:30 起服务不可用，于 11:20 恢复", CHINA, ["11-15 02:30 > 11-15 03:20 None"]),
    ("Incident Start: 12 November 2023 04:30\nIncident End: 12 November 2023 04:38", US, ["11-12 12:30 > 11-12 12:38 None"]),
    ("Incident Start: 12 Nov 2023 04:30\nIncident End: 12 Nov 2023 04:38\nIncident Start: 12 Nov 2023 04:48\nIncident End: 12 Nov 2023 04:58", US, ["11-12 12:30 > 11-12 12:38 None", "11-12 12:48 > 11-12 12:58 None"]),
    # what was done at a time, and what came of it some sentences later; what was put back to how it was before
    ("At 06:10 UTC, a new key was put in. It had the wrong owner, and no worker could read it. As a result, some users saw errors.", WORLD, ["11-15 06:10 > ? UTC"]),
    ("On 15 Nov at 06:10 UTC we moved a table. The index was left behind. Consequently, requests failed until it was built.", WORLD, ["11-15 06:10 > ? UTC"]),
    ("At 06:10 UTC, we were alerted to a full disk. It had been filling for days. As a result, users saw errors.", WORLD, []),
    ("At 06:10 UTC, a new key was put in. At 06:40 UTC it was read. As a result, users saw errors.", WORLD, []),
    ("Boards were put back to their state prior to the incident (15 Nov 07:20 UTC).", WORLD, ["11-15 07:20 > ? UTC"]),
    ("The lists are again in the condition before this outage (at 07:20 UTC).", WORLD, ["11-15 07:20 > ? UTC"]),
    ("We wrote to them before the outage (07:20 UTC).", WORLD, []),
    # the end of another incident; what was done to end it; recovery that is seen is no end
    ("Between 08:00 and 09:00 UTC logins failed. We reverted the change to resolve the second incident at 11:30 UTC.", WORLD, ["11-15 08:00 > 11-15 09:00 UTC", "? > 11-15 11:30 UTC"]),
    ("It began at 08:00 UTC and was resolved at 09:00 UTC. The third outage was fixed at 11:30 UTC.", WORLD, ["11-15 08:00 > 11-15 09:00 UTC", "? > 11-15 11:30 UTC"]),
    ("We restarted the brokers to mitigate the impact at 11:30 UTC.", WORLD, ["? > 11-15 11:30 UTC"]),
    ("It began at 08:00 UTC. We fixed this and have seen signs of recovery since 09:15 UTC.", WORLD, ["11-15 08:00 > ? UTC"]),
    ("The cause was repaired and we see improvements since 09:15 UTC.", WORLD, []),
    # ranges within what a start and an end span
    ("At 08:00 UTC pages began to fail. Reads failed from 08:00 to 08:20 UTC. All services were restored at 09:10 UTC.", WORLD, ["11-15 08:00 > 11-15 09:10 UTC", "11-15 08:00 > 11-15 08:20 UTC"]),
    ("Starting at 08:00 UTC it failed.\n- Search: from 08:30 to 08:50 UTC.\n- Mail: between 08:40 and 09:20 UTC.\nThe issue was resolved at 10:00 UTC.", WORLD, ["11-15 08:00 > 11-15 10:00 UTC", "11-15 08:30 > 11-15 08:50 UTC", "11-15 08:40 > 11-15 09:20 UTC"]),
    ("Starting at 05:00 UTC it failed. From 05:00 to 06:00 UTC reads failed. From 09:00 to 11:00 UTC writes failed. By 10:00 UTC lists were restored.", WORLD, ["11-15 05:00 > 11-15 06:00 UTC", "11-15 09:00 > 11-15 11:00 UTC"]),
    ("Incident Start: 15 Nov 2023 04:30\nIncident End: 15 Nov 2023 06:38\nReads failed from 04:30 to 05:10.", US, ["11-15 12:30 > 11-15 14:38 None", "11-15 12:30 > 11-15 13:10 None"]),
    # an estimate of what was; a repair of what was lost then
    ("We estimate that one in ten calls failed between 08:00 and 09:00 UTC.", WORLD, ["11-15 08:00 > 11-15 09:00 UTC"]),
    ("We estimate that the work will be done between 20:00 and 21:00 UTC.", WORLD, []),
    ("We are replaying events from 08:00 to 08:40 UTC. Some mails were not sent during that window.", WORLD, ["11-15 08:00 > 11-15 08:40 UTC"]),
    ("The hosts were restored between 08:00 and 08:40 UTC. A few jobs failed in this period.", WORLD, ["11-15 08:00 > 11-15 08:40 UTC"]),
    ("We are replaying events from 08:00 to 08:40 UTC. No data was lost during that window.", WORLD, []),
    # the blank after the zone may be missing
    ("Beginning at Tuesday, 2023-11-14 21:00 US/PacificWe are seeing an issue.", US, ["11-15 05:00 > ? PST"]),
    ("From 10:00 to 11:00 America/New_YorkReads failed.", US, ["11-15 15:00 > 11-15 16:00 EST"]),
    # how long it lasted
    ("Starting at 5:10 AM PST calls failed for approximately 3 hours.", US, ["11-15 13:10 > 11-15 16:10 PST"]),
    ("On Sunday, 12 November 2023 07:30 US/Pacific, an issue resulted in failures for a period of 3 hours, 12 minutes.", US, ["11-12 15:30 > 11-12 18:42 PST"]),
    ("Traffic was lost for 8 minutes starting 04:30 US/Pacific.", US, ["11-15 12:30 > 11-15 12:38 PST"]),
    ("Starting at 5:10 AM PST calls were delayed for up to 30 minutes.", US, ["11-15 13:10 > ? PST"]),
    ("Starting at 5:10 AM PST regions failed in turn, lasting 12 minutes per region.", US, ["11-15 13:10 > ? PST"]),
]  # fmt: skip

NOTHING = [
    "We will provide an update by 22:00 PST.",
    "We will provide more information by Tuesday, 2023-11-14 23:00 US/Pacific.",
    "The mitigation is expected to complete by 15:30 PST.",
    "We expect to drain the backlog over the next 1 hour.",
    "We expect to finish by 1:30am PST on November 16.",
    "At 03:40 UTC engineers deployed a fix.",
    "Recovery began at 7:31 AM PST.",
    "Error rates are returning to normal since 7:31 AM PST, starting 8:00 AM PST.",
    "Hosts recovered between 14:10 and 14:40 UTC.",
    "The backlog was processed between 14:10 and 14:40 UTC.",
    "Between 14:10 and 14:40 UTC we were able to reroute traffic.",
    "At 03:40 UTC, our monitoring flagged an increase in errors.",
    "At 6:58 AM PST we said the issue was resolved but errors persist.",
    "We are seeing recovery of this issue since 8:41 AM PST.",
    "We are backfilling updates from 13:30 to 13:55 UTC.",
    "We restore the data updated since 05:57 UTC.",
    "full mitigation is expected by 20:00 UTC",
    "08:41 UTC - power was lost",
    "预计 23:00 前恢复",
    "于 18:35 开始陆续恢复",
    "19:20，绝大部分地域服务已恢复",
    "The ratio was 3:1, port 10.0.0.1:80, at 24/7 support, 3点改进",
    "arn:aws:health:us-east-1::event/EC2/X_12:30",
    "",
]


@pytest.mark.parametrize(("text", "zones", "expected"), RANGES + STARTS_AND_ENDS)
def test_what_a_text_states(text: str, zones: Zones, expected: list[str]) -> None:
    posted = POST + timedelta(hours=6) if zones is CHINA else POST
    assert told(text, zones, posted) == expected


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_window(text: str) -> None:
    assert told(text, CHINA if not text.isascii() else US) == []


SUSPECTS = [
    ("Between 08:00 UTC on 20 July 2023 and 09:00 UTC on 20 July 2023", "118 days from its post"),
    ("Between 08:00 UTC on 12 November 2023 and 09:00 UTC on 11 November 2023", "ends before it starts"),
    ("Between 08:00 UTC on 1 October 2023 and 09:00 UTC on 10 November 2023", "lasts 40 days"),
    ("Between 08:00 UTC on 1 November 2023 and 08:00 UTC on 1 November 2023", "has no length"),
    ("On 2023-11-05 between 01:15 and 01:45 US/Pacific", "ambiguous local time"),
    ("Between 08:00 and 09:00 UTC on 31 November 2023", "no such date: 2023-11-31"),
    ("Between 08:00 and 09:00 IST", "unknown zone IST"),
    ("Between 08:00 WIB and 09:00 WIB", "unknown zone WIB"),
]


@pytest.mark.parametrize(("text", "reason"), SUSPECTS)
def test_impossible_times_are_marked(text: str, reason: str) -> None:
    (window,) = windows(text, POST, WORLD)
    assert window.suspect == reason


def test_an_hour_that_does_not_exist_is_marked() -> None:
    (window,) = windows("From 02:30 to 03:45 US/Pacific it failed.", datetime(2023, 3, 12, 19, tzinfo=UTC), US)
    assert window.suspect == "local time does not exist"


def test_the_label_tells_the_two_passes_of_an_hour_apart() -> None:
    text = "Between 1:15 AM {0} and 1:45 AM {0} on November 5, 2023 it failed."
    assert told(text.format("PDT"), US) == ["11-05 08:15 > 11-05 08:45 PDT"]
    assert told(text.format("PST"), US) == ["11-05 09:15 > 11-05 09:45 PST"]


def test_pst_in_july_is_the_wall_clock() -> None:
    july = datetime(2023, 7, 1, 20, tzinfo=UTC)
    assert told("Between 5:26 AM and 9:40 AM PST it failed.", US, july) == ["07-01 12:26 > 07-01 16:40 PST"]


def test_unknown_zones_are_reported_and_words_are_not() -> None:
    reading = read("Starting at 10:00 BST it failed. At 11:00 AWS was told.", POST, WORLD)
    assert reading.unknown_zones == ["BST"]
    assert [w.suspect for w in reading.windows] == ["unknown zone BST"]


def test_the_zone_of_a_source_must_exist() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        Zones("Mars/Olympus", {})


def test_a_year_that_is_missing_is_the_nearest() -> None:
    january = datetime(2024, 1, 2, 12, tzinfo=UTC)
    (window,) = windows("Between Dec 31 23:10 UTC and Jan 1 00:20 UTC", january, WORLD)
    assert window.started_at == datetime(2023, 12, 31, 23, 10, tzinfo=UTC)
    assert window.ended_at == datetime(2024, 1, 1, 0, 20, tzinfo=UTC)


def test_a_leap_day_finds_its_year() -> None:
    (window,) = windows("Between 10:00 and 11:00 UTC on 29 February", datetime(2024, 3, 2, tzinfo=UTC), WORLD)
    assert window.started_at == datetime(2024, 2, 29, 10, tzinfo=UTC)


@pytest.mark.parametrize(("posted", "month"), [(date(2023, 3, 5), 3), (date(2023, 4, 4), 4)])
def test_a_date_that_reads_two_ways_is_the_one_near_its_post(posted: date, month: int) -> None:
    post = datetime(posted.year, posted.month, posted.day, 20, tzinfo=UTC)
    (window,) = windows("Between 10:00 and 11:00 UTC on 03/04/2023", post, WORLD)
    assert window.started_at is not None
    assert window.started_at.month == month


def test_without_a_post_only_whole_dates_are_placed() -> None:
    assert told("Between 10:00 and 11:00 UTC on 12 Nov 2023", WORLD, None) == ["11-12 10:00 > 11-12 11:00 UTC"]
    (window,) = windows("Between 10:00 and 11:00 UTC", None, WORLD)
    assert window.started_at is None
    assert window.suspect == "no date, and no post to take it from"
    began = datetime(2023, 11, 12, 10, 30, tzinfo=UTC)
    assert told("Between 10:00 and 11:00 UTC", WORLD, None, began) == ["11-12 10:00 > 11-12 11:00 UTC"]


def test_a_clock_after_a_dated_one_is_near_it() -> None:
    text = "It began on 11 November 2023 at 22:00 UTC. The issue was resolved at 02:10 UTC."
    assert told(text, WORLD) == ["11-11 22:00 > 11-12 02:10 UTC"]


def test_a_start_before_a_window_is_told_beside_it() -> None:
    text = (
        "Between 12:20 and 14:00 UTC jobs waited. There also were short waits on November 15 beginning around 3:00 UTC."
    )
    assert told(text, WORLD) == ["11-15 12:20 > 11-15 14:00 UTC", "11-15 03:00 > ? UTC"]


def test_a_date_that_stands_by_itself_is_the_day_of_what_follows() -> None:
    text = "On Wednesday, 8 November 2023, calls failed for a while, between 14:18 UTC to 16:23 UTC."
    assert told(text, WORLD) == ["11-08 14:18 > 11-08 16:23 UTC"]
    text = "## Summary\nOn 8 November 2023 a switch was replaced, and that cut the site off.\n- From 15:30 to 19:00 UTC, reads failed."
    assert told(text, WORLD) == ["11-08 15:30 > 11-08 19:00 UTC"]
    text = "This follows what we wrote on 8 May 2023. From 15:30 to 17:00 UTC, reads failed."
    assert told(text, WORLD) == ["11-15 15:30 > 11-15 17:00 UTC"]


def test_a_report_of_what_was_over_tells_of_its_days() -> None:
    began, over = datetime(2023, 11, 12, 6, 20, tzinfo=UTC), datetime(2023, 11, 12, 8, 32, tzinfo=UTC)

    def late(text: str, over: datetime | None = over) -> list[str]:
        return [w.suspect or f"{w.ended_at:%d %H:%M}" for w in read(text, POST, WORLD, began=began, over=over).windows]

    assert late("Switches were fully operational by 06:57 UTC.") == ["12 06:57"]
    assert late("Switches were fully operational by 06:57 UTC.", None) == ["15 06:57"], "nobody says when it was over"
    assert late("Between 23:50 and 08:40 UTC reads failed.") == ["12 08:40"]
    assert late("Resolved as of 17:00 UTC.") == ["15 17:00"], "near neither end of it"
    assert late("It was back by 13 November 2023 01:00 UTC.\n- Between 06:30 and 08:00 UTC reads failed.") == [
        "12 08:00"
    ], "details go back behind a date"
    assert late("On 13 November 2023 it came again. Between 06:30 and 08:00 UTC reads failed.") == ["13 08:00"]
    days = datetime(2023, 11, 14, 7, 0, tzinfo=UTC)
    assert late("Resolved as of 06:57 UTC.", days) == ["no date, and the incident lasted for days"]


def test_what_stands_before_a_line_dates_it() -> None:
    before = "On 8 November 2023 at 22:20 JST racks lost power, and machines stopped.\n"
    zones = Zones("UTC", {"JST": "Asia/Tokyo"})
    line = "The site was fully operational by 23:57."

    def after(before: str, began: datetime | None = None) -> Window:
        context = Context(before + line, POST, zones, began=began, over=None)
        (window,) = read(line, POST, zones, began=began, before=lambda: context.before(len(before))).windows
        return window

    window = after(before)
    assert (window.ended_at, window.timezone_text) == (datetime(2023, 11, 8, 14, 57, tzinfo=UTC), "JST")
    for other in (
        "Nothing with a time.\n",
        "The next update is due on 17 November 2023 at 09:00 JST.\n",
        "This is like the incident of 8 November 2023 09:00 JST.\n",
    ):
        alone = after(other, began=datetime(2023, 11, 14, 22, 0, tzinfo=UTC))
        assert (alone.ended_at, alone.timezone_text) == (datetime(2023, 11, 14, 23, 57, tzinfo=UTC), None), other


@pytest.mark.parametrize(
    ("text", "posted", "expected"),
    [
        ("Errors began at 10:02 UTC. We rolled back. The last customers recovered at 19:40 UTC.", 60, "01 10:02 > 01 19:40"),
        ("Impact started 10:02 UTC; resolved 00:30 UTC.", 60, "01 10:02 > 02 00:30"),
        ("UTC时间10:02开始，控制台出现异常；19:40恢复正常。", 60, "01 10:02 > 01 19:40"),
        ("From 10:02 to 11:50 UTC it failed. It failed from 19:00 to 19:40 UTC.", 60, "01 10:02 > 01 11:50, 01 19:00 > 01 19:40"),
        ("The last customers recovered at 19:40 UTC.", 60, "no date, and near neither the incident nor its post"),
        ("The last customers recovered at 11:40 UTC.", 60, "? > 01 11:40"),
        ("Between 22:00 and 23:10 UTC the API failed again.", 23.5, "01 22:00 > 01 23:10"),
        ("Between 05:00 and 05:40 UTC the API failed again.", 30, "02 05:00 > 02 05:40"),
        ("Fixed at 12:05 UTC, and the API is back.", 36.15, "? > 02 12:05"),
    ],
)  # fmt: skip
def test_a_story_told_later_stays_together(text: str, posted: float, expected: str) -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    began, over = day + timedelta(hours=10, minutes=5), day + timedelta(hours=12)

    def short(at: datetime | None) -> str:
        return f"{at:%d %H:%M}" if at else "?"

    found = read(text, day + timedelta(hours=posted), WORLD, began=began, over=over).windows
    assert ", ".join(w.suspect or f"{short(w.started_at)} > {short(w.ended_at)}" for w in found) == expected


def test_a_post_that_was_dated_back_does_not_turn_a_story_around() -> None:
    text = "On November 15, 2023, at 13:00 UTC it failed. At 23:30 UTC, the issue was resolved."
    assert told(text, WORLD) == ["? > 11-15 23:30 UTC"]


def test_causes_and_repairs_are_not_read() -> None:
    text = (
        "Summary of impact: Between 08:00 and 09:30 UTC on 12 Nov 2023, logins failed.\n"
        "Root cause: Between 03:00 and 05:00 UTC on 12 Nov 2023 a change went out.\n"
        "How did we respond?\n08:10 UTC - Impact started.\n09:30 UTC - The service was restored."
    )
    assert told(text, WORLD) == ["11-12 08:00 > 11-12 09:30 UTC"]


def test_some_of_those_affected_are_no_window_of_their_own() -> None:
    text = "Between 01:00 and 02:25 UTC, users were affected.\nSome may have seen it between 00:11 and 02:25 UTC."
    assert told(text, WORLD) == ["11-15 01:00 > 11-15 02:25 UTC"]


def test_a_window_over_long_before_its_incident_is_marked() -> None:
    began = datetime(2023, 11, 14, tzinfo=UTC)
    (window,) = windows("14 October 2023 04:15 - 05:33", POST, US, began=began)
    assert window.suspect == "30 days before its incident"


# --- round trips -------------------------------------------------------------------------------

ENGLISH = [date(2023, month, 1).strftime("%B") for month in range(1, 13)]


def _12(at: datetime) -> str:
    return at.strftime("%I:%M %p").lstrip("0")


def _24(at: datetime) -> str:
    return at.strftime("%H:%M")


FORMS = {
    "aws": lambda a, b, z: f"Between {ENGLISH[a.month - 1]} {a.day} {_12(a)} and {ENGLISH[b.month - 1]} {b.day} {_12(b)} {z}, calls failed.",
    "aws, years": lambda a, b, z: f"Between {ENGLISH[a.month - 1]} {a.day}, {a.year} at {_12(a)} {z} and {ENGLISH[b.month - 1]} {b.day}, {b.year} at {_12(b)} {z} it failed.",
    "azure": lambda a, b, z: f"Between {_24(a)} {z} on {a.day} {ENGLISH[a.month - 1]} {a.year} and {_24(b)} {z} on {b.day} {ENGLISH[b.month - 1]} {b.year}, some users",
    "azure, one year": lambda a, b, z: f"Between {_24(a)} {z} on {a.day} {ENGLISH[a.month - 1][:3]} and {_24(b)} {z} on {b.day} {ENGLISH[b.month - 1][:3]} {b.year}",
    "google": lambda a, b, z: f"It failed from {a:%A}, {a:%Y-%m-%d} {_24(a)} {z} to {b:%A}, {b:%Y-%m-%d} {_24(b)} {z}.",
    "two sentences": lambda a, b, z: f"The issue began at {a:%Y-%m-%d} {_24(a)} {z}. The issue was resolved at {b:%Y-%m-%d} {_24(b)} {z}.",
    "chinese": lambda a, b, z: f"{z}{' ' * z.isascii()}{a.year}年{a.month:02}月{a.day:02}日 {_24(a)}至{b.year}年{b.month}月{b.day}日 {_24(b)}，部分请求失败",
    "chinese, spaced": lambda a, b, z: f"故障时间：{z} {a.year} 年 {a.month} 月 {a.day} 日 {a.hour}时{a.minute:02}分到 {b.month} 月 {b.day} 日 {b.hour}时{b.minute:02}分",
    "chinese, full width": lambda a, b, z: f"（{z}）{a.month}月{a.day}日{a.hour:02}：{a.minute:02}—{b.month}月{b.day}日{b.hour:02}：{b.minute:02}",
    "japanese": lambda a, b, z: f"{z} {a:%Y/%m/%d} {_24(a)} から {b:%Y/%m/%d} {_24(b)} の間、失敗しました。",
    "korean": lambda a, b, z: f"{a.year}년 {a.month}월 {a.day}일 {_24(a)}에서 {b.year}년 {b.month}월 {b.day}일 {_24(b)} ({z}) 사이에",
    "iso": lambda a, b, z: f"{a:%Y-%m-%d %H:%M} {z} - {b:%Y-%m-%d %H:%M} {z}",
}  # fmt: skip
WRITTEN = {
    "UTC": "UTC",
    "GMT": "UTC",
    "UTC+8": "Asia/Shanghai",
    "GMT+08:00": "Asia/Shanghai",
    "PST": "America/Los_Angeles",
    "US/Pacific": "America/Los_Angeles",
    "Pacific Time": "America/Los_Angeles",
    "CST": "America/Chicago",
    "北京时间": "Asia/Shanghai",
    "日本時間": "Asia/Tokyo",
    "대한민국 시간 기준": "Asia/Seoul",
}
MINUTES = st.integers(1, 10 * 24 * 60)
EARLIEST, LATEST = datetime(2012, 1, 1), datetime(2029, 1, 1)  # noqa: DTZ001 - wall clocks


@settings(max_examples=600, deadline=None)
@given(
    form=st.sampled_from(sorted(FORMS)),
    written=st.sampled_from(sorted(WRITTEN)),
    start=st.datetimes(EARLIEST, LATEST),
    length=MINUTES,
    late=st.integers(0, 20 * 24 * 60),
)
@example("azure, one year", "UTC", datetime(2023, 12, 31, 15), 60 * 12, 0)  # noqa: DTZ001
@example("aws", "PST", datetime(2024, 2, 29, 23, 59), 2, 0)  # noqa: DTZ001
def test_a_rendered_window_reads_back(form: str, written: str, start: datetime, length: int, late: int) -> None:
    zone = ZoneInfo(WRITTEN[written])
    a = start.replace(second=0, microsecond=0)
    b = a + timedelta(minutes=length)
    instants = []
    for wall in (a, b):
        here = [wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
        assume(here[0].utcoffset() == here[1].utcoffset())
        instants.append(here[0].astimezone(UTC))
    assume(instants[0] < instants[1])
    text = FORMS[form](a, b, written)
    found = windows(text, instants[1] + timedelta(minutes=late), WORLD)
    assert [(w.started_at, w.ended_at, w.suspect) for w in found] == [(*instants, None)], text
    assert text[found[0].span[0] : found[0].span[1]] == found[0].quote


@settings(max_examples=300, deadline=None)
@given(
    start=st.datetimes(EARLIEST, LATEST),
    length=st.integers(1, 23 * 60),
    late=st.integers(0, 30),
    form=st.sampled_from(("Between {0} and {1} {2} it failed.", "It failed from {0} {2} to {1} {2}.", "{0} - {1} {2}")),
    twelve=st.booleans(),
)
def test_clocks_alone_take_their_day_from_the_post(
    start: datetime, length: int, late: int, form: str, twelve: bool
) -> None:
    a = start.replace(second=0, microsecond=0, tzinfo=UTC)
    b = a + timedelta(minutes=length)
    show = _12 if twelve else _24
    (window,) = windows(form.format(show(a), show(b), "UTC"), b + timedelta(minutes=late), WORLD)
    assert (window.started_at, window.ended_at, window.suspect) == (a, b, None)


# --- hostile text --------------------------------------------------------------------------------

WORDS = (
    "between from to and until starting at resolved as of since for 3 hours 10:30 9:05 AM PM UTC PST XYZ 2023-11-12 "
    "3/4 29 February 31 November 12 Nov Monday 次日 11月12日 17时44分 起 至 已恢复 오전 에서 から ( ) - ~ , . | \n -- : 24:00 2400 UTC"
)  # fmt: skip
PIECES = st.sampled_from(WORDS.split(" "))


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map(" ".join), st.lists(PIECES).map("".join)))
@example("10:00 on 0000-00-00")
@example("99年99月99日 99:99")
def test_no_text_raises(text: str) -> None:
    for posted in (POST, None):
        for window in windows(text, posted, CHINA):
            assert text[window.span[0] : window.span[1]] == window.quote
            assert window.suspect or window.started_at or window.ended_at


@pytest.mark.parametrize(
    "piece",
    [
        "between ", "10:00 ", "10:00 and ", "10:00 AM PST (10:00 UTC) ", "from 10:00 to ", " " * 40 + "10:00", "(((10:00", "\n", "\n--",
        "10:00 on 5 November at ", "resolved ", "resolved at 10:00 ", "Some at 10:00 to 11:00 UTC. ", "since since 10:00 ", "9", "9:", "12:34:56",
        "a.m. ", "年月日", "1月", "逐步", "for approximately 3 hours at 10:00 ", "at at at at ", "10:00 , , , , , ", "not seen since 10:00 ", "1:00 PST, ",
        "rolled back to resolve the issue at 10:00 ", "At 10:00 a. as a result, users ", "10:00 to 11:00 a. b during that window ", "10:00 US/PacificWe ",
        "It began at 10:00. From 10:00 to 11:00 it failed. It was resolved at 12:00. ",
        "10:00 PT / 18:00 UTC ", "10:00 PT/", "stable since 10:00 ", "stable ", "as of 10:00 we ",
    ],
)  # fmt: skip
def test_work_grows_with_the_text_only(piece: str) -> None:
    def work(length: int) -> float:
        text = piece * (length // len(piece))
        began = time.process_time()
        read(text, POST, WORLD)
        return time.process_time() - began

    # Five times the text: linear work grows five times, quadratic work twenty-five times.
    assert any(work(50_000) < 14 * work(10_000) + 0.1 for _ in range(3))  # the machine stumbles, but not thrice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # one moment in two zones
        ("It failed between 6:25 PT / 14:25 UTC and 6:33 PT / 14:33 UTC.", ["11-15 14:25 > 11-15 14:33 UTC"]),
        ("As of 6:15 PT / 14:15 UTC the outage is mitigated.", ["? > 11-15 14:15 UTC"]),
        ("Logins broke from 3:01 PST/11:01 UTC to 3:06 PST/11:06 UTC.", ["11-15 11:01 > 11-15 11:06 UTC"]),
        ("Logins failed from 6:09 PT / 14:09 UTC to 6:15 PT / 14:15.", ["11-15 14:09 > 11-15 14:15 PST"]),
        ("It began at 1:06 PT / 09:06 UTC.", ["11-15 09:06 > ? UTC"]),
        ("It began at 14:40 UTC / 6:40 PST.", ["11-15 14:40 > ? UTC"]),
        # the half of the day is that of UTC, and the date that of the clock beside it
        ("It began on 2023-11-14 at 3:06 PT / 23:06 UTC.", ["11-14 23:06 > ? PST"]),
        ("It began on 2023-11-14 at 3:06 PT (23:06 UTC).", ["11-14 23:06 > ? PST"]),
        ("It began at 2023-11-14 22:41 PT / 06:41 UTC.", ["11-15 06:41 > ? PST"]),
        ("It began on Nov 14 19:00 PT / Nov 15 03:00 UTC.", ["11-15 03:00 > ? PST"]),
        # the two contradict each other
        ("It began at 6:00 PT / 15:00 UTC.", ["11-15 15:00 > ? UTC"]),
        ("It began on 2023-11-14 at 6:00 PT / 13:00 UTC.", ["11-14 13:00 > ? UTC"]),
        # and one of them is ahead of the post, so it is the wrong one
        ("As of 9:45 PT / 18:45 UTC the outage is mitigated.", ["? > 11-15 17:45 PST"]),
        ("It failed between 8:20 PT / 18:20 UTC and 8:45 PT / 18:45 UTC.", ["11-15 16:20 > 11-15 16:45 PST"]),
        ("It began at 9:20 PT / 19:20 UTC.", ["11-15 17:20 > ? PST"]),
        ("It began at 11:20 PT / 21:20 UTC.", ["11-14 21:20 > ? UTC"]),
        # so it is beside other times of that message
        ("It failed between 6:00 PT / 16:00 UTC and 8:45 PT / 18:45 UTC.", ["11-15 14:00 > 11-15 16:45 PST"]),
        ("It failed between 6:00 PT / 14:00 UTC and 8:45 PT / 18:45 UTC.", ["11-15 14:00 > 11-15 16:45 PST"]),
        ("It failed between 6:00 PT / 16:00 UTC and 7:45 PT / 17:45 UTC.", ["11-15 16:00 > 11-15 17:45 UTC"]),
        # well since then
        ("Calls to api.example.com show stable success since 16:36 UTC.", ["? > 11-15 16:36 UTC"]),
        ("Checkout is working properly again, since around 8:30am PST.", ["? > 11-15 16:30 PST"]),
        ("The outage is resolved since 04:05 UTC.", ["? > 11-15 04:05 UTC"]),
        ("Errors are back at the baseline since 04:05 UTC.", ["? > 11-15 04:05 UTC"]),
        ("It began at 03:10 UTC. Search has been healthy since 04:05 UTC.", ["11-15 03:10 > 11-15 04:05 UTC"]),
        ("As of 14:10 UTC we have not seen any further errors.", ["? > 11-15 14:10 UTC"]),
        ("Since 14:10 UTC there were no more failures.", ["? > 11-15 14:10 UTC"]),
        # not well
        ("Search is not stable since 10:00 UTC.", ["11-15 10:00 > ? UTC"]),
        ("Errors are above the baseline since 10:00 UTC.", ["11-15 10:00 > ? UTC"]),
        ("The resolved bug has recurred since 10:00 UTC.", ["11-15 10:00 > ? UTC"]),
        ("Most of the regions are healthy since 10:00 UTC.", []),
    ],
)
def test_two_zones_and_well_since(text: str, expected: list[str]) -> None:
    assert told(text, WORLD) == expected


# --- real messages, where they are at hand -------------------------------------------------------


def test_human_checked_windows(shared: Path) -> None:
    """The window of each event, from its newest message that states one."""
    folder = shared / "captures" / "aws"
    capture = json.loads((folder / "window_cases.capture.json").read_text())
    expected = {case["key"]: case for case in json.loads((folder / "window_cases.expected.json").read_text())}
    for event in json.loads(capture["body"])["archive"]:
        case = expected[f"{event['service']}_{event['date']}"]
        if case["start_utc"] is None:
            continue
        message = plain(event["description"].split("yellowfg")[-1].split(">", 1)[1])
        posted = datetime.fromisoformat(case["end_utc"]) + timedelta(minutes=30)
        window: Window = windows(message, posted, US)[0]
        assert window.started_at == datetime.fromisoformat(case["start_utc"]), case["key"]
        assert window.ended_at == datetime.fromisoformat(case["end_utc"]), case["key"]
        assert window.timezone_text in ("PST", "PDT")
