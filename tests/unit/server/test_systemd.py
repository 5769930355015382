"""What systemd is told, over a socket as it opens one, and the unit that waits for it."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path

import pytest
import yaml
from services.model_server import serving, store_in

from logsentry.server.systemd import tell

PACKAGING = Path(__file__).parents[3] / "packaging"
UNIT = PACKAGING / "systemd" / "logsentry-serve.service"


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = f"@logsentry-{tmp_path.name}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind("\0" + name[1:] if name.startswith("@") else name)
        found.settimeout(30)
        yield found, name


def test_it_says_what_it_is_told_to_say(listening: tuple[socket.socket, str]) -> None:
    found, name = listening
    assert tell("READY=1", {"NOTIFY_SOCKET": name})
    assert found.recv(100) == b"READY=1"


def test_without_systemd_it_says_nothing() -> None:
    assert not tell("READY=1", {})
    assert not tell("READY=1", {"NOTIFY_SOCKET": "vsock:2:1234"})


def test_a_server_says_that_it_is_ready_when_it_is(tmp_path: Path) -> None:
    store_in(tmp_path / "store", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(tmp_path / "notify"))
        found.settimeout(30)
        with serving(tmp_path / "store", environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as server:
            assert found.recv(100) == b"READY=1"
            assert server.ask("GET", "/readyz").status == 200
            assert server.stop() == 0
            assert found.recv(100) == b"STOPPING=1"


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("there is no systemd-analyze here; install the Debian package systemd")
    text = (
        UNIT.read_text().replace("/usr/bin/logsentry", "/bin/true").replace("User=logsentry", "").replace("Group=logsentry", "")
    )
    (tmp_path / UNIT.name).write_text(text)
    done = subprocess.run([checker, "verify", "--man=no", tmp_path / UNIT.name], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert said == []


def test_the_unit_waits_for_that_word_and_is_hardened_as_the_job_is() -> None:
    def settings(path: Path) -> dict[str, str]:
        parser = RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(path)
        return dict(parser["Service"])

    ours, job = settings(UNIT), settings(PACKAGING / "systemd" / "logsentry-enrich@.service")
    assert ours["Type"] == "notify"
    hardening = ("Protect", "Private", "Restrict", "System", "NoNew", "Capability", "Lock", "Memory", "UMask")
    missing = {name for name in job if name.startswith(hardening)} - ours.keys()
    assert missing == set()


def test_the_manifest_keeps_to_what_the_server_answers() -> None:
    parts = {part["kind"]: part for part in yaml.safe_load_all((PACKAGING / "kubernetes" / "serve.yaml").read_text())}
    pod = parts["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == parts["Service"]["spec"]["selector"]
    assert parts["Deployment"]["spec"]["template"]["metadata"]["labels"].items() >= parts["Service"]["spec"]["selector"].items()
