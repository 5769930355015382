"""What a detector sees of an audit event, and which events belong together.

What was done comes first, because a template tree is led by its first words: the action, its result, the call. Then by which
program, on what kind of thing, as whom; paths, whose length differs, come last. Ids of processes, inodes and argument pointers
are new each time and say nothing. A session is one login on one host (the kernel's `ses`); where there is none, one login user;
for daemons, one program.
"""

from __future__ import annotations

from logsentry.sdk import Field, Profile, SessionRule, Windowing

PROFILE = Profile(
    fields=(
        Field("event.action", absent="<no-action>"),
        Field("event.outcome", absent="<no-outcome>"),
        Field("auditd.data.syscall", absent="<no-syscall>"),
        Field("auditd.data.exit", ("number",), absent="<no-exit>"),
        Field("user.effective.id", absent="<no-user>"),
        Field("process.executable", ("user", "hash", "uuid", "number"), absent="<no-program>"),
        Field("destination.ip", ("ip-class",), absent="<no-destination>"),
        Field("source.ip", ("ip-class",), absent="<no-source>"),
        Field("file.path", ("user", "hash", "uuid", "number"), absent="<no-path>"),
    ),
    windows=Windowing(session=SessionRule(key=("host.name", "auditd.entity"), gap_seconds=1800.0, max_events=128)),
    delimiters=("/",),
    exact_words=4,
    similarity=0.6,
)
