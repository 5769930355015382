"""Offers the source `sysmon`: Sysmon."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("sysmon", "logsentry_sysmon.source:Sysmon")
