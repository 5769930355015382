"""How long scores are kept: by the lifecycle of the data stream itself, or by a policy where the cluster has only those.

The first needs no policy, no phases and one number, and is all that serverless clusters have; it is final since Elasticsearch 8.14
(https://www.elastic.co/guide/en/elasticsearch/reference/8.19/data-stream-lifecycle.html). When to roll over is left to the cluster there.
OpenSearch has neither: its State Management is set up by hand.
"""

from __future__ import annotations

from typing import Any, Literal

Lifecycle = Literal["stream", "policy", "none"]

ROLL_OVER = {"max_primary_shard_size": "50gb", "max_age": "30d"}
"""What Elastic's own policy for logs rolls over at."""


def of_stream(days: int) -> dict[str, Any]:
    """What an index template says of the lifecycle; data is kept for this number of days at least."""
    return {"data_retention": f"{days}d"}


def policy(days: int) -> dict[str, Any]:
    """A policy of two phases: written until it is rolled over, and deleted so many days after that."""
    return {
        "policy": {
            "_meta": {"managed_by": "logsentry"},
            "phases": {
                "hot": {"min_age": "0ms", "actions": {"rollover": dict(ROLL_OVER)}},
                "delete": {"min_age": f"{days}d", "actions": {"delete": {"delete_searchable_snapshot": True}}},
            },
        }
    }
