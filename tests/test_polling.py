"""End to end: a page plays through an outage, real Scrapy polls it round by round, real Datasette answers."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Request, Response
from scrapy.utils.ossignal import install_shutdown_handlers

from crawler import commands
from crawler.archive import Archive as OutagesDb
from crawler.captures import Captures
from crawler.catalog import Catalog, Source, load
from crawler.database import alone
from crawler.polling import poller
from crawler.polling.guard import ForbiddenRedirectError, PublicRedirects, is_public
from crawler.polling.poller import complete, settings_of, user_agent
from crawler.polling.rounds import plan
from crawler.polling.schedule import share
from crawler.polling.watch import Shown, news
from crawler.records import Capture
from tests.stage import Stage, stage

ROOT = Path(__file__).parent.parent
INCIDENTS = "/api/v2/incidents.json"


@pytest.fixture
def page() -> Iterator[Stage]:
    with stage() as s:
        yield s


class Archive:
    """An archive in a scratch directory that polls one made-up vendor."""

    def __init__(self, directory: Path, url: str, extra: str = "") -> None:
        self.data = directory / "data"
        self.catalog = directory / "catalog"
        self.catalog.mkdir()
        (self.catalog / "acme.yml").write_text(
            f"""
id: acme
name: Acme Cloud
homepage: https://acme.example
sources:
  - id: acme-incidents
    platform: statuspage
    url: {url}
    every: 1m
    delay: 0
{extra}
regions:
  - {{id: fra, name: Frankfurt, country: DE}}
  - {{id: pdx, name: Oregon, country: US}}
services:
  - {{id: api, name: API, category: compute}}
