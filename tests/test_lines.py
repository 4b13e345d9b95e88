"""Capture lines: every whole line is read from every kind of file, and every other is named."""

from __future__ import annotations

import base64
import gzip
import json
import lzma
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.captures.lines import BadLine, read, write
from crawler.records import Capture

Pack = Callable[[bytes], bytes]

PACKED: dict[str, Pack] = {
    ".jsonl": lambda data: data,
    ".jsonl.gz": gzip.compress,
    ".jsonl.xz": lzma.compress,
    ".jsonl.zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),  # as the zstd command does
}


def line(number: int = 0, **more: Any) -> dict[str, Any]:
    fields = {
        "source": "acme",
        "url": "https://status.acme.example/api",
        "fetched_at": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
        "status": 200,
        "headers": {"ETag": "x"},
        "body": f"body {number}",
        **more,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def pack(*lines: dict[str, Any] | str) -> bytes:
    return b"".join((some if isinstance(some, str) else json.dumps(some)).encode() + b"\n" for some in lines)


def items(tmp_path: Path, data: bytes, suffix: str = ".jsonl") -> list[Capture | BadLine]:
    path = tmp_path / f"lines{suffix}"
    path.write_bytes(data)
    return list(read(path))


def captures(found: list[Capture | BadLine]) -> list[Capture]:
    return [item for item in found if isinstance(item, Capture)]


def bad(found: list[Capture | BadLine]) -> list[BadLine]:
    return [item for item in found if isinstance(item, BadLine)]


@pytest.mark.parametrize("suffix", PACKED)
def test_files_plain_and_compressed(tmp_path: Path, suffix: str) -> None:
    found = items(tmp_path, PACKED[suffix](pack(*(line(n) for n in range(50)))), suffix)
    assert [c.body for c in captures(found)] == [b"body %d" % n for n in range(50)]
    assert bad(found) == []
    first = captures(found)[0]
    assert first.fetched_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert first.headers == {"etag": "x"}, "names in lower case"


@pytest.mark.parametrize("suffix", PACKED)
def test_files_that_were_appended_to(tmp_path: Path, suffix: str) -> None:
    """Compressed files may be several, one after the other, and a line may run across the seam."""
    data = pack(line(0), line(1), line(2))
    whole = PACKED[suffix](data[:100]) + PACKED[suffix](data[100:]) + PACKED[suffix](b"")
    found = items(tmp_path, whole, suffix)
    assert [c.body for c in captures(found)] == [b"body 0", b"body 1", b"body 2"]
    assert bad(found) == []


@pytest.mark.parametrize("suffix", PACKED)
def test_empty_files(tmp_path: Path, suffix: str) -> None:
    assert items(tmp_path, PACKED[suffix](b""), suffix) == []
    assert items(tmp_path, b"", suffix) == [] or suffix == ".jsonl.xz"


@pytest.mark.parametrize("suffix", list(PACKED)[1:])
def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path, suffix: str) -> None:
    noise = [base64.b85encode(zstandard.ZstdCompressor().compress(bytes([n] * n))).decode() * 40 for n in range(200)]
    data = PACKED[suffix](pack(*(line(n, body=text) for n, text in enumerate(noise))))
    for kept in (len(data) // 2, len(data) - 1):
        found = items(tmp_path, data[:kept], suffix)
        (problem,) = bad(found)
        assert "damaged" in problem.problem
        read_so_far = captures(found)
        assert problem.where == f"{tmp_path}/lines{suffix}:{len(read_so_far) + 1}"
        assert [c.body for c in read_so_far] == [text.encode() for text in noise[: len(read_so_far)]]


@pytest.mark.parametrize("suffix", list(PACKED)[1:])
def test_a_damaged_file_is_a_problem_not_a_crash(tmp_path: Path, suffix: str) -> None:
    data = bytearray(PACKED[suffix](pack(*(line(n, body=str(n**9)) for n in range(300)))))
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(255 - byte for byte in data[middle : middle + 8])
    assert any("damaged" in problem.problem for problem in bad(items(tmp_path, bytes(data), suffix)))
    assert bad(items(tmp_path, b"this is no compressed file", suffix))


def test_bodies_that_are_not_text(tmp_path: Path) -> None:
    raw = bytes(range(256))
    told = line(body=..., body_base64=base64.b64encode(raw).decode())
    (capture,) = captures(items(tmp_path, pack(told)))
    assert capture.body == raw


def test_bodies_of_every_script(tmp_path: Path) -> None:
    text = "控制台访问异常 \u0000 🌩 \ufeff"
    (capture,) = captures(items(tmp_path, pack(line(body=text))))
    assert capture.body == text.encode()


BAD = [
    "{",
    "null",
    "[]",
    '"text"',
    "\x00\x01",
    json.dumps(line(url=...)),
    json.dumps(line(fetched_at=...)),
    json.dumps(line(fetched_at="2026-01-01T00:00:00")),  # no zone
    json.dumps(line(fetched_at="yesterday")),
    json.dumps(line(fetched_at=1767225600)),
    json.dumps(line(fetched_at="0001-01-01T00:00:00+14:00")),  # before the first day there is
    json.dumps(line(fetched_at="1970-01-01T00:00:00Z")),  # a clock that was never set
    json.dumps(line(fetched_at="9999-12-31T00:00:00Z")),
    json.dumps(line(body_base64="***")),
    json.dumps(line(status="200")),
    json.dumps(line(headers=[["a", "b"]])),
    json.dumps(line(colour="blue")),
    json.dumps(line(url="https://\ud800.example")),
    "[" * 100_000,
]


@pytest.mark.parametrize("wrong", BAD, ids=lambda text: text[:40])
def test_a_bad_line_is_named_and_costs_only_itself(tmp_path: Path, wrong: str) -> None:
    found = items(tmp_path, pack(line(0), "", wrong, line(1)))
    (problem,) = bad(found)
    assert problem.where == f"{tmp_path / 'lines.jsonl'}:3"
    assert problem.problem
    assert [c.body for c in captures(found)] == [b"body 0", b"body 1"]


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path: Path) -> None:
    found = items(tmp_path, pack(line(0)) + b'{"url": "\xff\xfe"}\n' + pack(line(1)))
    assert len(captures(found)) == 2
    assert bad(found)[0].where.endswith(":2")


