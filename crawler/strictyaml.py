"""YAML files read into typed structs, every mistake named with its file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORD, _LIST, _MAPPING = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))


class YamlError(Exception):
    """A hand-written file is wrong; the message starts with `file:line:`."""


def read(path: Path, kind: type[T]) -> T:
    """The content of `path` as `kind`. Unknown keys, duplicate keys and wrong types raise YamlError."""
    text = path.read_bytes()
    try:
        data, root = _parse(text, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(f"{path}:{mark.line + 1 if mark else 1}: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count(b"\n") + 1
        raise YamlError(f"{path}:{line}: {error.reason}") from error
    try:
        return msgspec.convert(data, type=kind, strict=True)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        where = where.removeprefix("key` in `").rstrip("`") or "$"  # msgspec words a key of a wrong type so
        try:
            line = _line(_lines(root), where, message)
        except RecursionError:
            raise YamlError(f"{path}:1: an alias stands within itself") from error
        raise YamlError(f"{path}:{line}: {message} (in {where.removeprefix('$.')})") from error


def _parse(text: bytes, path: Path) -> tuple[Any, yaml.Node]:
    """The document, and its tree, which knows the line of every value."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise YamlError(f"{path}:1: the file is empty")
        _check_keys(root, path)
        try:
            return _built(root, loader), root
        except ValueError as error:  # a date or a number that does not exist
            bad = next((node for node in _scalars(root) if _fails(loader, node)), root)
            raise YamlError(f"{path}:{bad.start_mark.line + 1}: {bad.value}: {error}") from error
    finally:
        loader.dispose()


def _built(node: yaml.Node, loader: Any) -> Any:
    """The value of a node. PyYAML's own constructor does this too, and takes three times as long for plain words."""
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.tag == _WORD else loader.construct_object(node, deep=True)
    if isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
        return [_built(item, loader) for item in node.value]
    if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING and all(key.tag == _WORD for key, _ in node.value):
        return {key.value: _built(value, loader) for key, value in node.value}
    return loader.construct_object(node, deep=True)


def _check_keys(root: yaml.Node, path: Path) -> None:
    """Every key is a word, and stands once."""
    waiting = [root]
    done: set[int] = set()  # an alias may stand for a node twice, or within itself
    while waiting:
        node = waiting.pop()
        if id(node) in done:
            continue
        done.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[Any] = set()
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise YamlError(f"{path}:{key.start_mark.line + 1}: a key is a word")
                if key.value in seen:
                    raise YamlError(f"{path}:{key.start_mark.line + 1}: key {key.value!r} stands twice")
                seen.add(key.value)
                if not isinstance(value, yaml.ScalarNode):
                    waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += [item for item in node.value if not isinstance(item, yaml.ScalarNode)]


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _scalars(value)
    elif isinstance(node, yaml.ScalarNode):
        yield node


def _fails(loader: Any, node: yaml.ScalarNode) -> bool:
    try:
        loader.construct_object(node)
    except ValueError:
        return True
    return False


def _lines(node: yaml.Node, where: str = "$") -> dict[str, int]:
    """The line of every value, named as msgspec names paths."""
    lines = {where: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines |= _lines(value, f"{where}.{key.value}")
            lines[f"{where}.{key.value}"] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines |= _lines(value, f"{where}[{number}]")
    return lines


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
