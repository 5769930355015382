"""The trial itself: real detectors, fitted, exported, calibrated and asked as they are in a bundle."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from logsentry.errors import UsageError
from logsentry.experiments.benchmark import Benchmark, benchmark
from logsentry.experiments.ratings import Method, Ratings
from logsentry.experiments.trial import fold_splits, split_of, trial
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, SPECIALS, UNK

TINY = {"width": 8, "heads": 2, "layers": 1, "max_steps": 30, "batch": 8, "max_length": 32}
NEVER = FIRST_KEY + 9


def sessions(number: int, seed: int) -> list[tuple[int, ...]]:
    """Begin, a few pairs of keys that belong together, end."""
    draw = random.Random(seed)
    pairs = [(5, 6), (7, 8), (9, 10)]
    return [(BEGIN, *(key for pair in draw.choices(pairs, k=draw.randint(2, 4)) for key in pair), END) for _ in range(number)]


@pytest.fixture(scope="module")
def small() -> Benchmark:
    broken = [(*window[:3], NEVER, *window[3:]) for window in sessions(20, 3)] + [(BEGIN, 5, END)] * 5
    return benchmark("small", title="small", keys=FIRST_KEY + 10, train=sessions(100, 1), normal=sessions(60, 2), abnormal=broken)


def rated(small: Benchmark, detector: str, seed: int = 1, **options: Any) -> Ratings:
    return trial(Method(detector, detector, options), small, seed, lambda done, total, note: None)


@pytest.mark.parametrize(
    ("detector", "options"),
    [
        ("counting", {}), ("pca", {}), ("logcluster", {}), ("deeplog", {"max_steps": 20, "width": 8, "history": 4}),
        ("logbert-ensemble", {"members": 3, **TINY}), ("logbert-ensemble", {"members": 1, "mask_draws": 3, **TINY}),
        ("hybrid", {"detectors": {"logbert-ensemble": {"members": 3, **TINY}, "counting": {}}}),
    ],
)  # fmt: skip
def test_strange_windows_are_rated_stranger(small: Benchmark, detector: str, options: dict[str, Any]) -> None:
    ratings = rated(small, detector, **options)
    values = np.array(ratings.values)
    assert len(values) == len(small.windows)
    assert len(ratings.held_back) == 20
    strange = small.abnormal > 0
    assert np.average(values[strange]) > np.average(values[~strange])
    assert {"seconds_fit", "seconds_score"} <= ratings.figures.keys()


def test_the_same_arguments_give_the_same_ratings(small: Benchmark) -> None:
    options = {"members": 3, **TINY}
    first, again = rated(small, "logbert-ensemble", **options), rated(small, "logbert-ensemble", **options)
    assert (first.values, first.held_back, first.members) == (again.values, again.held_back, again.members)
    assert np.array(first.members).shape == (3, len(small.windows))


def test_keys_that_the_fitted_part_lacks_are_unknown(small: Benchmark) -> None:
    split = split_of(small, seed=1)
    assert len(split.fit) == 80
    assert Counter([*split.fit, *split.held_back]) == Counter(small.train)
    assert {key for window in split.test for key in window} >= {UNK}
    assert NEVER not in {key for window in split.test for key in window}


def test_random_masks_are_for_one_model(small: Benchmark) -> None:
    with pytest.raises(UsageError, match="set members to 1"):
        rated(small, "logbert-ensemble", members=3, mask_draws=2, **TINY)


@pytest.mark.parametrize(
    ("detector", "options"),
    [
        ("counting", {}), ("hybrid", {"detectors": {"pca": {}, "counting": {}}}),
        ("deeplog", {"max_steps": 20, "width": 8, "history": 4}), ("logbert-ensemble", {"members": 1, **TINY}),
    ],
)  # fmt: skip
def test_in_folds_every_window_is_held_back_once(small: Benchmark, detector: str, options: dict[str, Any]) -> None:
    splits = fold_splits(small, 1, 3)
    assert Counter(window for split in splits for window in split.held_back) == Counter(small.train)
    assert all(len(split.fit) + len(split.held_back) == 100 for split in splits)
    ratings = rated(small, detector, folds=3, **options)
    values, strange = np.array(ratings.values), small.abnormal > 0
    assert len(ratings.held_back) == 100
    assert np.average(values[strange]) > np.average(values[~strange])
    assert values.max() >= np.log10(101)


def test_rules_read_what_the_keys_say(small: Benchmark) -> None:
    texts = (*SPECIALS, *(f"step {number}" for number in range(9)), "writing a block failed")
    ratings = rated(replace(small, rule_texts=texts), "regex", rules="hdfs")
    found = [value > 0 for value in ratings.values]
    assert found == [NEVER in window for window in small.windows]
    assert set(ratings.held_back) == {0.0}


def test_rules_need_what_the_keys_say(small: Benchmark) -> None:
    with pytest.raises(UsageError, match="does not say what its keys stand for"):
        rated(small, "regex", rules="hdfs")
