"""What a person can set of the detector `logbert-ensemble`, with the meaning of each field."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from logsentry.errors import UsageError


def groups_of(members: int) -> tuple[int, ...]:
    """Vote groups: the smallest majority first, then the rest in at most three; 25 -> 13, 4, 4, 4.

    Once a majority agrees the others cannot change the verdict, so most windows need the first group alone.
    """
    majority = members // 2 + 1
    rest = members - majority
    size = max(1, -(-rest // 3))
    return (majority, *(min(size, rest - done) for done in range(0, rest, size)))


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one ensemble.

    The defaults were chosen by F1 on HDFS test sessions (`docs/measured.md`), over few seeds: a place to begin, not validated ones.
    """

    members: Annotated[int, Meta(ge=1, description="Number of models that vote; 1 is plain LogBERT on all windows.")] = 9
    width: Annotated[int, Meta(ge=1, description="Length of a key's representation.")] = 128
    layers: Annotated[int, Meta(ge=1, description="Number of transformer layers.")] = 2
    heads: Annotated[int, Meta(ge=1, description="Attention heads a layer; they divide the width.")] = 4
    feed_forward: Annotated[int, Meta(ge=0, description="Inner width of the feed-forward part; 0 is twice the width.")] = 0
    dropout: Annotated[float, Meta(ge=0, lt=1, description="Share of each layer's output that is dropped in training.")] = 0.0
    mask_ratio: Annotated[float, Meta(gt=0, le=1, description="Share of a window's keys that is hidden in training.")] = 0.4
    hypersphere: Annotated[float, Meta(ge=0, description="Weight of the distance to the centre beside the key loss.")] = 0.1
    sample: Annotated[
        Literal["bootstrap", "bayesian"],
        Meta(description="A member's windows: drawn with replacement, or all of them with random weights."),
    ] = "bayesian"
    evenness: Annotated[float, Meta(ge=0, le=1, description="0: a window weighs as often as it came; 1: all weigh alike.")] = 0.75
    epochs: Annotated[int, Meta(ge=1, description="Passes over the distinct training windows, at most.")] = 200
    max_steps: Annotated[int, Meta(ge=0, description="Optimizer steps, at most; 0 sets no limit.")] = 2000
    seconds: Annotated[float, Meta(ge=0, description="Training time, at most; 0 sets no limit. If met, runs differ.")] = 0
    batch: Annotated[int, Meta(ge=1, description="Distinct windows in one optimizer step.")] = 32
    learning_rate: Annotated[float, Meta(gt=0, description="Highest rate: it rises for a tenth of the steps, then falls.")] = 1e-3
    weight_decay: Annotated[float, Meta(ge=0, description="AdamW's decay of the weights.")] = 0.01
    clip: Annotated[float, Meta(gt=0, description="Largest norm of one member's gradient.")] = 1.0
    max_length: Annotated[int, Meta(ge=2, description="Longest window, its begin and end key counted.")] = 512
    together: Annotated[int, Meta(ge=0, description="Members trained at once, which bounds memory; 0 is all of them.")] = 0
    groups: Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(description="Vote groups; empty: a majority first.")] = ()
    member_axis_graph: Annotated[bool, Meta(description="Also write a graph with a member axis, for GPUs.")] = False
    int8: Annotated[bool, Meta(description="Also write a graph with 8-bit weights.")] = False
    device: Annotated[Literal["cpu", "cuda"], Meta(description="Where training runs.")] = "cpu"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Meta(description="Of products in training; auto: bf16 on a GPU that has it, else fp32.")
    ] = "auto"

    @property
    def inner(self) -> int:
        return self.feed_forward or 2 * self.width

    @property
    def batches_of_members(self) -> tuple[int, ...]:
        """How many members are trained at once, one batch after another."""
        size = self.together or self.members
        return tuple(min(size, self.members - done) for done in range(0, self.members, size))

    @property
    def vote_groups(self) -> tuple[int, ...]:
        return self.groups or groups_of(self.members)

    def check(self) -> None:
        """Raises `UsageError` where two fields do not fit each other."""
        if self.width % self.heads:
            raise UsageError(f"width {self.width} is not a multiple of heads {self.heads}; choose another of the two")
        if sum(self.vote_groups) != self.members:
            raise UsageError(f"the vote groups {list(self.groups)} hold {sum(self.groups)} members, not {self.members}")
