"""One server for all worker processes of a test session (pytest-xdist), since each Elasticsearch costs some 20 s of two cores.

The process that asks first starts it and leaves a note of where it is; it ends it when no other process uses it any more. Locks are
those of flock(2), which go with the process that held them, however it ended.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def common_folder(own: Path) -> Path:
    """The folder that all workers of this session see; `own` is the base of this process's temporary folders."""
    return own.parent if own.name == f"popen-{os.environ.get('PYTEST_XDIST_WORKER')}" else own


@contextmanager
def shared(folder: Path, name: str, start: Callable[[], AbstractContextManager[T]], kind: type[T]) -> Iterator[T]:
    """What `start` gives, in whichever process of this folder it was called; `kind` is its type, which JSON must be able to hold.

    Raises what `start` raises; the next process then tries for itself.
    """
    note = folder / f"{name}.json"
    with open(folder / f"{name}.door", "wb") as door, open(folder / f"{name}.users", "wb") as users:
        fcntl.flock(door, fcntl.LOCK_EX)
        if note.exists():
            found = msgspec.json.decode(note.read_bytes(), type=kind)
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(door, fcntl.LOCK_UN)
            yield found
            return
        with start() as served:
            note.write_bytes(msgspec.json.encode(served))
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(door, fcntl.LOCK_UN)
            try:
                yield served
            finally:
                fcntl.flock(door, fcntl.LOCK_EX)  # nobody new comes in,
                fcntl.flock(users, fcntl.LOCK_EX)  # and everybody has gone
                note.unlink()
