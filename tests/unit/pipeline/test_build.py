"""Objects from names and options: what is not there is told together with what is."""

from __future__ import annotations

from typing import Any

import pytest

from logsentry.errors import UsageError
from logsentry.pipeline.build import make, make_detector, make_source


@pytest.mark.parametrize("options", [{"foo": 1}, {"n": 3, "device": "cpu"}])
def test_an_unknown_setting_of_a_hybrid_is_told_with_those_there_are_and_where_others_go(options: dict[str, Any]) -> None:
    name = next(iter(options))
    with pytest.raises(UsageError) as told:
        make_detector("hybrid", options)
    assert str(told.value).startswith(f"detector 'hybrid' has no setting '{name}'; it has detectors, device; ")
    assert "go inside detectors" in str(told.value)
    assert make_detector("hybrid", {"detectors": {"counting": {"n": 3}}}).max_length


@pytest.mark.parametrize(("kind", "name"), [("sources", "http-access"), ("exporters", "duckdb"), ("detectors", "counting")])
def test_an_unknown_option_is_told_with_those_there_are(kind: str, name: str) -> None:
    with pytest.raises(UsageError, match=f"^{kind[:-1]} '{name}' has no (option|setting) 'foo'; it has [a-z_, ]+$"):
        make(kind, name, {"foo": 1})


def test_a_wrong_value_is_told_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"source 'http-access': .*formats"):
        make_source("http-access", {"formats": 3})
