"""Ids of a text through a table of words, so that a tokenizer is asked once for each word and not once for each report.

    table = WordTable(encode)                # encode: the ids of one word
    table.ids(text.pieces(data), limit=512)

Exact for tokenizers that read each word by itself: the ids of a text are then those of its words one after another. It stops at
the limit, where tokenizing first and cutting afterwards would read the whole report. What a word's ids are is for `whitespace.py`
and `bpe.py`; which words a text has is for the source.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from logsentry.text.remembered import BOUND, Remembered

SPECIALS = ("<pad>", "<unk>", "<mask>")
"""The pieces of the ids `PAD`, `UNK` and `MASK`, with which every tokenizer's vocabulary begins; no text gives the first or last."""

LONGEST = 256
"""Characters of a word that a vocabulary takes in; longer ones are blobs, and one of them could fill a bundle."""

_AN_ID = 36  # bytes of an integer above 256 and of its place in a tuple


class WordTable:
    """Made once for a tokenizer. `encode` gives the ids of one word; at most `held_bytes` are remembered, then it begins anew."""

    def __init__(self, encode: Callable[[str], Sequence[int]], held_bytes: int = BOUND) -> None:
        self._encode = encode
        self._kept: Remembered[str, tuple[int, ...]] = Remembered(held_bytes)

    def ids(self, pieces: Iterable[str], limit: int = 0) -> list[int]:
        """Ids of the pieces, each of them words with blanks between, up to the limit; 0 is no limit."""
        kept, most = self._kept, limit or sys.maxsize
        found: list[int] = []
        for piece in pieces:
            ids = kept.get(piece)
            found += self._ids_of(piece) if ids is None else ids
            if len(found) >= most:
                return found[:most]
        return found

    def _ids_of(self, piece: str) -> tuple[int, ...]:
        """The ids of a piece, kept together with those of its words."""
        words = words_of(piece)
        if len(words) == 1:
            ids = tuple(self._encode(words[0]))
        else:
            ids = tuple(one for word in words for one in self._ids_of_word(word))
        self._kept.keep(piece, ids, len(piece) + _AN_ID * len(ids))
        return ids

    def _ids_of_word(self, word: str) -> tuple[int, ...]:
        ids = self._kept.get(word)
        return self._ids_of(word) if ids is None else ids


def words_of(piece: str) -> list[str]:
    """The words of a piece. U+2581 is a blank too: sentencepiece writes a blank so, and cannot tell the two apart.

    >>> words_of(" open  key hkey▁current"), words_of("")
    (['open', 'key', 'hkey', 'current'], [])
    """
    return list(filter(None, piece.replace("▁", " ").split(" ")))


def counted(rows: Iterable[Iterable[str]]) -> Counter[str]:
    """How often each word comes in all rows of pieces: what a vocabulary is learned from."""
    pieces = Counter(piece for row in rows for piece in row)
    words: Counter[str] = Counter()
    for piece, times in pieces.items():
        for word in words_of(piece):
            words[word] += times
    return words


def in_order(counts: Counter[str], least: int = 1) -> list[tuple[str, int]]:
    """The words a vocabulary may take in, by falling count and then by text; whatever the order in which they were counted.

    Left out are those that came fewer than `least` times, that are longer than `LONGEST`, or that hold what is no printable text:
    a line's end would break a file of words, and half of a surrogate pair is no UTF-8.
    """
    kept = [(w, n) for w, n in counts.items() if n >= least and len(w) <= LONGEST and w.isprintable() and w not in SPECIALS]
    return sorted(kept, key=lambda item: (-item[1], item[0]))
