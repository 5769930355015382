"""One line cut into its eight parts: by one regular expression where it is well formed, with care where it is not.

`combined` takes common and combined lines with anything behind them; `loose` takes lines in extra quotes, fields between
size and referrer (Tomcat), quotes that nobody escaped, and lines that break off. Neither knows what a part means.
"""

from __future__ import annotations

import re

from logsentry.sdk import BadRecord
from logsentry_http_access.trailing import TOKEN

Parts = tuple[str | None, ...]
"""(before the time, time, request, status, bytes, referrer, agent, what follows); what is missing is None or empty."""

_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_TIME = r"\[([^\]\[]{20,40})\]"
# The look ahead refuses a line without a bracket at once, where the group before the time would give back letter by letter.
combined = re.compile(
    rf'(?=[^\["]*+\[)([^\["#\s\ufeff][^\["]*) {_TIME} {_QUOTED} ([0-9]{{3}}|-) ([0-9]{{1,18}}|-)(?: {_QUOTED} {_QUOTED}(?: (.*))?)?\s*',
    re.DOTALL,
).fullmatch
# The request's quote right behind the time tells the server's own time from one inside a user's name, whose quotes are escaped.
_STAMP = re.compile(r'\[([0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[^\]\[]{9,30}|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][^\]\[]{9,24})\]\s+"')
_ANSWER = re.compile(rf"{_QUOTED}\s+([0-9]{{3}}|-)(?:\s+([0-9]{{1,18}}|-))?(?:\s+(.*))?\s*", re.DOTALL)
_UNESCAPED = re.compile(r'"(.*?)"\s+([0-9]{3}|-)\s+([0-9]{1,18}|-)(?:\s+(.*))?\s*\Z', re.DOTALL)
_CUT = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)(?:"(.*)|\\)?', re.DOTALL)


def loose(text: str) -> Parts:
    """The parts of a line that `combined` refuses; raises `BadRecord` where it has no time with a request behind it."""
    line = _unwrapped(text.strip().lstrip("\ufeff"))
    if (parts := combined(line)) is not None:
        return parts.groups()
    stamp = _STAMP.search(line)
    if stamp is None:
        raise BadRecord("this is no access-log line: no time in square brackets with a quoted request behind it")
    request, status, size, rest = _answer(line[stamp.end() - 1 :])
    return (line[: stamp.start()], stamp[1], request, status, size, *_quoted_pair(rest or ""))


def _unwrapped(line: str) -> str:
    """Without the pair of quotes that some exports put around the whole line; its end may be cut off."""
    bracket = line.find("[")
    if not line.startswith('"') or '"' in line[1 : max(bracket, 1)]:
        return line
    return line[1:-1] if line.endswith('"') and len(line) > 1 else line[1:]


def _answer(text: str) -> tuple[str | None, str | None, str | None, str | None]:
    """(request, status, bytes, rest) of the text that begins with the request's quote."""
    found = _ANSWER.fullmatch(text) or _UNESCAPED.match(text)
    if found is not None:
        return found[1], found[2], found[3], found[4]
    cut = _CUT.match(text)
    return (cut[1] if cut else None), None, None, None


def _quoted_pair(text: str) -> tuple[str | None, str | None, str]:
    """(referrer, agent, everything else): the first two quoted values, wherever they stand."""
    pair: list[str] = []
    others: list[str] = []
    for token in TOKEN.finditer(text):
        if token["quoted"] is not None and token["key"] is None and len(pair) < 2:
            pair.append(token["quoted"])
        else:
            others.append(token[0])
    referrer, agent = pair[0] if pair else None, pair[1] if len(pair) > 1 else None
    return referrer, agent, " ".join(others)
