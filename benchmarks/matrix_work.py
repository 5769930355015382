"""How much a LogBERT multiplies, what a device could at best, and what a stretch of work took in time and memory.

Only matrix products are counted, from the shapes as they come: two operations for a multiplication and its addition, and a backward
pass as twice the forward one. Positions that only pad are computed, and so they count.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from logsentry.learn.logbert.model import Layer, Linear, LogBert

PEAK = {
    "NVIDIA H200": {"bf16": 989.4e12, "fp32": 66.9e12},
    "NVIDIA H100 80GB HBM3": {"bf16": 989.4e12, "fp32": 66.9e12},
    "NVIDIA A100-SXM4-80GB": {"bf16": 312e12, "fp32": 19.5e12},
    "NVIDIA A100-SXM4-40GB": {"bf16": 312e12, "fp32": 19.5e12},
    "NVIDIA A100 80GB PCIe": {"bf16": 312e12, "fp32": 19.5e12},
}
"""Operations a second, without sparsity, by the device's name in torch. Sources: the white papers "NVIDIA H100 Tensor Core GPU
Architecture" (SXM5; the H200 has the same chip) and "NVIDIA A100 Tensor Core GPU Architecture". fp32 is that of the plain units, for
torch rounds no float32 product to TF32 unless it is told to."""


class Work:
    """The operations of a model's products since it was made; `operations` may be set back to 0."""

    def __init__(self, model: LogBert) -> None:
        self.operations = 0
        for layer in model.layers:
            layer.register_forward_pre_hook(lambda layer, given: self._layer(layer, *given))
        model.head.register_forward_pre_hook(lambda head, given: self._add(head, given[0].numel() * head.weight.shape[2]))

    def _layer(self, layer: Layer, x: Tensor, visible: Tensor | None, asked: Tensor | None = None) -> None:
        """Queries, output and feed-forward part are of the A positions asked, keys and values of all S."""
        members, rows, length, width = x.shape
        at = length if asked is None else asked.shape[1]
        dense = 2 * length * width**2 + 2 * at * width**2 + 2 * at * width * layer.wide.weight.shape[2]
        self._add(layer, members * rows * (dense + 2 * at * length * width))

    def _add(self, of: Layer | Linear, products: int) -> None:
        self.operations += 2 * products * (3 if of.training else 1)


class Taken:
    """Seconds, and bytes at the peak: what torch held on a GPU, or what this process ever had on a CPU."""

    seconds = 0.0
    memory = 0


@contextmanager
def timed(device: str) -> Iterator[Taken]:
    """Filled in at the end; a GPU's queue is waited for before and after."""
    taken = Taken()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    yield taken
    if device == "cuda":
        torch.cuda.synchronize()
    taken.seconds = time.perf_counter() - began
    of_process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    taken.memory = torch.cuda.max_memory_allocated() if device == "cuda" else of_process
