"""WARC files (ISO 28500, versions 0.17 to 1.1) in and out: the exchange format of web archives.

In: every HTTP `response` is a capture, and every `revisit` a look that found the same bytes or none. Out: the
store's captures in such records, and what HTTP cannot say in `metadata` records, so that nothing is lost on
the way back. docs/captures.md says which field stands for what.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import mmap
import re
import tempfile
import uuid
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

import msgspec
from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.http import Request, Response
from scrapy.statscollectors import DummyStatsCollector
from warcio.bufferedreaders import ChunkedDataException, ChunkedDataReader
from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParser, StatusAndHeadersParserException
from warcio.warcwriter import WARCWriter

from crawler.captures import Captures, CorruptBodyError
from crawler.captures.imports import ImportProblem, NamedSource
from crawler.catalog import Catalog, Source
from crawler.polling import settings as ours
from crawler.records import Capture, fetched, instant, stamp

#: Fields of ours on a record: the id of the source, and how long the answer took.
SOURCE, MILLISECONDS = "X-Outages-Source", "X-Outages-Milliseconds"
#: Where web archives keep a header that was true of the bytes sent and is not of those stored.
ORIGINAL = "x-archive-orig-"

_GZIP = b"\x1f\x8b\x08"
_START = re.compile(rb"WARC/\d\.\d+\r\n[A-Za-z-]+[ \t]*:")
_HEAD = 1 << 16  # a longer head of a record is no head
_IN_MEMORY = 64 << 20  # bytes of one gzip member; larger ones are unpacked into a file
_KEPT = 16  # bodies at hand for revisits

Progress = Callable[[int, int], None]


class _BadRecordError(Exception):
    """One record cannot be used; the message says why."""


# Records in a file


class _Place(NamedTuple):
    """Where a record stands: the offset of its gzip member in the file, and of the record in what that holds."""

    member: int
    inner: int

    def __str__(self) -> str:
        return f"{self.member}+{self.inner}" if self.member and self.inner else str(self.member or self.inner)


class _Record(NamedTuple):
    place: _Place
    fields: dict[str, str]  # names in lower case
    block: bytes


class _Damage(NamedTuple):
    place: _Place
    problem: str


class _File:
    """Random access to the records of a file, compressed or not. OSError when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._open = contextlib.ExitStack()
        file = self._open.enter_context(path.open("rb"))
        # An empty file cannot be mapped.
        self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
        # By its bytes, and by its name where the first of them are damaged.
        named = path.suffix.lower() == ".gz"
        self._packed = self._data[: len(_GZIP)] == _GZIP or (named and self._data[:5] != b"WARC/")
        self._unpacked: tuple[int, bytes | mmap.mmap] | None = None

    def close(self) -> None:
        """Let go of the file."""
        self._unpacked = None
        self._data = b""
        self._open.close()

    def __iter__(self) -> Iterator[_Record | _Damage]:
        """Every record, in order, and every stretch of the file that holds none although it should."""
        if not self._packed:
            yield from _split(self._data, 0)
            return
        at = 0
        while at < len(self._data):
            held = _unpack(self._data, at)
            self._unpacked = (at, held.data)  # a revisit mostly refers to what stands near it
            for item in _split(held.data, at):
                # What follows damage cannot be told from what was written, unless a digest says so.
                if held.damage is None or (isinstance(item, _Record) and (held.cut or _proven(item))):
                    yield item
            if held.damage:
                yield _Damage(_Place(at, 0), held.damage)
            at = self._next_member(at + 1) if held.damage else held.end

    def record(self, place: _Place) -> _Record:
        """A record that was found before."""
        if not self._packed:
            return _record(self._data, place)
        if self._unpacked is None or self._unpacked[0] != place.member:
            self._unpacked = (place.member, _unpack(self._data, place.member).data)
        return _record(self._unpacked[1], place)

    def _next_member(self, at: int) -> int:
        """Where the next record begins that can be unpacked: the mark of gzip also stands in compressed bytes."""
        while (at := self._data.find(_GZIP, at)) >= 0:
            with contextlib.suppress(zlib.error):
                if zlib.decompressobj(wbits=31).decompress(self._data[at : at + 1024], 5) == b"WARC/":
                    return at
            at += 1
        return len(self._data)


