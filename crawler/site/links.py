"""What a cell becomes on a page: links to the things it names, and text that stays text.

Datasette links foreign keys of one column by itself. Regions and services are known by vendor and id, and
views and queries have no foreign keys: those cells are linked here. Whatever vendors wrote is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from datasette.utils import tilde_encode
from markupsafe import Markup, escape

from crawler.site.words import page_name

#: Address of a table, as Datasette makes it.
TableUrl = Callable[[str], str]

#: Columns that name a row of a table by its one key.
_KEYS = {"update_id": "updates", "vendor": "vendors"}
#: Columns that name one or more rows together with the vendor. Only region ids never hold a comma.
_PAIRS = {"region": "regions", "service": "services"}
_LISTS = frozenset({"region"})
#: Columns with vendors' words, shown whole up to a length.
_WORDS = frozenset({"text", "words", "theirs", "quote", "before", "after", "note", "remark", "names"})
LONGEST = 3000
#: Some ids are very long (AWS ARNs): a link shows so many characters of both ends.
ENDS = 24
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def cell(
    row: Mapping[str, Any],
    column: str,
    value: object,
    table: str | None,
    url: TableUrl,
    as_of: str,
    incident_page: str,
) -> Markup | None:
    """How a cell of a table, view or query (`table` None) is shown; None leaves it to Datasette.

    `as_of` is the address of the page that shows an incident at an instant, `incident_page` what the addresses of
    the pages of incidents begin with.
    """
    if column == "title" and table == "incidents" and isinstance(value, str):
        return Markup('<a href="{}/{}" dir="auto">{}</a>').format(incident_page, page_name(row["id"]), value)
    if column == "incident" and isinstance(value, dict):  # as Datasette has it: by its title, the id behind it
        shown = (incident_page, page_name(value["value"]), value["label"], value["value"])
        return Markup('<a href="{}/{}" dir="auto">{}</a> <em>{}</em>').format(*shown)
    if not isinstance(value, str) or not value:
        return None
    if column in _WORDS:
        return _words(column, value)
    if _TIME.fullmatch(value):
        time = Markup("<time>{}</time>").format(value)
        incident = _plain(row["incident"]) if column == "seen_at" and "incident" in row.keys() else None  # noqa: SIM118 - a Row
        if incident is None:
            return time
        return Markup('<a href="{}?{}">{}</a>').format(as_of, urlencode({"incident": incident, "at": value}), time)
    if column == "source" and table != "claims":  # a claim's may be a reference of an incident written by hand
        return _link(url("sources"), [value], value)
    if column == "incident":
        return Markup('<a href="{}/{}"{}>{}</a>').format(incident_page, page_name(value), *_shortened(value))
    if column in _KEYS:
        return _link(url(_KEYS[column]), [value], value)
    if column in _PAIRS and table not in _PAIRS.values():
        vendor = vendor_of(row)
        if vendor is None:
            return None
        names = value.split(", ") if column in _LISTS else [value]
        return Markup(", ").join(_link(url(_PAIRS[column]), [vendor, name], name) for name in names)
    return None


def vendor_of(row: Mapping[str, Any]) -> str | None:
    """The vendor of a row: its own column, else what its incident's id begins with."""
    names = row.keys()
    if "vendor" in names:
        return _plain(row["vendor"])
    incident = _plain(row["incident"]) if "incident" in names else None
    vendor, colon, _ = (incident or "").partition(":")
    return vendor if colon else None


def _plain(value: object) -> str | None:
    """The value of a cell, also where Datasette has replaced it by value and label."""
    if isinstance(value, dict):
        value = value["value"]
    return value if isinstance(value, str) else None


def _link(table: str, keys: list[str], name: str) -> Markup:
    path = ",".join(tilde_encode(key) for key in keys)
    return Markup('<a href="{}/{}"{}>{}</a>').format(table, path, *_shortened(name))


def _shortened(name: str) -> tuple[Markup, str]:
    """What goes into a link: the whole name as a title where it is cut, and what is shown."""
    short = name if len(name) <= 2 * ENDS else f"{name[:ENDS]}…{name[-ENDS:]}"
    return (Markup("") if short == name else Markup(' title="{}"').format(name)), short


def _words(column: str, value: str) -> Markup:
    shown = value if len(value) <= LONGEST else value[:LONGEST] + "…"
    element = "q" if column == "quote" else "span"
    return Markup('<{} class="words" dir="auto">{}</{}>').format(Markup(element), escape(shown), Markup(element))
