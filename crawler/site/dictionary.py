"""The data dictionary: every table, view, column and question of `outages.db`, from its schema and `metadata.yml`.

`python -m crawler.site.dictionary` writes `docs/dictionary.md`, with `--check` it fails when that file is not what it would
write. The site shows the same at `/-/dictionary`.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from sqlite_utils import Database

from crawler.catalog import ROOT
from crawler.schema import make_views, migrations
from crawler.site import DATABASE, described
from crawler.site.questions import Question, questions

FILE = ROOT / "docs" / "dictionary.md"
_WHERE = re.compile(r"\)\s*where\s+(.*)", re.IGNORECASE | re.DOTALL)


class Column(msgspec.Struct, frozen=True):
    """A column. `type` is as declared, empty where a view computes it; `key` is its place in the primary key, 0 outside;
    `references` is a table and its column.
    """

    name: str
    type: str
    required: bool
    key: int
    references: str | None
    description: str


class Index(msgspec.Struct, frozen=True):
    """An index: its columns in order ("desc" behind those that fall), and which rows it holds where not all."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    where: str | None


class Table(msgspec.Struct, frozen=True):
    """A table, a view, or an index of words. `hidden`: the archive keeps it for itself, nobody should rely on it."""

    name: str
    kind: Literal["table", "view", "index of words"]
    hidden: bool
    description: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]


class Dictionary(msgspec.Struct, frozen=True):
    """All there is, in the order of `metadata.yml`."""

    tables: tuple[Table, ...]
    questions: tuple[Question, ...]


def names(conn: sqlite3.Connection) -> dict[str, Literal["table", "view", "index of words"]]:
    """What the schema has and what kind it is, but for what SQLite keeps for itself."""
    rows = conn.execute(
        "select name, type, coalesce(sql, '') from sqlite_master where type in ('table', 'view')"
    ).fetchall()
    words = [name for name, _, sql in rows if sql.lower().startswith("create virtual")]
    return {
        name: "index of words" if name in words else "view" if kind == "view" else "table"
        for name, kind, _ in rows
        if not name.startswith(("sqlite_", *(f"{virtual}_" for virtual in words)))
    }


def describe(conn: sqlite3.Connection, about: Mapping[str, Any]) -> Dictionary:
    """The dictionary of an archive, of which `about` is the entry in `metadata.yml`.

    What only one of both knows is left out: a served archive may be older than the file.
    """
    kinds, said = names(conn), about["tables"]
    return Dictionary(
        tuple(
            Table(
                name,
                kinds[name],
                bool(told.get("hidden")),
                told["description"],
                tuple(_columns(conn, name, told["columns"])),
                tuple(_indexes(conn, name)),
            )
            for name, told in said.items()
            if name in kinds
        ),
        questions(about),
    )


def _columns(conn: sqlite3.Connection, table: str, said: Mapping[str, str]) -> Iterator[Column]:
    references = {row[3]: f"{row[2]}.{row[4] or 'id'}" for row in conn.execute(f"pragma foreign_key_list([{table}])")}
    for _, name, kind, required, _, key in conn.execute(f"pragma table_info([{table}])"):
        yield Column(name, kind.lower(), bool(required or key), key, references.get(name), said.get(name, ""))


def _indexes(conn: sqlite3.Connection, table: str) -> Iterator[Index]:
    """Those that were asked for; the one of a primary key goes without saying."""
    made = "select name, sql from sqlite_master where type = 'index' and tbl_name = ? and sql is not null order by name"
    for name, sql in conn.execute(made, (table,)).fetchall():
        parts = conn.execute(f"pragma index_xinfo([{name}])").fetchall()
        columns = tuple(
            f"{column or '(computed)'}{' desc' if falls else ''}" for _, _, column, falls, _, key in parts if key
        )
        found = _WHERE.search(sql)
        yield Index(
            name, columns, "unique" in sql.lower().split("index")[0], " ".join(found[1].split()) if found else None
        )


def fresh() -> Dictionary:
    """The dictionary of an archive as this version makes it."""
    db = Database(memory=True)
    migrations.apply(db)
    make_views(db)
    return describe(db.conn, described()["databases"][DATABASE])


def markdown(dictionary: Dictionary) -> str:
    """The dictionary as a document."""
    open_to_all = [table for table in dictionary.tables if not table.hidden]
    own = [table for table in dictionary.tables if table.hidden]
    parts = [
        "# The data dictionary",
        "Made from the schema and `metadata.yml` by `python -m crawler.site.dictionary`; a test holds it to both. A running site has it at\n"
        "`/-/dictionary`, and as JSON at `/-/dictionary.json`. Times are UTC text, `YYYY-MM-DDTHH:MM:SSZ`; a start is inclusive, an end\n"
        "exclusive. NULL means that nobody said. A region or a service is known by its id together with its vendor. Types are those of\n"
        "SQLite; a view has none for what it computes.",
        "**Tables and views**: " + ", ".join(f"[{table.name}](#{table.name})" for table in open_to_all) + ". "
        "**Questions** are [at the end](#questions).",
        *(_section(table) for table in open_to_all),
        "# What the archive keeps for itself",
        "Nobody should rely on these.",
        *(_section(table) for table in own),
        "# Questions",
        "Each is a page of the site, `/outages/` and its name; parameters may be left empty. `.json` and `.csv` work behind the name.",
        *(_question(question) for question in dictionary.questions),
    ]
    return "\n\n".join(parts) + "\n"


def _section(table: Table) -> str:
    rows = [
        f"| {column.name} | {' '.join(_marks(column))} | {_escaped(column.description)} |" for column in table.columns
    ]
    listed = "\n".join(
        [
            f"| column | {'type' if table.kind == 'table' else 'type, where it is a column of a table'} | meaning |",
            "| --- | --- | --- |",
            *rows,
        ]
    )
    kind = "" if table.kind == "table" else f" *({table.kind})*"
    lines = [f"## {table.name}", f"{_escaped(table.description)}{kind}", listed]
    if table.indexes:
        lines.append("Indexes: " + "; ".join(_index(index) for index in table.indexes) + ".")
    return "\n\n".join(lines)


def _marks(column: Column) -> Iterator[str]:
    if column.type:
        yield column.type
    if column.key:
        yield "key"
    elif column.required:
        yield "not null"
    if column.references:
        yield f"→ {column.references}"


def _index(index: Index) -> str:
    where = f" where {index.where}" if index.where else ""
    return f"{'unique ' if index.unique else ''}`{', '.join(index.columns)}`{where and f' `{where.strip()}`'}"


def _question(question: Question) -> str:
    given = ", ".join(f"`{name}` ({question.defaults.get(name, '')})" for name in question.params)
    asked = ", ".join(question.asked_on)
    return f"## {question.name}\n\n**{question.title}** {_escaped(question.description)}\n\nParameters: {given or 'none'}. Asked on: {asked}."


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the document, or with `--check` compare it; 1 when it is not what it would be."""
    made = markdown(fresh())
    if "--check" not in arguments:
        FILE.write_text(made, encoding="utf-8")
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write(f"{FILE} is not what the schema and metadata.yml make: run python -m crawler.site.dictionary\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
