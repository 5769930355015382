"""Scoring each distinct window once, and starting to score, against the plain ways of doing the same.

    python tests/bench/bench_scoring.py

- *distinct*: all 575,059 HDFS sessions through `Scorer.judge` with its table, against the same calls with the table off (a part of them,
  scaled up). Told as forward passes saved and as time saved. Target: 25 times. The distinct sessions are longer than the common
  ones, so the time saved cannot be more than the ratio of tokens, 22.7.
- *start*: wall time and peak memory of `logsentry score` on one line against a process that imports torch and answers one window
  with weights of the same shapes. Target: at most a quarter of each.
"""

from __future__ import annotations

import lzma
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ratios import told

os.environ.setdefault("OMP_NUM_THREADS", "1")

import orjson

from logsentry.pipeline.finding import DEMO_BUNDLE
from logsentry.schema.profile import Profile, Windowing
from logsentry.scoring.calibrating import calibrate
from logsentry.scoring.scorer import Options, Scorer
from logsentry.store.bundles import Store
from logsentry.store.manifest import SCHEMA_VERSION, FileEntry, Manifest, TrainingData
from logsentry.store.verified import Bundle
from logsentry.text.logkeys import LogKeys
from logsentry.text.templates import TemplateConfig, TemplateMiner
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, Vocabulary

HDFS = Path(os.environ.get("LOGSENTRY_DATA", "../shared/data")) / "loganomaly" / "hdfs_logdeep"
KEYS = 28
CALL = 16_384
PART = 2 * CALL


def sessions(name: str) -> list[tuple[int, ...]]:
    with lzma.open(HDFS / f"{name}.xz", "rt") as lines:
        return [(BEGIN, *(int(key) + FIRST_KEY - 1 for key in line.split()), END) for line in lines]


def bundle_of(train: list[tuple[int, ...]], folder: Path, members: int = 5, max_steps: int = 200) -> Bundle:
    """A small ensemble trained for a minute on the HDFS training sessions, stored as any bundle is."""
    from logsentry.learn.logbert.ensemble import (
        LogBertEnsemble,  # torch would count in the memory of every process started from here
    )

    detector = LogBertEnsemble(LogBertEnsemble.Config(members=members, width=64, layers=2, max_steps=max_steps))
    cut = len(train) * 4 // 5
    detector.fit(train[:cut], KEYS + FIRST_KEY, seed=1, progress=lambda done, total, note: None)
    keys = LogKeys(Profile((), Windowing()), TemplateMiner(TemplateConfig()), Vocabulary.build({}, {}, 1))
    store = Store(folder)
    with store.incoming() as incoming:
        parts = tuple(detector.export(incoming, train[:cut]))
        (incoming / "logkeys.json").write_bytes(orjson.dumps(keys.to_json()))
        found = calibrate(incoming, parts, KEYS + FIRST_KEY, train[cut:], {"stride": 2}, 1000.0, 5.0)
        (incoming / "calibration.json").write_bytes(found.to_bytes())

        def describe(files: dict[str, FileEntry]) -> Manifest:
            return Manifest(
                SCHEMA_VERSION, "logbert-ensemble", "hdfs", "0", 23, KEYS + FIRST_KEY, detector.max_length, parts, 1,
                TrainingData("", 0, 0, "", ""), files, {}, {},
            )  # fmt: skip

        return store.put(incoming, "hdfs", describe)


def distinct() -> list[tuple[str, float, float]]:
    train = sessions("hdfs_train")
    everything = train + sessions("hdfs_test_normal") + sessions("hdfs_test_abnormal")
    random.Random(1).shuffle(everything)
    with tempfile.TemporaryDirectory() as folder:
        bundle = bundle_of(train, Path(folder))
    once, each = Scorer(bundle, Options()), Scorer(bundle, Options(table=0))
    began = time.process_time()
    values = [judgement.value for at in range(0, len(everything), CALL) for judgement in once.judge(everything[at : at + CALL])]
    with_table = time.process_time() - began
    began = time.process_time()
    plain = [judgement.value for at in range(0, PART, CALL) for judgement in each.judge(everything[at : at + CALL])]
    without = (time.process_time() - began) * len(everything) / PART
    worst = max(abs(one - other) for one, other in zip(values, plain, strict=False))
    tokens = sum(map(len, everything)) / sum(map(len, set(everything)))
    print(f"  {len(everything):,} sessions, {len(once.table):,} judged, tokens {tokens:.1f} to 1, in calls of {CALL:,}:")
    print(f"  {with_table:.1f} s with the table, {without:.0f} s without (from {PART:,}); values differ by at most {worst:.1e}")
    if worst > 1e-5:
        raise SystemExit("the table changes scores")
    passes = len(everything) / len(once.table)
    return [
        ("distinct windows, forward passes saved", passes, 25.0),
        ("distinct windows, time saved", without / with_table, 25.0),
    ]


def spent(command: list[str], stdin: bytes) -> tuple[float, int]:
    """Wall seconds and peak kilobytes of one process, as the kernel accounts for it: at least those of this process when it forked."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - began, usage.ru_maxrss


MODEL = """
import json, sys, torch
from logsentry.learn.logbert.model import LogBert, Size
from logsentry.learn.logbert.settings import Config
config = Config(**json.loads(sys.argv[3]))
size = Size(int(sys.argv[2]), config.width, config.layers, config.heads, config.inner, config.max_length)
model = LogBert(int(sys.argv[1]), size)
"""
ANSWER = """
from logsentry.learn.logbert.masking import complementary
model.load_state_dict(torch.load(sys.argv[4], weights_only=True))
with torch.no_grad():
    model.eval()(*complementary(torch.tensor([[3, 6, 7, 4]]), 2))
"""


def start() -> list[tuple[str, float, float]]:
    line = b'1.2.3.4 - - [19/May/2015:00:00:01 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0"\n'
    manifest = orjson.loads((DEMO_BUNDLE / "manifest.json").read_bytes())
    shape = [str(sum(manifest["parts"][0]["groups"])), str(manifest["keys"]), orjson.dumps(manifest["detector_config"]).decode()]
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "weights.pt")
        subprocess.run([sys.executable, "-c", MODEL + "torch.save(model.state_dict(), sys.argv[4])", *shape, weights], check=True)
        ours = [sys.executable, "-m", "logsentry", "score", "--bundle", "demo", "-"]
        theirs = [sys.executable, "-c", MODEL + ANSWER, *shape, weights]
        runs = [(spent(ours, line), spent(theirs, b"")) for _ in range(7)]
    for (seconds, kilobytes), who in ((min(ours for ours, _ in runs), "logsentry score"), (min(t for _, t in runs), "torch")):
        print(f"  {who}: {seconds:.2f} s, {kilobytes / 1024:.0f} MB")
    times, memory = (min(t[k] for _, t in runs) / min(o[k] for o, _ in runs) for k in (0, 1))
    return [("start of scoring, torch's time over ours", times, 4.0), ("start of scoring, torch's memory over ours", memory, 4.0)]


def main() -> int:
    for name, ratio, target in [*start(), *distinct()]:
        told(name, ratio, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
