"""A training on disk: one `.npz` without pickles, written whole, from which a killed run goes on as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from logsentry.errors import TrainingError
from logsentry.learn.classifier.encoder import Size
from logsentry.learn.classifier.rows import Table
from logsentry.learn.classifier.settings import Training

Weights = dict[str, Tensor]
NOT_ASKED = ("checkpoint", "checkpoint_seconds", "device")
"""Settings in which a resumed training may differ."""


class Counters(msgspec.Struct):
    """How far a training is. `seconds` are those of all its runs together, `rows` the rows learnt from, repeats counted."""

    step: int = 0
    seconds: float = 0.0
    rows: int = 0
    loss: float = float("nan")
    averaged: int = 0
    evaluated: int = 0
    best: tuple[float, float] = (-1.0, -1.0)
    waited: int = 0
    stopped: bool = False


class Saved(msgspec.Struct):
    """`kept` are groups of weights by name: those of the model, its average, and the best so far."""

    counters: Counters
    kept: dict[str, Weights]
    optimizer: dict[int, Weights]


def fingerprint(table: Table, size: Size, config: Training, seed: int) -> str:
    """What a training is of; two with one fingerprint take the same steps."""
    asked = {name: getattr(config, name) for name in Training.__struct_fields__ if name not in NOT_ASKED}
    digest = hashlib.sha256(msgspec.json.encode([asked, size, seed], order="deterministic"))
    for part in table:
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()


def save(path: Path, saved: Saved, fingerprint: str) -> None:
    """A temporary name, fsync, then the name: a kill at any moment leaves this file or the one before."""
    about = msgspec.json.encode([fingerprint, msgspec.to_builtins(saved.counters)])
    arrays = {"about": np.frombuffer(about, dtype=np.uint8)}
    for group, weights in saved.kept.items():
        arrays |= {f"{group}/{name}": value.detach().cpu().numpy() for name, value in weights.items()}
    for number, values in saved.optimizer.items():
        arrays |= {f"optimizer/{number}/{name}": value.detach().cpu().numpy() for name, value in values.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load(path: Path, fingerprint: str) -> Saved:
    """Raises `TrainingError` where the file is damaged or of a training with other data, settings or seed."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found, counters = msgspec.json.decode(arrays.pop("about").tobytes(), type=tuple[str, Counters])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.DecodeError) as damage:
        raise TrainingError(f"the checkpoint {path} cannot be read ({damage}); delete it to begin again") from damage
    if found != fingerprint:
        raise TrainingError(f"the checkpoint {path} is of other data, settings or seed; delete it or name another file")
    saved = Saved(counters, {}, {})
    for name, array in arrays.items():
        group, rest = name.split("/", 1)
        if group == "optimizer":
            number, rest = rest.split("/")
            saved.optimizer.setdefault(int(number), {})[rest] = torch.from_numpy(array)
        else:
            saved.kept.setdefault(group, {})[rest] = torch.from_numpy(array)
    return saved


def copied(weights: Mapping[str, Tensor]) -> Weights:
    return {name: value.detach().clone() for name, value in weights.items()}
