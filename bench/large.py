"""An archive as large as this one may become: invented, skewed as real ones are, the same for the same seed.

A million outages and three million claims of a quarter of a million incidents, by the vendors of the catalog. The first
vendor has a fifth of all outages, the first region of each a third of its own; most incidents have one to three outages,
some have five hundred. Rows are written straight into the schema, indexes after them; then what the archive derives
from its rows is derived by its own code (`derive`). `bench/site.py` asks its pages.
"""

from __future__ import annotations

import math
import random
import sqlite3
import sys
import time
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from crawler import coverage  # noqa: E402
from crawler.archive import Archive  # noqa: E402
from crawler.captures import Captures  # noqa: E402
from crawler.catalog import load  # noqa: E402
from crawler.database import transaction  # noqa: E402
from crawler.records import Component, Impact, Incident, Kind, Severity, State, Update, instant  # noqa: E402

#: The newest look of the archive, and how far back its incidents go and its looks.
NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
YEARS, LOOKED_YEARS, POLLED_MONTHS = 10, 4, 24
SINCE = datetime(NOW.year - YEARS - 1, 1, 1, tzinfo=UTC)
#: How many there are of what is counted; incidents follow from their outages.
OUTAGES, POLLS, COMPONENT_STATES, SIGNALS, UNRESOLVED = 1_000_000, 2_000_000, 300_000, 3_000, 60_000
#: A crash costs the file, which is made again.
QUICK = (
    "journal_mode = off",
    "synchronous = off",
    "cache_size = -3000000",
    "temp_store = memory",
    "foreign_keys = off",
)
#: Incidents written in one go.
BATCH = 5_000

#: Of the vendors: their Zipf exponent, by which the first of 1,500 has a fifth.
SKEW = 1.15
#: Share of the first region, and of what names no region.
FIRST, PLACELESS = 1 / 3, 0.1

KINDS = [(Kind.OUTAGE, 85), (Kind.MAINTENANCE, 12), (Kind.NOTICE, 3)]
SEVERITIES = [
    (Severity.DEGRADED, 45),
    (Severity.PARTIAL_OUTAGE, 25),
    (Severity.MAJOR_OUTAGE, 15),
    (Severity.NOTICE, 8),
    (None, 7),
]
OUTCOMES = [("same", 700), ("not-modified", 150), ("new", 120), ("error", 25), ("unreadable", 5)]
FIELDS = [
    ("update text", 40),
    ("update added", 25),
    ("title", 12),
    ("severity", 10),
    ("update removed", 5),
    ("state", 5),
    ("vanished", 3),
]
LANGUAGES = [("en", 80), ("de", 4), ("pt", 4), ("es", 4), ("ja", 3), ("zh", 5)]

#: Syllables that invented words are made of, and words that occur among them, by language.
SYLLABLES = {
    "en": ("re con ser ver la ten cy au then ti ca tion que ue net work sto rage da ta ba se er ror time out load "
           "bal an cer de gra ded per form ance in ves ga ting mo ni tor fix up stream pro vi der", "the of and for in"),
    "de": ("ver zö ge rung stö rung ge rä te netz aus fall wie der her stel lung be trof fen ü ber lei tung mün chen", "der die und für in"),
    "pt": ("ser vi ço in dis po ní vel a ten di men to re gi ão são pau lo es ta bi li za ção len ti dão er ro", "de do e para em"),
    "es": ("ser vi cio in te rrup ción in ves ti ga mos re gión cau sa raíz len ti tud res ta ble ci do má la ga", "de la y para en"),
    "ja": ("しょう がい の えい きょう を かく にん つう しん サー ビス ふっ きゅう 東京 大阪", "は が に で を"),
    "zh": ("杭州 北京 上海 深圳 香港 服务 异常 恢复 控制台 访问 延迟 错误 正在 处理 地域 用户 影响 网络 存储 数据库", "的 了 和 在 为"),
}  # fmt: skip


