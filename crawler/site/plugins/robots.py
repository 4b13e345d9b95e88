"""What search engines ask for: robots.txt and the sitemap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from datasette import Forbidden, NotFound, Response
from datasette.utils import tilde_encode
from pluggy import HookimplMarker

from crawler.site import sitemap
from crawler.site.serving import DATABASE, INCIDENT, VENDOR, absolute, ask, permit
from crawler.site.words import page_name

hookimpl = HookimplMarker("datasette")

SITEMAP, PIECE = "/sitemap.xml", "/-/sitemap"
_XML = "application/xml; charset=utf-8"
_DAY = {"cache-control": "max-age=86400"}


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """robots.txt, the list of the sitemap's pieces, and each piece."""
    return [
        (r"/robots\.txt$", robots),
        (r"/sitemap\.xml$", index),
        (rf"{PIECE}/(?P<piece>[a-z0-9-]+)\.xml$", piece),
    ]


async def robots(request: Any, datasette: Any) -> Any:
    """Pages are for everybody; questions of one's own are not for crawlers. A closed site is not for them at all."""
    try:
        await permit(request, datasette)
    except (Forbidden, NotFound):
        return Response.text(sitemap.CLOSED)
    where = absolute(request, datasette, SITEMAP)
    return Response.text(sitemap.robots(str(datasette.urls.path("/")), where), headers=_DAY)


async def index(request: Any, datasette: Any) -> Any:
    """The list of pieces."""
    await permit(request, datasette)
    names = await ask(datasette, sitemap.pieces)
    written = sitemap.index(absolute(request, datasette, f"{PIECE}/{name}.xml") for name in names)
    return Response(written, content_type=_XML, headers=_DAY)


async def piece(request: Any, datasette: Any) -> Any:
    """One piece. 404 for what is none."""
    await permit(request, datasette)
    name = request.url_vars["piece"]
    if name == sitemap.SITE:
        vendors = await ask(datasette, sitemap.vendors)
        questions = datasette.metadata("databases")[DATABASE]["queries"]
        paths = ["/", f"/{DATABASE}", *(f"/{DATABASE}/{question}" for question in questions)]
        paths += [f"{VENDOR}/{tilde_encode(vendor)}" for vendor in vendors]
    else:
        found = await ask(datasette, lambda conn: sitemap.incidents(conn, name))
        if not found:
            raise NotFound(f"The sitemap has no piece {name}")
        paths = [f"{INCIDENT}/{page_name(incident)}" for incident in found]
    written = sitemap.piece(absolute(request, datasette, path) for path in paths)
    return Response(written, content_type=_XML, headers=_DAY)
