"""What a cluster has against what it should have, path by path.

A cluster gives back more than it was given (dates, defaults), and numbers and truth values of settings as text. So only what we say
is compared, except below the parts where an addition changes what is stored: there everything counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

WHOLE = ("template.mappings.", "template.settings.", "processors.")
"""Paths below which an addition is a difference."""


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """One phrase for each path that differs, in order of the paths; none where both are equal."""
    ours, theirs = dict(_leaves(wanted)), dict(_leaves(found))
    paths = sorted(ours.keys() | {path for path in theirs if path.startswith(WHOLE)})
    return [
        f"{path} is {theirs.get(path, 'not there')}, would be {ours.get(path, 'not there')}"
        for path in paths
        if ours.get(path) != theirs.get(path)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path, text) of everything that is not a mapping; items of lists of mappings are numbered."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}.{number}")
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list) else str(value)
