"""HTML in messages, made into plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape

from w3lib.html import remove_tags, remove_tags_with_content, replace_entities

_BREAK = re.compile(r"(?i)<\s*/?(?:br|p|div|ul|ol|li|h[1-6]|tr|table|section|blockquote)\b[^>]*>|</small>")
_LESS = re.compile(r"<(?![a-zA-Z/!?])")  # "<5% of requests" opens no tag
_BLANKS = re.compile(r"[ \t\u00a0\u200b]+")
_LINES = re.compile(r" ?\n[ \n]*")


@lru_cache(maxsize=65536)
def plain(html: str) -> str:
    """Text of an HTML fragment: breaks and block ends are line ends, entities are characters.

    Text without markup comes back with its blanks folded, so it is safe to call on either. Cached,
    because a page polled for years repeats its messages.
    """
    text = html
    if "<" in text:
        text = remove_tags_with_content(text, ("script", "style"))
        text = remove_tags(_LESS.sub("&lt;", _BREAK.sub("\n", text)))
    if "&" in text:
        text = replace_entities(text)
    text = _BLANKS.sub(" ", text.replace("\r", "\n"))
    return _LINES.sub("\n", text).strip()


def verbatim(text: str | None) -> str:
    """A text that is no HTML, in which `<` is a character (Markdown, a title), with its blanks folded."""
    return plain(escape(text or "", quote=False))


def sections(heading: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each heading in a text, and what follows it until the next one; what stands before the first is left out."""
    heads = list(heading.finditer(text))
    for head, after in zip(heads, [*heads[1:], None], strict=False):  # no heading at all: nothing
        yield head, text[head.end() : after.start() if after else None]
