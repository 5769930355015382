"""`logsentry config check|show|schema`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from logsentry.cli import main

GOOD = """\
inputs:
  - {use: files, paths: [access.log]}
source: {use: http-access}
bundle: {store: bundles, name: web}
exporters:
  - {use: ndjson, path: "https://user:hush@host/x"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main.root, ["config", *map(str, arguments)])


def test_check_says_that_a_file_is_fine_on_stderr_alone(file: Path) -> None:
    done = run("check", file)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{file} is fine: files -> http-access -> ndjson\n"


def test_check_answers_a_mistake_with_a_sentence_and_2(file: Path) -> None:
    file.write_text(GOOD.replace("paths", "pathes"))
    done = run("check", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"logsentry: {file}:2: unknown key 'pathes' in inputs[0]; did you mean 'paths'?\n"


def test_show_hides_what_is_secret_unless_told_otherwise(file: Path) -> None:
    done = run("show", file)
    assert done.exit_code == 0
    assert "hush" not in done.stdout
    assert yaml.safe_load(done.stdout)["alerts"] == {"per_day": 5.0}
    assert "hush" in run("show", file, "--no-redact").stdout


def test_schema_is_one_json_document_with_every_plugin() -> None:
    done = run("schema")
    assert done.exit_code == 0
    definitions = json.loads(done.stdout)["$defs"]
    assert {"inputs.files", "sources.http-access", "exporters.duckdb", "exporters.ndjson"} <= set(definitions)
    assert done.stderr == ""
