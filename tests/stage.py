"""A status page to poll: a local server that answers as the script of the test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What the server says to the next requests for an address."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    #: Bytes of headers that come before the others.
    padding: int = 0


@dataclass
class Stage:
    """The server: answers by path, and the requests it was asked."""

    url: str
    answers: dict[str, Answer]
    asked: list[tuple[str, dict[str, str]]]
    #: When each of them came and when it had its answer, in seconds of the monotonic clock.
    spans: list[tuple[float, float]] = field(default_factory=list)
    #: Hears of each request as it comes: the address that was asked.
    heard: Callable[[str], None] | None = None

    def show(self, path: str, body: Any, status: int = 200, delay: float = 0.0, **headers: str) -> None:
        """Publish a body (JSON unless it is bytes or text) with an ETag made of it."""
        data = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if status == 200:
            named.setdefault("ETag", f'"{hash(data) & 0xFFFFFFFF:x}"')
        self.answers[path] = Answer(data, status, named, delay)


@contextmanager
def stage(before: Callable[[Any], None] | None = None, host: str = "127.0.0.1") -> Iterator[Stage]:
    """A server on loopback; conditional requests are answered with 304 as a real one does.

    With `host` 0.0.0.0 it answers at every address of 127.0.0.0/8, each of them another host to the crawler.
    """
    answers: dict[str, Answer] = {}
    asked: list[tuple[str, dict[str, str]]] = []
    spans: list[tuple[float, float]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # the body would wait 40 ms for the headers to be acknowledged

        def do_GET(self) -> None:
            asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            if play.heard:
                play.heard(self.connection.getsockname()[0])
            began = time.monotonic()
            answer = answers.get(self.path, Answer(b"not here", 404))
            time.sleep(answer.delay)
            with suppress(OSError):  # a client that has given up is part of the play
                self.say(answer)
            spans.append((began, time.monotonic()))

        def say(self, answer: Answer) -> None:
            unchanged = answer.status == 200 and self.headers.get("If-None-Match") == answer.headers.get("ETag", "-")
            self.send_response(304 if unchanged else answer.status)
            self.flush_headers()
            for number in range(answer.padding // 1024):
                self.wfile.write(b"X-%d: %s\r\n" % (number, b"a" * 1024))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            body = b"" if unchanged else answer.body
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    if before:
        before(server)
    play = Stage(f"http://127.0.0.1:{server.server_port}", answers, asked, spans)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield play
    finally:
        server.shutdown()
        server.server_close()
