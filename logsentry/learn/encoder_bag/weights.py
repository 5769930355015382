"""A second weight for each n-gram, by logistic regression, added to those that the bag has learned.

Its loss has one lowest point, so it errs where the perceptron's chance does not, and the two together are steadier than either: on the
staged reports it is this that lifts the interval of the difference to TF-IDF at the lowest false-positive rates above zero
(`results/encoder/attempts`). Both are sums over the same n-grams, so nothing is added to the model but the numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from logsentry.learn.classifier.losses import cross_entropy, suspicion
from logsentry.learn.encoder_bag.bag import WIDE, Bag
from logsentry.learn.encoder_bag.fit import rated
from logsentry.learn.encoder_bag.grams import Held

STEPS = 150


def convex(held: Held, target: Tensor, weight: Tensor, grams: int, inverse_penalty: float) -> tuple[Tensor, Tensor]:
    """Weights [grams, classes] and constants [classes] of the least cross-entropy with a quadratic penalty on the weights, by L-BFGS.

    `inverse_penalty` is scikit-learn's C: the penalty is half the squared weights over C, beside the sum of weighed losses.
    """
    classes = 1 if target.shape[1] == 2 else target.shape[1]
    weights, constants = torch.zeros(grams, classes, requires_grad=True), torch.zeros(classes, requires_grad=True)
    search = torch.optim.LBFGS([weights, constants], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe")

    def value() -> Tensor:
        search.zero_grad()
        loss = (cross_entropy(said(held, weights, constants), target) * weight).sum() + weights.square().sum() / (
            2 * inverse_penalty
        )
        loss.backward()
        return loss

    search.step(value)
    return weights.detach(), constants.detach()


def said(held: Held, weights: Tensor, constants: Tensor) -> Tensor:
    """Logits [rows, classes]"""
    numbers, starts, worth = (torch.from_numpy(part) for part in held)
    return F.embedding_bag(numbers, weights, starts, mode="sum", per_sample_weights=worth) + constants


@torch.no_grad()
def add(bag: Bag, weights: Tensor, constants: Tensor, share: float, back: Held) -> None:
    """Add them in place, so that on held-back rows they are spread `share` times as far as what the bag said before."""
    before, more = suspicion(rated(bag.eval(), back)), suspicion(said(back, weights, constants))
    by = share * float(before.std() / more.std().clamp(min=1e-6)) if len(before) > 1 else share
    bag.wide += weights * by / WIDE
    bag.out.bias += constants * by
