"""The store of bytes: nothing twice, nothing lost, nothing changed, nothing believed that is damaged."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from zstandard import DICT_TYPE_RAWCONTENT, ZstdCompressionDict, ZstdCompressor

from crawler.captures import Captures, CorruptBodyError, blocks
from crawler.captures.store import Verified
from crawler.commands import main
from crawler.database import transaction
from crawler.records import Capture

URL = "https://status.acme.example/api"


def at(minute: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)


def look(minute: float, body: bytes | None = b"{}", *, source: str = "acme", url: str = URL, **more: object) -> Capture:
    fields: dict[str, object] = {"status": 200, "headers": {}, **more}
    return Capture(source=source, url=url, fetched_at=at(minute), body=body, **fields)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Captures]:
    opened = Captures(tmp_path / "captures.db")
    yield opened
    opened.close()


def bodies(store: Captures) -> int:
    (count,) = store.conn.execute("select count(*) from bodies").fetchone()
    return int(count)


def everything(store: Captures) -> list[Capture]:
    return [capture for _, capture, _ in store.read(seq for seq, _, _ in store.pending(0))]


def reopened(store: Captures) -> Captures:
    """The same file with nothing in memory."""
    return Captures(store.path)


# What is kept


def test_a_capture_comes_back_as_it_was(store: Captures) -> None:
    kept = [
        look(0, b"\x00\xff bytes", headers={"etag": '"x"', "content-type": "text/html"}, milliseconds=12),
        look(1, None, status=304),
        look(2, None, status=None, error="timeout: 30 s"),
        look(3, b"not here", status=404),
        look(4, b""),
    ]
    assert store.add(kept) == 5
    fresh = reopened(store)
    assert everything(fresh) == kept
    fresh.close()


def test_headers_that_say_nothing_of_the_body_are_not_kept(store: Captures) -> None:
    store.add([look(0, headers={"etag": "x", "set-cookie": "secret", "x-request-id": "7"})])
    assert everything(store)[0].headers == {"etag": "x"}


def test_the_same_bytes_are_stored_once(store: Captures) -> None:
    store.add([look(0, b"same"), look(1, b"same"), look(2, b"same", url=URL + "/2"), look(3, b"same", source="b")])
    assert bodies(store) == 1
    numbers = [number for _, _, number in store.read([1, 2, 3, 4])]
    assert len(set(numbers)) == 1


def test_adding_again_adds_nothing(store: Captures) -> None:
    some = [look(0, b"a"), look(1, b"b")]
    assert store.add(some) == 2
    assert store.add(some) == 0
    assert store.add([look(0, b"something else at the same moment")]) == 0
    assert len(everything(store)) == 2
    assert everything(store)[0].body == b"a"


def test_a_capture_keeps_its_id_on_the_way_through_the_store(store: Captures) -> None:
    between = look(0.995)  # 59.7 seconds after the minute
    store.add([between])
    assert [c.id for c in everything(store)] == [between.id]


def test_all_or_none(store: Captures) -> None:
    def broken() -> Iterator[Capture]:
        yield look(0, b"first")
        yield look(1, b"second")
        raise RuntimeError("the file ends here")

    with pytest.raises(RuntimeError, match="ends here"):
        store.add(broken())
    assert everything(store) == []
    assert bodies(store) == 0


def test_what_was_rolled_back_is_not_remembered(store: Captures) -> None:
    """Numbers of bodies that were rolled back go to others, perhaps to those of another process."""

    def broken() -> Iterator[Capture]:
        yield look(0, b"one that is not kept")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.add(broken())
    other = reopened(store)
    other.add([look(1, b"one that is")])
    other.close()
    assert [c.body for c in everything(store)] == [b"one that is"]
    store.add([look(2, b"one that is, and goes on")])
    fresh = reopened(store)
    assert [c.body for c in everything(fresh)] == [b"one that is", b"one that is, and goes on"]
    fresh.close()


# Differences

pieces = st.binary(max_size=12) | st.sampled_from([b"", b"a" * 300, bytes(range(256)) * 40, b"\x28\xb5\x2f\xfd"])


@settings(max_examples=40, deadline=None)
@given(st.lists(pieces, max_size=12))
@example([b"", b"", b"x", b""])
@example([b"abcdefg", b"abcdefgh", b"abcdefghi"])  # shorter than what zstd takes for a dictionary
def test_every_list_of_bodies_is_read_back(parts: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        store = Captures(Path(scratch) / "captures.db")
        some = [look(n, b"".join(parts[max(0, n - 2) : n + 1])) for n in range(len(parts))]
        assert store.add(some) == len(some)
        fresh = reopened(store)
        assert [c.body for c in everything(fresh)] == [c.body for c in some]
        backwards = [seq for seq, _, _ in fresh.pending(0)][::-1]
        assert [c.body for _, c, _ in reopened(store).read(backwards)] == [c.body for c in some[::-1]]
        fresh.close()
        store.close()


def page(number: int, size: int = 2000) -> bytes:
    """A page much like the one before and the one after it."""
    rng = random.Random(number // 50)
    return rng.randbytes(size) + b"%d" % number


def counted(store: Captures, sql: str) -> int:
    (count,) = store.conn.execute(sql).fetchone()
    return int(count)


def verified(store: Captures) -> Verified:
    return store.verify(lambda done, total: None)


def one_by_one(store: Captures, some: list[Capture]) -> None:
    """As polls do."""
    for capture in some:
        store.add([capture])


def test_a_body_much_like_the_one_before_costs_little(store: Captures) -> None:
    store.add([look(0, page(0)), look(1, page(1))])
    store.add([look(2, page(2))])
    assert counted(store, "select length(data) from blocks where id = 3") < 40


def test_chains_are_bounded(store: Captures) -> None:
    most = blocks.CHAIN // blocks.LIGHTEST
    some = [look(n, b"a page" * 50 + str(n).encode()) for n in range(2 * most + 5)]
    store.add(some)
    assert counted(store, "select count(*) from blocks where base is null") == 3
    assert counted(store, "select max(before + max(size, bodies * 131072)) from blocks") <= blocks.CHAIN
    assert verified(store).longest <= 2 * blocks.CHAIN // blocks.BLOCK
    fresh = reopened(store)
    last = fresh.pending(0)[-1][0]
    assert next(fresh.read([last]))[1] == some[-1]
    fresh.close()


def test_large_bodies_make_small_blocks_and_short_chains(store: Captures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 10_000)
    monkeypatch.setattr(blocks, "CHAIN", 40_000)
    monkeypatch.setattr(blocks, "LIGHTEST", 100)
    some = [look(n, page(n, size)) for n, size in enumerate([4000] * 20 + [90_000, 10] + [4000] * 20)]
    store.add(some)
    assert counted(store, "select max(size) from blocks where bodies > 1") <= 12_100
    assert counted(store, "select max(before + size) from blocks where bodies > 1") <= 40_000
    fresh = reopened(store)
    assert everything(fresh) == some
    fresh.close()


def test_the_base_is_of_the_same_address(store: Captures) -> None:
    there = [look(n, page(n + 500 * n % 2), url=URL + str(n % 2)) for n in range(20)]
    one_by_one(store, there)
    wrong = """select count(*) from blocks join captures one on one.body = base join captures two on two.body = id
        where one.address <> two.address"""
    assert counted(store, wrong) == 0
    assert counted(store, "select count(*) from blocks where base is null") == 2
    assert everything(store) == there


def test_captures_may_come_in_any_order(store: Captures) -> None:
    store.add([look(9, b"late body" * 9), look(1, b"early body" * 9)])
    fresh = reopened(store)
    assert [c.body for c in everything(fresh)] == [b"early body" * 9, b"late body" * 9]
    fresh.close()


def test_headers_that_repeat_are_kept_once(store: Captures) -> None:
    some = [
        look(n, page(n), headers={"content-type": "text/html", "date": f"{n}", "server": "x"[: n % 2], "age": "3"})
        for n in range(10)
    ]
    store.add(some)
    assert counted(store, "select count(*) from headers") == 2
    fresh = reopened(store)
    assert everything(fresh) == some
    assert list(everything(fresh)[0].headers) == ["age", "content-type", "date", "server"]
    fresh.close()


# Packing

FULL = blocks.BLOCK // blocks.LIGHTEST


def test_polls_pack_as_they_go(store: Captures) -> None:
    some = [look(n, page(n), url=f"{URL}/{n % 2}") for n in range(4 * FULL + 20)]
    one_by_one(store, some)
    assert counted(store, "select count(*) from blocks") == 4 + 20
    assert counted(store, "select max(bodies) from blocks") == FULL
    assert everything(store) == some
    found = verified(store)
    assert (found.bodies, found.damaged) == (len(some), [])
    fresh = reopened(store)
    assert everything(fresh) == some
    fresh.close()


def test_packing_by_hand_packs_the_rest(store: Captures) -> None:
    some = [look(n, page(n), url=f"{URL}/{n % 3}") for n in range(3 * FULL)]
    one_by_one(store, some[:-1])
    seen: list[tuple[int, int]] = []
    packed = store.pack(lambda done, total: seen.append((done, total)))
    assert packed.before[0] == 2 + FULL - 1
    assert packed.after[0] == 3
    assert seen == [(1, 1)]
    assert packed.after[1] < packed.before[1]
    store.add(some[-1:])
    fresh = reopened(store)
    assert everything(fresh) == some
    assert verified(fresh).damaged == []
    fresh.close()


def test_packing_as_a_command(tmp_path: Path) -> None:
    store = Captures(tmp_path / "captures.db")
    some = [look(n, page(n)) for n in range(10)]
    one_by_one(store, some)
    store.close()
    done = CliRunner().invoke(main, ["captures", "pack", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "10 blocks → 1, " in done.output
    store = Captures(tmp_path / "captures.db")
    assert everything(store) == some
    store.close()


def test_a_reader_reads_on_while_another_process_packs(store: Captures) -> None:
    some = [look(n, page(n)) for n in range(FULL)]
    one_by_one(store, some[:-1])
    reader = reopened(store)
    assert everything(reader) == some[:-1]
    store.add(some[-1:])
    assert counted(store, "select count(*) from blocks") == 1
    assert everything(reader) == some
    reader.close()


def test_what_cannot_be_packed_stays_as_it_was(store: Captures, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [look(n, page(n)) for n in range(FULL + 1)]
    one_by_one(store, some[: FULL - 1])
    honest = blocks.pack
    monkeypatch.setattr(blocks, "pack", lambda body, base: honest(body[::-1] if len(body) > 9000 else body, base))
    store.add([some[FULL - 1]])
    assert counted(store, "select count(*) from blocks") == FULL
    monkeypatch.undo()
    store.add([some[FULL]])
    assert counted(store, "select count(*) from blocks") == 2
    assert everything(store) == some


def test_packing_is_all_or_nothing_within_another_transaction(store: Captures, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [look(n, page(n)) for n in range(FULL)]
    one_by_one(store, some[:-1])
    honest = blocks.pack
    monkeypatch.setattr(blocks, "pack", lambda body, base: honest(body[::-1] if len(body) > 9000 else body, base))
    with transaction(store.conn):
        store.add(some[-1:])
    assert counted(store, "select count(*) from blocks") == FULL
    fresh = reopened(store)
    assert everything(fresh) == some
    fresh.close()


def test_a_full_disk_while_packing_loses_nothing(store: Captures, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [look(n, page(n)) for n in range(FULL + 1)]
    one_by_one(store, some[: FULL - 1])
    honest = blocks.pack

    def full(body: bytes, base: bytes | None) -> bytes:
        if len(body) > 9000:
            raise sqlite3.OperationalError("database or disk is full")
        return honest(body, base)

    monkeypatch.setattr(blocks, "pack", full)
    assert store.add([some[FULL - 1]]) == 1
    assert counted(store, "select count(*) from blocks") == FULL
    monkeypatch.undo()
    fresh = reopened(store)
    assert everything(fresh) == some[:-1]
    fresh.add(some[-1:])
    assert counted(fresh, "select count(*) from blocks") == 2
    assert everything(fresh) == some
    fresh.close()


def test_a_damaged_body_is_packed_with_no_other(store: Captures) -> None:
    some = [look(n, page(n)) for n in range(FULL - 1)]
    one_by_one(store, some)
    broken = damage(store, "update bodies set digest = x'00' where id = 3")
    before = broken.conn.execute("select * from blocks").fetchall()
    broken.add([look(99, page(99))])
    broken.pack(lambda done, total: None)
    assert broken.conn.execute("select * from blocks where id < ?", (FULL,)).fetchall() == before
    assert next(broken.read([2]))[1] == some[1]
    broken.close()


def test_after_a_damaged_body_a_chain_begins(store: Captures) -> None:
    one_by_one(store, [look(n, page(n)) for n in range(4)])
    broken = damage(store, "update blocks set data = x'0011' where id = 2")
    assert broken.add([look(9, page(9))]) == 1
    fresh = reopened(broken)
    assert everything_readable(fresh) == [page(0), page(9)]
    fresh.close()
    broken.close()


def everything_readable(store: Captures) -> list[bytes | None]:
    found = []
    for seq, _, _ in store.pending(0):
        try:
            found += [capture.body for _, capture, _ in store.read([seq])]
        except CorruptBodyError:
            continue
    return found


# Files of the first version


def first_version(path: Path, some: list[Capture]) -> None:
    """Write a file as the first version did: each body a frame of its own, its dictionary another body."""
    conn = sqlite3.connect(path)
    conn.executescript(
        """create table _sqlite_migrations (id integer primary key, migration_set text, name text, applied_at text);
        create unique index idx__sqlite_migrations_migration_set_name on _sqlite_migrations (migration_set, name);
        insert into _sqlite_migrations values (1, 'captures', 'create', '2026-01-01 00:00:00+00:00');
        create table addresses (id integer primary key, source text not null, url text not null, unique (source, url));
        create table bodies (id integer primary key, digest blob not null unique, size integer not null,
          base integer references bodies(id), depth integer not null, data blob not null);
        create table captures (seq integer primary key, address integer not null references addresses(id),
          fetched_at integer not null, status integer, headers text, body integer references bodies(id),
          milliseconds integer, error text, unique (address, fetched_at));
        create table named_sources (id text primary key, vendor text not null, platform text not null,
          url text not null);
        insert into named_sources values ('b', 'beta', 'statuspage', 'https://b.example/')"""
    )
    tails: dict[int, tuple[int, int, bytes]] = {}
    for capture in some:
        conn.execute("insert or ignore into addresses (source, url) values (?, ?)", (capture.source, capture.url))
        (address,) = conn.execute("select id from addresses where url = ?", (capture.url,)).fetchone()
        number = None
        if capture.body is not None:
            digest = hashlib.sha256(capture.body).digest()
            row = conn.execute("select id from bodies where digest = ?", (digest,)).fetchone()
            number = row[0] if row else None
            if number is None:
                base, depth, before = tails.get(address, (None, -1, b""))
                if depth == 127:
                    base, depth, before = None, -1, b""
                dictionary = ZstdCompressionDict(before, dict_type=DICT_TYPE_RAWCONTENT) if before else None
                data = ZstdCompressor(level=9, dict_data=dictionary).compress(capture.body)
                values = (digest, len(capture.body), base, depth + 1, data)
                sql = "insert into bodies (digest, size, base, depth, data) values (?, ?, ?, ?, ?)"
                number = conn.execute(sql, values).lastrowid
                tails[address] = (number or 0, depth + 1, capture.body)
        conn.execute(
            """insert into captures (address, fetched_at, status, headers, body, milliseconds, error)
            values (?, ?, ?, ?, ?, ?, ?)""",
            (address, int(capture.fetched_at.timestamp()), capture.status,
             json.dumps(capture.headers) if capture.headers else None, number, capture.milliseconds, capture.error),
        )  # fmt: skip
    conn.commit()
    conn.execute("pragma journal_mode = wal")
    conn.close()


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    some = [
        look(n, b"" if n == 7 else page(n % 290), url=f"{URL}/{n % 2}", headers={"etag": f"{n}"}, milliseconds=n)
        for n in range(400)
    ]
    some += [look(500, None, status=304), look(501, None, status=None, error="dns")]
    first_version(tmp_path / "captures.db", some)
    store = Captures(tmp_path / "captures.db")
    assert everything(store) == some
    assert store.named_sources() == [("b", "beta", "statuspage", "https://b.example/")]
    assert [c.body for _, c, _ in store.read([400, 1, 200, 8])] == [some[n].body for n in (399, 0, 199, 7)]
    assert verified(store).damaged == []
    more = [look(600 + n, page(1000 + n), url=f"{URL}/{n % 2}", headers={"server": "x"}) for n in range(10)]
    one_by_one(store, more)
    assert everything(store) == some + more
    store.pack(lambda done, total: None)
    assert counted(store, "select count(*) from blocks") < 20
    fresh = reopened(store)
    assert everything(fresh) == some + more
    assert verified(fresh).damaged == []
    fresh.close()
    store.close()


def test_taking_over_is_all_or_nothing(tmp_path: Path) -> None:
    some = [look(n, page(n)) for n in range(50)]
    first_version(tmp_path / "captures.db", some)
    conn = sqlite3.connect(tmp_path / "captures.db")
    conn.execute("create table headers (in_the_way text)")  # the last but one thing it makes
    conn.commit()
    with pytest.raises(sqlite3.OperationalError, match="headers already exists"):
        Captures(tmp_path / "captures.db")
    conn.execute("drop table headers")
    conn.commit()
    conn.close()
    store = Captures(tmp_path / "captures.db")
    assert everything(store) == some
    store.close()


def test_a_damaged_file_is_taken_over_as_it_is(tmp_path: Path) -> None:
    some = [look(n, page(n)) for n in range(9)]
    first_version(tmp_path / "captures.db", some)
    conn = sqlite3.connect(tmp_path / "captures.db")
    conn.execute("delete from bodies where id = 5")
    conn.commit()
    conn.close()
    store = Captures(tmp_path / "captures.db")
    assert everything_readable(store) == [c.body for c in some[:4]]
    assert len(verified(store).damaged) == 5
    store.close()


def test_only_one_process_takes_a_file_over(tmp_path: Path) -> None:
    some = [look(n, page(n)) for n in range(300)]
    first_version(tmp_path / "captures.db", some)
    found: list[list[Capture]] = []

    def read() -> None:
        store = Captures(tmp_path / "captures.db")
        found.append(everything(store))
        store.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [some] * 4


# Reading


def test_captures_are_read_in_the_order_they_were_fetched(store: Captures) -> None:
    store.add([look(5, b"5"), look(1, b"1", source="b"), look(3, b"3")])
    assert [seq for seq, _, _ in store.pending(0)] == [2, 3, 1]
    assert [seq for seq, _, _ in store.pending(1)] == [2, 3]
    assert store.pending(3) == []
    assert store.of_source("acme") == [(3, "acme", int(at(3).timestamp())), (1, "acme", int(at(5).timestamp()))]
    assert store.of_source("nobody") == []


def test_two_at_the_same_moment_come_in_the_order_they_were_added(store: Captures) -> None:
    store.add([look(1, b"x", url=URL + "/b"), look(1, b"y", url=URL + "/a")])
    assert [seq for seq, _, _ in store.pending(0)] == [1, 2]


def test_last_look_counts_failures_too(store: Captures) -> None:
    assert store.last_look("acme") is None
    store.add([look(1), look(7, None, status=None, error="dns"), look(3, url=URL + "/2")])
    assert store.last_look("acme") == at(7)


def test_a_reader_sees_whole_additions_while_a_writer_is_at_work(store: Captures) -> None:
    reader = reopened(store)
    store.add([look(0, b"before")])
    begun, seen = threading.Event(), threading.Event()

    def slow() -> Iterator[Capture]:
        yield look(1, b"first of two")
        begun.set()
        assert seen.wait(30)
        yield look(2, b"second of two")

    def write() -> None:
        writer = Captures(store.path)
        writer.add(slow())
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(30)
    assert [c.body for c in everything(reader)] == [b"before"]
    seen.set()
    thread.join(30)
    assert [c.body for c in everything(reader)] == [b"before", b"first of two", b"second of two"]
    reader.close()


# Damage


def damage(store: Captures, sql: str) -> Captures:
    """Change the file behind the store's back."""
    with sqlite3.connect(store.path) as conn:
        conn.execute(sql)
    conn.close()
    return reopened(store)


