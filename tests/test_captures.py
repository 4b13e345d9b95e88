"""The store of bytes: nothing twice, nothing lost, nothing changed, nothing believed that is damaged."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.captures import CHAIN, Captures, CorruptBodyError
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


def test_chains_are_bounded(store: Captures) -> None:
    page = bytes(range(256)) * 8
    some = [look(n, page + str(n).encode()) for n in range(2 * CHAIN + 5)]
    store.add(some)
    depths = [d for (d,) in store.conn.execute("select depth from bodies order by id")]
    assert max(depths) == CHAIN - 1
    assert depths.count(0) == 3
    lengths = [s for (s,) in store.conn.execute("select length(data) from bodies where depth > 0")]
    assert max(lengths) < 100, "a body much like the one before costs little"
    fresh = reopened(store)
    last = fresh.pending(0)[-1][0]
    assert next(fresh.read([last]))[1] == some[-1]
    fresh.close()


def test_the_base_is_the_latest_at_that_address_not_the_last_added(store: Captures) -> None:
    store.add([look(9, b"late body" * 9), look(1, b"early body" * 9)])
    fresh = reopened(store)
    assert [c.body for c in everything(fresh)] == [b"early body" * 9, b"late body" * 9]
    fresh.close()


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


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("update bodies set data = x'00112233' where id = 2", "body 2"),
        ("update bodies set data = substr(data, 1, length(data) - 2) where id = 2", "body 2"),
        ("update bodies set data = (select data from bodies where id = 3) where id = 2", "body 2"),
        ("update bodies set digest = x'00' where id = 2", "body 2 has other bytes"),
        ("delete from bodies where id = 2", "body 2 is missing"),
    ],
)
def test_a_damaged_body_is_named_and_never_handed_on(store: Captures, sql: str, message: str) -> None:
    store.add([look(n, b"body of some length %d" % n) for n in range(3)])
    broken = damage(store, sql)
    assert next(broken.read([1]))[1].body == b"body of some length 0", "those before it in the chain are whole"
    for seq in (2, 3):
        with pytest.raises(CorruptBodyError, match=message) as caught:
            list(broken.read([seq]))
        assert "captures.db" in str(caught.value)
    broken.close()


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