class _Member(NamedTuple):
    """One gzip member: what it holds, where the next one begins, and what is wrong with it."""

    data: bytes | mmap.mmap
    end: int
    damage: str | None = None
    cut: bool = False  # the file ends within it: what came before is whole


def _unpack(packed: bytes | mmap.mmap, at: int) -> _Member:
    engine = zlib.decompressobj(wbits=31)
    damage, cut, end = None, False, at
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as plain:
        while not engine.eof:
            some = packed[end : end + (1 << 17)]
            if not some:
                damage, cut = "the file is cut off here", True
                break
            try:
                plain.write(engine.decompress(some))
            except zlib.error as error:
                damage = f"damaged: {error}"
                break
            end += len(some) - len(engine.unused_data)
        return _Member(_contents(plain), end, damage, cut)


def _contents(file: tempfile.SpooledTemporaryFile[bytes]) -> bytes | mmap.mmap:
    if file.tell() > _IN_MEMORY:
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    file.seek(0)
    return file.read()


def _split(data: bytes | mmap.mmap, member: int) -> Iterator[_Record | _Damage]:
    """The records that stand one after the other; after one that is broken, from where the next one begins."""
    at = _skip_lines(data, 0)
    while at < len(data):
        place = _Place(member, at)
        try:
            record = _record(data, place)
        except _BadRecordError as error:
            yield _Damage(place, str(error))
            found = _START.search(data, at + 1)
            at = found.start() if found else len(data)
            del found  # it holds on to the map of the file
        else:
            yield record
            at = _skip_lines(data, _body_at(data, at) + len(record.block))


def _skip_lines(data: bytes | mmap.mmap, at: int) -> int:
    while data[at : at + 1] in (b"\r", b"\n"):
        at += 1
    return at


def _body_at(data: bytes | mmap.mmap, at: int) -> int:
    """Where the block of the record begins. _BadRecordError when no head is there."""
    end = data.find(b"\r\n\r\n", at, at + _HEAD)
    if not _START.match(data[at : at + 80]) or end < 0:
        raise _BadRecordError("no WARC record stands here")
    return end + 4


def _record(data: bytes | mmap.mmap, place: _Place) -> _Record:
    at = place.inner
    begin = _body_at(data, at)
    try:
        head = StatusAndHeadersParser(ArcWarcRecordLoader.WARC_TYPES).parse(io.BytesIO(data[at:begin]))
    except StatusAndHeadersParserException as error:
        raise _BadRecordError(str(error)) from error
    fields = {name.lower(): value for name, value in head.headers}
    length = fields.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        raise _BadRecordError(f"Content-Length is {length!r}")
    block = data[begin : begin + int(length)]
    if len(block) < int(length):
        raise _BadRecordError(f"cut off: {len(block)} of {length} bytes are there")
    if data[begin + len(block) : begin + len(block) + 2] not in (b"", b"\r\n"):
        raise _BadRecordError("Content-Length is not that of the record")
    record = _Record(place, fields, block)
    if _proven(record) is False:
        raise _BadRecordError("its bytes are not those of its WARC-Block-Digest")
    return record


def _proven(record: _Record) -> bool | None:
    """Whether the block has the digest that its record states; None when none is stated that we know."""
    name, _, stated = record.fields.get("warc-block-digest", "").partition(":")
    if not (raw := _digest(stated)):
        return None
    try:
        return hashlib.new(name.lower().replace("-", ""), record.block).digest() == raw
    except (ValueError, TypeError):  # an algorithm that is not here, or has no fixed length
        return None


def _digest(text: str) -> bytes | None:
    """A digest in base 32, as most write it, or in hexadecimal; told apart by what fits. None when neither does."""
    with contextlib.suppress(ValueError):
        raw = bytes.fromhex(text)
        if len(raw) in (16, 20, 32, 48, 64):
            return raw
    with contextlib.suppress(binascii.Error, ValueError):
        return base64.b32decode(text.upper() + "=" * (-len(text) % 8)) or None
    return None


