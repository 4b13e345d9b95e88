"""The bytes of every response, for ever: `captures.db`.

Bodies are content-addressed: the same bytes are stored once. `crawler.captures.blocks` packs the bodies that came from
one address one after the other together. Captures and bodies are only ever added; docs/captures.md has the
tables.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlite_utils import Database, Migrations

from crawler.captures.blocks import LIGHTEST, Blocks, CorruptBodyError
from crawler.database import connect, transaction
from crawler.records import Capture, stamp

#: Response headers worth keeping: what the body is, how old it is, and what makes the next request conditional.
HEADERS = frozenset(
    [
        "age",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "location",
        "retry-after",
        "server",
        "via",
        "x-cache",
    ]
)

#: Those of them that are seldom twice the same; the others are kept once for all captures that have them.
CHANGING = frozenset(["age", "date", "etag", "expires", "last-modified", "retry-after", "via", "x-cache"])
#: Of a new file. Rows are short, and a block takes whole pages.
PAGE = 1024
#: Captures and bytes of bodies that are taken together.
BATCH, BATCH_BYTES = 64, 32 << 20

__all__ = ["HEADERS", "Captures", "CorruptBodyError", "Damage", "Packed", "Verified"]

migrations = Migrations("captures")


@migrations()
def create(db: Database) -> None:
    """Tables of the first version. Times are seconds since 1970 and digests are raw SHA-256: rows here are many."""
    for statement in (
        "create table addresses (id integer primary key, source text not null, url text not null, unique (source, url))",
        """create table bodies (id integer primary key, digest blob not null unique, size integer not null,
        base integer references bodies(id), depth integer not null, data blob not null)""",
        """create table captures (seq integer primary key, address integer not null references addresses(id),
        fetched_at integer not null, status integer, headers text, body integer references bodies(id),
        milliseconds integer, error text, unique (address, fetched_at))""",
        """create table named_sources (id text primary key, vendor text not null, platform text not null,
        url text not null)""",
    ):
        db.execute(statement)


@migrations()
def blocks(db: Database) -> None:
    """Blocks. A body of the first version was a frame whose dictionary is another body: a block of one, as it is.

    The index is on the beginning of digests: one of whole ones would hold each twice.
    """
    for statement in (
        """create table blocks (id integer primary key, last integer not null, bodies integer not null,
        base integer references bodies(id), before integer not null, size integer not null, data blob not null)""",
        """create table packed (id integer primary key, block integer not null references blocks(id),
        start integer not null, size integer not null, digest blob not null)""",
    ):
        db.execute(statement)
    led: dict[int, int] = {}  # by body: the weight of its chain
    for number, base, size in db.execute("select id, base, size from bodies order by id").fetchall():
        before = led.get(base, 0)  # 0 also where the base is missing: a damaged file is taken over as it is
        led[number] = before + max(size, LIGHTEST)
        db.execute(
            """insert into blocks (id, last, bodies, base, before, size, data)
            select id, id, 1, base, ?, size, data from bodies where id = ?""",
            (before, number),
        )
    for statement in (
        "insert into packed (id, block, start, size, digest) select id, id, 0, size, digest from bodies order by id",
        "drop table bodies",
        "alter table packed rename to bodies",
        "create index bodies_digest on bodies (substr(digest, 1, 4))",
        "alter table addresses add column tail integer references bodies(id)",
        """update addresses set tail = (select body from captures where address = addresses.id and body is not null
        order by fetched_at desc limit 1)""",
        "create table headers (id integer primary key, headers text not null unique)",
        "alter table captures add column shared integer references headers(id)",
    ):
        db.execute(statement)


@migrations()
def good_answers(db: Database) -> None:
    """A page that never changes answers 304 for years: its last answer of 200 is found without reading those."""
    db.execute("create index captures_good on captures (address, fetched_at) where status = 200")


class Damage(msgspec.Struct, frozen=True):
    """Something in the store that is not as it was written: where, and what is wrong."""

    where: str
    problem: str


class Verified(msgspec.Struct):
    """What the store holds, all of it read. Sizes are in bytes."""

    captures: int = 0
    bodies: int = 0  # distinct ones
    size: int = 0  # of the bodies as they came
    stored: int = 0  # of what is kept of them
    blocks: int = 0
    longest: int = 0  # blocks in the longest chain
    damaged: list[Damage] = []


class Packed(NamedTuple):
    """What packing did: (blocks, bytes of the file)."""

    before: tuple[int, int]
    after: tuple[int, int]


class Captures:
    """The store. One writer at a time; any number of readers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = connect(path, migrations, synchronous="full", page_size=PAGE)
        self.conn: sqlite3.Connection = self.db.conn
        self.blocks = Blocks(self.conn, path)

    def close(self) -> None:
        """Let go of the file."""
        self.conn.close()

    def add(self, captures: Iterable[Capture]) -> int:
        """Keep these; all or none. Those already there are passed over. Returns how many were new."""
        added, touched = 0, set[int]()
        try:
            with transaction(self.conn):
                for batch in _batches(captures):
                    new, addresses = self._take(batch)
                    added += new
                    touched |= addresses
        except BaseException:
            self.blocks.forget()
            raise
        self._pack_after(sorted(touched))
        return added

    def _take(self, batch: Sequence[Capture]) -> tuple[int, set[int]]:
        """How many of these are new, and the addresses that have new bodies."""
        looks: dict[tuple[int, int], tuple[Capture, bytes | None]] = {}  # by (address, second), with digest
        fresh: dict[int, dict[bytes, bytes]] = {}  # by address: bodies that are not there yet, by digest
        numbers: dict[bytes, int] = {}
        asked: set[bytes] = set()
        for capture in batch:
            look = self._address(capture.source, capture.url), math.floor(capture.fetched_at.timestamp())  # as `stamp`
            if look in looks or self._looked(*look):
                continue
            digest = None if capture.body is None else hashlib.sha256(capture.body).digest()
            looks[look] = capture, digest
            if digest is None or capture.body is None or digest in asked:
                continue
            asked.add(digest)
            number = self.blocks.find(digest)
            if number is None:
                fresh.setdefault(look[0], {})[digest] = capture.body
            else:
                numbers[digest] = number
        for address, bodies in fresh.items():
            (tail,) = self.conn.execute("select tail from addresses where id = ?", (address,)).fetchone()
            numbers.update(zip(bodies, self.blocks.write(tail, list(bodies.items())), strict=True))
            self.conn.execute("update addresses set tail = ? where id = ?", (numbers[list(bodies)[-1]], address))
        for (address, second), (capture, digest) in looks.items():
            self._insert(address, second, capture, None if digest is None else numbers[digest])
        return len(looks), set(fresh)

    def _looked(self, address: int, second: int) -> bool:
        sql = "select 1 from captures where address = ? and fetched_at = ?"
        return self.conn.execute(sql, (address, second)).fetchone() is not None

    def _insert(self, address: int, second: int, capture: Capture, body: int | None) -> None:
        kept = {name: value for name, value in sorted(capture.headers.items()) if name in HEADERS}
        own = {name: value for name, value in kept.items() if name in CHANGING}
        shared = {name: value for name, value in kept.items() if name not in CHANGING}
        self.conn.execute(
            """insert into captures (address, fetched_at, status, headers, shared, body, milliseconds, error)
            values (?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                address,
                second,
                capture.status,
                msgspec.json.encode(own).decode() if own else None,
                self._shared(msgspec.json.encode(shared).decode()) if shared else None,
                body,
                capture.milliseconds,
                capture.error,
            ),
        )

    def _shared(self, headers: str) -> int:
        row = self.conn.execute("select id from headers where headers = ?", (headers,)).fetchone()
        if row:
            return int(row[0])
        return int(self.conn.execute("insert into headers (headers) values (?)", (headers,)).lastrowid or 0)

    def _address(self, source: str, url: str) -> int:
        row = self.conn.execute("select id from addresses where source = ? and url = ?", (source, url)).fetchone()
        if row:
            return int(row[0])
        return int(self.conn.execute("insert into addresses (source, url) values (?, ?)", (source, url)).lastrowid or 0)

    def _pack_after(self, addresses: Iterable[int]) -> None:
        """Pack what has become enough for a block. What was added stays added when that cannot be done now."""
        for address in addresses:
            (tail,) = self.conn.execute("select tail from addresses where id = ?", (address,)).fetchone()
            try:
                self.blocks.pack(tail)
            except (sqlite3.OperationalError, CorruptBodyError):  # no room, or damage, which `verify` tells of
                self.blocks.forget()

    def pack(self, progress: Callable[[int, int], None]) -> Packed:
        """Pack all small blocks, and give the space that became free back to the disk.

        `progress` hears of (done, all) runs of blocks. sqlite3.OperationalError when another process holds the
        file, or the disk has no room for a second copy; the archive is as it was, packed or not.
        """
        before = self._counted()
        for done, total in self.blocks.pack_all():
            progress(done, total)
        self.conn.execute("vacuum")
        self.conn.execute("pragma wal_checkpoint(truncate)")
        return Packed(before, self._counted())

    def _counted(self) -> tuple[int, int]:
        (blocks,) = self.conn.execute("select count(*) from blocks").fetchone()
        (size,) = self.conn.execute("select page_count * page_size from pragma_page_count, pragma_page_size").fetchone()
        return blocks, size

    def validators(self, source: str, url: str) -> dict[str, str]:
        """Request headers that let the server answer "not modified", from its last answer of 200."""
        row = self.conn.execute(
            """select captures.headers from captures join addresses on addresses.id = address
            where source = ? and url = ? and status = 200 order by fetched_at desc limit 1""",
            (source, url),
        ).fetchone()
        kept: dict[str, str] = msgspec.json.decode(row[0]) if row and row[0] else {}
        names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
        return {names[name]: value for name, value in kept.items() if name in names}

    def last(self) -> int:
        """The number of the capture that was added last; 0 when there is none."""
        (last,) = self.conn.execute("select coalesce(max(seq), 0) from captures").fetchone()
        return int(last)

    def count(self, source: str) -> int:
        """How many captures of a source there are."""
        (count,) = self.conn.execute(
            "select count(*) from captures where address in (select id from addresses where source = ?)", (source,)
        ).fetchone()
        return int(count)

    def pending(self, after: int) -> list[tuple[int, str, int]]:
        """(seq, source, fetched_at) of what was added after this number, in the order it was fetched."""
        return self._listed("seq > ?", after)

    def of_source(self, source: str) -> list[tuple[int, str, int]]:
        """The same, of all captures of one source."""
        return self._listed("source = ?", source)

    def looks(self, source: str, url: str) -> set[int]:
        """When an address was looked at for a source: seconds since 1970."""
        rows = self.conn.execute(
            "select fetched_at from captures join addresses on addresses.id = address where source = ? and url = ?",
            (source, url),
        )
        return {fetched_at for (fetched_at,) in rows}

    def _listed(self, where: str, value: int | str) -> list[tuple[int, str, int]]:
        return list(
            self.conn.execute(
                f"""select seq, source, fetched_at from captures join addresses on addresses.id = address
                where {where} order by fetched_at, seq""",
                (value,),
            )
        )

    def read(self, seqs: Iterable[int]) -> Iterator[tuple[int, Capture, int | None]]:
        """(seq, capture, number of its body) in the order asked for; equal bodies have equal numbers."""
        for seq in seqs:
            source, url, fetched_at, status, own, shared, body, milliseconds, error = self.conn.execute(
                """select source, url, fetched_at, status, captures.headers, headers.headers, body, milliseconds, error
                from captures join addresses on addresses.id = address left join headers on headers.id = shared
                where seq = ?""",
                (seq,),
            ).fetchone()
            headers: dict[str, str] = {}
            for text in (own, shared):
                headers |= msgspec.json.decode(text) if text else {}
            yield (
                seq,
                Capture(
                    source=source,
                    url=url,
                    fetched_at=datetime.fromtimestamp(fetched_at, UTC),
                    status=status,
                    headers=dict(sorted(headers.items())),
                    body=self.blocks.body(body) if body else None,
                    milliseconds=milliseconds,
                    error=error,
                ),
                body,
            )

    def look(self, url: str, at: datetime) -> Capture | None:
        """What was found at an address at that second, for whichever source; None when nobody looked."""
        row = self.conn.execute(
            "select seq from captures join addresses on addresses.id = address where url = ? and fetched_at = ?",
            (url, math.floor(at.timestamp())),
        ).fetchone()
        return next(self.read([row[0]]))[1] if row else None

    def body_of(self, digest: bytes) -> bytes | None:
        """The body with this SHA-256; None when it is not here."""
        number = self.blocks.find(digest)
        return None if number is None else self.blocks.body(number)

    def last_look(self, source: str) -> datetime | None:
        """When this source was last asked, whatever came of it."""
        (last,) = self.conn.execute(
            "select max(fetched_at) from captures where address in (select id from addresses where source = ?)",
            (source,),
        ).fetchone()
        return datetime.fromtimestamp(last, UTC) if last else None

    def name_source(self, source: str, vendor: str, platform: str, url: str) -> None:
        """Remember who publishes a source that no catalog file names, for rebuilds."""
        with transaction(self.conn):
            self.conn.execute(
                "insert or ignore into named_sources values (?, ?, ?, ?)", (source, vendor, platform, url)
            )

    def named_sources(self) -> list[tuple[str, str, str, str]]:
        """What `name_source` was told: (id, vendor, platform, url)."""
        return list(self.conn.execute("select id, vendor, platform, url from named_sources order by id"))

    def verify(self, progress: Callable[[int, int], None]) -> Verified:
        """Read every body along its chain and compare it with its digest; `progress` hears of (done, all) bodies."""
        self.conn.execute("begin")  # one state of the file, whoever adds or packs meanwhile
        try:
            return self._verify(progress)
        finally:
            if self.conn.in_transaction:
                self.conn.execute("rollback")

    def _verify(self, progress: Callable[[int, int], None]) -> Verified:
        found = Verified()
        found.damaged = [
            Damage(str(self.path), text) for (text,) in self.conn.execute("pragma quick_check") if text != "ok"
        ]
        (found.captures,) = self.conn.execute("select count(*) from captures").fetchone()
        found.bodies, size = self.conn.execute("select count(*), total(size) from bodies").fetchone()
        found.blocks, stored = self.conn.execute("select count(*), total(length(data)) from blocks").fetchone()
        found.size, found.stored = int(size), int(stored)
        wrong: dict[int, str] = {}
        done = 0
        for body, problem, chain in self.blocks.check():
            found.longest = max(found.longest, chain)
            if body is None:
                found.damaged.append(Damage(str(self.path), problem or ""))
                continue
            if problem:
                wrong[body] = problem
            done += 1
            progress(done, found.bodies)
        found.damaged += self._named(wrong)
        return found

    def _named(self, wrong: dict[int, str]) -> Iterator[Damage]:
        """The captures that show damaged bodies, and damaged bodies that none shows."""
        shown = set()
        for url, at, number, missing in self.conn.execute(
            """select url, fetched_at, body, bodies.id is null from captures join addresses on addresses.id = address
            left join bodies on bodies.id = body where body is not null order by url, fetched_at"""
        ):
            if missing or number in wrong:
                shown.add(number)
                where = f"{url} {stamp(datetime.fromtimestamp(at, UTC))}"
                yield Damage(where, f"body {number}: {'it is missing' if missing else wrong[number]}")
        for number in sorted(set(wrong) - shown):
            yield Damage(f"{self.path}: body {number}, of no capture", wrong[number])


def _batches(captures: Iterable[Capture]) -> Iterator[list[Capture]]:
    batch: list[Capture] = []
    size = 0
    for capture in captures:
        batch.append(capture)
        size += len(capture.body or b"")
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
