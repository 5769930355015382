"""How an encoder and the bag of n-grams beside it are trained: the encoder's settings with other defaults, and the bag's own."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from logsentry.learn.classifier import settings as classify_settings
from logsentry.learn.encoder_bag.grams import Limits


class Config(classify_settings.Config, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The defaults are what won on the staged reports (`results/encoder/attempts`). The encoder attends to a terse reading: without
    bare values, and with each token once where it came several times in a row."""

    row_length: Annotated[int, Meta(ge=1, description="Most tokens of a row that are read; `max_length` of the terse ones.")] = (
        2048
    )
    values: Annotated[tuple[int, ...], Meta(description="Ids of bare values; by their words where there are words.")] = ()
    full: Annotated[int, Meta(ge=1, le=5, description="Longest run of tokens with a weight, in the row as it is.")] = 3
    quiet: Annotated[int, Meta(ge=0, le=5, description="The same without bare values; 0 for none.")] = 4
    least: Annotated[int, Meta(ge=1, description="Fewest distinct rows that such a run is in.")] = 3
    most: Annotated[int, Meta(ge=1, description="Most such runs, the commonest.")] = 40_000
    buckets: Annotated[int, Meta(ge=2, description="Hash buckets in which they are found.")] = 1 << 18
    bag_width: Annotated[int, Meta(ge=0, description="Width of the perceptron over them; 0 for weights alone.")] = 32
    bag_epochs: Annotated[float, Meta(gt=0, description="Passes over the distinct rows.")] = 20
    bag_batch: Annotated[int, Meta(ge=1, description="Distinct rows in one of its steps.")] = 64
    bag_rate: Annotated[float, Meta(gt=0, description="Highest learning rate.")] = 3e-3
    bag_decay: Annotated[float, Meta(ge=0, description="AdamW's decay.")] = 1e-3
    bag_dropout: Annotated[float, Meta(ge=0, lt=1, description="Share of the perceptron's units dropped in training.")] = 0.3
    bag_hidden: Annotated[float, Meta(ge=0, lt=1, description="Share of a row's runs hidden in training.")] = 0.5
    weights: Annotated[
        float, Meta(ge=0, description="What weights by logistic regression count beside the bag's; 0 for none.")
    ] = 1.0
    inverse_penalty: Annotated[float, Meta(gt=0, description="Their C: the larger, the freer.")] = 20.0
    bag_share: Annotated[float, Meta(gt=0, le=1, description="Its share of `seconds`, where those are limited.")] = 0.4
    vote: Annotated[float, Meta(ge=0, description="What the encoder's vote counts; the bag's counts 1.")] = 0.15

    validation: Annotated[float, Meta(gt=0, lt=1, description="Share of the distinct rows that is held back to measure.")] = 0.05
    epochs: Annotated[float, Meta(ge=0, description="Passes over the distinct rows, at most; 0 sets no limit.")] = 4
    batch: Annotated[int, Meta(ge=1, description="Distinct rows in one forward pass.")] = 16
    learning_rate: Annotated[float, Meta(gt=0, description="Highest learning rate of AdamW.")] = 3e-3
    dropout: Annotated[float, Meta(ge=0, lt=1, description="Share of each layer's output dropped in training.")] = 0.2
    token_dropout: Annotated[float, Meta(ge=0, lt=1, description="Share of the tokens hidden in training.")] = 0.15
    average: Annotated[
        Literal["none", "ema", "swa"], Meta(description="Averaging of weights: none, a moving one, or of the last part.")
    ] = "ema"
    layers: Annotated[int, Meta(ge=0, description="Number of transformer layers.")] = 1
    heads: Annotated[int, Meta(ge=1, description="Attention heads a layer; they divide the width.")] = 4
    feed_forward: Annotated[int, Meta(ge=1, description="Inner width of the feed-forward part.")] = 128
    chunk: Annotated[int, Meta(ge=0, le=0, description="Whole rows: always 0 here.")] = 0
    pooling: Annotated[Literal["mean", "max", "flatten"], Meta(description="How tokens become one vector.")] = "max"

    def limits(self) -> Limits:
        return Limits(self.full, self.quiet, self.least, self.most, self.buckets)
