"""Offers the source `auditd`: the Linux audit log."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("auditd", "logsentry_auditd.source:Auditd")
