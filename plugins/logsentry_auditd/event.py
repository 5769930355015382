"""The records of one event put together as one ECS document.

One record says what happened: the one that a program or a subsystem wrote, or else the SYSCALL. The others say with what
arguments (EXECVE, PROCTITLE), on which files (PATH, CWD) and with whom (SOCKADDR). What has no place in ECS stays below `auditd.`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from logsentry.sdk import Value
from logsentry_auditd.actions import OF_RECORD
from logsentry_auditd.classes import classes
from logsentry_auditd.entry import ABSENT, UNSET, Entry
from logsentry_auditd.execve import arguments
from logsentry_auditd.identity import Directory, put_label
from logsentry_auditd.kept import Remembered
from logsentry_auditd.mapping import comes_from_outside, object_of
from logsentry_auditd.objects import put_address, put_files, put_socket
from logsentry_auditd.particular import put_particulars
from logsentry_auditd.people import Cast, People
from logsentry_auditd.tables import error_name

_ELSEWHERE = """
auid uid gid euid suid fsuid egid sgid fsgid ses pid ppid comm exe cwd subj key success res result items arch syscall exit
old-auid new-auid
"""
_TOLD = frozenset(_ELSEWHERE.split())
_COMPANIONS = frozenset(("PATH", "EXECVE", "CWD", "PROCTITLE", "SOCKADDR"))
_PLACES: Remembered[tuple[tuple[str, str], ...]] = Remembered()
_NAME = re.compile(r"[A-Za-z][\w-]{0,39}")


class Maker:
    """Makes documents with the names of one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._cast = Cast(directory)

    def document(self, entries: Sequence[Entry], serial: int, node: str) -> tuple[dict[str, Value], str]:
        """ECS fields and the message of one event; `entries` are its records in the order in which they were read."""
        main, call, companions = _sorted(entries)
        logged = main.fields if call is None or call is main else {**main.fields, **call.fields}
        fields = classes(main, call, logged)
        fields["auditd.sequence"] = serial
        if node:
            fields["host.name"] = node
        _put_process(fields, logged)
        people = self._cast.of(main if call is None or (main is not call and "auid" in main.fields) else call)
        fields.update(people.fields)
        if (context := logged.get("subj")) is not None:
            put_label(fields, "user", context)
        if companions:
            _put_companions(fields, companions)
        what = _put_object(fields, main, companions, self._directory)
        for entry in entries:
            if entry.type not in _COMPANIONS:
                put_particulars(fields, entry)
                _put_rest(fields, entry.fields)
        _put_entity(fields, logged.get("ses", ""))
        return fields, _put_summary(fields, people, what)


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
    if (pid := get("pid", "")).isdecimal() and len(pid) < 12:
        fields["process.pid"] = int(pid)
    if (parent := get("ppid", "")).isdecimal() and len(parent) < 12:
        fields["process.parent.pid"] = int(parent)
    if (name := get("comm", "")) not in ABSENT:
        fields["process.name"] = name
    if (executable := get("exe", "")) not in ABSENT:
        fields["process.executable"] = executable
    if (folder := get("cwd", "")) not in ABSENT:
        fields["process.working_directory"] = folder
    if (terminal := get("tty") or get("terminal") or "") not in ABSENT:
        fields["user.terminal"] = terminal
    if (code := get("exit", "")) not in ABSENT:
        fields["auditd.data.exit"] = error_name(code)
    if (key := get("key", "")) not in ABSENT:
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
        name = put_socket(fields, sockets[0], str(fields.get("auditd.data.socketcall") or fields.get("auditd.data.syscall", "")))
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
    places = _PLACES.get(names)
    for name, place in _PLACES.keep(names, _places(names)) if places is None else places:
        if (value := logged[name]) not in ABSENT:
            fields.setdefault(place, value)


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


def _put_summary(fields: dict[str, Value], people: People, what: str) -> str:
    """The means in the words of auditbeat; answers `vagrant changed-file-ownership-of test with /usr/bin/chown: success`."""
    if people.names:
        fields["related.user"] = people.names.copy()
    how = fields.get("process.executable") or fields.get("process.name")
    if how is not None:
        fields["auditd.summary.how"] = how
    done = f"{people.actor} {fields['event.action']}{' ' + what if what else ''}{f' with {how}' if how else ''}"
    return f"{done}: {fields['event.outcome']}"
