"""How Datasette is started on the archive."""

from __future__ import annotations

from pathlib import Path

from crawler.catalog import ROOT

#: Long enough for the slowest page of a large archive, short enough that no visitor can keep the machine busy.
SETTINGS = {
    "sql_time_limit_ms": 2000,
    "facet_time_limit_ms": 500,
    "max_returned_rows": 2000,
    "default_page_size": 50,
    "suggest_facets": "off",
    "truncate_cells_html": 240,
}


def arguments(database: Path, host: str, port: int) -> list[str]:
    """Arguments of the `datasette` command."""
    settings = [part for name, value in SETTINGS.items() for part in ("--setting", name, str(value))]
    plugins = ROOT / "crawler" / "site"
    extra = ["--plugins-dir", str(plugins)] if plugins.is_dir() else []
    return [
        str(database),
        "--metadata",
        str(ROOT / "metadata.yml"),
        "--host",
        host,
        "--port",
        str(port),
        *settings,
        *extra,
    ]
