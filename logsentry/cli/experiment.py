"""`logsentry experiment`: published comparisons, run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from logsentry.cli import talk
from logsentry.cli.progress import bar
from logsentry.experiments import EXPERIMENTS


@click.command(name="experiment")
@click.argument("name", type=click.Choice(list(EXPERIMENTS)))
@click.option("--quick", is_flag=True, help="A first look: one seed, a sample of the test windows, short training.")
@click.option("--seeds", type=click.IntRange(1, 100), default=None, help="Trials of every method  [default: 5; 1 with --quick]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("results"), show_default=True)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the original files  [default: below LOGSENTRY_DATA]",
)
@click.option("--detectors", default="", metavar="A,B,...", help="Only the rows of these detectors.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of every row that is run.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default=None, help="Where detectors are trained that can choose.")
@click.option("--fresh", is_flag=True, help="Run finished trials again.")
def command(name: str, detectors: str, settings: tuple[str, ...], **asked: Any) -> None:
    """Compare detectors on public data: a table, a CSV and figures in OUT/NAME. A run that was cut off goes on where it was."""
    from logsentry.experiments.plan import Plan
    from logsentry.experiments.running import run
    from logsentry.pipeline.planning import options

    chosen = tuple(filter(None, (part.strip() for part in detectors.split(","))))
    plan = Plan(detectors=chosen, settings=options(settings), **asked)
    with bar(name) as progress:
        page = run(name, plan, progress)
    talk.say(f"the page is {page}")
