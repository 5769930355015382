"""Nodes and constants of one ONNX graph while it is written; what graphs say is in the modules that write them.

Graphs are written by hand beside the torch that they repeat: torch's own exporter takes 3 to 8 s of a core for a small model, and
lays out matrices as it likes. Each bundle's probe, and tests with random weights, hold both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, helper, numpy_helper
from torch import nn

from logsentry.learn.classifier.encoder import Size

Named = tuple[str, int, Sequence[str | int]]
"""Name, element type and shape of an input or output."""


class Nodes:
    """`n("Add", a, b)` writes a node and answers the name of its result; constants keep their name and are written once."""

    def __init__(self, model: nn.Module) -> None:
        self._state = {name: value.detach().cpu().float().numpy() for name, value in model.state_dict().items()}
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, NDArray[Any]] = {}

    def __call__(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def many(self, kind: str, *inputs: str, results: int, **attributes: Any) -> list[str]:
        names = [f"{kind.lower()}_{len(self._nodes)}_{number}" for number in range(results)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def constant(self, name: str, value: NDArray[Any]) -> str:
        kept = np.asarray(value, order="C")
        before = self._constants.setdefault(name, kept)
        if before.shape != kept.shape or not np.array_equal(before, kept):
            raise RuntimeError(f"the constant {name} of the graph has two values; this is a defect of its writer")
        return name

    def ints(self, name: str, *values: int) -> str:
        return self.constant(name, np.array(values, np.int64))

    def whole(self, name: str, value: int) -> str:
        """A scalar."""
        return self.constant(name, np.array(value, np.int64))

    def floats(self, name: str, value: float) -> str:
        return self.constant(name, np.array([value], np.float32))

    def weight(self, name: str, times: float = 1.0) -> str:
        """A weight of the model; matrices of linear maps as `Gemm` wants them, [inputs, outputs]."""
        value = self._state[name]
        matrix = value.ndim == 2 and not name.startswith("embedding")
        return self.constant(name, (value.T if matrix else value) * np.float32(times))

    def linear(self, x: str, name: str) -> str:
        return self("Gemm", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"))

    def normed(self, x: str, name: str, size: Size) -> str:
        scale = self.weight(f"{name}.weight")
        if size.norm == "layer":
            return self("LayerNormalization", x, scale, self.weight(f"{name}.bias"), axis=-1, epsilon=1e-5)
        return self("RMSNormalization", x, scale, axis=-1, epsilon=1e-6)

    def graph(self, name: str, inputs: Sequence[Named], outputs: Sequence[Named]) -> GraphProto:
        weights = [numpy_helper.from_array(value, constant) for constant, value in self._constants.items()]
        ends = [[helper.make_tensor_value_info(*each) for each in side] for side in (inputs, outputs)]
        return helper.make_graph(self._nodes, name, *ends, weights)


def used_weights(graph: GraphProto) -> list[str]:
    """Names of the matrices of linear maps in a graph."""
    constants = {tensor.name for tensor in graph.initializer}
    return [node.input[1] for node in graph.node if node.op_type == "Gemm" and node.input[1] in constants]
