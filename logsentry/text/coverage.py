"""How well a vocabulary covers a text: what share of it is known, how long rows become, and how often each token comes.

    found = coverage(tokenizer, (text.pieces(data) for data in reports), limit=512)
    print(*found.sentences(), sep="\\n")
    curve = ranks(counted(...))                     # rank against frequency, for a picture with two logarithmic axes

Measure on rows that taught the vocabulary nothing; on its own text it knows more. Drawing is for those who draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
import numpy as np

from logsentry.errors import UsageError
from logsentry.text.vocabulary import UNK
from logsentry.text.word_table import counted

T = TypeVar("T", int, str)


class Encodes(Protocol):
    def ids(self, pieces: Iterable[str], limit: int = 0) -> list[int]: ...


class Lengths(msgspec.Struct, frozen=True):
    """Ids a row; `over_limit` is the share of rows that have more ids than are read."""

    rows: int
    mean: float
    median: float
    p95: float
    longest: int
    limit: int
    over_limit: float


class Coverage(msgspec.Struct, frozen=True):
    """Words of a text: `known` is the share of which no id is unknown, `whole` the share that is one known id; each over all words
    as they come and over `distinct` ones. `unknown_ids` is the share of ids that are unknown, `ids_per_word` their number."""

    words: int
    distinct: int
    known: float
    known_distinct: float
    whole: float
    whole_distinct: float
    unknown_ids: float
    ids_per_word: float
    lengths: Lengths

    def sentences(self) -> list[str]:
        long = self.lengths
        return [
            f"{long.rows:,} rows of {self.words:,} words, {self.distinct:,} distinct",
            f"known: {self.known:.3%} of words, {self.known_distinct:.2%} of distinct words; unknown ids: {self.unknown_ids:.3%}",
            f"one id: {self.whole:.3%} of words, {self.whole_distinct:.2%} of distinct words; {self.ids_per_word:.3f} ids a word",
            f"ids a row: mean {long.mean:,.0f}, median {long.median:,.0f}, 95 % at most {long.p95:,.0f}, longest {long.longest:,}"
            f"; {long.over_limit:.1%} have more than {long.limit:,}",
        ]


class Rank(msgspec.Struct, frozen=True):
    """The token that comes `times` times is the `rank`-th, from 1 on, by falling count."""

    rank: int
    times: int
    token: int | str


def vocabulary_sentence(ids: int, asked: int) -> str:
    """How large a vocabulary of `ids` ids became, where `asked` were asked for."""
    return f"{ids:,} ids" if ids >= asked else f"{ids:,} ids; {asked:,} were asked for, and the text supports no more"


def coverage(tokenizer: Encodes, rows: Iterable[Iterable[str]], limit: int = 512) -> Coverage:
    """Of rows of pieces; raises `UsageError` where they hold no words."""
    held = [list(row) for row in rows]
    counts = counted(held)
    if not counts:
        raise UsageError("the rows hold no words, so there is no coverage to tell of: give rows that do")
    ids = [tokenizer.ids([word]) for word in counts]
    times = np.fromiter(counts.values(), np.int64, len(counts))
    length = np.array([len(of_word) for of_word in ids])
    unknown = np.array([of_word.count(UNK) for of_word in ids])
    known, words = unknown == 0, int(times.sum())
    whole = known & (length == 1)
    total = int(times @ length)
    return Coverage(
        words=words,
        distinct=len(counts),
        known=float(times @ known) / words,
        known_distinct=float(known.mean()),
        whole=float(times @ whole) / words,
        whole_distinct=float(whole.mean()),
        unknown_ids=float(times @ unknown) / total,
        ids_per_word=total / words,
        lengths=lengths([len(tokenizer.ids(row)) for row in held], limit),
    )


def lengths(ids_a_row: Sequence[int], limit: int = 512) -> Lengths:
    """Of the numbers of ids of rows; raises `UsageError` where there are no rows."""
    if not len(ids_a_row):
        raise UsageError("there are no rows whose lengths could be told: give one at least")
    found = np.array(ids_a_row)
    return Lengths(
        rows=len(found),
        mean=float(found.mean()),
        median=float(np.median(found)),
        p95=float(np.percentile(found, 95)),
        longest=int(found.max()),
        limit=limit,
        over_limit=float((found > limit).mean()),
    )


def unknown_share(rows: Iterable[Sequence[int]]) -> float:
    """The share of ids that are unknown in rows that are ids already; 0 where there are none."""
    seen = Counter(token == UNK for row in rows for token in row)
    return seen[True] / seen.total() if seen else 0.0


def ranks(counts: Mapping[T, int], points: int = 200) -> list[Rank]:
    """Rank against frequency of tokens (words or ids), the commonest first, at about `points` ranks that lie evenly on a
    logarithmic axis; the first and the last are among them. Equal counts are in the order of the tokens."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if not ordered:
        return []
    chosen = np.unique(np.geomspace(1, len(ordered), max(points, 2)).round().astype(int))
    return [Rank(int(rank), ordered[rank - 1][1], ordered[rank - 1][0]) for rank in chosen]
