"""The detector `hybrid`: several detectors judge the same windows, and their evidence adds up.

A sequence model misses what counting sees at once (a session that stops after two events), and counting misses order; what both find
strange is rarely normal. Each detector becomes a part of the bundle with a scale of its own. A window's value is the mean of the
parts' values in decades, which orders windows as Fisher's statistic does, the sum of -log p. Fisher's own distribution is that of
independent tests; here the p-value comes from held-back windows judged in the same way, so nothing is assumed of how the detectors
depend on each other: only, as everywhere, that normal windows to come are exchangeable with those held back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from logsentry.errors import UsageError
from logsentry.pipeline.build import has_device, make_detector
from logsentry.sdk import Detector, Graph, Part, Progress
from logsentry.text.keys import ChoosesKeys, ReadsTexts

DEFAULT: dict[str, dict[str, Any]] = {"logbert-ensemble": {}, "counting": {}}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the hybrid."""

    detectors: Annotated[
        dict[str, dict[str, Any]], Meta(min_length=1, description="Detectors by name, with the settings of each.")
    ] = msgspec.field(default_factory=lambda: dict(DEFAULT))
    device: Annotated[
        Literal["cpu", "cuda"] | None,
        Meta(description="Where those are trained that can choose and have no device of their own."),
    ] = None


class Hybrid:
    """It satisfies `logsentry.sdk.Detector`. Raises `UsageError` for a detector that is unknown, or reads events by keys of its own."""

    Config: ClassVar[type[Settings]] = Settings

    def __init__(self, config: Settings) -> None:
        if "hybrid" in config.detectors:
            raise UsageError("a hybrid cannot hold a hybrid; name its detectors one by one")
        chosen = {name: placed(name, told, config.device) for name, told in config.detectors.items()}
        self.config = msgspec.structs.replace(config, detectors=chosen)
        self.detectors: dict[str, Detector] = {name: make_detector(name, told) for name, told in chosen.items()}
        if own := [name for name, detector in self.detectors.items() if isinstance(detector, ChoosesKeys)]:
            raise UsageError(f"{own[0]} reads events by keys of its own, so it cannot be part of a hybrid")

    @property
    def max_length(self) -> int:
        return min(detector.max_length for detector in self.detectors.values())

    def told(self, texts: Sequence[str]) -> None:
        """The text of every id, handed on to the detectors that read texts."""
        for detector in self.detectors.values():
            if isinstance(detector, ReadsTexts):
                detector.told(texts)

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """Fit each on the same windows; figures are named `detector.figure`, but for the loss of the first that has one."""
        figures: dict[str, float] = {}
        for name, detector in self.detectors.items():
            found = detector.fit(windows, keys, seed=seed, progress=progress)
            figures |= {f"{name}.{figure}": value for figure, value in found.items() if figure != "seconds"}
            if "loss" in found:
                figures.setdefault("loss", found["loss"])
        return figures

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """The parts of all; each file is named for its detector."""
        return [part for name, detector in self.detectors.items() for part in named(name, detector, folder, probe)]


def placed(name: str, told: dict[str, Any], device: str | None) -> dict[str, Any]:
    return {"device": device, **told} if device and has_device(name) else told


def named(name: str, detector: Detector, folder: Path, probe: Sequence[Sequence[int]]) -> list[Part]:
    """Write a detector's files as `NAME.file`, so that none overwrites another's."""
    with TemporaryDirectory(dir=folder) as own:
        parts = detector.export(Path(own), probe)
        for path in sorted(Path(own).iterdir()):
            path.rename(folder / f"{name}.{path.name}")
    return [_renamed(part, f"{name}.") for part in parts]


def _renamed(part: Part, prefix: str) -> Part:
    graphs = tuple(Graph(prefix + graph.file, graph.layout, graph.precision) for graph in part.graphs)
    return msgspec.structs.replace(
        part, graphs=graphs, probe=part.probe and prefix + part.probe, file=part.file and prefix + part.file
    )
