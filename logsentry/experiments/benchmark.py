"""Labelled windows to compare detectors on: what they were trained on, and the distinct test windows with how often each came.

Reading a data set into this form is for `hdfs_data`, `bgl_data` and `thunderbird_data`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from logsentry.errors import InputError, UsageError
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

Window = tuple[int, ...]
Counts = NDArray[np.int64]


class Benchmark(msgspec.Struct, frozen=True, eq=False, dict=True):
    """`keys` counts the ids, special ones included; `texts` is what each of them stands for, empty where that is unknown. `rule_texts`
    is the same for rules alone, where it comes from elsewhere than the data.

    `train` are normal windows in the order of the data, as often as they came. `windows` are the distinct test windows, of which
    `normal[i]` and `abnormal[i]` came with each label. `fixed_keys`: no key was learned from lines, so none is unknown. `paper_keys`
    is the least number of keys of a session that the *paper* protocol counts, 0 where there is no such protocol.
    """

    name: str
    title: str
    keys: int
    train: list[Window]
    windows: list[Window]
    normal: Counts
    abnormal: Counts
    texts: tuple[str, ...] = ()
    rule_texts: tuple[str, ...] = ()
    fixed_keys: bool = False
    paper_keys: int = 0
    caution: str = ""
    source: str = ""
    citation: str = ""

    @cached_property
    def paper(self) -> NDArray[np.bool_]:
        """Which test windows the *paper* protocol counts."""
        return np.array([len(window) - 2 >= self.paper_keys for window in self.windows], dtype=bool)

    @property
    def protocols(self) -> dict[str, NDArray[np.bool_]]:
        """Protocol -> which distinct test windows it counts; one that counts no abnormal window measures nothing, and is left out."""
        every = np.ones(len(self.windows), dtype=bool)
        asked = bool(self.paper_keys and self.abnormal[self.paper].any())
        return {"paper": self.paper, "honest": every} if asked else {"honest": every}

    @cached_property
    def digest(self) -> str:
        """Changes with anything that a trial may read."""
        content = [self.name, self.keys, self.train, self.windows, self.normal.tolist(), self.abnormal.tolist(), self.texts]
        return hashlib.sha256(msgspec.json.encode([*content, *self.rule_texts])).hexdigest()

    def contradictory(self) -> list[int]:
        """Distinct test windows that came with both labels, the longest last: nothing that reads keys alone gets all of them right."""
        both = np.flatnonzero((self.normal > 0) & (self.abnormal > 0))
        return sorted(both.tolist(), key=lambda i: (len(self.windows[i]), self.windows[i]))

    def said(self, window: Window) -> str:
        """The keys of a window as the data numbers them, from 1 on; `?` is a key unseen in training."""
        inner = [key for key in window if key not in (BEGIN, END)]
        return " ".join(str(key - FIRST_KEY + 1) if key >= FIRST_KEY else "?" for key in inner)

    def sample(self, sessions: int, seed: int) -> Benchmark:
        """So many test windows drawn evenly, whatever their label: precision and recall are then right on average."""
        both = np.concatenate([self.normal, self.abnormal])
        if both.sum() <= sessions:
            return self
        drawn = np.random.default_rng(seed).multivariate_hypergeometric(both, sessions, method="marginals")
        normal, abnormal = drawn[: len(self.normal)], drawn[len(self.normal) :]
        kept = np.flatnonzero(normal + abnormal)
        return msgspec.structs.replace(
            self, windows=[self.windows[i] for i in kept], normal=normal[kept], abnormal=abnormal[kept]
        )


def benchmark(name: str, *, normal: Iterable[Window], abnormal: Iterable[Window], **rest: Any) -> Benchmark:
    """A benchmark from test windows of each label; raises `InputError` where a part is empty, so that nothing could be measured."""
    counted, failed = Counter(normal), Counter(abnormal)
    for part, what in ((rest["train"], "normal training"), (counted, "normal test"), (failed, "abnormal test")):
        if not part:
            raise InputError(f"the data of {name} hold no {what} window, so nothing can be measured; give more of them")
    windows = sorted(counted.keys() | failed.keys())
    return Benchmark(
        name=name,
        windows=windows,
        normal=np.array([counted[window] for window in windows]),
        abnormal=np.array([failed[window] for window in windows]),
        **rest,
    )


def need_windows(benchmark: Benchmark, least: int) -> None:
    """Raises `UsageError` where so few windows were cut that no share of them can be held back."""
    if len(benchmark.train) < least:
        raise UsageError(f"{benchmark.title} leaves {len(benchmark.train)} training windows; take shorter windows or more data")
