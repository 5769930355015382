"""Longest common subsequences of words, and templates made of them.

A template, and a line cut into words, is a sequence of tokens of which `PARAM` is a gap and any other a word. A gap of a
template stands for any number of tokens, none included. Which templates are compared with a line is for `wordindex.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PARAM = "<*>"


def places(tokens: Sequence[str]) -> dict[str, int]:
    """Where each word stands, one bit a place: the form in which one line is compared with many templates."""
    found: dict[str, int] = {}
    for place, token in enumerate(tokens):
        if token != PARAM:
            found[token] = found.get(token, 0) | 1 << place
    return found


def lcs_length(line: Mapping[str, int], width: int, tokens: Sequence[str]) -> int:
    """How many words the longest common subsequence has; `line` is the `places` of `width` tokens.

    A row of the usual table as one integer: bit j is clear where the row's count grows by one at column j (Hyyrö, "Bit-parallel
    LCS-length computation revisited", AWOCA 2004). A row costs three additions instead of `width` comparisons.
    """
    row = full = (1 << width) - 1
    for token in tokens:
        if hit := row & line.get(token, 0):
            row = (row + hit) | (row - hit)
    return width - (row & full).bit_count()


def alignment(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """The places in `left` and in `right` of one longest common subsequence of their words, in order; always the same one."""
    where, full = places(right), (1 << len(right)) - 1
    rows = [full]
    for token in left:
        hit = rows[-1] & where.get(token, 0)
        rows.append(((rows[-1] + hit) | (rows[-1] - hit)) & full)
    pairs = []
    i, j = len(left), len(right)
    while i and j:
        column = 1 << (j - 1)
        if rows[i] & column:  # the same count without the last of `right`
            j -= 1
            continue
        i -= 1
        if rows[i] & column:  # a smaller count without the last of `left`: the two are the pair
            j -= 1
            pairs.append((i, j))
    return pairs[::-1]


def merged(template: Sequence[str], line: Sequence[str]) -> tuple[str, ...]:
    """The common words, with a gap wherever one of the two has something between; it fits all that `template` fits, and `line`."""
    tokens: list[str] = []
    before = (-1, -1)
    for i, j in [*alignment(template, line), (len(template), len(line))]:
        if (i, j) != (before[0] + 1, before[1] + 1):
            tokens.append(PARAM)
        tokens += template[i : i + 1]
        before = (i, j)
    return tuple(tokens)


def fits(template: Sequence[str], line: Sequence[str]) -> bool:
    """Whether the line is the template with tokens put into its gaps, and nowhere else."""
    head, *between = _pieces(template)
    if not between:
        return tuple(line) == head
    tail = between.pop()
    at, end = len(head), len(line) - len(tail)
    if end < at or tuple(line[:at]) != head or tuple(line[end:]) != tail:
        return False
    for piece in between:  # the first place is always good enough: it leaves most for the pieces that follow
        found = _find(line, piece, at, end)
        if found is None:
            return False
        at = found + len(piece)
    return True


def _pieces(template: Sequence[str]) -> list[tuple[str, ...]]:
    """What stands before, between and after the gaps."""
    pieces: list[list[str]] = [[]]
    for token in template:
        if token == PARAM:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [tuple(piece) for piece in pieces]


def _find(line: Sequence[str], piece: tuple[str, ...], start: int, end: int) -> int | None:
    for at in range(start, end - len(piece) + 1):
        if tuple(line[at : at + len(piece)]) == piece:
            return at
    return None
