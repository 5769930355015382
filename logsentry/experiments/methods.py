"""The rows of the tables: which detectors are compared, with which settings, and what a quick look makes of them."""

from __future__ import annotations

from typing import Any

import msgspec

from logsentry.experiments.ratings import Method

ENSEMBLE = "logbert-ensemble"
COUNTING = "counting"
COUNTING_ROWS = (
    Method("counting: unseen key", COUNTING, {"kinds": ["keys"]}),
    Method("counting: unseen key or length", COUNTING, {"kinds": ["keys", "length"]}),
    Method("counting: count vector", COUNTING, {"kinds": ["vector"]}, "distance to the nearest one seen, rarer keys weigh more"),
    Method("counting: unseen 2-grams", COUNTING, {"kinds": ["ngrams"]}),
    Method("counting: key, length and count vector", COUNTING, {}, "the detector's default"),
)
CLASSICAL = (
    Method("PCA", "pca", {}, "counts, unknown keys in a column of their own"),
    Method("isolation forest", "isolation-forest", {}, "as PCA"),
    Method("one-class SVM", "one-class-svm", {}, "as PCA"),
    Method("LogCluster", "logcluster", {}, "as PCA, keys weighted"),
)
REGEX = Method("regular expressions", "regex", {"rules": "hdfs"}, "words of failure in the templates")
NEXT_KEY = (Method("DeepLog", "deeplog"), Method("LogAnomaly", "loganomaly"))
SOLO = Method("LogBERT, one model", ENSEMBLE, {"members": 1}, "every second key hidden, then the others")
MASK_DRAWS = (
    Method("LogBERT, one model, one random mask", ENSEMBLE, {"members": 1, "mask_draws": 1}, "as published"),
    Method(
        "LogBERT, one model, 5 random masks vote", ENSEMBLE, {"members": 1, "mask_draws": 5}, "what voting adds without members"
    ),
)
ENSEMBLES = (
    Method("LogBERT ensemble, 5 vote", ENSEMBLE, {"members": 5}),
    Method("LogBERT ensemble, mean of 5", ENSEMBLE, {"members": 5, "vote": "mean"}),
)
HYBRIDS = (
    Method(
        "hybrid: one LogBERT and counting", "hybrid", {"detectors": {ENSEMBLE: {"members": 1}, COUNTING: {}}}, "Fisher's mean"
    ),
    Method("hybrid: ensemble of 5 and counting", "hybrid", {"detectors": {ENSEMBLE: {"members": 5}, COUNTING: {}}}, "as above"),
    Method(
        "hybrid: ensemble of 5, LogCluster and counting",
        "hybrid",
        {"detectors": {ENSEMBLE: {"members": 5}, "logcluster": {}, COUNTING: {}}},
        "as above",
    ),
)

FOLDS = (
    Method("counting, 5 folds", COUNTING, {"folds": 5}, "each fifth held back from one of five"),
    Method("LogBERT, 5 folds", ENSEMBLE, {"members": 1, "folds": 5}, "as above", seeds=3),
    Method(
        "hybrid: one LogBERT and counting, 5 folds",
        "hybrid",
        {"detectors": {ENSEMBLE: {"members": 1}, COUNTING: {}}, "folds": 5},
        "as above",
        seeds=2,
    ),
)
"""Cross-conformal: on HDFS 4,855 windows set the threshold, not 971. LogBERT is trained five times for it, hence fewer seeds."""


def few(seeds: int, *methods: Method) -> list[Method]:
    """The same rows, run with no more than the first so many seeds."""
    return [msgspec.structs.replace(method, seeds=seeds) for method in methods]


SEQUENCES = (*COUNTING_ROWS, REGEX, *CLASSICAL, *NEXT_KEY, SOLO, *ENSEMBLES, *HYBRIDS, *FOLDS, *MASK_DRAWS)
LINE_SOLO = Method("LogBERT, one model", ENSEMBLE, {"members": 1, "max_steps": 400}, "at most 400 steps")
LINE_ENSEMBLE = Method("LogBERT ensemble, 5 vote", ENSEMBLE, {"members": 5, "max_steps": 400}, "at most 400 steps")
LINE_HYBRID = Method(
    "hybrid: one LogBERT and counting",
    "hybrid",
    {"detectors": {ENSEMBLE: {"members": 1, "max_steps": 400}, COUNTING: {}}},
    "Fisher's mean, at most 400 steps",
)
"""The excerpts have some dozens of distinct training windows, which 200 epochs, or 400 steps, see often enough."""
RAW_LINES = (*COUNTING_ROWS, *CLASSICAL, *few(2, *NEXT_KEY, LINE_SOLO, LINE_ENSEMBLE, LINE_HYBRID))
WINDOWS = (COUNTING_ROWS[0], COUNTING_ROWS[-1], CLASSICAL[0], *few(1, NEXT_KEY[0], LINE_SOLO))
"""What is trained for long gets few seeds here: these excerpts cannot rank detectors, whatever the number."""
VOTERS = Method("25 members of a LogBERT ensemble", ENSEMBLE, {"members": 25})

QUICK: dict[str, dict[str, Any]] = {
    "deeplog": {"max_steps": 100},
    "loganomaly": {"max_steps": 100},
    ENSEMBLE: {"max_steps": 100, "width": 32, "layers": 1},
}
"""Settings that go before a row's own where a first look is enough."""
QUICK_MEMBERS = 3


def quick(method: Method) -> Method:
    """The same row with short training, and no more than a few members."""
    if method.detector == "hybrid":
        parts = {name: quickened(name, told) for name, told in method.options["detectors"].items()}
        return msgspec.structs.replace(method, options={**method.options, "detectors": parts})
    return msgspec.structs.replace(method, options=quickened(method.detector, method.options))


def quickened(detector: str, told: dict[str, Any]) -> dict[str, Any]:
    options = {**told, **QUICK.get(detector, {})}
    if "members" in options:
        options["members"] = min(options["members"], QUICK_MEMBERS)
    return options
