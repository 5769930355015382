"""What each part of a line becomes, shape by shape; the shapes are those that real servers were seen to write."""

from __future__ import annotations

import contextlib
import doctest
import time

import pytest
from logsentry_http_access import address, clock, request
from logsentry_http_access.address import as_ip, first_public
from logsentry_http_access.clock import nanoseconds
from logsentry_http_access.source import HttpAccess

from logsentry.sdk import BadRecord, Event, Filtered, Source, timestamp
from logsentry.testing import record_of

SOURCE = HttpAccess(HttpAccess.Config())
REST = '[17/May/2015:10:05:24 +0000] "GET / HTTP/1.1" 200 45'


def event_of(line: str | bytes) -> Event:
    decoded = SOURCE.decode(record_of(line.encode() if isinstance(line, str) else line))
    assert isinstance(decoded, tuple)
    [event] = decoded
    assert isinstance(event, Event)
    return event


def fields_of(line: str | bytes) -> dict[str, object]:
    return dict(event_of(line).fields)


def request_of(request: str) -> dict[str, object]:
    """The fields that come from the request line alone."""
    fields = fields_of(f'1.2.3.4 - - [17/May/2015:10:05:24 +0000] "{request}" 400 0')
    return {
        name: value for name, value in fields.items() if name.startswith(("http.request", "http.version", "url.", "http_access"))
    }


@pytest.mark.parametrize("module", [address, clock, request], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert (result.failed, result.attempted > 0) == (0, True)


def test_it_is_a_source() -> None:
    assert isinstance(SOURCE, Source)


def test_a_combined_line_whole() -> None:
    line = '83.149.9.216 - bob [17/May/2015:10:05:24 +0200] "GET /a/b.PNG?x=%41&y HTTP/1.1" 404 203023 "http://s.com/" "curl/7"'
    event = event_of(line)
    assert event.fields == {
        "event.kind": "event",
        "event.category": ["web"],
        "event.type": ["access"],
        "event.outcome": "failure",
        "source.address": "83.149.9.216",
        "source.ip": "83.149.9.216",
        "related.ip": ["83.149.9.216"],
        "user.name": "bob",
        "related.user": ["bob"],
        "http.request.method": "GET",
        "url.original": "/a/b.PNG?x=%41&y",
        "url.path": "/a/b.PNG",
        "url.query": "x=%41&y",
        "url.extension": "PNG",
        "http.version": "1.1",
        "http.response.status_code": 404,
        "http.response.body.bytes": 203023,
        "http.request.referrer": "http://s.com/",
        "user_agent.original": "curl/7",
    }
    assert timestamp(event.time or 0) == "2015-05-17T08:05:24.000Z"
    assert event.original == line.encode()
    assert event.message == "83.149.9.216 asked GET /a/b.PNG?x=%41&y HTTP/1.1 and got 404"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("::1 - -", {"source.address": "::1", "source.ip": "::1"}),
        ("fe80::1%eth0 - -", {"source.address": "fe80::1%eth0", "source.ip": "fe80::1"}),
        ("1.2.3.4:5678 - -", {"source.ip": "1.2.3.4", "source.port": 5678}),
        ("unix: - -", {"source.address": "unix:"}),
        ("monitoring-server - -", {"source.address": "monitoring-server", "source.domain": "monitoring-server"}),
        ("1.2.3.4 (-) - bob", {"source.ip": "1.2.3.4", "user.name": "bob"}),
        ("1.2.3.4 ident7 -", {"http_access.ident": "ident7"}),
        ("1.2.3.4 - John van Smith", {"user.name": "John van Smith"}),
        (r"1.2.3.4 - CORP\\bob", {"user.domain": "CORP", "user.name": "bob"}),
        (r"1.2.3.4 - CORP\bob", {"user.domain": "CORP", "user.name": "bob"}),
        (
            "host:443 1.2.3.4 - -",
            {"url.domain": "host", "destination.domain": "host", "destination.port": 443, "source.ip": "1.2.3.4"},
        ),
        ("www.x.net 1.2.3.4 - -", {"url.domain": "www.x.net", "destination.domain": "www.x.net", "source.ip": "1.2.3.4"}),
        ("10.0.0.1 1.2.3.4 - -", {"destination.ip": "10.0.0.1", "source.ip": "1.2.3.4", "related.ip": ["1.2.3.4", "10.0.0.1"]}),
        ("www.x.net client.example - -", {"destination.domain": "www.x.net", "source.domain": "client.example"}),
        (
            "10.0.0.2, 10.0.0.1, 127.0.0.1 - -",
            {"source.ip": "10.0.0.2", "http_access.hops": ["10.0.0.2", "10.0.0.1", "127.0.0.1"]},
        ),
        ("10.0.0.2, 81.2.69.143 - -", {"source.ip": "81.2.69.143", "related.ip": ["10.0.0.2", "81.2.69.143"]}),
        ('"10.5.102.222, 175.16.199.1" 10.2.1.185 - -', {"source.ip": "175.16.199.1"}),
        ("2a02:cf40::8000, 10.225.192.17 10.2.2.121 - -", {"source.ip": "2a02:cf40::8000"}),
        ("localhost, localhost - -", {"source.address": "localhost"}),
        (
            "<190>Sep 15 16:13:46 web1 nginx[2869]: 1.2.3.4 - -",
            {"source.ip": "1.2.3.4", "log.syslog.appname": "nginx", "log.syslog.hostname": "web1", "log.syslog.priority": 190},
        ),
    ],
)
def test_who_asked(before: str, expected: dict[str, object]) -> None:
    fields = fields_of(f"{before} {REST}")
    assert {name: fields.get(name) for name in expected} == expected


