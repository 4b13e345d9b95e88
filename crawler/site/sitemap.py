"""Which pages there are, for search engines: readers arrive by them.

A piece of the sitemap lists the incidents that began in one month, so that old pieces stay the same; each piece is found
by an index. Formats: https://www.sitemaps.org/protocol.html (50,000 addresses a piece), RFC 9309 (robots.txt).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from xml.sax.saxutils import escape

#: The most addresses that the format allows in a piece.
MOST = 50_000
#: The piece that holds the front page, questions and vendors.
SITE = "site"
#: The piece of the incidents of which nobody knows when they began.
UNDATED = "undated"

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"

_MONTHS = """
    with recursive began(at) as (
      select max(started_at) from incidents
      union all
      select (select max(started_at) from incidents where started_at < substr(began.at, 1, 7)) from began
      where began.at is not null)
    select substr(at, 1, 7) from began where at is not null
"""
_OF_MONTH = f"""
    select id from incidents where kind = 'outage' and started_at >= :month and started_at < :month || '~'
    order by started_at desc, id limit {MOST}
"""
_OF_NO_MONTH = f"select id from incidents where kind = 'outage' and started_at is null order by id limit {MOST}"
_VENDORS = "select id from vendors where exists (select 1 from incidents where vendor = vendors.id) order by id"

#: What a crawler would get lost in: SQL of its own, the same rows in any selection and order; and files for programs.
NOT_FOR_CRAWLERS = ("*?", "*.csv$", "*.json$")


def pieces(conn: sqlite3.Connection) -> list[str]:
    """The names of the pieces: that of the site, those of months (YYYY-MM), the newest first, and of what has no time."""
    (undated,) = conn.execute("select exists (select 1 from incidents where started_at is null)").fetchone()
    return [SITE, *(month for (month,) in conn.execute(_MONTHS)), *([UNDATED] if undated else [])]


def incidents(conn: sqlite3.Connection, piece: str) -> list[str] | None:
    """Ids of the outages in a piece, the newest first; None when there is no such piece."""
    if piece == UNDATED:
        return [id for (id,) in conn.execute(_OF_NO_MONTH)]
    if not re.fullmatch(r"\d{4}-\d{2}", piece):
        return None
    return [id for (id,) in conn.execute(_OF_MONTH, {"month": piece})]


def vendors(conn: sqlite3.Connection) -> list[str]:
    """Ids of the vendors of which there is an incident."""
    return [id for (id,) in conn.execute(_VENDORS)]


def index(addresses: Iterable[str]) -> str:
    """The list of pieces, by their absolute addresses."""
    found = "".join(f"<sitemap><loc>{escape(address)}</loc></sitemap>\n" for address in addresses)
    return f'{_XML}<sitemapindex xmlns="{_SCHEMA}">\n{found}</sitemapindex>\n'


def piece(addresses: Iterable[str]) -> str:
    """A piece: absolute addresses of pages."""
    found = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
    return f'{_XML}<urlset xmlns="{_SCHEMA}">\n{found}</urlset>\n'


def robots(root: str, sitemap: str) -> str:
    """robots.txt of a site whose pages begin with this path: every page may be fetched but what leads nowhere."""
    lines = [f"Disallow: {root}{path}" for path in NOT_FOR_CRAWLERS]
    return "\n".join(["User-agent: *", *lines, "", f"Sitemap: {sitemap}", ""])


#: robots.txt of a site that is not for everybody.
CLOSED = "User-agent: *\nDisallow: /\n"
