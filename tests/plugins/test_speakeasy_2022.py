"""The reading of 2022: reports become the ids that the tokenized corpus has for them."""

from __future__ import annotations

import json
import lzma
import os
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from logsentry_speakeasy.profile import TEXT_2022
from logsentry_speakeasy.text import ReportText
from logsentry_speakeasy.values import path_words

DATA = Path(os.environ.get("LOGSENTRY_DATA", "../shared/data")) / "speakeasy"


def report(**more: Any) -> bytes:
    call = {"pc": "0x1", "api_name": "KERNEL32.CreateFileW", "args": ["a"], "ret_val": "0x80"}
    silent = {"pc": "0x1", "api_name": "KERNEL32.Sleep", "args": [], "ret_val": None}
    point = {"ep_type": "module_entry", "start_addr": "0x1", "ep_args": [], "apis": [call, silent], **more}
    return json.dumps([point, {**point, "apis": [call]}]).encode()


def test_calls_keep_their_dots_and_unlisted_values_have_a_stand_in() -> None:
    opened = {"event": "open", "path": "C:\\Windows\\system32\\" + "ab" * 32}
    text = ReportText(msgspec.structs.replace(TEXT_2022, returned=("0x80",))).tokens(report(file_access=[opened]))
    calls = "apis kernel32.createfilew 0x80 kernel32.sleep <ret_val> kernel32.createfilew 0x80"
    once = "open <drive> windows system32 <sha256>"
    assert text == f"{calls} file_access {once} {once}"
    assert "0x80" not in ReportText(TEXT_2022).tokens(report())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (r"Ch\Windows\temp\a.exe", "ch windows temp a.exe"),
        ("4" * 41, "<sha1>4"),
        (r"\\?\PhysicalDrive0", "? physicaldrive0"),
        ("", ""),
    ],
)
def test_paths(path: str, words: str) -> None:
    assert path_words(path) == words


@pytest.mark.data
def test_real_reports_become_the_rows_that_their_authors_made() -> None:
    if not (DATA / "raw").is_dir():
        pytest.skip("the staged Speakeasy data is not here; set LOGSENTRY_DATA")
    words = json.loads((DATA / "tokens" / "vocab1500.json").read_text())
    number = {word: one for one, word in enumerate(words)}
    with lzma.open(DATA / "raw" / "gamma_reports_dev.jsonl.xz") as file:
        reports = [row for row in map(json.loads, islice(file, 400)) if row["seq_in_train"]]
    wanted = {row["seq"] for row in reports}
    with lzma.open(DATA / "tokens" / "train.jsonl.xz") as file:
        rows = {row["seq"]: row["ids"] for row in map(json.loads, file) if row["seq"] in wanted}
    returned = {words[one] for ids in rows.values() for one in ids if words[one].startswith(("0x", "-0x"))}
    text = ReportText(msgspec.structs.replace(TEXT_2022, returned=tuple(returned)))
    made = [[number.get(word, 1) for word in text.tokens(json.dumps(row["report"]).encode()).split()] for row in reports]
    same = sum(ids[:2048] == rows[row["seq"]] for ids, row in zip(made, reports, strict=True))
    assert same >= 0.95 * len(reports) > 100
