"""The model of the detector `encoder-bag`: an encoder of the terse reading and a bag of n-grams, whose logits are added up."""

from __future__ import annotations

from torch import Tensor, nn

from logsentry.learn.classifier.encoder import Encoder, Size
from logsentry.learn.classifier.losses import suspicion
from logsentry.learn.classifier.rows import Table
from logsentry.learn.classifier.scores import logits
from logsentry.learn.encoder_bag.bag import Bag, terse
from logsentry.text.vocabulary import PAD, UNK


class Voters(nn.Module):
    """int64 [batch, length] -> logits [batch, classes]: the bag's and `vote` times the encoder's. `size` is of the encoder, but for the
    length, which is that of a row."""

    def __init__(self, encoder: Encoder, bag: Bag, vote: float, size: Size) -> None:
        super().__init__()
        self.encoder, self.bag, self.vote, self.size = encoder, bag, vote, size

    @property
    def embedding(self) -> nn.Embedding:
        """Tells callers on which device the model is."""
        return self.encoder.embedding

    def forward(self, ids: Tensor) -> Tensor:
        return self.bag(ids) + self.vote * self.encoder(terse(ids, self.bag.bare)[:, : self.encoder.size.max_length])


def terse_rows(ids: Tensor, bare: Tensor) -> list[tuple[int, ...]]:
    """Terse readings without padding; a row of which nothing is left is one unknown token."""
    return [tuple(row[row != PAD].tolist()) or (UNK,) for some in ids.long().split(512) for row in terse(some, bare)]


def spread_of(model: Voters, held: Table) -> float:
    """How far the bag's logits are spread over held-back rows, in those of the encoder, so that a vote means the same for both."""
    said = [suspicion(logits(one, held)) for one in (model, Voters(model.encoder, model.bag, 0.0, model.size))]
    both, bag = said
    return float(bag.std() / (both - bag).std().clamp(min=1e-6)) if len(bag) > 1 else 1.0
