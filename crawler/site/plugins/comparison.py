"""Pages that compare: regions of a vendor, vendors of a category of service; each also as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from datasette import NotFound, Response
from datasette.utils import tilde_encode
from datasette.utils.asgi import BadRequest
from pluggy import HookimplMarker

from crawler.site import comparison as compare
from crawler.site.incident import count_regions
from crawler.site.serving import COMPARE, DATABASE, REGION, SERVICE, VENDOR, as_json, ask, decoded, permit, vocabulary

hookimpl = HookimplMarker("datasette")


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """What there is to compare, and the two kinds of pages."""
    return [
        (rf"{COMPARE}(?P<suffix>\.json)?$", overview),
        (rf"{COMPARE}/regions/(?P<name>[^/]+?)(?P<suffix>\.json)?$", regions),
        (rf"{COMPARE}/vendors/(?P<name>[^/]+?)(?P<suffix>\.json)?$", vendors),
    ]


async def overview(request: Any, datasette: Any) -> Any:
    """Vendors whose regions can be compared, and categories of service. JSON when the path ends in `.json`."""
    await permit(request, datasette)
    found = await ask(datasette, compare.overview)
    if request.url_vars["suffix"]:
        return as_json(found)
    context = {
        "found": found,
        "path": datasette.urls.path(COMPARE),
        "tilde_encode": tilde_encode,
        "title": compare.title,
    }
    return Response.html(await datasette.render_template("comparison.html", context, request=request))


async def regions(request: Any, datasette: Any) -> Any:
    """The regions of a vendor, sorted as `sort` says, from month `from` until month `until`.

    404 for a vendor that there is not, 400 for a bad month or sort.
    """
    return await _compared(request, datasette, compare.regions, compare.REGION_ORDERS, "regions")


async def vendors(request: Any, datasette: Any) -> Any:
    """The vendors of a category of service; likewise."""
    return await _compared(request, datasette, compare.vendors, compare.VENDOR_ORDERS, "vendors")


async def _compared(
    request: Any,
    datasette: Any,
    question: Callable[..., compare.Regions | compare.Vendors | None],
    orders: Mapping[str, object],
    what: str,
) -> Any:
    await permit(request, datasette)
    name = decoded(request.url_vars["name"])
    since, until = (request.args.get(key) or None for key in ("from", "until"))
    sort = request.args.get("sort") or compare.SORT
    if sort not in orders:
        raise BadRequest(f"sort: one of {', '.join(orders)}: {sort}")
    try:
        found = await ask(datasette, lambda conn: question(conn, name, since, until, sort))
    except compare.BadPeriodError as error:
        raise BadRequest(str(error)) from None
    if found is None:
        raise NotFound(f"There is no vendor {name}" if what == "regions" else f"There is no category {name}")
    if request.url_vars["suffix"]:
        return as_json(found)
    every = found.regions if isinstance(found, compare.Regions) else [row for row in found.vendors if not row.silent]
    path = f"{datasette.urls.path(COMPARE)}/{what}/{tilde_encode(name)}"
    asked = {"from": since, "until": until, "sort": request.args.get("sort")}
    context = {
        **vocabulary("UTC"),
        "found": found,
        "rows": every[: compare.MOST_ROWS],
        "number": len(every),
        "silent": [] if isinstance(found, compare.Regions) else [row for row in found.vendors if row.silent],
        "name": name,
        "path": path,
        "query": lambda **other: _query({**asked, **other}),
        "orders": list(orders),
        "compare": datasette.urls.path(COMPARE),
        "tilde_encode": tilde_encode,
        "title": compare.title,
        "percent": compare.percent,
        "part": compare.part,
        "count_regions": count_regions,
        "proportion": compare.proportion,
        "told": compare.told,
        "summary": compare.summary,
        "database": DATABASE,
        "vendor_path": datasette.urls.path(VENDOR),
        "region_path": datasette.urls.path(REGION),
        "service_path": datasette.urls.path(SERVICE),
    }
    return Response.html(await datasette.render_template(f"comparison_{what}.html", context, request=request))


def _query(args: Mapping[str, str | None]) -> str:
    given = {name: value for name, value in args.items() if value}
    return f"?{urlencode(given)}" if given else ""
