"""The ingest pipeline that documents of scores pass: it writes when they arrived.

`event.ingested` is the cluster's own clock, so rules of Elastic Security that look back over the last minutes see scores of old events
too. A pipeline that fails keeps no document out: it says in the document what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logsentry_elasticsearch.fields import KEYWORD, TEXT, Mapped

FAILED = "logsentry_pipeline_failed"
"""The tag of a document whose pipeline failed; `error.message` has the reason."""

WRITTEN: Mapping[str, Mapped] = {"error.message": TEXT, "tags": KEYWORD}
"""The fields that only a pipeline that failed writes."""


def pipeline(custom: str) -> dict[str, Any]:
    """`custom` is a pipeline that the cluster's owner may add; it is passed last, and need not be there."""
    return {
        "description": "Writes event.ingested into scores of logsentry",
        "_meta": {"managed_by": "logsentry"},
        "processors": [
            {"set": {"field": "event.ingested", "value": "{{{_ingest.timestamp}}}"}},
            {"pipeline": {"name": custom, "ignore_missing_pipeline": True}},
        ],
        "on_failure": [
            {"append": {"field": "error.message", "value": ["{{{_ingest.on_failure_message}}}"]}},
            {"append": {"field": "tags", "value": [FAILED]}},
        ],
    }
