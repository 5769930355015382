"""A template tree as plain JSON types, and back: same clusters, same order of use, same order in every node.

Not drain3's own snapshots, which are jsonpickle and would run code on loading. A snapshot carries the digest of its content, so
that a damaged file is refused; whether it is the right file is for the bundle that holds it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from logsentry.errors import BundleRefused
from logsentry.text.drain import IndexedDrain, LogCluster, Node

FORMAT = 1


class SavedCluster(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    id: int
    size: int
    tokens: list[str]


class SavedNode(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The ids of a node's clusters, and its children with their keys; both in drain3's order."""

    clusters: list[int]
    children: list[tuple[str, SavedNode]]


class SavedTree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`made` counts the clusters ever made, so that ids are not given twice; the least recently used cluster is first."""

    made: int
    clusters: list[SavedCluster]
    root: SavedNode


def save(drain: IndexedDrain) -> SavedTree:
    clusters = [SavedCluster(c.cluster_id, c.size, list(c.log_template_tokens)) for c in drain.id_to_cluster.values()]
    return SavedTree(drain.clusters_counter, clusters, _save_node(drain.root_node))


def _save_node(node: Any) -> SavedNode:
    return SavedNode(list(node.cluster_ids), [(key, _save_node(child)) for key, child in node.key_to_child_node.items()])


def restore(drain: IndexedDrain, saved: SavedTree) -> None:
    """Fill a drain that has seen nothing yet."""
    for entry in saved.clusters:
        cluster = LogCluster(entry.tokens, entry.id)
        cluster.size = entry.size
        drain.id_to_cluster[entry.id] = cluster
    drain.clusters_counter = saved.made
    drain.root_node = _restore_node(saved.root)


def _restore_node(saved: SavedNode) -> Any:
    node = Node()
    node.cluster_ids = list(saved.clusters)
    node.key_to_child_node = {key: _restore_node(child) for key, child in saved.children}
    return node


def seal(content: dict[str, Any]) -> dict[str, Any]:
    """`content` as JSON reads it back (tuples are lists), with its format's number and its digest."""
    whole = {"format": FORMAT, **content}
    return from_bytes(to_bytes({**whole, "digest": _digest(whole)}))


def unseal(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """What was sealed; raises `BundleRefused` for another format or a digest that does not fit the content."""
    whole = dict(snapshot)
    digest = whole.pop("digest", None)
    if whole.get("format") != FORMAT:
        raise BundleRefused(f"the template snapshot has format {whole.get('format')!r}, and only {FORMAT} is known; train again")
    if digest != _digest(whole):
        raise BundleRefused("the template snapshot does not fit its digest: the file is damaged or was edited")
    del whole["format"]
    return whole


def to_bytes(snapshot: Mapping[str, Any]) -> bytes:
    """Always the same bytes for the same snapshot; pure ASCII, since a token may hold half of a surrogate pair."""
    return json.dumps(snapshot, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")


def from_bytes(data: bytes) -> dict[str, Any]:
    """The snapshot in `data`; raises `BundleRefused` where there is none."""
    try:
        snapshot = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleRefused(f"the template snapshot is no JSON: {error}") from error
    if not isinstance(snapshot, dict):
        raise BundleRefused("the template snapshot is no JSON object")
    return snapshot


def _digest(content: Mapping[str, Any]) -> str:
    return blake2b(to_bytes(content), digest_size=16).hexdigest()
