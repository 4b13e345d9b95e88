"""Names of regions and services: every spelling of the catalog's, compared whole or found in prose.

Text is folded to lower case and common forms, one character to one character, so that offsets hold
for the original. Names are sequences of tokens in a tree, and the longest one wins; blanks do not
count. Work grows with the length of the text only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

import msgspec

from crawler.catalog import ALL, GLOBAL, Region, Service, Vendor


class Mention(msgspec.Struct, frozen=True):
    """A name found in a text: the catalog's id, the words, and where they stand in that text."""

    id: str
    text: str
    start: int
    end: int


_TRADITIONAL = dict(
    zip(
        "復東華廣區雲臺灣產務個開網絡訊門國亞韓倫羅維蘭馬紐約聖儲數據庫備總經過處後漸陸續們餘啟動應發現異間與還無難點當",
        "复东华广区云台湾产务个开网络讯门国亚韩伦罗维兰马纽约圣储数据库备总经过处后渐陆续们余启动应发现异间与还无难点当",
        strict=True,
    )
)
_LOOKALIKE = {**dict.fromkeys("‐‑‒–—−", "-"), **dict.fromkeys("‘’ʼ`", "'"), "“": '"', "”": '"'}


class _Fold(dict[int, str]):
    """Table for `str.translate`, filled as characters come. Always one character for one."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = folded = self._fold(character)
        return folded

    @staticmethod
    def _fold(character: str) -> str:
        if character in "\n\u2028\u2029":
            return "\n"
        if character.isspace() or unicodedata.category(character) in ("Cc", "Cf"):
            return " "
        if character in _LOOKALIKE:
            return _LOOKALIKE[character]
        bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not "\u0300" <= c <= "\u036f")
        plain = unicodedata.normalize("NFKC", bare).lower()
        plain = plain if len(plain) == 1 else character
        return " " if plain.isspace() else _TRADITIONAL.get(plain, plain)


_FOLD = _Fold()
_TOKEN = re.compile(r"[a-z]+|[0-9]+|\S")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


class Tokens(NamedTuple):
    """The words, numbers and single other characters of a folded text, and where they stand; blanks are none."""

    words: list[str]
    spans: list[tuple[int, int]]


def fold(text: str) -> str:
    """The text in lower case, without accents, with ASCII brackets and digits; same length."""
    if text.isascii() and text.isprintable() and "`" not in text:
        return text.lower()  # the same, in a tenth of the time
    return text.translate(_FOLD)


def tokens(folded: str) -> Tokens:
    """The tokens of a folded text."""
    return Tokens(_TOKEN.findall(folded), [match.span() for match in _TOKEN.finditer(folded)])


def _key(name: str) -> tuple[str, ...]:
    """What two spellings of one name have in common."""
    return tuple(_TOKEN.findall(fold(name)))


def _wordy(character: str) -> bool:
    """Whether a character runs on into a neighbour of its kind: a letter or digit of an alphabet."""
    return character.isalnum() and (character < "\u3040" or not CJK.match(character))


class _Prose(Enum):
    """What a name must look like in prose."""

    NO = 0  # never: only as a whole field
    PLAIN = 1  # any case
    CODE = 2  # an id such as us-east-1: any case, and the zone us-east-1a belongs to it
    CAPITAL = 3  # begins with a capital
    EXACT = 4  # letter for letter
    MULTI = 5  # next to the word "multi-region"


#: Words of everyday prose that are also names of products or places.
_COMMON_WORDS = """
access account accounts actions activity ads advisor agent agents ai alerts alias amplify analytics api apis app
apps archive artifact artifacts assistant audit auth authentication backup bandwidth base batch billing block
blueprint boards boost bot bots bridge bucket build builder bus cache calls camera capacity catalog cdn chat
chime chronicle clean cloud cluster clusters code community composer compute config configuration connect
connector connectivity console container containers content control core cost customers dashboard data database
databases deploy deployment deployments desktop detective developer device devices diagram directory discovery
disk disks dns docs documentation domain domains download downloads drive edge elements email engine enterprise
entry event events exchange explorer export feed feedback files filter finance firewall flow flows forecast
forms foundation front functions gallery games gateway general glue graph groups guide health help home host
hosting hub identity images import inbox infrastructure inspector insights instance instances integration
integrations internet inventory invoices issues it jobs kernel key keys lake launch lex library lightning links
live lock locks log logging login logs machine machines mail main maintenance management manager maps market
marketplace media meet meetings memory message messages messaging meta metrics migration mobile model models
monitor monitoring network networking networks node nodes notebook notebooks notes notification notifications
object online open operations order orders organizations other others packages pages payment payments
performance personalize phone pipeline pipelines place plan planner platform play plugin plugins policy polly
portal ports power private product products profile programs project projects proxy public pull push queue
queues ray recommender records registry regions release releases replication reporting reports repositories
repository research resource resources review reviews rooms route routes run runtime scale scheduler schema
score search secrets security server servers service services session sessions share shield shop shops sign
signer site sites slack sms snapshot snapshots space spaces spark speech stack standard stage status steps
storage store stores stream streaming streams studio support surface switch sync system systems tables tag tags
talent task tasks team teams test testing text time tools trace traffic training transcribe transfer transit
translate translation trust uploads usage user users vault video view vision voice volumes wallet warehouse
watch waf web webhooks website websites wiki word work workbench workers workflow workflows workspace workspaces
africa america americas asia australia canada central china east eu europe global india international japan
local na north south us usa west worldwide in me is 网络 数据库 数据 存储 监控 账单 账号 服务 产品 安全 计算 域名 日志 邮件 短信 备份 消息 云产品 云服务
公网 全球 本地 平台
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_ZONE = re.compile(r"[a-z](?![a-z0-9])|-(?:[a-z]|[0-9][a-z]?|az[0-9]+|regions?)(?![a-z0-9])")
_MULTI = re.compile(r"multi-? ?region")


