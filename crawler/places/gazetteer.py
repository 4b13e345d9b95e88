"""Regions and services in words: from what a vendor writes to the ids of the catalog.

A field of a payload names one thing and is compared as a whole (`region`, `service`, `component`).
Prose is searched (`regions_in`, `services_in`), more carefully: a product named like a common word
("AWS Batch") is found by its full name only. `scope` puts together what a sentence speaks of, with
"all regions", "all but Shanghai" and "Hangzhou, Beijing and others"; `recoveries` finds the clauses
that say something is back.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import msgspec

from crawler.catalog import GLOBAL, Vendor
from crawler.places.atlas import atlas
from crawler.places.names import (
    CJK,
    Mention,
    Names,
    Tokens,
    bracketed,
    fold,
    inner_products,
    prefixes,
    region_names,
    service_names,
    tokens,
    without_prefix,
)
from crawler.records import Component

__all__ = ["Gazetteer", "Mention", "Recovery", "Scope", "split_title"]


class Scope(msgspec.Struct, frozen=True):
    """What a sentence speaks of. Ids are the catalog's, in the order of their first mention.

    `every_region`: "all regions" was said and `regions` is the fan-out. `open_list`: those named
    are not all ("Hangzhou, Beijing and others"). Nothing named is an empty tuple.
    """

    regions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    open_list: bool = False
    region_text: str | None = None
    service_text: str | None = None
    every_region: bool = False
    #: Expressly left out: "all products except MQ".
    except_services: tuple[str, ...] = ()


class Recovery(msgspec.Struct, frozen=True):
    """This clause says that these are back. No regions: those of the whole incident."""

    scope: Scope
    quote: str
    span: tuple[int, int]


#: A service as a heading: a line of its own, or in bold before what is said of it.
_HEADING = re.compile(
    r"^[ \t]*(?:[#*_]+[ \t]*)?(?P<name>[^\s:*#_][^\n:*]{1,80}?)[ \t]*(?::[*_]+|[*_]+:|:(?=[ \t]*$))", re.MULTILINE
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


class _Pattern:
    """A regular expression that is tried only on texts that hold one of its words: most hold none, and `in` is fast."""

    def __init__(self, words: str, pattern: str) -> None:
        self._words = words.split(",")
        self._compiled = re.compile(pattern)

    def search(self, folded: str) -> re.Match[str] | None:
        """The first match."""
        return self._compiled.search(folded) if self._likely(folded) else None

    def finditer(self, folded: str) -> Iterable[re.Match[str]]:
        """All matches."""
        return self._compiled.finditer(folded) if self._likely(folded) else ()

    def _likely(self, folded: str) -> bool:
        return any(word in folded for word in self._words)


# --- words around names -------------------------------------------------------------------------
# Patterns run on folded text. None repeats something that is itself repeated: time grows with length.

_AREA = r"(?:地域|地区|区域|大区|リージョン|regions?\b|locations?\b)"
_AREA_LAST = re.compile(_AREA + r"\s?\Z")
_EVERY = _Pattern(
    "all,every,globally,worldwide,全,所有,各",
    r"(?<!not )\b(?:all|every)(?: of)?(?: the| our| your)?(?: aws| amazon| azure| google| cloud| gcp| oci| public"
    r"| commercial| supported| available){0,4} (?:regions?|locations)\b(?! (?:in|of|that|where|which|with|within)\b)"
    r"|(?<!并非)(?<!不是)(?:全部|所有|各个?|全)的? ?(?:地域|地区|区域|大区|region\b|リージョン)|(?:すべて|全て)のリージョン"
    r"|\b(?:globally|worldwide)\b",
)
#: "Shifted to other regions" does not speak of them.
_OTHERS = _Pattern(
    "other,remaining,rest of,其他,其它,其余,剩余,余下",
    r"(?<!\bto )(?<!\binto )(?<!\bfrom )\b(?:the )?(?:other|remaining|rest of (?:the|our)|rest of)"
    r" (?:[a-z]{1,20} ){0,2}?(?:regions?|locations)\b"
    r"|(?<![至到往从])(?:其他|其它|其余|剩余|余下)的? ?(?:所有|全部|各)?的? ?(?:地域|地区|区域|大区|region\b)",
)
_OTHER_PRODUCTS = _Pattern(
    "其他,其它,其余,剩余,other,remaining",
    r"(?:其他|其它|其余|剩余)的? ?(?:所有|全部|各)?云?(?:产品|服务)"
    r"|\b(?:other|remaining) (?:[a-z]{1,20} ){0,2}?(?:services|products)\b",
)
# 除 within 解除, 排除, 删除 and the like is another word.
_BUT_FOR = r"(?<![解排删消清移扣拆去根免废])除(?![法非夕此])了?"
_EXCEPT_ZH = _Pattern(
    "除", _BUT_FOR + r"(?P<what>[^。;\n]{1,200}?)(?:(?:以外|之外|外(?![部网围界联呼]))|, ?(?=其余|其他|其它|剩余))的?"
)
_UNCLOSED = re.compile(_BUT_FOR + r"[^,。;\n外]*外?\Z")
_ALSO = re.compile(r"[也还亦]|同样|同时")
#: "All regions but Ohio" leaves one out, "all regions but we are watching" does not.
_BUT_ON = r"but (?:not )?(?:we|it|they|there|some|this|are|is|have|has|will)\b"
_EXCEPT_EN = _Pattern(
    "except,excluding,other than,apart from,aside from,save for,regions but",
    r"\b(?:except(?:ing)?|excluding|other than|apart from|aside from|with the exception of|save for)(?: for| in| of)?\b"
    rf"|(?<=regions) (?!{_BUT_ON})but(?: not)?\b",
)
_ZONE_WORD = r"(?:(?:single |one |an? )?availability zones?\b|zones? [a-z]\b|可用区(?: ?[a-z])?)"
#: What may stand between two items of a list, all of it at most _GLUE_LIMIT characters.
_GLUE = re.compile(
    r"(?:[\s,、;/&+()]|and\b|or\b|as well as\b|the\b|in\b|for\b|of\b|both\b"
    rf"|以及|和|及|与|跟|或者|或|还有|と|及び|{_AREA}|{_ZONE_WORD})*"
)
_GLUE_LIMIT = 48
_TAIL = re.compile(rf"[\s,]{{0,2}}(?:等\S{{0,3}}?)?\s?{_AREA}")
_AND_OTHERS = re.compile(
    r"[\s)]{0,3}等(?![待级候于效同离])|[\s)]{0,3}(?:以及|和|及|与)其[他它余]"
    r"|[\s)]{0,2},? ?(?:and|or|&) (?:(?:some|many|several|various) )?(?:others?|more)\b|,? etc\b|,? among others\b"
)
_COUNTED = re.compile(r"[\s)]{0,3}等 ?([0-9]{1,3}|[两二三四五六七八九十]) ?个?(?:地|城|产品|云产品|服务|国家|region)")
_NUMERALS = {numeral: number for number, numeral in enumerate("零一二三四五六七八九十")} | {"两": 2}
_SUCH_AS = re.compile(
    r"(?:\b(?:such as|including(?:,? but not limited to,?)?|e\.g\.,?|for example,?|for instance,?)|例如|比如|(?<=[( ])如)"
    r"[\s(]{0,2}(?:the )?\Z"
)
_UNAFFECTED = _Pattern(
    "affected,impact,影响,运行正常",
    r"(?:不受|未受|没有受到?|未受到)[^,。;\n]{0,8}影响|运行正常"
    r"|\b(?:not|n't)(?: been| be)? (?:affected|impacted)\b|\bun(?:affected|impacted)\b|\bno (?:customer )?impact (?:to|on|in)\b",
)

# --- words of recovery --------------------------------------------------------------------------

_BACK = re.compile(
    r"\b(?:recovered|restored|resolved|mitigated|fixed|(?:back|returned) to (?:normal|full|a? ?healthy)"
    r"|(?:operating|functioning|working|running|performing) (?:normally|as expected|properly)"
    r"|fully (?:operational|functional|available)|(?:seen|observed|seeing|confirmed) (?:a )?(?:full|complete) recovery"
    r"|(?:has|have) been restarted|back online|available again)\b"
    r"|已经?(?:全部|全面|完全|彻底|全|均|都|于[^,。;]{0,24}?)?(?:恢复|修复|解决|完成(?:全部|全面)?(?:重启|修复|恢复))"
    r"|(?:均|都|全部|全面|彻底|完全)已?经?(?:完成)?(?:恢复|修复|重启)|恢复(?:正常|了|完毕|完成|如常)|(?:修复|重启)已?(?:完成|完毕)"
)
#: A line that a system writes: what stands before it is a name, be it an everyday word ("Issues", "Pages").
_STATE_LINE = re.compile(r"(?m)^(?P<name>[A-Z][\w ,/&-]{0,60}?) is (?:now )?operating normally\.?\s*$")
#: Anywhere in the clause: only a part, or only under way.
_PARTLY = re.compile(
    r"\b(?:all but|partial(?:ly)?|most(?:ly)?|majority|many|some|several|few|subset|portion|percent|nearly|almost|largely"
    r"|start(?:s|ed|ing)?|beg[aiu]n(?:ning)?|continu\w{1,4}(?! (?:to )?(?:closely )?monitor)|progress\w{0,4}|gradual(?:ly)?"
    r"|slow(?:ly)?|recovering|signs|initial(?:ly)?|improv\w{1,6}|in the process|being|working (?:to|on|towards?)"
    r"|remain(?:ing|s)?|still(?! monitoring)|incremental(?:ly)?|temporar(?:y|ily)|power(?! (?:bi|apps|automate|platform))"
    r"|cooling|temperatures?|subsystems?|root cause)\b|[0-9] ?%"
    r"|组件|逐[步渐个地]|陆续|分批恢复|恢复中|大部分|绝大|部分|多数|基本|个别|少量|少数|有所"
    r"|(?:开始|正在|尝试|等待|有待|将|来|需要?|力争|争取|尽快|预计)[^,。;]{0,8}(?:恢复|修复|解决)"
    r"|未[^来]|尚|没有?能?|无法|不能|难以|仍[需在有未然]|若|如果|一旦|是否|预计|计划|直[至到]"
    r"|(?:恢复|修复|解决)(?:正常)?(?:之|以)?[后前时]"
)
#: Before the word of recovery: not so, or not yet.
_NOT_YET = re.compile(
    r"\b(?:not|never|yet|cannot|unable|once|until|till|when|whenever|if|unless|before|after|as soon as|should|will|would"
    r"|could|may(?! [0-9])|might|must|can|expect\w{0,4}|anticipat\w{1,4}|estimat\w{1,4}|believe[sd]?|hope\w{0,3}|need\w{0,3}"
    r"|ensure|be|without|to (?:fully )?(?:bring|get|make|return|restore|recover)|fail(?:s|ed|ing|ure|ures)?|verify\w{0,3}|validat\w{1,3}|whether)\b|n't\b"
)
_ONGOING = re.compile(
    r"\b(?:remain(?:ing|s)?|continu(?:e|es|ing) (?:to (?!(?:closely )?monitor)|work)|still(?! monitoring)|not yet|recovering)\b"
)
#: "Beijing time" is no place.
_CLOCK = re.compile(r" ?(?:standard |local |daylight )?time\b| ?时间")
#: "Azure connectivity issues" is trouble with anything, not with the product called connectivity.
_SYMPTOM = re.compile(r"(?<=connectivity) (?:issues?|errors?|failures?|problems?|loss|degradation)\b")
#: A sentence that takes back part of what one before it said.
_UNDER_WAY = re.compile(rf"{_ONGOING.pattern}|\bworking (?:to|on|towards?)\b|恢复中|处理中|仍[在需]")
_OF_OTHERS = re.compile(
    r"\s?(?:(?:and|but|while|whereas|however|though|although),? )?(?:the |all )?"
    r"(?:others?\b|rest\b|remaining (?:regions|locations|services|products))"
)
#: A part of a region, whatever is back in it.
_NARROW = re.compile(
    r"(?<!\ball )(?<!\ball the )(?<!\bevery )\b(?:availability zones?|data ?cent(?:er|re)s?|racks?|edge locations?)\b"
    r"|\b[a-z]{3,4}[0-9]-az[0-9]\b"
)
#: The code of a zone, us-east-1a or europe-west2-a: a product that is back there is back where it had failed.
_ZONE_CODE = re.compile(r"\b[a-z]{2}-[a-z]{4,14}-[0-9][a-f]\b|\b[a-z]{2,20}-[a-z]{4,14}[0-9]{1,2}-[a-f]\b")
#: "[RESOLVED]" and "(已恢复)" are the state of the incident, not a word about a place.
_STATE_MARK = re.compile(
    r"[\[(【] ?(?:incident )?[(]?(?:resolved|recovered|mitigated|已恢复|已解决)[)]? ?[\])】]"
    r"|\A\s{0,3}(?:resolved|recovered)\s?[-:]| - (?:resolved|recovered|mitigated)(?=\s?(?:\n|\Z))"
)
#: A clause that leaves its subject to the one before: "，均已恢复".
_NO_SUBJECT = re.compile(r"[\s0-9:]{0,8}(?:目前|现|均|都|已|全部|也)")

_SENTENCE_END = re.compile(r"[\n。!?;|•]|(?<!\b[a-z])\.(?=\s|\Z)")
_CLAUSE_END = re.compile(
    rf",|(?<!\ball)\s(?P<turn>(?=(?:(?<!\bregions )but|while|whereas|however|though|although)\b|{_BUT_ON}))"
    r"|\s(?=and (?:the |all |all the )?(?:other|remaining|rest)\b)|(?<=,)\s(?=(?:the |all )?(?:others?|remaining|rest)\b)"
)
_AROUND = " \t\r\n,，。;；.!！?？、:："


class _Text:
    """A piece of a text, with what was found in it; offsets are those of the piece, which begins at `offset`."""

    __slots__ = ("folded", "mentions", "offset", "raw", "regions", "services")

    def __init__(self, raw: str, folded: str, offset: int, regions: list[Mention], services: list[Mention]) -> None:
        self.raw, self.folded, self.offset = raw, folded, offset
        self.regions, self.services = regions, services
        self.mentions = sorted(regions + services, key=_start) if regions and services else regions or services

    def part(self, start: int, end: int) -> _Text:
        """A piece of this piece."""
        return _Text(
            self.raw[start:end],
            self.folded[start:end],
            self.offset + start,
            _between(self.regions, start, end),
            _between(self.services, start, end),
        )

    def without(self, spans: Iterable[tuple[int, int]]) -> _Text:
        """The same piece with spans of it blanked, and what was found there forgotten."""
        at, kept, regions, services = 0, [], [], []
        ordered = sorted(spans)
        if not ordered:
            return self
        for start, end in [*ordered, (len(self.raw), len(self.raw))]:
            kept += [self.folded[at:start], " " * (end - max(at, start))]
            regions += _between(self.regions, at, start, base=0)
            services += _between(self.services, at, start, base=0)
            at = max(at, end)
        return _Text(self.raw, "".join(kept), self.offset, regions, services)

    def inside(self, at: int) -> bool:
        """Whether an offset lies in a name, or between two names of one list."""
        after = bisect_right(self.mentions, at, key=_start)
        before = self.mentions[after - 1] if after else None
        if before is None:
            return False
        if at < before.end:
            return True
        return after < len(self.mentions) and _glued(self.folded, before.end, self.mentions[after].start)


def _start(mention: Mention) -> int:
    return mention.start


def _between(mentions: list[Mention], start: int, end: int, base: int | None = None) -> list[Mention]:
    """Those that begin in a span, with offsets counted from `base`: from its start, unless told."""
    base = start if base is None else base
    found = mentions[bisect_left(mentions, start, key=_start) : bisect_left(mentions, end, key=_start)]
    return [Mention(m.id, m.text, m.start - base, m.end - base) for m in found] if base else found


class _Except(NamedTuple):
    """Words such as "except Shanghai", and what they name."""

    start: int
    end: int
    regions: tuple[str, ...]
    services: tuple[str, ...]


class _Clause(NamedTuple):
    """One clause: its text, what it speaks of, whether that could be told, and whether it says "back"."""

    text: _Text
    scope: Scope
    clear: bool
    back: bool


class Gazetteer:
    """The names of one vendor's regions and services. Build it once for a vendor."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self.vendor_name = vendor.name
        self._separate = {region.id for region in vendor.regions if region.separate}
        self._prefixes = prefixes(vendor)
        self._regions = Names(region_names(vendor))
        self._services = Names(service_names(vendor))
        #: Whether its places are those of the common list: its own file lists none.
        self._common = all(region.id == GLOBAL for region in vendor.regions)

    # Fields

    def region(self, key: str | None, text: str | None) -> str | None:
        """The region that a field names, by the platform's key or else in words. None when it is unknown, or several."""
        for word in (key, text):
            if word and (found := self._regions.whole(word) or self._place(word)):
                return found
        words = text or key or ""
        if self._common:
            return atlas().field(words)
        ids = {mention.id for mention in self.regions_in(words)}
        if len(ids) != 1:
            return None
        (found,) = ids
        return None if atlas().apart(words, self._vendor.region_ids[found].country) else found

    def _place(self, text: str) -> str | None:
        """A field with something around the name: a bracket, the word region."""
        if parts := bracketed(text):
            return self._regions.whole(parts[1]) or self._regions.whole(parts[0])
        end = _AREA_LAST.search(fold(text))
        return self._regions.whole(text[: end.start()]) if end else None

    def service(self, key: str | None, text: str | None) -> str | None:
        """The service that a field names, by the platform's key or else by its exact name. None when it is unknown."""
        if found := self._services.whole(key):
            return found
        if not text:
            return None
        bare = without_prefix(text.strip(), self._prefixes)
        names = (text, bare, *inner_products(bare))
        return next((found for name in names if (found := self._services.whole(name))), None)

    def component(self, component: Component) -> tuple[str | None, str | None]:
        """Region and service of a component of a status page; None for what neither its name nor its group tells."""
        names = [name for name in (component.name, component.group) if name]
        levels = [level for name in names for level in ([name], _SEPARATOR.split(name), _BREAK.split(name))]
        region, service = self._regions.whole(component.key), self._services.whole(component.key)
        used: set[str] = set()
        if self._common:
            region = atlas().component(component.name, component.group).id
        elif region is None:
            region, used = self._place_among(levels)
        if service is None:
            parts = (part for level in levels for part in level if part not in used)
            service = next((found for part in parts if (found := self.service(None, part))), None)
        if region is None or service is None:
            region, service = self._run_together(component.name, region, service)
        return region, service

    def only_a_place(self, component: Component) -> bool:
        """Whether a component that has a region is nothing but that place: "Tokyo", not "API (Tokyo)"."""
        return not self._common or atlas().component(component.name, component.group).alone

    def _place_among(self, levels: list[list[str]]) -> tuple[str | None, set[str]]:
        """The region that one part of a name spells, and the parts that do; those set apart only when no other is."""
        spelt = [{part: place for part in parts if (place := self._regions.whole(part))} for parts in levels]
        for apart in (set(), self._separate):
            for found in spelt:
                ids = {place for place in found.values() if place not in self._separate or place in apart}
                if len(ids) == 1:
                    return ids.pop(), set(found)
        return None, set()

    def _run_together(self, name: str, region: str | None, service: str | None) -> tuple[str | None, str | None]:
        """A name without a joint: "EC2 us-east-1", "Tokyo API"."""
        text = self._search(name)
        if region is None and len({m.id for m in text.regions}) == 1:
            region = text.regions[0].id
            rest = text.without((m.start, m.end) for m in text.regions)
            service = service or self.service(None, rest.folded.strip(" -/|,()"))
        if service is None and len({m.id for m in text.services}) == 1:
            service = text.services[0].id
        return region, service

    # Prose

    def regions_in(self, text: str) -> list[Mention]:
        """Every region named in a text, from left to right."""
        folded = fold(text)
        return self._places(text, folded, tokens(folded))

    def services_in(self, text: str) -> list[Mention]:
        """Every service named in a text, from left to right."""
        folded = fold(text)
        return self._products(text, folded, tokens(folded))

    def _search(self, text: str) -> _Text:
        folded = fold(text)
        words = tokens(folded)
        return _Text(text, folded, 0, self._places(text, folded, words), self._products(text, folded, words))

    def _places(self, text: str, folded: str, words: Tokens) -> list[Mention]:
        found = self._regions.find(text, folded, words)
        return _merge(text, [m for m in found if not _CLOCK.match(folded, m.end)])

    def _products(self, text: str, folded: str, words: Tokens) -> list[Mention]:
        found = [m for m in self._services.find(text, folded, words) if not _SYMPTOM.match(folded, m.end)]
        for line in _STATE_LINE.finditer(text) if "normally" in folded else ():
            name, (start, end) = line["name"], line.span("name")
            if not any(m.start < end and start < m.end for m in found) and (service := self.service(None, name)):
                found.append(Mention(service, name, start, end))
        return _merge(text, sorted(found, key=_start))

    def scope(self, text: str, on: date | None = None) -> Scope:
        """What a title, a sentence or an update speaks of. `on` selects the regions that existed then.

        Clauses that say something is not affected do not count.
        """
        found = self._search(text)
        if _UNAFFECTED.search(found.folded):
            clauses = [clause for sentence in _sentences(found) for clause in _clauses(sentence)]
            found = found.without((c.offset, c.offset + len(c.raw)) for c in clauses if _UNAFFECTED.search(c.folded))
        scope, _ = self._scope(found, on)
        return self._with_fields(scope, text)

    def _with_fields(self, scope: Scope, text: str) -> Scope:
        """What prose left open, from a text that is a field or a title as a whole: "Batch (Global)"."""
        product, place = split_title(text)
        if not (scope.services or scope.except_services):
            for words in (text, product) if self._services.whole(text) else (product, text):
                if words and (service := self.service(None, words)):
                    scope = msgspec.structs.replace(scope, services=(service,), service_text=words.strip())
                    break
        if not (scope.regions or scope.open_list):
            for words in (text, place):
                if words and (region := self._regions.whole(words)):
                    scope = msgspec.structs.replace(scope, regions=(region,), region_text=words.strip())
                    break
        return scope

    def _scope(self, text: _Text, on: date | None) -> tuple[Scope, bool]:
        """What a piece of text speaks of, and whether it could be told: "except some" and "other regions" cannot."""
        exceptions = _exceptions(text)
        rest = text.without((e.start, e.end) for e in exceptions)
        every = _EVERY.search(rest.folded)
        out = {region for e in exceptions for region in e.regions}
        named = _distinct(m.id for m in rest.regions)
        unknown = any(not (e.regions or e.services) for e in exceptions)
        others = not every and not out and any(not _ends_list(rest, m.start()) for m in _OTHERS.finditer(rest.folded))
        fanned: list[str] = []
        if (every and not unknown) or (out and not named):
            fanned = [region for region in self._vendor.all_regions(on) if region not in out]
        spans = [(m.start, m.end) for m in rest.regions]
        spans += [every.span()] if every else [(e.start, e.end) for e in exceptions if e.regions]
        complete = bool(fanned) and not out
        scope = Scope(
            regions=_distinct([*fanned, *named]),
            services=_distinct(m.id for m in rest.services),
            open_list=unknown or others or (not complete and _is_open(rest)),
            region_text=_words(text, spans, _TAIL),
            service_text=_words(text, [(m.start, m.end) for m in rest.services]),
            every_region=complete,
            except_services=_distinct(service for e in exceptions for service in e.services),
        )
        return scope, not (unknown or others)

    # Recovery

    def recoveries(self, text: str, on: date | None = None) -> list[Recovery]:
        """The clauses that say of something named that it is back, wholly and already.

        Closes nothing: progress ("逐步恢复中"), parts ("绝大部分"), conditions and negations, and "other
        regions" where it cannot be told which those are.
        """
        if not _BACK.search(fold(text)):
            return []
        found = self._search(text)
        found = found.without(m.span() for m in _STATE_MARK.finditer(found.folded))
        recoveries: list[Recovery] = []
        later, begin = _UnderWay(), len(text)
        for sentence in reversed(list(_sentences(found))):
            if "\n" in found.folded[sentence.offset + len(sentence.raw) : begin]:
                later = _UnderWay()
            begin = sentence.offset
            if _UNDER_WAY.search(sentence.folded) and not _BACK.search(sentence.folded):
                later.add(self._scope(sentence, on)[0])
            recoveries += [r for r in reversed(list(self._recovered(sentence, on))) if not later.holds(r.scope)]
        headed = list(_headings(found)) if recoveries else []
        return [_headed(recovery, headed, found.folded) for recovery in reversed(recoveries)]

    def _recovered(self, sentence: _Text, on: date | None) -> Iterator[Recovery]:
        if not _BACK.search(sentence.folded):
            return
        clauses = [_Clause(c, *self._scope(c, on), _is_back(c)) for c in _clauses(sentence)]
        waiting = [clause for clause in clauses if not clause.back]
        if any(
            _ONGOING.search(c.text.folded) and not (c.text.mentions or _OF_OTHERS.match(c.text.folded)) for c in waiting
        ):
            return  # "X has recovered, but we continue to work on launches": not yet
        rest = _Rest.of(waiting)
        for i, clause in enumerate(clauses):
            if not clause.back:
                continue
            if i and not clause.text.mentions and _NO_SUBJECT.match(clause.text.folded):
                start, end = clauses[i - 1].text.offset, clause.text.offset + len(clause.text.raw)
                piece = sentence.part(start - sentence.offset, end - sentence.offset)
                clause = _Clause(piece, *self._scope(piece, on), back=_is_back(piece))
            scope = self._less(clause, rest, on)
            narrow = _NARROW.search(clause.text.folded) or (
                scope and not scope.services and _ZONE_CODE.search(clause.text.folded)
            )
            if scope and clause.back and not narrow:
                yield _recovery(clause.text, scope)

    def _less(self, clause: _Clause, rest: _Rest, on: date | None) -> Scope | None:
        """The scope of a clause less what its sentence says is not back; None when nothing is left, or none can tell."""
        scope, folded = clause.scope, clause.text.folded
        regions, services = scope.regions, scope.except_services
        if not clause.clear:
            if not _OTHERS.search(folded) or not rest.regions or rest.open_list:
                return None
            regions = tuple(self._vendor.all_regions(on))
        if _OTHER_PRODUCTS.search(folded) and not services:
            services = tuple(rest.services)
            if not services:
                return None
        named = {m.id for m in clause.text.regions}
        left = tuple(r for r in regions if r in named or r not in rest.regions)
        if (regions and not left) or not (left or scope.services):
            return None
        return msgspec.structs.replace(
            scope,
            regions=left,
            except_services=services,
            open_list=scope.open_list and clause.clear,
            every_region=scope.every_region and left == regions,
        )


