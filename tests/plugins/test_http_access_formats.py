"""Format strings that an administrator gives: what is read, what is refused, and agreement with `apachelogs`."""

from __future__ import annotations

import contextlib
import time

import pytest
from apachelogs import LogParser
from hypothesis import given, settings
from logsentry_http_access.source import HttpAccess

from logsentry.sdk import BadRecord, Event, UsageError
from logsentry.testing import hostile_bytes, record_of

SOGO = '[$time_local] $host $remote_addr $request_time "$request" $status $body_bytes_sent $request_length $remote_user $http_user_agent'


def event_of(formats: str | tuple[str, ...], line: str, **config: str) -> Event:
    source = HttpAccess(HttpAccess.Config(formats=(formats,) if isinstance(formats, str) else formats, **config))
    decoded = source.decode(record_of(line.encode()))
    assert isinstance(decoded, tuple)
    event: Event = decoded[0]
    return event


@pytest.mark.parametrize(
    ("form", "line", "expected"),
    [
        (
            '%v %a %u %t "%r" %>s %O %D "%{User-Agent}i"',
            'www.x.net 1.2.3.4 John van Smith [17/May/2015:10:05:24 +0000] "GET /a?b HTTP/1.1" 404 512 1500 "curl \\"x\\""',
            {"url.domain": "www.x.net", "source.ip": "1.2.3.4", "user.name": "John van Smith", "http.response.bytes": 512}
            | {"event.duration": 1_500_000, "user_agent.original": 'curl \\"x\\"', "url.query": "b", "http.response.status_code": 404},
        ),
        (
            SOGO,
            '[10/Feb/2024:21:23:32 +0100] mx.example.org 192.168.1.100 0.227 "REPORT /dav/ HTTP/2.0" 207 125 440 - Mozilla/5.0 (X11; x64)',
            {"url.domain": "mx.example.org", "event.duration": 227_000_000, "http.request.bytes": 440, "user.name": None}
            | {"user_agent.original": "Mozilla/5.0 (X11; x64)", "http.request.method": "REPORT"},
        ),
        (
            r'LogFormat "%h %l %u %t \"%m %U%q %H\" %s %b %{ms}T %{X-Api-Key}i" mine',
            '1.2.3.4 - - [17/May/2015:10:05:24 +0000] "POST /a/b.php?c=d HTTP/2.0" 201 9 37 secret',
            {"http.request.method": "POST", "url.path": "/a/b.php", "url.extension": "php", "url.query": "c=d", "http.version": "2.0"}
            | {"event.duration": 37_000_000, "http_access.values": ["%{X-Api-Key}i=secret"]},
        ),
        (
            "log_format main escape=json '{\"at\":\"$msec\",\"c\":\"$remote_addr\",'\n  '\"u\":\"$scheme://$host$request_uri\",\"s\":$status}';",
            '{"at":"1711741798.039","c":"::1","u":"https://h.example/p/q?x=1","s":301}',
            {"source.ip": "::1", "url.scheme": "https", "url.domain": "h.example", "url.original": "/p/q?x=1"},
        ),
        (
            '%h [%{%Y-%m-%d %T}t.%{msec_frac}t %{%z}t] "%r" %>s',
            '1.2.3.4 [2024-02-29 23:59:58.250 +0100] "GET / HTTP/1.1" 200',
            {"source.ip": "1.2.3.4", "url.path": "/"},
        ),
        ('%{X-Forwarded-For}i %t "%r" %s', '8.8.8.8, 10.0.0.1 [17/May/2015:10:05:24 +0000] "GET / HTTP/1.1" 200', {"source.ip": "8.8.8.8"}),
    ],
)  # fmt: skip
def test_a_line_of_the_format(form: str, line: str, expected: dict[str, object]) -> None:
    event = event_of(form, line)
    assert {name: event.fields.get(name) for name in expected} == expected
    assert event.time is not None


def test_pieces_of_a_time_are_put_together() -> None:
    event = event_of(
        '%h [%{%F %T}t.%{usec_frac}t %{%z}t] "%r" %s', '1.2.3.4 [2024-02-29 23:59:58.250000 +0100] "GET / HTTP/1.1" 200'
    )
    assert event.document()["@timestamp"] == "2024-02-29T22:59:58.250Z"


