"""What every page of ours needs of Datasette: who may see it, the archive asked within the time limit, answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from datasette import Forbidden, NotFound, Response
from datasette.utils import sqlite_timelimit, tilde_decode
from datasette.views.base import DatasetteError

from crawler.site import DATABASE as DATABASE
from crawler.site import words
from crawler.site.incident import zone_of

#: Addresses of our pages begin with these; an id stands behind.
INCIDENT, VENDOR, REGION, SERVICE = "/-/incident", "/-/vendor", "/-/region", "/-/service"
#: Where the others are: feeds, what can be compared, search, dashboards, the dictionary, an incident at an instant.
FEED, COMPARE, SEARCH, DASHBOARDS, DICTIONARY = "/-/feed", "/-/compare", "/-/search", "/-/dashboards", "/-/dictionary"
AS_OF = "/-/as-of"

T = TypeVar("T")


async def permit(request: Any, datasette: Any) -> None:
    """Stop who may not see the archive: 404 without an archive, 403 for whom Datasette's permissions refuse; and 405
    for whoever does not come to read.

    Our pages show what all tables hold: who may not see one of them may not see these.
    """
    if request.method not in ("GET", "HEAD"):
        raise DatasetteError("This page is only for reading.", title="Method not allowed", status=405)
    if DATABASE not in datasette.databases:
        raise NotFound("There is no archive here")
    tables = datasette.metadata("tables", database=DATABASE, fallback=False) or {}
    try:
        await datasette.ensure_permissions(request.actor, [("view-database", DATABASE), "view-instance"])
        for table, about in tables.items():
            if "allow" in about:
                await datasette.ensure_permissions(request.actor, [("view-table", (DATABASE, table))])
    except Forbidden as error:
        raise Forbidden("This archive is not for everybody") from error


async def ask(datasette: Any, question: Callable[[sqlite3.Connection], T]) -> T:
    """What the function makes of the archive, read only; stopped at Datasette's time limit for one query: then 503."""
    limit = datasette.setting("sql_time_limit_ms")

    def limited(conn: sqlite3.Connection) -> T:
        with sqlite_timelimit(conn, limit):
            try:
                return question(conn)
            except sqlite3.OperationalError as error:
                if str(error) != "interrupted":
                    raise
                raise DatasetteError("Making this page took too long.", title="Too slow", status=503) from error

    answer: T = await datasette.get_database(DATABASE).execute_fn(limited)
    return answer


def decoded(part: str) -> str:
    """An id as it stands in an address: encoded as Datasette does it, in percent, or as it is."""
    return str(tilde_decode(unquote(part)))


def absolute(request: Any, datasette: Any, path: str) -> str:
    """An address of ours as somebody elsewhere may follow it."""
    return str(datasette.absolute_url(request, datasette.urls.path(path)))


def as_json(value: object, headers: dict[str, str] | None = None) -> Any:
    """Anything msgspec can write, as a response."""
    body = msgspec.json.encode(value)
    return Response(body, content_type="application/json; charset=utf-8", headers=headers)


def vocabulary(zone: str) -> dict[str, Any]:
    """What templates call for times, lengths and our own words."""
    return {
        "clock": words.clock,
        "there": words.there(zone_of(zone)),
        "length": words.length,
        "severities": words.SEVERITIES,
        "bases": words.BASES,
        "zone": zone,
    }
