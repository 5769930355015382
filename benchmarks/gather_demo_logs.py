"""Gathers the logs that the demo ships, out of the data sets that LOGSENTRY_DATA names, into `logsentry/demo/logs`.

Run once, when the choice of files changes: `python benchmarks/gather_demo_logs.py`. Only data whose licence allows it to be
published is taken; `logsentry/demo/logs/ORIGIN.md` says where it comes from. The ordinary lines are as they were found; the attack
lines are given the date of the day they are scored with, and put in order of time.
"""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

DATA = Path(os.environ.get("LOGSENTRY_DATA", "../shared/data")) / "siem" / "http"
OUT = Path(__file__).parent.parent / "logsentry" / "demo" / "logs"
ORDINARY = DATA / "benign" / "elastic-apache_logs"
ATTACKS = DATA / "vectors" / "crowdsec"
WHEN = re.compile(rb"\[\d\d/\w{3}/\d{4}:(\d\d:\d\d:\d\d) [+-]\d{4}\]")
SCENARIOS = (
    "apache-http-probing/apache-http-probing.log",
    "apache2-http-sensitive-files/apache2-http-sensitive-files.log",
    "apache_log4j2_cve-2021-44228/apache_log4j2_cve-2021-44228.log",
    "http-bf-wordpress-bf/http-bf-wordpress-bf.log",
    "http-wordpress-scan/http-wordpress-scan.log",
    "http-wordpress_user-enum/http-wordpress_user-enum.log",
    "nginx-bad-user-agent/nginx-bad-user-agent.log",
    "nginx-http-backdoor/nginx-http-backdoor.log",
    "nginx-http-malformed/nginx_http-logs.log",
    "nginx-http-sensitive-files/nginx-http-sensitive-files.log",
    "nginx-http-w00twoot/nginx-http-w00twoot.log",
)


def main() -> None:
    for day in (17, 18, 19):
        write(f"ordinary-2015-05-{day}.log.gz", gzip.decompress((ORDINARY / f"{day}-May-2015.log.gz").read_bytes()))
    lines = [line for name in SCENARIOS for line in (ATTACKS / name).read_bytes().splitlines() if line.strip()]
    dated = sorted((WHEN.sub(rb"[19/May/2015:\1 +0000]", line, count=1) for line in lines), key=time_of_day)
    write("attacks.log.gz", b"".join(line + b"\n" for line in dated))


def time_of_day(line: bytes) -> bytes:
    found = WHEN.search(line)
    if found is None:
        raise SystemExit(f"no time in {line!r}")
    return found[1]


def write(name: str, data: bytes) -> None:
    """Without the hour in the header, so that equal logs are equal files."""
    (OUT / name).write_bytes(gzip.compress(data, mtime=0))
    print(f"{name}: {data.count(bytes([10])):,} lines")


if __name__ == "__main__":
    main()
