"""What stands behind the user agent: forwarded addresses, request times, upstream names. Kept, never an error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from logsentry.sdk import Value
from logsentry_http_access.address import as_ip

# A quote that no blank follows belongs to the value: some servers do not escape them.
TOKEN = re.compile(
    r'(?:(?P<key>[A-Za-z][\w-]*)=)?"(?P<quoted>(?:[^"\\]|\\.|"(?![\s"]|\Z))*)(?:"|\\?\Z)|\[[^\]]{0,256}\]|(?P<bare>\S+)',
    re.DOTALL,
)
_TRAEFIK = re.compile(r"([0-9]{1,12})ms")
# ingress-nginx, docs/user-guide/nginx-configuration/log-format.md: length, seconds, [upstream], [alternative], addresses, …, id
_INGRESS = re.compile(r"([0-9]{1,18}) ([0-9]{1,9})\.([0-9]{3}) \[[^\]]*\] \[[^\]]*\] (.*) ([0-9a-f]{32})", re.DOTALL)


def trailing_fields(text: str) -> dict[str, Value]:
    """Fields of everything behind the agent: its tokens in `http_access.trailing`, and what of them is known by its shape.

    The first quoted token is the list of forwarded addresses where it holds addresses only (nginx's usual `main` format); so
    is `X-Forwarded-For="…"`. `related.ip` holds the addresses found here. A last token such as `12ms` is Traefik's duration.
    """
    tokens = list(TOKEN.finditer(text))
    shown = [token[0] for token in tokens]
    fields: dict[str, Value] = {} if {*shown} <= {"-", '"-"'} else {"http_access.trailing": [*shown]}
    named = next((t["quoted"] for t in tokens if (t["key"] or "").lower() == "x-forwarded-for"), None)
    first = next((t["quoted"] for t in tokens if t["quoted"] is not None and t["key"] is None), "")
    fields |= forwarded_fields(re.split(r"[\s,]+", (first if named is None else named).strip()))
    if tokens and (took := _TRAEFIK.fullmatch(tokens[-1][0])):
        fields["event.duration"] = int(took[1]) * 1_000_000
    if (ingress := _INGRESS.fullmatch(text)) is not None:
        fields |= _ingress_fields(ingress)
    return fields


def forwarded_fields(hops: Sequence[str]) -> dict[str, Value]:
    """`client.ip` and `network.forwarded_ip`: the farthest address, where all of them are addresses."""
    ips = [ip for ip in map(as_ip, hops) if ip is not None]
    if not ips or len(ips) != len(hops):
        return {}
    return {"client.ip": ips[0], "network.forwarded_ip": ips[0], "related.ip": ips}


def _ingress_fields(ingress: re.Match[str]) -> dict[str, Value]:
    length, seconds, thousandths, upstream, request_id = ingress.groups()
    fields: dict[str, Value] = {
        "http.request.bytes": int(length),
        "http.request.id": request_id,
        "event.duration": int(seconds + thousandths) * 1_000_000,
    }
    if ips := [ip for ip in map(as_ip, re.split(r"[\s,]+", upstream)) if ip is not None]:
        fields["related.ip"] = ips
    return fields
