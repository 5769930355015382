"""What one fit of the study is asked and what it answers. Fitting is for `fitting`, keeping for `kept`, judging for `measures`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec

from logsentry import __version__
from logsentry.experiments.encoder.reports_data import Corpus
from logsentry.sdk import Progress

FORMAT = 1
Kept = Literal["all", "names", "names and returned", "returned", "neither"]
Cut = Literal["words", "pieces at punctuation", "BPE"]


class View(msgspec.Struct, frozen=True):
    """What of a row a method sees: so many tokens, ids below `vocabulary` (others are unknown), kinds of tokens, and how words are cut."""

    length: int = 512
    vocabulary: int = 1500
    keep: Kept = "all"
    cut: Cut = "words"


class Method(msgspec.Struct, frozen=True):
    """A row of a table: the baseline `tfidf` or a registered detector that can be fitted on labels, its settings, and what it sees."""

    name: str
    detector: str = "encoder"
    options: dict[str, Any] = {}
    view: View = View()
    note: str = ""


BASELINE = Method("TF-IDF + logistic regression", "tfidf", options={"inverse_penalty": 3.0})


class Asked(NamedTuple):
    """One fit: on all folds but one, within so many seconds (which the baseline does not need)."""

    method: Method
    corpus: Corpus
    fold: int
    folds: int
    seed: int
    seconds: float

    @property
    def told(self) -> dict[str, Any]:
        """All that an answer depends on, but the machine; names and notes are for readers."""
        trained = self.method.detector != BASELINE.detector
        return {
            "format": FORMAT,
            "version": __version__,
            "detector": self.method.detector,
            "options": self.method.options,
            "view": msgspec.to_builtins(self.method.view),
            "fold": self.fold,
            "folds": self.folds,
            "seed": self.seed if trained else 0,
            "seconds": self.seconds if trained else 0,
            "data": self.corpus.digest,
        }

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.told, order="sorted")).hexdigest()[:32]


class Answer(msgspec.Struct):
    """Logits of the distinct training sequences of the fold left out (`validation`, in the order of `places`) and of all distinct test
    sequences (`test`). `losses` are of training, evenly spaced; `figures` such as `seconds_fit`; `machine` is what it ran on."""

    places: list[int]
    validation: list[float]
    test: list[float]
    losses: list[float]
    figures: dict[str, float]
    machine: str
    seconds: float = 0.0


Fit = Callable[[Asked, Progress], Answer]
