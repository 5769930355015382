"""How far long work is, on stderr: a bar on a terminal, a sentence a minute elsewhere, nothing under `--quiet`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from logsentry.cli.talk import is_quiet, say
from logsentry.sdk import Progress

EVERY = 60.0
"""Seconds between two sentences where no terminal draws a bar: a log that is read later wants few."""


@contextmanager
def bar(what: str, in_bytes: bool = False) -> Iterator[Progress]:
    """A function `progress(done, total, note)` that draws; a total of 0 is "not known", and shows the rate alone.

    What is counted are steps, or bytes where `in_bytes` says so.

    with bar("score") as progress:
        progress(10, 100, "")
    """
    if is_quiet() or sys.stderr is None:
        yield _silent
        return
    if not sys.stderr.isatty():
        yield _told(what, " bytes" if in_bytes else "")
        return
    from rich.console import Console  # 60 ms that a cron job need not pay
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Drawn
    from rich.table import Column
    from rich.text import Text

    class Rate(ProgressColumn):
        """`1,234/s`, once it is known."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s")

    column = Column(no_wrap=True, overflow="ellipsis")
    counted = (
        [DownloadColumn(table_column=column), TransferSpeedColumn(table_column=column)]
        if in_bytes
        else [MofNCompleteColumn(), Rate()]
    )
    columns = [
        TextColumn("{task.description}", markup=False), BarColumn(20), *counted, TimeElapsedColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False, table_column=column),
    ]  # fmt: skip
    with Drawn(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(what, total=None, note="")
        yield lambda done, total, note: drawn.update(task, completed=done, total=total or None, note=note)


def _told(what: str, unit: str) -> Progress:
    """Says `training: 400 of 1,600, loss 1.2` when a minute has passed since it last said something."""
    last = monotonic()

    def told(done: int, total: int, note: str) -> None:
        nonlocal last
        if monotonic() - last < EVERY:
            return
        last = monotonic()
        far = f"{done:,} of {total:,}{unit}" if total else f"{done:,}{unit}"
        say(f"{what}: {far}, {note}" if note else f"{what}: {far}")

    return told


def _silent(done: int, total: int, note: str) -> None:
    pass
