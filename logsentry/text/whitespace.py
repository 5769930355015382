"""One id for each known word, the commonest first; every other word is unknown.

    tokenizer = Whitespace.learn(counted(rows), size=50_000)
    tokenizer.ids(["open key", "kernel32 createfilew"])

The plainer of the two tokenizers of Trizna et al., "Nebula: Self-Attention for Dynamic Malware Analysis"; `bpe.py` is the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from logsentry.errors import BundleRefused, TrainingError, UsageError
from logsentry.text.vocabulary import UNK
from logsentry.text.word_table import SPECIALS, WordTable, in_order

SIZE = 50_000
"""Ids that a vocabulary has at most unless told otherwise, those of `SPECIALS` counted."""


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["whitespace"]
    format: int
    words: list[str]


class Whitespace:
    """`words` in the order of their ids, from 3 on; `len` counts the special ids too."""

    FORMAT = 1

    def __init__(self, words: Sequence[str]) -> None:
        self._texts = (*SPECIALS, *words)
        self._ids = {word: (one,) for one, word in enumerate(self._texts[len(SPECIALS) :], len(SPECIALS))}
        self._unknown = (UNK,)
        self._table = WordTable(self._word)

    @classmethod
    def learn(cls, counts: Counter[str], size: int = SIZE, min_count: int = 1) -> Whitespace:
        """The commonest words; fewer than `size` where there are no more.

        Raises `TrainingError` where no word came `min_count` times, `UsageError` for a size with no room for words.
        """
        if size <= len(SPECIALS):
            raise UsageError(f"a vocabulary of {size} ids has no room for words: {len(SPECIALS)} ids are special; ask for more")
        words = [word for word, _ in in_order(counts, min_count)]
        if not words:
            raise TrainingError(f"no word came {min_count} times in the text, so there is no vocabulary: give more data")
        return cls(words[: size - len(SPECIALS)])

    def __len__(self) -> int:
        return len(self._texts)

    def ids(self, pieces: Iterable[str], limit: int = 0) -> list[int]:
        """An id for each word of the pieces, up to the limit; 0 is no limit."""
        return self._table.ids(pieces, limit)

    def _word(self, word: str) -> tuple[int, ...]:
        return self._ids.get(word, self._unknown)

    def text(self, token: int) -> str:
        """The word of an id; raises `UsageError` for an id out of range."""
        if not 0 <= token < len(self._texts):
            raise UsageError(f"token {token} is not among the {len(self._texts)} of this vocabulary")
        return self._texts[token]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; a word's id is its place in the list, after the special ones."""
        return {"kind": "whitespace", "format": self.FORMAT, "words": list(self._texts[len(SPECIALS) :])}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Whitespace:
        """What `to_json` wrote; raises `BundleRefused` for anything else."""
        try:
            content = msgspec.convert(saved, _Saved)
        except msgspec.ValidationError as error:
            raise BundleRefused(f"the vocabulary of words is not what this version writes: {error}") from error
        if content.format != cls.FORMAT:
            raise BundleRefused(
                f"the vocabulary of words has format {content.format}, and only {cls.FORMAT} is known; train again"
            )
        if len({*content.words, *SPECIALS}) != len(content.words) + len(SPECIALS):
            raise BundleRefused("the vocabulary of words names one word twice: the file is damaged or was edited")
        return cls(content.words)
