"""The questions of `metadata.yml`, and the pages on which each arises.

Beside what Datasette reads, an entry under `queries:` has keys of our own: `group`, the heading it stands under;
`asked_on`, the kinds of pages that link to it; `needs`, what such a page must know for the question to make sense.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

#: Kinds of pages about one thing. Whatever else stands under `asked_on` is the name of a table or view.
THINGS = ("incident", "vendor", "region", "service", "source")
#: Tables with one of these a row.
TABLES: Mapping[str, str] = {f"{thing}s": thing for thing in THINGS}


class Question(msgspec.Struct, frozen=True):
    """A question as `metadata.yml` has it. `defaults` are the words or values that an empty parameter stands for.

    Only `name` and `title` are sure: somebody may add a query with nothing but SQL, and all pages still work.
    """

    name: str
    title: str
    description: str = ""
    group: str = "More"
    asked_on: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    defaults: Mapping[str, str] = {}
    needs: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """A question with those of its parameters filled in that are known where it is asked."""

    name: str
    title: str
    parameters: Mapping[str, str]


def questions(about: Mapping[str, Any]) -> tuple[Question, ...]:
    """The questions of a database, of which `about` is the entry in `metadata.yml`, in their order there.

    msgspec.ValidationError where a key is not of the type that it should be.
    """
    return tuple(
        msgspec.convert({"title": name, **(query if isinstance(query, Mapping) else {}), "name": name}, Question)
        for name, query in about.get("queries", {}).items()
    )


def grouped(every: Iterable[Question]) -> dict[str, list[Question]]:
    """The questions by heading, both in their own order."""
    groups: dict[str, list[Question]] = {}
    for question in every:
        groups.setdefault(question.group, []).append(question)
    return groups


def asked_on(every: Iterable[Question], page: str, known: Mapping[str, str | None]) -> list[Asked]:
    """What is asked on a kind of page (one of `THINGS`, or the name of a table or view), which knows these values.

    The page of a table knows nothing: there every question is asked as it stands.
    """
    given = {name: value for name, value in known.items() if value}
    return [
        _filled(question, given)
        for question in every
        if page in question.asked_on and (page not in THINGS or given.keys() >= set(question.needs))
    ]


def related(every: Iterable[Question], name: str, given: Mapping[str, str | None]) -> list[Asked]:
    """The other questions of the group of the question so named, about the same, as far as they have its parameters."""
    every = tuple(every)
    group = next((question.group for question in every if question.name == name), None)
    values = {parameter: value for parameter, value in given.items() if value}
    return [_filled(q, values) for q in every if q.group == group and q.name != name]


def _filled(question: Question, given: Mapping[str, str]) -> Asked:
    return Asked(question.name, question.title, {p: given[p] for p in question.params if p in given})
