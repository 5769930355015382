"""`probe.npz`: real windows and what torch answers to them, so that whoever serves a graph can prove that it answers the same.

For each probed length number i the file holds

- `ids_i` int64 [batch, length] and `stride_i` int64 scalar: what to ask, with all groups;
- `ranks_i` int32 and `surprise_i` float32, [members, batch, length], and `distance_i` float32 [members, batch]: what torch answers;
- `ties_i` int32 [members, batch, length]: how many other keys have a logit within `NEAR` of the true key's. Another machine adds
  in another order, so there the rank may differ by up to that many; almost everywhere it is 0 and the ranks are equal.
"""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from logsentry.errors import TrainingError
from logsentry.learn.logbert.masking import complementary, in_place
from logsentry.learn.logbert.model import Answer, LogBert

STRIDE = 2
NEAR = 1e-3
LENGTHS = 4
BATCH = 8


def answers(model: LogBert, ids: torch.Tensor, stride: int) -> dict[str, NDArray[Any]]:
    """Torch's answers to windows of one length.

    `ranks`, `surprise` and `ties` are [M, batch, length], `distance` [M, batch] and `probability` [M, batch, length, keys].
    """
    batch, length = ids.shape
    copies = complementary(ids, stride)
    model.eval()
    with torch.no_grad():
        answer: Answer = model(*copies)
        logits = model.logits(model.encode(copies.masked[None], copies.asked))
    true = logits.gather(-1, copies.truth[None, :, :, None].expand(model.members, -1, -1, 1))
    ties = ((logits - true).abs() < NEAR).sum(-1, dtype=torch.int32) - 1
    asked = (torch.arange(length) > 0).int()
    return {
        "ranks": (in_place(answer.ranks, batch, length) * asked).numpy(),
        "ties": (in_place(ties, batch, length) * asked).numpy(),
        "surprise": (in_place(answer.surprise, batch, length) * asked).numpy(),
        "distance": answer.distance.unflatten(1, (-1, batch)).mean(1).numpy(),
        "probability": in_place(answer.probability.movedim(-1, 0), batch, length).movedim(0, -1).numpy(),
    }


def by_length(windows: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
    """Up to `LENGTHS` batches of up to `BATCH` distinct windows: the lengths that most of them have, longest first among equals.

    A length with a single window has it twice, so that every batch has at least two rows.
    """
    found: dict[int, set[tuple[int, ...]]] = defaultdict(set)
    for window in windows:
        found[len(window)].add(tuple(window))
    if not found:
        raise TrainingError("the probe holds no window; give at least one, better of two lengths")
    chosen = sorted(found, key=lambda length: (min(len(found[length]), BATCH), length), reverse=True)[:LENGTHS]
    batches = [sorted(found[length])[:BATCH] for length in sorted(chosen)]
    return [np.array(batch * 2 if len(batch) == 1 else batch, dtype=np.int64) for batch in batches]


def write_probe(model: LogBert, windows: Sequence[Sequence[int]], path: Path) -> None:
    """Choose windows, ask torch, and write the file; the same weights and windows give the same bytes on one machine."""
    arrays: dict[str, NDArray[Any]] = {}
    for number, ids in enumerate(by_length(windows)):
        said = answers(model, torch.from_numpy(ids), STRIDE)
        arrays |= {f"ids_{number}": ids, f"stride_{number}": np.array(STRIDE, dtype=np.int64)}
        arrays |= {f"{name}_{number}": said[name] for name in ("ranks", "surprise", "ties", "distance")}
    save(path, arrays)


def save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """A `.npz` without pickles and without the hour: numpy's own writer stamps the time into the archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.array(array, order="C"), allow_pickle=False)
