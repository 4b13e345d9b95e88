"""An incident in one sentence, for those who see a link to its page and not the page."""

from __future__ import annotations

from crawler.site.incident import Names, Page
from crawler.site.words import SEVERITIES, length

#: Letters: so much is shown beneath a link; longer lists of names are counted instead.
LONGEST, SPELLED = 300, 60


def in_short(page: Page) -> str:
    """What happened to whom, when, how long, where, and who came back first; only what is known.

    "Major outage of Alibaba Cloud, 2023-11-12 09:39–13:11 UTC (3 h 32 min), 36 regions, 21 services. First back: China
    (Beijing), China (Hangzhou), after 1 h 15 min."
    """
    row = page.incident
    severity = row["severity"]
    worded = severity not in (None, "operational", "degraded")
    what = SEVERITIES[severity] if worded else "degraded service" if severity == "degraded" else row["kind"]
    told = [f"{what} of {row['vendor_name']}", _when(row["started_at"] or row["first_posted_at"], row["ended_at"])]
    if row["minutes"] is not None:
        told[-1] += f" ({length(row['minutes'])})"
    told += [_counted(page.regions), _counted(page.services)]
    said = f"{', '.join(part for part in told if part)}."
    said = said[0].upper() + said[1:] + _first_back(page)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def _when(start: str | None, end: str | None) -> str:
    """A day or two, minutes, UTC."""
    if start is None:
        return "at a time nobody states"
    begun = start[:16].replace("T", " ")
    if end is None:
        return f"from {begun} UTC, no end known"
    return f"{begun}–{end[11:16] if end[:10] == start[:10] else end[:16].replace('T', ' ')} UTC"


def _counted(names: Names) -> str:
    """A few by name, more as a number; nothing where nobody named any."""
    known = [name for id, name in zip(names.ids, names.names, strict=True) if id is not None]
    spelled = ", ".join(known)
    return spelled if len(known) < 2 and len(spelled) <= SPELLED else names.counted if known else ""


def _first_back(page: Page) -> str:
    """The first wave, where there were several."""
    if len(page.waves) < 2 or page.waves[0].at is None:
        return ""
    wave, placed = page.waves[0], len(page.regions.ids) > 1
    back = list(dict.fromkeys((course.regions if placed else course.services).text for course in wave.courses))
    return f" First back: {', '.join(back)}, after {length(wave.minutes)}."
