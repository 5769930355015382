"""How well `logbert-ensemble` tells failed HDFS sessions from ordinary ones, beside plain counting, on all 570,204 test sessions.

    python benchmarks/hdfs_logbert.py --members 1 5 --strides 2 every

Trains on 80 % of the 4,855 training sessions of the logdeep split and sets every threshold on the other 20 %, never on test
labels. Distinct sessions are scored once and counted as often as they came. Two protocols: *paper* (sessions of at least 10 keys,
as LogBERT's authors evaluate) and *all*. Figures are precision, recall, F1, and false alarms in 100,000 normal sessions. The data are
found through LOGSENTRY_DATA. `--sample N` takes N distinct test sessions of each kind instead of all, for a first look.
"""

from __future__ import annotations

import argparse
import lzma
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from logsentry.learn.ensemble import LogBertEnsemble
from logsentry.learn.settings import Config
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

DATA = Path(os.environ.get("LOGSENTRY_DATA", Path(__file__).parents[1] / "../shared/data")) / "loganomaly/hdfs_logdeep"
KEYS = FIRST_KEY + 28
Window = tuple[int, ...]
Floats = NDArray[np.float64]


def sessions(name: str) -> list[Window]:
    """Windows of ids; the data's keys 1 to 28 become the ids 5 to 32."""
    with lzma.open(DATA / f"{name}.xz", "rt") as lines:
        return [(BEGIN, *(int(key) + FIRST_KEY - 1 for key in line.split()), END) for line in lines]


class Test:
    """Distinct test sessions with the number of normal and of abnormal sessions that are equal to each."""

    def __init__(self, sample: int, seed: int) -> None:
        normal, abnormal = Counter(sessions("hdfs_test_normal")), Counter(sessions("hdfs_test_abnormal"))
        if sample:
            draw = random.Random(seed)
            normal = Counter({w: normal[w] for w in draw.sample(sorted(normal), min(sample, len(normal)))})
            abnormal = Counter({w: abnormal[w] for w in draw.sample(sorted(abnormal), min(sample, len(abnormal)))})
        self.windows = sorted(set(normal) | set(abnormal))
        self.normal = np.array([normal[w] for w in self.windows])
        self.abnormal = np.array([abnormal[w] for w in self.windows])
        self.long = np.array([len(w) - 2 >= 10 for w in self.windows])

    def row(self, name: str, alarm: NDArray[np.bool_]) -> str:
        cells = []
        for kept in (self.long, np.ones_like(self.long)):
            tp, fp = self.abnormal[alarm & kept].sum(), self.normal[alarm & kept].sum()
            precision, recall = tp / max(tp + fp, 1), tp / self.abnormal[kept].sum()
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            cells.append(f"{precision:.3f} | {recall:.3f} | {f1:.3f} | {100_000 * fp / self.normal[kept].sum():7.0f}")
        return f"| {name:58} | {' | '.join(cells)} |"


HEAD = f"| {'detector':58} | P paper | R | F1 | FA/100k | P all | R | F1 | FA/100k |\n|{'---|' * 9}"


def score(session: onnxruntime.InferenceSession, windows: Sequence[Window], stride: int, groups: int) -> dict[str, Floats]:
    """Of each member and window, [members, windows]: the largest rank, the share of keys ranked past 6, the distance."""
    values: dict[str, list[tuple[int, Floats]]] = {"largest rank": [], "share past 6": [], "distance": []}
    order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
    at = 0
    while at < len(order):
        length = len(windows[order[at]])
        size = max(1, 16_384 // (length * min(stride, length)))
        batch = [i for i in order[at : at + size] if len(windows[i]) == length]
        ids = np.array([windows[i] for i in batch])
        ranks, distance, _ = session.run(None, {"ids": ids, "stride": np.array(stride), "groups": np.ones(groups, bool)})
        for row, i in enumerate(batch):
            values["largest rank"].append((i, ranks[:, row].max(-1)))
            values["share past 6"].append((i, (ranks[:, row, 1:] > 6).mean(-1)))
            values["distance"].append((i, distance[:, row]))
        at += len(batch)
    return {name: np.stack([value for _, value in sorted(pairs, key=lambda p: p[0])], 1) for name, pairs in values.items()}


def majority(test: Floats, held_back: Floats, quantile: float) -> NDArray[np.bool_]:
    """Each member's own threshold is a quantile of its held-back values; more than half must be past theirs."""
    threshold = np.quantile(held_back, quantile, axis=1, method="higher", keepdims=True)
    return (test > threshold).mean(0) > 0.5


def counting(train: Iterable[Window]) -> dict[str, Callable[[Window], bool]]:
    """Detectors without a model: what has never been seen."""
    keys = {key for window in train for key in window}
    vectors = {tuple(sorted(window)) for window in train}
    lengths = {len(window) for window in train}
    return {
        "counting: unseen key": lambda w: not keys.issuperset(w),
        "counting: unseen key or length": lambda w: not keys.issuperset(w) or len(w) not in lengths,
        "counting: unseen count vector": lambda w: tuple(sorted(w)) not in vectors,
    }


def trial(config: Config, train: list[Window], held_back: list[Window], test: Test, seed: int, strides: Sequence[str]) -> None:
    detector = LogBertEnsemble(config)
    figures = detector.fit(train, KEYS, seed=seed, progress=lambda done, total, note: None)
    title = f"{config.members} x {config.layers} x {config.width}, seed {seed}"
    print(f"<!-- {title}: {figures['steps']:.0f} steps in {figures['seconds']:.0f} s, loss {figures['loss']:.3f}, "
          f"distance {figures['distance']:.3f} -->", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        detector.export(Path(folder), train[:64])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(Path(folder) / "model.onnx", options, providers=["CPUExecutionProvider"])
    distinct = sorted(set(held_back))
    repeat = [distinct.index(window) for window in held_back]
    for name in strides:
        stride = 1_000_000 if name == "every" else int(name)
        began = time.perf_counter()
        groups = len(config.vote_groups)
        normal, scored = score(session, distinct, stride, groups), score(session, test.windows, stride, groups)
        took = time.perf_counter() - began
        for value, quantile in [("largest rank", 0.995), ("largest rank", 0.999), ("share past 6", 0.995), ("distance", 0.995)]:
            alarm = majority(scored[value], normal[value][:, repeat], quantile)
            print(test.row(f"{title}, mask {name}: {value} > {quantile:.1%}", alarm), flush=True)
        both = majority(scored["largest rank"], normal["largest rank"][:, repeat], 0.9975)
        both |= majority(scored["distance"], normal["distance"][:, repeat], 0.9975)
        print(test.row(f"{title}, mask {name}: rank or distance > 99.75%", both), flush=True)
        print(f"<!-- scored {len(test.windows) + len(distinct)} distinct sessions in {took:.0f} s -->", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--strides", nargs="+", default=["2"], help="numbers, or `every`")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="other settings of the detector")
    options = parser.parse_args()
    every = sessions("hdfs_train")
    random.Random(0).shuffle(every)
    cut = len(every) * 4 // 5
    train, held_back, test = every[:cut], every[cut:], Test(options.sample, 0)
    settings: dict[str, Any] = {field: msgspec.json.decode(value) for field, value in (text.split("=") for text in options.set)}
    print(HEAD)
    for name, unseen in counting(train).items():
        print(test.row(name, np.array([unseen(window) for window in test.windows])))
    for members in options.members:
        for seed in options.seeds:
            config = msgspec.convert({"members": members, **settings}, Config)
            trial(config, train, held_back, test, seed, options.strides)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
