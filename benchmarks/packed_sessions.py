"""HDFS log-key sessions in one small file, for a machine that has no data sets: 90 kilobytes for 575,059 sessions.

HDFS may not be published (Loghub's terms allow research alone), so such a file is made where LOGSENTRY_DATA is and not committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from logsentry.errors import InputError

Window = tuple[int, ...]
GROUPS = ("train", "normal", "abnormal")


class Sessions(NamedTuple):
    """Distinct windows of key ids, each with its begin and end key, and how often each came."""

    windows: list[Window]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.counts.sum())

    def every(self) -> list[Window]:
        return [window for window, count in zip(self.windows, self.counts.tolist(), strict=True) for _ in range(count)]

    def some(self, number: int, seed: int = 1) -> Sessions:
        """So many sessions drawn evenly, or all where there are fewer."""
        drawn = np.random.default_rng(seed).multivariate_hypergeometric(self.counts, min(number, len(self)), method="marginals")
        kept = np.flatnonzero(drawn)
        return Sessions([self.windows[place] for place in kept], drawn[kept])


def counted(windows: Iterable[Window]) -> Sessions:
    """In sorted order."""
    found = sorted(Counter(windows).items())
    return Sessions([window for window, _ in found], np.array([count for _, count in found], np.int64))


def staged() -> dict[str, Sessions]:
    """The groups `train`, `normal` and `abnormal` of the data sets of LOGSENTRY_DATA. Raises `InputError` where they are not."""
    from logsentry.experiments import hdfs_data

    hdfs = hdfs_data.read()
    found = {"train": counted(hdfs.train)}
    for name, counts in (("normal", hdfs.normal), ("abnormal", hdfs.abnormal)):
        came = np.flatnonzero(counts)
        found[name] = Sessions([hdfs.windows[place] for place in came], counts[came])
    return found


def pack(found: dict[str, Sessions], file: Path) -> None:
    """Of each group the keys of its distinct windows one after another, their lengths and their counts."""
    arrays: dict[str, NDArray[np.unsignedinteger]] = {}
    for name, (windows, counts) in found.items():
        arrays[f"{name}_keys"] = np.array([key for window in windows for key in window], np.uint8)
        arrays[f"{name}_lengths"] = np.array([len(window) for window in windows], np.uint16)
        arrays[f"{name}_counts"] = counts.astype(np.uint32)
    with file.open("wb") as to:
        np.savez_compressed(to, allow_pickle=False, **arrays)


def unpack(file: Path) -> dict[str, Sessions]:
    """Raises `InputError` where the file is not there or not such a one."""
    found = {}
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as data:
            for name in GROUPS:
                keys, lengths, counts = (data[f"{name}_{part}"].astype(np.int64) for part in ("keys", "lengths", "counts"))
                windows = [tuple(part.tolist()) for part in np.split(keys, lengths.cumsum()[:-1])]
                found[name] = Sessions(windows, counts)
    except (OSError, EOFError, BadZipFile, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{file} holds no packed sessions; make it with --pack where the data are") from error
    return found
