"""One training loop for all members: batches of distinct windows, a weight for each window and member.

A member's bootstrap sample is a count for each distinct window, so that a window which came 800 times costs as much as one that
came once. What the loss means is in `logbert`, which keys are hidden in `masking`.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from logsentry.errors import TrainingError
from logsentry.learn.logbert.masking import at_random, complementary
from logsentry.learn.logbert.model import LogBert
from logsentry.learn.logbert.settings import Config
from logsentry.learn.precision import Kind, kind_on, products
from logsentry.sdk import Progress
from logsentry.text.vocabulary import BEGIN, MASK, PAD

CENTRE_STRIDE = 2  # the centre is taken under the masks that most scoring uses


class Windows(NamedTuple):
    """Distinct windows, padded at the end, and how often each came."""

    ids: Tensor  # int64 [R, longest]
    lengths: Tensor  # int64 [R]
    counts: Tensor  # float64 [R]


class Losses(NamedTuple):
    """Of one step, the mean over the members."""

    key: float
    distance: float


def distinct(windows: Sequence[Sequence[int]], keys: int, max_length: int) -> Windows:
    """The distinct windows in sorted order, so that the order in which they came changes nothing.

    Raises `TrainingError` where there are fewer than two, or one is longer than `max_length` or has an id it cannot have.
    """
    counted = sorted(Counter(tuple(window) for window in windows).items())
    if len(counted) < 2:
        raise TrainingError(
            f"{len(windows)} windows, {len(counted)} of them distinct, are too few to learn from; give at least two that differ"
        )
    for window, _ in counted:
        check(window, keys, max_length)
    ids = pad_sequence([torch.tensor(window) for window, _ in counted], batch_first=True, padding_value=PAD)
    return Windows(ids, torch.tensor([len(w) for w, _ in counted]), torch.tensor([n for _, n in counted], dtype=torch.float64))


def check(window: Sequence[int], keys: int, max_length: int) -> None:
    """Raises `TrainingError` where a window is none that can be learnt from or scored."""
    if not 2 <= len(window) <= max_length:
        raise TrainingError(
            f"a window has {len(window)} ids and must have 2 to {max_length}; cut windows shorter or raise max_length"
        )
    if wrong := [key for key in window if not 0 <= key < keys or key in (PAD, MASK)]:
        raise TrainingError(f"a window holds the id {wrong[0]}, but ids run from 1 to {keys - 1} and {MASK} is the mask's")
    if window[0] != BEGIN or BEGIN in window[1:]:
        raise TrainingError(f"a window must begin with the id {BEGIN} (BEGIN) and hold it nowhere else")


def bootstrap(counts: Tensor, members: int, generator: torch.Generator, sample: str = "bootstrap") -> Tensor:
    """How often each window is in each member's sample, [M, R].

    *bootstrap* draws as many windows as there are, with replacement: a member never sees a third of the rare ones, and finds them
    strange afterwards. *bayesian* (Rubin 1981, the Bayesian bootstrap) gives each window a weight from the exponential
    distribution instead, for n equal windows the sum of n such: all are seen, and no two members weigh them alike.
    """
    if sample == "bayesian":
        weights = np.random.default_rng(generator.initial_seed()).gamma(counts.numpy(), size=(members, len(counts)))
        return torch.from_numpy(weights).float()
    total = int(counts.sum())
    draws = torch.multinomial(counts, members * total, replacement=True, generator=generator).view(members, total)
    return torch.zeros(members, len(counts)).scatter_add_(1, draws, torch.ones(members, total))


def train(model: LogBert, windows: Windows, config: Config, seed: int, progress: Progress) -> dict[str, float]:
    """Fits the members in place and sets their centres; answers the losses of the last epoch, steps and seconds.

    Raises `UsageError` where the device or the precision cannot be had.
    """
    kind = kind_on(config.device, config.precision)
    generator = torch.Generator().manual_seed(seed)
    alone = config.members == 1  # one LogBERT learns from the windows as they are
    drawn = windows.counts[None].float() if alone else bootstrap(windows.counts, model.members, generator, config.sample)
    weights = drawn.pow(1 - config.evenness).to(config.device)
    ids = windows.ids.to(config.device)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True)
    steps_an_epoch = -(-len(ids) // config.batch)
    steps = min(config.epochs * steps_an_epoch, config.max_steps or math.inf)
    began, step, losses = time.perf_counter(), 0, Losses(math.inf, math.inf)
    while step < steps and not (config.seconds and time.perf_counter() - began > config.seconds):
        seen: list[Losses] = []
        for rows in batches(windows.lengths, config.batch, generator):
            if step == steps:
                break
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * rate(step, int(steps))
            batch = ids[rows, : int(windows.lengths[rows].max())]
            hidden = at_random(batch.expand(model.members, -1, -1), config.mask_ratio, generator)
            pull = config.hypersphere if step >= steps_an_epoch else 0.0  # in the first pass there is no centre yet
            seen.append(one_step(model, optimizer, batch, hidden, weights[:, rows], pull, config.clip, kind))
            step += 1
        set_centre(model, windows, weights, config)
        losses = Losses(*(sum(values) / len(seen) for values in zip(*seen, strict=True)))
        progress(step, int(steps), f"loss {losses.key:.3f}, distance {losses.distance:.3f}")
    return {
        "loss": losses.key,
        "distance": losses.distance,
        "steps": float(step),
        "distinct_windows": float(len(ids)),
        "seconds": time.perf_counter() - began,
    }


def one_step(
    model: LogBert,
    optimizer: torch.optim.Optimizer,
    ids: Tensor,
    hidden: Tensor,
    weights: Tensor,
    pull: float,
    limit: float,
    kind: Kind,
) -> Losses:
    """One step on a padded batch `ids` [B, S], of which each member guesses what is `hidden` [M, B, S].

    `weights` [M, B] say how much a window counts, `pull` how much the distance to the centre counts beside the key loss;
    `limit` is the longest gradient of a member. Products are of the `kind`; both losses are summed in float32.
    """
    rows = ids.expand(model.members, -1, -1)
    with products(ids.device.type, kind):
        representations = model.encode(rows.masked_fill(hidden, MASK), padded=True)
        logits = model.logits(representations)
    surprise = F.cross_entropy(logits.float().flatten(0, 2), rows.flatten(), reduction="none").view_as(hidden)
    key = weighted_mean(surprise, weights[:, :, None] * hidden)  # [M]
    distance = weighted_mean(model.distance(representations.float())[..., None], weights[:, :, None])  # [M]
    optimizer.zero_grad()
    # Members share no weight, so the gradient of the sum is every member's own gradient.
    (key + pull * distance).sum().backward()
    clip(list(model.parameters()), limit)
    optimizer.step()
    return Losses(float(key.detach().mean()), float(distance.detach().mean()))


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """[M, B, S] -> [M]; a member whose sample holds none of the batch gets 0."""
    return (values * weights).sum((1, 2)) / weights.sum((1, 2)).clamp(min=1e-9)


def clip(parameters: Sequence[nn.Parameter], limit: float) -> None:
    """Shorten each member's gradient to the limit, whatever the others' are."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    length = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()  # [M]
    factor = (limit / length.clamp(min=1e-12)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.ndim - 1)))


