"""The commands that a user would type, as processes, in an empty folder: demo, decode, train, score, report, models."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from logsentry_duckdb.store import Store

import logsentry

DEMO = Path(logsentry.__file__).parent / "demo"
LOG = DEMO / "logs" / "ordinary-2015-05-19.log.gz"
ATTACKS = DEMO / "logs" / "attacks.log.gz"
DAYS = [DEMO / "logs" / f"ordinary-2015-05-{day}.log.gz" for day in (17, 18)]
SMALL = ["members=3", "width=16", "layers=1", "heads=2", "max_steps=40", "max_length=66"]
KEYS = {"id", "@timestamp", "source", "detector", "value", "p_value", "threshold", "alert", "why", "key", "events"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("LOGSENTRY_STORE", raising=False)
    return tmp_path


def run(*arguments: str | Path, stdin: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "logsentry", *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done


def scores(lines: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.splitlines()]


def test_demo_twice_adds_nothing_twice(here: Path) -> None:
    first = run("demo", "--out", "out").stdout.decode()
    assert "1. " in first
    assert "5. " in first
    assert "instead" in first
    page = (here / "out" / "report.html").read_text()
    assert "<script" not in page
    written = (here / "out" / "scores.ndjson").read_bytes()
    assert scores(written)[0].keys() >= KEYS
    again = run("demo", "--out", "out")
    with Store("out/scores.duckdb") as store:
        assert len(store.columns().values) == len(scores(written))
        assert [r.books.read for r in store.runs()] == [3046]
    assert b"read 3,046" in again.stderr
    assert (here / "out" / "scores.ndjson").read_bytes() == written


def test_score_in_input_order_byte_equal_and_the_same_from_stdin(here: Path) -> None:
    one = run("score", "--bundle", "demo", LOG)
    assert one.stdout == run("score", "--bundle", "demo", LOG).stdout
    assert one.stdout == run("score", "--bundle", "demo", "-", stdin=gzip.decompress(LOG.read_bytes())).stdout
    found = scores(one.stdout)
    assert sum(int(str(row["events"])) for row in found) == 2896
    assert b"read 2,896 = scored 2,896 + filtered 0 + dead-lettered 0" in one.stderr


def test_findings_can_fail_a_job(here: Path) -> None:
    run("score", "--bundle", "demo", ATTACKS, "--fail-on", "alert", code=3)


def test_what_cannot_be_read_is_dead_lettered_once(here: Path) -> None:
    lines = gzip.decompress(LOG.read_bytes()).splitlines(keepends=True)[:3]
    (here / "mixed.log").write_bytes(lines[0] + b"[Sun Nov 21] not an access line\n" + lines[1] + b"\xff\x00\xfe\n" + lines[2])
    for _ in range(2):
        done = run("score", "--bundle", "demo", "mixed.log", code=4)
        assert b"read 5 = scored 3 + filtered 0 + dead-lettered 2" in done.stderr
    dead = [json.loads(line) for line in (here / "logsentry-dead-letters.ndjson").read_bytes().splitlines()]
    assert [row["offset"] for row in dead] == [len(lines[0]), len(lines[0]) + 32 + len(lines[1])]
    assert all(row["reason"] for row in dead)


def test_decode_writes_nested_ecs(here: Path) -> None:
    first = json.loads(run("decode", "--source", "http-access", LOG).stdout.splitlines()[0])
    assert first["http"]["response"]["status_code"] == 200
    assert first["@timestamp"].startswith("2015-05-19T")


def bad_inputs(here: Path) -> dict[str, Path | str]:
    whole = LOG.read_bytes()
    (here / "half.gz").write_bytes(whole[: len(whole) // 2])
    (here / "folder").mkdir(exist_ok=True)
    return {"no-such.log": "no-such.log", "half.gz": "half.gz", "folder": "folder", "no-match-*.log": "no-match-*.log"}


@pytest.mark.parametrize("name", ["no-such.log", "half.gz", "folder", "no-match-*.log"])
def test_bad_input_is_one_sentence_and_exit_code_1(here: Path, name: str) -> None:
    done = run("score", "--bundle", "demo", bad_inputs(here)[name], code=1)
    assert name.encode() in done.stderr
    assert (b"scored" in done.stdout + done.stderr) == (name == "half.gz"), (
        "what comes before the damage is scored, and only that"
    )


def test_an_empty_file_is_no_error(here: Path) -> None:
    (here / "empty.log").write_bytes(b"")
    done = run("score", "--bundle", "demo", "empty.log")
    assert done.stdout == b""
    assert b"read 0 = scored 0" in done.stderr


def test_hostile_lines_end_in_the_books(here: Path) -> None:
    (here / "hostile.log").write_bytes(b"a" * 100_000_000 + b"\n" + b"\0" * 70 + b"\n" + bytes(range(256)) + b"\n")
    done = run("score", "--bundle", "demo", "hostile.log", code=4)
    assert b"dead-lettered" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("score", "--bundle", "nothing", "x.log"), "nothing"),
        (("score", "--bundle", "demo", "--source", "sysmon", "x.log"), "trained on http-access"),
        (("decode", "--source", "http-acess", "x.log"), "did you mean 'http-access'"),
        (("score", "--bundle", "demo", "--to", "duckbd:x", LOG), "did you mean 'duckdb'"),
        (("score", "--bundle", "demo", "--alerts-per-day", "0", LOG), "above zero"),
        (("train", "--source", "http-access", "--detector", "logbert-ensemble", "--set", "mebers=3", LOG), "mebers"),
        (("train", "--source", "http-access", "--window", "count:2", LOG), "window rule"),
        (("report", "duckdb:nothing.duckdb"), "nothing.duckdb"),
    ],
)
def test_wrong_commands_say_what_is_wrong(here: Path, arguments: Sequence[str | Path], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "logsentry", *map(str, arguments)], capture_output=True, check=False)
    assert done.returncode in (1, 2)
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_a_corrupt_bundle_is_refused(here: Path) -> None:
    for path in sorted((DEMO / "bundle").iterdir()):
        (here / "copy").mkdir(exist_ok=True)
        (here / "copy" / path.name).write_bytes(path.read_bytes())
    model = here / "copy" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    done = run("score", "--bundle", "copy", LOG, code=1)
    assert b"get the bundle again" in done.stderr


def test_train_score_report_on_ones_own_logs(here: Path) -> None:
    settings = [part for setting in SMALL for part in ("--set", setting)]
    trained = run(
        "train",
        "--source",
        "http-access",
        "--detector",
        "logbert-ensemble",
        *DAYS,
        "--store",
        "models",
        "--name",
        "web",
        *settings,
    )
    reference = trained.stdout.decode().strip()
    assert reference.startswith("web@")
    asked = ("train", "--source", "http-access", "--detector", "logbert-ensemble", *DAYS, "--store", "again", "--name", "web")
    again = run(*asked, *settings)
    assert again.stdout == trained.stdout, "the same logs and seed give the same bundle"
    run("score", "--bundle", "models/web", LOG, ATTACKS, "--to", "duckdb:scores.duckdb")
    run("report", "duckdb:scores.duckdb", "--out", "report.html")
    assert reference in (here / "report.html").read_text()
    assert reference.split("@")[1] in run("models", "list", "--store", "models").stdout.decode()
    assert b"is whole" in run("models", "verify", "web", "--store", "models").stdout
    assert json.loads(run("models", "show", reference, "--store", "models").stdout)["source"] == "http-access"


def test_the_same_log_under_another_budget_is_a_run_of_its_own(here: Path) -> None:
    asked = ("score", "--bundle", "demo", ATTACKS, "--to", "duckdb:scores.duckdb", "--alerts-per-day")
    told = [run(*asked, budget).stderr.decode() for budget in ("1", "50", "1")]
    assert "duplicate" in told[1]
    with Store("scores.duckdb") as store:
        runs = sorted(store.runs(), key=lambda one: one.alerts_per_day)
    assert [one.alerts_per_day for one in runs] == [1.0, 50.0]
    refused = run("report", "duckdb:scores.duckdb", code=2).stderr.decode()
    assert "under different thresholds; say which with --run" in refused
    for one, stderr in zip(runs, told, strict=False):
        assert f"{one.id} (threshold " in refused
        page = run("report", "duckdb:scores.duckdb", "--run", one.id).stderr.decode()
        windows, alerts = re.findall(r"([\d,]+) windows scored .* ([\d,]+) at or above", stderr)[0]
        assert f"{windows} windows, {alerts} alerts" in page
        assert ("can vouch for no fewer than" in stderr) == ("can vouch for no fewer than" in (here / "report.html").read_text())


def test_a_pass_with_state_goes_on_where_it_stopped(here: Path) -> None:
    lines = gzip.decompress(LOG.read_bytes()).splitlines(keepends=True)
    (here / "access.log").write_bytes(b"".join(lines[:1000]))
    first = run("score", "--bundle", "demo", "access.log", "--state", "state", "--to", "ndjson:scores.ndjson")
    assert b"read 1,000" in first.stderr
    (here / "access.log").write_bytes(b"".join(lines))
    second = run("score", "--bundle", "demo", "access.log", "--state", "state", "--to", "ndjson:scores.ndjson")
    assert b"read 1,896" in second.stderr
    assert sum(int(str(row["events"])) for row in scores((here / "scores.ndjson").read_bytes())) == 2896


def test_a_closed_pipe_is_no_error_message(here: Path) -> None:
    command = f"{sys.executable} -m logsentry score --bundle demo {LOG} | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False, env={**os.environ})
    assert len(done.stdout.splitlines()) == 1
    assert b"Traceback" not in done.stderr


def test_run_goes_on_where_the_last_run_stopped(here: Path) -> None:
    lines = gzip.decompress(LOG.read_bytes()).splitlines(keepends=True)
    (here / "access.log").write_bytes(b"".join(lines[:2000]))
    (here / "logsentry.yaml").write_text(
        "inputs: [{use: files, paths: [access.log]}]\nsource: {use: http-access}\nbundle: {store: none, name: demo}\n"
        "exporters: [{use: duckdb, path: scores.duckdb}]\nalerts: {per_day: 20}\n"
    )
    assert b"read 2,000" in run("run", "logsentry.yaml").stderr
    assert b"read 0" in run("run", "logsentry.yaml").stderr
    (here / "access.log").write_bytes(b"".join(lines))
    assert b"read 896" in run("run", "logsentry.yaml").stderr
    with Store("scores.duckdb") as store:
        assert sum(score.events for score in store.scores("time", 10_000)) == 2896


def test_a_profile_that_the_bundle_was_not_trained_with_is_told(here: Path) -> None:
    (here / "logsentry.yaml").write_text(
        f"inputs: [{{use: files, paths: ['{LOG}']}}]\nsource: {{use: http-access, profile: {{similarity: 0.5}}}}\n"
        "bundle: {store: none, name: demo}\nexporters: [{use: duckdb, path: scores.duckdb}]\n"
    )
    assert b"train again" in run("run", "logsentry.yaml", code=2).stderr
    run("train", "--source", "http-access", "--detector", "counting", *DAYS, "--store", "models", "--config", "logsentry.yaml")
    config = (here / "logsentry.yaml").read_text().replace("{store: none, name: demo}", "{store: models, name: http-access}")
    (here / "logsentry.yaml").write_text(config)
    assert b"read 2,896" in run("run", "logsentry.yaml").stderr


def test_a_format_of_ones_own_is_trained_on_and_scored(here: Path) -> None:
    line = "192.0.2.{0}|2026-03-{1:02}T08:{0:02}:00+00:00|GET /shop/{2} HTTP/1.1|200\n"
    days = {day: "".join(line.format(who, day, page) for who in range(60) for page in ("", "basket")) for day in (1, 2, 3)}
    for day, lines in days.items():
        (here / f"{day}.log").write_text(lines)
    (here / "logsentry.yaml").write_text(
        "inputs: [{use: files, paths: [3.log]}]\n"
        "source: {use: http-access, formats: ['$remote_addr|$time_iso8601|$request|$status']}\n"
        "bundle: {store: models, name: http-access}\nexporters: [{use: duckdb, path: scores.duckdb}]\n"
    )
    asked = ("train", "--source", "http-access", "--detector", "counting", "1.log", "2.log", "--store", "models")
    assert b"no event of http-access was found" in run(*asked, code=1).stderr
    assert b"used 240 + filtered 0 + dead-lettered 0" in run(*asked, "--config", "logsentry.yaml").stderr
    assert b"read 120 = scored 120 + filtered 0 + dead-lettered 0" in run("run", "logsentry.yaml").stderr
