"""Offers the exporter `duckdb`."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_exporters(register: Register) -> None:
    register("duckdb", "logsentry_duckdb.exporter:DuckDb")
