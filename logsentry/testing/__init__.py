"""What plugin authors inherit and draw from. Needs Hypothesis and pytest: `pip install 'logsentry[dev]'`."""

# ruff: noqa: E402 - what pytest is to rewrite has to be named before it is imported, or authors see a bare AssertionError
from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *(f"logsentry.testing.{contract}_contract" for contract in ("exporter", "golden", "input", "joiner", "source"))
)

from logsentry.testing.exporter_contract import ExporterContract
from logsentry.testing.golden_contract import GoldenContract
from logsentry.testing.input_contract import InputContract
from logsentry.testing.joiner_contract import JoinerContract
from logsentry.testing.source_contract import SourceContract, record_of
from logsentry.testing.strategies import access_lines, hostile_bytes, mangled

__all__ = [
    "ExporterContract",
    "GoldenContract",
    "InputContract",
    "JoinerContract",
    "SourceContract",
    "access_lines",
    "hostile_bytes",
    "mangled",
    "record_of",
]
