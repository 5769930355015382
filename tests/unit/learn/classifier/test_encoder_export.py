"""The graphs of the encoder classifier answer as torch does, in every shape and precision, and are plain files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from logsentry.errors import TrainingError
from logsentry.learn.classifier.encoder import Encoder, Size
from logsentry.learn.classifier.export import write
from logsentry.sdk import Graph, Part
from logsentry.store.onnx_wire import inspect
from logsentry.text.vocabulary import PAD

LENGTH, CHUNK, VOCABULARY = 32, 8, 40
SHAPES: dict[str, dict[str, Any]] = {
    "mean": {"pooling": "mean"},
    "max, post, rms, classes": {
        "pooling": "max",
        "place": "post",
        "norm": "rms",
        "positions": "learned",
        "classes": 8,
        "head": 0,
    },
    "flatten": {"pooling": "flatten"},
    "flatten, no positions": {"pooling": "flatten", "positions": "none"},
    "no layers": {"pooling": "mean", "layers": 0, "head": 0},
}


class Precisions(msgspec.Struct):
    fp16: bool = True
    int8: bool = True


def encoder(chunk: int, **more: Any) -> Encoder:
    torch.manual_seed(1)
    sizes = {
        "vocabulary": VOCABULARY,
        "width": 16,
        "heads": 2,
        "feed_forward": 32,
        "max_length": LENGTH,
        "head": 8,
        "chunk": chunk,
    }
    model = Encoder(Size(**{**sizes, **more})).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * torch.randn(weight.shape)
    return model


def rows(number: int, seed: int = 0) -> list[tuple[int, ...]]:
    draw = np.random.default_rng(seed)
    return [tuple(draw.integers(3, VOCABULARY, draw.integers(1, LENGTH + 5)).tolist()) for _ in range(number)]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", SHAPES)
def test_a_graph_of_whole_rows_answers_as_torch(name: str, tmp_path: Path) -> None:
    model = encoder(0, **SHAPES[name])
    part = write(model, Precisions(), tmp_path, rows(40))
    assert [graph.precision for graph in part.graphs] == ["fp32", "fp16", "int8"]
    ids = torch.randint(3, VOCABULARY, (6, 13))
    ids[1, 9:] = ids[2, :] = ids[3, 4] = PAD
    with torch.no_grad():
        wanted = model(ids).numpy()
    for graph, apart in zip(part.graphs, (1e-5, 2e-2, 0.3), strict=True):
        session = onnxruntime.InferenceSession(tmp_path / graph.file, providers=["CPUExecutionProvider"])
        got = session.run(["logits"], {"ids": ids.numpy()})[0]
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, wanted, atol=apart * (1 + np.abs(wanted).max()))


@pytest.mark.parametrize("name", SHAPES)
def test_summaries_and_head_answer_as_torch(name: str, tmp_path: Path) -> None:
    model = encoder(CHUNK, **SHAPES[name])
    part = write(model, Precisions(fp16=False, int8=False), tmp_path, rows(40))
    assert part.graphs == (Graph("encoder.onnx"), Graph("encoder.head.onnx"))
    ids = torch.randint(3, VOCABULARY, (1, 2 * CHUNK))
    ids[0, -3:] = PAD
    body, head = (
        onnxruntime.InferenceSession(tmp_path / graph.file, providers=["CPUExecutionProvider"]) for graph in part.graphs
    )
    feeds = {"ids": ids.numpy().reshape(2, CHUNK), "place": np.array([0, 1]), "counts": np.array([1, 1, 0, 0])}
    used = {each.name for each in body.get_inputs()}
    summary = body.run(["summary"], {key: value for key, value in feeds.items() if key in used})[0]
    total = summary.max(0) if model.size.pooling == "max" else summary.sum(0)
    pooled = (total / (2 * CHUNK - 3) if model.size.pooling == "mean" else total)[None].astype(np.float32)
    logits = head.run(["logits"], {"pooled": pooled})[0]
    with torch.no_grad():
        np.testing.assert_allclose(logits, model(ids).numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Part, Path]:
    model, folder = encoder(CHUNK), tmp_path_factory.mktemp("bundle")
    return model, write(model, Precisions(), folder, rows(40)), folder


def test_the_files_are_plain_and_described(exported: tuple[Encoder, Part, Path]) -> None:
    _, part, folder = exported
    assert sorted(files(folder)) == [
        "encoder.fp16.onnx",
        "encoder.head.onnx",
        "encoder.int8.onnx",
        "encoder.looks.onnx",
        "encoder.onnx",
        "encoder.probe.npz",
    ]
    assert (part.name, part.asks, part.probe, part.members) == ("encoder", "tokens", "encoder.probe.npz", 1)
    assert part.settings == {"max_length": LENGTH, "chunk": CHUNK, "pooling": 2, "classes": 1}
    for graph in part.graphs:
        data = (folder / graph.file).read_bytes()
        assert inspect(data, graph.file) == 23
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model, full_check=True)
        assert {node.domain for node in model.graph.node} == {""}
        assert b"/site-packages/" not in data
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told["detector"] == "encoder"
    assert told["vocabulary"] == str(VOCABULARY)


def test_eight_bits_are_eight_bits(exported: tuple[Encoder, Part, Path]) -> None:
    _, _, folder = exported
    graph = onnx.load_model(folder / "encoder.int8.onnx").graph
    sizes = {tensor.name: tensor.data_type for tensor in graph.initializer if np.prod(tensor.dims) >= 16 * 16}
    wide = {name for name, kind in sizes.items() if kind == onnx.TensorProto.FLOAT}
    assert wide == {"places", "embedding.weight"}  # so small an embedding is not worth three more steps
    quantized = [node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"]
    (split,) = (node for node in graph.node if node.op_type == "Split" and node.input[0].endswith("/levels"))
    assert split.input[0].removesuffix("/levels") in quantized
    assert not any(part.removesuffix("/levels") in quantized for part in split.output)


def test_the_same_weights_give_the_same_bytes(exported: tuple[Encoder, Part, Path], tmp_path: Path) -> None:
    model, part, folder = exported
    assert write(model, Precisions(), tmp_path, rows(40)[::-1]) == part
    assert files(tmp_path) == files(folder)


def test_the_probe_holds_torch_logits(exported: tuple[Encoder, Part, Path]) -> None:
    model, part, folder = exported
    with np.load(io.BytesIO((folder / part.probe).read_bytes()), allow_pickle=False) as data:
        found = {name: data[name] for name in data.files}
    lengths = {value.shape[1] for name, value in found.items() if name.startswith("ids_")}
    assert len(lengths) == 4
    assert max(lengths) <= LENGTH
    assert any((value == PAD).any() for name, value in found.items() if name.startswith("ids_"))
    with torch.no_grad():
        for number in range(4):
            wanted = model(torch.from_numpy(found[f"ids_{number}"])).numpy()
            np.testing.assert_array_equal(found[f"logits_{number}"], wanted)


def test_a_large_vocabulary_is_small_in_eight_bits(tmp_path: Path) -> None:
    model = encoder(CHUNK, vocabulary=50_000, width=64, heads=8)
    write(model, Precisions(fp16=False), tmp_path, rows(4))
    assert (tmp_path / "encoder.int8.onnx").stat().st_size < 4_000_000
    names = {tensor.name for tensor in onnx.load_model(tmp_path / "encoder.int8.onnx").graph.initializer}
    assert {"embedding.weight/levels", "embedding.weight/scale"} <= names
    assert (tmp_path / "encoder.onnx").stat().st_size < 15_000_000


def test_a_probe_without_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no row"):
        write(encoder(CHUNK), Precisions(), tmp_path, [()])
