"""robots.txt, asked for once a day and not in every round."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler
from sqlite_utils import Database, Migrations

from crawler.database import connect, transaction

#: How long a robots.txt may be used: RFC 9309 says a day at most.
FRESH = timedelta(hours=24)
#: Bytes of it that are parsed: RFC 9309 asks for no less.
PARSED = 512 * 1024

migrations = Migrations("robots")


@migrations()
def create(db: Database) -> None:
    """What hosts said last. No observation, and nothing is lost with it: only asked for again."""
    db.execute(
        """create table robots (origin text primary key, fetched_at integer not null, body blob not null)
        without rowid"""
    )


class KeptRobots(RobotsTxtMiddleware):  # type: ignore[misc, unused-ignore]
    """Scrapy's middleware, with a memory in captures.db.

    A robots.txt that cannot be reached forbids everything (RFC 9309), and the page fails for the same reason: a dead
    host costs one attempt. One that is refused (4xx) allows everything.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.now: datetime = settings["ROUND_NOW"] or datetime.now(UTC)
        # Here, and not at a signal: an exception ends the round before anybody is asked.
        self.db = connect(Path(settings["CAPTURES_PATH"]), migrations)
        self.fresh: dict[str, bytes] = {}
        self.asked: dict[str, asyncio.Future[Any]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy."""
        middleware = cls(crawler)
        crawler.signals.connect(middleware.closed, signal=signals.spider_closed)
        return middleware

    def closed(self) -> None:
        """Write down what has come, at once for all hosts, and close the memory."""
        at = int(self.now.timestamp())
        with suppress(sqlite3.Error), transaction(self.db.conn):  # what is not written is asked for again
            self.db.conn.executemany(
                "insert or replace into robots values (?, ?, ?)",
                [(origin, at, body) for origin, body in self.fresh.items()],
            )
        self.db.conn.close()

    async def robot_parser(self, request: Request) -> Any:
        """The rules of the request's host; None: there are none. Raises what went wrong when they could not be asked for."""
        url = urlparse_cached(request)
        origin = f"{url.scheme}://{url.netloc}"
        if origin not in self.asked:
            self.asked[origin] = asyncio.ensure_future(self._rules(origin))
        return await asyncio.shield(self.asked[origin])

    async def _rules(self, origin: str) -> Any:
        kept = self.db.conn.execute(
            "select body from robots where origin = ? and fetched_at > ? and fetched_at <= ?",  # a clock may have been wrong
            (origin, (self.now - FRESH).timestamp(), self.now.timestamp()),
        ).fetchone()
        body = kept[0] if kept else await self._ask(origin)
        return build_from_crawler(self._parserimpl, self.crawler, body) if body else None

    async def _ask(self, origin: str) -> bytes:
        request = Request(
            f"{origin}/robots.txt",
            priority=self.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True},
            callback=NO_CALLBACK,
        )
        try:
            response: Response = await self.crawler.engine.download_async(request)
        except IgnoreRequest:  # it leads to a place that must not be asked: there are no rules
            return b""
        if response.status >= 500:
            return b""  # as Scrapy does: what the page itself says is written down
        body = response.body[:PARSED] if response.status == 200 else b""
        self.fresh[origin] = body
        return body
