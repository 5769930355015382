"""Whole documents of real audit events, kept in files; `python test_kube_audit_golden.py` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logsentry_kube_audit.source import KubeAudit

from logsentry.sdk import Record
from logsentry.stages.filters import DomainFilter

FOLDER = Path(__file__).parents[1] / "golden" / "kube-audit"
LOGS = sorted(FOLDER.glob("*.log"))


def documents(log: Path) -> list[dict[str, Any]]:
    """What became of each record, in the order in which it ended: documents with their lines, or why there is none."""
    source, offset, found = KubeAudit(KubeAudit.Config()), 0, []
    joiner, line, done = source.joiner(), DomainFilter(source.profile).line, []
    for data in log.read_bytes().split(b"\n"):
        done += joiner.feed(Record(data, input=log.name, origin=log.name, offset=offset, cursor={}))
        offset += len(data) + 1
    for joined in [*done, *joiner.flush()]:
        found += [{"document": event.document(), "line": line(event)} for event in joined.events]
        if joined.bad or joined.filtered:
            found.append({"bad_record": joined.bad} if joined.bad else {"filtered": joined.filtered})
    return found


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_documents_stay_as_they_were(log: Path) -> None:
    assert documents(log) == json.loads(log.with_suffix(".json").read_text(encoding="utf-8"))


def test_there_are_golden_files() -> None:
    assert {log.stem for log in LOGS} >= {"falco", "audit2rbac", "crowdsec", "panther"}


if __name__ == "__main__":
    for path in LOGS:
        path.with_suffix(".json").write_text(
            json.dumps(documents(path), indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8"
        )
