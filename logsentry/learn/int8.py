"""Matrix products in 8 bits: signed weights with one scale a column, inputs on a fixed scale that the probe windows set.

The scale is fixed because one that is taken from the batch at hand, as dynamic quantization does, makes a window's ranks depend on the
windows beside it. Written as `QuantizeLinear`, `DequantizeLinear` and `Gemm` of the default ONNX domain, which onnxruntime fuses into one
8-bit product (signed weights ran 2.6 times as fast as fp32, unsigned ones 1.2 times). The key head stays fp32: it is small, and the ranks
are read from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from logsentry.learn.logbert import Linear, LogBert
from logsentry.learn.masking import complementary

Ranges = Mapping[str, tuple[float, float]]
MARGIN = 1.2  # of the range that the probe windows show, since other windows may show a little more


@torch.no_grad()
def ranges(model: LogBert, batches: Sequence[NDArray[np.int64]], stride: int) -> Ranges:
    """The least and greatest input of each member's matrices, by the weight's name in the graph."""
    found: dict[str, tuple[float, float]] = {}

    def note(name: str, inputs: Tensor) -> None:
        for member, (low, high) in enumerate(zip(inputs.amin((1, 2)).tolist(), inputs.amax((1, 2)).tolist(), strict=True)):
            weight = f"m{member:02}/{name}.weight"
            before = found.get(weight, (0.0, 0.0))
            found[weight] = (min(before[0], MARGIN * low), max(before[1], MARGIN * high))

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return module.register_forward_pre_hook(lambda _, inputs: note(name, inputs[0]))

    hooks = [watch(name, module) for name, module in model.named_modules() if isinstance(module, Linear) and name != "head"]
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
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type != "Gemm" or node.input[1] not in seen:
            nodes.append(node)
            continue
        made, constants = product(node, weights, seen[node.input[1]])
        nodes += made
        graph.initializer.extend(constants)
        for name in node.input[1:]:
            graph.initializer.remove(weights[name])
    del graph.node[:]
    graph.node.extend(nodes)


def product(node: NodeProto, weights: Mapping[str, TensorProto], limits: tuple[float, float]) -> tuple[list[NodeProto], list[TensorProto]]:
    """One `Gemm` in 8 bits: u8 inputs, s8 weights, a bias of 32 bits on the scale of their products."""
    x, weight, bias = node.input
    scale = np.float32(max(limits[1] - limits[0], 1e-6) / 255)
    zero = np.uint8(np.clip(np.rint(-limits[0] / scale), 0, 255))
    matrix: NDArray[np.float32] = numpy_helper.to_array(weights[weight])  # [inner, outer]
    columns = (np.maximum(np.abs(matrix).max(0), 1e-12) / 127).astype(np.float32)
    levels = np.rint(matrix / columns).astype(np.int8)
    biases = np.rint(numpy_helper.to_array(weights[bias]) / (scale * columns)).astype(np.int32)
    parts = {
        f"{x}/{weight}/scale": scale, f"{x}/{weight}/zero": zero,
        f"{weight}/levels": levels, f"{weight}/scale": columns, f"{weight}/zero": np.zeros_like(levels[0]),
        f"{bias}/levels": biases, f"{bias}/scale": scale * columns, f"{bias}/zero": np.zeros_like(biases),
    }  # fmt: skip
    names = list(parts)
    nodes = [
        helper.make_node("QuantizeLinear", [x, *names[:2]], [f"{x}/{weight}/levels"]),
        helper.make_node("DequantizeLinear", [f"{x}/{weight}/levels", *names[:2]], [f"{x}/{weight}/plain"]),
        helper.make_node("DequantizeLinear", names[2:5], [f"{weight}/plain"], axis=1),
        helper.make_node("DequantizeLinear", names[5:8], [f"{bias}/plain"], axis=0),
        helper.make_node("Gemm", [f"{x}/{weight}/plain", f"{weight}/plain", f"{bias}/plain"], list(node.output)),
    ]
    return nodes, [numpy_helper.from_array(np.asarray(array), name) for name, array in parts.items()]
