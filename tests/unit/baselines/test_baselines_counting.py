"""The detector `counting`: what it leaves behind, and that a judge reads it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from logsentry.baselines.counting import Counting
from logsentry.errors import TrainingError
from logsentry.scoring.counting import open_known
from logsentry.sdk import Detector
from logsentry.text.known import Known
from logsentry.text.vocabulary import BEGIN, END

KEYS = 9
WINDOWS = [(BEGIN, 5, 6, END), (BEGIN, 6, 5, END), (BEGIN, 5, 5, 6, END)]


def quiet(done: int, total: int, note: str) -> None:
    pass


def test_it_leaves_what_it_has_seen_and_says_which_kinds_count(tmp_path: Path) -> None:
    detector = Counting(msgspec.convert({"kinds": ["keys", "ngrams"], "n": 3, "idf": False}, Counting.Config))
    assert isinstance(detector, Detector)
    figures = detector.fit(WINDOWS, KEYS, seed=1, progress=quiet)
    assert figures == {"distinct_windows": 2, "kept_vectors": 2, "seen_keys": 2, "ngrams": 6}
    [part] = detector.export(tmp_path, WINDOWS)
    assert (part.asks, part.graphs, part.settings) == ("known", (), {"idf": 0, "keys": 1, "ngrams": 1})
    data = (tmp_path / part.file).read_bytes()
    assert Known.from_bytes(data, part.file) == detector.known
    judge = open_known(part, {part.file: data}, KEYS, part.settings, "bundle")
    assert judge.ask(np.array([[BEGIN, 5, 8, END]])).evidence.tolist() == [[[1.0, 1.0]]]


def test_equal_windows_in_any_order_give_equal_bytes(tmp_path: Path) -> None:
    for name, windows in (("one", WINDOWS), ("two", WINDOWS[::-1])):
        detector = Counting(Counting.Config())
        detector.fit(windows, KEYS, seed=len(name), progress=quiet)
        detector.export(tmp_path / name, windows)
    assert (tmp_path / "one/known.json").read_bytes() == (tmp_path / "two/known.json").read_bytes()


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="call fit first"):
        Counting(Counting.Config()).export(tmp_path, WINDOWS)
    with pytest.raises(TrainingError, match="too few"):
        Counting(Counting.Config()).fit(WINDOWS[:1], KEYS, seed=1, progress=quiet)
    with pytest.raises(TrainingError, match="9 ids"):
        Counting(Counting.Config()).fit([(BEGIN, 9, END)] * 2, KEYS, seed=1, progress=quiet)
    for wrong in ({"kinds": []}, {"kinds": ["weather"]}, {"n": 4}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Counting.Config)
