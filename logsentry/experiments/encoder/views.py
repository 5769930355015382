"""What of the token rows a method sees: how many tokens, of how large a vocabulary, of which kinds, cut how.

The staged rows are words already, so here they are changed back into words where another tokenizer is to cut them. Which part of a report
a word came from is told by its look: the rows do not say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from logsentry.experiments.encoder.asking import Kept, View
from logsentry.experiments.encoder.reports_data import Corpus, Ids
from logsentry.text.bpe import Bpe
from logsentry.text.vocabulary import MASK, UNK

FIRST = MASK + 1
"""The first id of a token; padding, unknown and mask come before."""
_RETURNED = re.compile(r"(<ret_val>|-?0x[0-9a-f]+)\Z")
_NAME = re.compile(r"[^.\s]+\.\S+")
_FILE = re.compile(r".*\.(dll|exe|bat|tmp|ini|txt|dat|log|sys|lnk|bin|cfg|ico|vbs|cmd|com|\d+)\Z")
_PIECE = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9\s]")


def kind_of(word: str) -> str:
    """`returned` for a returned value, `name` for the name of an API call, `other` for what files, registry and network left."""
    if _RETURNED.match(word):
        return "returned"
    return "name" if _NAME.match(word) and not _FILE.match(word) else "other"


_WANTED: dict[Kept, frozenset[str]] = {
    "all": frozenset({"name", "returned", "other"}),
    "names": frozenset({"name"}),
    "names and returned": frozenset({"name", "returned"}),
    "returned": frozenset({"returned"}),
    "neither": frozenset({"other"}),
}


class Seen:
    """The distinct training and test sequences as a method sees them, in ids below `vocabulary`; `words` are those of the ids, none where
    words are cut into pieces."""

    def __init__(self, train: list[Ids], test: list[Ids], vocabulary: int, words: Sequence[str] = ()) -> None:
        self.train, self.test, self.vocabulary, self.words = train, test, vocabulary, words


def seen(corpus: Corpus, view: View, fitted: NDArray[np.int64]) -> Seen:
    """`fitted` are the places of the training sequences that a tokenizer may learn from. A row that nothing is left of is one unknown."""
    change, vocabulary = _change(corpus, view, fitted)
    train, test = ([change(_filtered(ids, corpus.words, view.keep))[: view.length] or (UNK,) for ids in some.ids]
                   for some in (corpus.train, corpus.test))  # fmt: skip
    return Seen(train, test, vocabulary, corpus.words[:vocabulary] if view.cut == "words" else ())


def _filtered(ids: Ids, words: Sequence[str], keep: Kept) -> Ids:
    wanted = _WANTED[keep]
    return ids if keep == "all" else tuple(one for one in ids if kind_of(words[one]) in wanted)


def _change(corpus: Corpus, view: View, fitted: NDArray[np.int64]) -> tuple[Callable[[Ids], Ids], int]:
    """How ids become the ids of the view, and how many of those there are."""
    if view.cut == "words":
        size = min(view.vocabulary, len(corpus.words))
        return (lambda ids: ids) if size == len(corpus.words) else (lambda ids: limited(ids, size)), size
    texts = [" ".join(corpus.words[one] for one in corpus.train.ids[place]) for place in fitted.tolist()]
    encode, size = pieces(texts, view.vocabulary) if view.cut == "pieces at punctuation" else bpe(texts, view.vocabulary)
    known: dict[int, Ids] = {}

    def of(one: int) -> Ids:
        if one not in known:
            known[one] = (one,) if one < FIRST else encode(corpus.words[one])
        return known[one]

    return lambda ids: tuple(piece for one in ids for piece in of(one)), size


def limited(ids: Ids, size: int) -> Ids:
    """Ids from `size` on become unknown: the staged ids are numbered about by falling frequency."""
    return tuple(one if one < size else UNK for one in ids)


def pieces(texts: Iterable[str], most: int) -> tuple[Callable[[str], Ids], int]:
    """Words cut at each punctuation mark; the commonest pieces have ids, the others are unknown."""
    counted = Counter(piece for text in texts for piece in _PIECE.findall(text))
    kept = sorted(counted, key=lambda piece: (-counted[piece], piece))[: most - FIRST]
    number = {piece: at for at, piece in enumerate(kept, FIRST)}
    return lambda word: tuple(number.get(piece, UNK) for piece in _PIECE.findall(word)), FIRST + len(kept)


def bpe(texts: Sequence[str], most: int) -> tuple[Callable[[str], Ids], int]:
    """Byte-pair encoding learned from the texts. Raises `TrainingError` where `most` is fewer than their characters."""
    tokenizer = Bpe.learn(Counter(word for text in texts for word in text.split()), most)
    return lambda word: tuple(tokenizer.ids([word])), len(tokenizer)
