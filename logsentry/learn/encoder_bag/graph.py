"""The readings, the bag and the votes in ONNX around an encoder's graph of whole rows, which may be of any precision.

The graph is `tokens`: (ids int64 [batch, length]) -> logits [batch, classes], so whoever serves an encoder of whole rows serves this.
The bag computes in single precision; what it keeps is as narrow as asked and widened when the graph is loaded.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, TensorProto, compose

from logsentry.learn.encoder_bag.bag import WIDE, Bag
from logsentry.learn.encoder_bag.grams import BASE, FULL, PRIME, QUIET
from logsentry.learn.graph_nodes import Nodes
from logsentry.text.vocabulary import PAD

INT, FLOAT = TensorProto.INT64, TensorProto.FLOAT
WITHIN = "encoder/"


def voting(bag: Bag, encoder: GraphProto, vote: float, attended: int, precision: str) -> GraphProto:
    """`encoder` is (ids, logits); it is asked about the first `attended` tokens of the terse reading, and `vote` is what it counts."""
    within = compose.add_prefix_graph(encoder, WITHIN)
    n = Nodes(cast(Any, bag))
    n("Shape", "ids", out="shape")
    left = together(
        n, "ids", n("And", n("Not", padding(n, "ids")), n("Not", n("Gather", n.constant("bare", bag.bare.numpy()), "ids")))
    )
    said = opinion(n, bag, left, precision)
    terse = together(n, left, n("And", n("Not", padding(n, left)), n("Not", n("Equal", left, before(n, left)))))
    n("Identity", shortened(n, terse, attended), out=f"{WITHIN}ids")
    own = n.graph("tokens", [("ids", INT, ["batch", "length"])], [("logits", FLOAT, ["batch", bag.wide.shape[1]])])
    last = Nodes(cast(Any, bag))
    last("Add", said, last("Mul", f"{WITHIN}logits", last.floats("vote", vote)), out="logits")
    end = last.graph("votes", [], [])
    own.node.extend([*within.node, *end.node])
    own.initializer.extend([*within.initializer, *end.initializer])
    return own


def padding(n: Nodes, ids: str) -> str:
    return n("Equal", ids, n.ints("pad", PAD))


def together(n: Nodes, ids: str, kept: str) -> str:
    """`bag.together`."""
    length = n("Slice", "shape", n.ints("one", 1), n.ints("two", 2))
    place = n("Sub", n("CumSum", n("Cast", kept, to=INT), n.whole("axis1", 1)), n.ints("one", 1))
    room = n("Expand", n.ints("pad", PAD), n("Add", "shape", n.ints("one more", 0, 1)))
    moved = n("ScatterElements", room, n("Where", kept, place, length), ids, axis=1)
    return n("Slice", moved, n.ints("zero", 0), length, n.ints("one", 1))


def before(n: Nodes, ids: str) -> str:
    """The token before each one, and padding before the first."""
    longer = n("Pad", ids, n.ints("one before", 0, 1, 0, 0), n.whole("pad0", PAD))
    return n("Slice", longer, n.ints("zero", 0), n("Slice", "shape", n.ints("one", 1), n.ints("two", 2)), n.ints("one", 1))


def shortened(n: Nodes, ids: str, attended: int) -> str:
    """As many columns as the longest row needs: one at least, `attended` at most."""
    longest = n(
        "ReduceMax", n("ReduceSum", n("Cast", n("Not", padding(n, ids)), to=INT), n.ints("one", 1), keepdims=0), keepdims=0
    )
    end = n("Max", n("Min", n("Reshape", longest, n.ints("one", 1)), n.ints("attended", attended)), n.ints("one", 1))
    return n("Slice", ids, n.ints("zero", 0), end, n.ints("one", 1))


def opinion(n: Nodes, bag: Bag, left: str, precision: str) -> str:
    """`Bag.forward` of `ids`, whose quiet reading is `left`: [batch, classes]"""
    batch = n("Slice", "shape", n.ints("zero", 0), n.ints("one", 1))
    present = n("Expand", n.floats("0", 0), n("Concat", batch, n.ints("grams", len(bag.rarity)), axis=0))
    for ids, longest, begin in (("ids", bag.full, FULL), (left, bag.quiet, QUIET)):
        present = marked(n, bag, present, ids, longest, begin)
    worth = n("Mul", present, n.constant("rarity", bag.rarity.numpy()))
    square = n("ReduceSum", n("Mul", worth, worth), n.ints("one", 1), keepdims=1)
    held = n("Div", worth, n("Max", n("Sqrt", square), n.floats("least", 1e-6)))
    state = {name: value.detach().numpy() for name, value in bag.named_parameters()}
    wide = n("MatMul", held, narrowed(n, "wide", state["wide"] * np.float32(WIDE), "fp16" if precision == "int8" else precision))
    if not bag.width:
        return n("Add", wide, n.weight("out.bias"))
    deep = n("Add", n("MatMul", held, narrowed(n, "deep", state["deep"], precision)), n.weight("bias"))
    normed = n("LayerNormalization", deep, n.weight("norm.weight"), n.weight("norm.bias"), axis=-1, epsilon=1e-5)
    return n("Add", wide, n.linear(n("Gelu", n.linear(n("Gelu", normed), "inner")), "out"))


def marked(n: Nodes, bag: Bag, present: str, ids: str, longest: int, begin: int) -> str:
    """`Bag.mark`."""
    if not longest:
        return present
    longer = n("Pad", ids, n.ints(f"more{longest}", 0, 0, 0, longest - 1), n.whole("pad0", PAD))
    width = n("Slice", "shape", n.ints("one", 1), n.ints("two", 2))
    ones = n("Expand", n.floats("1", 1), "shape")
    code, whole = n("Add", n("Sub", ids, ids), n.ints(f"begin{begin}", begin)), ""
    for run in range(longest):
        at = n.ints(f"run{run}", run)
        token = n("Slice", longer, at, n("Add", width, at), n.ints("one", 1))
        code = n("Mod", n("Add", n("Mul", code, n.ints("base", BASE)), token), n.ints("prime", PRIME))
        real = n("Not", padding(n, token))
        whole = n("And", whole, real) if whole else real
        bucket = n("Mod", code, n.ints("buckets", len(bag.owner)))
        same = n("Equal", n("Cast", n("Gather", n.constant("code", bag.code.numpy().astype(np.int32)), bucket), to=INT), code)
        owner = n("Gather", n.constant("owner", bag.owner.numpy()), bucket)
        mine = n("Where", n("And", whole, same), owner, n.constant("nobody", np.zeros(1, np.int32)))
        present = n("ScatterElements", present, mine, ones, axis=1)
    return present


def narrowed(n: Nodes, name: str, value: NDArray[np.float32], precision: str) -> str:
    """A matrix kept in so many bits, in single precision for whoever multiplies with it."""
    if precision == "fp16":
        return n("Cast", n.constant(name, value.astype(np.float16)), to=FLOAT)
    if precision == "int8":
        scale = np.maximum(np.abs(value).max(axis=0), 1e-12) / 127
        levels = n.constant(f"{name}/levels", np.rint(value / scale).astype(np.int8))
        return n("Mul", n("Cast", levels, to=FLOAT), n.constant(f"{name}/scale", scale.astype(np.float32)))
    return n.constant(name, value)
