"""Comparisons that can be repeated: detectors, published benchmarks, seeds, and the tables and figures that come of them.

One trial fits one method once on one benchmark and rates its test windows (`trial`); everything else here asks for trials, keeps
them (`trials`), and measures what they answered (`measures`). No threshold is ever taken from test labels.
"""

from __future__ import annotations

EXPERIMENTS = {
    "hdfs": "logsentry.experiments.sequences:hdfs",
    "bgl": "logsentry.experiments.sequences:bgl",
    "thunderbird": "logsentry.experiments.sequences:thunderbird",
    "voters": "logsentry.experiments.voters:run",
    "windows": "logsentry.experiments.windows:run",
}
"""Name -> where the function is that runs it; imported only when it is asked for."""
