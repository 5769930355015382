"""Logits to probabilities, abstaining, and thresholds at false-positive rates with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.errors import BundleRefused, TrainingError
from logsentry.scoring.probability import Probability, parse
from logsentry.scoring.probability_fit import abstain_band, fit, threshold
from logsentry.scoring.probability_maps import Map, below, fit_map, interval, isotonic, sigmoid


def drawn(rows: int, scale: float, shift: float, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels that are 1 with chance sigmoid(scale x logit + shift)."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2, rows)
    return logits, (draw.random(rows) < sigmoid(scale * logits + shift)).astype(int)


@pytest.mark.parametrize(("scale", "shift", "kind"), [(1.0, 0.0, "sigmoid"), (0.4, -2.0, "platt")])
def test_a_map_is_taken_only_where_it_helps(scale: float, shift: float, kind: str) -> None:
    logits, labels = drawn(4000, scale, shift)
    made = fit(logits, labels).map
    assert made.kind == kind
    np.testing.assert_allclose(made(logits), sigmoid(scale * logits + shift), atol=0.05)


def test_steps_are_taken_where_no_sigmoid_fits() -> None:
    draw = np.random.default_rng(5)
    logits = draw.uniform(-4, 4, 4000)
    chance = np.where(logits < -3, 0.02, np.where(logits < 3, 0.5, 0.55))
    made = fit(logits, (draw.random(4000) < chance).astype(int)).map
    assert made.kind == "isotonic"
    np.testing.assert_allclose(made(np.array([-3.5, 0.5, 3.5])), [0.02, 0.5, 0.55], atol=0.06)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 1)), min_size=1, max_size=60))
def test_isotonic_never_falls_and_is_never_certain(pairs: list[tuple[int, int]]) -> None:
    logits, labels = np.array([x for x, _ in pairs], float), np.array([y for _, y in pairs])
    at = np.linspace(-6, 6, 101)
    found = isotonic(logits, labels)(at)
    assert (np.diff(found) >= -1e-12).all()
    assert (found > 0).all()
    assert (found < 1).all()


def test_platt_never_turns_the_order_round() -> None:
    made = fit_map("platt", np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1, 1, 0, 0]))
    assert made.scale == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 200), st.integers(1, 200))
def test_the_interval_is_clopper_and_pearsons(count: int, more: int) -> None:
    rows = count + more
    low, high = interval(count, rows)
    assert low <= count / rows <= high
    assert below(count, rows, high) == pytest.approx(0.025, rel=1e-6)
    if count:
        assert 1 - below(count - 1, rows, low) == pytest.approx(0.025, rel=1e-6)


def test_the_interval_of_published_tables() -> None:
    assert interval(0, 10) == pytest.approx((0, 0.3085), abs=1e-4)
    assert interval(3, 10) == pytest.approx((0.0667, 0.6525), abs=1e-4)
    assert interval(10, 10) == pytest.approx((0.6915, 1), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=300), st.sampled_from([1e-3, 1e-2, 0.1, 0.5]))
def test_no_more_benign_rows_alert_than_allowed(logits: list[int], rate: float) -> None:
    benign = np.array(logits, float)
    found = threshold(benign, rate)
    assert found.seen == (benign >= found.logit).mean() <= rate
    assert found.low <= found.seen <= found.high
    assert found.attainable == (rate * len(logits) >= 1)


def test_copies_make_an_interval_wider() -> None:
    benign = np.repeat(np.arange(100.0), 50)
    alone, copied = threshold(benign, 0.05), threshold(benign, 0.05, np.repeat(np.arange(100), 50))
    assert alone.seen == copied.seen == 0.05
    assert copied.high - copied.low > 3 * (alone.high - alone.low)
    assert threshold(benign, 1e-3, np.repeat(np.arange(100), 50)).high == pytest.approx(0.0362, abs=1e-3)


def test_it_abstains_where_verdicts_would_be_wrong() -> None:
    logits, labels = drawn(4000, 1.0, 0.0)
    found = fit(logits, labels)
    verdicts = np.array(found.verdicts(logits))
    assert set(verdicts.tolist()) == {"benign", "unsure", "malicious"}
    assert labels[verdicts == "malicious"].mean() >= 0.95
    assert labels[verdicts == "benign"].mean() <= 0.05


def test_a_side_that_is_never_sure_gives_no_verdict() -> None:
    probabilities, labels = np.array([0.1, 0.1, 0.9, 0.9]), np.array([0, 1, 1, 1])
    low, high = abstain_band(probabilities, labels)
    assert low < 0.1
    assert high == 0.9


def test_no_band_is_needed_where_labels_are_apart() -> None:
    low, high = abstain_band(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1]))
    assert 0.2 <= low < high <= 0.8


def test_it_is_kept_as_json() -> None:
    found = fit(*drawn(300, 1.0, 0.0), groups=[f"g{number // 3}" for number in range(300)])
    assert parse(found.to_bytes(), "bundle") == found
    assert [each.rate for each in found.thresholds] == [1e-2, 1e-3, 1e-4]
    for data, said in (
        (b"{}", "version None"),
        (b"none", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'{"version":1}', "cannot be read"),
    ):
        with pytest.raises(BundleRefused, match=said):
            parse(data, "bundle")


def test_one_label_is_too_few() -> None:
    with pytest.raises(TrainingError, match="both labels"):
        fit(np.arange(5.0), np.zeros(5))


def test_maps_stay_numbers_far_out() -> None:
    for made in (Map("sigmoid"), Map("platt", 3.0, 1.0), isotonic(np.arange(4.0), np.array([0, 0, 1, 1]))):
        found = made(np.array([-1e6, 1e6]))
        assert ((found > 0) & (found < 1)).all()


def test_a_calibration_may_be_written_by_hand() -> None:
    found = Probability(1, Map("sigmoid"), (0.2, 0.8), ())
    assert found.verdicts(np.array([-3.0, 0.0, 3.0])) == ["benign", "unsure", "malicious"]