class _Rest(NamedTuple):
    """What the clauses of a sentence name that do not say "back"."""

    regions: frozenset[str]
    services: tuple[str, ...]
    open_list: bool

    @classmethod
    def of(cls, clauses: list[_Clause]) -> _Rest:
        """Put together from those clauses."""
        scopes = [clause.scope for clause in clauses if not clause.scope.every_region]
        return cls(
            frozenset(region for scope in scopes for region in scope.regions),
            _distinct(service for scope in scopes for service in scope.services),
            any(scope.open_list for scope in scopes),
        )


class _UnderWay:
    """What later sentences of a line say is still being worked on: they take back what one before them said."""

    def __init__(self) -> None:
        self._regions: set[str] = set()
        self._places: dict[str, set[str] | None] = {}  # of each service; None: wherever it is

    def add(self, scope: Scope) -> None:
        """One such sentence. One that names nothing takes nothing back."""
        if not scope.services:
            self._regions.update(scope.regions)
        for service in scope.services:
            places = self._places.get(service, set())
            self._places[service] = places.union(scope.regions) if scope.regions and places is not None else None

    def holds(self, scope: Scope) -> bool:
        """Whether one of its services, or of its regions where it names no service, is among them."""
        if not scope.services:
            return not self._regions.isdisjoint(scope.regions)
        spoken = [self._places[service] for service in scope.services if service in self._places]
        return any(places is None or not scope.regions or not places.isdisjoint(scope.regions) for places in spoken)


