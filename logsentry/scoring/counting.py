"""The judge of what has been seen: it holds against a window whatever no ordinary window had.

Five kinds of evidence, of which the settings say which take part:

- `keys`: how many of its events have a key never seen in training;
- `length`: how far its number of events is from the nearest one seen, over the larger of the two;
- `vector`: how far its count vector is from the nearest one seen (`logsentry.text.nearest`), with `idf` rarer keys weighing more;
- `ngrams`: the share of its runs of n keys, begin and end counted, that were never seen;
- `surprise`: the largest -log2 of the smoothed probability of a key after the n - 1 before it.

Landauer, Skopik and Wurzenberger (FSE 2024, arXiv 2309.02854) showed how much of this field's benchmarks such counting decides.
What is said of it to a person is in `differences.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring import differences
from logsentry.scoring.evidence import Rated
from logsentry.scoring.judge import Finding, Held, Judge, Kind
from logsentry.sdk import Part
from logsentry.text.counts import count
from logsentry.text.known import Known
from logsentry.text.nearest import Nearest
from logsentry.text.ngrams import Grams
from logsentry.text.vocabulary import BEGIN, END

KINDS = {
    kind.name: kind
    for kind in (Kind("keys", 1e-3), Kind("length", 1e-4), Kind("vector", 1e-4), Kind("ngrams", 1e-4), Kind("surprise", 0.1))
}
"""The least amounts are so small that the first key never seen is three decades where no held-back window had any."""


class Compared(msgspec.Struct, frozen=True):
    """Ids of one batch `[batch, length]` and the evidence against them `[1, batch, kinds]`."""

    judge: Counting
    ids: np.ndarray
    evidence: np.ndarray

    def of(self, rows: np.ndarray) -> Compared:
        return Compared(self.judge, self.ids[rows], self.evidence[:, rows])

    def joined(self, more: Held) -> Compared:
        raise NotImplementedError("counting has one member, which is asked in one go")

    def findings(self, rated: Rated) -> list[tuple[Finding, ...]]:
        """What each kind found, the rarest kind first; a kind that found nothing is silent."""
        rare = rated.kinds[0]
        strange = np.where(self.evidence[0] > 0, rare, 0.0)  # [batch, kinds]
        rows = zip(self.ids, strange, strict=True)
        return [self.judge.told(ids, kinds) if kinds.any() else () for ids, kinds in rows]


class Counting:
    """Asks no session: it compares with what is `known`. `settings` hold 1 for each kind that takes part, and for `idf`."""

    groups: tuple[int, ...] = (1,)
    degraded = False

    def __init__(self, known: Known, settings: Mapping[str, int]) -> None:
        self.known, self._settings = known, dict(settings)
        self.kinds = tuple(kind for name, kind in KINDS.items() if settings.get(name))
        self.lengths, self.vectors = np.array(known.lengths), known.matrix()
        self.nearest = Nearest(self.vectors, known.worth() if settings.get("idf") else None)
        self.grams = Grams(known.ngrams, known.times, known.n, known.keys)
        self._new = np.ones(known.keys, np.bool_)
        self._new[[*known.seen, BEGIN, END]] = False

    def cost(self, length: int) -> int:
        """A sixteenth of the tokens: a key is looked up, and not multiplied through layers."""
        return max(1, length // 16)

    def tune(self, normal: Sequence[np.ndarray]) -> dict[str, int]:
        """Nothing is tuned: the settings stay."""
        return dict(self._settings)

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Compared:
        measures: dict[str, Callable[[], np.ndarray]] = {
            "keys": lambda: self.unseen(ids).sum(axis=1),
            "length": lambda: np.full(len(ids), self.off_length(ids.shape[1] - 2)),
            "vector": lambda: self.nearest(count(ids, self.known.keys)).distance,
            "ngrams": lambda: self.grams.unseen(ids).sum(axis=1) / max(1, ids.shape[1] - self.known.n + 1),
            "surprise": lambda: self.grams.surprise(ids).max(axis=1, initial=0.0),
        }
        evidence = np.stack([measures[kind.name]() for kind in self.kinds], axis=1)
        return Compared(self, ids, evidence.astype(np.float64)[None])

    def unseen(self, ids: np.ndarray) -> np.ndarray:
        """Which events have a key never seen in training: `[batch, length]`."""
        new: np.ndarray = self._new[ids]
        return new

    def nearest_length(self, events: int) -> int:
        return int(self.lengths[np.abs(self.lengths - events).argmin()])

    def off_length(self, events: int) -> float:
        nearest = self.nearest_length(events)
        return abs(events - nearest) / max(events, nearest, 1)

    def told(self, ids: np.ndarray, strange: np.ndarray) -> tuple[Finding, ...]:
        """Findings on one window, ids `[length]`, from the strangest of its kinds on, `[kinds]`; kinds at 0 are silent."""
        names = [self.kinds[kind].name for kind in np.argsort(-strange, kind="stable") if strange[kind] > 0]
        return differences.told(names, self, ids)


def open_known(part: Part, files: Mapping[str, bytes], keys: int, settings: Mapping[str, int], where: str) -> Counting:
    """The judge of a part; raises `BundleRefused` where its file is not readable, or fits other keys or no kind of evidence."""
    known = Known.from_bytes(files[part.file], f"{where}/{part.file}")
    if known.keys != keys:
        raise BundleRefused(f"{where}/{part.file} was learned from {known.keys} keys, and the bundle has {keys}")
    judge = Counting(known, settings)
    if not judge.kinds:
        raise BundleRefused(f"{where}: the settings of {part.name} name no kind of evidence; known: {', '.join(KINDS)}")
    return judge


_: type[Judge] = Counting
