"""The archive's plugin for Datasette: links in cells, the front page, pages of incidents, safe headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from datasette import NotFound, Response, handle_exception
from datasette.utils import tilde_encode
from datasette.utils.asgi import BadRequest
from markupsafe import Markup
from pluggy import HookimplMarker

from crawler.records import instant
from crawler.site import as_of as then
from crawler.site import words
from crawler.site.front import front
from crawler.site.ical import calendar
from crawler.site.incident import Page, Story, event, tell
from crawler.site.links import PLACES, cell, place_page
from crawler.site.policy import App, guarded
from crawler.site.serving import AS_OF, DATABASE, INCIDENT, as_json, ask, decoded, permit, vocabulary
from crawler.site.summary import in_short

hookimpl = HookimplMarker("datasette")  # the same as Datasette's own, which has no types

# Where `rich` is installed, Datasette prints every variable of every call for each refusal, also for an address that
# there is not: more work than most pages. What fails is still printed, by `traceback`.
handle_exception.rich = None

#: Those which changed last: what to look at when no incident is named.
CHANGED = """
    select incident, title, max(seen_at) as seen_at from (
      select incident, seen_at from revisions order by seen_at desc, id limit 500)
    join incidents on incidents.id = incident group by incident order by 3 desc, incident limit 12
"""


@hookimpl
def render_cell(
    row: Mapping[str, Any], value: object, column: str, table: str | None, database: str, datasette: Any
) -> Markup | None:
    """Links to incidents, regions, services and the rest."""
    if database != DATABASE:
        return None
    return cell(row, column, value, table, *_addresses(datasette))


@lru_cache(maxsize=1)
def _addresses(datasette: Any) -> tuple[Callable[[str], str], str, str, Mapping[str, str]]:
    """Of tables, of the page of an instant, of incidents, and of places: made once, not for each cell."""
    urls = datasette.urls
    places = {kind: str(urls.path(root)) for kind, root in PLACES.items()}
    return cache(lambda name: str(urls.table(DATABASE, name))), str(urls.path(AS_OF)), str(urls.path(INCIDENT)), places


@hookimpl
def extra_template_vars(view_name: str, request: Any, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """What the front page shows, and where the pages of incidents are."""
    if DATABASE not in datasette.databases:
        return None

    async def lists() -> dict[str, Any]:
        shared = {
            "incident_path": lambda id: f"{datasette.urls.path(INCIDENT)}/{words.page_name(id)}",
            "place_path": lambda kind, *ids: place_page(str(datasette.urls.path(PLACES[kind])), *ids),
        }
        if view_name != "index":
            return shared
        await permit(request, datasette)
        said = datasette.metadata("databases")[DATABASE]
        counts = datasette.get_database(DATABASE).cached_table_counts  # None while the archive may change
        shown = await ask(datasette, lambda conn: front(conn, datetime.now(UTC), counts))
        return {
            **shared,
            **vocabulary(shown.answer.zone if shown.answer else "UTC"),
            "database": DATABASE,
            "questions": said["queries"],
            "tables": {name: about for name, about in said["tables"].items() if not about.get("hidden")},
            "front": shown,
            "tilde_encode": tilde_encode,
        }

    return lists


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """An incident's page, also as JSON and for calendars; and an incident at an instant, also as JSON."""
    return [
        (rf"{AS_OF}(?P<suffix>\.json)?$", as_of),
        (rf"{INCIDENT}/(?P<incident>.+?)(?P<suffix>\.json|\.ics)?$", incident),
    ]


async def incident(request: Any, datasette: Any) -> Any:
    """An incident's page. The id stands in the path as it is, or encoded as Datasette does it.

    `rows` is `regions` or `services`: what stands beside the bars. JSON when the path ends in `.json`, an event of a
    calendar when it ends in `.ics`. 404 for what is not in the archive, and for a calendar when nobody knows when it was.
    """
    await permit(request, datasette)
    name = decoded(request.url_vars["incident"])
    rows = request.args.get("rows")
    if rows not in (None, "", "regions", "services"):
        raise BadRequest(f"rows: regions or services: {rows}")
    told = await ask(datasette, lambda conn: tell(conn, name))
    if told is None:
        raise NotFound(f"There is no incident {name} in the archive")
    story, page = told
    path = f"{datasette.urls.path(INCIDENT)}/{words.page_name(name)}"
    if request.url_vars["suffix"] == ".json":
        return as_json(page)
    if request.url_vars["suffix"] == ".ics":
        happened = event(page, datasette.absolute_url(request, path))
        if happened is None:
            raise NotFound(f"Nobody knows when {name} was")
        return Response(calendar(happened), content_type="text/calendar; charset=utf-8")
    context = {**_drawn(datasette, story, page, rows), **vocabulary(page.zone), "path": path, "page": page}
    context["in_short"] = in_short(page)
    return Response.html(await datasette.render_template("incident.html", context, request=request))


def _drawn(datasette: Any, story: Story, page: Page, asked: str | None) -> dict[str, Any]:
    """The chart, and what it shows."""
    rows = "services" if asked == "services" else "regions" if asked else story.best_rows()
    names, others = (page.regions, page.services) if rows == "regions" else (page.services, page.regions)
    vendor = page.incident["vendor"]
    root = str(datasette.urls.path(PLACES[rows[:-1]]))
    hrefs = {key: place_page(root, vendor, key) for key in names.ids if key}
    return {
        "chart": story.chart(page, rows, hrefs),
        "rows": rows,
        "other": ("services" if rows == "regions" else "regions") if len(others.ids) > 1 else "",
        "thickness": len(others.ids) > 1,
        "database": DATABASE,
        "as_of_path": datasette.urls.path(AS_OF),
        "tilde_encode": tilde_encode,
    }


async def as_of(request: Any, datasette: Any) -> Any:
    """An incident as it was published at an instant, beside what is published today.

    `incident` is an id; `at` an instant (ISO 8601, UTC unless it says otherwise), the first look by default. JSON
    when the path ends in `.json` or only that is accepted. 404 for what no look showed, 400 for what is no instant.
    """
    await permit(request, datasette)
    database = datasette.get_database(DATABASE)
    incident, at = request.args.get("incident") or "", _instant(request.args.get("at") or "")
    accepted = request.headers.get("accept", "")
    wants_json = request.url_vars["suffix"] or ("application/json" in accepted and "text/html" not in accepted)
    if not incident and wants_json:
        raise BadRequest("incident: which one?")
    story = await ask(datasette, lambda conn: then.tell(conn, incident, at)) if incident else None
    if incident and story is None:
        raise NotFound(f"No look has shown an incident {incident}")
    if wants_json:
        return as_json(story, _VARY)
    changed = [] if story else (await database.execute(CHANGED)).rows
    context = {"story": story, "changed": changed, "database": DATABASE, "path": datasette.urls.path(AS_OF)}
    context |= {**vocabulary("UTC"), "tilde_encode": tilde_encode}
    page = await datasette.render_template("as_of.html", context, request=request)
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
