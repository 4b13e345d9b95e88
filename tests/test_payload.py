"""From the whole of a payload to its parts: what is refused, and what loses only itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading.payload import (
    Payload,
    all_read,
    body_of,
    json_of,
    read_one,
    readable,
    required,
    text_of,
    unread,
    with_whole_signs,
)
from crawler.records import Capture, Signal, Unreadable


class Item(Payload):
    """An item of a list."""

    id: int
    name: str = ""


class Document(Payload):
    """A list with a heading."""

    items: list[msgspec.Raw]
    title: str = ""


def capture(body: bytes | None) -> Capture:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return Capture(source="acme", url="https://acme.example/", fetched_at=now, status=200, headers={}, body=body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, "empty body"),
        (b" \n", "empty body"),
        (b"\xef\xbb\xbf", "empty body"),
        (b"<!DOCTYPE html><html>", "HTML or XML, begins with b'<!DOCTYPE html><html>'"),
        (b'{"items": [', "JSON that is broken or cut off"),
        (b"\xff\xfe", "JSON that is broken or cut off"),
        (b'{"items": "' + b"\xff" + b'"}', "JSON that is broken or cut off"),
        (b"[" * 100_000, "JSON that is broken or cut off"),
        (b"All is well", "JSON that is broken or cut off"),
        (b"[]", "JSON of another shape: Expected `object`, got `array`"),
        (b'{"title": "x"}', "JSON of another shape: Object missing required field `items`"),
    ],
)
def test_a_body_that_is_no_such_document_is_refused_with_the_reason(body: bytes | None, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        json_of(capture(body), Document)
    assert str(caught.value).startswith(why)


def test_a_document_is_read_with_its_unknown_fields_as_signals() -> None:
    signals: list[Signal] = []
    body = b'\xef\xbb\xbf {"items": [], "colour": "red"}\n'
    assert json_of(capture(body), Document, signals) == Document(items=[])
    assert signals == [Signal("unknown-field", "$.colour", '"red"')]
    assert json_of(body) == {"items": [], "colour": "red"}
    assert json_of(b'{"items": {}}', dict[str, msgspec.Raw]).keys() == {"items"}


def test_text_is_utf_8() -> None:
    assert text_of(capture(b"\xef\xbb\xbf  gr\xc3\xbcn ")) == "grün"
    assert body_of(capture(b" x ")) == b"x"
    with pytest.raises(Unreadable, match="not UTF-8"):
        text_of(capture(b"gr\xfcn"))


def test_one_bad_item_loses_only_itself_and_is_named() -> None:
    raws = [msgspec.Raw(each) for each in (b'{"id": 1}', b'{"id": "two"}', b'{"name":  "no id"}', b"{", b'{"id": 5}')]
    signals: list[Signal] = []
    found = list(readable(raws, lambda raw: msgspec.json.decode(raw, type=Item), signals, "items[]"))
    assert [item.id for item in found] == [1, 5]
    assert [(signal.kind, signal.where) for signal in signals] == [("bad-incident", "items[]")] * 3
    assert [signal.detail.partition(": ")[0] for signal in signals[:1]] == ["two"]
    assert signals[1].detail.startswith('{"name":"no id"}: Object missing')
    assert signals[2].detail.startswith("{: ")
    assert not all_read(signals)
    assert all_read([Signal("unknown-word", "items[].name", "x")])


def test_what_cannot_be_read_has_the_names_that_it_has() -> None:
    error = ValueError("bad")
    assert unread({"url": "x", "id": 0}, error, "a", ("id", "url")) == Signal("bad-incident", "a", "x: bad")
    assert unread({"service": "ec2", "date": 7}, error, "a", ("service", "date")).detail == "ec2 7: bad"
    assert unread("y" * 200, error, "a", kind="bad-component") == Signal("bad-component", "a", f"{'y' * 160}: bad")
    assert unread(b"\xff", error, "a").detail == "\ufffd: bad"


def test_an_error_of_ours_is_not_blamed_on_the_item() -> None:
    def broken(item: int) -> int:
        raise KeyError(item)

    with pytest.raises(KeyError):
        list(readable([1], broken, [], "items[]"))


def test_a_part_without_which_nothing_is_told_refuses_the_whole() -> None:
    signals: list[Signal] = []
    assert required({"id": 1, "new": 2}, Item, signals, "an item of Acme").id == 1
    assert signals == [Signal("unknown-field", "$.new", "2")]
    with pytest.raises(Unreadable, match=r"not an item of Acme: .*id"):
        required({}, Item, [], "an item of Acme")


def test_one_item_comes_with_its_own_signals() -> None:
    def name(item: Item, signals: list[Signal]) -> str:
        signals.append(Signal("unknown-word", "[].name", item.name))
        return item.name

    assert read_one(b'{"id": 1, "name": "a"}', Item, name, "[]") == ("a", (Signal("unknown-word", "[].name", "a"),))
    made, signals = read_one(b'{"id": "x"}', Item, name, "[]")
    assert made is None
    assert [(signal.kind, signal.where, signal.detail[:3]) for signal in signals] == [("bad-incident", "[]", "x: ")]


HALVES = [
    (rb'"\ud83d"', rb'"\ufffd"'),
    (rb'"\ude00\ud83d\uD83D\uDE00"', rb'"\ufffd\ufffd\uD83D\uDE00"'),
    (rb'"\uD83D\n"', rb'"\ufffd\n"'),
    (rb'"\\\ud83dx"', rb'"\\\ufffdx"'),
    (rb'"\ud800\u0041"', rb'"\ufffd\u0041"'),
]


@pytest.mark.parametrize(("body", "mended"), HALVES)
def test_half_of_a_pair_of_surrogates_is_a_sign_that_is_not_known(body: bytes, mended: bytes) -> None:
    assert with_whole_signs(body) == mended
    assert isinstance(msgspec.json.decode(mended), str)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body)


@pytest.mark.parametrize(
    "body", [rb'"\ud83d\ude00"', rb'"\\ud83d"', b'"\xf0\x9f\x98\x80"', rb'"\u0041 \\\\uDE00"', b"", b"{"]
)
def test_whole_signs_are_left_alone(body: bytes) -> None:
    assert with_whole_signs(body) is body


@given(st.text(st.characters(codec="utf-16", exclude_categories=())), st.integers(0, 40))
def test_whatever_is_cut_in_two_can_be_read(text: str, cut: int) -> None:
    """As a program cuts it that counts UTF-16 units."""
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * cut]
    written = json.dumps(units.decode("utf-16-le", "surrogatepass")).encode()
    assert msgspec.json.decode(with_whole_signs(written)) == units.decode("utf-16-le", "replace")
