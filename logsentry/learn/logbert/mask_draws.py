"""LogBERT asked as it was published: a random share of the keys is hidden, so that every draw gives another verdict.

The product never scores like this (see `masking`). It stands in the tables, because the vote over draws of one model is what the vote
over models has to beat (Guo et al. 2021, arXiv 2103.04475, section 4.1: a share of .65 on HDFS).
"""

from __future__ import annotations

import numpy as np
import torch

from logsentry.learn.logbert.masking import at_random
from logsentry.learn.logbert.model import LogBert
from logsentry.text.vocabulary import MASK


@torch.no_grad()
def drawn(model: LogBert, ids: np.ndarray, draws: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of one length `[batch, length]` under so many random masks: surprise and whether it was asked, `[draws, batch, length]`.

    The masks of a window depend on the seed and its length alone, not on its batch. One member only.
    """
    model.eval()
    rows = torch.from_numpy(np.ascontiguousarray(ids, np.int64))
    surprise, asked = [], []
    for draw in range(draws):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + draw * 1009 + ids.shape[1])
        hidden = at_random(rows[:1], share, generator).expand_as(rows)
        logits = model.logits(model.encode(rows.masked_fill(hidden, MASK)[None]))[0]  # [batch, length, keys]
        true = logits.log_softmax(-1).gather(-1, rows[..., None])[..., 0]
        surprise.append((-true).numpy())
        asked.append(hidden.numpy())
    return np.stack(surprise), np.stack(asked)
