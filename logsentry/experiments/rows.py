"""From the trials of one method to its rows: each protocol, each share of false alarms, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.intervals import Bootstrap, Four, Interval, over_seeds
from logsentry.experiments.measures import Curve, Flags, Measured, alarms, attainable, curve, measured
from logsentry.experiments.ratings import Method
from logsentry.experiments.trials import Finished

SHARES = (0.001, 0.0025, 0.005, 0.01)
"""Shares of normal windows that may alert. All are in the CSV."""
STATED = 0.0025
"""The share of the main tables: two of 971 held-back HDFS sessions. Chosen among these four after a look at two seeds' results."""


class Row(msgspec.Struct, frozen=True):
    """A method under one protocol at one share. `sure` says where its intervals come from; `best` is not attainable by anybody.

    `vouched` is false where too few windows were held back for the share. `seconds` is the mean wall time of a trial.
    """

    method: Method
    protocol: str
    share: float
    seeds: int
    sure: str
    precision: Interval
    recall: Interval
    f1: Interval
    false_alarms: Interval
    best: float
    vouched: bool
    seconds: float


SEEDS = "t over seeds"
WINDOWS = "bootstrap over distinct windows"


class Tables:
    """Makes rows for one benchmark; what it draws for intervals is drawn once."""

    def __init__(self, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        self._drawn: dict[str, Bootstrap] = {}

    def rows(self, method: Method, finished: Sequence[Finished]) -> list[Row]:
        """One for each protocol and share, from the same method with different seeds."""
        return [
            self._row(method, finished, protocol, kept, share)
            for protocol, kept in self.benchmark.protocols.items()
            for share in SHARES
        ]

    def _row(self, method: Method, finished: Sequence[Finished], protocol: str, kept: Flags, share: float) -> Row:
        normal, abnormal = self.benchmark.normal[kept], self.benchmark.abnormal[kept]
        flags = [alarms(one.ratings.values, one.ratings.held_back, share)[kept] for one in finished]
        each = [measured(alarm, normal, abnormal) for alarm in flags]
        best = [curve(np.asarray(one.ratings.values)[kept], normal, abnormal).best for one in finished]
        sure, intervals = self._intervals(protocol, flags[0], each, kept)
        return Row(
            method,
            protocol,
            share,
            len(finished),
            sure,
            *intervals,
            float(np.mean(best)),
            all(attainable(len(one.ratings.held_back), share) for one in finished),
            float(np.mean([one.seconds for one in finished])),
        )

    def _intervals(self, protocol: str, alarm: Flags, each: Sequence[Measured], kept: Flags) -> tuple[str, Four]:
        """Where seeds change nothing, as for counting, they say nothing about how sure it is."""
        if len(set(each)) > 1:
            precision, recall, f1, false_alarms = (over_seeds(values) for values in zip(*each, strict=True))
            return SEEDS, (precision, recall, f1, false_alarms)
        if protocol not in self._drawn:
            self._drawn[protocol] = Bootstrap(self.benchmark.normal[kept], self.benchmark.abnormal[kept])
        return WINDOWS, self._drawn[protocol].intervals(alarm, each[0])

    def curve(self, finished: Finished) -> Curve:
        """Over all thresholds, on all test windows."""
        return curve(finished.ratings.values, self.benchmark.normal, self.benchmark.abnormal)
