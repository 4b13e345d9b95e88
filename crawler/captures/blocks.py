"""Bodies of responses, packed: consecutive bodies of an address in one zstd frame, a block.

A block's dictionary is the body before it, the last of the block before: so a body that is much like its
predecessor costs little wherever it stands. Chains of blocks begin anew before reading one body would take
unpacking more than `CHAIN`. Numbers of bodies never change and are never given out again; which block holds
a body may (`Blocks.pack`). A block is named by its first body. docs/captures.md has the tables.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import zstandard

from crawler.database import part, transaction

#: Blocks are weighed in bytes of bodies. A full one takes some 2 ms to unpack.
BLOCK = 8 << 20
#: Each body weighs this at least, so that a block has 64 bodies at the most, and a chain 1,024.
LIGHTEST = BLOCK // 64
#: What is unpacked at the most to read one body.
CHAIN = 16 * BLOCK
#: Blocks of less are packed together when they make up a full one.
SMALL = BLOCK // 4
#: zstd's highest level before its slow ones, which gain a twentieth and take ten times as long.
LEVEL = 11
#: Bytes of unpacked blocks, and of bodies that others follow, that are kept at hand.
AT_HAND = 64 << 20

Key = TypeVar("Key", bound=Hashable)


class CorruptBodyError(Exception):
    """Stored bytes are not what their digest says."""


class Block(NamedTuple):
    """A row of `blocks`, without its data."""

    id: int  # number of its first body
    last: int  # number of its last body; those of other blocks may stand between
    bodies: int
    base: int | None  # number of the body that is its dictionary
    before: int  # weight of the blocks that lead to it
    size: int  # bytes of its bodies

    @property
    def weight(self) -> int:
        """What it counts in a chain."""
        return max(self.size, self.bodies * LIGHTEST)


class Checked(NamedTuple):
    """A body that was read, or a block (`body` is None) with something wrong. `chain` is how many blocks led to it."""

    body: int | None
    problem: str | None
    chain: int


class _Place(NamedTuple):
    """Where a body stands, with all that is needed to get there but the base."""

    number: int
    start: int
    length: int
    digest: bytes
    block: int
    last: int
    base: int | None
    size: int
    data: bytes


class _Base(NamedTuple):
    """A body that a block follows."""

    number: int
    body: bytes


class _Recent(Generic[Key]):
    """The bytes used last, `AT_HAND` at the most, but always the latest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._size = 0

    def get(self, key: Key) -> bytes | None:
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def keep(self, key: Key, value: bytes) -> None:
        self._size += len(value) - len(self._kept.pop(key, b""))
        self._kept[key] = value
        while self._size > AT_HAND and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        self._kept.clear()
        self._size = 0


