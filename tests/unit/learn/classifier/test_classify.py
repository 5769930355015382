"""The training loop: it learns, repeats itself, goes on after a kill, keeps its budget, and does what each setting says."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from logsentry.errors import MissingExtra, TrainingError, UsageError
from logsentry.learn.classifier import checkpoint as classify_checkpoint
from logsentry.learn.classifier.encoder import Encoder, Size
from logsentry.learn.classifier.rows import Labelled, distinct
from logsentry.learn.classifier.scores import predict
from logsentry.learn.classifier.settings import Training
from logsentry.learn.classifier.training import Run, fit_classifier
from logsentry.learn.logbert.ensemble import repeatable

SIZE = Size(vocabulary=20, width=16, layers=1, heads=2, feed_forward=32, max_length=16, chunk=8, head=8)
QUICK = Training(epochs=0, max_steps=60, batch=16, dropout=0.0, learning_rate=0.01)


class Killed(Exception):
    pass


def quiet(done: int, total: int, note: str) -> None:
    assert 0 < done <= total
    assert "rows/s" in note


def rows(number: int, seed: int = 0, classes: int = 2) -> Labelled:
    """Random tokens; a row of a label other than 0 holds the token that tells it, somewhere."""
    draw = np.random.default_rng(seed)
    made, labels = [], []
    for place in range(number):
        row = draw.integers(12, 20, draw.integers(3, 16)).tolist()
        label = place % classes
        if label:
            row[draw.integers(len(row))] = 3 + label
        made.append(row)
        labels.append(label)
    return Labelled(made, labels, [1.0] * number)


def fit(config: Training = QUICK, size: Size = SIZE, seed: int = 1, **more: Any) -> tuple[Encoder, dict[str, float]]:
    return fit_classifier(*rows(96, classes=max(2, size.classes)), size, config, seed=seed, progress=quiet, **more)


def changed(**settings: Any) -> Training:
    return msgspec.structs.replace(QUICK, **settings)


def weights(model: Encoder) -> torch.Tensor:
    return torch.cat([value.flatten() for value in model.state_dict().values()])


LEARNS = [
    {},
    {"schedule": "cosine", "average": "ema", "ema_decay": 0.9, "accumulate": 2},
    {"schedule": "triangular", "cool_down": 0.2, "average": "swa", "clip": 0.0},
    {"schedule": "step", "low_fpr": 1.0, "hardest": 0.3, "balance": True},
    {"schedule": "none", "token_dropout": 0.1, "span_dropout": 0.3, "span": 0.3, "learning_rate": 0.005},
    {"pretrain": 0.2, "precision": "bf16"},
]


@pytest.mark.parametrize("settings", LEARNS, ids=str)
def test_it_learns_what_can_be_learnt(settings: dict[str, Any]) -> None:
    _, figures = fit(changed(max_steps=120, **settings), msgspec.structs.replace(SIZE, pooling="max"), validation=rows(60, 5))
    assert figures["auc"] > 0.9
    assert figures["steps"] == 120 - round(120 * settings.get("pretrain", 0))
    assert figures["distinct"] == figures["rows"] == 96
    assert figures["rows_per_second"] > 0


def test_eight_families() -> None:
    size = msgspec.structs.replace(SIZE, classes=8, pooling="max")
    model, figures = fit(changed(max_steps=250), size, validation=rows(64, 5, 8))
    said = predict(model, rows(64, 5, 8).rows)
    assert said.shape == (64, 8)
    assert np.mean(said.argmax(1) == rows(64, 5, 8).labels) > 0.4
    assert figures["auc"] > 0.8


def test_the_same_seed_gives_the_same_weights_and_the_order_of_rows_does_not_matter() -> None:
    first, again, other = fit()[0], fit()[0], fit(seed=2)[0]
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))
    turned = Labelled(*(list(reversed(part)) for part in rows(96)))
    backwards, _ = fit_classifier(*turned, SIZE, QUICK, seed=1, progress=quiet)
    assert torch.equal(weights(first), weights(backwards))


@pytest.mark.parametrize(
    "settings",
    [
        {"average": "ema", "dropout": 0.2, "accumulate": 2, "pretrain": 0.1},
        {"average": "swa", "swa_from": 0.3, "patience": 9, "token_dropout": 0.1},
    ],
    ids=str,
)
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, settings: dict[str, Any]) -> None:
    held = rows(40, 7)
    config = changed(max_steps=40, **settings)
    whole, figures = fit(config, validation=held)
    resumable = msgspec.structs.replace(config, checkpoint=str(tmp_path / "run.npz"), checkpoint_seconds=0)
    for killed_at in (13, 12):
        calls = iter(range(killed_at))

        def kill(done: int, total: int, note: str) -> None:
            if next(calls, None) is None:  # noqa: B023
                raise Killed

        with pytest.raises(Killed):
            fit_classifier(*rows(96), SIZE, resumable, seed=1, progress=kill, validation=held)
    resumed, after = fit(resumable, validation=held)
    assert torch.allclose(weights(whole), weights(resumed), atol=1e-6)
    for name in ("steps", "loss", "auc", "distinct"):
        assert after[name] == pytest.approx(figures[name], abs=1e-6)
    done, _ = fit(resumable, validation=held)  # a finished run does not begin again
    assert torch.equal(weights(resumed), weights(done))
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    fit(changed(max_steps=2, checkpoint=str(path)))
    with pytest.raises(TrainingError, match="other data, settings or seed"):
        fit(changed(max_steps=3, checkpoint=str(path)))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainingError, match="cannot be read"):
        fit(changed(max_steps=2, checkpoint=str(path)))


def test_a_failed_save_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.npz"
    fit(changed(max_steps=2, checkpoint=str(path)))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        classify_checkpoint.save(path, classify_checkpoint.Saved(classify_checkpoint.Counters(), {}, {}), "x")
    assert path.read_bytes() == before


def test_seconds_end_a_run() -> None:
    _, figures = fit(changed(max_steps=0, seconds=0.5))
    assert 0.5 <= figures["seconds"] < 20  # of the clock on the wall, so a busy machine makes it longer
    assert figures["steps"] >= 1


def test_seconds_may_be_those_of_the_processor() -> None:
    began = time.process_time()
    _, figures = fit(changed(max_steps=0, seconds=0.3, clock="cpu"))
    assert 0.3 <= figures["seconds"] <= time.process_time() - began


def test_accumulated_batches_make_the_step_of_one_large_batch() -> None:
    once = changed(max_steps=1, learning_rate=1e-3, schedule="none", batch=96)
    half = msgspec.structs.replace(once, batch=48)
    one, two, other = (weights(fit(config)[0]) for config in (once, msgspec.structs.replace(half, accumulate=2), half))
    # AdamW's first step is about the sign of the gradient, so means are compared: one weight whose gradient is 0 is all noise.
    assert float((one - two).abs().mean()) < 5e-5
    assert float((one - other).abs().mean()) > 1e-4


def test_early_stop_keeps_the_best_weights() -> None:
    held = rows(60, 5)
    noise = Labelled(held.rows, np.random.default_rng(0).integers(0, 2, 60).tolist(), held.weights)
    model, figures = fit(changed(max_steps=200, patience=2, evaluations=20), validation=noise)
    assert figures["steps"] < 200
    with repeatable(1):
        table, validation = (distinct(part, 20, 16) for part in (rows(96), noise))
        run = Run(Encoder(SIZE), table, validation, changed(max_steps=200, patience=2, evaluations=20), 1, quiet)
        run.train()
    assert run.counters.stopped
    assert figures["auc"] == pytest.approx(run.counters.best[1])
    assert torch.equal(weights(model), weights(run.model))


def test_clipping_bounds_a_step() -> None:
    moved = []
    for clip in (1e-9, 1.0):  # so small a gradient is lost beside AdamW's epsilon of 1e-8
        start = fit(changed(max_steps=1, learning_rate=1e-12, weight_decay=0, schedule="none"))[0]
        model = fit(changed(max_steps=1, clip=clip, weight_decay=0, schedule="none"))[0]
        moved.append(float((weights(model) - weights(start)).abs().max()))
    assert moved[0] < 0.2 * moved[1]


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(UsageError, match="never end"):
        fit(changed(max_steps=0))
    with pytest.raises(UsageError, match="warm_up"):
        fit(changed(warm_up=0.5, cool_down=0.5))
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="device is cuda"):
            fit(changed(device="cuda"))
    with pytest.raises(TrainingError, match="one label"):
        fit_classifier([[5], [6]], [1, 1], [1.0, 1.0], SIZE, QUICK, seed=1, progress=quiet)


def test_accelerate_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)  # importing it now fails, as where it is not installed
    with pytest.raises(MissingExtra, match="pip install accelerate"):
        fit(changed(loop="accelerate"))


def test_both_loops_take_the_same_steps() -> None:
    own, other = (fit(changed(max_steps=20, accumulate=2, dropout=0.1, loop=loop)) for loop in ("own", "accelerate"))
    assert torch.allclose(weights(own[0]), weights(other[0]), atol=1e-6)
    assert own[1]["loss"] == pytest.approx(other[1]["loss"], abs=1e-6)


def test_equal_rows_are_asked_once_and_answered_in_order() -> None:
    model, _ = fit(changed(max_steps=5))
    asked = [[5, 6], [7] * 40, [5, 6], [9]]
    said = predict(model, asked)
    assert np.array_equal(said[0], said[2])
    with torch.no_grad():
        assert math.isclose(said[1, 0], float(model(torch.full((1, 16), 7))[0, 0]), abs_tol=1e-5)  # cut to what it reads
