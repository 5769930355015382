"""Traefik's JSON access log, versions 1 to 3 (Traefik, "Access Logs"): `Backend…` became `Service…` in version 2.

Durations are nanoseconds. `time` is when the line was written; `StartUTC`, when the request began, becomes `event.start`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logsentry.sdk import Value, timestamp
from logsentry_http_access.json_words import table, word, words_of
from logsentry_http_access.moment import moment
from logsentry_http_access.visit import Visit, visit

_WORDS = table({
    "client": ("ClientHost", "ClientAddr"), "client_port": ("ClientPort",), "user": ("ClientUsername",),
    "method": ("RequestMethod",),
    "target": ("RequestPath",), "version": ("RequestProtocol",), "status": ("DownstreamStatus", "OriginStatus"),
    "body_bytes": ("DownstreamContentSize",), "request_body_bytes": ("RequestContentSize",), "nanoseconds": ("Duration",),
    "server": ("ServiceAddr", "BackendAddr"), "scheme": ("RequestScheme",), "agent": ("request_User-Agent",),
    "referrer": ("request_Referer",), "forwarded": ("request_X-Forwarded-For",), "tls_version": ("TLSVersion",),
    "tls_cipher": ("TLSCipher",),
    "request": ("RequestLine",),
})  # fmt: skip
_OWN = table({
    "traefik.access.frontend_name": ("RouterName", "FrontendName"), "traefik.access.backend_name": ("ServiceName", "BackendName"),
    "traefik.access.backend_url": ("ServiceAddr", "BackendAddr"), "traefik.access.entry_point": ("entryPointName",),
})  # fmt: skip


def traefik(entry: Mapping[str, Any]) -> Visit:
    """One visit; raises `BadRecord` for a time that does not exist."""
    words = words_of(entry, _WORDS)
    if "method" in words or "target" in words:
        words.pop("request", None)
    own: dict[str, Value] = {"network.transport": "tcp", **words_of(entry, _OWN)}
    if isinstance(number := entry.get("RequestCount"), int):
        own["traefik.access.request_count"] = number
    if host := word(entry.get("RequestHost")):
        own["url.domain"] = host
    start = word(entry.get("StartUTC")) or word(entry.get("StartLocal"))
    if start:
        own["event.start"] = timestamp(moment(start))
    told = word(entry.get("time")) or start
    return visit(moment(told) if told else None, words, own)
