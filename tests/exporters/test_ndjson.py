"""NDJSON out: the contract, stdout that closes early, disks that are full, files with half a line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from logsentry_ndjson.exporter import Ndjson, NdjsonConfig

from logsentry.errors import Unavailable, UsageError
from logsentry.sdk import Delivered, Rejected, Scored, Window
from logsentry.testing.exporter_contract import ExporterContract, scored


class TestNdjson(ExporterContract):
    idempotent = False

    def make(self, folder: Path) -> Ndjson:
        return Ndjson(NdjsonConfig(str(folder / "out.ndjson")))

    def stored(self, folder: Path) -> Sequence[str]:
        return [json.loads(line)["id"] for line in (folder / "out.ndjson").read_bytes().splitlines()]


def test_a_line_is_the_document_of_its_score(tmp_path: Path) -> None:
    exporter = Ndjson(NdjsonConfig(str(tmp_path / "out")))
    exporter.export([scored(3)])
    exporter.close()
    assert json.loads((tmp_path / "out").read_bytes()) == json.loads(json.dumps(scored(3).document()))


def test_a_file_is_begun_anew_unless_it_is_to_be_appended_to(tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    for config, lines in [(NdjsonConfig(path), 1), (NdjsonConfig(path), 1), (NdjsonConfig(path, append=True), 2)]:
        exporter = Ndjson(config)
        assert exporter.export([scored(1)]) == [Delivered()]
        exporter.close()
        assert len(Path(path).read_bytes().splitlines()) == lines


@pytest.mark.parametrize("half", [b'{"id": "ab', b"x" * 200_000, b""])
def test_half_a_line_left_by_a_crash_is_dropped_before_appending(tmp_path: Path, half: bytes) -> None:
    path = tmp_path / "out"
    path.write_bytes(b'{"id":"whole"}\n' + half)
    exporter = Ndjson(NdjsonConfig(str(path), append=True))
    exporter.export([scored(1)])
    exporter.close()
    assert [json.loads(line)["id"] for line in path.read_bytes().splitlines()] == ["whole", scored(1).id]


def test_appending_to_nothing_but_half_a_line_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b'{"id": "ab')
    Ndjson(NdjsonConfig(str(tmp_path / "out"), append=True)).close()
    assert (tmp_path / "out").read_bytes() == b""


def test_what_is_no_json_is_rejected_and_its_neighbours_are_not(tmp_path: Path) -> None:
    exporter = Ndjson(NdjsonConfig(str(tmp_path / "out")))
    broken = Scored(Window("\ud800", scored(1).window.events), scored(1).score)
    first, second, third = exporter.export([scored(0), broken, scored(2)])
    exporter.close()
    assert first == third == Delivered()
    assert isinstance(second, Rejected)
    assert "cannot be written as JSON" in second.reason


def test_a_full_disk_is_one_sentence() -> None:
    exporter = Ndjson(NdjsonConfig("/dev/full"))
    with pytest.raises(Unavailable, match="cannot write scores to /dev/full: No space left on device"):
        exporter.export([scored(1)])
    exporter.close()


def test_a_disk_that_fills_up_leaves_whole_batches(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the disk: the write that crosses it fails after a part was written."""
    code = f"""
import resource, signal
from logsentry_ndjson.exporter import Ndjson, NdjsonConfig
from logsentry.testing.exporter_contract import scored
from logsentry.errors import Unavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
exporter = Ndjson(NdjsonConfig({str(tmp_path / "out")!r}))
try:
    for number in range(100):
        exporter.export([scored(number), scored(1000 + number)])
except Unavailable as error:
    print(number, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    batches, _, sentence = done.stdout.partition(" ")
    lines = (tmp_path / "out").read_bytes().splitlines()
    assert "File too large" in sentence
    assert [json.loads(line)["id"] for line in lines] == [
        item.id for number in range(int(batches)) for item in (scored(number), scored(1000 + number))
    ]
    assert int(batches) > 0


def test_a_place_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write scores to .*: Is a directory"):
        Ndjson(NdjsonConfig(str(tmp_path)))
    with pytest.raises(UsageError, match="No such file or directory"):
        Ndjson(NdjsonConfig(str(tmp_path / "no" / "folder")))


WRITER = """
import sys
from logsentry_ndjson.exporter import Ndjson, NdjsonConfig
from logsentry.testing.exporter_contract import scored
from logsentry.errors import Unavailable
exporter = Ndjson(NdjsonConfig("-"))
try:
    for number in range({count}):
        exporter.export([scored(number)])
except Unavailable as error:
    print(type(error).__name__, isinstance(error, BrokenPipeError), error, file=sys.stderr)
    sys.stdout = None
"""


def test_stdout_takes_the_lines() -> None:
    done = subprocess.run([sys.executable, "-c", WRITER.format(count=3)], capture_output=True, check=True)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [scored(number).id for number in range(3)]
    assert done.stderr == b""


def test_a_reader_that_has_read_enough_is_told_as_a_broken_pipe() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER.format(count=100_000)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read().startswith(b"ClosedPipe True nobody reads the output any more")
