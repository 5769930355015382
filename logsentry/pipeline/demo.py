"""The main job on what the package ships: a day of real access log and real attack lines, from raw lines to a report."""

from __future__ import annotations

from pathlib import Path

from logsentry.pipeline.reporting import report
from logsentry.pipeline.run import Done, score_files
from logsentry.sdk import Progress

LOGS = Path(__file__).parent.parent / "demo" / "logs"
FILES = ("ordinary-2015-05-19.log.gz", "attacks.log.gz")
STORE, SCORES, PAGE, DEAD = "scores.duckdb", "scores.ndjson", "report.html", "dead-letters.ndjson"


def demo(out: Path, progress: Progress) -> Done:
    """Score the demo logs into `out`: a DuckDB store, NDJSON lines and the report page. A second run adds nothing twice."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [str(LOGS / name) for name in FILES]
    to = [f"duckdb:{out / STORE}", f"ndjson:{out / SCORES}"]
    done = score_files("demo", paths, to, None, out, {}, out / DEAD, None, progress)
    report(to[0], out / PAGE, title="logsentry demo: a day of a web site, and attacks on others")
    return done
