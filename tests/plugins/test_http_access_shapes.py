"""One line of each format that is no relative of the combined one: the fields it gives, the source's contract, and any bytes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from logsentry_http_access.source import HttpAccess

from logsentry.sdk import BadRecord, Event, Filtered
from logsentry.testing import SourceContract, hostile_bytes, mangled, record_of

_AGENT = "Mozilla/5.0 (X11; Linux x86_64)"
_ALB = (
    "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 -1 502 - 0 57 "
    '"GET https://www.example.com:443/a?q=1 HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:x '
    '"Root=1-58337281" "www.example.com" "arn:aws:acm:y" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" '
    '"https://example.com:80/a b" "-" "10.0.0.1:80 10.0.0.2:80" "200 502" "Ambiguous" "SpaceInUri" TID_1'
)
_NLB = (
    "tls 2.0 2018-12-20T02:59:40 net/my-lb/c6e77 g3d4b 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 - arn:aws:acm:z - "
    "ECDHE-RSA-AES128-SHA tlsv12 - my-lb.elb.us-east-2.amazonaws.com h2 - -"
)
_TRAEFIK = (
    '{"ClientAddr":"172.17.0.1:39496","ClientHost":"192.168.1.100,10.0.0.50","ClientPort":"39496","ClientUsername":"-",'
    '"DownstreamContentSize":357,"DownstreamStatus":404,"Duration":357313,"RequestCount":190,"RequestHost":"test.localhost",'
    '"RequestMethod":"GET","RequestPath":"/a.save?x=1","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RouterName":"test@docker",'
    '"ServiceAddr":"172.17.0.3:80","StartUTC":"2021-12-08T14:02:43.587782192Z","TLSVersion":"1.3","TLSCipher":"TLS_AES_128_GCM_SHA256",'
    '"level":"info","time":"2021-12-08T14:02:43Z","request_User-Agent":"curl/8"}'
)
_CADDY = (
    '{"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1",'
    '"remote_port":"41342","client_ip":"9.9.9.9","proto":"HTTP/2.0","method":"GET","host":"localhost:8443","uri":"/x.php?y",'
    '"headers":{"User-Agent":["curl/7.82.0"],"Referer":["http://r/"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,'
    '"proto":"h2","server_name":"example.com"}},"user_id":"bob","duration":0.000929675,"size":10900,"status":200}'
)
_ENVOY = (
    '2025-12-31T17:40:00.000000100+01:00 stdout F {"start_time":"2025-12-31T16:40:00.100Z","method":"POST","path":"/p",'
    '"protocol":"HTTP/1.1","response_code":503,"response_flags":"UF","bytes_received":11,"bytes_sent":91,"duration":25,'
    '"x-forwarded-for":"1.2.3.4, 10.0.0.9",'
    '"user-agent":"grpc","request_id":"abc","authority":"shop:8080",'
    '"upstream_host":"10.244.0.7:9080","downstream_remote_address":"10.0.0.13:40000"}'
)
_NGINX = (
    '{"time_iso8601":"2020-06-04T11:17:10+02:00","remote_addr":"1.2.3.4","status":"404","body_bytes_sent":36,"request_time":0.003,'
    '"request":"GET /rest?x=1 HTTP/1.1","http_user_agent":"ua","http_x_forwarded_for":"-",'
    '"host":"rdp.acme.com","upstream_addr":"9.8.7.6:38080"}'
)
_HAPROXY = (
    "Feb  6 12:14:14 localhost haproxy[14389]: "
    "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] https-in~ static/srv1 10/0/30/69/+109 200 +2750 - - "
    '---- 1/1/1/1/+0 0/0 {1wt.eu|agent} {} "GET /index.html HTTP/1.1" 0/1A/0/0/1 1wt.eu/TLSv1.3/TLS_AES_256_GCM_SHA384'
)

SHAPES: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "elb": (
        "2015-05-13T23:39:43.945958Z my-lb 192.168.131.39:2817 10.0.0.1:80 0.000086 0.001048 0.001337 200 200 0 57 "
        '"GET https://www.example.com:443/ HTTP/1.1" "curl/7.38.0" DHE-RSA-AES128-SHA TLSv1.2',
        "2015-05-13T23:39:43.945958000Z",
        {"source.address": "192.168.131.39", "source.port": 2817, "url.port": 443, "tls.version": "1.2", "aws.elb.protocol": "http"}
        | {"http.response.status_code": 200, "aws.elb.backend_processing_time.sec": 0.001048, "event.outcome": "success"},
    ),
    "elb tcp": (
        '2019-10-17T13:22:51.758784Z lb 81.2.69.193:51600 - -1 -1 -1 - - 134 859 "- - - " "-" - -',
        "2019-10-17T13:22:51.758784000Z",
        {"source.bytes": 134, "destination.bytes": 859, "event.category": ["network"], "aws.elb.backend.ip": None}
        | {"http.request.method": None, "aws.elb.request_processing_time.sec": None},
    ),
    "alb": (
        _ALB,
        "2018-07-02T22:23:00.186641000Z",
        {"http.response.status_code": 502, "aws.elb.backend.http.response.status_code": None, "aws.elb.response_processing_time.sec": None}
        | {"aws.elb.redirect_url": "https://example.com:80/a b", "aws.elb.target_port": ["10.0.0.1:80", "10.0.0.2:80"]}
        | {"aws.elb.classification": "Ambiguous", "tls.client.server_name": "www.example.com", "url.path": "/a", "url.query": "q=1"}
        | {"event.start": "2018-07-02T22:22:48.364000Z", "related.ip": ["192.168.131.39", "10.0.0.1"]},
    ),
    "nlb": (
        _NLB,
        "2018-12-20T02:59:40.000Z",
        {"destination.domain": "my-lb.elb.us-east-2.amazonaws.com", "tls.version": "1.2", "aws.elb.connection_time.ms": 5.0}
        | {"source.bytes": 98, "aws.elb.listener": "g3d4b", "event.type": ["connection"]},
    ),
    "haproxy http": (
        _HAPROXY,
        "2009-02-06T12:14:14.655Z",
        {"haproxy.frontend_name": "https-in~", "event.duration": 109_000_000, "http.response.bytes": 2750, "process.pid": 14389}
        | {"haproxy.http.request.captured_headers": ["1wt.eu", "agent"], "haproxy.connections.ssl_fc_err": 26, "tls.resumed": True}
        | {"tls.version": "1.3", "url.extension": "html", "haproxy.termination_state": "----", "log.syslog.appname": "haproxy"},
    ),
    "haproxy bad request": (
        'haproxy[1]: ::ffff:10.0.1.2:33317 [06/Feb/2009:12:14:14.655] in in/<NOSRV> -1/-1/-1/-1/+0 -1 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"',
        "2009-02-06T12:14:14.655Z",
        {"http_access.request": "<BADREQ>", "http.response.status_code": None, "haproxy.server_name": "<NOSRV>"}
        | {"source.ip": "::ffff:10.0.1.2"},
    ),
    "haproxy tcp": (
        "10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck:x/srv1 0/-1/5007 212 sD 0/0/0/0/3 0/0",
        "2009-02-06T12:12:51.443Z",
        {"destination.bytes": 212, "event.category": ["network"], "haproxy.connection_wait_time_ms": -1, "haproxy.backend_name": "bck:x"},
    ),
    "haproxy failed": (
        "192.168.1.4:50033 [28/Feb/2025:02:43:10.123] front/1: SSL handshake failure",
        "2025-02-28T02:43:10.123Z",
        {"error.message": "SSL handshake failure", "event.outcome": "failure", "haproxy.bind_name": "1"},
    ),
    "haproxy connect": (
        "Connect from 1.2.3.4:49780 to 5.6.7.8:443 (HTTPS-IN/HTTP)",
        None,
        {"source.ip": "1.2.3.4", "source.port": 49780, "destination.ip": "5.6.7.8", "destination.port": 443},
    ),
    "traefik": (
        _TRAEFIK,
        "2021-12-08T14:02:43.000Z",
        {"source.address": "192.168.1.100", "http_access.hops": ["192.168.1.100", "10.0.0.50"], "event.duration": 357_313}
        | {"destination.ip": "172.17.0.3", "url.query": "x=1", "event.start": "2021-12-08T14:02:43.587782192Z", "user.name": None}
        | {"traefik.access.frontend_name": "test@docker", "url.domain": "test.localhost", "http.version": "2.0"},
    ),
    "caddy": (
        _CADDY,
        "2022-03-09T21:30:01.524102400Z",
        {"source.ip": "127.0.0.1", "client.ip": "9.9.9.9", "url.domain": "localhost", "url.port": 8443, "tls.version": "1.3"}
        | {"user.name": "bob", "event.duration": 929_675, "url.query": "y", "http.request.referrer": "http://r/", "tls.resumed": False},
    ),
    "envoy": (
        _ENVOY,
        "2025-12-31T16:40:00.100Z",
        {"source.ip": "10.0.0.13", "source.port": 40000, "client.ip": "1.2.3.4", "destination.ip": "10.244.0.7", "url.domain": "shop"}
        | {"envoy.access.response_flags": "UF", "event.duration": 25_000_000, "http.request.body.bytes": 11, "http.request.id": "abc"},
    ),
    "nginx json": (
        _NGINX,
        "2020-06-04T09:17:10.000Z",
        {"source.ip": "1.2.3.4", "url.path": "/rest", "http.response.status_code": 404, "event.duration": 3_000_000}
        | {"related.ip": ["1.2.3.4", "9.8.7.6"], "client.ip": None, "url.domain": "rdp.acme.com"},
    ),
    "docker": (
        '{"log":"1.2.3.4 - - [17/May/2015:10:05:24 +0000] \\"GET / HTTP/1.1\\" 200 45\\n","stream":"stdout","time":"2015-05-17T10:05:25Z"}',
        "2015-05-17T10:05:24.000Z",
        {"source.ip": "1.2.3.4", "url.path": "/", "http.response.body.bytes": 45},
    ),
    "nginx-proxy-manager": (
        '[01/Oct/2025:14:32:15 +0000] HIT 200 304 - GET https example.com "/api/users?q" [Client 192.168.1.100] [Length 1543] [Gzip 2.45] '
        f'[Sent-to 10.0.0.15:8080] "{_AGENT}" "https://example.com/d"',
        "2025-10-01T14:32:15.000Z",
        {"source.ip": "192.168.1.100", "http.response.status_code": 304, "http_access.upstream_status": "200", "http_access.cache": "HIT"}
        | {"url.domain": "example.com", "url.scheme": "https", "related.ip": ["192.168.1.100", "10.0.0.15"], "url.query": "q"},
    ),
    "ssl_request_log": (
        '[10/Oct/2000:13:55:36 -0700] 1.2.3.4 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 "GET /a HTTP/1.1" 45',
        "2000-10-10T20:55:36.000Z",
        {"tls.version": "1.2", "tls.cipher": "ECDHE-RSA-AES128-GCM-SHA256", "url.path": "/a", "http.response.status_code": None},
    ),
    "iis": (
        f"2018-01-01 10:11:12 W3SVC1 WEB-1 127.0.0.1 GET /a%20b.asp q=%41 443 CORP\\bob fe80::1%5 HTTP/1.1 {_AGENT.replace(' ', '+')} k=v "
        "http://r/ example.com 500 19 64 123 456 789 1.2.3.4,+10.0.0.1 51234",
        "2018-01-01T10:11:12.000Z",
        {"source.address": "fe80::1%5", "source.ip": "fe80::1", "destination.port": 443, "user.domain": "CORP", "user.name": "bob"}
        | {"user_agent.original": _AGENT, "iis.access.cookie": "k=v", "iis.access.win32_status": 64, "event.duration": 789_000_000}
        | {"network.forwarded_ip": "1.2.3.4", "host.name": "web-1", "url.query": "q=%41", "event.category": ["web", "network"]},
    ),
    "iis native": (
        "192.168.114.201, -, 03/20/01, 7:55:20, W3SVC2, SERVER, 172.21.13.45, 4502, 163, 3223, 200, 0, GET, /DeptLogo.gif, -,",
        "2001-03-20T07:55:20.000Z",
        {"source.ip": "192.168.114.201", "destination.ip": "172.21.13.45", "event.duration": 4_502_000_000, "url.path": "/DeptLogo.gif"}
        | {"http.request.body.bytes": 163, "http.response.body.bytes": 3223, "user.name": None, "url.query": None},
    ),
    "ingress": (
        '1.2.3.4 - - [24/Aug/2022:18:05:41 +0000] "GET /a HTTP/2.0" 502 552 "-" "x" 27 0.010 [web-80] [] [2a02:cf40::7]:5000, 10.0.0.9:80 '
        "0, 4 1.000, 2.500 502, 503 3db73c6c673c4256ade033a6ce08c2ab",
        "2022-08-24T18:05:41.000Z",
        {"event.type": ["info"], "nginx_ingress_controller.access.upstream.ip": "10.0.0.9", "http.request.bytes": 27}
        | {"nginx_ingress_controller.access.upstream.response.time": 3.5}
        | {"nginx_ingress_controller.access.upstream.response.status_code_list": ["502", "503"]}
        | {"related.ip": ["1.2.3.4", "2a02:cf40::7", "10.0.0.9"]},
    ),
    "tomcat": (
        '1.2.3.4 - admin [02/Mar/2023:18:58:17 +0530] "GET /a HTTP/1.1" 200 20486 9.9.9.9 + 400 "http://r/" "x" X-Forwarded-For="8.8.8.8"',
        "2023-03-02T13:28:17.000Z",
        {"destination.bytes": 20486, "apache_tomcat.access.connection_status": "+", "apache_tomcat.access.response_time": 400}
        | {"apache_tomcat.access.ip.local": "9.9.9.9", "client.ip": "8.8.8.8", "related.ip": ["1.2.3.4", "9.9.9.9", "8.8.8.8"]},
    ),
    "traefik common": (
        '1.2.3.4 - - [02/Mar/2023:18:58:17 +0000] "GET /a HTTP/1.1" 200 12 "-" "x" 500 "svc@docker" "http://10.0.0.1:80" 12ms',
        "2023-03-02T18:58:17.000Z",
        {"traefik.access.request_count": 500, "traefik.access.frontend_name": "svc@docker", "destination.ip": "10.0.0.1"}
        | {"destination.port": 80, "event.duration": 12_000_000, "related.ip": ["1.2.3.4", "10.0.0.1"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_the_fields_of_each_format(name: str) -> None:
    line, time, expected = SHAPES[name]
    decoded = HttpAccess(HttpAccess.Config()).decode(record_of(line.encode()))
    assert isinstance(decoded, tuple)
    [event] = decoded
    document = event.document()
    assert document.get("@timestamp") == time
    assert {field: event.fields.get(field) for field in expected} == expected


class TestTheOtherFormats(SourceContract):
    make = HttpAccess
    sample = tuple(line.encode() for line, _, _ in SHAPES.values())


@pytest.mark.parametrize("name", SHAPES)
def test_any_piece_of_a_line_may_be_anything(name: str) -> None:
    """Each format by itself, so that none hides behind another: only `BadRecord` may leave `decode`."""
    source = HttpAccess(HttpAccess.Config())

    @settings(max_examples=60, deadline=None, database=None)
    @given(data=mangled((SHAPES[name][0].encode(),)) | hostile_bytes(80).map(lambda data: SHAPES[name][0].encode()[:40] + data))
    def holds(data: bytes) -> None:
        with contextlib.suppress(BadRecord):
            decoded = source.decode(record_of(data))
            assert isinstance(decoded, Filtered) or all(isinstance(event, Event) for event in decoded)

    holds()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            '{"level":"debug","ts":1,"logger":"http.handlers.reverse_proxy","msg":"selected upstream"}',
            "not an access entry of Caddy",
        ),
        ("", "blank line"),
        ("\ufeff#Software: Microsoft Internet Information Services 10.0", "comment line"),
    ],
)
def test_what_is_left_out(line: str, reason: str) -> None:
    assert HttpAccess(HttpAccess.Config()).decode(record_of(line.encode())) == Filtered(reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1, "b": [2]}', "no known access log has these JSON names: a, b"),
        ('{"a": ', "begins like JSON and is none"),
        ('{"status": 200, "time": "yesterday"}', "'yesterday' is in no form"),
        ("2022-02-31T00:00:00Z lb 1.2.3.4:1 1.2.3.4:2 0 0 0 200 200 0 0 \"GET / HTTP/1.1\" \"-\" - -", "does not exist"),
        ("[1, 2]", "this is no access-log line"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(line: str, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        HttpAccess(HttpAccess.Config()).decode(record_of(line.encode()))
