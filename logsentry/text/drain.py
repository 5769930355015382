"""drain3's own Drain, with an index over wide leaves and a word when what it answered before no longer holds.

The tree, the similarity and every choice are drain3's (He et al., Drain, ICWS 2017; drain3 0.9.11, `drain3/drain.py`); the
two methods replaced here give the answers of those they replace. `leaf_width` and `short_by_text` are what drain3 has not.
"""

from __future__ import annotations

import importlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib.util import find_spec, module_from_spec
from typing import Any

from logsentry.text.leaf import Leaf

PARAM = "<*>"
WIDE = 8
"""From so many clusters on a leaf is searched through its index; below that, comparing each is as quick."""


def _drain_module() -> Any:
    """`drain3.drain` without `drain3/__init__.py`, which imports jsonpickle: 45 of 64 ms at each start."""
    if "drain3" in sys.modules:
        return importlib.import_module("drain3.drain")
    spec = find_spec("drain3")
    if spec is None:
        raise ModuleNotFoundError("No module named 'drain3'", name="drain3")
    sys.modules["drain3"] = module_from_spec(spec)  # made, not run
    try:
        return importlib.import_module("drain3.drain")
    finally:  # whoever imports drain3 later gets the whole of it
        for name in [name for name in sys.modules if name.partition(".")[0] == "drain3"]:
            del sys.modules[name]


_drain = _drain_module()
Drain: Any = _drain.Drain
LogCluster: Any = _drain.LogCluster
Node: Any = _drain.Node


class Recent(OrderedDict[int, Any]):
    """At most `size` clusters, the one not used for longest first; the behaviour of drain3's `LogClusterCache`.

    `clusters[id]` counts as use and `clusters.get(id)` does not. `evicted` is called with each cluster that had to go.
    """

    def __init__(self, size: int, evicted: Callable[[Any], None]) -> None:
        super().__init__()
        self._size, self._evicted = size, evicted

    def __getitem__(self, cluster_id: int) -> Any:
        self.move_to_end(cluster_id)
        return self.get(cluster_id)

    def __setitem__(self, cluster_id: int, cluster: Any) -> None:
        while len(self) >= self._size:
            oldest = next(iter(self))
            gone = self.get(oldest)
            del self[oldest]
            self._evicted(gone)
        super().__setitem__(cluster_id, cluster)


class IndexedDrain(Drain):  # type: ignore[misc]
    """`changed` is called with a token count when lines of that many tokens may from now on be answered otherwise."""

    def __init__(self, *, leaf_width: int | None, short_by_text: bool, changed: Callable[[int], None], **options: Any) -> None:
        super().__init__(profiler=None, param_str=PARAM, **options)
        self._leaf_width, self._changed = leaf_width, changed
        self._by_text = self.max_node_depth if short_by_text else 0
        self._leaf_of: dict[int, Leaf] = {}  # cluster id -> the index that holds it
        if self.max_clusters is not None:
            self.id_to_cluster = Recent(self.max_clusters, self._forget)

    def add_log_message(self, content: str) -> tuple[Any, str]:
        """The cluster that takes the line, and `none`, `cluster_created` or `cluster_template_changed`."""
        cluster, change = super().add_log_message(content)
        if change != "none":
            leaf = self._leaf_of.get(cluster.cluster_id)
            if leaf is not None:
                leaf.refresh(cluster)
            self._changed(len(cluster.log_template_tokens))
        return cluster, change

    def fast_match(self, cluster_ids: Sequence[int], tokens: Sequence[str], sim_th: float, include_params: bool) -> Any:
        """The most similar cluster of a leaf, or None where none is similar enough."""
        if len(tokens) < self._by_text:
            return self._equal(cluster_ids, tuple(tokens))
        bound = None if include_params else self._leaf_width  # only learning fills a leaf
        if len(cluster_ids) < WIDE and (bound is None or len(cluster_ids) < bound):
            return super().fast_match(cluster_ids, tokens, sim_th, include_params)
        leaf = self._leaf(cluster_ids)
        cluster, agreeing = leaf.best(tokens, include_params)
        if cluster is None or agreeing / len(tokens) >= sim_th or (bound is not None and len(leaf) >= bound):
            return cluster
        return None

    def _equal(self, cluster_ids: Sequence[int], tokens: tuple[str, ...]) -> Any:
        """The cluster whose template is these very words."""
        found = (self.id_to_cluster.get(cluster_id) for cluster_id in cluster_ids)
        return next((cluster for cluster in found if cluster is not None and cluster.log_template_tokens == tokens), None)

    def _leaf(self, cluster_ids: Sequence[int]) -> Leaf:
        """The index of the leaf with these clusters, brought up to date; new clusters are at the end of the list."""
        leaf, fresh = None, []
        for cluster_id in reversed(cluster_ids):
            leaf = self._leaf_of.get(cluster_id)
            if leaf is not None:
                break
            cluster = self.id_to_cluster.get(cluster_id)
            if cluster is not None:
                fresh.append(cluster)
        if leaf is None:
            leaf = Leaf(PARAM)
        for cluster in reversed(fresh):
            leaf.append(cluster)
            self._leaf_of[cluster.cluster_id] = leaf
        return leaf

    def _forget(self, cluster: Any) -> None:
        leaf = self._leaf_of.pop(cluster.cluster_id, None)
        if leaf is not None:
            leaf.remove(cluster.cluster_id)
        self._changed(len(cluster.log_template_tokens))
