"""The bytes of every response, for ever: `captures.db`.

Bodies are content-addressed: the same bytes are stored once, compressed with zstd. A body that follows
another at the same address is stored as the difference to it (zstd with the earlier body as dictionary);
chains are bounded, so that reading one body never needs more than `CHAIN` others. Rows are only ever
added.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zstandard
from sqlite_utils import Database, Migrations

from crawler.database import connect, transaction
from crawler.records import Capture, stamp

CHAIN = 128
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


class CorruptBodyError(Exception):
    """Stored bytes are not what their digest says."""


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
    longest: int = 0  # bodies in the longest chain
    damaged: list[Damage] = []


class Captures:
    """The store. One writer at a time; any number of readers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = connect(path, migrations, synchronous="full")
        self.conn: sqlite3.Connection = self.db.conn
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self._remembered = 0

    def close(self) -> None:
        """Let go of the file."""
        self.conn.close()

    def add(self, captures: Iterable[Capture]) -> int:
        """Keep these; all or none. Those already there are passed over. Returns how many were new."""
        try:
            with transaction(self.conn):
                return sum(self._add(capture) for capture in captures)
        except BaseException:
            self._bodies.clear()  # the numbers of bodies that were rolled back are given out again
            self._remembered = 0
            raise

    def _add(self, capture: Capture) -> bool:
        address = self._address(capture.source, capture.url)
        looked = math.floor(capture.fetched_at.timestamp())  # as `stamp` does
        if self.conn.execute(
            "select 1 from captures where address = ? and fetched_at = ?", (address, looked)
        ).fetchone():
            return False
        headers = {name: value for name, value in sorted(capture.headers.items()) if name in HEADERS}
        self.conn.execute(
            """insert into captures (address, fetched_at, status, headers, body, milliseconds, error)
            values (?, ?, ?, ?, ?, ?, ?)""",
            (
                address,
                looked,
                capture.status,
                msgspec.json.encode(headers).decode() if headers else None,
                None if capture.body is None else self._keep(address, capture.body),
                capture.milliseconds,
                capture.error,
            ),
        )
        return True

    def _address(self, source: str, url: str) -> int:
        row = self.conn.execute("select id from addresses where source = ? and url = ?", (source, url)).fetchone()
        if row:
            return int(row[0])
        return int(self.conn.execute("insert into addresses (source, url) values (?, ?)", (source, url)).lastrowid or 0)

    def _keep(self, address: int, body: bytes) -> int:
        """Store a body unless it is there, as a difference to its predecessor at the same address."""
        digest = hashlib.sha256(body).digest()
        known = self.conn.execute("select id from bodies where digest = ?", (digest,)).fetchone()
        if known:
            return int(known[0])
        base = self.conn.execute(
            """select bodies.id, depth from captures join bodies on bodies.id = body where address = ?
            order by fetched_at desc limit 1""",
            (address,),
        ).fetchone()
        base_id, depth = (base[0], base[1] + 1) if base and base[1] + 1 < CHAIN else (None, 0)
        data = _compress(body, self._body(base_id) if base_id else None)
        row = (digest, len(body), base_id, depth, data)
        added = self.conn.execute("insert into bodies (digest, size, base, depth, data) values (?, ?, ?, ?, ?)", row)
        number = int(added.lastrowid or 0)
        self._remember(number, body)
        return number

    def _body(self, number: int) -> bytes:
        """The bytes of a row of bodies. CorruptBodyError when they are not what their digest says."""
        if number in self._bodies:
            return self._bodies[number]
        chain = []
        base: int | None = number
        while base is not None and base not in self._bodies:
            row = self.conn.execute("select id, digest, size, base, data from bodies where id = ?", (base,)).fetchone()
            if row is None:
                raise CorruptBodyError(f"{self.path}: body {base} is missing")
            chain.append(row)
            base = row[3]
        body = self._bodies[base] if base is not None else None
        for identifier, digest, size, _, data in reversed(chain):
            try:
                body = _decompress(data, size, body)
            except zstandard.ZstdError as error:
                raise CorruptBodyError(f"{self.path}: body {identifier}: {error}") from error
            if hashlib.sha256(body).digest() != digest:
                raise CorruptBodyError(f"{self.path}: body {identifier} has other bytes than its digest says")
            self._remember(identifier, body)
        assert body is not None
        return body

    def _remember(self, number: int, body: bytes) -> None:
        """Neighbours in a chain are read one after the other: keep the last few at hand, 64 MB at the most."""
        self._bodies[number] = body
        self._remembered += len(body)
        while self._remembered > 64 << 20 and len(self._bodies) > 1:
            self._remembered -= len(self._bodies.popitem(last=False)[1])

    def validators(self, source: str, url: str) -> dict[str, str]:
        """Request headers that let the server answer "not modified", from its last answer of 200."""
        row = self.conn.execute(
            """select headers from captures join addresses on addresses.id = address
            where source = ? and url = ? and status = 200 order by fetched_at desc limit 1""",
            (source, url),
        ).fetchone()
        kept: dict[str, str] = msgspec.json.decode(row[0]) if row and row[0] else {}
        names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
        return {names[name]: value for name, value in kept.items() if name in names}

    def pending(self, after: int) -> list[tuple[int, str, int]]:
        """(seq, source, fetched_at) of what was added after this number, in the order it was fetched."""
        return self._listed("seq > ?", after)

    def of_source(self, source: str) -> list[tuple[int, str, int]]:
        """The same, of all captures of one source."""
        return self._listed("source = ?", source)

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
            source, url, fetched_at, status, headers, body, milliseconds, error = self.conn.execute(
                """select source, url, fetched_at, status, headers, body, milliseconds, error
                from captures join addresses on addresses.id = address where seq = ?""",
                (seq,),
            ).fetchone()
            yield (
                seq,
                Capture(
                    source=source,
                    url=url,
                    fetched_at=datetime.fromtimestamp(fetched_at, UTC),
                    status=status,
                    headers=msgspec.json.decode(headers) if headers else {},
                    body=self._body(body) if body else None,
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
        row = self.conn.execute("select id from bodies where digest = ?", (digest,)).fetchone()
        return self._body(row[0]) if row else None

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
        found = Verified()
        found.damaged = [
            Damage(str(self.path), text) for (text,) in self.conn.execute("pragma quick_check") if text != "ok"
        ]
        (found.captures,) = self.conn.execute("select count(*) from captures").fetchone()
        totals = "select count(*), total(size), total(length(data)), coalesce(max(depth) + 1, 0) from bodies"
        found.bodies, size, stored, found.longest = self.conn.execute(totals).fetchone()
        found.size, found.stored = int(size), int(stored)
        wrong: dict[int, str] = {}
        for done, (number, problem) in enumerate(self._checked(), 1):
            if problem:
                wrong[number] = problem
            progress(done, found.bodies)
        found.damaged += self._named(wrong)
        return found

    def _checked(self) -> Iterator[tuple[int, str | None]]:
        """Every body and what is wrong with it. From each first body along its chain, so that each is unpacked once."""
        follow: dict[int | None, list[int]] = {}
        numbers = set()
        for number, base in self.conn.execute("select id, base from bodies order by id desc"):
            follow.setdefault(base, []).append(number)
            numbers.add(number)
        waiting: list[tuple[int, bytes | None, int, str | None]] = [(n, None, -1, None) for n in follow.get(None, ())]
        for base in set(follow) - numbers - {None}:
            waiting += [(n, None, -1, f"body {base}, which it follows, is missing") for n in follow[base]]
        while waiting:
            number, before, depth, problem = waiting.pop()
            numbers.discard(number)
            body = None
            if not problem:
                body, problem = self._check(number, before, depth + 1)
            yield number, problem
            after = f"body {number}, which it follows, is damaged" if problem and body is None else None
            waiting += [(n, body, depth + 1, after) for n in follow.get(number, ())]
        yield from ((number, "its chain has no beginning") for number in sorted(numbers))

    def _check(self, number: int, before: bytes | None, depth: int) -> tuple[bytes | None, str | None]:
        """A body, if its bytes are what they were, and what is wrong with its row."""
        digest, size, said, data = self.conn.execute(
            "select digest, size, depth, data from bodies where id = ?", (number,)
        ).fetchone()
        try:
            body = _decompress(data, size, before)
        except (zstandard.ZstdError, TypeError, ValueError, MemoryError) as error:
            return None, str(error)
        if hashlib.sha256(body).digest() != digest:
            return None, "it has other bytes than its digest says"
        if len(body) != size or said != depth:
            return body, f"its row says {size} bytes, number {said} of its chain; it is {len(body)}, number {depth}"
        return body, None

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


def _compress(body: bytes, base: bytes | None) -> bytes:
    # A window as long as both bodies: otherwise zstd forgets the beginning of the earlier one.
    window = max(17, (len(body) + len(base or b"")).bit_length())
    parameters = zstandard.ZstdCompressionParameters.from_level(9, window_log=min(window, 27), write_content_size=True)
    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if base else None
    return zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters).compress(body)


def _decompress(data: bytes, size: int, base: bytes | None) -> bytes:
    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if base else None
    return zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=1 << 28).decompress(
        data, max_output_size=size
    )
