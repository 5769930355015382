"""One optimizer step out of several forward passes, done here or by Hugging Face accelerate; both take the same steps."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from logsentry.errors import MissingExtra
from logsentry.learn.classifier.settings import Training


class Steps(Protocol):
    """Takes exactly `accumulate` losses and makes one step along the mean of their gradients; answers the mean loss."""

    def step(self, losses: Iterable[Callable[[], Tensor]]) -> float: ...


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, config: Training) -> Steps:
    """Raises `MissingExtra` where accelerate is asked for and not installed."""
    return Own(model, optimizer, config) if config.loop == "own" else Accelerated(model, optimizer, config)


class Own:
    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, config: Training) -> None:
        self.parameters, self.optimizer, self.config = list(model.parameters()), optimizer, config

    def step(self, losses: Iterable[Callable[[], Tensor]]) -> float:
        total = 0.0
        for make in losses:
            loss = make() / self.config.accumulate
            loss.backward()
            total += float(loss.detach())
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total


class Accelerated:
    """One process on one device. Precision stays with the caller's autocast, so that both loops compute alike."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, config: Training) -> None:
        self.accelerator, self.config = accelerator(config), config
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)

    def step(self, losses: Iterable[Callable[[], Tensor]]) -> float:
        total = 0.0
        for make in losses:
            with self.accelerator.accumulate(self.model):
                loss = make()
                self.accelerator.backward(loss)  # which divides by `accumulate`
                total += float(loss.detach()) / self.config.accumulate
                if self.accelerator.sync_gradients and self.config.clip:
                    self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip)
                self.optimizer.step()
                self.optimizer.zero_grad()
        return total


def accelerator(config: Training) -> Any:
    try:
        accelerate = importlib.import_module("accelerate")
    except ImportError as missing:
        raise MissingExtra(
            "the setting loop: accelerate needs the package accelerate; run `pip install accelerate`, or set loop to own"
        ) from missing
    return accelerate.Accelerator(gradient_accumulation_steps=config.accumulate, cpu=config.device == "cpu")
