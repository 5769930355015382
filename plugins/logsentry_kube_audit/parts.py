"""The small pieces of an audit event that are the same from line to line: who, from where, with which answer and why.

Each becomes finished ECS fields; `fields.py` keeps them, since a cluster has few users, addresses and answers.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import msgspec


class Piece(msgspec.Struct, frozen=True):
    """Finished fields; lists are tuples here."""

    scalars: dict[str, str | int | float | bool]
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()


class User(msgspec.Struct):
    username: str | None = None
    uid: str | None = None
    groups: list[str | None] | None = None
    extra: dict[str, list[str | None] | None] | None = None


class Status(msgspec.Struct):
    """`metav1.Status` without its metadata and details."""

    code: int | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None


NOTHING = Piece({})
_read_user = msgspec.json.Decoder(User | None).decode
_read_addresses = msgspec.json.Decoder(list[str] | None).decode
_read_status = msgspec.json.Decoder(Status | None).decode
_read_annotations = msgspec.json.Decoder(dict[str, Any] | None).decode


def user(data: bytes) -> Piece:
    """Whoever authenticated. The effective user is the same one, unless `impersonated` says otherwise afterwards."""
    who = (_read_user(data) if data else None) or User()
    piece = _user("kubernetes.audit.user", who)
    for name, value in (("name", who.username), ("id", who.uid)):
        if value:
            piece.scalars[f"user.{name}"] = piece.scalars[f"user.effective.{name}"] = value
    return piece


def impersonated(data: bytes) -> Piece:
    """As whom the request was judged (`Impersonate-User`): ECS calls that the effective user."""
    who = (_read_user(data) if data else None) or User()
    piece = _user("kubernetes.audit.impersonatedUser", who)
    for name, value in (("name", who.username), ("id", who.uid)):
        if value:
            piece.scalars[f"user.effective.{name}"] = value
    return piece


def _user(prefix: str, who: User) -> Piece:
    lists = [(f"{prefix}.groups", tuple(filter(None, who.groups or ())))]
    lists += [(f"{prefix}.extra.{_flat(key)}", tuple(filter(None, values or ()))) for key, values in (who.extra or {}).items()]
    scalars = {f"{prefix}.{name}": value for name, value in (("username", who.username), ("uid", who.uid)) if value}
    return Piece({**scalars}, tuple((name, values) for name, values in lists if values))


def addresses(data: bytes) -> Piece:
    """The client first, then the proxies. What is no address stays in `kubernetes.audit.sourceIPs` alone."""
    told = tuple(filter(None, (_read_addresses(data) if data else None) or ()))
    ips = tuple(dict.fromkeys(text for text in told if _is_ip(text)))
    lists = [(name, ips) for name in ("source.ip", "client.ip", "related.ip") if ips]
    return Piece({"source.address": told[0]}, (*lists, ("kubernetes.audit.sourceIPs", told))) if told else NOTHING


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone, which no field of type `ip` takes


def status(data: bytes) -> Piece:
    """The answer; `event.outcome` by RFC 9110: 400 and above is a failure. v1alpha1 may have no code but `Failure`."""
    answer = (_read_status(data) if data else None) or Status()
    fields: dict[str, str | int | float | bool] = {
        f"kubernetes.audit.responseStatus.{name}": value
        for name, value in (("status", answer.status), ("reason", answer.reason), ("message", answer.message))
        if value
    }
    if answer.code is not None and 100 <= answer.code <= 999:
        fields["kubernetes.audit.responseStatus.code"] = fields["http.response.status_code"] = answer.code
        fields["event.outcome"] = "failure" if answer.code >= 400 else "success"
    elif answer.status in ("Success", "Failure"):
        fields["event.outcome"] = answer.status.lower()
    return Piece(fields)


def notes(data: bytes) -> Piece:
    """Notes of authorizers and admission plugins: dots in their keys become `_`, as Elastic's pipeline has them."""
    told = {_flat(key): value for key, value in ((_read_annotations(data) if data else None) or {}).items()}
    fields: dict[str, str | int | float | bool] = {
        f"kubernetes.audit.annotations.{key}": value for key, value in told.items() if isinstance(value, str) and value
    }
    return Piece(fields)


def _flat(key: str) -> str:
    return key.replace(".", "_")
