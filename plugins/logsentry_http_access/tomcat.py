"""Tomcat's extended access lines, as Elastic's apache_tomcat integration has them written.

`%h %l %u %t "%r" %s %b %A %X %D "%{Referer}i" "%{User-Agent}i" X-Forwarded-For="%{X-Forwarded-For}i"`, where any of `%A` (own
address), `%X` (connection: `X` aborted, `+` kept alive, `-` closed) and `%D` (how long it took) may be missing. The time has no
unit in `event.duration`: `%D` is milliseconds up to Tomcat 10.0 and microseconds from 10.1 on (Tomcat, "The Valve Component").
"""

from __future__ import annotations

import re

from logsentry.sdk import Value
from logsentry_http_access.address import as_ip

_TOMCAT = re.compile(
    r"(?:(?P<local>[0-9A-Fa-f:.]{2,45}) )?(?:(?P<connection>[+X-]) )?(?:(?P<took>[0-9]{1,12}|-) )?"
    r'X-Forwarded-For="(?P<hops>[^"]*)"'
).fullmatch


def tomcat_fields(text: str, size: str) -> dict[str, Value]:
    """Fields of what stands around referrer and agent, if Tomcat wrote it; `size` is the number of bytes, which it counts as sent."""
    found = _TOMCAT(text)
    if found is None:
        return {}
    fields: dict[str, Value] = {}
    if found["local"] and (ip := as_ip(found["local"])):
        fields |= {"apache_tomcat.access.ip.local": ip, "related.ip": [ip]}
    if found["connection"] in ("+", "X"):
        fields["apache_tomcat.access.connection_status"] = found["connection"]
    if found["took"] and found["took"] != "-":
        fields["apache_tomcat.access.response_time"] = int(found["took"])
    if size.isdecimal():
        fields["destination.bytes"] = int(size)
    return fields
