"""What zone words mean, and what a wall clock in a zone is in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

AMBIGUOUS = "ambiguous local time"
MISSING = "local time does not exist"

#: Zones named by their place, which mean the same on every page. Abbreviations are never among them:
#: CST is Chicago or Shanghai, IST three countries; only the catalog knows.
PLACES: Mapping[str, str] = {
    "pacific time": "America/Los_Angeles",
    "pacific standard time": "America/Los_Angeles",
    "pacific daylight time": "America/Los_Angeles",
    "beijing time": "Asia/Shanghai",
    "china standard time": "Asia/Shanghai",
    "japan time": "Asia/Tokyo",
    "japan standard time": "Asia/Tokyo",
    "korea standard time": "Asia/Seoul",
    "hong kong time": "Asia/Hong_Kong",
    "singapore time": "Asia/Singapore",
    "北京时间": "Asia/Shanghai",
    "北京時間": "Asia/Shanghai",
    "中国标准时间": "Asia/Shanghai",
    "新加坡时间": "Asia/Singapore",
    "香港时间": "Asia/Hong_Kong",
    "日本时间": "Asia/Tokyo",
    "日本時間": "Asia/Tokyo",
    "東京時間": "Asia/Tokyo",
    "太平洋时间": "America/Los_Angeles",
    "太平洋時間": "America/Los_Angeles",
    "대한민국 시간": "Asia/Seoul",
    "한국 시간": "Asia/Seoul",
    "한국시간": "Asia/Seoul",
    "태평양 시간": "America/Los_Angeles",
    "태평양시간": "America/Los_Angeles",
    "협정 세계시": "UTC",
    "协调世界时": "UTC",
    "世界标准时间": "UTC",
    "世界協定時": "UTC",
}
#: Words that name a place rather than what its clocks show; the abbreviation in force is told instead.
_GENERIC = re.compile(r"[ECMP]T|[A-Za-z]+/.*|(?:US |North American )?(?:Pacific|Eastern|Central|Mountain) Time", re.I)
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d{2}))?")


class Zone(NamedTuple):
    """A zone as a text writes it. `rule` is None when nobody knows what the word means."""

    written: str
    rule: tzinfo | None

    def told(self, when: datetime) -> str:
        """The abbreviation of the zone at `when`: as written, unless only the place is written."""
        if self.rule and _GENERIC.fullmatch(self.written):
            name = when.astimezone(self.rule).tzname()
            if name and name.isalpha():
                return name
        return self.written


class Zones:
    """What zone words mean for one source.

    `default` (IANA name) holds for times without a zone. `aliases` maps words as the vendor writes them
    ("PST", "PT", "CST", "Beijing time") to IANA names; they go before the words known everywhere:
    UTC, GMT, Z, UTC+8, +08:00, IANA names, and zones named by their place such as 北京时间.
    A vendor that writes PST all year has wall clocks that follow the zone's rule, whatever the label.
    Raises ValueError for a name that is no IANA zone.
    """

    def __init__(self, default: str, aliases: Mapping[str, str]) -> None:
        self.default = _zone(default)
        self._rules: dict[str, tzinfo] = {word: _zone(name) for word, name in PLACES.items()}
        self._rules |= {_key(word): _zone(name) for word, name in aliases.items()}

    def look_up(self, written: str) -> Zone:
        """The zone a word means, `rule` None when it is not known."""
        key = _key(written)
        rule = self._rules.get(key)
        if rule is None:
            rule = _universal(key)
        return Zone(written, rule)

    @cached_property
    def words(self) -> re.Pattern[str]:
        """Finds the words of this map, longest first, in folded text (see `lexer.fold`)."""
        words = sorted(self._rules, key=len, reverse=True)
        latin = "|".join(re.escape(w).replace(r"\ ", r"\s") for w in words if w.isascii())
        other = "|".join(re.escape(w) for w in words if not w.isascii())
        return re.compile(rf"(?<![a-z0-9/_.-])(?:{latin})(?![a-z0-9_]|/(?!\d))|(?:{other})(?:\s?기준)?")


def universal(wall: datetime, zone: tzinfo, label: str | None = None) -> tuple[datetime, str | None]:
    """The instant at which clocks in `zone` show `wall` (naive), and why that cannot be told, if so.

    A repeated hour is told apart by the label in force (PDT before, PST after); without one the first is
    taken and AMBIGUOUS returned. A skipped hour gives MISSING.
    """
    first = wall.replace(tzinfo=zone, fold=0)
    second = first.replace(fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before == after or before is None or after is None:
        return first.astimezone(UTC), None
    if before < after:
        return first.astimezone(UTC), MISSING
    if label and second.tzname() == label.upper():
        return second.astimezone(UTC), None
    if label and first.tzname() == label.upper():
        return first.astimezone(UTC), None
    return first.astimezone(UTC), AMBIGUOUS


def _key(word: str) -> str:
    return " ".join(word.lower().removesuffix("기준").split())


@lru_cache(maxsize=1024)
def _universal(key: str) -> tzinfo | None:
    """Words that mean the same everywhere."""
    if key in ("utc", "gmt", "z", "utc+0", "gmt+0"):
        return UTC
    if match := _OFFSET.fullmatch(key):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes <= 14 * 60:
            return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
        return None
    if "/" not in key:
        return None
    name = "/".join("US" if part == "us" else part.title() for part in key.split("/"))
    try:
        return _zone(name)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or the name of a folder
        raise ValueError(f"not an IANA time zone: {name!r}") from None
