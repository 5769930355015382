r"""Text from a log, made safe to look at: what a reader cannot see is written out.

A log line is written by whoever sent the request. A right-to-left override turns `exe.gpj` into a picture (Trojan Source,
CVE-2021-42574), an escape sequence acts on a terminal that the text is pasted into, a zero-width space splits a word that
somebody searches for. Each such character becomes its backslash escape, as `logsentry.schema.event.readable` writes bytes
that are not UTF-8. Escaping for HTML is left to the template engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup

LONGEST = 800
"""Characters of one value that are shown; a request line seldom holds more."""

_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}

# Printable by their Unicode category, but drawn as nothing or as a blank: Default_Ignorable_Code_Point of
# DerivedCoreProperties.txt (Unicode 15) as far as it is letters and marks, and the blank Braille pattern.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_BEYOND_ASCII = re.compile(r"[^ -~]")


def visible(text: str, longest: int = LONGEST) -> str:
    r"""`text` with hidden characters written out (`\x1b`, `\u202e`); of a longer one the middle is left out, and said so."""
    return "".join(piece for piece, _ in _pieces(text, longest))


def shown(text: str, longest: int = LONGEST) -> Markup:
    """The same as HTML: what was written out, and the note of a cut, stand in `<i>`, so that they differ from plain text.

    Without that a reader could not tell an escape character from a log that really holds a backslash and `x1b`.
    """
    parts = [Markup("<i>{}</i>").format(piece) if ours else Markup.escape(piece) for piece, ours in _pieces(text, longest)]
    return Markup("").join(parts)


def _pieces(text: str, longest: int) -> Iterator[tuple[str, bool]]:
    """(text, whether it is ours and not the log's) in order. The end of a line is kept: it holds status and agent."""
    if len(text) <= longest:
        yield from _spelled(text)
        return
    tail = longest // 4
    yield from _spelled(text[: longest - tail])
    yield f" … {len(text) - longest:,} of {len(text):,} characters left out … ", True
    yield from _spelled(text[len(text) - tail :])


def _spelled(text: str) -> Iterator[tuple[str, bool]]:
    done = 0
    for match in _BEYOND_ASCII.finditer(text):
        if (written := _written_out(match[0])) is not None:
            yield text[done : match.start()], False
            yield written, True
            done = match.end()
    yield text[done:], False


def _written_out(character: str) -> str | None:
    if character.isprintable() and not _BLANK.match(character):
        return None
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
