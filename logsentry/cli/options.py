"""Options and endings that several commands share, so that they read alike everywhere."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from logsentry.cli import talk
from logsentry.errors import LogsentryError
from logsentry.schema.books import Books

DEAD_LETTERS = Path("logsentry-dead-letters.ndjson")
DEAD_LETTERED = 4
FINDINGS = 3


def dead_letters_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--dead-letters",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEAD_LETTERS,
        show_default=True,
        help="Where records that cannot be read go, with the reason; written only when there is one.",
    )(command)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--store",
        type=click.Path(path_type=Path, file_okay=False),
        default=lambda: Path(os.environ.get("LOGSENTRY_STORE", "logsentry-store")),
        show_default="LOGSENTRY_STORE, or logsentry-store here",
        help="The folder that bundles are kept in.",
    )(command)


def gpu_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a session may take of a GPU; docs/serving.md says more."""
    for option in (
        click.option(
            "--engines", default="", metavar="DIR", help="Where TensorRT keeps what it built; else it builds at each start."
        ),
        click.option(
            "--cuda-graphs", is_flag=True, help="Record the kernels of each shape once; refused where a graph does not allow it."
        ),
        click.option(
            "--gpu-memory",
            type=click.IntRange(0),
            default=0,
            metavar="MIB",
            help="That one session takes at most; 0 is no bound.",
        ),
    ):
        command = option(command)
    return command


def alarm(place: str, is_open: bool, sentence: str) -> None:
    """What a person hears when a place takes nothing any more, and when it does again."""
    talk.warn(sentence)


def ended(books: Books, dead_letters: Path, failure: LogsentryError | None, findings: bool = False, verb: str = "scored") -> int:
    """Say the books on stderr; answers the exit code that belongs to how it went."""
    talk.say(books.sentence().replace("scored", verb))
    if books.dead_lettered:
        talk.warn(_lost(books.dead_lettered, dead_letters))
    if failure is not None:
        talk.fail(str(failure))
        return failure.exit_code
    return FINDINGS if findings else DEAD_LETTERED if books.dead_lettered else 0


def _lost(letters: int, file: Path) -> str:
    """How many dead letters there are now, and the command that shows them."""
    told = (
        "1 record could not be read or stored; it is"
        if letters == 1
        else f"{letters:,} records could not be read or stored; they are"
    )
    shown = "" if file == DEAD_LETTERS else f" --file {shlex.quote(str(file))}"
    return f"{told} in {file} with the reason; see logsentry dlq list{shown}"
