"""What a trained encoder says of rows, and how well it tells labels apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from logsentry.learn.classifier.checkpoint import Weights, copied
from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.losses import suspicion
from logsentry.learn.classifier.rows import Labelled, Table, distinct
from logsentry.learn.roc import auc, tpr_at

BATCH = 128
FPRS = ("1e-4", "1e-3", "1e-2")


def predict(model: Encoder, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Logits [rows, classes] in the order of the rows; equal rows are asked once. Raises `TrainingError` as `distinct` does."""
    cut = [tuple(row[: model.size.max_length]) for row in rows]
    table = distinct(Labelled(cut, [0] * len(cut), [1.0] * len(cut)), model.size.vocabulary, model.size.max_length)
    number = {row: place for place, row in enumerate(sorted(set(cut)))}
    return logits(model, table)[[number[row] for row in cut]].numpy()


@torch.no_grad()
def logits(model: Encoder, table: Table) -> Tensor:
    """[R, classes] float32, on the CPU; batches of nearly equal lengths."""
    model.eval()
    device = model.embedding.weight.device
    said = torch.empty(len(table.lengths), model.size.classes)
    for rows in table.lengths.argsort(stable=True).split(BATCH):
        ids = table.ids[rows, : int(table.lengths[rows].max())].long()
        said[rows] = model(ids.to(device)).float().cpu()
    return said


def scored(model: Encoder, table: Table) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Suspicion, label (1 is anything but 0) and weight; a row that came with both labels is there twice."""
    said, mass = suspicion(logits(model, table)).numpy(), table.mass.double().numpy()
    weight = np.concatenate([mass[:, 0], mass[:, 1:].sum(1)])
    return np.tile(said, 2), np.repeat([0.0, 1.0], len(said)), weight


def measured(model: Encoder, table: Table) -> dict[str, float]:
    """`auc` and `tpr_1e-4`, `tpr_1e-3`, `tpr_1e-2`: each row counts as much as its weight."""
    scores, labels, weights = scored(model, table)
    found = {f"tpr_{fpr}": tpr_at(float(fpr), scores, labels, weights) for fpr in FPRS}
    return {"auc": auc(scores, labels, weights), **found}


@contextmanager
def weighing(model: nn.Module, weights: Weights | None) -> Iterator[None]:
    """The model with other weights inside, with its own afterwards."""
    if weights is None:
        yield
        return
    own = copied(model.state_dict())
    model.load_state_dict(weights)
    try:
        yield
    finally:
        model.load_state_dict(own)
