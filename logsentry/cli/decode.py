"""`logsentry decode`: the events of some files as ECS documents."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from logsentry.cli.options import dead_letters_option, ended
from logsentry.cli.progress import bar


@click.command(name="decode")
@click.option("--source", required=True, help="The kind of log, for instance http-access.")
@click.argument("paths", nargs=-1, required=True)
@dead_letters_option
def command(source: str, paths: tuple[str, ...], dead_letters: Path) -> int:
    """Write the events of PATHS (files, globs, or - for stdin) as ECS documents, one JSON line an event."""
    from logsentry.pipeline.decoding import decode_to

    with bar("decoding", in_bytes=True) as progress:
        books, failure = decode_to(sys.stdout.buffer, source, paths, dead_letters, progress)
    return ended(books, dead_letters, failure, verb="decoded")
