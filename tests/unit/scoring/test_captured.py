"""Runs at fixed places answer as plain ones do. The same code runs on a processor here, where onnxruntime ignores that it may record."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import parser

from logsentry.scoring import captured
from logsentry.scoring.captured import RUNS_BEFORE, Captured, filled_up

GRAPH = """
<ir_version: 10, opset_import: ["" : 21]>
rows (float[rows, 3] x, int64[rows] y) => (float[rows, 3] twice, int64[rows] least)
<float two = {2}, int64 seven = {7}>
{ twice = Mul (x, two) least = Min (y, seven) }
"""


class Counted(onnxruntime.InferenceSession):
    """Notes the shapes of plain runs, and how often it ran at fixed places."""

    def __init__(self, model: bytes) -> None:
        super().__init__(model, providers=["CPUExecutionProvider"])
        self.plain: list[int] = []
        self.bound = 0

    def run(self, output_names, input_feed, run_options=None):  # type: ignore[no-untyped-def]
        self.plain.append(len(input_feed["x"]))
        return super().run(output_names, input_feed, run_options)

    def run_with_iobinding(self, iobinding, run_options=None):  # type: ignore[no-untyped-def]
        self.bound += 1
        super().run_with_iobinding(iobinding, run_options)


@pytest.fixture
def session() -> Counted:
    return Counted(parser.parse_model(GRAPH).SerializeToString())


def feeds(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {"x": draw.normal(size=(rows, 3)).astype(np.float32), "y": draw.integers(0, 20, rows)}


def right(asked: dict[str, np.ndarray], answers: list[np.ndarray]) -> bool:
    twice, least = answers
    return np.array_equal(twice, 2 * asked["x"]) and np.array_equal(least, np.minimum(asked["y"], 7))


def test_every_number_of_rows_is_answered_as_in_a_plain_run(session: Counted) -> None:
    runs = Captured(session, "cpu")
    for number, rows in enumerate([5, 1, 8, 7, 6, 5, 3, 1]):
        asked = feeds(rows, number)
        assert right(asked, runs.run(["twice", "least"], asked, rows))


def test_a_shape_is_run_until_it_is_recorded_and_then_once(session: Counted) -> None:
    runs = Captured(session, "cpu")
    runs.run(["twice"], feeds(5), 5)
    assert session.plain == [8], "filled up to a power of two"
    assert session.bound == RUNS_BEFORE + 1
    runs.run(["twice"], feeds(7), 7)
    assert (session.plain, session.bound) == ([8], RUNS_BEFORE + 2), "seven rows have the shape of five"


def test_answers_are_not_overwritten_by_the_next_run(session: Counted) -> None:
    runs = Captured(session, "cpu")
    first = feeds(4, 1)
    kept = runs.run(["twice", "least"], first, 4)
    runs.run(["twice", "least"], feeds(4, 2), 4)
    assert right(first, kept)


def test_past_the_bound_runs_are_plain_and_right(session: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "SHAPES", 1)
    runs = Captured(session, "cpu")
    runs.run(["twice", "least"], feeds(4), 4)
    bound = session.bound
    asked = feeds(2)
    assert right(asked, runs.run(["twice", "least"], asked, 2))
    assert session.bound == bound


def test_rows_that_see_each_other_are_never_filled_up(session: Counted) -> None:
    asked = feeds(5)
    assert right(asked, Captured(session, "cpu").run(["twice", "least"], asked, None))
    assert (session.plain, session.bound) == ([5], 0)


def test_no_rows_are_no_rows(session: Counted) -> None:
    assert [len(found) for found in Captured(session, "cpu").run(["twice", "least"], feeds(0), 0)] == [0, 0]


@given(st.integers(1, 70))
def test_filling_up_repeats_the_last_row(rows: int) -> None:
    array = np.arange(2 * rows).reshape(rows, 2)
    whole = filled_up(array)
    assert len(whole) >= rows > len(whole) // 2
    assert len(whole).bit_count() == 1
    assert np.array_equal(whole[:rows], array)
    assert (whole[rows:] == array[-1]).all()


def test_the_run_option_is_one_that_onnxruntime_takes() -> None:
    assert captured.recorded(3).get_run_config_entry("gpu_graph_id") == "3"
