"""A configuration file into a `Pipeline` or a `Forward`: read, substitute variables, check each plugin's options against its own struct."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from logsentry.config.check import typed, unknown
from logsentry.config.document import Document, Place, read, spell
from logsentry.config.substitute import substitute
from logsentry.config.tree import Forward, Part, Pipeline, SourcePart
from logsentry.errors import UsageError
from logsentry.registry import Registry, installed
from logsentry.schema.profile import Profile
from logsentry.sdk import Checked


def load(path: str | Path, registry: Registry | None = None, environment: Mapping[str, str] | None = None) -> Pipeline:
    """The checked configuration in a file.

    Raises `ConfigError` with file and line for anything that is wrong in it, and `ContractBroken` where a plugin that it
    names does not load.
    """
    document = _document(path, environment)
    if _listens(document):
        raise document.error(("listen",), "what listens is for `logsentry serve --forward`; give `inputs` here")
    return Pipeline(**_values(document, registry or installed(), Pipeline))


def load_forward(path: str | Path, registry: Registry | None = None, environment: Mapping[str, str] | None = None) -> Forward:
    """The same for a file that says `listen` where others say `inputs`. Raises what `load` raises."""
    document = _document(path, environment)
    if isinstance(document.values, dict) and "inputs" in document.values:
        raise document.error(("inputs",), "inputs are for `logsentry run`; give `listen` here")
    found = Forward(**_values(document, registry or installed(), Forward))
    syslog = found.listen.syslog
    if not (found.listen.bulk or found.listen.hec or (syslog is not None and (syslog.tcp or syslog.udp))):
        raise document.error(("listen",), "listen should turn on at least one of bulk, hec and syslog (tcp, udp)")
    return found


def load_any(path: str | Path) -> Pipeline | Forward:
    """Whichever of the two the file is."""
    return load_forward(path) if _listens(read(path)) else load(path)


def _document(path: str | Path, environment: Mapping[str, str] | None) -> Document:
    return substitute(read(path), os.environ if environment is None else environment)


def _listens(document: Document) -> bool:
    return isinstance(document.values, dict) and "listen" in document.values


def _values(document: Document, registry: Registry, kind: type[Pipeline] | type[Forward]) -> dict[str, Any]:
    values = _mapping(document, (), document.values)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    unknown(document, (), values, fields)
    for name, field in fields.items():
        if field.required and name not in values:
            raise document.error((), f"the key {name!r} is missing")
    built: dict[str, Any] = {}
    for name, value in values.items():
        if name in ("inputs", "exporters"):
            built[name] = _parts(document, name, value, registry)
        elif name == "source":
            built[name] = _source(document, value, registry)
        else:
            built[name] = typed(document, (name,), value, fields[name].type)
    return built


def _parts(document: Document, kind: str, value: Any, registry: Registry) -> tuple[Part, ...]:
    if not isinstance(value, list) or not value:
        raise document.error((kind,), f"{kind} should be a list with at least one entry, each with `use: NAME`")
    return tuple(_part(document, (kind, index), kind, item, registry) for index, item in enumerate(value))


def _part(document: Document, place: Place, kind: str, value: Any, registry: Registry) -> Part:
    options = _mapping(document, place, value)
    use, cls = _plugin(document, place, kind, options, registry)
    return Part(use, _options(document, place, _without(options, "use"), cls.Config, also=("use",)))


def _source(document: Document, value: Any, registry: Registry) -> SourcePart:
    place: Place = ("source",)
    options = _mapping(document, place, value)
    use, cls = _plugin(document, place, "sources", options, registry)
    rest = _without(options, "use", "profile")
    config = _options(document, place, rest, cls.Config, also=("use", "profile"))
    return SourcePart(use, config, _profile(document, (*place, "profile"), options.get("profile"), cls.profile))


def _options(document: Document, place: Place, value: Any, config: Any, also: tuple[str, ...]) -> Any:
    """A plugin's own options, refused where the plugin itself would refuse them."""
    options = typed(document, place, value, config, also)
    if isinstance(options, Checked):
        try:
            options.check()
        except UsageError as error:
            raise document.error(place, str(error)) from error
    return options


def _profile(document: Document, place: Place, override: Any, own: Profile) -> Profile | None:
    """Each key that the file gives replaces that of the source's own profile; the others stay."""
    if override is None:
        return None
    given = _mapping(document, place, override)
    return typed(document, place, {**msgspec.to_builtins(own), **given}, Profile)


def _plugin(document: Document, place: Place, kind: str, options: dict[str, Any], registry: Registry) -> tuple[str, Any]:
    use = options.get("use")
    if not isinstance(use, str):
        raise document.error((*place, "use"), f"{spell(place)} should say `use: NAME` of a plugin")
    try:
        return use, registry.get(kind, use)
    except UsageError as error:
        raise document.error((*place, "use"), f"{error} (in {spell(place)})") from error


def _mapping(document: Document, place: Place, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise document.error(place, f"{spell(place)} should be a mapping (`name: value`)")
    return value


def _without(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in names}
