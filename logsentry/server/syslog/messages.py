"""The raw record inside a syslog message: its MSG part, behind a header of RFC 5424 or of RFC 3164.

Most that calls itself syslog follows RFC 3164 a little (that RFC only describes what was seen): a header is taken off as far as it can
be told for sure, and a line without one is the record. Which of its lines are events is for the source.
"""

from __future__ import annotations

import re

_PRIORITY = re.compile(rb"<(?:\d|[1-9]\d|1[0-8]\d|19[01])>")
"""Facility times eight and severity: 0 to 191, without leading zeros (RFC 5424 section 6.2.1)."""

_VERSION = re.compile(rb"[1-9]\d{0,2} (?=-|\d{4}-\d\d-\d\dT)")
"""RFC 5424's version, told from a number that begins a bare message by the timestamp that must follow."""

_HEADER = re.compile(rb"\S+ [!-~]{1,255} [!-~]{1,255} [!-~]{1,255} [!-~]{1,255} ")
"""TIMESTAMP HOSTNAME APP-NAME PROCID MSGID (section 6); longer names than it allows are seen."""

_ELEMENT = re.compile(rb'\[[^\s="\]]+(?: +[^\s="\]]+="(?:[^"\\]|\\.)*")*\]', re.DOTALL)
"""Of structured data (section 6.3)."""

_BOM = b"\xef\xbb\xbf"

_OLD_TIME = re.compile(
    rb"(?:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]?\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?(?: \d{4})?"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)) "
)
"""RFC 3164's, with the year or the fractions that some add, or the timestamp of RFC 3339 that rsyslog writes in its place."""

_TAG = re.compile(rb"[\w/.][\w./@%()+-]{0,254}(?:\[[^\s\[\]]{0,255}\])?:(?: |$)")
"""The program and its process; not the first name of a JSON object, which a colon follows as well."""

_HOST = re.compile(rb"[!-~]{1,255} ")


def record_of(message: bytes) -> bytes | None:
    """MSG of a message without its line end; None where a header of RFC 5424 is broken off or bent, or nothing follows the header."""
    priority = _PRIORITY.match(message)
    if priority is None:
        return message or None
    version = _VERSION.match(message, priority.end())
    start = _behind_old(message, priority.end()) if version is None else _behind_new(message, version.end())
    return None if start is None else message[start:] or None


def _behind_new(message: bytes, at: int) -> int | None:
    header = _HEADER.match(message, at)
    if header is None:
        return None
    at = header.end()
    if message.startswith(b"-", at):
        at += 1
    else:
        start = at
        while element := _ELEMENT.match(message, at):
            at = element.end()
        if at == start:
            return None
    if at == len(message):
        return at
    if not message.startswith(b" ", at):
        return None
    return at + 1 + (len(_BOM) if message.startswith(_BOM, at + 1) else 0)


def _behind_old(message: bytes, at: int) -> int:
    """Without a timestamp all that follows the priority is the content (RFC 3164 section 4.3.2). A program on this machine leaves the
    host out, so a tag may stand in its place."""
    time = _OLD_TIME.match(message, at)
    if time is None:
        return at
    at = time.end()
    tag = _TAG.match(message, at)
    host = None if tag else _HOST.match(message, at)
    if host is not None:
        tag, at = _TAG.match(message, host.end()), host.end()
    return tag.end() if tag else at
