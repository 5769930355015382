"""Lines of auoms, Microsoft's audit collector for Azure: all records of an event in one line, with names beside the ids.

`type=AUOMS_EXECVE audit(1652292621.986:84138): … user=tomcat uid=1001 … name="/bin/sh" … proctitle=/bin/sh -c id redactors=`;
its own names for users and groups come from github.com/microsoft/OMS-Auditd-Plugin.
"""

from __future__ import annotations

import re

from logsentry_auditd.entry import Entry
from logsentry_auditd.values import pairs

_TITLE = re.compile(r" (?:proctitle|cmdline)=(\"[^\"]*\"|.*?)(?= [a-z_]+=|\s*$)")
_NAMES = {
    "user": "UID", "audit_user": "AUID", "effective_user": "EUID", "set_user": "SUID", "filesystem_user": "FSUID",
    "group": "GID", "effective_group": "EGID", "set_group": "SGID", "filesystem_group": "FSGID",
}  # fmt: skip
_PATH = ("name", "nametype", "inode", "dev", "mode", "ouid", "ogid", "obj")
_DROPPED = ("SchemaVersion", "auoms_version", "syscall_r", "key_r", "redactors", "containerid", "proctitle", "cmdline", "node")


def is_auoms(text: str) -> bool:
    return text.find("type=AUOMS_", 0, 512) >= 0


def entries(body: str) -> tuple[list[Entry], str]:
    """(the records that one line stands for, the node that it names)."""
    fields = pairs(body)
    node = fields.get("node", "")
    names = {ours: fields.pop(theirs) for theirs, ours in _NAMES.items() if theirs in fields}
    title = _TITLE.search(body)
    path = {name: fields.pop(name) for name in _PATH if name in fields}
    for name in (*_DROPPED, *(name for name in fields if name.startswith("path_"))):
        fields.pop(name, None)
    if "key" in fields:
        fields["key"] = fields["key"].replace(",", "\x01")
    found = [Entry("SYSCALL", fields, names, [])]
    if path.get("name"):
        found.append(Entry("PATH", path, {}, []))
    if title is not None and title[1]:
        found.append(Entry("PROCTITLE", {"proctitle": title[1].strip('"')}, {}, []))
    return found, node
