"""A small trial that is real: an ensemble that remembers pairs of keys, each member those of its own bootstrap sample."""

from __future__ import annotations

import lzma
import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from logsentry.experiments.benchmark import Benchmark, Window
from logsentry.experiments.ratings import Method, Ratings, Trial
from logsentry.sdk import Progress


def remembering(method: Method, benchmark: Benchmark, seed: int, progress: Progress) -> Ratings:
    """`members` are 1 for `counting`, which sees all it may fit on; the last fifth is held back."""
    cut = len(benchmark.train) * 4 // 5
    fit, held_back = benchmark.train[:cut], benchmark.train[cut:]
    draw, count = random.Random(seed), method.options.get("members", 1)
    samples = [fit if count == 1 else draw.choices(fit, k=len(fit)) for _ in range(count)]
    known = [{pair for window in sample for pair in pairwise(window)} for sample in samples]
    progress(1, 2, "remembered")
    test, normal = _unseen(known, benchmark.windows), _unseen(known, held_back)
    return Ratings(_mean(test), _mean(normal), test, normal, {"pairs": float(len(known[0]))})


def _unseen(known: list[set[tuple[int, int]]], windows: list[Window]) -> list[list[float]]:
    return [[float(sum(pair not in pairs for pair in pairwise(window))) for window in windows] for pairs in known]


def _mean(members: list[list[float]]) -> list[float]:
    return [sum(column) / len(column) for column in zip(*members, strict=True)]


@pytest.fixture(scope="session")
def trial() -> Trial:
    return remembering


def hdfs_lines(count: int, draw: random.Random, odd: bool) -> list[str]:
    """Sessions of 12 or 13 keys, some with one too few or an unknown one; odd ones end early or go backwards."""
    lines = []
    for _ in range(count):
        keys = [5, 5, 22, 5, 11, 9, 11, 9, 11, 9, 26, 26] + [26] * draw.randrange(2)
        if odd:
            keys = draw.choice([keys[:3], keys[::-1], [*keys, 28], keys])
        lines.append(" ".join(map(str, keys)))
    return lines


@pytest.fixture(scope="session")
def hdfs_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of logdeep's split, small enough for a moment; two strings of keys have both labels."""
    folder, draw = tmp_path_factory.mktemp("hdfs"), random.Random(7)
    (folder / "hdfs_train").write_text("\n".join(hdfs_lines(300, draw, False)) + "\n")
    (folder / "hdfs_test_abnormal").write_text("\n".join(hdfs_lines(40, draw, True)) + "\n")
    with lzma.open(folder / "hdfs_test_normal.xz", "wt") as file:
        file.write("\n".join(hdfs_lines(500, draw, False)) + "\n")
    return folder


@pytest.fixture
def hdfs_folder(hdfs_files: Path, tmp_path: Path) -> Path:
    """A copy of the same that a test may spoil."""
    return Path(shutil.copytree(hdfs_files, tmp_path / "hdfs"))
