"""How well a parser groups lines, against groups made by hand.

Grouping accuracy as Zhu et al. define it ("Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019; there
"parsing accuracy"): the share of lines whose predicted group holds exactly the lines of their true group. What the groups are
called does not matter, and one line too many or too few spoils a whole group, however large.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from logsentry.errors import UsageError


def grouping_accuracy(predicted: Sequence[Hashable], true: Sequence[Hashable]) -> float:
    """From 0 to 1, for one group name a line in each of the two; raises `UsageError` for lists of different lengths or without lines."""
    if len(predicted) != len(true):
        raise UsageError(
            f"there are {len(predicted)} predicted groups for {len(true)} lines with a true group: give one for each"
        )
    if not true:
        raise UsageError("grouping accuracy needs at least one line")
    found, meant = Counter(predicted), Counter(true)
    both = Counter(zip(predicted, true, strict=True))
    return sum(count for (one, other), count in both.items() if count == found[one] == meant[other]) / len(true)
