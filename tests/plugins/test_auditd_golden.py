"""Whole documents of real records, kept in files; `python tests/plugins/test_auditd_golden.py` writes them anew."""

from __future__ import annotations

from pathlib import Path

from logsentry_auditd.source import Auditd

from logsentry.testing import GoldenContract


class TestGolden(GoldenContract):
    make = Auditd
    folder = Path(__file__).parents[1] / "golden" / "auditd"


if __name__ == "__main__":
    TestGolden.rewrite()
