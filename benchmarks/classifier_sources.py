"""The classifiers on Sysmon, auditd and Kubernetes audit events, each with something left out: `python
benchmarks/classifier_sources.py`.

Trains as `logsentry train --benign … --malicious …` does and scores as `logsentry score` does, on the labelled sets that
LOGSENTRY_DATA names, and writes `results/encoder/sources` (rows.csv, README.md). Thresholds come from held-back windows of the
training set alone. What is learned and asked is for `labelled/`; what the figures are worth is said in the page. Rows are
written as they come, so a run may be cut off, or made for one source (`--only`), and the others stay.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from labelled import auditd, kube_audit, page, sysmon
from labelled.answers import one_field, tfidf, trained
from labelled.asked import asked
from labelled.rows import ALL, Row, merged, read, rows_of, write
from labelled.sets import Question

DATA = Path(os.environ.get("LOGSENTRY_DATA", "../shared/data"))
OUT = Path(__file__).parent.parent / "results" / "encoder" / "sources"
SETS: Mapping[str, Callable[[Path, Path], Iterable[Question]]] = {
    "kube-audit": kube_audit.questions,
    "auditd": auditd.questions,
    "sysmon": sysmon.questions,
}


def main() -> int:
    told = options()
    with tempfile.TemporaryDirectory() as folder:
        for source in told.only or SETS:
            for number, question in enumerate(SETS[source](DATA, Path(folder) / source)):
                if told.question and number not in told.question:
                    continue
                for bare in told.readings:
                    add(told.out, answered(question, bool(bare), told, Path(folder) / "store"))
    return 0


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Classifiers on labelled events of three sources.")
    parser.add_argument("--only", action="append", choices=SETS, help="one source; may be given more than once")
    parser.add_argument("--question", action="append", type=int, help="one question of a source, from 0 on; likewise")
    parser.add_argument(
        "--detectors", nargs="+", default=["encoder-bag", "encoder"], help="the first lends its vocabulary to TF-IDF"
    )
    parser.add_argument(
        "--readings", nargs="+", type=int, default=[0, 1], help="0: all fields; 1: without those that tell the lab"
    )
    parser.add_argument("--seeds", type=int, default=page.SEEDS)
    parser.add_argument("--seconds", type=float, default=page.SECONDS, help="processor time of one fit, at most")
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


def answered(question: Question, bare: bool, told: argparse.Namespace, store: Path) -> list[Row]:
    """Rows of the classifiers and of their rivals; only the first classifier is tried in the bare reading."""
    settings = {**question.settings, "seconds": told.seconds, "clock": "cpu"}
    question = msgspec.structs.replace(question, settings=settings)
    of = asked(question, bare)
    answers, bundles = [], []
    for detector in told.detectors[:1] if bare else told.detectors:
        fits = [trained(question, detector, of, seed, store) for seed in range(1, told.seeds + 1)]
        answers.append([answer for answer, _ in fits])
        bundles.append(fits[0][1])
        print(f"{question.source}, without {question.left_out}: {detector}", file=sys.stderr, flush=True)
    rivals = [[tfidf(question, of, bundles[0])], [one_field(question, of)]]
    reading = f"without {', '.join(question.bare)}" if bare else ALL
    rows = rows_of(question, of, reading, [*answers, *rivals], told.seconds)
    return rows[:-1] if bare else rows


def add(out: Path, rows: list[Row]) -> None:
    """The page is written again with every question, for all rows that there are."""
    file = out / "rows.csv"
    write(file, merged(read(file), rows))
    (out / "README.md").write_text(page.page(read(file)), encoding="utf-8")  # as it is rounded there


if __name__ == "__main__":
    sys.exit(main())
