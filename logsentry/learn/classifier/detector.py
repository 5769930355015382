"""The detector `encoder`: a transformer encoder that learns from labelled windows of token ids which are malicious."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from logsentry.errors import TrainingError
from logsentry.learn.classifier import settings as classify_settings
from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.export import write
from logsentry.learn.classifier.losses import suspicion
from logsentry.learn.classifier.rows import Labelled, distinct, split
from logsentry.learn.classifier.scores import predict
from logsentry.learn.classifier.training import fit_classifier
from logsentry.learn.precision import kind_on
from logsentry.sdk import Part, Progress


class EncoderClassifier:
    """It learns with labels, so it has `fit_labelled` where `logsentry.sdk.Detector` has `fit`."""

    Config: ClassVar[type[classify_settings.Config]] = classify_settings.Config

    def __init__(self, config: classify_settings.Config) -> None:
        config.check()
        kind_on(config.device, config.precision)  # raises where the machine has not got it
        self.config = config
        self.model: Encoder | None = None

    @property
    def max_length(self) -> int:
        return self.config.max_length

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """It learns from labels alone: always raises `TrainingError`."""
        raise TrainingError("the encoder learns from labels: give --benign and --malicious files, or rows that carry a label")

    def fit_labelled(
        self, rows: Sequence[Sequence[int]], labels: Sequence[int], vocabulary: int, *, seed: int, progress: Progress
    ) -> dict[str, float]:
        """Fit on rows of token ids out of `vocabulary`, with labels from 0 (benign) on; more than two make a multi-class model.

        A part of the distinct rows is held back, and no copy of those is learnt from; the figures are those of `fit_classifier`
        with `held`, the number of rows held back. Raises what it raises.
        """
        table = distinct(Labelled(rows, labels, [1.0] * len(rows)), vocabulary, self.config.max_length)
        _, back = split(table, self.config.validation, seed)
        known = {tuple(table.ids[place, : table.lengths[place]].tolist()) for place in back}
        held = np.array([tuple(row[: self.config.max_length]) in known for row in rows])
        learnt, validation = (chosen(rows, labels, np.nonzero(part)[0].tolist()) for part in (~held, held))
        classes = 1 if max(labels) <= 1 else max(labels) + 1
        self.model, figures = fit_classifier(
            *learnt,
            self.config.size(vocabulary, classes),
            self.config,
            seed=seed,
            progress=progress,
            validation=validation if len(validation.rows) else None,
        )
        return {**figures, "held": float(held.sum())}

    def malice(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Logits of malice `[rows]` as torch has them, in order; higher is more malicious."""
        if self.model is None:
            raise TrainingError("the detector has not been fitted, so it cannot be asked; call fit_labelled first")
        said: NDArray[np.float64] = suspicion(torch.from_numpy(predict(self.model, rows))).double().numpy()
        return said

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """Write the graphs and the probe; the same weights and probe rows give the same bytes."""
        if self.model is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit_labelled first")
        return [write(self.model, self.config, folder, probe)]


def chosen(rows: Sequence[Sequence[int]], labels: Sequence[int], places: Sequence[int]) -> Labelled:
    return Labelled([rows[place] for place in places], [labels[place] for place in places], [1.0] * len(places))
