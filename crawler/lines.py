"""Capture lines: one response a line of JSON, plain or compressed (`.jsonl`, `.xz`, `.gz`, `.zst`).

`{"source": id, "url": …, "fetched_at": UTC, "status": 200, "headers": {…}, "body": text}`, or `body_base64`
for bytes that are not UTF-8. `status` may be null and `error` given for a look that got no answer.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import zstandard

from crawler.records import Capture, instant


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    fetched_at: str
    source: str | None = None
    status: int | None = 200
    headers: dict[str, str] = {}
    body: str | None = None
    body_base64: str | None = None
    milliseconds: int | None = None
    error: str | None = None


class BadLine(msgspec.Struct, frozen=True):
    """A line that is no capture: file and line number, and what is wrong."""

    where: str
    problem: str


def read(path: Path) -> Iterator[Capture | BadLine]:
    """The captures of one file; `source` is "" where the line names none. A bad line costs only itself.

    OSError when the file cannot be opened.
    """
    number = 0
    try:
        with _open(path) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield _capture(line, f"{path}:{number}")
    except (lzma.LZMAError, gzip.BadGzipFile, zstandard.ZstdError, EOFError) as error:
        yield BadLine(f"{path}:{number + 1}", f"the compressed file is damaged from here on: {error}")


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix in (".zst", ".zstd"):
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True))
    return path.open("rb")


def _capture(line: bytes, where: str) -> Capture | BadLine:
    try:
        said = msgspec.json.decode(line, type=_Line)
        body = None if said.body is None else said.body.encode("utf-8", "surrogatepass")
        if said.body_base64 is not None:
            body = base64.b64decode(said.body_base64, validate=True)
        return Capture(
            source=said.source or "",
            url=said.url,
            fetched_at=instant(said.fetched_at),
            status=said.status,
            headers={name.lower(): value for name, value in said.headers.items()},
            body=body,
            milliseconds=said.milliseconds,
            error=said.error,
        )
    except (msgspec.MsgspecError, ValueError, binascii.Error, UnicodeError) as error:
        return BadLine(where, str(error))


def write(capture: Capture) -> bytes:
    """The line of a capture, with its line end."""
    said: dict[str, object] = {
        "source": capture.source,
        "url": capture.url,
        "fetched_at": capture.fetched_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": capture.status,
    }
    if capture.headers:
        said["headers"] = capture.headers
    if capture.body is not None:
        try:
            said["body"] = capture.body.decode()
        except UnicodeDecodeError:
            said["body_base64"] = base64.b64encode(capture.body).decode()
    if capture.error is not None:
        said["error"] = capture.error
    return msgspec.json.encode(said) + b"\n"
