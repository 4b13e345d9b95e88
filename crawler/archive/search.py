"""Full-text search over incidents: what is indexed, and what somebody typed as a question to the index.

SQLite's FTS5 takes a run of letters as one word, and Chinese has no blanks. So a mark without width is put between each
Han, Kana or Hangul sign and its neighbours, in what is indexed and in what is asked: 杭州 is then two words, asked for as
a phrase, and found wherever the two stand together. The rest is cut at whatever is no letter and no digit, without
accents, by the stem of English words (`outage` finds `outages`). A day or a month is found however it is written:
`2025-11-18`, `November 18, 2025`, `2025年11月18日`.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterator
from datetime import date
from itertools import chain
from typing import NamedTuple

from crawler.records import instant
from crawler.schema import INCIDENTS_FTS, NAMES_FTS

#: What stands between two signs that are words of their own. No letter, so it parts words; no width, so nobody sees it.
MARK = "\u200b"
#: Around what was found, where FTS5 shows it; what is indexed holds neither.
OPEN, CLOSE = "\x02", "\x03"
_SIGN = "[\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
_BETWEEN = re.compile(rf"(?<={_SIGN})(?=\w)|(?<=\w)(?={_SIGN})")

#: Of a question, so much is read: nobody types more, and each further word costs.
LONGEST, MOST_WORDS = 400, 24

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
#: Months by their names and by how these are shortened: "sep", "sept".
_NUMBERS = {name[:letters].lower(): n for n, name in enumerate(_MONTHS, 1) for letters in (3, 4, len(name))}
_MONTH = rf"(?P<name>{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})\.?"
_DAY, _YEAR = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?", r"(?P<year>(?:19|20)\d\d)"
#: Days and months as people write them, the day being optional in all but the first.
_DATES = [
    re.compile(rf"(?<![\w-]){words}(?![\w-])", re.IGNORECASE | re.ASCII)
    for words in (
        rf"{_DAY}(?: of)? {_MONTH},? {_YEAR}",
        rf"{_MONTH}(?: {_DAY})?,? {_YEAR}",
        rf"{_YEAR} {_MONTH}(?: {_DAY})?",
        rf"{_YEAR}[-/](?P<month>[01]?\d)(?:[-/]{_DAY}(?:T\d\d:[\d:.]+Z?)?)?",
        rf"{_DAY}\.(?P<month>[01]?\d)\.{_YEAR}",
    )
] + [re.compile(rf"(?<!\d){_YEAR} ?年 ?(?P<month>[01]?\d) ?月(?: ?(?P<day>[0-3]?\d) ?[日号號])?", re.ASCII)]

#: What people type beside the name of what they look for, and messages do not always say. "can" is not among these: it is a
#: region, as other airports are.
_FILLER = re.compile(
    "an?|and|any|are|at|be(?:en)?|broken|by|could|did|do(?:es)?|down(?:time)?|for|from|go(?:ing)?|ha(?:d|s|ve)|"
    "happen(?:ed|ing|s)?|how|in|incidents?|is|issues?|it|lasts?|lasted|latest|long|many|much|now|of|often|offline|on|"
    "out(?:ages?)?|problems?|right|since|status|still|the|there|to|today|was|went|were|what(?:['’]?s)?|when|which|who|why|"
    "with|working|wrong",
    re.IGNORECASE,
)
_FILLER_SIGNS = re.compile("大?故障|大?宕机|宕機|中断|崩溃|崩了|挂了|怎么了|今天|障害|장애")

#: Seconds of the first known time stand before so many bits that tell incidents of one second apart: below 2**53 until
#: 2038, which is as far as numbers in JSON are exact.
_BITS = 22

_PENDING = """
    select id, coalesce(started_at, first_posted_at, first_seen_at) as began
    from incidents where search_key is null
