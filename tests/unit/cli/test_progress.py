"""The bar: on a terminal only, and never on stdout."""

from __future__ import annotations

import io
import sys

import click
import pytest

from logsentry.cli import progress as drawn
from logsentry.cli import talk
from logsentry.cli.progress import bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def draw() -> None:
    with bar("scoring [0]") as progress:
        progress(3, 10, "access.log")
        progress(10, 10, "")
        progress(11, 0, "")


def test_a_terminal_sees_what_how_much_and_the_note(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    draw()
    assert "scoring [0]" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_a_file_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    draw()
    assert capsys.readouterr() == ("", "")


def test_a_file_gets_a_sentence_when_a_minute_has_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(drawn, "monotonic", lambda: now[0])
    with bar("training") as progress:
        for now[0], done, note in ((59.0, 100, ""), (60.0, 1200, "loss 1.2"), (61.0, 1210, ""), (121.0, 1300, "")):
            progress(done, 1600 if note else 0, note)
    assert capsys.readouterr() == ("", "training: 1,200 of 1,600, loss 1.2\ntraining: 1,300\n")


def test_quiet_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with click.Context(click.Command("x")):
        talk.be_quiet()
        draw()
    assert terminal.getvalue() == ""
