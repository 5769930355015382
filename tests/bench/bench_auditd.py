"""Audit events a second, into finished events, beside auparse through Python where the system's Python has it.

python tests/bench/bench_auditd.py        # real lines from LOGSENTRY_DATA, or the shipped golden ones; each copy with serials of its own
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from logsentry_auditd.source import Auditd
from ratios import told

from logsentry.sdk import Event, Record
from logsentry.stages.filters import DomainFilter

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LOGSENTRY_DATA", ROOT.parent / "shared" / "data"))
COPIES, ROUNDS = 150, 5
EVENTS_A_SECOND, TIMES_AUPARSE = 40_000, 2.0
# What libaudit's own interface asks of a caller who wants every field as a person would read it.
PEER = """
import auparse, sys, time
best, ids = float("inf"), []
for _ in range(int(sys.argv[2])):
    began, found = time.process_time(), []
    parser = auparse.AuParser(auparse.AUSOURCE_FILE, sys.argv[1])
    while parser.parse_next_event():
        stamp = parser.get_timestamp()
        found.append((stamp.sec, stamp.milli, stamp.serial))
        parser.first_record()
        while True:
            parser.get_type_name()
            parser.first_field()
            while True:
                parser.get_field_name(), parser.interpret_field()
                if not parser.next_field():
                    break
            if not parser.next_record():
                break
    best, ids = min(best, time.process_time() - began), found
print(best, *(f"{s}.{m:03d}:{n}" for s, m, n in ids))
"""
_ID = re.compile(rb"audit\(([0-9]+)\.([0-9]{3}):([0-9]+)\)")


def real_lines() -> list[bytes]:
    """Whole logs of ordinary machines; copies follow one another by a minute and a thousand serials."""
    vectors = DATA / "siem" / "auditd" / "vectors"
    logs = [
        *(vectors / "elastic-auditbeat").glob("*.log"),
        *(vectors / "elastic-filebeat").glob("[au][us]*.log"),
        vectors / "go-libaudit-auparse" / "test2.log",
        vectors / "go-libaudit-reassembler" / "normal.log",
        *(DATA / "siem" / "auditd" / "attack" / "otrf").glob("*.log"),
    ]
    logs = [log for log in logs if log.exists()]
    if not logs:
        print("the data set is not here (LOGSENTRY_DATA): shipped lines, over and over", file=sys.stderr)
        logs = sorted((ROOT / "tests/golden/auditd").glob("*.log"))
    events = [event for log in sorted(logs) for event in _events(log)]
    lines = []
    for copy in range(COPIES):
        for number, event in enumerate(events):
            at, serial = 1_700_000_000 + copy * 60 + number // 20, copy * 1000 + number + 1
            lines += [_ID.sub(b"audit(%d.%03d:%d)" % (at, number % 1000, serial), line, count=1) for line in event]
    return lines


def _events(log: Path) -> list[list[bytes]]:
    events: dict[bytes, list[bytes]] = {}
    for line in log.read_bytes().splitlines():
        if (found := _ID.search(line)) is not None and line.startswith(b"type="):
            events.setdefault(found[0], []).append(line)
    return list(events.values())


def joined(records: list[Record]) -> list[Event]:
    joiner = Auditd(Auditd.Config()).joiner()
    found = [event for record in records for done in joiner.feed(record) for event in done.events]
    return found + [event for done in joiner.flush() for event in done.events]


def seconds(records: list[Record]) -> float:
    """CPU seconds of the best of several rounds; the events are dropped as a pipeline drops them."""
    best = float("inf")
    gc.collect()
    gc.freeze()  # the records of the bench are no garbage that a pipeline would have
    for _ in range(ROUNDS):
        began = time.process_time()
        joiner = Auditd(Auditd.Config()).joiner()
        for record in records:
            for _done in joiner.feed(record):
                pass
        for _done in joiner.flush():
            pass
        best = min(best, time.process_time() - began)
    return best


def peer(lines: list[bytes]) -> tuple[float, list[str]] | None:
    """(CPU seconds, ids) of auparse on the same lines in its own interpreter; None where it is not installed."""
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        log.write(b"\n".join(lines) + b"\n")
        log.flush()
        command = ["/usr/bin/python3", "-c", PEER, log.name, str(ROUNDS)]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        except OSError:
            return None
    if ran.returncode != 0:
        return None
    took, *ids = ran.stdout.split()
    return float(took), ids


def main() -> int:
    lines = real_lines()
    records = [Record(data, "bench", "bench", at, {}) for at, data in enumerate(lines)]
    events = joined(records)
    took = seconds(records)
    print(f"{len(lines):,} lines, {len(events):,} events: {len(events) / took:,.0f} events/s, {len(lines) / took:,.0f} lines/s")
    told("auditd: events a second over 40,000", len(events) / took / EVENTS_A_SECOND, 1.0)
    line, began = DomainFilter(Auditd.profile).line, time.process_time()
    for event in events:
        line(event)
    print(f"the domain filter adds {(time.process_time() - began) / took:.0%}")
    if (theirs := peer(lines)) is None:
        print("auditd: auparse is not installed for /usr/bin/python3 (Debian: python3-audit); not compared")
        return 0
    ours = Counter(
        f"{(event.time or 0) // 10**9}.{(event.time or 0) // 10**6 % 1000:03d}:{event.fields['auditd.sequence']}"
        for event in events
    )
    if ours != Counter(theirs[1]):
        print(f"the events differ from auparse's: {len(events):,} and {len(theirs[1]):,}", file=sys.stderr)
        return 1
    print(f"auparse, every field interpreted: {len(lines) / theirs[0]:,.0f} lines/s")
    told("auditd: times auparse through Python", theirs[0] / took, TIMES_AUPARSE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