def test_a_time_without_a_zone_is_in_the_configured_one() -> None:
    event = event_of('%h [%{%F %T}t] "%r" %s', '1.2.3.4 [2024-07-01 12:00:00] "GET / HTTP/1.1" 200', time_zone="Europe/Vienna")
    assert event.document()["@timestamp"] == "2024-07-01T10:00:00.000Z"


def test_formats_come_first_and_the_built_in_ones_after() -> None:
    forms = ('%b %h %t "%r" %s', SOGO)
    assert event_of(forms, '9 1.2.3.4 [17/May/2015:10:05:24 +0000] "GET / HTTP/1.1" 200').fields["http.response.body.bytes"] == 9
    assert (
        event_of(forms, '1.2.3.4 - - [17/May/2015:10:05:24 +0000] "GET / HTTP/1.1" 200 7').fields["http.response.body.bytes"] == 7
    )


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("%h %t nothing asked", "says nothing of what was asked"),
        ('%h%u %t "%r"', "nothing between %h and %u"),
        ('%h %t "%r" %Z', "%Z is no directive of Apache"),
        ('%h %t "%r" %{a}b', "cannot stand before b"),
        ('$remote_adr [$time_local] "$request"', r"\$remote_adr is no variable of nginx; the nearest is \$remote_addr"),
        ('%t "%r" %s', "has no client"),
        ('%h "%r" %s', "has no time"),
        ('%h %t "%r" %s %>s', "gives one value twice"),
        ("plain words", "has no directive"),
        ("", "has no directive"),
    ],
)
def test_a_format_that_cannot_work_is_refused_when_it_is_given(form: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        HttpAccess(HttpAccess.Config(formats=(form,)))


def test_a_time_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="is no time zone"):
        HttpAccess(HttpAccess.Config(time_zone="Middle/Earth"))


@pytest.mark.parametrize("form", ['%h %l %u %t "%r" %>s %b', '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"'])
def test_the_same_values_as_apachelogs(form: str) -> None:
    line = {
        "%h": '1.2.3.4 - bob [17/May/2015:10:05:24 +0200] "GET /a?b=c HTTP/1.1" 404 512',
        "%v": 'www.x.net:443 1.2.3.4 - bob [17/May/2015:10:05:24 +0200] "GET /a?b=c HTTP/1.1" 404 512 "http://r/" "curl/8"',
    }[form[:2]]
    theirs, ours = LogParser(form).parse(line), event_of(form, line)
    fields = ours.fields
    assert ours.time == int(theirs.request_time.timestamp()) * 1_000_000_000
    assert [theirs.remote_host, theirs.remote_user, theirs.final_status] == [
        fields["source.address"], fields["user.name"], fields["http.response.status_code"],
    ]  # fmt: skip
    assert theirs.request_line == f"{fields['http.request.method']} {fields['url.original']} HTTP/{fields['http.version']}"


@settings(max_examples=200, deadline=None)
@given(data=hostile_bytes())
def test_any_bytes_are_decoded_or_refused_by_a_given_format(data: bytes) -> None:
    source = HttpAccess(HttpAccess.Config(formats=('%h %u %t "%r" %>s %b %{x}i', SOGO)))
    for line in (
        data,
        b'1.2.3.4 - [17/May/2015:10:05:24 +0000] "' + data + b'" 200 1 x',
        b"[" + data + b'] a 1.2.3.4 1 "GET / HTTP/1.1" 200 1 1 - x',
    ):
        with contextlib.suppress(BadRecord):
            source.decode(record_of(line))


@pytest.mark.parametrize("filler", [" ", "\\", '" ', "- ", "[", ", ", "{}"])
def test_a_long_hostile_line_takes_no_long_time(filler: str) -> None:
    source = HttpAccess(HttpAccess.Config(formats=('%h %u %t "%r" %>s %b %{x}i', SOGO)))
    for head in (
        '1.2.3.4 - [17/May/2015:10:05:24 +0000] "',
        "1.2.3.4:1 [06/Feb/2009:12:14:14.655] a b/c ",
        "h2 2018-07-02T22:23:00Z ",
        "{",
    ):
        began = time.process_time()
        with contextlib.suppress(BadRecord):
            source.decode(record_of((head + filler * 100_000).encode()))
        assert time.process_time() - began < 1.0
