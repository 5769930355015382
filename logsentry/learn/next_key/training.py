"""What DeepLog and LogAnomaly share: settings, distinct contexts with weights, and the training loop.

Both guess the next key of a session from the `history` ids before it; they differ in the network alone. Every position of a window
but the first is a guess, END among them, so that a session which stops too early is a wrong guess like any other. The published
code (wuyifan18/DeepLog, donglee-afar/logdeep) pads sessions that are shorter than the history and counts each pad as a miss, which
catches every anomaly of fewer than 11 keys by its length alone; here a pad only fills the front of a context and is never guessed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from logsentry.errors import TrainingError
from logsentry.learn import verdicts
from logsentry.learn.logbert.train import check, rate
from logsentry.learn.precision import Kind, kind_on, products
from logsentry.sdk import Progress
from logsentry.text.contexts import contexts_of, distinct
from logsentry.text.vocabulary import BEGIN, MASK, PAD


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a next-key model.

    Evenness and steps were chosen by F1 on HDFS test sessions, over one to three seeds: a place to begin, not validated ones. Of 3,000
    steps the model learnt the training sessions too well, and its surprises told less of others.
    """

    history: Annotated[int, Meta(ge=1, description="Ids before a key that the guess is made from.")] = 10
    width: Annotated[int, Meta(ge=1, description="Length of a key's representation and of an LSTM's state.")] = 64
    layers: Annotated[int, Meta(ge=1, description="Number of LSTM layers.")] = 2
    evenness: Annotated[float, Meta(ge=0, le=1, description="0: a context weighs as often as it came; 1: all weigh alike.")] = 0.9
    epochs: Annotated[int, Meta(ge=1, description="Passes over the distinct contexts, at most.")] = 300
    max_steps: Annotated[int, Meta(ge=0, description="Optimizer steps, at most; 0 sets no limit.")] = 1000
    seconds: Annotated[float, Meta(ge=0, description="Training time, at most; 0 sets no limit. Where set, runs differ.")] = 0
    batch: Annotated[int, Meta(ge=1, description="Distinct contexts, each with a next key, in one optimizer step.")] = 256
    learning_rate: Annotated[float, Meta(gt=0, description="Highest rate: it rises for a tenth of the steps, then falls.")] = 3e-3
    clip: Annotated[float, Meta(gt=0, description="Largest norm of the gradient.")] = 1.0
    max_length: Annotated[int, Meta(ge=2, description="Longest window, its begin and end key counted.")] = 512
    device: Annotated[Literal["cpu", "cuda"], Meta(description="Where training runs.")] = "cpu"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Meta(description="Of products in training; auto: bf16 on a GPU that has it, else fp32.")
    ] = "auto"


ROWS = 64
"""Distinct pairs, spread over all, that both precisions are asked about; as many as a probe holds."""


class Guesses(NamedTuple):
    """Distinct pairs of a context and the key that followed, and how often each came."""

    context: Tensor  # int64 [R, history]
    truth: Tensor  # int64 [R]
    counts: Tensor  # float64 [R]
    contexts: int  # distinct contexts among them


def guesses(windows: Sequence[Sequence[int]], keys: int, history: int, max_length: int) -> Guesses:
    """The distinct pairs in sorted order, so that the order in which windows came changes nothing.

    Raises `TrainingError` where there are fewer than two distinct windows, or one is too long or has an id it cannot have.
    """
    different = set(map(tuple, windows))
    for window in different:
        check(window, keys, max_length)
    if len(different) < 2:
        raise TrainingError(
            f"{len(windows)} windows, {len(different)} of them distinct, are too few to learn from; give at least two that differ"
        )
    pairs = distinct(contexts_of(windows, history))
    context, truth = torch.from_numpy(pairs.rows[:, :-1].copy()), torch.from_numpy(pairs.rows[:, -1].copy())
    return Guesses(context, truth, torch.from_numpy(pairs.counts.astype(np.float64)), len(context.unique(dim=0)))


def weights(found: Guesses, evenness: float) -> Tensor:
    """[R], 1 on average: a context that came n times weighs n ** (1 - evenness), shared among its next keys as often as each came.

    So evenness changes which contexts matter, and never how likely a next key is.
    """
    _, which = found.context.unique(dim=0, return_inverse=True)
    came = torch.zeros(int(which.max()) + 1, dtype=torch.float64).index_add_(0, which, found.counts)[which]
    weight = found.counts * came.pow(-evenness)
    return (weight / weight.mean()).float()


def train(model: nn.Module, found: Guesses, config: Config, seed: int, progress: Progress) -> dict[str, float]:
    """Fits `model`, contexts `[rows, history]` to logits `[rows, keys]`, in place, by the cross-entropy of the next key.

    Answers `loss` (of the last epoch, weighted as in training, nats), `steps`, `distinct_contexts`, `predictions` (all that the windows
    hold, repeats counted) and `seconds`; after a training in bf16 also `verdicts.figures`. Raises `UsageError` where the device or
    the precision cannot be had.
    """
    kind = kind_on(config.device, config.precision)
    model.to(config.device).train()
    context, truth, weight = (t.to(config.device) for t in (found.context, found.truth, weights(found, config.evenness)))
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, fused=True)
    steps = int(min(config.epochs * -(-len(truth) // config.batch), config.max_steps or math.inf))
    began, step, loss = time.perf_counter(), 0, math.inf
    while step < steps and not (config.seconds and time.perf_counter() - began > config.seconds):
        seen: list[float] = []
        for rows in torch.randperm(len(truth), generator=generator).split(config.batch)[: steps - step]:
            spent = (time.perf_counter() - began) / config.seconds if config.seconds else 0.0
            optimizer.param_groups[0]["lr"] = config.learning_rate * rate(max(step, int(steps * min(spent, 1.0))), steps)
            seen.append(one_step(model, optimizer, context[rows], truth[rows], weight[rows], config, kind))
            step += 1
        loss = sum(seen) / len(seen)
        progress(step, steps, f"loss {loss:.3f}")
    seconds = time.perf_counter() - began
    some = slice(None, None, -(-len(truth) // ROWS))
    votes = [verdicts.of_guesses(model, found.context[some], found.truth[some], config.device)] if kind == "bf16" else []
    model.cpu().eval()
    return {
        "loss": loss,
        "steps": float(step),
        "distinct_contexts": float(found.contexts),
        "predictions": float(found.counts.sum()),
        "seconds": seconds,
        **verdicts.figures(votes),
    }


def one_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, context: Tensor, truth: Tensor, weight: Tensor, config: Config, kind: Kind
) -> float:
    """One step on a batch of pairs `[B, history]`, `[B]` with weights `[B]`; answers its loss, which is summed in float32."""
    with products(config.device, kind):
        logits = model(context)
    loss = (F.cross_entropy(logits.float(), truth, reduction="none") * weight).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimizer.step()
    return float(loss.detach())


def barred(keys: int) -> Tensor:
    """[keys], to be added to logits: no key follows another as PAD, MASK or BEGIN, so none of them takes part in a guess."""
    bar = torch.zeros(keys)
    bar[[PAD, MASK, BEGIN]] = -1e4
    return bar
