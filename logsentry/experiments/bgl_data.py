"""BGL: the system log of a BlueGene/L machine with 131,072 processors (Oliner & Stearley, DSN 2007), split in time."""

from __future__ import annotations

from pathlib import Path

from logsentry.experiments import line_windows
from logsentry.experiments.benchmark import Benchmark
from logsentry.experiments.cutting import Cut
from logsentry.experiments.hdfs_data import staged
from logsentry.experiments.raw_lines import RawLog, found
from logsentry.sdk import Progress

COLUMNS = 9
"""Label, seconds, date, node, time, node again, type, component, level; then the text."""
SOURCE = "https://www.usenix.org/cfdr-data (hpc4), https://github.com/logpai/loghub"
CITATION = (
    "A. Oliner, J. Stearley: What Supercomputers Say: A Study of Five System Logs, DSN 2007; and Zhu et al. (Loghub), ISSRE 2023"
)
CAUTION = (
    "This is an excerpt, the first 100,000 of 4.7 million lines (42 hours), and it cannot rank detectors: 82,471 of its lines say "
    "`generating core.*`, and four of its five kinds of alert are templates that occur in alerts alone, so that a key unseen in "
    "training gives nearly every abnormal window away. No figure here can be compared with a published one."
)


def read(cut: Cut, folder: Path | None, progress: Progress) -> Benchmark:
    """The staged excerpt, or the original `BGL.log` of a folder. Raises `InputError`."""
    paths = [folder / "BGL.log"] if folder else [staged() / "loganomaly" / "bgl_100k" / "bgl2_100k.log.xz"]
    log = RawLog(found(paths, "BGL.log", "https://github.com/logpai/loghub"), COLUMNS)
    title, caution = ("BGL (original file)", "") if folder else ("BGL (first 100,000 lines)", CAUTION)
    return line_windows.read("bgl", title, log, cut, progress, caution, SOURCE, CITATION)
