"""One trained member as a piece of an ONNX graph, with plain two-dimensional weights.

torch exports one member only; the others are copies of that graph with their own names and weights (25 exports took 33 s). Matrices
with two axes are packed once, when onnxruntime loads the file; a stack of matrices it would pack on every call.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from logsentry.learn.logbert import LogBert
from logsentry.learn.masking import complementary

OPSET = 23  # the first with `Attention`; onnxruntime runs it 2.4 times as fast as the pieces that older opsets spell it with
INPUTS = ("masked", "asked", "truth")
ANSWERS = ("ranks", "surprise", "distance", "probability")
Weights = Mapping[str, NDArray[np.float32]]


def exported(model: LogBert) -> GraphProto:
    """torch's own export of `LogBert.forward`, all three sizes dynamic, stripped of traces and comments."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of operators for torchvision, which is not used here
    free = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        model.eval(),
        tuple(complementary(torch.full((3, 7), 5), 2)),
        dynamo=True,
        opset_version=OPSET,
        verbose=False,
        input_names=list(INPUTS),
        output_names=list(ANSWERS),
        dynamic_shapes={name: {0: free, 1: free} for name in INPUTS},
    )
    if program is None:
        raise RuntimeError("torch wrote no ONNX program; this torch version is not supported")
    graph = program.model_proto.graph
    for part in (*graph.node, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return graph


class Template:
    """The graph of one member, and which of its constants are weights.

    The exporter folds reshapes into constants, renames them and merges equal ones. So the member that is exported has random
    weights, no two alike, and a constant is the weight that it equals. It is called `weights.` and the weight's name.
    """

    def __init__(self, model: LogBert) -> None:
        alone, generator = model.member(0), torch.Generator().manual_seed(0)
        state = alone.state_dict()
        for tensor in state.values():
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
        graph = exported(alone)
        names = {value.numpy().tobytes(): f"weights.{name}" for name, value in state.items()}
        renamed = {tensor.name: names.get(numpy_helper.to_array(tensor).tobytes(), tensor.name) for tensor in graph.initializer}
        self.weights = {f"weights.{name}": name for name in state}
        if missing := set(self.weights) - set(renamed.values()):
            raise RuntimeError(f"the exported graph lacks the weights {sorted(missing)}; this torch version is not supported")
        self.constants = [tensor for tensor in graph.initializer if renamed[tensor.name] not in self.weights]
        for node in graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
        self.nodes = with_gemm(graph.node, self.weights)

    def branch(self, prefix: str, weights: Weights) -> tuple[list[NodeProto], list[TensorProto]]:
        """The nodes and weights of one member; whatever it makes is named with the prefix."""
        shared = {"", "first_axis", *INPUTS, *(tensor.name for tensor in self.constants)}
        nodes = []
        for node in self.nodes:
            copy = NodeProto()
            copy.CopyFrom(node)
            copy.name = f"{prefix}{node.name}" if node.name else ""
            copy.input[:] = [name if name in shared else prefix + name for name in node.input]
            copy.output[:] = [prefix + name for name in node.output]
            nodes.append(copy)
        return nodes, [
            numpy_helper.from_array(plain(weights[name]), prefix + constant) for constant, name in self.weights.items()
        ]


def plain(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """[1, inner, outer] -> [inner, outer], [1, 1, outer] -> [outer]"""
    return weight.reshape([length for place, length in enumerate(weight.shape) if length > 1 or (place == weight.ndim - 1)])


def with_gemm(nodes: Sequence[NodeProto], weights: Collection[str]) -> list[NodeProto]:
    """`MatMul` by a weight and `Add` of a bias become one `Gemm`, around which the member axis of length 1 is taken off and put back."""
    biased = {node.input[0]: node for node in nodes if node.op_type == "Add" and node.input[1] in weights}
    products = {node.output[0]: node for node in nodes if node.op_type == "MatMul" and node.output[0] in biased}
    kept: list[NodeProto] = []
    for node in nodes:
        if node.output[0] in products:
            continue
        product = products.get(node.input[0]) if node.op_type == "Add" else None
        if product is None:
            kept.append(node)
            continue
        flat, done = f"{product.output[0]}/flat", f"{product.output[0]}/done"
        kept += [
            helper.make_node("Squeeze", [product.input[0], "first_axis"], [flat]),
            helper.make_node("Gemm", [flat, product.input[1], node.input[1]], [done]),
            helper.make_node("Unsqueeze", [done, "first_axis"], list(node.output)),
        ]
    return kept


def weights_of(model: LogBert) -> list[Weights]:
    """The weights of each member, each with a member axis of length 1."""
    state = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    return [{name: value[number : number + 1] for name, value in state.items()} for number in range(model.members)]
