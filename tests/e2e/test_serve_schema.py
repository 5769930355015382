"""The published OpenAPI document against the server, by Schemathesis: what nobody here thought of asking."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from services.model_server import NAME, Server, serving, store_in

ROOT = Path(__file__).parents[2]
CHECKER = Path(os.environ.get("LOGSENTRY_PEERS", ROOT / ".venv-peers")) / "bin" / "schemathesis"

ON_OUR_MODEL = f"""
[parameters]
"path.model" = "{NAME}"
"path.source" = "http-access"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404", "415"]
"""
"""Which ids a model takes depends on the model, and so is in no schema: 400 is a right answer there. So is 404 for another version,
and 415 for an archive. Unloading is left out, so that there is a model to ask."""


class Checking(NamedTuple):
    """A server of its own and what is asked of it, under way."""

    server: Server
    checker: subprocess.Popen[bytes]
    said: Path


@pytest.fixture(scope="module")
def checking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Checking]]:
    """Both at once: each has one core to itself on the machines that these tests are for."""
    if not CHECKER.exists():
        pytest.skip(f"there is no {CHECKER}; `make services` installs it")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(checked(tmp_path_factory.mktemp("schema"), settings, examples))
            for name, settings, examples in (("any names", "", 25), ("our model", ON_OUR_MODEL, 40))
        }


@contextmanager
def checked(folder: Path, settings: str, examples: int) -> Iterator[Checking]:
    store_in(folder / "store", 1)
    (folder / "schemathesis.toml").write_text(settings)
    with serving(folder / "store", "--control", "--limit", "header_seconds=5") as server, (folder / "said").open("wb") as said:
        address = f"http://127.0.0.1:{server.port}/openapi.json"
        command = [CHECKER, "run", address, "--max-examples", str(examples), "--seed", "1", "--no-color"]
        command += ["--exclude-path-regex", "/unload$"] if settings else []
        checker = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
        try:
            yield Checking(server, checker, folder / "said")
        finally:
            checker.kill()
            checker.wait()


@pytest.mark.parametrize(("name", "tested"), [("any names", 16), ("our model", 15)])
def test_schemathesis_finds_nothing(checking: dict[str, Checking], name: str, tested: int) -> None:
    server, checker, file = checking[name]
    code, said = checker.wait(600), file.read_text()
    assert code == 0, said[-8000:]
    assert f"Tested: {tested}" in said, said[-3000:]
    assert server.ask("GET", "/healthz").status == 200
    assert [line for line in server.lines() if line["log.level"] in ("error", "critical")] == []