#: Ranks of spellings, best first: an id, a name in the catalog, one derived from it, and those of lesser things.
_ID, _GIVEN, _DERIVED, _LESSER, _WORD = range(5)


class _Name(NamedTuple):
    """One spelling. Lower ranks win over higher ones; equal ones of two ids cancel each other."""

    text: str
    id: str
    rank: int
    prose: _Prose


class _Spoken(NamedTuple):
    """What a name in prose means. `id` None: ambiguous, so it hides shorter names and means nothing."""

    id: str | None
    prose: _Prose
    name: str


class Names:
    """Spellings of the regions, or of the services, of a vendor."""

    def __init__(self, names: Iterable[_Name]) -> None:
        by_key: dict[tuple[str, ...], list[_Name]] = {}
        for name in names:
            if key := _key(name.text):
                by_key.setdefault(key, []).append(name)
        self._whole: dict[tuple[str, ...], str] = {}
        self._spoken: dict[tuple[str, ...], _Spoken] = {}
        lengths: dict[str, set[int]] = {}
        for key, rivals in by_key.items():
            found = _owner(rivals)
            if found is not None:
                self._whole[key] = found
            said = [name for name in rivals if name.prose is not _Prose.NO and found in (None, name.id)]
            if said:
                best = min(said, key=lambda name: name.rank)
                self._spoken[key] = _Spoken(found, best.prose, best.text)
                lengths.setdefault(key[0], set()).add(len(key))
        #: How many words the names have that begin with a word, most first.
        self._lengths = {word: sorted(some, reverse=True) for word, some in lengths.items()}

    def whole(self, text: str | None) -> str | None:
        """The id of which this text is a name, as a whole."""
        return self._whole.get(_key(text)) if text else None

    def find(self, text: str, folded: str, found: Tokens) -> list[Mention]:
        """Every name in a text, the longest at each place, from left to right."""
        mentions: list[Mention] = []
        words, spans = found
        after = 0
        for i in [i for i, word in enumerate(words) if word in self._lengths]:
            if i < after or (longest := self._longest(text, folded, found, i)) is None:
                continue
            spoken, after = longest
            start, end = spans[i][0], spans[after - 1][1]
            if spoken.id is not None:
                mentions.append(Mention(spoken.id, text[start:end], start, end))
        return mentions

    def _longest(self, text: str, folded: str, found: Tokens, i: int) -> tuple[_Spoken, int] | None:
        """The longest name that begins with this word, and the number of the word after it."""
        words, spans = found
        for length in self._lengths[words[i]]:
            after = i + length
            spoken = self._spoken.get(
                tuple(words[i:after])
            )  # at the end of the text these are fewer words: another name
            if spoken and after <= len(words) and _reads(spoken, text, folded, spans[i][0], spans[after - 1][1]):
                return spoken, after
        return None


