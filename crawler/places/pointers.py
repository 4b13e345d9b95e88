"""Reports that only say that they are part of another one, and have no window of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

#: What points elsewhere, and the words for the incident it points to, up to the end of the sentence.
_POINTER = re.compile(
    r"""(?ix) \b (?:
        (?:issue|incident|problem|disruption) (?:\s+to\s+be|\s+is|\s+was|\s+has\s+been)? \s+ linked \s+ to
      | (?:impacted|affected|caused) \s+ by \s+ the \s+ same \s+ (?:underlying\s+)? (?:issue|incident|problem|root\s+cause) \s+ as
      | (?:tracked|reported|followed) \s+ (?:as\s+part\s+of|under|in|by) (?=\s+(?:the\s+)? (?:[\w-]+\s+){0,4} incident\b)
      | duplicate \s+ of (?=\s+(?:the\s+)? (?:[\w-]+\s+){0,4} incident\b)
    ) \s+ (?P<words> [^.\n]{2,200} (?:\n[^.\n]{1,200})? )"""
)
_ADDRESS = re.compile(r"https?://[^\s)\]>\"']+")
_INCIDENT = re.compile(r"/incidents?/([\w-]+(?:/\d+)?)/?$")


def linked_to(texts: Sequence[str]) -> str | None:
    """What a report points to, if every one of its messages (oldest first) does nothing else than point.

    The identifier at the end of an address of an incident, where the last message gives one; else the words.
    """
    found = [_POINTER.search(text) for text in texts]
    if not found or not all(found):
        return None
    for address in _ADDRESS.findall(texts[-1]):
        named = _INCIDENT.search(urlsplit(address.rstrip(".,;")).path)
        if named:
            return named[1]
    last = found[-1]
    return " ".join(last["words"].split()) if last else None
