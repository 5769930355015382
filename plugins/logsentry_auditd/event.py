"""The records of one event put together as one ECS document.

One record says what happened: the one that a program or a subsystem wrote, or else the SYSCALL. The others say with what
arguments (EXECVE, PROCTITLE), on which files (PATH, CWD) and with whom (SOCKADDR). What has no place in ECS stays below `auditd.`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from logsentry.sdk import Value
from logsentry_auditd.actions import OF_RECORD
from logsentry_auditd.classes import classes
from logsentry_auditd.entry import ABSENT, UNSET, Entry
from logsentry_auditd.execve import arguments
from logsentry_auditd.identity import Directory, put_label
from logsentry_auditd.mapping import comes_from_outside, object_of, put_people
from logsentry_auditd.objects import put_address, put_files, put_socket
from logsentry_auditd.tables import error_name

_ELSEWHERE = """
auid uid gid euid suid fsuid egid sgid fsgid ses pid ppid comm exe cwd subj key success res result items saddr proctitle name
inode dev mode ouid ogid rdev obj item nametype cap_fp cap_fi cap_fe cap_fver cap_frootid arch syscall exit old-auid new-auid
old-ses new-ses argc
"""
_TOLD = frozenset(_ELSEWHERE.split())
_COMPANIONS = frozenset(("PATH", "EXECVE", "CWD", "PROCTITLE", "SOCKADDR"))
_NAME = re.compile(r"[A-Za-z][\w-]{0,39}")
_ROLES = ("user.name", "user.effective.name", "user.target.name", "user.audit.name")


def document(entries: Sequence[Entry], serial: int, node: str, directory: Directory) -> tuple[dict[str, Value], str]:
    """ECS fields and the message of one event; `entries` are its records in the order in which they were read."""
    main, call, companions = _sorted(entries)
    logged = main.fields if call is None or call is main else {**main.fields, **call.fields}
    fields = classes(main, call, logged)
    fields["auditd.sequence"] = serial
    if node:
        fields["host.name"] = node
    _put_process(fields, logged)
    put_people(fields, main if call is None or (main is not call and "auid" in main.fields) else call, directory)
    if (context := logged.get("subj")) is not None:
        put_label(fields, "user", context)
    if companions:
        _put_companions(fields, companions)
    what = _put_object(fields, main, companions, directory)
    for entry in entries:
        if entry.type not in _COMPANIONS:
            _put_rest(fields, entry.fields)
    _put_entity(fields, logged.get("ses", ""))
    return fields, _put_summary(fields, what)


def _sorted(entries: Sequence[Entry]) -> tuple[Entry, Entry | None, dict[str, list[Entry]]]:
    """(the record that says what happened, the SYSCALL or URINGOP if there is one, the others by type)."""
    main = call = None
    companions: dict[str, list[Entry]] = {}
    for entry in entries:
        kind = entry.type
        if kind in ("SYSCALL", "URINGOP"):
            call = call or entry
        elif kind in _COMPANIONS:
            companions.setdefault(kind, []).append(entry)
        elif main is None and kind in OF_RECORD:
            main = entry
    return main or call or entries[0], call, companions


def _put_process(fields: dict[str, Value], logged: Mapping[str, str]) -> None:
    get = logged.get
    for name, place in (("pid", "process.pid"), ("ppid", "process.parent.pid")):
        value = get(name)
        if value is not None and value.isascii() and value.isdigit() and len(value) < 12:
            fields[place] = int(value)
    for name, place in (("comm", "process.name"), ("exe", "process.executable"), ("cwd", "process.working_directory")):
        value = get(name)
        if value is not None and value not in ABSENT:
            fields[place] = value
    terminal = get("tty") or get("terminal") or ""
    if terminal not in ABSENT:
        fields["user.terminal"] = terminal
    code = get("exit", "")
    if code not in ABSENT:
        fields["auditd.data.exit"] = error_name(code)
    key = get("key", "")
    if key not in ABSENT:
        fields["tags"] = key.split("\x01")


def _put_companions(fields: dict[str, Value], companions: Mapping[str, list[Entry]]) -> None:
    for entry in companions.get("CWD", ()):
        if (value := entry.fields.get("cwd", "")) not in ABSENT:
            fields["process.working_directory"] = value
    for entry in companions.get("PROCTITLE", ()):
        title = " ".join(entry.arguments) if entry.arguments else entry.fields.get("proctitle", "")
        if title not in ABSENT:
            fields["process.title"] = title
    if (records := companions.get("EXECVE")) is not None:
        found, fields["process.args_count"] = arguments(records)
        if any(found):
            fields["process.args"] = found
            fields["process.command_line"] = " ".join(found)


def _put_object(fields: dict[str, Value], main: Entry, companions: Mapping[str, list[Entry]], directory: Directory) -> str:
    primary, secondary, what = object_of(main.type, main.fields)
    if (paths := companions.get("PATH")) is not None:
        name = put_files(fields, paths, str(fields["event.action"]), directory)
        if not primary:
            primary, what = name, "file"
    if (sockets := companions.get("SOCKADDR")) is not None:
        name = put_socket(fields, sockets[0], str(fields.get("auditd.data.syscall", "")))
        if not primary:
            primary, what = name, "socket"
    address = main.fields.get("addr", "")
    if address not in ABSENT:
        put_address(fields, "source", address)
        if comes_from_outside(main.type):
            fields["network.direction"] = "ingress"
    if primary:
        fields["auditd.summary.object.primary"] = primary
    if secondary:
        fields["auditd.summary.object.secondary"] = secondary
    if what:
        fields["auditd.summary.object.type"] = what
    return primary


def _put_rest(fields: dict[str, Value], logged: Mapping[str, str]) -> None:
    """Everything that was logged and has no other place, as text."""
    names = tuple(logged)
    for name, place in _places(names) if len("".join(names)) <= 512 else _places.__wrapped__(names):
        if (value := logged[name]) not in ABSENT:
            fields.setdefault(place, value)


@lru_cache(maxsize=1024)
def _places(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The names that have no other place, each with its own below `auditd.data.`; what is no name is left out."""
    return tuple((name, f"auditd.data.{name}") for name in names if name not in _TOLD and _NAME.fullmatch(name) is not None)


