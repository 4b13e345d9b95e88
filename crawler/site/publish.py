"""A copy of the archive for readers, made and checked beside the one that is served, and put in its place at once.

    DIR/current                          a link to the release that readers get, replaced by renaming another over it
    DIR/releases/20261122T090100Z-1a2b…  when it was made (UTC), and the first digits of its digest
      outages.db                         of one moment; no journal, no write-ahead log; indexes and figures for readers
      inspect-data.json                  Datasette's `--inspect-file` of this very file, and the counts of its facets

Whoever resolves `current` once has both files of the same release, whatever is published meanwhile. A run that ends
anywhere leaves the release before it; what it had begun is swept up by the next.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
from datasette.inspect import inspect_hash
from datasette.utils import escape_sqlite as quoted

from crawler.database import alone
from crawler.schema import SETTLED, VIEWS, settle
from crawler.site import DATABASE, SETTINGS

#: Names of the files of a release. Datasette names a database after its file.
FILE, INSPECT = f"{DATABASE}.db", "inspect-data.json"

#: Without rows in these there is nothing to publish; when they shrink, something has gone wrong.
ESSENTIAL = ("incidents", "updates", "claims", "outages")

#: Values counted for a facet: one more than a page can show, so that it can say that there are more.
MOST_VALUES = SETTINGS["max_returned_rows"] + 1
#: Combinations of the values of all facets of a table that are counted; they are held in memory.
MOST_COMBINED = 50_000

_CURRENT, _RELEASES, _BEGUN = "current", "releases", ".begun"
#: Steps of SQLite between two calls that tell how far the copy is.
_STEPS = 200_000

#: Told a label, what is done and what is to do.
Progress = Callable[[str, int, int], None]


class PublishError(Exception):
    """The archive cannot be published; what is published stays."""


class DoubtError(PublishError):
    """Too much of what is published would be gone. Each doubt is a sentence."""

    def __init__(self, doubts: list[str]) -> None:
        super().__init__("; ".join(doubts))
        self.doubts = doubts


class Published(msgspec.Struct, frozen=True):
    """What came of it. `new` is false where the same was published already; `doubts` were overruled."""

    release: Path
    new: bool
    size: int  # bytes of the database
    counts: dict[str, int]  # rows by table
    doubts: list[str]


def current(directory: Path) -> Path | None:
    """The release that readers get, resolved so that it stays the same; None when nothing is published."""
    link = directory / _CURRENT
    return link.resolve() if link.is_symlink() and (link / FILE).is_file() and (link / INSPECT).is_file() else None


def publish(
    archive: Path,
    directory: Path,
    tables: Mapping[str, Mapping[str, Any]],
    *,
    most_lost: float = 1.0,
    force: bool = False,
    keep: int = 3,
    told: Progress = lambda *_: None,
) -> Published:
    """Publish the archive in `directory`. Polls may go on writing it.

    `tables` is what metadata.yml says of tables and views: their facets and order. `most_lost` is the share of rows,
    in percent, that may be gone since the last release; with `force`, any. `keep` releases are kept. PublishError when
    the copy is damaged, or there are doubts; BusyError while somebody else publishes here; OSError and
    sqlite3.Error when it cannot be written.
    """
    releases = directory / _RELEASES
    releases.mkdir(parents=True, exist_ok=True)
    if (directory / _CURRENT).exists() and not (directory / _CURRENT).is_symlink():
        raise PublishError(f"{directory / _CURRENT} is not a link: it was not made by this command")
    with alone(directory / "publish.lock", wait=0), _begun(releases) as begun:
        before, copy = current(directory), begun / FILE
        _copy(archive, copy, told)
        with closing(sqlite3.connect(copy.resolve().as_uri(), uri=True, isolation_level=None)) as conn:
            counts = _prepare(conn, tables, told)
            doubts = _doubts(conn, counts, before / FILE if before else None, most_lost)
            if doubts and not force:
                raise DoubtError(doubts)
            tallies, views = _tallies(conn, tables, told), _views(conn, told)
        told("checking", 0, 0)
        digest = inspect_hash(copy)  # reads it from end to end; the check, which does not, then finds it in memory
        _check(copy)
        if before and _digest(before) == digest:
            return Published(before, False, copy.stat().st_size, counts, doubts)
        said = {
            "hash": digest,
            "size": copy.stat().st_size,
            "file": FILE,
            "tables": {name: {"count": count} for name, count in counts.items()},
            "views": views,
            "tallies": tallies,
        }
        (begun / INSPECT).write_text(json.dumps({DATABASE: said}, ensure_ascii=False) + "\n", encoding="utf-8")
        for path in (copy, begun / INSPECT, begun):
            path.chmod(0o755 if path.is_dir() else 0o444)
            _sync(path)
        release = releases / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{digest[:12]}"
        begun.rename(release)
        _sync(releases)
        _point(directory, release)
        _prune(releases, {release, before}, keep)
        return Published(release.resolve(), True, said["size"], counts, doubts)


def _digest(release: Path) -> str | None:
    """That of the database of a release; None when it does not say."""
    try:
        return str(json.loads((release / INSPECT).read_bytes())[DATABASE]["hash"])
    except (OSError, ValueError, KeyError):
        return None


@contextmanager
def _begun(releases: Path) -> Iterator[Path]:
    """A directory for what is not finished; also one that a run left behind is removed. The lock is held."""
    begun = releases / _BEGUN
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    try:
        yield begun
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _copy(archive: Path, copy: Path, told: Progress) -> None:
    """The archive of one moment, without gaps. Its writers go on; only their log cannot be emptied meanwhile."""
    with closing(sqlite3.connect(f"{archive.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as conn:
        pages, page = (conn.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "page_size"))

        def far() -> None:
            told("copying", copy.stat().st_size if copy.exists() else 0, pages * page)

        conn.set_progress_handler(far, _STEPS)
        conn.execute("vacuum into ?", (str(copy),))


def _prepare(conn: sqlite3.Connection, tables: Mapping[str, Mapping[str, Any]], told: Progress) -> dict[str, int]:
    """Make the copy one that is only read: quick to ask, and without a log beside it. Returns rows by table."""
    missing = {*ESSENTIAL, *VIEWS} - {name for (name,) in conn.execute("select name from sqlite_master")}
    if missing:
        raise PublishError(f"the archive has no {', '.join(sorted(missing))}")
    conn.execute("pragma journal_mode = off")  # a crash throws the copy away
    conn.execute("pragma synchronous = off")
    conn.execute("pragma cache_size = -500000")  # kilobytes: indexes of millions of rows are sorted in it
    told("settling", 0, 0)
    settle(conn)
    statements = list(_indexes(conn, tables))
    for number, statement in enumerate(statements):
        told("indexes", number, len(statements))
        conn.execute(statement)
    told("measuring", 0, 0)
    conn.execute("analyze")
    conn.execute("pragma journal_mode = delete")
    names = [name for (name,) in conn.execute("select name from sqlite_master where type = 'table' order by name")]
    return {name: _count(conn, name) for name in names}


def _count(conn: sqlite3.Connection, name: str) -> int:
    count: int = conn.execute(f"select count(*) from {quoted(name)}").fetchone()[0]
    return count


def _indexes(conn: sqlite3.Connection, tables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Statements for what readers ask and polls do not: the rows of one value of a facet in the order of their page,
    and those that lead back to a row.
    """
    real = {name for (name,) in conn.execute("select name from sqlite_master where type = 'table'")}
    for table, about in tables.items():
        if table not in real:  # a view
            continue
        keys = [name for _, name, _, _, _, key in conn.execute(f"pragma table_info({quoted(table)})") if key]
        have = _indexed(conn, table)
        sort = about.get("sort_desc")
        for facet in about.get("facets", ()):
            wanted = [(facet, False), *([(sort, True)] if sort and sort != facet else [])]
            wanted += [(key, False) for key in keys if key not in (facet, sort)]
            if not any(columns[: len(wanted)] == wanted for columns in have):
                have.append(wanted)
                yield _index(table, wanted)
        for _, _, _, column, *_ in conn.execute(f"pragma foreign_key_list({quoted(table)})").fetchall():
            if not any(columns[:1] == [(column, False)] for columns in have):
                have.append([(column, False)])
                yield _index(table, [(column, False)])


