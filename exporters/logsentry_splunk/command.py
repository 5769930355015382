"""`logsentry splunk`: what has to be on the Splunk side."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(name="splunk")
def command() -> None:
    """Prepare Splunk for scores."""


@command.command(name="setup")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("splunk"), show_default=True, help="Where to write."
)
def setup(out: Path) -> None:
    """Write the add-on that reads scores in Splunk: a folder to look at, and an archive to install.

    Install the archive under Apps > Manage apps > Install app from file, on search heads (and on indexers, for the time stamps).
    """
    from logsentry_splunk.addon import write

    folder, archive = write(out)
    click.echo(f"{archive}")
    click.echo(f"wrote {folder} and {archive}; set its macro logsentry_index to the index that your token writes to", err=True)
