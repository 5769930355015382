"""Windows in, explained scores out: the one path that the command line, the pipeline and the server share.

A window becomes key ids; distinct ids are judged once; the rest are batched by exact length, so that no padding exists that
could leak; the panel's vote and the calibration make a value, a p-value and a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Annotated

import msgspec
import numpy as np
import orjson
from msgspec import Meta

from logsentry.errors import ContractBroken, UsageError
from logsentry.schema.score import Score
from logsentry.schema.window import Window
from logsentry.scoring import calibration as calibrations
from logsentry.scoring import probability as probabilities
from logsentry.scoring.conformal import Rates
from logsentry.scoring.explain import reasons
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.opening import open_parts
from logsentry.scoring.panel import DIGITS, Concluding, Ids, Panel, Seat, Verdict, batches
from logsentry.scoring.probability import Probability, Stand
from logsentry.scoring.table import Table
from logsentry.scoring.vote import Vote
from logsentry.store.verified import Bundle
from logsentry.text.keys import keys_from_json


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to score. `table` 0 judges every window again; `gpu_memory` and what follows are as in `Hardware`."""

    providers: tuple[str, ...] = ("cpu",)
    precision: str = "fp32"
    vote: Vote = "majority"
    alerts_per_day: float | None = None
    table: int = 100_000
    batch_tokens: int = 4096
    threads: int = 1
    gpu_memory: Annotated[int, Meta(ge=0)] = 0
    cuda_graphs: bool = False
    engines: str = ""

    @property
    def hardware(self) -> Hardware:
        return Hardware(self.providers, self.precision, self.threads, self.gpu_memory, self.cuda_graphs, self.engines)


