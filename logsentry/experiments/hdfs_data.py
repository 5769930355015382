"""HDFS as DeepLog's authors cut it: 4,855 normal sessions to train on, 553,366 normal and 16,838 failed ones to test on.

A session is a block's log keys in order, 28 kinds of them; which blocks failed was found by hand (Xu et al., SOSP 2009).
"""

from __future__ import annotations

import lzma
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from logsentry.errors import InputError
from logsentry.experiments.benchmark import Benchmark, Window, benchmark
from logsentry.text.vocabulary import BEGIN, END, FIRST_KEY, SPECIALS

KEYS = 28
TEMPLATES = Path("loganomaly/ait/templates/HDFS_templates.csv.xz")
"""The text of key n is line n. logdeep's files do not say what its keys stand for; AIT's (ait-aecid/anomaly-detection-log-datasets) do, and
24 of the 28 were found in that order in raw lines of sessions that both have."""
PAPER_KEYS = 10
"""LogBERT's code leaves out sessions of fewer keys (HelenGuohx/logbert, `min_len=10`): 6,191 of the 16,838 failed ones."""
SOURCE = "https://github.com/donglee-afar/logdeep (split), https://github.com/logpai/loghub (logs)"
CITATION = (
    "W. Xu, L. Huang, A. Fox, D. Patterson, M. Jordan: Detecting Large-Scale System Problems by Mining Console Logs, SOSP 2009; "
    "J. Zhu, S. He, P. He, J. Liu, M. R. Lyu: Loghub: A Large Collection of System Log Datasets for AI-driven Log Analytics, ISSRE 2023"
)


def staged() -> Path:
    """The folder of data sets: LOGSENTRY_DATA, or `../shared/data` beside the checkout."""
    return Path(os.environ.get("LOGSENTRY_DATA") or Path(__file__).parents[2].parent / "shared" / "data")


def read(folder: Path | None = None) -> Benchmark:
    """From `hdfs_train`, `hdfs_test_normal` and `hdfs_test_abnormal`, plain or `.xz`, in a folder. Raises `InputError`."""
    place = folder or staged() / "loganomaly" / "hdfs_logdeep"
    normal, abnormal = _counted(place, "hdfs_test_normal"), _counted(place, "hdfs_test_abnormal")
    return benchmark(
        "hdfs",
        title="HDFS (logdeep's split)",
        keys=FIRST_KEY + KEYS,
        rule_texts=_texts((folder or staged()) / TEMPLATES),
        train=[_window(line, place) for line in _lines(place, "hdfs_train")],
        normal=normal.elements(),
        abnormal=abnormal.elements(),
        paper_keys=PAPER_KEYS,
        source=SOURCE,
        citation=CITATION,
    )


def _texts(path: Path) -> tuple[str, ...]:
    """What the event of each id says; empty where the file is not there, for sessions are numbers without it too."""
    if not path.exists():
        return ()
    with lzma.open(path, "rt") as lines:
        said = [line.strip() for line in lines]
    if len(said) < KEYS:
        raise InputError(f"{path} has {len(said)} templates, and HDFS has {KEYS}; fetch it again")
    return (*SPECIALS, *said[:KEYS])


def _counted(place: Path, name: str) -> Counter[Window]:
    """Half a million lines are a few thousand different ones, so lines are counted before they are read."""
    windows: Counter[Window] = Counter()
    for line, count in Counter(_lines(place, name)).items():
        windows[_window(line, place)] += count
    return windows


def _lines(place: Path, name: str) -> Iterator[str]:
    packed, plain = place / f"{name}.xz", place / name
    if not packed.exists() and not plain.exists():
        raise InputError(
            f"there is no {packed}; set LOGSENTRY_DATA to the folder of the data sets, or give a folder with {name} by --data "
            "(the split is from https://github.com/donglee-afar/logdeep)"
        )
    path = packed if packed.exists() else plain
    try:
        with lzma.open(path, "rt") if path is packed else plain.open() as lines:
            yield from lines
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be unpacked: {error}; fetch it again") from error


def _window(line: str, place: Path) -> Window:
    try:
        keys = [int(key) for key in line.split()]
    except ValueError as error:
        raise InputError(f"{place}: a session is a line of keys 1 to {KEYS}, not {line.strip()!r:.60}") from error
    if not all(1 <= key <= KEYS for key in keys):
        raise InputError(f"{place}: a key is a number from 1 to {KEYS}, and {line.strip()!r:.60} holds another")
    return (BEGIN, *(key + FIRST_KEY - 1 for key in keys), END)
