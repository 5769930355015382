"""What a line may stand behind: a syslog prefix, or the prefix of a container runtime."""

from __future__ import annotations

import re

_PREFIX = re.compile(
    r"(?:<(?P<priority>[0-9]{1,3})>(?:1 )?)?"
    r"(?:(?P<time>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T\S+) (?:(?P<host>[^\s:\[]+) )?)?"
    r"(?P<app>[A-Za-z][\w./-]*)(?:\[(?P<pid>[0-9]{1,10})\])?: "
)
# Kubernetes, CRI logging format: time, stream, P or F for a partial or full line, then the line.
_CRI = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:[0-9]{2}) (?:stdout|stderr) [PF](?::\S*)? ")


def cut_syslog(text: str) -> tuple[str, dict[str, str | int]]:
    """(the line, fields of its syslog prefix); the prefix needs an application's name, its time and host may be missing."""
    prefix = _PREFIX.match(text)
    if prefix is None or not (prefix["time"] or prefix["pid"] or prefix["priority"]):
        return text, {}
    fields: dict[str, str | int] = {}
    if prefix["priority"]:
        fields["log.syslog.priority"] = int(prefix["priority"])
    for name, value in (("hostname", prefix["host"]), ("appname", prefix["app"]), ("procid", prefix["pid"])):
        if value:
            fields[f"log.syslog.{name}"] = value
    return text[prefix.end() :], fields


def cut_cri(text: str) -> str:
    """The line without the prefix of a container runtime."""
    prefix = _CRI.match(text)
    return text[prefix.end() :] if prefix else text
