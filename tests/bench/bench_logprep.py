"""Access lines to ECS documents as JSON lines on disk: `logsentry decode` beside logprep 21.1, both as whole processes.

python tests/bench/bench_logprep.py        # LOGSENTRY_BENCH_PEERS=DIR, where DIR/logprep is a virtual environment with logprep 21.1

logprep runs one pipeline process with its dissector (the quicker of the two processors that can cut such a line; `grokker` is the other)
and its timestamper, from its `jsonl_input` to its `jsonl_output`. Each program reads a small file and a large one; the difference
of the two is what the lines cost, so that start-up counts for neither. Of logprep the pipeline process alone is counted, and not the
one that watches it. Its pipeline goes on when its lines are done, so it is stopped when all of them are on disk.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ratios import told

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LOGSENTRY_DATA", ROOT.parent / "shared" / "data"))
TARGET = 3.0
SMALL, LARGE, ROUNDS = 2_000, 20_000, 2
LONGEST_WAIT = 120.0  # seconds
_ORDINARY = re.compile(rb'\S+ \S+ \S+ \[[^\]]+\] "[A-Z]+ \S+ HTTP/1\.[01]" [0-9]{3} [0-9]+ "[^"\\]*" "[^"\\]*"').fullmatch
_DISSECT = (
    '%{source.address} %{ident} %{user.name} [%{timestamp}] "%{http.request.method} %{url.original} HTTP/%{http.version}" '
    '%{http.response.status_code|int} %{http.response.body.bytes|int} "%{http.request.referrer}" "%{user_agent.original}"'
)
_COMPARED = (
    "source.address", "@timestamp", "http.request.method", "url.original", "http.version", "http.response.status_code",
    "http.response.body.bytes", "http.request.referrer", "user_agent.original",
)  # fmt: skip


def real_lines() -> list[bytes]:
    """Combined lines with a request and a size, each with a path of its own where they come again."""
    days = sorted((DATA / "siem" / "http" / "benign" / "elastic-apache_logs").glob("*.log.gz"))
    if days:
        read = [line for day in days for line in gzip.decompress(day.read_bytes()).splitlines()]
    else:
        print("the data set is not here (LOGSENTRY_DATA): ten shipped lines, repeated", file=sys.stderr)
        read = (ROOT / "tests/golden/http-access/semicomplete.log").read_bytes().splitlines()
    ordinary = [line for line in read if _ORDINARY(line)]
    return [ordinary[at % len(ordinary)].replace(b" /", b" /%d/" % (at // len(ordinary)), 1) for at in range(LARGE)]


def configuration(lines: Path, out: Path) -> str:
    """logprep's, as JSON, which is YAML as well."""
    time_rule = {
        "source_fields": ["timestamp"], "target_field": "@timestamp", "source_format": "%d/%b/%Y:%H:%M:%S %z",
        "source_timezone": "UTC", "target_timezone": "UTC",
    }  # fmt: skip
    dissect = {"type": "dissector", "rules": [{"filter": "message", "dissector": {"mapping": {"message": _DISSECT}}}]}
    when = {"type": "timestamper", "rules": [{"filter": "timestamp", "timestamper": time_rule}]}
    whole = {
        "version": "1", "process_count": 1, "timeout": 0.1, "logger": {"level": "ERROR"},
        "input": {"lines": {"type": "jsonl_input", "documents_path": str(lines)}},
        "output": {"file": {"type": "jsonl_output", "output_file": str(out)}},
        "pipeline": [{"dissect": dissect}, {"time": when}],
    }  # fmt: skip
    return json.dumps(whole)


