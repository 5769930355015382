"""Raw logs as benchmarks: what training may know, and the staged excerpts, also as if they were the original files."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest

from logsentry.errors import InputError
from logsentry.experiments import bgl_data, line_windows, thunderbird_data
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.cutting import Cut
from logsentry.experiments.raw_lines import RawLog
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, UNK


def quiet(done: int, total: int, note: str) -> None:
    pass


def small(tmp_path: Path, lines: list[str], cut: Cut) -> Benchmark:
    path = tmp_path / "small.log"
    path.write_text("".join(f"{line.partition(' ')[0]} {at} {line.partition(' ')[2]}\n" for at, line in enumerate(lines)))
    return line_windows.read("small", "Small", RawLog((path,), 2), cut, quiet, "", "here", "nobody")


def test_templates_come_from_what_is_trained_on_alone(tmp_path: Path) -> None:
    lines = ["- fan 1 slow", "- disk full", "ALERT strange thing", "- fan 2 slow", "- fan 3 slow", "- novel words here now"]
    read = small(tmp_path, [*lines, "- fan 9 slow", "ALERT strange thing"], Cut("lines", 2))
    assert read.texts[FIRST_KEY:] == ("fan <NUM> slow", "disk full")
    assert (read.keys, len(read.texts)) == (FIRST_KEY + 2, FIRST_KEY + 2)
    assert read.train == [(BEGIN, 5, 6, END)]
    assert read.windows == [(BEGIN, 5, UNK, END)]
    assert (read.normal.tolist(), read.abnormal.tolist()) == ([1], [1])


def test_too_little_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 windows of 20 lines, too few"):
        small(tmp_path, ["- one two"] * 3, Cut("lines", 20))
    with pytest.raises(InputError, match="no abnormal test window"):
        small(tmp_path, ["- one two"] * 80, Cut("lines", 20))


def unseen_key(read: Benchmark) -> float:
    """F1 of the simplest detector."""
    alarm = np.array([UNK in window for window in read.windows])
    true, false = read.abnormal[alarm].sum(), read.normal[alarm].sum()
    return float(2 * true / (true + false + read.abnormal.sum()))


@pytest.mark.data
def test_the_bgl_excerpt_as_it_is_and_as_the_original_file(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "Unseen key" alone separates it, as measured with another parser: F1 100 in windows of 100 lines, 98.1 in 200."""
    monkeypatch.setenv("LOGSENTRY_DATA", str(data))
    staged = bgl_data.read(Cut("lines", 200), None, quiet)
    assert unseen_key(staged) == pytest.approx(0.981, abs=0.001)
    assert "cannot rank detectors" in staged.caution
    unpacked(data / "loganomaly" / "bgl_100k" / "bgl2_100k.log.xz", tmp_path / "BGL.log")
    original = bgl_data.read(Cut("lines", 200), tmp_path, quiet)
    assert (original.digest, original.caution) == (staged.digest, "")


@pytest.mark.data
def test_the_thunderbird_excerpts_as_they_are_and_as_the_original_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGSENTRY_DATA", str(data))
    staged = thunderbird_data.read(Cut("lines", 20), None, quiet)
    assert (len(staged.train), staged.normal.sum(), staged.abnormal.sum()) == (739, 449, 291)
    assert "cannot rank detectors" in staged.caution
    for name in thunderbird_data.EXCERPT:
        unpacked(data / "loganomaly" / "thunderbird" / name, tmp_path / "Thunderbird.log")
    assert thunderbird_data.read(Cut("lines", 20), tmp_path, quiet).digest == staged.digest


def unpacked(packed: Path, plain: Path) -> None:
    with plain.open("ab") as file:
        file.write(lzma.decompress(packed.read_bytes()))
