"""Emulation reports as token ids: 91,096 training rows that are 7,141 distinct inputs, and a later test set.

A row of the files has `ids`, `y` (1 malicious), `label` (the family), `seq` (equal for equal ids), `row` (its place in the authors'
arrays), and either `only_ordinal_100` (training) or `seq_in_train` (test). The families were recovered from the authors' folder order.
"""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from logsentry.errors import InputError
from logsentry.experiments.hdfs_data import staged

Ids = tuple[int, ...]
Counts = NDArray[np.int64]
SOURCE = "https://github.com/dtrizna/nebula (data/data_filtered, MIT; 2022-12 versions)"
CITATION = (
    "D. Trizna: Quo Vadis: Hybrid Machine Learning Meta-Model Based on Contextual and Behavioral Malware Representations, AISec 2022; "
    "D. Trizna, L. Demetrio, B. Biggio, F. Roli: Nebula: Self-Attention for Dynamic Malware Analysis, arXiv 2310.10664"
)
STALLED = "MSVBVM60.ordinal_100"


class Line(msgspec.Struct, frozen=True):
    """One line of a file; other fields are for other readers."""

    ids: Ids
    y: int
    seq: str
    row: int
    label: str = ""
    only_ordinal_100: bool = False
    seq_in_train: bool = False


class Reports(msgspec.Struct, frozen=True, eq=False, dict=True):
    """`ids` are the distinct sequences; `place[r]` says which of them row r is, `y[r]` its label, `family[r]` its kind, `row[r]` its number
    in the original file. `known[i]` says that a distinct sequence is in the training file as well."""

    ids: list[Ids]
    seq: list[str]
    place: Counts
    y: Counts
    family: list[str]
    row: Counts
    known: NDArray[np.bool_]
    left_out: int = 0

    @cached_property
    def benign(self) -> Counts:
        """Rows of each distinct sequence that are labelled benign."""
        return np.bincount(self.place[self.y == 0], minlength=len(self.ids))

    @cached_property
    def malicious(self) -> Counts:
        return np.bincount(self.place[self.y == 1], minlength=len(self.ids))

    @cached_property
    def both(self) -> NDArray[np.bool_]:
        """Distinct sequences that came with both labels: nothing that reads ids alone gets all of them right."""
        found: NDArray[np.bool_] = (self.benign > 0) & (self.malicious > 0)
        return found

    @cached_property
    def digest(self) -> str:
        content = [self.seq, self.ids, self.place.tolist(), self.y.tolist()]
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()

    @property
    def attainable(self) -> float:
        """The accuracy of whoever gives each distinct sequence the label that it mostly has."""
        return float(np.maximum(self.benign, self.malicious).sum() / len(self.y))

    def of_rows(self, kept: NDArray[np.bool_]) -> tuple[Counts, Counts]:
        """(benign, malicious) rows of each distinct sequence among the rows that are kept, `[rows]`."""
        size = len(self.ids)
        return tuple(np.bincount(self.place[kept & (self.y == y)], minlength=size) for y in (0, 1))  # type: ignore[return-value]


class Corpus(msgspec.Struct, frozen=True):
    """Training reports, the later test set, and what each token id stands for."""

    train: Reports
    test: Reports
    words: tuple[str, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.train.digest} {self.test.digest} {self.words}".encode()).hexdigest()


def read(folder: Path | None = None, stalled: bool = False) -> Corpus:
    """The staged rows, or the same files in another folder; `stalled` keeps the reports whose one call is `STALLED`.

    The paper leaves those out: the emulator stops there for every Visual Basic program, and 14,970 rows are one input. Raises `InputError`.
    """
    place = folder or staged() / "speakeasy" / "tokens"
    words = tuple(msgspec.json.decode(_bytes(place / "vocab1500.json"), type=list[str]))
    train = reports(_lines(place / "train.jsonl.xz"), stalled)
    test = reports(_lines(place / "test_dev.jsonl.xz"), stalled=True)
    return Corpus(train, test, words)


def reports(lines: Iterator[Line], stalled: bool) -> Reports:
    """Rows put together; raises `InputError` where one of the two labels is missing."""
    every = list(lines)
    kept = [line for line in every if stalled or not line.only_ordinal_100]
    if {line.y for line in kept} != {0, 1}:
        raise InputError("the token rows hold not both labels, y 0 and y 1, so nothing can be learned or measured; give both")
    first = {line.seq: line for line in reversed(kept)}
    seqs = sorted(first)
    at = {seq: number for number, seq in enumerate(seqs)}
    return Reports(
        ids=[first[seq].ids for seq in seqs],
        seq=seqs,
        place=np.array([at[line.seq] for line in kept]),
        y=np.array([line.y for line in kept]),
        family=[line.label for line in kept],
        row=np.array([line.row for line in kept]),
        known=np.array([first[seq].seq_in_train for seq in seqs], dtype=bool),
        left_out=len(every) - len(kept),
    )


def _lines(path: Path) -> Iterator[Line]:
    decoder = msgspec.json.Decoder(Line)
    try:
        yield from (decoder.decode(line) for line in lzma.decompress(_bytes(path)).splitlines())
    except (msgspec.DecodeError, lzma.LZMAError) as error:
        raise InputError(f"{path} cannot be read as token rows: {error}") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; set LOGSENTRY_DATA to the folder of the data sets, or give --data"
        ) from error