# Answers in records


class _Answer(NamedTuple):
    """What a server said. `body` is None where the record has less than the server sent."""

    status: int
    headers: dict[str, str]
    body: bytes | None


def _answer(record: _Record) -> _Answer:
    """The HTTP message of a response, decoded as if it had been asked for now."""
    status, headers, payload = _message(record.block)
    chunked = headers.pop("transfer-encoding", "").lower() == "chunked"
    if cut := record.fields.get("warc-truncated"):
        raise _BadRecordError(f"it does not have all that was sent ({cut})")
    if "warc-segment-number" in record.fields:
        raise _BadRecordError("it is one of several segments")
    if status == HTTPStatus.NOT_MODIFIED:
        return _Answer(status, _restored(headers), None)
    left, body = _decode(headers.pop("content-encoding", ""), _unchunk(payload) if chunked else payload)
    return _Answer(status, _restored({**headers, "content-encoding": left} if left else headers), body)


def _message(block: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and payload. Several headers of a name are joined, as Scrapy's are; text is Latin-1."""
    head, _, payload = block.partition(b"\r\n\r\n")
    if b"\n\n" in head:  # a server that ends its lines in its own way
        head, _, payload = block.partition(b"\n\n")
    first, *lines = re.sub(r"\r?\n[ \t]+", " ", head.decode("latin-1")).split("\n")
    said = re.match(r"HTTP/\d(?:\.\d)? (\d{3})\b", first)
    if not said:
        raise _BadRecordError(f"no HTTP answer: it begins with {first[:40]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            key, value = name.strip().lower(), value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return int(said[1]), headers, payload


def _restored(headers: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix(ORIGINAL): value for name, value in headers.items()}


def _unchunk(payload: bytes) -> bytes:
    """Without the transfer encoding; archives often keep the header and have removed it already."""
    if not re.match(rb"[0-9A-Fa-f]+[ \t]*(?:;[^\r\n]*)?\r\n", payload):
        return payload
    try:
        body: bytes = ChunkedDataReader(io.BytesIO(payload), raise_exceptions=True).read()
    except ChunkedDataException as error:
        raise _BadRecordError(f"chunks are damaged: {error}") from error
    return body


@cache
def _scrapy() -> HttpCompressionMiddleware:
    crawler = Crawler(Spider, {"DOWNLOAD_MAXSIZE": ours.DOWNLOAD_MAXSIZE, "DOWNLOAD_WARNSIZE": 0})
    crawler.stats = DummyStatsCollector(crawler)  # outside a crawl there are no others
    return HttpCompressionMiddleware.from_crawler(crawler)


def _decode(encoding: str, payload: bytes) -> tuple[str, bytes]:
    """What encoding is left, and the body; by Scrapy's own hand, so that an import gives what a poll would have."""
    marks = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
    outermost = encoding.lower().split(",")[-1].strip()
    if not payload or outermost in ("", "identity") or not payload.startswith(marks.get(outermost, b"")):
        return "", payload  # not encoded: many archives keep decoded bodies under the headers they came with
    request = Request("http://archive.invalid/")
    sent = Response(request.url, headers={"Content-Encoding": encoding}, body=payload)
    try:
        decoded = _scrapy().process_response(request, sent)
    except Exception as error:  # each decoder has its own kinds
        raise _BadRecordError(f"the body is not {encoding} that can be decoded: {error}") from error
    assert isinstance(decoded, Response)
    return (decoded.headers.get("Content-Encoding") or b"").decode("latin-1"), decoded.body


# In


def from_warc(
    path: Path, catalog: Catalog, named: NamedSource | None, captures: Captures, passed: Counter[str]
) -> Iterator[Capture | ImportProblem]:
    """The captures of one file, each with a source the catalog knows.

    `captures` is where revisits of what is not in the file are looked up; `passed` counts the records that are
    passed over, by their type. Pages of no known source are one problem for each host. OSError when the file
    cannot be opened.
    """
    file = _File(path)
    try:
        yield from _Import(path, file, catalog, named, captures, passed).items()
    finally:
        file.close()


class _Import:
    """One file on its way in."""

    def __init__(
        self,
        path: Path,
        file: _File,
        catalog: Catalog,
        named: NamedSource | None,
        captures: Captures,
        passed: Counter[str],
    ) -> None:
        self.path = path
        self.file = file
        self.catalog = catalog
        self.named = named
        self.captures = captures
        self.passed = passed
        self._places: dict[str | tuple[str, str], _Place] = {}  # of responses: by id, by digest, by address and time
        self._answers: OrderedDict[_Place, _Answer] = OrderedDict()  # those revisited last
        self._strangers: Counter[str] = Counter()  # pages of no source, by host

    def items(self) -> Iterator[Capture | ImportProblem]:
        """All of the file."""
        later: list[_Place] = []  # revisits of what may stand further on
        for item in self.file:
            if isinstance(item, _Damage):
                yield self._problem(item.place, item.problem)
                continue
            try:
                found = self._take(item)
            except KeyError:
                later.append(item.place)
            except _BadRecordError as error:
                yield self._problem(item.place, str(error))
            else:
                if found:
                    yield found
        for place in later:
            try:
                if found := self._take(self.file.record(place)):
                    yield found
            except (KeyError, _BadRecordError) as error:
                said = "it revisits what is neither in the file nor in captures.db"
                yield self._problem(place, said if isinstance(error, KeyError) else str(error))
        for host, count in sorted(self._strangers.items()):
            yield ImportProblem(
                f"{self.path}: {host}", f"{count} pages of no source in the catalog: name --vendor and --platform"
            )

    def _problem(self, place: _Place, problem: str) -> ImportProblem:
        return ImportProblem(f"{self.path}: offset {place}", problem)

    def _take(self, record: _Record) -> Capture | None:
        """The capture of a record, if it is one. KeyError when it revisits what has not been seen."""
        kind = record.fields.get("warc-type", "without type")
        if kind == "metadata" and SOURCE.lower() in record.fields:
            return self._unsaid(record)
        media = record.fields.get("content-type", "application/http").partition(";")[0].strip().lower()
        if kind not in ("response", "revisit") or media != "application/http":
            self.passed[f"{kind} of {media}" if kind in ("response", "revisit") else kind] += 1
            return None
        url, at = _target(record)
        if kind == "response":
            self._index(record, url)
        source = self._source(record, url)
        if source is None:
            return None
        answer = _answer(record) if kind == "response" else self._revisited(record)
        milliseconds = record.fields.get(MILLISECONDS.lower(), "")
        return Capture(
            source=source.id,
            url=url,
            fetched_at=at,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            milliseconds=int(milliseconds) if milliseconds.isascii() and milliseconds.isdigit() else None,
        )

    def _index(self, record: _Record, url: str) -> None:
        fields = record.fields
        self._places[url, fields["warc-date"]] = record.place
        for name in ("warc-record-id", "warc-payload-digest"):
            if name in fields:
                self._places.setdefault(fields[name].lower(), record.place)

    def _source(self, record: _Record, url: str) -> Source | None:
        """Whose page it is; one that is nobody's is counted."""
        name = record.fields.get(SOURCE.lower(), "")
        source = self.catalog.source_of(name or None, url)
        if source is None and self.named is not None:
            source = self.named.of(name, url)
        if source is None:
            self._strangers[_host(url)] += 1
        return source

    def _unsaid(self, record: _Record) -> Capture | None:
        """What `_Export` writes where there was no answer that HTTP could say."""
        line = re.search(rb"(?m)^capture: (.+?)\r?$", record.block)
        try:
            capture = msgspec.json.decode(line[1] if line else b"", type=Capture)
            at = instant(capture.fetched_at.isoformat()).replace(microsecond=0)
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            raise _BadRecordError(f"its field capture cannot be read: {error}") from error
        source = self._source(record, capture.url)
        return msgspec.structs.replace(capture, source=source.id, fetched_at=at) if source else None

    def _revisited(self, record: _Record) -> _Answer:
        """What a look found that found nothing new."""
        profile = record.fields.get("warc-profile", "").rstrip("/").rpartition("/")[2]
        head = _message(record.block)[:2] if record.block.strip() else None
        headers = {}
        if head:
            kept = {
                name: value for name, value in head[1].items() if name not in ("content-encoding", "transfer-encoding")
            }
            headers = _restored(kept)
        if profile == "server-not-modified":
            # Our own 304 may go by a page from before what was exported; the archive knows what that means.
            if SOURCE.lower() not in record.fields:
                self._referred(record)
            return _Answer(HTTPStatus.NOT_MODIFIED, headers, None)
        if profile != "identical-payload-digest":
            raise _BadRecordError(f"revisit of an unknown profile {profile!r}")
        before = self._referred(record)
        if before.body is None:
            raise _BadRecordError("what it revisits has no body")
        if not head and not before.status:
            raise _BadRecordError("neither it nor what it revisits has an HTTP head")
        return _Answer(head[0], headers, before.body) if head else before

    def _referred(self, record: _Record) -> _Answer:
        """What a revisit refers to, in the file or in captures.db. KeyError when it is in neither."""
        fields = record.fields
        digest = fields.get("warc-payload-digest", "").lower()
        url = fields.get("warc-refers-to-target-uri", fields["warc-target-uri"]).strip("<>")
        date = fields.get("warc-refers-to-date", "")
        for key in (digest, (url, date), fields.get("warc-refers-to", "").lower()):
            if key in self._places:
                return self._answer_at(self._places[key])
        return self._stored(digest, url, date)

    def _answer_at(self, place: _Place) -> _Answer:
        if place not in self._answers:
            self._answers[place] = _answer(self.file.record(place))
            if len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        self._answers.move_to_end(place)
        return self._answers[place]

    def _stored(self, digest: str, url: str, date: str) -> _Answer:
        name, _, stated = digest.partition(":")
        raw = _digest(stated) if name in ("sha256", "sha-256") else None
        try:
            if raw and (body := self.captures.body_of(raw)) is not None:
                return _Answer(0, {}, body)
            with contextlib.suppress(ValueError):
                found = self.captures.look(url, instant(date)) if date else None
                if found and found.status:
                    return _Answer(found.status, found.headers, found.body)
        except CorruptBodyError as error:
            raise _BadRecordError(str(error)) from error
        raise KeyError(digest)


def _target(record: _Record) -> tuple[str, datetime]:
    """Address and time of a record, cut to seconds as all our times are."""
    try:
        url, date = record.fields["warc-target-uri"].strip("<>"), record.fields["warc-date"]  # Wget adds the brackets
        return url, fetched(instant(date))
    except KeyError as error:
        raise _BadRecordError(f"it has no {error.args[0]}") from error
    except (ValueError, OverflowError) as error:
        raise _BadRecordError(f"WARC-Date cannot be read: {error}") from error


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url[:60]
    except ValueError:
        return url[:60]


# Out


class Exported(msgspec.Struct):
    """What was written: records by type, and the captures that could not be, with the reason."""

    records: Counter[str] = msgspec.field(default_factory=Counter)
    damaged: list[str] = msgspec.field(default_factory=list)


def export(captures: Captures, seqs: Iterable[int], path: Path, software: str, progress: Progress) -> Exported:
    """Write captures, in this order, as a WARC file; `.gz` in its name compresses each record.

    Appears under its name when it is whole. OSError when it cannot be written.
    """
    todo = list(seqs)
    report = Exported()
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            writer = _Export(file, path, software)
            for done, seq in enumerate(todo, 1):
                try:
                    ((_, capture, _),) = captures.read([seq])
                except CorruptBodyError as error:
                    report.damaged.append(str(error))
                else:
                    report.records[writer.write(capture)] += 1
                progress(done, len(todo))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return report


class _Export:
    """One file on its way out."""

    def __init__(self, file: BinaryIO, path: Path, software: str) -> None:
        self._writer = WARCWriter(file, gzip=path.suffix == ".gz", warc_version="1.1")
        self._first: dict[tuple[str, str], str] = {}  # (address, digest): when these bytes were first there
        self._latest: dict[tuple[str, str], str] = {}  # (source, address): when a page came last
        info = {
            "software": software,
            "format": "WARC File Format 1.1",
            "description": "Looks at status pages. Bodies are as decoded, headers are those worth keeping; "
            f"{SOURCE} names the source in the catalog of outages.",
        }
        self._writer.write_record(self._writer.create_warcinfo_record(path.name, info))

    def write(self, capture: Capture) -> str:
        """One capture, as one record. Returns the record's type."""
        date = stamp(capture.fetched_at)
        fields = {
            "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'outages:{capture.id}')}>",
            "WARC-Date": date,
            SOURCE: _shown(capture.source),
        }
        if not _is_http(capture):
            return self._metadata(capture, fields)
        if capture.milliseconds is not None:
            fields[MILLISECONDS] = str(capture.milliseconds)
        source = (capture.source, capture.url)
        if capture.body is None:
            fields["WARC-Profile"] = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
            return self._record("revisit", capture, {**fields, **self._refers(capture.url, self._latest.get(source))})
        self._latest[source] = date
        digest = "sha256:" + base64.b32encode(hashlib.sha256(capture.body).digest()).decode()
        fields["WARC-Payload-Digest"] = digest
        first = self._first.setdefault((capture.url, digest), date)
        if first == date:
            return self._record("response", capture, fields)
        fields["WARC-Profile"] = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
        return self._record("revisit", capture, {**fields, **self._refers(capture.url, first)})

    def _refers(self, url: str, date: str | None) -> dict[str, str]:
        return {"WARC-Refers-To-Target-URI": url, "WARC-Refers-To-Date": date} if date else {}

    def _record(self, kind: str, capture: Capture, fields: dict[str, str]) -> str:
        assert capture.status is not None
        names = {"content-encoding": ORIGINAL + "content-encoding"}  # the body is stored decoded
        headers = [(names.get(name, name), value) for name, value in sorted(capture.headers.items())]
        head = StatusAndHeaders(f"{capture.status} {_phrase(capture.status)}".strip(), headers, protocol="HTTP/1.1")
        body = capture.body if kind == "response" else None
        record = self._writer.create_warc_record(
            capture.url,
            kind,
            payload=io.BytesIO(body or b""),
            length=len(body or b""),
            http_headers=head,
            warc_headers_dict=fields,
        )
        self._writer.write_record(record)
        return kind

    def _metadata(self, capture: Capture, fields: dict[str, str]) -> str:
        """A look of which HTTP cannot tell: no answer at all, mostly. Its fields are for others, `capture` for us."""
        said = {
            "outcome": "no answer" if capture.status is None else f"HTTP {capture.status}",
            "error": _shown(capture.error or ""),
            "capture": msgspec.json.encode(capture).decode(),
        }
        block = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value).encode()
        record = self._writer.create_warc_record(
            _shown(capture.url).replace(" ", "%20"),
            "metadata",
            payload=io.BytesIO(block),
            length=len(block),
            warc_headers_dict=fields,
        )
        self._writer.write_record(record)
        return "metadata"


def _shown(text: str) -> str:
    """Text for one line of a head."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _is_http(capture: Capture) -> bool:
    """Whether the record of a response says all of a capture, to the letter."""
    return (
        capture.status is not None
        and 100 <= capture.status <= 999
        and (capture.body is None) == (capture.status == HTTPStatus.NOT_MODIFIED)
        and capture.error is None
        and (capture.milliseconds is None or capture.milliseconds >= 0)
        and bool(capture.source)
        and _shown(capture.source) == capture.source
        and re.fullmatch(r"[!-;=?-~]+", capture.url) is not None
        and all(_shown(text) == text and text.isascii() for pair in capture.headers.items() for text in pair)
        and all(name and ":" not in name and name == name.lower() for name in capture.headers)
        and not any(name.startswith(ORIGINAL) or name == "transfer-encoding" for name in capture.headers)
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
