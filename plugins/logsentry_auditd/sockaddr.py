"""Socket addresses: the `saddr` of a SOCKADDR record, a C struct in hexadecimal.

The family is a number in the byte order of the host that wrote it (sys/socket.h), port and addresses in network order. A
little-endian reading is tried first; a family that only makes sense the other way round is one of a big-endian host (s390x, ppc64).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from logsentry.sdk import readable
from logsentry_auditd.kept import kept

Address = Mapping[str, str]
"""`family`, and what there is of `addr`, `port`, `path`."""

_FAMILIES = {1: "unix", 2: "ipv4", 10: "ipv6", 16: "netlink", 17: "packet", 38: "alg", 40: "vsock"}
_NAMED = re.compile(r"([\w-]+)=(\S+)")
_NAMED_FAMILY = {"inet": "ipv4", "inet6": "ipv6", "local": "unix"}


@kept
def address(saddr: str) -> Address:
    """What a `saddr` says; no fields where it is too short, or no hexadecimal.

    >>> address("02000050A9FEA9FE0000000000000000")
    {'family': 'ipv4', 'addr': '169.254.169.254', 'port': '80'}
    """
    if saddr.startswith("{"):
        return _named(saddr)
    try:
        data = bytes.fromhex(saddr)
    except ValueError:  # a value that a log cut off; the record keeps it as it was
        return {}
    if len(data) < 2:
        return {}
    number = int.from_bytes(data[:2], "little")
    if number not in _FAMILIES and number % 256 == 0:
        number = int.from_bytes(data[:2], "big")
    family = _FAMILIES.get(number, str(number))
    return {"family": family, **_rest(family, data)}


def _rest(family: str, data: bytes) -> Address:
    if family == "ipv4" and len(data) >= 8:
        return {"addr": str(IPv4Address(data[4:8])), "port": str(int.from_bytes(data[2:4], "big"))}
    if family == "ipv6" and len(data) >= 24:
        six = IPv6Address(data[8:24])
        return {"addr": str(six.ipv4_mapped or six), "port": str(int.from_bytes(data[2:4], "big"))}
    if family == "unix":
        return {"path": path} if (path := _path(data[2:])) else {}
    return {}


def _path(data: bytes) -> str:
    """A path ends at the first NUL; one that begins with NUL is a name outside the file system, shown with `@`."""
    if data[:1] == b"\0":
        name = data[1:].rstrip(b"\0").partition(b"\0")[0]
        return "@" + readable(name) if name else ""
    return readable(data.partition(b"\0")[0])


def _named(text: str) -> Address:
    """`{ saddr_fam=inet laddr=1.2.3.4 lport=80 }`, as auditd and ausearch resolve it."""
    parts: dict[str, str] = dict(_NAMED.findall(text.strip("{} ")))
    family = parts.get("saddr_fam", parts.get("fam", ""))
    found: dict[str, str] = {"family": _NAMED_FAMILY.get(family, family)} if family else {}
    for ours, theirs in (("addr", "laddr"), ("port", "lport"), ("path", "path")):
        if theirs in parts:
            found[ours] = parts[theirs]
    return found
