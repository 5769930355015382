"""The script that asks classifiers about three sources: its labels, its figures, its rows, and the whole of its smallest set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.benchmarks import imported

from logsentry.schema.event import Event

script: Any = imported("classifier_sources")
answers: Any = imported("labelled.answers")
asking: Any = imported("labelled.asked")
figures: Any = imported("labelled.figures")
pages: Any = imported("labelled.page")
rows: Any = imported("labelled.rows")
sets: Any = imported("labelled.sets")
sysmon: Any = imported("labelled.sysmon")


def started(pid: int, program: str, parent: int, of: str = "explorer.exe", host: str = "h") -> Event:
    fields: dict[str, Any] = {
        "event.code": "1",
        "host.name": host,
        "process.pid": pid,
        "process.executable": f"C:\\Windows\\{program}",
        "process.parent.pid": parent,
        "process.parent.executable": f"C:\\Windows\\{of}",
    }
    return Event(f"{host}-{pid}", 0, "sysmon", fields, "", f"{pid} {program}".encode())


def test_a_foothold_and_what_descends_from_it_are_the_attackers() -> None:
    events = [
        started(5, "whoami.exe", 4, "net.exe"),  # before its parent in the file
        started(4, "net.exe", 3, "PowerShell.EXE"),
        started(3, "PowerShell.EXE", 1),
        started(2, "svchost.exe", 1, "services.exe"),
        started(4, "svchost.exe", 1, "services.exe", host="other"),
    ]
    malicious = sysmon.belongs_to_attacker(events)
    assert [malicious(event) for event in events] == [True, True, True, False, False]


def test_the_name_of_a_recording_says_what_drove_it() -> None:
    assert sysmon.tool_of("lateral_movement__covenant_psremoting_grunt") == "Covenant"
    assert sysmon.tool_of("discovery__empire_shell_net_local_users") == "Empire"
    assert sysmon.tool_of("defense_evasion__psh_mavinject_dll_notepad") == sysmon.BY_HAND


def test_events_go_to_the_file_of_their_label(tmp_path: Path) -> None:
    events = [started(1, "a.exe", 0), started(2, "b.exe", 0)]
    group = sets.parted("g", events, lambda event: event.fields["process.pid"] == 2, tmp_path)
    assert [Path(path).read_bytes() for path in (*group.benign, *group.malicious)] == [b"1 a.exe\n", b"2 b.exe\n"]
    assert sets.parted("n", events, lambda event: False, tmp_path).malicious == ()
    assert sets.files_of([group, group]) == (group.benign, group.malicious)


def asked_of(labels: list[int], groups: list[int]) -> Any:
    return msgspec.structs.replace(
        asking.Asked(None, None, [], np.array([0]), np.array([0]), (0, 0)), labels=np.array(labels), groups=np.array(groups)
    )


def test_figures_of_one_and_of_two_seeds() -> None:
    measures = figures.Measures(asked_of([0, 0, 1, 1], [0, 1, 1, 2]))
    right = answers.Answer("d", 1, np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, True, True, True]))
    wrong = answers.Answer("d", 2, np.array([3.0, 2.0, 1.0, 0.0]), np.array([False, False, False, True]))
    assert measures.of([right]).auc[0] == 1
    found = measures.of([right, wrong])
    assert (found.auc[0], found.benign[0], found.malicious[0]) == (0.5, 0.25, 0.75)


@settings(max_examples=25)  # each draws a thousand samples
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.floats(-5, 5), st.booleans()), min_size=4, max_size=12))
def test_intervals_hold_what_the_bootstrap_drew(drawn: list[tuple[int, int, float, bool]]) -> None:
    labels, groups, values, alerts = map(list, zip(*[*drawn, (0, 0, 0.0, False), (1, 0, 0.0, False)], strict=True))
    measures = figures.Measures(asked_of(labels, groups))
    auc = figures.Between.of(measures.of([answers.Answer("d", 1, np.array(values), np.array(alerts))]).auc)
    assert 0 <= auc.low <= auc.high <= 1
    assert 0 <= auc.value <= 1


def test_every_question_of_sysmon_has_other_recordings_to_ask_about() -> None:
    groups = {name: sets.Group(name) for name in ("a__empire_x", "b__covenant_y", "c__psh_z", "d__cmd_z")}
    learn, ask = sysmon._without(groups, sysmon.BY_HAND)
    assert [group.name for group in learn] == ["a__empire_x", "b__covenant_y"]
    assert [group.name for group in ask] == ["c__psh_z", "d__cmd_z"]


@pytest.mark.data
def test_the_smallest_set_gives_a_page(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "DATA", data)
    few = ["--detectors", "encoder-bag", "--readings", "0", "--seeds", "1", "--seconds", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["classifier_sources", "--only", "auditd", *few])
    assert script.main() == 0
    found = rows.read(tmp_path / "rows.csv")
    assert [row.detector.partition(" ")[0] for row in found] == ["encoder-bag", "TF-IDF", "process.executable"]
    for row in found:
        assert (row.benign, row.malicious, row.budget) == (30, 20, 0.05)
        assert 0 <= row.auc_low <= row.auc <= row.auc_high <= 1
        assert row.held_back_benign >= 20
    assert found[1].over_tfidf == 0
    text = (tmp_path / "README.md").read_text()
    assert text == pages.page(found)
    assert "## Linux auditd" in text
    assert "## Sysmon" not in text
    again = rows.merged(found, [msgspec.structs.replace(found[0], auc=0.5)])
    assert [row.auc for row in again] == [0.5, found[1].auc, found[2].auc]
