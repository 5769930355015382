"""The request line between quotes: `GET /a/b.html?q=1 HTTP/1.1`, and everything that is sent instead of one.

Values stay as the server wrote them, escapes (`\\x22`, `\\"`) included: Apache and nginx escape differently and a line does
not say who wrote it. Only `url.path` is percent-decoded, once, as in Elastic's own pipelines; `url.original` keeps it raw.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

_KEPT_LENGTH = 512  # longer ones are read anew each time, so that hostile ones cannot fill the memory
_METHOD = re.compile(r"[A-Za-z][A-Za-z_-]{0,31}")
_VERSION = re.compile(r"HTTP/([0-9](?:\.[0-9])?)")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?:.*@)?(\[[0-9A-Fa-f:.]+\]|[^:@]+)(?::([0-9]{1,5}))?", re.DOTALL)
_LONGEST_EXTENSION = 16


def request_fields(text: str) -> dict[str, str | int]:
    """ECS fields of one request line; what is no request is kept whole in `http_access.request`. Do not change the answer.

    >>> request_fields("GET /a%20b.html?q=1 HTTP/1.1")["url.path"]
    '/a b.html'
    >>> request_fields("hello")
    {'http_access.request': 'hello'}
    """
    return _kept(text) if len(text) <= _KEPT_LENGTH else _read(text)


def _read(text: str) -> dict[str, str | int]:
    if text in ("", "-"):
        return {}
    method, target, version = _three_parts(text)
    if not _METHOD.fullmatch(method) or not _is_target(method, target, version):
        return {"http_access.request": text}
    fields: dict[str, str | int] = {"http.request.method": method, "url.original": target, **target_fields(method, target)}
    if version:
        fields["http.version"] = version
    return fields


def _three_parts(text: str) -> tuple[str, str, str]:
    """(method, target, version): RFC 9112 section 3, but blanks inside the target are taken, and HTTP/0.9 has no version."""
    method, _, rest = text.partition(" ")
    target, _, last = rest.rpartition(" ")
    version = _VERSION.fullmatch(last)
    return (method, target.strip(" "), version[1]) if version else (method, rest.strip(" "), "")


_kept = lru_cache(maxsize=8192)(_read)


def _is_target(method: str, target: str, version: str) -> bool:
    """Without a version, two words are a request only where the second could be a target."""
    return bool(target) and (bool(version) or target[0] in "/*" or method == "CONNECT" or bool(_ABSOLUTE.match(target)))


def target_fields(method: str, target: str) -> dict[str, str | int]:
    """The four forms of RFC 9112 section 3.2: origin, absolute (as to a proxy), authority (CONNECT) and asterisk."""
    if method == "CONNECT":
        return _authority_fields(target)
    if target[:1] == "/":  # nearly all lines
        return _path_fields(target)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return _path_fields(target)
    return {"url.scheme": absolute[1], **_authority_fields(absolute[2]), **_path_fields(absolute[3])}


def stem_fields(stem: str) -> dict[str, str | int]:
    """A path that a server logs apart from its query and has decoded already (IIS): it may hold a question mark of its own."""
    fields: dict[str, str | int] = {"url.original": stem, "url.path": stem}
    if extension := _extension(stem):
        fields["url.extension"] = extension
    return fields


def _extension(path: str) -> str:
    """What stands behind the last dot of the last part, where it looks like an extension."""
    _, dot, last = path.rpartition("/")[2].rpartition(".")
    return last if dot and len(last) <= _LONGEST_EXTENSION and last.isalnum() and last.isascii() else ""


def _authority_fields(authority: str) -> dict[str, str | int]:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return {}
    return {"url.domain": parts[1], "url.port": int(parts[2])} if parts[2] else {"url.domain": parts[1]}


def _path_fields(target: str) -> dict[str, str | int]:
    raw, _, query = target.partition("?")
    path = _decoded(raw) if "%" in raw else raw
    fields: dict[str, str | int] = {"url.path": path} if path else {}
    if query:
        fields["url.query"] = query
    if extension := _extension(path):
        fields["url.extension"] = extension
    return fields


def _decoded(path: str) -> str:
    """The path with its percent signs decoded once, or as it is where that gives no printable text."""
    try:
        text = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return path
    return text if text.isprintable() else path
