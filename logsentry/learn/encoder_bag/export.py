"""Writes what a trained encoder and its bag leave behind: one graph of whole rows in up to three precisions, and the probe.

The files are as `classifier.export` writes those of an encoder of whole rows, so the same judge serves them. In half precision and in 8
bits the encoder is as `classifier.narrow` makes it, and the matrix of the perceptron is kept in as many bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from logsentry.errors import TrainingError
from logsentry.learn.classifier.export import LOOKS, NAME, POOLINGS, PROBE, write_probe
from logsentry.learn.classifier.graph import finished, whole
from logsentry.learn.classifier.narrow import eighth, half, ranges
from logsentry.learn.encoder_bag.bag import terse
from logsentry.learn.encoder_bag.graph import voting
from logsentry.learn.encoder_bag.looks import terse_looks
from logsentry.learn.encoder_bag.settings import Config
from logsentry.learn.encoder_bag.voters import Voters
from logsentry.sdk import Graph, Part


def write(model: Voters, config: Config, folder: Path, probe: Sequence[Sequence[int]]) -> Part:
    """Rows of `probe` longer than the model reads are cut. Raises `TrainingError` where the probe holds no row."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model.cpu().eval()
    rows = [row for ids in probe if (row := tuple(ids)[: config.row_length])]
    if not rows:
        raise TrainingError("the probe holds no row of tokens; give at least one, better of two lengths")
    write_probe(cast(Any, model), rows, folder / PROBE)
    body = whole(model.encoder)
    made = [(Graph(f"{NAME}.onnx"), body)]
    if config.fp16:
        made.append((Graph(f"{NAME}.fp16.onnx", precision="fp16"), half(body)))
    if config.int8:
        short = [terse(torch.tensor([row]), model.bag.bare)[:, : config.max_length] for row in sorted(set(rows))]
        seen = ranges(model.encoder, [np.asarray(row) for row in short if row.any()])
        made.append((Graph(f"{NAME}.int8.onnx", precision="int8"), eighth(body, seen)))
    pooling, classes = POOLINGS.index(config.pooling), model.size.classes
    settings = {"max_length": config.row_length, "chunk": 0, "pooling": pooling, "classes": classes}
    if model.encoder.size.layers:
        (folder / LOOKS).write_bytes(finished(terse_looks(model, config.max_length), {"detector": "encoder-bag"}))
    for graph, encoder in made:
        both = voting(model.bag, encoder, model.vote, config.max_length, graph.precision)
        told = {**{name: str(value) for name, value in settings.items()}, "detector": "encoder-bag", "precision": graph.precision}
        (folder / graph.file).write_bytes(finished(both, told))
    return Part(NAME, "tokens", tuple(graph for graph, _ in made), probe=PROBE, settings=settings)
