"""Search for Datasette: the page, and the same words and signs in its own search of the table `incidents`."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from datasette import NotFound, Response
from datasette.utils.asgi import BadRequest
from pluggy import HookimplMarker

from crawler.archive.search import expression
from crawler.site.links import PLACES, place_page
from crawler.site.search import COUNTED, LOOKED_AT, Named, NoVendorError, cut, search
from crawler.site.serving import DATABASE, SEARCH, as_json, ask, permit, vocabulary

hookimpl = HookimplMarker("datasette")  # the same as Datasette's own, which has no types


@hookimpl(trylast=True)  # Datasette's own function of the same name is there by then, and is replaced
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """Whatever is typed into a search asks for words and signs as they are indexed, and is never an error."""
    if database == DATABASE:
        conn.create_function("escape_fts", 1, expression, deterministic=True)


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """The page, also as JSON."""
    return [(rf"{SEARCH}(?P<suffix>\.json)?$", found)]


async def found(request: Any, datasette: Any) -> Any:
    """What holds the words `q`, of `vendor` only where given, older than the key `before`. JSON when the path ends so.

    404 for a vendor that there is not, 400 for what is no key.
    """
    await permit(request, datasette)
    text, vendor = request.args.get("q") or "", request.args.get("vendor") or None
    before = _key(request.args.get("before") or "")
    try:
        answer = await ask(datasette, lambda conn: search(conn, text, vendor, before))
    except NoVendorError:
        raise NotFound(f"There is no vendor {vendor}") from None
    if request.url_vars["suffix"]:
        return as_json(answer)
    path = str(datasette.urls.path(SEARCH))

    def here(**changes: str | int | None) -> str:
        asked = {"q": text, "vendor": vendor, "before": None} | changes
        return f"{path}?{urlencode({name: value for name, value in asked.items() if value})}"

    def page(it: Named) -> str:
        return place_page(str(datasette.urls.path(PLACES[it.kind])), it.vendor, it.id if it.kind != "vendor" else None)

    context = {
        "answer": answer, "database": DATABASE, "path": path, "here": here, "page": page, "counted": COUNTED,
        "looked_at": LOOKED_AT, "first": before is None, "cut": cut, **vocabulary("UTC"),
    }  # fmt: skip
    return Response.html(await datasette.render_template("search.html", context, request=request))


def _key(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise BadRequest(f"before: not a key of a page: {text[:40]}")
    return int(text)
