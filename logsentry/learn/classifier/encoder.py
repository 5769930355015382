"""The encoder classifier: rows of token ids to logits, read top to bottom. How it is trained is in `training`.

The defaults are the sizes of Nebula's published model (Trizna et al.; 50,000 pieces, rows of 512, chunks of 64, width 64, two
pre-norm layers of eight heads, flatten pooling): 5.4 M parameters. Two things differ from its code on purpose. A position is a
place in the row; there it is by mistake the number of the row in its batch. And padding is seen by nobody: it is masked out of
attention and pooling, so that a row scores alike alone and in any batch.

With chunks a token attends to its own chunk only. What `states` makes of a chunk thus depends on its tokens and its place in
the row, and equal chunks at equal places need computing once.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from logsentry.errors import UsageError
from logsentry.text.vocabulary import PAD

HIDDEN = -1e4
"""Added to the attention of a padded place: `exp` of it is 0 in single precision, and half precision can still hold it."""


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of an encoder; `vocabulary` counts the special ids too."""

    vocabulary: Annotated[int, Meta(ge=4)] = 50_000
    width: Annotated[int, Meta(ge=1, description="Length of a token's representation.")] = 64
    layers: Annotated[int, Meta(ge=0, description="Number of transformer layers.")] = 2
    heads: Annotated[int, Meta(ge=1, description="Attention heads a layer; they divide the width.")] = 8
    feed_forward: Annotated[int, Meta(ge=1, description="Inner width of the feed-forward part.")] = 256
    max_length: Annotated[int, Meta(ge=1, description="Most tokens of a row that are read.")] = 512
    chunk: Annotated[int, Meta(ge=0, description="Tokens that attend to each other; 0 is the whole row.")] = 64
    place: Annotated[Literal["pre", "post"], Meta(description="Normalise before or after each half of a layer.")] = "pre"
    norm: Annotated[Literal["layer", "rms"], Meta(description="LayerNorm, or the root mean square alone.")] = "layer"
    positions: Annotated[Literal["sinusoidal", "learned", "none"], Meta(description="How places are told apart.")] = "sinusoidal"
    pooling: Annotated[Literal["mean", "max", "flatten"], Meta(description="How a row's tokens become one vector.")] = "flatten"
    head: Annotated[int, Meta(ge=0, description="Inner width of the classifying head; 0 is a linear head.")] = 64
    classes: Annotated[int, Meta(ge=1, description="Logits a row: 1 tells two classes apart.")] = 1

    def check(self) -> None:
        """Raises `UsageError` where two sizes do not fit each other."""
        if self.width % self.heads:
            raise UsageError(f"width {self.width} is not a multiple of heads {self.heads}; choose another of the two")
        if self.chunk and self.max_length % self.chunk:
            raise UsageError(f"max_length {self.max_length} is not a multiple of chunk {self.chunk}; choose another of the two")


class RootMeanSquare(nn.Module):
    """Zhang and Sennrich, NeurIPS 2019: rescaling without centring. Spelled out, so that it exports to operators of any age."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


class Dropout(nn.Module):
    """Zeroes a share of its input in training. Eight elements share one draw of 64 bits: torch's own took a quarter of a step."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = round(256 * share)  # of the 256 values that a byte has

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.dropped:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (kept * (256 / (256 - self.dropped)))


def normaliser(size: Size) -> nn.Module:
    return nn.LayerNorm(size.width) if size.norm == "layer" else RootMeanSquare(size.width)


class Attention(nn.Module):
    """Each token looks at all tokens of its row of `n` that are none of padding."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads = size.heads
        self.query_key_value = nn.Linear(size.width, 3 * size.width)
        self.out = nn.Linear(size.width, size.width)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[n, c, width] -> query, key and value, each [n, heads, c, width / heads]"""
        parts = self.query_key_value(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        return q, k, v

    def forward(self, x: Tensor, unseen: Tensor) -> Tensor:
        q, k, v = self.split(x)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=unseen)  # [n, heads, c, width / heads]
        return self.out(seen.transpose(1, 2).flatten(2))  # [n, c, width]

    def weights(self, x: Tensor, unseen: Tensor) -> Tensor:
        """How much each token looks at each other, [n, heads, c, c]; what `forward` uses without writing it down."""
        q, k, _ = self.split(x)
        return (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + unseen).softmax(-1)


class Layer(nn.Module):
    """Attention and feed-forward, each with a way around it (Vaswani et al. 2017; normalised before: Xiong et al., ICML 2020)."""

    def __init__(self, size: Size, dropout: float) -> None:
        super().__init__()
        self.before = size.place == "pre"
        self.attention, self.norm_1, self.norm_2 = Attention(size), normaliser(size), normaliser(size)
        self.inner = nn.Sequential(
            nn.Linear(size.width, size.feed_forward), nn.GELU(), Dropout(dropout), nn.Linear(size.feed_forward, size.width)
        )
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, unseen: Tensor) -> Tensor:
        if self.before:
            x = x + self.dropout(self.attention(self.norm_1(x), unseen))
            return x + self.dropout(self.inner(self.norm_2(x)))
        x = self.norm_1(x + self.dropout(self.attention(x, unseen)))
        return self.norm_2(x + self.dropout(self.inner(x)))

    def looks(self, x: Tensor, unseen: Tensor) -> Tensor:
        return self.attention.weights(self.norm_1(x) if self.before else x, unseen)


