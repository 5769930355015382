"""Events a second of each format that is no relative of the combined one, beside the floor for all sources.

A format string that a user gives is set beside `apachelogs` as well, which reads the same strings.

python tests/bench/bench_http_formats.py        # the shipped golden lines, repeated with other paths
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from apachelogs import LogParser
from logsentry_http_access import address, caller, clock, ingress, moment, parties, request, tls
from logsentry_http_access.source import HttpAccess, HttpAccessConfig
from ratios import told

from logsentry.sdk import BadRecord, Event, Filtered, Record

GOLDEN = Path(__file__).parents[1] / "golden" / "http-access"
_CACHES = (
    address._kept, caller._kept, clock._hour, ingress._kept, moment._second, parties._kept, request._kept, tls._kept,
)  # fmt: skip
FLOOR, ROUNDS, LINES = 40_000, 5, 6_000
CUSTOM = '%v %h %l %u %t "%r" %>s %O %D "%{Referer}i" "%{User-Agent}i"'
CUSTOM_LINE = (
    'www.x.net 83.149.9.216 - - [17/May/2015:10:{:02d}:24 +0000] "GET /a/{}?q=1 HTTP/1.1" 200 203023 1500 '
    '"http://s.com/" "Mozilla/5.0"'
)


def records(name: str) -> list[Record]:
    """The event lines of a golden file (directives first), often enough, each with a path of its own."""
    source = HttpAccess(HttpAccessConfig())
    events: list[bytes] = []
    before: list[bytes] = []
    for line in (GOLDEN / f"{name}.log").read_bytes().splitlines():
        try:
            read = source.decode(Record(line, "a", "a", 0, {}))
        except BadRecord:
            continue
        if not isinstance(read, Filtered):
            events.append(line)
        elif line.startswith(b"#") and not events:
            before.append(line)
    lines = before + [events[at % len(events)].replace(b"GET /", b"GET /%d/" % at) for at in range(LINES)]
    return [Record(line, "a", "a", at, {}) for at, line in enumerate(lines)]


def best(work: Callable[[], object]) -> float:
    """CPU seconds of the best of several rounds, each with empty caches."""
    found = []
    for _ in range(ROUNDS):
        for cached in _CACHES:
            cached.cache_clear()
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def run(taken: list[Record], config: HttpAccessConfig) -> list[Event]:
    source = HttpAccess(config)
    found: list[Event] = []
    for record in taken:
        read = source.decode(record)
        if not isinstance(read, Filtered):
            found.extend(read)
    return found


def let_go(taken: list[Record], config: HttpAccessConfig) -> None:
    """As the pipeline has them: each event is gone when it has been scored."""
    source = HttpAccess(config)
    deque((source.decode(record) for record in taken), 0)


def report(name: str, taken: list[Record], config: HttpAccessConfig) -> float:
    """Prints one line; answers the events a second, each let go."""
    rate, kept = LINES / best(lambda: let_go(taken, config)), LINES / best(lambda: run(taken, config))
    told(f"http-access {name}", rate / FLOOR, 1.0)
    size = sum(len(record.data) for record in taken) // len(taken)
    print(f"  {rate:,.0f} events a second, each let go ({kept:,.0f} all kept in memory), lines of {size} bytes")
    return rate


def main() -> int:
    for name in (
        "iis",
        "iis-forwarded",
        "aws-alb",
        "haproxy",
        "traefik",
        "caddy",
        "envoy",
        "nginx-proxy-manager",
        "nginx-ingress",
    ):
        report(name, records(name), HttpAccessConfig())
    texts = [CUSTOM_LINE.format(at % 60, at) for at in range(LINES)]
    taken = [Record(text.encode(), "a", "a", at, {}) for at, text in enumerate(texts)]
    parse, config = LogParser(CUSTOM).parse, HttpAccessConfig(formats=(CUSTOM,))
    for event, theirs in zip(run(taken, config), map(parse, texts), strict=True):
        ours = [event.fields[field] for field in ("source.address", "url.domain", "http.response.status_code", "event.duration")]
        if ours != [theirs.remote_host, theirs.virtual_host, theirs.final_status, theirs.request_duration_microseconds * 1000]:
            print("http-access custom: the values differ from apachelogs'")
            return 1
    rate = report("given format", taken, config)
    print(
        f"  {rate * best(lambda: [parse(text) for text in texts]) / LINES:.2f} times apachelogs, which gives values and no events"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
