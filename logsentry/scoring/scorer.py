"""Windows in, explained scores out: the one path that the command line, the pipeline and the server share.

A window becomes key ids; distinct ids are judged once; the rest are batched by exact length, so that no padding exists that
could leak; the vote and the calibration make a value, a p-value and a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import orjson

from logsentry.errors import UsageError
from logsentry.schema.score import Score
from logsentry.schema.window import Window
from logsentry.scoring import calibration as calibrations
from logsentry.scoring.evidence import Rarity, gather, unseen_last
from logsentry.scoring.explain import Finding, findings, reasons
from logsentry.scoring.session import Answers, serve
from logsentry.scoring.table import Table
from logsentry.scoring.vote import Vote, combine, told, undecided
from logsentry.store.verified import Bundle
from logsentry.text.logkeys import LogKeys

DIGITS = 6
"""Decimals that a value keeps: far finer than any verdict needs, coarser than what a batch's size changes."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to score. `stride` None is the bundle's own mask policy; `table` 0 judges every window again."""

    providers: tuple[str, ...] = ("cpu",)
    precision: str = "fp32"
    vote: Vote = "majority"
    alerts_per_day: float | None = None
    table: int = 100_000
    batch_tokens: int = 4096
    threads: int = 1


class Judgement(msgspec.Struct, frozen=True):
    """What was found of one distinct window, without the events of any."""

    value: float
    votes: str
    findings: tuple[Finding, ...]


class Scorer:
    """Scores windows with one bundle. Raises `BundleRefused` where the bundle is incomplete or fails its probe."""

    def __init__(self, bundle: Bundle, options: Options | None = None, table: Table[Judgement] | None = None) -> None:
        self.bundle, self.options = bundle, options or Options()
        self._digest, self._reference = bundle.digest, bundle.reference  # hashes of the whole manifest: once, not once a window
        self.keys = LogKeys.from_json(orjson.loads(bundle.files["logkeys.json"]))
        self.session = serve(bundle, self.options.providers, self.options.precision, self.options.threads)
        calibrated = calibrations.file_of(self.options.precision)
        self.calibration = calibrations.parse(bundle.files.get(calibrated, b""), bundle.reference)
        self.threshold = self.calibration.threshold(self.options.vote, self.options.alerts_per_day)
        self._rarity = Rarity(self.calibration.scale)
        self.table: Table[Judgement] = Table(self.options.table) if table is None else table
        self._policy = f"{self.calibration.stride} {self.options.vote} {self.options.precision} {self.threshold.value!r}"

    def score(self, windows: Sequence[Window]) -> list[Score]:
        """One score for each window, in the same order, whatever else is in the batch."""
        coded = [self.keys.encode(window) for window in windows]
        judged = self.judge(coded)
        p = self.calibration.p_values(np.array([j.value for j in judged]), self.options.vote)
        return [
            self._score(window, judgement, float(p_value)) for window, judgement, p_value in zip(windows, judged, p, strict=True)
        ]

    def _score(self, window: Window, judgement: Judgement, p_value: float) -> Score:
        return Score(
            detector=self._reference,
            value=judgement.value,
            p_value=round(p_value, DIGITS),
            threshold=self.threshold.value,
            why=reasons(judgement.findings, window, self.keys),
            votes=judgement.votes,
            degraded=self.session.degraded,
        )

    def judge(self, coded: Sequence[tuple[int, ...]]) -> list[Judgement]:
        """A judgement for each window of key ids, each distinct one computed once."""
        longest = max((len(ids) for ids in coded), default=0)
        if longest > self.bundle.manifest.max_length:
            raise UsageError(
                f"a window of {longest - 2} events is longer than {self.bundle.reference} reads: {self.bundle.manifest.max_length - 2}"
            )
        found: dict[tuple[int, ...], Judgement] = {}
        missing: list[tuple[int, ...]] = []
        for ids in dict.fromkeys(coded) if self.table.size else coded:
            known = self.table.get(self._key(ids))
            if known is None:
                missing.append(ids)
            else:
                found[ids] = known
        for batch in self._batches(missing):
            for ids, judgement in zip(batch, self._judge_batch(np.array(batch)), strict=True):
                found[ids] = judgement
                self.table.put(self._key(ids), judgement)
        return [found[ids] for ids in coded]

    def _key(self, ids: tuple[int, ...]) -> tuple[str, str, bytes]:
        return self._digest, self._policy, np.array(ids, dtype=np.uint32).tobytes()

    def _batches(self, windows: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
        """Windows of equal length, as many as the token budget allows."""
        for length, same in by_length(windows):
            size = max(1, self.options.batch_tokens // (length * min(self.calibration.stride, length)))
            for start in range(0, len(same), size):
                yield same[start : start + size]

    def _judge_batch(self, ids: np.ndarray) -> list[Judgement]:
        if self.options.vote == "majority-early":
            return self._judge_early(ids)
        return self._conclude(ids, *self._ask(ids))

    def _ask(self, ids: np.ndarray, groups: Sequence[bool] | None = None) -> Answers:
        answers = self.session.run(ids, self.calibration.stride, groups)
        return answers._replace(ranks=unseen_last(ids, answers.ranks, self.bundle.manifest.keys))

    def _judge_early(self, ids: np.ndarray) -> list[Judgement]:
        """Ask the vote groups one after another, each only about the windows that are still undecided."""
        members, groups = sum(self.session.groups), len(self.session.groups)
        judged: dict[int, Judgement] = {}
        left = np.arange(len(ids))
        ranks, distance, expected = self._ask(ids, _only(0, groups))
        for group in range(1, groups + 1):
            open_ = undecided(self._member_scores(ranks, distance), self.threshold.value, members)
            closed = self._conclude(ids[left[~open_]], ranks[:, ~open_], distance[:, ~open_], expected[~open_])
            judged.update(zip(left[~open_].tolist(), closed, strict=True))
            left, ranks, distance, expected = left[open_], ranks[:, open_], distance[:, open_], expected[open_]
            if not len(left):
                break
            more = self._ask(ids[left], _only(group, groups))
            ranks, distance = np.concatenate([ranks, more.ranks]), np.concatenate([distance, more.distance])
        return [judged[at] for at in range(len(ids))]

    def _member_scores(self, ranks: np.ndarray, distance: np.ndarray) -> np.ndarray:
        scores = self._rarity.member_scores(gather(ranks, distance, self.calibration.top_g), range(len(ranks)))
        return np.round(scores, DIGITS)  # before they are held against the threshold, so that votes and value never disagree

    def _conclude(self, ids: np.ndarray, ranks: np.ndarray, distance: np.ndarray, expected: np.ndarray) -> list[Judgement]:
        """Ranks `[asked, batch, length]`, distance `[asked, batch]`, expected `[batch, length, 3]` to one judgement a window."""
        if not len(ids):
            return []
        members = sum(self.session.groups)
        scores = self._member_scores(ranks, distance)
        values = combine(scores, self.options.vote, members).round(DIGITS)
        yes = (scores >= self.threshold.value).sum(axis=0)
        why = findings(ids, ranks, distance, expected, self.calibration.top_g, self._rarity)
        return [Judgement(float(v), told(int(y), len(scores), members), f) for v, y, f in zip(values, yes, why, strict=True)]


def _only(group: int, groups: int) -> list[bool]:
    return [number == group for number in range(groups)]


def by_length(windows: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
    """Windows of each length together, short ones first; within a length in the order given."""
    groups: dict[int, list[tuple[int, ...]]] = {}
    for ids in windows:
        groups.setdefault(len(ids), []).append(ids)
    for length in sorted(groups):
        yield length, groups[length]
