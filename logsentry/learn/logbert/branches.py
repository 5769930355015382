"""All members in one ONNX graph: side by side as branches for CPUs, or stacked behind one member axis for GPUs.

Branches stand in one `If` a vote group, so that a group that is not asked for costs nothing. Stacked members always all run, and
`groups` only selects what is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import GraphProto, TensorProto, ValueInfoProto, helper, numpy_helper, parser

from logsentry.learn.graph_nodes import Nodes
from logsentry.learn.logbert.member_graph import ANSWERS, write
from logsentry.learn.logbert.members import Template, Weights
from logsentry.learn.logbert.model import LogBert

NOTHING = """
nothing () => () <
    int64[1] first_axis = {{0}}, int64[1] nobody_1 = {{0}}, int64[1] second_axis = {{1}}, int64[1] keys_1 = {{{keys}}}, float no_sum = {{0}}
>
{{
    asked_shape_of_all = Shape (asked)
    rows_of_all = Slice (asked_shape_of_all, first_axis, second_axis)
    no_ranks_shape = Concat <axis = 0> (nobody_1, asked_shape_of_all)
    no_ranks = ConstantOfShape <value = int32[1] {{0}}> (no_ranks_shape)
    no_surprise = ConstantOfShape <value = float[1] {{0}}> (no_ranks_shape)
    no_distance_shape = Concat <axis = 0> (nobody_1, rows_of_all)
    no_distance = ConstantOfShape <value = float[1] {{0}}> (no_distance_shape)
    no_probability_shape = Concat <axis = 0> (second_axis, asked_shape_of_all, keys_1)
    no_probability = ConstantOfShape <value = float[1] {{0}}> (no_probability_shape)
}}
"""

STACKED = """
stacked () => () <int64[1] first_axis = {0}>
{
    runs = Gather <axis = 0> (groups, group_of_member)
    all_ranks = Compress <axis = 0> (every_ranks, runs)
    all_surprise = Compress <axis = 0> (every_surprise, runs)
    all_distances = Compress <axis = 0> (every_distance, runs)
    chosen_probability = Compress <axis = 0> (every_probability, runs)
    probability = ReduceSum <keepdims = 0> (chosen_probability, first_axis)
}
"""


def branches(template: Template, weights: Sequence[Weights], groups: Sequence[int], keys: int) -> GraphProto:
    """(masked, asked, truth, groups) -> (all_ranks, all_surprise, all_distances, probability), members unrolled."""
    nothing = parser.parse_graph(NOTHING.format(keys=keys))
    nodes, constants = list(nothing.node), [*template.constants, *nothing.initializer]
    first = 0
    for number, size in enumerate(groups):
        prefix = f"g{number}/"
        then = group(template, prefix, {f"m{member:02}/": weights[member] for member in range(first, first + size)})
        nodes += [
            helper.make_node("Gather", ["groups", f"{prefix}index"], [f"{prefix}runs"], axis=0),
            helper.make_node("If", [f"{prefix}runs"], then_branch=then, else_branch=nobody(prefix), outputs=of(prefix)),
        ]
        constants.append(numpy_helper.from_array(np.array(number), f"{prefix}index"))
        first += size
    ranks, surprise, distances, probabilities = zip(*(of(f"g{number}/") for number in range(len(groups))), strict=True)
    nodes += [
        helper.make_node("Concat", ranks, ["all_ranks"], axis=0),
        helper.make_node("Concat", surprise, ["all_surprise"], axis=0),
        helper.make_node("Concat", distances, ["all_distances"], axis=0),
        helper.make_node("Sum", ["no_probability", *probabilities], ["summed_probability"]),
        helper.make_node("Squeeze", ["summed_probability", "first_axis"], ["probability"]),
    ]
    return helper.make_graph(nodes, "branches", [], [], constants)


def of(prefix: str) -> list[str]:
    return [prefix + name for name in ANSWERS]


def group(template: Template, prefix: str, members: Mapping[str, Weights]) -> GraphProto:
    """What runs where a group is asked for: its members, their ranks, surprise and distances in order, their probabilities summed."""
    pieces = [template.branch(name, weights) for name, weights in members.items()]
    *listed, probabilities = zip(*(of(name) for name in members), strict=True)
    then = of(prefix + "then_")
    nodes = [node for nodes, _ in pieces for node in nodes]
    nodes += [helper.make_node("Concat", names, [all_], axis=0) for names, all_ in zip(listed, then[:-1], strict=True)]
    nodes.append(helper.make_node("Sum", probabilities, then[-1:]))
    constants = [constant for _, constants in pieces for constant in constants]
    return helper.make_graph(nodes, prefix + "then", [], answers(then), constants)


def nobody(prefix: str) -> GraphProto:
    """What runs where a group is not asked for: no ranks, no surprise, no distances, nothing to add to the probabilities."""
    names = of(prefix + "else_")
    nothing = ("no_ranks", "no_surprise", "no_distance", "no_sum")
    nodes = [helper.make_node("Identity", [name], [output]) for name, output in zip(nothing, names, strict=True)]
    return helper.make_graph(nodes, prefix + "else", [], answers(names))


def answers(names: Sequence[str]) -> list[ValueInfoProto]:
    kinds = (TensorProto.INT32, TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT)
    return [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(names, kinds, strict=True)]


def stacked(model: LogBert, groups: Sequence[int]) -> GraphProto:
    """The same with all members at once behind a member axis."""
    n, choice = Nodes(model), parser.parse_graph(STACKED)
    write(n, model, together=True)
    whole = n.graph("together", [], [])
    for node in whole.node:
        node.output[:] = [f"every_{name}" if name in ANSWERS else name for name in node.output]
        node.input[:] = [f"every_{name}" if name in ANSWERS else name for name in node.input]
    group_of_member = numpy_helper.from_array(np.repeat(np.arange(len(groups)), groups), "group_of_member")
    weights = [numpy_helper.from_array(value.cpu().numpy(), f"weights.{name}") for name, value in model.state_dict().items()]
    constants = [*whole.initializer, *weights, *choice.initializer, group_of_member]
    return helper.make_graph([*whole.node, *choice.node], "stacked", [], [], constants)
