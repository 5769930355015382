"""Writes what a next-key model leaves behind: an ONNX graph and a probe.

The graph takes `context` int64 [rows, history] and `truth` int64 [rows], and answers for each row

- `rank` int32 [rows]: how many keys have a logit strictly greater than the true key's;
- `surprise` float32 [rows]: -log of the true key's probability, nats;
- `expected` int64 [rows, 3]: the three likeliest keys, the likeliest first.

Operators of the default domain only, no external data, no paths. The metadata say `detector`, `history`, `keys` and `max_length`.
The probe is a `.npz` of `context` and `truth` and of torch's `rank` int32, `surprise` float32 and `ties` int32 [rows]: how many
other keys have a logit within `NEAR` of the true key's, by which a rank may differ on another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from logsentry.errors import TrainingError
from logsentry.learn.classifier.graph import finished
from logsentry.learn.graph_nodes import Nodes
from logsentry.learn.logbert.probe import NEAR, save
from logsentry.learn.logbert.train import check
from logsentry.learn.next_key.graph import answering
from logsentry.sdk import Graph, Part
from logsentry.text.contexts import contexts_of, distinct

MODEL, PROBE = "model.onnx", "probe.npz"
ROWS = 64
"""Distinct contexts in a probe, spread over all that its windows hold."""


class Trained(NamedTuple):
    """A network from contexts `[rows, history]` to logits `[rows, keys]`, and from how many predictions it was learnt.

    `written` says the same in nodes of an ONNX graph, from its input `context` on, and answers the name of the logits.
    """

    net: nn.Module
    written: Callable[[Nodes], str]
    keys: int
    history: int
    predictions: int


class Answering(nn.Module):
    """The network with the answers that the graph gives."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, context: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = self.net(context)  # [rows, keys]
        true = logits.gather(1, truth[:, None])
        rank = (logits > true).sum(1, dtype=torch.int32)
        return rank, logits.logsumexp(1) - true[:, 0], logits.topk(3).indices


def write(trained: Trained, detector: str, folder: Path, probe: Sequence[Sequence[int]], max_length: int) -> Part:
    """The files `model.onnx` and `probe.npz`, and the part that they make."""
    for window in probe:
        check(window, trained.keys, max_length)
    folder.mkdir(parents=True, exist_ok=True)
    write_probe(trained, probe, folder / PROBE)
    n = Nodes(trained.net)
    graph = answering(n, trained.written(n), trained.history)
    about = {"detector": detector, "history": trained.history, "keys": trained.keys, "max_length": max_length}
    (folder / MODEL).write_bytes(finished(graph, {name: str(value) for name, value in about.items()}))
    settings = {"history": trained.history, "predictions": trained.predictions}
    return Part(detector, "next-key", (Graph(MODEL),), probe=PROBE, settings=settings)


@torch.no_grad()
def write_probe(trained: Trained, windows: Sequence[Sequence[int]], path: Path) -> None:
    """Choose contexts, ask torch, and write the file; raises `TrainingError` where there is no window."""
    pairs = distinct(contexts_of(windows, trained.history)).rows
    if not len(pairs):
        raise TrainingError("the probe holds no window; give at least one")
    chosen = torch.from_numpy(pairs[:: -(-len(pairs) // ROWS)].copy())
    context, truth = chosen[:, :-1].contiguous(), chosen[:, -1].contiguous()
    logits = trained.net(context)
    ties = ((logits - logits.gather(1, truth[:, None])).abs() < NEAR).sum(1, dtype=torch.int32) - 1
    rank, surprise, _ = Answering(trained.net)(context, truth)
    arrays = {"context": context, "truth": truth, "rank": rank, "surprise": surprise, "ties": ties}
    save(path, {name: value.numpy() for name, value in arrays.items()})
