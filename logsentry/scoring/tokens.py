"""The judge of a classifier of token rows: one member, whose logit is the evidence, explained by occlusion.

Evidence is the softplus of the logit of malice, log(1 + e^x), which is never below 0 and keeps the order of
logits. Where a model tells several classes apart, of which one is benign, the logit of malice is the log-odds of all others against
it. Rows longer than the model reads are cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring.counts import RARE
from logsentry.scoring.evidence import Rated
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.judge import Finding, Held, Judge, Kind
from logsentry.scoring.occlusion import occluded
from logsentry.scoring.session import choose
from logsentry.scoring.tokens_session import BOUND, POOLINGS, Answers, InChunks, Rows, Whole, replay
from logsentry.sdk import Part

DIGITS = 5
"""Decimals of a logit: rows that differ in the last bits of 32 must not count as differently malicious."""

LEAST = 1e-6
"""Evidence of a logit of -14; below it benign rows are told apart no further than the scale needs."""


class Logits(msgspec.Struct, frozen=True):
    """Of one batch: ids `[batch, length]` and the logits of malice `[batch]`."""

    judge: Tokens
    ids: np.ndarray
    logits: np.ndarray

    @property
    def evidence(self) -> np.ndarray:
        evidence: np.ndarray = np.logaddexp(0.0, self.logits)[None, :, None]
        return evidence

    def of(self, rows: np.ndarray) -> Logits:
        return Logits(self.judge, self.ids[rows], self.logits[rows])

    def joined(self, more: Held) -> Logits:
        raise NotImplementedError("a classifier has one member, which is asked in one go")

    def findings(self, rated: Rated) -> list[tuple[Finding, ...]]:
        """The tokens that carry a row's logit, strongest first; none for rows that are not rare, since each takes dozens of passes."""
        rare = rated.kinds[0, :, 0] >= RARE
        rows = zip(self.ids, self.logits.tolist(), rare, strict=True)
        return [occluded(ids, logit, self.judge.malice) if told else () for ids, logit, told in rows]


class Tokens:
    """Asks one session. `settings` hold `max_length`, and `benign`: which of several classes is benign, 0 unless said."""

    kinds = (Kind("logit", LEAST),)
    groups: tuple[int, ...] = (1,)

    def __init__(self, session: Answers, settings: Mapping[str, int]) -> None:
        self.session, self._settings = session, dict(settings)
        self._max_length, self._benign = settings["max_length"], settings.get("benign", 0)

    @property
    def degraded(self) -> bool:
        return self.session.degraded

    def cost(self, length: int) -> int:
        return max(1, min(length, self._max_length))

    def tune(self, normal: Sequence[np.ndarray]) -> dict[str, int]:
        """Nothing is tuned: the settings stay."""
        return dict(self._settings)

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Logits:
        cut = ids[:, : self._max_length]
        return Logits(self, cut, self.malice(cut))

    def malice(self, rows: Rows) -> np.ndarray:
        """Logits of malice `[rows]`, float64 of `DIGITS` decimals, of rows of any lengths."""
        logits = self.logits(rows).astype(np.float64)
        if logits.shape[1] > 1:
            others = np.delete(logits, self._benign, axis=1)
            logits = np.logaddexp.reduce(others, axis=1, keepdims=True) - logits[:, [self._benign]]
        return logits[:, 0].round(DIGITS)

    def logits(self, rows: Rows) -> np.ndarray:
        """What the graph answers, `[rows, classes]`."""
        most = self._max_length
        return self.session.logits(rows[:, :most] if isinstance(rows, np.ndarray) else [row[:most] for row in rows])


def open_tokens(
    part: Part,
    files: Mapping[str, bytes],
    keys: int,
    settings: Mapping[str, int],
    hardware: Hardware,
    where: str,
    bound: int = BOUND,
) -> tuple[Tokens, float]:
    """The judge of a part after its graphs have answered the probe as torch did, and the largest difference of a logit.

    `keys` is the number of ids. Raises `BundleRefused` where the answers differ, or a file or setting does not fit.
    """
    told = {**part.settings, **settings}
    check(told, where)
    first = choose(part.graphs, hardware, where)
    graphs = [files[graph.file] for graph in part.graphs if graph.precision == hardware.precision]
    if len(graphs) != (2 if told["chunk"] else 1):
        raise BundleRefused(
            f"{where} has {len(graphs)} {hardware.precision} graphs of {part.name}, which do not fit its settings; train again"
        )
    if told["chunk"]:
        session: Answers = InChunks((graphs[0], graphs[1]), told, hardware, bound)
    else:
        session = Whole(files[first.file], hardware)
    return Tokens(session, told), replay(session.logits, files[part.probe], told["classes"], hardware.precision, where)


def check(told: Mapping[str, int], where: str) -> None:
    """Raises `BundleRefused` where settings are missing or out of range, as only a damaged or foreign bundle has them."""
    missing = [name for name in ("max_length", "chunk", "pooling", "classes") if name not in told]
    if missing:
        raise BundleRefused(f"{where} does not say {', '.join(missing)} of its classifier; train the bundle again")
    if told.get("ids"):
        raise BundleRefused(f"{where} has n-grams inside its encoder, which no detector makes any more; train encoder-bag")
    fits = told["max_length"] > 0 and 0 <= told["chunk"] <= told["max_length"] and 0 <= told["pooling"] < len(POOLINGS)
    if not fits or not 0 <= told.get("benign", 0) < max(told["classes"], 1):
        raise BundleRefused(f"{where} has settings of its classifier that cannot be: {dict(told)}")


_: type[Judge] = Tokens
