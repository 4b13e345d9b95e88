"""HTML of messages as plain text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading.markup import plain, sections, verbatim


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br/>Three</p>", "One\nTwo\nThree"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("Fish &amp; chips &lt;b&gt;", "Fish & chips <b>"),
        ("a\u00a0 \t b\r\n\r\n c", "a b\nc"),
        ("<script>alert('x')</script>Text<style>p {}</style>", "Text"),
        ("<!-- note --><a href='https://acme.example?a=1&b=2'>link</a>", "link"),
        ("Errors <5% but latency >3 s, <b>now</b>", "Errors <5% but latency >3 s, now"),
        ("x < y and z > w", "x < y and z > w"),
        ("", ""),
    ],
)
def test_plain(html: str, text: str) -> None:
    assert plain(html) == text


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    found = plain(text)
    assert found == found.strip()
    assert "  " not in found


def test_a_text_that_is_no_html_keeps_its_characters() -> None:
    assert verbatim("`<b>` &amp;  more\r\n\nnow") == "`<b>` &amp; more\nnow"
    assert verbatim(None) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Resolved: all well. Update: soon.", [("Resolved", " all well. "), ("Update", " soon.")]),
        ("before Update: soon.", [("Update", " soon.")]),
        ("no heading", []),
        ("", []),
    ],
)
def test_what_follows_each_heading(text: str, found: list[tuple[str, str]]) -> None:
    assert [(head[1], rest) for head, rest in sections(re.compile(r"([A-Z]\w+):"), text)] == found
