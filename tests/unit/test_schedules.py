"""The files in `packaging/` that run `logsentry enrich` on a schedule: they parse, and name commands and options that there are."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from logsentry.cli.main import Commands
from logsentry.config import load
from logsentry.registry import installed
from logsentry.sdk import Scheduled

PACKAGING = Path(__file__).parents[2] / "packaging"
SERVICE, TIMER = (PACKAGING / "systemd" / f"logsentry-enrich@.{kind}" for kind in ("service", "timer"))
FILES, NIGHTLY = (PACKAGING / "systemd" / name for name in ("files.conf", "nightly.conf"))
HARDENED = (
    "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "ProtectKernelModules", "ProtectControlGroups", "RestrictNamespaces",
    "RestrictSUIDSGID", "LockPersonality", "MemoryDenyWriteExecute",
)  # fmt: skip


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text())
    return parser


def known(words: list[str]) -> click.Command:
    """The command that these words call; fails where there is none, or an option that it has not."""
    group = Commands()
    name, *rest = words
    command = group.get_command(click.Context(group), name)
    assert command is not None, name
    if isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("-")} <= options, words
    return command


def test_the_service_runs_one_pass_with_few_rights() -> None:
    service = unit(SERVICE)["Service"]
    assert service["Type"] == "oneshot"
    for name in ("ExecStartPre", "ExecStart"):
        program, *words = shlex.split(service[name].replace("%i", "weblogs"))
        assert program == "/usr/bin/logsentry"
        known(words)
        assert words[-1] == "/etc/logsentry/weblogs.yaml"
    assert {service[name] for name in HARDENED} == {"yes"}
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"], service["User"]) == ("strict", "", "logsentry")
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert re.fullmatch(
        r"u logsentry - \S+ /var/lib/logsentry", (SERVICE.parent / "logsentry.sysusers").read_text().splitlines()[-1]
    )


def test_the_timer_catches_up_and_is_what_gets_enabled() -> None:
    timer = unit(TIMER)
    assert timer["Timer"]["Persistent"] == "yes"
    assert timer["Timer"]["OnCalendar"] == "*:0/5"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert not unit(SERVICE).has_section("Install"), "the timer starts it"


def test_the_drop_ins_make_it_a_job_over_files() -> None:
    emptied, *rest = [line for line in FILES.read_text().splitlines() if line.startswith("ExecStart=")]
    assert emptied == "ExecStart=", "a oneshot would run both"
    program, *words = shlex.split(rest[0].removeprefix("ExecStart=").replace("%i", "web"))
    assert (program, words) == ("/usr/bin/logsentry", ["run", "/etc/logsentry/web.yaml"])
    known(words)
    assert [line for line in NIGHTLY.read_text().splitlines() if line.startswith("OnCalendar=")] == [
        "OnCalendar=",
        "OnCalendar=03:00",
    ]


@pytest.mark.parametrize("dropped", [False, True])
def test_systemd_finds_nothing_wrong(tmp_path: Path, dropped: bool) -> None:
    """Where systemd is; elsewhere the tests above have to do."""
    paths = [tmp_path / path.name.replace("@", "@weblogs") for path in (SERVICE, TIMER)]
    for path, own, drop_in in zip(paths, (SERVICE, TIMER), (dropped and FILES, dropped and NIGHTLY), strict=True):
        path.write_text(own.read_text().replace("/usr/bin/logsentry", "/bin/true"))
        assert path.read_text().count("[") >= 2
        if drop_in:
            (tmp_path / f"{path.name}.d").mkdir()
            (tmp_path / f"{path.name}.d" / drop_in.name).write_text(
                drop_in.read_text().replace("/usr/bin/logsentry", "/bin/true")
            )
    if systemd := shutil.which("systemd-analyze"):
        done = subprocess.run([systemd, "verify", "--man=no", *paths], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_cron_line() -> None:
    (line,) = (line for line in (PACKAGING / "cron" / "logsentry").read_text().splitlines() if re.match(r"[*\d]", line))
    *when, user, command = line.split(maxsplit=6)
    assert [re.fullmatch(r"\*(/\d+)?|\d+", field) is not None for field in when] == [True] * 5
    assert user == "logsentry"
    assert "%" not in command, "which cron would take for a line break"
    words = shlex.split(command)
    known(words[words.index("logsentry") + 1 :])
    assert words[:2] == ["cd", "/var/lib/logsentry"]


@pytest.fixture
def manifests() -> dict[str, Any]:
    text = (PACKAGING / "kubernetes" / "enrich.yaml").read_text()
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_the_manifest_never_runs_two_passes_and_keeps_its_place(manifests: dict[str, Any]) -> None:
    job = manifests["CronJob"]
    assert (job["apiVersion"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "Forbid")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    known(container["command"][1:])
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(mounts) == set(volumes)
    assert mounts["state"] == container["workingDir"]
    claim = volumes["state"]["persistentVolumeClaim"]["claimName"]
    assert claim == manifests["PersistentVolumeClaim"]["metadata"]["name"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["command"][-1].startswith(mounts["config"])


def test_the_manifests_configuration_is_one_that_a_job_can_run(manifests: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "enrich.yaml"
    path.write_text(manifests["ConfigMap"]["data"]["enrich.yaml"])
    (part,) = load(path).inputs
    assert isinstance(installed().get("inputs", part.use)(part.options), Scheduled)
