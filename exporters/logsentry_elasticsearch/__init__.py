"""Offers the exporter `elasticsearch` and the command `elastic`."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_exporters(register: Register) -> None:
    register("elasticsearch", "logsentry_elasticsearch.exporter:Elasticsearch")


@hookimpl
def register_commands(register: Register) -> None:
    register("elastic", "logsentry_elasticsearch.command:command")
