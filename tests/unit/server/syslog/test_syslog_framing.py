"""Messages cut out of a TCP stream: counted and by newline, mixed, in pieces of any size, too long, and broken off."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.server.syslog.framing import Framing

COUNTED = b"<34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - 'su root' failed\nand a second line"
LINE = b"<13>Oct 11 22:14:15 host app: hello"


def counted(message: bytes) -> bytes:
    return b"%d %b" % (len(message), message)


def fed(framing: Framing, pieces: Iterable[bytes]) -> list[bytes]:
    return [message for piece in pieces for message in framing.feed(piece)]


def in_pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


def test_counted_messages_and_lines_may_follow_each_other() -> None:
    data = counted(COUNTED) + LINE + b"\n" + counted(LINE) + b"\n" + LINE + b"\r\n" + counted(COUNTED)
    assert Framing().feed(data) == [COUNTED, LINE, LINE, LINE, COUNTED]


printable = st.binary(max_size=40).map(lambda some: b"<13>" + some.replace(b"\n", b" ").replace(b"\r", b" ").rstrip(b"\0") + b".")
multiline = st.binary(max_size=40).map(lambda some: b"<13>" + some + b".")
bare = st.sampled_from([b"192.0.2.1 - - [x]", b"2024 foo", b"7", b"123 ", b"type=PATH msg=audit(1.2:3): x", b"12345678 <13>x"])
pieces = st.lists(st.integers(0, 400), max_size=20)


@given(st.lists(st.tuples(st.just("counted"), multiline) | st.tuples(st.just("line"), printable | bare), max_size=8), pieces)
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(parts: list[tuple[str, bytes]], cuts: list[int]) -> None:
    data = b"".join(counted(message) if how == "counted" else message + b"\n" for how, message in parts)
    framing = Framing()
    assert fed(framing, in_pieces(data, cuts)) == [message for _, message in parts]
    assert not framing.inside
    assert framing.cut == 0


@given(st.lists(st.binary(max_size=60), max_size=10), st.integers(1, 30))
def test_any_bytes_give_messages_of_bounded_length_and_the_same_ones_however_they_are_cut(
    parts: list[bytes], longest: int
) -> None:
    pieced, whole = Framing(longest), Framing(longest)
    found, expected = fed(pieced, parts), whole.feed(b"".join(parts))
    assert found == expected
    assert pieced.end() == whole.end()
    assert all(len(message) <= longest for message in found)
    assert pieced.cut == whole.cut


@pytest.mark.parametrize("frame", [lambda message: counted(message), lambda message: message + b"\n"])
def test_of_a_message_that_is_too_long_the_first_part_is_given_out_once(frame: type[bytes]) -> None:
    framing = Framing(longest=20)
    long = b"<13>" + b"x" * 100
    data = frame(LINE[:10]) + frame(long) + frame(LINE[:10])
    assert fed(framing, in_pieces(data, range(0, 200, 7))) == [LINE[:10], long[:20], LINE[:10]]
    assert framing.cut == 1
    assert not framing.inside


def test_an_endless_line_is_held_no_longer_than_it_may_be_and_read_in_linear_time() -> None:
    framing = Framing(longest=1 << 18)
    began = time.process_time()
    found = fed(framing, [b"x" * 100] * 40_000)
    assert [len(message) for message in found] == [1 << 18]
    assert len(framing._held) <= 100
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("sent", "last", "inside"),
    [
        (LINE, LINE, False), (b"12", b"12", False), (b"12 ", b"12 ", False), (b"", b"", False), (LINE + b"\n", b"", False),
        (counted(LINE)[:-1], b"", True), (b"35 <", b"", True), (counted(LINE), b"", False),
    ],
)  # fmt: skip
def test_at_the_end_a_line_without_a_newline_counts_and_half_a_counted_message_does_not(
    sent: bytes, last: bytes, inside: bool
) -> None:
    framing = Framing()
    framing.feed(sent)
    assert framing.end() == last
    assert framing.inside is inside
