"""A refused bundle is tried again after pauses that double up to a minute; another bundle, or another name, at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from logsentry.server.refusals import LONGEST_PAUSE, Refusals


@given(st.floats(0.01, 30), st.integers(1, 12))
def test_the_pause_doubles_up_to_the_longest(pause: float, times: int) -> None:
    now = 100.0
    refusals = Refusals(lambda: now)
    for number in range(times):
        assert refusals.due("web", "a")
        refusals.postpone("web", "a", pause)
        wait = min(pause * 2**number, LONGEST_PAUSE)
        now += wait * 0.99
        assert not refusals.due("web", "a")
        now += wait * 0.02


def test_what_was_refused_concerns_that_bundle_under_that_name_alone() -> None:
    refusals = Refusals(lambda: 0.0)
    refusals.postpone("web", "a", 2.0)
    assert (refusals.due("web", "b"), refusals.due("other", "a"), refusals.due("web", "a")) == (True, True, False)
    refusals.forget("web")
    assert refusals.due("web", "a")
