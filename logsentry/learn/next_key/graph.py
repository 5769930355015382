"""What next-key models share in ONNX: layers of an LSTM, and the answers that are read from logits.

Each model writes its own logits beside its `forward`. The whole graph is described in `export`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, TensorProto
from torch import Tensor, nn

from logsentry.learn.graph_nodes import Named, Nodes

INT, RANK, FLOAT = TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT
GATES = (0, 3, 1, 2)
"""torch keeps the weights of input, forget, cell and output gate in this order; ONNX wants input, output, forget, cell."""


def lstm(n: Nodes, name: str, layers: nn.LSTM, x: str) -> str:
    """[rows, history, any] -> states [rows, history, width], from a state of zeros; `name` is that of the layers in the model."""
    x = n("Transpose", x, perm=[1, 0, 2])  # the operator has time in front
    for number in range(layers.num_layers):
        of = {kind: getattr(layers, f"{kind}_l{number}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        matrices = [n.constant(f"{name}.{kind}_l{number}", gates(of[kind])[None]) for kind in ("weight_ih", "weight_hh")]
        bias = n.constant(f"{name}.bias_l{number}", np.concatenate([gates(of["bias_ih"]), gates(of["bias_hh"])])[None])
        states = n("LSTM", x, *matrices, bias, hidden_size=layers.hidden_size)  # [history, 1 direction, rows, width]
        x = n("Squeeze", states, n.ints("direction", 1))
    return n("Transpose", x, perm=[1, 0, 2])


def gates(weight: Tensor) -> NDArray[np.float32]:
    """The same rows in the order of ONNX."""
    parts: list[NDArray[np.float32]] = np.split(weight.detach().cpu().numpy(), 4)
    return np.concatenate([parts[gate] for gate in GATES])


def last(n: Nodes, states: str) -> str:
    """[rows, history, width] -> [rows, width]"""
    return n("Gather", states, n.whole("last", -1), axis=1)


def answering(n: Nodes, logits: str, history: int) -> GraphProto:
    """The graph whose nodes have led from `context` to logits [rows, keys], with what `export.Answering` says of them."""
    axis = n.ints("keys_axis", 1)
    true = n("GatherElements", logits, n("Unsqueeze", "truth", axis), axis=1)
    n("ReduceSum", n("Cast", n("Greater", logits, true), to=RANK), axis, out="rank", keepdims=0)
    n("Sub", n("ReduceLogSumExp", logits, axis, keepdims=0), n("Squeeze", true, axis), out="surprise")
    _, likeliest = n.many("TopK", logits, n.ints("three", 3), results=2, axis=1)
    n("Identity", likeliest, out="expected")
    outputs: list[Named] = [("rank", RANK, ["rows"]), ("surprise", FLOAT, ["rows"]), ("expected", INT, ["rows", 3])]
    return n.graph("next_key", [("context", INT, ["rows", history]), ("truth", INT, ["rows"])], outputs)
