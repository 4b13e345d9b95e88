"""The archive's plugin for Datasette: links in cells, the front page's lists, a stylesheet, safe headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from datasette import NotFound, Response
from datasette.utils import tilde_encode
from datasette.utils.asgi import BadRequest
from markupsafe import Markup
from pluggy import HookimplMarker

from crawler.records import instant
from crawler.site.as_of import tell
from crawler.site.links import cell
from crawler.site.policy import App, guarded

hookimpl = HookimplMarker("datasette")  # the same as Datasette's own, which has no types

DATABASE = "outages"

#: Address of the page that shows an incident as it was published at an instant.
AS_OF = "/-/as-of"

#: Those which changed last: what to look at when no incident is named.
CHANGED = """
    select incident, title, max(seen_at) as seen_at from (
      select incident, seen_at from revisions order by seen_at desc, id limit 500)
    join incidents on incidents.id = incident group by incident order by 3 desc, incident limit 12
"""

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
    as_of = str(datasette.urls.path(AS_OF))
    return cell(row, column, value, table, lambda name: str(datasette.urls.table(database, name)), as_of)


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
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """The page of an incident at an instant, and the same as JSON."""
    return [(rf"{AS_OF}(?P<suffix>\.json)?$", as_of)]


async def as_of(request: Any, datasette: Any) -> Any:
    """An incident as it was published at an instant, beside what is published today.

    `incident` is an id; `at` an instant (ISO 8601, UTC unless it says otherwise), the first look by default. JSON
    when the path ends in `.json` or only that is accepted. 404 for what no look showed, 400 for what is no instant.
    """
    if DATABASE not in datasette.databases:
        raise NotFound("There is no archive here")
    await datasette.ensure_permissions(request.actor, [("view-database", DATABASE), "view-instance"])
    database = datasette.get_database(DATABASE)
    incident, at = request.args.get("incident") or "", _instant(request.args.get("at") or "")
    accepted = request.headers.get("accept", "")
    as_json = request.url_vars["suffix"] or ("application/json" in accepted and "text/html" not in accepted)
    if not incident and as_json:
        raise BadRequest("incident: which one?")
    story = await database.execute_fn(lambda conn: tell(conn, incident, at)) if incident else None
    if incident and story is None:
        raise NotFound(f"No look has shown an incident {incident}")
    if as_json:
        return Response(msgspec.json.encode(story), content_type="application/json; charset=utf-8", headers=_VARY)
    changed = [] if story else (await database.execute(CHANGED)).rows
    context = {"story": story, "changed": changed, "database": DATABASE, "path": datasette.urls.path(AS_OF)}
    page = await datasette.render_template("as_of.html", {**context, "tilde_encode": tilde_encode}, request=request)
    return Response.html(page, headers=_VARY)


_VARY = {"vary": "Accept"}


def _instant(text: str) -> datetime | None:
    """The instant somebody typed; without a zone it is UTC."""
    if not text.strip():
        return None
    try:
        when = datetime.fromisoformat(text.strip())
        return instant((when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat())
    except (ValueError, OverflowError):
        raise BadRequest(f"at: not an instant such as 2025-06-13T18:00:00Z: {text}") from None


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[App], App]:  # noqa: ARG001 - Datasette names the arguments
    """Headers against what vendors' text may try."""
    return guarded
