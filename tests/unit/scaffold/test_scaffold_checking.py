"""The contract of an installed source: kept, broken, or not to be run for want of something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from logsentry.cli.plugins import verdict
from logsentry.errors import UsageError
from logsentry.registry import Offer
from logsentry.scaffold.checking import Checked, Finding, check_source
from logsentry.scaffold.writing import write_plugin

LINES = Path(__file__).parents[2] / "golden" / "http-access" / "semicomplete.log"
INSTALL = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]


def check(*arguments: str, path: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "logsentry", "plugins", "check", *arguments],
        env={**os.environ, "PYTHONPATH": str(path)}, cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two new plugins, installed; the second has been broken in two ways."""
    site = tmp_path_factory.mktemp("site")
    for name in ("good", "bad"):
        folder = tmp_path_factory.mktemp("new") / name
        write_plugin(f"dns-{name}", "source", folder)
        module = folder / f"logsentry_dns_{name}" / "__init__.py"
        if name == "bad":
            text = module.read_text().replace('"source.address": line["address"]', '"source.addres": "-"')
            module.write_text(text.replace("event_id(record)", '"the same"'))
        subprocess.run([sys.executable, "-m", "pip", "install", *INSTALL, "--target", site, folder], check=True)
    return site


def test_a_built_in_source_keeps_it() -> None:
    checked = check_source("http-access", LINES)
    assert (checked.broken, checked.records) == (0, 10)
    assert "fields hold no empty values" in [finding.asked for finding in checked.findings]


def test_an_installed_one_is_checked_on_the_sample_that_it_ships(site: Path) -> None:
    done = check("dns-good", path=Path(site.name), cwd=site.parent)  # a relative path has to do as well
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "dns-good of logsentry-dns-good 0.1.0, on 4 records: 13 kept, 0 broken"


def test_a_broken_one_is_told_test_by_test(site: Path) -> None:
    done = check("dns-bad", "--json", path=site)
    assert done.returncode == 1
    wrong = {each["asked"]: each["wrong"] for each in json.loads(done.stdout)["findings"] if each["wrong"]}
    assert set(wrong) >= {"each event has an id of its own", "names and types are those of ecs", "fields hold no empty values"}
    assert "source.addres" in wrong["names and types are those of ecs"]


def test_the_text_has_a_line_for_each_test() -> None:
    offer = Offer("sources", "dns-bad", object, "dns-bad", "logsentry-dns-bad 0.1.0")
    findings = (Finding("is a source"), Finding("each event has an id of its own", "AssertionError: assert 1 == 4"))
    assert verdict(Checked(offer, 4, findings, "")).splitlines() == [
        "ok     is a source",
        "BROKEN each event has an id of its own",
        "       AssertionError: assert 1 == 4",
        "dns-bad of logsentry-dns-bad 0.1.0, on 4 records: 1 kept, 1 broken",
    ]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'http-access'"):
        check_source("http-acces", LINES)
    with pytest.raises(UsageError, match="ships no sample of 'http-access'; give a file"):
        check_source("http-access")
    (tmp_path / "empty").touch()
    with pytest.raises(UsageError, match="holds no records"):
        check_source("http-access", tmp_path / "empty")
    assert check("http-access", "--sample", "nowhere.log", path=tmp_path).stderr == "logsentry: there is no file nowhere.log\n"
