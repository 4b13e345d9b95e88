"""What Datasette and its plugins do again for every table and every cell, done once: metadata does not change while it runs."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

from datasette.plugins import pm
from pluggy import HookimplMarker

hookimpl = HookimplMarker("datasette")

#: Looks in the metadata for each cell whether it is Markdown. None of ours is; templates of dashboards need the rest of it.
MARKDOWN, NEEDED = "render_markdown", ("extra_template_vars", "prepare_jinja2_environment")


@hookimpl
def startup(datasette: Any) -> None:
    """Who may see a table is asked for each of them on the front page, and copied all of `metadata.yml` each time."""
    datasette._table_permission_allows = cache(datasette._table_permission_allows)
    plugin = pm.get_plugin(MARKDOWN)
    if plugin and hasattr(plugin, "render_cell"):
        rest = ModuleType(plugin.__name__)
        for hook in NEEDED:
            setattr(rest, hook, getattr(plugin, hook))
        pm.unregister(plugin)
        pm.register(rest, MARKDOWN)
