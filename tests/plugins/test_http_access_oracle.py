"""Agreement with `apachelogs`, which parses by Apache's own format strings, on every real combined line."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest
from apachelogs import COMBINED, LogParser
from logsentry_http_access.source import HttpAccess

from logsentry.testing import record_of

DATA = Path(os.environ.get("LOGSENTRY_DATA", Path(__file__).parents[3] / "shared" / "data")) / "siem" / "http"
DAYS = sorted((DATA / "benign" / "elastic-apache_logs").glob("*.log.gz"))

_ESCAPE = re.compile(r'\\(?:x([0-9a-fA-F]{2})|(["\\]))')


def _unescaped(text: object) -> str | None:
    """As `apachelogs` gives a value: it takes Apache's escapes back, an event keeps them."""
    return None if text is None else _ESCAPE.sub(lambda e: chr(int(e[1], 16)) if e[1] else e[2], str(text))


@pytest.mark.data
@pytest.mark.skipif(not DAYS, reason=f"no access logs below {DATA}; set LOGSENTRY_DATA")
def test_the_same_values_as_apachelogs_on_real_lines() -> None:
    source, parser, compared = HttpAccess(HttpAccess.Config()), LogParser(COMBINED), 0
    for day in DAYS:
        for data in gzip.decompress(day.read_bytes()).splitlines():
            theirs = parser.parse(data.decode())
            decoded = source.decode(record_of(data))
            assert isinstance(decoded, tuple)
            event = decoded[0]
            ours = event.fields
            request = [ours.get("http.request.method"), ours.get("url.original"), ours.get("http.version")]
            assert ours["source.address"] == theirs.remote_host
            assert ours.get("user.name") == theirs.remote_user
            assert event.time == int(theirs.request_time.timestamp()) * 1_000_000_000
            assert ours["http.response.status_code"] == theirs.final_status
            assert ours.get("http.response.body.bytes") == theirs.bytes_sent
            assert _unescaped(f"{request[0]} {request[1]} HTTP/{request[2]}") == theirs.request_line
            assert _unescaped(ours.get("http.request.referrer")) == theirs.headers_in["Referer"]
            assert _unescaped(ours.get("user_agent.original")) == theirs.headers_in["User-Agent"]
            compared += 1
    assert compared > 7_000
