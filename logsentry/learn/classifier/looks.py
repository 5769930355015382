"""A small ONNX graph beside the encoder's: how much each token looks at each other, for a picture of it.

The graph is (ids int64 [n, c], place int64 [n], both as the encoder's own graph takes them) -> looks float32 [layers, n, c, c], the
mean over heads of what `encoder.Encoder.attentions` answers. It is asked for a few reports that a person looks at, never while
scoring; its embedding is 8 bits wide, so that it adds little to a bundle.
"""

from __future__ import annotations

import math

from onnx import GraphProto, TensorProto

from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.graph import embedded, in_chunks, in_rows, layer
from logsentry.learn.classifier.narrow import eighth
from logsentry.learn.graph_nodes import Named, Nodes


def looks(model: Encoder) -> GraphProto:
    """`place` means nothing to a model without chunks, and is taken all the same. The model has one layer at least."""
    size, n = model.size, Nodes(model)
    x, rows, mask = embedded(n, model, in_chunks(n, model) if size.chunk else in_rows(n, model))
    found = []
    for number in range(size.layers):
        name = f"layers.{number}"
        seen = n.normed(x, f"{name}.norm_1", size) if size.place == "pre" else x
        found.append(n("Unsqueeze", looked(n, model, f"{name}.attention", seen, mask), n.ints("zero", 0)))
        if number + 1 < size.layers:
            x = layer(n, model, name, x, rows, mask)
    n("Concat", *found, out="looks", axis=0)
    inputs: list[Named] = [("ids", TensorProto.INT64, ["n", "c"]), ("place", TensorProto.INT64, ["n"])]
    return eighth(n.graph("looks", inputs, [("looks", TensorProto.FLOAT, [size.layers, "n", "c", "c"])]), {})


def looked(n: Nodes, model: Encoder, name: str, x: str, mask: str) -> str:
    """`Attention.weights` of [tokens, width], the mean over heads: [n, c, c]"""
    size = model.size
    query, key, _ = n.many("Split", n.linear(x, f"{name}.query_key_value"), results=3, axis=1, num_outputs=3)
    heads = n("Concat", n("Shape", "ids"), n.ints("heads", size.heads, size.width // size.heads), axis=0)
    q = n("Transpose", n("Reshape", query, heads), perm=[0, 2, 1, 3])
    k = n("Transpose", n("Reshape", key, heads), perm=[0, 2, 3, 1])
    scores = n("Mul", n("MatMul", q, k), n.floats("scale", 1 / math.sqrt(size.width // size.heads)))
    weights = n("Softmax", n("Add", scores, mask), axis=-1)
    return n("ReduceMean", weights, n.ints("one", 1), keepdims=0)
