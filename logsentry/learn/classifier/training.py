"""The training loop of the encoder classifier: from labelled rows of token ids to weights and figures.

Which settings there are is in `settings`, what a row counts in `rows`. Every random draw of a step comes from
the seed and the step's number, so that a run that was killed goes on exactly as it would have gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from logsentry.learn.classifier.checkpoint import Counters, Saved, Weights, copied, fingerprint, load, save
from logsentry.learn.classifier.encoder import Encoder, Size
from logsentry.learn.classifier.losses import loss
from logsentry.learn.classifier.pretrain import pretrain
from logsentry.learn.classifier.rows import Labelled, Table, distinct, endless, hidden, taught
from logsentry.learn.classifier.scores import measured, scored, weighing
from logsentry.learn.classifier.settings import Training
from logsentry.learn.classifier.steps import steps
from logsentry.learn.logbert.ensemble import repeatable
from logsentry.learn.precision import kind_on
from logsentry.learn.roc import auc, tpr_at
from logsentry.learn.schedules import rate
from logsentry.sdk import Progress


def fit_classifier(
    rows: Sequence[Sequence[int]],
    labels: Sequence[int],
    weights: Sequence[float],
    size: Size,
    config: Training,
    *,
    seed: int,
    progress: Progress,
    validation: Labelled | None = None,
) -> tuple[Encoder, dict[str, float]]:
    """Train an encoder on labelled rows; the same rows, settings and seed give the same weights on one machine and number of threads.

    Answers the model, on the CPU and ready to score, and `loss` (the mean of late steps), `steps`, `seconds` (of training),
    `rows`, `distinct` (rows learnt from), `rows_per_second` and, with validation rows, `auc`, `tpr_1e-2`, `tpr_1e-3` and
    `tpr_1e-4` on them, weighted as given. Raises `TrainingError` for rows that cannot be learnt from and a checkpoint of another
    training, `UsageError` for settings that do not fit, `MissingExtra` where accelerate is asked for and absent.
    """
    config.check()
    kind_on(config.device, config.precision)
    table = distinct(Labelled(rows, labels, weights), size.vocabulary, size.max_length)
    held = None if validation is None else distinct(validation, size.vocabulary, size.max_length)
    with repeatable(seed):
        run = Run(Encoder(size, config.dropout).to(config.device), table, held, config, seed, progress)
        run.train()
    model = run.model.cpu().eval()
    return model, {"rows": float(len(rows)), **run.figures(), **({} if held is None else measured(model, held))}


class Run:
    """One training: what it learns from, how far it is, and the weights that it keeps beside the model's."""

    def __init__(self, model: Encoder, table: Table, held: Table | None, config: Training, seed: int, progress: Progress) -> None:
        self.model, self.held, self.config, self.seed, self.progress = model, held, config, seed, progress
        self.table, self.weight, self.target = taught(table, config)
        self.optimizer = torch.optim.AdamW(decayed(model, config.weight_decay), config.learning_rate, fused=True)
        self.steps = steps(model, self.optimizer, config)
        self.counters, self.kept = Counters(), dict[str, Weights]()
        a_pass = -(-len(self.table.lengths) // config.batch) / config.accumulate
        limits = [limit for limit in (max(1, round(config.epochs * a_pass)) if config.epochs else 0, config.max_steps) if limit]
        self.limit = round(min(limits, default=0) * (1 - config.pretrain))
        self.path = Path(config.checkpoint) if config.checkpoint else None
        self.name = fingerprint(table, model.size, config, seed)
        self.began, self.saved_at = config.now(), time.perf_counter()

    def train(self) -> None:
        """Steps until the budget is used or nothing is gained any more; the model then has the weights to keep."""
        self.resume()
        number = self.counters.step * self.config.accumulate
        stream = endless(self.table.lengths, self.config.batch, self.seed, number)
        while (share := self.used()) < 1 and not self.counters.stopped:
            self.step(stream, share)
            self.keep_average(share)
            self.evaluate()
            if self.path and time.perf_counter() - self.saved_at >= self.config.checkpoint_seconds:
                self.save()
            self.report()
        self.clock()
        if self.path:
            self.save()
        self.model.load_state_dict(self.kept.get("best") or self.kept.get("average") or self.model.state_dict())

    def used(self) -> float:
        """The share of the budget, by steps or by seconds, whichever is further."""
        self.clock()
        by_steps = self.counters.step / self.limit if self.limit else 0.0
        by_seconds = self.counters.seconds / self.config.seconds if self.config.seconds else 0.0
        return max(by_steps, by_seconds)

    def clock(self) -> None:
        now = self.config.now()
        self.counters.seconds, self.began = self.counters.seconds + now - self.began, now

    def step(self, stream: Iterator[Tensor], share: float) -> None:
        factor = rate(self.config.schedule, share, self.config.warm_up, self.config.cool_down)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * factor
        torch.manual_seed(self.seed * 1_000_003 + self.counters.step)
        self.model.train()
        value = self.steps.step(self.losses(stream))
        before = self.counters.loss
        self.counters.loss = value if self.counters.step == 0 else 0.98 * before + 0.02 * value
        self.counters.step += 1

    def losses(self, stream: Iterator[Tensor]) -> Iterator[Callable[[], Tensor]]:
        for _ in range(self.config.accumulate):
            rows = next(stream)
            self.counters.rows += len(rows)
            yield lambda rows=rows: self.loss(rows)  # type: ignore[misc]

    def loss(self, rows: Tensor) -> Tensor:
        device = self.config.device
        ids = self.table.ids[rows, : int(self.table.lengths[rows].max())].long()
        ids = hidden(ids, self.table.lengths[rows], self.config).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=self.config.precision == "bf16"):
            logits = self.model(ids)
        return loss(logits, self.target[rows].to(device), self.weight[rows].to(device), self.config)

    def keep_average(self, share: float) -> None:
        """Moving average of the weights (`ema`), or the mean of those in the last part (`swa`, Izmailov et al., UAI 2018)."""
        if self.config.average == "none" or (self.config.average == "swa" and share < self.config.swa_from):
            return
        average = self.kept.setdefault("average", copied(self.model.state_dict()))
        self.counters.averaged += 1
        taken = 1 / self.counters.averaged
        if self.config.average == "ema":  # begins as a plain mean, so that the first weights are soon forgotten
            taken = max(taken, 1 - self.config.ema_decay)
        for name, value in self.model.state_dict().items():
            average[name].lerp_(value, taken)

    def evaluate(self) -> None:
        """At even shares of the budget: are the validation rows told apart better than ever? TPR decides, then AUC."""
        due = int(self.used() * self.config.evaluations)
        if not self.config.patience or self.held is None or due <= self.counters.evaluated:
            return
        self.counters.evaluated = due
        with weighing(self.model, self.kept.get("average")):
            scores, label, weight = scored(self.model, self.held)
            now = tpr_at(self.config.stop_fpr, scores, label, weight), auc(scores, label, weight)
            if now > self.counters.best:
                self.counters.best, self.counters.waited = now, 0
                self.kept["best"] = copied(self.model.state_dict())
            else:
                self.counters.waited += 1
        self.counters.stopped = self.counters.waited >= self.config.patience

    def report(self) -> None:
        done, speed = min(self.used(), 1.0), self.counters.rows / max(self.counters.seconds, 1e-9)
        self.progress(max(1, round(1000 * done)), 1000, f"loss {self.counters.loss:.3f}, {speed:.0f} rows/s")

    def resume(self) -> None:
        """Go on from the checkpoint; without one, begin, with guessing hidden tokens where that is asked for."""
        if self.path is None or not self.path.exists():
            self.guess()
            return
        saved = load(self.path, self.name)
        self.counters, self.kept = saved.counters, saved.kept
        self.model.load_state_dict(self.kept.pop("model"))
        for weights in self.kept.values():
            weights.update({name: value.to(self.config.device) for name, value in weights.items()})
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": saved.optimizer})

    def guess(self) -> None:
        share = self.config.pretrain
        if not share:
            return
        steps = round(self.limit * share / (1 - share))

        def used(step: int) -> float:
            self.clock()
            by_seconds = self.counters.seconds / (share * self.config.seconds) if self.config.seconds else 0.0
            return max(by_seconds, step / max(1, steps) if self.limit else 0.0)

        pretrain(self.model, self.table, self.config, self.seed, used)

    def save(self) -> None:
        state = self.optimizer.state_dict()["state"]
        kept = {"model": self.model.state_dict(), **self.kept}
        save(self.path, Saved(self.counters, kept, state), self.name)  # type: ignore[arg-type]
        self.saved_at = time.perf_counter()

    def figures(self) -> dict[str, float]:
        done = self.counters
        return {
            "loss": done.loss,
            "steps": float(done.step),
            "seconds": done.seconds,
            "distinct": float(len(self.table.lengths)),
            "rows_per_second": done.rows / max(done.seconds, 1e-9),
        }


def decayed(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """Matrices decay, vectors (biases, norms) do not."""
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim == 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
