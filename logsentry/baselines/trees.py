"""A forest of isolation trees as flat arrays, and its walk in ONNX's default operators.

All nodes of all trees are numbered through. A leaf is its own child, so every walk takes as many steps as the deepest tree has levels,
all windows and trees at once, and who has arrived stays.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

STEP = """
    key_{0} = Gather (key, node_{0})
    count_{0} = GatherElements <axis = 1> (counts, key_{0})
    cut_{0} = Gather (cut, node_{0})
    below_{0} = LessOrEqual (count_{0}, cut_{0})
    left_{0} = Gather (left, node_{0})
    right_{0} = Gather (right, node_{0})
    node_{1} = Where (below_{0}, left_{0}, right_{0})
"""

WALK = """
    shape = Shape (counts)
    batch = Slice (shape, axis0, axis1)
    every = Concat <axis = 0> (batch, tree_count)
    node_0 = Expand (roots, every)
    {steps}
    path = Gather (length, node_{last})
    mean_path = ReduceMean <keepdims = 1> (path, axis1)
    power = Mul (mean_path, minus_per_expected)
    score = Pow (two, power)
"""


class Trees(msgspec.Struct, frozen=True):
    """`roots` `[trees]`; of each node `[nodes]` the `key` it asks for, the highest count that goes `left`, its children, and for
    leaves the `length` of the path that ends there. `expected` is that of a tree's whole sample."""

    roots: np.ndarray
    key: np.ndarray
    cut: np.ndarray
    left: np.ndarray
    right: np.ndarray
    length: np.ndarray
    steps: int
    expected: float

    @classmethod
    def of(cls, forest: Any) -> Trees:
        """From a fitted `sklearn.ensemble.IsolationForest`. Counts are whole, so a cut at 2.7 is a cut at 2."""
        trees = [estimator.tree_ for estimator in forest.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
        key, left, right, own = (np.concatenate(column) for column in zip(*map(_nodes, trees, roots), strict=True))
        inner = left != own
        return cls(
            roots=roots,
            key=np.where(inner, key, 0),
            cut=np.floor(np.concatenate([tree.threshold for tree in trees])).astype(np.float32),
            left=left,
            right=right,
            length=np.concatenate([_depths(tree) + average_path(tree.n_node_samples) for tree in trees]),
            steps=max(tree.max_depth for tree in trees),
            expected=float(average_path(np.array([forest.max_samples_]))[0]),
        )

    def walk(self) -> str:
        """Nodes of an ONNX graph in its text form, from `counts` to `score` [batch, 1]."""
        steps = "".join(STEP.format(step, step + 1) for step in range(self.steps))
        return WALK.format(steps=steps, last=self.steps)

    def constants(self) -> dict[str, np.ndarray]:
        """The weights that the nodes of `walk` need."""
        numbered = {name: getattr(self, name).astype(np.int64) for name in ("roots", "key", "left", "right")}
        return numbered | {
            "cut": self.cut,
            "length": self.length,
            "tree_count": np.array([len(self.roots)]),
            "minus_per_expected": np.array(-1.0 / self.expected),
            "two": np.array(2.0),
            "axis0": np.array([0]),
            "axis1": np.array([1]),
        }


def average_path(samples: np.ndarray) -> np.ndarray:
    """The expected length of a path in a tree of so many samples: c(n) of Liu, Ting and Zhou (2008), equation 1."""
    n = np.maximum(samples, 3).astype(np.float64)
    large = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    length: np.ndarray = np.where(samples > 2, large, np.where(samples == 2, 1.0, 0.0))
    return length


def _nodes(tree: Any, root: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(key, left, right, own number) of a tree's nodes, numbered from its root on; scikit-learn's -1 becomes the leaf itself."""
    own = root + np.arange(tree.node_count)
    left, right = (np.where(child < 0, own, root + child) for child in (tree.children_left, tree.children_right))
    return tree.feature, left, right, own


def _depths(tree: Any) -> np.ndarray:
    """Splits above each node; children stand behind their parents."""
    depths = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):
        depths[[tree.children_left[node], tree.children_right[node]]] = depths[node] + 1
    return depths