"""
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "crawler", *arguments, "--data", str(self.data), "--catalog", str(self.catalog)],
            capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        )  # fmt: skip

    def poll(self, at: str, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run("poll", "--at", at, "--timeout", "2", "--contact", "test@example.org", *more)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.data / "outages.db") as conn:
            return conn.execute(sql).fetchall()

    def outages(self) -> list[tuple[Any, ...]]:
        return self.rows(
            """select region, service, severity, substr(started_at, 12, 5), substr(ended_at, 12, 5), start_basis, end_basis
            from outages where vendor = 'acme' order by region"""
        )


def update(code: str, at: str, status: str, body: str, *changes: tuple[str, str, str]) -> dict[str, Any]:
    """An update as Statuspage publishes it; `changes` are (component, old state, new state)."""
    when = f"2026-03-01T{at}:00.000Z"
    return {
        "id": code, "status": status, "body": body, "incident_id": "bcdfghjklmnp", "created_at": when,
        "updated_at": when, "display_at": when, "deliver_notifications": True,
        "affected_components": [
            {"code": {"Frankfurt": "aaaabbbbcccc", "Oregon": "ddddeeeeffff"}[name.split("(")[1][:-1]], "name": name,
             "old_status": old, "new_status": new}
            for name, old, new in changes
        ] or None,
    }  # fmt: skip


def payload(*updates: dict[str, Any], resolved: str | None = None) -> dict[str, Any]:
    """`incidents.json` with one incident that has these updates, or with none."""
    incident = {
        "id": "bcdfghjklmnp", "name": "Requests fail", "status": updates[-1]["status"], "impact": "major",
        "created_at": updates[0]["created_at"], "updated_at": updates[-1]["updated_at"],
        "started_at": updates[0]["created_at"], "monitoring_at": None,
        "resolved_at": resolved and f"2026-03-01T{resolved}:00.000Z", "shortlink": "https://stspg.io/x",
        "page_id": "ppppqqqqrrrr", "incident_updates": list(reversed(updates)), "components": [],
        "reminder_intervals": None,
    } if updates else None  # fmt: skip
    return {
        "page": {"id": "ppppqqqqrrrr", "name": "Acme", "url": "https://acme.example", "time_zone": "Etc/UTC",
                 "updated_at": "2026-03-01T09:00:00.000Z"},
        "incidents": [incident] if incident else [],
    }  # fmt: skip


BOTH = (("API (Frankfurt)", "operational", "major_outage"), ("API (Oregon)", "operational", "major_outage"))
FIRST = update("u1", "10:00", "investigating", "Requests to two regions fail.", *BOTH)
SECOND = update(
    "u2", "10:20", "identified", "One region works again.", ("API (Frankfurt)", "major_outage", "operational")
)
THIRD = update("u3", "11:00", "resolved", "This is over.", ("API (Oregon)", "major_outage", "operational"))
EDITED = {**THIRD, "body": "Between 09:50 UTC and 10:56 UTC on March 1, 2026 requests failed."}


def test_an_outage_is_polled_round_by_round(tmp_path: Path, page: Stage) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)

    def round_at(clock: str) -> subprocess.CompletedProcess[str]:
        done = archive.poll(f"2026-03-01T{clock}:00Z")
        assert done.returncode in (0, 3), done.stderr
        return done

    page.show(INCIDENTS, payload())
    round_at("09:30")
    round_at("09:31")  # unchanged
    page.show(INCIDENTS, payload(FIRST))
    round_at("10:02")
    assert archive.outages() == [
        ("fra", "api", "major_outage", "10:00", None, "structured", None),
        ("pdx", "api", "major_outage", "10:00", None, "structured", None),
    ]
    page.show(INCIDENTS, payload(FIRST, SECOND))
    round_at("10:22")
    still_out = [
        ("fra", "api", "major_outage", "10:00", "10:20", "structured", "structured"),
        ("pdx", "api", "major_outage", "10:00", None, "structured", None),
    ]
    assert archive.outages() == still_out
    unchanged = page.answers[INCIDENTS]
    page.show(INCIDENTS, "down as well", status=500)
    assert "HTTP 500" in round_at("10:30").stdout
    page.show(INCIDENTS, payload(), delay=4)
    assert "timeout" in round_at("10:31").stdout
    page.show(INCIDENTS, "<html>All systems operational</html>")
    round_at("10:34")  # after two failures in a row
    assert archive.outages() == still_out, "a failed look changes nothing"
    page.answers[INCIDENTS] = unchanged
    round_at("10:40")
    round_at("10:41")
    page.show(INCIDENTS, payload(FIRST, SECOND, THIRD, resolved="11:00"))
    round_at("11:02")
    assert archive.outages() == [
        ("fra", "api", "major_outage", "10:00", "10:20", "structured", "structured"),
        ("pdx", "api", "major_outage", "10:00", "11:00", "structured", "structured"),
    ]
    page.show(INCIDENTS, payload(FIRST, SECOND, EDITED, resolved="11:00"))
    round_at("15:00")
    assert archive.outages() == [
        ("fra", "api", "major_outage", "09:50", "10:20", "stated", "structured"),
        ("pdx", "api", "major_outage", "09:50", "10:56", "stated", "stated"),
    ]
    assert archive.rows("select field, before, after from revisions") == [
        ("update text", THIRD["body"], EDITED["body"])
    ]
    assert [outcome for (outcome,) in archive.rows("select outcome from polls where url like '%.json' and url not like '%/incidents/%' order by polled_at")] == [
        "new", "not-modified", "new", "new", "error", "error", "unreadable", "new", "not-modified", "new", "new",
    ]  # fmt: skip
    assert archive.rows("select edits_after_resolved, lag_minutes from disclosure where vendor = 'acme'") == [(1, 10.0)]
    before = dump(archive.data)
    assert archive.run("rebuild").returncode == 0
    assert dump(archive.data) == before, "a rebuild gives the same rows"
    check_datasette(archive)


def dump(data: Path) -> dict[str, list[Any]]:
    """Every table of the archive."""
    with sqlite3.connect(data / "outages.db") as conn:
        names = [
            n
            for (n,) in conn.execute(
                "select name from sqlite_master where type = 'table' and name not like '%sqlite%' and name not like '%fts_%'"
            )
        ]
        return {name: sorted(conn.execute(f"select * from [{name}]").fetchall(), key=repr) for name in names}


def check_datasette(archive: Archive) -> None:
    """Real Datasette on the archive answers over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "crawler", "serve", "--port", str(port), "--data", str(archive.data), "--catalog",
         str(archive.catalog)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}/outages/recovery_order.json?_shape=array&incident=acme%3Abcdfghjklmnp"
        for _ in range(100):
            try:
                with urllib.request.urlopen(address, timeout=5) as response:
                    found = json.load(response)
                break
            except OSError:
                time.sleep(0.2)
        assert [(row["region"], row["rank"]) for row in found] == [("fra", 1), ("pdx", 2)]
    finally:
        server.terminate()
        server.wait()


