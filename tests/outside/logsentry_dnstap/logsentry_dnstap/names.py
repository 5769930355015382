"""`logsentry dns-names`: a command that a plugin adds."""

from __future__ import annotations

import click

from logsentry.sdk import Filtered, Record
from logsentry_dnstap.source import Config, DnsTap


@click.command()
@click.argument("file", type=click.File("rb"))
def command(file: click.utils.LazyFile) -> None:
    """Print the names that FILE asks for."""
    source = DnsTap(Config())
    for number, line in enumerate(file):
        events = source.decode(Record(line, file.name, "test", number, {}))
        if not isinstance(events, Filtered):
            for event in events:
                click.echo(event.fields["dns.question.name"])
