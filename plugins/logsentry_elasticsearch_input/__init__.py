"""Offers the input `elasticsearch`. How a cluster is reached is in `logsentry_elasticsearch.connection`, which the exporter shares."""

from __future__ import annotations

from logsentry.sdk import Register, hookimpl


@hookimpl
def register_inputs(register: Register) -> None:
    register("elasticsearch", "logsentry_elasticsearch_input.input:ElasticsearchInput")
