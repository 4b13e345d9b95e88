"""JSON that stands inside an HTML page: what a page's own script reads, before anybody has rendered it.

Four ways to put it there are known:

- `<script id="...">` with a JSON document (`__NEXT_DATA__` of the older Next.js, and others);
- the flight stream of the newer Next.js: calls of `self.__next_f.push([1, "..."])`, whose strings make one text of
  rows, `<hex id>:<JSON>` a line. A row may also be a text of so many bytes of UTF-8 (`1a:T4c2,`), which is how long
  strings are kept, or something for the browser alone (`I`, `E`, `HL`). Inside a row `"$1a"` stands for row 1a,
  `"$5:1:props:summary"` for a part of row 5, `"$undefined"` for nothing at all, `"$D..."` for a date, and `"$$"`
  begins an ordinary string that begins with a dollar. This is the protocol of React Server Components.
- an assignment in a script, `name = {...}`;
- Nuxt's `__NUXT_DATA__`, one flat array in which every value stands once and refers to others by their position; a
  negative position is something JSON does not have, and `["ShallowReactive", 1]` or `["Date", "..."]` are values with
  a type.

Nothing here knows a platform: readers look for what has the fields they know.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from crawler.reading.payload import json_of
from crawler.records import Capture, Unreadable

_PUSH = re.compile(r"self\.__next_f\.push\(\s*")
_DECODER = json.JSONDecoder()
_ROW = re.compile(rb"([0-9a-f]*):")
_TEXT = re.compile(rb"T([0-9a-f]+),")
_REFERENCE = re.compile(r"\$([0-9a-f]+)((?::[^:]*)*)")
_UNDEFINED = "$undefined"
#: Stands for a row that cannot be had: it is not there, or it leads back to itself.
_NOTHING = object()
#: Where an element, `["$", type, key, props]`, keeps what paths call by name.
_ELEMENT = {"type": 1, "key": 2, "props": 3}


def html_text(body: bytes | None) -> str | None:
    """The body as text, where it is an HTML page; None where it is something else. Unreadable when empty.

    UTF-8, as all pages with JSON inside are; what is not is replaced.
    """
    text = (body or b"").removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise Unreadable("empty body")
    if not re.match(rb"(?i)(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", text, re.DOTALL):
        return None
    return text.decode(errors="replace")


def data_of(capture: Capture, of_html: Callable[[str], Any]) -> Any:
    """The data in a capture: its JSON, or `of_html` of its page; None when it has neither."""
    try:
        html = html_text(capture.body)
        return json_of(capture) if html is None else of_html(html)
    except Unreadable:
        return None


def script(html: str, name: str) -> Any:
    """The JSON of `<script id="name">`; None when the page has none. Unreadable when it is broken."""
    found = re.search(rf"<script\b(?=[^>]*\sid=[\"']?{re.escape(name)}[\"'\s>])[^>]*>", html)
    return None if found is None else _json(html, found.end(), f"<script id={name}>")


def assigned(html: str, name: str) -> Any:
    """The JSON of the first `name = ...` in a script; None when there is none. Unreadable when it is broken."""
    found = re.search(rf"(?<![\w.]){re.escape(name)}\s*=\s*(?=[\[{{\"])", html)
    return None if found is None else _json(html, found.end(), f"{name} =")


def nuxt(html: str) -> Any:
    """The document in a page's `__NUXT_DATA__`; None when it has none. Unreadable when it is broken.

    What JSON does not have is None; values with a type are the values, a date is its text.
    """
    flat = script(html, "__NUXT_DATA__")
    if flat is None:
        return None
    if not isinstance(flat, list) or not flat:
        raise Unreadable("broken __NUXT_DATA__: not an array")
    made: dict[int, Any] = {}

    def at(position: Any) -> Any:
        if not isinstance(position, int) or isinstance(position, bool) or position >= len(flat):
            raise Unreadable(f"broken __NUXT_DATA__: nothing at {position!r}"[:120])
        if position < 0:
            return None
        if position not in made:
            made[position] = None  # what leads back to itself ends there
            made[position] = value(flat[position])
        return made[position]

    def value(raw: Any) -> Any:
        match raw:
            case dict():
                return {name: at(position) for name, position in raw.items()}
            case ["Date", str(text)]:
                return text
            case ["Set", *positions]:
                return [at(position) for position in positions]
            case ["Map" | "null", *pairs]:
                return {
                    str(at(pairs[n]) if isinstance(pairs[n], int) else pairs[n]): at(pairs[n + 1])
                    for n in range(0, len(pairs) - 1, 2)
                }
            case [str(), int(position), *_]:
                return at(position)
            case [str(), *_]:
                return None  # a regular expression, a big number, bytes
            case list():
                return [at(position) for position in raw]
        return raw

    try:
        return at(0)
    except RecursionError as error:
        raise Unreadable("broken __NUXT_DATA__: too deep") from error


def flight(html: str) -> list[Any]:
    """The rows of a page's flight stream that are JSON, references put in; empty when it has none.

    Undefined fields are left out, as JSON does. Unreadable when the stream is cut off or broken.
    """
    rows = _Rows(_stream(html))
    return [value for row in rows.raw if (value := rows.value(row)) is not _NOTHING]


def having(value: Any, *names: str) -> Iterator[dict[str, Any]]:
    """Every object in a piece of JSON that has all those fields, outer ones first."""
    stack, seen = [value], set()
    while stack:
        piece = stack.pop()
        if isinstance(piece, (dict, list)):
            if id(piece) in seen:  # references put the same piece in several places
                continue
            seen.add(id(piece))
        if isinstance(piece, dict):
            if piece.keys() >= set(names):
                yield piece
            stack.extend(reversed(piece.values()))
        elif isinstance(piece, list):
            stack.extend(reversed(piece))


def _json(html: str, start: int, what: str) -> Any:
    """The document that begins there."""
    try:
        return _DECODER.raw_decode(html, _skip_blanks(html, start))[0]
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"broken JSON in the page, {what}: {error}") from error


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _stream(html: str) -> bytes:
    """What all pushes say, one after the other."""
    parts: list[bytes] = []
    for push in _PUSH.finditer(html):
        match _json(html, push.end(), "the flight stream"):
            case [1, str(text)]:
                parts.append(text.encode(errors="replace"))
            case [3, str(text)]:
                try:
                    parts.append(base64.b64decode(text, validate=True))
                except binascii.Error as error:
                    raise Unreadable(f"broken base64 in the flight stream: {error}") from error
            case _:
                pass  # the start of the stream, and the state of a form
    return b"".join(parts)


class _Rows:
    """The rows of a stream; their values are made when they are first asked for."""

    def __init__(self, stream: bytes) -> None:
        self.raw: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        at = 0
        while head := _ROW.match(stream, at):
            row, at = head[1].decode(), head.end()
            if text := _TEXT.match(stream, at):
                end = text.end() + int(text[1], 16)
                if end > len(stream):
                    raise Unreadable("the flight stream is cut off")
                self.texts[row] = stream[text.end() : end].decode(errors="replace")
            else:
                end = stream.find(b"\n", at)
                end = len(stream) if end < 0 else end
                if stream[at : at + 1] in (b"{", b"[", b'"') and row:
                    self.raw[row] = stream[at:end].decode(errors="replace")
            at = end + (stream[end : end + 1] == b"\n")

    def value(self, row: str) -> Any:
        """What a row says; `_NOTHING` while it is being made: a row that leads back to itself."""
        if row in self.texts:
            return self.texts[row]
        if row not in self._values:
            if row not in self.raw:
                return _NOTHING
            self._values[row] = _NOTHING
            self._values[row] = self._put_in(_json(self.raw[row], 0, f"row {row} of the flight stream"))
        return self._values[row]

    def _put_in(self, piece: Any) -> Any:
        """The piece with what its references stand for."""
        if isinstance(piece, str):
            return self._string(piece)
        if isinstance(piece, list):
            return [None if item == _UNDEFINED else self._put_in(item) for item in piece]
        if isinstance(piece, dict):
            return {name: self._put_in(value) for name, value in piece.items() if value != _UNDEFINED}
        return piece

    def _string(self, text: str) -> Any:
        if not text.startswith("$") or text == "$":
            return text
        if text.startswith(("$$", "$D")):
            return text[1 if text[1] == "$" else 2 :]
        reference = _REFERENCE.fullmatch(text)
        if not reference:
            return text  # a component, a symbol, a promise: nothing that a page says
        value = self.value(reference[1])
        for step in reference[2].split(":")[1:]:
            value = _step(value, step)
        return text if value is _NOTHING else value


def _step(value: Any, step: str) -> Any:
    """One step of a path into a row."""
    if isinstance(value, dict):
        return value.get(step, _NOTHING)
    if isinstance(value, list):
        if value[:1] == ["$"] and step in _ELEMENT:
            step = str(_ELEMENT[step])
        if step.isdecimal() and int(step) < len(value):
            return value[int(step)]
    return _NOTHING