class Vendor(NamedTuple):
    """One vendor, and what may be out there: ids with their running sums of weight."""

    id: str
    sources: list[tuple[str, str]]
    regions: list[str]
    region_sums: list[float]
    services: list[str]
    service_sums: list[float]
    language: str


class Chance:
    """What is drawn at random, and the words that are made up."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sentences = {language: [self._sentence(language) for _ in range(4_000)] for language in SYLLABLES}

    def of(self, choices: Sequence[tuple[Any, int]]) -> Any:
        """One of these, by weight."""
        left = self.random.random() * sum(weight for _, weight in choices)
        for choice, weight in choices:
            left -= weight
            if left < 0:
                return choice
        return choices[-1][0]

    def several(self, names: Sequence[str], sums: Sequence[float], number: int) -> list[str]:
        """Different ones of these, by weight; all when there are no more."""
        if number >= len(names):
            return list(names)
        found: dict[str, None] = {}
        for _ in range(number * 4):
            found[names[bisect_left(sums, self.random.random() * sums[-1])]] = None
            if len(found) == number:
                return list(found)
        return list(dict.fromkeys([*found, *names]))[:number]

    def code(self, letters: int = 12) -> str:
        """An identifier as status pages give out."""
        return "".join(self.random.choices("0123456789bcdfghjklmnpqrstvwxyz", k=letters))

    def _word(self, language: str) -> str:
        syllables, small = (words.split() for words in SYLLABLES[language])
        if self.random.random() < 0.25:
            return self.random.choice(small)
        return "".join(self.random.choices(syllables, k=self.random.randint(1, 4)))

    def _sentence(self, language: str) -> str:
        joint = "" if language in ("ja", "zh") else " "
        words = joint.join(self._word(language) for _ in range(self.random.randint(6, 24)))
        return words.capitalize() + ("。" if not joint else ".")

    def text(self, language: str, most: int) -> list[str]:
        """Some sentences."""
        return self.random.choices(self.sentences[language], k=self.random.randint(1, most))


def zipf(number: int, exponent: float) -> list[float]:
    """Running sums of the weights of so many things."""
    return list(accumulate(rank**-exponent for rank in range(1, number + 1)))


def headed(number: int) -> list[float]:
    """Running sums of weights of which the first has its third."""
    if number < 2:
        return [1.0] * number
    rest = zipf(number - 1, 0.7)
    return [FIRST, *(FIRST + (1 - FIRST) * each / rest[-1] for each in rest)]


def stamp(seconds: float) -> str:
    """UTC text of an epoch."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def insert(conn: sqlite3.Connection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    """Rows into some columns of a table; the list is empty afterwards."""
    marks = ", ".join("?" * (columns.count(",") + 1))
    conn.executemany(f"insert into {table} ({columns}) values ({marks})", rows)
    rows.clear()


def found_vendors(conn: sqlite3.Connection, chance: Chance) -> list[Vendor]:
    """The vendors of the catalog, those with most regions and services first; what a page would add to them is added."""
    listed: dict[str, dict[str, list[Any]]] = {}
    for table in ("regions", "services"):
        for vendor, id in conn.execute(f"select vendor, id from {table} order by vendor, id").fetchall():
            listed.setdefault(vendor, {}).setdefault(table, []).append(id)
    for vendor, id, url in conn.execute(
        "select vendor, id, url from sources where platform <> 'landmarks' order by polled desc, id"
    ):
        listed.setdefault(vendor, {}).setdefault("sources", []).append((id, url))
    order = sorted(listed, key=lambda v: (-len(listed[v].get("regions", ())) * len(listed[v].get("services", ())), v))
    vendors, regions, services = [], [], []
    for number, vendor in enumerate(order):
        known = listed[vendor]
        some_regions, some_services = known.get("regions", []), known.get("services", [])
        if len(some_regions) < 2 and chance.random.random() < 0.4:
            parts = chance.random.choices(("eu", "us", "ap", "sa"), k=chance.random.randint(2, 14))
            places = [f"{part}-{chance.code(4)}" for part in parts]
            regions += [(vendor, place, place, place.upper(), 0, 0) for place in places]
            some_regions += places
        if len(some_services) < 5:
            things = [chance.code() for _ in range(min(90, 4 + int(chance.random.expovariate(1 / 14))))]
            services += [(vendor, thing, thing, f"{chance.code(5)} {chance.code(4)}".title(), 0) for thing in things]
            some_services += things
        chance.random.shuffle(some_regions)
        chance.random.shuffle(some_services)
        vendors.append(
            Vendor(vendor, known.get("sources", []), some_regions, headed(len(some_regions)), some_services,
                   zipf(len(some_services), 0.9), "zh" if number in (3, 9) else chance.of(LANGUAGES))
        )  # fmt: skip
    insert(conn, "regions", "vendor, id, key, name, separate, listed", list(dict.fromkeys(regions)))
    insert(conn, "services", "vendor, id, key, name, listed", services)
    return [vendor for vendor in vendors if vendor.sources]


def sizes(chance: Chance) -> Iterator[int]:
    """Outages of one incident after the other: most have one to three, one in some thousands has five hundred."""
    while True:
        kind = chance.random.random()
        if kind < 0.72:
            yield chance.random.randint(1, 3)
        elif kind < 0.96:
            yield chance.random.randint(3, 9)
        elif kind < 0.999:
            yield min(120, 10 + int(chance.random.expovariate(1 / 25)))
        else:
            yield chance.random.randint(200, 500)


INCIDENTS = """id, vendor, key, source, title, url, kind, severity, severity_text, state, state_text, service_text,
  region_text, started_at, ended_at, minutes, start_basis, end_basis, first_posted_at, resolved_posted_at, first_seen_at,
  last_seen_at, vanished_at, postmortem_at, postmortem_url"""
OUTAGE = "id, incident, vendor, region, service, severity, started_at, ended_at, minutes, start_basis, end_basis"
CLAIM = """id, incident, source, authority, said_at, region, service, region_text, service_text, severity, started_at, ended_at,
  basis, timezone_text, quote, suspect, url"""
UPDATE = "id, incident, position, posted_at, state, state_text, text, first_seen_at, removed_at"
REVISION = "id, incident, update_id, source, seen_at, field, before, after"
VERSION = "incident, source, url, number, seen_at, digest, record, left_list, before_at"
SIGHTING = "incident, source, url, began, first_seen_at, last_seen_at"
POLL = "id, source, url, polled_at, outcome, http_status, capture, bytes, milliseconds, error, reach"
STATE = """source, url, component, vendor, key, name, group_name, region, service, severity, severity_text, before_at,
  seen_at"""
CONCERN = "vendor, component, incident, since, until"
WRITTEN = {
    "incidents": INCIDENTS, "outages": OUTAGE, "claims": CLAIM, "updates": UPDATE, "revisions": REVISION,
    "versions": VERSION, "sightings": SIGHTING, "concerns": CONCERN,
}  # fmt: skip


class Incidents:
    """Incidents in the order of their beginnings, and all that hangs on them."""

    def __init__(self, conn: sqlite3.Connection, chance: Chance, vendors: list[Vendor]) -> None:
        self.conn = conn
        self.chance = chance
        self.random = chance.random
        self.vendors = vendors
        self.sums = zipf(len(vendors), SKEW)
        self.rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in WRITTEN}

    def write(self, outages: int) -> None:
        """So many outages, in as many incidents as that takes."""
        span = YEARS * 365.25 * 86400
        drawn, numbers = 0, []
        for size in sizes(self.chance):
            if drawn >= outages:
                break
            # What a small vendor cannot have, the next incident has.
            vendor = self.vendors[bisect_left(self.sums, self.random.random() * self.sums[-1])]
            size = min(size, max(1, len(vendor.regions)) * len(vendor.services), outages - drawn)
            kind = self.chance.of(KINDS)
            drawn += 0 if kind is Kind.NOTICE else size
            numbers.append((NOW.timestamp() - span * (1 - math.sqrt(self.random.random())), vendor, kind, size))
        numbers.sort(key=lambda each: each[0])
        for number, (began, vendor, kind, size) in enumerate(numbers, start=1):
            self._incident(began, vendor, kind, 0 if kind is Kind.NOTICE else size)
            if number % BATCH == 0:
                self.flush()
        self.flush()

    def flush(self) -> None:
        """Write what has been gathered."""
        for table, columns in WRITTEN.items():
            insert(self.conn, table, columns, self.rows[table])

    def _incident(self, began: float, vendor: Vendor, kind: Kind, size: int) -> None:
        draw, chance, now = self.random, self.chance, NOW.timestamp()
        key = self._key(vendor, began)
        id = f"{vendor.id}:{key}"
        source, url = vendor.sources[0]
        lasted = min(86400 * 20, 300 + draw.lognormvariate(8.3, 1.1))
        is_open = began + lasted > now
        endless = is_open or draw.random() < 0.01
        ended = None if endless else stamp(began + lasted)
        severity = Severity.MAINTENANCE if kind is Kind.MAINTENANCE else chance.of(SEVERITIES)
        cells = self._cells(vendor, size)
        posted = self._posts(began, lasted, vendor.language, is_open)
        title = f"{cells[0][1] if cells else ''} {posted[0].text[:60]} {cells[0][0] or '' if cells else ''}".strip()
        first_look = now - LOOKED_YEARS * 365.25 * 86400
        seen = max(began + draw.uniform(400, 3000), first_look + draw.uniform(0, 86400 * 90))
        last_seen = now - draw.uniform(0, 3600) if is_open else min(now, seen + lasted + 86400 * draw.uniform(5, 60))
        record = Incident(
            key=key, title=title, url=f"https://status.example/{key}", kind=kind, severity=severity,
            severity_text=severity and severity.value, state=posted[-1].state, state_text=posted[-1].state_text,
            first_posted_at=posted[0].posted_at, resolved_posted_at=None if is_open else posted[-1].posted_at, updates=posted,
            impacts=tuple(Impact(component=Component(key=f"{s}-{r}", name=f"{s} {r}"), severity=severity) for r, s in cells),
        )  # fmt: skip
        self._versions(id, vendor, record, seen)
        self.rows["sightings"].append((id, source, url, stamp(began), stamp(seen), stamp(last_seen)))
        basis = draw.choice(("stated", "structured", "structured", "posted"))
        self._outages(id, vendor, cells, posted, began, None if endless else began + lasted, severity, basis)
        self._updates(id, posted, seen)
        self._revisions(id, source, posted, seen)
        if cells and draw.random() < 0.5:
            component = f"{cells[0][1]}-{cells[0][0]}"
            self.rows["concerns"].append((vendor.id, component, id, stamp(began), ended))
        explained = stamp(began + lasted + 86400 * draw.uniform(1, 20)) if draw.random() < 0.03 else None
        self.rows["incidents"].append(
            (id, vendor.id, key, source, title, record.url, kind, severity, record.severity_text, record.state,
             record.state_text, ", ".join(sorted({s for _, s in cells})[:20]) or None,
             ", ".join(sorted({r for r, _ in cells if r})[:20]) or None, stamp(began),
             ended, None if endless else round(lasted / 60, 1), basis, ended and basis, _said(posted[0].posted_at), None if is_open else _said(posted[-1].posted_at),
             stamp(seen), stamp(last_seen), stamp(last_seen + 600) if draw.random() < 0.01 else None,
             explained, explained and f"https://status.example/{key}/report")
        )  # fmt: skip

    def _key(self, vendor: Vendor, began: float) -> str:
        """As the largest vendors have them, with all that needs encoding; as Statuspage gives them out."""
        if vendor is self.vendors[0]:
            return f"{vendor.services[0]}/{vendor.regions[0]}_{int(began)}{self.chance.code(3)}"
        return self.chance.code()

    def _cells(self, vendor: Vendor, size: int) -> Sequence[tuple[str | None, str]]:
        """What was out: regions and services, or services without a place."""
        if not size:
            return []
        if not vendor.regions or (size <= len(vendor.services) and self.random.random() < PLACELESS):
            return [(None, service) for service in self.chance.several(vendor.services, vendor.service_sums, size)]
        wide = min(len(vendor.regions), max(1, round(math.sqrt(size) * self.random.uniform(0.3, 1.5))))
        high = min(len(vendor.services), -(-size // wide))
        regions = self.chance.several(vendor.regions, vendor.region_sums, max(wide, -(-size // high)))
        services = self.chance.several(vendor.services, vendor.service_sums, high)
        return [(region, service) for region in regions for service in services][:size]

    def _posts(self, began: float, lasted: float, language: str, is_open: bool) -> tuple[Update, ...]:
        number = min(60, 1 + int(self.random.expovariate(1 / 3.2)))
        states = [State.INVESTIGATING, State.IDENTIFIED, State.MONITORING]
        posts = []
        for place in range(number):
            last = place == number - 1 and not is_open
            state = State.RESOLVED if last else states[min(2, place)]
            at = began + 600 + lasted * place / number
            posts.append(
                Update(key=f"u{place}{int(began) % 10000}", posted_at=datetime.fromtimestamp(int(at), UTC), state=state,
                       state_text=state.value.title(), text=" ".join(self.chance.text(language, 5)))
            )  # fmt: skip
        return tuple(posts)

    def _versions(self, id: str, vendor: Vendor, record: Incident, seen: float) -> None:
        live = seen < NOW.timestamp() - 86400 and seen - (record.first_posted_at or NOW).timestamp() < 3600
        number = min(len(record.updates), self.random.randint(1, 4)) if live else 1
        source, url = vendor.sources[0]
        for version in range(number):
            posted = record.updates if version == number - 1 else record.updates[: version + 1]
            text = msgspec.json.encode(msgspec.structs.replace(record, updates=posted)).decode()
            at, digest = seen + version * 1800, f"{zlib.crc32(text.encode()):016x}"
            self.rows["versions"].append((id, source, url, version, stamp(at), digest, text, 0, stamp(at - 300)))

    def _outages(
        self, id: str, vendor: Vendor, cells: Sequence[tuple[str | None, str]], posted: Sequence[Update], began: float,
        ended: float | None, severity: Severity | None, basis: str,
    ) -> None:  # fmt: skip
        """Regions come back in waves; three claims for each outage, in one incident of ten by somebody who disagrees."""
        waves = self.random.randint(1, min(6, max(1, len(cells))))
        contradicted = self.random.random() < 0.1
        quote, said = posted[-1].text.split(". ")[0][:300], _said(posted[-1].posted_at)
        other = vendor.sources[-1][0] if len(vendor.sources) > 1 else "report"
        source, url = vendor.sources[0]
        for number, (region, service) in enumerate(cells):
            wave = (hash_of(region) + hash_of(service) // 3) % waves
            start = stamp(began)
            end = None if ended is None else stamp(ended - (ended - began) * wave / (waves + 1))
            minutes = None if ended is None else round((ended - began) * (1 - wave / (waves + 1)) / 60, 1)
            cell = (region, service, region, service, severity)
            self.rows["outages"].append(
                (f"{id}/o{number}", id, vendor.id, region, service, severity, start, end, minutes, basis, end and basis)
            )
            vendors_own = (source, "vendor", said, *cell)
            third: tuple[str | None, ...]
            if contradicted:
                later, last = stamp(began + 540), end and stamp(ended or 0)
                third = (other, "third-party", said, *cell, later, last, "stated", "UTC", quote, None)
            else:
                suspect = "its end is before its start" if self.random.random() < 0.005 else None
                third = (*vendors_own, _said(posted[0].posted_at), end, "posted", None, None, suspect)
            told = (
                (*vendors_own, start, end, "structured", None, None, None),
                (*vendors_own, start, end, "stated", "PST", quote, None),
                third,
            )
            self.rows["claims"] += [(f"{id}/c{3 * number + n}", id, *claim, url) for n, claim in enumerate(told)]

    def _updates(self, id: str, posted: Sequence[Update], seen: float) -> None:
        for place, post in enumerate(posted):
            at = (post.posted_at or NOW).timestamp()
            gone = stamp(max(at, seen) + 86400) if self.random.random() < 0.002 else None
            said = (post.state, post.state_text, post.text, stamp(max(at + 120, seen)), gone)
            self.rows["updates"].append((f"{id}/{post.key}", id, place, stamp(at), *said))

    def _revisions(self, id: str, source: str, posted: Sequence[Update], seen: float) -> None:
        if seen - (posted[0].posted_at or NOW).timestamp() > 86400 or self.random.random() > 0.25:
            return
        for number in range(1 + int(self.random.expovariate(1 / 4.5))):
            field, post = self.chance.of(FIELDS), self.random.choice(posted)
            of_message = field.startswith("update")
            after = " ".join(post.text.split(" ")[::-1]) if field != "update removed" else None
            self.rows["revisions"].append(
                (f"{id}/r{number}", id, f"{id}/{post.key}" if of_message else None, source,
                 stamp(seen + number * self.random.uniform(600, 86400)), field, post.text if field != "update added" else None, after)
            )  # fmt: skip


def hash_of(name: str | None) -> int:
    """A number of a name that is the same in every run."""
    return sum(map(ord, name or ""))


def _said(at: datetime | None) -> str | None:
    return stamp(at.timestamp()) if at else None


def write_looks(conn: sqlite3.Connection, chance: Chance, polls: int) -> None:
    """Looks at the polled sources, some asked far more often than others; and the spans in which they were watched."""
    draw, now = chance.random, NOW.timestamp()
    sources = conn.execute("select id, vendor, url from sources where polled order by id").fetchall()
    draw.shuffle(sources)
    sums = zipf(len(sources), 0.8)
    rows: list[tuple[Any, ...]] = []
    spans: list[tuple[Any, ...]] = []
    capture = 0
    for rank, (source, vendor, url) in enumerate(sources, start=1):
        number = max(3, round(polls * rank**-0.8 / sums[-1]))
        first = now - draw.uniform(30, POLLED_MONTHS * 30.4) * 86400
        urls = [url] + [f"{url}?page={page}" for page in range(draw.randint(1, 20) if draw.random() < 0.2 else 0)]
        broken = rank % 40 == 0
        for look in range(number):
            outcome = "error" if broken and look > 0.98 * number else chance.of(OUTCOMES)
            capture += outcome == "new"
            failed = outcome in ("error", "unreadable")
            at = stamp(first + (now - first) * (look + draw.random()) / number)
            rows.append(
                (f"{draw.getrandbits(64):016x}", source, urls[look % len(urls)], at, outcome, None if outcome == "error" else 200,
                 capture if outcome == "new" else None, draw.randint(900, 90000), draw.randint(20, 2000),
                 "timeout: no answer in 30 s" if failed else None, at if outcome == "new" else None)
            )  # fmt: skip
        spans += [(vendor, source, *span) for span in _watched(draw, first, now)]
    # As they were made: round after round.
    rows.sort(key=lambda row: (row[3], row[1]))
    insert(conn, "polls", POLL, rows)
    insert(conn, "watched", "vendor, source, started_at, ended_at", spans)


def _watched(draw: random.Random, first: float, last: float) -> Iterator[tuple[str, str]]:
    """Spans of one source, cut where a month ends, with a gap now and then."""
    at = datetime.fromtimestamp(int(first), UTC)
    while at.timestamp() < last:
        month = (at.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
        end = min(month, NOW)
        if draw.random() < 0.3:
            pause = at + (end - at) * draw.uniform(0.1, 0.8)
            yield stamp(at.timestamp()), stamp(pause.timestamp())
            at = pause + (end - pause) * draw.uniform(0.01, 0.2)
        yield stamp(at.timestamp()), stamp(end.timestamp())
        at = end


def write_rest(conn: sqlite3.Connection, chance: Chance, vendors: list[Vendor], share: float) -> None:
    """States of components, and what was not understood; `share` of as many as there are in the whole."""
    draw, now = chance.random, NOW.timestamp()
    sums = zipf(len(vendors), 0.9)
    states: dict[tuple[str, str, str, str], tuple[Any, ...]] = {}
    while len(states) < COMPONENT_STATES * share:
        vendor = vendors[bisect_left(sums, draw.random() * sums[-1])]
        source, url = vendor.sources[0]
        service = chance.several(vendor.services, vendor.service_sums, 1)[0]
        region = chance.several(vendor.regions, vendor.region_sums, 1)[0] if vendor.regions else None
        at = now - draw.uniform(0, POLLED_MONTHS * 30.4 * 86400)
        severity = draw.choice(("operational", "operational", "degraded", "partial_outage", "major_outage"))
        key = (source, url, f"{service}-{region}", stamp(at))
        named = (vendor.id, key[2], f"{service} {region}", service, region, service)
        states[key] = (*key[:3], *named, severity, severity, stamp(at - 300), key[3])
    insert(conn, "component_states", STATE, [states[key] for key in sorted(states)])
    sources = [source for vendor in vendors for source, _ in vendor.sources[:1]]
    found = {}
    for _ in range(int(SIGNALS * share)):
        kind, detail = draw.choice(("unknown-field", "unknown-word", "unknown-region", "bad-incident")), chance.code(6)
        first = now - draw.uniform(0, 700) * 86400
        last = min(now, first + 864000)
        found[detail] = (
            draw.choice(sources),
            kind,
            "incidents[].x",
            detail,
            draw.randint(1, 900),
            stamp(first),
            stamp(last),
        )
    insert(conn, "signals", "source, kind, place, detail, count, first_seen_at, last_seen_at", list(found.values()))
    conn.execute(
        """insert into unresolved (incident, source, kind, place, detail, component)
        select id, source, case when rowid % 3 then 'unknown-region' else 'unlisted-component' end, 'title',
          substr(title, 1, 20), case when rowid % 3 then null else substr(key, 1, 5) end
        from incidents where source not like '%landmarks' order by rowid desc limit ?""",
        (int(UNRESOLVED * share),),
    )


#: What follows from the rows, where the archive's own code would read captures for it.
FOLLOWS = """
insert into coverage (vendor, source, month, polls, failed, minutes, watched_minutes, longest_gap_minutes)
  select s.vendor, s.id, substr(p.polled_at, 1, 7) as month, count(*), sum(p.outcome in ('error', 'unreadable')), 43200,
    coalesce((select round(sum(julianday(w.ended_at) - julianday(w.started_at)) * 1440, 1) from watched w
      where w.vendor = s.vendor and w.source = s.id and substr(w.started_at, 1, 7) = substr(p.polled_at, 1, 7)), 0), 900
  from polls p join sources s on s.id = p.source group by s.id, month;