DAMAGES = [
    ("update blocks set data = x'00112233' where id = 2", "body 2", (2, 3)),
    ("update blocks set data = substr(data, 1, length(data) - 2) where id = 2", "body 2", (2, 3)),
    ("update blocks set data = (select data from blocks where id = 3) where id = 2", "body 2", (2, 3)),
    ("update blocks set size = size + 1 where id = 2", "body 2", (2, 3)),
    ("update bodies set digest = x'00' where id = 2", "body 2 has other bytes", (2, 3)),
    ("update bodies set size = size - 1 where id = 2", "body 2 has other bytes", (2, 3)),
    ("update bodies set start = 1 where id = 2", "body 2 has other bytes", (2, 3)),
    ("update bodies set block = 77 where id = 2", "body 2: its block 77 is missing", (2, 3)),
    ("update blocks set base = 3 where id = 2", "body [23]", (2, 3)),
    ("delete from bodies where id = 2", "body 2 is missing", (2, 3)),
    ("delete from blocks where id = 2", "body 2: its block 2 is missing", (2, 3)),
    ("delete from bodies where id = 3", "body 3 is missing", (3,)),
]


@pytest.mark.parametrize(("sql", "message", "lost"), DAMAGES)
def test_a_damaged_body_is_named_and_never_handed_on(
    store: Captures, sql: str, message: str, lost: tuple[int, ...]
) -> None:
    one_by_one(store, [look(n, b"body of some length %d" % n) for n in range(3)])
    broken = damage(store, sql)
    assert next(broken.read([1]))[1].body == b"body of some length 0", "those before it in the chain are whole"
    for seq in lost:
        with pytest.raises(CorruptBodyError, match=message) as caught:
            list(broken.read([seq]))
        assert "captures.db" in str(caught.value)
    broken.close()