def test_requests_are_polite_and_conditional(tmp_path: Path, page: Stage) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show("/robots.txt", "User-agent: *\nAllow: /\n")
    page.show(INCIDENTS, payload(), Last_Modified="Sun, 01 Mar 2026 09:00:00 GMT")
    archive.poll("2026-03-01T09:30:00Z")
    archive.poll("2026-03-01T09:31:00Z")
    assert [path for path, _ in page.asked] == ["/robots.txt", INCIDENTS, INCIDENTS], "robots.txt holds for a day"
    agent = page.asked[1][1]["user-agent"]
    assert agent.startswith("outages/")
    assert "test@example.org" in agent
    assert "if-none-match" not in page.asked[1][1]
    assert page.asked[2][1]["if-none-match"] == page.answers[INCIDENTS].headers["ETag"]
    assert page.asked[2][1]["if-modified-since"] == "Sun, 01 Mar 2026 09:00:00 GMT"


def test_a_source_that_is_not_due_is_left_alone(tmp_path: Path, page: Stage) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, payload())
    archive.poll("2026-03-01T09:30:00Z")
    asked = len(page.asked)
    assert archive.poll("2026-03-01T09:30:30Z").returncode == 0
    assert len(page.asked) == asked
    archive.poll("2026-03-01T09:30:40Z", "--all")
    assert len(page.asked) > asked


def failure(archive: Archive) -> tuple[str, str]:
    ((outcome, error),) = archive.rows("select outcome, error from polls")
    return outcome, error


def test_robots_txt_is_obeyed_unless_the_catalog_says_why_not(tmp_path: Path, page: Stage) -> None:
    page.show("/robots.txt", "User-agent: *\nDisallow: /api/\n")
    page.show(INCIDENTS, payload())
    archive = Archive(tmp_path, page.url + INCIDENTS)
    assert archive.poll("2026-03-01T09:30:00Z").returncode == 3
    outcome, error = failure(archive)
    assert (outcome, error.split(":")[0]) == ("error", "robots")
    (tmp_path / "other").mkdir()
    allowed = Archive(tmp_path / "other", page.url + INCIDENTS, "    robots: the vendor allowed it in writing")
    assert allowed.poll("2026-03-01T09:30:00Z").returncode == 0


def test_a_refused_connection_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        archive = Archive(tmp_path, f"http://127.0.0.1:{free.getsockname()[1]}{INCIDENTS}")
    assert archive.poll("2026-03-01T09:30:00Z").returncode == 3
    outcome, error = failure(archive)
    assert (outcome, error.split(":")[0]) == ("error", "refused")


