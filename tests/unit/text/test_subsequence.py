from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from logsentry.text.subsequence import PARAM, alignment, fits, lcs_length, merged, places

TOKENS = st.lists(st.sampled_from(["a", "b", "c", "d", PARAM]), max_size=12)


def table_length(left: Sequence[str], right: Sequence[str]) -> int:
    """The longest common subsequence of words by the usual table."""
    row = [0] * (len(right) + 1)
    for one in left:
        above, row = row, [0]
        for column, other in enumerate(right):
            same = one == other != PARAM
            row.append(above[column] + 1 if same else max(above[column + 1], row[column]))
    return row[-1]


def as_text(tokens: Sequence[str]) -> str:
    return "".join("*" if token == PARAM else token for token in tokens)


def as_pattern(template: Sequence[str]) -> str:
    return "".join(".*" if token == PARAM else token for token in template)


@given(TOKENS, TOKENS)
def test_the_length_is_that_of_the_table(left: list[str], right: list[str]) -> None:
    assert lcs_length(places(right), len(right), left) == table_length(left, right)


def test_the_length_of_long_sequences_is_that_of_the_table() -> None:
    left, right = [str(n * n % 97) for n in range(200)], [str(n * n * n % 97) for n in range(180)]
    assert lcs_length(places(right), 180, left) == table_length(left, right) > 20


@given(TOKENS, TOKENS)
def test_an_alignment_is_a_longest_common_subsequence(left: list[str], right: list[str]) -> None:
    pairs = alignment(left, right)
    assert len(pairs) == table_length(left, right)
    assert all(left[i] == right[j] != PARAM for i, j in pairs)
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(pairs))


@given(TOKENS, TOKENS)
def test_a_template_fits_as_its_pattern_does(template: list[str], line: list[str]) -> None:
    assert fits(template, line) == bool(re.fullmatch(as_pattern(template), as_text(line)))


@given(TOKENS, TOKENS, st.data())
def test_what_is_merged_fits_the_line_and_all_that_the_template_fitted(
    template: list[str], line: list[str], data: st.DataObject
) -> None:
    both = merged(template, line)
    assert fits(both, line)
    fitted = [word for token in template for word in (data.draw(TOKENS) if token == PARAM else [token])]
    assert fits(template, fitted)
    assert fits(both, fitted)
    assert len([token for token in both if token != PARAM]) == table_length(template, line)
    assert not any(one == other == PARAM for one, other in pairwise(both))


def together(template: str, line: str) -> str:
    return " ".join(merged(template.split(), line.split()))


def test_a_gap_is_where_either_had_something() -> None:
    assert together("open file a now", "open file b now") == "open file <*> now"
    assert together("open file now", "open file b now") == "open file <*> now"
    assert together("open file", "please open file x") == "<*> open file <*>"
    assert together("a b", "a b") == "a b"
    assert together("a", "b") == "<*>"
    assert together("", "") == ""