create temp table watched_months as
  select vendor, month, max(watched_minutes) as minutes from coverage group by vendor, month;
create unique index temp.watched_place on watched_months (vendor, month);
create temp table cells as select vendor, region, service, substr(min(started_at), 1, 7) as since from outages group by 1, 2, 3;
insert into availability (vendor, region, service, month, down_minutes, watched_minutes)
  select c.vendor, c.region, c.service, w.month, 0, w.minutes
  from cells c join watched_months w on w.vendor = c.vendor and w.month >= c.since order by 1, 4, 2, 3;
create temp table lost as
  select vendor, region, service, substr(started_at, 1, 7) as month, sum(minutes) as minutes from outages
  where severity in ('partial_outage', 'major_outage') and minutes is not null and started_at >= '2024' group by 1, 2, 3, 4;
create index temp.lost_place on lost (vendor, region, service, month);
update availability set down_minutes = min(watched_minutes, coalesce((select minutes from lost where lost.vendor = availability.vendor
  and lost.region is availability.region and lost.service is availability.service and lost.month = availability.month), 0));

update sources set last_polled_at = (select polled_at from polls where source = sources.id order by polled_at desc limit 1),
  last_outcome = (select outcome from polls where source = sources.id order by polled_at desc limit 1),
  last_changed_at = (select polled_at from polls where source = sources.id and outcome = 'new' order by polled_at desc limit 1);
