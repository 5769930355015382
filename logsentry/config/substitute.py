"""`${VAR}` and `${VAR:-default}` in the text values of a document, after it was parsed.

What a variable holds can therefore never become a key, a list or another variable. `$${` stands for a plain `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from logsentry.config.document import Document, Place, spell

_REFERENCE = re.compile(r"(?P<plain>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}|\$\{")


def substitute(document: Document, environment: Mapping[str, str]) -> Document:
    """The document with its variables replaced; raises `ConfigError` with the line of a variable that is not set.

    As in a shell, the default counts where the variable is unset or empty.
    """
    places: set[Place] = set()

    def replaced(value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            return {key: replaced(inner, (*place, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [replaced(inner, (*place, index)) for index, inner in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        places.add(place)
        return _REFERENCE.sub(lambda match: _meant(match, document, place, environment), value)

    values = replaced(document.values, ())
    return msgspec.structs.replace(document, values=values, substituted=frozenset(places))


def _meant(match: re.Match[str], document: Document, place: Place, environment: Mapping[str, str]) -> str:
    if match["plain"]:
        return "${"
    name, default = match["name"], match["default"]
    if name is None:
        raise document.error(place, f"`${{` in {spell(place)} begins no variable; write ${{NAME}}, or $${{ for the characters")
    value = environment.get(name)
    if default is not None and not value:
        return default.removeprefix(":-")
    if value is None:
        raise document.error(place, f"the variable {name} of {spell(place)} is not set; set it, or write ${{{name}:-default}}")
    if not value.isprintable() and any("\ud800" <= character <= "\udfff" for character in value):
        raise document.error(place, f"the variable {name} of {spell(place)} is not UTF-8")
    return value
