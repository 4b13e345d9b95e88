"""What a site that everybody can ask must hold: who may see it, that it is only read, CSV that runs nothing, and what
search engines are told.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from datasette.app import Datasette

from crawler.export import inert
from crawler.site import PLUGINS, SETTINGS, bounds, described, serving, sitemap
from crawler.site.server import opened
from crawler.site.sheets import Rows
from tests.published import get

ABOUT = described()
#: What a vendor may have written, and what of it a spreadsheet would run.
FORMULAS = ["=1+1", "+cmd", "-2+3", "@sum(a)", "\tx", "\rx", '=a,"b"\r\n"c"', "=" + "x" * 200_000]
HARMLESS = ["-5", "+5.5", "-1e-3", "a=b", "", "'=x", '"=x"', "x\n=y", "2026-01-01", "ü"]


@pytest.fixture(scope="module")
def archive(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships, and incidents with formulas."""
    path = Path(shutil.copyfile(shipped, tmp_path_factory.mktemp("safe") / "outages.db"))
    with closing(sqlite3.connect(path)) as conn, conn:
        for n, title in enumerate(FORMULAS + HARMLESS):
            conn.execute(
                "insert into incidents (id, vendor, key, title, kind, started_at, minutes) values (?, 'alibaba', ?, ?, 'outage', ?, -5)",
                (f"alibaba:sheet/{n}", f"sheet/{n}", title, f"1999-01-{n + 1:02}T00:00:00Z"),
            )
        conn.execute(
            "insert into incidents (id, vendor, key, title, kind) values ('alibaba:n', 'alibaba', 'n', 'No time', 'outage')"
        )
    return path


def site(archive: Path, allow: dict[str, Any] | None = None) -> Datasette:
    """Datasette as it is served, with more in its metadata."""
    about = described()
    for key, value in (allow or {}).items():
        *path, last = key.split("/")
        inner = about
        for name in path:
            inner = inner[name]
        inner[last] = value
    return opened(archive, metadata=about)


@pytest.fixture(scope="module")
def public(archive: Path) -> Datasette:
    return site(archive)


# Who may see it


NAMED = re.compile(r"\(\?P<\w+>((?:[^()]|\([^()]*\))*)\)(\??)")
OPTIONAL = re.compile(r"\(\?:(?:[^()]|\([^()]*\))*\)\?")


def address(pattern: str) -> str:
    """One that a route takes: without what may be left out, with the first of several words, `x` or a month for a name."""
    for name in ("x", "2026-01", "2026"):

        def word(group: re.Match[str], name: str = name) -> str:
            words, optional = group.groups()
            return "" if optional else words.partition("|")[0] if re.fullmatch(r"[\w.|\\]+", words) else name

        made = OPTIONAL.sub("", NAMED.sub(word, pattern.strip("^$"))).replace("\\", "")
        if re.match(pattern, made):
            return made
    pytest.fail(f"{pattern}: cannot make an address of it: {made}")


def routes() -> Iterator[tuple[str, str]]:
    """The routes of our plugins, each with an address."""
    for path in sorted(PLUGINS.glob("*.py")):
        spec = spec_from_file_location(f"routes_{path.stem}", path)
        assert spec
        assert spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        for pattern, _ in getattr(module, "register_routes", list)():
            yield pattern, address(pattern)


ROUTES = dict(routes())
#: What may be seen by everybody, and says nothing of the archive.
OPEN = {"/robots.txt"}


@pytest.mark.parametrize(
    "where",
    ["allow", "databases/outages/allow", "databases/outages/tables/claims/allow"],
    ids=["instance", "database", "table"],
)
def test_who_is_not_allowed_sees_none_of_our_pages(archive: Path, where: str) -> None:
    closed = site(archive, {where: {"id": "root"}})
    for pattern, path in ROUTES.items():
        status = get(closed, path).status_code
        assert status == (200 if path in OPEN else 403), f"{pattern}: {status}"
    for path in ("/-/incident/alibaba:16", "/-/incident/alibaba:16.json", "/-/as-of.json?incident=alibaba:16"):
        assert get(closed, path).status_code == 403, path
    refused = get(closed, "/outages/claims.json")
    assert (refused.status_code, refused.json()["ok"], refused.json()["status"]) == (403, False, 403)
    assert get(closed, "/outages/claims").headers["content-type"].startswith("text/html")
    cookie = {"ds_actor": closed.sign({"a": {"id": "root"}}, "actor")}
    assert get(closed, "/-/incident/alibaba:16", cookies=cookie).status_code == 200
    assert get(closed, "/robots.txt").text == sitemap.CLOSED


