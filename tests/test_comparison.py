"""Regions and vendors side by side: the figures, their order, and what is not known shown as such."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from datasette.app import Datasette

from crawler.catalog import ALL
from crawler.database import transaction
from crawler.records import Severity
from crawler.site import comparison as compare
from crawler.site.comparison import BadPeriodError, Cell, Period, percent, period, proportion
from crawler.site.place import LITTLE
from crawler.site.server import opened as opened_site
from tests.published import ask
from tests.test_months import DAY, FEBRUARY, Out, opened, put, vendor, watch

MARKUP = "<script>alert(1)</script>"
YEAR = {"since": "2025-03", "until": "2026-02"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three vendors of databases: one watched in February, one never, one of which nothing is known; and another vendor."""
    directory = tmp_path_factory.mktemp("comparison")
    quiet = vendor("quiet", local_name=None)
    archive = opened(directory, vendor("acme"), vendor("blind"), quiet, vendor("other"))
    archive.conn.execute("pragma synchronous = off")
    with transaction(archive.conn):
        archive.conn.execute("update vendors set name = ? where id = 'blind'", (f"Blind {MARKUP}",))
        archive.conn.execute("update services set category = 'iot' where vendor = 'other' and category = 'database'")
        archive.conn.execute("update regions set opened = '2026-02-10' where vendor = 'acme' and id = 'south'")
        followed = {"resolved_posted_at": "2026-02-02T00:00:00Z", "first_seen_at": "2026-02-01T00:00:00Z"}
        followed |= {"last_seen_at": "2026-02-03T00:00:00Z", "start_basis": "stated"}
        watch(archive, *range(FEBRUARY, FEBRUARY + 14 * DAY + 5, 10))
        put(archive, "1", Out(FEBRUARY - 60, FEBRUARY + 60), **followed, first_posted_at="2026-01-31T23:30:00Z")
        put(
            archive,
            "2",
            Out(FEBRUARY + 100, FEBRUARY + 110, "south", "vm"),
            Out(FEBRUARY + 100, None, None, "vm", "degraded"),
        )
        put(archive, "3", Out(FEBRUARY + 500, FEBRUARY + 520, "south", ALL, "partial_outage"), **followed,
            first_posted_at="2026-02-01T08:24:06Z")  # fmt: skip
        put(archive, "4", Out(100, 200, "north", "sql", None), severity=None)
        put(archive, "old", Out(-400 * DAY, -400 * DAY + 10, "global", "vm"))
        archive.conn.execute(
            "insert into revisions (id, incident, seen_at, field) values ('r', 'acme:1', '2026-02-02T12:00:00Z', 'title')"
        )
        put(archive, "1", Out(1000, 1500), Out(1000, 1500, "south"), who="blind")
        archive.availability.measure()
    archive.close()
    return directory / "outages.db"


