"""AWS load balancers: Classic, Application and Network, told apart by their first words.

Columns after Elastic Load Balancing's own pages, "Access logs for your Classic / Application / Network Load Balancer". AWS adds
columns at the end from time to time: what stands behind the last one known here is left where it is, in `event.original`.
"""

from __future__ import annotations

import re

from logsentry.sdk import Value
from logsentry_http_access.moment import moment
from logsentry_http_access.visit import Visit, count, visit

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z?"
_CLASSIC = re.compile(rf"{_STAMP} \S+ \S+:[0-9]+ ").match
_APPLICATION = re.compile(rf"(?:https?|h2|wss?|grpcs?) {_STAMP} ").match
_NETWORK = re.compile(rf"tls [0-9.]+ {_STAMP} ").match
_WORD = re.compile(
    r'"([^"\\]*(?:(?:\\.|"(?=[^ \n]))[^"\\]*)*)"|(\S+)', re.DOTALL
)  # a quote that no blank follows belongs to the value

_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?").fullmatch

_CLASSIC_COLUMNS: tuple[str, ...] = (
    "time", "name", "client", "backend", "request_processing_time", "backend_processing_time", "response_processing_time",
    "status", "backend_status", "received", "sent", "request", "agent", "cipher", "protocol",
)  # fmt: skip
_APPLICATION_COLUMNS = (
    "type", "time", "name", "client", "backend", "request_processing_time", "backend_processing_time",
    "response_processing_time", "status", "backend_status", "received", "sent", "request", "agent", "cipher", "protocol",
    "target_group.arn", "trace_id", "sni", "chosen_cert.arn", "matched_rule_priority", "start", "action_executed",
    "redirect_url", "error.reason", "target_port", "target_status_code", "classification", "classification_reason",
)  # fmt: skip
_NETWORK_COLUMNS = (
    "type", "version", "time", "name", "listener", "client", "backend", "connection_time.ms", "tls_handshake_time.ms",
    "received", "sent", "incoming_tls_alert", "chosen_cert.arn", "chosen_cert.serial", "cipher", "protocol",
    "tls_named_group", "domain",
)  # fmt: skip
_OWN = "aws.elb."
_KEPT = (*((name, _OWN + name) for name in (
    "name", "type", "listener", "trace_id", "target_group.arn", "chosen_cert.arn", "chosen_cert.serial",
    "matched_rule_priority", "redirect_url", "error.reason", "classification", "classification_reason",
    "incoming_tls_alert", "tls_named_group",
)), ("cipher", "aws.elb.ssl_cipher"), ("protocol", "aws.elb.ssl_protocol"))  # fmt: skip
_TIMES = (
    *((name, f"{_OWN}{name}.sec") for name in ("request_processing_time", "backend_processing_time", "response_processing_time")),
    *((name, _OWN + name) for name in ("connection_time.ms", "tls_handshake_time.ms")),
)
_LISTED = tuple((name, _OWN + name) for name in ("action_executed", "target_port", "target_status_code"))


def elb_line(text: str) -> Visit | None:
    """A load balancer's line, or None; raises `BadRecord` for a time that does not exist."""
    if text[:1].isdigit():
        columns = _CLASSIC_COLUMNS if _CLASSIC(text) else None
    else:
        columns = _APPLICATION_COLUMNS if _APPLICATION(text) else _NETWORK_COLUMNS if _NETWORK(text) else None
    if columns is None:
        return None
    words = [quoted or bare for quoted, bare in _WORD.findall(text)]
    row = {name: word for name, word in zip(columns, words, strict=False) if word not in ("-", "")}
    return _http(row) if row.get("request", "- - - ") != "- - - " else _connection(row)


def _http(row: dict[str, str]) -> Visit:
    own = {"aws.elb.protocol": "http", **_own(row)}
    if (status := count(row.get("backend_status", ""))) is not None:
        own["aws.elb.backend.http.response.status_code"] = status
    words = {
        "request": row["request"], "status": row.get("status", ""), "agent": row.get("agent", ""),
        "request_body_bytes": row.get("received", ""), "body_bytes": row.get("sent", ""),
    }  # fmt: skip
    return visit(moment(row["time"]), words | _common(row), own)


def _connection(row: dict[str, str]) -> Visit:
    """TCP and TLS listeners: sizes of a connection, no request."""
    own = {"event.category": ["network"], "event.type": ["connection"], "aws.elb.protocol": "tcp", **_own(row)}
    for name, field in (("received", "source.bytes"), ("sent", "destination.bytes")):
        if (size := count(row.get(name, ""))) is not None:
            own[field] = size
    if "domain" in row:
        own["destination.domain"] = row["domain"]
    return visit(moment(row["time"]), _common(row), own)


def _common(row: dict[str, str]) -> dict[str, str]:
    client, _, port = row.get("client", "").rpartition(":")  # apart, since most lines share the address and none the port
    return {
        "client": client.strip("[]"), "client_port": port, "tls_version": row.get("protocol", ""), "tls_cipher": row.get("cipher", ""),
        "sni": row.get("sni", ""), "upstream": row.get("backend", "") if ":" in row.get("backend", "") else "",
    }  # fmt: skip


def _own(row: dict[str, str]) -> dict[str, Value]:
    """The names of Elastic's aws module; times of -1 mean that the step was never reached and are left out."""
    own: dict[str, Value] = {field: row[name] for name, field in _KEPT if name in row}
    for name, field in _LISTED:
        if name in row:
            own[field] = row[name].replace(",", " ").split()
    for name, field in _TIMES:
        if name in row and _DECIMAL(row[name]):
            own[field] = float(row[name])
    backend, _, port = row.get("backend", "").rpartition(":")
    if backend:
        own |= {"aws.elb.backend.ip": backend.strip("[]"), "aws.elb.backend.port": port}
    if "start" in row:
        own["event.start"] = row["start"]
    return own
