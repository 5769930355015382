"""Ids of a text through a table of words, so that a tokenizer is asked once for each word and not once for each report.

    table = WordTable(SentencePieceProcessor(model_file=path).encode)
    table.ids(text.pieces(data))

Exact for tokenizers that split at blanks before anything else (sentencepiece with `split_by_whitespace`, its default) on text of
ASCII words: there the ids of a text are those of its words one after another. It stops at the limit, where calling the tokenizer
and cutting afterwards would tokenize the whole report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

_KEPT_PIECES = 131_072
_KEPT_LENGTH = 128  # characters; longer ones are put together from their words each time


class WordTable:
    """Made once for a tokenizer. `encode` gives the ids of a text; `limit` is the most ids that are wanted."""

    def __init__(self, encode: Callable[[str], Sequence[int]], limit: int = 512) -> None:
        self._encode = encode
        self._limit = limit
        self._kept: dict[str, tuple[int, ...]] = {}

    def ids(self, pieces: Iterable[str]) -> list[int]:
        """Ids of the pieces, which are words with single blanks between, up to the limit."""
        kept, limit = self._kept, self._limit
        found: list[int] = []
        for piece in pieces:
            ids = kept.get(piece)
            found += self._ids_of(piece) if ids is None else ids
            if len(found) >= limit:
                return found[:limit]
        return found

    def _ids_of(self, piece: str) -> tuple[int, ...]:
        """The ids of the words of a piece; both are kept. A single word is given to the tokenizer."""
        if " " not in piece:
            ids = tuple(self._encode(piece))
        else:
            ids = tuple(one for word in piece.split() for one in (self._kept.get(word) or self._ids_of(word)))
        if len(piece) <= _KEPT_LENGTH:
            if len(self._kept) >= _KEPT_PIECES:
                self._kept.clear()
            self._kept[piece] = ids
        return ids
