"""What a cluster can do of what the setup asks for: lifecycles, ingest pipelines, roles.

Versions are not asked: clusters of one version differ by licence, by modules, and by who runs them. Each thing is asked for where it
would be made, and a pipeline is tried out, since a cluster may have pipelines without the steps that ours takes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from logsentry.sdk import Unavailable
from logsentry_elasticsearch import ingest, lifecycle
from logsentry_elasticsearch.connection import Answer, Cluster
from logsentry_elasticsearch.names import Names

NOT_OFFERED = (400, 405, 410, 501)
"""Where nobody listens on a path Elasticsearch answers 400 ("no handler found") or 405, and its serverless form 410."""


class Wishes(msgspec.Struct, frozen=True):
    """What a person asked for. `lifecycle` is `auto`, or one that the cluster must have; `days` is how long scores are kept."""

    names: Names = Names()
    days: int = 90
    lifecycle: str = "auto"
    sources: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """What the cluster can do; the notes say why something is missing."""

    lifecycle: lifecycle.Lifecycle = "stream"
    pipelines: bool = True
    roles: bool = True
    opensearch: bool = False
    notes: tuple[tuple[str, str], ...] = ()


def offer_of(cluster: Cluster, wishes: Wishes) -> Offer:
    """Asks for each thing that not every cluster has.

    Raises `Unavailable` where the cluster refuses to say, or cannot do what was asked for by name.
    """
    kept, notes = _lifecycle(cluster, wishes)
    pipelines = cluster.request("POST", "/_ingest/pipeline/_simulate", _trial(wishes.names))
    if not _known(cluster, pipelines, "whether it can run a pipeline"):
        notes.append(("ingest pipeline", f"the cluster cannot run it ({pipelines.reason()}), so nothing writes event.ingested"))
    secured = True
    if wishes.sources and not (secured := _offers(cluster, "/_security/role/" + wishes.names.role("writer"))):
        notes.append(("roles", "the cluster has no roles; security is off, or not a part of it"))
    elif not wishes.sources:
        notes.append(("roles", "not asked for; say with --sources what may be read"))
    return Offer(kept, pipelines.status == 200, secured, _is_opensearch(cluster), tuple(notes))


def _lifecycle(cluster: Cluster, wishes: Wishes) -> tuple[lifecycle.Lifecycle, list[tuple[str, str]]]:
    """That of the stream where it is offered and nothing else is asked for, then a policy, then none."""
    paths: dict[lifecycle.Lifecycle, str] = {
        "stream": f"/_data_stream/{wishes.names.stream('scores')}/_lifecycle",
        "policy": f"/_ilm/policy/{wishes.names.policy}",
    }
    for kind, path in paths.items():
        if wishes.lifecycle in ("auto", kind) and _offers(cluster, path):
            return kind, []
    if wishes.lifecycle in paths:
        raise Unavailable(f"{cluster.named} offers no lifecycle of the kind {wishes.lifecycle!r}; leave out --lifecycle")
    why = "not asked for" if wishes.lifecycle == "none" else "the cluster offers neither kind"
    return "none", [("lifecycle", f"{why}, so the streams grow until somebody rolls them over and deletes")]


def _trial(names: Names) -> dict[str, Any]:
    """Our pipeline and one empty document."""
    return {"pipeline": ingest.pipeline(names.part("custom")), "docs": [{"_source": {}}]}


def _offers(cluster: Cluster, path: str) -> bool:
    """Whether the cluster knows this kind of thing: it has one, or says that it has none of this name."""
    return _known(cluster, cluster.request("GET", path), f"what it has at {path}")


def _known(cluster: Cluster, answer: Answer, what: str) -> bool:
    """Raises `Unavailable` for anything but yes and no, so that a right that is missing is not taken for a no."""
    if answer.status in (200, 404):
        return True
    if answer.status in NOT_OFFERED:
        return False
    raise Unavailable(f"{cluster.named} does not say {what}: {answer.reason()}")


def _is_opensearch(cluster: Cluster) -> bool:
    answer = cluster.request("GET", "/")
    return answer.status == 200 and answer.json().get("version", {}).get("distribution") == "opensearch"
