"""The requests of a walk into the past: one at a time, with the pause the source asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from scrapy.crawler import AsyncCrawlerProcess
from twisted.python.failure import Failure

from crawler.platform import Ask
from crawler.polling.backfill import Walk
from crawler.polling.poller import complete, settings_of
from crawler.polling.spider import StatusSpider, Validators
from crawler.records import Capture


class WalkSpider(StatusSpider):
    """Asks what a walk says is next, when the answer before has been kept."""

    name = "walk"

    def __init__(self, walk: Walk, told: Callable[[int, int], None], validators: Validators, **kwargs: Any) -> None:
        super().__init__(sources=[walk.own], validators=validators, **kwargs)
        self.walk = walk
        self.told = told
        self.asked: Ask | None = None
        self.broken: sqlite3.Error | None = None

    async def start(self) -> AsyncIterator[Any]:
        """The first request."""
        for request in self._onward():
            yield request

    def _onward(self) -> Iterator[Any]:
        self.asked = self.walk.next()
        self.told(*self.walk.ahead)
        if self.asked is not None:
            yield self.request(self.walk.own, self.asked)

    def answered(self, *response: Any, **about: Any) -> Iterator[Any]:
        """Any answer at all, good or bad."""
        return self._heard(super().answered(*response, **about))

    def failed(self, failure: Failure) -> Iterator[Any]:
        """No answer."""
        return self._heard(super().failed(failure))

    def _heard(self, items: Iterator[Any]) -> Iterator[Any]:
        """Of what a round would do with an answer, only the capture; the walk says what to ask for."""
        assert self.asked is not None
        try:
            capture = next(item for item in items if isinstance(item, Capture))
            self.walk.heard(self.asked, capture)
        except sqlite3.Error as error:
            self.broken = error
            return
        yield from self._onward()


def run(
    walk: Walk,
    path: Path,
    validators: Validators,
    *,
    contact: str | None = None,
    timeout: float = 30,
    told: Callable[[int, int], None],
) -> None:
    """Go on until there is nothing to ask for; can be called once in a process.

    `path` is that of captures.db, where robots.txt is kept too; `timeout` is in seconds for one answer; `told` hears
    how many addresses were dealt with, and how many are known.
    sqlite3.Error when an answer could not be kept.
    """
    own = {
        "DOWNLOAD_TIMEOUT": timeout,
        "DOWNLOAD_DELAY": walk.source.delay,
        "CONCURRENT_REQUESTS": 1,
        # The walk keeps captures itself, before it goes on.
        "ITEM_PIPELINES": {"crawler.polling.poller.KeepCaptures": None},
    }
    process = AsyncCrawlerProcess(settings_of(path, contact, own))
    crawler = process.create_crawler(WalkSpider)
    complete(process, process.crawl(crawler, walk=walk, told=told, validators=validators))
    spider = crawler.spider
    if isinstance(spider, WalkSpider) and spider.broken:
        raise spider.broken
