"""Offers the source `dns-tap` and the command `dns-names`; both are imported only when they are used."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_sources(register: Register) -> None:
    register("dns-tap", "logsentry_dnstap.source:DnsTap")


@hookimpl
def register_commands(register: Register) -> None:
    register("dns-names", "logsentry_dnstap.names:command")
