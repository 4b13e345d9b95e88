"""Facets from counts that were published with the archive (`crawler/site/publish.py`): a million rows take a second to count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any

from datasette.facets import ColumnFacet
from datasette.utils import path_with_added_args, path_with_removed_args
from pluggy import HookimplMarker

hookimpl = HookimplMarker("datasette")

#: Arguments of a page of a table that leave all its rows on its pages. Any other is taken for a filter.
SHOWING_ALL = frozenset(
    ["_col", "_dl", "_extra", "_facet", "_facet_array", "_facet_date", "_facet_size", "_header", "_json",
     "_json_infinity", "_label", "_labels", "_next", "_nl", "_nocol", "_nocount", "_nosuggest", "_shape", "_size",
     "_sort", "_sort_desc", "_timelimit", "_trace", "_ttl"]
)  # fmt: skip


@hookimpl(hookwrapper=True)
def register_facet_classes() -> Generator[None, Any, None]:
    """Ours in the place of Datasette's, for the same facets."""
    outcome = yield
    outcome.force_result(
        [[TalliedFacet if facet is ColumnFacet else facet for facet in classes] for classes in outcome.get_result()]
    )


#: The values of a column with their counts, as Datasette orders them: the most frequent first, equal ones by value.
Tally = list[tuple[Any, int]]


def _sum(rows: list[list[Any]], column: int) -> Tally:
    """The counts of a column's values in rows that end with a count."""
    counts: Counter[Any] = Counter()
    for row in rows:
        if row[column] is not None:
            counts[row[column]] += row[-1]
    return sorted(counts.items(), key=lambda item: (-item[1], isinstance(item[0], str), item[0]))


class TalliedFacet(ColumnFacet):  # type: ignore[misc]  # Datasette has no types
    """Datasette's facet by the values of a column, without counting where it has been done.

    The counts do not change from one page of the same rows to the next; Datasette would count what is left.
    """

    async def facet_results(self) -> tuple[list[dict[str, Any]], list[str]]:
        """What Datasette's own gives: results for each facet, and those that took too long."""
        configs = self.get_configs()
        tallies = self._tallies()
        if any(self._column(entry["config"]) not in tallies for entry in configs):
            found: tuple[list[dict[str, Any]], list[str]] = await super().facet_results()
            return found
        return [await self._result(entry, tallies[self._column(entry["config"])]) for entry in configs], []

    def _tallies(self) -> dict[str, Tally]:
        """Counts by column, of all rows or of those with the values that were asked for; empty when they are not known."""
        published = (self.ds.inspect_data or {}).get(self.database) or {}
        counted = (published.get("tallies") or {}).get(self.table)
        filters = {name: self.request.args.getlist(name) for name in self.request.args if name not in SHOWING_ALL}
        if not counted or not all(name in counted["columns"] and len(values) == 1 for name, values in filters.items()):
            return {}
        if not filters:
            tallies: dict[str, Tally] = counted["values"]
            return tallies
        asked = [(counted["columns"].index(name), value) for name, (value,) in filters.items()]
        rows = [row for row in counted["combined"] if all(str(row[n]) == value for n, value in asked)]
        # Where there is none, SQLite may still find some: it takes 0503 for the number 503.
        return {column: _sum(rows, n) for n, column in enumerate(counted["columns"])} if rows else {}

    @staticmethod
    def _column(config: dict[str, str]) -> str:
        return config.get("column") or config["simple"]

    async def _result(self, entry: dict[str, Any], tally: Tally) -> dict[str, Any]:
        column, size = self._column(entry["config"]), self.get_facet_size()
        shown = tally[:size]
        labels = await self.ds.expand_foreign_keys(self.database, self.table, column, [value for value, _ in shown])
        asked = self.get_querystring_pairs()
        argument = f"{column}__exact" if column.startswith("_") else column
        results = []
        for value, count in shown:
            selected = (argument, str(value)) in asked
            change = path_with_removed_args if selected else path_with_added_args
            path = change(self.request, {argument: str(value) if selected else value})
            results.append(
                {
                    "value": value,
                    "label": labels.get((column, value), value),
                    "count": count,
                    "toggle_url": self.ds.absolute_url(self.request, self.ds.urls.path(path)),
                    "selected": selected,
                }
            )
        return {
            "name": column,
            "type": self.type,
            "hideable": entry["source"] != "metadata",
            "toggle_url": self.ds.urls.path(path_with_removed_args(self.request, {"_facet": column})),
            "results": results,
            "truncated": len(tally) > size,
        }