def _owner(rivals: list[_Name]) -> str | None:
    """Whose name it is. A name that we derived for several is nobody's, and one given to a lesser thing may stand."""
    if len(rivals) == 1:
        return rivals[0].id
    for rank in sorted({name.rank for name in rivals}):
        ids = {name.id for name in rivals if name.rank == rank}
        if len(ids) == 1:
            return ids.pop()
        if rank != _DERIVED:
            break
    return None


def _reads(spoken: _Spoken, text: str, folded: str, start: int, end: int) -> bool:
    """Whether these words, which spell the name, are the name: not part of a longer word, and written like one."""
    if start and _wordy(folded[start]) and _wordy(folded[start - 1]):
        return False
    runs_on = end < len(folded) and _wordy(folded[end - 1]) and _wordy(folded[end])
    if spoken.prose is _Prose.CODE:
        joined = folded[end : end + 1] == "-" and folded[end + 1 : end + 2].isalnum()
        if runs_on or joined:
            return bool(_ZONE.match(folded, end)) and not (runs_on and folded[end - 1].isalpha())
        return True
    if runs_on:
        return False
    match spoken.prose:
        case _Prose.CAPITAL:
            return text[start].isupper()
        case _Prose.EXACT:
            return text[start:end] == spoken.name
        case _Prose.MULTI:
            return bool(_MULTI.search(folded, max(0, start - 16), end + 32))
        case _:
            return True


def bracketed(name: str) -> tuple[str, str] | None:
    """What stands before, and in, the bracket a name ends with; None when it ends with none."""
    name = name.strip()
    start = max(name.rfind("("), name.rfind("（"))
    if start < 0 or name[-1] not in ")）" or not (inner := name[start + 1 : -1].strip()):
        return None
    return name[:start].strip(), inner


def region_names(vendor: Vendor) -> Iterator[_Name]:
    """Every spelling of the vendor's regions."""
    for region in vendor.regions:
        yield from _names_of_region(region)
    for word in (GLOBAL, "non-regional"):
        yield _Name(word, GLOBAL, _WORD, _Prose.NO)


def _names_of_region(region: Region) -> Iterator[_Name]:
    for name in (region.id, region.key):
        if name:
            yield _Name(name, region.id, _ID, _prose_of_code(name))
    given = [name for name in (region.name, region.local_name, *region.aliases) if name]
    for name in given:
        yield _Name(name, region.id, _LESSER if region.separate else _GIVEN, _prose_of_place(name))
    if region.separate:
        return
    for part in dict.fromkeys(part for name in given for part in _inner_names(name)):
        yield _Name(part, region.id, _DERIVED, _prose_of_place(part))
    if region.city:
        yield _Name(region.city, region.id, _DERIVED, _prose_of_place(region.city))


def _inner_names(name: str) -> Iterator[str]:
    """Shorter names within "US East (N. Virginia)", "华东1（杭州）", "China (Fuzhou - Local Region)"."""
    if parts := bracketed(name):
        outer, inner = parts
        yield inner
        yield re.split(r"\s-|-(?=[^\x00-\x7f])", inner)[0].strip()
        if outer[-1:].isdigit():
            yield outer


def _prose_of_code(name: str) -> _Prose:
    folded = fold(name)
    if folded in _COMMON or not re.search(r"[a-z]", folded):
        return _Prose.MULTI
    if re.search(r"[0-9_-]", folded):
        return _Prose.CODE
    # Region ids without digit or hyphen: "westeurope" is safe in any case, "fra" is not.
    return _Prose.CODE if len(folded) > 5 else _Prose.NO


def _prose_of_place(name: str) -> _Prose:
    folded = fold(name)
    if folded in _COMMON:
        return _Prose.MULTI
    if CJK.search(folded):
        return _Prose.PLAIN if len(folded) > 1 else _Prose.NO
    if re.fullmatch(r"[a-z0-9]*-[a-z0-9-]*[0-9]", folded):
        return _Prose.CODE
    if not re.fullmatch("[a-z]+", folded):
        return _Prose.PLAIN
    return _Prose.EXACT if len(folded) <= 3 else _Prose.CAPITAL


