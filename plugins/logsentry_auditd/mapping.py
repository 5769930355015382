"""Which field of a record means whom and what: the account that acted, the account that it acted on, the object, the means.

Actors and objects are chosen as auditbeat does (`aucoalesce/normalizations.yaml` of elastic/go-libaudit, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from logsentry.sdk import Value
from logsentry_auditd.entry import ABSENT, UNSET, Entry
from logsentry_auditd.identity import Directory

_ACCOUNT = ("acct", "id", "uid")
_SUBJECT = ("id", "acct")
_AUTHENTICATION_WORDS = """
CRED_ACQ CRED_DISP CRED_REFR GRP_AUTH USER_ACCT USER_AUTH USER_END USER_ERR USER_LOGIN USER_LOGOUT USER_START
"""
_AUTHENTICATION = frozenset(_AUTHENTICATION_WORDS.split())
_ON_USER = {"ADD_USER": _SUBJECT, "DEL_USER": _SUBJECT, "USER_MGMT": ("acct", "id"), "USER_CHAUTHTOK": ("acct", "id")}
_ON_GROUP = frozenset(["ADD_GROUP", "DEL_GROUP", "GRP_MGMT", "GRP_CHAUTHTOK"])
_FROM_OUTSIDE = frozenset(["USER_ERR", "USER_LOGIN", "USER_START", "CRYPTO_KEY_USER", "CRYPTO_SESSION"])

# record type -> (names of the object's field, names of what belongs to it, kind of object)
_Object = tuple[Sequence[str], Sequence[str], str]
_SESSION: _Object = (("terminal",), ("addr", "hostname"), "user-session")
_OBJECTS: Mapping[str, _Object] = {
    **dict.fromkeys((*_AUTHENTICATION, "USER_MGMT", "USER_CHAUTHTOK"), _SESSION),
    **dict.fromkeys(("ADD_USER", "DEL_USER", "ADD_GROUP", "DEL_GROUP", "GRP_MGMT", "ROLE_ASSIGN"), (_SUBJECT, (), "account")),
    "GRP_CHAUTHTOK": (("acct",), (), "user-session"),
    "LOGIN": (("new-auid", "auid"), (), "user-session"),
    "USER_CMD": (("cmd",), (), "process"),
    "SERVICE_START": (("unit",), (), "service"),
    "SERVICE_STOP": (("unit",), (), "service"),
    "SYSTEM_RUNLEVEL": (("new-level",), (), "system"),
    "CONFIG_CHANGE": (("op", "key", "audit_enabled", "audit_pid", "audit_backlog_limit", "audit_failure"), (), "audit-config"),
    "NETFILTER_CFG": (("table",), (), "firewall"),
    "FEATURE_CHANGE": (("feature",), (), "system"),
    "TTY": (("data",), (), "keystrokes"),
    "USER_TTY": (("data",), (), "keystrokes"),
    "AVC": (("tcontext",), ("tclass",), ""),
    "MAC_CONFIG_CHANGE": (("bool",), (), "mac-config"),
    "MAC_STATUS": (("enforcing",), (), "mac-config"),
    "SECCOMP": (("syscall",), (), "process"),
    "KERN_MODULE": (("name",), (), "file"),
    "CRYPTO_KEY_USER": (("fp",), ("addr", "hostname"), "user-session"),
    "CRYPTO_SESSION": (("addr",), ("rport",), "user-session"),
    "VIRT_CONTROL": (("op",), ("vm",), "virtual-machine"),
    "VIRT_RESOURCE": (("resrc",), ("vm",), "virtual-machine"),
    "VIRT_MACHINE_ID": (("vm",), (), "virtual-machine"),
    "ANOM_ABEND": (("comm", "exe"), ("pid",), "process"),
    "ANOM_PROMISCUOUS": (("dev",), (), "network-device"),
    "SOFTWARE_UPDATE": (("sw",), (), "package"),
    "USYS_CONFIG": (("op",), (), "system"),
}


def put_people(fields: dict[str, Value], entry: Entry, directory: Directory) -> None:
    """`user` is who was logged in, `user.effective` as whom it was done or who logs in, `user.target` to whom it was done."""
    logged, names = entry.fields, entry.names
    kind = entry.type
    put = directory.put_user
    if kind == "LOGIN":
        put(fields, "user", _first(logged, ("old-auid", "old_auid")), names.get("OLD-AUID", ""))
        put(fields, "user.effective", _first(logged, ("new-auid", "new_auid", "auid")), names.get("AUID", ""))
        put(fields, "user.audit", _first(logged, ("new-auid", "new_auid", "auid")), names.get("AUID", ""))
    elif kind in _AUTHENTICATION or kind in _ON_USER or kind in _ON_GROUP:
        put(fields, "user", logged.get("auid", ""), names.get("AUID", ""))
        put(fields, "user.audit", logged.get("auid", ""), names.get("AUID", ""))
        if kind in _AUTHENTICATION:
            _put_account(fields, logged, names, put)
        else:
            put(fields, "user.effective", logged.get("uid", ""), names.get("UID", ""))
            _put_target(fields, kind, logged, names, directory)
    else:
        directory.put_process_owner(fields, entry)


def _put_account(fields: dict[str, Value], logged: Mapping[str, str], names: Mapping[str, str], put: object) -> None:
    assert callable(put)
    name = next((name for name in _ACCOUNT if logged.get(name, "?") not in ABSENT), "uid")
    put(fields, "user.effective", logged.get(name, ""), "" if name == "acct" else names.get(name.upper(), ""))


def _put_target(
    fields: dict[str, Value], kind: str, logged: Mapping[str, str], names: Mapping[str, str], directory: Directory
) -> None:
    """The account or group that was made, changed or removed: its id and, where the program logged both, its name."""
    if kind in _ON_GROUP:
        for name in ("acct", "grp", "id"):
            directory.put_group(fields, "group", logged.get(name, ""), names.get("ID", "") if name == "id" else "")
        return
    for name in reversed(_ON_USER[kind]):
        directory.put_user(fields, "user.target", logged.get(name, ""), names.get("ID", "") if name == "id" else "")


def comes_from_outside(kind: str) -> bool:
    """Whether the record's `addr` is where somebody came from."""
    return kind in _FROM_OUTSIDE


def object_of(kind: str, logged: Mapping[str, str]) -> tuple[str, str, str]:
    """(the object, what belongs to it, its kind), each empty where nothing says so."""
    primary, secondary, what = _OBJECTS.get(kind, ((), (), ""))
    return _first(logged, primary), _first(logged, secondary), what


def _first(logged: Mapping[str, str], names: Sequence[str]) -> str:
    return next((logged[name] for name in names if name in logged and logged[name] not in ABSENT | UNSET - {"-1"}), "")
