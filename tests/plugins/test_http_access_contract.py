"""The source keeps the contract of every source, on one line of each shape that servers write."""

from __future__ import annotations

from hypothesis import given, settings
from logsentry_http_access.source import HttpAccess

from logsentry.sdk import Event
from logsentry.testing import SourceContract, access_lines, record_of

_STAMP = "[29/May/2017:19:02:48 +0200]"
_AGENT = '"-" "Mozilla/5.0 (Windows NT 6.1; rv:15.0) Gecko/20120716 Firefox/15.0a2"'

SHAPES = {
    "common": f'::1 - - {_STAMP} "GET /favicon.ico HTTP/1.1" 404 209',
    "combined": f'172.17.0.1 - bob {_STAMP} "GET /a?b=1 HTTP/1.1" 200 612 {_AGENT}',
    "forwarded": f'172.17.0.1 - - {_STAMP} "GET /a HTTP/1.1" 200 612 {_AGENT} "1.2.3.4, 10.0.0.1"',
    "forwarded by name": f'172.17.0.1 - - {_STAMP} "GET /a HTTP/1.1" 200 612 {_AGENT} X-Forwarded-For="10.0.0.2,10.0.0.1"',
    "vhost": f'mydomain:443 1.2.3.4 - - {_STAMP} "GET /a HTTP/1.1" 200 612 {_AGENT}',
    "list": f'10.0.0.2, 10.0.0.1, 81.2.69.143 - - {_STAMP} "GET /a HTTP/1.1" 200 612 {_AGENT}',
    "syslog": f'Sep 15 16:13:46 web1 nginx[2869]: 81.150.104.130 - - {_STAMP} "POST /wp-login.php HTTP/1.1" 200 5364 {_AGENT}',
    "wrapped": f'"192.168.4.25 - - {_STAMP} "GET /DVWA/ HTTP/1.1" 200 237 {_AGENT}"',
    "broken": f'unix: - - {_STAMP} "hello" 400 173 "-" "-"',
    "cut": f'1.2.3.4 - - {_STAMP} "GET /a/b',
    "traefik": f'1.2.3.4 - - {_STAMP} "GET /a HTTP/1.1" 200 12 "-" "-" 500 "svc@docker" "http://10.0.0.1:80" 12ms',
    "ingress": f'1.2.3.4 - - {_STAMP} "GET /a HTTP/2.0" 200 59 "-" "curl/7.54.0" 89 0.001 [default-web-8080] [] '
    "172.17.0.5:8080 59 0.000 200 529a007902362a5f51385a5fa7049884",
}


class TestHttpAccess(SourceContract):
    make = HttpAccess
    sample = tuple(line.encode() for line in SHAPES.values())


@settings(max_examples=200, deadline=None)
@given(line=access_lines())
def test_every_well_formed_line_gives_one_whole_event(line: str) -> None:
    decoded = HttpAccess(HttpAccess.Config()).decode(record_of(line.encode()))
    assert isinstance(decoded, tuple)
    event: Event = decoded[0]
    assert event.time is not None
    assert event.fields["http.request.method"] == "GET"
    assert 100 <= int(str(event.fields["http.response.status_code"])) <= 599
    assert line.count(str(event.fields["url.original"])) >= 1
