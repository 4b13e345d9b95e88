"""YAML files read into typed structs, every mistake named with its file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(Exception):
    """A hand-written file is wrong; the message starts with `file:line:`."""


def read(path: Path, kind: type[T]) -> T:
    """The content of `path` as `kind`. Unknown keys, duplicate keys and wrong types raise YamlError."""
    text = path.read_bytes()
    try:
        data, lines = _parse(text, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(f"{path}:{mark.line + 1 if mark else 1}: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count(b"\n") + 1
        raise YamlError(f"{path}:{line}: {error.reason}") from error
    except RecursionError as error:
        raise YamlError(f"{path}:1: an alias stands within itself") from error
    try:
        return msgspec.convert(data, type=kind, strict=True)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        where = where.removeprefix("key` in `").rstrip("`") or "$"  # msgspec words a key of a wrong type so
        raise YamlError(f"{path}:{_line(lines, where, message)}: {message} (in {where.removeprefix('$.')})") from error


def _parse(text: bytes, path: Path) -> tuple[Any, dict[str, int]]:
    """The document, and the line of every value in it."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise YamlError(f"{path}:1: the file is empty")
        lines: dict[str, int] = {}
        _index(node, "$", lines, path, loader)
        return loader.construct_document(node), lines
    finally:
        loader.dispose()


def _index(node: yaml.Node, where: str, lines: dict[str, int], path: Path, loader: Any) -> None:
    """Remember the line of every value, named as msgspec names paths."""
    lines[where] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[Any] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError(f"{path}:{key.start_mark.line + 1}: a key is a word")
            if key.value in seen:
                raise YamlError(f"{path}:{key.start_mark.line + 1}: key {key.value!r} stands twice")
            seen.add(key.value)
            _index(value, f"{where}.{key.value}", lines, path, loader)
            lines[f"{where}.{key.value}"] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _index(value, f"{where}[{number}]", lines, path, loader)
    else:
        try:
            loader.construct_object(node)
        except ValueError as error:  # a date or a number that does not exist
            raise YamlError(f"{path}:{node.start_mark.line + 1}: {node.value}: {error}") from error


def _line(lines: dict[str, int], where: str, message: str) -> int:
    """The line of the path in a msgspec message; for an unknown key, that key's own line."""
    unknown = re.search(r"unknown field `([^`]+)`", message)
    if unknown and f"{where}.{unknown[1]}" in lines:
        return lines[f"{where}.{unknown[1]}"]
    while where not in lines:
        shorter = re.sub(r"(\.[^.\[\]]*|\[[^\]]*\])$", "", where)
        if shorter == where:
            return 1
        where = shorter
    return lines[where]
