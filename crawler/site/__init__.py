"""How Datasette is started on the archive.

Datasette does the work; beside it stand `metadata.yml` (descriptions, facets, canned queries), one plugin
(`plugins/archive.py`), templates, a stylesheet and a small script.
"""

from __future__ import annotations

from pathlib import Path

from crawler.catalog import ROOT

HERE = Path(__file__).resolve().parent
METADATA = ROOT / "metadata.yml"

#: Long enough for the slowest page of a large archive, short enough that no visitor can keep the machine busy.
SETTINGS = {
    "sql_time_limit_ms": 2000,
    "facet_time_limit_ms": 500,
    "max_returned_rows": 2000,
    "default_page_size": 50,
    "suggest_facets": "off",  # runs a query for each column shown
    "truncate_cells_html": 240,
}


def arguments(database: Path, host: str, port: int) -> list[str]:
    """Arguments of the `datasette` command."""
    settings = [part for name, value in SETTINGS.items() for part in ("--setting", name, str(value))]
    return [
        str(database),
        *("--metadata", str(METADATA)),
        *("--host", host),
        *("--port", str(port)),
        *("--plugins-dir", str(HERE / "plugins")),
        *("--template-dir", str(HERE / "templates")),
        *("--static", f"site:{HERE / 'static'}"),
        *settings,
    ]
