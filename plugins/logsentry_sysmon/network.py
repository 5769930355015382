"""Addresses of events 3 and 22."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_LONGEST = 64


def as_ip(text: str) -> str | None:
    """An address as ECS wants it, without zone, brackets and the IPv6 clothes of an IPv4 address; None where it is no address.

    >>> as_ip("::ffff:1.2.3.4"), as_ip("fe80:0:0:0:1:0:0:1%5"), as_ip("2A02:CF40::1"), as_ip("-")
    ('1.2.3.4', 'fe80:0:0:0:1:0:0:1', '2A02:CF40::1', None)
    """
    return _kept(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=8192)
def _kept(text: str) -> str | None:
    bare = text.strip().strip("[]").partition("%")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return bare
