"""The detector `logbert-ensemble`: bootstrapped LogBERT members in one module, from windows of key ids to ONNX files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import torch

from logsentry.errors import TrainingError, UsageError
from logsentry.learn import settings
from logsentry.learn.export import write
from logsentry.learn.logbert import LogBert, Size, side_by_side
from logsentry.learn.train import check, distinct, train
from logsentry.sdk import Part, Progress

BETWEEN = 1_000_003
"""Between the seeds of two batches of members, so that no two ensembles of neighbouring seeds share one."""


class LogBertEnsemble:
    """Members that were each trained on a bootstrap sample and vote; it satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[settings.Config]] = settings.Config

    def __init__(self, config: settings.Config) -> None:
        config.check()
        self.config = config
        self.model: LogBert | None = None

    @property
    def max_length(self) -> int:
        return self.config.max_length

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Fit all members; the same windows and seed give the same weights on the same machine and number of threads.

        Answers `loss` (cross-entropy of a hidden key, nats), `distance` (squared, to the centre), `steps`, `distinct_windows`
        and `seconds`. Raises `TrainingError` for too few windows, too long ones and ids out of range.
        """
        counted = distinct(windows, keys, self.config.max_length)
        if self.config.device == "cuda" and not torch.cuda.is_available():
            raise UsageError("device is cuda, but torch finds no CUDA device here; set device to cpu")
        size = Size(keys, self.config.width, self.config.layers, self.config.heads, self.config.inner, self.config.max_length)
        models, found = [], []
        for number, members in enumerate(self.config.batches_of_members):
            with repeatable(seed + BETWEEN * number):
                model = LogBert(members, size, self.config.dropout).to(self.config.device)
                found.append(train(model, counted, self.config, seed + BETWEEN * number, progress))
            models.append(model.cpu().eval())
        self.model = side_by_side(models)
        return {name: _summed(name, [figures[name] for figures in found]) for name in found[0]}

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """Write the graphs and `probe.npz` into a folder; the same weights and probe give the same bytes."""
        if self.model is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        for window in probe:
            check(window, self.model.size.keys, self.config.max_length)
        return [write(self.model, self.config, folder, probe)]


def _summed(name: str, values: Sequence[float]) -> float:
    """A figure over the batches of members: times and steps add up, the rest is their mean."""
    return sum(values) if name in ("steps", "seconds") else sum(values) / len(values)


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Seeded, deterministic torch inside; the caller's random state and settings come back afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
