"""Does a model say the same in both precisions? Its verdicts on probe windows, with products in float32 and in bfloat16.

Thresholds are set later, by the calibration, and each precision has its own there. So here a member finds those windows strange
whose evidence is among the strangest tenth of the probe's, in the precision that it was asked in, and more than half of the members
make a verdict. A tenth is far more than any budget of alerts: it lies where windows crowd, so that rounding shows if it does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from logsentry.learn.logbert.masking import complementary, in_place
from logsentry.learn.logbert.model import LogBert
from logsentry.learn.precision import Kind, products

STRIDE = 2
STRANGE = 0.9
CANDIDATES = 9
"""A next key that is not among so many likeliest ones is strange: Du et al. (CCS 2017) section 5.2, g for HDFS."""


class Votes(NamedTuple):
    """Bool [members, windows]: which members find which windows strange, in either precision."""

    fp32: Tensor
    bf16: Tensor


def of_members(model: LogBert, probe: Sequence[NDArray[np.int64]], device: str) -> Votes:
    """Of windows [batch, length] of several lengths; a member goes by its mean surprise and by its distance."""
    model.eval()
    return _both(lambda kind: strange(torch.cat([evidence(model, ids, device, kind) for ids in probe], 2)))


def evidence(model: LogBert, ids: NDArray[np.int64], device: str, kind: Kind) -> Tensor:
    """[2, M, batch]: mean surprise of a key, nats, and squared distance to the centre."""
    batch, length = ids.shape
    copies = complementary(torch.from_numpy(ids).to(device), STRIDE)
    with products(device, kind):
        answer = model(*copies)
    surprise = in_place(answer.surprise, batch, length)[..., 1:].mean(-1)
    return torch.stack([surprise, answer.distance.unflatten(1, (-1, batch)).mean(1)]).float().cpu()


def strange(evidence: Tensor) -> Tensor:
    """[kinds, M, windows] -> bool [M, windows]: beyond a member's own quantile by one kind at least."""
    return (evidence > evidence.quantile(STRANGE, 2, keepdim=True)).any(0)


def of_guesses(model: nn.Module, context: Tensor, truth: Tensor, device: str) -> Votes:
    """Of contexts [rows, history] and the keys [rows] that followed, by one model."""
    model.eval()

    def ask(kind: Kind) -> Tensor:
        with products(device, kind):
            logits = model(context.to(device)).float().cpu()
        return ((logits > logits.gather(1, truth[:, None])).sum(1) >= CANDIDATES)[None]

    return _both(ask)


def figures(found: Sequence[Votes]) -> dict[str, float]:
    """Of members that were trained apart and vote together: `probe_verdicts`, how many there are, and how many change."""
    if not found:
        return {}
    fp32, bf16 = (majority(torch.cat(votes)) for votes in zip(*found, strict=True))
    return {"probe_verdicts": float(len(fp32)), "probe_verdicts_changed": float((fp32 != bf16).sum())}


def majority(votes: Tensor) -> Tensor:
    return 2 * votes.sum(0) > len(votes)


@torch.no_grad()
def _both(ask: Callable[[Kind], Tensor]) -> Votes:
    return Votes(ask("fp32"), ask("bf16"))
