"""The detector `encoder-bag`: an encoder of a terse reading and a bag of n-grams, which are fitted apart and vote with their logits.

Apart, because the bag knows most training rows by heart after a few passes: under one loss the encoder would have nothing left to learn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from logsentry.errors import TrainingError
from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.losses import suspicion
from logsentry.learn.classifier.rows import Labelled, Table, distinct, split, taught
from logsentry.learn.classifier.scores import measured, predict
from logsentry.learn.classifier.training import fit_classifier
from logsentry.learn.encoder_bag import grams as bag_grams
from logsentry.learn.encoder_bag import settings as bag_settings
from logsentry.learn.encoder_bag import weights as bag_weights
from logsentry.learn.encoder_bag.bag import Bag
from logsentry.learn.encoder_bag.export import write
from logsentry.learn.encoder_bag.fit import fit_bag
from logsentry.learn.encoder_bag.voters import Voters, spread_of, terse_rows
from logsentry.learn.logbert.ensemble import repeatable
from logsentry.learn.precision import kind_on
from logsentry.sdk import Part, Progress

BARE = re.compile(r"-?0x[0-9a-f]+|-?[0-9]+|<ret_val>", re.IGNORECASE)
"""Words that are nothing but a value: what a call returned, a handle, a size."""


class EncoderBag:
    """It learns with labels, as `encoder` does."""

    Config: ClassVar[type[bag_settings.Config]] = bag_settings.Config

    def __init__(self, config: bag_settings.Config) -> None:
        config.check()
        kind_on(config.device, config.precision)  # raises where the machine has not got it
        self.config = config
        self.model: Voters | None = None
        self._values = config.values

    @property
    def max_length(self) -> int:
        return self.config.row_length

    def hear(self, words: Sequence[str]) -> None:
        """What each id stands for, before it is fitted: from this it knows which ids are bare values, unless the settings say."""
        if not self.config.values:
            self._values = tuple(number for number, word in enumerate(words) if BARE.fullmatch(word))

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """It learns from labels alone: always raises `TrainingError`."""
        raise TrainingError("the encoder learns from labels: give --benign and --malicious files, or rows that carry a label")

    def fit_labelled(
        self, rows: Sequence[Sequence[int]], labels: Sequence[int], vocabulary: int, *, seed: int, progress: Progress
    ) -> dict[str, float]:
        """As `classifier.detector.EncoderClassifier.fit_labelled`; the figures that both have mean the same, `loss` is the encoder's alone.

        `grams` is the number of n-grams that have a weight.
        """
        config, classes = self.config, 1 if max(labels, default=0) <= 1 else max(labels) + 1
        table = distinct(Labelled(rows, labels, [1.0] * len(rows)), vocabulary, config.row_length)
        learnt, held = (of(table, part) for part in split(table, config.validation, seed))
        told = Heard(progress, config.bag_share)
        with repeatable(seed):
            bag = self._bag(learnt, held, vocabulary, classes, seed, told)
        encoder, figures = self._encoder(learnt, bag, vocabulary, classes, seed, told)
        size = msgspec.structs.replace(config.size(vocabulary, classes), max_length=config.row_length)
        self.model = Voters(encoder, bag, 1.0, size)
        self.model.vote = config.vote * spread_of(self.model, held)
        counted = {"rows": float(len(rows)), "held": float(held.mass.sum()), "grams": len(bag.rarity) - 1.0}
        return {**figures, **counted, **measured(self.model, held)}

    def _bag(self, learnt: Table, back: Table, vocabulary: int, classes: int, seed: int, told: Heard) -> Bag:
        config = self.config
        bare = np.zeros(vocabulary, dtype=bool)
        bare[[value for value in self._values if value < vocabulary]] = True
        rows = rows_of(learnt)
        grams = bag_grams.learn(rows, bare, config.limits())
        bag = Bag(grams, torch.from_numpy(bare), config.bag_width, classes, config.bag_dropout)
        kept, weight, target = taught(learnt, config)
        held = bag_grams.held(rows_of(kept), bare, grams)
        fit_bag(bag, held, target, weight, config, seed, config.seconds * config.bag_share, told.bag)
        if config.weights:
            found = bag_weights.convex(held, target, weight, len(grams.rarity), config.inverse_penalty)
            bag_weights.add(bag, *found, config.weights, bag_grams.held(rows_of(back), bare, grams))
        return bag.eval()

    def _encoder(
        self, learnt: Table, bag: Bag, vocabulary: int, classes: int, seed: int, told: Heard
    ) -> tuple[Encoder, dict[str, float]]:
        """Fitted on terse rows, with how often each came and as what."""
        short = terse_rows(learnt.ids, bag.bare)
        rows, labels, weights = [], [], []
        for label in range(learnt.mass.shape[1]):
            for place in (learnt.mass[:, label] > 0).nonzero()[:, 0].tolist():
                rows.append(short[place])
                labels.append(label)
                weights.append(float(learnt.mass[place, label]))
        config = msgspec.structs.replace(self.config, seconds=self.config.seconds * (1 - self.config.bag_share))
        size = config.size(vocabulary, classes)
        return fit_classifier(rows, labels, weights, size, config, seed=seed, progress=told.encoder)

    def malice(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Torch's logits of malice, `[rows]`."""
        found = suspicion(torch.from_numpy(predict(self.trained(), rows)))
        return found.double().numpy()

    def trained(self) -> Voters:
        if self.model is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit_labelled first")
        return self.model

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """Write the graphs and the probe; the same weights and probe rows give the same bytes."""
        return [write(self.trained(), self.config, folder, probe)]


class Heard:
    """The progress of both fits as that of one: the bag is its share of it."""

    def __init__(self, progress: Progress, share: float) -> None:
        self._progress, self._share = progress, share

    def bag(self, done: float, loss: float) -> None:
        self._progress(max(1, round(1000 * self._share * done)), 1000, f"n-grams: loss {loss:.3f}")

    def encoder(self, done: int, total: int, note: str) -> None:
        begun = 1000 * self._share
        self._progress(round(begun + (1000 - begun) * done / total), 1000, note)


def of(table: Table, rows: NDArray[np.int64]) -> Table:
    return Table(*(part[rows] for part in table))


def rows_of(table: Table) -> list[list[int]]:
    return [ids[:length] for ids, length in zip(table.ids.tolist(), table.lengths.tolist(), strict=True)]
