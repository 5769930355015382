"""`logsentry config check|show|schema`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from logsentry.cli import main
from logsentry.store.bundles import ANOTHER

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
    assert done.stderr.splitlines()[0] == f"{file} is fine: files -> http-access -> ndjson"


@pytest.mark.parametrize(
    ("bundle", "source", "warning"),
    [
        ("{store: bundles, name: web}", "http-access", "bundle 'web'; it has: nothing yet; " + ANOTHER),
        ("{store: bundles, name: demo}", "sysmon", "was trained on http-access; it says nothing about sysmon"),
        ("{store: bundles, name: demo}", "http-access", ""),
    ],
)
def test_check_warns_of_a_bundle_that_a_run_would_refuse(file: Path, bundle: str, source: str, warning: str) -> None:
    file.write_text(GOOD.replace("{store: bundles, name: web}", bundle).replace("use: http-access", f"use: {source}"))
    done = run("check", file)
    assert done.exit_code == 0
    told = "".join(done.stderr.splitlines()[1:])
    assert told.endswith(warning)
    assert told.startswith("warning: as things are, a run would end at once: ") == bool(warning)


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


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ('{use: elasticsearch, url: "https://u:hush@host:9200"}', "an address of Elasticsearch holds no user name and password"),
        ("{use: elasticsearch}", "say where Elasticsearch is with either url or cloud_id"),
        ('{use: elasticsearch, url: "https://host:9200", namespace: Mine}', "'Mine' cannot be a namespace"),
        (
            '{use: splunk, token: t, url: "https://u:hush@host:8088"}',
            "an address of Splunk's HTTP Event Collector holds no user name",
        ),
    ],
)
def test_check_refuses_what_the_exporter_would_refuse(file: Path, part: str, sentence: str) -> None:
    file.write_text(GOOD.replace('{use: ndjson, path: "https://user:hush@host/x"}', part))
    done = run("check", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"logsentry: {file}:6: {sentence}")
    assert "hush" not in done.stderr


@pytest.mark.parametrize(
    ("good", "bad", "sentence"),
    [
        ("paths: [access.log]", "paths: []", "2: files: name at least one path, pattern or -"),
        ("use: http-access", "use: http-access, time_zone: Mars/Base", "3: time_zone: 'Mars/Base' is no time zone"),
        ("use: http-access", "use: http-access, formats: [nothing]", "3: the format 'nothing' has no directive"),
    ],
)
def test_check_refuses_what_the_input_and_the_source_would_refuse(file: Path, good: str, bad: str, sentence: str) -> None:
    file.write_text(GOOD.replace(good, bad))
    done = run("check", file)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"logsentry: {file}:{sentence}")
