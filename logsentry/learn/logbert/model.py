"""LogBERT (Guo, Yuan, Wu 2021, arXiv 2103.04475): a transformer that guesses hidden log keys, with members side by side.

Every weight has a member axis in front, so that one matrix product does the work of all members; with one member this is plain
LogBERT. Members never see each other: a member alone gives the same answers. The BEGIN position plays the part of the paper's
DIST token: its representation is pulled towards the member's centre. The losses and how the model is fed are in `train`.

Layer norms have no gain and bias of their own: the linear map that follows each of them takes in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logsentry.text.vocabulary import PAD

LEAST = 1e-20
"""Probabilities are not told apart below this: no surprise is above 46 nats, and none is infinite."""


class Size(NamedTuple):
    """What fixes the shapes of the weights."""

    keys: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    max_length: int


class Answer(NamedTuple):
    """What M members say of N rows, each asked at A positions, of which the first is BEGIN."""

    ranks: Tensor  # int32 [M, N, A]: how many keys have a logit strictly greater than the true key's
    surprise: Tensor  # float [M, N, A]: -log of the true key's probability, nats
    distance: Tensor  # float [M, N]: squared distance of the BEGIN representation to the member's centre
    probability: Tensor  # float [M, N, A, keys]: of each key


class Linear(nn.Module):
    """x [M, rows, inner] -> [M, rows, outer], with a matrix and a bias a member."""

    def __init__(self, members: int, inner: int, outer: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inner, outer))
        self.bias = nn.Parameter(torch.zeros(members, 1, outer))
        for matrix in self.weight.data:
            nn.init.xavier_uniform_(matrix)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class Layer(nn.Module):
    """Pre-norm attention and feed-forward; answers only at the `asked` positions, which spares most of the last layer."""

    def __init__(self, members: int, size: Size, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = size.heads, dropout
        self.query = Linear(members, size.width, size.width)
        self.key = Linear(members, size.width, size.width)
        self.value = Linear(members, size.width, size.width)
        self.output = Linear(members, size.width, size.width)
        self.wide = Linear(members, size.width, size.feed_forward)
        self.narrow = Linear(members, size.feed_forward, size.width)

    def forward(self, x: Tensor, visible: Tensor | None, asked: Tensor | None = None) -> Tensor:
        """x [M, N, S, W], visible bool [M, N, S] or None for all, asked [N, A] or None for all -> [M, N, A, W]."""
        normed = norm(x)
        keys = self.key(normed.flatten(1, 2)).unflatten(1, x.shape[1:3])  # [M, N, S, W]
        values = self.value(normed.flatten(1, 2)).unflatten(1, x.shape[1:3])
        if asked is not None:
            x, normed = pick(x, asked), pick(normed, asked)  # [M, N, A, W]
        queries = self.query(normed.flatten(1, 2)).unflatten(1, x.shape[1:3])  # [M, N, A, W]
        mixed = self.attend(queries, keys, values, visible)
        x = x + self.drop(self.output(mixed.flatten(1, 2))).unflatten(1, x.shape[1:3])
        return x + self.drop(self.narrow(F.gelu(self.wide(norm(x).flatten(1, 2))))).unflatten(1, x.shape[1:3])

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor, visible: Tensor | None) -> Tensor:
        q, k, v = (t.flatten(0, 1).unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (queries, keys, values))
        mask = None if visible is None else visible.flatten(0, 1)[:, None, None]  # [M * N, 1, 1, S]
        mixed = F.scaled_dot_product_attention(q, k, v, mask)  # [M * N, heads, A, W / heads]
        return mixed.transpose(1, 2).flatten(2).unflatten(0, queries.shape[:2])  # [M, N, A, W]

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class LogBert(nn.Module):
    """M members over one vocabulary. `centre` [M, W] is each member's mean BEGIN representation, kept as a buffer."""

    centre: Tensor
    places: Tensor

    def __init__(self, members: int, size: Size, dropout: float = 0.0) -> None:
        super().__init__()
        self.members, self.size, self.dropout = members, size, dropout
        self.embedding = nn.Parameter(torch.randn(members, size.keys, size.width))
        self.layers = nn.ModuleList(Layer(members, size, dropout) for _ in range(size.layers))
        self.head = Linear(members, size.width, size.keys)
        self.register_buffer("places", sinusoids(size.max_length, size.width), persistent=False)
        self.register_buffer("centre", torch.zeros(members, size.width))

    def encode(self, ids: Tensor, asked: Tensor | None = None, padded: bool = False) -> Tensor:
        """ids [M or 1, N, S] -> representations [M, N, S, W], or [M, N, A, W] at the positions asked [N, A].

        With `padded`, positions that hold PAD are seen by no other.
        """
        shift = self.size.keys * torch.arange(self.members, device=ids.device)[:, None, None]
        x = F.embedding(ids + shift, self.embedding.flatten(0, 1)) + self.places[: ids.shape[-1]]  # [M, N, S, W]
        visible = (ids != PAD).expand(self.members, -1, -1) if padded else None
        for number, layer in enumerate(self.layers, 1):
            x = layer(x, visible, asked if number == len(self.layers) else None)
        return norm(x)

    def logits(self, representations: Tensor) -> Tensor:
        """[M, N, A, W] -> [M, N, A, keys]"""
        return self.head(representations.flatten(1, 2)).unflatten(1, representations.shape[1:3])

    def forward(self, masked: Tensor, asked: Tensor, truth: Tensor) -> Answer:
        """Rows of one length as `masking.complementary` makes them: [N, S], [N, A], [N, A]."""
        representations = self.encode(masked[None], asked)
        logits = self.logits(representations)  # [M, N, A, keys]
        probability = logits.softmax(-1)
        at_truth = truth[None, :, :, None].expand(self.members, -1, -1, 1)
        return Answer(
            (logits > logits.gather(-1, at_truth)).sum(-1, dtype=torch.int32),
            -probability.gather(-1, at_truth)[..., 0].clamp(min=LEAST).log(),
            self.distance(representations),
            probability,
        )

    def distance(self, representations: Tensor) -> Tensor:
        """[M, N, A, W], the first of A being BEGIN -> squared distance to the centre [M, N]"""
        return (representations[:, :, 0] - self.centre[:, None]).square().sum(-1)

    def member(self, number: int) -> LogBert:
        """One member as a model of its own, with a copy of its weights."""
        alone = LogBert(1, self.size, self.dropout)
        alone.load_state_dict({name: value[number : number + 1].clone() for name, value in self.state_dict().items()})
        return alone.train(self.training)


def side_by_side(models: Sequence[LogBert]) -> LogBert:
    """The members of several models as one."""
    if len(models) == 1:
        return models[0]
    one = LogBert(sum(model.members for model in models), models[0].size, models[0].dropout)
    states = [model.state_dict() for model in models]
    one.load_state_dict({name: torch.cat([state[name] for state in states]) for name in states[0]})
    return one.eval()


def norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def pick(x: Tensor, asked: Tensor) -> Tensor:
    """x [M, N, S, W] at the positions asked [N, A] -> [M, N, A, W]; whole rows are copied, which is cheap on a CPU."""
    row = torch.arange(x.shape[1], device=x.device)[:, None] * x.shape[2] + asked  # [N, A]
    return x.flatten(1, 2).index_select(1, row.flatten()).unflatten(1, asked.shape)


def sinusoids(length: int, width: int) -> Tensor:
    """Position embeddings [length, width] as in Vaswani et al. 2017, section 3.5: sines in even places, cosines in odd ones."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(length)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width]
