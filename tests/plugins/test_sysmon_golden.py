"""Whole documents of real records, kept in files; `python tests/plugins/test_sysmon_golden.py` writes them anew."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

from logsentry_sysmon.source import Sysmon

from logsentry.testing import GoldenContract


class TestGolden(GoldenContract):
    make = Sysmon
    folder = Path(__file__).parents[1] / "golden" / "sysmon"
    suffixes = (".jsonl", ".xml", ".evtx.gz")
    originals = False

    @classmethod
    def pieces(cls, log: Path) -> Sequence[bytes]:
        """Chunks of an event log behind its header, else lines."""
        if not log.name.endswith(".evtx.gz"):
            return super().pieces(log)
        data = gzip.decompress(log.read_bytes())
        return [data[:4096] + data[at : at + 65536] for at in range(4096, len(data), 65536)]


if __name__ == "__main__":
    TestGolden.rewrite()
