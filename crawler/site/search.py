"""What somebody looks for: incidents that hold all the words, the newest first, and places and vendors of that name."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from crawler.archive.search import CLOSE, OPEN, Question, asked, plain

#: Incidents on a page; and so many of the newest are looked at to tell which vendors they are of.
PAGE, LOOKED_AT = 25, 300
#: Further matches are not counted.
COUNTED = 1000
#: Vendors, regions and services that are listed by name, of each so many.
NAMED = 8
#: A word that is nowhere may be the beginning of one when it has so many letters.
BEGUN = 3
#: Words of a message around what was found; each Chinese sign is one.
AROUND = 36

#: The newest first is the order of the index itself: it is read until there are enough.
HITS = f"""
    select i.search_key, i.id, i.vendor, v.name as vendor_name, i.kind, i.severity, i.state, i.started_at, i.ended_at,
      i.minutes, i.first_posted_at, i.first_seen_at, i.vanished_at,
      highlight(incidents_fts, 0, :open, :close) as title,
      snippet(incidents_fts, 1, :open, :close, '…', {AROUND}) as message,
      snippet(incidents_fts, 2, :open, :close, '…', {AROUND}) as removed,
      snippet(incidents_fts, 3, :open, :close, '…', 10) as about
    from incidents_fts cross join incidents i on i.search_key = incidents_fts.rowid join vendors v on v.id = i.vendor
    where incidents_fts match :match and incidents_fts.rowid < :before and (:vendor is null or i.vendor = :vendor)
    order by incidents_fts.rowid desc limit {PAGE + 1}
"""
COUNT = f"select count(*) from (select 1 from incidents_fts where incidents_fts match :match limit {COUNTED + 1})"
VENDORS = f"""
    select i.vendor, v.name, count(*) as incidents from
      (select rowid as number from incidents_fts where incidents_fts match :match order by rowid desc limit {LOOKED_AT})
    cross join incidents i on i.search_key = number join vendors v on v.id = i.vendor
    group by i.vendor order by 3 desc, 1
"""
VENDOR = "select name from vendors where id = :vendor"
#: Things of that name: the exact ones first, then those that the catalog names, then the shortest.
NAMES = f"""
    with found as (select kind, vendor, id from names_fts where names_fts match :match)
    select kind, vendor, v.name as vendor_name, x.id, x.name, x.local_name from (
      select found.kind, vendor, id, name, local_name, 1 as listed from found join vendors using (id) where kind = 'vendor'
      union all select found.kind, vendor, id, name, local_name, listed from found join regions using (vendor, id)
        where kind = 'region'
      union all select found.kind, vendor, id, name, local_name, listed from found join services using (vendor, id)
        where kind = 'service') x join vendors v on v.id = vendor
    order by lower(x.id) in (select value from json_each(:texts)) or lower(x.name) in (select value from json_each(:texts))
      or x.local_name in (select value from json_each(:texts)) desc, listed desc, length(x.name), x.name, vendor
    limit {NAMED + 1}
