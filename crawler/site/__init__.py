"""How Datasette is started on the archive.

Datasette does the work; beside it stand `metadata.yml` (descriptions, facets, canned queries), plugins (`plugins/`, each
of which routes and renders), templates, a stylesheet and a small script.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crawler.catalog import ROOT

HERE = Path(__file__).resolve().parent
METADATA = ROOT / "metadata.yml"

#: Name of the database in Datasette: that of the file, `outages.db`.
DATABASE = "outages"

#: Long enough for the slowest page of a large archive, short enough that no visitor can keep the machine busy.
SETTINGS: dict[str, int] = {
    "sql_time_limit_ms": 2000,
    "facet_time_limit_ms": 50,  # each: four of them are one page. Counts of whole tables are published with the archive
    "max_returned_rows": 2000,
    "default_page_size": 50,
    "suggest_facets": False,  # runs a query for each column shown
    "truncate_cells_html": 240,
    "allow_download": False,  # gigabytes are for the web server in front, which can go on where it was interrupted
}

#: Directories that Datasette takes plugins, templates and files from.
PLUGINS, TEMPLATES, STATIC = HERE / "plugins", HERE / "templates", ("site", HERE / "static")


def described() -> dict[str, Any]:
    """What is said of the archive, its questions and dashboards: `metadata.yml`, the caller's own copy."""
    from crawler.strictyaml import read

    return read(METADATA, dict[str, Any])


def arguments(database: Path, host: str, port: int) -> list[str]:
    """Arguments of the `datasette` command."""
    settings = [part for name, value in SETTINGS.items() for part in ("--setting", name, str(value))]
    return [
        str(database),
        *("--metadata", str(METADATA)),
        *("--host", host),
        *("--port", str(port)),
        *("--plugins-dir", str(PLUGINS)),
        *("--template-dir", str(TEMPLATES)),
        *("--static", f"{STATIC[0]}:{STATIC[1]}"),
        *settings,
    ]