def ours(folder: Path, lines: list[bytes]) -> tuple[float, list[dict[str, Any]]]:
    """(CPU seconds, documents) of `logsentry decode`."""
    read, out = folder / "access.log", folder / "ours.jsonl"
    read.write_bytes(b"\n".join(lines) + b"\n")
    command = [str(Path(sys.executable).with_name("logsentry")), "decode", "--source", "http-access", str(read)]
    with out.open("wb") as target:
        process = subprocess.Popen(command, stdout=target, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"logsentry decode ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, documents(out)


def theirs(folder: Path, lines: list[bytes], program: Path) -> tuple[float, list[dict[str, Any]]]:
    """(CPU seconds of the pipeline process, documents) of logprep."""
    read, out, config = folder / "access.jsonl", folder / "theirs.jsonl", folder / "logprep.yml"
    read.write_text("".join(json.dumps({"message": line.decode()}) + "\n" for line in lines), encoding="utf-8")
    out.unlink(missing_ok=True)
    config.write_text(configuration(read, out), encoding="utf-8")
    with (folder / "logprep.log").open("wb") as log:
        process = subprocess.Popen([str(program), "run", str(config)], stdout=log, stderr=log, start_new_session=True)
        try:
            used = watched(process, out, len(lines))
        finally:
            process.terminate()
            process.wait(30)
    return used, documents(out)[: len(lines)]


def watched(process: subprocess.Popen[bytes], out: Path, wanted: int) -> float:
    """CPU seconds of logprep's busiest child when all lines are on disk; a child that has ended by then is counted as last seen."""
    used, seen, place, ends = 0.0, 0, 0, time.monotonic() + LONGEST_WAIT
    while seen < wanted:
        if process.poll() is not None or time.monotonic() > ends:
            raise SystemExit(f"logprep wrote {seen} of {wanted} lines; see its log in {out.parent}")
        time.sleep(0.01)
        used = max([used, *cpu_of_children(process.pid)])
        if out.exists():
            with out.open("rb") as written:
                written.seek(place)
                new = written.read()
            seen, place = seen + new.count(b"\n"), place + len(new)
    return max([used, *cpu_of_children(process.pid)])


def cpu_of_children(parent: int) -> Iterator[float]:
    """User and system seconds of each child (Linux, proc(5): fields 14 and 15 of `stat`)."""
    tick = os.sysconf("SC_CLK_TCK")
    for thread in Path(f"/proc/{parent}/task").iterdir():
        for child in (thread / "children").read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                yield (int(fields[11]) + int(fields[12])) / tick


def documents(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def differing(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Names of the compared fields that differ; logprep keeps a dash and writes no milliseconds."""
    return [name for name in _COMPARED if _value(first, name) != _value(second, name)]


def _value(document: dict[str, Any], name: str) -> str:
    value: Any = document
    for step in name.split("."):
        value = value.get(step, "-") if isinstance(value, dict) else "-"
    return str(value).replace(".000Z", "Z")


def main() -> int:
    peers = os.environ.get("LOGSENTRY_BENCH_PEERS", "")
    program = Path(peers) / "logprep" / "bin" / "logprep"
    if not peers or not program.exists() or not Path("/proc/self/stat").exists():
        why = f"there is no {program}" if peers else "LOGSENTRY_BENCH_PEERS names no folder of environments"
        print(f"http-access to logprep 21.1: not measured: {why if Path('/proc/self/stat').exists() else 'it needs Linux'}")
        return 0
    lines = real_lines()
    spent: dict[str, list[float]] = {"ours": [], "theirs": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(ROUNDS):
            small, large = ours(folder, lines[:SMALL]), ours(folder, lines)
            their_small, their_large = theirs(folder, lines[:SMALL], program), theirs(folder, lines, program)
            unlike = [found for pair in zip(large[1], their_large[1], strict=True) if (found := differing(*pair))]
            if unlike:
                print(f"http-access to logprep 21.1: {len(unlike)} documents differ, the first in {unlike[0]}")
                return 1
            spent["ours"].append(large[0] - small[0])
            spent["theirs"].append(their_large[0] - their_small[0])
    mine, peer = min(spent["ours"]), min(spent["theirs"])
    ratio = peer / mine
    told("http-access to logprep 21.1", ratio, TARGET)
    for who, took in (("logsentry decode", mine), ("logprep, its pipeline process", peer)):
        print(f"  {(LARGE - SMALL) / took:,.0f} lines a CPU second, start-up subtracted: {who}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
