"""Raw lines, and how they are cut into windows."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import InputError
from logsentry.experiments.cutting import LONGEST, Cut, keyed, spans
from logsentry.experiments.raw_lines import Line, RawLog, found

LINES = st.lists(st.builds(Line, st.integers(0, 500), st.booleans(), st.just("text")), max_size=80)
CUTS = st.builds(Cut, st.sampled_from(["lines", "seconds"]), st.integers(1, 60))


@given(LINES, CUTS)
def test_every_line_is_in_one_window_in_its_place(lines: list[Line], cut: Cut) -> None:
    cut_as = spans(lines, cut)
    assert sum(span.lines for span in cut_as) == len(lines)
    flow = iter(lines)
    assert [span.abnormal for span in cut_as] == [any([next(flow).abnormal for _ in range(span.lines)]) for span in cut_as]  # noqa: C419


@given(LINES, st.integers(1, 30))
def test_windows_of_lines_are_full_but_for_the_last(lines: list[Line], size: int) -> None:
    lengths = [span.lines for span in spans(lines, Cut("lines", size))]
    assert all(length == size for length in lengths[:-1])
    assert all(0 < length <= size for length in lengths)


@given(st.lists(st.integers(0, 500), max_size=80).map(sorted), st.integers(1, 60))
def test_windows_of_seconds_hold_what_came_in_the_same_slot(times: list[int], size: int) -> None:
    cut_as = spans([Line(time, False, "") for time in times], Cut("seconds", size))
    flow = iter(times)
    slots = [{next(flow) // size for _ in range(span.lines)} for span in cut_as]
    assert all(len(slot) == 1 for slot in slots)
    assert len({slot for some in slots for slot in some}) == len(slots)


def test_a_late_line_opens_no_window() -> None:
    lines = [Line(time, False, "") for time in (0, 65, 3, 70, 130)]
    assert [span.lines for span in spans(lines, Cut("seconds", 60))] == [1, 3, 1]


def test_a_burst_is_cut_before_it_is_too_long_to_read() -> None:
    assert [span.lines for span in spans([Line(1, False, "")] * 1100, Cut("seconds", 60))] == [LONGEST, LONGEST, 80]


def test_keys_follow_the_cut() -> None:
    lines = [Line(0, False, "a"), Line(1, True, "b"), Line(2, False, "a")]
    assert list(keyed(lines, spans(lines, Cut("lines", 2)), {"a": 5, "b": 6}.__getitem__)) == [((5, 6), True), ((5,), False)]


@pytest.mark.parametrize(
    ("cut", "said"),
    [(("lines", 20), "20 lines"), (("seconds", 300), "5 min"), (("seconds", 7200), "2 h"), (("seconds", 90), "90 s")],
)
def test_a_cut_in_words(cut: tuple[str, int], said: str) -> None:
    assert str(Cut(*cut)) == said  # type: ignore[arg-type]


def test_lines_of_files_one_after_another(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.log", tmp_path / "b.log.xz"
    plain.write_bytes(b"- 10 x  y said  this \n\nKERN 11 x y\n")
    packed.write_bytes(lzma.compress(b"- 12 x y caf\xe9\n"))
    log = RawLog((plain, packed), columns=4)
    assert list(log) == [Line(10, False, "said  this"), Line(11, True, ""), Line(12, False, "caf\N{REPLACEMENT CHARACTER}")]
    assert list(log) == list(log)
    assert len(list(RawLog((plain, packed), 4, most=2))) == 2


@pytest.mark.parametrize("content", [b"too short\n", b"- when x y z\n", b"- \xd9\xa1 x y z\n"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"- 10 x y z\n" + content)
    with pytest.raises(InputError, match="line 2"):
        list(RawLog((path,), columns=4))


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"LOGSENTRY_DATA.*--data \(somewhere\)"):
        found([tmp_path / "BGL.log"], "BGL.log", "somewhere")