def _prose_of_product(name: str, *, code: bool) -> _Prose:
    folded = fold(name)
    if folded in _COMMON or len(folded) < 2:
        return _Prose.NO
    if CJK.search(folded) or re.search("[0-9]", folded):
        return _Prose.PLAIN
    if not re.fullmatch("[a-z]+", folded):  # several words
        return _Prose.CAPITAL if name[:1].isupper() else _Prose.PLAIN
    if name.islower():
        return _Prose.NO if code else _Prose.PLAIN
    if name[1:].islower():
        return _Prose.CAPITAL
    return _Prose.PLAIN if len(name) > 5 and not name.isupper() else _Prose.EXACT


def prefixes(vendor: Vendor) -> list[str]:
    """How the vendor's products begin: Amazon, AWS, Google Cloud, 阿里云. Longest first."""
    words = vendor.name.split()
    stems = (vendor.name, vendor.local_name or "", *(w for w in words if w.lower() not in _COMMON), vendor.id)
    # Spelt alike but for case they are one.
    return sorted({fold(stem): stem for stem in stems if stem}.values(), key=len, reverse=True)


def service_names(vendor: Vendor) -> Iterator[_Name]:
    """Every spelling of the vendor's services."""
    stems = prefixes(vendor)
    for service in vendor.services:
        names = _names_of_service(service, stems)
        # "Please contact AWS Support" does not speak of an outage of it.
        yield from (n._replace(prose=_Prose.NO) for n in names) if service.category == "support" else names
    yield from _spoken_names(vendor, stems)


def _names_of_service(service: Service, stems: list[str]) -> Iterator[_Name]:
    for name in (service.id, service.key):
        if name:
            yield _Name(name, service.id, _ID, _prose_of_product(name, code=True))
    given = [name for name in (service.name, service.local_name, *service.aliases) if name]
    for name in given:
        yield _Name(name, service.id, _GIVEN, _prose_of_product(name, code=False))
    bare = dict.fromkeys(without_prefix(name, stems) for name in given)
    for short in dict.fromkeys(inner for name in bare for inner in (name, *inner_products(name))):
        yield _Name(short, service.id, _DERIVED, _prose_of_product(short, code=False))
    for name in bare:
        for stem in stems:
            yield _Name(f"{stem} {name}", service.id, _DERIVED, _Prose.PLAIN)


def without_prefix(name: str, stems: list[str]) -> str:
    """A product's name without the vendor's before it."""
    folded = fold(name)
    for stem in stems:
        start = fold(stem)
        if folded.startswith(start) and (CJK.match(start) or folded[len(start) : len(start) + 1] == " "):
            return name[len(start) :].strip() or name
    return name


def inner_products(name: str) -> Iterator[str]:
    """Both names in "Elastic Compute Cloud (EC2)"."""
    if (parts := bracketed(name)) and parts[0]:
        yield parts[0]
        if parts[1].isupper():
            yield parts[1]


def _spoken_names(vendor: Vendor, stems: list[str]) -> Iterator[_Name]:
    """Words every vendor uses for its console, its API and everything it runs."""
    for service in vendor.services:
        if service.id == service.category == "console":
            for word in ("console", "consoles", "management console", "控制台"):
                yield _Name(word, service.id, _DERIVED, _Prose.PLAIN)
        # In English "API" is a part of every product; a Chinese cloud speaks of its one management API.
        if service.id == service.category == "api" and CJK.search(service.local_name or ""):
            for word in ("API", "APIs", "OpenAPI", "云API", "管控API"):
                yield _Name(word, service.id, _DERIVED, _Prose.PLAIN)
    yield _Name(ALL, ALL, _WORD, _Prose.NO)
    for whose in ("", "cloud ", "our ", *(f"{stem} " for stem in stems)):
        for what in ("services", "products"):
            yield _Name(f"all {whose}{what}", ALL, _DERIVED, _Prose.PLAIN)
    for every in ("所有", "全部", "全线"):
        for what in ("云产品", "云服务", "产品", "服务"):
            yield _Name(f"{every}{what}", ALL, _DERIVED, _Prose.PLAIN)
