"""Replay of dead letters: the same ids as an undisturbed run, each line taken out once its record has landed, and no earlier."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.picky import Picky, offered

from logsentry.config import load
from logsentry.errors import Unavailable, UsageError
from logsentry.pipeline.letters import Letter, letters
from logsentry.pipeline.opening import opened
from logsentry.pipeline.replay import Replayed, replay
from logsentry.pipeline.run import run_config
from logsentry.schema.score import Scored

LINE = '10.0.0.%d - - [19/May/2015:%02d:%02d:00 +0000] "GET /%d HTTP/1.1" 200 1 "-" "curl/7"\n'


@pytest.fixture(autouse=True)
def picky() -> Iterator[None]:
    with offered():
        yield


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "job.yml").write_text(
        f"inputs: [{{use: files, paths: [{tmp_path}/web.log]}}]\n"
        "source: {use: http-access}\n"
        f"bundle: {{store: {tmp_path}/store, name: demo}}\n"
        "exporters: [{use: picky}]\n"
        f"state: {tmp_path}/state\n"
        f"dead_letters: {tmp_path}/dead\n"
    )
    return tmp_path / "job.yml"


def quiet(done: int, total: int, note: str) -> None:
    """No bar in a test."""


def run(config: Path, *events: tuple[int, int]) -> None:
    """Add lines of (host, minute of the day) to the log, and run."""
    with (config.parent / "web.log").open("a") as log:
        log.writelines(LINE % (host, *divmod(minute, 60), minute) for host, minute in events)
    run_config(config, quiet)


def dead(config: Path) -> list[Letter]:
    return letters(config.parent / "dead")


def again(config: Path, *ids: str) -> Replayed:
    return replay(load(config), None, ids, quiet)


EVENTS = [(host, minute) for minute in (0, 5, 10, 120, 125) for host in (1, 2)]


def undisturbed(config: Path, *events: tuple[int, int]) -> dict[str, Scored]:
    """What an exporter that refuses nothing holds."""
    refused, Picky.refused = Picky.refused, set()  # type: ignore[misc]
    other = config.parent / "other"
    other.mkdir()
    text = config.read_text().replace(f"{config.parent}/", f"{other}/")
    (other / "job.yml").write_text(text)
    run(other / "job.yml", *events)
    found, Picky.items, Picky.refused = Picky.items, {}, refused  # type: ignore[misc]
    return found


def shape(items: dict[str, Scored]) -> list[tuple[str, ...]]:
    return sorted(tuple(event.message for event in item.window.events) for item in items.values())


def test_what_was_refused_lands_once_with_the_windows_of_the_first_try(config: Path) -> None:
    wanted = undisturbed(config, *EVENTS)
    Picky.refused.add("10.0.0.1")
    run(config, *EVENTS)
    assert len(dead(config)) == 5
    assert len({letter.score for letter in dead(config)}) == 2
    Picky.refused.clear()
    done = again(config)
    assert done.books.sentence() == "read 5 = scored 5 + filtered 0 + dead-lettered 0"
    assert (done.left, dead(config)) == (0, [])
    assert shape(Picky.items) == shape(wanted)
    assert again(config).books.read == 0


def test_the_ids_are_those_of_the_refused_scores(config: Path) -> None:
    Picky.refused.add("10.0.0.1")
    run(config, *EVENTS)
    refused = {letter.score for letter in dead(config)}
    Picky.refused.clear()
    before = set(Picky.items)
    again(config)
    assert set(Picky.items) - before == refused


def test_sessions_of_two_runs_do_not_become_one(config: Path) -> None:
    Picky.refused.add("10.0.0.1")
    run(config, (1, 0), (1, 5))
    run(config, (1, 10), (1, 15))  # within the gap; the end of the first run had closed its session
    refused = {letter.score for letter in dead(config)}
    assert len(refused) == 2
    Picky.refused.clear()
    again(config)
    assert set(Picky.items) == refused


def test_one_id_takes_its_whole_window_and_leaves_the_others(config: Path) -> None:
    Picky.refused.add("10.0.0.1")
    run(config, *EVENTS)
    Picky.refused.clear()
    first = dead(config)[0]
    done = again(config, first.id[:8])
    assert (done.books.scored, done.left) == (3, 2)
    assert first.score in Picky.items
    with pytest.raises(UsageError, match="no dead letter has the id"):
        again(config, first.id)


def test_what_fails_again_stays_with_one_more_attempt(config: Path) -> None:
    Picky.refused.add("10.0.0.1")
    run(config, *EVENTS)
    before = dead(config)
    done = again(config)
    assert done.books.sentence() == "read 5 = scored 0 + filtered 0 + dead-lettered 5"
    after = dead(config)
    assert [letter.attempts for letter in after] == [2] * 5
    assert [(letter.id, letter.score, letter.record) for letter in after] == [
        (letter.id, letter.score, letter.record) for letter in before
    ]


def test_a_crash_between_store_and_file_is_replayed_again_and_doubles_nothing(config: Path) -> None:
    Picky.refused.add("10.0.0.1")
    run(config, *EVENTS)
    Picky.refused.clear()
    Picky.broken = True  # type: ignore[misc]
    with pytest.raises(Unavailable, match="it broke"):
        again(config)
    stored = dict(Picky.items)
    assert len(dead(config)) == 5
    Picky.broken = False  # type: ignore[misc]
    assert again(config).books.sentence() == "read 5 = scored 0 + duplicate 5 + filtered 0 + dead-lettered 0"
    assert Picky.items.keys() == stored.keys()
    assert dead(config) == []


def test_what_cannot_be_replayed_is_left_and_counted(config: Path) -> None:
    Picky.refused.add("10.0.0.1")
    run(config, *EVENTS)
    path = config.parent / "dead"
    path.write_bytes(path.read_bytes().replace(b'"source": "http-access"', b'"source": "auditd"', 2))
    Picky.refused.clear()
    done = again(config)
    assert (done.books.read, done.left) == (3, 2)
    assert done.sentences()[0] == "2 lines were not tried: they are of auditd, and the configuration is for http-access"


def test_an_exporter_is_told_that_scores_may_come_again(config: Path) -> None:
    run(config, (1, 0))
    run(config, (1, 100))
    assert Picky.told == [False, True]
    Picky.refused.add("10.0.0.1")
    run(config, (1, 200))
    again(config)
    assert Picky.told == [False, True, True, True]


def test_a_line_says_which_configuration_and_bundle_it_met(config: Path) -> None:
    Picky.refused.add("10.0.0.1")
    run(config, (1, 0))
    with opened(config) as found:
        [letter] = dead(config)
        assert letter.said["config"] == found.digest
        assert letter.said["bundle"] == found.scorer.bundle.digest
    assert (letter.said["status"], letter.said["error"]) == (400, "mapping")
