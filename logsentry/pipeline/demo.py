"""The main job on what the package ships: a day of real access log and real attack lines, from raw lines to a report."""

from __future__ import annotations

from pathlib import Path

import msgspec

from logsentry.errors import UsageError
from logsentry.pipeline.done import Done
from logsentry.pipeline.reporting import in_words, report
from logsentry.pipeline.run import score_files
from logsentry.sdk import Progress

LOGS = Path(__file__).parent.parent / "demo" / "logs"
FILES = ("ordinary-2015-05-19.log.gz", "attacks.log.gz")
STORE, SCORES, PAGE, DEAD = "scores.duckdb", "scores.ndjson", "report.html", "dead-letters.ndjson"
STRANGEST = 5


class Shown(msgspec.Struct, frozen=True):
    """How the pass ended, and the strangest windows in words."""

    done: Done
    lines: tuple[str, ...]


def demo(out: Path, progress: Progress) -> Shown:
    """Score the demo logs into `out`: a DuckDB store, NDJSON lines and the report page. A second run adds nothing twice."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror}") from error
    paths = [str(LOGS / name) for name in FILES]
    to = [f"duckdb:{out / STORE}", f"ndjson:{out / SCORES}"]
    done = score_files("demo", paths, to, None, out, {}, out / DEAD, None, progress)
    content = report(to[0], out / PAGE, title="logsentry demo: a day of one web site, and attacks on others")
    return Shown(done, tuple(in_words(content.top[:STRANGEST])))
