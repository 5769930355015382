"""The profile's lines: ordinary visits look alike from day to day, a scanner's do not look like them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from logsentry_http_access.source import HttpAccess

from logsentry.sdk import BadRecord, Filtered
from logsentry.stages.filters import DomainFilter
from logsentry.testing import record_of

DATA = Path(os.environ.get("LOGSENTRY_DATA", Path(__file__).parents[3] / "shared" / "data")) / "siem" / "http"
DAYS = sorted((DATA / "benign" / "elastic-apache_logs").glob("*.log.gz"))


def lines_of(data: bytes) -> Iterator[str]:
    source = HttpAccess(HttpAccess.Config())
    line = DomainFilter(source.profile).line
    for piece in data.splitlines():
        try:
            decoded = source.decode(record_of(piece))
        except BadRecord:
            continue
        if not isinstance(decoded, Filtered):
            yield from map(line, decoded)


def unseen(known: set[str], lines: list[str]) -> float:
    return sum(line not in known for line in lines) / len(lines)


def test_a_visit_and_a_probe() -> None:
    visit, probe, attack = lines_of(
        b'1.2.3.4 - - [17/May/2015:10:05:24 +0000] "GET /blog/post7?page=3 HTTP/1.1" 200 5 "-" "Mozilla/5.0 Firefox/27.0"\n'
        b'1.2.3.4 - - [17/May/2015:10:05:24 +0000] "HEAD /.env HTTP/1.1" 404 0 "-" "curl/7.68.0"\n'
        b'1.2.3.4 - - [17/May/2015:10:05:24 +0000] "GET /..%252f..%252fetc/passwd?id=1%27--+x HTTP/1.1" 400 0'
    )
    assert visit == "GET <answered> page=<number> <browser> /blog/post<number>"
    assert probe == "HEAD <missing> <no-query> <tool> /.env"
    assert attack == "GET <refused> id=<odd> <no-agent> /../../etc/passwd"


@pytest.mark.data
@pytest.mark.skipif(len(DAYS) < 3, reason=f"no access logs below {DATA}; set LOGSENTRY_DATA")
def test_a_third_day_is_mostly_known_and_a_scan_is_not() -> None:
    """Whole lines, without templates, which take more of the third day as known still."""
    first, second, third = (list(lines_of(gzip.decompress(day.read_bytes()))) for day in DAYS)
    scan = list(lines_of(gzip.decompress((DATA / "labelled" / "ocatak-scans" / "netsparker.log.gz").read_bytes())))
    known = {*first, *second}
    assert len(known) < 1_000
    assert unseen(known, third) < 0.2
    assert unseen(known, scan) > 0.9
