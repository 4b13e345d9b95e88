"""What a report is about: the services and regions that its title and its opening sentences name.

For platforms that publish prose only. A title such as "RCA - Azure SQL Database - Japan East" is read
part by part: a part that is a name, or holds names, is believed before the text; a part that describes
trouble ("Connectivity issues") names nothing. What the title leaves open is read from the summary of
the impact: its first sentence about customers, and, where that names no service, the sentences that
list what was hit. What is said not to be affected does not count, nor does the rest of the report:
causes and repairs name many things that worked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

import msgspec

from crawler.places.gazetteer import Gazetteer, Mention, Scope


class Named(NamedTuple):
    """One service or region in the vendor's words; `id` None: the catalog does not know it, or it is a vague word."""

    id: str | None
    words: str


class Subject(msgspec.Struct, frozen=True):
    """What a report is about. Words are pieces of the title or the text.

    Several things can share their words: a title's "Azure Front Door and Azure CDN" is one phrase for two.
    "Multiple Services" alone is one `Named` without an id. `every_region`: all were said, and are listed.
    """

    services: tuple[Named, ...] = ()
    regions: tuple[Named, ...] = ()
    every_region: bool = False

    @property
    def service_text(self) -> str | None:
        """The services in words; None where none is named."""
        return _joined(self.services)

    @property
    def region_text(self) -> str | None:
        """The regions in words; None where none is named."""
        return _joined(self.regions)


def _joined(named: Iterable[Named]) -> str | None:
    return ", ".join(dict.fromkeys(name.words for name in named)) or None


# --- titles

#: Dashes between the parts; behind "RCA" and "PIR" also without a blank before them.
_DASH = re.compile(r"\s[-–—]\s|(?<=\bRCA|\bPIR)\s?[-–—:]\s")
#: Parts that speak of the report, not of the outage.
_LABEL = re.compile(
    r"(?i)\s*\[?(?:(?:preliminary|final) )?(?:RCA|PIR|root cause analysis|post[- ]?(?:incident review|mortem)(?: ?\(PIR\))?"
    r"|(?:incident )?(?:mitigated|resolved|recovered)|investigating|identified|monitoring|tracking|update|advisory)\]?\s*"
)
#: Words of trouble: a part with one of them is a description, though names may stand in it.
_TROUBLE = re.compile(
    r"(?i)\b(?:issues?|errors?|fail\w*|outages?|problems?|degrad\w+|disrupt\w+|interrupt\w+|incidents?|events?|delay\w*"
    r"|latenc\w+|time-?outs?|unable|unavailab\w+|availability|impact\w*|affect\w+|intermittent\w*|slow\w*|loss|restarts?"
    r"|connecting|accessing|experienc\w+|reports?|notifications|maintenance|not|due to)\b"
)
#: Before a list of names that fills the rest of a title: "Incident with Actions, Issues and Pages".
_HIT = re.compile(
    r"(?i)\A(?:(?:partial|service|major|minor) )?(?:incidents?|disruptions?|degrad(?:ed|ation))\b"
    r"(?: (?:of|in))?(?: (?:service|performance|availability|experience))*"
    r" (?:with|for|of|in|to|affecting|impacting) (?:(?:some|the) )*"
)
_BETWEEN_HIT = re.compile(r"\s*(?:,|&|\band\b)(?:\s*(?:&|\band\b))?\s*")


# --- text

_HEADING = re.compile(
    r"(?im)^\W{0,4}(?:summary of (?:the )?(?:customer )?impact|impact statement|what happened)\s?[:?]?"
)
_NEXT_HEADING = re.compile(
    r"(?im)^\W{0,4}(?:(?:preliminary )?root[ -]cause|what (?:went wrong|do we know|caused)|mitigation|next steps?|time ?line"
    r"|workaround|current status|how (?:did|are|is|can|do) |detection|resolution|stay informed)"
)
_SENTENCE_END = re.compile(r"\n|(?<=[.!?])\s+(?=[^\sa-z])")
#: The sentence that says who was hit.
_TOLD = re.compile(r"(?i)\b(?:customers?|users?|tenants?|experienc\w+|impact\w*|affect\w+|unable)\b")
#: A sentence that lists what was hit.
_LISTING = re.compile(
    r"(?i)(?P<services>\bservices\b)[^.]{0,160}?\b(?:includ(?:ed|ing|es?)|such as|following|specifically)\b"
)
_UNHARMED = re.compile(
    r"(?i)\b(?:not|n[o']t?) (?:\w+ ){0,2}(?:impact|affect)|\bno impact\b|\bun(?:affected|impacted)\b"
)

