"""The DuckDB store: the contract, both ways through it, and files that are none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import msgspec
import pytest
from logsentry_duckdb.exporter import DuckDb, DuckDbConfig
from logsentry_duckdb.store import Columns, Store

from logsentry.errors import InputError, Unavailable, UsageError
from logsentry.sdk import Books, Delivered, Rejected, Run, Scored, Window, readable
from logsentry.testing.exporter_contract import ExporterContract, scored

RUN = Run("r1", "sample", "sample@0123456789ab", ("a.log", "b.log.gz"), 0.5, 900, 5.0, Books(10, 7, 0, 2, 1), 2.5)


def opened(folder: Path) -> DuckDb:
    return DuckDb(DuckDbConfig(str(folder / "scores.duckdb")))


def filled(folder: Path, *items: Scored, run: Run | None = None) -> Store:
    exporter = opened(folder)
    exporter.export(items)
    if run is not None:
        exporter.record_run(run)
    exporter.close()
    return Store(str(folder / "scores.duckdb"))


class TestDuckDb(ExporterContract):
    def make(self, folder: Path) -> DuckDb:
        return opened(folder)

    def stored(self, folder: Path) -> Sequence[str]:
        with Store(str(folder / "scores.duckdb")) as store:
            return [row.id for row in store.scores(limit=1000)]


def test_a_score_is_read_back_as_it_was(tmp_path: Path) -> None:
    item = scored(3, events=3)
    with filled(tmp_path, item) as store:
        [row] = store.scores()
        events = store.events_of(row.id)
    score, window = item.score, item.window
    assert (row.id, row.source, row.key, row.detector) == (item.id, "sample", "host-3", score.detector)
    assert (row.value, row.p_value, row.threshold, row.alert) == (score.value, score.p_value, score.threshold, score.alert)
    assert (row.why, row.votes, row.degraded, row.events, row.run) == (score.why, "1 of 1", False, 3, "")
    assert row.time == 1_700_000_003_000_000_000
    assert [event.position for event in events] == [0, 1, 2]
    for stored, event in zip(events, window.events, strict=True):
        assert (stored.id, stored.message, stored.original) == (event.id, event.message, readable(event.original))
        assert stored.fields == event.fields


@pytest.mark.parametrize("year", ["1601", "2262", "9999"])
def test_years_beyond_64_bits_of_nanoseconds_are_stored(tmp_path: Path, year: str) -> None:
    seconds = {"1601": -11_644_473_600, "2262": 9_223_372_037, "9999": 253_402_300_799}[year]
    with filled(tmp_path, scored(0, time=seconds * 1_000_000_000)) as store:
        assert store.scores()[0].time == seconds * 1_000_000_000
        [(found,)] = store._connection.execute("SELECT strftime(time, '%Y') FROM scores").fetchall()
        assert found == year


def test_the_strangest_come_first_or_the_earliest(tmp_path: Path) -> None:
    items = [scored(number) for number in (4, 1, 3, 2)]
    with filled(tmp_path, *items, scored(9, time=None)) as store:
        assert [row.key for row in store.scores(limit=3)] == ["host-9", "host-4", "host-3"]
        assert [row.key for row in store.scores("time")] == ["host-1", "host-2", "host-3", "host-4", "host-9"]
        with pytest.raises(UsageError, match="not by 'size'"):
            store.scores("size")  # type: ignore[arg-type]


def test_columns_hold_one_entry_a_score(tmp_path: Path) -> None:
    with filled(tmp_path, scored(7), scored(0), run=RUN) as store:
        start = 1_700_000_000_000_000_000
        assert store.columns() == Columns((0.0, 1.0), (start, start + 7_000_000_000), (False, True))
        assert store.columns("r1") == store.columns()
        assert store.columns("another") == Columns((), (), ())
        assert (store.count(), store.count("another")) == (2, 0)


def test_a_run_is_one_row_and_takes_the_scores_without_one(tmp_path: Path) -> None:
    filled(tmp_path, scored(1), run=RUN).close()
    again = msgspec.structs.replace(RUN, books=Books(10, 0, 7, 2, 1))
    with filled(tmp_path, scored(1), scored(2), run=again) as store:
        assert store.runs() == [again]
        assert [row.run for row in store.scores()] == ["r1", "r1"]


def test_scores_judged_under_another_threshold_are_not_taken_but_judged_again(tmp_path: Path) -> None:
    other = msgspec.structs.replace(RUN, id="r2", threshold=0.1)
    with filled(tmp_path, scored(1), run=other) as store:
        assert (store.scores()[0].run, store.count("r2")) == ("", 0)
    exporter = opened(tmp_path)
    exporter.record_run(other)
    assert exporter.export([judged(scored(1), 0.1)]) == [Delivered(True)]
    exporter.close()
    with Store(str(tmp_path / "scores.duckdb")) as store:
        assert [(row.threshold, row.run) for row in store.scores(run="r2")] == [(0.1, "r2")]


def test_scores_of_another_detector_are_not_taken(tmp_path: Path) -> None:
    item = scored(1)
    other = Scored(item.window, msgspec.structs.replace(item.score, detector="other@1"))
    with filled(tmp_path, item, other, run=RUN) as store:
        assert {row.detector: row.run for row in store.scores()} == {RUN.detector: "r1", "other@1": ""}


def test_a_run_known_from_the_start_marks_its_scores(tmp_path: Path) -> None:
    exporter = opened(tmp_path)
    exporter.record_run(RUN)
    exporter.export([scored(1)])
    exporter.close()
    with Store(str(tmp_path / "scores.duckdb")) as store:
        assert store.count("r1") == 1


def judged(item: Scored, threshold: float) -> Scored:
    return Scored(item.window, msgspec.structs.replace(item.score, threshold=threshold))


def test_each_run_keeps_its_own_verdicts_on_the_same_scores(tmp_path: Path) -> None:
    items = [scored(number) for number in (2, 7)]
    other = msgspec.structs.replace(RUN, id="r2", threshold=0.1)
    for told, threshold in ((RUN, 5.0), (other, 0.1), (other, 0.1), (RUN, 5.0)):
        exporter = opened(tmp_path)
        exporter.record_run(told)
        exporter.export([judged(item, threshold) for item in items])
        exporter.close()
    with Store(str(tmp_path / "scores.duckdb")) as store:
        assert store.runs() == [RUN, other]
        assert [row.id for row in store.scores(run="r2")] == [row.id for row in store.scores()]
        for run, threshold in (("r1", 5.0), ("r2", 0.1), (None, 5.0)):
            rows = store.scores("time", run=run)
            assert [(row.threshold, row.alert, row.run) for row in rows] == [
                (threshold, row.value >= threshold, run or "r1") for row in rows
            ]
            assert store.columns(run).alerts == tuple(row.alert for row in rows)
            assert store.count(run) == 2


def test_a_store_written_before_verdicts_were_kept_is_read_and_completed(tmp_path: Path) -> None:
    filled(tmp_path, scored(1), run=RUN).close()
    path = str(tmp_path / "scores.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("DROP TABLE verdicts")
        connection.execute("ALTER TABLE runs DROP COLUMN attainable")
    untold = msgspec.structs.replace(RUN, attainable=0.0)
    with Store(path) as store:
        assert store.runs() == [untold]
        assert (store.count("r1"), store.count("r2")) == (1, 0)
    with filled(tmp_path, scored(2), run=msgspec.structs.replace(RUN, id="r2")) as store:
        assert [run.attainable for run in store.runs()] == [0.0, 2.5]


def test_one_item_that_cannot_be_stored_is_rejected_alone(tmp_path: Path) -> None:
    items = [scored(number) for number in range(9)]
    items[4] = Scored(Window("\ud800", items[4].window.events), items[4].score)
    exporter = opened(tmp_path)
    outcomes = exporter.export(items)
    exporter.close()
    assert [type(outcome) for outcome in outcomes] == [Delivered] * 4 + [Rejected] + [Delivered] * 4
    assert "cannot hold the score" in outcomes[4].reason  # type: ignore[union-attr]
    with Store(str(tmp_path / "scores.duckdb")) as store:
        assert store.count() == 8
        assert store.events_of(items[4].id) == []


def test_a_batch_of_a_killed_process_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "scores.duckdb"
    code = f"""
