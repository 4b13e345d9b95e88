"""Where a redirect may lead: to public http(s) hosts, or back to the host that was asked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from scrapy import Spider
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request


class ForbiddenRedirectError(IgnoreRequest):
    """A page tried to send the crawler to a place it must not ask."""


class PublicRedirects:
    """Downloader middleware: checks every request that a redirect has made.

    A vendor's page, or who has taken it over, must not be able to make the archive read an address inside the
    operator's network. A page that the catalog itself names may be anywhere.
    """

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:  # noqa: ARG002 - Scrapy's signature
        """Raise ForbiddenRedirectError, or let the request pass."""
        asked: list[str] = request.meta.get("redirect_urls", [])
        if not asked:
            return
        target = urlsplit(request.url)
        if target.scheme not in ("http", "https"):
            raise ForbiddenRedirectError(f"redirected to {target.scheme}:")
        host = target.hostname or ""
        if host == urlsplit(asked[0]).hostname:
            return
        for address in await addresses(host):
            if not is_public(address):
                raise ForbiddenRedirectError(f"redirected to {host}, which is the private address {address}")


async def addresses(host: str) -> list[str]:
    """All addresses of a host, or the host itself when it is one. Empty when it does not resolve."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(entry[4][0]) for entry in found]


def is_public(address: str) -> bool:
    """Whether an address is on the public internet: not loopback, private, link-local, shared, reserved."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not parsed.is_multicast
