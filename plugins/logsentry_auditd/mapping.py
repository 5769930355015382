"""Which field of a record means what was acted on, and by what means.

Objects are chosen as auditbeat does (`aucoalesce/normalizations.yaml` of elastic/go-libaudit, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from logsentry_auditd.entry import first_of

_AUTHENTICATION_WORDS = """
CRED_ACQ CRED_DISP CRED_REFR GRP_AUTH USER_ACCT USER_AUTH USER_END USER_ERR USER_LOGIN USER_LOGOUT USER_START
"""
AUTHENTICATION = frozenset(_AUTHENTICATION_WORDS.split())
_FROM_OUTSIDE = frozenset(["USER_ERR", "USER_LOGIN", "USER_START", "CRYPTO_KEY_USER", "CRYPTO_SESSION"])
_SUBJECT = ("id", "acct")

# record type -> (names of the object's field, names of what belongs to it, kind of object)
_Object = tuple[Sequence[str], Sequence[str], str]
_SESSION: _Object = (("terminal",), ("addr", "hostname"), "user-session")
_OBJECTS: Mapping[str, _Object] = {
    **dict.fromkeys((*AUTHENTICATION, "USER_MGMT", "USER_CHAUTHTOK"), _SESSION),
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


def comes_from_outside(kind: str) -> bool:
    """Whether the record's `addr` is where somebody came from."""
    return kind in _FROM_OUTSIDE


def object_of(kind: str, logged: Mapping[str, str]) -> tuple[str, str, str]:
    """(the object, what belongs to it, its kind), each empty where nothing says so."""
    if (found := _OBJECTS.get(kind)) is None:
        return "", "", ""
    return first_of(logged, found[0]), first_of(logged, found[1]), found[2]
