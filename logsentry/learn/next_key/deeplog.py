"""The detector `deeplog` (Du, Li, Zheng, Srikumar, CCS 2017, section 3.1): an LSTM that guesses the next log key.

The defaults are the paper's: two layers of 64 units over the last 10 keys. It feeds keys one-hot; here each has a learned vector,
which is the same map. Left out are the model of parameter values and the workflow models (sections 3.2 and 4). The paper trains with
plain counts (`evenness` 0) and calls a key anomalous that is not among the g likeliest; what speaks against a window here, and from
where on, is for the judge and the calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from logsentry.errors import TrainingError
from logsentry.learn.graph_nodes import Nodes
from logsentry.learn.logbert.ensemble import repeatable
from logsentry.learn.next_key import training as next_key
from logsentry.learn.next_key.export import Trained, write
from logsentry.learn.next_key.graph import last, lstm
from logsentry.learn.precision import kind_on
from logsentry.sdk import Part, Progress


class Net(nn.Module):
    """Contexts int64 `[rows, history]` to logits `[rows, keys]`."""

    bar: Tensor

    def __init__(self, keys: int, width: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(keys, width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Linear(width, keys)
        self.register_buffer("bar", next_key.barred(keys), persistent=False)

    def forward(self, context: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(context))  # [rows, history, width]
        return self.head(states[:, -1]) + self.bar

    def written(self, n: Nodes) -> str:
        """`forward` in ONNX."""
        states = lstm(n, "lstm", self.lstm, n("Gather", n.weight("embedding.weight"), "context"))
        return n("Add", n.linear(last(n, states), "head"), n.constant("bar", self.bar.cpu().numpy()))


class DeepLog:
    """It satisfies `logsentry.sdk.Detector`."""

    Config: ClassVar[type[next_key.Config]] = next_key.Config

    def __init__(self, config: next_key.Config) -> None:
        kind_on(config.device, config.precision)  # raises where the machine has not got it
        self.config = config
        self.trained: Trained | None = None

    @property
    def max_length(self) -> int:
        return self.config.max_length

    def fit(self, windows: Sequence[Sequence[int]], keys: int, *, seed: int, progress: Progress) -> dict[str, float]:
        """The same windows and seed give the same weights on one machine and number of threads; figures as in `training.train`.

        Raises `TrainingError` for too few windows, too long ones and ids out of range.
        """
        found = next_key.guesses(windows, keys, self.config.history, self.config.max_length)
        with repeatable(seed):
            net = Net(keys, self.config.width, self.config.layers)
            figures = next_key.train(net, found, self.config, seed, progress)
        self.trained = Trained(net, net.written, keys, self.config.history, int(figures["predictions"]))
        return figures

    def export(self, folder: Path, probe: Sequence[Sequence[int]]) -> Sequence[Part]:
        """Write the graph and the probe; the same weights and probe windows give the same bytes."""
        if self.trained is None:
            raise TrainingError("the detector has not been fitted, so there is nothing to export; call fit first")
        return [write(self.trained, "deeplog", folder, probe, self.config.max_length)]
