"""One file per platform: how its pages are found, asked for and read."""

from __future__ import annotations

import importlib
import pkgutil

from crawler.platform import Platform, Reader

PLATFORMS = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def platform(name: str) -> Platform:
    """A platform, imported when first asked for. KeyError when there is none."""
    if name not in PLATFORMS:
        raise KeyError(f"no platform {name!r}; there are: {', '.join(PLATFORMS)}")
    found: Platform = importlib.import_module(f"spiders.{name}").PLATFORM
    return found


def reader(name: str) -> Reader:
    """The reader of a platform."""
    return platform(name).read
