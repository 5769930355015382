"""Tables as readers and programs get them."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from logsentry.experiments.intervals import Interval
from logsentry.experiments.methods import QUICK, RAW_LINES, SEQUENCES, WINDOWS, quick
from logsentry.experiments.table import comma_separated, count_between, markdown, percent, percent_between

CELLS = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=8)


def test_markdown_keeps_its_columns() -> None:
    assert markdown(["a", "b"], [["x|y", "1\n2"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 2 |"


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_csv_is_read_back(rows: list[tuple[str, str]]) -> None:
    read = list(csv.reader(io.StringIO(comma_separated(["a", "b"], rows), newline="")))
    assert read == [["a", "b"], *map(list, rows)]


def test_numbers_as_read() -> None:
    assert (percent(0.98765), percent(None)) == ("98.77", "–")
    assert percent_between(Interval(0.99, -0.1, 1.02)) == "99.00 (0.0–100.0)"
    assert count_between(Interval(1234.4, -5, 2000)) == "1,234 (0–2,000)"


def test_rows_have_names_of_their_own_and_a_quick_form() -> None:
    for rows in (SEQUENCES, RAW_LINES, WINDOWS):
        assert len({row.name for row in rows}) == len(rows)
        for row in rows:
            assert quick(row).name == row.name
            assert (
                quick(row).options.items()
                >= {key: value for key, value in QUICK.get(row.detector, {}).items() if key != "mask_stride"}.items()
            )
            assert not {"mask_stride", "mask_draws"} <= set(quick(row).options)