def split_title(title: str) -> tuple[str | None, str | None]:
    """Service and region of a title such as "Amazon CloudWatch (Ireland)", split at its last parenthesis.

    Without a parenthesis at the end the whole is the service; a part that is empty is None.
    """
    text = title.strip()
    if text[-1:] not in (")", "）"):
        return text or None, None
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        depth += (text[i] in ")）") - (text[i] in "(（")
        if depth == 0:
            return text[:i].strip() or None, text[i + 1 : -1].strip() or None
    return text, None


_SEPARATOR = re.compile(r"\s[-–—]\s|[|/]")
_BREAK = re.compile(r"\s[-–—]\s|[|/(),（），]")


def _merge(text: str, mentions: list[Mention]) -> list[Mention]:
    """Two names of one thing side by side are one mention: "消息队列MQ", "Netherlands (europe-west4)"."""
    merged: list[Mention] = []
    for mention in mentions:
        if merged and merged[-1].id == mention.id:
            last = merged[-1]
            gap = text[last.end : mention.start].strip() if mention.start - last.end < 4 else "far"
            closed = text[mention.end : mention.end + 1] in (")", "）")
            if not gap or (gap in "(（" and closed):
                end = mention.end + bool(gap)
                merged[-1] = Mention(last.id, text[last.start : end], last.start, end)
                continue
        merged.append(mention)
    return merged