def _indexed(conn: sqlite3.Connection, table: str) -> list[list[tuple[str, bool]]]:
    """The columns of each whole index of a table, up to the first that is an expression, each with whether it descends."""
    names = [row[1] for row in conn.execute(f"pragma index_list({quoted(table)})") if not row[4]]
    found = (conn.execute(f"pragma index_xinfo({quoted(name)})").fetchall() for name in names)
    return [[(row[2], bool(row[3])) for row in takewhile(lambda row: row[2], rows) if row[5]] for rows in found]


def _index(table: str, columns: list[tuple[str, bool]]) -> str:
    name = f"readers_{table}_{columns[0][0]}"
    return f"create index {quoted(name)} on {quoted(table)} ({', '.join(_column(*c) for c in columns)})"


def _column(name: str, descending: bool) -> str:
    return f"{quoted(name)} desc" if descending else quoted(name)


def _tallies(
    conn: sqlite3.Connection, tables: Mapping[str, Mapping[str, Any]], told: Progress
) -> dict[str, dict[str, Any]]:
    """What is counted of the facets of each table or view.

    `values` has, by column, its values with their counts, as Datasette orders them. `combined` are the values of all
    `columns` that occur together, followed by their count, for pages filtered by some; empty where there are too many.
    """
    found: dict[str, dict[str, Any]] = {}
    faceted = {table: about["facets"] for table, about in tables.items() if about.get("facets")}
    for number, (table, columns) in enumerate(faceted.items()):
        told("counting", number, len(faceted))
        names = ", ".join(map(quoted, columns))
        sql = f"select {names}, count(*) from {quoted(table)} group by {names} limit {MOST_COMBINED + 1}"
        combined = conn.execute(sql).fetchall()
        found[table] = {
            "columns": columns,
            "values": {column: _values(conn, table, column) for column in columns},
            "combined": combined if len(combined) <= MOST_COMBINED else [],
        }
    return found