class Scorer:
    """Scores windows with one bundle. Raises `BundleRefused` where the bundle is incomplete or fails its probe.

    `difference` is by how much the probe's answers differed from those of training at most.
    """

    def __init__(self, bundle: Bundle, options: Options | None = None, table: Table[Verdict] | None = None) -> None:
        self.bundle, self.options = bundle, options or Options()
        self._digest, self._reference = bundle.digest, bundle.reference  # hashes of the whole manifest: once, not once a window
        self.keys = keys_from_json(orjson.loads(bundle.files["logkeys.json"]))
        self.calibration = self._calibration()
        self.probability = self._probability()
        self.threshold = self.calibration.threshold(self.options.vote, self.options.alerts_per_day)
        self.p_values = Rates(self.calibration.held_back(self.options.vote))
        told = [part.settings for part in self.calibration.parts]
        manifest = bundle.manifest
        opened = open_parts(manifest.parts, bundle.files, manifest.keys, told, self.options.hardware, bundle.reference)
        self.difference = max(each.difference for each in opened)
        seats = [
            Seat.of(each.judge, part.scale, part.fold, part.lacks)
            for each, part in zip(opened, self.calibration.parts, strict=True)
        ]
        self.panel = Panel(seats, self.options.batch_tokens, self.calibration.across(self.options.vote))
        self.table: Table[Verdict] = Table(self.options.table) if table is None else table
        self._policy = f"{told} {self.options.vote} {self.options.precision} {self.threshold.value!r}"

    def _calibration(self) -> calibrations.Calibration:
        file = calibrations.file_of(self.options.precision)
        if file not in self.bundle.files:
            have = sorted({graph.precision for part in self.bundle.manifest.parts for graph in part.graphs})
            raise UsageError(f"{self._reference} has no {self.options.precision} graph; it has {', '.join(have) or 'none'}")
        return calibrations.parse(self.bundle.files[file], self._reference)

    def _probability(self) -> Probability | None:
        """Where the bundle holds one: of a classifier that learned from labels."""
        data = self.bundle.files.get(probabilities.file_of(self.options.precision))
        return None if data is None else probabilities.parse(data, self._reference)

    def score(self, windows: Sequence[Window]) -> list[Score]:
        """One score for each window, in the same order, whatever else is in the batch."""
        return self.scores(windows, self.judge([self.keys.encode(window) for window in windows]))

    def scores(self, windows: Sequence[Window], verdicts: Sequence[Verdict]) -> list[Score]:
        """The scores of windows that were judged already, perhaps together with others."""
        p = self.p_values(np.array([verdict.value for verdict in verdicts]))
        return [self._score(*each) for each in zip(windows, verdicts, p.tolist(), self._stands(verdicts), strict=True)]

    def _stands(self, verdicts: Sequence[Verdict]) -> Sequence[Stand | None]:
        logits = [verdict.logit for verdict in verdicts]
        if self.probability is None or any(logit is None for logit in logits):
            return [None] * len(verdicts)
        return self.probability.stands(np.array(logits, np.float64))

    def _score(self, window: Window, verdict: Verdict, p_value: float, stand: Stand | None) -> Score:
        return Score(
            detector=self._reference,
            value=verdict.value,
            p_value=round(p_value, DIGITS),
            threshold=self.threshold.value,
            why=reasons(verdict.findings, window, self.keys, stand),
            votes=verdict.votes,
            degraded=self.panel.degraded,
            probability=None if stand is None else stand.probability,
            uncertain=stand is not None and stand.unsure,
        )

    def judge(self, coded: Sequence[Ids]) -> list[Verdict]:
        """A verdict for each window of key ids, each distinct one computed once."""
        found, missing = self._known(coded)
        for batch, concluding in self._each(missing):
            self._keep(batch, concluding, found)
        return [found[ids] for ids in coded]

    def asked(self, coded: Sequence[Ids]) -> Concluding:
        """`judge` in two steps: the sessions have run when this returns, and the verdicts are made when its answer is called, which
        another thread may do while this one asks again. Holds what the sessions said of all windows until then."""
        found, missing = self._known(coded)
        every = list(self._each(missing))

        def verdicts() -> list[Verdict]:
            for batch, concluding in every:
                self._keep(batch, concluding, found)
            return [found[ids] for ids in coded]

        return verdicts

    def _known(self, coded: Sequence[Ids]) -> tuple[dict[Ids, Verdict], list[Ids]]:
        """What the table holds, and the windows that it does not. Raises `UsageError` for a window that is too long."""
        self._check(max((len(ids) for ids in coded), default=0))
        found: dict[Ids, Verdict] = {}
        missing: list[Ids] = []
        for ids in dict.fromkeys(coded) if self.table.size else coded:
            known = self.table.get(self._key(ids))
            if known is None:
                missing.append(ids)
            else:
                found[ids] = known
        return found, missing

    def _each(self, windows: Sequence[Ids]) -> Iterator[tuple[np.ndarray, Concluding]]:
        for batch in batches(windows, self.panel.cost, self.options.batch_tokens):
            yield batch, self.panel.asked(batch, self.options.vote, self.threshold.value)

    def _keep(self, batch: np.ndarray, concluding: Concluding, found: dict[Ids, Verdict]) -> None:
        for row, verdict in zip(batch.tolist(), self._numbers(concluding()), strict=True):
            found[tuple(row)] = verdict
            self.table.put(self._key(row), verdict)

    def _numbers(self, verdicts: list[Verdict]) -> list[Verdict]:
        """A value that is no number would lie below every threshold, and so pass for ordinary. Raises `ContractBroken`."""
        if not all(isfinite(verdict.value) for verdict in verdicts):
            raise ContractBroken(f"{self._reference} gave a window a value that is no number; report it to who trained it")
        return verdicts

    def _check(self, longest: int) -> None:
        reads = self.bundle.manifest.max_length
        if longest > reads:
            raise UsageError(f"a window of {longest - 2} events is longer than {self._reference} reads: {reads - 2}")

    def _key(self, ids: Sequence[int]) -> tuple[str, str, bytes]:
        return self._digest, self._policy, np.array(ids, dtype=np.uint32).tobytes()
