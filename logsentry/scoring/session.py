"""One onnxruntime session over a bundle's graph, which has proved itself on the bundle's probe before it serves.

The execution provider that was asked for is the one that runs, or opening fails; only where the caller allows several does
the next one stand in, and then `degraded` says so (onnxruntime falls back silently: microsoft/onnxruntime issues 17801, 23372).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnxruntime as ort

from logsentry.errors import BundleRefused, Unavailable, UsageError
from logsentry.sdk import Graph, Part

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
WARNINGS, FATAL = 2, 4
"""Severities of onnxruntime's log, from which on it writes to stderr."""

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
    """Runs windows of one length through a graph. Not to be shared between threads that run at once."""

    def __init__(
        self, model: bytes, graph: Graph, groups: Sequence[int], providers: Sequence[str] = ("cpu",), threads: int = 1
    ) -> None:
        self.graph, self.groups = graph, tuple(groups)
        self._session, self.degraded = open_session(model, providers, threads)

    def run(self, ids: np.ndarray, stride: int, groups: Sequence[bool] | None = None) -> Answers:
        """Windows `[batch, length]` under a mask stride; `groups` says which vote groups are asked, None is all."""
        asked = [True] * len(self.groups) if groups is None else groups
        feeds = {
            "ids": np.ascontiguousarray(ids, np.int64),
            "stride": np.array(stride, np.int64),
            "groups": np.array(asked, np.bool_),
        }
        return Answers(*self._session.run(["ranks", "surprise", "distance", "expected"], feeds))


def open_masked(
    part: Part, files: Mapping[str, bytes], providers: Sequence[str], precision: str, threads: int, where: str
) -> tuple[Session, float]:
    """A session over the graph of a part that fits the hardware, after it has answered the probe as torch did, and the largest
    difference from torch's answers."""
    graph = choose(part.graphs, providers, precision, where)
    session = Session(files[graph.file], graph, part.groups, providers, threads)
    return session, replay(session, files[part.probe], where)


def choose(graphs: Sequence[Graph], providers: Sequence[str], precision: str, where: str) -> Graph:
    """The graph that fits the hardware: branches on a CPU, the member axis on a GPU where there is one."""
    fitting = [graph for graph in graphs if graph.precision == precision]
    if not fitting:
        have = ", ".join(sorted({graph.precision for graph in graphs}))
        raise UsageError(f"{where} has no {precision} graph; it has {have}")
    layout = "member_axis" if "cuda" in providers[:1] else "branches"
    return next((graph for graph in fitting if graph.layout == layout), fitting[0])


def open_session(model: bytes, providers: Sequence[str], threads: int, aloud: bool = False) -> tuple[ort.InferenceSession, bool]:
    """The session of the first provider that works, and whether another was wanted before it.

    `aloud`: the native library says on stderr which of its own files it misses. Else the error alone speaks.
    """
    unknown = [name for name in providers if name not in PROVIDERS]
    if unknown or not providers:
        raise UsageError(f"there is no execution provider {unknown[0] if unknown else ''!r}; known: {', '.join(PROVIDERS)}")
    ort.set_default_logger_severity(WARNINGS if aloud else FATAL)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
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
