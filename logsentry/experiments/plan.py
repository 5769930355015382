"""What a person asked of an experiment, and the parts that every experiment begins with: methods, seeds, a sample, a folder."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from logsentry.errors import MissingExtra, UsageError
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.methods import quick
from logsentry.experiments.ratings import Method
from logsentry.pipeline.build import has_device

SEEDS = 5
QUICK_SESSIONS = 30_000


class Plan(msgspec.Struct, frozen=True):
    """`data` is the folder of original files, None for the staged ones; no `seeds` are five, or one where it must be `quick`.

    `settings` go before those of every row that is run; `device` is for rows of detectors that can choose.
    """

    out: Path
    seeds: int | None = None
    data: Path | None = None
    detectors: tuple[str, ...] = ()
    quick: bool = False
    fresh: bool = False
    settings: dict[str, Any] = {}
    device: str | None = None

    @property
    def seed_list(self) -> range:
        return range(1, 1 + (self.seeds or (1 if self.quick else SEEDS)))

    def methods(self, rows: Sequence[Method]) -> list[Method]:
        """The rows of the detectors that were asked for. Raises `UsageError` for a detector that no row has."""
        known = list(dict.fromkeys(method.detector for method in rows))
        if unknown := [name for name in self.detectors if name not in known]:
            raise UsageError(f"this experiment has no detector {unknown[0]!r}; it has {', '.join(known)}")
        chosen = [method for method in rows if not self.detectors or method.detector in self.detectors]
        wanted = [quick(method) for method in chosen] if self.quick else chosen
        return [
            msgspec.structs.replace(method, options={**method.options, **self.placed(method.detector), **self.settings})
            for method in wanted
        ]

    def placed(self, detector: str) -> dict[str, Any]:
        return {"device": self.device} if self.device and has_device(detector) else {}

    def benchmark(self, whole: Benchmark) -> Benchmark:
        return whole.sample(QUICK_SESSIONS, seed=0) if self.quick else whole


def need_extra() -> None:
    """Raises `MissingExtra` where what draws and trains is not installed."""
    for package in ("matplotlib", "sklearn", "torch"):
        if find_spec(package) is None:
            raise MissingExtra(f"an experiment needs {package}: pip install 'logsentry[train]'")
