"""A format string cut into pieces: literal text, and what a server puts in its place.

Takes a bare string, or the whole line of a configuration: `LogFormat "%h …" combined`, `log_format main escape=json '…' '…';`.
"""

from __future__ import annotations

import difflib
import re

import msgspec

from logsentry.sdk import UsageError
from logsentry_http_access.directives import APACHE, APACHE_NAMED, APACHE_WITH_NAME, NGINX

_APACHE_LINE = re.compile(r'\s*(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)"(?:\s+\S+)*\s*', re.DOTALL)
_NGINX_LINE = re.compile(r"\s*log_format\s+\S+(?:\s+escape=\w+)?\s+((?:'(?:[^'\\]|\\.)*'\s*)+);?\s*", re.DOTALL)
_PERCENT = re.compile(r"%(?:%|[!0-9,]*[<>]?(?:\{([^}]*)\})?(\^t[io]|\^FB|[A-Za-z]))")
_DOLLAR = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Piece(msgspec.Struct, frozen=True):
    """`text` is literal, or the piece as it was written; `name` is one of `visit.NAMES` or `time`, empty for a value of no known kind."""

    text: str
    literal: bool = False
    name: str = ""
    argument: str = ""


def pieces(format_: str) -> list[Piece]:
    """The pieces in order; raises `UsageError` for a directive that Apache does not have, or a format without any."""
    text, apache = _bare(format_)
    found: list[Piece] = []
    at = 0
    for match in (_PERCENT if apache else _DOLLAR).finditer(text):
        _add_literal(found, text[at : match.start()])
        at = match.end()
        if match[0] == "%%":
            _add_literal(found, "%")
        else:
            found.append(_apache(match) if apache else _nginx(match))
    _add_literal(found, text[at:])
    if all(piece.literal for piece in found):
        raise UsageError(f"the format {format_!r} has no directive such as %h or $remote_addr")
    return found


def _bare(format_: str) -> tuple[str, bool]:
    """(the format string alone, whether it is Apache's): nginx's have a `$` with a name, and no directive with a percent sign."""
    if (line := _APACHE_LINE.fullmatch(format_)) is not None:
        return re.sub(r"\\(.)", _unescaped, line[1], flags=re.DOTALL), True
    if (line := _NGINX_LINE.fullmatch(format_)) is not None:
        return "".join(part.replace("\\'", "'") for part in re.findall(r"'((?:[^'\\]|\\.)*)'", line[1])), False
    return format_, _DOLLAR.search(format_) is None


def _unescaped(escape: re.Match[str]) -> str:
    return {"t": "\t", "n": "\n"}.get(escape[1], escape[1])


def _add_literal(found: list[Piece], text: str) -> None:
    if text and found and found[-1].literal:
        found[-1] = Piece(found[-1].text + text, literal=True)
    elif text:
        found.append(Piece(text, literal=True))


def _apache(match: re.Match[str]) -> Piece:
    argument, letter = match[1], match[2]
    if argument is None:
        if letter not in APACHE:
            raise UsageError(
                f"{match[0]} is no directive of Apache's log formats (https://httpd.apache.org/docs/current/mod/mod_log_config.html)"
            )
        return Piece(match[0], name=APACHE[letter])
    if letter == "t":
        return Piece(match[0], name="time", argument=argument)
    name = APACHE_WITH_NAME.get((argument.lower(), letter))
    if name is None and letter not in APACHE_NAMED:
        raise UsageError(f"{match[0]} is no directive of Apache's log formats: {{{argument}}} cannot stand before {letter}")
    return Piece(match[0], name=name or "")


def _nginx(match: re.Match[str]) -> Piece:
    variable = match[1] or match[2]
    if variable not in NGINX and (near := difflib.get_close_matches(variable, NGINX, n=1, cutoff=0.9)):
        raise UsageError(f"${variable} is no variable of nginx; the nearest is ${near[0]}")
    return Piece(match[0], name=NGINX.get(variable, ""), argument="msec" if variable == "msec" else "")
