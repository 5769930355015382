"""The judge of detectors that know of a window only how often each key occurs: a graph answers how strange the counts are.

A window is explained by occlusion: each count in turn is set to what it is in most normal windows, and those whose absence makes the
window most ordinary are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from logsentry.errors import BundleRefused
from logsentry.scoring.counts_probe import replay
from logsentry.scoring.differences import here, times
from logsentry.scoring.evidence import Rated
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.judge import Finding, Held, Judge, Kind
from logsentry.scoring.onnx_session import OnnxSession
from logsentry.scoring.session import choose
from logsentry.sdk import Part
from logsentry.text.counts import count

FORMAT = 1
MOST = 5
"""Findings kept of one window."""

RARE = 1.0
"""Decades of rarity below which a window is not explained: one in ten normal windows is as strange, and each takes a run of the graph."""

LEAST_DROP = 0.1
"""A key is told if it takes off at least this share of what the strongest key takes off."""

DIGITS = 5
"""Decimals of evidence: normal windows that differ in the last bits of 32 must not count as differently strange."""


class Medians(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of a part: the median count of each key over the training windows."""

    format: int
    medians: tuple[int, ...]


class Answers(msgspec.Struct, frozen=True):
    """Of one batch: counts `[batch, keys]` and strangeness `[batch]`."""

    judge: Counts
    counts: np.ndarray
    strangeness: np.ndarray

    @property
    def evidence(self) -> np.ndarray:
        evidence: np.ndarray = np.maximum(self.strangeness, 0.0).astype(np.float64).round(DIGITS)[None, :, None]
        return evidence

    def of(self, rows: np.ndarray) -> Answers:
        return Answers(self.judge, self.counts[rows], self.strangeness[rows])

    def joined(self, more: Held) -> Answers:
        raise NotImplementedError("a detector of counts has one member, which is asked in one go")

    def findings(self, rated: Rated) -> list[tuple[Finding, ...]]:
        """The counts that make a window strange, strongest first; none for windows that are not rare."""
        rare = rated.kinds[0, :, 0] >= RARE
        rows = zip(self.counts, self.strangeness, rare, strict=True)
        return [self.judge.occluded(counts, value) if told else () for counts, value, told in rows]


class Counts:
    """Asks one session; `medians` `[keys]` are those of training."""

    kinds = (Kind("strangeness", 1e-3),)
    groups: tuple[int, ...] = (1,)

    def __init__(self, model: bytes, medians: Sequence[int], hardware: Hardware | None = None) -> None:
        self._medians = np.array(medians, np.float32)
        self._session = OnnxSession(model, hardware)
        self.degraded = self._session.degraded

    def cost(self, length: int) -> int:
        """A sixteenth of the tokens: a window becomes one row, however long it is."""
        return max(1, length // 16)

    def tune(self, normal: Sequence[np.ndarray]) -> dict[str, int]:
        """Nothing is tuned."""
        return {}

    def ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Answers:
        counts = count(ids, len(self._medians))
        return Answers(self, counts, self.run(counts))

    def run(self, counts: np.ndarray) -> np.ndarray:
        """Strangeness `[batch]` of counts `[batch, keys]`."""
        strangeness: np.ndarray = self._session.run(["strangeness"], {"counts": counts}, rows=len(counts))[0]
        return strangeness

    def occluded(self, counts: np.ndarray, strangeness: float) -> tuple[Finding, ...]:
        """Of one window, counts `[keys]`: the keys whose count, made the median, takes off most of its strangeness.

        Where none does so alone (a window of one strange key is no less strange when it is empty), those furthest from the median.
        """
        other = np.flatnonzero(counts != self._medians)
        if not len(other):
            return ()
        without = np.repeat(counts[None], len(other), axis=0)
        without[np.arange(len(other)), other] = self._medians[other]
        drops = strangeness - self.run(without)
        if drops.max() <= 0:
            drops = np.abs(counts[other] - self._medians[other])
        strongest = np.argsort(-drops, kind="stable")[:MOST]
        told = [at for at in strongest if drops[at] >= LEAST_DROP * drops[strongest[0]]]
        return tuple(self._finding(int(other[at]), counts) for at in told)

    def _finding(self, key: int, counts: np.ndarray) -> Finding:
        usual = self._medians[key]
        there = f"have it {times(usual)}" if usual else "do not have it"
        return Finding(-1, key=key, said=f"{here(counts[key])}; most normal windows {there}")


def open_counts(part: Part, files: Mapping[str, bytes], keys: int, hardware: Hardware, where: str) -> tuple[Counts, float]:
    """The judge of a part after its graph has answered the probe as the detector did, and the largest difference.

    Raises `BundleRefused` where the answers differ, or a file is not readable or fits other keys.
    """
    graph = choose(part.graphs, hardware, where)
    medians = _medians(files[part.file], keys, f"{where}/{part.file}")
    judge = Counts(files[graph.file], medians, hardware)
    return judge, replay(judge.run, files[part.probe], keys, hardware.precision, where)


def _medians(data: bytes, keys: int, where: str) -> tuple[int, ...]:
    try:
        kept = msgspec.json.decode(data, type=Medians)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleRefused(f"{where} cannot be read: {error}; get the bundle again") from error
    if kept.format != FORMAT or len(kept.medians) != keys:
        raise BundleRefused(f"{where} has format {kept.format} and {len(kept.medians)} keys; wanted are {FORMAT} and {keys}")
    return kept.medians


_: type[Judge] = Counts
