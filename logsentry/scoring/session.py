"""One onnxruntime session over a bundle's graph, which has proved itself on the bundle's probe before it serves.

The execution provider that was asked for is the one that runs, or opening fails; only where the caller allows several does
the next one stand in, and then `degraded` says so (onnxruntime falls back silently: microsoft/onnxruntime issues 17801, 23372).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnxruntime as ort

from logsentry.errors import BundleRefused, Unavailable, UsageError
from logsentry.sdk import Graph
from logsentry.store.verified import Bundle

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
TOLERANCE = {"fp32": 1e-4, "fp16": 1e-2, "int8": float("inf")}
"""Largest difference of a distance from torch's answers to the probe; 8 bits do not keep distances, and are calibrated for themselves."""

RANKS_OFF = {"fp32": 0.0, "fp16": 0.01, "int8": 0.05}
"""Largest share of ranks that may be off: by anything beyond a tie, or, below 32 bits, by more than two places."""


class Answers(NamedTuple):
    """What the members asked say of a batch: ranks `[asked, batch, length]`, distance `[asked, batch]`, expected `[batch, length, 3]`."""

    ranks: np.ndarray
    distance: np.ndarray
    expected: np.ndarray


class Session:
    """Runs windows of one length through a graph. Not to be shared between threads that run at once."""

    def __init__(
        self, model: bytes, graph: Graph, groups: Sequence[int], providers: Sequence[str] = ("cpu",), threads: int = 1
    ) -> None:
        self.graph, self.groups = graph, tuple(groups)
        self._session, self.degraded = _open(model, providers, threads)

    def run(self, ids: np.ndarray, stride: int, groups: Sequence[bool] | None = None) -> Answers:
        """Windows `[batch, length]` under a mask stride; `groups` says which vote groups are asked, None is all."""
        asked = [True] * len(self.groups) if groups is None else groups
        feeds = {
            "ids": np.ascontiguousarray(ids, np.int64),
            "stride": np.array(stride, np.int64),
            "groups": np.array(asked, np.bool_),
        }
        return Answers(*self._session.run(["ranks", "distance", "expected"], feeds))


def serve(bundle: Bundle, providers: Sequence[str] = ("cpu",), precision: str = "fp32", threads: int = 1) -> Session:
    """A session over the graph of a bundle that fits the hardware, after it has answered the probe as torch did."""
    graph = choose(bundle.manifest.graphs, providers, precision, bundle.reference)
    session = Session(bundle.files[graph.file], graph, bundle.manifest.groups, providers, threads)
    replay(session, bundle.files.get("probe.npz", b""), bundle.reference)
    return session


def choose(graphs: Sequence[Graph], providers: Sequence[str], precision: str, where: str) -> Graph:
    """The graph that fits the hardware: branches on a CPU, the member axis on a GPU where there is one."""
    fitting = [graph for graph in graphs if graph.precision == precision]
    if not fitting:
        have = ", ".join(sorted({graph.precision for graph in graphs}))
        raise UsageError(f"{where} has no {precision} graph; it has {have}")
    layout = "member_axis" if "cuda" in providers[:1] else "branches"
    return next((graph for graph in fitting if graph.layout == layout), fitting[0])


def _open(model: bytes, providers: Sequence[str], threads: int) -> tuple[ort.InferenceSession, bool]:
    unknown = [name for name in providers if name not in PROVIDERS]
    if unknown or not providers:
        raise UsageError(f"there is no execution provider {unknown[0] if unknown else ''!r}; known: {', '.join(PROVIDERS)}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    available = ort.get_available_providers()
    for name in providers:
        if PROVIDERS[name] not in available:
            continue
        try:
            session = ort.InferenceSession(model, options, providers=[PROVIDERS[name]])
        except Exception as error:  # onnxruntime raises its own classes; each means the graph cannot be served here
            raise BundleRefused(f"onnxruntime {ort.__version__} cannot open the graph: {str(error).splitlines()[0]}") from error
        if session.get_providers()[0] == PROVIDERS[name]:
            return session, name != providers[0]
    raise Unavailable(
        f"no execution provider of {', '.join(providers)} works on this machine; allow cpu as well, or mend the driver"
    )


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
            or not np.isfinite(got.distance).all()
        ):
            raise BundleRefused(f"{where} answers its probe with other shapes or no numbers; it was not made by this program")
        worst = max(worst, float(np.abs(got.distance - batch.distance).max()))
        off = np.abs(got.ranks - batch.ranks) > batch.ties + (0 if precision == "fp32" else 2)
        if worst > limit or off.mean() > RANKS_OFF[precision]:
            raise BundleRefused(
                f"{where} answers its probe differently here than when it was trained (a distance by {worst:.2e}, {off.mean():.1%} of the "
                "ranks); it is damaged, or this onnxruntime computes otherwise"
            )
    return worst


class Probe(NamedTuple):
    """Windows `ids` of one length, and torch's answers. `ties` is by how much a rank may differ: keys whose logits are all but equal."""

    ids: np.ndarray
    stride: int
    ranks: np.ndarray
    ties: np.ndarray
    distance: np.ndarray


def probes(probe: bytes, where: str) -> list[Probe]:
    """The batches of a probe file; raises `BundleRefused` where there is none or it is not readable."""
    try:
        with np.load(io.BytesIO(probe), allow_pickle=False) as data:
            count = sum(name.startswith("ids_") for name in data.files)
            found = [
                Probe(data[f"ids_{i}"], data[f"stride_{i}"].item(), data[f"ranks_{i}"], data[f"ties_{i}"], data[f"distance_{i}"])
                for i in range(count)
            ]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleRefused(f"{where}: the probe cannot be read: {error}") from error
    if not found:
        raise BundleRefused(f"{where} has no probe, so nothing shows that it answers as it was trained")
    return found