@pytest.fixture(scope="module")
def conn(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def site(path: Path) -> Datasette:
    return opened_site(path)


def words(page: str) -> str:
    """What stands on a page, without its elements."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def row_of(page: str, name: str) -> str:
    """The words of the row that begins with a name."""
    rows = [words(row) for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)]
    (found,) = [row for row in rows if row.startswith(name)]
    return found


def known(found: compare.Regions | None) -> compare.Regions:
    assert found is not None
    return found


# The period


@pytest.mark.parametrize(
    ("since", "until", "newest", "expected"),
    [
        (None, None, "2026-02", ("2025-03", "2026-02")),
        (None, None, None, ("1969-02", "1970-01")),
        ("2025-01", None, "2026-02", ("2025-01", "2026-02")),
        ("2027-01", None, "2026-02", ("2027-01", "2027-01")),
        (None, "2024-12", "2026-02", ("2024-01", "2024-12")),
        ("2025-02", "2025-02", "2026-02", ("2025-02", "2025-02")),
        ("2021-01", "2025-12", None, ("2021-01", "2025-12")),
    ],
)
def test_period(since: str | None, until: str | None, newest: str | None, expected: tuple[str, str]) -> None:
    assert period(since, until, newest) == Period(*expected)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2025-13", None), ("2025", None), (None, "2025-1"), (None, "yesterday"), ("2025-03", "2025-02"),
        ("2020-12", "2025-12"), ("2025-01-01", None), ("9999-12", None), ("２０２５-01", None),
    ],
)  # fmt: skip
def test_no_period(since: str | None, until: str | None) -> None:
    with pytest.raises(BadPeriodError):
        period(since, until, "2026-02")


def test_months_of_a_period() -> None:
    assert Period("2025-11", "2026-02").months == ["2025-11", "2025-12", "2026-01", "2026-02"]


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "100 %"), (0.999999, "99.999 %"), (0.99999, "99.999 %"), (0.98462, "98.462 %"), (0.0, "0.000 %")],
)
def test_only_what_was_never_out_has_all_of_it(share: float, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize(
    ("some", "of", "said"),
    [
        (167, 6973, "2.4 %"), (1, 80, "1.3 %"), (1, 2, "50 %"), (0, 5, "0 %"), (5, 5, "100 %"), (1, 9999, "under 0.1 %"),
        (9998, 9999, "over 99.9 %"), (1, 1000, "0.1 %"), (999, 1000, "99.9 %"),
    ],
)  # fmt: skip
def test_a_share_of_incidents_is_rounded_and_never_to_none_or_all(some: int, of: int, said: str) -> None:
    assert proportion(some, of) == said


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (Cell("2026-01", 1, 43.2, 1.0), "short"),
        (Cell("2026-01", 0, 43.3, 0.0), "long"),
        (Cell("2026-01", 1, 433.0, 0.0), "very-long"),
        (Cell("2026-01", 1, 0.0, 0.0), "begun"),
        (Cell("2026-01", 0, 0.0, 0.5), "quiet"),
        (Cell("2026-01", 0, 0.0, 0.4), "unwatched"),
        (Cell("2026-01", 0, 0.0, None), "unwatched"),
        (Cell("2026-01", 0, 0.0, 1.0, there=False), "absent"),
    ],
)
def test_a_month_is_drawn_by_what_is_known_of_it(cell: Cell, kind: str) -> None:
    assert cell.kind == kind


# Regions


def test_regions_the_worst_on_top(conn: sqlite3.Connection) -> None:
    found = known(compare.regions(conn, "acme"))
    assert (found.period, found.looked_at) == (Period("2025-03", "2026-02"), "2026-02-15T00:00:00Z")
    assert [row.id for row in found.regions] == ["north", "south", "global"]
    assert found.silent == [compare.Named("west", "West")]
    assert found.unplaced == 1
    north, south, _ = found.regions
    assert (north.incidents, north.unrated, north.severity) == (2, 1, Severity.MAJOR_OUTAGE)
    assert (north.down_minutes, north.watched_down_minutes, north.watched_minutes) == (120, 60, 14 * DAY)
    assert north.availability is None  # of the year too little was watched
    assert (north.longest_minutes, north.longest_incident, north.last_incident) == (120, "acme:1", "acme:1")
    assert (south.incidents, south.down_minutes, south.last_started_at) == (2, 30, "2026-02-01T08:20:00Z")


def test_a_region_is_asked_only_for_the_months_in_which_it_was_there(conn: sqlite3.Connection) -> None:
    south = next(row for row in known(compare.regions(conn, "acme")).regions if row.id == "south")
    assert [cell.there for cell in south.months] == [False] * 11 + [True]
    assert south.watched == 1.0
    assert {cell.kind for cell in south.months[:11]} == {"absent"}


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("outages", ["north", "south", "global"]),
        ("availability", ["south", "north", "global"]),  # only of South enough was watched
        ("longest", ["north", "south", "global"]),
        ("last", ["south", "north", "global"]),
        ("name", ["global", "north", "south"]),
    ],
)
def test_regions_in_the_order_that_was_asked_for(conn: sqlite3.Connection, sort: str, order: list[str]) -> None:
    assert [row.id for row in known(compare.regions(conn, "acme", sort=sort)).regions] == order


def test_an_availability_rests_on_as_much_as_that_of_a_month(conn: sqlite3.Connection) -> None:
    """Here fourteen of 351, 45 and 14 days were watched."""
    for since, told in (("2025-03", False), ("2026-01", True), ("2026-02", True)):
        north = known(compare.regions(conn, "acme", since, "2026-02")).regions[0]
        assert (north.watched >= LITTLE) is told
        assert north.availability == (pytest.approx(1 - 60 / (14 * DAY), abs=1e-6) if told else None)


def test_nobody_watched_is_no_availability(conn: sqlite3.Connection, site: Datasette) -> None:
    found = known(compare.regions(conn, "blind"))
    assert [(row.down_minutes, row.availability, row.watched) for row in found.regions] == [(500, None, 0)] * 2
    page = ask(site, "/-/compare/regions/blind")
    assert "Nobody watched the vendor in that time" in words(page)
    assert "not watched" in row_of(page, "North")
    assert "100 %" not in words(page)


def test_the_last_year_that_is_known_of_a_vendor(conn: sqlite3.Connection) -> None:
    assert known(compare.regions(conn, "blind")).period == Period("2025-02", "2026-01")
    assert known(compare.regions(conn, "quiet")).period.until == "1970-01"


def test_a_page_of_regions(site: Datasette) -> None:
    page = ask(site, "/-/compare/regions/acme")
    north = row_of(page, "North")
    assert north.startswith(
        "North 2 h 2 major outage at worst severity of 1 not said no figure 3 % watched 2 h 2026-01-31"
    )
    assert "99.702 % of 31 % watched and 1 h while nobody watched" in row_of(
        ask(site, "/-/compare/regions/acme?from=2026-01&until=2026-02"), "North"
    )
    assert "3 regions of which an outage is known" in words(page)
    assert '<a href="/-/region/acme/north"' in page
    assert '<a href="/-/incident/acme:1">2 h</a>' in page
    assert "1 more region in the catalog, of which no outage is known" in words(page)
    assert (
        'aria-label="12 months. 2026-01: 2 outages began, 1 h out; not watched; 2026-02: 1 h out; watched 100 %. 11 not watched"'
        in page
    )
    assert page.count('<i class="unwatched"') == 10 + 11 + 1  # of north, of global, and in the key


def test_what_is_wider_than_a_region_is_counted_apart(path: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copyfile(path, tmp_path / "outages.db"))
    with closing(sqlite3.connect(copy)) as conn, conn:
        conn.execute("update regions set separate = 1, city = null where vendor = 'acme' and id = 'south'")
    page = words(ask(opened_site(copy), "/-/compare/regions/acme"))
    assert "2 regions and 1 wider area of which an outage is known" in page


def test_regions_of_a_vendor_without_any(site: Datasette) -> None:
    assert "there is nothing to compare" in words(ask(site, "/-/compare/regions/quiet"))


# Vendors


def test_vendors_of_a_category(conn: sqlite3.Connection) -> None:
    found = compare.vendors(conn, "database", **YEAR)
    assert found is not None
    assert (found.category.count, found.others) == (3, 1)
    assert [row.id for row in found.vendors] == ["blind", "acme", "quiet"]
    blind, acme, quiet = found.vendors
    assert (acme.incidents, acme.all_incidents, acme.down_minutes) == (3, 4, 140)
    assert (acme.lags_known, acme.median_lag_minutes) == (2, 17.05)
    assert (acme.followed, acme.edited, acme.edits, acme.edited_share) == (2, 1, 1, 0.5)
    assert [service.id for service in acme.services] == ["cache", "sql"]
    assert (blind.down_minutes, blind.watched, blind.median_lag_minutes, blind.edited_share) == (500, 0, None, None)
    assert (quiet.incidents, quiet.watched) == (0, 0)
    assert acme.watched == pytest.approx(14 / 351, abs=1e-4)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("outages", ["acme", "blind", "quiet"]),
        ("lag", ["acme", "blind", "quiet"]),
        ("edited", ["acme", "blind", "quiet"]),
        ("watched", ["acme", "blind", "quiet"]),
        ("name", ["acme", "blind", "quiet"]),
    ],
)
def test_vendors_in_the_order_that_was_asked_for(conn: sqlite3.Connection, sort: str, order: list[str]) -> None:
    found = compare.vendors(conn, "database", **YEAR, sort=sort)
    assert found is not None
    assert [row.id for row in found.vendors] == order


def test_a_page_of_vendors(site: Datasette) -> None:
    page = ask(site, "/-/compare/vendors/database?from=2025-03&until=2026-02")
    assert "3 vendors name such a service in the catalog; 1 do not" in words(page)
    assert "Vendors publish differently" in page
    assert '<th scope="row"><a href="/-/vendor/quiet"' not in page
    assert "Nothing known, and not watched: Quiet ." in words(page)
    assert "17 min median of 2 50 % 1 of 2 followed 3 %" in row_of(page, "Acme")
    assert '<a href="/-/vendor/acme"' in page
    assert '<a href="/-/service/acme/sql"' in page
    assert "<script>alert" not in page
    assert "Blind &lt;script&gt;" in page


# Both


def test_overview(conn: sqlite3.Connection, site: Datasette) -> None:
    found = compare.overview(conn)
    assert [(row.id, row.count) for row in found.regions] == [("acme", 3), ("blind", 2)]
    assert [(row.id, row.count) for row in found.categories] == [("compute", 4), ("database", 3), ("iot", 1)]
    page = ask(site, "/-/compare")
    assert '<a href="/-/compare/regions/acme">Acme</a>' in page
    assert '<a href="/-/compare/vendors/iot">IoT</a>' in page


@pytest.mark.parametrize("page", ["", "/regions/acme", "/vendors/database"])
def test_json_is_the_same(conn: sqlite3.Connection, site: Datasette, page: str) -> None:
    made: dict[str, Callable[[], object]] = {
        "": lambda: compare.overview(conn),
        "/regions/acme": lambda: compare.regions(conn, "acme", sort="name"),
        "/vendors/database": lambda: compare.vendors(conn, "database", sort="name"),
    }
    assert msgspec.json.decode(ask(site, f"/-/compare{page}.json?sort=name")) == msgspec.to_builtins(made[page]())


@pytest.mark.parametrize("address", ["regions/acme", "regions/blind", "vendors/database", "vendors/compute"])
def test_headings_tables_and_labels(site: Datasette, address: str) -> None:
    page = ask(site, f"/-/compare/{address}")
    assert page.count("<h1") == 1
    assert page.count("<table") == page.count("<caption") == 1
    assert len(re.findall(r"<th (?!scope=)", page)) == 0
    assert len(re.findall(r'aria-sort="', page)) == 1
    for name in re.findall(r"<(?:input|select)[^>]* id=\"(\w+)\"", page):
        assert f'<label for="{name}"' in page
    rows = page.count('<th scope="row"')
    assert rows == page.count('role="img" aria-label="') > 0


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("regions/nobody", 404), ("vendors/nothing", 404), ("vendors/all", 404), ("regions/nobody.json", 404),
        ("regions/acme?from=2025", 400), ("regions/acme?from=2026-01&until=2025-01", 400), ("regions/acme?sort=lag", 400),
        ("vendors/database?until=x", 400), ("vendors/database?sort=longest", 400), ("regions/acme?from=1999-01", 400),
    ],
)  # fmt: skip
def test_what_there_is_not_and_what_is_no_question(site: Datasette, address: str, status: int) -> None:
    ask(site, f"/-/compare/{address}", status)


QUESTIONS = [
    name for name, value in vars(compare).items() if name.isupper() and isinstance(value, str) and "select" in value
]


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_is_answered_by_an_index(conn: sqlite3.Connection, name: str) -> None:
    named = dict.fromkeys(("vendor", "category", "since", "until", "newest"), "")
    plan = [row[3] for row in conn.execute(f"explain query plan {getattr(compare, name)}", named)]
    scanned = {step for step in plan if step.startswith("SCAN") and "COVERING INDEX" not in step}
    assert not scanned
