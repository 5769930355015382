"""Which runs a report is about, and under which threshold its verdicts stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from logsentry_duckdb.exporter import DuckDb, DuckDbConfig
from logsentry_duckdb.store import Store

from logsentry.errors import InputError, UsageError
from logsentry.pipeline.reporting import gather
from logsentry.sdk import Books, Run, Scored
from logsentry.testing.exporter_contract import scored

FIRST = Run("r1", "sample", "sample@0123456789ab", ("a.log",), 0.5, 900, 5.0, Books(10, 10), 79.6)
SECOND = msgspec.structs.replace(FIRST, id="r2", threshold=0.1, alerts_per_day=100.0)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "scores.duckdb"


def passes(store: Path, *runs: tuple[Run, float]) -> None:
    """The same ten windows scored in each run, judged under the threshold beside it."""
    for run, threshold in runs:
        exporter = DuckDb(DuckDbConfig(str(store)))
        exporter.record_run(run)
        exporter.export(judged(threshold))
        exporter.close()


def judged(threshold: float) -> Sequence[Scored]:
    items = [scored(number) for number in range(10)]
    return [Scored(item.window, msgspec.structs.replace(item.score, threshold=threshold)) for item in items]


def test_a_run_is_reported_under_its_own_threshold(store: Path) -> None:
    passes(store, (FIRST, 0.5), (SECOND, 0.1))
    with Store(str(store)) as reader:
        for run in (FIRST, SECOND):
            content = gather(reader, "title", run.id)
            assert (content.threshold, content.attainable, content.windows) == (run.threshold, 79.6, 10)
            assert content.alerts == sum(number / 7 >= run.threshold for number in range(10))
            assert [window.alert for window in content.top] == [window.value >= run.threshold for window in content.top]
            assert content.judged_under == ()


def test_runs_under_two_thresholds_are_not_mixed(store: Path) -> None:
    passes(store, (FIRST, 0.5), (SECOND, 0.1))
    with Store(str(store)) as reader, pytest.raises(UsageError) as told:
        gather(reader, "title")
    assert "r1 (threshold 0.5, at most 5 false alerts a day), r2 (threshold 0.1, at most 100" in str(told.value)


def test_runs_under_one_threshold_are_reported_together(store: Path) -> None:
    passes(store, (FIRST, 0.5), (msgspec.structs.replace(FIRST, id="r3", inputs=("b.log",)), 0.5))
    with Store(str(store)) as reader:
        content = gather(reader, "title")
        assert (content.windows, content.runs, content.inputs) == (10, ("r1", "r3"), ("a.log", "b.log"))
        with pytest.raises(InputError, match="holds no run 'r2'"):
            gather(reader, "title", "r2")


def test_verdicts_of_another_threshold_are_told(store: Path) -> None:
    passes(store, (FIRST, 0.5), (msgspec.structs.replace(FIRST, threshold=0.1), 0.1))  # as before ids told thresholds apart
    with Store(str(store)) as reader:
        content = gather(reader, "title")
    assert (content.threshold, content.judged_under) == (0.1, (0.5,))


@pytest.mark.parametrize(
    ("original", "message", "text", "record"),
    [
        ('{"EventID":1}', "Process creation: a.exe", "Process creation: a.exe", '{"EventID":1}'),
        ("<Event/>", "Process creation: a.exe", "Process creation: a.exe", "<Event/>"),
        ('{"EventID":1}', "", '{"EventID":1}', ""),
        ('10.0.0.1 - - "GET /"', "GET / 200", '10.0.0.1 - - "GET /"', ""),
    ],
)
def test_a_message_stands_for_a_record_that_nobody_reads(
    store: Path, original: str, message: str, text: str, record: str
) -> None:
    item = scored(1)
    events = tuple(msgspec.structs.replace(event, message=message, original=original.encode()) for event in item.window.events)
    exporter = DuckDb(DuckDbConfig(str(store)))
    exporter.record_run(FIRST)
    exporter.export([Scored(msgspec.structs.replace(item.window, events=events), item.score)])
    exporter.close()
    with Store(str(store)) as reader:
        [window] = gather(reader, "title").top
    assert {(event.text, event.record) for event in window.events} == {(text, record)}
