"""Nothing is written here, what is taken away from here runs nowhere, and nobody takes more than their share."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from datasette import NotFound, Response
from datasette.views.base import DatasetteError
from pluggy import HookimplMarker

from crawler.site.bounds import bound_answers, bounded
from crawler.site.policy import App, Receive, Scope, Send
from crawler.site.serving import permit
from crawler.site.sheets import rewritten

hookimpl = HookimplMarker("datasette")

#: What a page that is only read can be asked by.
READING = frozenset(["GET", "HEAD", "OPTIONS"])
_REFUSED: dict[str, Any] = {
    "type": "http.response.start",
    "status": 405,
    "headers": [(b"allow", b"GET, HEAD, OPTIONS"), (b"content-type", b"text/plain; charset=utf-8")],
}


#: Pages of Datasette's own for who develops it.
_WORKSHOP = ("messages", "patterns", "allow-debug", "threads", r"threads\.json")


@hookimpl
def startup(datasette: Any) -> None:
    """Questions are answered up to a size."""
    for database in datasette.databases.values():
        bound_answers(database)


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Nothing is made that is larger, or takes longer, than the time limit can tell."""
    bounded(conn)


@hookimpl(tryfirst=True)
def handle_exception(exception: Exception) -> None:
    """Where Datasette refuses what was asked and does not say what kind of mistake that was, it is that of who asked."""
    if isinstance(exception, DatasetteError) and exception.status == 500:
        exception.status = 400


@hookimpl
def forbidden(request: Any, message: str) -> Any:
    """Who asks for JSON and may not have it is told so in JSON, in the form of Datasette's other errors."""
    if not request.path.endswith(".json"):
        return None
    return Response.json({"ok": False, "error": message, "status": 403, "title": "Forbidden"}, status=403)


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """Pages that only help to develop Datasette are not here: routes of plugins go before its own."""
    return [(rf"/-/{name}$", closed) for name in _WORKSHOP]


async def closed(request: Any, datasette: Any) -> Any:
    """404 for who may see the archive."""
    await permit(request, datasette)
    raise NotFound("There is no such page")


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[App], App]:  # noqa: ARG001 - Datasette names the arguments
    """Only reading, and CSV without formulas."""
    return lambda app: only_read(rewritten(app))


def only_read(app: App) -> App:
    """The same application; its data is read only. Addresses below /-/ decide for themselves, such as those to log out."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING and not scope["path"].startswith("/-/"):
            await send(_REFUSED)
            await send({"type": "http.response.body", "body": b"This is only for reading."})
            return
        await app(scope, receive, send)

    return answer
