"""The fields of a score document and how each is mapped: the one table that documents, templates and dashboards are made of.

Names are those of the Elastic Common Schema 9.5; what it has no name for stands below `logsentry.`. It says nothing of values
(`documents.py`) nor of templates, settings and life cycles (`templates.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Mapped = Mapping[str, Any]
"""The body of one field in an Elasticsearch mapping."""

KEYWORD: Mapped = {"type": "keyword", "ignore_above": 1024}
TEXT: Mapped = {"type": "text"}
LONG: Mapped = {"type": "long", "ignore_malformed": True}
DOUBLE: Mapped = {"type": "double"}
IP: Mapped = {"type": "ip", "ignore_malformed": True}
BOOLEAN: Mapped = {"type": "boolean"}
FLATTENED: Mapped = {"type": "flattened", "ignore_above": 1024}

COMMON: Mapping[str, Mapped] = {
    "@timestamp": {"type": "date"},
    "data_stream.type": KEYWORD,
    "data_stream.dataset": KEYWORD,
    "data_stream.namespace": KEYWORD,
    "ecs.version": KEYWORD,
    "event.kind": KEYWORD,
    "event.module": KEYWORD,
    "event.dataset": KEYWORD,
    "event.start": {"type": "date"},
    "event.end": {"type": "date"},
    "event.ingested": {"type": "date"},
    "event.risk_score": {"type": "float"},
    "event.severity": {"type": "long"},
    "message": TEXT,
    "rule.id": KEYWORD,
    "rule.name": KEYWORD,
    "rule.version": KEYWORD,
    "rule.ruleset": KEYWORD,
    "rule.category": KEYWORD,
    "related.ip": IP,
    "related.user": KEYWORD,
    "related.hosts": KEYWORD,
    "related.hash": KEYWORD,
}
"""What logsentry itself fills in; `message` and `rule` in alerts alone. `event.ingested` is the cluster's to set, by an ingest pipeline."""

LOGSENTRY: Mapping[str, Mapped] = {
    "logsentry.id": KEYWORD,
    "logsentry.detector": KEYWORD,
    "logsentry.digest": KEYWORD,
    "logsentry.value": DOUBLE,
    "logsentry.p_value": DOUBLE,
    "logsentry.threshold": DOUBLE,
    "logsentry.alert": BOOLEAN,
    "logsentry.votes": KEYWORD,
    "logsentry.why.what": KEYWORD,
    "logsentry.why.event": KEYWORD,
    "logsentry.why.position": LONG,
    "logsentry.why.seen": KEYWORD,
    "logsentry.why.expected": KEYWORD,
    "logsentry.why.rank": LONG,
    "logsentry.key": KEYWORD,
    "logsentry.events": LONG,
    "logsentry.degraded": BOOLEAN,
    "logsentry.source.name": KEYWORD,
    "logsentry.source.index": KEYWORD,
    "logsentry.source.id": KEYWORD,
    "logsentry.fields": FLATTENED,
}
"""The score. `source.index` and `source.id` are lists, one entry a record; `fields` is what else an alert's first event carried."""

COPIED: Mapping[str, Mapped] = {
    "cloud.account.id": KEYWORD,
    "cloud.provider": KEYWORD,
    "destination.address": KEYWORD,
    "destination.domain": KEYWORD,
    "destination.ip": IP,
    "destination.port": LONG,
    "dns.question.name": KEYWORD,
    "event.action": KEYWORD,
    "event.category": KEYWORD,
    "event.code": KEYWORD,
    "event.outcome": KEYWORD,
    "event.provider": KEYWORD,
    "event.type": KEYWORD,
    "file.hash.sha256": KEYWORD,
    "file.name": KEYWORD,
    "file.path": KEYWORD,
    "host.hostname": KEYWORD,
    "host.ip": IP,
    "host.name": KEYWORD,
    "http.request.method": KEYWORD,
    "http.response.status_code": LONG,
    "network.transport": KEYWORD,
    "orchestrator.cluster.name": KEYWORD,
    "orchestrator.namespace": KEYWORD,
    "orchestrator.resource.name": KEYWORD,
    "orchestrator.resource.type": KEYWORD,
    "process.command_line": KEYWORD,
    "process.entity_id": KEYWORD,
    "process.executable": KEYWORD,
    "process.name": KEYWORD,
    "process.parent.executable": KEYWORD,
    "process.parent.name": KEYWORD,
    "process.pid": LONG,
    "registry.path": KEYWORD,
    "service.name": KEYWORD,
    "source.address": KEYWORD,
    "source.ip": IP,
    "source.port": LONG,
    "threat.framework": KEYWORD,
    "threat.tactic.id": KEYWORD,
    "threat.tactic.name": KEYWORD,
    "threat.technique.id": KEYWORD,
    "threat.technique.name": KEYWORD,
    "url.domain": KEYWORD,
    "url.path": KEYWORD,
    "user.domain": KEYWORD,
    "user.effective.name": KEYWORD,
    "user.id": KEYWORD,
    "user.name": KEYWORD,
    "user_agent.original": KEYWORD,
}
"""What is taken over from the window's first event where it is there. None of them decides where a document goes or its id."""

FIELDS: Mapping[str, Mapped] = {**COMMON, **LOGSENTRY, **COPIED}
"""Every field of a score document, flat names, in the order of the three tables above."""


def properties(fields: Mapping[str, Mapped] = FIELDS) -> dict[str, Any]:
    """The fields as the `properties` of a mapping: `{"event": {"properties": {"kind": {"type": "keyword", …}}}}`."""
    tree: dict[str, Any] = {}
    for name, mapped in fields.items():
        *parents, leaf = name.split(".")
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {"properties": {}})["properties"]
        inner[leaf] = dict(mapped)
    return tree
