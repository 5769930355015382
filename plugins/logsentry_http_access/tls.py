"""TLS versions as servers write them: `TLSv1.2` (OpenSSL), `tlsv12` (AWS), `1.3` (Traefik), 772 (Caddy, RFC 8446 section 4.2.1)."""

from __future__ import annotations

import re
from functools import lru_cache

from logsentry.sdk import Value

_NAMED = re.compile(r"(?:(tls|ssl)v?)?([0-9])(?:[._]?([0-9]))?", re.IGNORECASE)
_NUMBERED = {"768": "SSLv3", "769": "TLSv1.0", "770": "TLSv1.1", "771": "TLSv1.2", "772": "TLSv1.3"}


_KEPT_LENGTH = 128  # longer words are read anew each time, so that hostile ones cannot fill the memory


def tls_fields(version: str, cipher: str) -> dict[str, Value]:
    """ECS fields of a version and a cipher suite; either may be empty or `-`. Do not change the answer.

    >>> tls_fields("tlsv12", "-")
    {'tls.version': '1.2', 'tls.version_protocol': 'tls'}
    """
    return _kept(version, cipher) if len(version) + len(cipher) <= _KEPT_LENGTH else _read(version, cipher)


def _read(version: str, cipher: str) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    named = _NAMED.fullmatch(_NUMBERED.get(version, version))
    if named is not None:
        fields["tls.version"] = f"{named[2]}.{named[3] or '0'}"
        fields["tls.version_protocol"] = (named[1] or "tls").lower()
    if cipher not in ("", "-"):
        fields["tls.cipher"] = cipher
    return fields


_kept = lru_cache(maxsize=1024)(_read)
