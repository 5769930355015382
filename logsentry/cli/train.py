"""`logsentry train`: from ordinary logs to a calibrated bundle in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from logsentry.cli import talk
from logsentry.cli.options import store_option
from logsentry.cli.progress import bar


@click.command(name="train")
@click.option("--source", required=True, help="The kind of log, for instance http-access.")
@click.option("--detector", default="hybrid", show_default=True, help="What to train; `plugins list` names them all.")
@click.argument("paths", nargs=-1)
@click.option(
    "--benign", multiple=True, metavar="PATH", help="Files that a classifier learns as harmless; may be given more than once."
)
@click.option("--malicious", multiple=True, metavar="PATH", help="Files that a classifier learns as malicious.")
@store_option
@click.option(
    "--name",
    default=None,
    help="The bundle's name; one that exists points to the new bundle from then on  [default: the source's name]",
)
@click.option("--alerts-per-day", type=float, default=5.0, show_default=True, help="False alerts a day that you will bear.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same logs and seed give the same bundle.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the detector: members=25 of logbert-ensemble; docs/detectors.md has more.",
)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default=None,
    help="Where a detector is trained that can choose  [default: cpu]",
)
@click.option("--window", metavar="RULE", help="session:GAP_SECONDS, count:SIZE:STEP, time:SECONDS:STEP or single.")
@click.option("--config", type=click.Path(path_type=Path), help="Take the source's profile and options from this configuration.")
@click.option(
    "--fit-share", type=click.FloatRange(0.1, 0.95), default=0.7, show_default=True, help="Windows to fit on, earliest first."
)
@click.option(
    "--folds",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Train so many times, each time without another part, which calibrates it; a finer threshold, and --fit-share means nothing.",
)
@click.option(
    "--mask-stride",
    type=click.IntRange(2),
    default=2,
    show_default=True,
    help="Hide every n-th key when scoring; 512 hides each in turn.",
)
def command(store: Path, name: str | None, **plan: Any) -> int:
    """Fit a detector on PATHS, which should hold ordinary traffic, calibrate it on the last part of them, and store it.

    A classifier (`encoder`) learns from --benign and --malicious files instead, or from PATHS whose rows carry a label.
    """
    from logsentry.pipeline.planning import carried_out
    from logsentry.store.bundles import Store

    name, kept = name or plan["source"], Store(store)
    before = kept.history(name)[-1:]
    with bar("training") as progress:
        trained = carried_out(kept, name, progress, **plan)
    for sentence in trained.sentences():
        talk.say(sentence)
    if before and before[0] != trained.bundle.digest:
        talk.say(f"{name} was {name}@{before[0][:12]} before; logsentry models rollback {name} --store {store} goes back to it")
    click.echo(trained.bundle.reference)
    return 4 if trained.dead else 0
