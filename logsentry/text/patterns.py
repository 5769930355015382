"""What can be proved of a regular expression by reading its parse tree.

The masker goes faster than drain3's only where a proof says that the result is the same: an equivalent pattern, a condition
that every matching text meets, and which of the ten digits a pattern tells apart. Whatever this module does not know,
it answers with "nothing is proved". It reads the tree of Python's own `re` and runs no pattern.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from re import _parser  # type: ignore[attr-defined]  # the parser of `re`, under this name since Python 3.11
from typing import Any

import msgspec

DIGITS = frozenset("0123456789")

# The two ends of every mask in drain3's README. A group that is empty after (before) a character outside the class, or at
# the start (end) of the text, is empty just where no character of the class comes before (after). `$` also holds before a
# last newline, and there the next character, the newline, is outside the class too.
_CLASSIC_ENDS = (r"((?<=[^A-Za-z0-9])|^)", r"((?=[^A-Za-z0-9])|$)")
_PLAIN_ENDS = (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])")

_ONE_INNER = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT", "ATOMIC_GROUP", "SUBPATTERN", "ASSERT", "ASSERT_NOT"}
_NO_DIGITS = {"AT", "ANY", "FAILURE"}
_MEMBERS = {"LITERAL", "RANGE"}  # what else a class holds, categories and a negation, treats the ten digits alike


class Need(msgspec.Struct, frozen=True):
    """What every text that a pattern matches somewhere has: a length, a piece of text, and characters so many times."""

    width: int = 0
    text: str = ""
    counts: tuple[tuple[str, int], ...] = ()

    def met(self, text: str) -> bool:
        """False only where the pattern cannot match anywhere in `text`."""
        return len(text) >= self.width and self.text in text and all(text.count(c) >= n for c, n in self.counts)


def tree(pattern: str) -> Any:
    """The parse tree as plain tuples, groups without their numbers; raises `re.error` for what is no pattern."""
    return _plain(_parser.parse(pattern))


def _plain(node: Any) -> Any:
    if isinstance(node, (tuple, list, _parser.SubPattern)):
        parts = tuple(_plain(part) for part in node)
        if len(parts) == 2 and parts[0] == "SUBPATTERN":
            return ("SUBPATTERN", parts[1][1:])  # the first is the group's number
        return parts
    return str(node) if type(node).__name__ == "_NamedIntConstant" else node


def simplified(pattern: str) -> str:
    """A pattern that matches the same spans, with the costly ends of drain3's README masks replaced where that is proved.

    The proof: the new pattern's tree is the old one's with exactly the two ends exchanged, and nothing refers to a group
    by its number, which the exchange would shift.
    """
    before = tree(pattern)
    if _mentions(before, {"GROUPREF", "GROUPREF_EXISTS"}) or re.compile(pattern).flags & re.MULTILINE:
        return pattern
    body, wanted = pattern, before
    head, tail = _CLASSIC_ENDS
    if body.startswith(head) and before[:1] == tree(head):
        body, wanted = _PLAIN_ENDS[0] + body[len(head) :], tree(_PLAIN_ENDS[0]) + wanted[1:]
    if body.endswith(tail) and before[-1:] == tree(tail):
        body, wanted = body[: -len(tail)] + _PLAIN_ENDS[1], wanted[:-1] + tree(_PLAIN_ENDS[1])
    try:
        return body if tree(body) == wanted else pattern
    except re.error:
        return pattern


def need(pattern: str) -> Need:
    """A condition that every text in which `pattern` matches meets; the empty condition where case is ignored."""
    parsed = tree(pattern)
    if re.compile(pattern).flags & re.IGNORECASE or _folds(parsed):
        return Need()
    counts: Counter[str] = Counter()
    runs = [""]
    _require(parsed, 1, counts, runs)
    text = max(runs, key=len)
    more = tuple(sorted((c, n) for c, n in counts.items() if n > 1 or c not in text))
    return Need(_parser.parse(pattern).getwidth()[0], text, more)


def _require(items: Iterable[Any], times: int, counts: Counter[str], runs: list[str]) -> None:
    """Add what each of `items`, one after the other, must find `times` times; `times` is 0 for text that is looked at only."""
    runs.append("")
    for op, argument in items:
        if op == "LITERAL":
            counts[chr(argument)] += times
            runs[-1] += chr(argument)
            continue
        if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[0]:
            _require(argument[2], times * argument[0], counts, runs)
        elif op == "SUBPATTERN":
            _require(argument[-1], times, counts, runs)
        elif op == "ATOMIC_GROUP":
            _require(argument, times, counts, runs)
        elif op == "ASSERT":
            _require(argument[1], 0, counts, runs)
        runs.append("")


def told_apart(pattern: str) -> list[frozenset[str]] | None:
    """The sets of digits that some part of `pattern` accepts while it refuses the others; None where nothing is proved.

    An empty list says that any digit may stand for any other without moving a match by one character.
    """
    found: list[frozenset[str]] = []
    return found if _split(tree(pattern), found) else None


def _split(items: Iterable[Any], found: list[frozenset[str]]) -> bool:
    for op, argument in items:
        if op in ("LITERAL", "NOT_LITERAL"):
            _apart(_digits_between(argument, argument), found)
        elif op == "IN":
            bounds = [(member, member) if kind == "LITERAL" else member for kind, member in argument if kind in _MEMBERS]
            _apart(frozenset[str]().union(*(_digits_between(low, high) for low, high in bounds)), found)
        elif op == "BRANCH":
            if not all(_split(branch, found) for branch in argument[1]):
                return False
        elif op in _ONE_INNER:
            inner = argument if op == "ATOMIC_GROUP" else argument[-1]
            if not _split(inner, found):
                return False
        elif op not in _NO_DIGITS:
            return False  # a back-reference asks whether two digits are equal
    return True


def _apart(digits: frozenset[str], found: list[frozenset[str]]) -> None:
    if digits and digits != DIGITS:
        found.append(digits)


def _digits_between(low: int, high: int) -> frozenset[str]:
    return frozenset(d for d in DIGITS if low <= ord(d) <= high)


def alike(splits: Sequence[frozenset[str]]) -> list[str]:
    """The ten digits in classes that no set of `splits` divides, each class a sorted string: `["0", "123456789"]`."""
    classes: dict[tuple[bool, ...], str] = {}
    for digit in sorted(DIGITS):
        signature = tuple(digit in split for split in splits)
        classes[signature] = classes.get(signature, "") + digit
    return list(classes.values())


def _mentions(node: Any, names: set[str]) -> bool:
    return node in names if isinstance(node, str) else isinstance(node, tuple) and any(_mentions(n, names) for n in node)


def _folds(node: Any) -> bool:
    """True where an inner group such as `(?i:…)` ignores case."""
    if not isinstance(node, tuple):
        return False
    if len(node) == 2 and node[0] == "SUBPATTERN" and node[1][0] & re.IGNORECASE:
        return True
    return any(_folds(part) for part in node)
