"""Dashboards of datasette-dashboards, drawn by our templates: answered with the page, nothing from elsewhere, also as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from datasette import NotFound
from datasette.plugins import pm
from datasette.utils import await_me_maybe, to_css_class
from datasette.utils.asgi import BadRequest
from markupsafe import Markup, escape
from pluggy import HookimplMarker

from crawler.site import dashboards, words
from crawler.site.dashboards import About, Answer, Shown
from crawler.site.serving import DASHBOARDS, DATABASE, INCIDENT, as_json, ask, permit

hookimpl = HookimplMarker("datasette")

#: Name of the plugin in `metadata.yml`.
PLUGIN = "datasette-dashboards"

# It brings Leaflet for maps on tiles of other sites, which we have not; Leaflet's plugin puts a script in line on every page.
pm.set_blocked("leaflet")


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """A dashboard as JSON."""
    return [(rf"{DASHBOARDS}/(?P<slug>[^/]+)\.json$", as_data)]


@hookimpl
def extra_template_vars(request: Any, datasette: Any) -> dict[str, Any] | None:
    """What our templates of dashboards call for; on other pages nothing."""
    if request is None or not request.path.startswith(datasette.urls.path(DASHBOARDS)):
        return None
    return {
        "answered": partial(_answered, request, datasette),
        "drawn": partial(_drawn, datasette),
        "cells": partial(_cells, datasette),
        "lines": partial(_lines, datasette),
        "sql_of": dashboards.question,
        "clock": words.clock,
        "length": words.length,
    }


async def as_data(request: Any, datasette: Any) -> Any:
    """Title, filters and rows of a dashboard; 404 and 400 as on its page."""
    await permit(request, datasette)
    about = (datasette.plugin_config(PLUGIN) or {}).get(unquote(request.url_vars["slug"]))
    if about is None:
        raise NotFound(f"There is no dashboard {unquote(request.url_vars['slug'])}")
    charts = {slug: chart for slug, chart in about["charts"].items() if chart.get("query")}
    shown = await _answered(request, datasette, about, charts)
    said = {"title": about["title"], "description": about["description"]}
    return as_json({**said, "filters": shown.filters, "charts": shown.answers})


async def _answered(request: Any, datasette: Any, dashboard: About, charts: Mapping[str, About]) -> Shown:
    """Filters and rows of these charts. 404 for an incident or a vendor that there is not, 400 for what is no month."""
    await permit(request, datasette)
    arguments = {key: request.args[key] for key in request.args}
    most = datasette.setting("max_returned_rows")
    try:
        return await ask(datasette, lambda conn: dashboards.show(conn, dashboard, charts, arguments, most))
    except dashboards.UnknownError as problem:
        raise NotFound(str(problem)) from None
    except ValueError as problem:
        raise BadRequest(str(problem)) from None


def _drawn(datasette: Any, answer: Answer) -> list[dict[str, Any]]:
    """The rows as a chart gets them: with the address of the incident they are about."""
    if "incident" not in answer.columns:
        return answer.rows
    path = datasette.urls.path(INCIDENT)
    return [{**row, "href": f"{path}/{words.page_name(row['incident'])}"} for row in answer.rows]


async def _lines(datasette: Any, answer: Answer) -> list[Markup]:
    """The rows of a table as HTML: thousands of cells take a template that waits for each three times as long."""
    classes = [to_css_class(column) for column in answer.columns]
    return [
        Markup("".join(f'<td class="col-{name}">{escape(cell)}</td>' for name, cell in zip(classes, row, strict=True)))
        for row in await _cells(datasette, answer)
    ]


async def _cells(datasette: Any, answer: Answer) -> list[list[Any]]:
    """The rows as a table shows them: cells as on Datasette's own pages, with links."""
    made: dict[tuple[Any, ...], Any] = {}  # most months and vendors come again and again
    rows = []
    for row in answer.rows:
        whose = (row.get("vendor"), row.get("incident"))
        rows.append([await _cell(datasette, row, column, made, whose) for column in answer.columns])
    return rows


async def _cell(
    datasette: Any, row: dict[str, Any], column: str, made: dict[tuple[Any, ...], Any], whose: tuple[Any, ...]
) -> Any:
    value = row[column]
    if not isinstance(value, str):
        return "" if value is None else value
    key = (column, value, *whose)
    if key not in made:
        made[key] = await _rendered(datasette, row, column, value)
    return made[key]


async def _rendered(datasette: Any, row: dict[str, Any], column: str, value: str) -> Any:
    asked = {"row": row, "value": value, "column": column, "table": None, "database": DATABASE}
    for candidate in pm.hook.render_cell(**asked, datasette=datasette):
        shown = await await_me_maybe(candidate)
        if shown is not None:
            return shown
    return escape(value)
