"""YAML text into plain values that still know their lines.

Only the part of YAML that a configuration needs: one document, the plain types of YAML 1.2's core schema (so `no`, `22:30`
and `2024-01-01` stay text), no anchors, no aliases, no tags, at most `MAX_DEPTH` levels and `MAX_BYTES` bytes. What the
values mean is left to `check` and `load`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from logsentry.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

Place = tuple[str | int, ...]
"""Where a value is: `("inputs", 0, "paths")`."""


class Document(msgspec.Struct, frozen=True):
    """`lines` holds the line of every key and list item; `substituted` the places whose text came from a variable."""

    file: str
    values: Any
    lines: Mapping[Place, int]
    substituted: frozenset[Place] = frozenset()

    def error(self, place: Place, sentence: str) -> ConfigError:
        """The sentence with file and line in front; a place that is not in the file has the line of its parent."""
        while place and place not in self.lines:
            place = place[:-1]
        return ConfigError(f"{self.file}:{self.lines.get(place, 1)}: {sentence}")


def spell(place: Place) -> str:
    """`("inputs", 0, "paths")` -> `inputs[0].paths`"""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") or "the file"


def read(path: str | Path) -> Document:
    """The document in a file; raises `ConfigError`, one sentence, for whatever is wrong with the file or its YAML."""
    file, text = str(path), _text(path)
    try:
        node = Nodes(text).get_single_node()
        if node is None:
            raise ConfigError(f"{file} is empty; `logsentry config schema` says what it may hold")
        lines: dict[Place, int] = {}
        return Document(file, _value(node, (), lines), lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}:{line}: {_problem(error, text.splitlines()[line - 1 : line])}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{file}:{line}: the character {_character(error)} is not allowed in YAML") from error


def _text(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES:,} bytes; a configuration is not")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: byte {error.start:,} is not UTF-8; save the file as UTF-8") from error


def _problem(error: yaml.MarkedYAMLError, line: list[str]) -> str:
    problem = error.problem or "this is not YAML"
    if r"character '\t'" in problem:
        return "a tab cannot indent YAML; use blanks"
    if "flow" in str(error.context) and "${" in "".join(line):
        return "a `${...}` between { } or [ ] must be quoted"
    return f"{problem} ({error.context})" if error.context else problem


def _character(error: yaml.reader.ReaderError) -> str:
    character = error.character
    return f"U+{character if isinstance(character, int) else ord(character):04X}"


class Nodes(yaml.SafeLoader):
    """Nodes with their marks; the limits of this module are kept while the nodes are made, so nothing can blow up first."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None):
            raise yaml.MarkedYAMLError(None, None, "anchors and aliases (& and *) are not supported", event.start_mark)
        if self.depth == MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, f"this is nested more than {MAX_DEPTH} levels deep", event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_TAG = "tag:yaml.org,2002:"
for _name, _pattern, _first in [
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?(0|[1-9][0-9]{0,18})", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", list("-+.0123456789")),
]:
    Nodes.add_implicit_resolver(_TAG + _name, re.compile(rf"^({_pattern})$"), _first)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("the number is too large")
    return number


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    _TAG + "null": lambda text: None,
    _TAG + "bool": lambda text: text == "true",
    _TAG + "int": int,
    _TAG + "float": _finite,
    _TAG + "str": str,
}


def _value(node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        return [_value(item, (*place, index), lines) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        return _mapping(node, place, lines)
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        try:
            return _SCALARS[node.tag](node.value)
        except ValueError as error:
            raise yaml.MarkedYAMLError(None, None, str(error), node.start_mark) from error
    tag = node.tag.replace(_TAG, "!!")
    raise yaml.MarkedYAMLError(None, None, f"the tag {tag!r} is not supported", node.start_mark)


def _mapping(node: yaml.MappingNode, place: Place, lines: dict[Place, int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag != _TAG + "str":
            raise yaml.MarkedYAMLError(None, None, f"a key of {spell(place)} is not text; quote it", key.start_mark)
        inner = (*place, key.value)
        if key.value in values:
            raise yaml.MarkedYAMLError(None, None, f"{spell(inner)} was given before, in line {lines[inner]}", key.start_mark)
        lines[inner] = key.start_mark.line + 1
        values[key.value] = _value(value, inner, lines)
    return values
