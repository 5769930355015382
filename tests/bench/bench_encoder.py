"""The classifiers of token rows on staged emulation reports: onnxruntime against torch eager, one report at a time, and all of them.

    python tests/bench/bench_encoder.py

`encoder` has the published sizes (chunks of 64, rows of 512, flatten pooling, here over the 1,500 staged ids), `encoder-bag` its defaults,
with n-grams learned from the staged training reports. The weights are drawn, since what a model knows does not change what it
costs. One at a time nothing is kept from one report to the next. All of them are the reports of the test set in their order,
distinct rows and distinct chunks computed once, in batches of the token budget that a scorer uses; torch eager is timed on a
sample and scaled up. Targets: 2.5 times and 15 times.
"""

from __future__ import annotations

import json
import lzma
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ratios import told

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
import torch

from logsentry.learn.classifier.encoder import Encoder, Size
from logsentry.learn.classifier.export import write
from logsentry.learn.encoder_bag import export as voting_export
from logsentry.learn.encoder_bag import grams as bag_grams
from logsentry.learn.encoder_bag.bag import Bag
from logsentry.learn.encoder_bag.detector import BARE
from logsentry.learn.encoder_bag.settings import Config as BagConfig
from logsentry.learn.encoder_bag.voters import Voters
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.panel import batches
from logsentry.scoring.tokens import Tokens, open_tokens
from logsentry.sdk import Part

DATA = Path(os.environ.get("LOGSENTRY_DATA", "../shared/data")) / "speakeasy" / "tokens"
VOCABULARY, SAMPLE, BATCH_TOKENS = 1500, 96, 4096
TARGETS = {"one report at a time": 2.5, "the test reports": 15.0}
TOLERANCE = {"fp32": 1e-4, "int8": 0.2}
Row = tuple[int, ...]


class Config(msgspec.Struct):
    fp16: bool = False
    int8: bool = True


class Made(NamedTuple):
    """A model, what it left behind, and the most ids of a row that it reads."""

    model: Any
    part: Part
    files: dict[str, bytes]
    reads: int

    def judge(self, precision: str, bound: int) -> Tokens:
        return open_tokens(self.part, self.files, VOCABULARY, {}, Hardware(precision=precision), "the bench's model", bound)[0]


def reports(name: str) -> list[Row]:
    with lzma.open(DATA / name, "rt") as lines:
        return [tuple(json.loads(line)["ids"]) for line in lines]


def encoder(sample: list[Row]) -> Made:
    model = Encoder(Size(vocabulary=VOCABULARY)).eval()
    return written(model, lambda folder: write(model, Config(), folder, sample), 512)


def encoder_bag(sample: list[Row]) -> Made:
    config = BagConfig(fp16=False)
    words = json.loads((DATA / "vocab1500.json").read_text())
    bare = np.array([bool(BARE.fullmatch(word)) for word in words])
    learned = bag_grams.learn([row[: config.row_length] for row in set(reports("train.jsonl.xz"))], bare, config.limits())
    bag, size = Bag(learned, torch.from_numpy(bare), config.bag_width, 1, 0.0), config.size(VOCABULARY, 1)
    torch.nn.init.normal_(bag.wide)
    model = Voters(Encoder(size), bag, 0.3, size).eval()
    return written(model, lambda folder: voting_export.write(model, config, folder, sample), config.row_length)


def written(model: Any, write_to: Callable[[Path], Part], reads: int) -> Made:
    with tempfile.TemporaryDirectory() as folder:
        part = write_to(Path(folder))
        return Made(model, part, {path.name: path.read_bytes() for path in Path(folder).iterdir()}, reads)


def everything(asked: Tokens, rows: list[Row], reads: int) -> np.ndarray:
    """Logits of all rows in order: distinct ones once, those of one length together."""
    cut = [row[:reads] for row in rows]
    found: dict[Row, float] = {}
    for ids in batches(list(dict.fromkeys(cut)), asked.cost, BATCH_TOKENS):
        found.update(zip(map(tuple, ids.tolist()), asked.ask(ids).logits.tolist(), strict=True))
    return np.array([found[row] for row in cut])


def all_of(opened: Callable[[], Tokens], rows: list[Row], reads: int) -> np.ndarray:
    return everything(opened(), rows, reads)


def least(work: Callable[[], object], times: int) -> float:
    """CPU seconds, the best of several."""
    best = float("inf")
    for _ in range(times):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def compare(name: str, made: Made, rows: list[Row], sample: list[Row]) -> bool:
    """Whether the answers agree; prints what each precision reaches."""

    def eager() -> np.ndarray:
        with torch.no_grad():
            return np.array([made.model(torch.tensor([row[: made.reads]]))[0, 0].item() for row in sample])

    wanted = eager()
    for precision in ("fp32", "int8"):
        alone, kept = made.judge(precision, 0), made.judge(precision, 1 << 16)

        def one_by_one(asked: Tokens = alone) -> np.ndarray:
            return np.concatenate([asked.malice([row]) for row in sample])

        got, known = one_by_one(), dict(zip(rows, everything(kept, rows, made.reads).tolist(), strict=True))
        apart, moved = np.abs(got - wanted).max(), np.abs(got - [known[row] for row in sample]).max()
        if apart > TOLERANCE[precision] or moved > 2e-5:
            print(f"the answers of {name} differ: {precision} from torch by {apart:.1e}, or in a batch from alone by {moved:.1e}")
            return False
        slow = quick = float("inf")
        for _ in range(6):  # in turn, so that a busy machine is busy for both
            slow, quick = min(slow, least(eager, 1)), min(quick, least(one_by_one, 1))
        title = f"{name}, {precision}, "
        shown(title, "one report at a time", slow / quick, f"{1e3 * quick / SAMPLE:.2f} ms against {1e3 * slow / SAMPLE:.2f}")
        opened = partial(made.judge, precision, 1 << 16)
        spent = least(partial(all_of, opened, rows, made.reads), 2)
        spent -= least(opened, 2)  # opening reads and checks the model: once a process
        whole = slow / SAMPLE * len(rows)
        shown(title, "the test reports", whole / spent, f"{len(rows):,} rows, {len(set(rows)):,} distinct: {spent:.2f} s")
    return True


def shown(title: str, name: str, ratio: float, note: str) -> None:
    target = TARGETS[name]
    print(f"  {note}")
    told(f"{title}{name}", ratio, target)


def main() -> int:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = reports("test_dev.jsonl.xz")
    sample = [rows[at] for at in np.random.default_rng(0).choice(len(rows), SAMPLE, replace=False)]
    agreed = [compare(name, make(sample), rows, sample) for name, make in (("encoder", encoder), ("encoder-bag", encoder_bag))]
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    raise SystemExit(main())
