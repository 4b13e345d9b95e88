"""The way around the site that the head of each page shows, and what the foot says of where all of it is from."""

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
def prepare_jinja2_environment(env: Any, datasette: Any) -> None:
    """`around`: addresses and names; `origin`: how to read it, source and license, each with its address.

    Not variables of a plugin: the template of errors is rendered without those, and pages of plugins without metadata.
    """
    said = datasette.metadata() or {}
    env.globals["around"] = AROUND
    env.globals["origin"] = [
        (label, said.get(name) or said[f"{name}_url"], said.get(f"{name}_url"))
        for name, label in (("about", ""), ("source", "Source: "), ("license", "License: "))
        if said.get(name) or said.get(f"{name}_url")
    ]
