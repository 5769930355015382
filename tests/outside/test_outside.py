"""Real distributions, installed by pip into a folder of their own: what a stranger's plugin meets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LINE = "08-Feb-2017 18:16:58.404 CQ 192.0.2.7:62142 -> 192.0.2.1:53 UDP 53b example.com/IN/A\n"


def pip_install(name: str, target: Path) -> Path:
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, HERE / name], check=True)
    return target


@pytest.fixture(scope="module")
def dnstap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pip_install("logsentry_dnstap", tmp_path_factory.mktemp("dnstap"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pip_install("logsentry_broken", tmp_path_factory.mktemp("broken"))


def logsentry(*arguments: str, path: tuple[Path, ...], **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), **environment}
    return subprocess.run(
        [sys.executable, "-m", "logsentry", *arguments], env=variables, capture_output=True, text=True, check=False
    )


def listed(*path: Path, **environment: str) -> dict[str, dict]:
    done = logsentry("plugins", "list", "--json", path=path, **environment)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return {"conflicts": answer["conflicts"], **{plugin["name"]: plugin for plugin in answer["plugins"]}}


def test_an_installed_plugin_is_found_and_named_with_its_version(dnstap: Path) -> None:
    plugin = listed(dnstap)["dns-tap"]
    assert (plugin["distribution"], plugin["version"], plugin["failure"]) == ("logsentry-dnstap", "1.0", "")
    assert {(offer["kind"], offer["name"]) for offer in plugin["offers"]} == {("sources", "dns-tap"), ("commands", "dns-names")}


def test_its_command_stands_in_the_help_and_runs(dnstap: Path, tmp_path: Path) -> None:
    help = logsentry("--help", path=(dnstap,)).stdout
    assert "dns-names" in help.partition("Commands of plugins")[2]
    log = tmp_path / "queries"
    log.write_text(LINE * 2)
    done = logsentry("dns-names", str(log), "--quiet", path=(dnstap,))
    assert (done.returncode, done.stdout, done.stderr) == (0, "example.com\n" * 2, "")


def test_its_source_is_configured_like_a_built_in_one(dnstap: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "inputs: [{use: files, paths: [a]}]\nsource:\n  use: dns-tap\n  response: true\n"
        "bundle: {store: s, name: n}\nexporters: [{use: ndjson, path: out}]\n"
    )
    done = logsentry("config", "check", str(file), path=(dnstap,))
    assert (done.returncode, done.stderr) == (
        2, f"logsentry: {file}:4: unknown key 'response' in source; did you mean 'responses'?\n",
    )  # fmt: skip
    schema = json.loads(logsentry("config", "schema", path=(dnstap,)).stdout)
    assert schema["$defs"]["sources.dns-tap"]["properties"]["responses"]["type"] == "boolean"


def test_its_author_inherits_the_contract_of_a_source(dnstap: Path, tmp_path: Path) -> None:
    shutil.copy(HERE / "logsentry_dnstap" / "tests" / "contract.py", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "contract.py"],
        env={**os.environ, "PYTHONPATH": str(dnstap)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_broken_plugins_are_named_and_stop_nobody(dnstap: Path, broken: Path) -> None:
    plugins = listed(dnstap, broken)
    assert plugins["broken"]["failure"] == "RuntimeError: its licence server does not answer"
    assert "register_source" in plugins["misspelt"]["failure"]
    assert plugins["http-access"]["failure"] == ""
    assert plugins["http-access"]["offers"]
    (conflict,) = plugins["conflicts"]
    assert "logsentry-dnstap 1.0" in conflict
    assert "logsentry-broken 0.3" in conflict
    assert logsentry("--help", path=(dnstap, broken)).returncode == 0


def test_the_text_form_shows_the_last_line_and_with_tracebacks_all(broken: Path) -> None:
    short = logsentry("plugins", "list", path=(broken,)).stdout
    assert "broken of logsentry-broken 0.3 failed to load: RuntimeError: its licence server does not answer" in short
    assert "Traceback" not in short
    assert "Traceback (most recent call last)" in logsentry("plugins", "list", "--tracebacks", path=(broken,)).stdout


def test_a_broken_plugin_or_a_conflict_is_fatal_where_it_is_named(dnstap: Path, broken: Path, tmp_path: Path) -> None:
    done = logsentry("broken", path=(broken,))
    assert done.returncode == 1
    assert "failed to load: RuntimeError: its licence server" in done.stderr
    file = tmp_path / "config.yaml"
    file.write_text("inputs: [{use: files, paths: [a]}]\nsource: {use: dns-tap}\nbundle: {store: s, name: n}\nexporters: []\n")
    done = logsentry("config", "check", str(file), path=(dnstap, broken))
    assert done.returncode == 2
    assert "is offered by both" in done.stderr
    assert f"{file}:2:" in done.stderr


def test_the_doctor_tells_of_broken_plugins(broken: Path) -> None:
    done = logsentry("doctor", "--json", path=(broken,))
    told = [finding["what"] for finding in json.loads(done.stdout) if finding["state"] == "warn"]
    assert any("'broken' of logsentry-broken 0.3 failed to load" in what for what in told)


@pytest.mark.parametrize(("limit", "loaded"), [("", set()), ("files, dns-tap", {"files", "dns-tap"}), ("no-such-plugin", set())])
def test_a_variable_limits_what_is_loaded(dnstap: Path, broken: Path, limit: str, loaded: set[str]) -> None:
    assert set(listed(dnstap, broken, LOGSENTRY_LOAD_PLUGINS=limit)) - {"conflicts"} == loaded
