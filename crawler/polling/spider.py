"""The spider of all platforms: asks each source that is due, once, and hands on whatever comes back.

It only collects. It yields one `Capture` per request, also for a refusal, a timeout or an error page; reading
and storing happen elsewhere, in the same way as for an import. One spider asks for all, so that a host that
several sources share has one queue.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import scrapy
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from crawler.catalog import Source
from crawler.platform import Ask
from crawler.polling.schedule import share
from crawler.records import Capture
from spiders import platform

#: From a source's id and an address to the headers that make a request conditional.
Validators = Callable[[str, str], dict[str, str]]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _no_validators(_source: str, _url: str) -> dict[str, str]:
    return {}


class StatusSpider(scrapy.Spider):
    """Asks what the platforms of its sources say is to be asked for.

    `sources` are those due in this round, `records` single addresses to ask for besides; `spread` is the seconds over
    which the first requests are spread, each source at its own moment; `validators` gives the request headers that
    make a request conditional; `now` is the clock, to be replaced in simulations.
    """

    name = "status"

    def __init__(
        self,
        sources: Iterable[Source] = (),
        validators: Validators | None = None,
        now: Callable[[], datetime] | None = None,
        records: Iterable[tuple[Source, Ask]] = (),
        spread: float = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sources = list(sources)
        self.records = list(records)
        self.spread = spread
        self.validators: Validators = validators or _no_validators
        self.now: Callable[[], datetime] = now or _now

    async def start(self) -> AsyncIterator[Any]:
        """The first requests of each source, then the records."""
        began = time.monotonic()
        for source in sorted(self.sources, key=lambda source: share(source.id)) if self.spread else self.sources:
            early = began + self.spread * share(source.id) - time.monotonic()
            if early > 0 and self.spread:
                await asyncio.sleep(early)
            for ask in platform(source.platform).addresses(source, self.now()):
                yield self.request(source, ask)
        for source, ask in self.records:
            yield self.request(source, ask, follow=False)

    def request(self, source: Source, ask: Ask, follow: bool = True) -> Request:
        """A conditional request; `follow`: the answer may lead to others."""
        return Request(
            ask.url,
            method=ask.method,
            body=ask.body,
            callback=self.answered,
            errback=self.failed,
            cb_kwargs={"source": source, "url": ask.address, "follow": follow},
            dont_filter=True,
            headers={**platform(source.platform).headers, **ask.headers, **self.validators(source.id, ask.address)},
            meta={"dont_obey_robotstxt": source.robots != "obey"},
        )

    def answered(self, response: Response, source: Source, url: str, follow: bool = True) -> Iterator[Any]:
        """Any answer at all, good or bad."""
        yield from self._hand_on(
            Capture(
                source=source.id,
                url=url,
                fetched_at=self.now(),
                status=response.status,
                headers=_headers(response),
                body=None if response.status == 304 else response.body,
                milliseconds=_milliseconds(response.request),
            ),
            source,
            follow,
        )

    def failed(self, failure: Failure) -> Iterator[Any]:
        """No answer: refused, timed out, bad certificate, forbidden by robots.txt, too large ...

        Raises the sqlite3.Error of our own memory: that is no look at anybody's page.
        """
        if isinstance(failure.value, sqlite3.Error):
            raise failure.value
        request: Request = failure.request  # type: ignore[attr-defined]
        source: Source = request.cb_kwargs["source"]
        yield from self._hand_on(
            Capture(
                source=source.id,
                url=request.cb_kwargs["url"],
                fetched_at=self.now(),
                status=None,
                headers={},
                body=None,
                milliseconds=_milliseconds(request),
                error=reason(failure.value or Exception("no reason given")),
            ),
            source,
            follow=False,
        )

    def _hand_on(self, capture: Capture, source: Source, follow: bool) -> Iterator[Any]:
        yield capture
        if follow and capture.status == 200:
            for ask in platform(source.platform).follow(capture, source):
                yield self.request(source, ask)


_REASONS = (
    ("timeout", ("TimeoutError", "ResponseTimeoutError", "DownloadTimeoutError", "TCPTimedOutError")),
    ("refused", ("ConnectionRefusedError", "DownloadConnectionRefusedError")),
    ("dns", ("DNSLookupError", "CannotResolveHostError", "gaierror")),
    ("tls", ("SSLError", "CertificateError", "VerificationError")),
    ("too-large", ("DownloadCancelledError", "ResponseTooLargeError", "HeadTooLargeError")),
    ("redirect", ("ForbiddenRedirectError",)),
    ("robots", ("IgnoreRequest",)),
)


def reason(error: BaseException) -> str:
    """A short name for a failure, and what the library said of it."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if "max redirections" in str(error):  # Scrapy says all of these by one exception
        names = {"ForbiddenRedirectError"}
    elif "DOWNLOAD_MAXSIZE" in str(error):
        names = {"ResponseTooLargeError"}
    detail = " ".join(str(error).split())[:200].removeprefix("DNS lookup failed: ")
    for name, classes in _REASONS:
        if names & set(classes) or (name == "tls" and ("SSL" in detail or "certificate" in detail.lower())):
            return f"{name}: {detail}" if detail else name
    return f"failed: {type(error).__name__}: {detail}"


def _headers(response: Response) -> dict[str, str]:
    """Names in lower case; `location` is where redirects led, if there were any."""
    headers = {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
    if response.request is not None and response.request.meta.get("redirect_urls"):
        headers["location"] = response.url
    return headers


class Stopwatch:
    """Downloader middleware, the last before the download: notes when a request was handed to its host's queue.

    What it waited for before, a free place among all requests or robots.txt, is not the page's doing.
    """

    def process_request(self, request: Request, spider: scrapy.Spider | None = None) -> None:  # noqa: ARG002 - Scrapy's signature
        """Begin; a redirect goes on."""
        request.meta.setdefault("asked_at", time.monotonic())


def _milliseconds(request: Request | None) -> int | None:
    if request is None or "asked_at" not in request.meta:
        return None
    asked_at: float = request.meta["asked_at"]
    return round((time.monotonic() - asked_at) * 1000)
