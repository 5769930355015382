"""The script for a GPU, on the CPU: packed sessions, counted operations, and the whole page of a tiny pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from services.benchmarks import imported
from torch.utils.flop_counter import FlopCounterMode

from logsentry.errors import InputError
from logsentry.learn.logbert.masking import complementary
from logsentry.learn.logbert.model import LogBert, Size
from logsentry.learn.logbert.probe import answers
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY

gpu_ensemble: Any = imported("gpu_ensemble")
matrix_work: Any = imported("matrix_work")
packed_sessions: Any = imported("packed_sessions")


def made(number: int, seed: int, first: int = 0) -> Any:
    draw = np.random.default_rng(seed)
    keys = [[FIRST_KEY + first + int(key) for key in draw.integers(0, 4, draw.integers(2, 7))] for _ in range(number)]
    return packed_sessions.counted((BEGIN, *window, END) for window in keys)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    groups = {"train": made(60, 0), "normal": made(90, 1), "abnormal": made(30, 2, first=20)}
    packed_sessions.pack(groups, tmp_path / "tiny.npz")
    return tmp_path / "tiny.npz"


WINDOWS = st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=9).map(tuple), min_size=1, max_size=30)


@settings(max_examples=25)
@given(train=WINDOWS, normal=WINDOWS, abnormal=WINDOWS)
def test_what_is_packed_is_unpacked(tmp_path_factory: pytest.TempPathFactory, **given: list[tuple[int, ...]]) -> None:
    file = tmp_path_factory.mktemp("pack") / "sessions.npz"
    packed_sessions.pack({name: packed_sessions.counted(windows) for name, windows in given.items()}, file)
    for name, found in packed_sessions.unpack(file).items():
        assert found.every() == sorted(given[name])
        assert len(found) == len(given[name])


@pytest.mark.parametrize("content", [None, b"", b"not an archive", b"PK\x03\x04"])
def test_a_file_that_holds_no_sessions_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "other.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.npz holds no packed sessions; make it with --pack"):
        packed_sessions.unpack(file)


@pytest.mark.data
def test_all_of_hdfs_is_packed(data: Path, tmp_path: Path) -> None:
    assert gpu_ensemble.main(["--pack", str(tmp_path / "hdfs.npz")]) == 0
    found = packed_sessions.unpack(tmp_path / "hdfs.npz")
    assert {name: len(part) for name, part in found.items()} == {"train": 4855, "normal": 553_366, "abnormal": 16_838}
    assert (tmp_path / "hdfs.npz").stat().st_size < 100_000


@pytest.mark.parametrize("padded", [True, False])
def test_operations_are_counted_as_torch_counts_them(padded: bool) -> None:
    model = LogBert(3, Size(11, 16, 2, 4, 32, 16)).eval()
    work, ids = matrix_work.Work(model), torch.full((5, 9), FIRST_KEY)
    with torch.no_grad(), FlopCounterMode(display=False) as theirs:
        model.logits(model.encode(ids[None], padded=True)) if padded else model(*complementary(ids, 2))
    assert work.operations == theirs.get_total_flops() > 0
    work.operations = 0
    model.train().logits(model.encode(ids[None]))
    whole = 2 * 3 * 5 * 9 * (2 * (4 * 16**2 + 2 * 16 * 32 + 2 * 9 * 16) + 16 * 11)
    assert work.operations == 3 * whole


def test_windows_keep_their_places() -> None:
    windows = made(20, 3).every()
    model = LogBert(2, Size(11, 16, 1, 2, 32, 16)).eval()
    found = gpu_ensemble.surprise(model, gpu_ensemble.batches(windows, 2, "cpu"), "fp32")
    for place, window in enumerate(windows):
        alone = answers(model, torch.tensor([window]), gpu_ensemble.STRIDE)["surprise"].sum((1, 2))
        np.testing.assert_allclose(found[:, place], alone, rtol=1e-5)


def test_no_more_is_asked_at_once_than_the_limits_allow() -> None:
    windows = [(BEGIN, FIRST_KEY, END)] * 2000 + [(BEGIN, *[FIRST_KEY] * 298, END)] * 300
    for device in ("cuda", "cpu"):
        asked = gpu_ensemble.batches(windows, 25, device)
        assert sorted(torch.cat([places for places, _ in asked]).tolist()) == list(range(2300))
        rows = [2 * 25 * len(ids) for _, ids in asked]
        assert max(rows) <= 65_535
        assert max(count * ids.shape[1] for count, (_, ids) in zip(rows, asked, strict=True)) <= gpu_ensemble.TOKENS[device]


def test_the_share_of_a_known_peak_is_told_and_of_another_left_out() -> None:
    row = gpu_ensemble.Row("ask", "bf16", 2.0, 3000, 3 << 29, 0.5 * 2 * 989.4e12)
    assert row.line("NVIDIA H200") == "| ask | bf16 | 2.0 | 1,500 | 1.50 GB | 495 | 50.0% |"
    assert row.line("a CPU, 1 threads").endswith("| 495 | – |")


def test_the_quick_page_of_a_tiny_pack(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_ensemble.main(["--data", str(packed), "--quick", "--device", "cpu"]) == 0
    page = capsys.readouterr().out
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    assert [row[1] for row in rows] == ["fp32"] * 3 + ["bf16"] * 3
    assert [row[0].split()[:2] for row in rows[:3]] == [["train", "25"], ["train", "25"], ["ask", rows[2][0].split()[1]]]
    assert "extrapolated from 8 steps of one" in rows[1][0]
    assert all(float(row[2].replace(",", "")) >= 0 and float(row[5]) > 0 and row[6] == "–" for row in rows)
    assert page.splitlines()[0].startswith("a CPU, ")
    assert "of 30 failed sessions" in page
    assert "asked in bf16, change" in page


@pytest.mark.skipif(torch.cuda.is_available(), reason="no GPU must be here to show what is said without one")
def test_without_a_gpu_it_says_so(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_ensemble.main(["--data", str(packed), "--device", "cuda"]) == 2
    assert capsys.readouterr().err == "gpu_ensemble: device is cuda, but torch finds no CUDA device here; set device to cpu\n"
