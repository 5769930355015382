"""Whole documents of real lines, kept in files; `python test_auditd_golden.py` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logsentry_auditd.source import Auditd

from logsentry.sdk import Joined, Record
from logsentry.stages.filters import DomainFilter

FOLDER = Path(__file__).parents[1] / "golden" / "auditd"
LOGS = sorted(FOLDER.glob("*.log"))


def documents(log: Path) -> list[dict[str, Any]]:
    """What the records of a log became, in order: a document and the line that a detector sees, or why there is none."""
    source, offset = Auditd(Auditd.Config()), 0
    joiner, line = source.joiner(), DomainFilter(Auditd.profile).line
    done: list[Joined] = []
    for data in log.read_bytes().splitlines():
        done += joiner.feed(Record(data, input=log.name, origin=log.name, offset=offset, cursor={}))
        offset += len(data) + 1
    done += joiner.flush()
    found: list[dict[str, Any]] = []
    for joined in done:
        if not joined.events:
            found.append({"filtered": joined.filtered} if joined.filtered else {"bad_record": joined.bad})
        found += [{"document": event.document(), "line": line(event)} for event in joined.events]
    return found


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_documents_stay_as_they_were(log: Path) -> None:
    assert documents(log) == json.loads(log.with_suffix(".json").read_text(encoding="utf-8"))


def test_there_are_golden_files() -> None:
    assert len(LOGS) >= 10


if __name__ == "__main__":
    for path in LOGS:
        path.with_suffix(".json").write_text(
            json.dumps(documents(path), indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8"
        )
