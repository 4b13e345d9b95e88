"""One round over 2,000 hosts beside a bare Scrapy spider that fetches the same pages and does nothing.

    .venv/bin/python bench/poll.py [--hosts 2000] [--timeout 5]

Each page has a loopback address of its own (127.x.y.z). A tenth of them changes before the third round, 2 % answer
after one to three seconds, 1 % refuse connections and 1 % take them and say nothing. Every round and the bare spider run in
processes of their own; printed are pages and requests per second, CPU seconds and peak memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
INCIDENTS = 8  # on a page
PATH = "/api/v2/incidents.json"
LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def address(number: int) -> str:
    """The host with that number."""
    return f"127.{1 + number // 62500}.{1 + number // 250 % 250}.{1 + number % 250}"


def code(number: int) -> str:
    """An identifier as Statuspage gives out, for a number."""
    text = ""
    for _ in range(12):
        number, digit = divmod(number, 36)
        text = LETTERS[digit] + text
    return text


def body(number: int, changed: bool) -> bytes:
    """The page of a host: incidents of March 2026, the first of them edited when it has changed."""
    incidents: list[dict[str, Any]] = []
    for i in range(INCIDENTS):
        name = code(36**11 + number * 100 + i)
        updates = [
            {
                "id": code(36**10 * 3 + (number * 100 + i) * 10 + j), "status": status, "incident_id": name,
                "body": f"{text} It concerns customers of host {number} and lasted {i} minutes." + " Sorry." * (changed and not i and not j),
                "created_at": f"2026-03-{20 - i:02}T1{2 - j}:00:00.000Z", "updated_at": f"2026-03-{20 - i:02}T1{2 - j}:00:00.000Z",
                "display_at": f"2026-03-{20 - i:02}T1{2 - j}:00:00.000Z", "deliver_notifications": True,
                "affected_components": None,
            }
            for j, (status, text) in enumerate(
                [("resolved", "This is over."), ("identified", "We know why."), ("investigating", "Requests fail.")]
            )
        ]  # fmt: skip
        incidents.append(
            {
                "id": name, "name": f"Requests fail ({i})", "status": "resolved", "impact": "minor",
                "created_at": updates[-1]["created_at"], "updated_at": updates[0]["created_at"],
                "started_at": updates[-1]["created_at"], "monitoring_at": None, "resolved_at": updates[0]["created_at"],
                "shortlink": "https://stspg.io/x", "page_id": code(36**11 * 2 + number), "incident_updates": updates,
                "components": [], "reminder_intervals": None,
            }
        )  # fmt: skip
    page = {"id": code(36**11 * 2 + number), "name": f"Host {number}", "url": f"http://{address(number)}",
            "time_zone": "Etc/UTC", "updated_at": "2026-03-21T00:00:00.000Z"}  # fmt: skip
    return json.dumps({"page": page, "incidents": incidents}).encode()


class Pages(asyncio.Protocol):
    """The server of all hosts. The host is the address that the connection came to."""

    changed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        self.transport = transport
        a, b, c, d = transport.get_extra_info("sockname")[0].split(".")
        self.number = (int(b) - 1) * 62500 + (int(c) - 1) * 250 + int(d) - 1 if a == "127" and int(d) else -1
        self.read = b""

    def data_received(self, data: bytes) -> None:
        """Answer a whole request, at once or late."""
        self.read += data
        if not self.read.endswith(b"\r\n\r\n"):
            return
        request, self.read = self.read, b""
        if request.startswith(b"POST /change"):
            Pages.changed = True
            self.say(b"204 No Content", b"")
        elif request.startswith(b"GET /robots.txt"):
            self.say(b"404 Not Found", b"")
        elif self.number % 100 == 51:  # it hangs
            return
        else:
            late = 1 + self.number % 3 if self.number % 50 == 7 else 0
            asyncio.get_running_loop().call_later(late, self.show, request)

    def show(self, request: bytes) -> None:
        """The page, or that it is the same as before. A tenth of the hosts knows no ETag."""
        changed = Pages.changed and self.number % 10 == 3
        etag = b'"%d-%d"' % (self.number, changed)
        if self.number % 10 == 4:
            self.say(b"200 OK", body(self.number, changed))
        elif etag in request:
            self.say(b"304 Not Modified", b"", b"ETag: " + etag + b"\r\n")
        else:
            self.say(b"200 OK", body(self.number, changed), b"ETag: " + etag + b"\r\n")

    def say(self, status: bytes, content: bytes, headers: bytes = b"") -> None:
        """Write an answer."""
        length = b"" if status.startswith(b"304") else b"Content-Length: %d\r\n" % len(content)
        self.transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n" + headers + length + b"\r\n" + content
        )


def serve(port: int) -> None:
    """Run the server."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Pages, "0.0.0.0", port, backlog=4096)
        await server.serve_forever()

    asyncio.run(forever())


def urls(hosts: int, port: int, closed: int) -> Iterable[str]:
    """The address of every page; 1 % at a port where nobody listens."""
    for number in range(hosts):
        yield f"http://{address(number)}:{closed if number % 100 == 21 else port}{PATH}"


