"""What components were seen to be, look after look: every change, and between which two looks it came.

A page that shows states and no incident says something all the same. A component that is missing from a page is
not well for that; it keeps the state it was last seen in.
"""

from __future__ import annotations

import sqlite3

from crawler.catalog import Source
from crawler.places import Gazetteer
from crawler.records import Component, ComponentState


class States:
    """Table `component_states`."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self._last: dict[tuple[str, str], dict[str, str]] = {}  # address -> component -> the vendor's word

    def note(
        self,
        source: Source,
        url: str,
        states: tuple[ComponentState, ...],
        places: Gazetteer,
        at: str,
        before: str | None,
    ) -> None:
        """Write down what has changed since the last look that could be read, at `before` (None: there was none)."""
        last = self._known(source.id, url)
        rows = []
        for state in states:
            name = component_id(state.component)
            if last.get(name) == state.severity_text:
                continue
            last[name] = state.severity_text
            region, service = places.component(state.component)
            rows.append(
                (source.id, url, name, source.vendor, state.component.key, state.component.name, state.component.group,
                 region, service, state.severity, state.severity_text, before, at)
            )  # fmt: skip
        self.conn.executemany(f"insert or replace into component_states values ({', '.join('?' * 13)})", rows)

    def _known(self, source: str, url: str) -> dict[str, str]:
        known = self._last.get((source, url))
        if known is None:
            known = self._last[source, url] = dict(
                self.conn.execute(
                    """select component, severity_text from component_states where source = ? and url = ?
                    order by seen_at""",
                    (source, url),
                )
            )
        return known

    def vendors(self) -> list[str]:
        """Vendors that have states."""
        return [
            vendor for (vendor,) in self.conn.execute("select distinct vendor from component_states order by vendor")
        ]

    def place(self, vendor: str, places: Gazetteer) -> None:
        """Name regions and services anew, after the catalog has changed."""
        for key, name, group in self.conn.execute(
            "select distinct key, name, group_name from component_states where vendor = ?", (vendor,)
        ).fetchall():
            region, service = places.component(Component(key=key, name=name, group=group))
            self.conn.execute(
                """update component_states set region = ?, service = ?
                where vendor = ? and key is ? and name = ? and group_name is ?""",
                (region, service, vendor, key, name, group),
            )

    def clear(self) -> None:
        """Forget what is held in memory."""
        self._last.clear()


def component_id(component: Component) -> str:
    """The platform's own id, else the name under its heading."""
    return component.key or (f"{component.group} / {component.name}" if component.group else component.name)
