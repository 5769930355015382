"""Whole documents and texts of reports, kept in files; `python test_speakeasy_golden.py` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logsentry_speakeasy.source import Speakeasy

from logsentry.sdk import Filtered, Record
from logsentry.stages.filters import DomainFilter

FOLDER = Path(__file__).parents[1] / "golden" / "speakeasy"
REPORTS = sorted(FOLDER.glob("*.report"))


def document(report: Path) -> dict[str, Any]:
    """The document without its copy of the report, the line that a detector sees, and the text that an encoder reads."""
    source, data = Speakeasy(Speakeasy.Config()), report.read_bytes()
    decoded = source.decode(Record(data, input=report.name, origin=report.name, offset=0, cursor={}))
    assert not isinstance(decoded, Filtered)
    (event,) = decoded
    whole = event.document()
    assert json.loads(whole["event"].pop("original")) == json.loads(data)
    return {"document": whole, "line": DomainFilter(source.profile).line(event), "text": source.text.tokens(data)}


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stem)
def test_documents_stay_as_they_were(report: Path) -> None:
    assert document(report) == json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))


def test_there_are_golden_files() -> None:
    assert len(REPORTS) >= 5


if __name__ == "__main__":
    for path in REPORTS:
        found = json.dumps(document(path), indent=1, sort_keys=True, ensure_ascii=False)
        path.with_suffix(".json").write_text(found + "\n", "utf-8")
