"""`logsentry doctor`: each check on a healthy and on a sick machine."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from logsentry.cli import checks, main, providers
from logsentry.cli.checks import Finding
from logsentry.registry import Offer, Plugin, Registry

Usage = namedtuple("Usage", "total used free")


def test_here_nothing_fails(tmp_path: Path) -> None:
    done = CliRunner().invoke(main.root, ["doctor", "--json", "--store", str(tmp_path)])
    findings = json.loads(done.stdout)
    assert [finding for finding in findings if finding["state"] in ("fail", "warn")] == []
    assert done.exit_code == 0
    told = " ".join(finding["what"] for finding in findings)
    for subject in ("Python 3.", "msgspec ", "torch", "GiB free", "plugins", "onnxruntime runs on cpu", "demo bundle"):
        assert subject in told


def test_a_failure_is_exit_1_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    sick = [Finding("ok", "fine"), Finding("fail", "broken", "mend it")]
    monkeypatch.setattr(checks, "everything", lambda store: iter(sick))
    done = CliRunner().invoke(main.root, ["doctor"])
    assert (done.exit_code, done.stdout) == (1, "ok    fine\nfail  broken; mend it\n")


@pytest.mark.parametrize(
    ("asked", "state", "said"),
    [
        ("click>=8", "ok", "click 8."),
        ("click>=99", "fail", "and >=99 is needed"),
        ("no-such-package-here>=1", "fail", "no-such-package-here is not installed"),
    ],
)
def test_a_package_is_there_and_new_enough_or_not(asked: str, state: str, said: str) -> None:
    finding = checks.package(Requirement(asked))
    assert finding.state == state
    assert said in finding.what
    assert bool(finding.todo) == (state == "fail")


@pytest.mark.parametrize(("free", "state"), [(10 << 30, "ok"), (500 << 20, "warn"), (50 << 20, "fail")])
def test_a_disk_that_fills_up_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, free))
    finding = checks.disk(tmp_path / "not" / "yet")
    assert (finding.state, str(tmp_path) in finding.what) == (state, True)


def test_both_runtimes_at_once_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_version", lambda name: "99")
    assert "overwrite each other" in list(checks.packages())[-1].what


def test_broken_plugins_conflicts_and_offers_are_warnings() -> None:
    sick = Registry()
    sick.plugins.append(Plugin("bad", "other 2", 0.1, "Traceback\nValueError: no\n"))
    for plugin in ("one", "two"):
        sick._take(Offer("inputs", "twice", Requirement, plugin, f"{plugin} 1"))
    sick._take(Offer("sources", "gone", "no.such:it", "gone", "gone 1"))
    sick._take(Offer("exporters", "raises", "this:nothing", "raises", "raises 1"))
    *warnings, summary = checks.plugins(sick)
    assert [finding.state for finding in warnings] == ["warn"] * 4
    told = " | ".join(finding.what for finding in warnings)
    for part in ("'bad' of other 2 failed to load: ValueError: no", "offered by both", "no.such:it", "this:nothing"):
        assert part in told
    assert summary.what.startswith("1 plugins, 1 of their")


def test_the_demo_bundle_is_skipped_where_absent_and_fails_where_damaged(tmp_path: Path) -> None:
    assert checks.probe(tmp_path).state == "skip"
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text("{")
    assert checks.probe(tmp_path).state == "fail"


def test_providers_are_tried_and_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert providers.tried()["cpu"] == ""
    monkeypatch.setattr(providers, "tried", lambda: {"cpu": "", "cuda": "libcudart.so.13: cannot open shared object file"})
    monkeypatch.setattr(Path, "exists", lambda self: str(self) == "/dev/nvidiactl")
    states = {finding.what: finding.state for finding in checks.execution_providers()}
    told = "there is a GPU, but cuda does not run: libcudart.so.13: cannot open shared object file"
    assert states == {"onnxruntime runs on cpu": "ok", told: "warn"}


def test_a_runtime_that_does_not_start_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('its library is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = checks.execution_providers()
    assert finding.state == "fail"
    assert "ImportError: its library is missing" in finding.what


@pytest.mark.parametrize(("variable", "coloured"), [("1", False), ("", True)])
def test_no_color_is_kept_to(monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool) -> None:
    monkeypatch.setattr(checks, "everything", lambda store: iter([Finding("fail", "broken")]))
    done = CliRunner().invoke(main.root, ["doctor"], color=True, env={"NO_COLOR": variable})
    assert ("\x1b[" in done.stdout) is coloured
