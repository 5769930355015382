"""Lines that begin with the time: nginx-proxy-manager's two formats, and Apache's `ssl_request_log`.

nginx-proxy-manager, `docker/rootfs/etc/nginx/conf.d/include/log*.conf`: formats `proxy` (cache, upstream status) and `standard`.
Apache, `conf/extra/httpd-ssl.conf`: `%t %h %{SSL_PROTOCOL}x %{SSL_CIPHER}x "%r" %b`, which has no status.
"""

from __future__ import annotations

import re

from logsentry.sdk import Value
from logsentry_http_access.clock import nanoseconds
from logsentry_http_access.visit import Visit, visit

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_MANAGER = re.compile(
    r"\[(?P<time>[^\]]{20,40})\] (?:(?P<cache>[A-Z-]+) (?P<upstream>[0-9, :-]+?) )?(?P<status>[0-9]{3}|-) - "
    rf"(?P<method>\S+) (?P<scheme>\S+) (?P<vhost>\S+) {_QUOTED} \[Client (?P<client>[^\]]*)\] \[Length (?P<length>[^\]]*)\] "
    rf"\[Gzip [^\]]*\](?: \[Sent-to (?P<server>[^\]]*)\])? {_QUOTED} {_QUOTED}\s*",
    re.DOTALL,
).fullmatch
_SSL_REQUEST = re.compile(
    rf"\[(?P<time>[^\]]{{20,40}})\] (?P<client>\S+) (?P<version>(?:TLS|SSL)v\S+|-) (?P<cipher>\S+) {_QUOTED} (?P<length>[0-9]+|-)\s*",
    re.DOTALL,
).fullmatch


def bracketed_line(text: str) -> Visit | None:
    """A line of one of the two, or None; raises `BadRecord` for a time that does not exist."""
    if (found := _MANAGER(text)) is not None:
        return _manager(found)
    if (found := _SSL_REQUEST(text)) is not None:
        words = {
            "client": found["client"], "request": found[5], "body_bytes": found["length"], "tls_version": found["version"],
            "tls_cipher": found["cipher"],
        }  # fmt: skip
        return visit(nanoseconds(found["time"]), words, {})
    return None


def _manager(found: re.Match[str]) -> Visit:
    target, agent, referrer = (text for name, text in zip(_names(found), found.groups(), strict=True) if not name)
    words = {name: found[name] or "" for name in ("status", "method", "scheme", "vhost", "client")}
    words |= {
        "target": target,
        "agent": agent,
        "referrer": referrer,
        "body_bytes": found["length"],
        "upstream": found["server"] or "",
    }
    kept = {"cache": found["cache"], "upstream_status": found["upstream"], "sent_to": found["server"]}
    own: dict[str, Value] = {f"http_access.{name}": text for name, text in kept.items() if text and text != "-"}
    return visit(nanoseconds(found["time"]), words, own)


def _names(found: re.Match[str]) -> list[str]:
    """The name of each group, or nothing."""
    named = {number: name for name, number in found.re.groupindex.items()}
    return [named.get(number, "") for number in range(1, found.re.groups + 1)]
