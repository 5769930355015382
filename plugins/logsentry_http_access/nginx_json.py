"""nginx in JSON: `log_format … escape=json '{"remote_addr": "$remote_addr", …}'`, where each site chooses the names.

Most sites call a value by nginx's variable, so those names count first; behind them stand the ones seen elsewhere. A site that has
others can give its format string in the configuration (`formats`). `request_time` is seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logsentry.sdk import BadRecord
from logsentry_http_access.json_words import table, words_of
from logsentry_http_access.moment import moment
from logsentry_http_access.visit import Visit, visit

_WORDS = table({
    "client": (
        "remote_addr", "client_address", "client_ip", "clientip", "client", "remote_ip", "ip", "src_ip", "source_ip", "realip_remote_addr",
    ),
    "client_port": ("remote_port", "client_port"), "user": ("remote_user", "user"), "request": ("request", "request_line"),
    "method": ("request_method", "method", "http_method", "verb"),
    "target": ("request_uri", "uri", "url", "path", "request_path"),
    "query": ("args", "query_string", "query"), "version": ("server_protocol", "http_version", "protocol"),
    "status": ("status", "response_status", "status_code", "response", "code"),
    "body_bytes": ("body_bytes_sent", "body_sent", "size", "bytes"),
    "sent_bytes": ("bytes_sent",), "request_bytes": ("request_length",),
    "referrer": ("http_referer", "http_referrer", "referer", "referrer"),
    "agent": ("http_user_agent", "user_agent", "agent", "ua"),
    "seconds": ("request_time", "duration"), "vhost": ("http_host", "host", "server_name", "vhost", "domain"),
    "server_port": ("server_port",), "server": ("server_addr",), "upstream": ("upstream_addr",),
    "forwarded": ("http_x_forwarded_for", "x_forwarded_for", "xff", "proxy_add_x_forwarded_for"),
    "request_id": ("request_id", "req_id", "http_x_request_id"), "tls_version": ("ssl_protocol",),
    "tls_cipher": ("ssl_cipher",),
    "sni": ("ssl_server_name",), "scheme": ("scheme", "http_scheme"), "pid": ("pid",),
})  # fmt: skip
_TIME = table({"time": ("time_iso8601", "@timestamp", "timestamp", "msec", "time_local", "time", "ts", "date", "datetime")})


def nginx(entry: Mapping[str, Any]) -> Visit:
    """One visit; raises `BadRecord` where neither request nor status stands under a known name."""
    words = words_of(entry, _WORDS)
    if not {"request", "status"} & words.keys() and not {"method", "target"} <= words.keys():
        raise BadRecord(
            f"no known access log has these JSON names: {', '.join(sorted(map(str, entry))[:8])}; see the option formats"
        )
    if "request" in words and " " in words["request"]:  # the whole line says more than its parts beside it
        for name in ("method", "target", "query", "version"):
            words.pop(name, None)
    told = words_of(entry, _TIME).get("time", "")
    return visit(moment(told) if told else None, words, {})
