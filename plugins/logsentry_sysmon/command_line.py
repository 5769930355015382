"""A Windows command line cut into its arguments, by the rules that Microsoft's C runtime keeps ("Parsing C command-line arguments")."""

from __future__ import annotations

import re

# Backslashes are plain unless a quote follows; text without any of the three needs no care.
_PIECE = re.compile(r'(\\*)"|[ \t]+|\\+|[^ \t"\\]+')
_WORD = re.compile(r'(?:[^ \t"]+|"[^"]*")+')
_LONGEST = 1 << 15  # CreateProcess takes no more


def arguments(line: str) -> list[str]:
    r"""The arguments of a command line; a quote left open lasts to the end.

    >>> arguments(r'"C:\Program Files\a.exe"  -x "b \"c\"" d\\"e f"')
    ['C:\\Program Files\\a.exe', '-x', 'b "c"', 'd\\e f']
    """
    line = line[:_LONGEST]
    if '"' not in line:
        return [part for part in line.replace("\t", " ").split(" ") if part]
    if '\\"' not in line and '""' not in line and line.count('"') % 2 == 0:
        return [word.replace('"', "") for word in _WORD.findall(line)]
    return _quoted(line)


def _quoted(line: str) -> list[str]:
    found: list[str] = []
    word, begun, inside = "", False, False
    for piece in _PIECE.finditer(line):
        text, slashes = piece[0], piece[1]
        if slashes is not None:
            word, begun = word + "\\" * (len(slashes) // 2), True
            if len(slashes) % 2:
                word += '"'
            else:
                inside = not inside
        elif text[0] in " \t" and not inside:
            found += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + text, True
    return [*found, word] if begun else found
