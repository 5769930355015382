"""Caddy 2's JSON access log (Caddy, "How Logging Works"): the request, with its headers, is an object of its own.

Times are seconds since 1970 unless a site's configuration says otherwise; durations are seconds. Before version 2.5 the client's
address and port stood together in `remote_addr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logsentry.sdk import Value
from logsentry_http_access.json_words import table, word, words_of
from logsentry_http_access.moment import moment
from logsentry_http_access.visit import Visit, visit

_ENTRY = table(
    {
        "user": ("user_id",),
        "status": ("status",),
        "body_bytes": ("size",),
        "request_body_bytes": ("bytes_read",),
        "seconds": ("duration",),
    }
)
_REQUEST = table({
    "client": ("remote_ip", "remote_addr"), "client_port": ("remote_port",), "version": ("proto",), "method": ("method",),
    "target": ("uri",),
    "vhost": ("host",),
})  # fmt: skip
_HEADERS = table({"agent": ("User-Agent",), "referrer": ("Referer",), "forwarded": ("X-Forwarded-For",)})
_TLS = table({"tls_version": ("version",), "tls_cipher": ("cipher_suite",), "sni": ("server_name",)})


def caddy(entry: Mapping[str, Any]) -> Visit:
    """One visit; raises `BadRecord` for a time that does not exist."""
    request = _object(entry, "request")
    tls = _object(request, "tls")
    words = (
        words_of(entry, _ENTRY)
        | words_of(request, _REQUEST)
        | words_of(_object(request, "headers"), _HEADERS)
        | words_of(tls, _TLS)
    )
    own: dict[str, Value] = {}
    if isinstance(resumed := tls.get("resumed"), bool):
        own["tls.resumed"] = resumed
    if logger := word(entry.get("logger")):
        own["log.logger"] = logger
    client = word(request.get("client_ip"))
    if client and client != words.get("client"):
        words.setdefault("forwarded", client)
    told = word(entry.get("ts"))
    return visit(moment(told) if told else None, words, own)


def _object(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}
