"""The published archive, served, and each newer copy of it taken up without a pause.

One process holds the listening socket and looks at the link to the current release; another answers. When there is a
newer release, a second one is started on the same socket; once it has answered a page of its own, the first takes no
more connections, finishes what it has, and ends. A copy that cannot be served is told once, and the one before stays.
Nothing is written anywhere: releases may lie on a file system that is mounted read-only.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from crawler.site import PLUGINS, SETTINGS, STATIC, TEMPLATES, described

#: Seconds: for a copy to answer its first page; for what is under way when a process is to end; from accepting no more
#: connections to ending those that have asked nothing yet.
_FIRST_ANSWER, _LAST_ANSWER, _SETTLE = 60.0, 60, 1.0

#: What a process says when it answers.
_READY = b"!"


class ServeError(Exception):
    """There is nothing to serve, or nowhere to."""


def datasette(release: Path) -> Any:
    """Datasette on a release: with the counts that were made with it."""
    from crawler.site.publish import FILE, INSPECT

    return opened(release / FILE, inspect_data=inspected(release / INSPECT), secret=os.environ.get("DATASETTE_SECRET"))


def opened(database: Path, **more: Any) -> Any:
    """Datasette, with all that makes it our site, on an archive that nobody changes any more.

    `more`: arguments of Datasette beside ours, or in their place.
    """
    from datasette.app import Datasette

    ours = {
        "immutables": [str(database)],
        "metadata": described(),
        "plugins_dir": str(PLUGINS),
        "template_dir": str(TEMPLATES),
        "static_mounts": [(STATIC[0], str(STATIC[1]))],
        "settings": SETTINGS,
    }
    return Datasette(**(ours | more))


class Counts(dict[str, dict[str, int]]):
    """Rows by table, as Datasette lists them. It finds those of views here, too, without taking them for tables."""

    def __init__(self, tables: dict[str, dict[str, int]], views: dict[str, int]) -> None:
        super().__init__(tables)
        self._views = views

    def __missing__(self, name: str) -> dict[str, int]:
        return {"count": self._views[name]}


def inspected(path: Path) -> dict[str, dict[str, Any]]:
    """What was counted when the release was made."""
    said: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    return {name: {**about, "tables": Counts(about["tables"], about.get("views", {}))} for name, about in said.items()}


def serve(directory: Path, host: str, port: int, say: Callable[[str], None], every: float = 1.0) -> NoReturn:
    """Serve what is published in a directory until told to stop (SIGTERM, SIGINT, SIGHUP), looking for newer every so many
    seconds. Nobody need listen to what it has to `say`.

    ServeError when nothing is published there, the address cannot be listened on, or what answers has ended.
    """
    from crawler.site.publish import current

    release = current(directory)
    if release is None:
        raise ServeError(f"nothing is published in {directory}: `outages publish {directory}` does it")
    os.environ.setdefault("DATASETTE_SECRET", secrets.token_hex(32))  # cookies outlive a change of release
    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, lambda *_: sys.exit())
    children: list[_Child] = []
    try:
        with _listen(host, port) as listening:
            children.append(serving := _Child(release, listening))
            if not serving.ready():
                raise ServeError(f"{release} cannot be served")
            _say(say, f"serving {release.name} on {host}:{listening.getsockname()[1]}")
            seen = release
            while serving.running():
                time.sleep(every)
                children = [child for child in children if child.running()]
                newest = current(directory)
                if newest in (None, seen):
                    continue
                seen = newest
                children.append(fresh := _Child(newest, listening))
                if not fresh.ready():
                    fresh.end()
                    _say(say, f"{newest.name} cannot be served; {serving.release.name} stays")
                    continue
                serving.end()
                serving = fresh
                _say(say, f"serving {newest.name}")
        raise ServeError("what answers has ended; its last words are above")
    finally:
        for child in children:
            child.end()
        for child in children:
            child.wait()


def _say(say: Callable[[str], None], line: str) -> None:
    """Tell, if anybody still listens: who reads the log may have gone, and the site stays."""
    with suppress(OSError):
        say(line)


def _listen(host: str, port: int) -> socket.socket:
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise ServeError(f"cannot listen on {host}:{port}: {error}") from error


class _Child:
    """A process that answers from one release. It ends when its link to us does, also when we are killed."""

    def __init__(self, release: Path, listening: socket.socket) -> None:
        self.release = release
        self._link, theirs = socket.socketpair()
        with theirs:
            handles = (listening.fileno(), theirs.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "crawler.site.server", str(release), *map(str, handles)],
                pass_fds=handles,
                start_new_session=True,  # Ctrl-C is for us, who end it in order
            )

    def ready(self) -> bool:
        """Wait until it answers; False when it does not."""
        self._link.settimeout(_FIRST_ANSWER)
        with suppress(OSError):
            return self._link.recv(1) == _READY
        return False

    def running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Let it finish what it has, and end."""
        self._link.close()

    def wait(self) -> None:
        """Wait for its end; not for ever."""
        try:
            self._process.wait(_LAST_ANSWER + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


async def answer(release: Path, listening: socket.socket, link: socket.socket) -> None:
    """Answer requests from a release until the link is closed."""
    import uvicorn

    site = datasette(release)
    await site.invoke_startup()
    first = await site.client.get("/")  # reads the schema, so that no visitor waits for it
    if first.status_code == 500:  # too slow (503) is none of its faults: nothing of it is in memory yet
        sys.exit(f"{release}: the front page cannot be made")
    config = uvicorn.Config(site.app(), lifespan="on", log_level="info", timeout_graceful_shutdown=_LAST_ANSWER)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    while not (server.started or serving.done()):
        await asyncio.sleep(0.01)
    link.setblocking(False)
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        await loop.sock_sendall(link, _READY)
    closed = asyncio.create_task(loop.sock_recv(link, 1))
    await asyncio.wait((closed, serving), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        # Only stop to look for connections: asyncio drops one that it took a moment ago when its listener is closed.
        for accepting in server.servers:
            for taken in accepting.sockets:
                loop.remove_reader(taken.fileno())
        await asyncio.sleep(_SETTLE)
        server.should_exit = True
    await serving


def main(release: str, listening: str, link: str) -> None:
    """The process that answers; numbers of open files are its socket and its link to `serve`."""
    with socket.socket(fileno=int(listening)) as accepting, socket.socket(fileno=int(link)) as told:
        asyncio.run(answer(Path(release), accepting, told))


if __name__ == "__main__":
    main(*sys.argv[1:])
