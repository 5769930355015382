"""How a bag of n-grams is fitted: cross-entropy over distinct rows, a share of each row's n-grams hidden, weights averaged.

Rows are held sparse here, so that a step costs what its rows hold and not what the vocabulary does. What rows weigh and which label a
contradictory one has is as for the encoder (`classifier.rows.taught`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from logsentry.learn.classifier.losses import loss
from logsentry.learn.encoder_bag.bag import Bag
from logsentry.learn.encoder_bag.grams import Held
from logsentry.learn.encoder_bag.settings import Config
from logsentry.learn.schedules import rate

DECAY = 0.99
"""Of the moving average of weights, which begins after `FROM` of the steps."""
FROM = 0.3

Told = Callable[[float, float], None]
"""Called with the share that is done, 0 to 1, and the last loss."""


def fit_bag(bag: Bag, held: Held, target: Tensor, weight: Tensor, config: Config, seed: int, seconds: float, told: Told) -> None:
    """Fit in place. `held` are the n-grams of the rows, `target` [rows, labels] and `weight` [rows] as `taught` answers them.

    Ends after `bag_epochs` passes, or `seconds` where that is above 0 and comes first; then runs differ.
    """
    rows, size = len(weight), config.bag_batch
    steps = max(1, math.ceil(config.bag_epochs * rows / size))
    optimizer = torch.optim.AdamW(bag.parameters(), config.bag_rate, weight_decay=config.bag_decay, fused=True)
    average, averaged, began, step = copy.deepcopy(bag.state_dict()), 0, config.now(), 0
    share = 0.0
    while share < 1:
        order = np.random.default_rng((seed, step)).permutation(rows)
        for some in np.split(order, range(size, rows, size)):
            torch.manual_seed(seed * 1_000_003 + step)
            for group in optimizer.param_groups:
                group["lr"] = config.bag_rate * rate("cosine", share, 0.1, 0.0)
            value = a_step(bag, optimizer, held.of(some), target[some], weight[some], config)
            averaged += share >= FROM
            kept = 1 - max(1 / max(averaged, 1), 1 - DECAY)
            for name, now in bag.state_dict().items():
                if now.dtype.is_floating_point:
                    average[name].lerp_(now, 1 - kept)
            step += 1
            by_seconds = (config.now() - began) / seconds if seconds else 0.0
            share = max(step / steps, by_seconds)
            told(min(share, 1.0), value)
            if share >= 1:
                break
    bag.load_state_dict(average)


def a_step(bag: Bag, optimizer: torch.optim.Optimizer, held: Held, target: Tensor, weight: Tensor, config: Config) -> float:
    bag.train()
    optimizer.zero_grad()
    value = loss(rated(bag, held, config.bag_hidden), target, weight, config)
    value.backward()
    optimizer.step()
    return float(value.detach())


def rated(bag: Bag, held: Held, hidden: float = 0.0) -> Tensor:
    """Logits [rows, classes] of rows that are held sparse; `hidden` is the share of n-grams left out, as dropout does."""
    numbers, starts, worth = (torch.from_numpy(part) for part in held)
    if hidden:
        worth = worth * (torch.rand(len(worth)) >= hidden) / (1 - hidden)
    wide = F.embedding_bag(numbers, bag.wide, starts, mode="sum", per_sample_weights=worth)
    deep = F.embedding_bag(numbers, bag.deep, starts, mode="sum", per_sample_weights=worth) if bag.width else wide
    return bag.decide(wide, deep)
