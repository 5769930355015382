"""`logsentry serve` that notes which arrays its sessions were run on, when, and for how long; and those arrays run again, alone.

    python server_recorded.py serve …                    # writes the file that RECORD names when it ends
    python server_recorded.py replay FILE BEGAN ENDED    # prints as JSON what the calls of that time take alone, `Replayed`

A call costs the recorder two clock readings and an append. The replay opens the graph as the server did (`OnnxSession`, one thread).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import onnxruntime

from logsentry.cli.main import main
from logsentry.pipeline.finding import DEMO_BUNDLE
from logsentry.scoring.onnx_session import OnnxSession

RECORD = "LOGSENTRY_BENCH_RECORD"
WARM = 3
NAMES = ["ranks", "surprise", "distance", "expected"]


class Recording(onnxruntime.InferenceSession):
    """Every session of this process, and what each was asked: (names, arrays, began, ended)."""

    calls: ClassVar[list[tuple[list[str], dict[str, np.ndarray], float, float]]] = []

    def run(self, output_names: Any, input_feed: Any, run_options: Any = None) -> Any:
        began = time.perf_counter()
        found = super().run(output_names, input_feed, run_options)
        self.calls.append((output_names, input_feed, began, time.perf_counter()))
        return found


def recorded(file: Path) -> None:
    """All calls in one file: ids behind each other, and of each call its shape, stride, groups, begin and end."""
    masked = [call for call in Recording.calls if "stride" in call[1]]
    feeds = [feed for _, feed, _, _ in masked]
    np.savez(
        file,
        ids=np.concatenate([feed["ids"].ravel() for feed in feeds]),
        shapes=np.array([feed["ids"].shape for feed in feeds]),
        stride=np.array([feed["stride"] for feed in feeds]),
        groups=np.array([feed["groups"] for feed in feeds]),
        times=np.array([(began, ended) for _, _, began, ended in masked]),
    )


class Replayed(msgspec.Struct, frozen=True):
    """`wall` and `cpu` seconds of the calls alone. Within the server the same calls took `served` seconds, and `span` from the first one's
    begin to the last one's end."""

    calls: int
    windows: int
    wall: float
    cpu: float
    served: float
    span: float


def replay(file: Path, began: float, ended: float) -> Replayed:
    session = OnnxSession((DEMO_BUNDLE / "model.onnx").read_bytes())
    with np.load(file) as kept:
        meant = (kept["times"][:, 0] >= began) & (kept["times"][:, 1] <= ended)
        times = kept["times"][meant]
        cuts = np.cumsum(kept["shapes"].prod(axis=1))[:-1]
        parts = zip(np.split(kept["ids"], cuts), kept["shapes"], kept["stride"], kept["groups"], meant, strict=True)
        feeds = [
            {"ids": i.reshape(shape).copy(), "stride": np.array(s), "groups": g} for i, shape, s, g, wanted in parts if wanted
        ]
    if not feeds:
        return Replayed(0, 0, 0.0, 0.0, 0.0, 0.0)
    for feed in feeds[:WARM]:
        session.run(NAMES, feed)
    wall, cpu = time.perf_counter(), time.process_time()
    for feed in feeds:
        session.run(NAMES, feed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    span, served = float(times[-1, 1] - times[0, 0]), float(np.diff(times).sum())
    return Replayed(len(feeds), sum(len(feed["ids"]) for feed in feeds), wall, cpu, served, span)


def serve() -> None:
    onnxruntime.InferenceSession = Recording
    try:
        main()
    finally:
        recorded(Path(os.environ[RECORD]))


if __name__ == "__main__":
    if sys.argv[1] == "replay":
        found = replay(Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
        sys.stdout.buffer.write(msgspec.json.encode(found))
    else:
        serve()
