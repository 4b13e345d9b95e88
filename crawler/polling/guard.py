"""Where a redirect may lead: to public http(s) hosts, or back to the host that was asked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from scrapy import Spider
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response


class ForbiddenRedirectError(IgnoreRequest):
    """A page tried to send the crawler to a place it must not ask."""


class PublicRedirects:
    """Downloader middleware: checks every request that a redirect has made.

    A vendor's page, or who has taken it over, must not be able to make the archive read an address inside the
    operator's network. A page that the catalog itself names may be anywhere.
    """

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:  # noqa: ARG002 - Scrapy's signature
        """Raise ForbiddenRedirectError, or let the request pass."""
        if not _led_away(request):
            return
        target = urlsplit(request.url)
        if target.scheme not in ("http", "https"):
            raise ForbiddenRedirectError(f"redirected to {target.scheme}:")
        for address in await addresses(target.hostname or ""):
            _must_be_public(request.url, address)

    def process_response(self, request: Request, response: Response, spider: Spider | None = None) -> Response:  # noqa: ARG002 - Scrapy's signature
        """Raise ForbiddenRedirectError when the answer came from a private address after all.

        A name can have another address by the time of the connection than when it was looked up. The request has been
        made then, but what was answered goes nowhere. Through a proxy, the address is the proxy's.
        """
        if response.ip_address is not None and not request.meta.get("proxy") and _led_away(request):
            _must_be_public(request.url, str(response.ip_address))
        return response


def _led_away(request: Request) -> bool:
    """Whether a redirect has led to another place than the one the catalog names."""
    asked: list[str] = request.meta.get("redirect_urls", [])
    if not asked:
        return False
    first, target = urlsplit(asked[0]), urlsplit(request.url)
    secured = target.hostname == first.hostname and target.port is None and target.scheme == "https"
    return not secured and _service(request.url) != _service(asked[0])


def _must_be_public(url: str, address: str) -> None:
    if not is_public(address):
        raise ForbiddenRedirectError(f"redirected to {urlsplit(url).hostname}, which is the private address {address}")


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
