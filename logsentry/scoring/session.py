"""A session over a graph of members that guess hidden keys, which has proved itself on the bundle's probe before it serves.

On which device it runs is for `onnx_session`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from logsentry.errors import BundleRefused, UsageError
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.onnx_session import OnnxSession
from logsentry.sdk import Graph, Part

TOLERANCE = {"fp32": 1e-4, "fp16": 1e-2, "int8": float("inf")}
"""Largest difference of a distance or surprise from torch's answers; 8 bits do not keep them, and are calibrated for themselves."""

ANSWERS = ("ranks", "surprise", "ties", "distance")
"""What a probe keeps of torch's answers."""

RANKS_OFF = {"fp32": 0.0, "fp16": 0.01, "int8": 0.05}
"""Largest share of ranks that may be off: by anything beyond a tie, or, below 32 bits, by more than two places."""


class Answers(NamedTuple):
    """What the members asked say of a batch: ranks and surprise `[asked, batch, length]`, distance `[asked, batch]`, expected
    `[batch, length, 3]`."""

    ranks: np.ndarray
    surprise: np.ndarray
    distance: np.ndarray
    expected: np.ndarray


class Session:
    """Runs windows of one length through a graph."""

    def __init__(self, model: bytes, graph: Graph, groups: Sequence[int], hardware: Hardware | None = None) -> None:
        self.graph, self.groups = graph, tuple(groups)
        self._session = OnnxSession(model, hardware)
        self.degraded = self._session.degraded

    def run(self, ids: np.ndarray, stride: int, groups: Sequence[bool] | None = None) -> Answers:
        """Windows `[batch, length]` under a mask stride; `groups` says which vote groups are asked, None is all."""
        asked = [True] * len(self.groups) if groups is None else groups
        feeds = {
            "ids": np.ascontiguousarray(ids, np.int64),
            "stride": np.array(stride, np.int64),
            "groups": np.array(asked, np.bool_),
        }
        return Answers(*self._session.run(["ranks", "surprise", "distance", "expected"], feeds))


def open_masked(part: Part, files: Mapping[str, bytes], hardware: Hardware, where: str) -> tuple[Session, float]:
    """A session over the graph of a part that fits the hardware, after it has answered the probe as torch did, and the largest
    difference from torch's answers."""
    graph = choose(part.graphs, hardware, where)
    session = Session(files[graph.file], graph, part.groups, hardware)
    return session, replay(session, files[part.probe], where)


def choose(graphs: Sequence[Graph], hardware: Hardware, where: str) -> Graph:
    """The graph that fits the hardware: branches on a CPU, the member axis on a GPU where there is one."""
    fitting = [graph for graph in graphs if graph.precision == hardware.precision]
    if not fitting:
        have = ", ".join(sorted({graph.precision for graph in graphs}))
        raise UsageError(f"{where} has no {hardware.precision} graph; it has {have}")
    layout = "member_axis" if hardware.on_gpu else "branches"
    return next((graph for graph in fitting if graph.layout == layout), fitting[0])


def replay(session: Session, probe: bytes, where: str) -> float:
    """Run the probe windows and compare with the answers that torch gave; the largest difference of a distance.

    Raises `BundleRefused` where a rank differs, or a distance by more than the precision allows.
    """
    precision, worst = session.graph.precision, 0.0
    limit = TOLERANCE[precision]
    for batch in probes(probe, where):
        got = session.run(batch.ids, batch.stride)
        if (
            got.distance.shape != batch.distance.shape
            or got.ranks.shape != batch.ranks.shape
            or not all(np.isfinite(figure).all() for figure in (got.distance, got.surprise, batch.distance, batch.surprise))
        ):
            raise BundleRefused(f"{where} answers its probe with other shapes or no numbers; it was not made by this program")
        apart = np.abs(got.distance - batch.distance).max(), _relative(got.surprise, batch.surprise)
        worst = max(worst, *map(float, apart))
        off = np.abs(got.ranks - batch.ranks) > batch.ties + (0 if precision == "fp32" else 2)
        if worst > limit or off.mean() > RANKS_OFF[precision]:
            raise BundleRefused(
                f"{where} answers its probe differently here than when it was trained (a figure by {worst:.2e}, {off.mean():.1%} of the "
                "ranks); it is damaged, or this onnxruntime computes otherwise"
            )
    return worst


def _relative(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, in parts of 1 + the wanted value: surprise runs to tens of nats."""
    return float((np.abs(got - wanted) / (1 + wanted)).max())


class Probe(NamedTuple):
    """Windows `ids` of one length, and torch's answers. `ties` is by how much a rank may differ: keys whose logits are all but equal."""

    ids: np.ndarray
    stride: int
    ranks: np.ndarray
    surprise: np.ndarray
    ties: np.ndarray
    distance: np.ndarray


def probes(probe: bytes, where: str) -> list[Probe]:
    """The batches of a probe file; raises `BundleRefused` where there is none or it is not readable."""
    try:
        with np.load(io.BytesIO(probe), allow_pickle=False) as data:
            count = sum(name.startswith("ids_") for name in data.files)
            found = [
                Probe(data[f"ids_{i}"], data[f"stride_{i}"].item(), *(data[f"{name}_{i}"] for name in ANSWERS))
                for i in range(count)
            ]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleRefused(f"{where}: the probe cannot be read: {error}") from error
    if not found:
        raise BundleRefused(f"{where} has no probe, so nothing shows that it answers as it was trained")
    return found
