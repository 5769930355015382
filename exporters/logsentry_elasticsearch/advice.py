"""What a person can do about a cluster that does not know them, or that cannot prove who it is: the names of the options."""

from __future__ import annotations

VARIABLE = "LOGSENTRY_ELASTICSEARCH_"
"""Of options that are left out: `LOGSENTRY_ELASTICSEARCH_API_KEY`, `_USERNAME`, `_PASSWORD`, `_CA_FILE`, `_FINGERPRINT`."""

_CREDENTIALS = f"{VARIABLE}API_KEY, or {VARIABLE}USERNAME and {VARIABLE}PASSWORD"
_UNKNOWN_ISSUER = ("issuer", "self-signed", "self signed")
"""How OpenSSL says that nobody whom it trusts signed the certificate; a wrong host name or date is no matter of authorities."""


def on_status(status: int, known: bool) -> str:
    """After a 401; `known` says that credentials were sent, so that they are wrong and not missing."""
    if status != 401:
        return ""
    return f"; what was sent is not accepted: check {_CREDENTIALS}" if known else f"; give {_CREDENTIALS}"


def on_certificate(reason: str) -> str:
    """Where the authority is not known here: how to name it."""
    unknown = any(word in reason.lower() for word in _UNKNOWN_ISSUER)
    return f"; name its authority with ca_file, --ca-file or {VARIABLE}CA_FILE" if unknown else ""