def test_front_page_of_a_closed_archive_is_closed(archive: Path) -> None:
    closed = site(archive, {"databases/outages/allow": {"id": "root"}})
    answer = get(closed, "/")
    assert answer.status_code == 403
    assert "Alibaba" not in answer.text


def test_our_pages_only_read(public: Datasette) -> None:
    for path in ("/", "/outages", "/outages/incidents", "/outages/recovery", "/-/incident/alibaba:16", "/sitemap.xml"):
        assert get(public, path, "POST").status_code == 405, path
        assert get(public, path, "DELETE").status_code == 405, path
        assert get(public, path).status_code == 200, path
    assert get(public, "/-/logout", "POST").status_code != 405


def test_our_pages_are_stopped_in_time(public: Datasette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(public._settings, "sql_time_limit_ms", 50)
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"

    async def slow() -> None:
        await serving.ask(public, lambda conn: conn.execute(endless).fetchone())

    began = time.monotonic()
    with pytest.raises(Exception, match="took too long") as stopped:
        asyncio.run(slow())
    assert stopped.value.status == 503  # type: ignore[attr-defined]
    assert time.monotonic() - began < 5


def test_connections_cannot_write(public: Datasette) -> None:
    async def write() -> None:
        await public.get_database("outages").execute_fn(lambda conn: conn.execute("delete from incidents"))

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        asyncio.run(write())


A = "replace(hex(zeroblob({})), '00', 'a')"


@pytest.mark.parametrize(
    ("sql", "status"),
    [
        ("select hex(zeroblob(400000000))", 400),
        ("select length(printf('%1000000000d', 1))", 200),
        ("select length(group_concat(x)) from (select hex(zeroblob(1000000)) as x from regions)", 400),
        (f"select length(replace({A.format(1_000_000)}, 'a', printf('%1000d', 1)))", 400),
        (f"select 'x' like '{'%a' * 1000}'", 400),
        (f"select {A.format(100_000)} like '{'%a' * 400}b'", 200),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n limit 2000) select zeroblob(1000000) from n",
            400,
        ),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n limit 2000) select printf('%90000d', i) from n",
            400,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_call_takes_no_more_than_its_share(public: Datasette, sql: str, status: int) -> None:
    began = time.process_time()
    answer = get(public, f"/outages.json?sql={quote(sql)}")
    assert (answer.status_code, len(answer.content) < 100_000) == (status, True), answer.text[:300]
    assert time.process_time() - began < 5


