"""`logsentry demo`: the main job on logs that come with the package."""

from __future__ import annotations

from pathlib import Path

import click

from logsentry.cli import talk
from logsentry.cli.options import ended
from logsentry.cli.progress import bar


@click.command(name="demo")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("logsentry-demo"), show_default=True)
def command(out: Path) -> int:
    """Score a day of real access log and real attack lines, tell the strangest five windows, and write a report."""
    from logsentry.pipeline.demo import DEAD, PAGE, demo

    with bar("scoring", in_bytes=True) as progress:
        shown = demo(out, progress)
    talk.say("the five strangest windows, and why; ALERT: at or above the threshold")
    click.echo("\n".join(shown.lines))
    for sentence in shown.done.sentences():
        talk.say(sentence)
    talk.say(f"the report is {out / PAGE}")
    return ended(shown.done.run.books, out / DEAD, shown.done.failure)
