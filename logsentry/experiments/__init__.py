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
    "learning-rate": "logsentry.experiments.encoder.learning_rate:run",
    "schedulers": "logsentry.experiments.encoder.schedulers:run",
    "accumulation": "logsentry.experiments.encoder.accumulation:run",
    "clipping": "logsentry.experiments.encoder.clipping:run",
    "norm": "logsentry.experiments.encoder.norm:run",
    "length-vocabulary": "logsentry.experiments.encoder.length_vocabulary:run",
    "tokenizer": "logsentry.experiments.encoder.tokenizer:run",
    "filters": "logsentry.experiments.encoder.filters:run",
    "drift": "logsentry.experiments.encoder.drift:run",
    "folds": "logsentry.experiments.encoder.cross_validation:run",
}
"""Name -> where the function is that runs it; imported only when it is asked for."""