class Encoder(nn.Module):
    """Rows of token ids, padded at the end with `PAD`, to logits."""

    places: Tensor

    def __init__(self, size: Size, dropout: float = 0.0) -> None:
        super().__init__()
        size.check()
        self.size = size
        self.embedding = nn.Embedding(size.vocabulary, size.width)
        nn.init.normal_(self.embedding.weight, std=size.width**-0.5)  # `embed` brings it back to about 1
        if size.positions == "learned":
            self.places = nn.Parameter(torch.randn(size.max_length, size.width) * 0.02)
        else:
            table = sinusoids(size.max_length, size.width) * (size.positions == "sinusoidal")
            self.register_buffer("places", table, persistent=False)
        self.layers = nn.ModuleList(Layer(size, dropout) for _ in range(size.layers))
        self.last = normaliser(size) if size.place == "pre" else nn.Identity()
        self.dropout = Dropout(dropout)
        pooled = size.width * (size.max_length if size.pooling == "flatten" else 1)
        self.head = nn.Linear(pooled, size.head or size.classes)
        self.out = nn.Linear(size.head, size.classes) if size.head else nn.Identity()

    def forward(self, ids: Tensor) -> Tensor:
        """int64 [batch, length] -> [batch, classes]; at most `max_length` places. Binary: higher is more malicious."""
        return self.decide(self.represent(ids), ids)

    def represent(self, ids: Tensor) -> Tensor:
        """[batch, length] -> [batch, length, width]"""
        chunks, places = self.cut(ids)
        return self.states(chunks, places).reshape(ids.shape[0], -1, self.size.width)[:, : ids.shape[1]]

    def cut(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The chunks of all rows [batch * chunks, c], row after row and padded to whole chunks, and the place of each token."""
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        if not self.size.chunk:
            return ids, places
        missing = -ids.shape[1] % self.size.chunk
        whole = F.pad(ids, (0, missing), value=PAD), F.pad(places, (0, missing))
        return whole[0].reshape(-1, self.size.chunk), whole[1].reshape(-1, self.size.chunk)

    def states(self, chunks: Tensor, places: Tensor) -> Tensor:
        """Tokens [n, c] at their places in the row [n, c] -> [n, c, width]; no chunk knows of another."""
        x, unseen = self.embed(chunks, places), hide(chunks)
        for layer in self.layers:
            x = layer(x, unseen)
        return self.last(x)

    def embed(self, ids: Tensor, places: Tensor) -> Tensor:
        return self.dropout(self.embedding(ids) * math.sqrt(self.size.width) + self.places[places])

    def decide(self, states: Tensor, ids: Tensor) -> Tensor:
        """States [batch, length, width] of the row `ids` [batch, length] -> [batch, classes]"""
        hidden = self.pool(states, ids)
        return self.out(self.dropout(F.gelu(hidden))) if self.size.head else hidden

    def pool(self, states: Tensor, ids: Tensor) -> Tensor:
        """The head's first linear map of what is pooled: [batch, length, width] -> [batch, head or classes]"""
        real = (ids != PAD)[..., None]  # [batch, length, 1]
        if self.size.pooling == "flatten":
            used = self.head.weight[:, : ids.shape[1] * self.size.width]  # places beyond the batch's length would hold zeros
            return F.linear(self.dropout(states * real).flatten(1), used, self.head.bias)
        if self.size.pooling == "mean":
            return self.head(self.dropout((states * real).sum(1) / real.sum(1).clamp(min=1)))
        highest = states.masked_fill(~real, HIDDEN).amax(1) * real.any(1)  # a row of padding alone becomes zeros
        return self.head(self.dropout(highest))

    @torch.no_grad()
    def attentions(self, ids: Tensor) -> Tensor:
        """How much each token looks at each other: [layers, batch, heads, length, length], rows sum to 1 where no padding is.

        With chunks all of it lies in blocks along the diagonal. Meant for a few rows: 512 tokens take 16 MB a row at the defaults.
        """
        batch, length = ids.shape
        chunks, places = self.cut(ids)
        x, unseen = self.embed(chunks, places), hide(chunks)
        found = []
        for layer in self.layers:
            blocks = layer.looks(x, unseen).unflatten(0, (batch, -1))  # [batch, chunks, heads, c, c]
            rows = [torch.block_diag(*head) for row in blocks for head in row.transpose(0, 1)]
            found.append(torch.stack(rows).unflatten(0, (batch, self.size.heads))[..., :length, :length])
            x = layer(x, unseen)
        return torch.stack(found) if found else torch.zeros(0, batch, self.size.heads, length, length)


def hide(ids: Tensor) -> Tensor:
    """What is added to the attention that each token pays to each other: [n, c] -> [n, 1, c, c]"""
    unseen = ((ids == PAD) * HIDDEN)[:, None, None, :]
    return unseen.expand(-1, -1, ids.shape[1], -1)  # onnxruntime's Attention does not broadcast this axis


def sinusoids(length: int, width: int) -> Tensor:
    """Vaswani et al. 2017, section 3.5: [length, width], sines in the even columns, cosines in the odd ones."""
    angles = torch.arange(length)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)[:, :width]
