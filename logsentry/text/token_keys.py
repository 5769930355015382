"""Windows of any source as token ids: what an encoder reads, with no begin, no end and no padding.

An event is read in the first of three ways that it allows: its ids as given (field `tokens.ids`), the text that its source makes of its
bytes (an emulation report), or the line of fields that its profile keeps. The texts of a window follow each other in its
order. Which words are which ids is for the tokenizers; what is kept of an event, for its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Annotated, Any, Literal, NoReturn, Protocol, runtime_checkable

import msgspec
from msgspec import Meta

from logsentry.errors import BundleRefused, TrainingError, UsageError
from logsentry.registry import installed
from logsentry.schema.event import Event
from logsentry.schema.profile import Profile
from logsentry.schema.window import Window
from logsentry.stages.filters import DomainFilter
from logsentry.text.bpe import Bpe
from logsentry.text.vocabulary import PAD, UNK
from logsentry.text.whitespace import SIZE, Whitespace
from logsentry.text.word_table import SPECIALS, counted

SNAPSHOT = 1

IDS, COUNT = "tokens.ids", "tokens.ids_count"
"""Fields of the source `speakeasy-tokens`; a row without ids has the count alone."""

LARGEST = 1_000_000
"""Ids that a model's table of embeddings may have a row for."""


class Tokenizer(Protocol):
    """Words to ids and back. Ids below 3 are `SPECIALS`; `len` is the number of ids."""

    def __len__(self) -> int: ...

    def ids(self, pieces: Iterable[str], limit: int = 0) -> list[int]: ...

    def text(self, token: int) -> str: ...

    def to_json(self) -> dict[str, Any]: ...


class Text(Protocol):
    """Reads the bytes of an event as words, piece by piece."""

    def pieces(self, data: bytes) -> Iterator[str]: ...


@runtime_checkable
class OwnText(Protocol):
    """A source whose events have a text of their own, which its profile's line would cut short."""

    text: Text


class TokenConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How ids are learned. Where the events carry ids these are taken, and `names` may say what each stands for, the special ones
    included; `source_options` are those of the source whose text is read, for instance which parts of a report.

    `reads` names a source besides, whose texts are made of the same names: a detector of ids then judges that source's events too.
    """

    tokenizer: Annotated[Literal["bpe", "whitespace"], Meta(description="Pieces of words, or whole words.")] = "bpe"
    size: Annotated[int, Meta(ge=4, le=1_000_000, description="Ids in the vocabulary at most.")] = SIZE
    min_count: Annotated[int, Meta(ge=1, description="Rarer words are unknown; whitespace only.")] = 1
    names: tuple[str, ...] = ()
    reads: str = ""
    source_options: dict[str, Any] = {}


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The source whose own text is read, with all of its options as they were in training; no name: lines of the profile."""

    source: str = ""
    options: dict[str, Any] = {}


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["tokens"]
    version: int
    profile: Profile
    reading: Reading
    limit: Annotated[int, Meta(ge=0)]
    tokenizer: dict[str, Any]


class _SavedIds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["given"]
    format: int
    size: Annotated[int, Meta(ge=len(SPECIALS), le=LARGEST)]
    names: list[str]