_SEVERAL = r"(?:multiple|several|many|various|numerous|a number of|multi)"
_MANY_SERVICES = re.compile(
    rf"(?i)\b{_SEVERAL}[- ](?:[a-z]+ ){{0,3}}services?\b|(?<=\bacross )(?:[a-z]+ )?services\b|\A\s*services(?= impacted)"
)
_MANY_REGIONS = re.compile(rf"(?i)\b{_SEVERAL}[- ](?:[a-z]+ ){{0,2}}(?:regions?|locations)\b|\b(?:US|EU) regions\b")
#: Where a capital is a name: "customers using Storage services", "users in Europe". Everyday words are names only there.
_USED = re.compile(
    r"\b(?:using|leveraging)\s+(?:the\s+)?(?P<name>[A-Z][^,.;\n]{1,60}?)(?:\s+services?)?"
    r"(?=\s+(?:in|across|and|may|might|could|experienced|had|whose|who|with|to|from|customers)\b|\s*[,.;(]|\s*\Z)"
)
_PLACED = re.compile(r"\bin (?:the )?(?P<name>[A-Z][\w-]*(?: [A-Z0-9][\w-]*){0,3})")
#: Names in a list; some of them the catalog may not know.
_ITEM = r"[A-Z][\w'’&+/-]*(?: (?:for |of )?[A-Z0-9][\w'’&+/-]*){0,5}(?: \([A-Z][\w -]{0,20}\))?"
_JOINT = r"(?:, (?:and/or |and |or )?| (?:and/or|and|or) )"
_LIST = re.compile(rf"{_ITEM}(?:{_JOINT}{_ITEM}){{1,60}}")
_BETWEEN_ITEMS = re.compile(_JOINT)
#: Before the first name of a list. Without one of these a longer name may begin further left.
_LEADS = re.compile(
    r"(?:\b(?:in|across|to|from|of|for|the|using|leveraging|access(?:ing)?|includ(?:ing|ed|es?)|affecting|impacting)"
    r"|[:(–—-])\s?\Z"
)
_DATED = re.compile(r"\b\d{4}\b|\bUTC\b")
_PHRASE_JOINT = re.compile(r"\s*(?:,|/|&|and/or|and|or)\s*(?:and/or|and|or)?\s*(?:the\s)?\s*")
_SHORT_FORM = re.compile(r"\s*\([A-Z][\w -]{0,20}\)\Z")


class _Kind(NamedTuple):
    """How names of one kind, services or regions, are found."""

    whole: Callable[[str], str | None]
    find: Callable[[str], list[Mention]]
    #: Whether words are a name of the other kind.
    other: Callable[[str], str | None]
    #: Several, and none by name.
    many: re.Pattern[str]
    #: What is a name by where it stands.
    stands: re.Pattern[str]

    @classmethod
    def services(cls, places: Gazetteer) -> _Kind:
        """Names of services."""
        return cls(
            partial(places.service, None), places.services_in, partial(places.region, None), _MANY_SERVICES, _USED
        )

    @classmethod
    def regions(cls, places: Gazetteer) -> _Kind:
        """Names of regions."""
        return cls(
            partial(places.region, None), places.regions_in, partial(places.service, None), _MANY_REGIONS, _PLACED
        )


