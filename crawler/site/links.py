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

from crawler.site.serving import REGION, SERVICE, VENDOR
from crawler.site.words import page_name

#: Address of a table, as Datasette makes it.
TableUrl = Callable[[str], str]

#: Where the pages of vendors, regions and services are, unless the site is mounted elsewhere.
PLACES: Mapping[str, str] = {"vendor": VENDOR, "region": REGION, "service": SERVICE}
#: The tables whose rows have such a page.
_NAMED = {"vendors": "vendor", "regions": "region", "services": "service"}
#: Columns that name a region, or a service, together with the vendor. Only region ids never hold a comma.
_PAIRS = ("region", "service")
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
    places: Mapping[str, str] = PLACES,
) -> Markup | None:
    """How a cell of a table, view or query (`table` None) is shown; None leaves it to Datasette.

    `as_of` is the address of the page that shows an incident at an instant, `incident_page` what the addresses of
    the pages of incidents begin with, `places` the same of vendors, regions and services.
    """
    if column == "title" and table == "incidents" and isinstance(value, str):
        return _titled(f"{incident_page}/{page_name(row['id'])}", value)
    if column == "incident" and isinstance(value, dict):  # as Datasette has it: by its title, the id behind it
        link = _titled(f"{incident_page}/{page_name(value['value'])}", value["label"])
        return Markup(f"{link} <em>{escape(value['value'])}</em>")
    if column == "vendor" and isinstance(value, dict):
        return _link(place_page(places["vendor"], value["value"]), value["label"])
    if not isinstance(value, str) or not value:
        return None
    if column == "name" and table in _NAMED:
        vendor = vendor_of(row) or row["id"]
        return _link(place_page(places[_NAMED[table]], vendor, row["id"] if table != "vendors" else None), value)
    if column in _WORDS:
        return _words(column, value)
    if _TIME.fullmatch(value):
        time = Markup(f"<time>{value}</time>")
        incident = _plain(row["incident"]) if column == "seen_at" and "incident" in row.keys() else None  # noqa: SIM118 - a Row
        if incident is None:
            return time
        address = escape(f"{as_of}?{urlencode({'incident': incident, 'at': value})}")
        return Markup(f'<a href="{address}">{time}</a>')
    if column == "source" and table != "claims":  # a claim's may be a reference of an incident written by hand
        return _link(f"{url('sources')}/{tilde_encode(value)}", value)
    if column == "incident":
        return _link(f"{incident_page}/{page_name(value)}", value)
    if column == "update_id":
        return _link(f"{url('updates')}/{tilde_encode(value)}", value)
    if column == "vendor":
        return _link(place_page(places["vendor"], value), value)
    if column in _PAIRS:
        vendor = vendor_of(row)
        if vendor is None:
            return None
        names = value.split(", ") if column in _LISTS else [value]
        return Markup(", ").join(_link(place_page(places[column], vendor, name), name) for name in names)
    return None


def place_page(root: str, vendor: str, id: str | None = None) -> str:
    """Address of the page of a vendor, or of its region or service `id`, below `root`."""
    return "/".join((root, *(tilde_encode(key) for key in (vendor, id) if key is not None)))


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


# By hand, as pages have thousands of links and `Markup.format` takes six times as long: whatever is put in is escaped.


def _titled(address: str, title: str) -> Markup:
    return Markup(f'<a href="{escape(address)}" dir="auto">{escape(title)}</a>')


def _link(address: str, name: str) -> Markup:
    """The name, cut where it is long, and then whole as the title."""
    href, whole = escape(address), escape(name)
    if len(name) <= 2 * ENDS:
        return Markup(f'<a href="{href}">{whole}</a>')
    return Markup(f'<a href="{href}" title="{whole}">{escape(name[:ENDS])}…{escape(name[-ENDS:])}</a>')


def _words(column: str, value: str) -> Markup:
    shown = value if len(value) <= LONGEST else value[:LONGEST] + "…"
    element = "q" if column == "quote" else "span"
    return Markup(f'<{element} class="words" dir="auto">{escape(shown)}</{element}>')