class TokenKeys:
    """`limit` is the most ids that a window gives, the first ones; 0 is no limit."""

    def __init__(self, profile: Profile, tokenizer: Tokenizer, reading: Reading | None = None, limit: int = 0) -> None:
        self.profile, self.tokenizer, self.reading, self.limit = profile, tokenizer, reading or Reading(), limit
        self._words = _Words(profile, self.reading)

    @classmethod
    def learn(cls, profile: Profile, events: Iterable[Event], config: TokenConfig | None = None, limit: int = 0) -> TokenKeys:
        """Learn a vocabulary from events of one source; raises `TrainingError` where they hold no words."""
        config, events = config or TokenConfig(), list(events)
        if any(carries_ids(event) for event in events):
            ids = GivenIds.learn(events, config.names)
            reading = reading_of(config.reads, config.source_options) if config.reads else Reading()
            return cls(profile, named(ids, config), reading, limit)
        reading = reading_of(events[0].source, config.source_options) if events else Reading()
        words = _Words(profile, reading)
        counts = counted(words.pieces(event) for event in events)
        whitespace = config.tokenizer == "whitespace"
        learned = Whitespace.learn(counts, config.size, config.min_count) if whitespace else Bpe.learn(counts, config.size)
        return cls(profile, learned, reading, limit)

    @property
    def vocabulary(self) -> Tokenizer:
        """What knows the ids: `len` of it is their number."""
        return self.tokenizer

    def pieces(self, event: Event) -> Iterator[str]:
        """The words that an event is read as; raises `BadRecord` where its source cannot read its bytes."""
        return self._words.pieces(event)

    def line(self, event: Event) -> str:
        """The event as its detector sees it, as far as it is read."""
        if carries_ids(event):
            return " ".join(map(self.text, self._of_event(event, self.limit)))
        return " ".join(islice(self.pieces(event), self.limit or None))  # a piece is an id at least

    def encode(self, window: Window) -> tuple[int, ...]:
        """The ids of the window's events in order, `limit` at most; a window with nothing to read is one unknown."""
        return tuple(chain.from_iterable(self._by_event(window))) or (UNK,)

    def places(self, window: Window) -> tuple[int, ...]:
        """For each id of `encode` which event of the window it came from, from 0 on."""
        return tuple(place for place, ids in enumerate(self._by_event(window)) for _ in ids) or (0,)

    def _by_event(self, window: Window) -> Iterator[list[int]]:
        left = self.limit
        for event in window.events:
            ids = self._of_event(event, left)
            yield ids
            if self.limit and (left := left - len(ids)) <= 0:
                return

    def _of_event(self, event: Event, most: int) -> list[int]:
        if carries_ids(event):
            return given(event, len(self.tokenizer), most)
        return self.tokenizer.ids(self.pieces(event), most)

    def text(self, key: int) -> str:
        return self.tokenizer.text(key)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "tokens",
            "version": SNAPSHOT,
            "profile": msgspec.to_builtins(self.profile),
            "reading": msgspec.to_builtins(self.reading),
            "limit": self.limit,
            "tokenizer": self.tokenizer.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TokenKeys:
        """Raises `BundleRefused` where the snapshot is from another version or incomplete."""
        if (data.get("kind"), data.get("version")) != ("tokens", SNAPSHOT):
            raise BundleRefused(
                f"the tokens were written in version {data.get('version')!r}; this program reads version {SNAPSHOT}"
            )
        try:
            saved = msgspec.convert(data, _Saved)
        except msgspec.ValidationError as error:
            raise BundleRefused(f"the tokens cannot be read: {error}") from error
        return cls(saved.profile, tokenizer_from_json(saved.tokenizer), saved.reading, saved.limit)


def named(ids: GivenIds, config: TokenConfig) -> Tokenizer:
    """The given ids, able to read texts where there is a source to read; raises `UsageError` where not every id has a name."""
    if not config.reads:
        return ids
    if len(ids) != len(config.names):
        raise UsageError(
            f"texts of {config.reads} can be read where every id has a name: {len(config.names)} of {len(ids)} have one"
        )
    return Whitespace(config.names[len(SPECIALS) :])


