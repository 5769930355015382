"""What a detector sees of a machine's processes, chosen so that ordinary work looks alike from host to host.

What happened and which program did it come first, in fixed places, because a template tree is led by its first words; then who
started it, with what rights, and what it touched, each only where the event is about it. Command lines come last: they say most and
differ most. Hashes, GUIDs and pids are new each time and say which, not what, so they are left out; folders of users, drives, SIDs
and addresses count by their kind.

A session is what one process did, because an attack is told by a program that does what it never does: a process has one GUID on
one host from its start (event 1) to its end (event 5). Events of no process (4, 6, 16, 19 to 21) make a session of their host.
"""

from __future__ import annotations

from logsentry.sdk import Field, Profile, SessionRule, Windowing

_PROGRAM = ("drive", "user", "uuid", "lower")
_FILE = ("drive", "user", "uuid", "hash", "hex", "number", "lower")

PROFILE = Profile(
    fields=(
        Field("event.code", absent="<no-code>"),
        Field("process.executable", _PROGRAM, absent="<no-program>"),
        Field("process.parent.executable", _PROGRAM, absent="<no-parent>"),
        Field("winlog.event_data.TargetImage", _PROGRAM, absent="<no-target>"),
        Field("winlog.event_data.GrantedAccess", absent="<no-access>"),
        Field("winlog.event_data.IntegrityLevel", ("lower",), absent="<no-level>"),
        Field("network.direction"),
        Field("network.transport"),
        Field("destination.ip", ("ip-class",)),
        Field("destination.port"),
        Field("dns.question.name", ("domain",)),
        Field("registry.path", ("registry-hive", "uuid", "hash", "hex", "number", "lower")),
        Field("registry.data.type"),
        Field("file.path", _FILE),
        Field("file.name", _FILE),
        Field("file.code_signature.status", ("lower",)),
        Field("winlog.event_data.EventType", ("lower",)),
        Field("process.command_line", ("drive", "user", "registry-hive", "uuid", "hash", "ip-class", "hex", "number", "lower")),
    ),
    windows=Windowing(session=SessionRule(key=("host.name", "process.entity_id"), gap_seconds=1800.0, max_events=64)),
    delimiters=("\\", "/"),
    exact_words=2,
    similarity=0.6,
)
