"""The data dictionary as a page, and as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from datasette import Response
from pluggy import HookimplMarker

from crawler.site.dictionary import describe
from crawler.site.serving import DATABASE, DICTIONARY, as_json, ask, permit

hookimpl = HookimplMarker("datasette")


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """The page, and with `.json` behind it the same as JSON."""
    return [(rf"{DICTIONARY}(?P<suffix>\.json)?$", dictionary)]


@hookimpl
def extra_template_vars(datasette: Any) -> dict[str, Any]:
    """`dictionary_path`: where the page is."""
    return {"dictionary_path": datasette.urls.path(DICTIONARY)}


async def dictionary(request: Any, datasette: Any) -> Any:
    """Every table, view, column and question of the archive that is served, and what it means."""
    await permit(request, datasette)
    about = datasette.metadata("databases")[DATABASE]
    found = await ask(datasette, lambda conn: describe(conn, about))
    if request.url_vars["suffix"]:
        return as_json(found)
    context = {"dictionary": found, "database": DATABASE, "path": datasette.urls.path(DICTIONARY)}
    return Response.html(await datasette.render_template("dictionary.html", context, request=request))