def test_blank_lines_are_nothing(tmp_path: Path) -> None:
    found = items(tmp_path, b"\n  \n" + pack(line(0)) + b"\r\n\t\n" + pack(line(1)).rstrip(b"\n"))
    assert len(found) == len(captures(found)) == 2


def test_a_time_with_an_offset_is_put_into_utc(tmp_path: Path) -> None:
    (capture,) = captures(items(tmp_path, pack(line(fetched_at="2026-01-01T08:00:00+08:00"))))
    assert capture.fetched_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert capture.fetched_at.tzinfo is UTC


def test_what_a_line_may_leave_out(tmp_path: Path) -> None:
    told = {"url": "https://acme.example", "fetched_at": "2026-01-01T00:00:00Z"}
    (capture,) = captures(items(tmp_path, pack(told)))
    assert (capture.source, capture.status, capture.headers, capture.body) == ("", 200, {}, None)


def test_a_look_without_an_answer(tmp_path: Path) -> None:
    told = line(status=None, body=..., headers=..., error="timeout")
    (capture,) = captures(items(tmp_path, pack(told)))
    assert (capture.status, capture.body, capture.error) == (None, None, "timeout")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for suffix in PACKED:
        with pytest.raises(OSError, match="lines"):
            list(read(tmp_path / f"lines{suffix}"))


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)  # the machine may do other things meanwhile
@given(
    st.builds(
        Capture,
        source=text,
        url=text,
        fetched_at=st.integers(700_000_000, 4_000_000_000).map(
            lambda s: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
        ),
        status=st.none() | st.integers(100, 599),
        headers=st.dictionaries(text.map(lambda name: name.lower().lower()), text, max_size=3).filter(
            lambda h: all(name == name.lower() for name in h)
        ),
        body=st.none() | st.binary(max_size=50) | text.map(str.encode),
        milliseconds=st.none() | st.integers(0, 100_000),
        error=st.none() | text,
    )
)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, capture: Capture) -> None:
    path = tmp_path_factory.getbasetemp() / "written.jsonl"
    path.write_bytes(write(capture))
    assert write(capture).count(b"\n") == 1
    assert list(read(path)) == [capture]
