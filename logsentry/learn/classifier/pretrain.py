"""Masked-token pre-training: before it learns labels, an encoder guesses hidden tokens from those around them.

Devlin et al., NAACL 2019, section 3.1, with all chosen tokens hidden. A token is told by its own embedding, and only tokens that
occur in the rows are candidates: of 50,000 pieces a corpus may hold 1,500, and the others need no logit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logsentry.errors import TrainingError
from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.rows import Table, endless
from logsentry.learn.classifier.settings import Training
from logsentry.text.vocabulary import MASK, PAD


def pretrain(model: Encoder, table: Table, config: Training, seed: int, used: Callable[[int], float]) -> float:
    """Fits all but the head in place until `used(steps)`, the share of the budget, reaches 1; answers the last loss, in nats.

    Raises `TrainingError` where the rows hold fewer than two different tokens.
    """
    candidates = table.ids.unique()
    candidates = candidates[candidates != PAD].long()
    if len(candidates) < 2:
        raise TrainingError("the rows hold a single token, so there is nothing to guess; set pretrain to 0")
    number = torch.zeros(model.size.vocabulary, dtype=torch.int64)
    number[candidates] = torch.arange(len(candidates))
    device = model.embedding.weight.device
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    model.train()
    step, last = 0, float("nan")
    for rows in endless(table.lengths, config.batch, seed + 1):
        if used(step) >= 1:
            break
        torch.manual_seed(seed * 1_000_003 + step)
        ids = table.ids[rows, : int(table.lengths[rows].max())].long()
        chosen = (torch.rand(ids.shape) < config.mask_ratio) & (ids != PAD)
        chosen[:, 0] |= ~chosen.any(1)  # a row of which nothing is hidden would teach nothing
        truth = number[ids[chosen]].to(device)
        loss = guess(model, ids.masked_fill(chosen, MASK).to(device), chosen.to(device), truth, candidates.to(device))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip or float("inf"))
        optimizer.step()
        step, last = step + 1, float(loss.detach())
    return last


def guess(model: Encoder, ids: Tensor, chosen: Tensor, truth: Tensor, candidates: Tensor) -> Tensor:
    """Mean surprise at the tokens that are hidden in `ids` [batch, length], each the number `truth` among the candidates."""
    states = model.represent(ids)[chosen]  # [hidden, width]
    return F.cross_entropy(states @ model.embedding.weight[candidates].T, truth)
