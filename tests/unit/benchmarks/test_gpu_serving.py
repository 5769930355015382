"""The script for a GPU, on the CPU: every model is opened, asked and counted, and a provider that is missing has a line that says so."""

from __future__ import annotations

from typing import Any

import pytest
from services.benchmarks import imported

gpu_serving: Any = imported("gpu_serving")


def test_the_whole_page_of_narrow_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_serving.main(["--quick"]) == 0
    device, _, *table = capsys.readouterr().out.splitlines()
    assert device
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
    assert [row[2] for row in rows] == ["1", "4"] * 3
    assert all(float(row[3].replace(",", "")) > 0 and float(row[4]) > 0 for row in rows)


def test_operations_grow_with_the_batch() -> None:
    for asked in (*gpu_serving.ensemble(True), *gpu_serving.encoder(True)):
        assert gpu_serving.operations(asked, 4) == pytest.approx(4 * gpu_serving.operations(asked, 1), rel=0.01)