def _put_entity(fields: dict[str, Value], session: str) -> None:
    """What a session of events is about: a login, or who was logged in, or a program."""
    if session not in UNSET and session not in ABSENT:
        fields["auditd.session"] = session
        fields["auditd.entity"] = f"session {session}"
    elif (user := fields.get("user.audit.id") or fields.get("user.audit.name")) is not None:
        fields["auditd.entity"] = f"user {user}"
    else:
        fields["auditd.entity"] = f"program {fields.get('process.executable') or fields.get('process.name') or 'unknown'}"


def _put_summary(fields: dict[str, Value], what: str) -> str:
    """Actors and means in the words of auditbeat; answers `vagrant changed-file-ownership-of test with /usr/bin/chown: success`."""
    get = fields.get
    first = get("user.audit.name") or get("user.audit.id")
    second = get("user.effective.name") or get("user.effective.id") or get("user.name") or get("user.id")
    fields["auditd.summary.actor.primary"] = first or "unset"
    if second is not None:
        fields["auditd.summary.actor.secondary"] = second
    if users := {str(user) for role in _ROLES if (user := get(role)) is not None}:
        fields["related.user"] = sorted(users)
    with_ = ""
    if (how := get("process.executable") or get("process.name")) is not None:
        fields["auditd.summary.how"] = how
        with_ = f" with {how}"
    return (
        f"{first or second or 'somebody'} {fields['event.action']}{' ' + what if what else ''}{with_}: {fields['event.outcome']}"
    )