class Blocks:
    """The tables `blocks` and `bodies` of one connection. Writing is for the caller's transaction, but for `pack`."""

    def __init__(self, conn: sqlite3.Connection, path: Path) -> None:
        self.conn = conn
        self.path = path
        self._bases: _Recent[int] = _Recent()
        #: By first and last body: another process may pack a block together with those after it.
        self._unpacked: _Recent[tuple[int, int]] = _Recent()

    def forget(self) -> None:
        """Drop what is in memory: after a rollback numbers of bodies are given out again."""
        self._bases.clear()
        self._unpacked.clear()

    def find(self, digest: bytes) -> int | None:
        """The number of the body with this SHA-256: looked up by its first bytes, then compared whole."""
        row = self.conn.execute(
            "select id from bodies where substr(digest, 1, 4) = ? and digest = ?", (digest[:4], digest)
        ).fetchone()
        return int(row[0]) if row else None

    # Reading

    def body(self, number: int) -> bytes:
        """The bytes of a body. CorruptBodyError when they are not what their digest says, or cannot be found."""
        found = self._bases.get(number)
        if found is not None:
            return found
        chain = [self._place(number)]
        while chain[-1].base is not None and self._unpacked.get((chain[-1].block, chain[-1].last)) is None:
            if self._bases.get(chain[-1].base) is not None:
                break
            chain.append(self._place(chain[-1].base))
        for place in reversed(chain[1:]):
            self._bases.keep(place.number, self._take(place))
        return self._take(chain[0])

    def _place(self, number: int) -> _Place:
        # One statement, so that a block is never looked for where it was before another process packed it.
        row = self.conn.execute(
            """select bodies.id, start, bodies.size, digest, block, last, base, blocks.size, data
            from bodies left join blocks on blocks.id = block where bodies.id = ?""",
            (number,),
        ).fetchone()
        if row is None:
            raise CorruptBodyError(f"{self.path}: body {number} is missing")
        place = _Place(*row)
        if place.last is None:
            raise CorruptBodyError(f"{self.path}: body {number}: its block {place.block} is missing")
        if place.base is not None and place.base >= place.block:
            raise CorruptBodyError(f"{self.path}: body {number}: its block {place.block} follows a later one")
        return place

    def _take(self, place: _Place) -> bytes:
        """The body at a place; the body its block follows, if any, is at hand."""
        key = (place.block, place.last)
        block = self._unpacked.get(key)
        if block is None:
            base = None if place.base is None else self._bases.get(place.base)
            try:
                block = unpack(place.data, place.size, base)
            except CorruptBodyError as error:
                raise CorruptBodyError(f"{self.path}: body {place.number}: {error}") from error
            self._unpacked.keep(key, block)
        body = block[place.start : place.start + place.length]
        if hashlib.sha256(body).digest() != place.digest:
            raise CorruptBodyError(f"{self.path}: body {place.number} has other bytes than its digest says")
        return body

    # Writing

    def write(self, tail: int | None, bodies: Sequence[tuple[bytes, bytes]]) -> list[int]:
        """Store (digest, body), none of which is there, after the body `tail`. Returns their numbers, in order."""
        (number,) = self.conn.execute("select coalesce(max(id), 0) from bodies").fetchone()
        numbered = [(number + n, digest, body) for n, (digest, body) in enumerate(bodies, 1)]
        for some in _parts(numbered):
            base, before = self._after(tail, _weight(some))
            tail = self._insert(some, base, before).number
        return [n for n, _, _ in numbered]

    def _after(self, tail: int | None, weight: int) -> tuple[_Base | None, int]:
        """What a new block of this weight follows, and the weight of what leads to it. After damage a chain begins."""
        if tail is None:
            return None, 0
        try:
            base, end = _Base(tail, self.body(tail)), self._block_of(tail)
        except CorruptBodyError:
            return None, 0
        before = end.before + end.weight
        return (base, before) if before + weight <= CHAIN else (None, 0)

    def _block_of(self, number: int) -> Block:
        row = self.conn.execute(
            """select blocks.id, last, bodies, base, before, blocks.size
            from bodies join blocks on blocks.id = block where bodies.id = ?""",
            (number,),
        ).fetchone()
        if row is None:
            raise CorruptBodyError(f"{self.path}: body {number} or its block is missing")
        return Block(*row)

    def _insert(self, some: Sequence[tuple[int, bytes, bytes]], base: _Base | None, before: int) -> _Base:
        """Write one block of (number, digest, body). Returns its last body, which the next may follow."""
        bodies = b"".join(body for _, _, body in some)
        data = pack(bodies, base.body if base else None)
        if unpack(data, len(bodies), base.body if base else None) != bodies:
            raise CorruptBodyError(f"{self.path}: what was packed does not come back as it was")
        first, last = some[0][0], some[-1][0]
        self.conn.execute(
            "insert into blocks (id, last, bodies, base, before, size, data) values (?, ?, ?, ?, ?, ?, ?)",
            (first, last, len(some), base.number if base else None, before, len(bodies), data),
        )
        start = 0
        for number, digest, body in some:
            self.conn.execute(
                """insert into bodies (id, block, start, size, digest) values (?, ?, ?, ?, ?)
                on conflict (id) do update set block = excluded.block, start = excluded.start""",
                (number, first, start, len(body), digest),
            )
            start += len(body)
        self._bases.keep(last, some[-1][2])
        return _Base(last, some[-1][2])

    # Packing

    def pack(self, tail: int) -> None:
        """Pack the small blocks that end with this body together, if they make up a full one."""
        if _heavy(self._small_before(tail)):
            with transaction(self.conn):
                # Once more: another process may have done it.
                for piece in filter(_heavy, _pieces(self._small_before(tail))):
                    self._merge(piece)

    def pack_all(self) -> Iterator[tuple[int, int]]:
        """Pack all small blocks that follow one another, a full block's worth in a transaction. Yields (done, all).

        What a damaged body would go into stays as it is.
        """
        runs: dict[int, list[Block]] = {}  # by last body
        for row in self.conn.execute("select id, last, bodies, base, before, size from blocks order by id"):
            block = Block(*row)
            if block.weight < SMALL:
                run = runs.pop(block.base, []) if block.base is not None else []
                runs[block.last] = [*run, block]
        some = [piece for run in runs.values() for piece in _pieces(run) if len(piece) > 1]
        for done, piece in enumerate(some, 1):
            try:
                with transaction(self.conn):
                    if self._small_before(piece[-1].last)[-len(piece) :] == piece:  # as it was listed
                        self._merge(piece)
            except CorruptBodyError:
                self.forget()
            yield done, len(some)

    def _small_before(self, tail: int) -> list[Block]:
        """Small blocks, each following the one before, the last ending with this body."""
        run: list[Block] = []
        number: int | None = tail
        while number is not None:
            block = self._block_of(number)
            if block.last != number or block.weight >= SMALL or (run and block.id >= run[-1].id):
                break
            run.append(block)
            number = block.base
        return run[::-1]

    def _merge(self, run: Sequence[Block]) -> None:
        """Write the bodies of these blocks anew as few blocks: each is checked against its digest before and after.

        All or nothing, in whatever transaction.
        """
        whole: list[tuple[int, bytes, bytes]] = []
        for block in run:
            rows = self._rows(block)
            if len(rows) != block.bodies:
                raise CorruptBodyError(f"{self.path}: block {block.id} has {len(rows)} bodies of {block.bodies}")
            whole += [(number, digest, self.body(number)) for number, _, _, digest in rows]
        before = run[0].before
        base = None if run[0].base is None else _Base(run[0].base, self.body(run[0].base))
        with part(self.conn):
            self.conn.executemany("delete from blocks where id = ?", [(block.id,) for block in run])
            for some in _parts(whole):
                base, before = self._insert(some, base, before), before + _weight(some)

    def _rows(self, block: Block) -> list[tuple[int, int, int, bytes]]:
        """(number, start, size, digest) of the bodies of a block."""
        return self.conn.execute(
            "select id, start, size, digest from bodies where id between ? and ? and block = ? order by id",
            (block.id, block.last, block.id),
        ).fetchall()

    # Checking

    def check(self) -> Iterator[Checked]:
        """Every body, and what is wrong with it; blocks that lack bodies. Each chain is followed from its beginning,
        so that each block is unpacked once.
        """
        follow: dict[int | None, list[int]] = {}  # by the body that is the base
        for number, base in self.conn.execute("select id, base from blocks order by id desc"):
            follow.setdefault(base, []).append(number)
        waiting: list[tuple[int, bytes | None, str | None, int]] = []
        waiting += [(number, None, None, 0) for number in follow.pop(None, [])]
        while waiting or follow:
            if not waiting:  # what is left follows what is not there, or itself
                base = min(number for number in follow if number is not None)
                missing = f"body {base}, which it follows, is missing, or follows it"
                waiting += [(number, None, missing, 0) for number in follow.pop(base)]
            number, before, problem, chain = waiting.pop()
            for body, wrong, found in self._check(number, before, problem):
                yield Checked(body, wrong, chain + 1)
                after = None if found is not None else f"body {body}, which it follows, is damaged"
                waiting += [(n, found, after, chain + 1) for n in follow.pop(body, [])]
        strays = """select bodies.id, block from bodies where not exists (
            select 1 from blocks where blocks.id = block and bodies.id between blocks.id and last)"""
        for body, block in self.conn.execute(strays):
            yield Checked(body, f"its block {block} is missing", 0)

    def _check(
        self, number: int, base: bytes | None, problem: str | None
    ) -> Iterator[tuple[int | None, str | None, bytes | None]]:
        """The bodies of one block: number, what is wrong, bytes if they are what they were."""
        row = self.conn.execute(
            "select id, last, bodies, base, before, size, data from blocks where id = ?", (number,)
        ).fetchone()
        block, data = Block(*row[:-1]), row[-1]
        whole = b""
        if not problem:
            try:
                whole = unpack(data, block.size, base)
            except CorruptBodyError as error:
                problem = str(error)
        rows = self._rows(block)
        for body, start, size, digest in rows:
            found = whole[start : start + size]
            wrong = problem
            if not wrong and hashlib.sha256(found).digest() != digest:
                wrong = "it has other bytes than its digest says"
            yield body, wrong, None if wrong else found
        if len(rows) != block.bodies or sum(size for _, _, size, _ in rows) != block.size:
            has = f"{len(rows)} bodies of {sum(size for _, _, size, _ in rows)} bytes"
            yield None, f"block {number} has {has}, and should have {block.bodies} of {block.size}", None


