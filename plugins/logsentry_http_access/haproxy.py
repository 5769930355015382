"""HAProxy: the HTTP, HTTPS and TCP log formats, the older line of one connection, and the line of a connection that failed.

After HAProxy's configuration manual, section 8.2 "Log formats". Behind the times a plus sign marks a value that was still growing
when the line was written (`option logasap`), behind the retries a connection that went to another server; -1 is a step that was never
reached. Between server and times some sites log the host name; that is taken too.
"""

from __future__ import annotations

import re
from datetime import tzinfo

from logsentry.sdk import Value
from logsentry_http_access.moment import moment
from logsentry_http_access.syslog import cut_syslog
from logsentry_http_access.visit import Visit, count, visit

_BEGIN = r"(?P<client>\S+?):(?P<port>[0-9]{1,5}) \[(?P<time>[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:.]{8,18}(?: [+-][0-9]{4})?)\] "
_WHERE = r"(?P<frontend>\S+) (?P<backend>[^\s/]+)/(?P<server>\S*) (?:(?P<host>[^\s/]+) )?"
_CONNECTIONS = (
    r"(?P<active>[0-9]+)/(?P<frontends>[0-9]+)/(?P<backends>[0-9]+)/(?P<servers>[0-9]+)/(?P<retries>\+?[0-9]+) "
    r"(?P<server_queue>[0-9]+)/(?P<backend_queue>[0-9]+)"
)
_HTTP = re.compile(
    rf"{_BEGIN}{_WHERE}(?P<wait>-?[0-9]+)/(?P<queued>-?[0-9]+)/(?P<connect>-?[0-9]+)/(?P<answer>-?[0-9]+)/(?P<took>[+-]?[0-9]+) "
    r"(?P<status>-?[0-9]+) (?P<bytes>\+?[0-9]+) (?P<request_cookie>\S+) (?P<response_cookie>\S+) (?P<state>\S{4}) "
    rf"{_CONNECTIONS}(?: \{{(?P<request_headers>[^}}]*)\}})?(?: \{{(?P<response_headers>[^}}]*)\}})? "
    r'"(?P<request>(?:[^"\\]|\\.|"(?=\S))*)"?(?: (?P<rest>.*))?',
    re.DOTALL,
).fullmatch
_TCP = re.compile(
    rf"{_BEGIN}{_WHERE}(?P<queued>-?[0-9]+)/(?P<connect>-?[0-9]+)/(?P<took>[+-]?[0-9]+) (?P<bytes>\+?[0-9]+) (?P<state>\S\S) "
    rf"{_CONNECTIONS}(?: (?P<rest>.*))?",
    re.DOTALL,
).fullmatch
_FAILED = re.compile(rf"{_BEGIN}(?P<frontend>[^\s/]+)/(?P<bind>[^\s:]+): (?P<reason>.+)", re.DOTALL).fullmatch
_CONNECT = re.compile(
    r"Connect from (?P<client>\S+?):(?P<port>[0-9]+) to (?P<to>\S+?):(?P<to_port>[0-9]+) \((?P<frontend>[^/)]+)/(?P<mode>\w+)\)"
).fullmatch
_TLS = re.compile(
    r"(?P<fc_err>[0-9]+)/(?P<ssl_fc_err>[0-9a-fA-F]+)/(?P<ssl_c_err>[0-9]+)/(?P<ssl_c_ca_err>[0-9]+)/(?P<resumed>[01]) "
    r"(?P<sni>[^\s/]+)/(?P<version>[^\s/]+)/(?P<cipher>\S+)"
).fullmatch
_VERSION = re.compile(r"(?:TLS|SSL)v[0-9](?:\.[0-9])?").fullmatch
_NUMBERS = tuple((part, f"haproxy.{name}") for part, name in {
    "queued": "total_waiting_time_ms", "connect": "connection_wait_time_ms", "wait": "http.request.time_wait_ms",
    "answer": "http.request.time_wait_without_data_ms",
    "bytes": "bytes_read", "active": "connections.active", "frontends": "connections.frontend", "backends": "connections.backend",
    "servers": "connections.server", "retries": "connections.retries", "server_queue": "server_queue", "backend_queue": "backend_queue",
}.items())  # fmt: skip
_TEXTS = tuple((part, f"haproxy.{name}") for part, name in {
    "frontend": "frontend_name", "backend": "backend_name", "server": "server_name", "state": "termination_state",
    "request": "http.request.raw_request_line", "request_cookie": "http.request.captured_cookie", "mode": "mode",
    "response_cookie": "http.response.captured_cookie", "bind": "bind_name",
}.items())  # fmt: skip