@pytest.mark.parametrize("absent", ["-", "- -", '- ""'])
def test_a_dash_is_no_user(absent: str) -> None:
    assert not [name for name in fields_of(f"1.2.3.4 {absent} {REST}") if name.startswith("user.")]


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("", {}),
        ("-", {}),
        ("hello", {"http_access.request": "hello"}),
        ("HELP", {"http_access.request": "HELP"}),
        (r"\x16\x03\x01\x00t\x01", {"http_access.request": r"\x16\x03\x01\x00t\x01"}),
        ("lv|'|'|VHJv Win XP", {"http_access.request": "lv|'|'|VHJv Win XP"}),
        ("GET /old", {"http.request.method": "GET", "url.original": "/old", "url.path": "/old"}),
        ("OPTIONS * HTTP/1.1", {"http.request.method": "OPTIONS", "url.original": "*", "url.path": "*", "http.version": "1.1"}),
        ("PRI * HTTP/2.0", {"http.request.method": "PRI", "url.original": "*", "url.path": "*", "http.version": "2.0"}),
        (
            "CONNECT example.com:443 HTTP/1.1",
            {"url.original": "example.com:443", "url.domain": "example.com", "url.port": 443, "http.version": "1.1"}
            | {"http.request.method": "CONNECT"},
        ),
        (
            "GET http://u@evil.com:8080/x.php?a HTTP/1.0",
            {"http.request.method": "GET", "url.original": "http://u@evil.com:8080/x.php?a", "url.scheme": "http"}
            | {"url.domain": "evil.com", "url.port": 8080, "url.path": "/x.php", "url.query": "a", "url.extension": "php"}
            | {"http.version": "1.0"},
        ),
        (
            "GET /a b.php?cmd=ls -al HTTP/1.1",
            {"http.request.method": "GET", "url.original": "/a b.php?cmd=ls -al", "url.path": "/a b.php", "url.extension": "php"}
            | {"url.query": "cmd=ls -al", "http.version": "1.1"},
        ),
        (
            r"GET /?q=\"x\\ HTTP/1.1",
            {
                "http.request.method": "GET",
                "url.original": r"/?q=\"x\\",
                "url.path": "/",
                "url.query": r"q=\"x\\",
                "http.version": "1.1",
            },
        ),
    ],
)
def test_what_was_asked(request_line: str, expected: dict[str, object]) -> None:
    assert request_of(request_line) == expected


@pytest.mark.parametrize(
    ("raw", "path"), [("/a%20b", "/a b"), ("/%ff", "/%ff"), ("/%00", "/%00"), ("/..%252f", "/..%2f"), ("//x/y", "//x/y")]
)
def test_the_path_is_decoded_once_where_that_gives_text(raw: str, path: str) -> None:
    assert request_of(f"GET {raw} HTTP/1.1")["url.path"] == path


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("200 -", {"http.response.status_code": 200, "event.outcome": "success"}),
        ("499 0", {"http.response.status_code": 499, "event.outcome": "failure", "http.response.body.bytes": 0}),
        ("000 0", {"http.response.status_code": 0, "event.outcome": "unknown", "http.response.body.bytes": 0}),
        ("- -", {}),
    ],
)
def test_what_was_answered(answer: str, expected: dict[str, object]) -> None:
    fields = fields_of(f'1.2.3.4 - - [17/May/2015:10:05:24 +0000] "GET / HTTP/1.1" {answer} "-" "-"')
    assert {n: v for n, v in fields.items() if n.startswith("http.response") or n == "event.outcome"} == expected