@pytest.mark.parametrize(("sql", "message", "lost"), DAMAGES)
def test_verifying_names_the_captures_that_cannot_be_read(
    store: Captures, sql: str, message: str, lost: tuple[int, ...]
) -> None:
    one_by_one(store, [look(n, b"body of some length %d" % n) for n in range(3)])
    broken = damage(store, sql)
    named = [damage.where for damage in verified(broken).damaged if damage.where.startswith(URL)]
    assert named == [f"{URL} 2026-01-01T00:0{seq - 1}:00Z" for seq in lost]
    broken.close()


def test_in_a_block_a_lost_row_costs_no_other_body(store: Captures) -> None:
    some = [look(n, page(n)) for n in range(20)]
    store.add(some)
    broken = damage(store, "delete from bodies where id = 5")
    assert everything_readable(broken) == [c.body for c in some if c is not some[4]]
    said = [(damage.where, damage.problem) for damage in verified(broken).damaged]
    sizes = sum(len(page(n)) for n in range(20))
    assert said == [
        (
            str(store.path),
            f"block 1 has 19 bodies of {sizes - len(page(4))} bytes, and should have 20 of {sizes}",
        ),
        (f"{URL} 2026-01-01T00:04:00Z", "body 5: it is missing"),
    ]
    broken.close()


