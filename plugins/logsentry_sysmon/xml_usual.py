"""Event XML as Windows itself writes it, read by regular expressions several times faster than by an XML parser.

It answers only for text in which nothing is left to interpret: no entity, comment, section, declaration or second event. Whatever else
stands there is left to `xml_event.py`, whose answer would be the same (a test holds both against each other).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from logsentry_sysmon.entry import Entry, System

_ATTRIBUTE = r"""(?:'([^'<&\n\t]*)'|"([^"<&\n\t]*)")"""
"""A parser makes a space of a line's end or a tab in an attribute (XML 1.0, section 3.3.3)."""
BEGIN = re.compile(r"""\s*<Event(?: xmlns=(?:'[^'<&\n\t]*'|"[^"<&\n\t]*"))?>\s*""")
_WRITTEN = re.compile(rf"<TimeCreated SystemTime={_ATTRIBUTE}\s*/>\s*<EventRecordID>([0-9]{{1,20}})</EventRecordID>")
_DATA = rf"""\s*<Data Name={_ATTRIBUTE}(?:\s*/>|>([^<&]*)</Data>)\s*"""
_ONE, _ALL = re.compile(_DATA), re.compile(f"(?:{_DATA})*")
_PLAIN = re.compile(r"<Data Name='([^'<&\n\t]*)'>([^<&]*)</Data>")
_MARKS = len("<Data Name=''></Data>")
_CONTROLS = bytes(sign for sign in range(32) if sign not in b"\t\n") + b"\x7f"


def usual_entry(data: bytes, system_of: Callable[[str, str], System | None]) -> Entry | None:
    """The entry of one event, or None where a parser is needed; `system_of` reads what stands before and in `System` when it is new."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    begin, _, rest = text.partition("<System>")
    system, _, rest = rest.partition("</System>")
    between, _, rest = rest.partition("<EventData>")
    body, _, end = rest.partition("</EventData>")
    written = _WRITTEN.search(system)
    if written is None or between.strip() or end.strip() != "</Event>" or not _is_plain(data, text):
        return None
    values = _values(body)
    told = None if values is None else system_of(begin, system[: written.start()] + system[written.end() :])
    if values is None or told is None:
        return None
    return Entry(told, written[3], written[1] or written[2] or "", values)


def _values(body: str) -> dict[str, str] | None:
    """Values by name, or None where there is more than that."""
    pairs = _PLAIN.findall(body)
    values: dict[str, str] = dict(pairs)
    read = _MARKS * len(pairs) + len("".join(values)) + len("".join(values.values()))
    if read != len(body) or len(values) != len(pairs):  # other quotes, blanks between, a name twice
        if _ALL.fullmatch(body) is None:
            return None
        values = {}
        for one, other, value in _ONE.findall(body):
            if value:
                values.setdefault(one or other, value)
    if "" in values or "" in values.values():
        values = {name: value for name, value in values.items() if name and value}
    return values


def _is_plain(data: bytes, text: str) -> bool:
    """Whether no sign is a control character; those that XML allows, but rarely holds, count as one."""
    if data.isascii():
        return len(data.translate(None, _CONTROLS)) == len(data)
    return text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable()
