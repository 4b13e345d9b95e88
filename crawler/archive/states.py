"""What components were seen to be, look after look: every change, and between which two looks it came.

A page that shows states and no incident says something all the same. A component that is missing from a page is
not well for that: if it was well it keeps that state, and if it was not, nothing is known from then on.
"""

from __future__ import annotations

import sqlite3

from crawler.catalog import Source
from crawler.places import Gazetteer
from crawler.records import Component, ComponentState, Severity

#: The word for a component that was not well and is no longer on the page.
NOT_SHOWN = ""


class States:
    """Table `component_states`."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        #: Address -> component -> the page's word, and ours.
        self._last: dict[tuple[str, str], dict[str, tuple[str, str | None]]] = {}
        self.changed = False  # since somebody last asked

    def note(
        self,
        source: Source,
        url: str,
        states: tuple[ComponentState, ...],
        places: Gazetteer,
        at: str,
        before: str | None,
    ) -> list[str]:
        """Write down what has changed since the last look that could be read, at `before` (None: there was none).

        Returns the components that changed.
        """
        last = self._known(source.id, url)
        rows: list[tuple[str | None, ...]] = []
        for state in states:
            name = component_id(state.component)
            if name in last and last[name][0] == state.severity_text:
                continue
            last[name] = state.severity_text, state.severity
            region, service = places.component(state.component)
            rows.append(
                (source.id, url, name, source.vendor, state.component.key, state.component.name, state.component.group,
                 region, service, state.severity, state.severity_text, before, at)
            )  # fmt: skip
        for name in sorted(last.keys() - {component_id(state.component) for state in states}):
            text, severity = last[name]
            if text != NOT_SHOWN and severity != Severity.OPERATIONAL:
                last[name] = NOT_SHOWN, None
                rows.append((*self._named(source.id, url, name), None, NOT_SHOWN, before, at))
        self.conn.executemany(f"insert or replace into component_states values ({', '.join('?' * 13)})", rows)
        self.changed = self.changed or bool(rows)
        return [str(row[2]) for row in rows]

    def _named(self, source: str, url: str, component: str) -> tuple[str | None, ...]:
        """What the row of a component begins with: all but its state."""
        named: tuple[str | None, ...] = self.conn.execute(
            """select source, url, component, vendor, key, name, group_name, region, service, max(seen_at)
            from component_states where source = ? and url = ? and component = ?""",
            (source, url, component),
        ).fetchone()
        return named[:-1]

    def _known(self, source: str, url: str) -> dict[str, tuple[str, str | None]]:
        known = self._last.get((source, url))
        if known is None:
            rows = self.conn.execute(
                """select component, severity_text, severity, max(seen_at) from component_states
                where source = ? and url = ? group by component""",
                (source, url),
            )
            known = self._last[source, url] = {component: (text, severity) for component, text, severity, _ in rows}
        return known

    def vendors(self) -> list[str]:
        """Vendors that have states."""
        return [
            vendor
            for (vendor,) in self.conn.execute(
                # One after the other in the index: there are few among very many states.
                """with recursive vendors (id) as (select min(vendor) from component_states
                union all select (select min(vendor) from component_states where vendor > vendors.id)
                from vendors where id is not null) select id from vendors where id is not null"""
            )
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
