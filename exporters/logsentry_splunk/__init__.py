"""Offers the exporter `splunk` and the command `splunk`."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_exporters(register: Register) -> None:
    register("splunk", "logsentry_splunk.exporter:Splunk")


@hookimpl
def register_commands(register: Register) -> None:
    register("splunk", "logsentry_splunk.command:command")
