"""A bag of n-grams that votes beside an encoder: which runs of tokens a row holds, in two readings of it.

An encoder has to learn from some thousand distinct rows what a run of calls means; a bag is told which runs there are and only
learns what each is worth. The *full* reading is the row as it is. The *quiet* reading leaves out bare values (what calls
returned), so that a run spans several calls. Each n-gram counts once a row, weighed by how few training rows hold it, and a row is a
vector of length 1: TF-IDF with presence for frequency (Salton and Buckley 1988). On it stand a weight for each n-gram (the wide part) and a
small perceptron (the deep part), after Cheng et al., DLRS 2016.

n-grams are found through a table of hash buckets that knows whose each bucket is, so that an unknown one is nobody and not somebody else.
How the table is learned is in `grams`, how the weights are in `fit`, and the same in ONNX in `graph`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from logsentry.learn.classifier.encoder import Dropout
from logsentry.learn.encoder_bag.grams import BASE, PRIME, Grams
from logsentry.text.vocabulary import PAD

WIDE = 8.0
"""Steps of the wide part are this much larger than the deep part's: its inputs are far below 1 and its weights begin at 0."""


class Bag(nn.Module):
    """int64 [batch, length], padding anywhere -> logits [batch, classes]."""

    bare: Tensor
    owner: Tensor
    code: Tensor
    rarity: Tensor

    def __init__(self, grams: Grams, bare: Tensor, width: int, classes: int, dropout: float) -> None:
        """`bare` is bool [vocabulary]: the ids of bare values. `width` is that of the perceptron; 0 leaves it out."""
        super().__init__()
        self.full, self.quiet, self.width = grams.full, grams.quiet, width
        self.register_buffer("bare", bare)
        self.register_buffer("owner", torch.from_numpy(grams.owner))
        self.register_buffer("code", torch.from_numpy(grams.code))
        self.register_buffer("rarity", torch.from_numpy(grams.rarity))
        self.wide = nn.Parameter(torch.zeros(len(grams.rarity), classes))
        self.deep = nn.Parameter(torch.randn(len(grams.rarity), width) * 2 / math.sqrt(max(width, 1)))
        self.bias, self.norm = nn.Parameter(torch.zeros(width)), nn.LayerNorm(width)
        self.dropout, self.inner, self.out = Dropout(dropout), nn.Linear(width, width), nn.Linear(width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        held = self.held(ids)
        return self.decide(held @ self.wide, held @ self.deep)

    def held(self, ids: Tensor) -> Tensor:
        """The n-grams that a row holds, as a vector of length 1 each: [batch, n-grams + 1], where the first is nobody's."""
        present = torch.zeros(ids.shape[0], len(self.rarity), device=ids.device)
        present = self.mark(present, ids, self.full, 1)
        if self.quiet:
            present = self.mark(present, quiet(ids, self.bare), self.quiet, 2)
        worth = present * self.rarity
        return worth / worth.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)

    def mark(self, present: Tensor, ids: Tensor, longest: int, begin: int) -> Tensor:
        """`grams.codes` of one reading, looked up and marked as held."""
        longer = F.pad(ids, (0, longest - 1), value=PAD)
        code, whole = torch.full_like(ids, begin), torch.ones_like(ids, dtype=torch.bool)
        for run in range(longest):
            token = longer[:, run : run + ids.shape[1]]
            code, whole = (code * BASE + token) % PRIME, whole & (token != PAD)  # products stay below 2^51
            bucket = code % len(self.owner)
            known = whole & (self.code[bucket] == code)
            present = present.scatter(1, torch.where(known, self.owner[bucket], 0).long(), 1.0)
        return present

    def decide(self, wide: Tensor, deep: Tensor) -> Tensor:
        """Sums over a row's n-grams [batch, classes] and [batch, width] -> [batch, classes]"""
        if not self.width:
            return WIDE * wide + self.out.bias
        hidden = self.dropout(F.gelu(self.norm(deep + self.bias)))
        return WIDE * wide + self.out(self.dropout(F.gelu(self.inner(hidden))))


def quiet(ids: Tensor, bare: Tensor) -> Tensor:
    """A row without bare values and padding; what is left stands together, and padding follows: [batch, length]"""
    return together(ids, (ids != PAD) & ~bare[ids])


def terse(ids: Tensor, bare: Tensor) -> Tensor:
    """The quiet reading with each token once where it came several times in a row."""
    left = quiet(ids, bare)
    before = F.pad(left, (1, 0), value=PAD)[:, :-1]
    return together(left, (left != PAD) & (left != before))


def together(ids: Tensor, kept: Tensor) -> Tensor:
    """The kept ids of each row, one after another, and padding behind them."""
    length = ids.shape[1]
    place = torch.where(kept, kept.long().cumsum(1) - 1, length)  # one place more than there is, for what is left out
    moved = torch.full((ids.shape[0], length + 1), PAD, dtype=ids.dtype, device=ids.device)
    return moved.scatter(1, place, ids)[:, :length]