def tokenizer_from_json(data: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer whose `to_json` wrote this; raises `BundleRefused` for anything else."""
    kinds: dict[object, Any] = {"bpe": Bpe, "whitespace": Whitespace, "given": GivenIds}
    known = kinds.get(data.get("kind"))
    if known is None:
        raise BundleRefused(f"the tokens name the tokenizer {data.get('kind')!r}; known: {', '.join(map(str, kinds))}")
    tokenizer: Tokenizer = known.from_json(data)
    return tokenizer


def reading_of(source: str, options: Mapping[str, Any]) -> Reading:
    """How a source's events are read. Its options are written out, defaults too, so that a later default changes no bundle.

    Raises `UsageError` for an unknown source or option.
    """
    found = installed().get("sources", source)
    try:
        config = msgspec.convert(dict(options), found.Config)
    except msgspec.ValidationError as error:
        raise UsageError(f"source {source!r}: {error}") from error
    return Reading(source, msgspec.to_builtins(config)) if isinstance(found(config), OwnText) else Reading()


class _Words:
    """The words of events, by their source's own text or by the profile's line."""

    def __init__(self, profile: Profile, reading: Reading) -> None:
        self._line = DomainFilter(profile).line
        self._text = _text_of(reading) if reading.source else None
        self._source = reading.source

    def pieces(self, event: Event) -> Iterator[str]:
        if self._text is None:
            return iter(self._line(event).split(" "))
        if event.source != self._source:
            raise UsageError(f"these tokens are of texts of {self._source}, and the event is of {event.source} without {IDS}")
        return self._text.pieces(event.original)


def _text_of(reading: Reading) -> Text:
    found = installed().get("sources", reading.source)
    try:
        source = found(msgspec.convert(reading.options, found.Config))
    except msgspec.ValidationError as error:
        raise BundleRefused(f"the tokens were read with options that {reading.source} does not know: {error}") from error
    if not isinstance(source, OwnText):
        raise BundleRefused(f"the tokens are of texts of {reading.source}, which offers none any more")
    return source.text


def carries_ids(event: Event) -> bool:
    return COUNT in event.fields or IDS in event.fields


def given(event: Event, size: int, most: int = 0) -> list[int]:
    """The ids of an event, `most` at most (0 is no limit): those from `size` on are unknown, and padding is left out."""
    ids = event.fields.get(IDS)
    tokens = (token for token in (ids if isinstance(ids, list) else ()) if token != PAD)
    return [token if type(token) is int and 0 <= token < size else UNK for token in islice(tokens, most or None)]


class GivenIds:
    """Ids that somebody else made: `size` of them; `names` says what each stands for, from 0 on, as far as it is known.

    Whoever trains on ids can be asked about ids only, for nothing here knows how they were made.
    """

    FORMAT = 1

    def __init__(self, size: int, names: Sequence[str] = ()) -> None:
        self._size, self._names = size, (*SPECIALS, *names[len(SPECIALS) :])

    @classmethod
    def learn(cls, events: Iterable[Event], names: Sequence[str] = ()) -> GivenIds:
        """As many ids as the events use or have names; raises `TrainingError` for events without ids and ids beyond `LARGEST`."""
        largest = -1
        for event in events:
            if not carries_ids(event):
                raise TrainingError(f"some events carry {IDS} and others, of {event.source}, do not: train on one kind")
            largest = max(largest, max(given(event, 2**63), default=-1))
        if largest >= LARGEST:
            raise TrainingError(f"the rows hold the token id {largest:,}, and ids below {LARGEST:,} can be trained on")
        return cls(max(largest + 1, len(names), len(SPECIALS)), names)

    def __len__(self) -> int:
        return self._size

    def ids(self, pieces: Iterable[str], limit: int = 0) -> NoReturn:
        """Raises `UsageError`: words have no ids here."""
        raise UsageError(f"these tokens were given as ids, so a text cannot be read with them: score events that carry {IDS}")

    def text(self, token: int) -> str:
        """The name of an id, or `token 17` where it has none; raises `UsageError` for an id out of range."""
        if not 0 <= token < self._size:
            raise UsageError(f"token {token} is not among the {self._size} of this vocabulary")
        return self._names[token] if token < len(self._names) else f"token {token}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "given", "format": self.FORMAT, "size": self._size, "names": list(self._names)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> GivenIds:
        """What `to_json` wrote; raises `BundleRefused` for anything else."""
        try:
            content = msgspec.convert(saved, _SavedIds)
        except msgspec.ValidationError as error:
            raise BundleRefused(f"the given ids are not what this version writes: {error}") from error
        if content.format != cls.FORMAT:
            raise BundleRefused(f"the given ids have format {content.format}, and only {cls.FORMAT} is known; train again")
        return cls(content.size, content.names)
