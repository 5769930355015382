"""The encoder's graphs with narrower numbers: half precision, and 8 bits.

In 8 bits every matrix of the layers, and those of flatten pooling, has one scale a column, and its input a fixed scale that rows
of training set (`learn.int8` says how and why). Dynamic quantization as onnxruntime has it takes one scale from all that is asked
at once, so that a row's score would depend on its neighbours; a scale for each token would not, but finding it costs more than
the product of so narrow an encoder saves. A large embedding keeps 8 bits a number and one scale a token. Gelu takes its form with tanh
(Hendrycks and Gimpel 2016, section 2), which onnxruntime computes in three quarters of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.int8 import MARGIN, Ranges, named, quantize
from logsentry.text.vocabulary import PAD

EMBEDDING = "embedding.weight"

SMALL = 1 << 20
"""Bytes up to which an embedding stays in single precision: reading it in 8 bits takes three more steps."""


def half(graph: GraphProto) -> GraphProto:
    """A copy whose weights and sums are 16 bits wide; what goes in and out stays 32."""
    copy = GraphProto()
    copy.CopyFrom(graph)
    for tensor in copy.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for node in copy.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
        node.output[:] = [f"{name}/half" if name in {end.name for end in copy.output} else name for name in node.output]
    narrow = {end.name for end in copy.input if end.type.tensor_type.elem_type == TensorProto.FLOAT}
    for node in copy.node:
        node.input[:] = [f"{name}/half" if name in narrow else name for name in node.input]
    begin = [helper.make_node("Cast", [name], [f"{name}/half"], to=TensorProto.FLOAT16) for name in sorted(narrow)]
    end_ = [helper.make_node("Cast", [f"{end.name}/half"], [end.name], to=TensorProto.FLOAT) for end in copy.output]
    nodes = [*begin, *copy.node, *end_]
    del copy.node[:]
    copy.node.extend(nodes)
    return copy


def eighth(graph: GraphProto, seen: Ranges) -> GraphProto:
    """A copy in which the matrices of known ranges and the embedding are 8 bits wide."""
    copy = GraphProto()
    copy.CopyFrom(graph)
    biased(copy, seen)
    quantize(copy, seen)
    split_small(copy)
    for node in copy.node:
        if node.op_type == "Gelu":  # the product after it has steps of some 0.02, and this one is off by 0.001 at most
            node.attribute.append(helper.make_attribute("approximate", "tanh"))
    embedding = next(tensor for tensor in copy.initializer if tensor.name == EMBEDDING)
    if 4 * prod(embedding.dims) <= SMALL:
        return copy
    rows, constants = quantized_rows(numpy_helper.to_array(embedding))
    copy.initializer.remove(embedding)
    copy.initializer.extend(constants)
    nodes: list[NodeProto] = []
    for node in copy.node:
        nodes += gathered(node, rows) if node.op_type == "Gather" and node.input[0] == EMBEDDING else [node]
    del copy.node[:]
    copy.node.extend(nodes)
    return copy


def biased(graph: GraphProto, seen: Ranges) -> None:
    """Products of 8 bits have a bias: those without one get zeros."""
    of = {tensor.name: tensor.dims[1] for tensor in graph.initializer if len(tensor.dims) == 2}
    for node in graph.node:
        if node.op_type == "Gemm" and node.input[1] in seen and len(node.input) == 2:
            bias = f"{node.input[1]}/nothing"
            graph.initializer.extend(named({bias: np.zeros(of[node.input[1]], np.float32)}))
            node.input.append(bias)


def split_small(graph: GraphProto) -> None:
    """A tensor that is split, and whose parts are all made to 8 bits on one scale, is made so before it is split: a quarter to copy."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for split in [node for node in graph.node if node.op_type == "Split"]:
        users = {node.input[0]: node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] in split.output}
        scales = {tuple(constants[name].item() for name in user.input[1:]) for user in users.values()}
        if len(users) != len(split.output) or len(scales) != 1:
            continue
        first = users[split.output[0]]
        whole, levels = split.input[0], f"{split.input[0]}/levels"
        before = helper.make_node("QuantizeLinear", [whole, *first.input[1:]], [levels])
        split.input[0] = levels
        split.output[:] = [users[part].output[0] for part in split.output]
        nodes = [
            each for node in graph.node if node not in users.values() for each in ([before, node] if node == split else [node])
        ]
        del graph.node[:]
        graph.node.extend(nodes)


def quantized_rows(table: NDArray[np.float32]) -> tuple[Sequence[str], list[TensorProto]]:
    """A table [rows, width] as whole numbers up to 127 with one scale a row: names of the two and the two themselves."""
    scale = (np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / 127).astype(np.float32)
    parts: dict[str, NDArray[Any]] = {f"{EMBEDDING}/levels": np.rint(table / scale).astype(np.int8), f"{EMBEDDING}/scale": scale}
    return list(parts), named(parts)


def gathered(node: NodeProto, rows: Sequence[str]) -> list[NodeProto]:
    _, ids = node.input
    (out,) = node.output
    return [
        helper.make_node("Gather", [rows[0], ids], [f"{out}/levels"]),
        helper.make_node("Cast", [f"{out}/levels"], [f"{out}/plain"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [rows[1], ids], [f"{out}/scale"]),
        helper.make_node("Mul", [f"{out}/plain", f"{out}/scale"], [out]),
    ]


@torch.no_grad()
def ranges(model: Encoder, rows: Sequence[NDArray[np.int64]]) -> Ranges:
    """The least and greatest input of each matrix on these rows `[1, length]`, by the weight's name in the graph."""
    found: dict[str, tuple[float, float]] = {}

    def note(name: str, inputs: Tensor) -> None:
        low, high = found.get(name, (0.0, 0.0))
        found[name] = min(low, MARGIN * float(inputs.min())), max(high, MARGIN * float(inputs.max()))

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return module.register_forward_pre_hook(lambda _, inputs: note(f"{name}.weight", inputs[0]))

    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear) and "layers." in name]
    hooks = [watch(*each) for each in layers]
    for ids in (torch.from_numpy(row) for row in rows):
        states = model.eval().represent(ids)
        if model.size.pooling == "flatten" and model.size.chunk:
            for place in range(model.size.max_length // model.size.chunk):  # one range for all: their input is one tensor, split
                note(f"head.weight.{place}", states * (ids != PAD)[..., None])
    for hook in hooks:
        hook.remove()
    return found
