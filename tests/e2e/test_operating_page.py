"""`docs/operating.md`, from a log to a job and a new model: its files written, its commands typed, its output compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from outside.test_tutorial import pattern_of, run, steps_of

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
STEPS = steps_of(PAGE)


def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("LOGSENTRY_STORE", raising=False)
    commands = [step for step in STEPS if step.command]
    assert len(commands) >= 15
    for step, (code, output) in zip(commands, run(STEPS, tmp_path), strict=True):
        assert code == 0, f"$ {step.command}\nended with {code}:\n{output}"
        assert pattern_of(step.shown).fullmatch(output), f"$ {step.command}\nshows\n{step.shown}\nbut says\n{output}"
    assert b"<h1>logsentry report</h1>" in (tmp_path / "reader" / "report.html").read_bytes()


@pytest.mark.parametrize("name", ["files.conf", "nightly.conf", "logsentry.sysusers", "logsentry-enrich@.timer"])
def test_what_it_copies_is_there(name: str) -> None:
    assert (Path(__file__).parents[2] / "packaging" / "systemd" / name).is_file()
    assert name in PAGE or name.partition("@")[0] + "@.*" in PAGE
