"""Dead letters of a forwarder put through again: once, under the ids of the first try, and only while no server has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from services.forwarders import closing_lines, configured, lines, records, until_true
from services.picky import Picky, offered

from logsentry.config import load_forward
from logsentry.errors import Unavailable, UsageError
from logsentry.pipeline.deadletters import DeadLetters
from logsentry.pipeline.letters import Letter, letters
from logsentry.pipeline.replay import Replayed
from logsentry.schema.event import readable
from logsentry.schema.record import Record
from logsentry.schema.score import Outcome, Scored
from logsentry.server.forward.forwarder import opened
from logsentry.server.forward.parts import state_of
from logsentry.server.forward.replaying import OPEN, replay
from logsentry.server.spool.folder import Spool
from logsentry.server.spool.input import present
from logsentry.server.spool.settled import Settled

FORMAT = "%a;%t;%r;%s;%O"
ODD = [f"10.9.0.{host};[19/May/2015:10:{host:02d}:00 +0000];GET /{host} HTTP/1.1;200;5" for host in range(1, 9)]
"""Lines that the source reads once it was told the format."""


@pytest.fixture(autouse=True)
def picky() -> Iterator[None]:
    with offered():
        yield


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return changed(configured(tmp_path), exporters=[{"use": "picky"}])


def changed(config: Path, **values: object) -> Path:
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **values}))
    return config


def mended(config: Path) -> Path:
    return changed(config, source={"use": "http-access", "formats": [FORMAT]})


def forwarded(config: Path, found: Sequence[str], ended: int) -> None:
    """By a server that runs until so many have ended."""

    async def serve() -> None:
        (forwarder,) = opened([config])
        forwarder.start()
        await forwarder.spool.append(records(found))
        await until_true(lambda: forwarder.standing().books.read - forwarder.standing().books.open >= ended)
        await forwarder.close()

    asyncio.run(serve())


def waiting(config: Path, *found: str) -> list[Record]:
    """In the spool of a server that was killed before it had scored them."""
    forward = load_forward(config)
    spool = Spool(Path(forward.listen.spool.folder))
    asyncio.run(spool.append(records(found)))
    spool.abandon()
    state_of(forward).close()
    return list(present(spool.folder, "web", None))


def buried(config: Path, *found: tuple[Record, str]) -> None:
    """Letters that a server has left, each with the id of the score that was refused, if any was."""
    left = DeadLetters(config.parent / "dead")
    for record, score in found:
        left.write(record, "http-access", "no", score=score)
    left.flush()


def settle(config: Path, *found: Record) -> None:
    settled = Settled(config.parent / "spool-web")
    for record in found:
        settled.add(record)
    settled.flush()


def again(config: Path, *ids: str) -> Replayed:
    return replay(load_forward(config), None, ids, lambda *_: None)


def dead(config: Path) -> list[Letter]:
    return letters(config.parent / "dead")


def stored() -> list[str]:
    return sorted(readable(event.original) for item in Picky.items.values() for event in item.window.events)


def test_what_could_not_be_read_lands_once_when_it_can_and_the_server_takes_none_of_it_again(config: Path) -> None:
    good = lines(40)
    forwarded(config, [*good, *ODD, *closing_lines()], 49)
    assert sorted(str(letter.said["record"]) for letter in dead(config)) == ODD
    before = stored()
    assert again(mended(config), dead(config)[0].id[:10]).books.scored == 1
    done = again(config)
    assert done.books.sentence() == "read 7 = scored 7 + filtered 0 + dead-lettered 0"
    assert (done.left, dead(config), done.kept_back) == (0, [], {})
    assert stored() == sorted([*before, *ODD])
    forwarded(config, closing_lines([30]), 1)
    assert stored() == sorted([*good, *ODD, *closing_lines()])


def test_refused_scores_land_under_their_own_ids(config: Path) -> None:
    host = lines(1)[0].split()[0]
    Picky.refused.add(host)
    forwarded(config, [*lines(40), *closing_lines()], 41)
    refused = {letter.score for letter in dead(config)}
    assert refused
    assert again(config).left == len(dead(config)) > 0
    assert {letter.attempts for letter in dead(config)} == {2}
    Picky.refused.clear()
    before = set(Picky.items)
    assert again(config).left == 0
    assert set(Picky.items) - before == refused
    assert stored() == sorted([*lines(40), closing_lines()[0]])


def test_a_server_that_runs_and_a_replay_keep_each_other_out(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forwarded(config, [*lines(20), *ODD, *closing_lines()], 29)
    (held,) = opened([mended(config)])
    before = (config.parent / "dead").read_bytes()
    with pytest.raises(Unavailable, match=r"stop the server of the forwarder web before .* uses the state folder"):
        again(config)
    held.abandon()
    assert (config.parent / "dead").read_bytes() == before
    really = Picky.export

    def export(self: Picky, batch: Sequence[Scored]) -> Sequence[Outcome]:
        with pytest.raises(Unavailable, match="uses the state folder"):
            opened([config])
        tried.append(len(batch))
        return really(self, batch)

    tried: list[int] = []
    monkeypatch.setattr(Picky, "export", export)
    assert again(config).left == 0
    assert tried


def test_letters_of_open_records_are_left_to_the_server_which_ends_each_record_once(config: Path) -> None:
    """Killed after the letters had reached the disk, and before it was on disk that their records had ended."""
    odd, other, refused, with_it = waiting(config, ODD[0], ODD[1], lines(2)[0], lines(2)[1])
    buried(config, (odd, ""), (other, ""), (refused, "5c0e"), (with_it, "5c0e"))
    settle(config, other, with_it)
    done = again(mended(config))
    assert (done.kept_back, done.left, done.books.scored) == ({OPEN: 3}, 3, 1)
    assert stored() == [ODD[1]]
    left = [letter.said["record"] for letter in dead(config)]
    assert left == [each.data.decode() for each in (odd, refused, with_it)], "a score's records stay together"
    forwarded(config, closing_lines(), 5)
    assert stored() == sorted([ODD[0], ODD[1], lines(2)[0], closing_lines()[0]])
    assert [letter.score for letter in dead(config)] == ["5c0e", "5c0e"], "what is readable now has no letter any more"


def test_letters_of_others_in_the_same_file_are_left(config: Path) -> None:
    forwarded(config, [*ODD, *closing_lines()], 9)
    theirs, pipelines = Record(b"x", "web2 _bulk", "spool/1", 0, {}), Record(b"x", "access.log", "0123", 0, {})
    buried(config, (theirs, ""), (pipelines, ""))
    done = again(mended(config))
    assert done.sentences()[0] == "2 lines were not tried: they did not come to the forwarder web"
    assert (done.books.scored, done.left) == (8, 2)


def test_where_the_forwarder_never_worked_nothing_is_made(config: Path) -> None:
    with pytest.raises(UsageError, match=r"the forwarder web has left no folder .*forward-web; start this as its server's user"):
        again(config)
    assert not (config.parent / "state").exists()
