"""Starts `logsentry` commands as processes that can be killed, without a second of imports each.

A process that has imported everything forks for each command (`python passes.py BATCH`, one JSON line a command on stdin); what
runs is the command line's own `main`. `BATCH` is how many windows a pass delivers at a time, so that a short job has many moments
to be killed at; 0 leaves it as it is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


class Ended(msgspec.Struct, frozen=True):
    """How a command ended: its exit code, or minus the signal that ended it."""

    code: int
    out: str
    err: str


class Pass:
    """A command that runs."""

    def __init__(self, passes: subprocess.Popen[str], folder: Path) -> None:
        self._passes, self._folder = passes, folder
        self.process = int(_line(passes))

    def signal(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.process, number)

    def wait(self) -> Ended:
        status = os.waitstatus_to_exitcode(int(_line(self._passes)))
        return Ended(status, *((self._folder / name).read_text(errors="replace") for name in ("out", "err")))


class Passes:
    """One command at a time; `folder` takes what it says, and is where it runs unless it is told another."""

    def __init__(self, folder: Path, batch: int = 0) -> None:
        self._folder = folder
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
        command = [sys.executable, __file__, str(batch)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def start(self, *arguments: str | Path, environment: Mapping[str, str] | None = None, where: Path | None = None) -> Pass:
        asked = {
            "arguments": list(map(str, arguments)),
            "folder": str(self._folder),
            "where": str(where or self._folder),
            "environment": dict(environment or {}),
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Pass(self._process, self._folder)

    def run(self, *arguments: str | Path, environment: Mapping[str, str] | None = None, where: Path | None = None) -> Ended:
        return self.start(*arguments, environment=environment, where=where).wait()

    def ended(self, *arguments: str | Path, code: int = 0) -> Ended:
        """A command of the present folder that ends with this code, and never with a traceback."""
        done = self.run(*arguments, where=Path.cwd())
        assert done.code == code, done.err
        assert "Traceback" not in done.err
        return done

    def close(self) -> None:
        self._process.communicate(timeout=60)


def _line(passes: subprocess.Popen[str]) -> str:
    assert passes.stdout
    line = passes.stdout.readline()
    if not line:
        raise EOFError("the process that starts commands has ended; see its stderr above")
    return line


def _serve(batch: int) -> None:
    import onnxruntime  # noqa: F401 - imported here so that no command has to

    from logsentry.pipeline import enrich, run, scoring  # noqa: F401

    scoring.BATCH = batch or scoring.BATCH
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


def _become(asked: Mapping[str, Any]) -> None:
    from logsentry.cli.main import main

    folder = Path(asked["folder"])
    os.chdir(asked["where"])
    os.environ.update(asked["environment"])
    for number, name in ((0, os.devnull), (1, folder / "out"), (2, folder / "err")):
        descriptor = os.open(name, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if number else 0), 0o644)
        os.dup2(descriptor, number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the parent's holds commands that were read ahead
    sys.argv = ["logsentry", *asked["arguments"]]
    code: Any = 1
    try:
        main()
    except SystemExit as error:
        code = error.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)  # threads of onnxruntime do not survive the fork


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
