"""Matrix products in 8 bits: signed weights with one scale a column, inputs on a fixed scale that the probe windows set.

The scale is fixed because one that is taken from the batch at hand, as dynamic quantization does, makes a window's ranks depend on the
windows beside it. Written as `QuantizeLinear`, `DequantizeLinear` and `Gemm` of the default ONNX domain, which onnxruntime fuses into one
8-bit product (signed weights ran 2.6 times as fast as fp32, unsigned ones 1.2 times). The key head stays fp32: it is small, and the ranks
are read from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from logsentry.learn.logbert.masking import complementary
from logsentry.learn.logbert.model import Linear, LogBert

Ranges = Mapping[str, tuple[float, float]]
MARGIN = 1.2  # of the range that the probe windows show, since other windows may show a little more


def ranges(model: LogBert, batches: Sequence[NDArray[np.int64]], stride: int) -> Ranges:
    """The least and greatest input of each member's matrices, by the weight's name in the graph."""
    found: dict[str, tuple[float, float]] = {}

    def note(name: str, inputs: Tensor) -> None:
        for member, (low, high) in enumerate(zip(inputs.amin((1, 2)).tolist(), inputs.amax((1, 2)).tolist(), strict=True)):
            weight = f"m{member:02}/weights.{name}.weight"
            before = found.get(weight, (0.0, 0.0))
            found[weight] = (min(before[0], MARGIN * low), max(before[1], MARGIN * high))

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return module.register_forward_pre_hook(lambda _, inputs: note(name, inputs[0]))

    hooks = [watch(name, module) for name, module in model.named_modules() if isinstance(module, Linear) and name != "head"]
    with torch.no_grad():
        for ids in batches:
            model.eval()(*complementary(torch.from_numpy(ids), stride))
    for hook in hooks:
        hook.remove()
    return found


def quantized(graph: GraphProto, seen: Ranges) -> GraphProto:
    """A copy of a graph of branches in which the matrices of known ranges are 8 bits wide."""
    copy = GraphProto()
    copy.CopyFrom(graph)
    for node in copy.node:
        for attribute in node.attribute:
            if attribute.name == "then_branch":
                quantize(attribute.g, seen)
    return copy


def quantize(graph: GraphProto, seen: Ranges) -> None:
    weights = {tensor.name: tensor for tensor in graph.initializer}
    inputs: dict[str, Input] = {}  # queries, keys and values share one
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type != "Gemm" or node.input[1] not in seen:
            nodes.append(node)
            continue
        if node.input[0] not in inputs:
            inputs[node.input[0]] = Input(node.input[0], *seen[node.input[1]])
            nodes += inputs[node.input[0]].nodes()
            graph.initializer.extend(inputs[node.input[0]].constants())
        made, constants = product(node, weights, inputs[node.input[0]])
        nodes += made
        graph.initializer.extend(constants)
        for name in node.input[1:]:
            graph.initializer.remove(weights[name])
    del graph.node[:]
    graph.node.extend(nodes)


class Input(NamedTuple):
    """An input of matrices and its range, which 256 steps divide."""

    name: str
    low: float
    high: float

    @property
    def scale(self) -> np.float32:
        return np.float32(max(self.high - self.low, 1e-6) / 255)

    @property
    def plain(self) -> str:
        return f"{self.name}/plain"

    def nodes(self) -> list[NodeProto]:
        levels, scale = f"{self.name}/levels", [f"{self.name}/scale", f"{self.name}/zero"]
        return [
            helper.make_node("QuantizeLinear", [self.name, *scale], [levels]),
            helper.make_node("DequantizeLinear", [levels, *scale], [self.plain]),
        ]

    def constants(self) -> list[TensorProto]:
        zero = np.clip(np.rint(-self.low / self.scale), 0, 255).astype(np.uint8)
        return named({f"{self.name}/scale": np.asarray(self.scale), f"{self.name}/zero": np.asarray(zero)})


def product(node: NodeProto, weights: Mapping[str, TensorProto], x: Input) -> tuple[list[NodeProto], list[TensorProto]]:
    """One `Gemm` in 8 bits: u8 inputs, s8 weights, a bias of 32 bits on the scale of their products."""
    _, weight, bias = node.input
    matrix: NDArray[np.float32] = numpy_helper.to_array(weights[weight])  # [inner, outer]
    columns = (np.maximum(np.abs(matrix).max(0), 1e-12) / 127).astype(np.float32)
    levels = np.rint(matrix / columns).astype(np.int8)
    biases = np.rint(numpy_helper.to_array(weights[bias]) / (x.scale * columns)).astype(np.int32)
    of_weight = {f"{weight}/levels": levels, f"{weight}/scale": columns, f"{weight}/zero": np.zeros_like(levels[0])}
    of_bias = {f"{bias}/levels": biases, f"{bias}/scale": x.scale * columns, f"{bias}/zero": np.zeros_like(biases)}
    nodes = [
        helper.make_node("DequantizeLinear", list(of_weight), [f"{weight}/plain"], axis=1),
        helper.make_node("DequantizeLinear", list(of_bias), [f"{bias}/plain"], axis=0),
        helper.make_node("Gemm", [x.plain, f"{weight}/plain", f"{bias}/plain"], list(node.output)),
    ]
    return nodes, named({**of_weight, **of_bias})


def named(arrays: Mapping[str, NDArray[Any]]) -> list[TensorProto]:
    return [numpy_helper.from_array(array, name) for name, array in arrays.items()]
