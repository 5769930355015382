"""Writes what a trained encoder classifier leaves behind: ONNX graphs in up to three precisions, and the probe.

A model that attends to whole rows is one graph, `encoder.onnx`: (ids int64 [batch, length]) -> logits float32 [batch, classes].
One that attends to chunks is two, `encoder.onnx` from chunks to summaries and `encoder.head.onnx` from pooled summaries to
logits, so that whoever serves it can compute each distinct chunk once (`graph`). The head stays in single precision: it
is small, and the verdict is read from it. Operators of the default domain only, no external data, no paths; the same weights and
probe give the same bytes. `encoder.looks.onnx` answers where tokens look (`looks`); nothing that scores needs it.

The probe `encoder.probe.npz` holds, for each probed length number i, `ids_i` int64 [batch, length] and torch's `logits_i` float32
[batch, classes]; the last row of each batch but the first ends in padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto

from logsentry.errors import TrainingError
from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.graph import chunks, finished, head, whole
from logsentry.learn.classifier.looks import looks
from logsentry.learn.classifier.narrow import eighth, half, ranges
from logsentry.learn.logbert.probe import by_length, save
from logsentry.sdk import Graph, Part
from logsentry.text.vocabulary import PAD

NAME = "encoder"
HEAD, PROBE, LOOKS = f"{NAME}.head.onnx", f"{NAME}.probe.npz", f"{NAME}.looks.onnx"
POOLINGS = ("mean", "max", "flatten")
"""A part's setting `pooling` is a place in this."""


class Precisions(Protocol):
    """What a config says of the graphs that are written beside the one in single precision."""

    @property
    def fp16(self) -> bool: ...

    @property
    def int8(self) -> bool: ...


def write(model: Encoder, config: Precisions, folder: Path, probe: Sequence[Sequence[int]]) -> Part:
    """Write the files into a folder. Rows of `probe` longer than the model reads are cut. The ranges of 8 bits come from all of them.

    Raises `TrainingError` where the probe holds no row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model.cpu().eval()
    rows = [row for ids in probe if (row := tuple(ids)[: model.size.max_length])]
    if not rows:
        raise TrainingError("the probe holds no row of tokens; give at least one, better of two lengths")
    write_probe(model, rows, folder / PROBE)
    chunked = bool(model.size.chunk)
    body = chunks(model) if chunked else whole(model)
    graphs = []
    for graph, made in narrowed(model, body, config, rows):
        (folder / graph.file).write_bytes(finished(made, about(model, graph.precision)))
        graphs += [graph, Graph(HEAD, precision=graph.precision)] if chunked else [graph]
    if chunked:
        (folder / HEAD).write_bytes(finished(head(model), about(model, "fp32")))
    if model.size.layers:
        (folder / LOOKS).write_bytes(finished(looks(model), about(model, "int8")))
    return Part(NAME, "tokens", tuple(graphs), probe=PROBE, settings=settings(model))


def narrowed(
    model: Encoder, body: GraphProto, config: Precisions, rows: Sequence[Sequence[int]]
) -> list[tuple[Graph, GraphProto]]:
    made = [(Graph(f"{NAME}.onnx"), body)]
    if config.fp16:
        made.append((Graph(f"{NAME}.fp16.onnx", precision="fp16"), half(body)))
    if config.int8:
        seen = ranges(model, [np.array([row], np.int64) for row in sorted(set(map(tuple, rows)))])
        made.append((Graph(f"{NAME}.int8.onnx", precision="int8"), eighth(body, seen)))
    return made


def settings(model: Encoder) -> dict[str, int]:
    """What the judge of the part is to be told; `chunk` 0 is a graph of whole rows."""
    size = model.size
    return {
        "max_length": size.max_length,
        "chunk": size.chunk,
        "pooling": POOLINGS.index(size.pooling),
        "classes": size.classes,
    }


def about(model: Encoder, precision: str) -> dict[str, str]:
    told = {name: str(value) for name, value in settings(model).items()}
    return {**told, "detector": NAME, "vocabulary": str(model.size.vocabulary), "precision": precision}


@torch.no_grad()
def write_probe(model: Encoder, rows: Sequence[Sequence[int]], path: Path) -> None:
    """Choose rows, ask torch, and write the file."""
    arrays: dict[str, NDArray[Any]] = {}
    for number, ids in enumerate(by_length(rows)):
        if number:
            ids[-1, ids.shape[1] // 2 + 1 :] = PAD
        arrays |= {f"ids_{number}": ids, f"logits_{number}": model(torch.from_numpy(ids)).numpy()}
    save(path, arrays)
