"""Nothing is written here, and what is taken away from here runs nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pluggy import HookimplMarker

from crawler.site.policy import App, Receive, Scope, Send
from crawler.site.sheets import rewritten

hookimpl = HookimplMarker("datasette")

#: What a page that is only read can be asked by.
READING = frozenset(["GET", "HEAD", "OPTIONS"])
_REFUSED: dict[str, Any] = {
    "type": "http.response.start",
    "status": 405,
    "headers": [(b"allow", b"GET, HEAD, OPTIONS"), (b"content-type", b"text/plain; charset=utf-8")],
}


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
