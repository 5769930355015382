"""Records through a source: each ends in exactly one answer, alone or joined with others, whatever the plugin does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from logsentry.pipeline.decode import Decoded, read
from logsentry.sdk import (
    BadRecord,
    Cursor,
    Event,
    Field,
    Filtered,
    Framing,
    Input,
    Joined,
    Joiner,
    Profile,
    Record,
    Windowing,
    event_id,
)


class Lines:
    """An input that has these lines, with idle ticks between them."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        for number, line in enumerate(self.lines):
            yield None
            yield Record(line, "lines", "lines", number, {"line": number})

    def close(self) -> None:
        """Nothing is open."""


class Plain:
    """`bad` is refused, `noise` left out, `boom` is a defect, anything else an event."""

    name: ClassVar[str] = "plain"
    framing: ClassVar[Framing] = "lines"
    profile: ClassVar[Profile] = Profile((Field("message"),), Windowing())
    own_prefixes: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, config: Any = None) -> None:
        del config

    def decode(self, record: Record) -> Sequence[Event] | Filtered:
        if record.data == b"boom":
            raise ZeroDivisionError("oh")
        if record.data == b"bad":
            raise BadRecord("it is bad")
        if record.data == b"half":
            raise BadRecord("half of it is bad", [Event(event_id(record), None, self.name, {}, "", b"ha")])
        if record.data == b"noise":
            return Filtered("noise")
        return [Event(event_id(record), None, self.name, {}, "", record.data)]


class Pairs(Plain):
    """Two lines make one event; `boom` makes the joiner fail."""

    def joiner(self) -> Joiner:
        return Pairing(self)


class Pairing:
    def __init__(self, source: Pairs) -> None:
        self.source, self.held = source, list[Record]()

    def feed(self, record: Record) -> Iterator[Joined]:
        if record.data == b"boom":
            raise ZeroDivisionError("oh")
        self.held.append(record)
        if len(self.held) == 2:
            yield from self.flush()

    def flush(self) -> Iterator[Joined]:
        records, self.held = tuple(self.held), []
        if records:
            yield Joined(records, (Event(event_id(records[0]), None, "pairs", {}, "", b"".join(r.data for r in records)),))


def through(source: Plain, lines: Sequence[bytes]) -> tuple[list[Decoded], list[Record]]:
    seen: list[Record] = []
    input_: Input = Lines(lines)

    def wanted(record: Record) -> bool:
        seen.append(record)
        return True

    return [decoded for decoded in read(input_, source, wanted=wanted) if decoded is not None], seen


LINES = st.lists(st.sampled_from([b"a", b"b", b"bad", b"noise", b"boom"]), max_size=12)


@given(LINES, st.sampled_from([Plain, Pairs]))
def test_every_record_is_answered_once(lines: list[bytes], kind: type[Plain]) -> None:
    answers, seen = through(kind(), lines)
    assert [record.data for record in seen] == lines
    assert Counter(record.offset for answer in answers for record in answer.records) == Counter(range(len(lines)))
    assert all(bool(answer.events) + bool(answer.filtered) + bool(answer.bad) == 1 for answer in answers)


def test_each_kind_of_end() -> None:
    answers, _ = through(Plain(), [b"a", b"noise", b"bad", b"boom"])
    assert [(len(a.events), a.filtered, a.bad) for a in answers[:3]] == [(1, "", ""), (0, "noise", ""), (0, "", "it is bad")]
    assert answers[3].bad == "the source plain failed with ZeroDivisionError: oh; report this to its author"


def test_what_can_be_read_of_a_damaged_record_is_an_event() -> None:
    (answer,), _ = through(Plain(), [b"half"])
    assert (len(answer.events), answer.bad) == (1, "half of it is bad")


def test_joined_records_are_one_event_and_what_is_left_is_flushed() -> None:
    answers, _ = through(Pairs(), [b"a", b"b", b"c", b"boom"])
    assert [[event.original for event in answer.events] for answer in answers] == [[b"ab"], [], [b"c"]]
    assert "ZeroDivisionError" in answers[1].bad
