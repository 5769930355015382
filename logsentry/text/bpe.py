"""Byte-pair encoding by sentencepiece: common words become one id, rare ones several, so that hardly any text is unknown.

    tokenizer = Bpe.learn(counted(rows), size=50_000)
    tokenizer.ids(["open key", "kernel32 createfilew"])

Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016; the model and its training are
sentencepiece's (https://github.com/google/sentencepiece, `doc/options.md`). It is taught each distinct word with its count: the
merges are those of the whole text, which is hundreds of times as long, and whose lines beyond 4,192 bytes it would leave out.

The model goes into the bundle as base64 inside the JSON of the keys. A file of its own would be a quarter smaller, but keys are
one piece of JSON for every other kind, read where no folder is at hand and covered by one hash.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from logsentry.errors import BundleRefused, TrainingError, UsageError
from logsentry.text.whitespace import SIZE
from logsentry.text.word_table import SPECIALS, WordTable, in_order

_BLANK = "▁"
_OPTIONS: dict[str, Any] = {
    "model_type": "bpe",
    "input_format": "tsv",  # a word and its count a line
    "normalization_rule_name": "identity",  # the source has normalized; else a word's ids could hang on its neighbours
    "pad_id": 0,
    "unk_id": 1,
    "bos_id": -1,
    "eos_id": -1,
    "pad_piece": SPECIALS[0],
    "unk_piece": SPECIALS[1],
    "control_symbols": [SPECIALS[2]],  # takes id 2; a user-defined symbol would let a log line that says `<mask>` make one
    "character_coverage": 1.0,  # a log's rare letter may be what tells it from others
    "hard_vocab_limit": False,  # fewer pieces where the text has no more, instead of a failure
    "split_by_number": False,  # these two as in the tokenizers that were published with Nebula
    "max_sentencepiece_length": 64,
    "shuffle_input_sentence": False,
    "num_threads": 1,  # with the words in a fixed order: the same text, the same model; training draws nothing by chance
    "minloglevel": 2,
}


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["bpe"]
    format: int
    model: str


class Bpe:
    """`model` is a sentencepiece model whose first ids are `SPECIALS`; raises `BundleRefused` for anything else.

    `len` counts the special ids too. Words are those between blanks (U+0020 and U+2581).
    """

    FORMAT = 1

    def __init__(self, model: bytes) -> None:
        self.model = model
        self._processor = _opened(model)
        self._table = WordTable(self._word)

    @classmethod
    def learn(cls, counts: Counter[str], size: int = SIZE) -> Bpe:
        """Learn `size` pieces from words and their counts, or as many as the words support.

        Raises `TrainingError` where there are no words, or where even their characters are more than `size`.
        """
        words = in_order(counts)
        if not words:
            raise TrainingError("the text has no words, so there are no pieces to learn: give more data")
        characters = len({letter for word, _ in words for letter in word}) + len(SPECIALS) + len(_BLANK)
        if size < characters:
            raise TrainingError(f"the text needs {characters:,} pieces for its characters alone, and {size:,} were asked for")
        return cls(_trained(words, size))

    def __len__(self) -> int:
        return len(self._processor)

    def ids(self, pieces: Iterable[str], limit: int = 0) -> list[int]:
        """What sentencepiece itself answers for the pieces joined by blanks, up to the limit; 0 is no limit."""
        return self._table.ids(pieces, limit)

    def _word(self, word: str) -> list[int]:
        ids: list[int] = self._processor.encode(word.encode("utf-8", "replace").decode())  # half of a surrogate pair: `?`
        return ids

    def text(self, token: int) -> str:
        """The piece of an id, U+2581 in front where it begins a word; raises `UsageError` for an id out of range."""
        if not 0 <= token < len(self):
            raise UsageError(f"token {token} is not among the {len(self)} of this vocabulary")
        piece: str = self._processor.id_to_piece(token)
        return piece

    def to_json(self) -> dict[str, Any]:
        return {"kind": "bpe", "format": self.FORMAT, "model": base64.b64encode(self.model).decode("ascii")}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Bpe:
        """What `to_json` wrote; raises `BundleRefused` for anything else."""
        try:
            content = msgspec.convert(saved, _Saved)
            model = base64.b64decode(content.model, validate=True)
        except (msgspec.ValidationError, binascii.Error, ValueError) as error:
            raise BundleRefused(f"the word pieces are not what this version writes: {error}") from error
        if content.format != cls.FORMAT:
            raise BundleRefused(f"the word pieces have format {content.format}, and only {cls.FORMAT} is known; train again")
        return cls(model)


def _trained(words: list[tuple[str, int]], size: int) -> bytes:
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    lines = (f"{word}\t{times}" for word, times in words)
    try:
        SentencePieceTrainer.train(sentence_iterator=lines, model_writer=model, vocab_size=size, **_OPTIONS)
    except (RuntimeError, OSError) as error:
        raise TrainingError(f"sentencepiece could not learn {size:,} pieces: {error}") from error
    return model.getvalue()


def _opened(model: bytes) -> Any:
    """The processor of a model that reads words one by one."""
    from sentencepiece import SentencePieceProcessor  # 40 ms, which nobody should pay whose keys are others

    try:
        processor = SentencePieceProcessor(model_proto=model) if model else None
    except (RuntimeError, OSError) as error:
        raise BundleRefused(f"the word pieces are no sentencepiece model: {error}") from error
    if processor is None or len(processor) < len(SPECIALS):
        raise BundleRefused("the word pieces are no sentencepiece model: it has no pieces")
    pieces = [processor.id_to_piece(token) for token in range(len(processor))]
    if tuple(pieces[: len(SPECIALS)]) != SPECIALS or {0, 2} & {*processor.encode(" ".join(SPECIALS))}:
        raise BundleRefused(f"the word pieces do not begin with {', '.join(SPECIALS)}, which no text may give; train again")
    if any(_BLANK in piece[1:] for piece in pieces) or processor.encode("a  a ") != 2 * processor.encode("a"):
        raise BundleRefused("the word pieces reach over blanks, so that words cannot be read one by one; train again")
    return processor
