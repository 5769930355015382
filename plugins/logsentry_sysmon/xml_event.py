"""Windows Event XML: one `<Event>` or several, with or without a namespace, in any of the encodings that expat reads.

Document type declarations are refused, so that no entity but the five of XML itself is ever expanded, and nothing outside is read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn
from xml.parsers import expat

from logsentry.sdk import BadRecord
from logsentry_sysmon.entry import Entry, System
from logsentry_sysmon.rendered import make_system
from logsentry_sysmon.xml_usual import BEGIN, usual_entry

_UNENDED = re.compile(r"&(lt|gt|amp|quot|apos)(?![;\w])")
_STRAY = re.compile(r"&(?!(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # XML 1.0, section 2.2
_MOST_DEPTH = 32
_ROOT = ("<Events>", "</Events>")


def entries(data: bytes | str) -> list[Entry]:
    """The events of a text, in order; raises `BadRecord` where it is no well-formed XML, or has a document type."""
    usual = usual_entry(data, _system_of) if isinstance(data, bytes) else None
    return parsed(data) if usual is None else [usual]


@lru_cache(maxsize=4096)
def _system_of(begin: str, text: str) -> System | None:
    """What stands in `System`, its time and record number taken out, the same for most events of a machine; None where a whole
    parser must read the event."""
    odd = "<!" in text or "<?" in text or "<System" in text or "EventData" in text
    return None if odd or BEGIN.fullmatch(begin) is None else parsed(f"<Event><System>{text}</System></Event>")[0].system


def parsed(data: bytes | str) -> list[Entry]:
    """The same by a whole XML parser."""
    try:
        return _read(data)
    except expat.ExpatError as error:
        mended = _mended(data)
        if mended == data:
            raise BadRecord(f"the XML is not well formed: {error}") from None
    try:
        return _read(mended)
    except expat.ExpatError as error:
        raise BadRecord(f"the XML is not well formed: {error}") from None


def _mended(data: bytes | str) -> str:
    """The text with signs escaped that writers forget: Sysmon for Linux writes `&lt unknown process&gt ` without semicolons."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return _FORBIDDEN.sub("\ufffd", _STRAY.sub("&amp;", _UNENDED.sub(r"&\1;", text)))


def _read(data: bytes | str) -> list[Entry]:
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except (ValueError, LookupError) as error:  # an encoding that expat does not know, or a NUL in a text
        raise BadRecord(f"the XML cannot be read: {error}") from None
    return reader.found


def entries_within(text: str) -> list[Entry]:
    """The events of a text that has something before or after them, as a line of syslog has."""
    begin, end = text.find("<Event"), text.rfind("</Event>")
    if begin < 0 or end < begin:
        raise BadRecord("the line holds no whole <Event>")
    return entries(_ROOT[0] + text[begin : end + len("</Event>")] + _ROOT[1])


def data_of(text: str) -> dict[str, str]:
    """The named values of XML that holds no more than an event's data, as rows of Sentinel's table `Event` do."""
    found = entries(f"<Event>{text}</Event>")
    return dict(found[0].data) if found else {}


def _refuse(*declared: object) -> NoReturn:
    raise BadRecord("the XML declares a document type or an entity, which is refused")


class _Reader:
    """Takes what expat finds; `System` by its elements, `EventData` and `UserData` by the names of their parts."""

    def __init__(self) -> None:
        self.found: list[Entry] = []
        self._path: list[str] = []
        self._name = ""
        self._texts: list[str] = []
        self._system: dict[str, str] = {}
        self._data: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._path.append(local)
        if len(self._path) > _MOST_DEPTH:
            raise BadRecord(f"the XML is nested more than {_MOST_DEPTH} deep")
        self._texts = []
        if local == "Event":
            self._system, self._data = {}, {}
        elif local == "Data":
            self._name = attributes.get("Name", "")
        else:
            self._name = local
            for key, value in attributes.items():
                self._system[f"{local}.{key.rpartition(':')[2]}"] = value

    def text(self, text: str) -> None:
        self._texts.append(text)

    def end(self, name: str) -> None:
        local = self._path.pop()
        if local == "Event":
            self.found.append(self._entry())
        elif "EventData" in self._path or "UserData" in self._path:
            if self._texts and self._name:
                self._data.setdefault(self._name, "".join(self._texts))
        elif "System" in self._path:
            self._system[local] = "".join(self._texts)
        self._texts = []

    def _entry(self) -> Entry:
        get = self._system.get
        system = make_system(
            get("EventID"), get("Provider.Name"), get("Provider.Guid"), get("Channel"), get("Computer"), get("Version"),
            get("Level"), get("Opcode"), get("Task"), get("Execution.ProcessID"), get("Execution.ThreadID"),
            get("Security.UserID") or get("Security.UserId"),
        )  # fmt: skip
        return Entry(system, get("EventRecordID", ""), get("TimeCreated.SystemTime", ""), self._data)
