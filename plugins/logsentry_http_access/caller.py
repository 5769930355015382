"""Who asked: everything before the time, such as `83.149.9.216 - bob`.

Takes the shapes that servers write there: client, ident and user; a virtual host first (Apache's `vhost_combined`); a list of
addresses first (nginx with `$http_x_forwarded_for`), quoted or not; a syslog prefix; users with blanks and `DOMAIN\\user`.
Most clients ask more than once, so what was read is kept by the text itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from logsentry.sdk import BadRecord
from logsentry_http_access.address import address_fields, as_ip, first_public
from logsentry_http_access.syslog import cut_cri, cut_syslog

_KEPT_LENGTH = 256  # longer texts are read anew each time, so that hostile ones cannot fill the memory
_HOPS = re.compile(r'"(?P<quoted>[^"]*)"(?:\s+|$)|(?P<plain>[^\s,]+(?:,\s*[^\s,]+)*)(?:\s+|$)')
_REST = re.compile(r"(?:\(\S*\)\s+)?(\S+)(?:\s+(.*))?", re.DOTALL)
_VHOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:,\"]+)(?::(?P<port>[0-9]{1,5}))?")
_DOMAIN_USER = re.compile(r"([^\\/@\s]+)\\{1,2}([^\\]+)")


class Caller(msgspec.Struct, frozen=True):
    """What the text before the time says. `fields` are scalars; lists are made anew for each event."""

    fields: dict[str, str | int]
    ips: tuple[str, ...]
    users: tuple[str, ...]
    hops: tuple[str, ...]


def caller(text: str) -> Caller:
    """Reads the text before the time; raises `BadRecord` where no client stands there."""
    return _kept(text) if len(text) <= _KEPT_LENGTH else _read(text)


def _read(text: str) -> Caller:
    if text.endswith(" - -") and (ip := as_ip(text[:-4])) == text[:-4]:  # nearly all lines
        return Caller({"source.address": ip, "source.ip": ip}, (ip,), (), ())
    fields: dict[str, str | int] = {}
    rest, syslog = cut_syslog(cut_cri(text))
    fields |= syslog
    rest = _cut_vhost(rest.strip(), fields)
    hops, rest = _cut_hops(rest)
    if not hops:
        raise BadRecord("no client stands before the time")
    fields |= address_fields("source", first_public(hops))
    user = _user_fields(rest, fields)
    ips = tuple(dict.fromkeys(ip for ip in (*map(as_ip, hops), fields.get("destination.ip")) if isinstance(ip, str)))
    return Caller(fields, ips, (user,) if user else (), hops if len(hops) > 1 else ())


_kept = lru_cache(maxsize=8192)(_read)


def _cut_vhost(text: str, fields: dict[str, str | int]) -> str:
    """A first word is the virtual host where an address follows it, or where `-` follows only after one more word."""
    words = text.split(None, 3)
    if len(words) < 2 or "," in words[0] or words[0].startswith('"'):
        return text
    follows = words[1].rstrip(",")
    named = len(words) > 3 and words[2] == "-" and follows != "-" and not follows.startswith("(") and not as_ip(words[0])
    if not (named or as_ip(follows) or follows.startswith("unix:")):
        return text
    if (vhost := _VHOST.fullmatch(words[0])) is None:
        return text
    fields |= address_fields("destination", vhost["host"].strip("[]"))
    fields["url.domain"] = vhost["host"]
    if vhost["port"]:
        fields["destination.port"] = int(vhost["port"])
    return text[len(words[0]) :].lstrip()


def _cut_hops(text: str) -> tuple[tuple[str, ...], str]:
    """Addresses at the beginning, first the farthest; after a list one more address may stand by itself."""
    found = _HOPS.match(text)
    if found is None:
        return (), text
    hops = tuple(hop for hop in re.split(r"[\s,]+", found["quoted"] or found["plain"] or "") if hop)
    rest = text[found.end() :]
    last, _, after = rest.partition(" ")
    if (len(hops) > 1 or found["quoted"] is not None) and as_ip(last):
        return (*hops, last), after
    return hops, rest


def _user_fields(text: str, fields: dict[str, str | int]) -> str:
    """Adds ident and user; answers the user's name, or nothing."""
    words = _REST.fullmatch(text.strip())
    if words is None:
        return ""
    ident, user = (words[1], words[2]) if words[2] is not None else ("-", words[1])
    if ident != "-":
        fields["http_access.ident"] = ident
    user = user.strip()
    if user in ("-", '""', ""):
        return ""
    domain = _DOMAIN_USER.fullmatch(user)
    if domain is not None:
        fields["user.domain"], user = domain[1], domain[2]
    fields["user.name"] = user
    return user
