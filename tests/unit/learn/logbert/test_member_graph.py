"""The graph of one member and that of all together answer as torch does, for every shape of a model and for weights of any kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper

from logsentry.learn.logbert import frame
from logsentry.learn.logbert.branches import branches, stacked
from logsentry.learn.logbert.members import OPSET, Template, plain, weights_of
from logsentry.learn.logbert.model import LogBert, Size
from logsentry.learn.logbert.probe import answers
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

KEYS = 17
SIZES = [
    Size(KEYS, width=8, layers=1, heads=1, feed_forward=8, max_length=32),
    Size(KEYS, width=12, layers=2, heads=3, feed_forward=20, max_length=32),
    Size(KEYS, width=16, layers=3, heads=4, feed_forward=1, max_length=24),
]


def model(size: Size, members: int) -> LogBert:
    """Every weight drawn apart, centres and biases among them, so that none can stand for another."""
    torch.manual_seed(members)
    made = LogBert(members, size)
    made.load_state_dict({name: 0.5 * torch.randn(value.shape) for name, value in made.state_dict().items()})
    return made.eval()


def asked(graph: Any, groups: tuple[int, ...], ids: NDArray[np.int64], stride: int) -> list[NDArray[Any]]:
    file = frame.model(graph, len(groups), {}, OPSET).SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    found: list[NDArray[Any]] = session.run(None, {"ids": ids, "stride": np.array(stride), "groups": np.ones(len(groups), bool)})
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("groups", [(1,), (2, 1), (1, 3)])
def test_both_layouts_answer_as_torch(size: Size, groups: tuple[int, ...]) -> None:
    trained = model(size, sum(groups))
    alone = branches(Template(trained), weights_of(trained), groups, KEYS)
    for length, stride in ((2, 2), (11, 3), (size.max_length, 2)):
        ids = np.random.default_rng(length).integers(FIRST_KEY, KEYS, (5, length))
        ids[:, 0], ids[:, -1] = BEGIN, END
        said = answers(trained, torch.from_numpy(ids), stride)
        for graph in (alone, stacked(trained, groups)):
            ranks, surprise, distance, _ = asked(graph, groups, ids, stride)
            assert (np.abs(ranks - said["ranks"]) <= said["ties"]).all()
            np.testing.assert_allclose(surprise, said["surprise"], atol=1e-4, rtol=1e-4)
            np.testing.assert_allclose(distance, said["distance"], atol=1e-4, rtol=1e-4)


def test_members_differ_in_names_and_weights_alone() -> None:
    trained = model(SIZES[1], 2)
    template, (first, second) = Template(trained), weights_of(trained)
    (nodes, weights), (others, other_weights) = template.branch("a/", first), template.branch("b/", second)
    assert [helper.printable_node(node).replace("a/", "b/") for node in nodes] == [helper.printable_node(node) for node in others]
    assert [one.name.replace("a/", "b/") for one in weights] == [one.name for one in other_weights]
    assert all(one.raw_data != two.raw_data for one, two in zip(weights, other_weights, strict=True))


def test_weights_lose_the_axis_of_members_and_no_other() -> None:
    assert plain("head.bias", np.zeros((1, 1, 5), np.float32)).shape == (5,)
    assert plain("layers.0.narrow.weight", np.zeros((1, 1, 5), np.float32)).shape == (1, 5)
    assert plain("centre", np.zeros((1, 1), np.float32)).shape == (1,)
