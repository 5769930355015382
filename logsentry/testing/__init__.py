"""What plugin authors inherit and draw from. Needs Hypothesis and pytest: `pip install 'logsentry[dev]'`."""

from __future__ import annotations

from logsentry.testing.exporter_contract import ExporterContract
from logsentry.testing.input_contract import InputContract
from logsentry.testing.source_contract import SourceContract, record_of
from logsentry.testing.strategies import access_lines, hostile_bytes, mangled

__all__ = ["ExporterContract", "InputContract", "SourceContract", "access_lines", "hostile_bytes", "mangled", "record_of"]
