"""Headers that keep a page to itself, whatever vendors' text may hold.

Only scripts from this address run, and those few that Datasette's own templates hold in line, known by their
hashes. Nothing is loaded from, sent to or framed by another address.

Nothing is compiled from text either ('unsafe-eval'): Vega, which draws the charts of dashboards, interprets its expressions.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import datasette

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_FLAG = re.compile(r"\{\{ *datasette_allow_facet *\}\}")


def scripts(templates: Path) -> Iterator[str]:
    """The scripts in line of Datasette's templates, as they reach a browser; those with other variables are left out."""
    for path in sorted(templates.glob("*.html")):
        for script in _SCRIPT.findall(path.read_text(encoding="utf-8")):
            for flag in ("true", "false") if _FLAG.search(script) else ("",):
                rendered = _FLAG.sub(flag, script)
                if "{{" not in rendered and "{%" not in rendered:
                    yield rendered


def policy(templates: Path | None = None) -> str:
    """The Content-Security-Policy."""
    directory = templates or Path(datasette.__file__).parent / "templates"
    digests = sorted({base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts(directory)})
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {allowed}",
            "style-src 'self' 'unsafe-inline'",  # Datasette colours its headings by style attributes
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def guarded(app: App) -> App:
    """The same application with these headers on every response."""
    headers = [
        (b"content-security-policy", policy().encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await app(scope, receive, with_headers)

    return answer
