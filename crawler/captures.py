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
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zstandard
from sqlite_utils import Database, Migrations

from crawler.database import connect, transaction
from crawler.records import Capture

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


class Captures:
    """The store. One writer at a time; any number of readers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = connect(path, migrations)
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
