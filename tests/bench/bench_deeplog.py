"""DeepLog over all windows of the HDFS test sessions, against a loop that asks one window at a time.

    python tests/bench/bench_deeplog.py

A window is what DeepLog's authors call one: the ten keys before a key that is to be guessed. Ours goes from 570,204 sessions to
evidence against each: distinct sessions once, windows of one length together, distinct contexts once. The loop asks the same
onnxruntime session about one context a call; it is timed on a sample and scaled up to all windows. The model is trained for a few
steps only, since what it knows does not change what it costs. Target: 300 times.
"""

from __future__ import annotations

import lzma
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ratios import told

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from logsentry.learn.next_key.deeplog import DeepLog
from logsentry.scoring.next_key import NextKey, NextKeySession, replay_next_key
from logsentry.sdk import Part
from logsentry.text.contexts import contexts_of, distinct
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

HDFS = Path(os.environ.get("LOGSENTRY_DATA", "../shared/data")) / "loganomaly" / "hdfs_logdeep"
KEYS = FIRST_KEY + 28
SAMPLE = 3000
TARGET = 300.0
Window = tuple[int, ...]


def sessions(name: str) -> list[Window]:
    with lzma.open(HDFS / f"{name}.xz", "rt") as lines:
        return [(BEGIN, *(int(key) + FIRST_KEY - 1 for key in line.split()), END) for line in lines]


def session() -> tuple[NextKeySession, Part]:
    detector = DeepLog(DeepLog.Config(max_steps=60))
    train = sessions("hdfs_train")
    detector.fit(train, KEYS, seed=1, progress=lambda done, total, note: None)
    with tempfile.TemporaryDirectory() as folder:
        (part,) = detector.export(Path(folder), train[:64])
        model, probe = ((Path(folder) / file).read_bytes() for file in (part.graphs[0].file, part.probe))
    opened = NextKeySession(model, part.graphs[0])
    replay_next_key(opened, probe, "the bench's model")
    return opened, part


def ours(judge: NextKey, everything: Sequence[Window]) -> tuple[np.ndarray, int]:
    """Evidence against every session `[sessions, kinds]`, and how many of them are distinct."""
    place: dict[Window, int] = {}
    which = np.fromiter((place.setdefault(window, len(place)) for window in everything), np.intp, len(everything))
    by_length: dict[int, list[Window]] = defaultdict(list)
    for window in place:
        by_length[len(window)].append(window)
    evidence = np.empty((len(place), len(judge.kinds)))
    for windows in by_length.values():
        evidence[[place[window] for window in windows]] = judge.ask(np.array(windows)).evidence[0]
    return evidence[which], len(place)


def one_at_a_time(opened: NextKeySession, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Ranks, surprises and seconds of a loop over rows `[rows, history + 1]`."""
    ranks, surprises, run = [], [], opened._session.run
    began = time.process_time()
    for row in rows:
        rank, surprise, _ = run(["rank", "surprise", "expected"], {"context": row[None, :-1], "truth": row[-1:]})
        ranks.append(rank[0])
        surprises.append(surprise[0])
    return np.array(ranks), np.array(surprises), time.process_time() - began


def main() -> int:
    opened, part = session()
    everything = sessions("hdfs_test_normal") + sessions("hdfs_test_abnormal")
    history, windows = part.settings["history"], sum(len(window) - 1 for window in everything)
    rows = distinct(contexts_of(sorted(set(everything)), history)).rows
    sample = rows[np.random.default_rng(0).choice(len(rows), SAMPLE, replace=False)]
    together, (ranks, surprises, _) = opened.run(sample), one_at_a_time(opened, sample)
    moved = np.abs(together.surprise - surprises).max()
    differ = float((together.rank != ranks).mean())
    first, _ = ours(NextKey(opened, KEYS, part.settings), everything[:200])
    plain = [evidence_alone(opened, part, window) for window in everything[:200]]
    if moved > 1e-4 or differ > 1e-3 or not np.allclose(first, plain, atol=1e-4):
        print(f"the answers differ: a surprise by {moved:.1e} nats, {differ:.2%} of the ranks")
        return 1
    spent, at_once, alike = np.inf, np.inf, 0
    for _ in range(3):
        spent = min(spent, one_at_a_time(opened, sample)[2] / SAMPLE)
        began = time.process_time()
        _, alike = ours(NextKey(opened, KEYS, part.settings), everything)
        at_once = min(at_once, time.process_time() - began)
    print(
        f"  {len(everything):,} sessions, {alike:,} distinct; {windows:,} windows, {len(np.unique(rows[:, :-1], axis=0)):,} distinct"
    )
    print(
        f"  contexts and {len(rows):,} with the key that followed; one at a time {1e6 * spent:.0f} us each, so {spent * windows:.0f} s"
    )
    print(f"  in all; at once {at_once:.2f} s")
    ratio = spent * windows / at_once
    told("DeepLog over all HDFS windows", ratio, TARGET)
    return 0


def evidence_alone(opened: NextKeySession, part: Part, window: Window) -> list[float]:
    """The kinds of evidence against one window by their definitions, from the loop's answers; top-g is 1 where nothing tuned it."""
    ranks, surprises, _ = one_at_a_time(opened, contexts_of([window], part.settings["history"]))
    surprises = np.minimum(surprises.astype(float), np.log1p(part.settings["predictions"]))
    return [surprises.mean(), surprises.sum(), ranks.max(), (ranks >= 1).mean()]


if __name__ == "__main__":
    raise SystemExit(main())
