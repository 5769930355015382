"""What stands behind the user agent: forwarded addresses, request times, upstream names. Kept, never an error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from logsentry.sdk import Value
from logsentry_http_access.address import address_fields, as_ip
from logsentry_http_access.ingress import ingress_fields
from logsentry_http_access.tomcat import tomcat_fields

# A quote that no blank follows belongs to the value: some servers do not escape them.
TOKEN = re.compile(
    r'(?:(?P<key>[A-Za-z][\w-]*)=)?"(?P<quoted>(?:[^"\\]|\\.|"(?![\s"]|\Z))*)(?:"|\\?\Z)|\[[^\]]{0,256}\]|(?P<bare>\S+)',
    re.DOTALL,
)
# Traefik, "Access Logs", format `common`: number of the request, router, service's URL, duration.
_TRAEFIK = re.compile(r'(?P<count>[0-9]{1,18}) "(?P<frontend_name>[^"]*)" "(?P<backend_url>[^"]*)" (?P<took>[0-9]{1,12})ms')
_SERVER = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#\s]+)")


def trailing_fields(text: str, size: str = "") -> dict[str, Value]:
    """Fields of everything behind the agent: its tokens in `http_access.trailing`, and what of them is known by its shape.

    The first quoted token is the list of forwarded addresses where it holds addresses only (nginx's usual `main` format); so
    is `X-Forwarded-For="…"`. `related.ip` holds the addresses found here. What Traefik, ingress-nginx and Tomcat write here gets
    fields of its own; `size` is what stood before the referrer, which Tomcat's lines count as bytes sent.
    """
    if ingress := ingress_fields(text):  # every part of it has a name
        return ingress
    tokens = list(TOKEN.finditer(text))
    shown = [token[0] for token in tokens]
    fields: dict[str, Value] = {} if {*shown} <= {"-", '"-"'} else {"http_access.trailing": [*shown]}
    named = next((t["quoted"] for t in tokens if (t["key"] or "").lower() == "x-forwarded-for"), None)
    first = next((t["quoted"] for t in tokens if t["quoted"] is not None and t["key"] is None), "")
    fields |= forwarded_fields(re.split(r"[\s,]+", (first if named is None else named).strip()))
    if (proxied := _TRAEFIK.fullmatch(text)) is not None:
        fields |= _traefik_fields(proxied)
    tomcat = tomcat_fields(text, size)
    if "related.ip" in tomcat:
        tomcat["related.ip"] = [*_ips(tomcat), *_ips(fields)]
    return fields | tomcat


def _ips(fields: dict[str, Value]) -> list[str]:
    found = fields.get("related.ip", [])
    return [str(ip) for ip in found] if isinstance(found, list) else []


def _traefik_fields(proxied: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "traefik.access.request_count": int(proxied["count"]),
        "event.duration": int(proxied["took"]) * 1_000_000,
    }
    fields |= {
        f"traefik.access.{name}": proxied[name] for name in ("frontend_name", "backend_url") if proxied[name] not in ("", "-")
    }
    if (server := _SERVER.match(proxied["backend_url"])) is not None:
        fields |= address_fields("destination", server[1])
        if isinstance(ip := fields.get("destination.ip"), str):
            fields["related.ip"] = [ip]
    return fields


def forwarded_fields(hops: Sequence[str]) -> dict[str, Value]:
    """`client.ip` and `network.forwarded_ip`: the farthest address, where all of them are addresses."""
    ips = [ip for ip in map(as_ip, hops) if ip is not None]
    if not ips or len(ips) != len(hops):
        return {}
    return {"client.ip": ips[0], "network.forwarded_ip": ips[0], "related.ip": ips}