@pytest.mark.parametrize(
    ("trailing", "expected"),
    [
        (' "-"', {"http_access.trailing": None, "client.ip": None}),
        (' "1.2.3.4, 10.0.0.1"', {"client.ip": "1.2.3.4", "network.forwarded_ip": "1.2.3.4"}),
        (' X-Forwarded-For="10.0.0.2,10.0.0.1"', {"client.ip": "10.0.0.2", "related.ip": ["9.9.9.9", "10.0.0.2", "10.0.0.1"]}),
        (" 0.227", {"http_access.trailing": ["0.227"]}),
        (' 500 "svc@docker" "http://10.0.0.1:80" 12ms', {"event.duration": 12_000_000}),
        (
            " 89 0.001 [default-web-8080] [] 172.17.0.5:8080 59 0.000 200 529a007902362a5f51385a5fa7049884",
            {"http.request.bytes": 89, "event.duration": 1_000_000, "http.request.id": "529a007902362a5f51385a5fa7049884"},
        ),
    ],
)
def test_what_stands_behind_the_agent_is_kept(trailing: str, expected: dict[str, object]) -> None:
    fields = fields_of(f'9.9.9.9 - - {REST} "http://r/" "agent"{trailing}')
    assert {name: fields.get(name) for name in expected} == expected
    assert fields["user_agent.original"] == "agent"


def test_fields_between_size_and_referrer_do_not_hide_it() -> None:
    fields = fields_of(f'9.9.9.9 - admin {REST} 81.2.69.145 + 400 "http://r/" "agent" X-Forwarded-For="127.0.0.1"')
    assert (fields["http.request.referrer"], fields["user_agent.original"]) == ("http://r/", "agent")
    assert fields["http_access.trailing"] == ["81.2.69.145", "+", "400", 'X-Forwarded-For="127.0.0.1"']


@pytest.mark.parametrize(
    "line",
    [
        '"9.9.9.9 - - [17/May/2015:10:05:24 +0000] "GET /x HTTP/1.1" 200 5 "-" "agent""',
        '9.9.9.9 - - [17/May/2015:10:05:24 +0000] "GET /x HTTP/1.1" 200 5 "-" "agent"\r',
        '\ufeff9.9.9.9 - - [17/May/2015:10:05:24 +0000] "GET /x HTTP/1.1" 200 5 "-" "agent"',
        '9.9.9.9 - - [17/May/2015:10:05:24 +0000] "GET /x HTTP/1.1" 200 5 "-" "agent',
        '9.9.9.9  -  -  [17/May/2015:10:05:24 +0000]  "GET /x HTTP/1.1"  200  5  "-"  "agent"',
    ],
)
def test_odd_frames_hold_the_same_line(line: str) -> None:
    fields = fields_of(line)
    assert [fields[name] for name in ("source.ip", "url.path", "http.response.status_code", "user_agent.original")] == [
        "9.9.9.9", "/x", 200, "agent",
    ]  # fmt: skip


@pytest.mark.parametrize("keep", range(len('9.9.9.9 - - [17/May/2015:10:05:24 +0000] "'), 104))
def test_a_line_that_breaks_off_keeps_what_came_before(keep: int) -> None:
    whole = '9.9.9.9 - - [17/May/2015:10:05:24 +0000] "GET /x HTTP/1.1" 200 5 "http://r/" "Mozilla/5.0 (X11; Linux)" 1'
    assert fields_of(whole[:keep])["source.ip"] == "9.9.9.9"


def test_quotes_that_nobody_escaped() -> None:
    fields = fields_of('9.9.9.9 - - [17/May/2015:10:05:24 +0000] "GET /?a="b"&c HTTP/1.1" 200 5 "http://r/?q="x"y" "agent"')
    assert (fields["url.query"], fields["http.request.referrer"], fields["user_agent.original"]) == (
        'a="b"&c',
        'http://r/?q="x"y',
        "agent",
    )


