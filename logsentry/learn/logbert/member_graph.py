"""`LogBert.forward` in ONNX, written by hand: one member without a member axis for CPUs, or all of them behind one for GPUs.

Between the layers the positions of all rows lie on one axis, so that a linear map is one product: for one member a `Gemm`, whose matrix
onnxruntime packs once, when it loads the file; a stack of matrices it would pack on every call. Weights stay names: `weights.` and what
the model calls them. The inputs are `masked`, `asked` and `truth`, the outputs `ANSWERS`, shaped as in `logbert.Answer`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from logsentry.learn.graph_nodes import Nodes
from logsentry.learn.logbert.model import LEAST, LogBert, Size, sinusoids

INPUTS = ("masked", "asked", "truth")
ANSWERS = ("ranks", "surprise", "distance", "probability")


class Laid(NamedTuple):
    """How rows lie in the graph. `axis` is that of the positions; shapes are names of constants or results."""

    axis: int  # 0 for one member, 1 behind a member axis
    heads: int
    rest: str  # -1: the last axis, or what is left of a shape
    even: str  # float32 [width] of ones: norms have no gain
    flat: str  # shape [positions, width], or [members, positions, width]
    whole: str  # shape [all rows, length, width]
    some: str  # shape [all rows, asked, width]
    picked: str  # int64 [rows * asked]: which positions are asked


def write(n: Nodes, model: LogBert, together: bool) -> None:
    """All members, with weights as the model has them; or one, whose weights have no member axis: of a bias the vector alone."""
    size, members = model.size, model.members if together else 1
    laid = layout(n, size, members, int(together))
    x = embedded(n, size, laid)
    for number in range(size.layers):
        x = layer(n, f"layers.{number}", laid, x, asked=number == size.layers - 1)
    answer(n, size, members, laid, normed(n, x, laid))


def layout(n: Nodes, size: Size, members: int, axis: int) -> Laid:
    rest, width = n.ints("of_member/rest", -1), n.ints("of_member/width", size.width)
    length, asked = n("Shape", "masked", start=1), n("Shape", "asked", start=1)
    rows = n("Range", n.whole("of_member/none", 0), n("Squeeze", n("Shape", "asked", end=1)), n.whole("of_member/one", 1))
    first = n("Mul", n("Unsqueeze", rows, n.ints("of_member/second", 1)), length)  # [rows, 1]: where each row begins
    return Laid(
        axis,
        size.heads,
        rest,
        n.constant("of_member/even", np.ones(size.width, np.float32)),
        n.ints("of_member/flat", *([members] * axis), -1, size.width),
        n("Concat", rest, length, width, axis=0),
        n("Concat", rest, asked, width, axis=0),
        n("Reshape", n("Add", first, "asked"), rest),
    )


def embedded(n: Nodes, size: Size, laid: Laid) -> str:
    """What enters the first layer."""
    places = n.constant("of_member/places", sinusoids(size.max_length, size.width).numpy())
    here = n("Slice", places, n.ints("of_member/begin", 0), n("Shape", "masked", start=1))
    return n("Reshape", n("Add", n("Gather", "weights.embedding", "masked", axis=laid.axis), here), laid.flat)


def layer(n: Nodes, name: str, laid: Laid, x: str, asked: bool) -> str:
    """`logbert.Layer`; with `asked` it answers at those positions alone."""
    seen = normed(n, x, laid)
    keys, values = (n("Reshape", linear(n, f"{name}.{part}", laid, seen), laid.whole) for part in ("key", "value"))
    if asked:
        x, seen = (n("Gather", states, laid.picked, axis=laid.axis) for states in (x, seen))
    queries = n("Reshape", linear(n, f"{name}.query", laid, seen), laid.some if asked else laid.whole)
    mixed = n("Attention", queries, keys, values, q_num_heads=laid.heads, kv_num_heads=laid.heads)
    x = n("Add", x, linear(n, f"{name}.output", laid, n("Reshape", mixed, laid.flat)))
    wide = n("Gelu", linear(n, f"{name}.wide", laid, normed(n, x, laid)))
    return n("Add", x, linear(n, f"{name}.narrow", laid, wide))


def linear(n: Nodes, name: str, laid: Laid, x: str) -> str:
    weight, bias = f"weights.{name}.weight", f"weights.{name}.bias"
    return n("Add", n("MatMul", x, weight), bias) if laid.axis else n("Gemm", x, weight, bias)


def normed(n: Nodes, x: str, laid: Laid) -> str:
    return n("LayerNormalization", x, laid.even, axis=-1, epsilon=1e-5)


def answer(n: Nodes, size: Size, members: int, laid: Laid, x: str) -> None:
    """From the states at the asked positions."""
    logits = linear(n, "head", laid, x)
    probability = n("Softmax", logits, axis=-1)
    truth = n("Reshape", "truth", n.ints("of_member/column", -1, 1))
    if laid.axis:
        truth = n("Expand", truth, n.ints("of_member/each", members, 1, 1))
    asked = n("Concat", n.ints("of_member/members", members), n("Shape", "asked"), axis=0)  # [members, rows, asked]
    greater = n("Cast", n("Greater", logits, n("GatherElements", logits, truth, axis=-1)), to=TensorProto.INT32)
    n("Reshape", n("ReduceSum", greater, laid.rest, keepdims=0), asked, out="ranks")
    true = n("Clip", n("GatherElements", probability, truth, axis=-1), n.constant("of_member/least", np.array(LEAST, np.float32)))
    n("Reshape", n("Neg", n("Log", true)), asked, out="surprise")
    n("Reshape", probability, n("Concat", asked, n.ints("of_member/keys", size.keys), axis=0), out="probability")
    begin = n("Reshape", n("Gather", n("Reshape", x, laid.some), n.whole("of_member/none", 0), axis=1), laid.flat)
    centre = n("Unsqueeze", "weights.centre", n.ints("of_member/second", 1)) if laid.axis else "weights.centre"
    away = n("Sub", begin, centre)
    square = n("ReduceSum", n("Mul", away, away), laid.rest, keepdims=0)
    rows = n("Concat", n.ints("of_member/members", members), n("Shape", "asked", end=1), axis=0)
    n("Reshape", square, rows, out="distance")
