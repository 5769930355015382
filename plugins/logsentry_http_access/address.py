"""Addresses as servers log them: IPv4, IPv6 with or without zone, with a port, a host name, `unix:`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_FOUR = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")  # the usual case, many times faster than `ipaddress`
_PORT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<four>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?")
_NAME = re.compile(r"((?=[^:]*[A-Za-z])[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?)(?::([0-9]{1,5}))?")
_KEPT_LENGTH = 64  # longer texts are read anew each time, so that hostile ones cannot fill the memory
# RFC 1918, 6598, 1122, 3927, 4193, 4291: a hop inside one of these is a proxy of ours, not the visitor.
_INSIDE = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7",
        "fe80::/10", "::1/128",
    )
)  # fmt: skip


def as_ip(text: str) -> str | None:
    """The address without zone, port and brackets, or None where the text is no address.

    >>> as_ip("fe80::1%eth0"), as_ip("[2a02:cf40::]:9200"), as_ip("localhost")
    ('fe80::1', '2a02:cf40::', None)
    """
    if _FOUR.fullmatch(text):
        return text
    if "." not in text and ":" not in text:
        return None
    return _kept(text) if len(text) <= _KEPT_LENGTH else _rare(text)


def _rare(text: str) -> str | None:
    ported = _PORT.fullmatch(text)
    bare = (ported["six"] or ported["four"] if ported else text).partition("%")[0]
    if _FOUR.fullmatch(bare):
        return bare
    try:
        ip_address(bare)
    except ValueError:
        return None
    return bare


_kept = lru_cache(maxsize=8192)(_rare)


def address_fields(side: str, text: str) -> dict[str, str | int]:
    """ECS fields of one address: `address` as it was logged but for its port, and `ip`, `port` or `domain` where it has one.

    >>> address_fields("source", "[2a02:cf40::]:9200")
    {'source.address': '2a02:cf40::', 'source.ip': '2a02:cf40::', 'source.port': 9200}
    """
    fields: dict[str, str | int] = {f"{side}.address": text}
    if (ip := as_ip(text)) is not None:
        fields[f"{side}.ip"] = ip
        ported = None if ip == text else _PORT.fullmatch(text)
        if ported is not None and ported["port"]:
            fields |= {f"{side}.address": ported["six"] or ported["four"], f"{side}.port": int(ported["port"])}
    elif (name := _NAME.fullmatch(text)) is not None:
        fields |= {f"{side}.address": name[1], f"{side}.domain": name[1]}
        if name[2]:
            fields[f"{side}.port"] = int(name[2])
    return fields


def first_public(hops: Sequence[str]) -> str:
    """The farthest hop that is reachable from everywhere, or else the farthest: proxies add themselves at the end."""
    for hop in hops if len(hops) > 1 else ():
        ip = as_ip(hop)
        if ip is not None and not any(ip_address(ip) in network for network in _INSIDE):
            return hop
    return hops[0]
