"""Asked to stop: once lets the pass end in order, wherever it waits; twice ends the process at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import pytest

from logsentry.pipeline.stopping import TERMINATED, Stop, Stopped, stopping
from logsentry.schema.record import Cursor, Record


def record(number: int) -> Record:
    return Record(b"x", "f", "o", number, {})


class Endless:
    """An input that never ends and, from a record on, waits for a SIGTERM that somebody sends."""

    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, silent_from: int) -> None:
        self.silent_from, self.number = silent_from, 0

    def read(self, after: Cursor | None = None) -> Iterator[Record | None]:
        while True:
            if self.number == self.silent_from:
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                time.sleep(60)
            yield record(self.number)
            self.number += 1

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def alarm_is_term() -> Iterator[None]:
    """SIGALRM raises SIGTERM here, so that a signal comes while the test itself waits."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: signal.raise_signal(signal.SIGTERM))
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm_is_term")
def test_an_input_that_waits_is_left_alone() -> None:
    began = time.monotonic()
    with stopping() as stop:
        found = list(stop.records(Endless(silent_from=3), None))
    assert found == [record(0), record(1), record(2), None]
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("alarm_is_term")
def test_a_pause_is_broken_off() -> None:
    with stopping() as stop:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Stopped):
            stop.sleep(60)
        with pytest.raises(Stopped):
            stop.sleep(0)


def test_between_records_it_only_raises_the_flag() -> None:
    stop, seen = Stop(), list[Record | None]()
    for each in stop.records(Endless(silent_from=-1), None):
        seen.append(each)
        if len(seen) == 5:
            stop.ask()
    assert seen == [*map(record, range(5)), None]


def test_the_signal_means_what_it_meant_when_it_is_over() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopping():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_one_ends_the_process() -> None:
    code = """
import time
from logsentry.pipeline.stopping import stopping
with stopping() as stop:
    print("ready", flush=True)
    while not stop.asked:
        time.sleep(0.01)
    print("asked", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for word in ("ready", "asked"):
        assert process.stdout.readline() == f"{word}\n"
        process.send_signal(signal.SIGTERM)
    assert process.wait(10) == TERMINATED
    process.stdout.close()
