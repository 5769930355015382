"""What the benchmarks share: passes that take turns, and the one form in which a ratio is printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Name = TypeVar("Name")


def cpu_seconds(
    passes: Mapping[Name, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[Name, float]:
    """CPU seconds of the best of several rounds; the passes take turns, so that a busy machine slows them alike."""
    best = dict.fromkeys(passes, float("inf"))
    for _ in range(rounds):
        for name, run in passes.items():
            began = clock()
            run()
            best[name] = min(best[name], clock() - began)
    return best


def told(name: str, ratio: float, target: float | None, note: str = "") -> bool:
    """Prints the ratio and answers whether it reaches its target; one without a target is told only, and reaches it."""
    reached = target is None or ratio >= target
    wanted = "told only" if target is None else f"target >= {target:g}"
    verdict = "" if target is None else " ok" if reached else " MISSED"
    print(f"{name}: ratio {ratio:.2f} ({wanted}){verdict} {note}".rstrip(), flush=True)
    return reached
