"""JSON inside HTML: scripts, assignments, and the flight stream of Next.js."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.reading.embedded import assigned, data_of, flight, having, html_text, nuxt, script
from crawler.records import Capture, Unreadable


def page(*rows: str, size: int = 40) -> str:
    """A page that streams those rows in pieces of `size` characters."""
    text = "".join(rows)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    pushes = "".join(f"<script>self.__next_f.push({json.dumps([1, piece])})</script>" for piece in pieces)
    return f"<!DOCTYPE html><html><script>(self.__next_f=self.__next_f||[]).push([0])</script>{pushes}</html>"


def row(name: str, value: Any) -> str:
    return f"{name}:{json.dumps(value)}\n"


def test_rows_of_a_stream_are_read_whatever_pieces_it_comes_in() -> None:
    for size in (1, 7, 1000):
        assert flight(page(row("1", {"a": 1}), row("2", ["b"]), size=size)) == [{"a": 1}, ["b"]]


def test_undefined_is_left_out_and_a_dollar_is_unescaped() -> None:
    assert flight(page(row("1", {"a": "$undefined", "b": "$$5 off", "c": ["$undefined"], "d": "$D2026-03-01T00:00:00Z"}))) == [
        {"b": "$5 off", "c": [None], "d": "2026-03-01T00:00:00Z"}
    ]  # fmt: skip


def test_references_to_rows_parts_of_elements_and_long_texts() -> None:
    long = "Größe\n" * 3
    rows = flight(
        page(
            row("5", [False, ["$", "$L1d", None, {"summary": {"name": "Acme"}}]]),
            f"1a:T{len(long.encode()):x},{long}",
            row("1e", {"summary": "$5:1:props:summary", "text": "$1a", "type": "$5:1:type", "whole": "$1f"}),
            row("1f", [1]),
        )
    )
    assert rows[1] == {"summary": {"name": "Acme"}, "text": long, "type": "$L1d", "whole": [1]}


def test_what_is_for_the_browser_alone_is_passed_over() -> None:
    rows = ('6:I[10434,["/a.js"],"X"]\n', ':HL["/a.css","style"]\n', '14:E{"digest":"x"}\n', "8:null\n", row("2", [1]))
    assert flight(page(*rows)) == [[1]]


def test_a_reference_that_leads_nowhere_or_back_stays_as_it_is() -> None:
    rows = row("1", {"self": "$1", "gone": "$99", "path": "$2:0:x:y", "symbol": "$Sreact.fragment"}), row("2", [{}])
    assert flight(page(*rows))[0] == {
        "self": "$1", "gone": "$99", "path": "$2:0:x:y", "symbol": "$Sreact.fragment",
    }  # fmt: skip


def test_binary_pieces() -> None:
    piece = base64.b64encode(b'1:{"a":1}\n').decode()
    assert flight(f"<html><script>self.__next_f.push([3,{json.dumps(piece)}])</script>") == [{"a": 1}]


@pytest.mark.parametrize(
    "html",
    [
        '<html><script>self.__next_f.push([1,"1:{\\"a',
        '<html><script>self.__next_f.push([1,"1:{\\"a\\":"])</script>',
        '<html><script>self.__next_f.push([1,"1:T20,short"])</script>',
        '<html><script>self.__next_f.push([3,"*"])</script>',
    ],
)
def test_a_stream_that_is_cut_off_is_refused(html: str) -> None:
    with pytest.raises(Unreadable):
        flight(html)


def test_a_page_without_a_stream() -> None:
    assert flight("<html></html>") == []


def test_a_script_by_its_id() -> None:
    html = '<html><script id="other">{}</script><script id="__NEXT_DATA__" type="application/json">{"a": 1}</script>'
    assert script(html, "__NEXT_DATA__") == {"a": 1}
    assert script(html, "data") is None
    assert script("<script id='data'>\n [1] </script>", "data") == [1]
    with pytest.raises(Unreadable, match="data"):
        script('<script id="data">{"a":</script>', "data")


def test_an_assignment() -> None:
    assert assigned('var uptimeData = {"a": {"b": [1]}};', "uptimeData") == {"a": {"b": [1]}}
    assert assigned("window.other = 5", "uptimeData") is None
    with pytest.raises(Unreadable):
        assigned("uptimeData = {a: 1}", "uptimeData")


def nuxt_page(flat: Any) -> str:
    return f'<!DOCTYPE html><html><script type="application/json" id="__NUXT_DATA__">{json.dumps(flat)}</script></html>'


def test_nuxt_data() -> None:
    flat = [
        ["ShallowReactive", 1], {"data": 2, "gone": -1, "again": 3}, ["Reactive", 3],
        {"name": 4, "list": 5, "when": 6, "set": 7, "self": 0, "big": 9}, "Acme", [4, 8, -3], ["Date", "2026-03-01T00:00:00Z"],
        ["Set", 4], True, ["BigInt", "12"],
    ]  # fmt: skip
    inner = {
        "name": "Acme", "list": ["Acme", True, None], "when": "2026-03-01T00:00:00Z", "set": ["Acme"], "self": None,
        "big": None,
    }  # fmt: skip
    assert nuxt(nuxt_page(flat)) == {"data": inner, "gone": None, "again": inner}
    assert nuxt(nuxt_page([["Map", 1, 2], "a", 5])) == {"a": 5}
    assert nuxt("<html></html>") is None


@pytest.mark.parametrize("flat", [{}, [], [{"a": 7}], [["Set", "x"]]])
def test_broken_nuxt_data(flat: Any) -> None:
    with pytest.raises(Unreadable):
        nuxt(nuxt_page(flat))


def test_objects_by_their_fields_outer_ones_first_and_once() -> None:
    inner = {"a": 1, "b": 2}
    assert list(having([{"a": 0, "b": inner, "c": inner}, {"a": 3}], "a", "b")) == [
        {"a": 0, "b": inner, "c": inner},
        inner,
    ]


def test_html_is_told_from_the_rest() -> None:
    assert html_text(b"\xef\xbb\xbf\n<!DOCTYPE html><p>x") == "<!DOCTYPE html><p>x"
    assert html_text(b"<!-- a --><html>") == "<!-- a --><html>"
    assert html_text(b'{"a": 1}') is None
    assert html_text(b"<?xml version='1.0'?>") is None
    with pytest.raises(Unreadable, match="empty"):
        html_text(b" ")


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'<html><script id="d">[2]</script>', [2]),
        (b'<html><script id="d">[2', None),
        (b"neither", None),
        (b"", None),
    ],
)
def test_the_data_of_a_capture_wherever_they_stand(body: bytes, data: Any) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    capture = Capture(source="x", url="https://x.example/", fetched_at=now, status=200, headers={}, body=body)
    assert data_of(capture, lambda html: script(html, "d")) == data


@pytest.mark.parametrize("file", ["incidentio/openai-major.html", "incidentio/linear-good.html", "instatus/mastodonsocial-major.html"])  # fmt: skip
def test_real_pages(shared: Path, file: str) -> None:
    html = html_text((shared / "captures" / file).read_bytes())
    assert html
    assert flight(html)
