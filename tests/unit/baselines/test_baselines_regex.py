"""The detector `regex`: its rule files, its keys, its weights, and the rules that it refuses."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from logsentry.baselines.regex import Regex, read_rules
from logsentry.errors import ConfigError, TrainingError
from logsentry.schema.event import Event
from logsentry.schema.profile import Field, Profile, Windowing
from logsentry.schema.window import Window

PROFILE = Profile(fields=(Field("http.request.method"), Field("url.path")), windows=Windowing())
RULES = """
rules:
  - name: climbs
    regex: '[.][.]/'
    weight: 5
    field: url.original
  - name: posts
    regex: '^POST '
"""


def quiet(done: int, total: int, note: str) -> None:
    pass


def window(*targets: str) -> Window:
    fields = [dict(zip(("http.request.method", "url.original"), target.split(" "), strict=True)) for target in targets]
    return Window("w", tuple(Event("id", None, "test", {**each, "url.path": each["url.original"]}, "", b"") for each in fields))


@pytest.fixture
def rules(tmp_path: Path) -> str:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return str(tmp_path / "rules.yaml")


def test_a_window_is_as_strange_as_its_rules_weigh(rules: str, tmp_path: Path) -> None:
    detector = Regex(Regex.Config(rules))
    keys = detector.learn_keys(PROFILE, [])
    normal = [keys.encode(window("GET /", "GET /a"))] * 40
    assert detector.fit(normal, len(keys.vocabulary), seed=1, progress=quiet) == {"rules": 2.0, "matched": 0.0}
    [part] = detector.export(tmp_path / "out", normal)
    strange = keys.encode(window("GET /../a", "POST /b", "POST /../c", "GET /"))
    counts = np.bincount(strange, minlength=len(keys.vocabulary)).astype(np.float32)[None]
    assert detector.strangeness(counts).tolist() == [11.0]
    [got] = ReferenceEvaluator(str(tmp_path / "out" / part.graphs[0].file)).run(None, {"counts": counts})
    assert got.tolist() == [11.0]


def test_a_rule_that_matches_many_training_windows_is_refused_by_name(rules: str) -> None:
    detector = Regex(Regex.Config(rules))
    keys = detector.learn_keys(PROFILE, [])
    posted = [keys.encode(window("POST /")), *[keys.encode(window("GET /"))] * 9]
    with pytest.raises(TrainingError, match=r"'posts' 10\.0%"):
        detector.fit(posted, len(keys.vocabulary), seed=1, progress=quiet)
    with pytest.raises(TrainingError, match="learn_keys"):
        detector.fit(posted, 30, seed=1, progress=quiet)
    with pytest.raises(TrainingError, match="call fit first"):
        detector.export(Path(), posted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: []", "no rule file"),
        ("rules:\n  - name: a", "regex"),
        ("rules:\n  - {name: a, regex: b, wieght: 2}", "wieght"),
        ("rules:\n  - {name: a, regex: '(a+)+'}", "so many ways"),
        ("rules: [", "rules.yaml:1"),
    ],
)
def test_a_bad_rule_file_is_told_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        Regex(Regex.Config(str(tmp_path / "rules.yaml")))


def test_a_missing_rule_file_is_told() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_rules("no-such-file.yaml")


@pytest.mark.parametrize(
    ("target", "agent", "rule"),
    [
        ("/a/%2e%2e/%2e%2e/etc/passwd", "curl", "a path that climbs out of its folder"),
        ("/.git/config", "curl", "a file with secrets"),
        ("/?id=1+UNION+ALL+SELECT+1", "curl", "SQL in a query"),
        ("/?id=1%20union%20select%201", "curl", "SQL in a query"),
        ("/?q=%3Cscript%3Ealert(1)", "curl", "a script in a query"),
        ("/?x=;wget+http://h", "curl", "a shell command in a query"),
        ("/", "${jndi:ldap://h/a}", "a lookup that a logger might follow"),
        ("/", "sqlmap/1.7", "a scanner by its own name"),
        ("/unions/selected?page=2", "Mozilla/5.0 (X11; Linux x86_64)", None),
        ("/images/..gif", "Mozilla/5.0", None),
    ],
)
def test_the_included_rules_match_what_they_are_named_for(target: str, agent: str, rule: str | None) -> None:
    keys = Regex(Regex.Config("http-access")).learn_keys(PROFILE, [])
    fields = {"url.original": target, "user_agent.original": agent, "http.request.method": "GET"}
    key = keys.key(Event("id", None, "test", fields, "", b""))
    assert keys.text(key) == (rule or "an event that no rule matches")


def test_every_included_file_is_usable() -> None:
    included = [file.name for file in (Path(str(files("logsentry.baselines"))) / "rules").iterdir()]
    assert included
    for name in included:
        assert read_rules(name.removesuffix(".yaml"))
