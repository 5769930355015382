"""What each event of Sysmon is, by its number: the task's name, and the ECS category and type.

Numbers and names are those of Sysmon's own manifest (`sysmon -s`) and of its page at Microsoft Sysinternals. Categories and types
are those that Elastic gives to the ids it has examples of; the others are taken by analogy.
"""

from __future__ import annotations

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """`subject` is the field that a one-line message names."""

    action: str
    category: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    subject: str = "process.executable"


KINDS = {
    1: Kind("Process creation", ("process",), ("start",)),
    2: Kind("A process changed a file creation time", ("file",), ("change",), "file.path"),
    3: Kind("Network connection", ("network",), ("start", "connection", "protocol")),
    4: Kind("Sysmon service state changed", ("process",), ("change",), "winlog.event_data.State"),
    5: Kind("Process terminated", ("process",), ("end",)),
    6: Kind("Driver loaded", ("driver",), ("start",), "file.path"),
    7: Kind("Image loaded", ("process",), ("change",), "file.path"),
    8: Kind("CreateRemoteThread", ("process",), ("change",), "winlog.event_data.TargetImage"),
    9: Kind("RawAccessRead", ("process",), ("access",)),
    10: Kind("ProcessAccess", ("process",), ("access",), "winlog.event_data.TargetImage"),
    11: Kind("FileCreate", ("file",), ("creation",), "file.path"),
    12: Kind("RegistryEvent (Object create and delete)", ("configuration", "registry"), ("change",), "registry.path"),
    13: Kind("RegistryEvent (Value Set)", ("configuration", "registry"), ("change",), "registry.path"),
    14: Kind("RegistryEvent (Key and Value Rename)", ("configuration", "registry"), ("change",), "registry.path"),
    15: Kind("FileCreateStreamHash", ("file",), ("creation",), "file.path"),
    16: Kind("ServiceConfigurationChange", ("configuration",), ("change",), "winlog.event_data.Configuration"),
    17: Kind("PipeEvent (Pipe Created)", ("file",), ("creation",), "file.name"),
    18: Kind("PipeEvent (Pipe Connected)", ("file",), ("access",), "file.name"),
    19: Kind("WmiEvent (WmiEventFilter activity detected)", ("process",), ("creation",), "winlog.event_data.Name"),
    20: Kind("WmiEvent (WmiEventConsumer activity detected)", ("process",), ("creation",), "winlog.event_data.Name"),
    21: Kind("WmiEvent (WmiEventConsumerToFilter activity detected)", ("process",), ("creation",), "winlog.event_data.Consumer"),
    22: Kind("DNSEvent (DNS query)", ("network",), ("connection", "protocol", "info"), "dns.question.name"),
    23: Kind("FileDelete (File Delete archived)", ("file",), ("deletion",), "file.path"),
    24: Kind("ClipboardChange (New content in the clipboard)", (), ("change",)),
    25: Kind("ProcessTampering (Process image change)", ("process",), ("change",)),
    26: Kind("FileDeleteDetected (File Delete logged)", ("file",), ("deletion",), "file.path"),
    27: Kind("FileBlockExecutable", ("file",), ("creation", "denied"), "file.path"),
    28: Kind("FileBlockShredding", ("file",), ("deletion", "denied"), "file.path"),
    29: Kind("FileExecutableDetected", ("file",), ("creation",), "file.path"),
    255: Kind("Error", ("process",), ("error",), "error.message"),
}
UNKNOWN = Kind("Unknown event")
