"""What ingress-nginx writes behind the user agent: request length and time, upstream, and what the upstreams answered.

After ingress-nginx, `docs/user-guide/nginx-configuration/log-format.md`. A request that was tried on several upstreams has a list in
each of the upstream's places, with commas between.
"""

from __future__ import annotations

import re

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
_OWN = "nginx_ingress_controller.access."


def ingress_fields(text: str) -> dict[str, Value]:
    """Fields of everything behind the agent, or none where ingress-nginx did not write it."""
    found = _INGRESS(text)
    if found is None:
        return {}
    length, seconds = int(found["length"]), float(f"{found['seconds']}.{found['thousandths']}")
    fields: dict[str, Value] = {
        "event.type": ["info"], "http.request.bytes": length, "http.request.id": found["id"],
        "event.duration": int(found["seconds"] + found["thousandths"]) * 1_000_000,
        f"{_OWN}http.request.length": length, f"{_OWN}http.request.time": seconds, f"{_OWN}http.request.id": found["id"],
    }  # fmt: skip
    for key, part in (("name", "name"), ("alternative_name", "alternative")):
        if found[part] not in ("", "-"):
            fields[f"{_OWN}upstream.{key}"] = found[part]
    answers = _ANSWERS(found["answers"])
    return fields | _upstream_fields(answers) if answers else fields


def _upstream_fields(answers: re.Match[str]) -> dict[str, Value]:
    lists = {name: [item for item in text.split(", ") if item != "-"] for name, text in answers.groupdict().items()}
    fields: dict[str, Value] = {}
    for key, name in (
        ("upstream_address_list", "addresses"), ("upstream.response.length_list", "lengths"), ("upstream.response.time_list", "times"),
        ("upstream.response.status_code_list", "codes"),
    ):  # fmt: skip
        if lists[name]:
            fields[_OWN + key] = list(lists[name])
    if lists["addresses"] and (last := _ADDRESS(lists["addresses"][-1])) and (ip := as_ip(last[1])):
        fields |= {f"{_OWN}upstream.ip": ip, f"{_OWN}upstream.port": int(last[2])}
    if ips := [ip for ip in map(as_ip, lists["addresses"]) if ip is not None]:
        fields["related.ip"] = list(dict.fromkeys(ips))
    # As Elastic has it: the last code, and length and time of all tries together.
    if lists["codes"] and len(lists["codes"][-1]) == 3 and lists["codes"][-1].isdecimal():
        fields[f"{_OWN}upstream.response.status_code"] = int(lists["codes"][-1])
    lengths = [int(item) for item in lists["lengths"] if item.isdecimal() and len(item) < 19]
    if lengths:
        fields[f"{_OWN}upstream.response.length"] = sum(lengths)
    times = [float(item) for item in lists["times"] if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", item)]
    if times:
        fields[f"{_OWN}upstream.response.time"] = round(sum(times), 3)
    return fields
