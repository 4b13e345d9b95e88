"""The words around a time that say what it is: a start, an end, a plan, a recovery, a step of the work.

Every pattern looks at a bounded stretch of one sentence, in folded text.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import IntEnum
from typing import NamedTuple

_ADVERBS = r"(?:at|on|of|from|around|about|approximately|roughly|the|~|[\s:,*_()@-]|于|在|约|大约)*+"

#: The end of a sentence, or of one language of a message that is told in two.
BOUNDARY = re.compile(r"[\n。|！？;]|[!?]\s|\.(?<![ap]\.m\.)(?<!\bsept\.)(?<!\bapprox\.)(?<!\bno\.)\s|--\s")
#: Where another language, or another account, begins.
PARTS = re.compile(r"\||--\s")

#: Headings of what is told about the work rather than about the outage.
NARRATIVE = re.compile(
    r"^[\s*#_\\]*(?:(?:preliminary\s)?root\scause|cause|mitigation|resolution|remediation|next\ssteps|timeline|detection|"
    r"what\swent\swrong|how\sdid\swe\srespond|how\sare\swe\smaking|how\scan\s|lessons|prevention|follow[\s-]?up|diagnosis|workaround|"
    r"background|analysis|corrective|action\sitems|provide\sfeedback|根因|原因|改进|处理过程|后续|根本原因|再発防止)",
)
#: Headings of what the outage was.
SUMMARY = re.compile(
    r"^[\s*#_\\]*(?:summary|impact|what\shappened|issue\ssummary|(?:detailed\s)?description|incident\s(?:start|end|report)|影响|故障|问题|概要)"
)

#: A plan, a promise or a guess.
PLAN = re.compile(
    r"\b(?:next\supdate|(?:further|another|more|additional)\s(?:status\s)?(?:update|information|details)|provide\s(?:an|another|more|further|the\snext)"
    r"|update\s(?:will|by|at|you|again)|eta\b|etas\b|estimate[ds]?|expect(?:s|ed|ing)?|anticipate[ds]?|will\s(?!be\sin\s|experience|encounter|see\s)|hope\sto|aim\sto|plan(?:s|ned|ning)?\sto"
    r"|scheduled\sto|post(?:ed)?\s(?:an\s)?update)|预计|预期|将于|将在|下次更新|予定|見込み|예정"
)
PLANNED_RANGE = re.compile(
    r"\b(?:next\supdate|(?:provide|post)\s(?:an|another|more|further|the\snext)|eta\b|(?:we\s)?(?:expect|anticipate|estimate)[a-z]*\s(?!that\s[^.;]{0,80}?\b(?:was|were|had|failed|saw|experienced)\b)(?:to|the|that|full|a|it)\b)|预计(?!.{0,6}影响)"
)
#: What is done about an outage, told before a range or a moment.
WORK = re.compile(
    r"(?:\b(?:recover(?:y|ed|ing)?|restor(?:ed|ation|ing)|mitigat(?:ed|ion|ing)|roll(?:ed)?[\s-]?back|rollout|deploy(?:ed|ment|ing|s)?"
    r"|backfill\w*|backlogs?|reprocess\w*|replay\w*|improv\w+|normal|fix|drain\w*|heal\w*|notif\w+|return\w*)\b|恢复|復旧|回復|复구|복구|恢復)"
    r"[^.;]{0,48}$"
)
#: The same, told right after: "Between 2 and 3 PM instances recovered".
WORK_AFTER = re.compile(
    r"^[\s,:*_-]*+(?:(?!experienc|impact|affect|unable|error|fail|delay)[\w'()%-]++[\s,]++){0,7}?(?:recovered|we\s(?:were\sable\sto\s(?:re-?rout|redirect|shift|migrat|mitigat|restor)\w*|(?:re-?rout|redirect|shift|migrat|mitigat|restor)ed)|were\srestored|was\srestored|began\s(?:to\srecover|recover)|(?:was|were)\sdeployed|deployed\s|rolled\s(?:back|out)|(?:was|were)\s(?:mitigated|reprocessed|backfilled|replayed))"
    r"|^[^。,]{0,24}(?:逐步恢复|陆续恢复|开始恢复)"
)

_STARTS = re.compile(
    r"(?:\b(?:start(?:ing|ed|s)?|beg(?:inning|an|ins|un)|since|commenc(?:ing|ed)|onset|effective|from|as\searly\sas)(?:\s(?:time|date))?\b"
    rf"(?:\s(?:experiencing|occurring|happening|intermittently|being\sseen))*{_ADVERBS}"
    r"|(?:开始时间|起始时间|发生时间|故障时间|问题影响时间|影响时间|发现时间|自|从|発生日時|発生時刻)[\s:*]*(?:北京时间)?\s*)$"
)
_LABELLED_START = re.compile(
    r"\b(?:incident|impact|outage|issue)?\s?(?:start|began|begin|beginning|started)(?:\s(?:time|date|at))?[\s*_]*:[\s*_]*$|开始时间[\s*]*:\s*$"
)
_LABELLED_END = re.compile(
    r"\b(?:incident|impact|outage|issue)?\s?(?:end|ended|resolved|resolution)(?:\s(?:time|date|at))?[\s*_]*:[\s*_]*$|(?:结束|恢复)时间[\s*]*:\s*$"
)
#: Not the outage but data of that age, or an inquiry.
_DATA = re.compile(
    r"\b(?:updated|modified|created|launched|submitted|pushed|data|metadata|events|investigat\w*[^.;]{0,30})\s$"
)
#: Trouble with something, whose name may sound like work: "an issue with Cloud Deploy beginning at".
_TROUBLE = re.compile(
    r"\b(?:experiencing|investigating|seeing|facing|aware\sof|reports?\sof)\s(?:(?!recover|improv)[\w-]+\s){0,3}?(?:issues?|problems?|outages?|disruptions?|errors?)\b"
)
_NO_LONGER = re.compile(r"^[^.;]{0,80}?\bno\slonger\s(?:experienc|see|affect|impact|observ)\w*")
_AS_OF = re.compile(rf"\bas\sof\s{_ADVERBS}$")
_SUFFERING = re.compile(
    r"\b(?:experienc\w+|seeing|affect\w+|impact\w*|degraded|failing|unavailable|reports?\sof\s(?:an?\s)?issues?)\b"
)
#: "As of 10:00, users may see errors".
_AS_OF_SUFFERING = re.compile(
    r"^[\s,]*+(?:some\s|our\s)?(?:users|customers|we|clients)\s(?:may|might|are|were|could|will)\s(?:be\s|also\s|currently\s|still\s){0,2}+"
    r"(?:experienc\w+|encounter\w*|unable|(?:see|seeing)\s(?:[\w-]+\s){0,2}?(?:latency|latencies|errors?|issues?|delays?|failures?|timeouts?))\b"
)
_NO_MORE = re.compile(
    r"\b(?:no\s(?:further|more|additional|new)|not\s(?:seen|observed|had|experienced)|haven't\sseen|free\sof|succeeding|successful(?:ly)?"
    r"|(?:been|remained)\s(?:stable|healthy|available|normal)|(?:operating|working|running)\snormally)\b[^.]{0,80}\bsince\s"
    + _ADVERBS
    + "$"
)
#: "Stable success rates since 16:36", "working again, since 14:30": since then it was well. A host name has dots too.
_WELL_SINCE = re.compile(
    r"\b(?P<words>resolved|recovered|mitigated|fixed|restored|stable|healthy|succeeding|operational|baseline|back\sto\snormal"
    r"|working\s(?:\w+\s)?(?:again|normally|regularly|properly|correctly|fine))\b"
    rf"(?P<link>(?:[^.,;\n]|\.(?=\w)){{0,80}}?),?\s(?:since|as\sof)\s{_ADVERBS}$"
)
#: What undoes such words, before them or between them and the time.
_NOT_WELL = re.compile(r"(?:\bnot|n't|\bno\slonger|\bnever|\babove|\bless|\bbelieved|\bpreviously)\s(?:\w+\s){0,2}$")
_ILL_SINCE = re.compile(
    r"\b(?:not|and|but|no\slonger|drop\w*|fell|fall\w*|declin\w*|decreas\w*|degrad\w*|elevated|increas\w*|recur\w*|regress\w*"
    r"|fail\w*|unable|unavailable|experienc\w*|errors?|issues?|problems?|incidents?|outages?)\b"
)
#: "As of 14:10 we did not observe any more errors".
_NONE_SINCE = re.compile(
    r"^[^.;,\d]{0,20},?\s(?:we|users|customers|there)\s(?:(?:\w+\s){0,2}?(?:not|\w+n't)\s(?:been\s)?(?:observ\w*|se(?:e|en|eing)|experienc\w*|detect\w*|had)"
    r"\s(?:any\s(?:more\s|further\s|new\s|additional\s|other\s)?|further\s|more\s|new\s)"
    r"|(?:\w+\s){0,3}?no\s(?:more|further|new|additional)\s)(?:\w+\s){0,2}?(?:errors?|issues?|failures?|problems?|timeouts?|impact)\b"
)
_SINCE = re.compile(rf"\b(?:since|as\sof)\s{_ADVERBS}$")
_CJK_START_AFTER = re.compile(
    r"^[\s)]*(?:左右|许|頃|ごろ|경|쯤)?\s*(?:起|开始(?!.{0,6}(?:恢复|回升|下降))|以来|부터|から|より)"
)
_CJK_RECOVERY = re.compile(r"恢复|恢復|復旧|回復|복구|해결|修复|缓解|回升")

_END = (
    r"(?:resolved|restored|recovered|mitigated|fixed|remediated|repaired|rectified|concluded|ended|"
    r"(?:(?:returned|restored|brought)(?:\s\w+)?|back|return|recovered)\s(?:back\s)?(?:to|into)\s(?:a\s|its\s|their\s|the\s)?(?:fully\s)?(?:normal|healthy|baseline|expected|pre-incident|nominal|full)\w*"
    r"|(?:operating|progressing|functioning|working|performing|behaving|running|processing)\s(?:as\s)?(?:normal(?:ly)?|expected)|fully\soperational|back\sonline|operational\sagain"
    r"|(?:complete|full)\s(?:resolution|recovery|mitigation)|normal\soperations?\s(?:resumed|was\srestored))"
)
_END_BEFORE = re.compile(
    rf"(?P<words>\b{_END}\b|\b(?:resolution|recovery|mitigation)\b(?=[^.]{{0,40}}\b(?:complete|occurred|confirmed|declared|not\suntil))|backlog[^.]{{0,60}}?(?:processed|delivered|cleared|drained|completed))"
    rf"(?P<link>[^.;]{{0,110}}?\b(?:as\sof|at|by|on|around|before|since|until|after)\s{_ADVERBS}|[\s:,@-]*)$"
)
_END_AFTER = re.compile(
    rf"^(?P<words>[^;。]{{0,200}}?\b(?:{_END}\b|backlog[^.]{{0,80}}?(?:processed|delivered|cleared|drained|completed)))"
)
_CLAUSE_OPENS = re.compile(
    rf"(?:^|[,;:(\n]|\band\b|\bthen\b|\bbut\b|\bthat\b|\buntil\b)[\s*_]*+(?:(?:at|by|as\sof|on|around|shortly\safter|since|before)\s)?{_ADVERBS}$"
)
_UNTIL = re.compile(rf"\b(?:until|till|up\sto|through)\s{_ADVERBS}$")
_ENDING = re.compile(
    rf"\b(?:ending|ended|lasting\suntil|lasted\suntil|persisted\suntil|continued\suntil|concluding)\s{_ADVERBS}$"
)
_PARTLY = re.compile(
    r"\b(?:not|majority|most|mostly|some|partial\w*|portion|many|several|few|subset|began|begins?|beginning|start\w*|continu\w*|working|expect\w*|should|will|nearly|almost|being|"
    r"(?<!believed\s)(?<!confirmed\s)to\sbe|workaround|until\s\d)\b|\d\s?%|逐步|陆续|开始恢复|绝大部分|大部分|部分|多数|逐渐"
)
#: What was done, and not yet what came of it.
_STEP = re.compile(r"\b(?:investigat\w*|identif\w*|detected|noticed|deployed|rolled|determined\sthat\sa)\b")
#: What came of it.
_BEEN = re.compile(r"\b(?:ha[sd]|have)\sbeen\s(?:fully\s|completely\s)?$")
#: What was done and ended it: "traffic was moved away to resolve the incident".
_REMEDY = re.compile(
    r"^[\s,]*+[^.;]{0,60}?\b(?:rerouted|re-routed|redirected|shifted|reverted|restarted|disabled|removed|drained|failed\sover|rolled\sback)\b"
    r"[^.;]{0,120}?\b(?:to|which)\s(?:resolved?|mitigated?)\sthe\s(?:issue|incident|outage|impact|problem)\b"
)
_WHOLLY = re.compile(
    r"\b(?:fully|completely|complete|entirely|full|all\s(?:affected|impacted|users|customers|projects|services|issues|connectivity|requests|features)|the\s(?:issue|incident|event|outage|problem|disruption|impact(?!\s(?:to|on|for)\b))|this\s(?:issue|incident|event|outage)|issues?)\b"
)
#: What was done, and what for, up to the moment: "we rolled back the change to resolve the incident at 18:20".
_REMEDY_BEFORE = re.compile(
    r"\b(?:rerouted|re-routed|redirected|shifted|reverted|restarted|disabled|removed|drained|failed\sover|rolled\sback)\b"
    rf"[^.;]{{0,80}}?\bto\s(?:resolve|mitigate)\sthe\s(?:\w+\s)?(?:issue|incident|outage|impact|problem)\s(?:at|by)\s{_ADVERBS}$"
)
#: Recovery that is seen is still going on.
_SEEN = re.compile(r"\bse(?:e|en|eing)\s(?:\w+\s){0,2}?(?:recovery|improvements?)\b")
#: An incident beside the one that the text is about.
_ANOTHER = re.compile(r"\b(?:second|third|other|later|subsequent|separate)\s(?:incident|outage|disruption)\b")
#: What follows an end that was not one for all.
_REST = re.compile(
    r"(?:\s(?!and\b|but\b)[\w'-]+){0,2}?\s(?:to|for|in|on|across)\s(?:the\s)?(?:vast\s)?(?:majority|most|some|many|several|almost|nearly)\b"
    r"|[^.;]{0,80}?\b(?:except|all\sbut|apart\sfrom)\b|[^.;]{0,40}?\bbut\b[^.;]{0,80}?\b(?:persist|remain|recur|still)\w*"
)
_BACKLOG = re.compile(r"backlog|backfill|queued|metrics\swill")
#: What came of a step: "was put in at 14:30, which resolved the issue", "was drained at 14:30, restoring service".
_EFFECT = re.compile(
    r"^[\s,]*+(?:which|and)\s(?:\w+ly\s)?(?:mitigated|resolved|restored)\s(?!some|most|part)"
    r"|^[^.;]{0,80}?[\s,](?:thereby\s|promptly\s|immediately\s|fully\s)?restoring\s(?:normal|full|services?\b|access|connectivity|functionality)"
)
_CJK_END = re.compile(
    r"^[^。\n;]{0,40}?(?:已(?:经)?(?:全部|完全|基本)?(?:恢复|修复|解决)|(?:均|全部|完全|全面|全)已?恢复|恢复正常|恢复完成|恢复完毕|恢复访问|恢复服务|故障(?:已)?(?:恢复|解除|结束)|完全に?(?:復旧|回復)|復旧しました|回復しました|解消(?:し|さ)|解決(?:し|さ)|복구되었|해결\s?되었|정상화|服务恢复|恢复(?=[,。\s]|$))"
)
_CJK_END_BEFORE = re.compile(r"(?:恢复|修复|解决|结束|复旧|復旧|解消|回復)(?:时间)?(?:正常)?[\s:]*(?:于|在|至)?[\s]*$")
_CJK_PARTLY = re.compile(
    r"逐步|陆续|开始|绝大部分|大部分|部分|多数|逐渐|预计|大多|順次|一部|徐々|大半|尚未|未恢复|일부|대부분|점진"
)

_FIRST_WORD = re.compile(rf"^(?:[\s*_>(\[-]|resolved|update|summary|description|impact|:)*+(?:at|on)\s{_ADVERBS}$")
_BROKE = re.compile(
    r"^[\s,]*+[^.]{0,140}?\b(?:experienc(?:ed|ing)|encountered|suffered|(?:began|started)\s(?:to\s)?(?:experienc|see|show|fail|return|receiv|report)\w*|saw\s(?:an?\s)?(?:\w+\s)?(?:failure|loss|outage|increase|spike)|triggered|became\s(?:unavailable|unresponsive|degraded|unreachable)"
    r"|resulted\sin|caused|outage|were\simpacted|was\simpacted|(?:was|were)\sdegraded|impact\s(?:began|started)|went\sdown|lost\s(?:power|connectivity))\b"
)
#: "A change went out. This caused errors": told of what was done then, in the sentence after it.
_CAUSED = re.compile(
    r"[^.\n]{0,240}\.\s(?:this|which|these|it)\s(?:\w+\s)?(?:caused|resulted\sin|led\sto|triggered|affected|impacted|prevented)\b"
)
#: "A change went out. It could not be read at boot. As a result, users saw errors": the same, some sentences later,
#: with no other time between.
_AS_A_RESULT = re.compile(
    r"(?:(?!\d:\d\d)[^\n]){0,400}?\.\s(?:as\sa\s(?:result|consequence)|consequently|because\sof\sthis),?\s"
    r"(?:\w+\s){0,3}?(?:users|customers|requests|services|clients)\s(?:\w+\s){0,2}?"
    r"(?:experienced|saw|encountered|failed|unable|unavailable|impacted|affected|degraded|received)\b"
)
#: What was done about trouble that was there by then.
_ANSWERED = re.compile(
    r"\b(?:notified|alert(?:ed|s)?|monitor\w*|flagged|observed|detected|identified|engaged|investigat\w*|rolled|mitigat\w*|paged|revert\w*)\b"
)
#: "Put back to the state before the incident (19:00)".
_STATE_BEFORE = re.compile(
    rf"\b(?:state|condition|status|version|levels?)\s(?:\w+\s){{0,2}}?(?:before|prior\sto|preceding)\s(?:the|this)\s(?:incident|outage|disruption)\s?\({_ADVERBS}$"
)
#: "It was well until 13:00": what ends then is being well.
_WELL_UNTIL = re.compile(rf"\b(?:normal|healthy|stable|operational|well)\b[^.;,]{{0,40}}\suntil\s{_ADVERBS}$")
_CJK_BROKE = re.compile(
    r"^(?:左右|许|頃|ごろ)?[,\s]*[^。;,]{0,40}(?:出现|发生|発生)[^。;,]{0,16}?(?:异常|故障|中断|错误|障碍|障害|エラー)"
)
_NOTICED = re.compile(
    r"\b(?:notified|alert(?:ed|s)?|monitor\w*|flagged|observed|detected|deployed|identified|engaged|investigat\w*|rolled|mitigat\w*|paged)\b"
)

_NUMBER = r"(\d{1,3}(?:\.\d)?|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_SPAN = rf"{_NUMBER}[\s-](minutes?|mins?|hours?|hrs?)\b(?:,?\s(?:and\s)?{_NUMBER}\s(minutes?|mins?)\b)?"
_ABOUT = (
    r"(?:(?:a|the|period|total|duration|of|approximately|about|around|roughly|nearly|~|another|next|over|just)\s)*+"
)
#: A sentence that says of the range before it that things failed then.
_FAILED_THEN = re.compile(
    r"[^.;\n]{0,60}\.\s(?P<told>[^.\n]{0,100}?\b(?:during|in|within)\s(?:that|this)\s(?:window|period|interval|time(?:frame|\speriod|\swindow|\sframe)?)\b[^.\n]{0,100})"
)
_FAILED = re.compile(
    r"\bnot\s(?:delivered|processed|sent|recorded|received|available|saved|run|triggered)\b"
    r"|\b(?:failed|lost|dropped|delayed|missed|unavailable|unable|affected|impacted|errors)\b"
)
_NONE_FAILED = re.compile(r"\b(?:no|none|never|will|not\s(?:be\s)?(?:lost|affected|impacted|dropped|delayed))\b")
_LASTS = re.compile(
    rf"\b(?:for|lasting|lasted(?:\sfor)?)\s{_ABOUT}{_SPAN}(?!\s(?:per|each|delay|behind|old|interval|window|at\sa\stime|or\s(?:more|less)|ago))"
)
_LASTED_BEFORE = re.compile(rf"\bfor\s{_ABOUT}{_SPAN}\s(?:starting|beginning|from|commencing)\s{_ADVERBS}$")
_WORDS = {
    w: n
    for n, w in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
} | {
    "a": 1,
    "an": 1,
}


#: What goes on while it is written about.
ONGOING = re.compile(
    r"\b(?:are|is|am)\s(?:currently\s|still\s|also\s)*(?:experiencing|seeing|investigating|observing|facing)\b"
)
#: A sentence about some of those that another window is about.
SOME = re.compile(r"^[\s*_-]*+(?:some|a\s(?:small\s|limited\s)?(?:subset|number|portion|few)|few)\b")


class End(IntEnum):
    """How surely a moment is the end of everything, the surest last."""

    NONE = 0
    PARTLY = 1
    BACKLOG = 2
    PLAIN = 3
    WHOLE = 4


def labelled(before: str) -> str | None:
    """ "start" or "end" when the moment stands behind such a label ("Incident Start:")."""
    if _LABELLED_START.search(before):
        return "start"
    return "end" if _LABELLED_END.search(before) else None


class Beginning(NamedTuple):
    """How many characters before and after a moment are the words that make it a start."""

    before: int = 0
    after: int = 0


def starts(head: str, after: str, beyond: str, *, first: bool) -> Beginning | None:
    """The words that make a moment the start of the outage; None when there are none.

    `head`: its sentence up to it; `after`: the rest of the sentence; `beyond`: the text from it on. `first`: no
    other time stands before it in the text.
    """
    near = head[-100:]
    if _well_since(head[-160:]) or (_SINCE.search(near) and _NONE_SINCE.match(after)):
        return None
    if match := _CJK_START_AFTER.match(after):
        return None if _CJK_RECOVERY.search(after[:30].split(",")[0]) else Beginning(0, match.end())
    if match := _STARTS.search(near):
        ahead = near[: match.start()]
        if _NO_MORE.search(near) or _NO_LONGER.match(after) or PLAN.search(head) or _CJK_RECOVERY.search(after[:16]):
            return None
        if not _TROUBLE.search(ahead) and (_DATA.search(ahead) or WORK.search(ahead)):
            return None
        if match[0].startswith("from") and ahead.strip() and not ahead.rstrip().endswith((":", ",", ".")):
            return None  # "traffic from 10:00 on" more often tells of a step
        return Beginning(len(match[0]))
    if match := _STATE_BEFORE.search(near):
        return Beginning(len(match[0]))
    if (match := _WELL_UNTIL.search(near)) and "not" not in match[0]:
        return Beginning(len(match[0]))
    if match := _AS_OF.search(near):
        ahead = near[: match.start()]
        suffering = (_SUFFERING.search(head) and not re.search(_END, head)) or _AS_OF_SUFFERING.match(after)
        return Beginning(len(match[0])) if suffering and not PLAN.search(head) and not WORK.search(ahead) else None
    if first and (opens := _FIRST_WORD.search(head[-80:])):
        broke = _BROKE.match(after)
        if (broke and not _NOTICED.search(broke[0])) or _CAUSED.match(beyond):
            return Beginning(len(opens[0].lstrip()))
        if not _ANSWERED.search(after) and _AS_A_RESULT.match(beyond):
            return Beginning(len(opens[0].lstrip()))
    if first and _CJK_BROKE.match(after):
        return Beginning()
    return None


def _well_since(near: str) -> re.Match[str] | None:
    """The words of recovery that lead up to "since", or "as of", a moment; None when they are undone."""
    match = _WELL_SINCE.search(near)
    if match is None or _ILL_SINCE.search(match["link"]) or _NOT_WELL.search(near[: match.start()]):
        return None
    return None if _TROUBLE.search(near[: match.start()]) else match


class Ending(NamedTuple):
    """How surely a moment is an end, and how many characters around it say so."""

    sureness: End
    before: int = 0
    after: int = 0
    #: It is the end of another incident than the one that the text is about.
    another: bool = False


_NO_END = Ending(End.NONE)


def ends(head: str, after: str) -> Ending:
    """How surely a moment is when the outage was over; `head` and `after` as in `starts`."""
    near = head[-160:]
    if PLAN.search(near):
        return _NO_END
    if _SINCE.search(near) and (match := _NONE_SINCE.match(after)):
        return Ending(End.PLAIN, 0, match.end())
    if (match := _well_since(near)) and "since" in match[0][len(match["words"]) :]:
        clause = max(near.rfind(mark, 0, match.start()) for mark in (",", ";", ". ", " and ", " but "))
        partly = _PARTLY.search(near, max(clause, 0), match.start())
        return Ending(End.PARTLY if partly else _sureness(near[max(clause, 0) : match.start()]), len(match[0]))
    if match := _NO_MORE.search(near) or _ENDING.search(near):
        return _NO_END if WORK.search(near[: match.start()]) else Ending(End.PLAIN, len(match[0]))
    if _CLAUSE_OPENS.search(near) and (match := _REMEDY.match(after)):
        return Ending(End.PLAIN, 0, match.end())
    if _CLAUSE_OPENS.search(near) and (match := _END_AFTER.match(after)):
        partly = _REST.match(after, match.end())
        return Ending(End.PARTLY if partly else _sureness(match["words"]), 0, match.end())
    if match := _REMEDY_BEFORE.search(near):
        return Ending(End.PLAIN, len(match[0]), another=_ANOTHER.search(match[0]) is not None)
    if match := _EFFECT.match(after):
        return Ending(End.PLAIN, 0, match.end())
    if match := _END_BEFORE.search(near):
        return _end_before(near, match)
    if match := _NO_LONGER.match(after):
        return Ending(End.PLAIN, 0, match.end())
    if match := _UNTIL.search(near):
        return Ending(End.PLAIN, len(match[0])) if _lasting(near[: match.start()]) else _NO_END
    if match := _CJK_END.match(after):
        partly = _CJK_PARTLY.search(match[0]) or _CJK_PARTLY.search(near[-12:])
        return Ending(End.PARTLY if partly else End.PLAIN, 0, match.end())
    if match := _CJK_END_BEFORE.search(near):
        return Ending(End.PARTLY if _CJK_PARTLY.search(near[-30:]) else End.PLAIN, len(match[0]))
    return _NO_END


def _end_before(near: str, match: re.Match[str]) -> Ending:
    label = match.start() == 0 and match["link"].lstrip().startswith(("-", ":"))  # "Resolved - On ..."
    if label or (match["words"] == "ended" and not match["link"].strip()):
        return _NO_END
    clause = max(near.rfind(mark, 0, match.start()) for mark in (",", ";", " and ", " but "))
    words = near[max(clause, match.start() - 80, 0) : match.end()]
    if re.search(r"\buntil\s", match["link"]) and " not until" not in words:
        return _NO_END  # it was well until then
    if _SEEN.search(match["link"]):
        return Ending(End.PARTLY, len(match[0]))
    sureness = (
        End.WHOLE if " not until" in words else _sureness(words, been=_BEEN.search(near, 0, match.start()) is not None)
    )
    return Ending(sureness, len(match[0]), another=_ANOTHER.search(words) is not None)


def _lasting(ahead: str) -> bool:
    """Whether what goes on until a moment is the outage."""
    if re.search(r"\bno\b|\bnot\s*$|\bwill\b|\bnot\sbe\b", ahead[-40:]) or WORK.search(ahead):
        return False
    return re.search(r"persist|last|continu|impact|experienc|unavailable|remain|affect", ahead) is not None


def _sureness(words: str, *, been: bool = False) -> End:
    if _PARTLY.search(words) or (not been and _STEP.search(words)):
        return End.PARTLY
    if _BACKLOG.search(words):
        return End.BACKLOG
    return End.WHOLE if _WHOLLY.search(words) else End.PLAIN


def ranges(before: str, head: str, after: str, beyond: str) -> bool:
    """Whether a range is of the outage, not of a plan, a recovery or a backlog. `beyond`: the text from it on."""
    if PLANNED_RANGE.search(head[-120:]):
        return False
    if (
        (match := _FAILED_THEN.match(beyond))
        and _FAILED.search(match["told"])
        and not _NONE_FAILED.search(match["told"])
    ):
        return True
    if WORK.search(before[-100:]):
        return False
    return not WORK_AFTER.match(after[:160])


def lasted(head: str, after: str) -> timedelta | None:
    """How long the outage that began at a moment is said to have lasted."""
    match = _LASTED_BEFORE.search(head[-80:])
    if match is None:
        match = _LASTS.search(after[:400])
        if match and re.search(r"\b(?:up\sto|delay\w*|latenc\w*\sof|wait\w*)\s*(?:of\s)?$", after[: match.start()]):
            return None
    if match is None:
        return None
    amount = _amount(match[1])
    hours = amount if match[2].startswith("h") else 0
    minutes = (0 if match[2].startswith("h") else amount) + (_amount(match[3]) if match[3] else 0)
    return timedelta(hours=hours, minutes=minutes)


def _amount(word: str) -> float:
    return float(_WORDS[word]) if word in _WORDS else float(word)
