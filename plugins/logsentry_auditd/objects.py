"""What an event acted on: files out of its PATH records, the other side of a connection out of its SOCKADDR."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from logsentry.sdk import Value
from logsentry_auditd.entry import ABSENT, Entry
from logsentry_auditd.identity import Directory, put_label
from logsentry_auditd.kept import kept
from logsentry_auditd.sockaddr import address

# The result of these stands after the directory, or the old name, that they were given.
_PLACES = {"created-directory": 1, "mounted": 1, "renamed": 2}
_KINDS = {0o01: "pipe", 0o02: "char_device", 0o04: "dir", 0o06: "block_device", 0o10: "file", 0o12: "symlink", 0o14: "socket"}
_OCTAL = re.compile(r"(?:0o?)?([0-7]{1,7})")
_WORDS = re.compile(r"(\w[\w-]*),([0-7]{3,4})(?:,.*)?")  # ausearch -i: dir,730 or file,suid,4755
_INBOUND = frozenset(("recvfrom", "recvmsg", "accept", "accept4"))
_OUTBOUND = frozenset(("connect", "sendto", "sendmsg"))


def put_files(fields: dict[str, Value], entries: Sequence[Entry], action: str, directory: Directory) -> str:
    """`file.*` of the path that the action is about, `auditd.paths.*` of all; answers that path's name.

    A name stays as it was logged, relative or not: what it is relative to is the directory in CWD only where the call was given
    none of its own.
    """
    paths = sorted((entry for entry in entries), key=_item) if len(entries) > 1 else entries
    fields["auditd.paths.name"] = [entry.fields.get("name", "(null)") for entry in paths]
    fields["auditd.paths.nametype"] = [entry.fields.get("nametype", "UNKNOWN") for entry in paths]
    start = _PLACES.get(action, 0)
    rest = paths[start:] if len(paths) > start else paths
    chosen = next((entry for entry in rest if entry.fields.get("nametype") not in ("PARENT", "UNKNOWN")), rest[0])
    _put_file(fields, chosen, directory)
    name = chosen.fields.get("name", "")
    return "" if name in ABSENT else name


def _item(entry: Entry) -> int:
    item = entry.fields.get("item", "")
    return int(item) if item.isascii() and item.isdigit() and len(item) < 10 else 0


def _put_file(fields: dict[str, Value], entry: Entry, directory: Directory) -> None:
    logged, names = entry.fields, entry.names
    for name, place in (("name", "file.path"), ("inode", "file.inode"), ("dev", "file.device")):
        if (value := logged.get(name, "")) not in ABSENT:
            fields[place] = value
    fields.update(
        directory.file_owner(logged.get("ouid", ""), logged.get("ogid", ""), names.get("OUID", ""), names.get("OGID", ""))
    )
    fields.update(_mode(logged.get("mode", "")))
    if (context := logged.get("obj")) is not None:
        put_label(fields, "file", context)


@kept
def _mode(mode: str) -> Mapping[str, str]:
    """`0100664` -> permissions and kind; `dir,730` is what ausearch -i makes of it."""
    if (octal := _OCTAL.fullmatch(mode)) is not None:
        number = int(octal[1], 8)
        kind = _KINDS.get(number >> 12)
        return {"file.mode": f"{number & 0o7777:04o}", **({"file.type": kind} if kind else {})}
    if (words := _WORDS.fullmatch(mode)) is not None:
        return {"file.mode": words[2].zfill(4), "file.type": words[1]}
    return {}


def put_socket(fields: dict[str, Value], entry: Entry, syscall: str) -> str:
    """`source.*` or `destination.*`, and `auditd.data.socket.*`; answers the address in short."""
    found = address(entry.fields.get("saddr") or "")
    if not found:
        found = address(entry.names.get("SADDR", ""))
    for name, value in found.items():
        fields[f"auditd.data.socket_{name}"] = value
    side = "source" if syscall in _INBOUND else "destination" if syscall in _OUTBOUND else ""
    if side:
        fields["network.direction"] = "ingress" if side == "source" else "egress"
        put_address(fields, side, found.get("addr", ""))
        if found.get("port", "").isdigit():
            fields[f"{side}.port"] = int(found["port"])
        if "path" in found:
            fields[f"{side}.address"] = found["path"]
    return found.get("addr") or found.get("path") or ""


def put_address(fields: dict[str, Value], side: str, text: str) -> None:
    """`address` as it was logged, and `ip` where it is one."""
    if text in ABSENT:
        return
    fields[f"{side}.address"] = text
    if _is_address(text):
        fields[f"{side}.ip"] = text


@kept
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:  # a host name
        return False
    return "%" not in text
