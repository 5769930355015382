"""The ONNX files answer as torch does, in every layout, for any batch, length, stride and choice of groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from logsentry.errors import TrainingError
from logsentry.learn.logbert.ensemble import LogBertEnsemble
from logsentry.learn.logbert.model import LogBert
from logsentry.learn.logbert.probe import NEAR, answers
from logsentry.learn.logbert.settings import Config
from logsentry.sdk import Graph
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

KEYS, MEMBERS, GROUPS = 23, 5, (3, 1, 1)
CONFIG = Config(
    members=MEMBERS, groups=GROUPS, width=16, heads=2, max_steps=20, batch=8, max_length=64, member_axis_graph=True, int8=True
)


def windows(number: int, lengths: tuple[int, int], seed: int) -> list[list[int]]:
    draw = np.random.default_rng(seed)
    return [[BEGIN, *draw.integers(FIRST_KEY, KEYS, draw.integers(*lengths)).tolist(), END] for _ in range(number)]


@pytest.fixture(scope="module")
def trained() -> LogBertEnsemble:
    detector = LogBertEnsemble(CONFIG)
    detector.fit(windows(60, (3, 12), 0), KEYS, seed=3, progress=lambda done, total, note: None)
    return detector


@pytest.fixture(scope="module")
def model(trained: LogBertEnsemble) -> LogBert:
    assert trained.model is not None
    return trained.model


@pytest.fixture(scope="module")
def folder(trained: LogBertEnsemble, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("bundle")
    (part,) = trained.export(where, windows(40, (3, 8), 1))
    assert (part.asks, part.groups, part.probe) == ("masked-keys", GROUPS, "probe.npz")
    assert list(part.graphs) == [
        Graph("model.onnx", "branches", "fp32"),
        Graph("model.int8.onnx", "branches", "int8"),
        Graph("model.member_axis.onnx", "member_axis", "fp32"),
    ]
    assert sorted(path.name for path in where.iterdir()) == sorted([*(graph.file for graph in part.graphs), "probe.npz"])
    return where


@pytest.fixture(scope="module")
def sessions(folder: Path) -> dict[str, onnxruntime.InferenceSession]:
    return {path.name: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in folder.glob("*.onnx")}


def ask(
    session: onnxruntime.InferenceSession, ids: NDArray[np.int64], stride: int, groups: tuple[bool, ...]
) -> list[NDArray[Any]]:
    outputs: list[NDArray[Any]] = session.run(None, {"ids": ids, "stride": np.array(stride), "groups": np.array(groups)})
    return outputs


@pytest.mark.parametrize("file", ["model.onnx", "model.member_axis.onnx"])
@settings(max_examples=40)
@given(
    st.integers(1, 5), st.integers(2, 64), st.integers(1, 80), st.tuples(*[st.booleans()] * 3).filter(any), st.integers(0, 1000)
)
def test_onnx_answers_as_torch(
    sessions: dict[str, onnxruntime.InferenceSession], model: LogBert, file: str, batch: int, length: int, stride: int,
    groups: tuple[bool, ...], seed: int,
) -> None:  # fmt: skip
    ids = np.random.default_rng(seed).integers(FIRST_KEY, KEYS, (batch, length))
    ids[:, 0], ids[:, -1] = BEGIN, END
    ranks, surprise, distance, expected = ask(sessions[file], ids, stride, groups)
    said = answers(model, torch.from_numpy(ids), stride)
    asked = np.repeat(groups, GROUPS)
    assert ranks.dtype == np.int32
    assert expected.shape == (batch, length, 3)
    assert (np.abs(ranks - said["ranks"][asked]) <= said["ties"][asked]).all()
    assert (ranks[:, :, 0] == 0).all()
    np.testing.assert_allclose(surprise, said["surprise"][asked], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(distance, said["distance"][asked], atol=1e-4, rtol=1e-5)
    mean = said["probability"][asked].mean(0)[:, 1:]  # [batch, length - 1, keys]
    best = -np.sort(-mean, -1)[..., :3]
    np.testing.assert_allclose(np.take_along_axis(mean, expected[:, 1:], -1), best, atol=1e-5)


@pytest.mark.parametrize("file", ["model.onnx", "model.member_axis.onnx"])
def test_a_batch_answers_as_each_window_alone(sessions: dict[str, onnxruntime.InferenceSession], file: str) -> None:
    ids = np.array(windows(9, (10, 11), 5))
    for stride in (2, 3, 64):
        together = ask(sessions[file], ids, stride, (True,) * 3)
        for number in range(9):
            alone = ask(sessions[file], ids[number : number + 1], stride, (True,) * 3)
            np.testing.assert_array_equal(alone[0][:, 0], together[0][:, number])
            np.testing.assert_allclose(alone[1][:, 0], together[1][:, number], atol=1e-4)
            np.testing.assert_allclose(alone[2][:, 0], together[2][:, number], atol=1e-5)
            np.testing.assert_array_equal(alone[3][0, 1:], together[3][number, 1:])


def test_no_group_answers_nothing(sessions: dict[str, onnxruntime.InferenceSession]) -> None:
    for session in sessions.values():
        ranks, surprise, distance, expected = ask(session, np.array(windows(2, (5, 6), 0)), 2, (False,) * 3)
        assert (ranks.shape, surprise.shape, distance.shape, expected.shape) == ((0, 2, 7), (0, 2, 7), (0, 2), (2, 7, 3))


def test_int8_is_near_fp32(sessions: dict[str, onnxruntime.InferenceSession]) -> None:
    ids = np.array(windows(64, (10, 11), 7))
    plain, small = (ask(sessions[file], ids, 2, (True,) * 3) for file in ("model.onnx", "model.int8.onnx"))
    assert np.abs(plain[0] - small[0]).mean() < 0.5  # ranks run to 22 here, and these members know hardly anything
    np.testing.assert_allclose(small[2], plain[2], rtol=0.2)
    assert np.abs(plain[1] - small[1]).mean() < 0.2


def test_int8_in_a_batch_answers_as_each_window_alone(sessions: dict[str, onnxruntime.InferenceSession]) -> None:
    ids = np.array(windows(9, (10, 11), 5))
    together = ask(sessions["model.int8.onnx"], ids, 2, (True,) * 3)
    for number in range(9):
        alone = ask(sessions["model.int8.onnx"], ids[number : number + 1], 2, (True,) * 3)
        np.testing.assert_array_equal(alone[0][:, 0], together[0][:, number])
        np.testing.assert_allclose(alone[1][:, 0], together[1][:, number], atol=1e-4)
        np.testing.assert_allclose(alone[2][:, 0], together[2][:, number], atol=1e-5)


def test_the_probe_holds_what_torch_answers(folder: Path, model: LogBert) -> None:
    with np.load(folder / "probe.npz", allow_pickle=False) as probe:
        numbers = [name.removeprefix("ids_") for name in probe if name.startswith("ids_")]
        lengths = {probe[f"ids_{i}"].shape[1] for i in numbers}
        assert len(lengths) == len(numbers) >= 2
        for i in numbers:
            ids = probe[f"ids_{i}"]
            said = answers(model, torch.from_numpy(ids), int(probe[f"stride_{i}"]))
            assert len(ids) >= 2
            assert probe[f"ranks_{i}"].shape == (MEMBERS, *ids.shape)
            np.testing.assert_array_equal(probe[f"ranks_{i}"], said["ranks"])
            np.testing.assert_allclose(probe[f"surprise_{i}"], said["surprise"], rtol=1e-5)
            np.testing.assert_allclose(probe[f"distance_{i}"], said["distance"], rtol=1e-5)
            assert (probe[f"ties_{i}"] > 0).mean() < 0.2
    assert NEAR == 1e-3


@pytest.mark.parametrize("file", ["model.onnx", "model.int8.onnx", "model.member_axis.onnx"])
def test_files_are_self_contained(folder: Path, file: str) -> None:
    model = onnx.load(folder / file, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.domain for entry in model.opset_import} == {""}
    assert not model.functions
    graphs = [model.graph, *(a.g for node in model.graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH)]
    for graph in graphs:
        assert not [node for node in graph.node if node.domain or node.op_type.startswith(("Random", "Multinomial", "Bernoulli"))]
        assert not [tensor for tensor in graph.initializer if tensor.external_data]
        assert not [part for part in (*graph.node, *graph.initializer) if part.doc_string or part.metadata_props]
    assert b"site-packages" not in (folder / file).read_bytes()
    assert {p.key: p.value for p in model.metadata_props}["groups"] == "3,1,1"


def test_branches_have_plain_matrices(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx").graph
    branches = [a.g for node in graph.node for a in node.attribute if a.name == "then_branch"]
    assert len(branches) == len(GROUPS)
    for branch in branches:
        sizes = {tensor.name: len(tensor.dims) for tensor in branch.initializer}
        matrices = [node.input[1] for node in branch.node if node.op_type == "Gemm"]
        assert matrices
        assert {sizes[name] for name in matrices} == {2}


def test_the_same_weights_give_the_same_bytes(trained: LogBertEnsemble, folder: Path, tmp_path: Path) -> None:
    again = LogBertEnsemble(msgspec.structs.replace(CONFIG, member_axis_graph=False))
    again.model = trained.model
    again.export(tmp_path, windows(40, (3, 8), 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.int8.onnx", "model.onnx", "probe.npz"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_a_probe_of_nothing_is_refused(trained: LogBertEnsemble, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="probe holds no window"):
        trained.export(tmp_path, [])
    with pytest.raises(TrainingError, match="the id 99"):
        trained.export(tmp_path, [[BEGIN, 99, END]])