def test_a_time_in_the_users_name_is_not_believed() -> None:
    """Servers escape quotes in a user's name, so only the server's own time has a plain quote behind it."""
    forged = r"x [01/Jan/1999:00:00:00 +0000] \"GET /innocent HTTP/1.1\" 200 1"
    event = event_of(f'9.9.9.9 - {forged} [17/May/2015:10:05:24 +0000] "GET /evil HTTP/1.1" 403 5')
    assert (timestamp(event.time or 0), event.fields["url.path"]) == ("2015-05-17T10:05:24.000Z", "/evil")


@pytest.mark.parametrize(("line", "reason"), [("", "blank line"), (" \t", "blank line"), ("#Fields: date time", "comment line")])
def test_lines_without_an_event_are_filtered(line: str, reason: str) -> None:
    assert SOURCE.decode(record_of(line.encode())) == Filtered(reason)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] denied", "no time in square brackets"),
        ('{"remote_addr": "1.2.3.4"}', "no known access log has these JSON names: remote_addr"),
        ('1.2.3.4 - - [31/Feb/2015:10:05:24 +0000] "GET / HTTP/1.1" 200 1', "does not exist"),
        ('1.2.3.4 - - [17/Mai/2015:10:05:24 +0000] "GET / HTTP/1.1" 200 1', "not in the form"),
        ('1.2.3.4 - - [17/May/2015:10:61:24 +0000] "GET / HTTP/1.1" 200 1', "not in the form"),
        ('1.2.3.4 - - [01/Jan/0001:00:00:00 +2300] "GET / HTTP/1.1" 200 1', "outside"),
        ('[17/May/2015:10:05:24 +0000] "GET / HTTP/1.1" 200 1', "no client"),
    ],
)
def test_what_cannot_be_read_says_why(line: str, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        SOURCE.decode(record_of(line.encode()))


def test_a_line_longer_than_the_limit_is_refused_unread() -> None:
    with pytest.raises(BadRecord, match="1,048,577 bytes, more than the 1,048,576"):
        SOURCE.decode(record_of(b"x" * (2**20 + 1)))


def test_bytes_that_are_no_text_are_shown_as_escapes() -> None:
    fields = fields_of(b'1.2.3.4 - - [17/May/2015:10:05:24 +0000] "GET /\xff\xfe HTTP/1.1" 200 1')
    assert fields["url.original"] == r"/\xff\xfe"


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("29/Feb/2016:23:59:60 +0000", "2016-03-01T00:00:00.000Z"),
        ("01/Jan/1960:00:00:00 -0330", "1960-01-01T03:30:00.000Z"),
        ("17/May/2015:10:05:24.123456 +0000", "2015-05-17T10:05:24.123456000Z"),
        ("2015-05-17T10:05:24+02:00", "2015-05-17T08:05:24.000Z"),
    ],
)
def test_times(stamp: str, expected: str) -> None:
    assert timestamp(nanoseconds(stamp)) == expected


def test_addresses() -> None:
    assert [as_ip(text) for text in ("1.2.3.4", "[::1]:80", "010.1.1.1", "1.2.3", "")] == ["1.2.3.4", "::1", None, None, None]
    assert first_public(["10.0.0.1", "8.8.8.8", "9.9.9.9"]) == "8.8.8.8"


@pytest.mark.parametrize(
    "hostile",
    [
        "[ " * 400_000,
        '" ' * 400_000,
        " " * 900_000,
        "\\" * 900_000,
        "1," * 400_000,
        "a=" * 400_000,
        '"[' * 400_000,
        "x" * 900_000,
    ],
)
@pytest.mark.parametrize(
    "frame", ["{}", "{} " + REST, '1.2.3.4 - - [17/May/2015:10:05:24 +0000] "GET {}', f'1.2.3.4 - - {REST} "{{}}" {{}}']
)
def test_no_line_takes_more_than_a_moment(frame: str, hostile: str) -> None:
    """Patterns that look back over what they read would need minutes for these."""
    data = frame.format(hostile[: 900_000 // frame.count("{}")], hostile[:400_000]).encode()[: 2**20]
    began = time.process_time()
    with contextlib.suppress(BadRecord):
        SOURCE.decode(record_of(data))
    assert time.process_time() - began < 2.0