def test_rows_of_a_table_are_bounded_too(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Path(shutil.copy(archive, tmp_path / "outages.db"))
    monkeypatch.setattr(bounds, "MOST", 2_000)
    for path in ("/outages/incidents", "/outages/incidents.json", "/outages/incidents.csv"):
        assert get(site(copy), path).status_code == 400, path
    assert get(site(copy), "/-/incident/alibaba:16").status_code == 200


@pytest.mark.parametrize("path", ["/-/messages", "/-/patterns", "/-/allow-debug", "/-/threads", "/-/threads.json"])
def test_what_helps_to_develop_datasette_is_not_here(public: Datasette, path: str) -> None:
    assert get(public, path).status_code == 404
    assert get(public, path, "POST").status_code == 405


def test_long_titles_are_cut(public: Datasette) -> None:
    """One of 200,000 signs, where titles stand as links or headings; its own page has the whole, folded."""
    long = "x" * 301
    page = get(public, f"/-/incident/alibaba:sheet/{len(FORMULAS) - 1}").text
    head, folded, rest = page.partition('<details class="whole-title">')
    assert folded
    assert long not in head
    assert FORMULAS[-1] in rest.partition("</details>")[0]
    assert long not in rest.partition("</details>")[2]
    for path in ("/-/vendor/alibaba?year=1999", "/-/search?q=" + FORMULAS[-1][:9], "/-/search?q=No"):
        assert long not in get(public, path).text, path


@pytest.mark.parametrize("query", ["_sort=nope", "_sort_desc=nope", "_sort=title&_sort_desc=title"])
def test_what_was_asked_wrongly_is_told_so(public: Datasette, query: str) -> None:
    for path in ("/outages/incidents", "/outages/incidents.json", "/outages/recovery_order"):
        assert get(public, f"{path}?{query}").status_code == 400, path


@pytest.mark.parametrize("year", ["99999999999999999999", "9" * 5000, "-1", "0", "nan", "２０２４"])
def test_years_that_are_none(public: Datasette, year: str) -> None:
    assert get(public, f"/-/vendor/alibaba?year={quote(year)}").status_code == (200 if year == "２０２４" else 400)


def test_no_more_rows_than_that(public: Datasette) -> None:
    many = "with recursive n(i) as (select 1 union all select i + 1 from n limit 9000) select i from n"
    answer = get(public, f"/outages.json?sql={quote(many)}").json()
    assert (len(answer["rows"]), answer["truncated"]) == (SETTINGS["max_returned_rows"], True)
    assert get(public, "/outages/regions.json?_size=2001").status_code == 400


def test_file_of_the_archive_is_not_given_out(archive: Path) -> None:
    immutable = Datasette(immutables=[str(archive)], settings=SETTINGS)
    assert get(immutable, "/outages.db").status_code == 403


# Spreadsheets


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_marked(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("value", [*HARMLESS, -5, 5.5, None])
def test_the_rest_is_left_alone(value: object) -> None:
    assert inert(value) is value


@pytest.mark.parametrize("piece", [1, 7, 100_000_000])
def test_rows_are_put_together_from_pieces(piece: int) -> None:
    rows = [[a, b] for a in FORMULAS + HARMLESS for b in FORMULAS[:-1] + HARMLESS]
    rows = rows[:80] if piece == 1 else rows
    rows = [[cell[:50] for cell in row] for row in rows] if piece < 100 else rows

    def written(rows: list[list[Any]]) -> bytes:
        stream = io.StringIO(newline="")
        csv.writer(stream).writerows(rows)
        return stream.getvalue().encode()

    body, sheet = written(rows), Rows()
    made = b"".join(sheet.feed(body[n : n + piece]) for n in range(0, len(body), piece)) + sheet.rest()
    assert made == written([[inert(cell) for cell in row] for row in rows])


SQL = quote("select title, minutes from incidents where id like 'alibaba:sheet/%' order by started_at")


@pytest.mark.parametrize(
    "path",
    [
        "/outages/incidents.csv?key__startswith=sheet&_sort=started_at&_size=max",
        "/outages/incidents.csv?key__startswith=sheet&_sort=started_at&_size=5&_stream=1",
        "/outages/incidents.csv?key__startswith=sheet&_sort=started_at&_size=5&_stream=1&_dl=1",
        "/outages/incidents.csv?key__startswith=sheet&_sort=started_at&_size=5&_stream=1&_labels=on",
        f"/outages.csv?sql={SQL}",
    ],
)
def test_csv_of_the_site(public: Datasette, path: str) -> None:
    csv.field_size_limit(10_000_000)
    read = list(csv.DictReader(io.StringIO(get(public, path).text, newline="")))
    assert [row["title"] for row in read] == [f"'{text}" for text in FORMULAS] + HARMLESS
    assert {row["minutes"] for row in read} == {"-5.0"}


def test_json_is_as_it_is(public: Datasette) -> None:
    rows = get(public, f"/outages.json?sql={SQL}&_shape=array").json()
    assert [row["title"] for row in rows] == FORMULAS + HARMLESS


def test_csv_of_views_and_questions(archive: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(archive, tmp_path / "outages.db"))
    with closing(sqlite3.connect(copy)) as conn, conn:
        conn.execute("update claims set quote = '=cmd|x' where incident = 'alibaba:16'")
        conn.execute("update outages set service = '@all' where incident = 'alibaba:16'")
    changed = site(copy)
    assert ",'=cmd|x," in get(changed, "/outages/timeline.csv?incident=alibaba%3A16").text
    assert ",'@all," in get(changed, "/outages/recovery_order.csv?incident=alibaba%3A16").text


def test_streams_are_sent_as_they_come(public: Datasette) -> None:
    """Pieces arrive one by one, not as a whole at the end."""
    pieces: list[bytes] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/outages/regions.csv", "raw_path": b"/outages/regions.csv",
        "query_string": b"_stream=1", "headers": [(b"host", b"localhost")], "scheme": "http", "client": ("127.0.0.1", 1),
    }  # fmt: skip
    asyncio.run(public.app()(scope, receive, send))
    assert len(pieces) > 500
    assert max(map(len, pieces)) < 5000


# Search engines

_NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def locations(public: Datasette, path: str) -> list[str]:
    answer = get(public, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    found = [node.text or "" for node in ElementTree.fromstring(answer.text).iterfind(".//s:loc", _NAMES)]
    return [address.removeprefix("http://localhost") for address in found]


def test_robots(public: Datasette) -> None:
    text = get(public, "/robots.txt").text
    assert "Sitemap: http://localhost/sitemap.xml" in text
    refused = [
        re.escape(line.partition(": ")[2]).replace(r"\*", ".*").replace(r"\$", "$")
        for line in text.splitlines()
        if line.startswith("Disallow")
    ]

    def fetched(path: str) -> bool:
        return not any(re.match(pattern, path) for pattern in refused)

    for path in (
        "/",
        "/outages/incidents",
        "/-/incident/alibaba:16",
        "/-/vendor/aws",
        "/outages/recovery",
        "/sitemap.xml",
    ):
        assert fetched(path), path
    for path in ("/outages?sql=select+1", "/outages/incidents?_facet=x", "/outages/claims.json", "/outages/claims.csv"):
        assert not fetched(path), path


def test_sitemap_names_every_outage_once(public: Datasette, archive: Path) -> None:
    pieces = locations(public, "/sitemap.xml")
    assert pieces[0] == "/-/sitemap/site.xml"
    months = [piece for piece in pieces if re.search(r"\d{4}-\d\d\.xml$", piece)]
    assert months == sorted(set(months), reverse=True)
    assert "/-/sitemap/1999-01.xml" in months
    found = [address for piece in pieces[1:] for address in locations(public, piece)]
    with closing(sqlite3.connect(archive)) as conn:
        (outages,) = conn.execute("select count(*) from incidents where kind = 'outage'").fetchone()
        vendors = {id for (id,) in conn.execute("select distinct vendor from incidents")}
    assert len(found) == len(set(found)) == outages
    for address in found[:3] + [address for address in found if "sheet" in address][:3] + ["/-/incident/alibaba:n"]:
        assert address in found
        assert get(public, address).status_code == 200, address
    site_ = locations(public, pieces[0])
    assert {"/", "/outages", "/outages/recovery"} <= set(site_)
    assert {address.removeprefix("/-/vendor/") for address in site_ if "/vendor/" in address} == vendors


@pytest.mark.parametrize("piece", ["1998-01", "1999-1", "nothing", "9999-99"])
def test_no_such_piece(public: Datasette, piece: str) -> None:
    assert get(public, f"/-/sitemap/{piece}.xml").status_code == 404


def test_sitemap_reads_no_whole_table(archive: Path) -> None:
    with closing(sqlite3.connect(archive)) as conn:
        for sql in (sitemap._MONTHS, sitemap._OF_MONTH, sitemap._OF_NO_MONTH, sitemap._VENDORS):
            plan = [
                row[3]
                for row in conn.execute(f"explain query plan {sql}", {"month": "2025-01"} if ":month" in sql else {})
            ]
            assert not [step for step in plan if re.match(r"SCAN incidents\b", step)], plan
