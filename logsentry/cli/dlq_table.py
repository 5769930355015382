"""What `logsentry dlq list` prints: the newest dead letters, and for a long list how many there are of each reason.

The table itself, JSON and whole lines are `pipeline.letters_shown`'s.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from logsentry.pipeline.letters import Letter
from logsentry.pipeline.letters_shown import as_table
from logsentry.reports.visible import visible

SHOWN = 20
"""Dead letters in the table unless all are asked for."""
REASONS = 10
"""Reasons that are counted by themselves."""
WIDEST = 100
_OF_ONE = re.compile(r"""'[^']*'|"[^"]*"|\d[\d.,]*\d|\d""")


def table(found: Sequence[Letter], every: bool) -> str:
    """The table, its count, and where it is not the whole, the count of each reason and how to see the rest."""
    shown = found if every else found[-SHOWN:]
    *rows, _ = as_table(shown).splitlines()  # its own last line counts what is shown
    lines = [*rows, total(found)]
    if len(shown) < len(found):
        lines += [
            "",
            *by_reason(found),
            "",
            f"the newest {SHOWN} are shown; --all shows all, --json has everything but the records",
        ]
    return "\n".join(lines)


def total(found: Sequence[Letter]) -> str:
    can = sum(letter.record is not None for letter in found)
    if len(found) == 1:
        return f"1 dead letter, which can{'' if can else 'not'} be replayed"
    return f"{counted(len(found))}, {can:,} of them can be replayed"


def counted(letters: int) -> str:
    return "1 dead letter" if letters == 1 else f"{letters:,} dead letters"


def by_reason(found: Sequence[Letter]) -> list[str]:
    """A line for each of the most frequent reasons, and one for all the others together."""
    counts = Counter(reason(letter) for letter in found)
    most = counts.most_common(REASONS)
    rows = [("COUNT", "WHY"), *((f"{count:,}", why) for why, count in most)]
    if rest := len(found) - sum(count for _, count in most):
        rows.append((f"{rest:,}", f"for {len(counts) - len(most):,} other reasons"))
    width = max(len(count) for count, _ in rows)
    return [f"{count:>{width}}  {why}" for count, why in rows]


def reason(letter: Letter) -> str:
    """Why it is here, without what belongs to the one record alone: quoted values and numbers, so that equal mistakes count together."""
    why = _OF_ONE.sub("…", visible(str(letter.said.get("reason", ""))))
    return why if len(why) <= WIDEST else why[: WIDEST - 1] + "…"
