"""Which keys of a window are hidden from the model: at random while it learns, by a fixed pattern while it is asked.

LogBERT as published masks at random when it scores too, so that one session's verdict changes from run to run (measured on HDFS:
13 to 17 % of the anomalous sessions). Here a window of `length` ids is asked in `K = min(stride, length)` copies, and copy k hides
the positions p with p mod K = k, so each position is hidden in exactly one copy and the answer never changes. A stride of `length`
or more hides every position in turn. Position 0 (BEGIN) is never hidden: it carries the window's representation.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from logsentry.text.vocabulary import BEGIN, MASK, PAD


class Copies(NamedTuple):
    """What is put to a model to score a batch of equal-length windows; row k * batch + b is copy k of window b."""

    masked: Tensor  # int64 [K * batch, length]: the ids, hidden ones replaced by MASK
    asked: Tensor  # int64 [K * batch, 1 + Q]: position 0, then the positions hidden in this copy; Q = ceil(length / K)
    truth: Tensor  # int64 [K * batch, 1 + Q]: the ids at the asked positions


def complementary(ids: Tensor, stride: int) -> Copies:
    """The copies of `ids` [batch, length] that together hide each position once.

    Where K does not divide the length, the last asked position of some copies is past the end; it is held at the end, and
    `in_place` drops its answer.
    """
    batch, length = ids.shape
    copies = min(stride, length)
    k = torch.arange(copies, device=ids.device)
    position = torch.arange(length, device=ids.device)
    hidden = (position % copies == k[:, None]) & (position > 0)  # [K, length]
    masked = torch.where(hidden[:, None], MASK, ids)  # [K, batch, length]
    step = torch.arange(0, length, copies, device=ids.device)  # [Q]
    asked = torch.cat([torch.zeros_like(k)[:, None], (k[:, None] + step).clamp(max=length - 1)], 1)  # [K, 1 + Q]
    truth = ids[:, asked].transpose(0, 1)  # [K, batch, 1 + Q]
    return Copies(
        masked.reshape(copies * batch, length),
        asked[:, None].expand(-1, batch, -1).reshape(copies * batch, -1),
        truth.reshape(copies * batch, -1),
    )


def in_place(answers: Tensor, batch: int, length: int) -> Tensor:
    """Answers at the asked positions, [..., K * batch, 1 + Q], put back at their places: [..., batch, length].

    Position p was asked in copy p mod K as its number p // K, so that the places come from a transposition alone. What is
    said of position 0, which is never hidden, means nothing.
    """
    *lead, rows, _ = answers.shape
    split = answers[..., 1:].reshape(*lead, rows // batch, batch, -1)  # [..., K, batch, Q]
    return split.movedim(-3, -1).reshape(*lead, batch, -1)[..., :length]


def at_random(ids: Tensor, ratio: float, generator: torch.Generator) -> Tensor:
    """Bool like `ids`: each position but BEGIN and padding, hidden with probability `ratio` (section III-B of the paper)."""
    drawn = torch.rand(ids.shape, generator=generator, device=generator.device) < ratio  # drawn alike wherever the model trains
    return drawn.to(ids.device) & (ids != PAD) & (ids != BEGIN)
