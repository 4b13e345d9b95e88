"""Every page of the site on a large archive, against the limits it is held to.

    .venv/bin/python bench/site.py make DIR [--seed 1] [--outages 1000000]
    outages publish DIR/published --data DIR
    .venv/bin/python bench/site.py measure DIR [--only REGEX] [--each 20]
    .venv/bin/python bench/site.py plans DIR [--only REGEX]

`make` writes the archive (see `bench/large.py`). `measure` starts the site as `outages serve` does, on what was published if
there is such, and asks every kind of page over HTTP, one request after the other, after a few of each kind that do not
count; what it asks for is drawn as it occurs, so that large vendors and incidents come as often as they are. Printed
are milliseconds until the last byte (median, 95th percentile, longest), the processor time of the server, and on top
what Datasette takes for `select 1`. Exits with 1 when a median is above 100 ms, a 95th percentile above 300 ms, or an answer
is not 200. `plans` asks the same pages in this process and prints each query that reads a table of more than
10,000 rows from end to end.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import random
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasette.utils import tilde_encode  # noqa: E402

from crawler.site import arguments, described  # noqa: E402

#: Limits, in milliseconds.
MEDIAN, P95 = 100.0, 300.0
#: Tables with more rows than this are not to be read from end to end.
LARGE = 10_000
#: Requests of each kind that do not count.
WARM = 4

ABOUT = described()
TABLES: dict[str, dict[str, Any]] = ABOUT["databases"]["outages"]["tables"]
QUERIES: dict[str, dict[str, Any]] = ABOUT["databases"]["outages"]["queries"]


#: Whether there is a page at an address.
Served = Callable[[str], bool]


class Asked(NamedTuple):
    """An address, and the kind of page it is one of."""

    kind: str
    path: str


class Found(NamedTuple):
    """What came of asking: milliseconds until the last byte, of the server's processors, and the answer."""

    wall: float
    cpu: float
    status: int
    body: bytes


class Draw:
    """Values as they occur in the archive."""

    def __init__(self, path: Path, seed: int) -> None:
        self.conn = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self.conn.row_factory = sqlite3.Row
        self.random = random.Random(seed)
        self.columns: dict[str, list[str]] = {}
        self.keys: dict[str, list[str]] = {}
        self._sizes: dict[str, int] = {}
        self._categories: list[str] = []
        for (name,) in self.conn.execute("select name from sqlite_master where type in ('table', 'view')").fetchall():
            told = self.conn.execute(f"pragma table_info([{name}])").fetchall()
            self.columns[name] = [row["name"] for row in told]
            self.keys[name] = [row["name"] for row in sorted(told, key=lambda row: row["pk"]) if row["pk"]]

    def row(self, table: str) -> sqlite3.Row | None:
        """Any row of a table."""
        if table not in self._sizes:
            self._sizes[table] = self.conn.execute(f"select count(*) from [{table}]").fetchone()[0]
        if not self._sizes[table]:
            return None
        at = self.random.randrange(self._sizes[table])
        try:  # without gaps, and so the same
            found: sqlite3.Row | None = self.conn.execute(
                f"select * from [{table}] where rowid > ? limit 1", (at,)
            ).fetchone()
        except sqlite3.OperationalError:
            found = self.conn.execute(f"select * from [{table}] limit 1 offset ?", (at,)).fetchone()
        return found

    def outage(self) -> sqlite3.Row:
        """An outage with a region, as likely as it is that somebody asks for it."""
        while True:
            row = self.row("outages")
            assert row is not None
            if row["region"] and row["service"]:
                return row

    def incidents(self, most: int) -> list[str]:
        """Incidents as they occur, the median of them among them, not weighted by their size."""
        return [row["id"] for _ in range(most) if (row := self.row("incidents"))]

    def largest(self, most: int) -> list[str]:
        """The incidents with most outages."""
        sql = """select incident from outages where incident in (select incident from sightings)
            group by incident order by count(*) desc, incident limit ?"""
        return [row["incident"] for row in self.conn.execute(sql, (most,))]

    def value(self, name: str, outage: sqlite3.Row) -> str:
        """Something valid for a parameter of that name; empty where the default will do."""
        at: str = outage["started_at"]
        if name in ("incident", "vendor", "region", "service", "severity"):
            return str(outage[name] or "")
        if name == "source":
            row = self.row("polls")
            return str(row["source"]) if row else ""
        if name in ("month", "since", "before", "at", "moment", "from", "until"):
            later = f"{int(at[:4]) + 1}{at[4:10]}"
            return {"month": at[:7], "since": at[:10], "before": later, "from": at[:7], "until": later[:7]}.get(
                name, at
            )
        if name in ("words", "q"):
            return self.words()
        if name == "category":
            return self.category()
        return ""

    def category(self) -> str:
        """A category of services, as often as services have it."""
        if not self._categories:
            sql = "select category from services where category is not null and category <> 'all' order by vendor, id"
            self._categories = [category for (category,) in self.conn.execute(sql)]
        return self.random.choice(self._categories)

    def words(self) -> str:
        """A word or two of a title."""
        row = self.row("incidents")
        found = row["title"].split() if row else []
        return " ".join(self.random.sample(found, min(len(found), self.random.randint(1, 2))))


