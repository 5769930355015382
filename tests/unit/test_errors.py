"""Errors: the exit codes that the command line promises, and a sentence of advice in each."""

from __future__ import annotations

import inspect

import pytest

from logsentry import errors

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_each_error_is_ours_says_what_to_do_and_has_a_documented_code(kind: type[errors.LogsentryError]) -> None:
    assert issubclass(kind, errors.LogsentryError)
    assert kind.__doc__
    assert kind.exit_code == (2 if issubclass(kind, errors.UsageError) else 1)
    assert str(kind("what to do")) == "what to do"


def test_what_a_person_typed_wrong_is_usage_and_what_a_file_holds_is_not() -> None:
    usage = {kind.__name__ for kind in ALL if issubclass(kind, errors.UsageError)}
    assert usage == {"UsageError", "ConfigError", "Conflict", "MissingExtra"}
