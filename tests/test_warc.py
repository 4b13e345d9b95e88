"""WARC files: what comes in is what a poll would have kept, what goes out comes back, and damage stays where it is."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import lzma
import sqlite3
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from crawler.archive import Archive
from crawler.captures import Captures, warc
from crawler.captures.imports import ImportProblem, NamedSource, from_lines, is_warc
from crawler.captures.warc import export, from_warc
from crawler.catalog import Catalog, Source, Vendor, load
from crawler.commands import SOME_FAILED, main
from crawler.records import Capture
from tests.test_archive import dump, without_numbers

URL = "https://status.acme.example/api"
SAID = b"what the page said"
CATALOG = Catalog(
    [
        Vendor(
            id="acme",
            name="Acme",
            homepage="https://acme.example",
            sources=(
                Source(id="acme", platform="statuspage", url=URL, vendor="acme"),
                Source(id="other", platform="statuspage", url="https://other.acme.example/", vendor="acme"),
            ),
        )
    ]
)


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def look(second: int, body: bytes | None = SAID, **more: Any) -> Capture:
    fields: dict[str, Any] = {"source": "acme", "url": URL, "status": 200, "headers": {}, **more}
    return Capture(fetched_at=at(second), body=body, **fields)


def record(kind: str, block: bytes, second: float = 0, **fields: str) -> bytes:
    """A record as somebody else writes it. Names are given with underscores; None of them is checked."""
    head = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{hashlib.md5(block).hexdigest()}>",
        "WARC-Target-URI": URL,
        "WARC-Date": f"2026-01-01T00:00:{second:02}Z",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
    return f"WARC/1.0\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def http(payload: bytes = SAID, status: str = "200 OK", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + payload


def sha1(payload: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(payload).digest()).decode()


class Taken:
    """What an import of a file gave."""

    def __init__(self, items: list[Capture | ImportProblem], passed: Counter[str]) -> None:
        self.captures = [item for item in items if isinstance(item, Capture)]
        self.problems = [item for item in items if isinstance(item, ImportProblem)]
        self.passed = passed


class Desk:
    """A store, and a file to import into it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = Captures(directory / "captures.db")

    def read(self, path: Path, named: bool = False, catalog: Catalog = CATALOG) -> Taken:
        passed: Counter[str] = Counter()
        who = NamedSource("beta", "statuspage", self.store, catalog) if named else None
        return Taken(list(from_warc(path, catalog, who, self.store, passed)), passed)

    def take(self, data: bytes, name: str = "some.warc", named: bool = False) -> Taken:
        path = self.directory / name
        path.write_bytes(data)
        return self.read(path, named)

    def one(self, data: bytes) -> Capture:
        taken = self.take(data)
        assert not taken.problems
        (capture,) = taken.captures
        return capture

    def problem(self, data: bytes) -> str:
        taken = self.take(data)
        assert not taken.captures
        (problem,) = taken.problems
        return f"{problem.where}: {problem.problem}"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_names_of_files() -> None:
    assert [name for name in ("a.warc", "a.WARC.GZ", "a.gz", "a.jsonl", "warc") if is_warc(Path(name))] == [
        "a.warc",
        "a.WARC.GZ",
    ]


# In


def test_a_response_is_a_capture(desk: Desk) -> None:
    block = http(SAID, "503 Service Unavailable", ETag='"x"', Via="a", via="b")
    found = desk.one(record("response", block, WARC_Date="2026-01-01T00:00:07.987654Z"))
    assert found == look(7, status=503, headers={"etag": '"x"', "via": "a, b"})


