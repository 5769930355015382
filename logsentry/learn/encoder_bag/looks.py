"""Where the encoder of an `encoder-bag` looks: the graph of `classifier.looks` behind the terse reading that this encoder is given.

The graph is (ids int64 [n, c], place int64 [n], which means nothing here) -> looks float32 [layers, n, t, t] and kept int64 [n, t]:
the place in `ids` of each of the t tokens that are attended to. Meant for one row at a time.
"""

from __future__ import annotations

from typing import Any, cast

from onnx import GraphProto, TensorProto, compose

from logsentry.learn.classifier.looks import looks
from logsentry.learn.encoder_bag.graph import WITHIN, before, padding, shortened, together
from logsentry.learn.encoder_bag.voters import Voters
from logsentry.learn.graph_nodes import Nodes

INT, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def terse_looks(model: Voters, attended: int) -> GraphProto:
    """The encoder has one layer at least; it is asked about the first `attended` tokens of the terse reading."""
    within = compose.add_prefix_graph(looks(model.encoder), WITHIN)
    n = Nodes(cast(Any, model.bag))
    n("Shape", "ids", out="shape")
    quiet = n("And", n("Not", padding(n, "ids")), n("Not", n("Gather", n.constant("bare", model.bag.bare.numpy()), "ids")))
    at = n(
        "Range", n.whole("begin", 0), n("Squeeze", n("Slice", "shape", n.ints("one", 1), n.ints("two", 2))), n.whole("step", 1)
    )
    left, places = together(n, "ids", quiet), together(n, n("Expand", at, "shape"), quiet)
    new = n("And", n("Not", padding(n, left)), n("Not", n("Equal", left, before(n, left))))
    terse = shortened(n, together(n, left, new), attended)
    n("Identity", terse, out=f"{WITHIN}ids")
    n("Identity", "place", out=f"{WITHIN}place")
    width = n("Slice", n("Shape", terse), n.ints("one", 1), n.ints("two", 2))
    n("Slice", together(n, places, new), n.ints("zero", 0), width, n.ints("one", 1), out="kept")
    inputs = [("ids", INT, ["n", "c"]), ("place", INT, ["n"])]
    outputs = [("looks", FLOAT, [model.encoder.size.layers, "n", "t", "t"]), ("kept", INT, ["n", "t"])]
    own = n.graph("looks", cast(Any, inputs), cast(Any, outputs))
    last = Nodes(cast(Any, model.bag))
    last("Identity", f"{WITHIN}looks", out="looks")
    own.node.extend([*within.node, *last.graph("end", [], []).node])
    own.initializer.extend(within.initializer)
    return own
