"""Whole documents of real records, kept in files; `python test_sysmon_golden.py` writes them anew."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from logsentry_sysmon.source import Sysmon

from logsentry.sdk import BadRecord, Filtered, Record
from logsentry.stages.filters import DomainFilter

FOLDER = Path(__file__).parents[1] / "golden" / "sysmon"
LOGS = sorted(path for path in FOLDER.iterdir() if path.name.endswith((".jsonl", ".xml", ".evtx.gz")))


def records(log: Path) -> list[bytes]:
    if log.name.endswith(".evtx.gz"):
        data = gzip.decompress(log.read_bytes())
        return [data[:4096] + data[at : at + 65536] for at in range(4096, len(data), 65536)]
    return log.read_bytes().split(b"\n")


def documents(log: Path) -> list[dict[str, Any]]:
    """One entry an event: a document and the line that a detector sees, or why there is none."""
    source, offset, found = Sysmon(Sysmon.Config()), 0, []
    line = DomainFilter(source.profile).line
    for data in records(log):
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
        found += [{"document": _without_original(event.document()), "line": line(event)} for event in decoded]
    return found


def _without_original(document: dict[str, Any]) -> dict[str, Any]:
    document["event"].pop("original")  # it is the input over again
    return document


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name.partition(".")[0])
def test_documents_stay_as_they_were(log: Path) -> None:
    kept = log.with_name(log.name.partition(".")[0] + ".json")
    assert documents(log) == json.loads(kept.read_text(encoding="utf-8"))


def test_there_are_golden_files() -> None:
    assert len(LOGS) >= 5


if __name__ == "__main__":
    for path in LOGS:
        path.with_name(path.name.partition(".")[0] + ".json").write_text(
            json.dumps(documents(path), indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8"
        )