def _heavy(run: Iterable[Block]) -> bool:
    return sum(block.weight for block in run) >= BLOCK


def _pieces(run: Sequence[Block]) -> Iterator[list[Block]]:
    """A run of blocks, cut where there is enough for a full block."""
    piece: list[Block] = []
    for block in run:
        piece.append(block)
        if _heavy(piece):
            yield piece
            piece = []
    if piece:
        yield piece


def _weight(some: Sequence[tuple[int, bytes, bytes]]) -> int:
    return max(sum(len(body) for _, _, body in some), len(some) * LIGHTEST)


def _parts(bodies: Sequence[tuple[int, bytes, bytes]]) -> Iterator[list[tuple[int, bytes, bytes]]]:
    """Cut into as few blocks as may be, of about equal weight: a small rest would stay small."""
    weights = [max(len(body), LIGHTEST) for _, _, body in bodies]
    target = sum(weights) / max(1, -(-sum(weights) // BLOCK))
    some: list[tuple[int, bytes, bytes]] = []
    reached, passed = target, 0
    for item, weight in zip(bodies, weights, strict=True):
        if some and passed + weight / 2 > reached:
            yield some
            some, reached = [], reached + target
        some.append(item)
        passed += weight
    if some:
        yield some


def pack(body: bytes, base: bytes | None) -> bytes:
    """One zstd frame."""
    # A window as long as both: otherwise zstd forgets the beginning of the earlier one. Its tables are no larger than
    # that; it would choose another strategy for short bodies, which is slow where they are much alike.
    bits = max(17, (len(body) + len(base or b"")).bit_length())
    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, window_log=min(27, bits), hash_log=min(22, bits), chain_log=min(21, bits), write_content_size=True
    )
    return zstandard.ZstdCompressor(dict_data=_dictionary(base), compression_params=parameters).compress(body)


def unpack(data: bytes, size: int, base: bytes | None) -> bytes:
    """What is in a frame. CorruptBodyError when it does not unpack to that many bytes."""
    try:
        said = zstandard.frame_content_size(data)
        if said != size:
            raise CorruptBodyError(f"its block holds {said} bytes where its row says {size}")
        found = zstandard.ZstdDecompressor(dict_data=_dictionary(base), max_window_size=1 << 28).decompress(data)
    except (zstandard.ZstdError, TypeError, ValueError, MemoryError) as error:
        raise CorruptBodyError(str(error)) from error
    if len(found) != size:
        raise CorruptBodyError(f"its block unpacks to {len(found)} bytes where its row says {size}")
    return found


def _dictionary(base: bytes | None) -> zstandard.ZstdCompressionDict | None:
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if base else None
