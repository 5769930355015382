"""`logsentry report`: one HTML page about stored scores."""

from __future__ import annotations

from pathlib import Path

import click

from logsentry.cli import talk
from logsentry.cli.options import store_option


@click.command(name="report")
@click.argument("address", metavar="duckdb:FILE")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("report.html"), show_default=True)
@click.option("--title", default="logsentry report", show_default=True)
@click.option("--run", default=None, help="Only this run  [default: all of the store's one detector]")
@click.option("--top", type=click.IntRange(1, 1000), default=20, show_default=True, help="Windows shown with their events.")
@click.option("--bundle", default=None, help="The classifier that made the scores: draw what its tokens carry and look at.")
@store_option
def command(address: str, out: Path, title: str, run: str | None, top: int, bundle: str | None, store: Path) -> None:
    """Write one self-contained HTML page about the scores in a store."""
    from logsentry.pipeline.reporting import report
    from logsentry.store.bundles import locate

    content = report(address, out, title, run, top, None if bundle is None else locate(bundle, store))
    talk.say(f"{content.windows:,} windows, {content.alerts:,} alerts; the page is {out}")
