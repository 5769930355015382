"""The encoder classifier spelled in ONNX, in single precision. Smaller precisions are made of it in `narrow`.

Written by hand because three things are worth it on a CPU: tokens of all rows are the rows of one matrix, so that every product is a `Gemm`
with a weight that onnxruntime packs once; attention is one operator; and flatten pooling has one matrix for each place, so that a
chunk is multiplied with the matrix of its place alone. A probe holds the graphs to `encoder.Encoder`.

- `whole` is `tokens`: (ids int64 [batch, length]) -> logits [batch, classes].
- `chunks`: (ids int64 [n, chunk], place int64 [n] in rising order, counts int64 [places]: how many chunks each place has) -> summary
  [n, features]: the sum of its states (`mean`), their maximum (`max`), or what they add to the head at their place (`flatten`).
- `head`: (pooled [batch, features]) -> logits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, TensorProto, helper

from logsentry.learn.classifier.encoder import HIDDEN, Encoder
from logsentry.learn.graph_nodes import Named, Nodes
from logsentry.learn.logbert.frame import IR_VERSION
from logsentry.learn.logbert.members import OPSET
from logsentry.text.vocabulary import PAD

INT, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def whole(model: Encoder) -> GraphProto:
    """One graph for rows that attend to all of themselves."""
    size, n = model.size, Nodes(model)
    states = tokens(n, model, in_rows(n, model))
    if size.pooling == "flatten":
        used = n("Slice", n.weight("head.weight"), n.ints("none", 0), n("Mul", "length", n.ints("w", size.width)))
        flat = n("Reshape", n("Mul", states, "real"), n("Concat", n.ints("keep", 0), n.ints("rest", -1), axis=0))
        hidden = n("Gemm", flat, used, n.weight("head.bias"))
    else:
        hidden = n("Gemm", pooled(n, model, states), n.weight("head.weight"), n.weight("head.bias"))
    n("Identity", decided(n, model, hidden), out="logits")
    return n.graph("tokens", [("ids", INT, ["batch", "length"])], [("logits", FLOAT, ["batch", size.classes])])


def chunks(model: Encoder) -> GraphProto:
    size, n = model.size, Nodes(model)
    states = tokens(n, model, in_chunks(n, model))
    if size.pooling == "mean":
        n("Squeeze", total(n, states), n.ints("axis", 1), out="summary")
    elif size.pooling == "max":
        n("ReduceMax", highest(n, states), n.ints("axis", 1), out="summary", keepdims=0)
    else:
        at_their_places(n, model, states)
    inputs: list[Named] = [
        ("ids", INT, ["n", size.chunk]),
        ("place", INT, ["n"]),
        ("counts", INT, [size.max_length // size.chunk]),
    ]
    return n.graph("chunks", inputs, [("summary", FLOAT, ["n", features(model)])])


def head(model: Encoder) -> GraphProto:
    size, n = model.size, Nodes(model)
    if size.pooling == "flatten":
        hidden = n("Add", "pooled", n.weight("head.bias"))
    else:
        hidden = n("Gemm", "pooled", n.weight("head.weight"), n.weight("head.bias"))
    n("Identity", decided(n, model, hidden), out="logits")
    return n.graph("head", [("pooled", FLOAT, ["batch", features(model)])], [("logits", FLOAT, ["batch", size.classes])])


def features(model: Encoder) -> int:
    """Numbers in a chunk's summary."""
    return model.head.out_features if model.size.pooling == "flatten" else model.size.width


class Laid(NamedTuple):
    """How ids [n, c] lie: `places`, what is added to their embeddings for where they stand, [n or 1, c, width] or nothing; `square`,
    a shape that makes [n, 1, 1, c] to [n, 1, c, c]."""

    places: str
    square: str


def in_rows(n: Nodes, model: Encoder) -> Laid:
    """Every row begins at place 0. Leaves `length` behind."""
    n("Slice", n("Shape", "ids"), n.ints("one", 1), n.ints("two", 2), out="length")
    one = n.ints("one", 1)
    places = n("Slice", n.constant("places", model.places.detach().numpy()), n.ints("none", 0), "length")
    return Laid(places if model.size.positions != "none" else "", n("Concat", one, one, "length", one, axis=0))


def in_chunks(n: Nodes, model: Encoder) -> Laid:
    """A chunk stands as a whole at one of the places `place` [n]."""
    size = model.size
    table: NDArray[np.float32] = model.places.detach().numpy().reshape(-1, size.chunk, size.width)
    places = n("Gather", n.constant("places", table), "place") if size.positions != "none" else ""
    return Laid(places, n.ints("square", 1, 1, size.chunk, 1))


def tokens(n: Nodes, model: Encoder, laid: Laid) -> str:
    """`Encoder.states` of `ids` [n, c]: [n, c, width]. Leaves `real` [n, c, 1] behind."""
    size = model.size
    x, rows, mask = embedded(n, model, laid)
    for number in range(size.layers):
        x = layer(n, model, f"layers.{number}", x, rows, mask)
    return n("Reshape", n.normed(x, "last", size) if size.place == "pre" else x, rows)