def test_every_flipped_byte_of_a_block_is_found(store: Captures) -> None:
    some = [look(n, page(n, 300)) for n in range(8)]
    store.add(some)
    (data,) = store.conn.execute("select data from blocks").fetchone()
    for at in range(0, len(data), 13):
        flipped = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        store.conn.execute("update blocks set data = ?", (flipped,))
        fresh = reopened(store)
        lost = {d.where for d in verified(fresh).damaged}
        readable = everything_readable(fresh)
        # A few bits of a frame say nothing that the bytes depend on.
        assert len(lost) == len(some) - len(readable)
        assert set(readable) <= {c.body for c in some}
        fresh.close()


def test_verifying_sees_one_state_while_others_write(store: Captures) -> None:
    some = [look(n, page(n)) for n in range(FULL + 5)]
    one_by_one(store, some[: FULL - 1])
    writer = reopened(store)

    def progress(done: int, total: int) -> None:
        if done == 10:
            one_by_one(writer, some[FULL - 1 :])

    found = store.verify(progress)
    assert (found.damaged, found.bodies) == ([], FULL - 1)
    assert (verified(store).damaged, verified(store).bodies) == ([], len(some))
    writer.close()


def test_a_commit_that_fails_is_taken_back(store: Captures) -> None:
    """A reader at the wrong moment, or a full disk: the next transaction must not go on in the failed one."""
    store.conn.execute("pragma foreign_keys = on")
    store.conn.execute("create table child (id integer references addresses(id) deferrable initially deferred)")
    with pytest.raises(sqlite3.IntegrityError), transaction(store.conn):
        store.conn.execute("insert into child values (99)")
    assert not store.conn.in_transaction
    store.add([look(0)])
    fresh = reopened(store)
    assert len(everything(fresh)) == 1
    fresh.close()


