"""Lines that begin with the time: nginx-proxy-manager's two formats, and Apache's `ssl_request_log`.

nginx-proxy-manager, `docker/rootfs/etc/nginx/conf.d/include/log*.conf`: formats `proxy` (cache, upstream status) and `standard`.
Apache, `conf/extra/httpd-ssl.conf`: `%t %h %{SSL_PROTOCOL}x %{SSL_CIPHER}x "%r" %b`, which has no status.
"""

from __future__ import annotations

import re

from logsentry.sdk import Value
from logsentry_http_access.clock import nanoseconds
from logsentry_http_access.visit import Visit, visit


def _quoted(name: str) -> str:
    return rf'"(?P<{name}>[^"\\]*(?:\\.[^"\\]*)*)"'


_MANAGER = re.compile(
    r"\[(?P<time>[^\]]{20,40})\] (?:(?P<cache>[A-Z-]+) (?P<upstream_status>[0-9, :-]+?) )?(?P<status>[0-9]{3}|-) - "
    rf"(?P<method>\S+) (?P<scheme>\S+) (?P<vhost>\S+) {_quoted('target')} "
    r"\[Client (?P<client>[^\]]*)\] \[Length (?P<length>[^\]]*)\] \[Gzip [^\]]*\](?: \[Sent-to (?P<sent_to>[^\]]*)\])? "
    rf"{_quoted('agent')} {_quoted('referrer')}\s*",
    re.DOTALL,
).fullmatch
_SSL_REQUEST = re.compile(
    rf"\[(?P<time>[^\]]{{20,40}})\] (?P<client>\S+) (?P<version>(?:TLS|SSL)v\S+|-) (?P<cipher>\S+) {_quoted('request')} "
    r"(?P<length>[0-9]+|-)\s*",
    re.DOTALL,
).fullmatch
_WORDS = ("status", "method", "scheme", "vhost", "client", "target", "agent", "referrer")
_KEPT = tuple((name, f"http_access.{name}") for name in ("cache", "upstream_status", "sent_to"))


def bracketed_line(text: str) -> Visit | None:
    """A line of one of the two, or None; raises `BadRecord` for a time that does not exist."""
    if (found := _MANAGER(text)) is not None:
        return _manager(found.groupdict(""))
    if (found := _SSL_REQUEST(text)) is not None:
        words = {
            "client": found["client"], "request": found["request"], "body_bytes": found["length"], "tls_version": found["version"],
            "tls_cipher": found["cipher"],
        }  # fmt: skip
        return visit(nanoseconds(found["time"]), words, {})
    return None


def _manager(found: dict[str, str]) -> Visit:
    words = {name: found[name] for name in _WORDS}
    words["body_bytes"], words["upstream"] = found["length"], found["sent_to"]
    own: dict[str, Value] = {field: found[name] for name, field in _KEPT if found[name] not in ("", "-")}
    return visit(nanoseconds(found["time"]), words, own)
