"""What records of one type say that those of others do not, and ECS has a place for.

Names of fields are those of linux-audit's field dictionary; where the kernel or a program writes them: NETFILTER_PKT in
net/netfilter/xt_AUDIT.c, MAC_IPSEC_EVENT in net/xfrm/xfrm_policy.c, INTEGRITY_* in security/integrity, CRYPTO_SESSION in OpenSSH's
audit patch, SOFTWARE_UPDATE in rpm and dnf, VIRT_* in libvirt and systemd.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from logsentry.sdk import Value
from logsentry_auditd.entry import ABSENT, Entry
from logsentry_auditd.identity import put_label
from logsentry_auditd.objects import put_address

_Fields = dict[str, Value]
_MACHINE = (("vm", "container.name"), ("virt", "container.runtime"))
_FILE = (("path", "file.path"), ("file", "file.path"), ("dev", "file.device"), ("ino", "file.inode"))
_PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(("VIRT_CONTROL", "VIRT_RESOURCE", "VIRT_MACHINE_ID"), _MACHINE),
    **dict.fromkeys(("INTEGRITY_DATA", "INTEGRITY_METADATA", "INTEGRITY_RULE"), (("name", "file.path"), *_FILE)),
    "NETFILTER_PKT": (("proto", "network.iana_number"),),
    "USER_CMD": (("cmd", "process.command_line"),),
    "SOFTWARE_UPDATE": (("sw_type", "package.type"),),
}
_SIDES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "NETFILTER_PKT": (("saddr", "source"), ("daddr", "destination")),
    "MAC_IPSEC_EVENT": (("src", "source"), ("dst", "destination")),
    "CRYPTO_SESSION": (("laddr", "destination"),),
}
_PORTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "NETFILTER_PKT": (("sport", "source.port"), ("dport", "destination.port")),
    "CRYPTO_SESSION": (("rport", "source.port"), ("lport", "destination.port")),
    "DAEMON_ACCEPT": (("port", "source.port"),),
    "DAEMON_CLOSE": (("port", "source.port"),),
}
_TRANSPORTS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "132": "sctp"}  # IANA's protocol numbers
_FILE_CLASSES = frozenset(("file", "dir", "lnk_file", "chr_file", "blk_file", "sock_file", "fifo_file"))
_RPM = re.compile(r"(.+)-([^-]+-[^-]+)\.(\w+)")  # name-version-release.architecture
_HASH = re.compile(r"(md5|sha1|sha256|sha384|sha512):([0-9a-f]+)")


def put_particulars(fields: _Fields, entry: Entry) -> None:
    """The fields that this record's type alone gives; what a PATH record said already stays."""
    put = _BY_TYPE.get(entry.type)
    if put is not None:
        put(fields, entry)


def _put_listed(fields: _Fields, entry: Entry) -> None:
    kind, logged = entry.type, entry.fields
    for name, place in _PLACES.get(kind, ()):
        if (value := logged.get(name, "")) not in ABSENT:
            fields.setdefault(place, value)
    for name, side in _SIDES.get(kind, ()):
        put_address(fields, side, logged.get(name, ""))
    for name, place in _PORTS.get(kind, ()):
        if (port := logged.get(name, "")).isdecimal() and len(port) < 6:
            fields[place] = int(port)


def _put_packet(fields: _Fields, entry: Entry) -> None:
    _put_listed(fields, entry)
    if (transport := _TRANSPORTS.get(entry.fields.get("proto", ""))) is not None:
        fields["network.transport"] = transport


def _put_package(fields: _Fields, entry: Entry) -> None:
    _put_listed(fields, entry)
    software = entry.fields.get("sw", "")
    if entry.fields.get("sw_type") == "rpm" and (found := _RPM.fullmatch(software)) is not None:
        fields["package.name"], fields["package.version"], fields["package.architecture"] = found.groups()
    elif software not in ABSENT:
        fields["package.name"] = software


def _put_measured(fields: _Fields, entry: Entry) -> None:
    _put_listed(fields, entry)
    if (found := _HASH.fullmatch(entry.fields.get("hash", ""))) is not None:
        fields[f"file.hash.{found[1]}"] = found[2]


def _put_denied(fields: _Fields, entry: Entry) -> None:
    """An SELinux decision: who asked (`scontext`), and where it was a file, which (`path`, or only its last part, `name`)."""
    logged = entry.fields
    if (context := logged.get("scontext")) is not None and "user.selinux.domain" not in fields:
        put_label(fields, "user", context)
    if logged.get("tclass") not in _FILE_CLASSES or "file.path" in fields:
        return
    for name, place in (*_FILE, ("name", "file.name")):
        if (value := logged.get(name, "")) not in ABSENT:
            fields.setdefault(place, value)
    if (context := logged.get("tcontext")) is not None and "file.selinux.domain" not in fields:
        put_label(fields, "file", context)


_BY_TYPE: Mapping[str, Callable[[_Fields, Entry], None]] = {
    **dict.fromkeys((*_PLACES, *_SIDES, *_PORTS), _put_listed),
    **dict.fromkeys(("INTEGRITY_DATA", "INTEGRITY_METADATA", "INTEGRITY_RULE"), _put_measured),
    "NETFILTER_PKT": _put_packet,
    "SOFTWARE_UPDATE": _put_package,
    "AVC": _put_denied,
}