def catalog(directory: Path, pages: list[str]) -> None:
    """Ten pages a vendor."""
    directory.mkdir()
    for vendor in range(0, len(pages), 10):
        lines = [f"id: v{vendor}", f"name: Vendor {vendor}", "homepage: https://v.example", "sources:"]
        for i, url in enumerate(pages[vendor : vendor + 10]):
            lines += [f"  - {{id: v{vendor}-{i}, platform: statuspage, url: '{url}', every: 5m}}"]
        (directory / f"v{vendor}.yml").write_text("\n".join(lines) + "\n")


def bare(file: Path, timeout: float, robots: bool) -> None:
    """The spider that does nothing, with the same settings and what Scrapy puts around it."""
    import scrapy
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.settings import Settings, default_settings

    from crawler.polling import settings as ours

    class Bare(scrapy.Spider):
        name = "bare"
        custom_settings = {"HTTPERROR_ALLOW_ALL": True}  # noqa: RUF012

        async def start(self) -> Any:
            for url in file.read_text().split():
                yield scrapy.Request(url, dont_filter=True, errback=self.parse)

        def parse(self, response: Any) -> None:
            pass

    settings = Settings()
    settings.setmodule(ours, priority="project")
    settings.setdict(
        {
            "DOWNLOAD_TIMEOUT": timeout,
            "ITEM_PIPELINES": {},
            "DOWNLOADER_MIDDLEWARES_BASE": default_settings.DOWNLOADER_MIDDLEWARES_BASE,
            "SPIDER_MIDDLEWARES_BASE": default_settings.SPIDER_MIDDLEWARES_BASE,
            "RETRY_ENABLED": False,
            "COOKIES_ENABLED": False,
            "ROBOTSTXT_OBEY": robots,
        },
        priority="cmdline",
    )
    process = AsyncCrawlerProcess(settings)
    process.crawl(Bare)
    began, busy = time.monotonic(), time.process_time()
    process.start()
    print(json.dumps({"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - busy}))


def measured(command: list[str]) -> tuple[dict[str, Any], float, float]:
    """What a process printed last, its CPU seconds and its peak memory in MB."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, (command, child.returncode)
    return json.loads(said.splitlines()[-1]), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Serve, poll, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--robots", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare:
        bare(chosen.bare, chosen.timeout, chosen.robots)
        return
    with socket.socket() as one, socket.socket() as other:
        one.bind(("0.0.0.0", 0))
        other.bind(("0.0.0.0", 0))
        port, closed = one.getsockname()[1], other.getsockname()[1]
    server = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as scratch:
        compare(Path(scratch), list(urls(chosen.hosts, port, closed)), chosen.timeout, port)
    server.terminate()


def compare(scratch: Path, pages: list[str], timeout: float, port: int) -> None:
    """The rounds and the bare spiders, in turn."""
    list_ = scratch / "pages"
    list_.write_text("\n".join(pages))
    catalog(scratch / "catalog", pages)
    data = scratch / "data"
    poll = [sys.executable, "-m", "crawler", "poll", "--all", "--json", "--timeout", str(timeout), "--contact", "b@example.org",
            "--data", str(data), "--catalog", str(scratch / "catalog")]  # fmt: skip
    idle = [sys.executable, __file__, "--bare", str(list_), "--timeout", str(timeout)]
    rates: dict[str, float] = {}
    busy: dict[str, float] = {}

    def tell(name: str, command: list[str]) -> dict[str, Any]:
        found, cpu, memory = measured(command)
        rates[name], busy[name] = len(pages) / found["seconds"], found["cpu_seconds"]
        print(
            f"{name:32} {found['seconds']:7.2f} s {rates[name]:7.0f} pages/s {busy[name]:6.2f} s of CPU, {cpu:6.2f} with all else {memory:5.0f} MB",
            flush=True,
        )
        return found

    def polled(name: str) -> None:
        found = tell(name, poll)
        print(f"    read in {found['reading_seconds']:.2f} s; {found['outcomes']}; failed {found['failed']}")

    tell("bare, robots.txt", [*idle, "--robots"])
    polled("first round, all new")
    polled("second round, all the same")
    with socket.create_connection(("127.0.0.1", port)) as control:
        control.sendall(b"POST /change HTTP/1.1\r\n\r\n")
        control.recv(100)
    tell("bare", idle)
    polled("third round, a tenth changed")
    tell("bare again", idle)
    polled("fourth round, all the same")
    tell("bare once more", idle)
    idle_ones = ("bare", "bare again", "bare once more")
    rate, cpu = (sorted(some[name] for name in idle_ones)[1] for some in (rates, busy))
    for name in ("second round, all the same", "third round, a tenth changed", "fourth round, all the same"):
        print(f"{name}: {rates[name] / rate:.2f} of the bare spider's pages a second, "
              f"{cpu / busy[name]:.2f} of its pages a second of CPU")  # fmt: skip
    first, same = "first round, all new", "bare, robots.txt"
    print(
        f"{first}: {rates[first] / rates[same]:.2f} and {busy[same] / busy[first]:.2f} of the one that asks for robots.txt"
    )
    with sqlite3.connect(data / "captures.db") as conn:
        print(f"{conn.execute('select count(*) from captures').fetchone()[0]} captures kept")


if __name__ == "__main__":
    main()
