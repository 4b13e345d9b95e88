"""Times, lengths and our own words as a page shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta, tzinfo

from datasette.utils import tilde_encode
from markupsafe import Markup, escape

from crawler.records import instant

#: What our words for severities are on a page.
SEVERITIES: Mapping[str, str] = {
    "operational": "operational",
    "notice": "notice",
    "maintenance": "maintenance",
    "degraded": "degraded",
    "partial_outage": "partial outage",
    "major_outage": "major outage",
    "unknown": "severity not said",
}
#: What each basis means.
BASES: Mapping[str, str] = {
    "stated": "somebody says so in words, which are quoted",
    "structured": "a field of the page holds it",
    "posted": "nobody says it; it is when the message about it was posted",
    "observed": "nobody says it; looks show that it changed between two of them",
}


def clock(at: str | None) -> Markup:
    """A time of the archive, UTC, seconds only where there are some; a script may show it in the reader's zone."""
    if not at:
        return Markup("")
    shown = escape(at.replace("T", " ").removesuffix("Z").removesuffix(":00"))
    return Markup(f'<span class="at"><time datetime="{escape(at)}">{shown}</time> <span class="zone">UTC</span></span>')


def there(zone: tzinfo) -> Callable[[str | None], str]:
    """The same moment by the vendor's clocks: "17:39 CST", with the day where that is another."""

    def local(at: str | None) -> str:
        if not at:
            return ""
        when = instant(at)
        wall = when.astimezone(zone)
        day = f"{wall:%m-%d} " if wall.date() != when.date() else ""
        return f"{day}{wall:%H:%M} {zone_name(wall.tzname(), wall.utcoffset())}"

    return local


def zone_name(name: str | None, offset: timedelta | None) -> str:
    """An abbreviation, or the distance from UTC where the zone has none."""
    if name and name.isalpha():
        return name
    minutes = int((offset or timedelta()).total_seconds() // 60)
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")


def length(minutes: float | None) -> str:
    """So long, in the two largest units: "1 h 15 min", "2 d 3 h"."""
    if minutes is None:
        return ""
    sign, whole = ("−" if minutes < 0 else ""), round(abs(minutes))
    days, hours, rest = whole // 1440, whole % 1440 // 60, whole % 60
    units = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (rest, "min")) if n]
    return sign + (" ".join(units[:2]) or ("0 min" if not minutes else "under 1 min"))


def page_name(incident: str) -> str:
    """An incident's id in the address of its page: as Datasette writes it, the colon left readable."""
    return str(tilde_encode(incident)).replace("~3A", ":")
