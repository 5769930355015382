"""The ECS classes of an event: action, category, type, outcome, and the names of its system call and architecture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from logsentry.sdk import Value
from logsentry_auditd.actions import ANY_SYSCALL, APPARMOR, OF_RECORD, OF_SYSCALL, Action
from logsentry_auditd.entry import ABSENT, Entry
from logsentry_auditd.tables import architecture, syscall_name

_OUTCOMES = {
    "yes": "success", "success": "success", "1": "success",
    "no": "failure", "failed": "failure", "fail": "failure", "0": "failure",
    "granted": "success", "denied": "failure", "ALLOWED": "success", "AUDIT": "success", "DENIED": "failure",  # where no SYSCALL tells
}  # fmt: skip
_RESULTS = {"success": "success", "failure": "fail", "unknown": "unknown"}
_LENGTH = 64  # of the values that are kept: none that is real is longer


def classes(main: Entry, call: Entry | None, logged: Mapping[str, str]) -> dict[str, Value]:
    """Fields that hang on a few values only, so that they are worked out once for each combination."""
    get = logged.get
    kind = "APPARMOR" if main.type == "AVC" and "apparmor" in main.fields else main.type
    result = get("success") or get("res") or get("result") or get("seresult") or get("apparmor") or ""
    arch, number = get("arch", ""), get("syscall", "")
    ask = _classes if len(kind) + len(result) + len(arch) + len(number) <= _LENGTH else _classes.__wrapped__
    fields = dict(ask(kind, call is not None, call is not None and call is not main, arch, number, result))
    for name in ("event.category", "event.type"):  # an event's lists are its own
        if name in fields:
            fields[name] = list(fields[name])  # type: ignore[arg-type, assignment]
    fields["auditd.message_type"] = main.type.lower()
    return fields


@lru_cache(maxsize=4096)
def _classes(kind: str, called: bool, beside: bool, arch: str, number: str, result: str) -> Mapping[str, Value]:
    """`called`: there is a SYSCALL; `beside`: it is not the record that says what happened, but led to it."""
    where = "" if arch in ABSENT else architecture(arch)
    syscall = "" if number in ABSENT else syscall_name(where, number)
    action = _action(kind, called, syscall)
    also = OF_SYSCALL.get(syscall, ANY_SYSCALL) if beside else Action("")
    outcome = _OUTCOMES.get(result, "unknown")
    found: dict[str, Value] = {
        "event.kind": "alert" if action.alert else "event",
        "event.action": action.name or kind.lower(),
        "event.category": list(dict.fromkeys((*action.categories, *also.categories))),
        "event.type": list(dict.fromkeys((*action.types, *also.types))),
        "event.outcome": outcome,
        "auditd.result": _RESULTS[outcome],
        "host.architecture": where,
        "auditd.data.arch": where,
        "auditd.data.syscall": syscall,
    }
    return {name: value for name, value in found.items() if value not in ("", [])}


def _action(kind: str, called: bool, syscall: str) -> Action:
    if kind == "APPARMOR":
        return APPARMOR
    if kind in OF_RECORD:
        return OF_RECORD[kind]
    return OF_SYSCALL.get(syscall, ANY_SYSCALL) if called else Action("")
