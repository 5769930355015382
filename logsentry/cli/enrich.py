"""`logsentry enrich`: one pass of a scheduled job."""

from __future__ import annotations

import json
from pathlib import Path

import click

from logsentry.cli import talk
from logsentry.cli.options import alarm, ended
from logsentry.cli.progress import bar

_TIME = "TIME"


@click.command(name="enrich")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--since", metavar=_TIME, default=None, help="Backfill from here on: 2026-01-31, or 2026-01-31T12:00:00Z.")
@click.option("--until", metavar=_TIME, default=None, help="Backfill up to here.")
@click.option("--dry-run", is_flag=True, help="Print ten scored documents as JSON lines, and write nothing.")
@click.option(
    "--json", "as_json", is_flag=True, help="The books, the watermark and the lag as a JSON line for each input, on stdout."
)
def command(config: Path, since: str | None, until: str | None, dry_run: bool, as_json: bool) -> int:
    """Score what is new in the indices of CONFIG, once; the next pass goes on from there.

    A second pass of the same job ends at once with exit code 1 while the first runs. With --since or --until it is a backfill: a job of its
    own, which goes on where it was interrupted, and whose scores alert nobody. SIGTERM ends a pass when what is in hand is
    delivered and saved.
    """
    from logsentry.pipeline.enrich import enrich_config
    from logsentry.pipeline.span import span
    from logsentry.pipeline.stopping import stopping

    over = span(since, until)
    if dry_run:
        from logsentry.pipeline.dry_run import dry_run as tried

        with bar("trying", in_bytes=True) as progress:
            books = tried(config, over, lambda shown: click.echo(json.dumps(shown, ensure_ascii=False)), progress)
        talk.say(f"nothing was written; {books.read:,} records were read for this")
        return 0
    with stopping() as stop, bar("enriching", in_bytes=True) as progress:
        passes = enrich_config(config, over, progress, alarm, stop)
    codes = []
    for one in passes:
        for remark in one.remarks:
            talk.warn(remark)
        for sentence in one.sentences():
            talk.say(sentence)
        codes.append(ended(one.done.run.books, one.done.dead_letters, one.done.failure))
        if as_json:
            click.echo(json.dumps(one.line()))
    return 1 if 1 in codes else max(codes, default=0)
