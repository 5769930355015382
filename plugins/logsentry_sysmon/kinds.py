"""What each event of Sysmon is, by its number: the task's name, and the ECS category and type.

Numbers and names are those of Sysmon's own manifest (`sysmon -s`) and of its page at Microsoft Sysinternals. Categories and types
are those that Elastic gives to the ids it has examples of; the others are taken by analogy.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

LONGEST = 1000
"""Characters of a message; command lines and registry values may be much longer, and their fields have them whole."""


class Kind(msgspec.Struct, frozen=True):
    """`subject` is the field that a one-line message names first; `more` has the words and fields that follow it there."""

    action: str
    category: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    subject: str = "process.executable"
    more: tuple[tuple[str, str], ...] = ()


_BY = (", by ", "process.executable")
_STARTED = ((", as ", "process.command_line"), (", by ", "process.parent.executable"))
_CONNECTED = ((", to ", "destination.ip"), (" port ", "destination.port"))
_OPENED = ((", with access ", "winlog.event_data.GrantedAccess"), _BY)
_SET = ((" = ", "winlog.event_data.Details"), _BY)
_RENAMED = ((" to ", "winlog.event_data.NewName"), _BY)


KINDS = {
    1: Kind("Process creation", ("process",), ("start",), more=_STARTED),
    2: Kind("A process changed a file creation time", ("file",), ("change",), "file.path", (_BY,)),
    3: Kind("Network connection", ("network",), ("start", "connection", "protocol"), more=_CONNECTED),
    4: Kind("Sysmon service state changed", ("process",), ("change",), "winlog.event_data.State"),
    5: Kind("Process terminated", ("process",), ("end",)),
    6: Kind("Driver loaded", ("driver",), ("start",), "file.path"),
    7: Kind("Image loaded", ("process",), ("change",), "file.path", (_BY,)),
    8: Kind("CreateRemoteThread", ("process",), ("change",), "winlog.event_data.TargetImage", (_BY,)),
    9: Kind("RawAccessRead", ("process",), ("access",), more=((", of ", "file.path"),)),
    10: Kind("ProcessAccess", ("process",), ("access",), "winlog.event_data.TargetImage", _OPENED),
    11: Kind("FileCreate", ("file",), ("creation",), "file.path", (_BY,)),
    12: Kind("RegistryEvent (Object create and delete)", ("configuration", "registry"), ("change",), "registry.path", (_BY,)),
    13: Kind("RegistryEvent (Value Set)", ("configuration", "registry"), ("change",), "registry.path", _SET),
    14: Kind("RegistryEvent (Key and Value Rename)", ("configuration", "registry"), ("change",), "registry.path", _RENAMED),
    15: Kind("FileCreateStreamHash", ("file",), ("creation",), "file.path", (_BY,)),
    16: Kind("ServiceConfigurationChange", ("configuration",), ("change",), "winlog.event_data.Configuration"),
    17: Kind("PipeEvent (Pipe Created)", ("file",), ("creation",), "file.name", (_BY,)),
    18: Kind("PipeEvent (Pipe Connected)", ("file",), ("access",), "file.name", (_BY,)),
    19: Kind("WmiEvent (WmiEventFilter activity detected)", ("process",), ("creation",), "winlog.event_data.Name"),
    20: Kind("WmiEvent (WmiEventConsumer activity detected)", ("process",), ("creation",), "winlog.event_data.Name"),
    21: Kind("WmiEvent (WmiEventConsumerToFilter activity detected)", ("process",), ("creation",), "winlog.event_data.Consumer"),
    22: Kind("DNSEvent (DNS query)", ("network",), ("connection", "protocol", "info"), "dns.question.name", (_BY,)),
    23: Kind("FileDelete (File Delete archived)", ("file",), ("deletion",), "file.path", (_BY,)),
    24: Kind("ClipboardChange (New content in the clipboard)", (), ("change",)),
    25: Kind("ProcessTampering (Process image change)", ("process",), ("change",), more=((": ", "winlog.event_data.Type"),)),
    26: Kind("FileDeleteDetected (File Delete logged)", ("file",), ("deletion",), "file.path", (_BY,)),
    27: Kind("FileBlockExecutable", ("file",), ("creation", "denied"), "file.path", (_BY,)),
    28: Kind("FileBlockShredding", ("file",), ("deletion", "denied"), "file.path", (_BY,)),
    29: Kind("FileExecutableDetected", ("file",), ("creation",), "file.path", (_BY,)),
    255: Kind("Error", ("process",), ("error",), "error.message"),
}
UNKNOWN = Kind("Unknown event")


def one_line(kind: Kind, fields: Mapping[str, object]) -> str:
    """What happened, to what, and by whom, as far as the event says so: the message that Windows renders has a line for each value.

    >>> one_line(KINDS[3], {"process.executable": "a.exe", "destination.ip": "192.0.2.1", "destination.port": 445})
    'Network connection: a.exe, to 192.0.2.1 port 445'
    """
    subject = fields.get(kind.subject)
    message = kind.action if subject is None else f"{kind.action}: {subject}"
    for word, field in kind.more:
        if (value := fields.get(field)) is not None:
            message += f"{word}{value}"
    return message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"
