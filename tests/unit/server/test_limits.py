"""Limits as a person gives them: numbers or their text, by name, within their range."""

from __future__ import annotations

import pytest

from logsentry.errors import UsageError
from logsentry.server.limits import Limits, given


def test_what_is_not_given_stays() -> None:
    assert given({}, Limits(batch=7)) == Limits(batch=7)
    assert given({"windows": "12", "wait_seconds": "0.5", "batch": 3}, Limits()) == Limits(windows=12, wait_seconds=0.5, batch=3)


@pytest.mark.parametrize(
    "named", [{"window": "1"}, {"windows": "0"}, {"windows": "x"}, {"windows": "1.5"}, {"deadline_seconds": 0}, {"batch": -1}]
)
def test_what_is_wrong_is_said_with_the_names_there_are(named: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"the limits are wrong: .*; there are body_bytes, "):
        given(named, Limits())
