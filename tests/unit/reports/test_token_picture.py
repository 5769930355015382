"""What is drawn of a classifier's tokens is what was measured: colours, map and shares."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.reports.frequency import frequency_svg
from logsentry.reports.token_picture import AGAINST, BAND, FOR, INK, PAPER, TokenPicture, drawn, png
from logsentry.text.coverage import Rank, ranks

LOOKS = ((0.2, 0.8), (0.6, 0.4))
PICTURE = TokenPicture(2.0, ("a", "b", "c", "a"), (0.0, 1.0, -0.5, 0.0), (1, 2), LOOKS)


def dots(data: bytes) -> np.ndarray:
    """A PNG of this program, read back."""
    width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
    at = data.index(b"IDAT")
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at])]), np.uint8)
    found: np.ndarray = rows.reshape(height, 1 + 3 * width)[:, 1:].reshape(height, width, 3)
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_a_picture_is_read_back(height: int, width: int, seed: int) -> None:
    made = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert (dots(png(made)) == made).all()


def test_the_strip_says_which_side_and_how_much() -> None:
    said = drawn(PICTURE)
    assert [(cell.text, cell.side, cell.step) for cell in said.cells] == [
        ("a", "", 0),
        ("b", "for", 9),
        ("c", "against", 4),
        ("a", "", 0),
    ]
    assert said.near == said.cells[1:3]
    assert said.cells[1].title == "place 2: without this token the score's logit is 1"
    assert said.where == "the 2 tokens from place 2 to 3, where most of it lies"
    apart = msgspec.structs.replace(PICTURE, near=(1, 3))
    assert drawn(apart).where == "the 2 tokens from place 2 to 4 that the model attends to, where most of it lies"
    assert said.looked == [("c", "60%"), ("b", "40%")]


def test_the_map_has_the_strip_above_it() -> None:
    found = dots(b64decode(str(drawn(PICTURE).map).partition("base64,")[2]))
    assert found.shape == (BAND + 1 + 2, 2, 3)
    assert tuple(found[0, 0]) == FOR
    between = [(a + b) / 2 for a, b in zip(PAPER, AGAINST, strict=True)]
    np.testing.assert_allclose(found[0, 1], between, atol=1)
    assert tuple(found[-2, 1]) == INK  # 0.8, the most
    assert tuple(found[-2, 0]) == PAPER  # 0.2, the least


def test_even_attention_and_no_map_are_drawn_too() -> None:
    even = TokenPicture(0.0, ("a",), (0.0,), (0,), ((1.0,),))
    assert drawn(even).cells[0].side == ""
    assert drawn(even).map
    plain = drawn(TokenPicture(0.0, ("a", "b"), (0.0, 1.0)))
    assert (plain.map, plain.size, plain.looked) == ("", 0, [])
    assert plain.near == plain.cells


def test_a_token_of_each_frequency_is_in_its_place() -> None:
    svg = frequency_svg(ranks({3: 1000, 4: 10, 5: 1}), 3)
    points = [tuple(map(float, point.split(","))) for point in re.findall(r'points="([^"]+)"', svg)[0].split()]
    assert len(points) == 3
    heights = [y for _, y in points]
    assert np.isclose((heights[2] - heights[1]) * 2, heights[1] - heights[0], atol=0.2)  # one decade, and two
    assert "3 different tokens; the commonest came 1,000 times, the rarest 1" in svg
    assert svg == frequency_svg(ranks({3: 1000, 4: 10, 5: 1}), 3)


def test_a_vocabulary_of_one_token_has_a_figure() -> None:
    assert "one token" in frequency_svg([Rank(1, 1, 7)], 1)
    assert "<svg" in frequency_svg([], 0)
