"""Strict decoding of JSON payloads with msgspec types that double as documentation of the format.

A payload type declares every field it knows, also those it ignores (typed `Ignored`). The fast path
decodes with `forbid_unknown_fields`; only when that fails is the document walked, so that each field
nobody has declared becomes a `Signal` and the rest is still read.
"""

from __future__ import annotations

import types
import typing
from typing import Any, TypeVar

import msgspec

from crawler.records import Signal

#: A field that is known and left alone on purpose.
Ignored = Any

T = TypeVar("T")


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
