"""Delivery: only what asked for another try is sent again, and nothing is called delivered that was not."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logsentry.errors import ContractBroken, Unavailable
from logsentry.pipeline.breaker import FAILURES, LONGEST, Breaker
from logsentry.pipeline.deliver import Delivery
from logsentry.schema.event import Event
from logsentry.schema.score import Delivered, Outcome, Rejected, Retry, Score, Scored
from logsentry.schema.window import Window


def scored(name: str) -> Scored:
    event = Event(name, 0, "test", {}, name, name.encode())
    return Scored(Window(name, (event,)), Score("d@1", 0.0, 1.0, 1.0))


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.time, self.pauses = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def now(self) -> float:
        return self.time


class Toy:
    """An exporter that answers as it is told by a function of the item and the time."""

    Config = msgspec.Struct

    def __init__(self, answer: Callable[[str], Outcome]) -> None:
        self.answer, self.asked = answer, list[list[str]]()

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.asked.append([item.window.key for item in batch])
        return [self.answer(item.window.key) for item in batch]

    def close(self) -> None:
        """Nothing is open."""


def scripted(answers: dict[str, list[Outcome]]) -> Toy:
    """{key: its answers, one a try}"""
    return Toy(lambda key: answers[key].pop(0))


class Notices:
    def __init__(self) -> None:
        self.said: list[tuple[bool, str]] = []

    def __call__(self, place: str, is_open: bool, sentence: str) -> None:
        self.said.append((is_open, sentence))


def delivery(exporter: Toy, clock: Clock, patience: float = 1e9, notices: Notices | None = None) -> Delivery:
    return Delivery(exporter, patience, Breaker("toy", notices or Notices()), clock.sleep, clock.now)


def test_only_what_asked_is_sent_again_after_its_pause() -> None:
    clock = Clock()
    toy = scripted(
        {"a": [Delivered()], "b": [Retry("429", 3.0), Delivered(True)], "c": [Retry("503"), Retry("503"), Rejected("400")]}
    )
    assert delivery(toy, clock).deliver([scored(name) for name in "abc"]) == [Delivered(), Delivered(True), Rejected("400")]
    assert toy.asked == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert clock.pauses[0] == 3.0
    assert clock.pauses[1] > 0


def test_pauses_grow_and_no_two_are_alike() -> None:
    clock = Clock()
    toy = scripted({"a": [Retry("429")] * 9 + [Delivered()]})
    delivery(toy, clock).deliver([scored("a")])
    wholes = [min(30.0, 2.0**number / 4) for number in range(1, 10)]
    assert all(whole / 2 <= pause <= whole for pause, whole in zip(clock.pauses, wholes, strict=True))
    assert len(set(clock.pauses)) == len(clock.pauses)


def test_when_patience_ends_nothing_is_said_to_be_delivered() -> None:
    clock = Clock()
    toy = Toy(lambda key: Delivered() if key == "a" else Retry("full"))
    with pytest.raises(Unavailable, match="1 of 2 scores could not be delivered in 60 seconds: full"):
        delivery(toy, clock, 60).deliver([scored("a"), scored("b")])
    assert 20 < clock.time <= 60


def test_patience_begins_anew_with_each_item_that_passes() -> None:
    clock = Clock()
    toy = Toy(lambda key: Delivered() if clock.time >= 50 * int(key) else Retry("busy"))
    ends = delivery(toy, clock, 120).deliver([scored(str(number)) for number in range(1, 11)])
    assert ends == [Delivered()] * 10
    assert clock.time >= 500


def test_another_number_of_outcomes_is_the_exporters_defect() -> None:
    class Short(Toy):
        def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
            return [Delivered()] * (len(batch) - 1)

    with pytest.raises(ContractBroken, match="1 outcomes for 2 scores"):
        delivery(Short(lambda key: Delivered()), Clock()).deliver([scored("a"), scored("b")])


def test_ten_minutes_of_503_cost_one_question_at_a_time_and_no_memory() -> None:
    """Fault row 5: opens within five failures, one probe at a time, memory flat, all delivered."""
    clock, notices = Clock(), Notices()
    toy = Toy(lambda key: Delivered() if clock.time > 600 else Retry("503", paused=True))
    batch = [scored(str(number)) for number in range(2000)]
    sent = delivery(toy, clock, 900, notices)
    tracemalloc.start()
    ends = sent.deliver(batch)
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ends == [Delivered()] * 2000
    assert [len(keys) for keys in toy.asked[:FAILURES]] == [2000] * FAILURES
    assert FAILURES <= 5
    assert [len(keys) for keys in toy.asked[FAILURES:-1]] == [1] * (len(toy.asked) - FAILURES - 1)
    assert len(toy.asked[-1]) == 1999
    assert 600 < clock.time <= 600 + LONGEST
    assert len(toy.asked) < 40
    assert [is_open for is_open, _ in notices.said] == [True, False]
    assert notices.said[0][1].endswith(": 503")
    assert grown < 1 << 20


def test_the_next_batch_asks_with_one_item_while_the_breaker_is_open() -> None:
    clock = Clock()
    toy = Toy(lambda key: Retry("down", paused=True))
    sent = delivery(toy, clock, 30)
    for _ in range(2):
        with pytest.raises(Unavailable):
            sent.deliver([scored("a"), scored("b")])
    assert [len(keys) for keys in toy.asked].count(2) == FAILURES


def test_a_place_that_refuses_for_good_answers_all_the_same() -> None:
    clock, notices = Clock(), Notices()
    toy = scripted(
        {"a": [Retry("403", paused=True)] * 4 + [Rejected("400")], "b": [Retry("403", paused=True)] * 3 + [Delivered()]}
    )
    assert delivery(toy, clock, notices=notices).deliver([scored("a"), scored("b")]) == [Rejected("400"), Delivered()]
    assert toy.asked == [["a", "b"]] * 3 + [["a"], ["a"], ["b"]]
    assert [is_open for is_open, _ in notices.said] == [True, False]


def test_one_block_among_many_items_opens_it_once_the_others_have_passed() -> None:
    clock, notices = Clock(), Notices()
    toy = Toy(lambda key: Retry("write block", paused=True) if key == "alert" and clock.time < 100 else Delivered())
    ends = delivery(toy, clock, notices=notices).deliver([scored(key) for key in ("a", "alert", "b")])
    assert ends == [Delivered()] * 3
    assert toy.asked[0] == ["a", "alert", "b"]
    assert all(keys == ["alert"] for keys in toy.asked[1:])
    assert [is_open for is_open, _ in notices.said] == [True, False]


_outcomes = st.sampled_from(
    [Delivered(), Delivered(True), Rejected("no"), Retry("busy"), Retry("busy", 2.5), Retry("down", paused=True)]
)


@given(st.lists(st.lists(_outcomes, max_size=12), min_size=1, max_size=12))
def test_every_item_ends_once_as_its_exporter_said(answers: list[list[Outcome]]) -> None:
    """Each item's list ends with its first end; what stands behind that is never asked for."""
    told = {str(number): [*each, Delivered()] for number, each in enumerate(answers)}
    wanted = [next(o for o in each if not isinstance(o, Retry)) for each in told.values()]
    toy = scripted({key: list(each) for key, each in told.items()})
    assert delivery(toy, Clock()).deliver([scored(key) for key in told]) == wanted
    asked = [key for keys in toy.asked for key in keys]
    for key, each in told.items():
        first = next(at for at, outcome in enumerate(each) if not isinstance(outcome, Retry))
        assert asked.count(key) == first + 1