"""
_WRITE = """
    insert into incidents_fts (rowid, title, messages, removed, about, vendor)
    select :key, spaced(title),
      (select spaced(group_concat(text, char(10, 10))) from
        (select text from updates where incident = i.id and removed_at is null order by position)),
      (select spaced(group_concat(text, char(10, 10))) from (
        select text from (select text, position from updates where incident = i.id and removed_at is not null order by 2)
        union all select before from (select before, min(seen_at) from revisions
          where incident = i.id and field in ('title', 'update text') group by before order by 2, 1))),
      spaced(joined(id, day_in_words(coalesce(started_at, first_posted_at)), service_text, region_text, cause,
        (select group_concat(joined(id, name, local_name, city), '; ') from regions where vendor = i.vendor and id in
          (select region from outages where incident = i.id)),
        (select group_concat(joined(id, name, local_name), '; ') from services where vendor = i.vendor and listed
          and id in (select service from outages where incident = i.id)))),
      (select spaced(joined(id, name, local_name)) from vendors where id = i.vendor)
    from incidents i where id = :id
"""
_NAMES = """
    select id || '; ' || name || coalesce('; ' || local_name, ''), '', 'vendor', id, id from vendors
    union all select x.id || coalesce('; ' || x.key, '') || '; ' || x.name || coalesce('; ' || x.local_name, '')
      || coalesce('; ' || x.city, ''), v.id || '; ' || v.name || coalesce('; ' || v.local_name, ''), 'region', v.id, x.id
      from regions x join vendors v on v.id = x.vendor
    union all select x.id || coalesce('; ' || nullif(x.key, x.id), '') || '; ' || x.name || coalesce('; ' || x.local_name, ''),
      v.id || '; ' || v.name || coalesce('; ' || v.local_name, ''), 'service', v.id, x.id
      from services x join vendors v on v.id = x.vendor
"""


class Search:
    """Tables `incidents_fts`, `names_fts`, and the column `incidents.search_key`, which is NULL where an incident waits
    to be indexed.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self._gone: set[int] = set()
        conn.create_function("spaced", 1, spaced, deterministic=True)
        conn.create_function("joined", -1, _joined, deterministic=True)
        conn.create_function("day_in_words", 1, day_in_words, deterministic=True)

    def forget(self, incident: str) -> None:
        """Note that an incident is to be taken out of the index, before its row goes."""
        row = self.conn.execute("select search_key from incidents where id = ?", (incident,)).fetchone()
        if row and row[0] is not None:
            self._gone.add(row[0])

    def flush(self) -> None:
        """Take out what was noted, in order of the keys: FTS5 writes a new piece of the index wherever they go back.
        What an incident still has stays; its new row was not written.
        """
        for key in sorted(self._gone):
            if not self._taken(key):
                self.conn.execute("delete from incidents_fts where rowid = ?", (key,))
        self._gone.clear()

    def clear(self) -> None:
        """Empty both: dropped and made again, as deleting would read every word of them."""
        for table, create in (("incidents_fts", INCIDENTS_FTS), ("names_fts", NAMES_FTS)):
            self.conn.execute(f"drop table {table}")
            self.conn.execute(create)

    def catch_up(self) -> None:
        """Index what waits for it: once in a run, however often an incident was derived in it."""
        waiting = sorted(
            (search_key(incident, began), incident) for incident, began in self.conn.execute(_PENDING).fetchall()
        )
        last = None
        for key, incident in waiting:  # in order of the keys, as above
            free = key if last is None else max(key, last + 1)
            while self._taken(free):  # of a million in one second, some would share one
                free += 1
            self.conn.execute("update incidents set search_key = ? where id = ?", (free, incident))
            self.conn.execute(_WRITE, {"key": free, "id": incident})
            last = free

    def list_names(self) -> None:
        """Take in what vendors, regions and services are called now; what is still called the same is not written."""
        now = {(spaced(own), spaced(of), *which) for own, of, *which in self.conn.execute(_NAMES)}
        known = {
            tuple(row): key for key, *row in self.conn.execute("select rowid, own, of, kind, vendor, id from names_fts")
        }
        gone = sorted(key for row, key in known.items() if row not in now)
        self.conn.executemany("delete from names_fts where rowid = ?", [(key,) for key in gone])
        fresh = sorted(now - known.keys(), key=lambda row: row[2:])
        self.conn.executemany("insert into names_fts (own, of, kind, vendor, id) values (?, ?, ?, ?, ?)", fresh)

    def _taken(self, key: int) -> bool:
        return self.conn.execute("select 1 from incidents where search_key = ?", (key,)).fetchone() is not None