def test_a_certificate_nobody_vouches_for_is_an_error(tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout",
         str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip

    def secure(server: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)

    with stage(secure) as page:
        page.show(INCIDENTS, payload())
        archive = Archive(tmp_path, page.url.replace("http:", "https:") + INCIDENTS)
        assert archive.poll("2026-03-01T09:30:00Z").returncode == 3
    outcome, error = failure(archive)
    assert (outcome, error.split(":")[0]) == ("error", "tls")


def test_a_body_that_is_too_large_is_an_error(tmp_path: Path, page: Stage) -> None:
    page.show(INCIDENTS, b" " * (33 << 20))
    archive = Archive(tmp_path, page.url + INCIDENTS)
    archive.run("poll", "--at", "2026-03-01T09:30:00Z")
    outcome, error = failure(archive)
    assert (outcome, error.split(":")[0]) == ("error", "too-large")


@pytest.mark.parametrize(("padding", "expected"), [(128 << 10, ("new", None)), (2 << 20, ("error", "too-large"))])
def test_headers_that_do_not_end_are_an_error(
    tmp_path: Path, page: Stage, padding: int, expected: tuple[str, str | None]
) -> None:
    page.show(INCIDENTS, payload())
    page.answers[INCIDENTS].padding = padding
    archive = Archive(tmp_path, page.url + INCIDENTS)
    archive.poll("2026-03-01T09:30:00Z")
    outcome, error = failure(archive)
    assert (outcome, error and error.split(":")[0]) == expected


def test_slow_names_do_not_keep_others_from_being_looked_up(
    tmp_path: Path, page: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        """
import socket, time
def looked_up(host):
    if host.startswith("fine"):
        return "127.0.0.1"
    time.sleep(3)
    raise socket.gaierror(-3, "no answer")
socket.gethostbyname = looked_up
def all_of(host, port=0, *more, **named):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (looked_up(host), port or 0))]
socket.getaddrinfo = all_of
"""
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    page.show(INCIDENTS, payload())
    port = page.url.rpartition(":")[2]
    names = [*(f"slow{n}.test" for n in range(40)), *(f"fine{n}.test" for n in range(5))]
    archive = Archive(
        tmp_path,
        f"http://slow.test:{port}{INCIDENTS}",
        "".join(
            f"  - {{id: acme-{n}, platform: statuspage, delay: 0, url: 'http://{name}:{port}{INCIDENTS}'}}\n"
            for n, name in enumerate(names)
        ),
    )
    archive.poll("2026-03-01T09:30:00Z")  # which waits for 2 s
    assert archive.rows("select count(*) from polls where outcome = 'new'") == [(5,)]


def test_no_file_is_opened_for_an_answer_and_names_get_less_time_than_requests(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "captures.db", None, {})
    assert not settings.getbool("WARN_ON_GENERATOR_RETURN_VALUE")
    assert settings.getfloat("DNS_TIMEOUT") <= 15


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_who_has_no_name_asks_by_number(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nobody() -> str:
        raise error("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert f"contact: uid-{os.getuid()}@" in user_agent(None)


def test_signals_do_again_what_they_did_when_a_crawl_is_over() -> None:
    class Crawl(AsyncCrawlerProcess):
        def __init__(self) -> None:
            """Without a reactor."""

        def start(self, stop_after_crawl: bool = True, install_signal_handlers: bool = True) -> None:
            install_shutdown_handlers(lambda *_: None)

    def crawl(error: Exception | None) -> None:
        async def ended() -> None:
            if error:
                raise error

        with asyncio.Runner() as runner:
            task = runner.get_loop().create_task(ended())
            runner.run(asyncio.wait([task]))
            complete(Crawl(), task)

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    crawl(None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    with pytest.raises(sqlite3.Error, match="locked"):
        crawl(sqlite3.OperationalError("database is locked"))


@pytest.mark.parametrize(
    "broken", ["drop table robots; create view robots as select 1", "alter table robots rename body to text"]
)
def test_a_memory_of_ours_that_fails_is_no_look_at_a_page(tmp_path: Path, page: Stage, broken: str) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, payload())
    archive.poll("2026-03-01T09:30:00Z")
    with sqlite3.connect(archive.data / "captures.db") as conn:
        if "view" in broken:
            conn.execute("delete from _sqlite_migrations where migration_set = 'robots'")
        conn.executescript(broken)
    assert archive.poll("2026-03-01T09:31:00Z").returncode in (1, 3)
    assert archive.rows("select outcome from polls") == [("new",)]


def test_robots_txt_that_came_in_the_future_is_asked_for_again(tmp_path: Path, page: Stage) -> None:
    page.show("/robots.txt", "User-agent: *\nAllow: /\n")
    page.show(INCIDENTS, payload())
    archive = Archive(tmp_path, page.url + INCIDENTS)
    archive.poll("2026-03-01T09:30:00Z")
    with sqlite3.connect(archive.data / "captures.db") as conn:
        conn.execute("update robots set fetched_at = fetched_at + 86400 * 365")
    archive.poll("2026-03-01T09:31:00Z")
    assert [path for path, _ in page.asked].count("/robots.txt") == 2


@pytest.mark.parametrize("target", ["http://localhost:1/x", "http://[::1]:1/x", "file:///etc/hostname"])
def test_a_redirect_to_a_private_place_is_not_followed(tmp_path: Path, page: Stage, target: str) -> None:
    page.show(INCIDENTS, "", status=302, Location=target)
    archive = Archive(tmp_path, page.url + INCIDENTS)
    archive.poll("2026-03-01T09:30:00Z")
    outcome, error = failure(archive)
    assert outcome == "error"
    assert error.startswith(("redirect", "HTTP 302")), error


def test_a_redirect_on_the_same_host_is_followed(tmp_path: Path, page: Stage) -> None:
    page.show(INCIDENTS, "", status=301, Location="/elsewhere")
    page.show("/elsewhere", payload(FIRST))
    archive = Archive(tmp_path, page.url + INCIDENTS)
    assert archive.poll("2026-03-01T10:05:00Z").returncode == 0
    assert len(archive.outages()) == 2


def test_two_rounds_exclude_each_other(tmp_path: Path, page: Stage) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, payload(), delay=2)
    command = [sys.executable, "-m", "crawler", "poll", "--data", str(archive.data), "--catalog", str(archive.catalog)]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while not any(path == INCIDENTS for path, _ in page.asked):
        time.sleep(0.05)
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert second.returncode == 75
    assert "another round" in second.stderr
    assert first.wait(30) == 0


def test_a_round_does_not_wait_for_who_reads(tmp_path: Path, page: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild may take an hour: pages are looked at meanwhile, and what they showed is read by a later round."""
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, payload(FIRST))
    monkeypatch.setattr(commands, "READING_SOON", 0.1)
    monkeypatch.setattr(poller, "run", lambda *_, **__: None)  # Scrapy runs once in a process
    options = ["--data", str(archive.data), "--catalog", str(archive.catalog)]
    archive.poll("2026-03-01T10:05:00Z")
    archive.rows("delete from meta where key = 'captures_read'")
    with alone(archive.data / "outages.lock"):
        done = CliRunner().invoke(commands.main, ["poll", "--at", "2026-03-01T10:06:00Z", *options])
        assert "the answers are kept" in done.output
        with alone(archive.data / "poll.lock", wait=0):
            pass
    assert len(archive.outages()) == 2


def test_a_clock_that_was_ahead_does_not_end_the_watching(tmp_path: Path, page: Stage) -> None:
    page.show(INCIDENTS, payload())
    archive = Archive(tmp_path, page.url + INCIDENTS)
    assert "1 sources asked" in archive.poll("2036-03-01T10:00:00Z").stdout
    assert "1 sources asked" in archive.poll("2026-03-01T10:00:00Z").stdout
    assert "0 sources asked" in archive.poll("2026-03-01T10:00:20Z").stdout
    assert "1 sources asked" in archive.poll("2026-03-01T10:06:00Z").stdout


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("::1", False), ("fe80::1%eth0", False), ("fd00::1", False),
        ("::ffff:10.0.0.1", False), ("64:ff9b::7f00:1", False), ("64:ff9b::808:808", True), ("2002:7f00:1::", False),
        ("::127.0.0.1", False), ("fec0::1", False), ("0.0.0.0", False), ("224.0.0.1", False),
    ],
)  # fmt: skip
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_an_error_page_that_reloads_itself_is_what_was_published(tmp_path: Path, page: Stage) -> None:
    page.show(
        INCIDENTS,
        f'<meta http-equiv="refresh" content="0; url={page.url}{INCIDENTS}">',
        status=503,
        Content_Type="text/html",
    )
    archive = Archive(tmp_path, page.url + INCIDENTS)
    archive.poll("2026-03-01T09:30:00Z")
    assert failure(archive) == ("error", "HTTP 503")


def test_a_redirect_loop_is_named(tmp_path: Path, page: Stage) -> None:
    page.show(INCIDENTS, "", status=302, Location=INCIDENTS)
    archive = Archive(tmp_path, page.url + INCIDENTS)
    archive.poll("2026-03-01T09:30:00Z")
    outcome, error = failure(archive)
    assert outcome == "error"
    assert error.startswith(("redirect", "HTTP 302")), error


def test_a_redirect_to_another_port_of_the_same_private_host_is_not_followed(tmp_path: Path, page: Stage) -> None:
    with stage() as secret:
        secret.show("/secret", payload())
        page.show(INCIDENTS, "", status=302, Location=f"{secret.url}/secret")
        archive = Archive(tmp_path, page.url + INCIDENTS)
        archive.poll("2026-03-01T09:30:00Z")
        assert secret.asked == []
    assert failure(archive)[1].startswith("redirect")


def test_what_could_not_be_read_is_asked_for_without_validators(tmp_path: Path, page: Stage) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, "<html>sorry</html>", ETag='"same"')
    archive.poll("2026-03-01T09:30:00Z")
    page.show(INCIDENTS, payload(FIRST), ETag='"same"')
    archive.poll("2026-03-01T10:05:00Z")
    assert [o for (o,) in archive.rows("select outcome from polls order by polled_at")] == ["unreadable", "new"]


# The standing crawl


def test_rounds_follow_what_is_known(tmp_path: Path) -> None:
    """Faster while something is open, patient with a page that fails, and back to normal."""
    (source,) = (known := load_many(tmp_path, 1, every="10m")).sources.values()
    captures, archive = Captures(tmp_path / "captures.db"), OutagesDb(tmp_path / "outages.db", known)
    record = "https://acme.example/incidents/bcdfghjklmnp.json"

    def asks(clock: str, body: Any = None, status: int = 200, **headers: str) -> list[str]:
        """Addresses that a round asks for; all of them answer this."""
        at = datetime.fromisoformat(f"2026-03-01T{clock}:00Z")
        due = plan(captures, archive.conn, [source], at)
        urls = [s.url for s in due.sources] + [ask.url for _, ask in due.records]
        content = None if body is None else json.dumps(body).encode()
        captures.add(
            Capture(source=source.id, url=url, fetched_at=at, status=status, headers=headers, body=content)
            for url in urls
        )
        archive.catch_up(captures)
        return urls

    over = payload(FIRST, SECOND, THIRD, resolved="11:00")
    assert asks("09:30", payload()) == [source.url]
    assert asks("09:33") == []
    assert asks("09:41", payload(FIRST)) == [source.url]
    assert asks("09:43", payload(FIRST)) == [source.url], "a fifth of the interval while something is open"
    assert asks("11:01", over) == [source.url]
    assert asks("11:03") == []
    assert asks("11:12", status=503, **{"retry-after": "3600"}) == [source.url]
    assert asks("12:08") == [], "it wanted an hour of peace; its records are left alone too"
    assert asks("12:13", status=500) == [source.url]
    assert asks("12:23") == [], "two failures in a row"
    assert asks("12:34", over) == [source.url], "and no record of a host that fails"
    assert asks("12:36", status=404) == [record]
    assert asks("12:38") == []
    assert record not in asks("17:30", over), "there is none"
    captures.close()
    archive.close()


def test_a_summary_for_machines(tmp_path: Path, page: Stage) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, payload(FIRST))
    told = json.loads(archive.poll("2026-03-01T10:02:00Z", "--json").stdout)
    assert (told["asked"], told["outcomes"], told["failed"], told["incidents"]) == (1, {"new": 1}, {}, 1)
    assert told["bytes"] == len(page.answers[INCIDENTS].body)
    nothing = archive.poll("2026-03-01T10:02:20Z", "--json")
    assert nothing.returncode == 0
    assert json.loads(nothing.stdout)["asked"] == 0
    page.show(INCIDENTS, "", status=503)
    failed = archive.poll("2026-03-01T10:04:00Z")
    assert failed.returncode == 3
    assert "1 failed (1 HTTP 503)" in failed.stdout


def test_requests_are_spread_over_the_round(tmp_path: Path, page: Stage) -> None:
    page.show(INCIDENTS, payload())
    page.show("/two.json", payload())
    archive = Archive(
        tmp_path,
        page.url + INCIDENTS,
        f"  - {{id: acme-two, platform: statuspage, delay: 0, url: '{page.url}/two.json', robots: no rules are published}}",
    )
    began = time.monotonic()
    assert archive.poll("2026-03-01T09:30:00Z", "--spread", "3").returncode == 0
    assert time.monotonic() - began > 3 * max(share("acme-incidents"), share("acme-two"))


def test_nobody_is_let_in(tmp_path: Path, page: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrapy has a console and, since 2.19, a server that runs code, told of in a file in one's home directory."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))
    page.show(INCIDENTS, payload())
    archive = Archive(tmp_path, page.url + INCIDENTS)
    found: list[tuple[list[str], list[Path]]] = []
    child: subprocess.Popen[bytes]
    page.heard = lambda _: found.append((listening(child.pid), [*home.rglob("*")]))
    command = [sys.executable, "-m", "crawler", "poll", "--data", str(archive.data), "--catalog", str(archive.catalog)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (0, b"")
    assert found
    assert {(*ports, *files) for ports, files in found} == {()}


def listening(pid: int) -> list[str]:
    """Sockets of a process that take connections, as Linux lists them."""
    with suppress(FileNotFoundError):  # it may close one meanwhile
        held = {link.readlink().name.strip("socket:[]") for link in Path(f"/proc/{pid}/fd").iterdir()}
        rows = [
            line.split()
            for kind in ("tcp", "tcp6")
            for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()
        ]
        return [row[1] for row in rows if row[3] == "0A" and row[9] in held]
    return ["unknown"]


def test_watching_tells_what_is_new(tmp_path: Path, page: Stage) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, payload(FIRST))
    done = archive.run("watch", "--rounds", "2", "--every", "0", "--spread", "0")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert "new      acme: Requests fail (investigating" in line


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_watching_ends_when_told_and_keeps_what_came(tmp_path: Path, page: Stage, told: signal.Signals) -> None:
    archive = Archive(tmp_path, page.url + INCIDENTS)
    page.show(INCIDENTS, payload(FIRST))
    command = [
        sys.executable,
        "-m",
        "crawler",
        "watch",
        "--spread",
        "0",
        "--data",
        str(archive.data),
        "--catalog",
        str(archive.catalog),
    ]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout
    assert "Requests fail" in child.stdout.readline()
    child.send_signal(told)
    _, errors = child.communicate(timeout=20)
    assert (child.returncode, errors) == (0, "")


def shown(**more: Any) -> Shown:
    return Shown(**{"vendor": "acme", "title": "It", "kind": "outage", "severity": "notice", "state": "identified",
                    "ended_at": None, "vanished_at": None, "updates": 1, **more})  # fmt: skip


def test_news() -> None:
    before = {"a": shown(), "b": shown(), "c": shown(), "d": shown(), "e": shown()}
    after = {
        "a": shown(), "b": shown(updates=2), "c": shown(state="resolved"), "d": shown(vanished_at="2026-03-01T10:00:00Z"),
        "f": shown(),
    }  # fmt: skip
    assert [line.split()[0] for line in news(before, after)] == ["new", "ended", "vanished", "changed", "gone"]


def test_one_dead_network_is_not_many_dead_hosts(tmp_path: Path) -> None:
    """What nobody answered says nothing of a single source."""
    known = load_many(tmp_path, 5)
    sources = list(known.sources.values())
    captures, archive = Captures(tmp_path / "captures.db"), OutagesDb(tmp_path / "outages.db", known)
    start = datetime(2026, 3, 1, 10, tzinfo=UTC)
    for minute in range(0, 60, 6):
        captures.add(look(source, start + timedelta(minutes=minute), None) for source in sources)
    archive.catch_up(captures)
    now = start + timedelta(minutes=61)
    assert len(plan(captures, archive.conn, sources, now).sources) == 5
    alive = [look(source, now, 304) for source in sources[1:]]
    captures.add([look(sources[0], now, None), *alive])
    for minute in range(67, 127, 6):
        at = start + timedelta(minutes=minute)
        captures.add([look(sources[0], at, None), *(look(source, at, 304) for source in sources[1:])])
    archive.catch_up(captures)
    later = start + timedelta(minutes=180)
    assert sources[0] not in plan(captures, archive.conn, sources, later).sources, "this one is dead"
    assert len(plan(captures, archive.conn, sources, later).sources) == 4
    captures.close()
    archive.close()


def test_no_more_for_a_host_than_fits_into_a_round(tmp_path: Path) -> None:
    known = load_many(tmp_path, 30, delay=5)
    captures, archive = Captures(tmp_path / "captures.db"), OutagesDb(tmp_path / "outages.db", known)
    asked: set[str] = set()
    now = datetime(2026, 3, 1, 10, tzinfo=UTC)
    for minute in range(4):
        at = now + timedelta(minutes=minute)
        chosen = plan(captures, archive.conn, known.sources.values(), at).sources
        assert len(chosen) <= 9
        captures.add(look(source, at, 304) for source in chosen)
        asked |= {source.id for source in chosen}
    assert len(asked) == 30, "the others come first in the next one"
    captures.close()
    archive.close()


def load_many(directory: Path, sources: int, delay: float = 0, every: str = "5m") -> Catalog:
    """That many sources of one host."""
    (directory / "catalog").mkdir()
    (directory / "catalog" / "acme.yml").write_text(
        "id: acme\nname: Acme\nhomepage: https://acme.example\nsources:\n"
        + "".join(
            f"  - {{id: acme-{n}, platform: statuspage, url: 'https://acme.example/{n}.json', delay: {delay}, every: {every}}}\n"
            for n in range(sources)
        )
    )
    return load(directory / "catalog")


def look(source: Source, at: datetime, status: int | None) -> Capture:
    error = None if status else "dns: no such host"
    return Capture(source=source.id, url=source.url, fetched_at=at, status=status, headers={}, body=None, error=error)


def test_an_answer_from_a_private_address_after_all_goes_nowhere() -> None:
    """A name that meant another address when it was looked up."""
    asked, away = "https://status.example/x", "https://elsewhere.example/y"
    private, public = ip_address("10.0.0.1"), ip_address("93.184.216.34")
    redirected = Request(away, meta={"redirect_urls": [asked]})
    guard = PublicRedirects()
    with pytest.raises(ForbiddenRedirectError, match=r"10\.0\.0\.1"):
        guard.process_response(redirected, Response(away, ip_address=private))
    for request, answer in (
        (redirected, Response(away, ip_address=public)),
        (Request(asked), Response(asked, ip_address=private)),
        (Request(away, meta={"redirect_urls": [asked], "proxy": "http://10.0.0.1:3128"}), Response(away, ip_address=private)),
    ):  # fmt: skip
        assert guard.process_response(request, answer) is answer
