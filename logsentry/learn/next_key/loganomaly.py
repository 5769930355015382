"""The detector `loganomaly` (Meng et al., IJCAI 2019, section 3.3): what the last templates mean, and how often each came.

One LSTM reads the vectors of a context's templates, another its counts; attention over the states of each, and both together guess the
next key. What differs from the paper: vectors of templates know shared words alone, not synonyms and antonyms (`template_vectors`),
and are learned on from there; a count vector covers the context up to a position instead of a window before it, and is mapped
to the width of the states; templates new at run time are unknown events instead of being matched to the nearest known one.
Without texts or a file the vectors begin at random, and the first LSTM is DeepLog's with attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import torch
from msgspec import Meta
from onnx import TensorProto
from torch import Tensor, nn

from logsentry.errors import TrainingError
from logsentry.learn.graph_nodes import Nodes
from logsentry.learn.logbert.ensemble import repeatable
from logsentry.learn.next_key import template_vectors
from logsentry.learn.next_key import training as next_key
from logsentry.learn.next_key.export import Trained, write
from logsentry.learn.next_key.graph import last, lstm
from logsentry.learn.precision import kind_on
from logsentry.sdk import Part, Progress
from logsentry.text.vocabulary import FIRST_KEY, PAD


class Settings(next_key.Config, frozen=True, forbid_unknown_fields=True):
    """Settings of LogAnomaly: those of a next-key model, and where the vectors of its templates come from."""

    vectors: Annotated[str, Meta(description="JSON file, number -> vector; empty: from the templates' words, or at random.")] = ""
    first_id: Annotated[int, Meta(ge=0, description="The id whose vector the file has under the number 0.")] = FIRST_KEY


class Net(nn.Module):
    """Contexts int64 `[rows, history]` to logits `[rows, keys]`; `vectors` `[keys, any]` are what keys mean, to begin with."""

    bar: Tensor
    counted: Tensor

    def __init__(self, vectors: Tensor, width: int, layers: int) -> None:
        super().__init__()
        keys = len(vectors)
        self.vectors = nn.Parameter(vectors.clone())
        self.steps = nn.Embedding(keys, width)
        self.meaning = nn.LSTM(vectors.shape[1], width, layers, batch_first=True)
        self.counts = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Linear(2 * width, keys)
        self.register_buffer("bar", next_key.barred(keys), persistent=False)
        self.register_buffer("counted", (torch.arange(keys) != PAD).float()[:, None], persistent=False)

    def forward(self, context: Tensor) -> Tensor:
        meant, _ = self.meaning(self.vectors[context])  # [rows, history, width]
        # A linear map of count vectors is the running sum of its columns for the keys that came.
        came = (self.steps.weight * self.counted)[context].cumsum(1) / context.shape[1] ** 0.5
        numbers, _ = self.counts(came)  # [rows, history, width]
        return self.head(torch.cat([attended(meant), attended(numbers)], 1)) + self.bar

    def written(self, n: Nodes) -> str:
        """`forward` in ONNX."""
        vectors = n.constant("vectors", self.vectors.detach().cpu().numpy())
        meant = lstm(n, "meaning", self.meaning, n("Gather", vectors, "context"))
        steps = n.constant("steps.counted", (self.steps.weight * self.counted).detach().cpu().numpy())
        came = n("CumSum", n("Gather", steps, "context"), n.whole("time", 1))
        history = n("Cast", n("Shape", "context", start=1, end=2), to=TensorProto.FLOAT)
        numbers = lstm(n, "counts", self.counts, n("Div", came, n("Sqrt", history)))
        both = n("Concat", *(attending(n, states, self.meaning.hidden_size) for states in (meant, numbers)), axis=1)
        return n("Add", n.linear(both, "head"), n.constant("bar", self.bar.cpu().numpy()))


def attended(states: Tensor) -> Tensor:
    """[rows, history, width] -> [rows, width]: the last state, and the mean of all, each by how well it fits the last."""
    newest = states[:, -1]
    share = ((states @ newest[:, :, None]) / states.shape[2] ** 0.5).softmax(1)  # [rows, history, 1]
    return newest + (share * states).sum(1)


def attending(n: Nodes, states: str, width: int) -> str:
    """`attended` in ONNX."""
    newest = last(n, states)
    fit = n("MatMul", states, n("Unsqueeze", newest, n.ints("behind", 2)))
    share = n("Softmax", n("Div", fit, n.floats("root", width**0.5)), axis=1)
    return n("Add", newest, n("ReduceSum", n("Mul", share, states), n.ints("times", 1), keepdims=0))


class LogAnomaly:
    """It satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[Settings]] = Settings

    def __init__(self, config: Settings) -> None:
        kind_on(config.device, config.precision)  # raises where the machine has not got it
        self.config = config
        self.texts: Sequence[str] = ()
        self.trained: Trained | None = None

    @property
    def max_length(self) -> int:
        return self.config.max_length

    def told(self, texts: Sequence[str]) -> None:
        """Optional, before `fit`: the template text of every id, from which the vectors are made unless the config names a file."""
        self.texts = texts

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """The same windows and seed give the same weights on one machine and number of threads; figures as in `training.train`.

        Raises `TrainingError` for too few windows, too long ones and ids out of range, `UsageError` for a bad file of vectors.
        """
        found = next_key.guesses(windows, keys, self.config.history, self.config.max_length)
        with repeatable(seed):
            net = Net(self._vectors(keys), self.config.width, self.config.layers)
            figures = next_key.train(net, found, self.config, seed, progress)
        self.trained = Trained(net, net.written, keys, self.config.history, int(figures["predictions"]))
        return figures

    def _vectors(self, keys: int) -> Tensor:
        """[keys, any]; what no text and no list speaks of begins at random, the special ids always."""
        table = torch.randn(keys, self.config.width)
        if self.config.vectors:
            table = template_vectors.of_file(self.config.vectors, self.config.first_id, keys)
        elif len(self.texts) == keys:
            table = template_vectors.of_texts(self.texts, self.config.width)
        silent = (table == 0).all(1)
        silent[:FIRST_KEY] = True
        return torch.where(silent[:, None], torch.randn(table.shape), table)

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """Write the graph and the probe; the same weights and probe windows give the same bytes."""
        if self.trained is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        return [write(self.trained, "loganomaly", folder, probe, self.config.max_length)]
