"""The way around the site that the head of each page shows."""

from __future__ import annotations

from typing import Any

from pluggy import HookimplMarker

from crawler.site.serving import COMPARE, DASHBOARDS, DATABASE, DICTIONARY, SEARCH

hookimpl = HookimplMarker("datasette")

#: Address within the site, and what it is called.
AROUND = (
    (SEARCH, "Search"),
    (COMPARE, "Compare"),
    (DASHBOARDS, "Dashboards"),
    (f"/{DATABASE}", "Questions and tables"),
    (DICTIONARY, "Dictionary"),
)


@hookimpl
def prepare_jinja2_environment(env: Any) -> None:
    """`around`: addresses and names, also for the template of errors, which is rendered without the variables of plugins."""
    env.globals["around"] = AROUND
