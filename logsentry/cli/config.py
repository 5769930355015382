"""`logsentry config`: check, show and describe configuration files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from logsentry.cli import talk

if TYPE_CHECKING:
    from logsentry.config import Forward, Pipeline


@click.group(name="config")
def command() -> None:
    """Check and show configuration files."""


@command.command()
@click.argument("file")
def check(file: str) -> None:
    """Say whether FILE is right: every key, every type, every plugin's own options.

    A bundle that is not there yet, or is for another source, is a warning: it may come before the run does.
    """
    from logsentry import config

    found = config.load_any(file)
    inputs = [found.listen.name] if isinstance(found, config.Forward) else [part.use for part in found.inputs]
    exporters = [part.use for part in found.exporters]
    talk.say(f"{file} is fine: {', '.join(inputs)} -> {found.source.use} -> {', '.join(exporters)}")
    _warn_of_bundle(found)


def _warn_of_bundle(found: Pipeline | Forward) -> None:
    from logsentry.errors import LogsentryError
    from logsentry.pipeline.finding import find_bundle, source_for

    try:
        source_for(find_bundle(found.bundle.name, Path(found.bundle.store)), found.source.use)
    except LogsentryError as error:
        talk.warn(f"as things are, a run would end at once: {error}")


@command.command()
@click.argument("file")
@click.option("--redact/--no-redact", default=True, show_default=True, help="Hide secrets and the user part of URLs.")
def show(file: str, redact: bool) -> None:
    """Print FILE as YAML with variables replaced and defaults filled in."""
    from logsentry import config

    click.echo(config.show(config.load_any(file), redact), nl=False)


@command.command()
@click.option("--forward", is_flag=True, help="Of a configuration of `logsentry serve --forward`.")
def schema(forward: bool) -> None:
    """Print the JSON Schema of a configuration with the options of every installed plugin."""
    import msgspec

    from logsentry import config

    document, left_out = config.schema(of=config.Forward if forward else config.Pipeline)
    for reason in left_out:
        talk.warn(f"left out of the schema: {reason}")
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
