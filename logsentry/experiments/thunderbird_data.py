"""Thunderbird: the system log of a cluster with 9,024 processors (Oliner & Stearley, DSN 2007), split in time."""

from __future__ import annotations

from pathlib import Path

from logsentry.experiments import line_windows
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.bgl_data import CITATION, SOURCE
from logsentry.experiments.cutting import Cut
from logsentry.experiments.hdfs_data import staged
from logsentry.experiments.raw_lines import RawLog, found
from logsentry.sdk import Progress

COLUMNS = 8
"""Label, seconds, date, node, month, day, time, node again; then the program with its number, and what it says."""
MOST = 20_000_000
"""The lines of the original, from its first, that the literature evaluates on (LogBERT, arXiv 2103.04475, section 4.1)."""
EXCERPT = ("tbird_20051109_10k_normal.log.xz", "tbird_20051115_19k.log.xz")
CAUTION = (
    "These are two excerpts, 29,569 lines of two days out of 211 million, and they cannot rank detectors: all alerts but one are of one "
    "kind, the test is 40 minutes long, and the first excerpt was put back into order by another system and may have gaps. No figure "
    "here can be compared with a published one."
)


def read(cut: Cut, folder: Path | None, progress: Progress) -> Benchmark:
    """The staged excerpts, or the first 20 million lines of the original `Thunderbird.log` of a folder. Raises `InputError`."""
    paths = [folder / "Thunderbird.log"] if folder else [staged() / "loganomaly" / "thunderbird" / name for name in EXCERPT]
    log = RawLog(found(paths, "Thunderbird.log", "https://github.com/logpai/loghub"), COLUMNS, MOST)
    title, caution = ("Thunderbird (original file, 20 million lines)", "") if folder else ("Thunderbird (two excerpts)", CAUTION)
    return line_windows.read("thunderbird", title, log, cut, progress, caution, SOURCE, CITATION)
