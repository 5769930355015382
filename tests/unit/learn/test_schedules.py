"""Learning-rate schedules: bounds, ends and shapes."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logsentry.learn.schedules import Name, rate

NAMES = st.sampled_from(get_args(Name))
RAMP = st.floats(0, 0.49)


@settings(max_examples=30, deadline=None)
@given(name=NAMES, share=st.floats(-1, 2), warm=RAMP, cool=RAMP)
def test_every_rate_is_a_share(name: Name, share: float, warm: float, cool: float) -> None:
    assert 0 <= rate(name, share, warm, cool) <= 1


@settings(max_examples=30, deadline=None)
@given(name=NAMES, warm=st.floats(0.01, 0.49), cool=st.floats(0.01, 0.49))
def test_it_rises_then_falls(name: Name, warm: float, cool: float) -> None:
    rates = [rate(name, step / 100, warm, cool) for step in range(101)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rate(name, warm, warm, cool) == 1


@pytest.mark.parametrize("name", ["one-cycle", "cosine", "triangular"])
def test_it_ends_at_nothing(name: Name) -> None:
    assert rate(name, 1, 0.1, 0) == pytest.approx(0, abs=1e-12)
    assert rate(name, 0.55, 0.1, 0) == pytest.approx(0.5)


def test_the_named_shapes() -> None:
    assert [rate("none", share, 0.5, 0.2) for share in (0, 0.3, 1)] == [1, 1, 1]
    assert [rate("step", share, 0, 0) for share in (0, 0.26, 0.51, 0.76, 1)] == [1, 0.5, 0.25, 0.125, 0.125]
    assert rate("one-cycle", 0, 0.1, 0) == pytest.approx(0.04)
    assert rate("cosine", 0.05, 0.1, 0) == pytest.approx(0.5)
    assert rate("step", 0.95, 0, 0.1) == pytest.approx(0.125 / 2)
    assert rate("triangular", 0.25, 0, 0) == pytest.approx(0.75)
