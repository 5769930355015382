"""Masks: regular expressions whose matches become `<NAME>` before templates are mined.

The text that comes out is drain3's (`drain3.masking.LogMasker` with its default `<` and `>`), character for character, and
mostly without running a regular expression: two lines that differ in digits only are cut at the same places by masks that
treat the ten digits alike, so the places are kept by the line's shape, the line with every digit made the same.
`patterns.py` proves where that holds; what a domain means by its masks is for the source plugins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from logsentry.errors import UsageError
from logsentry.text.patterns import Need, alike, need, simplified, told_apart
from logsentry.text.remembered import BOUND, Remembered

_APART = b"\xff"  # in no UTF-8 text, so that the two kinds of shapes never meet
_DIGIT_RUN = re.compile("[0-9]+")


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each match of `pattern` (Python's `re`, searched without flags) becomes `<name>`."""

    pattern: str
    name: str


DRAIN3_README_MASKS = (
    Mask(r"((?<=[^A-Za-z0-9])|^)(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))((?=[^A-Za-z0-9])|$)", "ID"),
    Mask(r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)", "IP"),
    Mask(r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{6,} ?){3,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    Mask(r"((?<=[^A-Za-z0-9])|^)([0-9A-F]{4} ?){4,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    Mask(r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)", "HEX"),
    Mask(r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "NUM"),
    Mask(r'(?<=executed cmd )(".+?")', "CMD"),
)
"""The seven masks of the drain3 README, to compare with drain3.

Not for lines that a stranger can write: the first SEQ tries every way to cut a run of hexadecimal digits into pieces, and
80 of them followed by a `g` keep it busy for 14 seconds (measured, Python 3.11).
"""


class Masker:
    """`masker(line)` is the line with every mask applied in turn. Raises `UsageError` for a mask that cannot be used."""

    def __init__(self, masks: Sequence[Mask], held_bytes: int = BOUND) -> None:
        self.masks = tuple(masks)
        self._steps = [_step(mask) for mask in self.masks]
        self._needles, self._coarse, self._fine = _tables(self.masks)
        self._plans: Remembered[bytes, str | tuple[str, Any] | None] = Remembered(held_bytes)  # None: seen once

    def __call__(self, line: str) -> str:
        if not self._steps:
            return line
        try:
            raw = line.encode()
        except UnicodeEncodeError:  # a lone surrogate, which stands for a byte that was not UTF-8
            raw = line.encode("utf-8", "surrogatepass")
        for needle in self._needles:
            if needle in line:
                key = _APART + raw.translate(self._fine)
                break
        else:
            key = raw.translate(self._coarse)
        plan = self._plans.get(key)
        if plan is None:
            return self._learn(key, line)
        if isinstance(plan, str):
            return plan
        frame, digits = plan
        return frame % digits(line)  # type: ignore[no-any-return]

    def _learn(self, key: bytes, line: str) -> str:
        """Of a shape that is new only the fact is kept: a plan costs more than masking, and many shapes never come again."""
        if key in self._plans:
            text, origins = self._apply(line)
            self._plans[key] = _plan(text, origins)
            return text
        self._plans.keep(key, None, 2 * len(key))  # the masked text that follows is about as long
        for search, wanted, name in self._steps:
            if wanted.met(line):
                line = search.sub(name, line)
        return line

    def _apply(self, line: str) -> tuple[str, list[int]]:
        """The masked text, and for each of its characters where in the line it was, or -1 inside a mask's name."""
        text, origins = line, list(range(len(line)))
        for search, wanted, name in self._steps:
            if not wanted.met(text):
                continue
            pieces: list[str] = []
            places: list[int] = []
            end = 0
            for match in search.finditer(text):
                start, stop = match.span()
                pieces += (text[end:start], name)
                places += origins[end:start] + [-1] * len(name)
                end = stop
            if pieces:
                text, origins = "".join([*pieces, text[end:]]), places + origins[end:]
        return text, origins


def _step(mask: Mask) -> tuple[re.Pattern[str], Need, str]:
    if "\\" in mask.name:
        raise UsageError(f"the mask name {mask.name!r} holds a backslash; use letters, digits, '-' and '_'")
    try:
        return re.compile(simplified(mask.pattern)), need(mask.pattern), f"<{mask.name}>"
    except re.error as error:
        raise UsageError(f"the pattern of the mask {mask.name!r} is no regular expression: {error}") from error


def _tables(masks: Sequence[Mask]) -> tuple[tuple[str, ...], bytes | None, bytes | None]:
    """Needles, and what makes a line's shape (for `bytes.translate`) without and with one of the needles in it.

    A mask that tells digits apart but needs a text such as `0x` is without effect on lines that lack that text, whatever
    their digits. That text must not come from a mask's name, so it is no needle where it might.
    """
    needles, coarse, fine = [], [], []
    for mask in masks:
        splits, needle = told_apart(mask.pattern), need(mask.pattern).text
        if splits is None:
            return (), None, None  # nothing is proved: the shape is the line
        fine += splits
        if splits and needle and not any(needle in other.name for other in masks) and not set(needle) & set("<>"):
            needles.append(needle)
        else:
            coarse += splits
    return tuple(needles), _same_digits(alike(coarse)), _same_digits(alike(fine))


def _same_digits(classes: Sequence[str]) -> bytes:
    made = {digit: members[0] for members in classes for digit in members}
    return bytes.maketrans("".join(made).encode(), "".join(made.values()).encode())


def _plan(text: str, origins: Sequence[int]) -> str | tuple[str, Any]:
    """What to do with the next line of this shape: the text itself, or a frame and the digits that it takes from the line.

    The frame is for the `%` operator; the digits of a line are the ones at the same places.
    """
    slices, frame, end = [], [], 0
    for run in _DIGIT_RUN.finditer(text):
        start, stop = run.span()
        if origins[start] < 0:  # a digit in a mask's name
            continue
        frame.append(text[end:start].replace("%", "%%"))
        slices.append(slice(origins[start], origins[stop - 1] + 1))
        end = stop
    if not slices:
        return text
    return "%s".join([*frame, text[end:].replace("%", "%%")]), itemgetter(*slices)
