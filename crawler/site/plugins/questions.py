"""What templates call to link the questions of `metadata.yml` from where they arise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from pluggy import HookimplMarker

from crawler.site.questions import TABLES, Asked, Question, asked_on, grouped, questions, related
from crawler.site.serving import DATABASE

hookimpl = HookimplMarker("datasette")


@hookimpl
def extra_template_vars(datasette: Any) -> dict[str, Any] | None:
    """Functions: `questions_on(page, **known)` and `questions_near(name, given)` give titles and addresses,
    `question_groups()` every question by its heading; `page_of` names the page a row of a table is one of.
    """
    if DATABASE not in datasette.databases:
        return None

    def every() -> tuple[Question, ...]:
        return questions(datasette.metadata("databases")[DATABASE])

    def linked(found: Iterable[Asked]) -> list[tuple[str, str]]:
        return [
            (
                one.title,
                datasette.urls.query(DATABASE, one.name) + (f"?{urlencode(one.parameters)}" if one.parameters else ""),
            )
            for one in found
        ]

    def on(page: str, **known: str | None) -> list[tuple[str, str]]:
        return linked(asked_on(every(), page, known))

    def near(name: str, given: Mapping[str, str | None]) -> list[tuple[str, str]]:
        return linked(related(every(), name, given))

    def groups() -> dict[str, list[tuple[str, str]]]:
        return {group: linked(Asked(q.name, q.title, {}) for q in of) for group, of in grouped(every()).items()}

    return {"questions_on": on, "questions_near": near, "question_groups": groups, "page_of": TABLES}