def subject(places: Gazetteer, title: str, text: str = "", on: date | None = None) -> Subject:
    """What a report with this title and text is about. `on` selects the regions that existed then."""
    parts = [part.strip() for part in _DASH.split(title) if part.strip() and not _LABEL.fullmatch(part)]
    sentences = [s for s in _sentences(_opening(text)) if not _UNHARMED.search(s)]
    told = next((sentence for sentence in sentences if _TOLD.search(sentence)), "")
    regions, every = _regions(places, title, parts, told, sentences, on)
    return Subject(_services(places, parts, told, sentences), regions, every)


def _opening(text: str) -> str:
    """The summary of the impact: from its heading, where there is one, to the next heading."""
    heading = _HEADING.search(text)
    text = text[heading.end() :] if heading else text
    end = _NEXT_HEADING.search(text)
    return text[: end.start()] if end else text


def _sentences(text: str) -> Iterator[str]:
    return (sentence for sentence in _SENTENCE_END.split(text) if sentence.strip())


# --- services


def _services(places: Gazetteer, parts: list[str], told: str, sentences: list[str]) -> tuple[Named, ...]:
    kind = _Kind.services(places)
    named, many = _titled(places, kind, parts)
    if len(named) == 1 and named[0].words not in parts:
        return (_fuller(named[0], _spoken(kind, told)),)
    if named:
        return named
    spoken, listed = _spoken(kind, told), _listed(kind, sentences)
    if many:
        return max(spoken, listed, key=len) or (many,)
    return spoken or listed or tuple(_many(kind, sentences)[:1])


def _titled(places: Gazetteer, kind: _Kind, parts: list[str]) -> tuple[tuple[Named, ...], Named | None]:
    """What the first part of a title that names something names; or its word for several."""
    for part in parts:
        if found := kind.whole(part):
            return (Named(found, part),), None
        hit, mentions = _hit(places, part), kind.find(part)
        if len(hit) > len({mention.id for mention in mentions}):
            return hit, None
        if mentions:
            return tuple(_phrases(part, mentions)), None
        if many := _many(kind, [part]):
            return (), many[0]
        if part is parts[0] and len(parts) > 1 and _is_name(places, part):
            return (Named(None, part),), None
    return (), None


def _hit(places: Gazetteer, part: str) -> tuple[Named, ...]:
    """The services in a list that fills a title's end. Each item is a whole name: "Issues" counts here, not in prose."""
    if not (lead := _HIT.match(part)):
        return ()
    items = (item.strip(" .") for item in _BETWEEN_HIT.split(part[lead.end() :]))
    return _distinct(named for item in items if item[:1].isupper() for named in _item(places, item))


def _item(places: Gazetteer, item: str) -> Iterable[Named]:
    """An item as a whole, with or without the vendor's name at its end ("Pages on GitHub"), else the names in it."""
    found = places.service(None, item) or places.service(None, _of_vendor(places.vendor_name).sub("", item))
    return [Named(found, item)] if found else [Named(m.id, m.text) for m in places.services_in(item)]


@lru_cache(maxsize=64)
def _of_vendor(name: str) -> re.Pattern[str]:
    """The vendor's name at the end of an item: "Pages on GitHub"."""
    return re.compile(rf"(?i)\s+(?:(?:on|in|for) )?{re.escape(name)}\Z")


def _phrases(text: str, mentions: list[Mention]) -> Iterator[Named]:
    """Names with their words; those that stand together in a list share those of the list."""
    chain: list[Mention] = []
    for mention in (*mentions, None):
        if chain and (mention is None or not _PHRASE_JOINT.fullmatch(text, chain[-1].end, mention.start)):
            words = text[chain[0].start : chain[-1].end]
            yield from (Named(found, words) for found in dict.fromkeys(m.id for m in chain))
            chain = []
        if mention:
            chain.append(mention)


def _is_name(places: Gazetteer, part: str) -> bool:
    """Whether a part of a title looks like the name of a service that the catalog does not list."""
    if _TROUBLE.search(part) or places.regions_in(part) or places.region(None, part) or _MANY_REGIONS.search(part):
        return False
    return all(not word[:1].islower() or word in ("for", "of", "and") for word in part.split())


