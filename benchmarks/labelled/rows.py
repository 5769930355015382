"""A row for each detector and question, as it is written to `rows.csv` and read back, so that one source can be run again by
itself."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from labelled.answers import Answer
from labelled.asked import Asked
from labelled.figures import Between, Measured, Measures
from labelled.sets import Question

ALL = "all fields"


class Row(msgspec.Struct, frozen=True):
    """`benign` and `malicious` count the new windows that were asked about, `groups` what is drawn for intervals. Shares are of
    1.

    `over_tfidf` is the AUC less that of TF-IDF in the same reading.
    """

    source: str
    left_out: str
    reading: str
    detector: str
    seeds: int
    seconds: float
    budget: float
    learned_benign: int
    learned_malicious: int
    held_back_benign: int
    benign: int
    malicious: int
    groups: int
    repeats_benign: int
    repeats_malicious: int
    own_auc: float
    auc: float
    auc_low: float
    auc_high: float
    over_tfidf: float
    over_tfidf_low: float
    over_tfidf_high: float
    benign_alerts: float
    benign_alerts_low: float
    benign_alerts_high: float
    malicious_alerts: float
    malicious_alerts_low: float
    malicious_alerts_high: float
    words: str

    @property
    def place(self) -> tuple[str, ...]:
        return self.source, self.left_out, self.reading, self.detector


def rows_of(question: Question, asked: Asked, reading: str, answers: Sequence[Sequence[Answer]], seconds: float) -> list[Row]:
    """Of each detector, one answer a seed; the last but one of them is TF-IDF."""
    measures = Measures(asked)
    found = [measures.of(seeds) for seeds in answers]
    tfidf = found[-2]
    return [_row(question, asked, reading, seeds, one, tfidf, seconds) for seeds, one in zip(answers, found, strict=True)]


def _row(
    question: Question, asked: Asked, reading: str, seeds: Sequence[Answer], found: Measured, tfidf: Measured, seconds: float
) -> Row:
    fit, held_back = asked.parted.fit, asked.parted.held_back
    malicious = sum(one.label for one in fit)
    return Row(
        question.source,
        question.left_out,
        reading,
        seeds[0].detector,
        len(seeds),
        seconds,
        question.budget,
        len(fit) - malicious,
        malicious,
        sum(not one.label for one in held_back),
        int((asked.labels == 0).sum()),
        int(asked.labels.sum()),
        len(np.unique(asked.groups)),
        *asked.repeats,
        float(np.mean([one.own_auc for one in seeds])),
        *_three(found.auc),
        *_three(found.auc - tfidf.auc),
        *_three(found.benign),
        *_three(found.malicious),
        seeds[0].words,
    )


def _three(drawn: np.ndarray) -> tuple[float, float, float]:
    between = Between.of(drawn)
    return between.value, between.low, between.high


def read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [msgspec.convert(row, Row, strict=False) for row in csv.DictReader(file)]


def write(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row.__struct_fields__)
        for row in rows:
            writer.writerow([round(value, 4) if isinstance(value, float) else value for value in msgspec.structs.astuple(row)])


def merged(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """New rows in place of old ones of the same place, else after them."""
    found = {row.place: row for row in old}
    found.update((row.place, row) for row in new)
    return list(found.values())