# Validators and names


def test_validators_are_of_the_last_answer_of_200(store: Captures) -> None:
    assert store.validators("acme", URL) == {}
    modified = "Thu, 01 Jan 2026 00:00:00 GMT"
    store.add(
        [
            look(0, headers={"etag": '"old"', "last-modified": modified}),
            look(1, headers={"etag": '"new"', "server": "x"}),
            look(2, None, status=304, headers={"etag": '"of 304"'}),
            look(3, b"oops", status=500, headers={"etag": '"of 500"'}),
            look(4, url=URL + "/2", headers={"last-modified": modified}),
        ]
    )
    assert store.validators("acme", URL) == {"If-None-Match": '"new"'}
    assert store.validators("acme", URL + "/2") == {"If-Modified-Since": modified}
    assert store.validators("other", URL) == {}
    store.add([look(5)])
    assert store.validators("acme", URL) == {}, "the last answer had none"


def test_named_sources_are_remembered_as_first_told(store: Captures) -> None:
    store.name_source("b", "beta", "statuspage", URL)
    store.name_source("a", "alpha", "aws", URL)
    store.name_source("b", "other", "gcp", URL)
    fresh = reopened(store)
    assert fresh.named_sources() == [("a", "alpha", "aws", URL), ("b", "beta", "statuspage", URL)]
    fresh.close()