def _fuller(named: Named, spoken: Iterable[Named]) -> Named:
    """The same thing by its full name: a description in a title shortens it."""
    same = (n for n in spoken if n.id == named.id and named.words.lower() in n.words.lower())
    return max(named, *same, named, key=lambda n: len(n.words))


def _listed(kind: _Kind, sentences: list[str]) -> tuple[Named, ...]:
    """The longest enumeration of services that were hit."""
    found = (_spoken(kind, s, since=m.end()) for s in sentences if (m := _LISTING.search(s)))
    return max((names for names in found if len(names) > 1), key=len, default=())


# --- regions


def _regions(
    places: Gazetteer, title: str, parts: list[str], told: str, sentences: list[str], on: date | None
) -> tuple[tuple[Named, ...], bool]:
    kind = _Kind.regions(places)
    scope = places.scope(title, on)
    if scope.region_text and set(scope.regions) - {m.id for m in kind.find(title)}:  # all, or all but some
        return _alike(scope), scope.every_region
    named = tuple(n for part in parts for n in _titled_regions(kind, part) if n.id in scope.regions or n.words == part)
    if named:
        return _distinct(named), False
    if many := _many(kind, [*parts, told]):
        listed = max((_spoken(kind, sentence) for sentence in sentences), key=len, default=())
        return (listed if len(listed) > 1 else (many[0],)), False
    scope = places.scope(told, on)
    if scope.every_region:
        return _alike(scope), True
    return _spoken(kind, told), False


def _titled_regions(kind: _Kind, part: str) -> Iterable[Named]:
    mentions = [Named(m.id, m.text) for m in kind.find(part)]
    found = None if mentions else kind.whole(part)
    return [Named(found, part)] if found else mentions


def _alike(scope: Scope) -> tuple[Named, ...]:
    """Regions that one phrase names, such as "all regions"."""
    return tuple(Named(region, scope.region_text or region) for region in scope.regions)


# --- sentences


def _many(kind: _Kind, texts: Iterable[str]) -> list[Named]:
    return [Named(None, match[0].strip()) for text in texts if (match := kind.many.search(text))]


def _spoken(kind: _Kind, sentence: str, since: int = 0) -> tuple[Named, ...]:
    """What a sentence names from an offset on: what the catalog knows, and what stands in one list with it."""
    mentions = [m for m in kind.find(sentence) if m.start >= since]
    for match in kind.stands.finditer(sentence, since):
        start, end = match.span("name")
        if not _meets(mentions, start, end) and (found := kind.whole(match["name"])):
            mentions.append(Mention(found, match["name"], start, end))
    names = [(m.start, Named(m.id, _SHORT_FORM.sub("", m.text))) for m in mentions]
    for listing in _LIST.finditer(sentence, since):
        if _meets(mentions, *listing.span()):
            names += _others(kind, sentence, listing.span(), mentions)
    return _distinct(named for _, named in sorted(names, key=lambda name: name[0]))


def _meets(mentions: Iterable[Mention], start: int, end: int) -> bool:
    return any(m.start < end and m.end > start for m in mentions)


def _distinct(names: Iterable[Named]) -> tuple[Named, ...]:
    """Each thing once, by its first name."""
    first: dict[str, Named] = {}
    for named in names:
        first.setdefault(named.id or named.words, named)
    return tuple(first.values())


def _others(kind: _Kind, sentence: str, span: tuple[int, int], mentions: list[Mention]) -> Iterator[tuple[int, Named]]:
    """The items of a list that hold no name known in prose: a word such as "Storage", or what the catalog lacks."""
    start, last = span
    for joint in (*_BETWEEN_ITEMS.finditer(sentence, *span), None):
        end = joint.start() if joint else last
        words = _SHORT_FORM.sub("", sentence[start:end])
        if not (_meets(mentions, start, end) or _DATED.search(words) or kind.other(words)):
            found = kind.whole(words)
            if found or start > span[0] or _LEADS.search(sentence[max(0, start - 12) : start]):
                yield start, Named(found, words)
        start = joint.end() if joint else end