def pages(draw: Draw, each: int, served: Served) -> Iterator[Asked]:
    """What is asked, `each` of a kind. `served` tells whether there is a page at an address."""
    yield from (Asked("front page", "/") for _ in range(each))
    yield from (Asked("questions and tables", "/outages") for _ in range(each))
    yield from _incidents(draw, each)
    yield from _ours(draw, each, served)
    for table in draw.columns:
        if table in TABLES and not TABLES[table].get("hidden"):
            yield from _table(draw, table, each)
    for name, query in QUERIES.items():
        yield from (Asked(f"question {name}", f"/outages/{name}") for _ in range(max(1, each // 2)))
        for _ in range(each):
            outage = draw.outage()
            given = {param: draw.value(param, outage) for param in query.get("params", ())}
            some = {param: value for param, value in given.items() if value}
            if some:
                yield Asked(f"question {name} asked", f"/outages/{name}?{urlencode(some)}")
                # Each parameter by itself is a question too: of all vendors in one month, of one vendor at all times.
                param = draw.random.choice(list(some))
                yield Asked(f"question {name} asked", f"/outages/{name}?{urlencode({param: some[param]})}")


def _incidents(draw: Draw, each: int) -> Iterator[Asked]:
    any_of, largest = draw.incidents(each), draw.largest(each)
    for kind, ids in (("", any_of), (", largest", largest)):
        for id in ids:
            path = f"/-/incident/{quote(id, safe=':')}"
            yield Asked(f"incident{kind}", path)
            yield Asked(f"incident{kind}, services", f"{path}?rows=services")
            yield Asked(f"incident{kind}, json", f"{path}.json")
            yield Asked(f"incident{kind}, calendar", f"{path}.ics")
            yield Asked(f"as of{kind}", f"/-/as-of?{urlencode({'incident': id})}")
    for _ in range(each):
        row = draw.row("revisions")
        if row:
            yield Asked("as of, changed", f"/-/as-of?{urlencode({'incident': row['incident'], 'at': row['seen_at']})}")
    yield from (Asked("as of, none", "/-/as-of") for _ in range(each))


def _ours(draw: Draw, each: int, served: Served) -> Iterator[Asked]:
    """Pages beside Datasette's, where there are such."""
    for _ in range(each):
        outage = draw.outage()
        for kind, path in _about(draw, outage):
            if served(path):
                yield Asked(kind, path)


def _about(draw: Draw, outage: sqlite3.Row) -> Iterator[tuple[str, str]]:
    """Pages of ours that somebody may open who asks about an outage."""
    vendor, day = tilde_encode(outage["vendor"]), outage["started_at"][:10]
    places = {"vendor": vendor, **{kind: f"{vendor}/{tilde_encode(outage[kind])}" for kind in ("region", "service")}}
    for kind, place in places.items():
        path = f"/-/{kind}/{place}"
        yield kind, path
        yield f"{kind}, json", f"{path}.json"
        yield f"{kind}, then", f"{path}?year={day[:4]}&day={day}"
    for kind, words in (("", draw.words()), (", one word", draw.words().split()[0]), (", Chinese", "杭州")):
        yield f"search{kind}", f"/-/search?{urlencode({'q': words})}"
        yield f"search{kind}, of vendor", f"/-/search?{urlencode({'q': words, 'vendor': outage['vendor']})}"
    then = urlencode({"from": f"{int(day[:4]) - 1}{day[4:7]}", "until": day[:7]})
    category = draw.category()
    for kind, path in (
        ("compare", "/-/compare"),
        ("compare regions", f"/-/compare/regions/{vendor}"),
        ("compare regions, then", f"/-/compare/regions/{vendor}?{then}"),
        ("compare vendors", f"/-/compare/vendors/{category}"),
        ("compare vendors, then", f"/-/compare/vendors/{category}?{then}"),
        ("feed", "/-/feed/all.atom"),
        ("feed, calendar", "/-/feed/all.ics"),
        ("feed of vendor", f"/-/feed/{vendor}.atom"),
        ("feed of vendor, calendar", f"/-/feed/{vendor}.ics"),
        ("feed of region", f"/-/feed/{places['region']}.atom"),
        ("dictionary", "/-/dictionary"),
        ("sitemap", "/sitemap.xml"),
        ("dashboards", "/-/dashboards"),
    ):
        yield kind, path
    for slug, board in ABOUT.get("plugins", {}).get("datasette-dashboards", {}).items():
        path, given = f"/-/dashboards/{slug}", {name: draw.value(name, outage) for name in board.get("filters", ())}
        every = urlencode(given)  # an address without them is led to one with them
        yield f"dashboard {slug}", path
        yield f"dashboard {slug}, json", f"{path}.json"
        yield f"dashboard {slug} asked", f"{path}?{every}"
        yield f"dashboard {slug} asked, json", f"{path}.json?{every}"


def _table(draw: Draw, table: str, each: int) -> Iterator[Asked]:
    """A table's pages: the first, as JSON too; a later one; those of a vendor or an incident; rows."""
    path = f"/outages/{table}"
    yield from (Asked(f"table {table}", path) for _ in range(max(1, each // 2)))
    yield from (Asked(f"table {table}, json", f"{path}.json") for _ in range(max(1, each // 2)))
    yield from (Asked(f"table {table}, next", f"{path}.json?_next") for _ in range(max(1, each // 2)))
    column: str
    for column in ("vendor", "incident", "source"):
        if column in draw.columns[table]:
            values = [
                str(row[column]) for _ in range(each) if (row := draw.row(table if draw.keys[table] else _of(column)))
            ]
            yield from (Asked(f"table {table} of {column}", f"{path}?{urlencode({column: value})}") for value in values)
            break
    if draw.keys[table]:
        for _ in range(each):
            row = draw.row(table)
            if row and None not in [row[key] for key in draw.keys[table]]:
                keys = ",".join(tilde_encode(str(row[key])) for key in draw.keys[table])
                yield Asked(f"row of {table}", f"{path}/{keys}")


def _of(column: str) -> str:
    """A table in which a column's values occur as often as they matter, for views that have no rows to draw from."""
    return {"source": "polls"}.get(column, "outages")


class Server:
    """The site on a port of this machine."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.pids = [process.pid]

    def ask(self, path: str) -> Found:
        """One answer."""
        spent, began = self._cpu(), time.perf_counter()
        try:
            self.conn.request("GET", path)
            response = self.conn.getresponse()
            body = response.read()
        except (http.client.HTTPException, OSError):
            self.conn.close()
            return Found(1000 * (time.perf_counter() - began), 0, 0, b"")
        wall = 1000 * (time.perf_counter() - began)
        return Found(wall, 1000 * (self._cpu() - spent), response.status, body)

    def family(self) -> None:
        """Take note of the processes that answer."""
        self.pids = [self.process.pid]
        for pid in self.pids:
            self.pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def _cpu(self) -> float:
        """Seconds that its threads have run."""
        told = (path.read_text() for pid in self.pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(text.split()[0]) for text in told) / 1e9


@contextmanager
def serving(directory: Path) -> Iterator[Server]:
    """The site on the published copy of a directory's archive, or else on the archive itself."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    published = directory / "published"
    if (published / "current").exists():
        command = [sys.executable, "-m", "crawler", "serve", "--published", str(published), "--port", str(port)]
    else:
        command = [sys.executable, "-m", "datasette", *arguments(directory / "outages.db", "127.0.0.1", port)]
    with (directory / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        server = Server(process, port)
        try:
            for _ in range(600):
                if process.poll() is not None:
                    raise SystemExit(f"the site does not start: {directory / 'serve.log'}")
                if server.ask("/-/versions.json").status == 200:
                    break
                time.sleep(0.1)
            server.family()
            yield server
        finally:
            process.terminate()
            process.wait(30)


def archive_of(directory: Path) -> Path:
    """The file that is served."""
    published = directory / "published" / "current" / "outages.db"
    return published if published.exists() else directory / "outages.db"


def nth(times: list[float], share: float) -> float:
    """The time that this share of the answers did not take longer than."""
    return sorted(times)[math.ceil(share * len(times)) - 1]


def resolved(server: Server, path: str) -> str:
    """The address itself; of a table's next page what the one before names."""
    if not path.endswith("?_next"):
        return path
    first = path.removesuffix("?_next")
    told = json.loads(server.ask(f"{first}?_nofacet=1&_nocount=1").body)
    return f"{first}?{urlencode({'_next': told['next']})}" if told.get("next") else first


@click.group()
def main() -> None:
    """A large archive and the time its pages take."""


@main.command("make")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=1)
@click.option("--outages", default=1_000_000)
def make_(directory: Path, seed: int, outages: int) -> None:
    """Write DIRECTORY/outages.db."""
    from bench.large import make

    directory.mkdir(parents=True, exist_ok=True)
    make(directory / "outages.db", seed, outages, click.echo)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--only", default="", help="Kinds of pages that this is found in (a regular expression).")
@click.option("--each", default=20, help="How many of each kind.")
@click.option("--seed", default=1)
@click.option("--cpu", is_flag=True, help="Judge the server's processor time, where the machine does other things too.")
def measure(directory: Path, only: str, each: int, seed: int, cpu: bool) -> None:
    """Ask every kind of page and compare with the limits."""
    draw = Draw(archive_of(directory), seed)
    broken = []
    with serving(directory) as server:
        floor = [server.ask("/outages.json?sql=select+1&_shape=array") for _ in range(3 * each)]
        print(
            f"{archive_of(directory)}\n{'':44} {'n':>4} {'median':>8} {'p95':>8} {'longest':>8} {'cpu':>8} {'p95':>8}  kB"
        )
        show("floor: select 1 as JSON", floor)
        known: dict[str, bool] = {}

        def served(path: str) -> bool:
            page = "/".join(path.partition("?")[0].split("/")[:3])
            known.setdefault(page, False)
            known[page] = known[page] or server.ask(path).status != 404
            return known[page]

        asked: dict[str, list[str]] = {}
        for kind, path in pages(draw, each + WARM, served):
            if re.search(only, kind):
                asked.setdefault(kind, []).append(path)
        for kind, paths in asked.items():
            for path in paths[:WARM]:
                server.ask(resolved(server, path))
            paths = [resolved(server, path) for path in (paths[WARM:] or paths)]
            answers = [server.ask(path) for path in paths]
            walls = [answer.wall for answer in answers]
            judged = [answer.cpu for answer in answers] if cpu else walls
            bad = {f"{a.status} {p}" for a, p in zip(answers, paths, strict=True) if a.status not in (200, 302)}
            late = sum(b"took too long" in a.body or b"timed out" in a.body for a in answers)
            slow = median(judged) > MEDIAN or nth(judged, 0.95) > P95
            remark = " ".join(
                ["SLOW"] * slow + [f"{late} in part"] * bool(late) + sorted(bad)[:2]
                + [max(zip(judged, paths, strict=True))[1]] * slow
            )  # fmt: skip
            show(kind, answers, remark)
            if slow or bad:
                broken.append(kind)
    print(f"\n{len(asked)} kinds of pages, {len(broken)} not within {MEDIAN:.0f} ms (median) and {P95:.0f} ms (p95)")
    sys.exit(1 if broken else 0)


def show(kind: str, answers: list[Found], remark: str = "") -> None:
    """A line of the table."""
    walls = [answer.wall for answer in answers]
    size = median(len(answer.body) for answer in answers) / 1000
    cpus = [answer.cpu for answer in answers]
    print(
        f"{kind:44} {len(walls):4} {median(walls):8.1f} {nth(walls, 0.95):8.1f} {max(walls):8.1f} "
        f"{median(cpus):8.1f} {nth(cpus, 0.95):8.1f}  {size:.0f}  {remark}",
        flush=True,
    )


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--only", default="", help="Kinds of pages that this is found in (a regular expression).")
@click.option("--seed", default=1)
def plans(directory: Path, only: str, seed: int) -> None:
    """List the queries of all pages that read a large table from end to end."""
    path = archive_of(directory)
    found = asyncio.run(_queries(directory, path, only, seed))
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as conn:
        told: dict[tuple[str, str], tuple[str, str]] = {}
        for kind, page, sql in found:
            try:
                met = scans(conn, sql)
            except sqlite3.Error:  # made of tables that only its own page has
                continue
            for scan in met:
                told.setdefault((kind, scan), (page, sql))
    for (kind, scan), (page, sql) in told.items():
        print(f"{kind}: {scan}\n    {page}\n    {' '.join(sql.split())[:400]}")
    print(f"{len(told)} scans")
    sys.exit(1 if told else 0)


async def _queries(directory: Path, path: Path, only: str, seed: int) -> list[tuple[str, str, str]]:
    """Every query of every kind of page, as SQLite was given it: kind, address, SQL with its values."""
    from datasette.plugins import pm
    from pluggy import HookimplMarker

    from crawler.site.server import datasette, opened

    run: list[str] = []

    class Trace:
        __name__ = "trace"

        @HookimplMarker("datasette")
        def prepare_connection(self, conn: sqlite3.Connection) -> None:
            conn.set_trace_callback(run.append)

    pm.register(Trace(), name="trace")
    release = directory / "published" / "current"
    site = datasette(release.resolve()) if release.exists() else opened(path, immutables=[], files=[str(path)])
    await site.invoke_startup()
    draw = Draw(path, seed)
    seen: dict[str, int] = {}
    found = []
    for kind, page in pages(draw, 2, lambda _: True):
        if not re.search(only, kind) or page.endswith("?_next") or seen.get(kind, 0) >= 2:
            continue
        seen[kind] = seen.get(kind, 0) + 1
        run.clear()
        answer = await site.client.get(page)
        if answer.status_code == 404:
            continue
        found += [
            (kind, page, sql) for sql in dict.fromkeys(run) if sql.lstrip().lower().startswith(("select", "with"))
        ]
    return found


def scans(conn: sqlite3.Connection, sql: str, values: Mapping[str, object] | None = None) -> list[str]:
    """Steps of a query's plan that read a large table whole; not those that stop when there are enough rows.

    Large is what `sqlite_stat1` says is larger than `LARGE`.
    """
    plan = conn.execute(f"explain query plan {sql}", values or {}).fetchall()
    sorted_in = {parent for _, parent, _, step in plan if re.search("TEMP B-TREE FOR (ORDER|GROUP)", step)}
    may_stop = bool(re.search(r"\blimit\b", sql, re.IGNORECASE))
    sizes = conn.execute("select tbl, max(cast(stat as integer)) from sqlite_stat1 group by tbl").fetchall()
    large = {name for name, rows in sizes if rows > LARGE}
    said = sql + " ".join(view for (view,) in conn.execute("select sql from sqlite_master where type = 'view'"))
    return [
        step
        for _, parent, _, step in plan
        if (scan := re.match(r"SCAN (\w+)", step))
        and {scan[1], *re.findall(rf"\b(\w+)(?: as)? {scan[1]}\b", said)} & large
        and (parent in sorted_in or not may_stop)
    ]


if __name__ == "__main__":
    main()
