"""The detector `logbert-ensemble`: bootstrapped LogBERT members in one module, from windows of key ids to ONNX files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import torch

from logsentry.errors import TrainingError
from logsentry.learn import verdicts
from logsentry.learn.logbert import settings
from logsentry.learn.logbert.export import write
from logsentry.learn.logbert.model import LogBert, Size, side_by_side
from logsentry.learn.logbert.probe import by_length
from logsentry.learn.logbert.train import check, distinct, train
from logsentry.learn.precision import kind_on
from logsentry.sdk import Part, Progress

BETWEEN = 1_000_003
"""Between the seeds of two batches of members, so that no two ensembles of neighbouring seeds share one."""


class LogBertEnsemble:
    """Members that were each trained on a bootstrap sample and vote; it satisfies `logsentry.sdk.Detector`.

    Raises `UsageError` for settings that do not fit each other or the machine, before anything is read.
    """

    Config: ClassVar[type[settings.Config]] = settings.Config

    def __init__(self, config: settings.Config) -> None:
        config.check()
        self.kind = kind_on(config.device, config.precision)
        self.config = config
        self.model: LogBert | None = None

    @property
    def max_length(self) -> int:
        return self.config.max_length

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Fit all members; the same windows and seed give the same weights on the same machine and number of threads.

        Answers `loss` (cross-entropy of a hidden key, nats), `distance` (squared, to the centre), `steps`, `distinct_windows`
        and `seconds`; after a training in bf16 also `verdicts.figures`, of the windows that the probe takes from these.

        Raises `TrainingError` for too few windows, too long ones and ids out of range.
        """
        counted = distinct(windows, keys, self.config.max_length)
        size = Size(keys, self.config.width, self.config.layers, self.config.heads, self.config.inner, self.config.max_length)
        models, found, votes = [], [], []
        for number, members in enumerate(self.config.batches_of_members):
            with repeatable(seed + BETWEEN * number):
                model = LogBert(members, size, self.config.dropout).to(self.config.device)
                found.append(train(model, counted, self.config, seed + BETWEEN * number, progress))
            if self.kind == "bf16":
                votes.append(verdicts.of_members(model, by_length(windows), self.config.device))
            models.append(model.cpu().eval())
        self.model = side_by_side(models)
        together = {name: _summed(name, [figures[name] for figures in found]) for name in found[0]}
        return {**together, **verdicts.figures(votes)}

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
    if torch.cuda.is_available():  # cuBLAS reads it once, when it begins, and promises the same sums with it alone
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
