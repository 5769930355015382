"""One run at a time in a state folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from logsentry.errors import Unavailable, UsageError


def locked(folder: Path) -> tuple[int, bool]:
    """A descriptor that holds the folder's lock until it is closed, or until this process dies; and whether one held it before.

    Raises `Unavailable` where another process holds it, and `UsageError` where there can be no such folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot keep state in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise Unavailable(
            f"another run (process {holder or 'unknown'}) uses the state folder {folder}; wait for it to end"
        ) from error
    again = os.fstat(lock).st_size > 0
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
    except OSError as error:
        os.close(lock)
        raise Unavailable(f"cannot keep state in {folder}: {error.strerror}") from error
    return lock, again
