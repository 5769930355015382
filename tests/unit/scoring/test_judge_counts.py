"""The judge of count vectors: graphs that baselines really wrote, the probe, explanations by occlusion."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import parser

from logsentry.errors import BundleRefused
from logsentry.scoring.counts import Counts, open_counts
from logsentry.scoring.evidence import Rarity, Scale
from logsentry.scoring.hardware import Hardware
from logsentry.sdk import Graph, Part
from logsentry.text.vocabulary import BEGIN, END

KEYS = 8
PART = Part("test", "counts", (Graph("test.onnx"),), probe="test.probe.npz", file="test.json")
CPU = (Hardware(), "bundle")
GRAPH = f"""
<ir_version: 11, opset_import: ["" : 23]>
test (float[batch, {KEYS}] counts) => (float[batch] strangeness) <float[{KEYS}] weights = {{0, 0, 0, 0, 0, 1, 2, 4}}> {{
    strangeness = MatMul (counts, weights)
}}
"""
MODEL = onnx.ModelProto.SerializeToString(parser.parse_model(GRAPH), deterministic=True)


def probe(counts: np.ndarray, strangeness: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, counts=counts, strangeness=strangeness)
    return file.getvalue()


ONE = np.eye(KEYS, dtype=np.float32)
FILES = {
    "test.onnx": MODEL,
    "test.json": b'{"format":1,"medians":[0,0,0,0,0,1,1,0]}',
    "test.probe.npz": probe(ONE, np.array([0, 0, 0, 0, 0, 1, 2, 4], np.float32)),
}


def rarity(judge: Counts) -> Rarity:
    normal = np.arange(50.0)[None, :, None] / 10  # 0 to 4.9
    return Rarity(Scale.fit(normal, [kind.least for kind in judge.kinds]))


def test_a_window_is_asked_by_its_counts() -> None:
    judge, difference = open_counts(PART, FILES, KEYS, *CPU)
    assert difference == 0
    held = judge.ask(np.array([[BEGIN, 5, 6, 7, END], [BEGIN, 5, 5, 5, END]]))
    assert held.evidence.tolist() == [[[7.0], [3.0]]]
    assert held.of(np.array([False, True])).evidence.tolist() == [[[3.0]]]
    assert (judge.groups, judge.degraded, judge.tune([])) == ((1,), False, {})


def test_what_takes_off_most_when_it_is_made_usual_is_told_first() -> None:
    judge, _ = open_counts(PART, FILES, KEYS, *CPU)
    held = judge.ask(np.array([[BEGIN, 7, 7, 6, 6, 6, END], [BEGIN, 5, 6, 5, 5, 5, END]]))
    first, second = held.findings(rarity(judge).rated(held.evidence))
    assert [(finding.key, finding.said) for finding in first] == [
        (7, "occurs 2 times; most normal windows do not have it"),
        (6, "occurs 3 times; most normal windows have it once"),
    ]
    assert [finding.key for finding in second] == [5]


def test_an_ordinary_window_is_not_explained() -> None:
    judge, _ = open_counts(PART, FILES, KEYS, *CPU)
    held = judge.ask(np.array([[BEGIN, 5, 5, END]]))
    assert held.findings(rarity(judge).rated(held.evidence)) == [()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test.probe.npz": probe(ONE, np.zeros(KEYS, np.float32))}, "answers its probe differently"),
        ({"test.probe.npz": probe(ONE, np.full(KEYS, np.nan, np.float32))}, "answers its probe differently"),
        ({"test.probe.npz": probe(ONE[:, :5], np.zeros(KEYS, np.float32))}, "no count vectors of 8 keys"),
        ({"test.probe.npz": b"none"}, "the probe cannot be read"),
        ({"test.json": b'{"format":1,"medians":[0]}'}, "wanted are 1 and 8"),
        ({"test.json": b"\xff"}, "cannot be read"),
        ({"test.onnx": b"none"}, "cannot open the graph"),
    ],
)
def test_files_that_do_not_fit_are_refused(change: dict[str, bytes], said: str) -> None:
    with pytest.raises(BundleRefused, match=said):
        open_counts(PART, FILES | change, KEYS, *CPU)


@pytest.mark.parametrize("name", ["pca", "iforest", "ocsvm", "logcluster"])
def test_onnxruntime_answers_as_each_baseline_does(name: str, tmp_path: Path) -> None:
    module = pytest.importorskip(f"logsentry.baselines.{name}")
    detector = getattr(module, {"pca": "Pca", "iforest": "IForest", "ocsvm": "OcSvm", "logcluster": "LogCluster"}[name])
    fitted = detector(detector.Config())
    draw = np.random.default_rng(0)
    windows = [(BEGIN, *[5] * n, *[6] * n, *[7] * int(draw.integers(0, 2)), END) for n in draw.integers(1, 5, 200).tolist()]
    fitted.fit(windows, KEYS, seed=1, progress=lambda done, total, note: None)
    [part] = fitted.export(tmp_path, windows)
    judge, difference = open_counts(part, {file.name: file.read_bytes() for file in tmp_path.iterdir()}, KEYS, *CPU)
    assert difference < 1e-4
    counts = draw.integers(0, 20, (60, KEYS)).astype(np.float32)
    np.testing.assert_allclose(judge.run(counts), fitted.strangeness(counts), rtol=1e-4, atol=1e-4)