def rate(step: int, steps: int) -> float:
    """Share of the highest learning rate: a straight rise over the first tenth, then half a cosine down to 0."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def batches(lengths: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Every row once, in random batches of nearly equal lengths: rows are sorted by length inside random pools."""
    order = torch.randperm(len(lengths), generator=generator)
    pools = [pool[lengths[pool].argsort(stable=True)] for pool in order.split(8 * size)]
    cut = [batch for pool in pools for batch in pool.split(size)]
    for number in torch.randperm(len(cut), generator=generator).tolist():
        yield cut[number]


@torch.no_grad()
def set_centre(model: LogBert, windows: Windows, weights: Tensor, config: Config) -> None:
    """Each member's centre: the mean BEGIN representation of its sample, under the masks and in the float32 of scoring."""
    total = torch.zeros_like(model.centre)
    model.eval()
    for length in windows.lengths.unique().tolist():
        for rows in (windows.lengths == length).nonzero()[:, 0].split(config.batch):
            copies = complementary(windows.ids[rows, :length].to(config.device), CENTRE_STRIDE)
            begin = model.encode(copies.masked[None], copies.asked[:, :1])[:, :, 0]  # [M, K * B, W]
            mean = begin.unflatten(1, (-1, len(rows))).mean(1)  # over the copies: [M, B, W]
            total += torch.einsum("mbw,mb->mw", mean, weights[:, rows])
    model.centre.copy_(total / weights.sum(1, keepdim=True))
    model.train()
