"""The ECS classes of an event: action, category, type, outcome, and the names of its system call and architecture."""

from __future__ import annotations

from collections.abc import Mapping

from logsentry.sdk import Value
from logsentry_auditd.actions import ANY_SYSCALL, APPARMOR, OF_RECORD, OF_SYSCALL, Action
from logsentry_auditd.entry import ABSENT, Entry
from logsentry_auditd.kept import Remembered
from logsentry_auditd.tables import architecture, socket_call, syscall_name

_OUTCOMES = {
    "yes": "success", "success": "success", "1": "success",
    "no": "failure", "failed": "failure", "fail": "failure", "0": "failure",
    "granted": "success", "denied": "failure", "ALLOWED": "success", "AUDIT": "success", "DENIED": "failure",  # where no SYSCALL tells
}  # fmt: skip
_RESULTS = {"success": "success", "failure": "fail", "unknown": "unknown"}
_SOCKETCALL = ("102", "socketcall")
_KNOWN: Remembered[dict[str, Value]] = Remembered()


def classes(main: Entry, call: Entry | None, logged: Mapping[str, str]) -> dict[str, Value]:
    """Fields that hang on a few values only, so that they are worked out once for each combination."""
    get = logged.get
    result = get("success") or get("res") or get("result") or get("seresult") or get("apparmor") or ""
    number = get("syscall", "")
    inner = get("a0", "") if number in _SOCKETCALL else ""
    kind = "APPARMOR" if main.type == "AVC" and "apparmor" in main.fields else main.type
    key = (kind, "SYSCALL" if call is main else "", get("arch", ""), number, inner, result)
    found = _KNOWN.get(key)
    fields = dict(_KNOWN.keep(key, _classes(*key)) if found is None else found)
    for name in ("event.category", "event.type"):  # an event's lists are its own
        if name in fields:
            fields[name] = list(fields[name])  # type: ignore[arg-type, assignment]
    return fields


def _classes(kind: str, called: str, arch: str, number: str, inner: str, result: str) -> dict[str, Value]:
    """`called`: the system call itself says what happened; else it is what another record led to, or came from."""
    where = "" if arch in ABSENT else architecture(arch)
    syscall = "" if number in ABSENT else syscall_name(where, number)
    within = socket_call(inner) if syscall == "socketcall" else ""
    of_syscall = OF_SYSCALL.get(within or syscall, ANY_SYSCALL)
    action = of_syscall if called else APPARMOR if kind == "APPARMOR" else OF_RECORD.get(kind, Action(""))
    also = of_syscall if syscall and not called else Action("")
    outcome = _OUTCOMES.get(result, "unknown")
    found: dict[str, Value] = {
        "event.kind": "alert" if action.alert else "event",
        "event.action": action.name or kind.lower(),
        "event.category": list(dict.fromkeys((*action.categories, *also.categories))),
        "event.type": list(dict.fromkeys((*action.types, *also.types))),
        "event.outcome": outcome,
        "host.architecture": where,
        "auditd.message_type": "avc" if kind == "APPARMOR" else kind.lower(),
        "auditd.result": _RESULTS[outcome],
        "auditd.data.arch": where,
        "auditd.data.syscall": syscall,
        "auditd.data.socketcall": within,
    }
    return {name: value for name, value in found.items() if value not in ("", [])}
