"""`Hashes`: `SHA1=…,MD5=…,SHA256=…,IMPHASH=…`, any of them in any order. Values of zeros alone say that there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping

from logsentry_sysmon.kept import kept

ALGORITHMS = ("md5", "sha1", "sha256", "imphash")
_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "imphash": 32}
_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256"}
_NAMED = re.compile(r"(?:^|,)\s*(md5|sha1|sha256|imphash)=([0-9a-f]{32,64})(?=,|\s*$)")
_HEX = re.compile("[0-9a-f]+")


@kept
def hashes(text: str) -> Mapping[str, str]:
    """Algorithm to value, both in lower case; a value that stands alone is known by its length.

    >>> hashes("MD5=D41D8CD98F00B204E9800998ECF8427E,IMPHASH=00000000000000000000000000000000")
    {'md5': 'd41d8cd98f00b204e9800998ecf8427e'}
    """
    lowered = text.lower()
    pairs = _NAMED.findall(lowered) or [(_BY_LENGTH.get(len(lowered), ""), lowered)]
    return {
        name: value for name, value in pairs if len(value) == _LENGTHS.get(name) and _HEX.fullmatch(value) and value.strip("0")
    }
