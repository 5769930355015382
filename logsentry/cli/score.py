"""`logsentry score`: explained scores of some files."""

from __future__ import annotations

from pathlib import Path

import click

from logsentry.cli import talk
from logsentry.cli.options import alarm, dead_letters_option, ended, gpu_options, store_option
from logsentry.cli.progress import bar


@click.command(name="score")
@click.option(
    "--bundle",
    required=True,
    help="A name in the store, name@digest, STORE/name, a bundle's folder, or a shipped one: demo, speakeasy-encoder.",
)
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--to",
    "to",
    multiple=True,
    metavar="URL",
    help="duckdb:FILE, ndjson:FILE, elasticsearch:URL, splunk:URL, or - for stdout; may be given more than once. "
    "`logsentry plugins list` has every exporter.  [default: -]",
)
@click.option("--source", default=None, help="Check that the bundle is for this kind of log.")
@store_option
@click.option("--alerts-per-day", type=float, default=None, help="Another budget than the bundle was calibrated for.")
@click.option("--vote", type=click.Choice(["majority", "majority-early", "mean"]), default="majority", show_default=True)
@click.option(
    "--provider",
    "--device",
    "providers",
    multiple=True,
    type=click.Choice(["cpu", "cuda", "tensorrt"]),
    default=("cpu",),
    show_default=True,
    help="May be given more than once: cuda, then cpu.",
)
@gpu_options
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True)
@click.option(
    "--table", type=click.IntRange(0), default=100_000, show_default=True, help="Distinct windows remembered; 0 turns it off."
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), default=None, help="Keep a checkpoint here and go on after it."
)
@click.option("--fail-on", type=click.Choice(["alert"]), default=None, help="Exit with 3 when a window alerts.")
@dead_letters_option
def command(
    bundle: str,
    paths: tuple[str, ...],
    to: tuple[str, ...],
    source: str | None,
    store: Path,
    dead_letters: Path,
    state: Path | None,
    fail_on: str | None,
    **options: object,
) -> int:
    """Score PATHS (files, globs, or - for stdin) with a bundle: one JSON line a window, or into a store with --to."""
    from logsentry.pipeline.run import score_files
    from logsentry.pipeline.stopping import stopping

    with stopping() as stop, bar("scoring", in_bytes=True) as progress:
        done = score_files(bundle, paths, to or ("-",), source, store, options, dead_letters, state, progress, alarm, stop)
    for sentence in done.sentences():
        talk.say(sentence)
    return ended(done.run.books, dead_letters, done.failure, findings=fail_on == "alert" and done.alerts > 0)
