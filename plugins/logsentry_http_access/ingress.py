"""What ingress-nginx writes behind the user agent: request length and time, upstream, and what the upstreams answered.

After ingress-nginx, `docs/user-guide/nginx-configuration/log-format.md`. A request that was tried on several upstreams has a list in
each of the upstream's places, with commas between.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from logsentry.sdk import Value
from logsentry_http_access.address import as_ip

_INGRESS = re.compile(
    r"(?P<length>[0-9]{1,18}) (?P<seconds>[0-9]{1,9})\.(?P<thousandths>[0-9]{3}) \[(?P<name>[^\]]*)\] \[(?P<alternative>[^\]]*)\] "
    r"(?P<answers>.*) (?P<id>[0-9a-f]{32})",
    re.DOTALL,
).fullmatch
_ANSWERS = re.compile(
    r"(?P<addresses>\S+(?:, \S+)*) (?P<lengths>[\d-]+(?:, [\d-]+)*) "
    r"(?P<times>[\d.-]+(?:, [\d.-]+)*) (?P<codes>[\d-]+(?:, [\d-]+)*)",
    re.ASCII,
).fullmatch
_ADDRESS = re.compile(r"\[?([0-9A-Fa-f:.]+?)\]?:([0-9]{1,5})").fullmatch
_TIME = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?").fullmatch
_OWN = "nginx_ingress_controller.access."
_LENGTH, _SECONDS, _ID = f"{_OWN}http.request.length", f"{_OWN}http.request.time", f"{_OWN}http.request.id"
_NAMES = (("name", f"{_OWN}upstream.name"), ("alternative", f"{_OWN}upstream.alternative_name"))
_LISTS = tuple((name, _OWN + field) for name, field in (
    ("addresses", "upstream_address_list"), ("lengths", "upstream.response.length_list"), ("times", "upstream.response.time_list"),
    ("codes", "upstream.response.status_code_list"),
))  # fmt: skip
_CODE = f"{_OWN}upstream.response.status_code"
_KEPT_LENGTH = 256  # longer texts are read anew each time, so that hostile ones cannot fill the memory
_SUM_OF_LENGTHS, _SUM_OF_TIMES = f"{_OWN}upstream.response.length", f"{_OWN}upstream.response.time"


def ingress_fields(text: str) -> dict[str, Value]:
    """Fields of everything behind the agent, or none where ingress-nginx did not write it."""
    found = _INGRESS(text)
    if found is None:
        return {}
    length, seconds = int(found["length"]), float(f"{found['seconds']}.{found['thousandths']}")
    fields: dict[str, Value] = {
        "event.type": ["info"], "http.request.bytes": length, "http.request.id": found["id"],
        "event.duration": int(found["seconds"] + found["thousandths"]) * 1_000_000,
        _LENGTH: length, _SECONDS: seconds, _ID: found["id"],
    }  # fmt: skip
    for part, field in _NAMES:
        if found[part] not in ("", "-"):
            fields[field] = found[part]
    answers = _ANSWERS(found["answers"])
    return fields | _upstream_fields(answers) if answers else fields


def _upstream_fields(answers: re.Match[str]) -> dict[str, Value]:
    lists = {name: _items(text) for name, text in answers.groupdict().items()}
    addresses = answers["addresses"]
    fields: dict[str, Value] = {}
    for name, field in _LISTS:
        if lists[name]:
            fields[field] = [*lists[name]]
    upstreams = _kept(addresses) if len(addresses) <= _KEPT_LENGTH else _upstreams(addresses)
    fields |= upstreams.last
    if upstreams.ips:
        fields["related.ip"] = list(upstreams.ips)
    # As Elastic has it: the last code, and length and time of all tries together.
    if lists["codes"] and len(lists["codes"][-1]) == 3 and lists["codes"][-1].isdecimal():
        fields[_CODE] = int(lists["codes"][-1])
    lengths = [int(item) for item in lists["lengths"] if item.isdecimal() and len(item) < 19]
    if lengths:
        fields[_SUM_OF_LENGTHS] = sum(lengths)
    times = [float(item) for item in lists["times"] if _TIME(item)]
    if times:
        fields[_SUM_OF_TIMES] = round(sum(times), 3)
    return fields


def _items(text: str) -> list[str]:
    return [item for item in text.split(", ") if item != "-"]


class Upstreams(msgspec.Struct, frozen=True):
    """What a list of upstreams says; most lines share it with many others. `last` is the one that answered."""

    last: dict[str, str | int]
    ips: tuple[str, ...]


def _upstreams(addresses: str) -> Upstreams:
    items = _items(addresses)
    last: dict[str, str | int] = {}
    if items and (found := _ADDRESS(items[-1])) and (ip := as_ip(found[1])):
        last = {f"{_OWN}upstream.ip": ip, f"{_OWN}upstream.port": int(found[2])}
    return Upstreams(last, tuple(dict.fromkeys(ip for ip in map(as_ip, items) if ip is not None)))


_kept = lru_cache(maxsize=4096)(_upstreams)
