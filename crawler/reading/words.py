"""A vendor's words for severities and states: looked up, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from crawler.records import Signal

V = TypeVar("V")


def look_up(table: Mapping[str, V], word: str | None, signals: list[Signal], where: str) -> V | None:
    """What `word` means on our scale; None and a signal when the table does not have it."""
    if word is None:
        return None
    try:
        return table[word.strip().lower()]
    except KeyError:
        signals.append(Signal("unknown-word", where, word))
        return None
