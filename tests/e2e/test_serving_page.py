"""`docs/serving.md`, from training to SIGTERM: its files written, its commands typed, its output compared, its tables checked."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import msgspec
import pytest
from outside.test_tutorial import pattern_of, run, steps_of

from logsentry.cli.main import Commands
from logsentry.server.access import ROLES, VARIABLES, Access
from logsentry.server.app import Settings, application
from logsentry.server.limits import Limits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
STEPS = steps_of(PAGE)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder, a free port, and no server left over however the page ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("LOGSENTRY_STORE", "LOGSENTRY_SERVER", "LOGSENTRY_TOKEN", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "reader" / "serve.pid").read_text()), signal.SIGKILL)


def test_the_page_does_what_it_says(reader: Path) -> None:
    commands = [step for step in STEPS if step.command]
    assert len(commands) >= 20
    for step, (code, output) in zip(commands, run(STEPS, reader), strict=True):
        said = output if output.endswith("\n") else output + "\n"  # curl ends none
        assert code == 0, f"$ {step.command}\nended with {code}:\n{said}"
        assert pattern_of(step.shown).fullmatch(said), f"$ {step.command}\nshows\n{step.shown}\nbut says\n{said}"


def test_every_command_and_option_that_it_names_is_there() -> None:
    group = Commands()
    for words in re.findall(
        r"`(?:logsentry )?((?:client|serve) [^`]+)`|^\$ (?:.*\| )?logsentry ([^|>&\n]+)", PAGE, flags=re.MULTILINE
    ):
        name, *rest = (words[0] or words[1]).split()
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None, f"there is no command {name}"
        if isinstance(command, click.Group):
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


def test_every_option_that_it_names_alone_is_one_of_these_commands() -> None:
    group = Commands()
    known = {"--limit"}
    for name in ("serve", "client", "score", "train"):
        command = group.get_command(None, name)  # type: ignore[arg-type]
        inner = [command, *getattr(command, "commands", {}).values()]
        known |= {option for each in inner if each for parameter in each.params for option in parameter.opts}
    assert set(re.findall(r"`(--[\w-]+)", PAGE)) <= known


def test_roles_limits_and_addresses_are_the_server_s(tmp_path: Path) -> None:
    named = {field.name for field in msgspec.structs.fields(Limits)}
    limits = set(re.findall(r"(?:\(|[s,] )`([a-z_]+)`(?=\)| \|)|--limit ([a-z_]+)=", PAGE.partition("## What it refuses")[2]))
    limits = {word for words in limits for word in words if word}
    assert len(limits) >= 4
    assert limits <= named
    assert f"{Limits().lines:,} lines" in PAGE
    assert f"{Limits().waiting:,} windows" in PAGE
    assert f"{Limits().body_bytes >> 20} MiB" in PAGE
    assert all(f"| `{role}` |" in PAGE for role in ROLES)
    assert all(name in PAGE for name in VARIABLES)
    paths = {getattr(route, "path", "") for route in application(Settings(tmp_path), Access({})).routes}
    told = (
        "/healthz",
        "/readyz",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2",
        "/v2/repository/index",
        "/metrics",
        "/openapi.json",
        "/",
    )
    assert set(told) <= paths
    assert all(f"`{path}" in PAGE or f" {path}`" in PAGE or f", `{path}" in PAGE for path in told)


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE)
    assert len(links) >= 3
    assert all((ROOT / "docs" / link).exists() for link in links)
