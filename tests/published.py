"""The archive, asked in this process or on a free port, and a browser to look at it with: for every test of the site."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from datasette.app import Datasette
from datasette.utils import tilde_encode

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: What a vendor, or somebody who has taken over its page, might publish. Readers take markup off; what is
#: written with entities comes out as text that looks like markup, and must stay text.
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</td></table><h1>owned</h1>{{ 7*7 }}"
ESCAPED = MARKUP.replace("<", "&lt;").replace(">", "&gt;")
HOSTILE = "github:h0st1lepage1"
FIRST_LOOK = "2026-03-01T11:45:00Z"
PAGE = {
    "page": {
        "id": "kctbh9vrtdwd",
        "name": "GitHub",
        "url": "https://www.githubstatus.com",
        "time_zone": "Etc/UTC",
        "updated_at": "2026-03-01T12:00:00.000Z",
    },
    "incidents": [
        {
            "id": HOSTILE.partition(":")[2],
            "name": f"Hostile {ESCAPED}",
            "status": "resolved",
            "impact": "major",
            "shortlink": "javascript:alert(3)",
            "page_id": "kctbh9vrtdwd",
            "created_at": "2026-03-01T10:00:00.000Z",
            "updated_at": "2026-03-01T11:30:00.000Z",
            "monitoring_at": None,
            "resolved_at": "2026-03-01T11:30:00.000Z",
            "started_at": "2026-03-01T10:00:00.000Z",
            "components": [],
            "incident_updates": [
                {
                    "id": "h0st1leupd01",
                    "incident_id": HOSTILE.partition(":")[2],
                    "status": "resolved",
                    "body": f"Broken {ESCAPED} javascript:alert(4)",
                    "created_at": "2026-03-01T11:30:00.000Z",
                    "updated_at": "2026-03-01T11:30:00.000Z",
                    "display_at": "2026-03-01T11:30:00.000Z",
                    "affected_components": [
                        {
                            "code": "h0st1lecomp1",
                            "name": f"Part {ESCAPED}",
                            "old_status": "major_outage",
                            "new_status": "operational",
                        }
                    ],
                    "deliver_notifications": True,
                    "custom_tweet": None,
                    "tweet_id": None,
                }
            ],
        }
    ],
}


def outages(*arguments: str) -> list[str]:
    """The command line of `outages`."""
    return [sys.executable, "-c", "from crawler.commands import main; main()", *arguments]


def row_path(table: str, *keys: str) -> str:
    """Path of the page of one row."""
    return f"/outages/{table}/{','.join(tilde_encode(key) for key in keys)}"


def get(site: Datasette, path: str, method: str = "GET", **options: Any) -> Any:
    """What a site answers."""
    return asyncio.run(site.client.request(method, path, **options))


def ask(site: Datasette, path: str, status: int = 200, **options: Any) -> str:
    """The text of an answer that must have this status."""
    answer = get(site, path, **options)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    return str(answer.text)


def copied(shipped: Path, data: Path) -> Path:
    """A data directory of one's own that begins with what ships."""
    data.mkdir()
    for name in ("outages.db", "captures.db"):
        shutil.copyfile(shipped.parent / name, data / name)
    return data


@contextmanager
def published(directory: Path, shipped: Path) -> Iterator[str]:
    """Address of Datasette on what ships and a hostile page, changed once, started by `outages serve`."""
    line = {
        "source": "github-incidents",
        "url": "https://www.githubstatus.com/api/v2/incidents.json",
        "fetched_at": "2026-03-01T12:00:00Z",
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(PAGE),
    }
    before = {**line, "fetched_at": FIRST_LOOK, "body": json.dumps(PAGE).replace("Broken", "Shaky " + 30 * "long")}
    (directory / "page.jsonl").write_text(json.dumps(before) + "\n" + json.dumps(line) + "\n")
    data = str(copied(shipped, directory / "data"))
    subprocess.run(outages("import", str(directory / "page.jsonl"), "--data", data), check=True, timeout=60)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (directory / "log").open("w") as log:
        server = subprocess.Popen(outages("serve", "--data", data, "--port", str(port)), stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(200):
                if server.poll() is not None:
                    pytest.fail(f"the server ended: {(directory / 'log').read_text()}")
                try:
                    urlopen(f"{address}/-/versions.json", timeout=10).close()
                    break
                except (URLError, ConnectionError):
                    time.sleep(0.1)
            else:
                pytest.fail(f"the server does not answer: {(directory / 'log').read_text()}")
            yield address
        finally:
            server.terminate()
            server.wait(10)


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's browser without a screen, driven by Playwright; skips where there is none."""
    if not CHROMIUM.exists():
        assert shutil.which("chromium") is None, "there is a chromium elsewhere: these tests must not be skipped"
        pytest.skip(f"no browser at {CHROMIUM}")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        yield browser
        browser.close()
