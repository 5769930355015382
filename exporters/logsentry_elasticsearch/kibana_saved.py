"""The form of Kibana's saved objects, that of its own export: what each has, and how it names the data view that it looks at.

The inner parts are JSON in text, and references name other objects
(https://www.elastic.co/guide/en/kibana/8.19/saved-objects-api.html). The versions that objects name are old on purpose: Kibana brings
objects up to its own version, and refuses newer ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

ALERTS, SCORES, SOURCES = "logsentry-alerts", "logsentry-scores", "logsentry-sources"
"""Ids of the data views."""

_MIGRATED = {
    "dashboard": "8.9.0",
    "index-pattern": "8.0.0",
    "search": "7.9.3",
    "visualization": "8.5.0",
}
_SEARCHED = "kibanaSavedObjectMeta.searchSourceJSON.index"

Object = dict[str, Any]


def looking_at(view: str) -> dict[str, Any]:
    """What an object looks at; the data view itself is its first reference."""
    asked = {"query": {"query": "", "language": "kuery"}, "filter": [], "indexRefName": _SEARCHED}
    return {"kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(asked)}}


def saved(kind: str, name: str, attributes: dict[str, Any], views: Sequence[str]) -> Object:
    references = [{"id": view, "name": _SEARCHED, "type": "index-pattern"} for view in views]
    versions = {"coreMigrationVersion": "8.8.0", "typeMigrationVersion": _MIGRATED[kind]}
    return {"id": name, "type": kind, "attributes": attributes, "references": references, **versions}
