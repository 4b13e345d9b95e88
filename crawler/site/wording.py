"""What was changed in a text, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

#: What is compared: words, numbers and times with the blanks after them, and signs. Chinese and
#: Japanese have no blanks; there each sign is a word.
WORDS = re.compile(r"\d+(?:[.:]\d+)+\s*|[぀-ヿ㐀-鿿豈-﫿]\s*|[^\W぀-ヿ㐀-鿿豈-﫿]+\s*|[^\w\s]\s*|\s+|.", re.DOTALL)
#: What stands between commas.
ITEMS = re.compile(r",\s*|[^,]+")
#: All of it at once: of a time, the digits that happen to be the same tell nothing.
WHOLE = re.compile(r".+", re.DOTALL)
#: Beyond so many of these on either side the comparison would cost more than it tells.
LONGEST = 4000


class Piece(NamedTuple):
    """A stretch of text that stood before (`same`, `removed`) or stands after (`same`, `added`)."""

    kind: Literal["same", "removed", "added"]
    text: str


def compare(before: str, after: str, unit: re.Pattern[str] = WORDS) -> list[Piece]:
    """Both texts as one; what is removed stands before what was added in its place.

    Without what is removed it is `after`, to the letter; without what is added it is `before` but for blanks.
    """
    if before == after:
        return [Piece("same", after)] if after else []
    old, new = unit.findall(before), unit.findall(after)
    if max(len(old), len(new)) > LONGEST:
        return _pieces(("removed", before), ("added", after))
    found: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, _bare(old), _bare(new)).get_opcodes():
        if kind == "equal":
            found += _pieces(("same", "".join(new[c:d])))
        else:
            found += _pieces(("removed", "".join(old[a:b])), ("added", "".join(new[c:d])))
    return found


def _bare(tokens: list[str]) -> list[str]:
    """Without blanks: they alone change no word."""
    return [token.strip() or " " for token in tokens]


def _pieces(*told: tuple[Literal["same", "removed", "added"], str]) -> list[Piece]:
    return [Piece(kind, text) for kind, text in told if text]
