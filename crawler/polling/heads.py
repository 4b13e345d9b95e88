"""A bound on the head of an answer, of which Scrapy has none: DOWNLOAD_MAXSIZE counts the body only."""

from __future__ import annotations

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Request, Response
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS, HTTP11ClientProtocol
from twisted.web.client import ResponseFailed

#: Bytes of the status line and the headers, those of 1xx answers before them included. Servers send a few kilobytes.
MOST = 256 * 1024


class HeadTooLargeError(Exception):
    """A host went on with its headers."""


class _Protocol(_LenientHTTP11ClientProtocol):
    """One connection; several answers come over it, one after another."""

    _head = 0

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take some bytes of an answer."""
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        if self._parser is None or self._parser.state not in (STATUS, HEADER):
            self._head = 0
            return
        self._head += len(data)
        if self._head > MOST and self.transport:
            # At once, and not `loseConnection`, which waits for the peer's farewell when there is TLS.
            self.transport.abortConnection()
            error = HeadTooLargeError(f"more than {MOST} bytes of headers")
            self._disconnectParser(Failure(error))  # type: ignore[no-untyped-call]


class _Factory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: IAddress | None) -> HTTP11ClientProtocol:  # noqa: ARG002, N802 - Twisted's
        return _Protocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


class BoundedHeads(HTTP11DownloadHandler):
    """Download handler: Scrapy's, but a head that does not end is an error.

    HeadTooLargeError then, and the connection is closed.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool._factory = _Factory

    async def download_request(self, request: Request) -> Response:
        """Scrapy's."""
        try:
            return await super().download_request(request)
        except DownloadFailedError as error:
            reasons = error.__cause__.reasons if isinstance(error.__cause__, ResponseFailed) else []
            for reason in reasons:
                if isinstance(reason.value, HeadTooLargeError):
                    raise reason.value from None
            raise
