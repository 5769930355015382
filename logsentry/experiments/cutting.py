"""Lines in time order become windows: so many lines each, or so many seconds each. Windows never overlap.

Overlapping windows that are shuffled before they are split, as in LogBERT's code for BGL and Thunderbird, put the same lines into training
and test; here the first half of the windows is for training and the second for the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from logsentry.experiments.raw_lines import Line

LONGEST = 510
"""Lines of a window of seconds, at most; more open the next one. With a begin and an end key it is what detectors read by default."""


class Cut(msgspec.Struct, frozen=True):
    """`Cut("lines", 100)` or `Cut("seconds", 3600)`."""

    by: Literal["lines", "seconds"]
    size: Annotated[int, Meta(ge=1)]

    def __str__(self) -> str:
        if self.by == "lines":
            return f"{self.size} lines"
        return (
            f"{self.size // 3600} h"
            if self.size % 3600 == 0
            else f"{self.size // 60} min"
            if self.size % 60 == 0
            else f"{self.size} s"
        )


class Span(NamedTuple):
    """A window before its lines are keys: how many lines, and whether any of them is an alert."""

    lines: int
    abnormal: bool


def spans(lines: Iterable[Line], cut: Cut) -> list[Span]:
    """The windows of lines in order. What is left over at the end of windows of lines is a short window."""
    return [Span(len(window), any(line.abnormal for line in window)) for window in _windows(lines, cut)]


def _windows(lines: Iterable[Line], cut: Cut) -> Iterator[list[Line]]:
    open_: list[Line] = []
    last = 0
    for line in lines:
        if open_ and _ends(open_, line, last, cut):
            yield open_
            open_ = []
        last = line.time // cut.size if not open_ else max(last, line.time // cut.size)
        open_.append(line)
    if open_:
        yield open_


def _ends(open_: Sequence[Line], line: Line, slot: int, cut: Cut) -> bool:
    """A line that came late stays in the window in which it came."""
    if cut.by == "lines":
        return len(open_) == cut.size
    return line.time // cut.size > slot or len(open_) == LONGEST


def keyed(lines: Iterable[Line], cut_as: Sequence[Span], key: Callable[[str], int]) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Windows of keys, and whether each is abnormal, from the same lines that `cut_as` was made from."""
    flow = iter(lines)
    for span in cut_as:
        yield tuple(key(next(flow).text) for _ in range(span.lines)), span.abnormal
