"""Full-text search over incidents: what is indexed, and what somebody typed as a question to the index.

SQLite's FTS5 takes a run of letters as one word, and Chinese has no blanks. So a mark without width is put between each
Han, Kana or Hangul sign and its neighbours, in what is indexed and in what is asked: 杭州 is then two words, asked for as
a phrase, and found wherever the two stand together. The rest is cut at whatever is no letter and no digit, without
accents, by the stem of English words (`outage` finds `outages`).
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterator
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
      (select spaced(group_concat(text, char(10, 10))) from
        (select text from updates where incident = i.id and removed_at is not null order by position)),
      spaced(joined(id, substr(coalesce(started_at, first_posted_at, ''), 1, 10), service_text, region_text, cause,
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


class Question(NamedTuple):
    """What somebody asks for: words and phrases (in quotes) that all must be there. `cut`: more was typed than is read."""

    words: tuple[str, ...]
    cut: bool = False

    @property
    def match(self) -> str:
        """As FTS5 has it. Nothing is an operator: every word is a phrase in quotes."""
        return " AND ".join(f'"{spaced(word)}"' for word in self.words) or '""'

    def begun(self, joint: str = " AND ", only: Collection[str] | None = None) -> str:
        """The same, where the last of each phrase (of `only` these) is only how a word begins."""
        beginnings = self.words if only is None else only
        return joint.join(f'"{spaced(word)}"{"*" * (word in beginnings)}' for word in self.words) or '""'


def asked(text: str) -> Question:
    """What was typed, in words. What holds no letter or digit asks for nothing."""
    text = text.replace("\0", " ").replace(MARK, "")
    found = list(_words(text[:LONGEST]))
    return Question(tuple(found[:MOST_WORDS]), len(text) > LONGEST or len(found) > MOST_WORDS)


def expression(text: str | None) -> str:
    """What was typed as an expression of FTS5, which finds nothing where nothing was asked. Never an error."""
    return asked(text or "").match


def _words(text: str) -> Iterator[str]:
    for phrase, word in re.findall(r'"([^"]*)"?|([^\s"]+)', text):
        words = " ".join((phrase or word).split())
        if any(sign.isalnum() for sign in words):
            yield words


def _joined(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)
