"""Strict decoding of JSON payloads with msgspec types that double as documentation of the format.

A reader goes from the whole to its parts: `json_of` is the JSON in the body of a capture, or Unreadable; `readable` are the
items of a list in it, where one that cannot be read is a signal that names it (`unread`) and loses nothing else.

A payload type declares every field it knows, also those it ignores (typed `Ignored`). The fast path
decodes with `forbid_unknown_fields`; only when that fails is the document walked, so that each field
nobody has declared becomes a `Signal` and the rest is still read.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from crawler.records import Capture, Signal, Unreadable

#: What reading an item raises when the item is to blame: a missing field, another type, a malformed value, a time out of
#: range (an OSError on some machines), too deep a nesting.
BROKEN = (msgspec.DecodeError, ValueError, OverflowError, OSError, RecursionError)

#: A field that is known and left alone on purpose.
Ignored = Any
#: A time with its zone.
Time = Annotated[datetime, msgspec.Meta(tz=True)]

#: Halves of what JSON writes beyond the basic plane, after an even number of backslashes; two that belong together.
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*)(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)

T = TypeVar("T")
R = TypeVar("R")


class Payload(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of all payload types."""


def decode(raw: bytes | msgspec.Raw, kind: type[T], signals: list[Signal], where: str = "$") -> T:
    """Read `raw` as `kind`; fields the type does not declare go to `signals`.

    Raises msgspec.ValidationError when a declared field is missing or of another type, and
    msgspec.DecodeError when it is no JSON.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        return convert(msgspec.json.decode(raw), kind, signals, where)
    except (UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise msgspec.DecodeError(str(error)) from error


def convert(data: Any, kind: type[T], signals: list[Signal], where: str = "$") -> T:
    """Like `decode`, of a document that is already parsed."""
    return msgspec.convert(_prune(data, kind, signals, where), type=kind)


def body_of(capture: Capture | bytes) -> bytes:
    """The body without byte order mark and blanks around it. Raises Unreadable when there is none."""
    body = capture.body if isinstance(capture, Capture) else capture
    body = (body or b"").removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        raise Unreadable("empty body")
    return body


def text_of(capture: Capture) -> str:
    """The body as text, for readers of several kinds of it. Raises Unreadable when there is none, or it is not UTF-8."""
    try:
        return body_of(capture).decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: {error}") from error


def with_whole_signs(body: bytes) -> bytes:
    """JSON with U+FFFD for each half of a surrogate pair, which is no sign and costs the whole document; else the same object.

    Programs that cut titles at so many UTF-16 units cut emoji in two.
    """
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    mended = _SURROGATES.sub(lambda found: found[0] if found[2] else found[1] + b"\\ufffd", body)
    return body if mended == body else mended


@typing.overload
def json_of(capture: Capture | bytes) -> Any: ...


@typing.overload
def json_of(capture: Capture | bytes, kind: type[T], signals: list[Signal] | None = None) -> T: ...


def json_of(capture: Capture | bytes, kind: Any = Any, signals: list[Signal] | None = None) -> Any:
    """The JSON in a capture, or in a body, as `kind`; fields that it does not declare go to `signals`.

    Raises Unreadable when it is empty, HTML, broken or cut off, or of another shape, and says which.
    """
    body = body_of(capture)
    try:
        return decode(body, kind, signals if signals is not None else [])
    except msgspec.ValidationError as error:
        raise Unreadable(f"JSON of another shape: {error}") from error
    except BROKEN as error:
        if re.match(rb"(?i)\s*<", body):
            raise Unreadable(f"HTML or XML, begins with {body[:40]!r}") from error
        raise Unreadable(f"JSON that is broken or cut off: {error}") from error


def required(document: Any, kind: type[T], signals: list[Signal], what: str, where: str = "$") -> T:
    """A document, parsed, without which a capture means nothing. Raises Unreadable when it is not `what` it should be."""
    try:
        return convert(document, kind, signals, where)
    except BROKEN as error:
        raise Unreadable(f"not {what}: {error}") from error


def readable(
    items: Iterable[T],
    make: Callable[[T], R],
    signals: list[Signal],
    where: str,
    names: tuple[str, ...] = ("id",),
    kind: str = "bad-incident",
) -> Iterator[R]:
    """What is made of each item; one that cannot be read becomes a signal (see `unread`)."""
    for item in items:
        try:
            made = make(item)
        except BROKEN as error:
            signals.append(unread(item, error, where, names, kind))
        else:
            yield made


def unread(
    item: Any, error: Exception, where: str, names: tuple[str, ...] = ("id",), kind: str = "bad-incident"
) -> Signal:
    """The signal for an item that cannot be read: with those of `names` that it has, else with how it begins.

    `item` is parsed, or JSON as it stands.
    """
    if isinstance(item, bytes | msgspec.Raw):
        try:
            item = msgspec.json.decode(item)
        except BROKEN:
            item = bytes(item)[:80].decode(errors="replace")
    told = [str(item[name]) for name in names if item.get(name)] if isinstance(item, dict) else []
    begins = msgspec.json.encode(item).decode() if isinstance(item, dict | list) else str(item)
    text = " ".join((" ".join(told) or begins).split())
    return Signal(kind, where, f"{text[:160]}: {error}")


def read_one(
    raw: bytes, kind: type[T], make: Callable[[T, list[Signal]], R], where: str, names: tuple[str, ...] = ("id",)
) -> tuple[R | None, tuple[Signal, ...]]:
    """What is made of one item, None when it cannot be read, and all that was not understood of it.

    For readers that keep what they made of the same bytes (`lru_cache`).
    """
    signals: list[Signal] = []
    try:
        return make(decode(raw, kind, signals, where), signals), tuple(signals)
    except BROKEN as error:
        return None, (*signals, unread(raw, error, where, names))


def all_read(signals: Iterable[Signal]) -> bool:
    """Whether no incident was lost on the way: only then does a list tell that one which is missing is over."""
    return all(signal.kind != "bad-incident" for signal in signals)


def _prune(data: Any, kind: Any, signals: list[Signal], where: str) -> Any:
    """`data` without the fields that `kind` does not declare, each of which is reported once."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) in (typing.Union, types.UnionType):
        for option in typing.get_args(kind):
            if _fits(data, option):
                return _prune(data, option, signals, where)
        return data
    if typing.get_origin(kind) is typing.Annotated:
        return _prune(data, typing.get_args(kind)[0], signals, where)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(data, dict):
        known = {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
        for name in sorted(data.keys() - known.keys()):
            signal = Signal("unknown-field", f"{where}.{name}", msgspec.json.encode(data[name]).decode()[:80])
            if not any(s.kind == signal.kind and s.where == signal.where for s in signals):
                signals.append(signal)
        return {
            name: _prune(value, known[name], signals, f"{where}.{name}")
            for name, value in data.items()
            if name in known
        }
    if isinstance(data, list) and typing.get_origin(kind) in (list, tuple):
        item = typing.get_args(kind)[0]
        return [_prune(value, item, signals, f"{where}[]") for value in data]
    if isinstance(data, dict) and typing.get_origin(kind) is dict:
        item = typing.get_args(kind)[1]
        return {name: _prune(value, item, signals, f"{where}.*") for name, value in data.items()}
    return data


def _fits(data: Any, option: Any) -> bool:
    """Whether a member of a union could be meant by this piece of JSON."""
    origin = typing.get_origin(option) or option
    if data is None:
        return option is type(None)
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        return isinstance(data, dict)
    if origin in (list, tuple, dict):
        return isinstance(data, dict if origin is dict else list)
    return False
