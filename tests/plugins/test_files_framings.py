"""Records that are no lines: cut where the format ends them, whatever the blocks, and resumed after any of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logsentry_files.config import FilesConfig
from logsentry_files.framings import EVTX_CHUNK, FRAMES, HEAD
from logsentry_files.input import Files

from logsentry.sdk import Framing, Record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=6)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def records(framing: Framing, data: bytes, size: int = 7, limit: int = 1 << 20) -> list[tuple[int, bytes]]:
    found = [lines for lines in FRAMES[framing](blocks(data, size), 0, limit, data[:HEAD]) if lines is not None]
    return [(lines.offset, line) for lines in found for line in lines.lines]


@given(OBJECTS, st.sampled_from([None, 1, 4]), st.sampled_from(["array", "lines", "values"]), st.integers(1, 40))
def test_json_values_however_they_are_laid_out(objects: list[object], indent: int | None, layout: str, size: int) -> None:
    texts = [json.dumps(value, indent=indent, ensure_ascii=False) for value in objects]
    data = (
        json.dumps(objects, indent=indent) if layout == "array" else ("\n" if layout == "lines" else " ").join(texts)
    ).encode()
    found = records("json", data, size)
    assert [json.loads(line) for _, line in found] == objects
    assert all(data[offset : offset + len(line)] == line for offset, line in found)


def test_what_is_no_json_is_a_record_of_its_own() -> None:
    assert [line for _, line in records("json", b'{"a": 1}\nnot json\n{"b": "}"}\n{"cut": [')] == [
        b'{"a": 1}', b"not json", b'{"b": "}"}', b'{"cut": [',
    ]  # fmt: skip


EVENT = '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>1</EventID></System>%s</Event>'


@given(st.lists(st.text(alphabet="abc <>&é", max_size=9), max_size=5), st.booleans(), st.integers(1, 50))
def test_xml_events_with_and_without_a_root(texts: list[str], root: bool, size: int) -> None:
    events = [EVENT % text.replace("&", "&amp;").replace("<", "&lt;") for text in texts]
    data = (f"<?xml version='1.0'?>\n<Events>{'  '.join(events)}</Events>" if root else "\r\n".join(events)).encode()
    assert [line.decode() for _, line in records("xml", data, size)] == events


def test_chunks_of_an_event_log_come_behind_its_header() -> None:
    header, chunks = b"ElfFile\0".ljust(HEAD, b"h"), [bytes([number]) * EVTX_CHUNK for number in range(3)]
    data = header + b"".join(chunks) + b"short"
    found = records("evtx", data, 10_000)
    assert [offset for offset, _ in found] == [HEAD + number * EVTX_CHUNK for number in range(4)]
    assert [line for _, line in found] == [header + chunk for chunk in [*chunks, b"short"]]


@pytest.mark.parametrize(
    ("framing", "data"),
    [
        ("json", b'[{"a": 1},\n {"b": [2, {"c": "]"}]},\n {"d": null}]'),
        ("json", b'{"a": 1}\n{"b": 2}\n{"c": 3}\n'),
        ("xml", ("<Events>" + "\n".join(EVENT % number for number in range(4)) + "</Events>").encode()),
        ("evtx", b"ElfFile\0".ljust(HEAD, b"h") + b"".join(bytes([number]) * EVTX_CHUNK for number in range(3))),
        ("document", b"one\ntwo\n"),
    ],
)
def test_reading_goes_on_after_any_record(framing: Framing, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(data)

    def read(after: Record | None = None) -> list[tuple[int, bytes, dict[str, int | str]]]:
        files = Files(FilesConfig(paths=[str(path)]))
        files.framed_by(lambda head: framing)
        return [(r.offset, r.data, r.cursor) for r in files.read(None if after is None else after.cursor) if r is not None]

    files = Files(FilesConfig(paths=[str(path)]))
    files.framed_by(lambda head: framing)
    whole = [record for record in files.read() if record is not None]
    for number, record in enumerate(whole, 1):
        assert read(record) == [(r.offset, r.data, r.cursor) for r in whole[number:]]
