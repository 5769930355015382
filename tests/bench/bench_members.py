"""25 LogBERT members over the whole HDFS set: trained side by side, and asked, against 25 of them one after another.

    python tests/bench/bench_members.py

- *training*: optimizer steps of 25 members on the member axis against the same steps of 25 models in turn, on one CPU thread. Target: 1.0.
- *scoring*: all 570,204 test sessions through a `Scorer` (distinct windows once, exact lengths, the vote that stops early) against 25
  onnxruntime sessions of one member each, one after another over every session in batches of up to 64 of one length; those are timed on a
  sample of sessions drawn evenly and scaled up. Verdicts on the sample must be those of the full vote. Target: 40.
- Peak memory of training and scoring is told without a target; `--set together=5` bounds it.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from ratios import told

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import onnxruntime
from bench_scoring import KEYS, bundle_of, sessions

from logsentry.learn.logbert.ensemble import LogBertEnsemble
from logsentry.scoring.panel import by_length
from logsentry.scoring.scorer import Options, Scorer
from logsentry.text.vocabulary import FIRST_KEY

MEMBERS, FEW, MANY, SAMPLE, BATCH = 25, 5, 35, 1500, 64
SMALL = {"width": 64, "layers": 2}


def steps(members: int, train: list[tuple[int, ...]]) -> float:
    """CPU seconds of `MANY` - `FEW` optimizer steps: a long run less a short one, so that what comes once drops out."""
    spent = []
    for number in (FEW, MANY):
        detector = LogBertEnsemble(LogBertEnsemble.Config(members=members, max_steps=number, **SMALL))
        began = time.process_time()
        detector.fit(train, KEYS + FIRST_KEY, seed=1, progress=lambda done, total, note: None)
        spent.append(time.process_time() - began)
    return spent[1] - spent[0]


def training(train: list[tuple[int, ...]]) -> float:
    together = min(steps(MEMBERS, train) for _ in range(2))
    alone = min(steps(1, train) for _ in range(4))
    print(
        f"  {MANY - FEW} steps of 25 members: {together:.2f} s side by side, {MEMBERS * alone:.2f} s in turn; peak {peak():.0f} MB"
    )
    return MEMBERS * alone / together


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plain_session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def in_turn(windows: list[tuple[int, ...]], folder: Path) -> float:
    """CPU seconds of 25 plain sessions over every window; one member's session stands for each, since all are of one shape."""
    one = plain_session((folder / "model.onnx").read_bytes())
    began = time.process_time()
    for _ in range(MEMBERS):
        for _, same in by_length(windows):
            for at in range(0, len(same), BATCH):
                one.run(None, {"ids": np.array(same[at : at + BATCH]), "stride": np.array(2), "groups": np.array([True])})
    return time.process_time() - began


def scoring(train: list[tuple[int, ...]], folder: Path) -> float:
    every = sessions("hdfs_test_normal") + sessions("hdfs_test_abnormal")
    random.Random(1).shuffle(every)
    bundle = bundle_of(train, folder / "store", members=MEMBERS, max_steps=60)
    early, whole = Scorer(bundle, Options(vote="majority-early")), Scorer(bundle, Options())
    began = time.process_time()
    judged = early.judge(every)
    ours = time.process_time() - began
    sample, threshold = every[:SAMPLE], whole.threshold.value
    full = [verdict.value >= threshold for verdict in whole.judge(sample)]
    if full != [verdict.value >= threshold for verdict in judged[:SAMPLE]]:
        raise SystemExit("stopping early changes verdicts")
    solo = LogBertEnsemble(LogBertEnsemble.Config(members=1, max_steps=2, **SMALL))
    solo.fit(train, KEYS + FIRST_KEY, seed=1, progress=lambda done, total, note: None)
    solo.export(folder / "solo", train[:64])
    theirs = in_turn(sample, folder / "solo") * len(every) / SAMPLE
    print(
        f"  {len(every):,} sessions, {len(early.table):,} judged: {ours:.0f} s, 25 sessions in turn {theirs:.0f} s; peak {peak():.0f} MB"
    )
    return theirs / ours


def main() -> int:
    train = sessions("hdfs_train")
    with tempfile.TemporaryDirectory() as folder:
        found = [("training 25 members side by side", training(train), 1.0)]
        found.append(("scoring all HDFS sessions with 25 members", scoring(train, Path(folder)), 40.0))
    for name, ratio, target in found:
        told(name, ratio, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
