"""Kube-audit lines a second, into finished events, beside bare `orjson.loads` of the same lines.

python tests/bench/bench_kube_audit.py        # the shapes of the golden lines, each time with other ids, times and names

There is no large public audit log, so lines are made from the real ones in tests/golden/kube-audit: as in a cluster, each line
has an `auditID` and times of its own and one of many object names, while users, addresses and programs come again.
"""

from __future__ import annotations

import random
import re
import sys
import uuid
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import orjson
from logsentry_kube_audit import clock, fields
from logsentry_kube_audit.line import read_line
from logsentry_kube_audit.source import KubeAudit
from ratios import cpu_seconds, told

from logsentry.sdk import Event, Record, event_id

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "kube-audit"
RATIO, RATE = 0.7, 40_000
LINES, ROUNDS = 12_000, 7
LABELS = {
    "theirs": "orjson.loads",
    "ours": "kube-audit, into finished events",
    "joined": "kube-audit with stages joined",
    "structs": "of which: the line into its typed struct",
    "ids": "of which: the digest that is the event's id",
    "mapped": "of which: the struct into fields and message",
}
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_ID = re.compile(rb'"auditID":"[^"]*"')
_NAME = re.compile(rb'("objectRef":\{[^}]*"name":")([^"]*)"')


def made_lines() -> list[bytes]:
    """Real lines with ids, times and object names of their own; the same ones each time."""
    chance = random.Random(4)
    real = [line for log in ("falco.log", "audit2rbac.log") for line in (GOLDEN / log).read_bytes().splitlines() if line]
    return [_varied(real[number % len(real)], number, chance) for number in range(LINES)]


def _varied(line: bytes, number: int, chance: random.Random) -> bytes:
    own = uuid.UUID(int=chance.getrandbits(128), version=4)
    stamp = b"2024-03-07T%02d:%02d:%02d.%06dZ" % (number // 3600 % 24, number // 60 % 60, number % 60, chance.randrange(10**6))
    line = _ID.sub(b'"auditID":"%s"' % str(own).encode(), _STAMP.sub(stamp, line))
    return _NAME.sub(lambda found: found[1] + b'%s-%d"' % (found[2], chance.randrange(500)), line)


def main() -> int:
    lines = made_lines()
    records = [Record(line, "bench", "bench", at, {}) for at, line in enumerate(lines)]
    structs = [read_line(line) for line in lines]
    source = KubeAudit(KubeAudit.Config())

    def decoded() -> Iterator[Event]:
        # What earlier rounds left behind is thrown away: a log is read once.
        fields.forget()
        clock.forget()
        return (event for record in records for event in source.decode(record) if isinstance(event, Event))

    def joined() -> int:
        stages = source.joiner()
        return sum(len(done.events) for record in records for done in stages.feed(record)) + sum(1 for _ in stages.flush())

    wanted = [(each["auditID"], each["verb"]) for each in map(orjson.loads, lines)]
    if [(event.fields["kubernetes.audit.auditID"], event.fields["event.action"]) for event in decoded()] != wanted:
        print("kube-audit decode: the values differ from those that orjson reads")
        return 1
    best = cpu_seconds(
        {
            "ours": lambda: deque(decoded(), 0),
            "theirs": lambda: deque(map(orjson.loads, lines), 0),
            "ours, kept": lambda: list(decoded()),
            "theirs, kept": lambda: list(map(orjson.loads, lines)),
            "joined": joined,
            "structs": lambda: deque(map(read_line, lines), 0),
            "ids": lambda: deque(map(event_id, records), 0),
            "mapped": lambda: deque(map(fields.described, structs), 0),
        },
        ROUNDS,
    )
    told("kube-audit decode to bare orjson.loads, each let go", best["theirs"] / best["ours"], RATIO)
    told("kube-audit decode to bare orjson.loads, all kept in memory", best["theirs, kept"] / best["ours, kept"], RATIO)
    told(f"kube-audit events a second to {RATE:,}", len(lines) / best["ours"] / RATE, 1.0)
    print(f"  {len(lines):,} lines of {sum(map(len, lines)) / len(lines):,.0f} bytes; microseconds a line:")
    for name, label in LABELS.items():
        print(f"  {best[name] / len(lines) * 1e6:6.2f}  {label}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
