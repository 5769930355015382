"""How a classifier is trained: every setting with its meaning. The defaults of what is not known to help are off."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from logsentry.errors import UsageError
from logsentry.learn.classifier.encoder import Size
from logsentry.learn.schedules import Name


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of one training. At least one of `epochs`, `max_steps` and `seconds` ends it; the first that is met does."""

    epochs: Annotated[float, Meta(ge=0, description="Passes over the distinct rows, at most; 0 sets no limit.")] = 20
    max_steps: Annotated[int, Meta(ge=0, description="Optimizer steps, at most; 0 sets no limit.")] = 0
    seconds: Annotated[float, Meta(ge=0, description="Training time, at most; 0 sets no limit. If met, runs differ.")] = 0
    clock: Annotated[Literal["wall", "cpu"], Meta(description="What a second is of: time, or work of this process.")] = "wall"
    batch: Annotated[int, Meta(ge=1, description="Distinct rows in one forward pass.")] = 64
    accumulate: Annotated[int, Meta(ge=1, description="Forward passes in one optimizer step.")] = 1
    loop: Annotated[Literal["own", "accelerate"], Meta(description="Who does the step: this package, or accelerate.")] = "own"
    learning_rate: Annotated[float, Meta(gt=0, description="Highest learning rate of AdamW.")] = 1e-3
    weight_decay: Annotated[float, Meta(ge=0, description="AdamW's decay of the matrices; biases and norms have none.")] = 0.01
    schedule: Annotated[Name, Meta(description="How the rate rises and falls over the budget.")] = "one-cycle"
    warm_up: Annotated[float, Meta(ge=0, lt=1, description="Share of the budget in which the rate rises.")] = 0.1
    cool_down: Annotated[float, Meta(ge=0, lt=1, description="Last share of the budget, in which it falls to 0.")] = 0.0
    clip: Annotated[float, Meta(ge=0, description="Largest norm of the gradient; 0 sets no limit.")] = 1.0
    dropout: Annotated[float, Meta(ge=0, lt=1, description="Share of each layer's output dropped in training.")] = 0.3
    token_dropout: Annotated[float, Meta(ge=0, lt=1, description="Share of the tokens hidden in training.")] = 0.0
    span_dropout: Annotated[float, Meta(ge=0, le=1, description="Share of the rows of which one run is hidden.")] = 0.0
    span: Annotated[float, Meta(gt=0, le=1, description="Longest such run, as a share of the row.")] = 0.25
    evenness: Annotated[float, Meta(ge=0, le=1, description="0: a row weighs as often as it came; 1: all alike.")] = 0.5
    balance: Annotated[bool, Meta(description="Give every class the same weight in all.")] = False
    contradictions: Annotated[
        Literal["share", "majority", "drop"],
        Meta(description="A row with several labels: the share of each, the commonest, or leave it out."),
    ] = "share"
    smoothing: Annotated[float, Meta(ge=0, le=1, description="How far such rows' labels are pulled to even.")] = 0.0
    low_fpr: Annotated[float, Meta(ge=0, description="Weight of a hinge between positives and the hardest negatives.")] = 0.0
    hardest: Annotated[float, Meta(gt=0, le=1, description="Share of a batch's negatives that the hinge takes.")] = 0.1
    margin: Annotated[float, Meta(gt=0, description="By how many logits a positive should lead them.")] = 1.0
    average: Annotated[
        Literal["none", "ema", "swa"], Meta(description="Averaging of weights: none, a moving one, or of the last part.")
    ] = "none"
    ema_decay: Annotated[float, Meta(gt=0, lt=1, description="How much of the moving average a step keeps.")] = 0.998
    swa_from: Annotated[float, Meta(ge=0, lt=1, description="Share of the budget after which `swa` averages.")] = 0.75
    pretrain: Annotated[float, Meta(ge=0, lt=1, description="Share of the budget for guessing hidden tokens first.")] = 0.0
    mask_ratio: Annotated[float, Meta(gt=0, lt=1, description="Share of the tokens hidden for that.")] = 0.15
    evaluations: Annotated[int, Meta(ge=1, description="How often the validation rows are scored on the way.")] = 10
    patience: Annotated[int, Meta(ge=0, description="Stop after so many without a gain, keep the best; 0 never.")] = 0
    stop_fpr: Annotated[float, Meta(gt=0, le=1, description="The FPR whose TPR on validation rows is to gain.")] = 1e-3
    precision: Annotated[Literal["fp32", "bf16"], Meta(description="Of the forward and backward pass.")] = "fp32"
    device: Annotated[Literal["cpu", "cuda"], Meta(description="Where training runs.")] = "cpu"
    checkpoint: Annotated[str, Meta(description="File to save the training in now and then, and to go on from.")] = ""
    checkpoint_seconds: Annotated[float, Meta(ge=0, description="Time between two saves; 0 saves after each step.")] = 60

    def now(self) -> float:
        """Seconds of the clock; where several programs share the processor, only `cpu` gives two runs the same work."""
        return time.process_time() if self.clock == "cpu" else time.perf_counter()

    def check(self) -> None:
        """Raises `UsageError` where two settings do not fit each other."""
        if not (self.epochs or self.max_steps or self.seconds):
            raise UsageError("epochs, max_steps and seconds are all 0, so training would never end; set one of them")
        if self.warm_up + self.cool_down >= 1:
            raise UsageError(f"warm_up {self.warm_up} and cool_down {self.cool_down} leave nothing between them; lower one")


class Config(Training, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the model and of its training. The sizes are those of `encoder.Size`, Nebula's by default."""

    width: Annotated[int, Meta(ge=1, description="Length of a token's representation.")] = 64
    layers: Annotated[int, Meta(ge=0, description="Number of transformer layers.")] = 2
    heads: Annotated[int, Meta(ge=1, description="Attention heads a layer; they divide the width.")] = 8
    feed_forward: Annotated[int, Meta(ge=1, description="Inner width of the feed-forward part.")] = 256
    max_length: Annotated[int, Meta(ge=1, description="Most tokens of a row that are read.")] = 512
    chunk: Annotated[int, Meta(ge=0, description="Tokens that attend to each other; 0 is the whole row.")] = 64
    place: Annotated[Literal["pre", "post"], Meta(description="Normalise before or after each half of a layer.")] = "pre"
    norm: Annotated[Literal["layer", "rms"], Meta(description="LayerNorm, or the root mean square alone.")] = "layer"
    positions: Annotated[Literal["sinusoidal", "learned", "none"], Meta(description="How places are told apart.")] = "sinusoidal"
    pooling: Annotated[Literal["mean", "max", "flatten"], Meta(description="How tokens become one vector.")] = "flatten"
    head: Annotated[int, Meta(ge=0, description="Inner width of the classifying head; 0 is a linear head.")] = 64
    fp16: Annotated[bool, Meta(description="Also write a graph in half precision.")] = True
    int8: Annotated[bool, Meta(description="Also write a graph with 8-bit weights.")] = True
    validation: Annotated[float, Meta(gt=0, lt=1, description="Share of the distinct rows that is held back to measure.")] = 0.1

    def size(self, vocabulary: int, classes: int) -> Size:
        """The shape of the model for so many ids, special ones counted, and so many logits."""
        shared = {name: getattr(self, name) for name in Size.__struct_fields__ if hasattr(self, name)}
        return Size(vocabulary=vocabulary, classes=classes, **shared)

    def check(self) -> None:
        super().check()
        self.size(4, 1).check()