def chunked(payload: bytes) -> bytes:
    parts = [payload[n : n + 7] for n in range(0, len(payload), 7)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def deflated(payload: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(payload) + engine.flush()


@pytest.mark.parametrize(
    ("encoding", "payload"),
    [
        ("gzip", gzip.compress(SAID, mtime=0)),
        ("x-gzip", gzip.compress(SAID, mtime=0)),
        ("deflate", zlib.compress(SAID)),
        ("deflate", deflated(SAID)),
        ("br", brotli.compress(SAID)),
        ("zstd", zstandard.compress(SAID)),
        ("gzip, br", brotli.compress(gzip.compress(SAID, mtime=0))),
        ("gzip", SAID),  # decoded by the archive, under the header it came with
        ("identity", SAID),
    ],
    ids=["gzip", "x-gzip", "deflate", "raw deflate", "br", "zstd", "gzip in br", "gzip, not packed", "identity"],
)
@pytest.mark.parametrize("transfer", ["", "chunked", "was chunked"])
def test_bodies_are_decoded(desk: Desk, encoding: str, payload: bytes, transfer: str) -> None:
    headers = {"Content-Encoding": encoding, **({"Transfer-Encoding": "chunked"} if transfer else {})}
    found = desk.one(record("response", http(chunked(payload) if transfer == "chunked" else payload, **headers)))
    assert found == look(0)


def test_an_encoding_that_nobody_knows_is_left(desk: Desk) -> None:
    found = desk.one(record("response", http(b"\x01\x02", Content_Encoding="rot13")))
    assert found == look(0, b"\x01\x02", headers={"content-encoding": "rot13"})


def test_headers_in_strange_shapes(desk: Desk) -> None:
    block = b"HTTP/2 200\nServer: n\xe9\nAge:\n 7\nnothing\n\n" + SAID
    assert desk.one(record("response", block)) == look(0, headers={"server": "né", "age": "7"})


def test_other_records_are_passed_over_and_counted(desk: Desk) -> None:
    data = b"".join(
        [
            record("warcinfo", b"software: x\r\n", Content_Type="application/warc-fields"),
            record("request", b"GET / HTTP/1.1\r\n\r\n"),
            record("request", b"GET / HTTP/1.1\r\nA: b\r\n\r\n"),
            record("metadata", b"via: x\r\n"),
            record("response", b"20260101000000\nstatus 1\n", Content_Type="text/dns", WARC_Target_URI="dns:acme.example"),
            record("response", http()),
        ]
    )  # fmt: skip
    taken = desk.take(data)
    assert taken.captures == [look(0)]
    assert taken.passed == {"warcinfo": 1, "request": 2, "metadata": 1, "response of text/dns": 1}
    assert taken.problems == []


def test_pages_of_no_source_are_one_problem_for_each_host(desk: Desk) -> None:
    urls = ["https://a.example/1", "https://a.example/2", "https://b.example/", URL]
    data = b"".join(record("response", http(), WARC_Target_URI=url) for url in urls)
    taken = desk.take(data)
    assert taken.captures == [look(0)]
    assert [p.problem.split()[0] for p in taken.problems] == ["2", "1"]
    assert [p.where.split()[-1] for p in taken.problems] == ["a.example", "b.example"]


def test_vendor_and_platform_name_what_the_catalog_does_not(desk: Desk) -> None:
    data = record("response", http(), WARC_Target_URI="<https://a.example/1>")
    taken = desk.take(data + record("response", http()), named=True)
    assert taken.captures == [look(0, source="beta-statuspage", url="https://a.example/1"), look(0)]


# Revisits

SAME = "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
FIRST = record("response", http(ETag='"x"'), 1, WARC_Payload_Digest=sha1(SAID), WARC_Record_ID="<urn:uuid:First>")
DIGEST = {"WARC_Payload_Digest": sha1(SAID).lower()}
ADDRESS = {"WARC_Refers_To_Target_URI": URL, "WARC_Refers_To_Date": "2026-01-01T00:00:01Z"}
ID = {"WARC_Refers_To": "<urn:uuid:first>"}


@pytest.mark.parametrize("refers", [DIGEST, ADDRESS, ID, {**DIGEST, **ADDRESS}], ids=str)
@pytest.mark.parametrize("order", [1, -1])
def test_a_revisit_has_the_body_it_refers_to(desk: Desk, refers: dict[str, str], order: int) -> None:
    again = record("revisit", http(b"", Age="9", Content_Encoding="gzip"), 2, WARC_Profile=SAME, **refers)
    taken = desk.take(b"".join([FIRST, again][::order]))
    assert taken.problems == []
    assert taken.captures == [look(1, headers={"etag": '"x"'}), look(2, headers={"age": "9"})]


def test_a_revisit_without_a_head_is_like_what_it_refers_to(desk: Desk) -> None:
    taken = desk.take(FIRST + record("revisit", b"", 2, WARC_Profile=SAME, **DIGEST))
    assert taken.captures == [look(second, headers={"etag": '"x"'}) for second in (1, 2)]


@pytest.mark.parametrize(
    "refers",
    [ADDRESS, {"WARC_Payload_Digest": "sha256:" + hashlib.sha256(SAID).hexdigest()}],
)
def test_a_revisit_of_what_is_in_the_store(desk: Desk, refers: dict[str, str]) -> None:
    desk.store.add([look(1)])
    assert desk.one(record("revisit", http(b""), 2, WARC_Profile=SAME, **refers)) == look(2)


def test_a_page_that_was_not_modified(desk: Desk) -> None:
    same = record("revisit", http(b"", "304 Not Modified", Age="9"), 2, WARC_Profile=NOT_MODIFIED, **ADDRESS)
    silent = record("revisit", b"", 3, WARC_Profile=NOT_MODIFIED, **ADDRESS)
    plain = record("response", http(b"", "304 Not Modified"), 4)
    taken = desk.take(FIRST + same + silent + plain)
    assert taken.problems == []
    assert [(c.status, c.body, c.headers) for c in taken.captures[1:]] == [
        (304, None, {"age": "9"}),
        (304, None, {}),
        (304, None, {}),
    ]


@pytest.mark.parametrize("profile", [SAME, NOT_MODIFIED])
def test_a_revisit_of_nothing(desk: Desk, profile: str) -> None:
    assert "neither in the file nor in captures.db" in desk.problem(
        record("revisit", http(b""), 2, WARC_Profile=profile, **DIGEST, **ADDRESS)
    )


def test_a_revisit_of_an_unknown_kind(desk: Desk) -> None:
    assert "unknown profile 'x'" in desk.problem(record("revisit", http(b""), WARC_Profile="http://a.example/x"))


# Damage in a file


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (record("response", b"<html>"), "no HTTP answer"),
        (record("response", http(), WARC_Date="yesterday"), "WARC-Date"),
        (record("response", http(), WARC_Date=""), "no warc-date"),
        (record("response", http(), WARC_Target_URI=""), "no warc-target-uri"),
        (record("response", http(), Content_Length="many"), "Content-Length is 'many'"),
        (record("response", http(), Content_Length="20"), "Content-Length is not that"),
        (record("response", http(), WARC_Block_Digest=sha1(b"else")), "WARC-Block-Digest"),
        (record("response", http(), WARC_Truncated="time"), "not have all that was sent"),
        (record("response", http(), WARC_Segment_Number="1"), "segments"),
        (record("response", http(b"\x1f\x8bxx", Content_Encoding="gzip")), "not gzip that can be decoded"),
        (record("response", http(b"5\r\nab", Transfer_Encoding="chunked")), "chunks are damaged"),
        (b"something else\r\n\r\n", "no WARC record"),
        (record("response", http())[:-30], "bytes are there"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_record_costs_only_itself(desk: Desk, broken: bytes, message: str, packed: bool) -> None:
    parts = [record("response", http(b"before"), 1), broken, record("response", http(b"after"), 2)]
    if packed:
        parts = [gzip.compress(part, mtime=0) for part in parts]
    elif message == "bytes are there":
        message = "Content-Length is not that"  # what follows is taken for the end of it
    taken = desk.take(b"".join(parts))
    assert [c.body for c in taken.captures] == [b"before", b"after"]
    (problem,) = taken.problems
    assert message in problem.problem
    assert problem.where == f"{desk.directory / 'some.warc'}: offset {len(parts[0])}"


def test_block_digests_that_fit_or_are_unknown_are_no_problem(desk: Desk) -> None:
    for digest in (sha1(http()), "sha-256:" + hashlib.sha256(http()).hexdigest(), "crc99:abcd", "none", ""):
        assert desk.one(record("response", http(), WARC_Block_Digest=digest)) == look(0)


TEN = [record("response", http(b"body %d " % n * 40), n, WARC_Payload_Digest=str(n)) for n in range(10)]


@pytest.mark.parametrize("whole", [False, True], ids=["each record compressed", "compressed as a whole"])
def test_a_file_that_is_cut_off(desk: Desk, whole: bool) -> None:
    data = gzip.compress(b"".join(TEN)) if whole else b"".join(map(gzip.compress, TEN))
    assert len(desk.take(data).captures) == 10
    taken = desk.take(data[:-30])
    assert [c.fetched_at for c in taken.captures] == [at(n) for n in range(len(taken.captures))]
    assert len(taken.captures) >= (1 if whole else 9)
    assert ["cut off" in p.problem for p in taken.problems][-1:] == [True]


def test_a_large_member_is_unpacked_into_a_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc, "_IN_MEMORY", 1000)
    again = record("revisit", http(b""), 30, WARC_Profile=SAME, WARC_Payload_Digest="3")
    taken = desk.take(gzip.compress(b"".join([again, *TEN, b"rubbish"])), "some.warc.gz")
    assert len(taken.captures) == 11
    assert taken.captures[-1].body == b"body 3 " * 40
    assert len(taken.problems) == 1


def test_a_body_that_is_larger_than_a_poll_would_take(desk: Desk) -> None:
    assert "DOWNLOAD_MAXSIZE" in desk.problem(
        record("response", http(gzip.compress(bytes(33 << 20)), Content_Encoding="gzip"))
    )


def test_a_damaged_member_costs_only_itself(desk: Desk) -> None:
    packed = [gzip.compress(part, mtime=0) for part in TEN]
    for place in range(len(packed[4])):
        hurt = bytearray(packed[4])
        hurt[place] ^= 0x10
        taken = desk.take(b"".join([*packed[:4], bytes(hurt), *packed[5:]]))
        found = {c.fetched_at for c in taken.captures}
        assert {at(n) for n in range(10)} - found <= {at(4)}
        bodies = {c.body for c in taken.captures}
        assert bodies <= {b"body %d " % n * 40 for n in range(10)}, "nothing damaged is taken for good"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.integers(0, 3000), st.booleans())
def test_any_bytes_at_all(desk: Desk, junk: bytes, place: int, packed: bool) -> None:
    """Nothing is raised, whatever stands in a file, and what is far from it is read."""
    data = b"".join(map(gzip.compress, TEN)) if packed else b"".join(TEN)
    place = min(place, len(data) // 2)
    taken = desk.take(data[:place] + junk + data[place + 5 :], "some.warc.gz" if packed else "some.warc")
    assert at(9) in {c.fetched_at for c in taken.captures}


def test_empty_files(desk: Desk) -> None:
    assert desk.take(b"").captures == []
    assert desk.take(b"\r\n\r\n").problems == []


# Out and in again


def stored(path: Path) -> list[Capture]:
    store = Captures(path)
    found = [capture for _, capture, _ in store.read(seq for seq, _, _ in store.pending(0))]
    store.close()
    return found


def written(store: Captures, path: Path) -> Counter[str]:
    report = export(store, [seq for seq, _, _ in store.pending(0)], path, "outages/test", lambda done, all_: None)
    assert report.damaged == []
    return report.records


def round_trip(directory: Path, captures: list[Capture], suffix: str) -> list[Capture]:
    """The captures after they went through a store, a file, and another store."""
    (directory / "one").mkdir()
    (directory / "two").mkdir()
    one, two = Desk(directory / "one"), Desk(directory / "two")
    one.store.add(captures)
    written(one.store, directory / f"out{suffix}")
    taken = two.read(directory / f"out{suffix}")
    assert taken.problems == []
    assert set(taken.passed) == {"warcinfo"}
    two.store.add(taken.captures)
    one.store.close()
    two.store.close()
    return stored(directory / "two" / "captures.db")


texts = st.text(st.characters(codec="utf-8"), max_size=9)
headers = st.dictionaries(
    st.sampled_from(["etag", "content-encoding", "content-type", "location", "x-cache", "server"]),
    st.sampled_from(["gzip", '"x"', "a: b", ""]) | texts,
    max_size=3,
)
looks = st.builds(
    look,
    st.integers(0, 40),
    st.none() | st.sampled_from([b"", b"a", b"b" * 90, b"\r\n\r\nWARC/1.0\r\n\r\n", b"\x1f\x8b\x08"]) | st.binary(max_size=9),
    source=st.sampled_from(["acme", "other"]),
    url=st.sampled_from([URL, URL + "?page=2&x=%20", "git:a b.json", "<x>"]) | texts,
    status=st.sampled_from([200, 200, 304, 304, 500, None, 99, 1000]),
    headers=headers,
    milliseconds=st.none() | st.integers(-1, 99999),
    error=st.none() | st.just("timeout: 30 s") | texts,
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(looks, max_size=12), st.sampled_from([".warc", ".warc.gz"]))
@example([look(0), look(1), look(2, None, status=304), look(3, None, status=None, error="dns: x")], ".warc.gz")
@example([look(0, headers={"content-encoding": "gzip"}), look(0, source="other"), look(1, source="other")], ".warc")
@example([look(0, None, status=304, headers={"etag": "x"}), look(1, None), look(2, b"x", status=304)], ".warc")
def test_what_goes_out_comes_back(captures: list[Capture], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        back = round_trip(Path(scratch), captures, suffix)
        assert sorted(back, key=repr) == sorted(stored(Path(scratch) / "one" / "captures.db"), key=repr)


def test_what_stands_in_the_file(desk: Desk) -> None:
    """Read by another hand, which checks every digest."""
    desk.store.add(
        [
            look(0, headers={"content-encoding": "gzip", "etag": '"x"'}, milliseconds=12),
            look(1),
            look(2, None, status=304),
            look(3, None, status=None, error="refused: no\nanswer"),
            look(4, b"else", source="other"),
            look(5),
        ]
    )
    path = desk.directory / "out.warc.gz"
    assert written(desk.store, path) == {"response": 2, "revisit": 3, "metadata": 1}
    found = []
    with path.open("rb") as file:
        for each in ArchiveIterator(file, check_digests="raise"):
            found.append((each.rec_type, each.rec_headers, each.http_headers, each.content_stream().read()))
    assert [kind for kind, *_ in found] == [
        "warcinfo",
        "response",
        "revisit",
        "revisit",
        "metadata",
        "response",
        "revisit",
    ]
    _, first, again, unchanged, silent, other, _ = found
    assert first[1]["X-Outages-Source"] == "acme"
    assert first[1]["X-Outages-Milliseconds"] == "12"
    assert first[2]["x-archive-orig-content-encoding"] == "gzip"
    assert first[3] == SAID
    assert again[1]["WARC-Profile"].endswith("/identical-payload-digest")
    assert again[1]["WARC-Payload-Digest"] == first[1]["WARC-Payload-Digest"]
    for each in (again, unchanged):
        assert each[1]["WARC-Refers-To-Target-URI"] == URL
    assert again[1]["WARC-Refers-To-Date"] == "2026-01-01T00:00:00Z"
    assert unchanged[1]["WARC-Refers-To-Date"] == "2026-01-01T00:00:01Z"
    assert unchanged[1]["WARC-Profile"].endswith("/server-not-modified")
    assert unchanged[2].get_statuscode() == "304"
    assert b"error: refused: no answer\r\n" in silent[3]
    assert other[3] == b"else"
    assert len({each[1]["WARC-Record-ID"] for each in found}) == len(found)


def test_a_damaged_body_is_left_out_and_named(desk: Desk) -> None:
    desk.store.add([look(0, b"one" * 9), look(1, b"else" * 9, url=URL + "/2")])
    desk.store.conn.execute("update bodies set digest = x'00' where id = 1")
    fresh = Captures(desk.store.path)
    report = export(fresh, [1, 2], desk.directory / "a.warc", "x", lambda done, all_: None)
    fresh.close()
    assert report.records == {"response": 1}
    assert len(report.damaged) == 1


def test_a_file_that_cannot_be_written_leaves_nothing(desk: Desk) -> None:
    (desk.directory / "a.warc").mkdir()
    with pytest.raises(OSError, match=r"a\.warc"):
        written(desk.store, desk.directory / "a.warc")
    assert not list(desk.directory.glob("*.part"))


def take(directory: Path, items: Iterator[Capture | ImportProblem], store: Captures, catalog: Catalog) -> None:
    store.add([item for item in items if isinstance(item, Capture)])
    archive = Archive(directory / "outages.db", catalog)
    archive.catch_up(store)
    archive.close()


def test_an_archive_of_a_replay_is_the_same_after_a_round_trip(shared: Path, tmp_path: Path) -> None:
    with lzma.open(shared / "replay" / "github-history-atom.jsonl.xz", "rb") as stream:
        some = [line for number, line in enumerate(stream) if number % 25 == 0]
    (tmp_path / "some.jsonl").write_bytes(b"".join(some))
    one, two = Captures(tmp_path / "one" / "captures.db"), Captures(tmp_path / "two" / "captures.db")
    take(tmp_path / "one", from_lines(tmp_path / "some.jsonl", load(), None), one, load())
    written(one, tmp_path / "some.warc.gz")
    take(tmp_path / "two", from_warc(tmp_path / "some.warc.gz", load(), None, two, Counter()), two, load())
    one.close()
    two.close()
    assert len(stored(tmp_path / "one" / "captures.db")) == len(some)
    assert stored(tmp_path / "one" / "captures.db") == stored(tmp_path / "two" / "captures.db")
    assert without_numbers(dump(tmp_path / "one")) == without_numbers(dump(tmp_path / "two"))


# Commands

FEED = "https://www.githubstatus.com/api/v2/incidents.json"
PAGE = b'{"page": {"id": "p", "name": "GitHub", "url": "https://www.githubstatus.com"}, "incidents": []}'


def outages(data: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--data", str(data)])


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A data directory with ten looks of a page that changes, on two days."""
    store = Captures(tmp_path / "full" / "captures.db")
    store.add(
        look(n * 10000, PAGE + b" " * (n // 2), source="github-incidents", url=FEED) for n in range(10)
    )  # fmt: skip
    store.close()
    return tmp_path / "full"


def test_export_and_import(full: Path, tmp_path: Path) -> None:
    done = outages(full, "captures", "export", tmp_path / "a.warc.gz")
    assert done.exit_code == 0
    assert "10 captures: 5 response, 5 revisit" in done.output
    done = outages(tmp_path / "new", "import", tmp_path / "a.warc.gz")
    assert done.exit_code == 0, done.output
    assert "10 captures, 10 of them new" in done.output
    assert "passed over: 1 warcinfo" in done.output
    assert stored(tmp_path / "new" / "captures.db") == stored(full / "captures.db")


def test_a_part_of_an_export(full: Path, tmp_path: Path) -> None:
    for options, count in (
        (("--since", "2026-01-02"), 1),
        (("--until", "2026-01-02"), 9),
        (("--since", "2026-01-01T02:46:40Z", "--until", "2026-01-01T09:20:00+01:00"), 2),
        (("--source", "github-incidents"), 10),
    ):
        done = outages(full, "captures", "export", tmp_path / "a.warc", *options)
        assert f"{count} captures" in done.output, options
    for wrong in (("--since", "then"), ("--source", "nobody")):
        assert outages(full, "captures", "export", tmp_path / "a.warc", *wrong).exit_code in (1, 2)
    assert outages(full, "captures", "export", tmp_path / "a.zip").exit_code == 2


def test_import_tells_what_it_could_not_use(full: Path, tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"rubbish" + record("response", http()))
    done = outages(full, "import", tmp_path / "a.warc")
    assert done.exit_code == SOME_FAILED
    assert "a.warc: offset 0: no WARC record" in done.output
    assert "status.acme.example: 1 pages of no source" in done.output


def test_verify_a_whole_store(full: Path) -> None:
    done = outages(full, "captures", "verify")
    assert done.exit_code == 0
    size = sum(len(PAGE) + n for n in range(5))
    assert f"10 captures, 5 distinct bodies of {size:,} bytes" in done.output
    assert "1 blocks; longest chain 1" in done.output


@pytest.mark.parametrize(
    ("sql", "captures", "message"),
    [
        ("update blocks set data = x'00112233'", 10, "body 2"),
        ("update bodies set digest = x'00' where id = 5", 2, "other bytes than its digest"),
        ("delete from bodies where id = 5", 3, "body 5: it is missing"),
        ("delete from blocks", 10, "its block 1 is missing"),
        ("update blocks set base = 5", 10, "missing, or follows it"),
        ("update blocks set size = 9", 11, "its row says"),
        ("update captures set body = 1 where body = 5; update bodies set digest = x'' where id = 5", 1, "no capture"),
    ],
)
def test_verify_names_what_is_damaged(full: Path, sql: str, captures: int, message: str) -> None:
    with sqlite3.connect(full / "captures.db") as conn:
        conn.executescript(sql)
    conn.close()
    done = outages(full, "captures", "verify")
    assert done.exit_code == SOME_FAILED
    damaged = [line for line in done.output.splitlines() if line.startswith("damaged: ")]
    assert len(damaged) == captures
    assert any(message in line for line in damaged)
    if captures > 1:
        assert f"damaged: {FEED} 2026-01-02T01:00:00Z: body" in done.output


def test_verify_reads_a_damaged_file(full: Path) -> None:
    """Bytes that are changed beneath the database: told, not raised."""
    outages(full, "health")
    file = full / "captures.db"
    with sqlite3.connect(file) as conn:
        conn.execute("pragma wal_checkpoint(truncate)")
        conn.execute("pragma journal_mode = delete")
    conn.close()
    data = bytearray(file.read_bytes())
    found = data.find(b"\x28\xb5\x2f\xfd")
    data[found + 6 : found + 40] = b"\xff" * 34
    file.write_bytes(bytes(data))
    assert outages(full, "captures", "verify").exit_code in (1, SOME_FAILED)


def test_the_tests_write_what_they_mean() -> None:
    """`record` against the reference reader."""
    found = next(iter(ArchiveIterator(io.BytesIO(TEN[3]))))
    assert found.content_stream().read() == b"body 3 " * 40
