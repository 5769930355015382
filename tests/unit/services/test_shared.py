"""A server that several processes share: started once, ended after its last user, started again for whoever comes later."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from services.shared import common_folder, shared

from logsentry.errors import Unavailable

SERVICES = Path(__file__).parents[2]
OTHER = """
import sys
from contextlib import contextmanager
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from services.shared import shared
folder, mine = Path(sys.argv[1]), []

@contextmanager
def start():
    mine.append(True)
    with open(folder / "log", "a") as log: log.write("start\\n")
    yield "other"
    with open(folder / "log", "a") as log: log.write("end\\n")

with shared(folder, "server", start, str) as found:
    print(found, flush=True)
    print("starter" if mine else "user", flush=True)
    sys.stdin.readline()
print("left", flush=True)
"""


class Other:
    """A process that uses the server until it is told to leave."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", OTHER, str(folder), str(SERVICES)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.server = self.heard()
        self.is_starter = self.heard() == "starter"

    def heard(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def tell_to_leave(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@pytest.fixture
def others(tmp_path: Path) -> Iterator[list[Other]]:
    made = [Other(tmp_path) for _ in range(2)]
    yield made
    for other in made:
        other.process.kill()
        other.process.communicate()


@contextmanager
def serving(log: Path) -> Iterator[str]:
    with log.open("a") as file:
        file.write("start\n")
    yield "this"
    with log.open("a") as file:
        file.write("end\n")


def test_it_is_started_once_and_ends_after_its_last_user(tmp_path: Path, others: list[Other]) -> None:
    log = tmp_path / "log"
    assert [(other.server, other.is_starter) for other in others] == [("other", True), ("other", False)]
    with shared(tmp_path, "server", lambda: serving(log), str) as found:
        assert found == "other"
        for other in others:
            other.tell_to_leave()
        time.sleep(0.2)
        assert log.read_text() == "start\n", "whoever started it waits"
    for other in others:
        assert other.heard() == "left"
    assert log.read_text() == "start\nend\n"
    with shared(tmp_path, "server", lambda: serving(log), str) as again:
        assert again == "this"
    assert log.read_text() == "start\nend\nstart\nend\n"


def test_a_user_that_is_killed_holds_nobody_up(tmp_path: Path, others: list[Other]) -> None:
    starter, user = others
    user.process.kill()
    user.process.wait()
    starter.tell_to_leave()
    assert starter.heard() == "left"
    assert (tmp_path / "log").read_text() == "start\nend\n"


def test_where_it_cannot_be_started_the_next_one_tries(tmp_path: Path) -> None:
    @contextmanager
    def failing() -> Iterator[str]:
        raise Unavailable("there is no java")
        yield ""

    with pytest.raises(Unavailable), shared(tmp_path, "server", failing, str):
        pass
    with shared(tmp_path, "server", lambda: serving(tmp_path / "log"), str) as found:
        assert found == "this"


def test_workers_share_the_folder_of_their_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert common_folder(Path("/tmp/pytest-7")) == Path("/tmp/pytest-7")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    assert common_folder(Path("/tmp/pytest-7/popen-gw1")) == Path("/tmp/pytest-7")
