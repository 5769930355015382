"""The checkpoint: every kind of damage is seen, and a killed process leaves what it last acknowledged."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from zlib import crc32

import pytest

from logsentry.errors import LogsentryError, Unavailable, UsageError
from logsentry.pipeline import checkpoint as checkpoint_module
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.pipeline.generation import FILES, VERSION, inspect
from logsentry.pipeline.in_flight import Handed
from logsentry.schema.books import Books
from logsentry.schema.record import Cursor


def at(number: int) -> Cursor:
    return {"path": "a.log", "offset": number}


def saved(folder: Path, count: int, owner: str = "") -> Path:
    """A state folder with this many saves."""
    with Checkpoint(folder, owner) as state:
        for number in range(1, count + 1):
            state.save(at(number), Books(read=number, scored=number))
    return folder


def newest(folder: Path) -> Path:
    return max(inspect(folder), key=lambda found: found.generation.sequence if found.generation else 0).path


def resumed(folder: Path) -> tuple[Cursor | None, str]:
    with Checkpoint(folder) as state:
        found = state.load()
    return found.cursor, found.warning


def test_a_new_folder_begins_at_the_start(tmp_path: Path) -> None:
    assert resumed(tmp_path / "new" / "state") == (None, "")


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_what_was_saved_last_is_loaded(tmp_path: Path, count: int) -> None:
    with Checkpoint(saved(tmp_path, count)) as state:
        found = state.load()
    assert (found.cursor, found.books, found.warning) == (at(count), Books(read=count, scored=count), "")


def test_a_path_that_is_no_utf8_survives(tmp_path: Path) -> None:
    cursor: Cursor = {"path": b"caf\xe9.log".decode("utf-8", "surrogateescape"), "offset": 1}
    with Checkpoint(tmp_path) as state:
        state.save(cursor, Books())
        assert state.load().cursor == cursor


def test_saving_goes_on_after_a_load(tmp_path: Path) -> None:
    saved(tmp_path, 5)
    with Checkpoint(tmp_path) as state:
        state.save(at(99), Books())
        assert state.load().cursor == at(99)
        assert sorted(found.generation.sequence for found in inspect(tmp_path) if found.generation) == [5, 6]


def damages(content: bytes) -> list[bytes]:
    """The file cut off at each byte, each byte with a bit flipped, zeroed as a whole and in its second half."""
    cut = [content[:end] for end in range(len(content))]
    flipped = [content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :] for i in range(len(content))]
    half = len(content) // 2
    return [*cut, *flipped, bytes(len(content)), content[:half] + bytes(len(content) - half), content + b"\n", b"\0" + content]


def test_damage_anywhere_in_the_newest_falls_back_with_a_sentence(tmp_path: Path) -> None:
    path = newest(saved(tmp_path, 3))
    with Checkpoint(tmp_path) as state:
        for damaged in damages(path.read_bytes()):
            path.write_bytes(damaged)
            found = state.load()
            assert found.cursor == at(2)
            assert f"{path} is damaged or cut off" in found.warning
            assert "going on from save 2: records after it may be read a second time" in found.warning


def test_damage_anywhere_in_the_only_one_is_refused(tmp_path: Path) -> None:
    path = newest(saved(tmp_path, 1))
    with Checkpoint(tmp_path) as state:
        for damaged in damages(path.read_bytes()):
            path.write_bytes(damaged)
            with pytest.raises(LogsentryError, match=r"damaged or cut off .* remove .* to read from the start"):
                state.load()
            with pytest.raises(LogsentryError, match="damaged or cut off"):
                state.save(at(9), Books())  # nor is it written over


def test_a_damaged_file_is_replaced_by_the_next_save(tmp_path: Path) -> None:
    path = newest(saved(tmp_path, 3))
    path.write_bytes(b"")
    with Checkpoint(tmp_path) as state:
        state.load()
        state.save(at(7), Books())
    assert resumed(tmp_path) == (at(7), "")


def test_a_generation_that_went_missing_is_told(tmp_path: Path) -> None:
    path = newest(saved(tmp_path, 3))
    path.unlink()
    cursor, warning = resumed(tmp_path)
    assert cursor == at(2)
    assert f"{path} is missing" in warning


def _with_crc(body: bytes) -> bytes:
    return body + b"\ncrc32 %08x\n" % crc32(body)


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"version": 1}', b'{"version": "x"}', b"not json", b"\xff", b'{"version": null}']
)
def test_a_whole_file_that_is_no_checkpoint_is_damage(tmp_path: Path, body: bytes) -> None:
    newest(saved(tmp_path, 3)).write_bytes(_with_crc(body))
    cursor, warning = resumed(tmp_path)
    assert cursor == at(2)
    assert "is whole, but no checkpoint" in warning


@pytest.mark.parametrize("which", ["newest", "other"])
def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path, which: str) -> None:
    path = newest(saved(tmp_path, 3))
    if which == "other":
        path = next(found.path for found in inspect(tmp_path) if found.path != path)
    content = _with_crc(b'{"version": %d, "place": "somewhere"}' % (VERSION + 1))
    path.write_bytes(content)
    with Checkpoint(tmp_path) as state:
        for act in (state.load, lambda: state.save(at(1), Books())):
            with pytest.raises(LogsentryError, match=rf"written by a newer logsentry \(format {VERSION + 1}\); upgrade this one"):
                act()
    assert path.read_bytes() == content


def test_a_file_of_format_1_is_read_and_replaced_by_one_of_this_format(tmp_path: Path) -> None:
    body = b'{"version": 1, "owner": "", "sequence": 7, "cursor": {"path": "a.log", "offset": 4}, "books": {"read": 4, "scored": 4}, '
    (tmp_path / FILES[0]).write_bytes(_with_crc(body + b'"ahead": {"a.log": [9, 11]}}'))
    with Checkpoint(tmp_path) as state:
        found = state.load()
        assert (found.cursor, found.ahead) == (at(4), {("a.log", 9), ("a.log", 11)})
        assert (found.in_flight, found.ended) == ((), ())
        state.save(at(11), Books(), in_flight=(Handed("host", ("e1", "e2")),), ended=["e3"])
        again = state.load()
    assert (again.cursor, again.in_flight, again.ended) == (at(11), (Handed("host", ("e1", "e2")),), ("e3",))


def test_a_pass_that_has_settled_nothing_may_have_windows_in_flight(tmp_path: Path) -> None:
    with Checkpoint(tmp_path) as state:
        state.save(None, Books(), in_flight=(Handed("host", ("e1",), later=("e1",)),))
        found = state.load()
    assert (found.cursor, found.in_flight) == (None, (Handed("host", ("e1",), ("e1",)),))


def test_the_state_of_another_pipeline_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, 2, owner="http-access from /var/log")
    with (
        Checkpoint(tmp_path, "auditd") as state,
        pytest.raises(UsageError, match="is of 'http-access from /var/log', not of 'auditd'"),
    ):
        state.load()


def test_two_runs_on_one_folder_refuse(tmp_path: Path) -> None:
    with Checkpoint(tmp_path), pytest.raises(Unavailable, match=r"another run \(process \d+\) uses the state folder"):
        Checkpoint(tmp_path)
    Checkpoint(tmp_path).close()


def test_a_killed_process_does_not_keep_the_lock(tmp_path: Path) -> None:
    code = (
        "import pathlib, time; from logsentry.pipeline.checkpoint import Checkpoint; "
        f"c = Checkpoint(pathlib.Path({str(tmp_path)!r})); print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(Unavailable, match=f"process {child.pid}"):
            Checkpoint(tmp_path)
        child.kill()
    Checkpoint(tmp_path).close()


def test_a_place_for_no_state_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot keep state in .*file"):
        Checkpoint(tmp_path / "file")


def test_a_full_disk_leaves_the_last_generation(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the disk: the write fails after a part of it."""
    saved(tmp_path, 3)
    code = f"""
import pathlib, resource, signal
from logsentry.errors import Unavailable
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.schema.books import Books
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Checkpoint(pathlib.Path({str(tmp_path)!r})) as state:
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
    for _ in range(3):
        try:
            state.save({{"offset": 4}}, Books())
        except Unavailable as error:
            print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("cannot save the checkpoint") == done.stdout.count("File too large") == 3
    assert resumed(tmp_path) == (at(3), "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [*FILES, "lock"]


WRITER = """
import pathlib, sys
from logsentry.pipeline.checkpoint import Checkpoint
from logsentry.schema.books import Books
with Checkpoint(pathlib.Path(sys.argv[1])) as state:
    number = (state.load().cursor or {"offset": 0})["offset"]
    while True:
        number += 1
        state.save({"path": "x" * (number % 5000), "offset": number}, Books(read=number))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


