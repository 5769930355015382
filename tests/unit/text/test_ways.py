"""The bound on a pattern's work, and that patterns within it end soon on lines made to hurt."""

from __future__ import annotations

import re
import time

import pytest

from logsentry.text.ways import CUT, MOST_WAYS, ways


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("abc", 1), ("foo|bar", 2), ("[ +]{1,20}", 20), ("a.*b", CUT + 1), ("(?:ab)*c", CUT + 1), ("[^x]*+y", 1), ("a{3}", 1),
        ("(?:a?){2}", 8), ("(?=.*a)b", CUT + 1), ("(?>a{0,4})b", 5),
    ],
)  # fmt: skip
def test_ways_are_counted(pattern: str, number: int) -> None:
    assert ways(pattern) == number


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a|ab)(c|bcd)(d*)*x", "(.*)*x", r"(a+)\1", ".*x.*y", "(a?){60}a{60}"])
def test_patterns_that_may_explode_are_beyond_the_bound(pattern: str) -> None:
    assert ways(pattern) > MOST_WAYS


@pytest.mark.parametrize(
    ("pattern", "line"),
    [("a.*b", "a" * CUT), ("a.{0,80}b.{0,80}c", "ab" * (CUT // 2)), ("(?:a?){8}x", "a" * CUT), (r"\s*$x", " " * CUT)],
)
def test_within_the_bound_the_worst_lines_end_soon(pattern: str, line: str) -> None:
    assert ways(pattern) <= MOST_WAYS
    began = time.process_time()
    assert re.search(pattern, line) is None
    assert time.process_time() - began < 5
