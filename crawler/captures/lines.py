"""Capture lines: one response a line of JSON, plain or compressed (`.jsonl`, `.xz`, `.gz`, `.zst`).

`{"source": id, "url": …, "fetched_at": UTC, "status": 200, "headers": {…}, "body": text}`, or `body_base64`
for bytes that are not UTF-8. `status` may be null and `error` given for a look that got no answer.
"""

from __future__ import annotations

import base64
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
import zstandard

from crawler.records import Capture, fetched, instant, stamp

if TYPE_CHECKING:
    from typing_extensions import Buffer


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
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError, EOFError) as error:
        yield BadLine(f"{path}:{number + 1}", f"the compressed file is damaged from here on: {error}")


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix in (".zst", ".zstd"):
        return io.BufferedReader(_Zstd(path))
    return path.open("rb")


class _Zstd(io.RawIOBase):
    """Reads a file of zstd frames. The library's own reader takes a truncated frame for the end of the file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False  # whether the frame has had any bytes
        self._ready = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill the buffer with the next bytes; 0 at the end. EOFError when the file ends within a frame."""
        view = memoryview(buffer)
        while not self._ready:
            read = self._frame.unused_data if self._frame.eof else self._file.read(1 << 17)
            if self._frame.eof:
                self._frame, self._begun = zstandard.ZstdDecompressor().decompressobj(), False
                read = read or self._file.read(1 << 17)
            if not read:
                if self._begun:
                    raise EOFError("the last frame is cut off")
                return 0
            self._ready, self._begun = self._frame.decompress(read), True
        size = min(len(view), len(self._ready))
        view[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()


def _capture(line: bytes, where: str) -> Capture | BadLine:
    try:
        said = msgspec.json.decode(line, type=_Line)
        body = None if said.body is None else said.body.encode("utf-8", "surrogatepass")
        if said.body_base64 is not None:
            body = base64.b64decode(said.body_base64, validate=True)
        return Capture(
            source=said.source or "",
            url=said.url,
            fetched_at=fetched(instant(said.fetched_at)),
            status=said.status,
            headers={name.lower(): value for name, value in said.headers.items()},
            body=body,
            milliseconds=said.milliseconds,
            error=said.error,
        )
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        return BadLine(where, str(error))


def write(capture: Capture) -> bytes:
    """The line of a capture, with its line end."""
    said: dict[str, object] = {
        "source": capture.source,
        "url": capture.url,
        "fetched_at": stamp(capture.fetched_at),
        "status": capture.status,
    }
    if capture.headers:
        said["headers"] = capture.headers
    if capture.body is not None:
        try:
            said["body"] = capture.body.decode()
        except UnicodeDecodeError:
            said["body_base64"] = base64.b64encode(capture.body).decode()
    if capture.milliseconds is not None:
        said["milliseconds"] = capture.milliseconds
    if capture.error is not None:
        said["error"] = capture.error
    return msgspec.json.encode(said) + b"\n"
