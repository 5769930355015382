"""The part of the ONNX graph that is the same for every layout: windows into masked copies, and answers back to their places.

It says in ONNX what `masking.complementary` and `masking.in_place` say in torch (a test holds them together). It is written by hand
because the number of copies depends on a value that is known only while the graph runs. Between `before` and `after` stand the members.
"""

from __future__ import annotations

import onnx
from onnx import GraphProto, parser

from logsentry.text.vocabulary import MASK

IR_VERSION = 11  # of ONNX 1.18, which brought opset 23

BEFORE = f"""
before (int64[batch, length] ids, int64 stride)
    => (int64[rows, length] masked, int64[rows, asking] asked, int64[rows, asking] truth)
<
    int64 zero = {{0}}, int64 one = {{1}}, int64 mask = {{{MASK}}}, int64[1] rest = {{-1}}, int64[1] three = {{3}},
    int64[1] axis0 = {{0}}, int64[1] axis1 = {{1}}, int64[1] axis2 = {{2}}
>
{{
    shape = Shape (ids)
    batch_1 = Slice (shape, axis0, axis1)
    length_1 = Slice (shape, axis1, axis2)
    length_0 = Squeeze (length_1)
    at_least_one = Max (stride, one)
    copies = Min (at_least_one, length_0)
    copies_1 = Unsqueeze (copies, axis0)
    k = Range (zero, copies, one)
    k_column = Unsqueeze (k, axis1)
    position = Range (zero, length_0, one)
    turn = Mod (position, copies)
    in_turn = Equal (turn, k_column)
    not_begin = Greater (position, zero)
    hidden = And (in_turn, not_begin)
    hidden_3 = Unsqueeze (hidden, axis1)
    masked_3 = Where (hidden_3, mask, ids)
    row_shape = Concat <axis = 0> (rest, length_1)
    masked = Reshape (masked_3, row_shape)
    step = Range (zero, length_0, copies)
    steps_1 = Shape (step)
    reached = Add (k_column, step)
    last = Sub (length_0, one)
    hidden_at = Min (reached, last)
    begin_at = Sub (k_column, k_column)
    asked_k = Concat <axis = 1> (begin_at, hidden_at)
    asking_1 = Add (steps_1, one)
    asked_shape = Concat <axis = 0> (rest, asking_1)
    asked_3 = Unsqueeze (asked_k, axis1)
    every_window = Concat <axis = 0> (axis1, batch_1, axis1)
    asked_all = Expand (asked_3, every_window)
    asked = Reshape (asked_all, asked_shape)
    truth_windows = Gather <axis = 1> (ids, asked_k)
    truth_copies = Transpose <perm = [1, 0, 2]> (truth_windows)
    truth = Reshape (truth_copies, asked_shape)
}}
"""

AFTER = """
after (int32[members, rows, asking] all_ranks, float[members, rows, asking] all_surprise, float[members, rows] all_distances,
       float[rows, asking, keys] probability)
   => (int32[members_run, batch, length] ranks, float[members_run, batch, length] surprise, float[members_run, batch] distance,
       int64[batch, length, 3] expected)
<int64[1] far = {9223372036854775807}>
{
    ranks_shape = Shape (all_ranks)
    run_1 = Slice (ranks_shape, axis0, axis1)
    split_shape = Concat <axis = 0> (run_1, copies_1, batch_1, steps_1)
    padded_1 = Mul (copies_1, steps_1)
    placed_shape = Concat <axis = 0> (run_1, batch_1, padded_1)
    hidden_ranks = Slice (all_ranks, axis1, far, axis2)
    split_ranks = Reshape (hidden_ranks, split_shape)
    turned_ranks = Transpose <perm = [0, 2, 3, 1]> (split_ranks)
    placed_ranks = Reshape (turned_ranks, placed_shape)
    cut_ranks = Slice (placed_ranks, axis0, length_1, axis2)
    counted = Cast <to = 6> (not_begin)
    ranks = Mul (cut_ranks, counted)
    hidden_surprise = Slice (all_surprise, axis1, far, axis2)
    split_surprise = Reshape (hidden_surprise, split_shape)
    turned_surprise = Transpose <perm = [0, 2, 3, 1]> (split_surprise)
    placed_surprise = Reshape (turned_surprise, placed_shape)
    cut_surprise = Slice (placed_surprise, axis0, length_1, axis2)
    weighed = Cast <to = 1> (not_begin)
    surprise = Mul (cut_surprise, weighed)
    copied = Concat <axis = 0> (run_1, copies_1, batch_1)
    split_distances = Reshape (all_distances, copied)
    distance = ReduceMean <keepdims = 0> (split_distances, axis1)
    likeliest_p, likeliest = TopK <axis = -1> (probability, three)
    hidden_likeliest = Slice (likeliest, axis1, far, axis1)
    split_three = Concat <axis = 0> (copies_1, batch_1, steps_1, three)
    split_likeliest = Reshape (hidden_likeliest, split_three)
    turned_likeliest = Transpose <perm = [1, 2, 0, 3]> (split_likeliest)
    placed_three = Concat <axis = 0> (batch_1, padded_1, three)
    placed_likeliest = Reshape (turned_likeliest, placed_three)
    expected = Slice (placed_likeliest, axis0, length_1, axis1)
}
"""


def before() -> GraphProto:
    """(ids, stride) -> (masked, asked, truth), as `masking.complementary` names them."""
    return parser.parse_graph(BEFORE)


def after() -> GraphProto:
    """(all_ranks, all_surprise, all_distances, probability) -> (ranks, surprise, distance, expected).

    It uses names that `before` computed.
    """
    return parser.parse_graph(AFTER)


def model(middle: GraphProto, group_count: int, metadata: dict[str, str], opset: int) -> onnx.ModelProto:
    """One checked model of `before`, the members in the middle, and `after`; `metadata` is readable from the loaded file."""
    first, last = before(), after()
    groups = onnx.helper.make_tensor_value_info("groups", onnx.TensorProto.BOOL, [group_count])
    graph = onnx.helper.make_graph(
        [*first.node, *middle.node, *last.node],
        "logbert",
        [*first.input, groups],
        list(last.output),
        [*first.initializer, *middle.initializer, *last.initializer],
    )
    imports = [onnx.helper.make_opsetid("", opset)]
    whole = onnx.helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="logsentry")
    onnx.helper.set_model_props(whole, dict(sorted(metadata.items())))
    onnx.checker.check_model(whole)
    return whole
