"""One JSON Schema for a configuration, with the options of every plugin that is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from logsentry.config.tree import Alerts, BundleRef, Forward, Pipeline, Scoring
from logsentry.errors import Conflict, ContractBroken
from logsentry.registry import Registry, installed
from logsentry.schema.profile import Profile
from logsentry.schema.secret import Secret

_REF = "#/$defs/{name}"
_KINDS = ("inputs", "sources", "exporters")
_Types = dict[tuple[str, str], type]


def schema(registry: Registry | None = None, of: type[Pipeline] | type[Forward] = Pipeline) -> tuple[dict[str, Any], list[str]]:
    """The schema (JSON Schema 2020-12), and one sentence for each plugin that had to be left out of it."""
    configs, left_out = _configs(registry or installed())
    own = [*configs.values(), Profile, Alerts, BundleRef, Scoring, of]
    schemas, parts = msgspec.json.schema_components(own, schema_hook=_hook, ref_template=_REF)
    by_type = dict(zip(own, schemas, strict=True))
    for (kind, name), config in configs.items():
        parts[f"{kind}.{name}"] = _with_use(name, parts[_name(by_type[config])], kind == "sources" and by_type[Profile])
    top = parts.pop(_name(by_type[of]))
    for unused in ("Part", "SourcePart"):
        parts.pop(unused, None)
    if of is Pipeline:
        top["properties"]["inputs"] = {"type": "array", "minItems": 1, "items": _any(configs, "inputs")}
    top["properties"] |= {
        "exporters": {"type": "array", "minItems": 1, "items": _any(configs, "exporters")},
        "source": _any(configs, "sources"),
    }
    for struct in (top, *parts.values()):
        if "properties" in struct:
            struct["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": parts}, left_out


def _configs(registry: Registry) -> tuple[_Types, list[str]]:
    """The `Config` of every plugin that loads; `Conflict` and `ContractBroken` become the sentence that says why not."""
    found: _Types = {}
    left_out = []
    for offer in (offer for kind in _KINDS for offer in registry.offers(kind)):
        try:
            found[offer.kind, offer.name] = registry.get(offer.kind, offer.name).Config
        except (Conflict, ContractBroken) as error:
            left_out.append(str(error))
    return found, left_out


def _with_use(name: str, options: dict[str, Any], profile: dict[str, Any] | bool) -> dict[str, Any]:
    properties = {"use": {"const": name}, **options.get("properties", {})}
    if profile:
        properties["profile"] = {"type": "object", "description": "replaces keys of the source's own profile"}
    return {**options, "title": name, "properties": properties, "required": ["use", *options.get("required", [])]}


def _any(configs: Iterable[tuple[str, str]], kind: str) -> dict[str, Any]:
    choices = [{"$ref": _REF.format(name=f"{its_kind}.{name}")} for its_kind, name in configs if its_kind == kind]
    return {"anyOf": choices} if choices else {"not": {}}


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _hook(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "format": "password", "description": "text, ${VAR} or file:/path"}
    raise NotImplementedError(kind)