def _distinct(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


def _glued(folded: str, start: int, end: int) -> bool:
    """Whether there is nothing but the joints of a list between two offsets."""
    return start <= end <= start + _GLUE_LIMIT and bool(_GLUE.fullmatch(folded, start, end))


def _ends_list(text: _Text, at: int) -> bool:
    """Whether what stands there is the end of a list: "Beijing and other regions" is an open list, not the others."""
    before = bisect_left(text.mentions, at, key=_start)
    return before > 0 and _glued(text.folded, text.mentions[before - 1].end, at)


def _words(text: _Text, spans: list[tuple[int, int]], tail: re.Pattern[str] | None = None) -> str | None:
    """The words in these spans, lists in one piece, with what `tail` finds behind them."""
    pieces: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if pieces and (start <= pieces[-1][1] or _glued(text.folded, pieces[-1][1], start)):
            pieces[-1] = (pieces[-1][0], max(end, pieces[-1][1]))
        else:
            pieces.append((start, end))
    if tail:
        pieces = [(start, found.end() if (found := tail.match(text.folded, end)) else end) for start, end in pieces]
    return ", ".join(dict.fromkeys(text.raw[start:end] for start, end in pieces)) or None


def _is_open(text: _Text) -> bool:
    """Whether one of its lists ends in "and others", or begins with "such as"."""
    return any(_list_is_open(text, chain) for names in (text.regions, text.services) for chain in _lists(text, names))


def _lists(text: _Text, mentions: list[Mention]) -> Iterator[list[Mention]]:
    """Names that stand together."""
    chain: list[Mention] = []
    for mention in mentions:
        if chain and not _glued(text.folded, chain[-1].end, mention.start):
            yield chain
            chain = []
        chain.append(mention)
    if chain:
        yield chain


def _list_is_open(text: _Text, chain: list[Mention]) -> bool:
    if counted := _COUNTED.match(text.folded, chain[-1].end):
        # "北京、上海等两个地域" names both of two.
        number = _NUMERALS[counted[1]] if counted[1] in _NUMERALS else int(counted[1])
        return number != len({m.id for m in chain})
    before = text.folded[max(0, chain[0].start - 32) : chain[0].start]
    return bool(_AND_OTHERS.match(text.folded, chain[-1].end) or _SUCH_AS.search(before))


def _exceptions(text: _Text) -> list[_Except]:
    """What is expressly left out. "除上海外，北京也" means besides, not except, and is none."""
    found = []
    for match in _EXCEPT_ZH.finditer(text.folded):
        follows = re.split("[。;\n]", text.folded[match.end() : match.end() + 200], maxsplit=1)[0]
        if not _ALSO.search(follows):
            start, end = match.span("what")
            found.append(
                _except(_between(text.regions, start, end), _between(text.services, start, end), *match.span())
            )
    for match in _EXCEPT_EN.finditer(text.folded):
        end, chain = match.end(), []
        for mention in text.mentions[bisect_left(text.mentions, end, key=_start) :]:
            if not _glued(text.folded, end, mention.start):
                break
            chain.append(mention)
            end = mention.end
        regions, services = _between(text.regions, match.end(), end), _between(text.services, match.end(), end)
        found.append(_except(regions, services, match.start(), end))
    return found


def _except(regions: list[Mention], services: list[Mention], start: int, end: int) -> _Except:
    return _Except(start, end, _distinct(m.id for m in regions), _distinct(m.id for m in services))


def _sentences(text: _Text) -> Iterator[_Text]:
    ends = (m for m in _SENTENCE_END.finditer(text.folded) if m[0] != "." or not text.inside(m.start()))
    return _cut(text, ((m.start(), m.end()) for m in ends))


def _clauses(sentence: _Text) -> Iterator[_Text]:
    return _cut(sentence, _clause_ends(sentence))


def _cut(text: _Text, ends: Iterable[tuple[int, int]]) -> Iterator[_Text]:
    at = 0
    for start, end in [*ends, (len(text.raw), len(text.raw))]:
        if text.folded[at:start].strip():
            yield text.part(at, start)
        at = end


def _clause_ends(text: _Text) -> Iterator[tuple[int, int]]:
    """Where a clause ends: a Chinese comma that is none of a list or of "除…，其余"; an English "but", "while"."""
    begin = 0
    for match in _CLAUSE_END.finditer(text.folded):
        start, end = match.span()
        recent = max(begin, start - 200)
        if match[0] == ",":
            ends = _chinese(text, start) and not text.inside(start) and not _UNCLOSED.search(text.folded, recent, start)
        elif match["turn"] is None:
            # "Jakarta and others" is a list, "Jakarta has recovered, others are recovering" is not.
            said = text.folded[recent:start]
            ends = bool(_BACK.search(said) or _ONGOING.search(said))
        else:
            ends = True
        if ends:
            yield start, end
            begin = end


def _chinese(text: _Text, comma: int) -> bool:
    """Whether a comma stands in Chinese: full-width, or next to a Chinese character."""
    beside = text.raw[max(0, comma - 1) : comma] + text.raw[comma + 1 : comma + 2]
    return text.raw[comma] == "，" or bool(CJK.search(beside))


def _is_back(text: _Text) -> bool:
    """Whether a clause says that what it names is back: all of it, and already."""
    folded = text.without((e.start, e.end) for e in _exceptions(text)).folded
    back = _BACK.search(folded)
    return back is not None and not _PARTLY.search(folded) and not _NOT_YET.search(folded, 0, back.start())


def _headings(text: _Text) -> Iterator[tuple[int, Mention]]:
    """Lines, or their beginnings, that are the name of a service and a colon: where each ends, and the service."""
    for match in _HEADING.finditer(text.folded):
        start, end = match.span("name")
        for mention in _between(text.services, start, end, base=0):
            if mention.start == start and mention.end == end:
                yield match.end(), mention


def _headed(recovery: Recovery, headings: Iterable[tuple[int, Mention]], folded: str) -> Recovery:
    """What is said to be back in some regions, under the name of a service, is that service there; up to a blank line."""
    above = [(end, service) for end, service in headings if end <= recovery.span[0]]
    if recovery.scope.services or not above or _BLANK_LINE.search(folded, above[-1][0], recovery.span[0]):
        return recovery
    service = above[-1][1]
    scope = msgspec.structs.replace(recovery.scope, services=(service.id,), service_text=service.text)
    return msgspec.structs.replace(recovery, scope=scope)


def _recovery(text: _Text, scope: Scope) -> Recovery:
    """With the clause as a quote, without the punctuation around it."""
    start = len(text.raw) - len(text.raw.lstrip(_AROUND))
    quote = text.raw.strip(_AROUND)
    start += text.offset
    return Recovery(scope, quote, (start, start + len(quote)))
