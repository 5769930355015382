"""The component templates and index templates that make the data streams of scores and alerts.

Fields and their types come from the table in `fields`; whatever else a document carries stays in it and never widens the mapping, so
no log can use up the fields that an index may have. What a cluster's owner wants otherwise goes into `logsentry@custom`, which
comes last and is never touched here.
"""

from __future__ import annotations

from typing import Any

from logsentry_elasticsearch.fields import FIELDS, Mapped, properties
from logsentry_elasticsearch.ingest import WRITTEN
from logsentry_elasticsearch.names import Names

_META = {"managed_by": "logsentry", "description": "made by logsentry elastic setup, which makes it again"}
_OF_OPENSEARCH = {"flattened": "flat_object"}
"""Types that OpenSearch has by another name; it takes no `ignore_above` there."""


def mappings(opensearch: bool = False) -> dict[str, Any]:
    """The component template of the fields. `dynamic: false` keeps unknown fields in the document and out of the mapping."""
    fields = {name: _of_opensearch(body) if opensearch else body for name, body in {**FIELDS, **WRITTEN}.items()}
    return {"template": {"mappings": {"dynamic": False, "properties": properties(fields)}}, "_meta": _META}


def settings(policy: str, pipeline: str) -> dict[str, Any]:
    """The component template of the settings; an empty name leaves that one out."""
    index = {"codec": "best_compression"}
    if policy:
        index["lifecycle.name"] = policy
    if pipeline:
        index["default_pipeline"] = pipeline
    return {"template": {"settings": {"index": _nested(index)}}, "_meta": _META}


def index_template(names: Names, kind: str, lifecycle: dict[str, Any] | None, hook: bool = True) -> dict[str, Any]:
    """The template of the stream `kind`: `scores` or `alerts`.

    `hook` names `logsentry@custom`, which need not exist; OpenSearch has no way to say so, and goes without.
    """
    parts = [names.part("mappings"), names.part("settings")]
    body: dict[str, Any] = {
        "index_patterns": [names.stream(kind)],
        "data_stream": {},
        "priority": names.priority,
        "composed_of": [*parts, names.part("custom")] if hook else parts,
        "_meta": _META,
    }
    if hook:
        body["ignore_missing_component_templates"] = [names.part("custom")]
    if lifecycle is not None:
        body["template"] = {"lifecycle": lifecycle}
    return body


def _nested(flat: dict[str, str]) -> dict[str, Any]:
    """Settings as a cluster gives them back."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        outer, _, inner = name.rpartition(".")
        (tree.setdefault(outer, {}) if outer else tree)[inner] = value
    return tree


def _of_opensearch(body: Mapped) -> Mapped:
    kind = _OF_OPENSEARCH.get(body["type"])
    return body if kind is None else {"type": kind}
