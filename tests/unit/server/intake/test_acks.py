"""Acknowledgements of a Splunk collector: one for each request, given once."""

from __future__ import annotations

from uuid import uuid4

from logsentry.server.intake.acks import IDLE_SECONDS, MOST_CHANNELS, Acks


def test_an_acknowledgement_is_given_once_and_when_every_record_has_ended() -> None:
    acks, channel = Acks(), str(uuid4())
    number, request = acks.expect(channel, 2)
    other, _ = acks.expect(channel, 0)
    assert acks.asked(channel, [number, other, 99]) == {"0": False, "1": True, "99": False}
    acks.ended([request])
    assert acks.asked(channel, [number]) == {"0": False}
    acks.ended([request, request + 5])
    assert acks.asked(str(uuid4()), [number]) == {"0": False}, "a number belongs to its channel"
    assert acks.asked(channel, [number, other]) == {"0": True, "1": False}
    assert acks.asked(channel, [number]) == {"0": False}


def test_a_request_that_was_refused_is_never_acknowledged() -> None:
    acks, channel = Acks(), str(uuid4())
    number, request = acks.expect(channel, 1)
    acks.withdraw(channel, number, request)
    acks.ended([request])
    assert acks.asked(channel, [number]) == {"0": False}


def test_channels_that_nobody_asks_about_are_forgotten() -> None:
    clock = [0.0]
    acks = Acks(now=lambda: clock[0])
    acks.expect("old", 1)
    clock[0] = IDLE_SECONDS + 1
    for number in range(MOST_CHANNELS + 5):
        acks.expect(f"channel {number}", 1)
    assert len(acks._channels) == MOST_CHANNELS
    assert len(acks._requests) <= MOST_CHANNELS
    assert acks.asked("old", [0]) == {"0": False}