"""


class Bit(NamedTuple):
    """A stretch of text; `found`: it is what was looked for."""

    text: str
    found: bool


class Hit(msgspec.Struct, frozen=True):
    """An incident that holds the words. `at` is the first known time; `removed`: the vendor says so no longer;
    `about`: what is known of it and holds them, where neither title nor messages do.
    """

    id: str
    vendor: str
    vendor_name: str
    kind: str
    severity: str | None
    state: str | None
    at: str | None
    minutes: float | None
    over: bool
    vanished_at: str | None
    title: list[Bit]
    message: list[Bit]
    removed: bool
    about: list[Bit]


class Named(msgspec.Struct, frozen=True):
    """A vendor, region or service with such a name."""

    kind: Literal["vendor", "region", "service"]
    vendor: str
    vendor_name: str
    id: str
    name: str
    local_name: str | None


class Answer(msgspec.Struct, frozen=True):
    """What was found. `count` goes up to `COUNTED` and stands for more when greater; `next` is what `before` of the
    next page is. `sought`: the words that these incidents hold; fewer than `words` where none holds them all, and what is
    left out is what people say of any outage. `begun`: they only hold words that begin so. `named_by_any`: of what is
    `named`, each has one of the words only. `nowhere`: words that no incident holds.
    """

    question: str
    vendor: str | None
    vendor_name: str | None
    words: tuple[str, ...]
    sought: tuple[str, ...]
    cut: bool
    count: int
    begun: bool
    next: int | None
    hits: list[Hit]
    vendors: list[tuple[str, str, int]]
    named: list[Named]
    more_named: list[str]
    named_by_any: bool
    nowhere: list[str]


class NoVendorError(Exception):
    """There is no vendor of that id."""


def search(conn: sqlite3.Connection, text: str, vendor: str | None = None, before: int | None = None) -> Answer:
    """The answer to what somebody typed; of that vendor only, and older than the key `before`, where given.

    Raises NoVendorError for an unknown vendor.
    """
    cursor = conn.cursor()
    cursor.row_factory = sqlite3.Row
    name = cursor.execute(VENDOR, {"vendor": vendor}).fetchone()
    if vendor and name is None:
        raise NoVendorError(vendor)
    question = asked(text)
    sought, match, begun, hits = question, "", False, list[sqlite3.Row]()
    for some, beginnings in _attempts(cursor, question):
        match = _match(some.begun(only=beginnings), vendor)
        hits = _hits(cursor, match, vendor, before)
        if hits or (before is not None and _hits(cursor, match, vendor, None)):
            sought, begun = some, bool(beginnings)
            break
    named, more = _named(cursor, question) if before is None and not vendor else ([], [])
    by_any = not (hits or named or vendor) and before is None
    if by_any:
        named, more = _called_by_any(cursor, question)
    return Answer(
        question=text,
        vendor=vendor,
        vendor_name=name and name["name"],
        words=question.words,
        sought=sought.words,
        cut=question.cut,
        count=cursor.execute(COUNT, {"match": match}).fetchone()[0] if hits else 0,
        begun=begun,
        next=hits[PAGE - 1]["search_key"] if len(hits) > PAGE else None,
        hits=[_hit(row) for row in hits[:PAGE]],
        vendors=[(*row,) for row in cursor.execute(VENDORS, {"match": match})] if hits and not vendor else [],
        named=named,
        more_named=more,
        named_by_any=by_any and bool(named),
        nowhere=_nowhere(cursor, question) if not hits and before is None else [],
    )


def _attempts(cursor: sqlite3.Cursor, question: Question) -> Iterator[tuple[Question, list[str]]]:
    """What is asked one after the other until something is found, and which of its words may only be beginnings: all of
    it; without what people say of any outage; and, of what is nowhere, words that begin so.
    """
    if not question.words:
        return
    yield question, []
    rest = question
    if question.essence.words not in ((), question.words):
        rest = question.essence
        yield rest, []
    nowhere = _nowhere(cursor, rest)
    if any(len(word) >= BEGUN for word in nowhere):
        yield rest, nowhere


def _match(words: str, vendor: str | None) -> str:
    """With the vendor as one of the words, so that few of another are read."""
    return f"({words}) AND vendor : {asked(vendor).match}" if vendor else words


def _hits(cursor: sqlite3.Cursor, match: str, vendor: str | None, before: int | None) -> list[sqlite3.Row]:
    values = {"match": match, "vendor": vendor, "before": 2**62 if before is None else before}
    return cursor.execute(HITS, values | {"open": OPEN, "close": CLOSE}).fetchall()


def _hit(row: sqlite3.Row) -> Hit:
    title, message, removed, about = ([*bits(row[name] or "")] for name in ("title", "message", "removed", "about"))
    taken_back = not _found(message) and not _found(removed) <= _found(title)
    said = bool(_found(title) or _found(message)) or taken_back
    return Hit(
        id=row["id"],
        vendor=row["vendor"],
        vendor_name=row["vendor_name"],
        kind=row["kind"],
        severity=row["severity"],
        state=row["state"],
        at=row["started_at"] or row["first_posted_at"] or row["first_seen_at"],
        minutes=row["minutes"],
        over=row["ended_at"] is not None,
        vanished_at=row["vanished_at"],
        title=title,
        message=removed if taken_back else message,
        removed=taken_back,
        about=about if _found(about) and not said else [],
    )


def _found(text: list[Bit]) -> set[str]:
    """What of it was looked for."""
    return {bit.text.casefold() for bit in text if bit.found}


def cut(bits: Iterable[Bit], signs: int) -> Iterator[Bit]:
    """So many signs of it at most, and whether there are more."""
    left = signs
    for bit in bits:
        if len(bit.text) > left:
            yield bit._replace(text=f"{bit.text[:left]}…")
            return
        yield bit
        left -= len(bit.text)


def bits(marked: str) -> Iterator[Bit]:
    """The text in stretches, as FTS5 has marked it."""
    for part in re.split(f"({OPEN}[^{CLOSE}]*{CLOSE})", plain(marked)):
        found = part.startswith(OPEN)
        text = part.replace(OPEN, "").replace(CLOSE, "")
        if text:
            yield Bit(text, found)


def _named(cursor: sqlite3.Cursor, question: Question) -> tuple[list[Named], list[str]]:
    """Things of such a name, and the kinds of which there are more; where there is none, of the name without what people
    say of any outage and without days.
    """
    found = _called(cursor, question)
    rest = question.essence.undated
    return found if found[0] or rest.words in ((), question.words) else _called(cursor, rest)


def _called(cursor: sqlite3.Cursor, question: Question) -> tuple[list[Named], list[str]]:
    """All words begin some of its names, or its vendor's; one at least its own."""
    text = " ".join(question.words).lower()
    if not _names_something(text):
        return [], []
    return _those(cursor, f"({question.begun()}) AND own : ({question.begun(' OR ')})", [text])


def _called_by_any(cursor: sqlite3.Cursor, question: Question) -> tuple[list[Named], list[str]]:
    """One of the words at least, as it is written, is in its own name; days and what people say of any outage are none."""
    words = tuple(word.lower() for word in question.essence.undated.words if _names_something(word))
    return _those(cursor, f"own : ({Question(words).begun(' OR ', only=())})", words) if words else ([], [])


def _names_something(text: str) -> bool:
    """A single letter or digit does not, a single Chinese sign may."""
    return len(text) > 1 or not text.isascii()


def _those(cursor: sqlite3.Cursor, match: str, texts: Sequence[str]) -> tuple[list[Named], list[str]]:
    """Things whose names match, those of exactly such a name first, and the kinds of which there are more."""
    found: list[Named] = []
    more = []
    for kind in ("vendor", "region", "service"):
        values = {"match": f"kind : {kind} AND {match}", "texts": json.dumps(texts)}
        rows = cursor.execute(NAMES, values).fetchall()
        found += [Named(**dict(row)) for row in rows[:NAMED]]
        more += [kind] * (len(rows) > NAMED)
    return found, more


def _nowhere(cursor: sqlite3.Cursor, question: Question) -> list[str]:
    one = "select 1 from incidents_fts where incidents_fts match ? limit 1"
    return [w for w in question.words if not cursor.execute(one, (Question((w,)).match,)).fetchone()]
