"""Sentences for the person at the terminal: always on stderr, one a line, with what a log may have smuggled in written out.

Data is not talk: it goes to stdout, and not through here.
"""

from __future__ import annotations

import sys

import click

_QUIET = "logsentry.quiet"


def be_quiet() -> None:
    """From now on in this command: no `say` and no progress bars; warnings and errors stay."""
    click.get_current_context().meta[_QUIET] = True


def is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def say(sentence: str) -> None:
    """Something good to know, left out under `--quiet`."""
    if not is_quiet():
        _line(sentence)


def warn(sentence: str) -> None:
    """Something a person should act on, although the command goes on."""
    _line(f"warning: {sentence}")


def fail(sentence: str) -> None:
    """Why the command ends."""
    _line(f"logsentry: {sentence}")


def _line(sentence: str) -> None:
    from logsentry.reports.visible import visible  # its imports cost more than `logsentry --help` may

    try:
        click.echo(visible(sentence), err=True)
    except BrokenPipeError:  # nobody listens; what the command does is not talk
        sys.stderr = None
