"""Whole documents of real records, kept in files; `python tests/plugins/test_http_access_golden.py` writes them anew."""

from __future__ import annotations

from pathlib import Path

from logsentry_http_access.source import HttpAccess

from logsentry.testing import GoldenContract


class TestGolden(GoldenContract):
    make = HttpAccess
    folder = Path(__file__).parents[1] / "golden" / "http-access"


if __name__ == "__main__":
    TestGolden.rewrite()
