"""`logsentry dlq`: what could not be read or stored, and putting it through again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from logsentry.cli import talk
from logsentry.cli.options import alarm, ended
from logsentry.cli.progress import bar


def file_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--file",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path("logsentry-dead-letters.ndjson"),
        show_default=True,
        help="The file of dead letters.",
    )(command)


@click.group(name="dlq")
def command() -> None:
    """List, show, replay and purge dead letters: records that could not be read or stored."""


@command.command(name="list")
@file_option
@click.option("--all", "every", is_flag=True, help="All of them, where there are more than 20.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of all of them instead of a table.")
def list_(file: Path, every: bool, as_json: bool) -> None:
    """The newest dead letters, and why they are here.

    Each with its id, when it was last tried, how often, and where its record stands; of more than 20, also a count for each reason.
    """
    from logsentry.cli.dlq_table import table
    from logsentry.pipeline.letters import letters
    from logsentry.pipeline.letters_shown import as_json as shown_as_json

    found = letters(file)
    click.echo(shown_as_json(found) if as_json else table(found, every))


@command.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@file_option
def show(ids: tuple[str, ...], file: Path) -> None:
    """Dead letters with all that is known of them, as JSON lines. ID is an id, or how it begins, of a record or its score."""
    from logsentry.pipeline.letters import chosen, letters
    from logsentry.pipeline.letters_shown import as_lines

    click.echo(as_lines(chosen(letters(file), ids)), nl=False)


@command.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Another than CONFIG names.")
@click.option(
    "--id", "ids", multiple=True, metavar="ID", help="Only this one, or all of this score; may be given more than once."
)
def replay(config: Path, file: Path | None, ids: tuple[str, ...]) -> int:
    """Put dead letters through the pipeline of CONFIG again. What lands is taken out; what fails again stays, with its new reason.

    CONFIG is a file of `run`, of `enrich`, or of `serve --forward` while that server is stopped.
    """
    from logsentry.config import Forward, load_any
    from logsentry.pipeline.replay import replay as of_pipeline
    from logsentry.pipeline.stopping import stopping
    from logsentry.server.forward.replaying import replay as of_forwarder

    described = load_any(config)
    with stopping() as stop, bar("replaying") as progress:
        if isinstance(described, Forward):
            done = of_forwarder(described, file, ids, progress, alarm, stop)
        else:
            done = of_pipeline(described, file, ids, progress, alarm, stop)
    for sentence in done.sentences():
        talk.say(sentence)
    return ended(done.books, done.file, None)


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@file_option
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def purge(ids: tuple[str, ...], file: Path, every: bool, yes: bool) -> None:
    """Throw dead letters away, for good: those with these ids, or --all."""
    from logsentry.cli.dlq_table import counted
    from logsentry.errors import UsageError
    from logsentry.pipeline.letters import chosen, letters, rewrite

    if bool(ids) == every:
        raise UsageError("give the ids of the dead letters that are to be thrown away, or --all")
    gone = {letter.id for letter in chosen(letters(file), ids)}
    if not yes:
        click.confirm(f"Throw away {counted(len(gone))} of {file}?", abort=True, err=True)
    taken = rewrite(file, lambda letter: None if letter.id in gone else letter.said)
    talk.say(f"{counted(taken)} {'was' if taken == 1 else 'were'} thrown away")