update incidents set changed_at = max(coalesce((select max(posted_at) from updates where incident = incidents.id), started_at, ''),
  coalesce((select max(seen_at) from revisions where incident = incidents.id), '')) where changed_at is null;
insert into pages (source, url, readable, body, reach, keys, missing)
  select source, url, 1, max(capture), max(polled_at), '[]', '[]' from polls group by source, url;
insert into shown (source, url, filled, empty) select source, url, count(*), 0 from polls where outcome = 'new' group by source, url;
insert into links (incident, source, twin, why, seen_at)
  select id, source, (select max(i.id) from incidents i where i.vendor = incidents.vendor), 'a message stands under both', last_seen_at
  from incidents where source not like '%landmarks' and rowid % 125 = 0;
"""


def derive(path: Path) -> None:
    """What the archive derives from its rows, by its own code: months for comparisons, and the index of words."""
    archive = Archive(path, load())
    conn = archive.conn
    conn.execute("pragma synchronous = off")
    conn.execute("pragma cache_size = -3000000")
    with transaction(conn):
        for (vendor,) in conn.execute("select id from vendors order by id").fetchall():
            sql = "select started_at, ended_at from watched where vendor = ? order by started_at"
            watched = conn.execute(sql, (vendor,))
            spans = list(coverage.by_months(coverage.unite((instant(start), instant(end)) for start, end in watched)))
            outages = archive.availability._outages(vendor, SINCE, spans[-1][1] if spans else None)
            archive.availability.months.measure(vendor, SINCE, list(outages), spans)
        conn.execute("delete from to_measure")
        archive.search.catch_up()
    conn.execute("pragma wal_checkpoint(truncate)")
    archive.close()


def make(path: Path, seed: int, outages: int, said: Callable[[str], None] = print) -> None:
    """Write the archive to a file that does not exist yet. Returns when it is whole, indexed and analysed."""
    began = time.monotonic()

    def step(what: str) -> None:
        said(f"{time.monotonic() - began:7.1f} s  {what}")

    work = path.with_suffix(".part")
    work.unlink(missing_ok=True)
    captures = Captures(path.parent / "captures.db")
    archive = Archive(work, load())
    archive.catch_up(captures)
    archive.close()
    captures.close()
    step("schema, catalog, and the incidents written by hand")
    conn = sqlite3.connect(work, isolation_level=None)
    for pragma in QUICK:
        conn.execute(f"pragma {pragma}")
    indexes = conn.execute("select name, sql from sqlite_master where type = 'index' and sql is not null").fetchall()
    for name, _ in indexes:
        conn.execute(f"drop index [{name}]")
    chance = Chance(seed)
    conn.execute("begin")
    vendors = found_vendors(conn, chance)
    Incidents(conn, chance, vendors).write(outages)
    step("incidents and what hangs on them")
    write_looks(conn, chance, POLLS * outages // OUTAGES)
    write_rest(conn, chance, vendors, outages / OUTAGES)
    conn.execute("commit")
    step("looks, components and the rest")
    for _, sql in indexes:
        conn.execute(sql)
    step("indexes")
    for statement in FOLLOWS.split(";\n"):
        conn.execute(statement)
    step("what follows from the rows")
    conn.close()
    derive(work)
    step("what the archive derives")
    conn = sqlite3.connect(work, isolation_level=None)
    conn.execute("analyze")
    conn.execute("pragma journal_mode = delete")
    conn.close()
    work.replace(path)
    step(f"{path}: {path.stat().st_size / 1e9:.1f} GB")