def embedded(n: Nodes, model: Encoder, laid: Laid) -> tuple[str, str, str]:
    """What enters the first layer [tokens, width], the shape [n, c, -1], and what is added to attention [n, 1, c, c]."""
    size = model.size
    padding = n("Equal", "ids", n.ints("pad", PAD))
    n("Cast", n("Not", padding), out="seen", to=FLOAT)
    n("Unsqueeze", "seen", n.ints("last", -1), out="real")
    hidden = n("Where", padding, n.floats("hidden", HIDDEN), n.floats("0", 0))
    mask = n("Expand", n("Unsqueeze", hidden, n.ints("middle", 1, 2)), laid.square)
    x = n("Gather", n.weight("embedding.weight", math.sqrt(size.width)), "ids")
    x = n("Reshape", n("Add", x, laid.places) if laid.places else x, n.ints("flat", -1, size.width))
    return x, n("Concat", n("Shape", "ids"), n.ints("rest", -1), axis=0), mask


def layer(n: Nodes, model: Encoder, name: str, x: str, rows: str, mask: str) -> str:
    """[tokens, width] -> [tokens, width]"""
    size = model.size
    if size.place == "pre":
        x = n("Add", x, attention(n, model, f"{name}.attention", n.normed(x, f"{name}.norm_1", size), rows, mask))
        return n("Add", x, inner(n, f"{name}.inner", n.normed(x, f"{name}.norm_2", size)))
    x = n.normed(n("Add", x, attention(n, model, f"{name}.attention", x, rows, mask)), f"{name}.norm_1", size)
    return n.normed(n("Add", x, inner(n, f"{name}.inner", x)), f"{name}.norm_2", size)


def attention(n: Nodes, model: Encoder, name: str, x: str, rows: str, mask: str) -> str:
    heads = model.size.heads
    together = n("Reshape", n.linear(x, f"{name}.query_key_value"), rows)  # [n, c, 3 * width]
    parts = n.many("Split", together, results=3, axis=2, num_outputs=3)
    seen = n("Attention", *parts, mask, q_num_heads=heads, kv_num_heads=heads)
    return n.linear(n("Reshape", seen, "flat"), f"{name}.out")


def inner(n: Nodes, name: str, x: str) -> str:
    return n.linear(n("Gelu", n.linear(x, f"{name}.0")), f"{name}.3")


def pooled(n: Nodes, model: Encoder, states: str) -> str:
    """States [batch, length, width] to one vector a row, [batch, width]; a row of padding alone becomes zeros."""
    axis = n.ints("axis", 1)
    if model.size.pooling == "mean":
        count = n("Max", n("ReduceSum", "real", axis, keepdims=0), n.floats("1", 1))
        return n("Div", n("Squeeze", total(n, states), axis), count)
    any_ = n("ReduceMax", "real", axis, keepdims=0)
    return n("Mul", n("ReduceMax", highest(n, states), axis, keepdims=0), any_)


def total(n: Nodes, states: str) -> str:
    """The sum of states that are not of padding, [n, 1, width]: a product, since onnxruntime's `ReduceSum` adds in another order where
    n is 1, and a chunk alone must have the same bits as one among others."""
    return n("MatMul", n("Unsqueeze", "seen", n.ints("axis", 1)), states)


def highest(n: Nodes, states: str) -> str:
    """States with padding so low that it is never the greatest."""
    return n("Where", n("Cast", "real", to=TensorProto.BOOL), states, n.floats("low", HIDDEN))


def at_their_places(n: Nodes, model: Encoder, states: str) -> None:
    """What the chunks of each place add to the head: one matrix a place, [chunk * width, head], over the chunks that are there."""
    size = model.size
    places = size.max_length // size.chunk
    weight: NDArray[np.float32] = model.head.weight.detach().numpy()
    flat = n("Reshape", n("Mul", states, "real"), n.ints("chunk_flat", -1, size.chunk * size.width))
    parts = n.many("Split", flat, "counts", results=places, axis=0)
    of_place = np.split(weight, places, axis=1)
    added = [
        n("Gemm", part, n.constant(f"head.weight.{at}", w.T)) for at, (part, w) in enumerate(zip(parts, of_place, strict=True))
    ]
    n("Concat", *added, out="summary", axis=0)


def decided(n: Nodes, model: Encoder, hidden: str) -> str:
    """Logits from the head's first linear map."""
    return n("Gemm", n("Gelu", hidden), n.weight("out.weight"), n.weight("out.bias")) if model.size.head else hidden


def finished(graph: GraphProto, metadata: dict[str, str]) -> bytes:
    """A checked model file; `metadata` is readable from it. The same graph gives the same bytes."""
    imports = [helper.make_opsetid("", OPSET)]
    file = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="logsentry")
    helper.set_model_props(file, dict(sorted(metadata.items())))
    onnx.checker.check_model(file)
    data: bytes = file.SerializeToString(deterministic=True)
    return data
