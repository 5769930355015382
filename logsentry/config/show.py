"""A configuration back as YAML, with its defaults filled in and its secrets hidden."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml

from logsentry.config.document import Nodes
from logsentry.config.tree import Forward, Part, Pipeline, SourcePart
from logsentry.schema.secret import HIDDEN, Secret

_SECRET_NAME = re.compile(r"passw|secret|token|api_?key|credential", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")


def show(pipeline: Pipeline | Forward, redact: bool = True) -> str:
    """YAML that `load` reads to the same pipeline; with `redact`, secrets and the user part of URLs are `***`.

    Besides what is typed as `Secret`, text under a name like `password` or `token` is hidden too: a plugin's author may
    have forgotten the type.
    """
    plain = _plain(pipeline, redact)
    return yaml.dump(_escaped(plain), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Quotes exactly the text that our reader would take for a number, a truth value or nothing."""

    yaml_implicit_resolvers = Nodes.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _plain(value: Any, redact: bool, name: str = "") -> Any:
    if isinstance(value, Secret):
        return HIDDEN if redact else value.reveal()
    if isinstance(value, Part | SourcePart):
        own = {field: getattr(value, field) for field in value.__struct_fields__ if field not in ("use", "options")}
        options = _plain(value.options, redact)
        return {"use": value.use, **options, **{k: _plain(v, redact, k) for k, v in own.items() if v is not None}}
    if isinstance(value, msgspec.Struct):
        pairs = [(field.encode_name, getattr(value, field.name)) for field in msgspec.structs.fields(value)]
        return {key: _plain(inner, redact, key) for key, inner in pairs}
    if isinstance(value, dict):
        return {str(key): _plain(inner, redact, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner, redact, name) for inner in value]
    if isinstance(value, str) and redact:
        return HIDDEN if value and _SECRET_NAME.search(name) else _USERINFO.sub(f"{HIDDEN}@", value)
    return msgspec.to_builtins(value)


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value.replace("${", "$${") if isinstance(value, str) else value
