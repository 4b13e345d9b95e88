"""Pages of vendors, of their regions and of their services."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from datasette import NotFound, Response
from datasette.utils import tilde_encode
from datasette.utils.asgi import BadRequest
from pluggy import HookimplMarker

from crawler.catalog import ALL, CATEGORIES
from crawler.site.comparison import proportion
from crawler.site.links import PLACES, place_page
from crawler.site.place import Kind, Page, tell
from crawler.site.serving import (
    COMPARE,
    DATABASE,
    FEED,
    REGION,
    SERVICE,
    VENDOR,
    as_json,
    ask,
    decoded,
    permit,
    vocabulary,
)

hookimpl = HookimplMarker("datasette")

_MONTH = re.compile(r"(\d{4}-\d\d)(-\d\d)?")


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """Each page, also as JSON."""
    return [
        (rf"{VENDOR}/(?P<vendor>[^/]+?)(?P<suffix>\.json)?$", vendor),
        (rf"{REGION}/(?P<vendor>[^/]+)/(?P<id>[^/]+?)(?P<suffix>\.json)?$", region),
        (rf"{SERVICE}/(?P<vendor>[^/]+)/(?P<id>[^/]+?)(?P<suffix>\.json)?$", service),
    ]


async def vendor(request: Any, datasette: Any) -> Any:
    """How reliable a vendor is. For the parameters see `_answer`."""
    return await _answer(request, datasette, "vendor")


async def region(request: Any, datasette: Any) -> Any:
    """How reliable one of its regions is."""
    return await _answer(request, datasette, "region")


async def service(request: Any, datasette: Any) -> Any:
    """How reliable one of its services is."""
    return await _answer(request, datasette, "service")


async def _answer(request: Any, datasette: Any, kind: Kind) -> Any:
    """The page. Ids stand in the path encoded as Datasette does it, or in percent.

    `until` (a month or a day) or `year` choose the twelve months, those up to the newest thing known by default; `day` one
    of their days, or one of another year. 404 for what is not in the archive, 400 for what is no such time. JSON when the
    path ends in `.json`.
    """
    await permit(request, datasette)
    names = {key: decoded(value) for key, value in request.url_vars.items() if key in ("vendor", "id")}
    last, day = _asked(request.args)
    page = await ask(
        datasette, lambda conn: tell(conn, names["vendor"], kind, names.get("id"), datetime.now(UTC), last, day)
    )
    if page is None:
        whose = f" of {names['vendor']}" if kind != "vendor" else ""
        raise NotFound(f"There is no {kind} {names.get('id') or names['vendor']}{whose} in the archive")
    if request.url_vars["suffix"]:
        return as_json(page)
    path = place_page(str(datasette.urls.path(PLACES[kind])), *names.values())
    context = {
        **vocabulary("UTC"),
        "page": page,
        "path": path,
        "database": DATABASE,
        "known": _known(page),
        "feeds": _feeds(datasette, page),
        "compare": _compared(datasette, page),
        "percent": percent,
        "proportion": proportion,
        "tilde_encode": tilde_encode,
    }
    return Response.html(await datasette.render_template("place.html", context, request=request))


def percent(share: float, digits: int = 3) -> str:
    """An availability, or a share watched, rounded down: what is not all is never 100 %, what is not nothing never 0 %."""
    scale = 10**digits
    cut = int(round(share * 100 * scale, 6)) / scale
    return f"{cut:.{digits}f}".rstrip("0").rstrip(".") + " %" if cut or not share else f"under {1 / scale} %"


def _asked(args: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The last month and the day that are asked for."""
    until, year, day = (args.get(name) or None for name in ("until", "year", "day"))
    last: date | None
    try:
        found = date.fromisoformat(day) if day else None
        if until:
            match = _MONTH.fullmatch(until)
            last = date.fromisoformat(f"{match[1]}{match[2] or '-01'}" if match else until)
        else:
            last = date(int(year), 12, 1) if year else None
    except (ValueError, OverflowError):
        raise BadRequest("until: a month such as 2024-03; year: such as 2024; day: such as 2024-03-17") from None
    if any(when and not 1990 <= when.year <= 2100 for when in (found, last)):
        raise BadRequest("until, year, day: between 1990 and 2100")
    return last.isoformat()[:7] if last else None, found.isoformat() if found else None


def _known(page: Page) -> dict[str, str]:
    """What questions about this can be filled in with."""
    known = {"vendor": page.vendor, page.kind: page.id or page.vendor}
    return known | {"since": page.period.since[:10], "before": page.period.until[:10]}


def _feeds(datasette: Any, page: Page) -> list[tuple[str, str, str]]:
    """Content type, address and name of the feeds; a service has those of its vendor."""
    of = (page.vendor,) if page.kind != "region" else (page.vendor, page.id)
    path = place_page(str(datasette.urls.path(FEED)), *of)
    about = page.title if page.kind != "service" else page.vendor_name
    return [
        ("application/atom+xml", f"{path}.atom", f"Outages of {about} as a feed"),
        ("text/calendar", f"{path}.ics", f"Outages of {about} for a calendar"),
    ]


def _compared(datasette: Any, page: Page) -> tuple[str, str] | None:
    """Title and address of a comparison with others of the same kind; None where there are none."""
    root = str(datasette.urls.path(COMPARE))
    if page.kind == "service":
        category = page.about["category"]
        if category not in CATEGORIES or category == ALL:
            return None
        return f"Vendors of {category} compared", place_page(f"{root}/vendors", category)
    if page.kind == "vendor" and sum(part.id is not None for part in page.regions) < 2:
        return None
    return f"Regions of {page.vendor_name} compared", place_page(f"{root}/regions", page.vendor)
