"""State folders: every damage is said with its cost, and a repair never begins at the start by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from logsentry.errors import LogsentryError, Unavailable, UsageError
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.generation import FILES, inspect
from logsentry.pipeline.seen import FILE, HEAD, Seen
from logsentry.pipeline.states import repair, sentences, states, where
from logsentry.schema.books import Books
from logsentry.schema.record import Address, Record


def record(number: int) -> Record:
    return Record(b"x", "web", f"web/{number}", 0, {}, Address("web", str(number), time=number))


def state(folder: Path, saves: int) -> Path:
    """A folder with this many saves, and as many records that were seen."""
    with Checkpoint(folder, "http-access web") as checkpoint:
        seen = Seen(folder)
        for number in range(1, saves + 1):
            seen.add(record(number))
            seen.flush()
            checkpoint.save({"time": number}, Books(read=number))
    return folder


def newest(folder: Path) -> Path:
    return max(inspect(folder), key=lambda found: found.generation.sequence if found.generation else 0).path


def told(root: Path) -> str:
    return "\n".join(line for each in states(root) for line in sentences(each))


def test_what_is_whole_is_said_to_be(tmp_path: Path) -> None:
    state(tmp_path / "0-files", 3)
    state(tmp_path / "1-elasticsearch" / "backfill", 1)
    assert [each.verdict for each in states(tmp_path)] == ["whole", "whole"]
    assert "0-files: whole (save 3, 3 records read by that pass, 3 records remembered)" in told(tmp_path)
    assert repair(tmp_path) == []


def test_a_folder_without_state_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no state in"):
        states(tmp_path)


def test_damage_anywhere_in_the_newest_is_mended_from_the_other(tmp_path: Path) -> None:
    path = newest(state(tmp_path, 3))
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        state(tmp_path, 0)
        path.write_bytes(content[:at])
        [found] = states(tmp_path)
        assert (found.verdict, found.saves) == ("damaged", 2)
        assert "it goes on from save 2; what was settled after it is read again" in told(tmp_path)
        kept, cost = repair(tmp_path)
        assert kept == f"{path} was damaged and is kept as {path.name}.damaged"
        assert cost.endswith(found.cost)
        with Checkpoint(tmp_path, "http-access web") as checkpoint:
            resumed = checkpoint.load()
        assert (resumed.cursor, resumed.warning) == ({"time": 2}, "")
        assert (tmp_path / f"{path.name}.damaged").read_bytes() == content[:at]
        assert states(tmp_path)[0].verdict == "whole"


def test_where_nothing_is_whole_only_a_person_says_from_the_start(tmp_path: Path) -> None:
    state(tmp_path, 3)
    for name in FILES:
        (tmp_path / name).write_bytes(b"\0" * 100)
    [found] = states(tmp_path)
    assert (found.verdict, found.cost, len(found.faults)) == ("lost", "", 2)
    with pytest.raises(LogsentryError, match="nothing says where to go on; with --from-start every record is read again"):
        repair(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in FILES] == [b"\0" * 100] * 2
    assert repair(tmp_path, from_start=True)[-1].endswith("told by its id where the store keeps ids")
    with Checkpoint(tmp_path, "http-access web") as checkpoint:
        assert checkpoint.load().cursor is None
    assert record(2) in Seen(tmp_path)


def test_a_newer_format_is_left_alone_whatever_is_asked(tmp_path: Path) -> None:
    from zlib import crc32

    path = newest(state(tmp_path, 3))
    content = b'{"version": 9}'
    path.write_bytes(content + b"\ncrc32 %08x\n" % crc32(content))
    before = path.read_bytes()
    assert "was written by a newer logsentry (format 9)" in told(tmp_path)
    for from_start in (False, True):
        with pytest.raises(LogsentryError, match=r"newer logsentry \(format 9\); upgrade this one"):
            repair(tmp_path, from_start)
    assert path.read_bytes() == before


def test_damaged_memories_are_forgotten_one_by_one(tmp_path: Path) -> None:
    path = state(tmp_path, 5) / FILE
    content = path.read_bytes()
    middle = len(HEAD) + 25  # in the second entry, over to the third
    path.write_bytes(content[: middle + 10] + bytes(10) + content[middle + 20 :])
    [found] = states(tmp_path)
    assert (found.verdict, found.cost) == ("damaged", "2 entries of records that were seen are forgotten")
    assert repair(tmp_path)[-1].endswith(found.cost)
    assert [each.verdict for each in states(tmp_path)] == ["whole"]


def test_a_folder_in_use_is_not_repaired(tmp_path: Path) -> None:
    path = newest(state(tmp_path, 3))
    path.write_bytes(b"")
    with Checkpoint(tmp_path), pytest.raises(Unavailable, match="another run"):
        repair(tmp_path)


@pytest.mark.parametrize("begins", ["inputs: [{use: files, paths: [a.log]}]", "listen: {name: web, bulk: true}"])
def test_a_configuration_of_either_kind_says_where_its_state_is(tmp_path: Path, begins: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        f"{begins}\nsource: {{use: http-access}}\nbundle: {{store: s, name: b}}\nexporters: [{{use: ndjson, path: x}}]\nstate: here\n"
    )
    assert where(file) == Path("here")
    assert where(tmp_path) == tmp_path
