"""Writes what a baseline leaves behind that judges count vectors: an ONNX graph, its probe, and the medians that explanations need.

The graph takes `counts` float32 [batch, keys], answers `strangeness` float32 [batch], higher for stranger windows, and holds operators
of the default domain only. The probe `NAME.probe.npz` holds `counts` and the `strangeness` that the detector itself answers, in
64 bits and without the graph. `NAME.json` holds the median count of each key in training.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import GraphProto, TensorProto, numpy_helper, parser

from logsentry.baselines.observed import observed
from logsentry.sdk import Graph, Part
from logsentry.text.counts import Distinct, medians

OPSET = 23
IR_VERSION = 11  # of ONNX 1.18, which brought opset 23
FORMAT = 1
PROBED = 32
"""Count vectors of ordinary windows in a probe; beside each stands one that is bound to be strange."""

Strangeness = Callable[[np.ndarray], np.ndarray]


def parsed(body: str, keys: int, constants: Mapping[str, np.ndarray]) -> GraphProto:
    """The graph with the nodes of `body` (ONNX's own text form) over the constants, which become its weights."""
    graph = parser.parse_graph(f"baseline (float[batch, {keys}] counts) => (float[batch] strangeness) {{ {body} }}")
    graph.initializer.extend(weight(name, value) for name, value in constants.items())
    return graph


def weight(name: str, value: np.ndarray) -> TensorProto:
    kept = value.astype(np.float32) if value.dtype == np.float64 else value
    return numpy_helper.from_array(np.ascontiguousarray(kept), name)


def write(
    name: str, graph: GraphProto, strangeness: Strangeness, trained: Distinct, folder: Path, probe: Sequence[Sequence[int]]
) -> Part:
    """Write the three files of the part `name`; the same fit and probe give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = trained.vectors.shape[1]
    part = Part(name, "counts", (Graph(f"{name}.onnx"),), probe=f"{name}.probe.npz", file=f"{name}.json")
    (folder / part.graphs[0].file).write_bytes(_model(graph).SerializeToString(deterministic=True))
    counts = _probed(observed(probe, keys).vectors)
    _save(folder / part.probe, {"counts": counts, "strangeness": strangeness(counts).astype(np.float32)})
    kept = {"format": FORMAT, "medians": medians(trained).astype(int).tolist()}
    (folder / part.file).write_bytes(msgspec.json.encode(kept, order="deterministic") + b"\n")
    return part


def _model(graph: GraphProto) -> onnx.ModelProto:
    imports = [onnx.helper.make_opsetid("", OPSET)]
    whole = onnx.helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="logsentry")
    onnx.checker.check_model(whole, full_check=True)
    return whole


def _probed(vectors: np.ndarray) -> np.ndarray:
    """The commonest vectors, and each with one more event, of every key in turn, so that keys never seen are probed too."""
    ordinary = vectors[:PROBED]
    keys = vectors.shape[1]
    more = np.repeat(ordinary, -(-keys // len(ordinary)), axis=0)[:keys] + np.eye(keys, dtype=np.float32)
    return np.concatenate([ordinary, more])


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A `.npz` without pickles and without the hour, which numpy's own writer stamps into the archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
