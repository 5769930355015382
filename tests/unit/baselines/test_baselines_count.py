"""The detectors of count vectors: graphs that answer as the detector does, keys never seen, equal bytes, refusals."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from logsentry.baselines.iforest import IForest
from logsentry.baselines.logcluster import LogCluster
from logsentry.baselines.ocsvm import OcSvm
from logsentry.baselines.pca import Pca
from logsentry.baselines.trees import average_path
from logsentry.errors import TrainingError
from logsentry.sdk import Detector, Part
from logsentry.store.onnx_wire import inspect
from logsentry.text.counts import count, distinct
from logsentry.text.vocabulary import BEGIN, END, UNK

KEYS = 12
NEVER = 11
DETECTORS: list[Callable[[], Any]] = [
    lambda: Pca(Pca.Config()),
    lambda: IForest(IForest.Config(trees=20, sample=64)),
    lambda: OcSvm(OcSvm.Config()),
    lambda: LogCluster(LogCluster.Config()),
]
NAMES = ["pca", "iforest", "ocsvm", "logcluster"]
each = pytest.mark.parametrize("make", DETECTORS, ids=NAMES)


def quiet(done: int, total: int, note: str) -> None:
    pass


def windows(seed: int = 0, number: int = 300) -> list[tuple[int, ...]]:
    """Two kinds of sessions with counts that vary together, and now and then a rare key."""
    draw = random.Random(seed)
    found = []
    for _ in range(number):
        opened = draw.randint(1, 4)
        keys = [5] * opened + [6] * opened + ([7, 8] if draw.random() < 0.5 else [9]) + ([10] if draw.random() < 0.05 else [])
        found.append((BEGIN, *keys, END))
    return found


def fitted(make: Callable[[], Any], coded: Sequence[tuple[int, ...]]) -> Any:
    detector = make()
    figures = detector.fit(coded, KEYS, seed=3, progress=quiet)
    assert isinstance(detector, Detector)
    assert detector.max_length > 10_000
    assert figures["distinct_windows"] == len(distinct(coded, KEYS).vectors)
    return detector


def exported(detector: Any, folder: Path) -> Part:
    [part] = detector.export(folder, windows())
    assert isinstance(part, Part)
    return part


@each
def test_the_graph_answers_as_the_detector_does(make: Callable[[], Any], tmp_path: Path) -> None:
    detector = fitted(make, windows())
    part = exported(detector, tmp_path)
    counts = np.random.default_rng(1).integers(0, 7, (50, KEYS)).astype(np.float32)
    [got] = ReferenceEvaluator(str(tmp_path / part.graphs[0].file)).run(None, {"counts": counts})
    np.testing.assert_allclose(got, detector.strangeness(counts), rtol=1e-4, atol=1e-5)


@each
def test_it_leaves_files_that_a_bundle_may_hold(make: Callable[[], Any], tmp_path: Path) -> None:
    part = exported(fitted(make, windows()), tmp_path)
    assert (part.asks, part.members) == ("counts", 1)
    assert {part.graphs[0].file, part.probe, part.file} == {file.name for file in tmp_path.iterdir()}
    assert inspect((tmp_path / part.graphs[0].file).read_bytes(), part.graphs[0].file) == 23
    with np.load(tmp_path / part.probe, allow_pickle=False) as probe:
        assert probe["counts"].shape[1] == KEYS
        assert (probe["counts"][:, NEVER] > 0).any()
        assert probe["strangeness"].shape == probe["counts"].shape[:1]


@each
def test_equal_windows_and_seed_give_equal_bytes(make: Callable[[], Any], tmp_path: Path) -> None:
    exported(fitted(make, windows()), tmp_path / "one")
    exported(fitted(make, windows()), tmp_path / "two")
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@each
@pytest.mark.parametrize("stranger", [NEVER, UNK])
def test_an_event_of_a_key_never_seen_is_stranger_than_all_ordinary_windows(make: Callable[[], Any], stranger: int) -> None:
    detector = fitted(make, windows())
    ordinary = distinct(windows(), KEYS).vectors
    strange = count(np.array([[BEGIN, 5, 6, 7, 8, stranger, END]]), KEYS)
    usual = detector.strangeness(count(np.array([[BEGIN, 5, 6, 7, 8, END]]), KEYS))
    assert detector.strangeness(strange)[0] > usual[0]
    if not isinstance(detector, OcSvm):  # whose kernel falls with the distance alone, whatever it is made of
        assert detector.strangeness(strange)[0] > np.quantile(detector.strangeness(ordinary), 0.9)


@each
def test_a_window_as_often_as_it_came_is_as_good_as_its_weight(make: Callable[[], Any]) -> None:
    coded = windows()
    counts = distinct(coded, KEYS).vectors
    one, other = fitted(make, coded), fitted(make, sorted(coded))
    np.testing.assert_allclose(one.strangeness(counts), other.strangeness(counts), atol=1e-9)


@each
def test_refusals(make: Callable[[], Any], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="too few"):
        make().fit([(BEGIN, 5, END)], KEYS, seed=1, progress=quiet)
    with pytest.raises(TrainingError, match="do not fit their vocabulary"):
        make().fit([(BEGIN, KEYS, END)] * 3, KEYS, seed=1, progress=quiet)
    with pytest.raises(TrainingError, match="more than"):
        make().fit([(BEGIN, *[5] * 70_000, END)] * 2, KEYS, seed=1, progress=quiet)
    with pytest.raises(TrainingError, match="call fit first"):
        make().export(tmp_path, windows())


@pytest.mark.parametrize("make", DETECTORS[:2], ids=NAMES[:2])
def test_windows_all_alike_leave_nothing_to_learn(make: Callable[[], Any]) -> None:
    with pytest.raises(TrainingError, match="same count vector"):
        make().fit([(BEGIN, 5, END)] * 30, KEYS, seed=1, progress=quiet)


@pytest.mark.parametrize("make", DETECTORS[2:], ids=NAMES[2:])
def test_windows_all_alike_are_an_ordinary_point(make: Callable[[], Any]) -> None:
    detector = fitted(make, [(BEGIN, 5, 6, END)] * 30)
    same, other = detector.strangeness(count(np.array([[BEGIN, 5, 6, END], [BEGIN, 7, 8, END]]), KEYS))
    assert same == pytest.approx(0, abs=1e-6)
    assert other > same + 0.1


def test_the_forest_is_scikit_learns_where_unseen_keys_count_for_nothing(tmp_path: Path) -> None:
    detector = fitted(lambda: IForest(IForest.Config(trees=30, unseen=False)), windows())
    part = exported(detector, tmp_path)
    counts = np.random.default_rng(2).integers(0, 9, (80, KEYS)).astype(np.float32)
    [got] = ReferenceEvaluator(str(tmp_path / part.graphs[0].file)).run(None, {"counts": counts})
    np.testing.assert_allclose(got, -detector.forest.score_samples(counts), atol=1e-6)


def test_expected_path_lengths_are_those_of_the_paper() -> None:
    assert average_path(np.array([1, 2, 256])) == pytest.approx([0, 1, 10.2448], abs=1e-4)


def test_pca_holds_the_share_of_variance_that_was_asked() -> None:
    found = Pca(Pca.Config(variance=0.9)).fit(windows(), KEYS, seed=1, progress=quiet)
    assert found["variance"] >= 0.9
    assert found["components"] < 5