import os
from logsentry_duckdb.exporter import DuckDb, DuckDbConfig
from logsentry.testing.exporter_contract import scored
exporter = DuckDb(DuckDbConfig({str(path)!r}))
exporter.export([scored(number) for number in range(50)])
exporter._connection.execute("BEGIN")
exporter._connection.execute("DELETE FROM scores")
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    exporter = opened(tmp_path)
    assert exporter.export([scored(number) for number in range(60)]) == [Delivered(True)] * 50 + [Delivered()] * 10
    exporter.close()


def test_a_store_that_another_process_has_open_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "scores.duckdb"
    opened(tmp_path).close()
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        for make in (lambda: opened(tmp_path), lambda: Store(str(path))):
            with pytest.raises(Unavailable, match="is open in another program; close it there"):
                make()
        other.communicate("\n")


@pytest.mark.parametrize("content", [b"", b"hello\n" * 1000, b"DUCK"])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scores.duckdb"
    path.write_bytes(content)
    for make in (lambda: opened(tmp_path), lambda: Store(str(path))):
        with pytest.raises(InputError, match="is not a DuckDB store; give another file"):
            make()
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "scores.duckdb")) as connection:
        connection.execute("CREATE TABLE scores (player VARCHAR, points BIGINT)")
    for make in (lambda: opened(tmp_path), lambda: Store(str(tmp_path / "scores.duckdb"))):
        with pytest.raises(InputError, match="is a DuckDB file, but its table scores is not one of logsentry"):
            make()


def test_what_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no store"):
        Store(str(tmp_path / "scores.duckdb"))
    with pytest.raises(InputError, match="Is a directory"):
        DuckDb(DuckDbConfig(str(tmp_path)))
    with pytest.raises(InputError, match="No such file or directory"):
        DuckDb(DuckDbConfig(str(tmp_path / "no" / "folder.duckdb")))
