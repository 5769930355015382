"""`logsentry state`: where runs stand, whether that is whole on disk, and mending it."""

from __future__ import annotations

from pathlib import Path

import click

from logsentry.cli import talk


@click.group(name="state")
def command() -> None:
    """Check and repair the folders that remember where a run stands."""


@command.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of sentences.")
def check(path: Path, as_json: bool) -> int:
    """Say of each state of PATH (a configuration, or a folder) whether it is whole, and what a repair would cost.

    Exit code 0: all are whole, 1: something is damaged.
    """
    from logsentry.pipeline.states import as_json as shown_as_json
    from logsentry.pipeline.states import sentences, states, where

    found = states(where(path))
    click.echo(shown_as_json(found) if as_json else "\n".join(line for state in found for line in sentences(state)))
    return 1 if any(state.faults for state in found) else 0


@command.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--from-start", is_flag=True, help="Where nothing is whole: forget the place, so that every record is read again.")
def repair(path: Path, from_start: bool) -> None:
    """Put damaged files of PATH aside and go on from what is whole; says what that costs."""
    from logsentry.pipeline.states import repair as repaired
    from logsentry.pipeline.states import where

    for sentence in repaired(where(path), from_start) or ["nothing is damaged"]:
        talk.say(sentence)
