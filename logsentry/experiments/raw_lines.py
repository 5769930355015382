"""Raw lines of BGL and Thunderbird: the label, the time, and the text that templates are mined from, read one line at a time.

The first column is `-` for an ordinary line and the name of an alert for any other (Oliner & Stearley, DSN 2007). The label and the
node are never part of the text.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from logsentry.errors import InputError
from logsentry.text.masks import Mask

MASKS = (
    Mask(r"0x[0-9a-fA-F]+", "HEX"),
    Mask(r"(?<![0-9.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![0-9.])", "IP"),
    Mask(r"(?<![A-Za-z0-9_])-?\d+(?![A-Za-z0-9_])", "NUM"),
)
"""What differs between lines that say the same. 67 templates on the first 100,000 lines of BGL."""


class Line(NamedTuple):
    time: int
    """Seconds since 1970."""
    abnormal: bool
    text: str


class RawLog(msgspec.Struct, frozen=True):
    """Files read one after the other, as often as wanted; `columns` stand before the text, the label and the time first.

    `most` lines are read at most, 0 is all of them. Iterating raises `InputError` where a file is missing, damaged or of another kind.
    """

    paths: tuple[Path, ...]
    columns: int
    most: int = 0

    def __iter__(self) -> Iterator[Line]:
        lines = (line for path in self.paths for line in self._of(path))
        return islice(lines, self.most or None)

    def _of(self, path: Path) -> Iterator[Line]:
        try:
            with lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    if not raw.isspace():
                        yield self._line(raw, path, number)
        except (lzma.LZMAError, EOFError) as error:
            raise InputError(f"{path} cannot be unpacked: {error}; fetch it again") from error

    def _line(self, raw: bytes, path: Path, number: int) -> Line:
        cells = raw.decode("utf-8", "replace").split(None, self.columns)
        if len(cells) < self.columns or not cells[1].isascii() or not cells[1].isdigit():
            raise InputError(f"{path}, line {number}: a line begins with its label and its time in seconds, unlike this one")
        text = cells[self.columns].rstrip() if len(cells) > self.columns else ""  # some lines say nothing
        return Line(int(cells[1]), cells[0] != "-", text)


def found(paths: Sequence[Path], what: str, source: str) -> tuple[Path, ...]:
    """The paths, all there; raises `InputError` that says what to do where one is not."""
    for path in paths:
        if not path.is_file():
            raise InputError(
                f"there is no {path}; set LOGSENTRY_DATA to the folder of the data sets, or give the folder of the original {what} "
                f"by --data ({source})"
            )
    return tuple(paths)