def _killed(folder: Path, wait: float) -> int:
    """Run the writer, kill it so many seconds after its first save, and answer the last save that it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(wait)
        child.kill()
        *whole, _ = (first + child.stdout.read()).split(b"\n")
    return int(whole[-1])


def _kill_and_load(folder: Path, times: int) -> None:
    chance, before = random.Random(7), 0
    for _ in range(times):
        acknowledged = _killed(folder, chance.uniform(0, 0.02))
        with Checkpoint(folder) as state:
            found = state.load()
        assert found.warning == ""
        assert found.cursor is not None
        reached = int(found.cursor["offset"])
        assert reached in (acknowledged, acknowledged + 1)  # the one whose acknowledgement was cut off
        assert found.books == Books(read=reached)
        assert reached > before
        before = reached


def test_a_kill_at_any_moment_leaves_the_last_save(tmp_path: Path) -> None:
    _kill_and_load(tmp_path, 12)


@pytest.mark.soak
def test_two_hundred_kills_leave_the_last_save(tmp_path: Path) -> None:
    _kill_and_load(tmp_path, 200)


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("step", ["fsync-1", "replace-1", "fsync-2"])
def test_a_stop_before_any_step_of_a_save_leaves_a_generation(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, 3)
    calls: dict[str, int] = {}

    def stopping(name: str):  # type: ignore[no-untyped-def]
        real = getattr(checkpoint_module.os, name)

        def call(*given: object) -> object:
            calls[name] = calls.get(name, 0) + 1
            if f"{name}-{calls[name]}" == step:
                raise PowerCut
            return real(*given)

        return call

    with monkeypatch.context() as patch, Checkpoint(tmp_path) as state:
        for name in ("fsync", "replace"):
            patch.setattr(checkpoint_module.os, name, stopping(name))
        with pytest.raises(PowerCut):
            state.save(at(4), Books())
    cursor, warning = resumed(tmp_path)
    assert (cursor, warning) == (at(4) if step == "fsync-2" else at(3), "")
    saved(tmp_path, 1)
    assert resumed(tmp_path) == (at(1), "")
