"""How a command ends: every exception becomes one sentence on stderr and the exit code that `errors.py` documents."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import click

from logsentry.cli import talk
from logsentry.errors import LogsentryError

INTERRUPTED = 130
CLOSED_PIPE = 141
"""What a shell reports of `cat` where `head` has read enough: 128 + SIGPIPE."""

_DEBUG = "logsentry.debug"
_PACKAGE = Path(__file__).parent.parent


def debug() -> None:
    """From now on in this command: tracebacks."""
    click.get_current_context().meta[_DEBUG] = True


def code(error: BaseException) -> int:
    """Say what happened, and answer the exit code."""
    if isinstance(error, BrokenPipeError):
        return _closed()
    if click.get_current_context().meta.get(_DEBUG) or os.environ.get("LOGSENTRY_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        talk.fail("interrupted")
        return INTERRUPTED
    talk.fail(_sentence(error))
    return error.exit_code if isinstance(error, LogsentryError) else 1


def _sentence(error: BaseException) -> str:
    if isinstance(error, LogsentryError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:  # a full disk, a right that is missing: the machine's, not a defect
        return f"{error.filename}: {error.strerror}" if error.filename else f"cannot read or write: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    return (
        f"a defect: {type(error).__name__}: {error} ({_where(error)}); please report it at the project's issues "
        "with what the same command prints with --debug"
    )


def _where(error: BaseException) -> str:
    """The last place of this package, or the last of all: `scoring/session.py:44`."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)] or list(frames)
    if not own:
        return "nowhere"
    path = Path(own[-1].filename)
    return f"{path.relative_to(_PACKAGE.parent) if path.is_relative_to(_PACKAGE) else path.name}:{own[-1].lineno}"


def _closed() -> int:
    """Nobody reads our output any more. What is still buffered must go somewhere, or Python complains while it exits."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is not a file here, so nothing is flushed to it at exit either
        pass
    finally:
        os.close(devnull)
    return CLOSED_PIPE
