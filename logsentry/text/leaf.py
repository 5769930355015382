"""The best cluster of a wide leaf of Drain's tree without a look at each.

Every cluster has a place, one bit of a Python integer. For each (position, token) one integer holds the clusters whose
template has that token there (where it is one cluster only, the place, inverted: most tokens that differ are rare, and a
thousand bits for each would be much). To count for all clusters at once in how many positions they agree with a line, those
integers are added digit by digit: plane k holds bit k of every cluster's count. So a line costs a few additions per token
over one bit a cluster, where drain3 compares each template token by token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def add(planes: list[int], places: int) -> None:
    """Add one to the count of every cluster in `places`."""
    for level, plane in enumerate(planes):
        planes[level] = plane ^ places
        places &= plane
        if not places:
            return
    if places:
        planes.append(places)


def highest(planes: Sequence[int], places: int) -> tuple[int, int]:
    """Those of `places` (not empty) with the highest count, and that count."""
    count = 0
    for level in range(len(planes) - 1, -1, -1):
        count <<= 1
        if among := places & planes[level]:
            places, count = among, count | 1
    return places, count


class Leaf:
    """The clusters of one leaf, in the order in which drain3 compares them. `param` is the token that stands for any."""

    def __init__(self, param: str) -> None:
        self._param = param
        self._clusters: list[Any] = []  # by place; None where the cluster was evicted
        self._templates: list[tuple[str, ...]] = []  # as they were indexed
        self._place: dict[int, int] = {}  # cluster id -> place
        self._live = 0
        self._having: dict[tuple[int, str], int] = {}
        self._params: list[int] = []  # planes: how many parameters each template has

    def __len__(self) -> int:
        return len(self._place)

    def append(self, cluster: Any) -> None:
        place = len(self._clusters)
        self._place[cluster.cluster_id] = place
        self._clusters.append(cluster)
        self._templates.append(cluster.log_template_tokens)
        self._live |= 1 << place
        self._index(place, cluster.log_template_tokens)

    def refresh(self, cluster: Any) -> None:
        """The cluster's template has changed."""
        place = self._place[cluster.cluster_id]
        self._forget(place)
        self._templates[place] = cluster.log_template_tokens
        self._index(place, cluster.log_template_tokens)

    def remove(self, cluster_id: int) -> None:
        """The cluster is no longer in the tree; the others keep their order."""
        place = self._place.pop(cluster_id)
        self._forget(place)
        self._live &= ~(1 << place)
        self._clusters[place] = None
        if len(self._clusters) > 64 and len(self._place) * 2 < len(self._clusters):
            self._close_ranks()

    def best(self, tokens: Sequence[str], include_params: bool) -> tuple[Any, int]:
        """The cluster that drain3 would take, and in how many positions it agrees with `tokens`; (None, 0) where none is.

        drain3's order (`Drain.fast_match`): the highest similarity, then the most parameters, then the first in the leaf.
        With `include_params` a parameter agrees with every token.
        """
        if not self._live:
            return None, 0
        having, param = self._having, self._param
        planes = list(self._params) if include_params else []
        for key in enumerate(tokens):
            if key[1] != param and (places := having.get(key)) is not None:
                add(planes, places if places > 0 else 1 << ~places)
        among, agreeing = highest(planes, self._live)
        among, _ = highest(self._params, among)
        return self._clusters[(among & -among).bit_length() - 1], agreeing

    def _index(self, place: int, template: tuple[str, ...]) -> None:
        bit = 1 << place
        for key in enumerate(template):
            if key[1] != self._param:
                places = self._having.get(key)
                self._having[key] = ~place if places is None else (places if places > 0 else 1 << ~places) | bit
        for level, digit in enumerate(reversed(f"{template.count(self._param):b}")):
            if level == len(self._params):
                self._params.append(0)
            if digit == "1":
                self._params[level] |= bit

    def _forget(self, place: int) -> None:
        mask = ~(1 << place)
        for key in enumerate(self._templates[place]):
            if key[1] != self._param:
                places = self._having.pop(key)
                if places > 0 and (rest := places & mask):
                    self._having[key] = rest
        self._params = [plane & mask for plane in self._params]

    def _close_ranks(self) -> None:
        """Number the places anew, so that a leaf through which many clusters have passed does not grow."""
        clusters = [cluster for cluster in self._clusters if cluster is not None]
        self.__init__(self._param)  # type: ignore[misc]
        for cluster in clusters:
            self.append(cluster)
