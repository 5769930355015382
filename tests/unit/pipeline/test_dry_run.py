"""A dry run: ten lines, and no trace of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from logsentry.errors import BundleRefused, UsageError
from logsentry.pipeline.dry_run import SHOWN, Shown, dry_run, shown
from logsentry.pipeline.span import Span
from logsentry.pipeline.stopping import Stop
from logsentry.schema.event import Event
from logsentry.schema.record import Address
from logsentry.schema.score import Delivered, Score, Scored
from logsentry.schema.window import Window

CONFIG = """
inputs: [{use: files, paths: [access.log]}]
source: {use: %s}
bundle: {store: store, name: demo}
exporters: [{use: duckdb, path: scores.duckdb}]
"""


def scored(number: int, *addresses: Address) -> Scored:
    event = Event(f"e{number}", number, "http-access", {}, "", b"")
    return Scored(Window("key", (event,)), Score("demo@1", 0.5, 0.5, 1.0), addresses)


def test_the_first_scores_are_shown_and_the_pass_is_asked_to_stop() -> None:
    lines: list[dict[str, Any]] = []
    stop = Stop()
    exporter = Shown(lines.append, stop)
    assert exporter.export([scored(n) for n in range(4)]) == [Delivered()] * 4
    assert not stop.asked
    assert exporter.export([scored(n) for n in range(4, 40)]) == [Delivered()] * 36
    assert stop.asked
    assert [line["id"] for line in lines] == [scored(n).id for n in range(SHOWN)]


def test_a_line_names_the_documents_where_there_are_any() -> None:
    assert shown(scored(1)) == scored(1).document()
    line = shown(scored(1, Address("web", "a"), Address("web", "b")))
    assert line["logsentry"] == {"source": {"index": ["web", "web"], "id": ["a", "b"]}}
    assert {name: line[name] for name in line if name != "logsentry"} == scored(1).document()
    assert msgspec.json.encode(line)


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [("http-access", UsageError, "a job does not come back to"), ("sysmon", BundleRefused, "says nothing about sysmon")],
)
def test_what_cannot_be_tried_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: type[Exception], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(CONFIG % source)
    with pytest.raises(error, match=said):
        dry_run(tmp_path / "job.yaml", Span(), lambda line: None, lambda done, total, note: None)
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]
