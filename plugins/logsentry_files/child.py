"""The process that unpacks archives, seen from the process that reads them: started, asked, listened to and ended.

It is a fresh interpreter, never a fork, as the process that reads may have threads. What it does is in `unpack_worker.py`.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from logsentry_files.formats import BLOCK
from logsentry_files.messages import ANSWER, REQUEST
from logsentry_files.raw import Raw

# Without `site`, and past the package's own __init__, which imports the SDK: 20 ms instead of 100.
_START = """
import sys, types
package = sys.modules["logsentry_files"] = types.ModuleType("logsentry_files")
package.__path__ = [sys.argv[1]]
sys.path.append(sys.argv[2])
from logsentry_files.unpack_worker import main
main()
"""


class Gone(Exception):
    """The child has ended; the text says why."""


class Child:
    """One child. `memory` in bytes, and `seconds` of computing without progress, are all that it may have.

    Raises `Gone` where none can be started.
    """

    def __init__(self, memory: int, seconds: int) -> None:
        self._seconds = seconds
        here, zstandard = Path(__file__).parent, find_spec("zstandard")
        elsewhere = Path(zstandard.origin).parents[1] if zstandard and zstandard.origin else here
        self._asks, asked = socket.socketpair()
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(here), str(elsewhere), str(memory), str(seconds)],
                stdin=asked.fileno(),
                stdout=subprocess.PIPE,
                bufsize=0,
                process_group=0,  # Ctrl-C is for the parent, which may want to finish what it has begun
            )
        except OSError as error:
            self._asks.close()
            raise Gone(f"the process that unpacks it does not start ({error.strerror or error})") from error
        finally:
            asked.close()
        assert self._process.stdout is not None
        self._answers = self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, number: int, raw: Raw, max_ratio: float) -> None:
        """Have an archive unpacked, instead of the one before. Raises `Gone`."""
        path, head = os.fsencode(raw.path), raw.head(0)
        request = REQUEST.pack(number, raw.regular, max_ratio, len(path), len(head))
        try:
            socket.send_fds(self._asks, [request], [raw.descriptor()])
            self._asks.sendall(path + head)
        except ConnectionError:
            raise self._gone() from None

    def answer(self, number: int, seconds: float | None) -> tuple[bytes, int, bytes] | None:
        """(kind of message, bytes taken of the archive, payload), or None when `seconds` have passed without. Raises `Gone`."""
        while seconds is None or self._poll.poll(seconds * 1000):
            kind, about, at, size = ANSWER.unpack(self._exactly(ANSWER.size))
            if size > BLOCK:
                raise Gone("the process that unpacks it answers more than it may")
            payload = self._exactly(size)
            if about == number:  # else it was on its way when the archive before was given up
                return kind, at, payload
        return None

    def close(self) -> None:
        """End it, whatever it does, and wait for that."""
        self._process.kill()
        self._process.wait()
        self._answers.close()
        self._asks.close()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            if not (part := os.read(self._answers.fileno(), size)):
                raise self._gone()
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _gone(self) -> Gone:
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return Gone(f"{self._seconds} seconds of computing brought nothing more out of it")
        how = f"with exit status {code}" if code >= 0 else f"by signal {-code}, {signal.strsignal(-code)}"
        return Gone(f"the process that unpacks it ended {how}")
