"""25 LogBERTs over all of HDFS on whatever device is here, as a Markdown table: trained side by side and in turn, and asked.

    python benchmarks/gpu_ensemble.py --pack hdfs.npz        # where LOGSENTRY_DATA is; the file may not be published
    python benchmarks/gpu_ensemble.py --data hdfs.npz        # on the machine with the GPU, which needs no data set and no network
    python benchmarks/gpu_ensemble.py --data hdfs.npz --quick --device cpu

It needs torch, numpy, onnx, msgspec and pluggy, and runs from the checkout as it is.

- *side by side*: all members on the member axis, for all steps. A short training before it warms the device up and is not timed.
- *in turn*: some epochs of one member, scaled up to the steps of all; an extrapolation, and the table says so.
- *distinct sessions* and *all sessions*: ids in memory, batches of one exact length, through torch; serving asks each distinct one
  once, through onnxruntime.
- *alerts*: more than half of the members find the surprise beyond what .5 % of the held-back training sessions exceed in that precision.
- *share of peak*: `matrix_work` says what is counted. It is left out for a device whose peak is not known there.

Settings are those of `logbert-ensemble`, with 25 members; `--set` is not offered, so that two tables can be compared.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout, which need not be installed

import numpy as np
import torch
from matrix_work import PEAK, Work, timed
from msgspec.structs import replace
from numpy.typing import NDArray
from packed_sessions import Sessions, Window, counted, pack, staged, unpack
from torch import Tensor

from logsentry.errors import LogsentryError
from logsentry.learn.logbert.ensemble import repeatable
from logsentry.learn.logbert.masking import complementary, in_place
from logsentry.learn.logbert.model import LogBert, Size
from logsentry.learn.logbert.settings import Config
from logsentry.learn.logbert.train import distinct, train
from logsentry.learn.precision import Kind, kind_on, products
from logsentry.text.vocabulary import FIRST_KEY

KEYS, STRIDE, SEED, BUDGET, WARM_UP, EPOCHS_ALONE = FIRST_KEY + 28, 2, 1, 0.005, 3, 4
FULL, QUICK = Config(members=25), Config(members=25, width=32, max_steps=8, batch=16)
QUICK_TRAIN, QUICK_TEST = 400, 150
TOKENS = {"cuda": 1 << 21, "cpu": 1 << 16}
"""Positions of all members that are asked at once; at width 128, two million take some ten gigabytes."""
ROWS = 65_535
"""Rows of all members at once, at most: attention makes them the y or z of a CUDA grid (CUDA C++ Programming Guide, table of
technical specifications per compute capability)."""
Batch = tuple[Tensor, Tensor]  # places of windows among all, int64 [batch], and their ids, int64 [batch, length]


class Task(NamedTuple):
    """What is trained and asked; `failed` [distinct] says how many of the test sessions that are this one had failed."""

    config: Config
    train: list[Window]
    held_back: Sessions
    test: Sessions
    failed: NDArray[np.int64]
    every: bool

    def of(self, kind: Kind) -> Task:
        return self._replace(config=replace(self.config, precision=kind))


class Row(NamedTuple):
    """A line of the table; so many windows went through all members in so many seconds, with so many bytes at the peak."""

    what: str
    kind: Kind
    seconds: float
    windows: int
    memory: int
    operations: float

    def line(self, device: str) -> str:
        speed, peak = self.operations / self.seconds, PEAK.get(device, {}).get(self.kind)
        shown = [f"{self.seconds:,.1f}", f"{self.windows / self.seconds:,.0f}", f"{self.memory / 2**30:.2f} GB"]
        return (
            "| "
            + " | ".join([self.what, self.kind, *shown, f"{speed / 1e12:.3g}", f"{speed / peak:.1%}" if peak else "–"])
            + " |"
        )


HEAD = "| what | precision | seconds | windows a second | peak memory | TFLOP/s | share of peak |\n|---|---|---|---|---|---|---|"


def trained(task: Task, members: int, steps: int) -> tuple[LogBert, Row]:
    """So many optimizer steps; the row is not named yet."""
    config = replace(task.config, max_steps=steps, epochs=steps)
    size = Size(KEYS, config.width, config.layers, config.heads, config.inner, config.max_length)
    windows = distinct(task.train, KEYS, config.max_length)
    with repeatable(SEED):
        model = LogBert(members, size, config.dropout).to(config.device)
        work = Work(model)
        with timed(config.device) as taken:
            train(model, windows, config, SEED, told)
    kind = kind_on(config.device, config.precision)
    return model.eval(), Row("", kind, taken.seconds, steps * config.batch, taken.memory, work.operations)


def training(task: Task) -> tuple[LogBert, list[Row]]:
    members, steps = task.config.members, task.config.max_steps
    epoch = -(-len(set(task.train)) // task.config.batch)
    trained(task, members, WARM_UP)
    model, together = trained(task, members, steps)
    trained(task, 1, WARM_UP)
    few = min(EPOCHS_ALONE * epoch, steps)
    _, one = trained(task, 1, few)
    times = members * steps / few
    return model, [
        together._replace(what=f"train {members} members side by side, {steps:,} steps"),
        one._replace(
            what=f"train {members} in turn (extrapolated from {few:,} steps of one)",
            seconds=one.seconds * times,
            windows=together.windows,
            operations=one.operations * times,
        ),
    ]


def batches(windows: Sequence[Window], members: int, device: str) -> list[Batch]:
    """Windows of one length together, as many as the limits allow."""
    lengths, made = np.array([len(window) for window in windows]), []
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        ids = torch.from_numpy(np.array([windows[place] for place in places.tolist()]))
        size = max(1, min(TOKENS[device] // length, ROWS) // (members * STRIDE))
        made += list(zip(torch.from_numpy(places).split(size), ids.split(size), strict=True))
    return made


def surprise(model: LogBert, asked: Sequence[Batch], kind: Kind) -> Tensor:
    """[members, windows] in their places: the surprise of all keys of a window together, nats."""
    device, found = model.embedding.device, torch.empty(model.members, sum(len(places) for places, _ in asked))
    for places, ids in asked:
        with torch.no_grad(), products(device.type, kind):
            answer = model(*complementary(ids.to(device), STRIDE))
        found[:, places] = in_place(answer.surprise, *ids.shape)[..., 1:].sum(-1).float().cpu()
    return found


def asking(model: LogBert, task: Task, kind: Kind) -> tuple[NDArray[np.bool_], list[Row]]:
    """The verdict on each distinct session, and what it took to have it; the held-back sessions warm the device up."""
    device, work = task.config.device, Work(model)
    back = surprise(model, batches(task.held_back.windows, model.members, device), kind)
    back = back.repeat_interleave(torch.from_numpy(task.held_back.counts), 1)
    limit = back.quantile(1 - BUDGET, 1, keepdim=True)

    def ask(what: str, windows: list[Window]) -> tuple[Tensor, Row]:
        asked, work.operations = batches(windows, model.members, device), 0
        with timed(device) as taken:
            values = surprise(model, asked, kind)
        return values, Row(what, kind, taken.seconds, len(windows), taken.memory, work.operations)

    values, row = ask(f"ask {len(task.test.windows):,} distinct sessions", task.test.windows)
    rows = [row, ask(f"ask all {len(task.test):,} sessions", task.test.every())[1]] if task.every else [row]
    return (2 * (values > limit).sum(0) > model.members).numpy(), rows


def page(task: Task, kinds: Sequence[Kind]) -> Iterator[str]:
    """The lines of the page, as they are measured."""
    device, config = where(task.config.device), task.config
    yield f"{device}, torch {torch.__version__}; {config.members} members of width {config.width}, {config.layers} layers\n\n{HEAD}"
    notes = []
    for kind in kinds:
        model, rows = training(task.of(kind))
        alerts, more = asking(model, task, kind)
        yield from (row.line(device) for row in (*rows, *more))
        notes += [
            f"In {kind}, side by side is {rows[1].seconds / rows[0].seconds:.1f} times as fast as in turn. {found(task, alerts)}"
        ]
        if kind == "fp32" and "bf16" in kinds:
            changed = task.test.counts[alerts != asking(model, task._replace(every=False), "bf16")[0]].sum()
            notes += [f"The weights trained in fp32, asked in bf16, change {changed:,} of {len(task.test):,} verdicts."]
    yield "\n" + "\n".join(notes)


def found(task: Task, alerts: NDArray[np.bool_]) -> str:
    right, every = task.failed[alerts].sum(), task.test.counts[alerts].sum()
    return f"Alerts find {right:,} of {task.failed.sum():,} failed sessions, and {every - right:,} others."


def where(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"a CPU, {torch.get_num_threads()} threads"


def task_of(data: dict[str, Sessions], config: Config, quick: bool) -> Task:
    """Every fifth training session is held back, in a fixed random order."""
    train = (data["train"].some(QUICK_TRAIN) if quick else data["train"]).every()
    drawn = [train[place] for place in np.random.default_rng(SEED).permutation(len(train))]
    normal, abnormal = (data[name].some(QUICK_TEST) if quick else data[name] for name in ("normal", "abnormal"))
    both: dict[Window, list[int]] = {}
    for failed, group in enumerate((normal, abnormal)):
        for window, count in zip(group.windows, group.counts.tolist(), strict=True):
            both.setdefault(window, [0, 0])[failed] += count
    counts = np.array(list(both.values()))
    test = Sessions(list(both), counts.sum(1))
    return Task(config, drawn[len(drawn) // 5 :], counted(drawn[: len(drawn) // 5]), test, counts[:, 1], not quick)


def told(done: int, total: int, note: str) -> None:
    print(f"\r{done:,} of {total:,} steps, {note} ", end="" if done < total else "\n", file=sys.stderr, flush=True)


def options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--pack", type=Path, metavar="FILE", help="write the sessions of LOGSENTRY_DATA to a file, and nothing else"
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="such a file; without it LOGSENTRY_DATA is read")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), action="append", help="may be given twice; both unless one is given"
    )
    parser.add_argument(
        "--quick", action="store_true", help="narrow members, few steps and sessions: shows that it runs, not how fast"
    )
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    chosen = options(given)
    try:
        if chosen.pack:
            pack(staged(), chosen.pack)
            return 0
        kinds = chosen.precision or ["fp32", "bf16"]
        for kind in kinds:
            kind_on(chosen.device, kind)  # raises before anything is read
        config = replace(QUICK if chosen.quick else FULL, device=chosen.device)
        for line in page(task_of(unpack(chosen.data) if chosen.data else staged(), config, chosen.quick), kinds):
            print(line, flush=True)
    except LogsentryError as error:
        print(f"gpu_ensemble: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
