"""Access lines a second, into finished events, beside `apachelogs`; and what the domain filter adds.

python tests/bench/bench_http_access.py        # real lines from LOGSENTRY_DATA, or the shipped golden ones repeated
"""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

from apachelogs import COMBINED, LogParser
from logsentry_http_access import caller, clock, request
from logsentry_http_access.source import HttpAccess
from ratios import cpu_seconds, told

from logsentry.sdk import Event, Record
from logsentry.stages.filters import DomainFilter

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LOGSENTRY_DATA", ROOT.parent / "shared" / "data"))
TARGET = 2.5
ROUNDS = 7


def real_lines() -> list[bytes]:
    days = sorted((DATA / "siem" / "http" / "benign" / "elastic-apache_logs").glob("*.log.gz"))
    if days:
        return [line for day in days for line in gzip.decompress(day.read_bytes()).splitlines()]
    print("the data set is not here (LOGSENTRY_DATA): ten shipped lines, 700 times over", file=sys.stderr)
    return (ROOT / "tests/golden/http-access/semicomplete.log").read_bytes().splitlines() * 700


def differs(event: Event, theirs: object) -> bool:
    """Whether the parts that both give are unlike."""
    entry = vars(theirs)
    ours = [
        event.fields.get(name)
        for name in ("source.address", "user.name", "http.response.status_code", "http.response.body.bytes")
    ]
    same_time = event.time == int(entry["request_time"].timestamp()) * 1_000_000_000
    return not same_time or ours != [entry[name] for name in ("remote_host", "remote_user", "final_status", "bytes_sent")]


def main() -> int:
    lines = real_lines()
    records = [Record(data, "bench", "bench", at, {}) for at, data in enumerate(lines)]
    texts = [line.decode() for line in lines]
    parse, source = LogParser(COMBINED).parse, HttpAccess(HttpAccess.Config())

    def decoded() -> list[Event]:
        # What earlier rounds left in the caches is thrown away: a log is read once.
        for cached in (caller._kept, request._kept, clock._hour):
            cached.cache_clear()
        return [event for record in records for event in source.decode(record) if isinstance(event, Event)]

    events = decoded()
    if len(events) != len(texts) or any(differs(event, parse(text)) for event, text in zip(events, texts, strict=True)):
        print("http-access decode: the values differ from apachelogs'")
        return 1

    def filtered() -> list[str]:
        line = DomainFilter(source.profile).line
        return [line(event) for event in events]

    best = cpu_seconds({"ours": decoded, "theirs": lambda: [parse(text) for text in texts], "filter": filtered}, ROUNDS)
    ratio = best["theirs"] / best["ours"]
    told("http-access decode", ratio, TARGET)
    for name, label in (("ours", "http-access"), ("theirs", "apachelogs"), ("filter", "domain filter alone")):
        print(f"  {label}: {len(lines) / best[name]:,.0f} lines a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
