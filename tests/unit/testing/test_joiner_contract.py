"""The contract accepts a joiner that keeps it, and each of its tests refuses one that breaks just that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec
import pytest

from logsentry.sdk import Event, Joined, Joiner, Record, event_id
from logsentry.testing import JoinerContract


class Words:
    """Joins `id text` records by their id until `id end`, and lets go what is open when it holds eight records."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.defstruct("Config", [])

    def __init__(self, config: object) -> None:
        pass

    def joiner(self) -> Joiner:
        return Book()


class Book:
    def __init__(self) -> None:
        self.open: dict[bytes, list[Record]] = {}

    def feed(self, record: Record) -> Iterator[Joined]:
        word, blank, text = record.data.partition(b" ")
        if not blank:
            return iter((Joined((record,), bad="it has no blank"),))
        self.open.setdefault(word, []).append(record)
        if text == b"end":
            return iter((self.close(word),))
        if sum(map(len, self.open.values())) > 8:
            return self.flush()
        return iter(())

    def flush(self) -> Iterator[Joined]:
        for word in list(self.open):
            yield self.close(word)

    def close(self, word: bytes) -> Joined:
        records = self.open.pop(word)
        text = b" ".join(record.data for record in records)
        return Joined(tuple(records), (Event(event_id(records[0]), None, "words", {}, repr(text), text),))


class Losing(Book):
    def flush(self) -> Iterator[Joined]:
        return iter(())


class Raising(Book):
    def feed(self, record: Record) -> Iterator[Joined]:
        record.data.decode("ascii")
        return super().feed(record)


class Hoarding(Book):
    def feed(self, record: Record) -> Iterator[Joined]:
        if record.data.endswith(b" end"):
            return super().feed(record)
        self.open.setdefault(record.data.partition(b" ")[0], []).append(record)
        return iter(())


class Sharing(Book):
    shared: ClassVar[dict[bytes, list[Record]]] = {}

    def __init__(self) -> None:
        self.open = self.shared


class Impatient(Book):
    """Takes the first record of another event for the end of the one before."""

    def feed(self, record: Record) -> Iterator[Joined]:
        word = record.data.partition(b" ")[0]
        before = [self.close(other) for other in list(self.open) if other != word]
        return iter((*before, *super().feed(record)))


class Remembering(Book):
    """Makes an event of what it has seen before only once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()

    def feed(self, record: Record) -> Iterator[Joined]:
        if record.offset in self.seen:
            return iter((Joined((record,), filtered="seen before"),))
        self.seen.add(record.offset)
        return super().feed(record)


class TestWords(JoinerContract):
    make = Words
    sample: ClassVar[Sequence[bytes]] = (b"1 a", b"1 end", b"2 b", b"2 c", b"2 end", b"3 d", b"3 end")
    held = 8


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Losing, "test_what_never_becomes_complete_is_let_go"),
        (Losing, "test_whatever_is_fed_ends_exactly_once"),
        (Raising, "test_whatever_is_fed_ends_exactly_once"),
        (Hoarding, "test_what_never_becomes_complete_is_let_go"),
        (Sharing, "test_two_joiners_know_nothing_of_each_other"),
        (Impatient, "test_events_whose_records_come_mixed_stay_the_same"),
        (Remembering, "test_nothing_is_left_after_a_flush_and_the_joiner_can_go_on"),
    ],
)
def test_a_broken_joiner_is_refused(broken: type[Any], test: str) -> None:
    class Broken(TestWords):
        def joiner(self) -> Joiner:
            joiner: Joiner = broken()
            return joiner

    with pytest.raises((AssertionError, UnicodeDecodeError)):
        getattr(Broken(), test)()


def test_a_sample_of_single_records_says_nothing() -> None:
    class Single(TestWords):
        sample: ClassVar[Sequence[bytes]] = (b"1 end", b"2 end")

    with pytest.raises(AssertionError, match="at least two events"):
        Single().test_records_of_the_sample_are_joined()
