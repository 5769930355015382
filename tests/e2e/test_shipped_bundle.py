"""The bundle that the package ships: found by name without a store, and right about both kinds of input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logsentry.cli import main
from logsentry.pipeline.finding import SHIPPED, find_bundle, served

NAME = "speakeasy-encoder"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scored(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    done = CliRunner().invoke(main.root, ["score", "--bundle", NAME, *arguments])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def report(*calls: tuple[str, str | None]) -> dict[str, Any]:
    apis = [{"pc": "0x401000", "api_name": name, "args": [], "ret_val": value} for name, value in calls]
    point = {"ep_type": "module_entry", "start_addr": "0x401000", "ep_args": [], "apis": apis}
    return {"report_version": "1.1.0", "path": "a.exe", "entry_points": [point]}


def test_it_is_small_and_says_what_it_is() -> None:
    folder = SHIPPED / NAME
    assert sum(path.stat().st_size for path in folder.iterdir()) < 25e6
    card = (folder / "card.md").read_text()
    assert "MIT" in card
    assert "## Limits" in card


def test_rows_of_ids_give_a_line_each_in_order(empty: Path) -> None:
    ids = [45, 55, 21, 5, 52, 5, 8, 5, 49, 5, 63]
    rows: list[dict[str, Any]] = [
        {"ids": ids, "label": "trojan"},
        {"ids": []},
        {"ids": [9_999_999, 0, 2]},
        {"ids": ids * 300},
        {"ids": ids},
    ]
    code, lines, told = scored("--source", "speakeasy-tokens", written(empty / "rows.jsonl", rows))
    assert code == 0, told
    assert [line["source"] for line in lines] == ["speakeasy-tokens"] * 5
    assert lines[0]["value"] == lines[4]["value"]
    assert {line["detector"].split("@")[0] for line in lines} == {NAME}
    assert len({line["id"] for line in lines}) == 5
    assert "read 5 = scored 5" in told


def test_a_report_scores_as_its_row_of_ids_does(empty: Path) -> None:
    words = json.loads((SHIPPED / NAME / "logkeys.json").read_bytes())["tokenizer"]["words"]
    calls = [("KERNEL32.GetProcAddress", "0xfeee0001"), ("KERNEL32.VirtualAlloc", "0x50000"), ("KERNEL32.Sleep", None)] * 5
    row = ["apis", *(word for name, value in calls for word in (name.lower(), value or "<ret_val>"))]
    ids = [words.index(word) + 3 for word in row]
    (empty / "report.json").write_text(json.dumps(report(*calls)))
    code, (of_report,), told = scored("--source", "speakeasy", "report.json")
    assert code == 0, told
    code, (of_row,), told = scored(written(empty / "rows.jsonl", [{"ids": ids}]))
    assert code == 0, told
    assert of_report["source"] == "speakeasy"
    assert of_report["value"] == of_row["value"]
    assert of_report["probability"] == of_row["probability"]


def test_other_sources_are_refused(empty: Path) -> None:
    code, lines, told = scored("--source", "sysmon", written(empty / "rows.jsonl", [{"ids": [5]}]))
    assert code != 0
    assert not lines
    assert "reads speakeasy; it says nothing about sysmon" in told


def test_both_sources_are_told() -> None:
    assert served(find_bundle(NAME, Path("nowhere"))) == ("speakeasy-tokens", "speakeasy")
    assert served(find_bundle("demo", Path("nowhere"))) == ("http-access",)
