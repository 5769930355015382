"""Labelled rows as a classifier learns from them: cut to its length, each distinct row once, with weights and soft labels.

One row that came a thousand times costs as much as one that came once, and its weight says how often it came. A row that came
with several labels has a share of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from logsentry.errors import TrainingError
from logsentry.learn.classifier.settings import Training
from logsentry.learn.logbert.train import batches
from logsentry.text.vocabulary import PAD


class Labelled(NamedTuple):
    """Rows of token ids as they came, labels from 0 on (0 is benign), and how much each row counts."""

    rows: Sequence[Sequence[int]]
    labels: Sequence[int]
    weights: Sequence[float]


class Table(NamedTuple):
    """R distinct rows in sorted order, so that the order in which they came changes nothing."""

    ids: Tensor  # int32 [R, longest], padded at the end
    lengths: Tensor  # int64 [R]
    mass: Tensor  # float32 [R, labels], the weight with which a row came with each label; at least two labels


def distinct(labelled: Labelled, vocabulary: int, max_length: int) -> Table:
    """Cuts rows to `max_length` and puts equal ones together.

    Raises `TrainingError` where the numbers of rows, labels and weights differ, there is no row, one is empty or has an id that it
    cannot have, or a label is negative.
    """
    rows, labels, weights = labelled
    if not len(rows) == len(labels) == len(weights):
        raise TrainingError(f"{len(rows)} rows came with {len(labels)} labels and {len(weights)} weights; give one of each a row")
    if not len(rows):
        raise TrainingError("there are no rows to learn from; give at least two, one of each class")
    if min(labels) < 0 or min(weights) < 0:
        raise TrainingError("a label or a weight is negative; labels run from 0 on, and a weight of 0 leaves a row out")
    found: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0] * max(2, max(labels) + 1))
    for row, label, weight in zip(rows, labels, weights, strict=True):
        found[tuple(row[:max_length])][label] += weight
    kept = sorted(found)
    check(kept, vocabulary)
    ids = pad_sequence([torch.tensor(row, dtype=torch.int32) for row in kept], batch_first=True, padding_value=PAD)
    return Table(ids, torch.tensor([len(row) for row in kept]), torch.tensor([found[row] for row in kept]))


def check(rows: Sequence[tuple[int, ...]], vocabulary: int) -> None:
    """Raises `TrainingError` where a row is empty or an id is padding or out of range."""
    for row in rows:
        if not row:
            raise TrainingError("a row holds no token; leave such rows out, or give them the id of an unknown token")
        if min(row) <= PAD or max(row) >= vocabulary:
            raise TrainingError(f"a row holds an id outside 1 to {vocabulary - 1}; is the vocabulary the one it was made with?")


def taught(table: Table, config: Training) -> tuple[Table, Tensor, Tensor]:
    """The rows that are learnt from, their weights [R] with a mean of 1, and their soft labels [R, labels]."""
    several = (table.mass > 0).sum(1) > 1
    kept = table.mass.sum(1) > 0
    if config.contradictions == "drop":
        kept = kept & ~several
    table, several = Table(*(part[kept] for part in table)), several[kept]
    if int((table.mass.sum(0) > 0).sum()) < 2:
        raise TrainingError("all rows that can be learnt from have one label; give rows of at least two classes")
    total = table.mass.sum(1)
    target = table.mass / total[:, None]
    if config.contradictions == "majority":
        target = torch.nn.functional.one_hot(target.argmax(1), target.shape[1]).float()
    even = torch.full_like(target, 1 / target.shape[1])
    target = torch.where(several[:, None], torch.lerp(target, even, config.smoothing), target)
    weight = total.pow(1 - config.evenness)
    if config.balance:
        of_class = (weight[:, None] * target).sum(0).clamp(min=1e-9)
        weight = weight * (target / of_class).sum(1)
    return table, weight / weight.mean(), target


def split(table: Table, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the rows to learn from and of those held back: about `share` of the distinct rows of each commonest label.

    A label with a single distinct row stays with those that are learnt from.
    """
    label, draw = table.mass.argmax(1).numpy(), np.random.default_rng(seed)
    held: list[int] = []
    for value in np.unique(label):
        rows = draw.permutation(np.nonzero(label == value)[0])
        held += rows[: min(max(1, round(share * len(rows))), len(rows) - 1)].tolist()
    back = np.zeros(len(label), dtype=bool)
    back[held] = True
    return np.nonzero(~back)[0], np.nonzero(back)[0]


def endless(lengths: Tensor, batch: int, seed: int, begin: int = 0) -> Iterator[Tensor]:
    """Batches of row numbers without end, every row once a pass; `begin` is the number of the first batch.

    Each pass is drawn from the seed and its own number, so that a resumed training goes on with the batch it would have had.
    """
    a_pass = -(-len(lengths) // batch)
    number, skip = divmod(begin, a_pass)
    while True:
        drawn = list(batches(lengths, batch, torch.Generator().manual_seed(seed * 1_000_003 + number)))
        yield from drawn[skip:]
        number, skip = number + 1, 0


def hidden(ids: Tensor, lengths: Tensor, config: Training) -> Tensor:
    """A batch [rows, longest] with some tokens or runs of tokens hidden as padding is: nobody sees them, the others keep their places."""
    if config.token_dropout:
        ids = ids.masked_fill(torch.rand(ids.shape) < config.token_dropout, PAD)
    if config.span_dropout:
        run = (torch.rand(len(ids)) * config.span * lengths) * (torch.rand(len(ids)) < config.span_dropout)
        begin = (torch.rand(len(ids)) * (lengths - run)).long()[:, None]
        place = torch.arange(ids.shape[1])[None]
        ids = ids.masked_fill((begin <= place) & (place < begin + run.long()[:, None]), PAD)
    return ids
