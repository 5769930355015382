"""What both next-key models share: weights, training that learns and repeats itself, and a graph that answers as torch."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import TrainingError, UsageError
from logsentry.learn.logbert.probe import NEAR
from logsentry.learn.next_key.deeplog import DeepLog
from logsentry.learn.next_key.export import Answering
from logsentry.learn.next_key.loganomaly import LogAnomaly
from logsentry.learn.next_key.training import guesses, weights
from logsentry.sdk import Detector, Graph, Part
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, MASK, PAD

KEYS, HISTORY = 12, 4
SMALL = {"history": HISTORY, "width": 16, "batch": 16, "max_steps": 120, "learning_rate": 0.01}
KINDS = [DeepLog, LogAnomaly]
Made = Callable[..., DeepLog | LogAnomaly]


def made(kind: Made, **more: object) -> DeepLog | LogAnomaly:
    return kind(msgspec.convert({**SMALL, **more}, kind.Config))  # type: ignore[attr-defined]


def windows(number: int, seed: int = 0) -> list[list[int]]:
    """Keys that count up by one, from anywhere: the next key is certain, the end is not."""
    draw = np.random.default_rng(seed)
    cut = [(int(start), int(draw.integers(1, 8))) for start in draw.integers(0, 7, number)]
    return [[BEGIN, *(FIRST_KEY + (start + step) % 7 for step in range(length)), END] for start, length in cut]


def quiet(done: int, total: int, note: str) -> None:
    assert 0 < done <= total
    assert note


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest) -> DeepLog | LogAnomaly:
    detector = made(request.param)
    figures = detector.fit(windows(80), KEYS, seed=1, progress=quiet)
    assert figures["steps"] == 120
    assert figures["predictions"] == sum(len(window) - 1 for window in windows(80))
    assert figures["loss"] < 1.5
    return detector


@pytest.fixture(scope="module")
def part(trained: DeepLog | LogAnomaly, tmp_path_factory: pytest.TempPathFactory) -> tuple[Part, Path]:
    folder = tmp_path_factory.mktemp("bundle")
    (written,) = trained.export(folder, windows(20, 1))
    return written, folder


@pytest.fixture(scope="module")
def session(part: tuple[Part, Path]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(part[1] / "model.onnx", providers=["CPUExecutionProvider"])


def test_both_are_detectors() -> None:
    for kind in KINDS:
        assert isinstance(made(kind), Detector)
        assert made(kind, max_length=40).max_length == 40


def test_it_learns_what_follows(trained: DeepLog | LogAnomaly) -> None:
    assert trained.trained is not None
    context = torch.tensor([[PAD, BEGIN, 6, 7], [BEGIN, 9, 10, 11], [PAD, PAD, PAD, BEGIN]])
    logits = trained.trained.net(context)
    assert {8, END} == set(logits[0].topk(2).indices.tolist())
    assert {5, END} == set(logits[1].topk(2).indices.tolist())
    assert (logits.softmax(1)[:, [PAD, MASK, BEGIN]] == 0).all()


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 70), seed=st.integers(0, 1000))
def test_the_graph_answers_as_torch(
    trained: DeepLog | LogAnomaly, session: onnxruntime.InferenceSession, rows: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    context, truth = draw.integers(0, KEYS, (rows, HISTORY)), draw.integers(END, KEYS, rows)
    rank, surprise, expected = session.run(["rank", "surprise", "expected"], {"context": context, "truth": truth})
    assert trained.trained is not None
    with torch.no_grad():
        logits = trained.trained.net(torch.from_numpy(context))
        said = Answering(trained.trained.net)(torch.from_numpy(context), torch.from_numpy(truth))
    assert (rank.dtype, surprise.dtype, expected.dtype, expected.shape) == (np.int32, np.float32, np.int64, (rows, 3))
    ties = ((logits - logits.gather(1, torch.from_numpy(truth)[:, None])).abs() < NEAR).sum(1).numpy() - 1
    assert (np.abs(rank - said[0].numpy()) <= ties).all()
    np.testing.assert_allclose(surprise, said[1].numpy(), atol=1e-4)
    best = np.take_along_axis(logits.numpy(), expected, 1)
    np.testing.assert_allclose(best, -np.sort(-logits.numpy(), 1)[:, :3], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 3])
def test_any_number_of_layers_answers_as_torch(kind: Made, layers: int, tmp_path: Path) -> None:
    detector = made(kind, layers=layers, max_steps=3, history=2)
    detector.fit(windows(30), KEYS, seed=2, progress=quiet)
    detector.export(tmp_path, windows(20, 1))
    with np.load(tmp_path / "probe.npz") as probe:
        asked = {name: probe[name] for name in ("context", "truth")}
        said, ties = {name: probe[name] for name in ("rank", "surprise")}, probe["ties"]
    rank, surprise, _ = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"]).run(None, asked)
    assert (np.abs(rank - said["rank"]) <= ties).all()
    np.testing.assert_allclose(surprise, said["surprise"], atol=1e-4)


def test_the_files_are_plain_and_described(trained: DeepLog | LogAnomaly, part: tuple[Part, Path]) -> None:
    written, folder = part
    assert (written.asks, written.graphs, written.groups, written.probe) == (
        "next-key",
        (Graph("model.onnx"),),
        (1,),
        "probe.npz",
    )
    assert written.settings == {"history": HISTORY, "predictions": sum(len(window) - 1 for window in windows(80))}
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "probe.npz"]
    model = onnx.load_model(folder / "model.onnx", load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert "LSTM" in {node.op_type for node in model.graph.node}
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer)
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "detector": written.name, "history": "4", "keys": "12", "max_length": "512",
    }  # fmt: skip
    assert b"/site-packages/" not in model.SerializeToString()


def test_the_probe_holds_distinct_contexts(part: tuple[Part, Path]) -> None:
    with np.load(io.BytesIO((part[1] / "probe.npz").read_bytes()), allow_pickle=False) as data:
        found = {name: data[name] for name in data.files}
    assert set(found) == {"context", "truth", "rank", "surprise", "ties"}
    pairs = {(*context, truth) for context, truth in zip(found["context"].tolist(), found["truth"].tolist(), strict=True)}
    assert 2 <= len(pairs) == len(found["truth"]) <= 64
    assert found["context"].shape[1] == HISTORY


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_weights(kind: Made) -> None:
    found = []
    for order, seed in ((1, 5), (-1, 5), (1, 6)):
        detector = made(kind, max_steps=8)
        detector.fit(windows(30)[::order], KEYS, seed=seed, progress=quiet)
        assert detector.trained is not None
        found.append(torch.cat([value.flatten() for value in detector.trained.net.state_dict().values()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_same_weights_give_the_same_files(trained: DeepLog | LogAnomaly, part: tuple[Part, Path], tmp_path: Path) -> None:
    trained.export(tmp_path, windows(20, 1)[::-1])
    for file in ("model.onnx", "probe.npz"):
        assert (tmp_path / file).read_bytes() == (part[1] / file).read_bytes()


def test_evenness_weighs_contexts_and_keeps_what_follows_them() -> None:
    found = guesses([[BEGIN, 5, END]] * 8 + [[BEGIN, 6, END]] * 2 + [[BEGIN, 5, 7, END]] * 4, KEYS, 3, 9)
    plain, even = weights(found, 0.0), weights(found, 1.0)
    torch.testing.assert_close(plain, (found.counts / found.counts.mean()).float())
    for weight in (plain, even):
        assert abs(float(weight.mean()) - 1) < 1e-6
        of = {(*c, t): w for c, t, w in zip(found.context.tolist(), found.truth.tolist(), weight.tolist(), strict=True)}
        context = tuple([PAD, PAD, BEGIN][-3:])
        assert abs(of[(*context, 5)] / of[(*context, 6)] - 6) < 1e-4
    _, which = found.context.unique(dim=0, return_inverse=True)
    per_context = torch.zeros(found.contexts).index_add_(0, which, even)
    torch.testing.assert_close(per_context, per_context[:1].expand(found.contexts))


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ([[BEGIN, 5, END]] * 3, "too few"),
        ([], "too few"),
        ([[BEGIN, 5, END], [BEGIN, 50, END]], "id 50"),
        ([[BEGIN, 5, END], [5, 6, END]], "must begin"),
        ([[BEGIN, 5, END], [BEGIN] + [5] * 600], "601 ids"),
    ],
)
def test_bad_windows_are_refused(bad: list[list[int]], told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        made(DeepLog).fit(bad, KEYS, seed=0, progress=quiet)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not been fitted"):
        made(DeepLog).export(tmp_path, windows(3))
    detector = made(DeepLog, max_steps=1)
    detector.fit(windows(9), KEYS, seed=0, progress=quiet)
    with pytest.raises(TrainingError, match="no window"):
        detector.export(tmp_path, [])
    with pytest.raises(TrainingError, match="id 99"):
        detector.export(tmp_path, [[BEGIN, 99, END]])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_is_asked_for_in_vain() -> None:
    with pytest.raises(UsageError, match="no CUDA device"):
        made(DeepLog, device="cuda").fit(windows(9), KEYS, seed=0, progress=quiet)


def test_time_ends_training() -> None:
    figures = made(DeepLog, max_steps=0, epochs=10**6, seconds=0.2).fit(windows(40), KEYS, seed=0, progress=quiet)
    assert 0.2 <= figures["seconds"] < 5
