"""Who took part in a visit: client, proxies, server, host name and user, as ECS fields.

Most lines of a log share these with many others, so what was made of them is kept by the words themselves.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from logsentry_http_access.address import address_fields, as_ip, first_public

BLANK = frozenset(("", "-", '""', "<nil>"))
"""What servers write where they have nothing to say."""

_KEPT_LENGTH = 512  # longer words are read anew each time, so that hostile ones cannot fill the memory
_SEPARATOR = re.compile(r"[\s,+]+")
_DOMAIN_USER = re.compile(r"([^\\/@\s]+)\\{1,2}([^\\]+)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\"]+)(?::([0-9]{1,5}))?")


class Parties(msgspec.Struct, frozen=True):
    """`fields` are scalars; lists are made anew for each event."""

    fields: dict[str, str | int]
    ips: tuple[str, ...]
    hops: tuple[str, ...]


def parties(client: str, forwarded: str, server: str, vhost: str, user: str, upstream: str) -> Parties:
    """Client and forwarded may be lists of addresses, the farthest first; upstream may be one of servers that were tried."""
    words = (client, forwarded, server, vhost, user, upstream)
    return _kept(*words) if sum(map(len, words)) <= _KEPT_LENGTH else _read(*words)


def hops(text: str) -> list[str]:
    """The addresses of a list such as `10.0.0.2, 10.0.0.1`, the farthest first."""
    return [hop for hop in _SEPARATOR.split(text) if hop not in BLANK] if text else []


def _read(client: str, forwarded: str, server: str, vhost: str, user: str, upstream: str) -> Parties:
    fields: dict[str, str | int] = {}
    behind = hops(forwarded)
    clients = hops(client) or behind
    if clients:
        fields |= address_fields("source", first_public(clients))
    ips = [ip for ip in map(as_ip, behind) if ip is not None]
    if ips and len(ips) == len(behind):
        fields["client.ip"] = fields["network.forwarded_ip"] = ips[0]
    if server:
        fields |= address_fields("destination", server)
    _add_host(fields, vhost)
    if user:
        domain = _DOMAIN_USER.fullmatch(user)
        fields["user.name"] = domain[2] if domain else user
        if domain:
            fields["user.domain"] = domain[1]
    found = [fields.get("source.ip"), fields.get("destination.ip"), *map(as_ip, clients), *ips, *map(as_ip, hops(upstream))]
    return Parties(fields, tuple(dict.fromkeys(str(ip) for ip in found if ip)), tuple(clients))


_kept = lru_cache(maxsize=8192)(_read)


def _add_host(fields: dict[str, str | int], vhost: str) -> None:
    """The name in the Host header: the client's claim, so it is the destination only where no server stands on the line."""
    if (host := _HOST.fullmatch(vhost)) is None:
        return
    name = host[1].strip("[]")
    fields["url.domain"] = name
    if "destination.address" not in fields:
        fields |= address_fields("destination", name)
    elif as_ip(name) is None:
        fields["destination.domain"] = name
    if host[2]:
        fields["url.port"] = int(host[2])
