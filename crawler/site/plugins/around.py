"""The way around the site that the head of each page shows."""

from __future__ import annotations

from typing import Any

from pluggy import HookimplMarker

hookimpl = HookimplMarker("datasette")

#: Address within the site, and what it is called.
AROUND = (
    ("/-/search", "Search"),
    ("/-/compare", "Compare"),
    ("/-/dashboards", "Dashboards"),
    ("/outages", "Questions and tables"),
    ("/-/dictionary", "Dictionary"),
)


@hookimpl
def extra_template_vars(datasette: Any) -> dict[str, Any]:
    """`around`: addresses and names."""
    return {"around": [(datasette.urls.path(address), name) for address, name in AROUND]}
