"""What a classifier is to make small: cross-entropy with soft labels, and a hinge that looks at the lowest false-positive rates only."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from logsentry.learn.classifier.settings import Training


def loss(logits: Tensor, target: Tensor, weight: Tensor, config: Training) -> Tensor:
    """Logits [rows, classes], soft labels [rows, labels] and weights [rows], which over all rows have a mean of 1."""
    logits = logits.float()
    value = (cross_entropy(logits, target) * weight).mean()
    if config.low_fpr:
        value = value + config.low_fpr * hardest_pairs(suspicion(logits), target, weight, config)
    return value


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """[rows]; one logit is that of label 1 against label 0."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], target[:, 1], reduction="none")
    return F.cross_entropy(logits, target, reduction="none")


def suspicion(logits: Tensor) -> Tensor:
    """[rows, classes] -> [rows]: log-odds of all classes but 0, the benign one."""
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1:].logsumexp(1) - logits[:, 0]


def hardest_pairs(suspicion: Tensor, target: Tensor, weight: Tensor, config: Training) -> Tensor:
    """How far positives are from leading the hardest negatives of the batch by the margin, the mean over such pairs.

    Only the left end of the ROC curve depends on those negatives, so this stands for the partial area there (Narasimhan and
    Agarwal, ICML 2013, whose surrogate takes the top share of negatives too). A batch of one class has no pairs and gives 0.
    """
    benign = target[:, 0] > 0.5
    malicious = ~benign
    if not (benign.any() and malicious.any()):
        return suspicion.sum() * 0.0
    take = math.ceil(config.hardest * int(benign.sum()))
    hard, rows = suspicion[benign].topk(take)
    lead = suspicion[malicious][:, None] - hard[None, :]  # [positives, take]
    pair = weight[malicious][:, None] * weight[benign][rows][None, :]
    return (torch.relu(config.margin - lead) * pair).sum() / pair.sum().clamp(min=1e-9)
