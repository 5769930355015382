"""Whole documents of real lines, kept in files; `python test_http_access_golden.py` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logsentry_http_access.source import HttpAccess

from logsentry.sdk import BadRecord, Filtered, Record
from logsentry.stages.filters import DomainFilter

FOLDER = Path(__file__).parents[1] / "golden" / "http-access"
LOGS = sorted(FOLDER.glob("*.log"))


def documents(log: Path) -> list[dict[str, Any]]:
    """One entry a line: a document and the line that a detector sees, or why there is none."""
    source, offset, found = HttpAccess(HttpAccess.Config()), 0, []
    line = DomainFilter(source.profile).line
    for data in log.read_bytes().split(b"\n"):
        record = Record(data, input=log.name, origin=log.name, offset=offset, cursor={})
        offset += len(data) + 1
        try:
            decoded = source.decode(record)
        except BadRecord as refused:
            found.append({"bad_record": str(refused)})
            continue
        if isinstance(decoded, Filtered):
            found.append({"filtered": decoded.reason})
            continue
        found += [{"document": event.document(), "line": line(event)} for event in decoded]
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
