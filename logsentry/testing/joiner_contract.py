"""What every source keeps to whose events span several records. Its author inherits the tests in three lines, beside `SourceContract`::

    class TestAuditdJoins(JoinerContract):
        make = Auditd
        sample = (b"type=SYSCALL msg=audit(1.0:1): ...", b"type=EOE msg=audit(1.0:1): ", b"type=SYSCALL msg=audit(1.0:2): ...", ...)

`sample` holds the records of several whole events, in the order in which they are written and near enough to each other in time that
their records may come mixed. It begins with the first record of an event of several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logsentry.sdk import Event, Joined, Joiner, Joining, Record
from logsentry.testing.source_contract import record_of
from logsentry.testing.strategies import hostile_bytes, mangled

_shared = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])


class JoinerContract:
    """Inherit, set `make` and `sample`, and run pytest."""

    make: ClassVar[Callable[..., Any]]
    sample: ClassVar[Sequence[bytes]]
    window: ClassVar[int] = 8
    """How many records a record may come late without its event being torn apart."""
    held: ClassVar[int] = 2048
    """How many records may be held back at most; what has not become complete by then is answered as it is."""

    def joiner(self) -> Joiner:
        """A joiner of a new source with the default configuration."""
        make: Any = type(self).make
        configured = getattr(make, "Config", None)
        source = make() if configured is None else make(configured())
        assert isinstance(source, Joining)
        return source.joiner()

    def unfinished(self, number: int) -> bytes:
        """A record of an event that never ends: the same one always, unless overridden to make each `number` an event of its own."""
        return type(self).sample[0]

    def records(self) -> list[Record]:
        return _records(type(self).sample)

    def answers(self) -> list[Joined]:
        """What becomes of the sample in the order in which it is written."""
        return _fed(self.joiner(), self.records())

    def test_records_of_the_sample_are_joined(self) -> None:
        several = [answer for answer in self.answers() if len(answer.records) > 1 and answer.events]
        assert len(several) >= 2, "the contract needs at least two events of several records each to say anything"

    def test_every_record_ends_exactly_once(self) -> None:
        _ends_once(self.records(), self.answers())

    def test_events_are_the_same_each_time_and_have_ids_of_their_own(self) -> None:
        events = _events(self.answers())
        assert _events(self.answers()) == events
        assert len({event.id for event in events}) == len(events)

    def test_nothing_is_left_after_a_flush_and_the_joiner_can_go_on(self) -> None:
        joiner, records = self.joiner(), self.records()
        first = _fed(joiner, records)
        assert list(joiner.flush()) == []
        assert _events(_fed(joiner, records)) == _events(first), "what was flushed still has an effect on what comes after"

    def test_two_joiners_know_nothing_of_each_other(self) -> None:
        one, other = self.joiner(), self.joiner()
        both: tuple[list[Joined], list[Joined]] = ([], [])
        for record in self.records():
            both[0].extend(one.feed(record))
            both[1].extend(other.feed(record))
        both[0].extend(one.flush())
        both[1].extend(other.flush())
        assert _events(both[0]) == _events(both[1]) == _events(self.answers())

    @_shared
    @given(late=st.data())
    def test_events_whose_records_come_mixed_stay_the_same(self, late: st.DataObject) -> None:
        answers = self.answers()
        whole = sorted(_events(answers), key=lambda event: event.id)
        mixed = late.draw(_mixed(answers, self.window))
        found = sorted(_events(_fed(self.joiner(), mixed)), key=lambda event: event.id)
        assert found == whole

    @_shared
    @given(late=st.data())
    def test_whatever_is_fed_ends_exactly_once(self, late: st.DataObject) -> None:
        sample = tuple(type(self).sample)
        pieces = st.one_of(st.sampled_from(sample), mangled(sample), hostile_bytes(80))
        records = _records(late.draw(st.lists(pieces, max_size=24)))
        _ends_once(records, _fed(self.joiner(), records))

    def test_what_never_becomes_complete_is_let_go(self) -> None:
        joiner, ended = self.joiner(), 0
        for number in range(3 * self.held):
            ended += sum(len(answer.records) for answer in joiner.feed(record_of(self.unfinished(number), number)))
            assert number + 1 - ended <= self.held, f"more than {self.held:,} records are held back"
        ended += sum(len(answer.records) for answer in joiner.flush())
        assert ended == 3 * self.held


def _records(datas: Iterable[bytes]) -> list[Record]:
    records, offset = [], 0
    for data in datas:
        records.append(record_of(data, offset))
        offset += len(data) + 1
    return records


def _fed(joiner: Joiner, records: Iterable[Record]) -> list[Joined]:
    answers = [answer for record in records for answer in joiner.feed(record)]
    return answers + list(joiner.flush())


def _events(answers: Iterable[Joined]) -> list[Event]:
    return [event for answer in answers for event in answer.events]


def _ends_once(records: Sequence[Record], answers: Sequence[Joined]) -> None:
    ended = sorted(record.offset for answer in answers for record in answer.records)
    assert ended == [record.offset for record in records], "a record ended twice, or never"
    for answer in answers:
        said = [bool(answer.events), bool(answer.filtered.strip()), bool(answer.bad.strip())]
        assert sum(said) == 1, "an answer holds events, or says why there are none"


def _mixed(answers: Sequence[Joined], window: int) -> st.SearchStrategy[list[Record]]:
    """The records in another order: those of one answer as before, each at most `window` places late."""
    placed = sorted(((record.offset, number) for number, answer in enumerate(answers) for record in answer.records))
    by_offset = {record.offset: record for answer in answers for record in answer.records}

    def late(delays: list[int]) -> list[Record]:
        reached: dict[int, int] = {}
        order = []
        for place, ((offset, group), delay) in enumerate(zip(placed, delays, strict=True)):
            reached[group] = max(reached.get(group, 0), place + delay)
            order.append((reached[group], place, by_offset[offset]))
        return [record for _, _, record in sorted(order, key=lambda entry: entry[:2])]

    return st.lists(st.integers(0, window), min_size=len(placed), max_size=len(placed)).map(late)
