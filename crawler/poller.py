"""One polling round: every source that is due is asked once, and each answer is kept as it comes."""

from __future__ import annotations

import fcntl
import getpass
import importlib.metadata
import logging
import os
import socket
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.exceptions import DropItem
from scrapy.settings import Settings

from crawler import settings as ours
from crawler.captures import Captures
from crawler.catalog import Catalog, Source
from crawler.records import Capture
from crawler.spider import StatusSpider
from spiders import PLATFORMS


class BusyError(Exception):
    """Another round is under way."""


class KeepCaptures:
    """Item pipeline: writes each capture into captures.db the moment it arrives."""

    def __init__(
        self, path: Path, told: Callable[[Capture], None] | None, failed: Callable[[sqlite3.Error], None] | None
    ) -> None:
        self.path = path
        self.told = told
        self.failed = failed

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy."""
        settings = crawler.settings
        return cls(Path(settings["CAPTURES_PATH"]), settings.get("CAPTURE_TOLD"), settings.get("CAPTURE_FAILED"))

    def open_spider(self, spider: Spider | None = None) -> None:  # noqa: ARG002 - Scrapy's signature
        """Open the store."""
        self.store = Captures(self.path)

    def close_spider(self, spider: Spider | None = None) -> None:  # noqa: ARG002 - Scrapy's signature
        """Close the store."""
        self.store.close()

    def process_item(self, item: Any, spider: Spider | None = None) -> Any:  # noqa: ARG002 - Scrapy's signature
        """Keep one capture."""
        if isinstance(item, Capture):
            try:
                self.store.add([item])
            except sqlite3.Error as error:
                if self.failed is None:
                    raise
                self.failed(error)
                raise DropItem(f"{item.url} could not be kept: {error}", log_level="DEBUG") from error
            if self.told:
                self.told(item)
        return item


def due(catalog: Catalog, captures: Captures, now: datetime) -> Iterator[Source]:
    """Sources that are polled at all, published now, and not asked for as long as their interval."""
    for source in catalog.sources.values():
        day = now.date()
        if not source.polled or source.platform not in PLATFORMS:
            continue
        if (source.since and day < source.since) or (source.until and day >= source.until):
            continue
        last = captures.last_look(source.id)
        if last is None or now - last >= source.interval:
            yield source


def run(
    sources: Iterable[Source],
    captures: Path,
    *,
    contact: str | None = None,
    timeout: float = 30,
    now: datetime | None = None,
    told: Callable[[Capture], None] | None = None,
    unconditional: Collection[tuple[str, str]] = (),
) -> None:
    """Ask each source once. Returns when all have answered or failed; can be called once in a process.

    `contact` goes into the user agent; `timeout` is in seconds for one answer; `now` is stamped on every capture instead of the clock, for
    simulations; `told` hears of each capture that was kept; `unconditional` are the addresses (source, url) to
    ask without validators, because what came last could not be read. sqlite3.Error, at the end of the round, when
    an answer could not be kept.
    """
    lost: list[sqlite3.Error] = []
    sources = list(sources)
    process = AsyncCrawlerProcess(_settings(sources, captures, contact, timeout, told, lost.append))
    # A robots.txt that cannot be fetched: what follows is the same failure for the page itself, and that is written down.
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
    store = Captures(captures)

    def validators(source: str, url: str) -> dict[str, str]:
        return {} if (source, url) in unconditional else store.validators(source, url)

    process.crawl(StatusSpider, sources=sources, validators=validators, now=(lambda: now) if now else None)
    process.start()
    store.close()
    if lost:
        raise lost[0]


def _settings(
    sources: Iterable[Source],
    captures: Path,
    contact: str | None,
    timeout: float,
    told: Callable[[Capture], None] | None,
    failed: Callable[[sqlite3.Error], None],
) -> Settings:
    settings = Settings()
    settings.setmodule(ours, priority="project")
    slots: dict[str, dict[str, float]] = {}
    for source in sources:
        slot = slots.setdefault(source.host, {"concurrency": 1, "delay": source.delay, "jitter": 0})
        slot["delay"] = max(slot["delay"], source.delay)
    settings.setdict(
        {
            "USER_AGENT": user_agent(contact),
            "DOWNLOAD_TIMEOUT": timeout,
            "DOWNLOAD_SLOTS": slots,
            "CAPTURES_PATH": str(captures),
            "CAPTURE_TOLD": told,
            "CAPTURE_FAILED": failed,
        },
        priority="cmdline",
    )
    return settings


def user_agent(contact: str | None) -> str:
    """Who asks, and whom to write to about it."""
    try:
        version = importlib.metadata.version("outages")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    return f"outages/{version} (status page archive; contact: {contact or f'{getpass.getuser()}@{socket.getfqdn()}'})"


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the lock of a data directory for one round. BusyError when somebody else does."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "poll.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(f"another round is under way in {data}") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
        lock.flush()
        yield
