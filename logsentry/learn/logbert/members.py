"""One trained member as a piece of an ONNX graph, with plain two-dimensional weights: a copy of one graph with names of its own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper

from logsentry.learn.graph_nodes import Nodes
from logsentry.learn.logbert.member_graph import INPUTS, write
from logsentry.learn.logbert.model import LogBert

OPSET = 23  # the first with `Attention`; onnxruntime runs it 2.4 times as fast as the pieces that older opsets spell it with
Weights = Mapping[str, NDArray[np.float32]]


class Template:
    """The nodes of one member of a model's size, and the constants that all members have in common."""

    def __init__(self, model: LogBert) -> None:
        n = Nodes(model)
        write(n, model, together=False)
        graph = n.graph("member", [], [])
        self.nodes, self.constants = list(graph.node), list(graph.initializer)
        self.weights = {f"weights.{name}": name for name in model.state_dict()}

    def branch(self, prefix: str, weights: Weights) -> tuple[list[NodeProto], list[TensorProto]]:
        """The nodes and weights of one member; whatever it makes is named with the prefix."""
        shared = {*INPUTS, *(tensor.name for tensor in self.constants)}
        nodes = []
        for node in self.nodes:
            copy = NodeProto()
            copy.CopyFrom(node)
            copy.input[:] = [name if name in shared else prefix + name for name in node.input]
            copy.output[:] = [prefix + name for name in node.output]
            nodes.append(copy)
        return nodes, [
            numpy_helper.from_array(plain(name, weights[name]), prefix + constant) for constant, name in self.weights.items()
        ]


def plain(name: str, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the member axis; [1, 1, outer] of a bias -> [outer]"""
    return weight[0, 0] if name.endswith("bias") else weight[0]


def weights_of(model: LogBert) -> list[Weights]:
    """The weights of each member, each with a member axis of length 1."""
    state = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    return [{name: value[number : number + 1] for name, value in state.items()} for number in range(model.members)]
