"""One polling round: every source that is due is asked once, and each answer is kept as it comes."""

from __future__ import annotations

import asyncio
import gc
import getpass
import importlib.metadata
import logging
import os
import signal
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from crawler.captures import Captures
from crawler.catalog import Source
from crawler.platform import Ask
from crawler.polling import settings as ours
from crawler.polling.spider import StatusSpider
from crawler.records import Capture

logger = logging.getLogger(__name__)


#: Captures, their bytes, and the seconds until they are written: a commit waits for the disk, so many share one. A
#: crash loses no more than the answers of this half second.
BATCH, BATCH_BYTES, BATCH_SECONDS = 64, 8 << 20, 0.5


class KeepCaptures:
    """Item pipeline: writes captures into captures.db as they arrive, a few together."""

    def __init__(
        self, path: Path, told: Callable[[Capture], None] | None, failed: Callable[[Exception], None] | None
    ) -> None:
        self.path = path
        self.told = told
        self.failed = failed
        self.waiting: list[Capture] = []
        self.size = 0
        self.alarm: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy."""
        settings = crawler.settings
        return cls(Path(settings["CAPTURES_PATH"]), settings.get("CAPTURE_TOLD"), settings.get("CAPTURE_FAILED"))

    def open_spider(self, spider: Spider | None = None) -> None:  # noqa: ARG002 - Scrapy's signature
        """Open the store."""
        self.store = Captures(self.path)

    def close_spider(self, spider: Spider | None = None) -> None:  # noqa: ARG002 - Scrapy's signature
        """Write what is left, and close the store."""
        self._write()
        self.store.close()

    def process_item(self, item: Any, spider: Spider | None = None) -> Any:  # noqa: ARG002 - Scrapy's signature
        """Take one capture."""
        if isinstance(item, Capture):
            self.waiting.append(item)
            self.size += len(item.body or b"")
            if len(self.waiting) >= BATCH or self.size >= BATCH_BYTES:
                self._write()
            elif self.alarm is None:
                self.alarm = asyncio.get_running_loop().call_later(BATCH_SECONDS, self._write)
        return item

    def _write(self) -> None:
        if self.alarm is not None:
            self.alarm.cancel()
        batch, self.waiting, self.size, self.alarm = self.waiting, [], 0, None
        try:
            self.store.add(batch)
            kept = batch
        except Exception:  # each for itself, so that one that does not fit costs no other
            kept = [capture for capture in batch if self._write_one(capture)]
        for capture in kept if self.told else ():
            self.told(capture)  # type: ignore[misc]

    def _write_one(self, capture: Capture) -> bool:
        try:
            self.store.add([capture])
        except Exception as error:
            if self.failed is None:
                raise
            logger.debug("%s could not be kept: %s", capture.url, error)
            self.failed(error)
            return False
        return True


def run(
    sources: Iterable[Source],
    captures: Path,
    *,
    contact: str | None = None,
    timeout: float = 30,
    now: datetime | None = None,
    told: Callable[[Capture], None] | None = None,
    unconditional: Collection[tuple[str, str]] = (),
    records: Iterable[tuple[Source, Ask]] = (),
    spread: float = 0,
) -> None:
    """Ask each source once, and for each of the `records`, single addresses of a source. Returns when all have
    answered or failed; can be called once in a process.

    `contact` goes into the user agent; `timeout` is in seconds for one answer; `now` is stamped on every capture instead of the clock, for
    simulations; `told` hears of each capture that was kept; `unconditional` are the addresses (source, url) to
    ask without validators, because what came last could not be read; `spread` is the seconds over which the first
    requests are spread. An exception when the round could not begin, or, at its end, when an answer could not be kept:
    sqlite3.Error, most likely.
    """
    lost: list[Exception] = []
    sources, records = list(sources), list(records)
    process = AsyncCrawlerProcess(
        _settings([*sources, *(source for source, _ in records)], captures, contact, timeout, now, told, lost.append)
    )
    store = Captures(captures)

    def validators(source: str, url: str) -> dict[str, str]:
        return {} if (source, url) in unconditional else store.validators(source, url)

    crawling = process.crawl(
        StatusSpider,
        sources=sources,
        validators=validators,
        now=(lambda: now) if now else None,
        records=records,
        spread=spread,
    )
    gc.freeze()  # what is loaded stays: the collector need not go through it again and again
    try:
        complete(process, crawling)
    finally:
        store.close()
    if lost:
        raise lost[0]


def complete(process: AsyncCrawlerProcess, crawling: asyncio.Task[None]) -> None:
    """Let the crawl of a process come to its end. Raises what kept it from beginning, which Scrapy only logs.

    Scrapy leaves its handlers of signals behind, which would do nothing any more: those from before come back.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        process.start()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if crawling.done() and not crawling.cancelled():  # it is not when a second signal has ended it
        crawling.result()


def _settings(
    sources: Iterable[Source],
    captures: Path,
    contact: str | None,
    timeout: float,
    now: datetime | None,
    told: Callable[[Capture], None] | None,
    failed: Callable[[Exception], None],
) -> Settings:
    slots: dict[str, dict[str, float]] = {}
    for source in sources:
        slot = slots.setdefault(source.host, {"concurrency": 1, "delay": source.delay, "jitter": 0})
        slot["delay"] = max(slot["delay"], source.delay)
    own = {
        "DOWNLOAD_TIMEOUT": timeout,
        "DOWNLOAD_SLOTS": slots,
        "ROUND_NOW": now,
        "CAPTURE_TOLD": told,
        "CAPTURE_FAILED": failed,
    }
    return settings_of(captures, contact, own)


def settings_of(captures: Path, contact: str | None, own: Mapping[str, Any]) -> Settings:
    """Scrapy's settings for one process of ours: `crawler.polling.settings`, and its `own` before those.

    `captures` is the path of captures.db, where robots.txt is kept; `contact` goes into the user agent.
    """
    settings = Settings()
    settings.setmodule(ours, priority="project")
    settings.setdict({"USER_AGENT": user_agent(contact), "CAPTURES_PATH": str(captures), **own}, priority="cmdline")
    return settings


def user_agent(contact: str | None) -> str:
    """Who asks, and whom to write to about it."""
    try:
        version = importlib.metadata.version("outages")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    return f"outages/{version} (status page archive; contact: {contact or f'{_user()}@{socket.getfqdn()}'})"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container there may be no such user: a KeyError before Python 3.13
        return f"uid-{os.getuid()}"
