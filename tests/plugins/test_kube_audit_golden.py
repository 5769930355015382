"""Whole documents of real records, kept in files; `python tests/plugins/test_kube_audit_golden.py` writes them anew."""

from __future__ import annotations

from pathlib import Path

from logsentry_kube_audit.source import KubeAudit

from logsentry.testing import GoldenContract


class TestGolden(GoldenContract):
    make = KubeAudit
    folder = Path(__file__).parents[1] / "golden" / "kube-audit"


if __name__ == "__main__":
    TestGolden.rewrite()
