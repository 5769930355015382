"""Elastic Common Schema: which field names exist, what type each has, and how flat names become a nested document.

`ecs_fields.json` beside this file is the field list of ECS 9.5 (elastic/ecs, `generated/csv/fields.csv`, Apache-2.0)
with types alone; a name that ends in `[]` there is normalized to an array.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "long": (int,),
    "integer": (int,),
    "float": (int, float),
    "double": (int, float),
    "scaled_float": (int, float),
    "object": (dict, str),
    "nested": (list,),
    "flattened": (dict, str),
}


@cache
def field_types() -> Mapping[str, str]:
    """{field name: ECS type}, array fields as `type[]`."""
    text = files("logsentry.schema").joinpath("ecs_fields.json").read_text(encoding="utf-8")
    fields: dict[str, str] = json.loads(text)["fields"]
    return fields


def unknown_names(names: Iterable[str], own_prefixes: tuple[str, ...] = ()) -> list[str]:
    """Names that are neither in ECS nor below one of a source's own prefixes (`winlog.`, `auditd.`)."""
    known = field_types()
    return [name for name in names if name not in known and not name.startswith(own_prefixes or ("\0",))]


def wrong_types(fields: Mapping[str, Any]) -> list[str]:
    """One sentence for each ECS field whose value has not the type that ECS gives it."""
    found = []
    for name, value in fields.items():
        kind = field_types().get(name)
        if kind is None:
            continue
        values = value if isinstance(value, list) else [value]
        allowed = _PYTHON_TYPES.get(kind.removesuffix("[]"), (str,))
        if not all(isinstance(v, allowed) and (bool in allowed or not isinstance(v, bool)) for v in values):
            found.append(f"{name} is {kind} in ECS, not {type(values[0]).__name__}")
    return found


def nest(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`{"a.b": 1, "a.c": 2}` -> `{"a": {"b": 1, "c": 2}}`.

    Where one name is also the parent of another (`a` beside `a.b`) the longer one keeps its dots, so that neither is lost.
    """
    document: dict[str, Any] = {}
    for name in sorted(fields):
        *parents, leaf = name.split(".")
        inner = document
        for parent in parents:
            step = inner.setdefault(parent, {})
            if not isinstance(step, dict):
                inner, leaf = document, name
                break
            inner = step
        inner[leaf] = fields[name]
    return document
