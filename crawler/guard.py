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
        if _service(request.url) == _service(asked[0]) or (
            host == urlsplit(asked[0]).hostname and target.port is None and target.scheme == "https"
        ):
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


def _service(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def is_public(address: str) -> bool:
    """Whether an address is on the public internet: not loopback, private, link-local, shared, reserved."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _inside(parsed)
        if inner is not None:
            return is_public(str(inner))
        if parsed.is_site_local:
            return False
    return parsed.is_global and not parsed.is_multicast


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, NAT64, or compatible."""
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address in ipaddress.ip_network("64:ff9b::/96") or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