def search_key(incident: str, began: str | None) -> int:
    """Number of an incident in the index, greater for those that began later; the same in every archive."""
    seconds = int(instant(began).timestamp()) if began else 0
    digest = hashlib.blake2b(incident.encode(), digest_size=4).digest()
    return (seconds << _BITS) + (int.from_bytes(digest) >> (32 - _BITS))


def spaced(text: str | None) -> str | None:
    """The text with signs that are words of their own parted."""
    if text is None:
        return None
    text = text.replace(OPEN, "").replace(CLOSE, "")
    return text if text.isascii() else _BETWEEN.sub(MARK, text)


def plain(text: str) -> str:
    """The text again as it was."""
    return text.replace(MARK, "")


def day_in_words(at: str | None) -> str:
    """The day of a time of the archive, as it is asked for: "2025-11-18, 18 November 2025"."""
    if not at:
        return ""
    day = at[:10]
    return f"{day}, {int(day[8:])} {_MONTHS[int(day[5:7]) - 1]} {day[:4]}"


class Question(NamedTuple):
    """What somebody asks for: words, days and phrases (in quotes) that all must be there. `cut`: more was typed than is
    read.
    """

    words: tuple[str, ...]
    cut: bool = False

    @property
    def match(self) -> str:
        """As FTS5 has it. Nothing is an operator: every word is a phrase in quotes."""
        return " AND ".join(_phrase(word) for word in self.words) or '""'

    def begun(self, joint: str = " AND ", only: Collection[str] | None = None) -> str:
        """The same, where the last of each phrase (of `only` these) is only how a word begins."""
        beginnings = self.words if only is None else only
        return joint.join(_phrase(word, begun=word in beginnings) for word in self.words) or '""'

    @property
    def essence(self) -> Question:
        """The same without words that people type beside what they look for, such as "outage" and "today"."""
        bare = (_FILLER_SIGNS.sub("", word).strip("?!.,;:？！。，") for word in self.words)
        return Question(tuple(left for left in bare if left and not _FILLER.fullmatch(left)), self.cut)

    @property
    def undated(self) -> Question:
        """The same without days, months and years."""
        return Question(tuple(word for word in self.words if not (_days(word) or re.fullmatch(_YEAR, word))), self.cut)


def asked(text: str) -> Question:
    """What was typed, in words. What holds no letter or digit asks for nothing."""
    text = text.replace("\0", " ").replace(MARK, "")
    found = list(_words(text[:LONGEST]))
    return Question(tuple(found[:MOST_WORDS]), len(text) > LONGEST or len(found) > MOST_WORDS)


def expression(text: str | None) -> str:
    """What was typed as an expression of FTS5, which finds nothing where nothing was asked. Never an error."""
    return asked(text or "").match


def _words(text: str) -> Iterator[str]:
    for phrase, rest in re.findall(r'"([^"]*)"?|([^"]+)', text):
        for words in [phrase] if phrase else _parted(" ".join(rest.split())):
            if any(sign.isalnum() for sign in words):
                yield " ".join(words.split())


def _parted(text: str) -> Iterator[str]:
    """What stands outside quotes: days as one, the rest word by word."""
    for pattern in _DATES:
        if found := pattern.search(text):
            before, after = text[: found.start()], text[found.end() :]
            yield from chain(_parted(before), [found[0]], _parted(after))
            return
    yield from text.split()


def _phrase(word: str, begun: bool = False) -> str:
    """As FTS5 has it. A day stands for every way to write it."""
    days = _days(word)
    if days:
        return f"({' OR '.join(f'{chr(34)}{day}{chr(34)}' for day in days)})"
    return f'"{spaced(word)}"{"*" * begun}'


def _days(word: str) -> list[str]:
    """The ways to write what may be a day or a month; none for anything else."""
    found = next((match for pattern in _DATES if (match := pattern.fullmatch(word))), None)
    if found is None:
        return []
    said = found.groupdict()
    year, name, day = said["year"], (said.get("name") or "").lower(), said["day"]
    month = _NUMBERS[name] if name else int(said["month"])
    try:
        date(int(year), month, int(day or 1))
    except ValueError:
        return []
    named = _MONTHS[month - 1]
    if day is None:
        return [f"{year}-{month:02}", f"{named} {year}"]
    return [f"{year}-{month:02}-{int(day):02}", f"{int(day)} {named} {year}", f"{named} {int(day)} {year}"]


def _joined(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)
