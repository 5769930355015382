"""AUC and rates against scikit-learn, with weights; intervals; verdicts on published claims."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score, roc_curve

from logsentry.errors import TrainingError
from logsentry.experiments.encoder.claims import Claim, verdict
from logsentry.experiments.encoder.measures import MEASURES, STATED, Rated, Test
from logsentry.scoring.roc import RATES, Roc, draws, f1


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_measures_are_those_of_rows_counted_one_by_one(seed: int, things: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.integers(0, 12, things).astype(float)
    benign, malicious = draw.integers(0, 5, things), draw.integers(0, 5, things)
    benign[0] += 1
    malicious[-1] += 1
    every = np.concatenate([np.repeat(values, benign), np.repeat(values, malicious)])
    labels = np.repeat([0, 1], [benign.sum(), malicious.sum()])
    found = Roc(values).measures(benign[None], malicious[None])[0]
    assert found[0] == pytest.approx(roc_auc_score(labels, every))
    false, true, _ = roc_curve(labels, every, drop_intermediate=False)
    for rate, ours in zip(RATES, found[1:], strict=True):
        assert ours == pytest.approx(true[false <= rate + 1e-12].max())
    assert f1(values > 5, benign, malicious) == pytest.approx(f1_score(labels, every > 5, zero_division=0))


def test_a_draw_without_one_of_the_labels_measures_nothing() -> None:
    found = Roc([1.0, 2.0]).measures(np.array([[1, 0], [0, 0]]), np.array([[0, 1], [0, 1]]))
    assert found[0].tolist() == [1.0] * 5
    assert np.isnan(found[1]).all()
    with pytest.raises(TrainingError, match="missing"):
        Roc([1.0, 2.0]).curve(np.array([0, 0]), np.array([0, 1]))


def test_a_curve_goes_from_corner_to_corner() -> None:
    curve = Roc([3.0, 2.0, 1.0]).curve(np.array([0, 1, 1]), np.array([2, 2, 0]))
    assert curve.false.tolist() == [0, 0, 0.5, 1]
    assert curve.true.tolist() == [0, 0.5, 1, 1]


def test_each_draw_has_as_many_things() -> None:
    assert (draws(50, 20, seed=1).sum(axis=1) == 50).all()


def made(seed: int, shift: float) -> tuple[Test, Rated]:
    draw = np.random.default_rng(seed)
    malicious = (draw.random(400) < 0.5).astype(np.int64)
    values = draw.normal(size=400) + shift * malicious
    return Test(1 - malicious, malicious, resamples=200), Rated(np.arange(400), values)


def test_intervals_hold_the_mean_and_differences_are_paired() -> None:
    test, good = made(1, 3.0)
    _, bad = made(1, 0.5)
    ours, theirs = test.judge([good]), test.judge([bad])
    for measure in MEASURES:
        at = ours.of(measure)
        assert at.low <= at.mean <= at.high
    gain = ours.minus(theirs, "AUC")
    assert 0 < gain.low < gain.mean < gain.high
    assert ours.minus(ours, STATED) == (0, 0, 0)
    assert ours.spread("AUC") == 0
    assert test.judge([good, bad]).spread("AUC") > 0


def test_models_may_rate_some_sequences_only() -> None:
    test, model = made(2, 2.0)
    half = [Rated(model.places[:200], model.values[:200]), Rated(model.places[200:], model.values[200:])]
    assert test.judge(half).of("AUC").mean == pytest.approx(test.judge([model]).of("AUC").mean, abs=0.05)


def test_claims_are_decided_by_the_rows() -> None:
    test, good = made(1, 3.0)
    _, bad = made(1, 0.5)
    found = {"a": {"test": test.judge([good])}, "b": {"test": test.judge([bad])}}
    assert "**It holds here**" in verdict(Claim("a is better.", "a", "b", measure="AUC"), found)
    assert "**The contrary holds here**" in verdict(Claim("b is better.", "b", "a", measure="AUC"), found)
    assert "**It does not hold here**" in verdict(Claim("alike.", "a", "b", "=", "AUC"), found)
    assert "as far as these rows can tell" in verdict(Claim("alike.", "a", "a", "="), found)
    assert "Not decided here: c was not run" in verdict(Claim("c is better.", "c", "a"), found)
