"""JSON lines: which server wrote one, by the names in it. Each server's names are in a module of its own.

A line of Docker's json-file driver (`{"log": "…", "stream": "stdout", "time": "…"}`) is only a wrapping: `unwrapped` takes it off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from logsentry.sdk import BadRecord, Filtered
from logsentry_http_access.caddy import caddy
from logsentry_http_access.envoy import envoy
from logsentry_http_access.nginx_json import nginx
from logsentry_http_access.traefik import traefik
from logsentry_http_access.visit import Visit

_decoded = msgspec.json.Decoder().decode
_TRAEFIK = frozenset(("DownstreamStatus", "RequestMethod", "OriginStatus"))
_CADDY = frozenset(("logger", "level"))
_ENVOY = frozenset(
    ("response_code", "downstream_remote_address", "response_flags", "x-envoy-origin-path", "x-envoy-original-path")
)


def unwrapped(text: str) -> str:
    """The line inside Docker's own JSON, or the text as it is."""
    if not text.startswith('{"log":'):
        return text
    try:
        outer = _decoded(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    inner = outer.get("log") if isinstance(outer, dict) and "stream" in outer else None
    return inner.rstrip("\r\n") if isinstance(inner, str) else text


def json_line(text: str) -> Visit | Filtered | None:
    """A visit of Traefik, Caddy, Envoy or nginx; None where the text is no JSON object.

    Raises `BadRecord` where it is one that names neither a request nor a client.
    """
    if not text.startswith("{"):
        return None
    try:
        entry = _decoded(text)
    except RecursionError:
        raise BadRecord("the JSON is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise BadRecord(f"the line begins like JSON and is none: {error}") from None
    return _visit(entry) if isinstance(entry, dict) else None


def _visit(entry: Mapping[str, Any]) -> Visit | Filtered:
    names = entry.keys()
    if names & _TRAEFIK:
        return traefik(entry)
    if names >= _CADDY:
        return caddy(entry) if isinstance(entry.get("request"), dict) else Filtered("not an access entry of Caddy")
    if names & _ENVOY:
        return envoy(entry)
    return nginx(entry)