def _values(conn: sqlite3.Connection, table: str, column: str) -> list[tuple[Any, int]]:
    sql = f"""select {quoted(column)}, count(*) from {quoted(table)} where {quoted(column)} is not null
        group by 1 order by 2 desc, 1 limit {MOST_VALUES}"""
    return conn.execute(sql).fetchall()


def _views(conn: sqlite3.Connection, told: Progress) -> dict[str, int]:
    """Rows by view: a visitor would wait for them longer than the time limit."""
    views = sorted(VIEWS.keys() - SETTLED.keys())
    counts = {}
    for number, name in enumerate(views):
        told("counting views", number, len(views))
        counts[name] = _count(conn, name)
    return counts


def _check(copy: Path) -> None:
    """PublishError when the copy is damaged."""
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?immutable=1", uri=True)) as conn:
        # SQLite before 3.41 sees NULLs that are not there in tables WITHOUT ROWID; the copy is of rows it had accepted.
        for (said,) in conn.execute("pragma quick_check(2147483647)"):
            if said != "ok" and not said.startswith("NULL value in "):
                raise PublishError(f"the copy is damaged: {said}")


def _doubts(conn: sqlite3.Connection, counts: Mapping[str, int], before: Path | None, most_lost: float) -> list[str]:
    """What speaks against this copy, beside the one that is published."""
    doubts = [f"there are no {name}" for name in ESSENTIAL if not counts[name]]
    if before is None:
        return doubts
    try:
        conn.execute("attach ? as published", (f"{before.resolve().as_uri()}?immutable=1",))
        doubts += _lost(conn, counts, most_lost)
        conn.execute("detach published")
    except sqlite3.DatabaseError as error:
        doubts.append(f"what is published cannot be compared with: {error}")
    return doubts


def _lost(conn: sqlite3.Connection, counts: Mapping[str, int], most_lost: float) -> Iterator[str]:
    """What of the `published` database this one has no more."""
    for name in ESSENTIAL:
        (had,) = conn.execute(f"select count(*) from published.{name}").fetchone()
        has = counts[name]
        if name == "incidents":  # they keep their ids; what hangs on them is numbered anew
            has = conn.execute(
                "select count(*) from published.incidents where id in (select id from main.incidents)"
            ).fetchone()[0]
        if had and 100 * (had - has) > most_lost * had:
            yield f"{had - has:,} of {had:,} {name} would be gone ({100 * (had - has) / had:.1f} %)"
    newest, published = (
        conn.execute(f"select max(polled_at) from {schema}.polls").fetchone()[0] or ""
        for schema in ("main", "published")
    )
    if newest < published:
        yield f"its newest look, {newest or 'none'}, is older than that of what is published, {published}"


def _sync(path: Path) -> None:
    """Have it on the disk before anything says that it is there."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _point(directory: Path, release: Path) -> None:
    """Let readers have this release from now on; nobody finds no release, or half of one."""
    fresh = directory / f".{_CURRENT}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(release.relative_to(directory))
    fresh.replace(directory / _CURRENT)
    _sync(directory)


def _prune(releases: Path, used: set[Path | None], keep: int) -> None:
    """Remove the oldest releases. The one before stays in any case: it is read until the new one is taken up."""
    resolved = {path.resolve() for path in used if path}
    named = [path for path in releases.iterdir() if path.is_dir() and not path.name.startswith(".")]
    named.sort(key=lambda path: path.stat().st_mtime_ns)
    for old in named[: max(len(named) - keep, 0)]:
        if old.resolve() not in resolved:
            shutil.rmtree(old, ignore_errors=True)
