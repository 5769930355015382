"""`logsentry run`: the pipeline of a configuration file."""

from __future__ import annotations

from pathlib import Path

import click

from logsentry.cli import talk
from logsentry.cli.options import alarm, ended
from logsentry.cli.progress import bar


@click.command(name="run")
@click.argument("config", type=click.Path(path_type=Path))
def command(config: Path) -> int:
    """Score every input of CONFIG to its end, and remember where that was: the next run goes on from there.

    SIGTERM ends it when what is in hand is delivered and saved, and with exit code 0; a second one ends it at once.
    """
    from logsentry.pipeline.run import run_config
    from logsentry.pipeline.stopping import stopping

    with stopping() as stop, bar("scoring", in_bytes=True) as progress:
        passes = run_config(config, progress, alarm, stop)
    codes = []
    for done in passes:
        for sentence in done.sentences():
            talk.say(sentence)
        codes.append(ended(done.run.books, done.dead_letters, done.failure))
    return 1 if 1 in codes else max(codes, default=0)
