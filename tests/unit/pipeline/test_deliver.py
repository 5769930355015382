"""Delivery: only what asked for another try is sent again, and nothing is called delivered that was not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest

from logsentry.errors import ContractBroken, Unavailable
from logsentry.pipeline.deliver import deliver
from logsentry.schema.event import Event
from logsentry.schema.score import Delivered, Outcome, Rejected, Retry, Score, Scored
from logsentry.schema.window import Window


def scored(name: str) -> Scored:
    event = Event(name, 0, "test", {}, name, name.encode())
    return Scored(Window(name, (event,)), Score("d@1", 0.0, 1.0, 1.0))


class Scripted:
    """An exporter whose answers are written down: {key: its answers, one a try}."""

    Config = msgspec.Struct

    def __init__(self, answers: dict[str, list[Outcome]]) -> None:
        self.answers, self.asked = answers, list[list[str]]()

    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        self.asked.append([item.window.key for item in batch])
        return [self.answers[item.window.key].pop(0) for item in batch]

    def close(self) -> None:
        """Nothing is open."""


class Short(Scripted):
    def export(self, batch: Sequence[Scored]) -> Sequence[Outcome]:
        return [Delivered()] * (len(batch) - 1)


def sent(
    answers: dict[str, list[Outcome]], pause: Callable[[float], None], tries: int = 6
) -> tuple[list[Outcome], list[list[str]]]:
    exporter = Scripted(answers)
    return list(deliver(exporter, [scored(name) for name in answers], pause, tries)), exporter.asked


def test_only_what_asked_is_sent_again_after_its_pause() -> None:
    pauses: list[float] = []
    ends, asked = sent(
        {"a": [Delivered()], "b": [Retry("429", 3.0), Delivered(True)], "c": [Retry("503"), Retry("503"), Rejected("400")]},
        pauses.append,
    )
    assert ends == [Delivered(), Delivered(True), Rejected("400")]
    assert asked == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert pauses[0] == 3.0
    assert pauses[1] > 0


def test_when_the_tries_are_used_up_nothing_is_said_to_be_delivered() -> None:
    with pytest.raises(Unavailable, match="1 of 2 scores could not be delivered in 3 tries: full"):
        sent({"a": [Delivered()], "b": [Retry("full")] * 3}, lambda seconds: None, tries=3)


def test_another_number_of_outcomes_is_the_exporters_defect() -> None:
    with pytest.raises(ContractBroken, match="1 outcomes for 2 scores"):
        deliver(Short({}), [scored("a"), scored("b")])
