"""What every format says of a visit, under one set of names, made into ECS fields.

A format's module cuts a line into words and calls them by the names in `NAMES`; this module alone knows which ECS field each
becomes and what follows from it (outcome, related addresses, message). Fields that one format alone has are its own business:
it hands them over ready-made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from logsentry.sdk import Value
from logsentry_http_access.outcome import outcome
from logsentry_http_access.parties import BLANK, parties
from logsentry_http_access.request import request_fields, stem_fields, target_fields
from logsentry_http_access.tls import tls_fields

NAMES = frozenset((
    "client", "client_port", "user", "ident", "request", "method", "target", "stem", "query", "version", "status",
    "body_bytes", "sent_bytes", "request_bytes", "request_body_bytes", "referrer", "agent", "seconds", "milliseconds",
    "microseconds", "nanoseconds", "vhost", "server", "server_port", "forwarded", "upstream", "request_id", "tls_version",
    "tls_cipher", "sni", "scheme", "pid",
))  # fmt: skip
"""`target` is a path with its query, `stem` a path alone (IIS); sizes are bytes; `forwarded` and `upstream` may be lists."""

_COUNT = re.compile(r"[+]?[0-9]{1,18}").fullmatch
_DECIMAL = re.compile(r"[+]?([0-9]{1,18})\.([0-9]{1,9})[0-9]*").fullmatch


class Visit(msgspec.Struct, frozen=True):
    """One line, read. `time` is nanoseconds since 1970, or None where the line carries none."""

    time: int | None
    fields: dict[str, Value]
    message: str


def visit(time: int | None, words: Mapping[str, str], own: Mapping[str, Value]) -> Visit:
    """The ECS fields of `words`, with a format's `own` fields over them. Words that are blank, `-` or no number are left out."""
    said = {name: word for name, word in words.items() if word not in BLANK}
    told = said.get
    who = parties(
        told("client", ""), told("forwarded", ""), told("server", ""), told("vhost", ""), told("user", ""), told("upstream", "")
    )
    fields: dict[str, Value] = {"event.kind": "event", "event.category": ["web"], "event.type": ["access"], **who.fields}
    if len(who.hops) > 1:
        fields["http_access.hops"] = list(who.hops)
    for name, word in said.items():
        if (plain := _PLAIN.get(name)) is not None:
            field, read = plain
            if (value := word if read is None else read(word)) is not None:
                fields[field] = value
    _add_request(fields, said)
    if isinstance(code := fields.get("http.response.status_code"), int):
        fields["event.outcome"] = outcome(code)
    if "tls_version" in said or "tls_cipher" in said:
        fields |= tls_fields(told("tls_version", ""), told("tls_cipher", ""))
    fields |= own
    _add_related(fields, who.ips, own)
    return Visit(time, fields, _message(fields, said))


def count(text: str) -> int | None:
    """A number of bytes, a status or a port; HAProxy writes a plus sign before a size that was still growing."""
    if text.isdecimal() and len(text) <= 18 and text.isascii():
        return int(text)
    return int(text) if _COUNT(text) else None


def duration(text: str, unit: int) -> int | None:
    """Nanoseconds of a decimal number of units (of so many nanoseconds); None for -1 and the like."""
    if (whole := count(text)) is not None:
        return whole * unit
    found = _DECIMAL(text)
    return None if found is None else int(found[1]) * unit + int(found[2].ljust(9, "0")) * unit // 1_000_000_000


_PLAIN: dict[str, tuple[str, Callable[[str], int | None] | None]] = {
    "referrer": ("http.request.referrer", None), "agent": ("user_agent.original", None), "request_id": ("http.request.id", None),
    "ident": ("http_access.ident", None), "sni": ("tls.client.server_name", None), "scheme": ("url.scheme", None),
    "method": ("http.request.method", None), "status": ("http.response.status_code", count),
    "body_bytes": ("http.response.body.bytes", count), "sent_bytes": ("http.response.bytes", count),
    "request_bytes": ("http.request.bytes", count), "request_body_bytes": ("http.request.body.bytes", count),
    "client_port": ("source.port", count), "server_port": ("destination.port", count), "pid": ("process.pid", count),
    "seconds": ("event.duration", partial(duration, unit=1_000_000_000)),
    "milliseconds": ("event.duration", partial(duration, unit=1_000_000)),
    "microseconds": ("event.duration", partial(duration, unit=1_000)), "nanoseconds": ("event.duration", partial(duration, unit=1)),
}  # fmt: skip
"""Words that become one field by themselves: its name, and what reads a number."""


def _add_request(fields: dict[str, Value], said: Mapping[str, str]) -> None:
    if "request" in said:
        fields |= request_fields(said["request"])
    if (target := said.get("target")) is not None:
        fields["url.original"] = target
        fields |= target_fields(said.get("method", ""), target)
    elif "stem" in said:
        fields |= stem_fields(said["stem"])
    if "query" in said and (query := said["query"].removeprefix("?")):
        fields["url.query"] = query
    if "version" in said and (version := said["version"].upper().removeprefix("HTTP/")):
        fields["http.version"] = version


def _add_related(fields: dict[str, Value], ips: tuple[str, ...], own: Mapping[str, Value]) -> None:
    """All addresses and users; those that a format found by itself come last."""
    found = list(ips)
    if "destination.ip" in own or "related.ip" in own:
        also = own.get("related.ip", [])
        found += [str(ip) for ip in (own.get("destination.ip"), *(also if isinstance(also, list) else ())) if ip]
        found = list(dict.fromkeys(found))
    if found:
        fields["related.ip"] = found
    if isinstance(user := fields.get("user.name"), str):
        fields["related.user"] = [user]


def _message(fields: Mapping[str, Value], said: Mapping[str, str]) -> str:
    who = fields.get("source.address", "somebody")
    asked = said.get("request") or " ".join([said[name] for name in ("method", "target", "stem") if name in said])
    if "error.message" in fields:
        return f"{who} was not served: {fields['error.message']}"
    if not asked and "http.response.status_code" not in fields:
        return f"{who} was connected to {fields.get('destination.address', 'a server')}"
    return f"{who} asked {asked or '-'} and got {said.get('status', '-')}"
