"""CSV from the site, without anything that a spreadsheet would run."""

from __future__ import annotations

import re

from crawler.export import inert
from crawler.site.policy import App, Message, Receive, Scope, Send

#: A cell that may begin a formula, in a row of CSV; most rows have none and pass as they are.
_MAYBE = re.compile(rb'(?:^|,)"?[=+\-@\t\r]')
#: A cell of a row, within its quotes or without any, and what ends it.
_CELL = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|\Z)')
_TYPES = (b"text/plain", b"text/csv")


def rewritten(app: App) -> App:
    """The same application with every cell of its CSV made inert, row by row as they come."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith(".csv"):
            await app(scope, receive, send)
            return
        rows = Rows()
        is_csv = False

        async def inertly(message: Message) -> None:
            nonlocal is_csv
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                is_csv = headers.get(b"content-type", b"").startswith(_TYPES)
            elif is_csv and message["type"] == "http.response.body":
                last = not message.get("more_body", False)
                message = {**message, "body": rows.feed(message.get("body", b"")) + (rows.rest() if last else b"")}
            await send(message)

        await app(scope, receive, inertly)

    return answer


class Rows:
    """Bytes of CSV as they come, in pieces of any size; out come whole rows."""

    def __init__(self) -> None:
        self._begun = b""
        self._open = False  # within a quoted cell

    def feed(self, piece: bytes) -> bytes:
        """The rows that this piece completes."""
        done = []
        for line in piece.splitlines(keepends=True) if b"\n" in piece else [piece]:
            self._begun += line
            self._open ^= line.count(b'"') % 2 == 1  # a quote in a cell is doubled, and its cell is quoted
            if not self._open and self._begun.endswith(b"\n"):
                done.append(_inert_row(self._begun))
                self._begun = b""
        return b"".join(done)

    def rest(self) -> bytes:
        """What is left at the end, such as why a stream broke off."""
        left, self._begun = self._begun, b""
        return _inert_row(left) if left else b""


def _inert_row(row: bytes) -> bytes:
    return _CELL.sub(_inert_cell, row) if _MAYBE.search(row) else row


def _inert_cell(cell: re.Match[bytes]) -> bytes:
    quoted, plain, end = cell.groups()
    text = (quoted.replace(b'""', b'"') if quoted is not None else plain).decode()
    if inert(text) == text:
        return cell[0]
    return b"\"'" + quoted + b'"' + end if quoted is not None else b"'" + plain + end
