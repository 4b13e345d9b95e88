"""Feeds and calendars for Datasette: all outages, those of a vendor, or of one of its regions."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from datasette import NotFound, Response
from pluggy import HookimplMarker

from crawler.site.feeds import ENTRIES, EVENTS, Addresses, Item, Subject, atom, events, items, subject
from crawler.site.ical import calendar
from crawler.site.links import place_page
from crawler.site.serving import FEED, INCIDENT, REGION, VENDOR, absolute, ask, decoded, permit
from crawler.site.words import page_name

hookimpl = HookimplMarker("datasette")  # the same as Datasette's own, which has no types

#: Stands in the place of a vendor, or of a vendor and a region. No vendor of the catalog is called so.
EVERYTHING = "all"

_TYPES = {"atom": "application/atom+xml; charset=utf-8", "ics": "text/calendar; charset=utf-8"}
#: Seconds for which a cache may answer in our place.
_FRESH = 300


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """Atom and iCalendar."""
    return [(rf"{FEED}/(?P<vendor>[^/]+?)(?:/(?P<region>[^/]+?))?\.(?P<format>atom|ics)$", feed)]


async def feed(request: Any, datasette: Any) -> Any:
    """The outages that changed last. 404 for a vendor or region that there is not, 304 for who has this already."""
    await permit(request, datasette)
    vendor, region = (part and decoded(part) for part in (request.url_vars["vendor"], request.url_vars["region"]))
    if vendor == EVERYTHING and region is None:
        vendor = None
    as_events = request.url_vars["format"] == "ics"

    def read(conn: sqlite3.Connection) -> tuple[Subject, list[Item]] | None:
        about = subject(conn, vendor, region)
        if about is None:
            return None
        return about, items(conn, about, EVENTS, messages=1) if as_events else items(conn, about, ENTRIES)

    found = await ask(datasette, read)
    if found is None:
        raise NotFound(f"There is no {f'region {region} of {vendor}' if region else f'vendor {vendor}'}")
    about, told = found
    where = _addresses(request, datasette, about)
    body = (
        calendar(*events(told, where), name=f"Outages of {about.name}").encode()
        if as_events
        else atom(about, told, where)
    )
    return _unless_known(request, body, _TYPES[request.url_vars["format"]])


def _addresses(request: Any, datasette: Any, about: Subject) -> Addresses:
    address = partial(absolute, request, datasette)
    page = "/"
    if about.vendor is not None:
        page = place_page(VENDOR if about.region is None else REGION, about.vendor, about.region)
    return Addresses(address(request.path), address(page), lambda id: address(f"{INCIDENT}/{page_name(id)}"))


def _unless_known(request: Any, body: bytes, content_type: str) -> Any:
    """The body, or 304 when the reader has it: readers ask each hour, and little changes."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    scope = "private" if request.actor else "public"
    headers = {"etag": tag, "cache-control": f"{scope}, max-age={_FRESH}"}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response("", status=304, headers=headers, content_type=content_type)
    return Response(body, headers=headers, content_type=content_type)
