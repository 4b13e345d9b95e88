"""One file per platform: how its pages are asked for, and how they are read."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType

from crawler.catalog import Source
from crawler.records import Capture, Page

#: A pure function of one capture and its source. Raises Unreadable.
Reader = Callable[[Capture, Source], Page]

PLATFORMS = ("alibaba", "aws", "azure", "gcp", "statuspage", "tencent")


def platform(name: str) -> ModuleType:
    """The module of a platform, imported when first asked for. KeyError when there is none."""
    if name not in PLATFORMS:
        raise KeyError(f"no platform {name!r}; there are: {', '.join(PLATFORMS)}")
    return importlib.import_module(f"spiders.{name}")


def reader(name: str) -> Reader:
    """The reader of a platform."""
    read: Reader = platform(name).read
    return read
