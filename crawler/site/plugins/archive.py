"""The archive's plugin for Datasette: links in cells, the front page's lists, a stylesheet, safe headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from datasette.utils import tilde_encode
from markupsafe import Markup
from pluggy import HookimplMarker

from crawler.site.links import cell
from crawler.site.policy import App, guarded

hookimpl = HookimplMarker("datasette")  # the same as Datasette's own, which has no types

DATABASE = "outages"

#: The newest incidents with an interval: what somebody who comes by wants to see first.
NEWEST = """
    select id, vendor, title, severity, started_at, minutes from incidents
    where kind = 'outage' and started_at is not null order by started_at desc, id limit 12
"""


@hookimpl
def render_cell(
    row: Mapping[str, Any], value: object, column: str, table: str | None, database: str, datasette: Any
) -> Markup | None:
    """Links to incidents, regions, services and the rest."""
    if database != DATABASE:
        return None
    return cell(row, column, value, table, lambda name: str(datasette.urls.table(database, name)))


@hookimpl
def extra_css_urls(datasette: Any) -> list[str]:
    """Our stylesheet."""
    return [datasette.urls.path("/site/site.css")]


@hookimpl
def extra_template_vars(view_name: str, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """What the front page lists: questions, newest incidents, tables and views."""
    if view_name != "index" or DATABASE not in datasette.databases:
        return None

    async def lists() -> dict[str, Any]:
        said = datasette.metadata("databases")[DATABASE]
        newest = await datasette.get_database(DATABASE).execute(NEWEST)
        return {
            "database": DATABASE,
            "questions": said["queries"],
            "tables": {name: about for name, about in said["tables"].items() if not about.get("hidden")},
            "newest": newest.rows,
            "tilde_encode": tilde_encode,
        }

    return lists


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[App], App]:  # noqa: ARG001 - Datasette names the arguments
    """Headers against what vendors' text may try."""
    return guarded