def haproxy_line(line: str, zone: tzinfo) -> Visit | None:
    """A line of HAProxy, or None; `zone` is the server's, since the usual formats write local time without it."""
    text, syslog = cut_syslog(line)
    text = text.strip()
    for shape, read in ((_HTTP, _http), (_TCP, _tcp), (_FAILED, _failed), (_CONNECT, _connect)):
        if (found := shape(text)) is not None:
            parts = {name: part for name, part in found.groupdict().items() if part not in (None, "", "-")}
            words, own = read(parts)
            words |= {
                "client": parts.get("client", ""),
                "client_port": parts.get("port", ""),
                "pid": str(syslog.get("log.syslog.procid", "")),
            }
            time = moment(parts["time"], zone) if "time" in parts else None
            return visit(time, words, {**syslog, **_own(parts), **own})
    return None


def _http(parts: dict[str, str]) -> tuple[dict[str, str], dict[str, Value]]:
    words = {
        "request": parts.get("request", ""), "status": parts["status"], "sent_bytes": parts["bytes"],
        "milliseconds": parts.get("took", ""),
    }  # fmt: skip
    own: dict[str, Value] = {}
    for side in ("request", "response"):
        if headers := [header for header in parts.get(f"{side}_headers", "").split("|") if header]:
            own[f"haproxy.http.{side}.captured_headers"] = headers
    if "host" in parts:
        own |= {"destination.address": parts["host"], "destination.domain": parts["host"], "related.hosts": [parts["host"]]}
    rest = parts.get("rest", "")
    if not rest:
        return words, own
    if (tls := _TLS(rest)) is not None:
        words |= {"tls_version": tls["version"], "tls_cipher": tls["cipher"], "sni": tls["sni"]}
        own |= _tls(tls)
    elif _VERSION(rest):
        words["tls_version"] = rest
    else:
        own["http_access.trailing"] = rest.split()
    return words, own


def _tls(tls: re.Match[str]) -> dict[str, Value]:
    own: dict[str, Value] = {"tls.resumed": tls["resumed"] == "1"}
    own |= {f"haproxy.connections.{name}": int(tls[name][:15]) for name in ("fc_err", "ssl_c_err", "ssl_c_ca_err")}
    own["haproxy.connections.ssl_fc_err"] = int(tls["ssl_fc_err"][:15], 16)  # the one that is logged in hexadecimal
    if tls["sni"] != "-":
        own |= {"url.domain": tls["sni"], "destination.domain": tls["sni"], "related.hosts": [tls["sni"]]}
    return own


def _tcp(parts: dict[str, str]) -> tuple[dict[str, str], dict[str, Value]]:
    own: dict[str, Value] = {"event.category": ["network"], "event.type": ["connection"]}
    if (size := count(parts["bytes"])) is not None:
        own["destination.bytes"] = size
    return {"milliseconds": parts.get("took", "")}, own


def _failed(parts: dict[str, str]) -> tuple[dict[str, str], dict[str, Value]]:
    """A handshake or PROXY header that went wrong: no request was ever read, which is worth an event."""
    return {}, {
        "event.category": ["network"], "event.type": ["connection", "error"], "event.outcome": "failure",
        "error.message": parts["reason"],
    }  # fmt: skip


def _connect(parts: dict[str, str]) -> tuple[dict[str, str], dict[str, Value]]:
    words = {"server": parts["to"], "server_port": parts["to_port"]}
    return words, {"event.category": ["network"], "event.type": ["connection", "start"]}


def _own(parts: dict[str, str]) -> dict[str, Value]:
    own: dict[str, Value] = {field: parts[part] for part, field in _TEXTS if part in parts}
    for part, field in _NUMBERS:
        if part in parts:
            own[field] = int(parts[part][:18])
    return own
