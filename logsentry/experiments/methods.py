"""The rows of the tables: which detectors are compared, with which settings, and what a quick look makes of them."""

from __future__ import annotations

from typing import Any

import msgspec

from logsentry.experiments.ratings import Method

ENSEMBLE = "logbert-ensemble"
COUNTING = "counting"
EVERY = 512
"""A mask stride of every key in turn: none of the windows is longer."""

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
NEXT_KEY = (Method("DeepLog", "deeplog"), Method("LogAnomaly", "loganomaly"))
SOLO = Method("LogBERT, one model", ENSEMBLE, {"members": 1, "mask_stride": EVERY}, "each key hidden in turn")
MASK_DRAWS = (
    Method("LogBERT, one model, one random mask", ENSEMBLE, {"members": 1, "mask_draws": 1}, "as published"),
    Method(
        "LogBERT, one model, 5 random masks vote", ENSEMBLE, {"members": 1, "mask_draws": 5}, "what voting adds without members"
    ),
    Method("LogBERT, one model, 25 random masks vote", ENSEMBLE, {"members": 1, "mask_draws": 25}),
)
ENSEMBLES = (
    Method("LogBERT ensemble, 5 vote", ENSEMBLE, {"members": 5, "mask_stride": EVERY}),
    Method("LogBERT ensemble, 9 vote", ENSEMBLE, {"members": 9, "mask_stride": EVERY}),
    Method("LogBERT ensemble, 25 vote", ENSEMBLE, {"members": 25, "mask_stride": EVERY}),
    Method("LogBERT ensemble, mean of 25", ENSEMBLE, {"members": 25, "mask_stride": EVERY, "vote": "mean"}),
)
HYBRID = Method("hybrid: ensemble and counting", "hybrid", {}, "one p-value of both")

SEQUENCES = (*COUNTING_ROWS, *CLASSICAL, *NEXT_KEY, SOLO, *MASK_DRAWS, *ENSEMBLES, HYBRID)
RAW_LINES = (*COUNTING_ROWS, *CLASSICAL, *NEXT_KEY, SOLO, ENSEMBLES[1], HYBRID)
WINDOWS = (COUNTING_ROWS[0], COUNTING_ROWS[-1], CLASSICAL[0], NEXT_KEY[0], SOLO)
VOTERS = msgspec.structs.replace(ENSEMBLES[2], name="25 members of a LogBERT ensemble")

QUICK: dict[str, dict[str, Any]] = {
    "deeplog": {"max_steps": 100},
    "loganomaly": {"max_steps": 100},
    ENSEMBLE: {"max_steps": 100, "width": 32, "layers": 1, "mask_stride": 4},
}
"""Settings that go before a row's own where a first look is enough."""
QUICK_MEMBERS = 3


def quick(method: Method) -> Method:
    """The same row with short training, and no more than a few members."""
    options = {**method.options, **QUICK.get(method.detector, {})}
    if "mask_draws" in method.options:
        options.pop("mask_stride", None)
    if "members" in options:
        options["members"] = min(options["members"], QUICK_MEMBERS)
    return msgspec.structs.replace(method, options=options)
