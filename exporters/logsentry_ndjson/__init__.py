"""Offers the exporter `ndjson`."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_exporters(register: Register) -> None:
    register("ndjson", "logsentry_ndjson.exporter:Ndjson")
