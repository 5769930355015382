"""How many ways a regular expression has to match from one place of a line: a bound on how long a hostile line can keep it busy.

`re` goes back and tries again wherever a repeat could have taken another number of turns or an alternation another branch. The number of
such ways, multiplied along the pattern, bounds its work at each place; `re.search` begins at every place of the line. With a line of
`CUT` characters and as many ways, a pattern takes at most some 67 million steps, about a second; one open repeat (`.*`) is allowed,
`(a+)+` and `.*x.*y` are not.
"""

from __future__ import annotations

from math import prod
from re import _constants as sre  # type: ignore[attr-defined]  # the parser of `re`, under these names since Python 3.11
from re import _parser  # type: ignore[attr-defined]
from typing import Any

CUT = 8192
"""Characters of a line that a rule sees."""

MOST_WAYS = CUT + 1


def ways(pattern: str) -> float:
    """An upper bound, infinite where a repeat of something ambiguous is open; raises `re.error` for what is no pattern.

    >>> ways("union[ +]{1,20}select"), ways("a.*b"), ways("(a+)+")
    (20, 8193, inf)
    """
    return _sequence(_parser.parse(pattern))


def _sequence(items: Any) -> float:
    return _capped(prod(_item(op, value) for op, value in items))


def _capped(number: float) -> float:
    """Whole numbers grow without end; beyond a billion it does not matter how many."""
    return float("inf") if number > 1e9 else number


def _item(op: Any, value: Any) -> float:
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        return _repeat(*value)
    if op is sre.POSSESSIVE_REPEAT:
        least, most, body = value
        return 1 if _sequence(body) == 1 else _repeat(least, most, body)
    if op is sre.BRANCH:
        return _capped(sum(_sequence(branch) for branch in value[1]))
    if op is sre.SUBPATTERN:
        return _sequence(value[-1])
    if op is sre.ATOMIC_GROUP:
        return _sequence(value)
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return _sequence(value[1])
    if op in (sre.GROUPREF, sre.GROUPREF_IGNORE, sre.GROUPREF_EXISTS):
        return float("inf")  # what a group holds is known only while it runs
    return 1


def _repeat(least: int, most: Any, body: Any) -> float:
    """The sum over the number of turns, `least` to `most`, of the ways of that many bodies, each way as long as its turns."""
    turns = min(int(most), CUT)
    inner = _sequence(body)
    if inner == 1:
        return turns - min(least, turns) + 1
    if turns > 64 or inner == float("inf"):
        return float("inf")
    return _capped(turns * sum(inner**turn for turn in range(least, turns + 1)))
