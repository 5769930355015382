"""Envoy's JSON access log: the names of its default format and of Istio's, with dashes or underscores.

After Envoy's "Access logging", "Default format string", and Istio's "Envoy Access Logs". `duration` is milliseconds, `bytes_received`
and `bytes_sent` are bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logsentry.sdk import Value
from logsentry_http_access.json_words import table, words_of
from logsentry_http_access.moment import moment
from logsentry_http_access.visit import Visit, visit

_WORDS = table({
    "client": ("downstream_remote_address", "downstream_direct_remote_address", "downstream_remote_address_without_port"),
    "method": ("method", ":method", "x-envoy-origin-method"), "target": ("x-envoy-original-path", "x-envoy-origin-path", "path", ":path"),
    "version": ("protocol",), "status": ("response_code",), "request_body_bytes": ("bytes_received",), "body_bytes": ("bytes_sent",),
    "milliseconds": ("duration",), "forwarded": ("x-forwarded-for", "x_forwarded_for"), "agent": ("user-agent", "user_agent"),
    "referrer": ("referer", "referrer"), "request_id": ("request_id", "x-request-id", "x_request_id"), "vhost": ("authority", ":authority"),
    "server": ("upstream_host",), "sni": ("requested_server_name",), "tls_version": ("downstream_tls_version",),
    "tls_cipher": ("downstream_tls_cipher",),
})  # fmt: skip
_OWN = table(
    {
        name: (name,)
        for name in (
            "response_flags",
            "response_code_details",
            "upstream_cluster",
            "route_name",
            "upstream_transport_failure_reason",
        )
    }
)
_TIME = table({"time": ("start_time", "timestamp", "time")})


def envoy(entry: Mapping[str, Any]) -> Visit:
    """One visit, or one connection where a TCP listener wrote the line; raises `BadRecord` for a time that does not exist."""
    words = words_of(entry, _WORDS)
    client, _, port = words.get("client", "").rpartition(":")
    if port.isdecimal() and (
        client.endswith("]") or ":" not in client
    ):  # apart, since most lines share the address and none the port
        words |= {"client": client.strip("[]"), "client_port": port}
    own: dict[str, Value] = {f"envoy.access.{name}": text for name, text in words_of(entry, _OWN).items()}
    if "method" not in words and words.get("status", "0") == "0":
        own |= {"event.category": ["network"], "event.type": ["connection"]}
    told = words_of(entry, _TIME).get("time", "")
    return visit(moment(told) if told else None, words, own)
