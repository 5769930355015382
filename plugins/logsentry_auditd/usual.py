"""Records in the very order in which the kernel and libaudit write them, by one regular expression each.

Nearly all lines of a log are such; `values.py` reads any other order, and gives the same for these (a test holds that).
Order and names: `audit_log_exit` and `audit_log_name` in kernel/auditsc.c, `audit_log_acct_message` in libaudit's
audit_logging.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from logsentry_auditd.kept import kept

Fields = dict[str, str] | None
_VALUE = r'("[^"]*"|[^\s"]+)'
_SYSCALL = re.compile(
    r"arch=([0-9a-f]+) syscall=([0-9]+) success=(\w+) exit=(-?[0-9]+) a0=([0-9a-f]+) a1=([0-9a-f]+) a2=([0-9a-f]+) a3=([0-9a-f]+) "
    r"items=([0-9]+) ppid=([0-9]+) pid=([0-9]+) (auid=[0-9]+ uid=[0-9]+ gid=[0-9]+ euid=[0-9]+ suid=[0-9]+ fsuid=[0-9]+ egid=[0-9]+ "
    r"sgid=[0-9]+ fsgid=[0-9]+) tty=([^\s\"]+)(?: ses=([0-9]+))? "
    rf"comm={_VALUE} exe={_VALUE}(?: subj=([^\s\"]+))? key={_VALUE}\s*"
).fullmatch
_PATH = re.compile(
    rf"item=([0-9]+) name={_VALUE} inode=([0-9]+) dev=([^\s\"]+) mode=([0-9]+) ouid=([0-9]+) ogid=([0-9]+) rdev=([^\s\"]+)"
    r"(?: obj=([^\s\"]+))?(?: (?:nametype|objtype)=(\w+))?( cap_fp=[\w =]+)?\s*"
).fullmatch
_USER = re.compile(
    r"(?:user )?pid=([0-9]+) uid=([0-9]+) auid=([0-9]+)(?: ses=([0-9]+))?(?: subj=([^\s\"]+))? msg='op=([^'\"=,]*)(?: grantors=([\w,?]+))?"
    rf" (acct|id)={_VALUE} exe=\"([^\"]*)\" hostname=([^\s\",)]+) addr=([^\s\",)]+) terminal=([^\s\",)]+) res=(\w+)'\s*"
).fullmatch
_NAMED = re.compile(r"(\w+)=(\S+)").findall


def _bare(value: str) -> str:
    return value if "(" in value else value.rstrip(",)'")


def syscall(body: str, text: Callable[[str], str]) -> Fields:
    """The fields of a SYSCALL record, or None where it is in another order; `text` reads quotes and hexadecimal."""
    found = _SYSCALL(body)
    if found is None:
        return None
    arch, number, success, code, a0, a1, a2, a3, items, ppid, pid, ids, tty, ses, comm, exe, subj, key = found.groups()
    fields = {
        "arch": arch, "syscall": number, "success": success, "exit": code, "a0": a0, "a1": a1, "a2": a2, "a3": a3,
        "items": items, "ppid": ppid, "pid": pid, **_ids(ids), "tty": tty, "comm": text(comm), "exe": text(exe), "key": text(key),
    }  # fmt: skip
    if ses is not None:
        fields["ses"] = ses
    if subj is not None:
        fields["subj"] = _bare(subj)
    return fields


@kept
def _ids(block: str) -> Mapping[str, str]:
    """`auid=1000 uid=0 … fsgid=0`: few processes of a host differ in these."""
    return dict(_NAMED(block))


def path(body: str, text: Callable[[str], str]) -> Fields:
    """The fields of a PATH record, or None."""
    found = _PATH(body)
    if found is None:
        return None
    item, name, inode, dev, mode, ouid, ogid, rdev, obj, nametype, caps = found.groups()
    fields = {
        "item": item,
        "name": text(name),
        "inode": inode,
        "dev": dev,
        "mode": mode,
        "ouid": ouid,
        "ogid": ogid,
        "rdev": rdev,
    }
    if obj is not None:
        fields["obj"] = _bare(obj)
    if nametype is not None:
        fields["nametype"] = nametype
    if caps is not None:
        fields.update(_ids(caps))
    return fields


def message(body: str, text: Callable[[str], str]) -> Fields:
    """The fields of what a program reports about an account (PAM, sshd, useradd), or None."""
    found = _USER(body)
    if found is None:
        return None
    pid, uid, auid, ses, subj, operation, grantors, which, account, exe, hostname, addr, terminal, result = found.groups()
    fields = {
        "pid": pid, "uid": uid, "auid": auid, "op": operation, which: text(account) if which == "acct" else account, "exe": exe,
        "hostname": hostname, "addr": addr, "terminal": terminal, "res": result,
    }  # fmt: skip
    if ses is not None:
        fields["ses"] = ses
    if subj is not None:
        fields["subj"] = _bare(subj)
    if grantors is not None:
        fields["grantors"] = grantors.rstrip(",")
    return fields
