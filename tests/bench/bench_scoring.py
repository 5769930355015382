"""Scoring each distinct window once, and starting to score, against the plain ways of doing the same.

    python tests/bench/bench_scoring.py

- *distinct*: all 575,059 HDFS sessions through `Scorer.judge` against judging every session (measured on a sample of them, in
  batches of equal length, and scaled up). Target: 25 times.
- *start*: wall time and peak memory of `logsentry score` on one line against a process that imports torch and answers one window
  with the same weights. Target: at most a quarter of each.
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

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import orjson

from logsentry.learn.ensemble import LogBertEnsemble
from logsentry.pipeline.run import DEMO_BUNDLE
from logsentry.schema.profile import Profile, Windowing
from logsentry.scoring.calibrating import calibrate
from logsentry.scoring.scorer import Options, Scorer, by_length
from logsentry.store.bundles import Bundle, Store
from logsentry.store.manifest import SCHEMA_VERSION, FileEntry, Manifest, TrainingData
from logsentry.text.logkeys import LogKeys
from logsentry.text.templates import TemplateConfig, TemplateMiner
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, Vocabulary

HDFS = Path(os.environ.get("LOGSENTRY_DATA", "../shared/data")) / "loganomaly" / "hdfs_logdeep"
KEYS = 28
SAMPLE = 20_000
CALL = 20_000


def sessions(name: str) -> list[tuple[int, ...]]:
    with lzma.open(HDFS / f"{name}.xz", "rt") as lines:
        return [(BEGIN, *(int(key) + FIRST_KEY - 1 for key in line.split()), END) for line in lines]


def bundle_of(train: list[tuple[int, ...]], folder: Path) -> Bundle:
    """A small ensemble trained for a minute on the HDFS training sessions, stored as any bundle is."""
    detector = LogBertEnsemble(LogBertEnsemble.Config(members=5, width=64, layers=2, max_steps=200))
    cut = len(train) * 4 // 5
    detector.fit(train[:cut], KEYS + FIRST_KEY, seed=1, progress=lambda done, total, note: None)
    keys = LogKeys(Profile((), Windowing()), TemplateMiner(TemplateConfig()), Vocabulary.build({}, {}, 1))
    store = Store(folder)
    with store.incoming() as incoming:
        graphs = detector.export(incoming, train[:cut])
        (incoming / "logkeys.json").write_bytes(orjson.dumps(keys.to_json()))
        found = calibrate(incoming, graphs, tuple(detector.groups), KEYS + FIRST_KEY, train[cut:], 2, 1000.0, 5.0)
        (incoming / "calibration.json").write_bytes(found.to_bytes())

        def describe(files: dict[str, FileEntry]) -> Manifest:
            return Manifest(
                SCHEMA_VERSION, "logbert-ensemble", "hdfs", "0", 23, KEYS + FIRST_KEY, detector.max_length, tuple(graphs),
                tuple(detector.groups), 1, TrainingData("", 0, 0, "", ""), files, {}, {},
            )  # fmt: skip

        return store.put(incoming, "hdfs", describe)


def distinct() -> tuple[str, float, float]:
    train = sessions("hdfs_train")
    everything = train + sessions("hdfs_test_normal") + sessions("hdfs_test_abnormal")
    random.Random(1).shuffle(everything)
    with tempfile.TemporaryDirectory() as folder:
        bundle = bundle_of(train, Path(folder))
    once = Scorer(bundle, Options())
    began = time.process_time()
    judged = [judgement for at in range(0, len(everything), CALL) for judgement in once.judge(everything[at : at + CALL])]
    with_table = time.process_time() - began

    each = Scorer(bundle, Options(table=0))
    sample = random.Random(2).sample(range(len(everything)), SAMPLE)
    by_ids = {everything[at]: judged[at].value for at in sample}
    began = time.process_time()
    values = {}
    for length, same in by_length([everything[at] for at in sample]):
        size = max(1, each.options.batch_tokens // (length * 2))
        for at in range(0, len(same), size):
            for ids, judgement in zip(same[at : at + size], each._judge_batch(np.array(same[at : at + size])), strict=True):
                values[ids] = judgement.value
    without = (time.process_time() - began) * len(everything) / SAMPLE
    worst = max(abs(values[ids] - value) for ids, value in by_ids.items())
    print(
        f"  {len(everything):,} sessions, {once.table.misses:,} judged: {with_table:.1f} s with the table; "
        f"{without:.0f} s without (from {SAMPLE:,}); values differ by at most {worst:.1e}"
    )
    if worst > 1e-5:
        raise SystemExit("the table changes scores")
    return "distinct windows scored once", without / with_table, 25.0


def spent(command: list[str], stdin: bytes) -> tuple[float, int]:
    """Wall seconds and peak kilobytes of one process, as the kernel accounts for it."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - began, usage.ru_maxrss


TORCH = """
import sys, torch
from logsentry.learn.logbert import LogBert, Size
from logsentry.learn.masking import complementary
model = LogBert(int(sys.argv[1]), Size(*map(int, sys.argv[2].split(","))))
model.load_state_dict(torch.load(sys.argv[3], weights_only=True))
with torch.no_grad():
    model.eval()(*complementary(torch.tensor([[3, 6, 7, 4]]), 2))
"""


def start() -> list[tuple[str, float, float]]:
    import torch

    from logsentry.learn.logbert import LogBert, Size

    line = b'1.2.3.4 - - [19/May/2015:00:00:01 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0"\n'
    manifest = orjson.loads((DEMO_BUNDLE / "manifest.json").read_bytes())
    settings = LogBertEnsemble.Config(**manifest["detector_config"])
    size = Size(manifest["keys"], settings.width, settings.layers, settings.heads, settings.inner, settings.max_length)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.pt"
        torch.save(LogBert(settings.members, size).state_dict(), weights)
        ours = [sys.executable, "-m", "logsentry", "score", "--bundle", "demo", "-"]
        theirs = [sys.executable, "-c", TORCH, str(settings.members), ",".join(map(str, size)), str(weights)]
        runs = [(spent(ours, line), spent(theirs, b"")) for _ in range(7)]
    for (seconds, kilobytes), who in ((min(ours for ours, _ in runs), "logsentry score"), (min(t for _, t in runs), "torch")):
        print(f"  {who}: {seconds:.2f} s, {kilobytes / 1024:.0f} MB")
    times, memory = (min(t[k] for _, t in runs) / min(o[k] for o, _ in runs) for k in (0, 1))
    return [("start of scoring, torch's time over ours", times, 4.0), ("start of scoring, torch's memory over ours", memory, 4.0)]


def main() -> int:
    for name, ratio, target in [*start(), distinct()]:
        print(f"{name}: ratio {ratio:.2f} (target >= {target:g}) {'ok' if ratio >= target else 'MISSED'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
