"""Windows a second that a bundle's graphs judge through onnxruntime, batch by batch, on each execution provider, as a Markdown table.

    python benchmarks/gpu_serving.py --provider cuda --provider tensorrt
    python benchmarks/gpu_serving.py --quick                 # narrow models, few batches: shows that it runs, not how fast

25 LogBERTs with a member axis, windows of 10 and of 62 events; and the encoder classifier, rows of 512 tokens. Both have weights as they
were made, since speed does not depend on them, and answer their probe before they are timed. Windows are drawn anew for each run, so
nothing is looked up. Operations are those of the matrix products, counted by torch on the same batch; `share of peak` is left out for
a device whose peak `matrix_work` does not know. It needs torch, onnxruntime and what they need, and runs from the checkout as it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout, which need not be installed

import msgspec
import numpy as np
import torch
from matrix_work import PEAK
from torch.utils.flop_counter import FlopCounterMode

from logsentry.errors import LogsentryError
from logsentry.learn.classifier import export as encoder_export
from logsentry.learn.classifier.encoder import Encoder
from logsentry.learn.classifier.encoder import Size as EncoderSize
from logsentry.learn.logbert import export
from logsentry.learn.logbert.masking import complementary
from logsentry.learn.logbert.model import LogBert, Size
from logsentry.learn.logbert.settings import Config
from logsentry.scoring.hardware import Hardware
from logsentry.scoring.judge import Judge
from logsentry.scoring.masked_keys import STRIDE
from logsentry.scoring.opening import open_part
from logsentry.sdk import Part
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

KEYS, TOKENS = FIRST_KEY + 28, 1500
BATCHES, QUICK_BATCHES = (1, 8, 64, 512), (1, 4)
SECONDS, QUICK_SECONDS = 1.0, 0.02
WARM = 4
HEAD = "| what | provider | batch | windows a second | TFLOP/s | share of peak |\n|---|---|---:|---:|---:|---:|"


class Precisions(msgspec.Struct):
    fp16: bool = False
    int8: bool = False


class Asked(NamedTuple):
    """A model as it is served: `draw` makes a batch of ids, `forward` runs the same through torch."""

    what: str
    part: Part
    files: dict[str, bytes]
    keys: int
    draw: Callable[[int], np.ndarray]
    forward: Callable[[torch.Tensor], object]


def ensemble(quick: bool) -> Iterator[Asked]:
    config = Config(members=3 if quick else 25, width=32 if quick else 128, member_axis_graph=True)
    size = Size(KEYS, config.width, config.layers, config.heads, config.inner, config.max_length)
    model = LogBert(config.members, size).eval()
    part, files = written(lambda folder: export.write(model, config, folder, [(BEGIN, 5, 6, END), (BEGIN, 7, 8, 9, END)]))
    draw = np.random.default_rng(1)

    def windows(events: int) -> Callable[[int], np.ndarray]:
        return lambda batch: np.pad(
            draw.integers(FIRST_KEY, KEYS, (batch, events)), ((0, 0), (1, 1)), constant_values=((0, 0), (BEGIN, END))
        )

    for events in (10, 62):
        what = f"{config.members} LogBERTs of width {config.width}, {events} events"
        yield Asked(what, part, files, KEYS, windows(events), lambda ids: model(*complementary(ids, STRIDE)))


def encoder(quick: bool) -> Iterator[Asked]:
    size = EncoderSize(vocabulary=TOKENS, width=16, heads=2) if quick else EncoderSize(vocabulary=TOKENS)
    model, draw = Encoder(size).eval(), np.random.default_rng(2)
    rows = draw.integers(FIRST_KEY, TOKENS, (4, size.max_length))
    part, files = written(lambda folder: encoder_export.write(model, Precisions(), folder, rows.tolist()))
    what = f"the encoder classifier, {size.max_length} tokens"
    yield Asked(what, part, files, TOKENS, lambda batch: draw.integers(FIRST_KEY, TOKENS, (batch, size.max_length)), model)


def written(write: Callable[[Path], Part]) -> tuple[Part, dict[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        part = write(Path(folder))
        return part, {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def operations(asked: Asked, batch: int) -> float:
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        asked.forward(torch.from_numpy(asked.draw(batch)))
    return float(counted.get_total_flops())


def runs_a_second(judge: Judge, draw: Callable[[int], np.ndarray], batch: int, seconds: float) -> float:
    for _ in range(WARM):
        judge.ask(draw(batch))
    took, runs = 0.0, 0
    while took < seconds:
        ids = draw(batch)
        began = time.perf_counter()
        judge.ask(ids)
        took += time.perf_counter() - began
        runs += 1
    return runs / took


def lines(asked: Asked, hardware: Hardware, device: str, quick: bool) -> Iterator[str]:
    """One for each batch; where the graph cannot be opened so, one that says why."""
    on = hardware.providers[0] + (" with CUDA graphs" if hardware.cuda_graphs else "")
    try:
        judge = open_part(asked.part, asked.files, asked.keys, {}, hardware, "the model").judge
    except LogsentryError as error:
        yield f"| {asked.what} | {on} | – | {error} | – | – |"
        return
    for batch in QUICK_BATCHES if quick else BATCHES:
        runs = runs_a_second(judge, asked.draw, batch, QUICK_SECONDS if quick else SECONDS)
        speed, peak = runs * operations(asked, min(batch, 8)) * batch / min(batch, 8), PEAK.get(device, {}).get("fp32")
        share = f"{speed / peak:.1%}" if peak else "–"
        yield f"| {asked.what} | {on} | {batch} | {runs * batch:,.0f} | {speed / 1e12:.3g} | {share} |"


def options(given: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--provider", action="append", choices=("cpu", "cuda", "tensorrt"), help="may be given several times")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    chosen = options(given)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "a CPU, one thread"
    print(f"{device}\n\n{HEAD}")
    for asked in (*ensemble(chosen.quick), *encoder(chosen.quick)):
        for provider in chosen.provider or ["cpu"]:
            for captured in (False, True) if provider == "cuda" else (False,):
                for line in lines(asked, Hardware((provider,), cuda_graphs=captured), device, chosen.quick):
                    print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
